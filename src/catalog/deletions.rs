//! What waits to be deleted at providers.

use std::time::Duration;

use crate::model::{PartId, ProviderName, TenantId, Timestamp};

/// A part whose chunks wait to be deleted at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedDeletion {
    /// The part.
    pub part: PartId,
    /// Whose it was: names its chunks.
    pub tenant: TenantId,
    /// Its chunks are `0..chunks`.
    pub chunks: u32,
    /// Where.
    pub provider: ProviderName,
    /// Whether a put of it ended in doubt: it may arrive after the deletion, so there is a second look later.
    pub in_doubt: bool,
}

impl QueuedDeletion {
    /// The longest that a put may linger on its way after it ended in doubt. A provider's own limits, and those of what lies
    /// between, are minutes.
    pub const LINGERS: Duration = Duration::from_secs(6 * 3600);

    /// The longest that a deletion waits after a failure.
    pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

    /// How long a deletion waits that failed for the `attempts`-th time: a second, twice as long each time, an hour at most.
    pub(crate) fn pause(attempts: u32) -> Duration {
        const FIRST: Duration = Duration::from_secs(1);
        FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(Self::LONGEST_PAUSE)
    }

    /// The latest time that anything may wait for, when `latest` is that of what has not failed.
    pub(crate) fn latest_of_failed(latest: Timestamp) -> Timestamp {
        latest.plus(Self::LONGEST_PAUSE)
    }
}

/// What waits to be deleted, at all providers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeletionQueue {
    /// Deletions in the queue, due or not.
    pub waiting: u64,
    /// Those of them that have failed.
    pub failing: u64,
    /// When the first of them was due, or will be.
    pub oldest: Option<Timestamp>,
}
