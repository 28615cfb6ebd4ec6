//! `ecluse scrub --orphans`: what is at the providers and belongs to nothing in the catalog; `--delete` deletes it.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{assemble, clock, faults, init, runtime};
use crate::catalog::{Belonging as _, Catalog as _, CatalogError, Failure, SqliteCatalog};
use crate::config::Config;
use crate::gateway::jobs::{self, Compared, Comparison, OrphanError, Stray};
use crate::gateway::{Clients, Fencing, Gateway, UnlockError};
use crate::model::{ProviderName, Timestamp};
use crate::store::FolderAccess;
use crate::text::{Exit, OperatorError, Texts};

/// Most lines about files that are no chunks.
const MOST_FOREIGN: u64 = 1_000;
/// Longest part of a name that is printed, in characters.
const MOST_OF_NAME: usize = 200;
/// Longest wait for the providers.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two questions whether deletions are allowed.
const PAUSE: Duration = Duration::from_millis(500);

/// Compares the names at each provider with the catalog, and prints what nothing accounts for; changes nothing. `delete`: deletes
/// the chunks among it, after entering an epoch, so that a gateway on a copy of the catalog notices. The catalog must not be in use.
pub fn orphans(mut config: Config, delete: bool, texts: &Texts, out: &mut dyn Write) -> Result<(), OperatorError> {
    assemble::data_folder(&config.data_dir)?;
    let path = assemble::catalog_path(&config.catalog).to_owned();
    let grace = config.write.grace;
    runtime()?.block_on(async {
        let (gateway, known) =
            if delete { open_to_delete(&mut config, &path).await? } else { open_to_look(&mut config, &path).await? };
        let by = Comparison::of_catalog(known, grace);
        let providers: Vec<ProviderName> = gateway.providers().cloned().collect();
        for provider in &providers {
            let compared = compare(&gateway, provider, by, texts, out).await?;
            if delete && compared.orphans > 0 {
                remove(&gateway, provider, &compared, &path, texts, out).await?;
            }
        }
        gateway.close().await;
        Ok(())
    })
}

/// The catalog as it is, and the providers to be looked at only. With the last time that the catalog knows.
async fn open_to_look(config: &mut Config, path: &Path) -> Result<(Gateway, Option<Timestamp>), OperatorError> {
    let fault = |error| faults::catalog(&error, path);
    let custodian = assemble::custodian(&config.keys)?;
    let catalog: Arc<SqliteCatalog> = Arc::new(assemble::catalog_as_it_is(config)?);
    if !catalog.schema().has_identity() {
        return Err(fault(CatalogError::Failed(Failure::Unmarked)));
    }
    let keyring = assemble::opened_keys(custodian, catalog.as_ref(), path).await?;
    if let Some(identity) = catalog.identity().await.map_err(fault)? {
        keyring.open_catalog(&identity).await.map_err(|error| faults::unlock(&UnlockError::Keys(error), path))?;
    }
    let known = catalog.time_kept().await.map_err(fault)?;
    let store = Arc::new(assemble::store(std::mem::take(&mut config.providers), FolderAccess::Look)?);
    let settings = assemble::settings(&config.write, &config.limits, None, Fencing::ReadOnly);
    let clients = Arc::new(Clients::new(Vec::new()));
    let gateway = Gateway::new(catalog, Arc::new(keyring), store, clients, settings);
    // A stale catalog would call another one's objects orphans.
    match tokio::time::timeout(PATIENCE, gateway.look_on()).await {
        Ok(looked) => looked.map_err(|fault| faults::fence(&fault, path))?,
        Err(late) => return Err(init::silent(&gateway, &late)),
    }
    Ok((gateway, known))
}

/// The catalog and the providers for this process alone, in an epoch of its own. With the last time that the catalog knows.
async fn open_to_delete(config: &mut Config, path: &Path) -> Result<(Gateway, Option<Timestamp>), OperatorError> {
    let fault = |error| faults::catalog(&error, path);
    let catalog = Arc::new(assemble::catalog(config)?);
    clock::resume(catalog.as_ref()).await.map_err(fault)?;
    let known = catalog.time_kept().await.map_err(fault)?;
    let gateway = init::open(config, catalog, FolderAccess::Own).await?;
    match tokio::time::timeout(PATIENCE, gateway.enter()).await {
        Ok(entered) => entered.map_err(|fault| faults::fence(&fault, path))?,
        Err(late) => return Err(init::silent(&gateway, &late)),
    }
    Ok((gateway, known))
}

