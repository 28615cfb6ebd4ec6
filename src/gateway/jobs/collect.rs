//! Empties the deletion queue: deletes the chunks of parts that nothing refers to any more. Asks again about parts whose
//! fate the catalog could not be told.
//!
//! Grace is measured by the steady clock, so that no jump of the system's clock takes a chunk from a read that has begun
//! (`docs/adr/0009`). The reads of an earlier process have ended with it.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use crate::catalog::{CatalogError, QueuedDeletion};
use crate::gateway::{Gateway, Spool};
use crate::model::Timestamp;
use crate::seal::chunk_name;

/// Pause between looks at the queue.
const PAUSE: Duration = Duration::from_secs(1);
/// Pause after a round in which something failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Parts taken from the queue at once.
const BATCH: usize = 256;
/// Chunks deleted at once.
const PARALLEL: usize = 8;

/// Deletes what is due, until `stop`.
pub async fn collect(gateway: Arc<Gateway>, stop: CancellationToken) {
    let mut hastened = false;
    loop {
        let asked = ask_again(&gateway, &mut hastened).await;
        let outcome = round(&gateway).await;
        let pause = match asked.and(outcome) {
            Ok(Round { failed: 0, full: true }) => Duration::ZERO,
            Ok(Round { failed: 0, full: false }) => PAUSE,
            Ok(Round { failed, .. }) => {
                tracing::warn!(failed, "chunks could not be deleted; they stay in the queue");
                PAUSE_AFTER_FAILURE
            }
            Err(error) => {
                tracing::warn!(%error, "the deletion queue could not be read or written");
                PAUSE_AFTER_FAILURE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Settles what is in doubt, and once, at the start, what an earlier process queued while its clock was ahead: it would
/// wait for years.
async fn ask_again(gateway: &Gateway, hastened: &mut bool) -> Result<(), CatalogError> {
    if !*hastened {
        gateway.catalog.hasten_deletions(gateway.grace_until()).await?;
        *hastened = true;
    }
    gateway.parts.resolve().await
}

struct Round {
    failed: usize,
    full: bool,
}

async fn round(gateway: &Gateway) -> Result<Round, CatalogError> {
    #[expect(clippy::cast_precision_loss, reason = "gauges; petabytes of budget are exact enough")]
    {
        metrics::gauge!("ecluse_memory_budget_bytes").set(gateway.budget.total_bytes() as f64);
        metrics::gauge!("ecluse_memory_used_bytes").set(gateway.budget.used_bytes() as f64);
        metrics::gauge!("ecluse_memory_waiting").set(gateway.budget.waiting() as f64);
        let spooled = gateway.settings.spool.as_ref().map_or(0, Spool::used_bytes);
        metrics::gauge!("ecluse_spool_bytes").set(spooled as f64);
    }
    #[expect(clippy::cast_precision_loss, reason = "a gauge; 2^52 waiting deletions will do")]
    metrics::gauge!("ecluse_deletions_waiting").set(gateway.catalog.deletions_waiting().await? as f64);
    if gateway.is_sealed() {
        // Names of chunks follow from keys: nothing can be deleted without them.
        return Ok(Round { failed: 0, full: false });
    }
    let due = gateway.catalog.due_deletions(Timestamp::steady(), BATCH).await?;
    if due.is_empty() {
        return Ok(Round { failed: 0, full: false });
    }
    let taken = due.len();
    let done: Vec<QueuedDeletion> = stream::iter(due)
        .map(|deletion| async move { delete_part(gateway, &deletion).await.then_some(deletion) })
        .buffer_unordered(PARALLEL)
        .filter_map(|done| async move { done })
        .collect()
        .await;
    let failed = taken - done.len();
    metrics::counter!("ecluse_parts_deleted_total").increment(done.len() as u64);
    gateway.catalog.finish_deletions(done).await?;
    Ok(Round { failed, full: taken == BATCH })
}

/// Deletes all chunks of a part at one provider; `false` when any failed.
async fn delete_part(gateway: &Gateway, deletion: &QueuedDeletion) -> bool {
    let (Ok(key), Ok(provider)) =
        (gateway.keyring.naming_key(&deletion.tenant), gateway.store.provider(&deletion.provider))
    else {
        return false;
    };
    for index in 0..deletion.chunks {
        let name = chunk_name(&key, deletion.part, index);
        if let Err(error) = provider.delete(&name).await {
            tracing::debug!(%error, provider = %deletion.provider, "a chunk was not deleted");
            return false;
        }
    }
    true
}
