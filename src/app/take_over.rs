//! `ecluse epoch take-over`: this catalog may live; whoever works on a copy of it is stale from then on.

use std::sync::Arc;
use std::time::Duration;

use super::init::{open, silent};
use super::{assemble, faults};
use crate::config::Config;
use crate::store::FolderAccess;
use crate::text::OperatorError;

/// Longest wait for the providers.
const PATIENCE: Duration = Duration::from_secs(60);

/// Enters an epoch beyond all that the providers know. Returns its number.
pub async fn take_over(mut config: Config) -> Result<u64, OperatorError> {
    let catalog = Arc::new(assemble::catalog(&config)?);
    let path = assemble::catalog_path(&config.catalog).to_owned();
    let gateway = open(&mut config, catalog, FolderAccess::Own).await?;
    let entered = match tokio::time::timeout(PATIENCE, gateway.take_over()).await {
        Ok(entered) => entered.map_err(|fault| faults::fence(&fault, &path))?,
        Err(late) => return Err(silent(&gateway, &late)),
    };
    gateway.close().await;
    Ok(entered.epoch)
}
