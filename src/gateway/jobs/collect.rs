//! Empties the deletion queue: deletes the chunks of parts that nothing refers to any more. Asks again about parts whose
//! fate the catalog could not be told.
//!
//! Grace is measured by the steady clock, so that no jump of the system's clock takes a chunk from a read that has begun
//! (`docs/adr/0009`). The reads of an earlier process have ended with it.
//!
//! # Invariants
//! - Each provider has its own loop: one that is away keeps no other's deletions waiting.
//! - A deletion that fails is put off in the catalog, so those behind it come next.
//! - Before each chunk the fence is asked, not once for a batch of them.
//! - What the queue's gauges cost is a hundredth of the time, however long the queue is.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use futures::{StreamExt as _, stream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::catalog::{CatalogError, QueuedDeletion};
use crate::gateway::{Gateway, Spool};
use crate::model::{ProviderName, Timestamp};
use crate::seal::chunk_name;

/// Pause between looks at the queue.
const PAUSE: Duration = Duration::from_secs(1);
/// Pause after a round in which something failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Parts taken from the queue at once, while deletions succeed.
const BATCH: usize = 256;
/// Parts taken from the queue at first: so many are put off in each round while a provider is away.
const FIRST_BATCH: usize = 16;
/// A round ends after so many batches in which nothing was deleted.
const FRUITLESS: u32 = 32;
/// Chunks deleted at once, at one provider.
const PARALLEL: usize = 8;
/// The queue is not counted before this many times the time that counting it took.
const COUNT_PAUSE: u32 = 100;

/// Deletes what is due, until `stop`.
pub async fn collect(gateway: Arc<Gateway>, stop: CancellationToken) {
    let providers: Vec<ProviderName> = gateway.store.providers().map(|(name, _)| name.clone()).collect();
    let loops = providers.iter().map(|provider| empty(&gateway, provider, &stop));
    tokio::join!(join_all(loops), look_after(&gateway, &stop));
}

