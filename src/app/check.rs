//! `ecluse check`: everything that the configuration names, tried in the order of the start.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::open_files::OpenFiles;
use super::{assemble, faults, modes, runtime};
use crate::catalog::{Belonging as _, Catalog as _, CatalogError, Failure, Glance, PartKeyRow, SqliteCatalog};
use crate::config::{Config, JwksSource, Tls};
use crate::gateway::{Clients, FenceFault, Fencing, Gateway};
use crate::keys::Keyring;
use crate::seal::Padding;
use crate::store::FolderAccess;
use crate::text::{Exit, OperatorError, Texts};

/// Parts whose keys are looked at at a time.
const PAGE: usize = 1_000;
/// Most lines about them.
const MOST_LINES: usize = 100;
/// Longest wait for a provider.
const PATIENCE: Duration = Duration::from_secs(15);

/// How much is checked.
#[derive(Debug, Clone, Copy)]
pub struct CheckOptions {
    /// No provider is asked.
    pub offline: bool,
    /// Of the catalog only some rows are looked at, however many it has.
    pub quick: bool,
}

/// Tries everything that `config` names and prints a line for each. Stops at the first that fails. Of a catalog that a gateway
/// has open, a snapshot is looked at. Nothing is changed: a migration that is due is told, not done.
pub fn check(
    config: Config,
    path: &Path,
    options: CheckOptions,
    texts: &Texts,
    out: &mut dyn Write,
) -> Result<(), OperatorError> {
    let mut say = |frame: &str, id: &str, args: &[(&str, String)]| {
        let line = texts.say(frame, &[("what", texts.say(id, args))]);
        writeln!(out, "{line}").map_err(|error| faults::unwritten(&error))
    };
    let shown = |path: &Path| ("path", path.display().to_string());
    say("check-ok", "check-configuration", &[shown(path)])?;
    let files = OpenFiles::raise(&config);
    let counts = [("allowed", files.allowed.to_string()), ("wanted", files.wanted.to_string())];
    // Short of them the gateway serves, but not as many as it says.
    let id = if files.suffice() { "check-open-files" } else { "check-open-files-few" };
    let frame = if files.suffice() { "check-ok" } else { "check-warning" };
    say(frame, id, &counts)?;
    assemble::data_folder(&config.data_dir)?;
    for (place, mode) in modes::exposed(&config) {
        say("check-warning", "check-exposed", &[shown(&place), ("mode", mode)])?;
    }
    assemble::tls(&config.tls)?;
    match &config.tls {
        Tls::Files { certificate, .. } => say("check-ok", "check-certificate", &[shown(certificate)])?,
        Tls::Off => say("check-ok", "check-no-tls", &[])?,
    }
    for client in config.clients.iter().filter(|_| config.azure.is_some()) {
        if let Some(reason) = client.s3_only() {
            let args = [("id", client.id.as_str().to_owned()), ("reason", reason.word().to_owned())];
            say("check-warning", "check-client-s3-only", &args)?;
        }
    }
    if let Some(oidc) = config.azure.as_ref().and_then(|azure| azure.oidc.as_ref()) {
        assemble::bearer(oidc.clone())?;
        // Whoever issues tokens is not asked: the gateway starts without.
        let frame = if matches!(oidc.jwks, JwksSource::File(_)) { "check-ok" } else { "check-skipped" };
        say(frame, "check-jwks", &[("issuer", oidc.issuer.clone()), ("place", oidc.jwks.to_string())])?;
    }
    let custodian = assemble::custodian(&config.keys)?;
    let described = custodian.describe();
    runtime()?.block_on(async {
        let catalog_path = assemble::catalog_path(&config.catalog);
        let keyring = Keyring::new(Arc::clone(&custodian));
        let fault = |error| faults::catalog(&error, catalog_path);
        let (catalog, running) = assemble::catalog_or_snapshot(&config)?;
        if running {
            say("check-ok", "check-running", &[shown(catalog_path)])?;
        }
        if catalog.schema().found == 0 {
            return Err(fault(CatalogError::Failed(Failure::Absent)));
        }
        let wrong = |error| faults::unlock(&crate::gateway::UnlockError::Keys(error), catalog_path);
        let tenant_keys = catalog.tenant_keys().await.map_err(fault)?;
        match catalog.canary().await.map_err(fault)? {
            Some(canary) => keyring.check_canary(&canary).await.map_err(wrong)?,
            // It was made before any of them.
            None if !tenant_keys.is_empty() => {
                return Err(audited(catalog_path, vec!["the canary is not there".to_owned()]));
            }
            None => {}
        }
        keyring.unlock(&tenant_keys).await.map_err(wrong)?;
        say("check-ok", "check-root-key", &[("custodian", described)])?;
        let schema = catalog.schema();
        if schema.is_behind() {
            let args = [("found", schema.found.to_string()), ("known", schema.known.to_string()), shown(catalog_path)];
            say("check-warning", "check-catalog-migration", &args)?;
            for to in schema.found..schema.known {
                say("check-skipped", &format!("check-migration-{}", to + 1), &[])?;
            }
            if !schema.has_identity() {
                say("check-warning", "check-not-adopted", &[])?;
            }
        } else {
            let (clock, args) = super::clock::compared(catalog.time_kept().await.map_err(fault)?);
            let args: Vec<(&str, String)> = args;
            let fine = matches!(clock, "clock-believed" | "clock-nothing-known");
            say(if fine { "check-ok" } else { "check-warning" }, clock, &args)?;
            let looked = if options.quick { glance(&catalog, &keyring).await } else { audit(&catalog, &keyring).await };
            let Looked { faults: faults_found, versions, parts } = looked.map_err(fault)?;
            if !faults_found.is_empty() {
                return Err(audited(catalog_path, faults_found));
            }
            let counts = [("versions", versions.to_string()), ("parts", parts.to_string()), shown(catalog_path)];
            say("check-ok", if options.quick { "check-catalog-quick" } else { "check-catalog" }, &counts)?;
        }
        if let Some(args) = super::compact::much_is_free(catalog.file_room().await.map_err(fault)?) {
            say("check-warning", "check-catalog-free", &args)?;
        }
        providers(config, Arc::new(catalog), keyring, Asked { offline: options.offline, running }, &mut say).await
    })
}