/// Prints the names at a provider that nothing accounts for, and how many they are.
async fn compare(
    gateway: &Gateway,
    provider: &ProviderName,
    by: Comparison,
    texts: &Texts,
    out: &mut dyn Write,
) -> Result<Compared, OperatorError> {
    let (mut printed, mut foreign) = (Ok(()), 0);
    let compared = jobs::compare_names(gateway, provider, by, |stray| {
        let (id, name) = match stray {
            Stray::Orphan(chunk) => ("orphan-chunk", chunk.to_string()),
            Stray::Foreign(name) => {
                foreign += 1;
                // What a provider tells may hold anything, such as what moves a terminal's cursor.
                ("orphan-foreign", name.escape_debug().take(MOST_OF_NAME).collect())
            }
        };
        if printed.is_ok() && foreign <= MOST_FOREIGN {
            printed = writeln!(out, "{}", texts.say(id, &[("name", name)]));
        }
    });
    let compared = compared.await.map_err(|error| match error {
        OrphanError::Repeats | OrphanError::Endless | OrphanError::Strangers { .. } => {
            OperatorError::new("names-not-listed", Exit::Unavailable).arg("name", provider.as_str()).because(&error)
        }
        error => unavailable(provider, &error),
    })?;
    printed.map_err(|error| faults::unwritten(&error))?;
    let args = [
        ("name", provider.to_string()),
        ("names", compared.names.to_string()),
        ("known", compared.known.to_string()),
        ("young", compared.young.to_string()),
        ("orphans", compared.orphans.to_string()),
        ("foreign", compared.foreign.to_string()),
    ];
    let frame = if compared.orphans + compared.foreign == 0 { "check-ok" } else { "check-warning" };
    say(texts, out, frame, "orphans-compared", &args)?;
    Ok(compared)
}

/// Deletes the orphans that were found, and prints how many.
async fn remove(
    gateway: &Gateway,
    provider: &ProviderName,
    compared: &Compared,
    path: &Path,
    texts: &Texts,
    out: &mut dyn Write,
) -> Result<(), OperatorError> {
    if compared.orphans > compared.known {
        return Err(OperatorError::new("orphans-most", Exit::Configuration).arg("name", provider.as_str()));
    }
    allowed(gateway, path).await?;
    let refused = jobs::delete_orphans(gateway, provider, &compared.found).await;
    let refused = match refused {
        Ok(refused) => refused,
        Err(OrphanError::Forbidden) => return Err(forbidden(gateway, path).await),
        Err(error) => return Err(unavailable(provider, &error)),
    };
    let deleted = (compared.found.len() as u64).saturating_sub(refused);
    let left = compared.orphans.saturating_sub(deleted);
    let args = [("name", provider.to_string()), ("deleted", deleted.to_string()), ("left", left.to_string())];
    let frame = if left == 0 { "check-ok" } else { "check-warning" };
    say(texts, out, frame, "orphans-deleted", &args)?;
    if refused == 0 {
        return Ok(());
    }
    let error = OperatorError::new("orphans-refused", Exit::Unavailable);
    Err(error.arg("name", provider.as_str()).arg("refused", refused.to_string()))
}

/// Waits until who was at work before has had time to object.
async fn allowed(gateway: &Gateway, path: &Path) -> Result<(), OperatorError> {
    let asked = async {
        while !gateway.may_delete().await {
            if gateway.look().await.is_err_and(|fault| !fault.is_passing()) {
                return Err(forbidden(gateway, path).await);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(asked) => asked,
        Err(late) => Err(init::silent(gateway, &late)),
    }
}

/// Why the fence does not allow deletions.
async fn forbidden(gateway: &Gateway, path: &Path) -> OperatorError {
    match gateway.look().await {
        Err(fault) => faults::fence(&fault, path),
        // It was so for a moment.
        Ok(()) => {
            let names: Vec<String> = gateway.providers().map(ToString::to_string).collect();
            unavailable_named(&names.join(", "), &OrphanError::Forbidden)
        }
    }
}

fn unavailable(provider: &ProviderName, error: &OrphanError) -> OperatorError {
    unavailable_named(provider.as_str(), error)
}

fn unavailable_named(name: &str, error: &OrphanError) -> OperatorError {
    OperatorError::new("provider-unavailable", Exit::Unavailable).arg("name", name).because(error)
}

fn say(
    texts: &Texts,
    out: &mut dyn Write,
    frame: &str,
    id: &str,
    args: &[(&str, String)],
) -> Result<(), OperatorError> {
    let line = texts.say(frame, &[("what", texts.say(id, args))]);
    writeln!(out, "{line}").map_err(|error| faults::unwritten(&error))
}
