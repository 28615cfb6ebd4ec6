//! The memory budget for bodies in flight.
//!
//! # Invariants
//! - What is handed out is never more than the budget, however many clients there are and whatever they do.
//! - Nobody waits for a share of the pool for bodies while holding one of the pool for puts. Who holds one of the pool
//!   for puts waits for a provider only, and calls to providers have deadlines: so that pool always becomes free.
//! - No more than [`Budget::waiting_room`] requests wait; further ones are turned away at once.
//!
//! # Why nobody waits for ever
//! A share for a body is given back when its chunk is stored (a provider's deadline), or when its client is found to be
//! slow while others wait: an upload then moves what it sealed to the [spool](super::spool), a download lets its
//! transfer from the provider go (`reader.rs`). Each keeps a small share of known size. A chunk in the spool needs a
//! share of the pool for puts alone. So full shares come back by time, not by what a client does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::gateway::Error;
use crate::seal::layout;

/// Longest wait for a share before the client is told to slow down.
const PATIENCE: Duration = Duration::from_secs(60);

/// Memory for bodies in flight, in units of [`Budget::UNIT_BYTES`]. Above it clients wait, first come first served.
#[derive(Clone)]
pub struct Budget {
    bodies: Pool,
    puts: Pool,
    waiting: Arc<AtomicUsize>,
}

/// A share of the budget; given back on drop.
pub struct Share {
    permit: OwnedSemaphorePermit,
}

/// Too many are waiting already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests wait for memory")]
pub struct Crowded;

impl Budget {
    /// Granularity, in bytes.
    pub const UNIT_BYTES: u64 = 4096;
    /// One request may wait for each so many bytes of the budget: 1,024 at 512 MiB.
    const BYTES_FOR_EACH_WAITING: u64 = 512 * 1024;
    /// Fewest that may wait.
    const SMALLEST_WAITING_ROOM: usize = 16;

    /// A budget of `bytes`. An eighth of it, or one chunk, is kept for chunks on their way from the spool to a
    /// provider; never more than half.
    pub fn new(bytes: u64) -> Self {
        let total = u32::try_from(bytes / Self::UNIT_BYTES).unwrap_or(u32::MAX >> 4).clamp(2, u32::MAX >> 4);
        let chunk = u32::try_from((layout::SEALED_CHUNK_BYTES as u64).div_ceil(Self::UNIT_BYTES)).unwrap_or(u32::MAX);
        let puts = (total / 8).max(chunk).min(total / 2);
        Self { bodies: Pool::new(total - puts), puts: Pool::new(puts), waiting: Arc::default() }
    }

    /// Waits for `bytes` of it. What is larger than the pool takes the whole pool.
    pub async fn take(&self, bytes: u64) -> Result<Share, Crowded> {
        if let Some(share) = self.try_take(bytes) {
            return Ok(share);
        }
        let _waiting = self.begin_to_wait()?;
        self.bodies.take(bytes).await
    }

    /// Like [`take`](Self::take); the gateway is busy when too many wait already, or after a minute's wait.
    pub(in crate::gateway) async fn take_patiently(&self, bytes: u64) -> Result<Share, Error> {
        let taken = tokio::time::timeout(PATIENCE, self.take(bytes)).await;
        taken.map_or(Err(Error::Busy), |taken| taken.map_err(Error::from))
    }

    /// `bytes` of it, if that much is free and nobody waits.
    pub fn try_take(&self, bytes: u64) -> Option<Share> {
        // What is freed goes to those who wait, so there is nothing to take while somebody does.
        self.bodies.try_take(bytes)
    }

    /// Waits for `bytes` of what is kept for chunks from the spool. Whoever holds such a share waits for nothing but a
    /// provider.
    pub async fn take_for_put(&self, bytes: u64) -> Result<Share, Crowded> {
        self.puts.take(bytes).await
    }

