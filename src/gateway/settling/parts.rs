//! Part ids: taken from blocks that the catalog reserved, settled when their fate is in the catalog.
//!
//! # Invariants
//! - An id is handed out once.
//! - A block is closed only when each of its ids is settled: committed, queued for deletion, or never sent anywhere.
//!   What a crash leaves is therefore within the blocks that are still open.
//! - What the catalog could not be told is kept in [`Doubts`] and asked again while the gateway runs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use super::doubts::{Doubt, Doubts};
use super::own_task::in_own_task;
use crate::catalog::{Catalog, CatalogError, Failure, QueuedDeletion};
use crate::gateway::Error;
use crate::model::{PartBlock, PartId, ProviderName, TenantId, Timestamp};

/// Ids in a block: what a crash can leave to look through, for each tenant.
pub(in crate::gateway) const BLOCK_IDS: u32 = 256;

/// Hands out part ids.
pub(in crate::gateway) struct PartIds {
    catalog: Arc<dyn Catalog>,
    open: Arc<Mutex<HashMap<TenantId, Cursor>>>,
    doubts: Arc<Doubts>,
}

struct Cursor {
    block: Arc<Block>,
    next: u32,
}

/// A block in use.
pub(in crate::gateway) struct Block {
    block: PartBlock,
    unsettled: AtomicU32,
    catalog: Arc<dyn Catalog>,
    doubts: Arc<Doubts>,
}

/// A part on its way. Dropped before it is settled (the client left, the write failed), it queues the chunks that may
/// have been sent for deletion.
pub(in crate::gateway) struct PartTicket {
    id: PartId,
    block: Arc<Block>,
    placements: Vec<ProviderName>,
    chunks_sent: u32,
    /// Puts that nobody has answered yet, and whether one ended in doubt: such a one may arrive after the chunk's deletion.
    under_way: u32,
    in_doubt: bool,
    grace: Duration,
    settled: bool,
}

impl PartIds {
    pub(in crate::gateway) fn new(catalog: Arc<dyn Catalog>) -> Self {
        Self { catalog, open: Arc::default(), doubts: Arc::default() }
    }

    /// The next id of `tenant`, reserving a block when the last one is used up.
    pub(in crate::gateway) async fn next(
        &self,
        tenant: &TenantId,
        placements: Vec<ProviderName>,
        grace: Duration,
    ) -> Result<PartTicket, Error> {
        let mut open = Arc::clone(&self.open).lock_owned().await;
        let used_up = open.get(tenant).is_none_or(|cursor| cursor.next >= cursor.block.block.count);
        if used_up {
            // To its end, even when the client leaves: a block that nobody knows would stay open until the next start.
            let (catalog, tenant, doubts) = (Arc::clone(&self.catalog), tenant.clone(), Arc::clone(&self.doubts));
            open = in_own_task(async move {
                let block = catalog.reserve_parts(&tenant, BLOCK_IDS).await?;
                let unsettled = AtomicU32::new(block.count);
                let block = Arc::new(Block { block, unsettled, catalog, doubts });
                open.insert(tenant, Cursor { block, next: 0 });
                Ok(open)
            })
            .await?;
        }
        let damaged = || Error::Catalog(CatalogError::Failed(Failure::Misused("a reserved block has no ids")));
        let cursor = open.get_mut(tenant).ok_or_else(damaged)?;
        let id = cursor.block.block.id(cursor.next).ok_or_else(damaged)?;
        cursor.next += 1;
        Ok(PartTicket {
            id,
            block: Arc::clone(&cursor.block),
            placements,
            chunks_sent: 0,
            under_way: 0,
            in_doubt: false,
            grace,
            settled: false,
        })
    }

    /// Asks again about what the catalog could not be told.
    pub(in crate::gateway) async fn resolve(&self) -> Result<(), CatalogError> {
        self.doubts.resolve(self.catalog.as_ref()).await
    }

    /// Gives up the ids that were never handed out, so that blocks can close. Called when the gateway stops.
    pub(in crate::gateway) async fn retire(&self) {
        let cursors: Vec<Cursor> = self.open.lock().await.drain().map(|(_, cursor)| cursor).collect();
        for cursor in cursors {
            let unused = cursor.block.block.count - cursor.next;
            cursor.block.settle(unused).await;
        }
    }
}