/// The catalog at `path` has these faults.
fn audited(path: &Path, faults: Vec<String>) -> OperatorError {
    let mut error = OperatorError::new("catalog-audit", Exit::Internal).arg("path", path.display().to_string());
    error.causes = faults;
    error
}

/// What a look at the catalog found, and at how many rows: 0 for all.
struct Looked {
    faults: Vec<String>,
    versions: usize,
    parts: usize,
}

/// Looks at every row.
async fn audit(catalog: &SqliteCatalog, keyring: &Keyring) -> Result<Looked, CatalogError> {
    let mut faults = catalog.audit().await?;
    // Rows that cannot be read are told by the audit already.
    match part_keys(catalog, keyring).await {
        Ok(more) => faults.extend(more),
        Err(CatalogError::Failed(Failure::Damaged(what))) => faults.push(what.to_owned()),
        Err(error) if faults.is_empty() => return Err(error),
        Err(_told) => {}
    }
    Ok(Looked { faults, versions: 0, parts: 0 })
}

/// Looks at some rows.
async fn glance(catalog: &SqliteCatalog, keyring: &Keyring) -> Result<Looked, CatalogError> {
    let Glance { versions, parts, mut faults } = match catalog.glance().await {
        Err(CatalogError::Failed(Failure::Damaged(what))) => {
            return Ok(Looked { faults: vec![what.to_owned()], versions: 0, parts: 0 });
        }
        looked => looked?,
    };
    faults.extend(parts.iter().filter_map(|row| fault_of_key(row, keyring)));
    Ok(Looked { faults, versions, parts: parts.len() })
}

