//! `ecluse keys init`: root key, catalog, identity and markers, each made if it is not there. Repeatable.
//!
//! # Invariants
//! - Nothing that exists is replaced.
//! - What is gone is not made anew unasked: a catalog beside a key that is there, a key of a catalog that is there, a marker where the
//!   catalog has chunks. The catalog is made before the key, so that an init that was interrupted is not taken for a loss.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{assemble, faults};
use crate::catalog::{Belonging as _, Catalog, SqliteCatalog};
use crate::config::{Config, Custodian};
use crate::gateway::{Clients, FenceFault, Fencing, Gateway, Laid};
use crate::keys::{CustodianError, FileCustodian, Keyring};
use crate::model::ProviderName;
use crate::store::FolderAccess;
use crate::text::{Exit, OperatorError};

/// Longest wait for the providers.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an operator may say to `keys init`.
#[derive(Debug, Clone, Copy, Default)]
pub struct InitOptions {
    /// Lay markers for what version 0.1 wrote, after a look at some of its chunks.
    pub adopt: bool,
    /// Make a new catalog though there is a root key.
    pub new_catalog: bool,
}

/// What was done.
#[derive(Debug)]
pub struct Initialized {
    /// The root key's file, and whether it was made.
    pub root_key: (PathBuf, bool),
    /// The catalog's file, and whether it was made.
    pub catalog: (PathBuf, bool),
    /// Each provider.
    pub providers: Vec<(ProviderName, Laid)>,
}

/// Makes what is missing.
pub async fn init(mut config: Config, options: InitOptions) -> Result<Initialized, OperatorError> {
    let Custodian::File { path: key } = &config.keys.custodian;
    let key = key.clone();
    let catalog_path = assemble::catalog_path(&config.catalog).to_owned();
    for folder in [catalog_path.parent(), key.parent()].into_iter().flatten() {
        make_private_folder(folder)?;
    }
    let key_is_there = key.symlink_metadata().is_ok();
    let catalog_is_there = catalog_path.exists();
    if key_is_there && !catalog_is_there && !options.new_catalog {
        let error = OperatorError::new("catalog-gone", Exit::Configuration);
        return Err(error.arg("path", catalog_path.display().to_string()).arg("key", key.display().to_string()));
    }
    let fault = |error| faults::catalog(&error, &catalog_path);
    if catalog_is_there && !options.adopt {
        // A catalog of version 0.1 is left as it is.
        let found = assemble::catalog_as_it_is(&config)?;
        let (schema, used) = (found.schema(), found.schema().found > 0);
        if used && !schema.has_identity() && !found.providers_in_use().await.map_err(fault)?.is_empty() {
            return Err(faults::fence(&FenceFault::NotAdopted, &catalog_path));
        }
        found.close().await;
    }
    let catalog: Arc<SqliteCatalog> = Arc::new(assemble::new_catalog(&config)?);
    if !key_is_there {
        if catalog.canary().await.map_err(fault)?.is_some() {
            let error = OperatorError::new("root-key-gone", Exit::Configuration);
            return Err(error.arg("path", catalog_path.display().to_string()).arg("key", key.display().to_string()));
        }
        make_key(&key)?;
    }
    let gateway = open(&mut config, Arc::clone(&catalog) as _, FolderAccess::Make).await?;
    let laid = tokio::time::timeout(PATIENCE, gateway.lay_markers(options.adopt)).await;
    let providers = match laid {
        Ok(laid) => laid.map_err(|fault| faults::fence(&fault, &catalog_path))?,
        Err(late) => return Err(silent(&gateway, &late)),
    };
    gateway.close().await;
    Ok(Initialized { root_key: (key, !key_is_there), catalog: (catalog_path, !catalog_is_there), providers })
}

/// A gateway for an operator's command: no client, no job, its keyring open.
pub(super) async fn open(
    config: &mut Config,
    catalog: Arc<dyn Catalog>,
    access: FolderAccess,
) -> Result<Gateway, OperatorError> {
    let custodian = assemble::custodian(&config.keys)?;
    let store = assemble::store(std::mem::take(&mut config.providers), access)?;
    let tenants = assemble::tenants(&config.clients);
    let settings = assemble::settings(&config.write, &config.limits, None, Fencing::Enforced);
    let keyring = Arc::new(Keyring::new(custodian));
    let clients = Arc::new(Clients::new(Vec::new()));
    let gateway = Gateway::new(catalog, keyring, Arc::new(store), clients, settings);
    let path = assemble::catalog_path(&config.catalog);
    gateway.unlock(&tenants).await.map_err(|error| faults::unlock(&error, path))?;
    Ok(gateway)
}

/// Providers that did not answer in time.
pub(super) fn silent(gateway: &Gateway, late: &dyn std::error::Error) -> OperatorError {
    let names: Vec<String> = gateway.providers().map(ToString::to_string).collect();
    OperatorError::new("provider-unavailable", Exit::Unavailable).arg("name", names.join(", ")).because(late)
}

fn make_key(path: &Path) -> Result<(), OperatorError> {
    FileCustodian::create(path).map(drop).map_err(|error| {
        let failed = if matches!(error, CustodianError::Unacceptable(_)) {
            OperatorError::new("root-key-unacceptable", Exit::Configuration)
        } else {
            OperatorError::new("root-key-unavailable", Exit::Unavailable)
        };
        failed.arg("custodian", path.display().to_string()).because(&error)
    })
}

fn make_private_folder(folder: &Path) -> Result<(), OperatorError> {
    use std::os::unix::fs::DirBuilderExt as _;
    if folder.as_os_str().is_empty() {
        return Ok(());
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| {
        OperatorError::new("data-folder", Exit::Unavailable).arg("path", folder.display().to_string()).because(&error)
    })
}
