//! Parts whose fate could not be written down: the catalog failed, its disk was full. The question is asked again while
//! the gateway runs.
//!
//! # Invariants
//! - A part's chunks are queued for deletion only by a transaction that finds the part absent and is committed itself.
//!   So a commit that seemed to fail cannot come back afterwards: what is queued is refused as a new part.
//! - What is not settled here is left to the next start, as after a crash: forgetting a doubt costs a sweep, nothing else.
//! - At most [`MOST`] doubts are kept.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::parts::Block;
use crate::catalog::{Catalog, CatalogError, QueuedDeletion, Refusal};
use crate::model::{PartBlock, PartId, Timestamp};

/// Most doubts that are kept, and most blocks to close: a few megabytes.
const MOST: usize = 16_384;

/// A part of which it is not known whether it was committed.
pub(in crate::gateway) struct Doubt {
    pub(in crate::gateway) part: PartId,
    /// What to delete if it was not; empty when nothing was sent.
    pub(in crate::gateway) deletions: Vec<QueuedDeletion>,
    /// Not before.
    pub(in crate::gateway) due: Timestamp,
}

/// What waits to be asked again.
#[derive(Default)]
pub(in crate::gateway) struct Doubts {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    parts: Vec<(Doubt, Arc<Block>)>,
    /// Blocks all of whose ids are settled, but which could not be closed.
    blocks: Vec<PartBlock>,
}

impl Doubts {
    /// Keeps a doubt. Beyond [`MOST`] it is left to the next start.
    pub(in crate::gateway) fn keep(&self, doubt: Doubt, block: Arc<Block>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.parts.len() < MOST {
            waiting.parts.push((doubt, block));
        }
    }

    /// Keeps a block that is to be closed.
    pub(in crate::gateway) fn keep_block(&self, block: PartBlock) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.blocks.len() < MOST {
            waiting.blocks.push(block);
        }
    }

    /// Asks the catalog about everything that waits, and writes down what follows. What fails goes on waiting.
    pub(in crate::gateway) async fn resolve(&self, catalog: &dyn Catalog) -> Result<(), CatalogError> {
        let Waiting { parts, blocks } =
            std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let mut outcome = Ok(());
        for block in blocks {
            if outcome.is_ok() {
                outcome = catalog.close_block(&block).await;
            }
            if outcome.is_err() {
                self.keep_block(block);
            }
        }
        let mut settled: HashMap<[u8; 12], HashSet<PartId>> = HashMap::new();
        for (doubt, block) in parts {
            if outcome.is_ok() {
                outcome = Self::settle(catalog, &doubt, block.block(), &mut settled).await;
            }
            if outcome.is_ok() {
                block.settle(1).await;
            } else {
                self.keep(doubt, block);
            }
        }
        outcome
    }

    /// Whether the part is in the catalog; if not, its chunks are queued.
    async fn settle(
        catalog: &dyn Catalog,
        doubt: &Doubt,
        block: &PartBlock,
        known: &mut HashMap<[u8; 12], HashSet<PartId>>,
    ) -> Result<(), CatalogError> {
        if doubt.deletions.is_empty() {
            return Ok(());
        }
        let settled = match known.entry(block.prefix) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(free) => free.insert(catalog.settled_parts(block).await?.into_iter().collect()),
        };
        if !settled.contains(&doubt.part) {
            match catalog.queue_deletions(doubt.deletions.clone(), doubt.due).await {
                // It was committed after all.
                Err(CatalogError::Refused(Refusal::Committed)) => return Ok(()),
                outcome => outcome?,
            }
            tracing::info!(part = %doubt.part, "a write that the catalog refused was cleaned up");
        }
        Ok(())
    }
}