/// Empties one provider's queue, again and again.
async fn empty(gateway: &Gateway, provider: &ProviderName, stop: &CancellationToken) {
    loop {
        let pause = match round(gateway, provider).await {
            Ok(Round { failed: 0, full: true }) => Duration::ZERO,
            Ok(Round { failed: 0, full: false }) => PAUSE,
            Ok(Round { failed, .. }) => {
                tracing::warn!(failed, %provider, "chunks could not be deleted; it is tried again later");
                PAUSE_AFTER_FAILURE
            }
            Err(error) => {
                tracing::warn!(%error, "the deletion queue could not be read or written");
                PAUSE_AFTER_FAILURE
            }
        };
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

struct Round {
    failed: usize,
    full: bool,
}

/// What became of a deletion.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tried {
    Done,
    /// It failed by itself.
    Failed,
    /// The provider is away, and so would fail the others.
    Away,
    /// The fence does not allow it any more: it was not tried.
    Forbidden,
}

/// Deletes what is due at a provider, batch after batch.
async fn round(gateway: &Gateway, provider: &ProviderName) -> Result<Round, CatalogError> {
    let (mut failed, mut fruitless, mut most) = (0, 0, FIRST_BATCH);
    // Names of chunks follow from keys: without them nothing can be deleted.
    while !gateway.is_sealed() {
        let due = gateway.catalog.due_deletions(provider, Timestamp::steady(), most).await?;
        let taken = due.len();
        if taken > 0 && !gateway.may_delete().await {
            break;
        }
        let tried: Vec<(Tried, QueuedDeletion)> = stream::iter(due)
            .map(|deletion| async move { (delete_part(gateway, &deletion).await, deletion) })
            .buffer_unordered(PARALLEL)
            .collect()
            .await;
        let met = |what| tried.iter().any(|(outcome, _)| *outcome == what);
        let (away, forbidden) = (met(Tried::Away), met(Tried::Forbidden));
        let tried = tried.into_iter().filter(|(outcome, _)| *outcome != Tried::Forbidden);
        let (done, not): (Vec<_>, Vec<_>) = tried.partition(|(outcome, _)| *outcome == Tried::Done);
        let bare = |tried: Vec<(Tried, QueuedDeletion)>| tried.into_iter().map(|(_, deletion)| deletion).collect();
        let (done, not): (Vec<QueuedDeletion>, Vec<QueuedDeletion>) = (bare(done), bare(not));
        failed += not.len();
        if !not.is_empty() {
            gateway.catalog.postpone_deletions(not, Timestamp::steady()).await?;
        }
        if done.is_empty() {
            fruitless += 1;
        } else {
            (fruitless, most) = (0, BATCH);
            metrics::counter!("ecluse_parts_deleted_total").increment(done.len() as u64);
            gateway.catalog.finish_deletions(done).await?;
        }
        if taken < FIRST_BATCH || away || forbidden || fruitless == FRUITLESS {
            break;
        }
        if taken == BATCH && failed == 0 {
            return Ok(Round { failed, full: true });
        }
    }
    Ok(Round { failed, full: false })
}

/// Deletes all chunks of a part at one provider.
async fn delete_part(gateway: &Gateway, deletion: &QueuedDeletion) -> Tried {
    let (Ok(key), Ok(provider)) =
        (gateway.keyring.naming_key(&deletion.tenant), gateway.store.provider(&deletion.provider))
    else {
        return Tried::Failed;
    };
    for index in 0..deletion.chunks {
        let name = chunk_name(&key, deletion.part, index);
        let Some(consent) = gateway.consent().await else { return Tried::Forbidden };
        if let Err(error) = provider.delete(&name, &consent).await {
            tracing::debug!(%error, provider = %deletion.provider, "a chunk was not deleted");
            return if error.is_transient() { Tried::Away } else { Tried::Failed };
        }
    }
    Tried::Done
}

/// Settles what is in doubt and keeps the gauges, again and again.
async fn look_after(gateway: &Gateway, stop: &CancellationToken) {
    let (mut hastened, mut counted) = (false, None);
    loop {
        gauges(gateway);
        let asked = ask_again(gateway, &mut hastened).await;
        let pause = match asked.and(count(gateway, &mut counted).await) {
            Ok(()) => PAUSE,
            Err(error) => {
                tracing::warn!(%error, "the deletion queue could not be read or written");
                PAUSE_AFTER_FAILURE
            }
        };
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

/// Settles what is in doubt, and once, at the start, what an earlier process queued while its clock was ahead: it would
/// wait for years.
async fn ask_again(gateway: &Gateway, hastened: &mut bool) -> Result<(), CatalogError> {
    if !*hastened {
        gateway.catalog.hasten_deletions(gateway.grace_until()).await?;
        gateway.catalog.shorten_leases(Timestamp::steady()).await?;
        *hastened = true;
    }
    gateway.catalog.requeue_looks(Timestamp::steady(), BATCH).await?;
    gateway.parts.resolve().await
}

#[expect(clippy::cast_precision_loss, reason = "gauges; petabytes of budget are exact enough")]
fn gauges(gateway: &Gateway) {
    metrics::gauge!("ecluse_memory_budget_bytes").set(gateway.budget.total_bytes() as f64);
    metrics::gauge!("ecluse_memory_used_bytes").set(gateway.budget.used_bytes() as f64);
    metrics::gauge!("ecluse_memory_waiting").set(gateway.budget.waiting() as f64);
    let spooled = gateway.settings.spool.as_ref().map_or(0, Spool::used_bytes);
    metrics::gauge!("ecluse_spool_bytes").set(spooled as f64);
}

/// Counts the queue, unless that was done a moment ago. `counted`: when the last count ended and how long it took.
async fn count(gateway: &Gateway, counted: &mut Option<(Instant, Duration)>) -> Result<(), CatalogError> {
    if counted.is_some_and(|(ended, took)| ended.elapsed() < took.saturating_mul(COUNT_PAUSE)) {
        return Ok(());
    }
    let began = Instant::now();
    let queue = gateway.catalog.deletion_queue().await?;
    *counted = Some((Instant::now(), began.elapsed()));
    let late = queue.oldest.map_or(0, |oldest| Timestamp::steady().0.saturating_sub(oldest.0).max(0));
    #[expect(clippy::cast_precision_loss, reason = "gauges; 2^52 waiting deletions will do")]
    {
        metrics::gauge!("ecluse_deletions_waiting").set(queue.waiting as f64);
        metrics::gauge!("ecluse_deletions_failing").set(queue.failing as f64);
        metrics::gauge!("ecluse_deletions_overdue_seconds").set(late as f64 / 1000.0);
    }
    Ok(())
}
