//! The memory budget for bodies in flight.
//!
//! # Invariants
//! - What is handed out is never more than the budget, however many clients there are and whatever they do.
//! - Nobody waits for a share of the pool for bodies while holding one of the pool for puts. Who holds one of the pool
//!   for puts waits for a provider only, and calls to providers have deadlines: so that pool always becomes free.
//! - No more than [`Budget::waiting_room`] requests wait; further ones are turned away at once.
//! - Shares are handed out fairly between tenants and clients ([`fair`](crate::gateway::fair)).
//! - A share that grows ([`Budget::grow`]) waits while it holds some: whoever lets it grow has a deadline for the whole.
//!
//! # Why nobody waits for ever
//! A share for a body is given back when its chunk is stored (a provider's deadline), or when its client is found to be
//! slow while others wait: an upload then moves what it sealed to the [spool](super::spool), a download lets its
//! transfer from the provider go (`reader.rs`). Each keeps a small share of known size. A chunk in the spool needs a
//! share of the pool for puts alone. So full shares come back by time, not by what a client does.

use std::time::Duration;

use crate::gateway::Error;
use crate::gateway::fair::{Crowded, Payer, Turn, Turns};
use crate::seal::layout;

/// Longest wait for a share before the client is told to slow down.
const PATIENCE: Duration = Duration::from_secs(60);

/// Memory for bodies in flight, in units of [`Budget::UNIT_BYTES`]. Above it clients wait, each for its fair part.
#[derive(Clone)]
pub struct Budget {
    bodies: Turns,
    puts: Turns,
}

/// A share of the budget; given back on drop.
pub struct Share(Turn);

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
        let chunk = units_of(layout::SEALED_CHUNK_BYTES as u64);
        let puts = (total / 8).max(chunk).min(total / 2);
        let room = u64::from(total) * Self::UNIT_BYTES / Self::BYTES_FOR_EACH_WAITING;
        let room = usize::try_from(room).unwrap_or(usize::MAX).max(Self::SMALLEST_WAITING_ROOM);
        // Chunks of the spool are as many as bodies, and each has been let in already.
        Self { bodies: Turns::new(total - puts, room), puts: Turns::new(puts, usize::MAX) }
    }

    /// Waits for `bytes` of it. What is larger than the pool takes the whole pool.
    pub async fn take(&self, payer: &Payer, bytes: u64) -> Result<Share, Crowded> {
        self.bodies.take(payer, units_of(bytes)).await.map(Share)
    }

    /// Like [`take`](Self::take); the gateway is busy when too many wait already, or after a minute's wait.
    pub(in crate::gateway) async fn take_patiently(&self, payer: &Payer, bytes: u64) -> Result<Share, Error> {
        let taken = tokio::time::timeout(PATIENCE, self.take(payer, bytes)).await;
        taken.map_or(Err(Error::Busy), |taken| taken.map_err(Error::from))
    }

    /// `bytes` of it, if that much is free, it is nobody's turn, and `payer` is within its fair part.
    pub fn try_take(&self, payer: &Payer, bytes: u64) -> Option<Share> {
        self.bodies.try_take(payer, units_of(bytes)).map(Share)
    }

    /// Lets `share` grow to `bytes`: at once, or when it is its turn.
    pub(in crate::gateway) async fn grow(&self, share: &mut Share, payer: &Payer, bytes: u64) -> Result<(), Crowded> {
        let more = units_of(bytes).saturating_sub(share.0.units());
        if more > 0 {
            share.0.absorb(self.bodies.take(payer, more).await?);
        }
        Ok(())
    }

    /// Lets `share` grow to `bytes`, or shrink, if that needs no waiting.
    pub(in crate::gateway) fn try_grow(&self, share: &mut Share, payer: &Payer, bytes: u64) -> Option<()> {
        let more = units_of(bytes).saturating_sub(share.0.units());
        if more > 0 {
            share.0.absorb(self.bodies.try_take(payer, more)?);
        } else {
            share.shrink_to(bytes);
        }
        Some(())
    }

    /// Waits for `bytes` of what is kept for chunks from the spool. Whoever holds such a share waits for nothing but a
    /// provider.
    pub async fn take_for_put(&self, payer: &Payer, bytes: u64) -> Result<Share, Crowded> {
        self.puts.take(payer, units_of(bytes)).await.map(Share)
    }

    /// Whether somebody waits.
    pub fn is_wanted(&self) -> bool {
        self.waiting() > 0
    }

    /// Whether somebody waits for whose sake `payer` has to make room: itself, or one that holds no more than it does.
    pub fn is_wanted_from(&self, payer: &Payer) -> bool {
        self.bodies.are_wanted_from(payer)
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.bodies.waiting()
    }

    /// How many may wait.
    pub fn waiting_room(&self) -> usize {
        self.bodies.room()
    }

    /// Bytes in use.
    pub fn used_bytes(&self) -> u64 {
        (u64::from(self.bodies.used()) + u64::from(self.puts.used())) * Self::UNIT_BYTES
    }

    /// Bytes in all.
    pub fn total_bytes(&self) -> u64 {
        (u64::from(self.bodies.total()) + u64::from(self.puts.total())) * Self::UNIT_BYTES
    }
}

impl Share {
    /// Gives back all but `bytes` of it.
    pub fn shrink_to(&mut self, bytes: u64) {
        self.0.shrink_to(units_of(bytes));
    }

    /// How much it is.
    pub fn bytes(&self) -> u64 {
        u64::from(self.0.units()) * Budget::UNIT_BYTES
    }
}

fn units_of(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(Budget::UNIT_BYTES)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TenantId;

    fn own() -> Payer {
        Payer::own_work(TenantId::parse("chum").unwrap())
    }

    const MIB: u64 = 1 << 20;

    #[tokio::test]
    async fn what_is_freed_goes_to_who_waits_and_not_to_who_tries() {
        let budget = Budget::new(64 * MIB);
        let mut all = budget.take(&own(), 1024 * MIB).await.unwrap();
        assert!(!budget.is_wanted());
        let other = budget.clone();
        let waits = tokio::spawn(async move { other.take(&own(), 8 * MIB).await.map(|share| share.bytes()) });
        while !budget.is_wanted() {
            tokio::task::yield_now().await;
        }
        all.shrink_to(all.bytes() - 4 * MIB);
        assert!(budget.try_take(&own(), 4096).is_none(), "the four freed are kept for who waits for eight");
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
            let _bodies = budget.take(&own(), u64::MAX).await.unwrap();
            let put = budget.take_for_put(&own(), layout::SEALED_CHUNK_BYTES as u64).await.unwrap();
            assert_eq!(put.bytes() < layout::SEALED_CHUNK_BYTES as u64, total < 17 * MIB);
            assert!(budget.used_bytes() <= total);
        }
    }

    #[tokio::test]
    async fn beyond_the_waiting_room_nobody_waits() {
        let budget = Budget::new(MIB);
        let all = budget.take(&own(), MIB).await.unwrap();
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..budget.waiting_room() {
            let budget = budget.clone();
            waiting.spawn(async move { budget.take(&own(), 1).await.is_ok() });
        }
        while budget.waiting() < budget.waiting_room() {
            tokio::task::yield_now().await;
        }
        assert_eq!(budget.take(&own(), 1).await.err(), Some(Crowded));
        drop(all);
        assert!(waiting.join_all().await.into_iter().all(|served| served));
        assert!(budget.take(&own(), 1).await.is_ok());
    }
}
