//! `ecluse check`: everything that the configuration names, tried in the order of the start.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{assemble, faults, runtime};
use crate::catalog::Catalog as _;
use crate::config::{Config, Tls};
use crate::keys::Keyring;
use crate::text::{Exit, OperatorError, Texts};

/// Longest wait for a provider.
const PATIENCE: Duration = Duration::from_secs(15);

/// Tries everything that `config` names and prints a line for each. Stops at the first that fails. `offline`: asks no
/// provider. The catalog must not be in use: stop the gateway first, or the check says that it is.
pub fn check(
    config: Config,
    path: &Path,
    offline: bool,
    texts: &Texts,
    out: &mut dyn Write,
) -> Result<(), OperatorError> {
    let mut say = |id: &str, args: &[(&str, String)], done: bool| {
        let frame = if done { "check-ok" } else { "check-skipped" };
        let line = texts.say(frame, &[("what", texts.say(id, args))]);
        writeln!(out, "{line}").map_err(|error| OperatorError::new("output", Exit::Internal).because(&error))
    };
    let shown = |path: &Path| ("path", path.display().to_string());
    say("check-configuration", &[shown(path)], true)?;
    assemble::data_folder(&config.data_dir)?;
    assemble::tls(&config.tls)?;
    match &config.tls {
        Tls::Files { certificate, .. } => say("check-certificate", &[shown(certificate)], true)?,
        Tls::Off => say("check-no-tls", &[], true)?,
    }
    let custodian = assemble::custodian(&config.keys)?;
    let described = custodian.describe();
    runtime()?.block_on(async {
        let catalog_path = assemble::catalog_path(&config.catalog);
        let keyring = Keyring::new(Arc::clone(&custodian));
        let fault = |error| faults::catalog(&error, catalog_path);
        if catalog_path.exists() {
            let catalog = assemble::catalog(&config.catalog)?;
            if let Some(canary) = catalog.canary().await.map_err(fault)? {
                let wrong = |error| faults::unlock(&crate::gateway::UnlockError::Keys(error), catalog_path);
                keyring.check_canary(&canary).await.map_err(wrong)?;
                keyring.unlock(&catalog.tenant_keys().await.map_err(fault)?).await.map_err(wrong)?;
            }
            say("check-root-key", &[("custodian", described)], true)?;
            let faults_found = catalog.audit().await.map_err(fault)?;
            catalog.close().await;
            if !faults_found.is_empty() {
                let mut error =
                    OperatorError::new("catalog-audit", Exit::Internal).arg("path", catalog_path.display().to_string());
                error.causes = faults_found;
                return Err(error);
            }
            say("check-catalog", &[shown(catalog_path)], true)?;
        } else {
            let canary = keyring.new_canary().await;
            canary.map_err(|e| faults::unlock(&crate::gateway::UnlockError::Keys(e), catalog_path))?;
            say("check-root-key", &[("custodian", described)], true)?;
            say("check-catalog-new", &[shown(catalog_path)], true)?;
        }
        let store = assemble::store(config.providers)?;
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
            say("check-provider", &[("name", name.to_string())], !offline)?;
        }
        Ok(())
    })
}