    /// Whether somebody waits.
    pub fn is_wanted(&self) -> bool {
        self.waiting() > 0
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// How many may wait.
    pub fn waiting_room(&self) -> usize {
        let room = usize::try_from(self.total_bytes() / Self::BYTES_FOR_EACH_WAITING).unwrap_or(usize::MAX);
        room.max(Self::SMALLEST_WAITING_ROOM)
    }

    /// Bytes in use.
    pub fn used_bytes(&self) -> u64 {
        (self.bodies.used() + self.puts.used()) * Self::UNIT_BYTES
    }

    /// Bytes in all.
    pub fn total_bytes(&self) -> u64 {
        (u64::from(self.bodies.total) + u64::from(self.puts.total)) * Self::UNIT_BYTES
    }

    fn begin_to_wait(&self) -> Result<Waiting, Crowded> {
        let waiting = Waiting(Arc::clone(&self.waiting));
        let before = self.waiting.fetch_add(1, Ordering::AcqRel);
        if before >= self.waiting_room() { Err(Crowded) } else { Ok(waiting) }
    }
}

impl Share {
    /// Gives back all but `bytes` of it.
    pub fn shrink_to(&mut self, bytes: u64) {
        let kept = usize::try_from(bytes.div_ceil(Budget::UNIT_BYTES)).unwrap_or(usize::MAX);
        let more = self.permit.num_permits().saturating_sub(kept);
        drop(self.permit.split(more));
    }

    /// How much it is.
    pub fn bytes(&self) -> u64 {
        self.permit.num_permits() as u64 * Budget::UNIT_BYTES
    }
}

/// A part of the budget that is taken from by itself.
#[derive(Clone)]
struct Pool {
    units: Arc<Semaphore>,
    total: u32,
}

impl Pool {
    fn new(total: u32) -> Self {
        Self { units: Arc::new(Semaphore::new(total as usize)), total }
    }

    async fn take(&self, bytes: u64) -> Result<Share, Crowded> {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.units).acquire_many_owned(self.units_of(bytes)).await;
        permit.map(|permit| Share { permit }).map_err(|_closed| Crowded)
    }

    fn try_take(&self, bytes: u64) -> Option<Share> {
        let permit = Arc::clone(&self.units).try_acquire_many_owned(self.units_of(bytes)).ok()?;
        Some(Share { permit })
    }

    fn units_of(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(Budget::UNIT_BYTES)).unwrap_or(u32::MAX).clamp(1, self.total)
    }

    fn used(&self) -> u64 {
        u64::from(self.total).saturating_sub(self.units.available_permits() as u64)
    }
}

/// Counts as waiting until dropped.
struct Waiting(Arc<AtomicUsize>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[tokio::test]
    async fn what_is_freed_goes_to_who_waits_and_not_to_who_tries() {
        let budget = Budget::new(64 * MIB);
        let mut all = budget.take(1024 * MIB).await.unwrap();
        assert!(!budget.is_wanted());
        let other = budget.clone();
        let waits = tokio::spawn(async move { other.take(8 * MIB).await.map(|share| share.bytes()) });
        while !budget.is_wanted() {
            tokio::task::yield_now().await;
        }
        all.shrink_to(all.bytes() - 4 * MIB);
        assert!(budget.try_take(4096).is_none(), "the four freed are kept for who waits for eight");
        all.shrink_to(128 * 1024);
        assert_eq!(waits.await.unwrap(), Ok(8 * MIB));
        assert!(!budget.is_wanted());
        assert_eq!(budget.used_bytes(), all.bytes());
    }

    #[tokio::test]
    async fn chunks_from_the_spool_find_memory_when_bodies_hold_all_of_theirs() {
        for total in [8192, MIB, 16 * MIB, 512 * MIB] {
            let budget = Budget::new(total);
            assert_eq!(budget.total_bytes(), total);
            let _bodies = budget.take(u64::MAX).await.unwrap();
            let put = budget.take_for_put(layout::SEALED_CHUNK_BYTES as u64).await.unwrap();
            assert_eq!(put.bytes() < layout::SEALED_CHUNK_BYTES as u64, total < 17 * MIB);
            assert!(budget.used_bytes() <= total);
        }
    }

    #[tokio::test]
    async fn beyond_the_waiting_room_nobody_waits() {
        let budget = Budget::new(MIB);
        let all = budget.take(MIB).await.unwrap();
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..budget.waiting_room() {
            let budget = budget.clone();
            waiting.spawn(async move { budget.take(1).await.is_ok() });
        }
        while budget.waiting() < budget.waiting_room() {
            tokio::task::yield_now().await;
        }
        assert_eq!(budget.take(1).await.err(), Some(Crowded));
        drop(all);
        assert!(waiting.join_all().await.into_iter().all(|served| served));
        assert!(budget.take(1).await.is_ok());
    }
}
