//! `ecluse scrub`: looks at every chunk of every part once, now.

use std::io::Write;
use std::sync::Arc;

use super::{assemble, faults, runtime};
use crate::config::Config;
use crate::gateway::{Clients, Fencing, Gateway, jobs};
use crate::store::FolderAccess;
use crate::text::{Exit, OperatorError, Texts};

/// Looks at everything at each provider and prints a line for each; fails when a part has a fault. The catalog must not be in
/// use: a gateway that runs looks by itself.
pub fn scrub(config: Config, texts: &Texts, out: &mut dyn Write) -> Result<(), OperatorError> {
    assemble::data_folder(&config.data_dir)?;
    let custodian = assemble::custodian(&config.keys)?;
    runtime()?.block_on(async {
        let path = assemble::catalog_path(&config.catalog);
        let catalog = Arc::new(assemble::catalog(&config)?);
        let keyring = Arc::new(assemble::opened_keys(custodian, catalog.as_ref(), path).await?);
        let store = Arc::new(assemble::store(config.providers, FolderAccess::Own)?);
        let settings = assemble::settings(&config.write, &config.limits, None, Fencing::ReadOnly);
        let clients = Arc::new(Clients::new(Vec::new()));
        let gateway = Gateway::new(catalog, keyring, Arc::clone(&store), clients, settings);
        let mut faulty = 0;
        for (name, _) in store.providers() {
            let looked = jobs::scrub_now(&gateway, name, config.scrub.sample).await.map_err(|error| {
                OperatorError::new("provider-unavailable", Exit::Unavailable).arg("name", name.as_str()).because(&error)
            })?;
            faulty += looked.1;
            let args = [("name", name.to_string()), ("parts", looked.0.to_string()), ("faulty", looked.1.to_string())];
            let what = texts.say("scrub-provider", &args);
            let frame = if looked.1 == 0 { "check-ok" } else { "check-warning" };
            writeln!(out, "{}", texts.say(frame, &[("what", what)])).map_err(|error| faults::unwritten(&error))?;
        }
        gateway.close().await;
        match faulty {
            0 => Ok(()),
            parts => Err(OperatorError::new("scrub-faults", Exit::Internal).arg("parts", parts.to_string())),
        }
    })
}