/// Looks at the key of every part: a line for each fault.
async fn part_keys(catalog: &SqliteCatalog, keyring: &Keyring) -> Result<Vec<String>, CatalogError> {
    let (mut faults, mut after) = (Vec::new(), None);
    loop {
        let page = catalog.part_keys(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(faults) };
        after = Some(last.part);
        let found = page.iter().filter_map(|row| fault_of_key(row, keyring));
        faults.extend(found.take(MOST_LINES.saturating_sub(faults.len())));
    }
}

/// Unwraps the key of a part, for its tenant and its id, and looks at the lengths beside it.
fn fault_of_key(row: &PartKeyRow, keyring: &Keyring) -> Option<String> {
    let PartKeyRow { tenant, part, length, padded_length, key } = row;
    // As it was written: with padding or without.
    let padded = [Padding::None, Padding::Padme].map(|padding| padding.padded_length(*length));
    if keyring.open_part_key(tenant, *part, key).is_err() {
        Some(format!("a part's wrapped key does not open: {part}"))
    } else if !padded.contains(padded_length) {
        Some(format!("a part's length does not fit its padding: {part}"))
    } else {
        None
    }
}

/// How providers are asked. Beside a gateway that runs nothing is locked there and nothing is written.
#[derive(Clone, Copy)]
struct Asked {
    offline: bool,
    running: bool,
}

/// Asks every provider, or says that it was not asked; then whether they are the catalog's.
async fn providers(
    config: Config,
    catalog: Arc<SqliteCatalog>,
    keyring: Keyring,
    Asked { offline, running }: Asked,
    say: &mut impl FnMut(&str, &str, &[(&str, String)]) -> Result<(), OperatorError>,
) -> Result<(), OperatorError> {
    let path = assemble::catalog_path(&config.catalog);
    let access = if running { FolderAccess::Look } else { FolderAccess::Own };
    let store = Arc::new(assemble::store(config.providers, access)?);
    for (name, provider) in store.providers() {
        if !offline {
            let unavailable =
                || OperatorError::new("provider-unavailable", Exit::Unavailable).arg("name", name.as_str());
            match tokio::time::timeout(PATIENCE, provider.probe()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(unavailable().because(&error)),
                Err(elapsed) => return Err(unavailable().because(&elapsed)),
            }
        }
        say(if offline { "check-skipped" } else { "check-ok" }, "check-provider", &[("name", name.to_string())])?;
    }
    // A start looks at those only that a marker was laid at.
    for name in catalog.providers_in_use().await.map_err(|error| faults::catalog(&error, path))? {
        if store.provider(&name).is_err() {
            return Err(faults::fence(&FenceFault::NotConfigured(name), path));
        }
    }
    if !catalog.schema().has_identity() {
        return Ok(());
    }
    if let Some(identity) = catalog.identity().await.map_err(|error| faults::catalog(&error, path))? {
        let opened = keyring.open_catalog(&identity).await;
        opened.map_err(|error| faults::unlock(&crate::gateway::UnlockError::Keys(error), path))?;
    }
    if offline {
        return say("check-skipped", "check-markers", &[]);
    }
    let settings = assemble::settings(&config.write, &config.limits, None, Fencing::Enforced);
    let clients = Arc::new(Clients::new(Vec::new()));
    let gateway = Gateway::new(Arc::clone(&catalog) as _, Arc::new(keyring), store, clients, settings);
    let inspected = async { if running { gateway.look_on().await } else { gateway.inspect().await } };
    match tokio::time::timeout(PATIENCE, inspected).await {
        Ok(inspected) => inspected.map_err(|fault| faults::fence(&fault, path))?,
        Err(late) => return Err(super::init::silent(&gateway, &late)),
    }
    catalog.close().await;
    say("check-ok", if running { "check-markers-seen" } else { "check-markers" }, &[])
}