impl Block {
    pub(in crate::gateway) fn block(&self) -> &PartBlock {
        &self.block
    }

    /// Counts `ids` as settled, and closes the block when these were the last.
    pub(in crate::gateway) async fn settle(&self, ids: u32) {
        let before = self.unsettled.fetch_sub(ids, Ordering::AcqRel);
        if before == ids
            && let Err(error) = self.catalog.close_block(&self.block).await
        {
            tracing::warn!(%error, "a block of part ids could not be closed; it is tried again");
            self.doubts.keep_block(self.block.clone());
        }
    }
}

impl PartTicket {
    pub(in crate::gateway) fn id(&self) -> PartId {
        self.id
    }

    pub(in crate::gateway) fn placements(&self) -> &[ProviderName] {
        &self.placements
    }

    /// Notes that chunk `index` is about to be sent.
    pub(in crate::gateway) fn sending(&mut self, index: u32) {
        self.chunks_sent = self.chunks_sent.max(index.saturating_add(1));
        self.under_way = self.under_way.saturating_add(1);
    }

    /// Notes that a chunk's put has ended.
    pub(in crate::gateway) fn answered(&mut self, in_doubt: bool) {
        self.under_way = self.under_way.saturating_sub(1);
        self.in_doubt |= in_doubt;
    }

    /// Writes down that a put of the part ended in doubt, if one did, before it is committed: should it be deleted soon, the
    /// put may arrive after that.
    pub(in crate::gateway) async fn note_doubt(&self) -> Result<(), CatalogError> {
        if !self.in_doubt {
            return Ok(());
        }
        let (block, deletions, _) = self.deletions();
        block.catalog.look_again(deletions, Timestamp::steady().plus(QueuedDeletion::LINGERS)).await
    }

    /// The catalog is about to be asked to commit the part. Until it has answered, nobody may queue its chunks for
    /// deletion: dropped now (a panic, the end of the runtime), the part is left to the next start.
    pub(in crate::gateway) fn committing(mut self) -> Self {
        self.settled = true;
        self
    }

    /// The part's fate is in the catalog.
    pub(in crate::gateway) async fn settle(mut self) {
        self.settled = true;
        self.block.settle(1).await;
    }

    /// It is not known whether the part was committed: the catalog is asked until it answers.
    pub(in crate::gateway) fn leave_open(mut self) {
        self.settled = true;
        let (block, deletions, due) = self.deletions();
        Arc::clone(&block.doubts).keep(Doubt { part: self.id, deletions, due }, block);
    }

    /// Queues what may have been sent for deletion, after the grace time: a cancelled call may still arrive.
    pub(in crate::gateway) async fn abandon(mut self) {
        self.settled = true;
        let (block, deletions, due) = self.deletions();
        forget(self.id, block, deletions, due).await;
    }

    fn deletions(&self) -> (Arc<Block>, Vec<QueuedDeletion>, Timestamp) {
        let deletions = self
            .placements
            .iter()
            .filter(|_| self.chunks_sent > 0)
            .map(|provider| QueuedDeletion {
                part: self.id,
                tenant: self.block.block.tenant.clone(),
                chunks: self.chunks_sent,
                provider: provider.clone(),
                in_doubt: self.in_doubt || self.under_way > 0,
            })
            .collect();
        (Arc::clone(&self.block), deletions, Timestamp::steady().plus(self.grace))
    }
}

impl Drop for PartTicket {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let (block, deletions, due) = self.deletions();
        // Without a runtime the process is ending: the next start looks through the block.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(forget(self.id, block, deletions, due));
        }
    }
}

async fn forget(part: PartId, block: Arc<Block>, deletions: Vec<QueuedDeletion>, due: Timestamp) {
    if !deletions.is_empty()
        && let Err(error) = block.catalog.queue_deletions(deletions.clone(), due).await
    {
        tracing::warn!(%error, "chunks of an unfinished part could not be queued; it is tried again");
        Arc::clone(&block.doubts).keep(Doubt { part, deletions, due }, block);
        return;
    }
    block.settle(1).await;
}
