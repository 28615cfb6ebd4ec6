//! The time that a start goes on from, and `ecluse clock`: what is known, and an operator's word that the system's clock is right.

use std::io::Write;

use super::{assemble, faults, runtime};
use crate::catalog::{Catalog, CatalogError};
use crate::config::Config;
use crate::model::Timestamp;
use crate::text::{Exit, OperatorError, Texts};

/// Sets the steady clock to go on from the last time that the catalog knows.
pub(super) async fn resume(catalog: &dyn Catalog) -> Result<(), CatalogError> {
    let kept = catalog.time_kept().await?;
    Timestamp::set_steady(Timestamp::resumed(kept, Timestamp::now()));
    Ok(())
}

/// What is to be said of the system's clock beside the last time that is known: an id of a text, and its arguments.
pub(super) fn compared(kept: Option<Timestamp>) -> (&'static str, Vec<(&'static str, String)>) {
    let system = Timestamp::now();
    let args = |kept: Timestamp| vec![("known", shown(kept)), ("system", shown(system))];
    match kept {
        None => ("clock-nothing-known", vec![("system", shown(system))]),
        Some(kept) if Timestamp::resumed(Some(kept), system) == system => ("clock-believed", args(kept)),
        Some(kept) if system < kept => ("clock-behind", args(kept)),
        Some(kept) => ("clock-ahead", args(kept)),
    }
}

/// Says what is known of the time. `believe`: an operator says that the system's clock is right, and what is kept for a time is
/// kept by it from the next start on. The gateway must not run.
pub fn clock(config: &Config, believe: bool, texts: &Texts, out: &mut dyn Write) -> Result<(), OperatorError> {
    let path = assemble::catalog_path(&config.catalog);
    let asked = runtime()?.block_on(async {
        if !path.exists() {
            return Ok(None);
        }
        let catalog = if believe { assemble::catalog(config)? } else { assemble::catalog_as_it_is(config)? };
        let fault = |error| faults::catalog(&error, path);
        let kept = catalog.time_kept().await.map_err(fault)?;
        if believe {
            catalog.keep_time(Timestamp::now()).await.map_err(fault)?;
        }
        catalog.close().await;
        Ok(kept)
    });
    let (id, args) = compared(asked?);
    let mut lines = vec![texts.say(id, &args)];
    if believe {
        lines.push(texts.say("clock-is-believed", &[]));
    }
    writeln!(out, "{}", lines.join("\n"))
        .map_err(|error| OperatorError::new("output", Exit::Unavailable).because(&error))
}

/// A time as operators read it: RFC 3339, UTC, whole seconds.
fn shown(at: Timestamp) -> String {
    let format = &time::format_description::well_known::Rfc3339;
    let moment = time::OffsetDateTime::from_unix_timestamp(at.seconds()).ok();
    moment.and_then(|moment| moment.format(format).ok()).unwrap_or_else(|| format!("{} s", at.seconds()))
}
