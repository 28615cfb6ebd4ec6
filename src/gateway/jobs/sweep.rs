//! Looks for what a crash left: chunks of part ids that were reserved, maybe sent, and never committed.
//!
//! Nothing depends on listing the provider: the open blocks name every id that can be in doubt, and a part's chunks are
//! begun in order, at most [`MAX_PARALLEL_CHUNKS`] at once, so that a run of absent chunks that long is the end of a part.

use std::collections::HashSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::catalog::{CatalogError, QueuedDeletion};
use crate::gateway::{Gateway, MAX_PARALLEL_CHUNKS};
use crate::model::{PartBlock, PartId, ProviderName, Timestamp};
use crate::seal::chunk_name;
use crate::store::StoreError;

/// Part ids looked at at once.
const PARALLEL: usize = 16;

/// Why a sweep did not finish; it can be begun again.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A provider failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tenant's naming key is not there.
    #[error(transparent)]
    Keys(#[from] crate::keys::KeyError),
    /// It is not certain that the providers are this catalog's alone.
    #[error("the providers may not be this catalog's alone")]
    Fenced,
}

/// Looks through blocks that an earlier process left open, and sets them aside: what was on its way to a provider may arrive
/// later, so [`sweep_again`] looks once more. Returns how many parts it queued for deletion.
/// `blocks`: as the catalog had them before this process reserved any; those that were looked through are taken off.
pub async fn sweep(gateway: &Gateway, blocks: &mut Vec<PartBlock>) -> Result<usize, SweepError> {
    let mut queued = 0;
    while let Some(block) = blocks.last().cloned() {
        queued += look_through(gateway, &block).await?;
        let at = Timestamp::steady().plus(QueuedDeletion::LINGERS);
        gateway.catalog.set_block_aside(&block, at).await?;
        blocks.pop();
    }
    Ok(queued)
}

/// Looks once more through blocks that were set aside until `now` or before, and closes them.
pub async fn sweep_again(gateway: &Gateway, now: Timestamp) -> Result<usize, SweepError> {
    let mut queued = 0;
    for block in gateway.catalog.blocks_aside(now).await? {
        queued += look_through(gateway, &block).await?;
        gateway.catalog.close_block(&block).await?;
    }
    Ok(queued)
}

/// Queues what is found of a block's ids that are not settled.
async fn look_through(gateway: &Gateway, block: &PartBlock) -> Result<usize, SweepError> {
    if !gateway.may_delete().await {
        return Err(SweepError::Fenced);
    }
    let settled = gateway.catalog.settled_parts(block).await?;
    let places = places_of(gateway, block, &settled);
    let found: Vec<Option<QueuedDeletion>> = stream::iter(places)
        .map(|(id, provider)| leftovers(gateway, block, id, provider))
        .buffer_unordered(PARALLEL)
        .try_collect()
        .await?;
    let deletions: Vec<QueuedDeletion> = found.into_iter().flatten().collect();
    let parts = deletions.len();
    if parts > 0 {
        tracing::warn!(
            parts,
            grace = ?gateway.settings.grace,
            "chunks of unfinished parts were found; they will be deleted after write.grace. After a crash that is as it should be. If \
             this catalog is a copy or an old backup, end this gateway before: they may be another one's objects"
        );
        gateway.catalog.queue_deletions(deletions, gateway.grace_until()).await?;
    }
    Ok(parts)
}

/// Every id in doubt, at every provider.
fn places_of(gateway: &Gateway, block: &PartBlock, settled: &[PartId]) -> Vec<(PartId, ProviderName)> {
    let settled: HashSet<&PartId> = settled.iter().collect();
    let mut places = Vec::new();
    for id in (0..block.count).filter_map(|n| block.id(n)).filter(|id| !settled.contains(id)) {
        places.extend(gateway.store.providers().map(|(name, _)| (id, name.clone())));
    }
    places
}

/// What is to be deleted of one id at one provider.
async fn leftovers(
    gateway: &Gateway,
    block: &PartBlock,
    id: PartId,
    provider: ProviderName,
) -> Result<Option<QueuedDeletion>, SweepError> {
    let key = gateway.keyring.naming_key(&block.tenant)?;
    let chunks_at = gateway.store.provider(&provider)?;
    let (mut next, mut end) = (0_u32, 0_u32);
    while next - end < MAX_PARALLEL_CHUNKS {
        if chunks_at.exists(&chunk_name(&key, id, next)).await? {
            end = next + 1;
        }
        next += 1;
    }
    let found = QueuedDeletion { part: id, tenant: block.tenant.clone(), chunks: end, provider, in_doubt: false };
    Ok((end > 0).then_some(found))
}
