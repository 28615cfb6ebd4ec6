//! The way of a part's chunks to the provider, and what a chunk holds of the memory budget on it.
//!
//! A chunk takes its whole share before it is filled, and keeps it until it is stored. That is all, as long as memory
//! is free or clients are quick. When others wait and a client is slow, what is sealed of its chunk goes to the
//! [spool](super::spool), and so does the rest as it is sealed; the chunk keeps [`SLOW_SHARE_BYTES`]. Once full it takes
//! a share of what is kept for that ([`Budget::take_for_put`]), is read back and stored. The next chunk of a client
//! that was slow begins in the spool if somebody waits.
//!
//! # Invariants
//! - Only sealed bytes go to the spool.
//! - A chunk has its share, or is in the spool and has the small one; it waits for a share only while it has none, or
//!   for one that is kept for the spool.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::budget::{Budget, Share};
use super::spool::{Spool, Spooled};
use crate::gateway::fair::{Payer, Turns};
use crate::gateway::settling::PartTicket;
use crate::gateway::{Error, Gateway, MAX_PARALLEL_CHUNKS, units_of_sends};
use crate::seal::{SealedChunk, Sealer, chunk_name, layout};
use crate::secret::NamingKey;
use crate::store::{Attempts, Store};

/// Memory of a chunk that is filled through the spool: a segment that is open, one on its way to the disk, what is being
/// hashed, and what TLS and HTTP have of it.
const SLOW_SHARE_BYTES: u64 = 384 * 1024;
/// No client is slow before it had this much time for a chunk.
const FILL_PATIENCE: Duration = Duration::from_secs(1);
/// Below this a client is slow, in bytes for each second: 8 Mbit/s.
const SLOW_BYTES_EACH_SECOND: f64 = 1024.0 * 1024.0;
/// How often somebody who waits for a client looks whether others wait for memory.
pub(in crate::gateway) const LOOK: Duration = Duration::from_millis(500);

/// The way of a part's chunks to the provider.
pub(in crate::gateway) struct Lane {
    pub(in crate::gateway) ticket: PartTicket,
    budget: Budget,
    payer: Payer,
    spool: Option<Spool>,
    store: Arc<Store>,
    turns: Turns,
    naming_key: Arc<NamingKey>,
    sends: JoinSet<Sent>,
    parallel: usize,
    /// The chunk being filled.
    chunk: Option<Filling>,
    /// Whether the client was slow with the chunk before.
    was_slow: bool,
}

/// A chunk being filled.
struct Filling {
    share: Share,
    /// What it needs to be in memory whole.
    sealed_bytes: u64,
    since: Instant,
    /// Plaintext bytes that came.
    came: u64,
    place: Place,
}

/// What became of a chunk that was sent.
struct Sent {
    outcome: Result<(), Error>,
    /// A put of it may still arrive.
    in_doubt: bool,
}

/// Where the sealed bytes of a chunk are.
enum Place {
    Memory,
    Spool(Spooled),
    /// In memory, because there is no spool or no room in it.
    MemoryForGood,
}

impl Gateway {
    /// A lane for the chunks of a new part.
    pub(in crate::gateway) fn lane(&self, payer: Payer, ticket: PartTicket, naming_key: Arc<NamingKey>) -> Lane {
        Lane {
            ticket,
            budget: self.budget.clone(),
            payer,
            spool: self.settings.spool.clone(),
            store: Arc::clone(&self.store),
            turns: self.sends.clone(),
            naming_key,
            sends: JoinSet::new(),
            parallel: self.settings.parallel_chunks.clamp(1, MAX_PARALLEL_CHUNKS as usize),
            chunk: None,
            was_slow: false,
        }
    }
}

impl Lane {
    /// Whether the chunk being filled has its share; without one there is no chunk.
    pub(in crate::gateway) fn has_share(&self) -> bool {
        self.chunk.is_some()
    }

    /// Takes the share of a chunk of at most `sealed_bytes`, or says that the gateway is busy.
    pub(in crate::gateway) async fn begin_chunk(&mut self, sealed_bytes: u64) -> Result<(), Error> {
        let mut place = if sealed_bytes > SLOW_SHARE_BYTES { Place::Memory } else { Place::MemoryForGood };
        let mut share_bytes = sealed_bytes;
        if self.was_slow && matches!(place, Place::Memory) && self.budget.is_wanted_from(&self.payer) {
            place = self.room(sealed_bytes).await;
            if matches!(place, Place::Spool(_)) {
                share_bytes = SLOW_SHARE_BYTES;
            }
        }
        let share = self.budget.take_patiently(&self.payer, share_bytes).await?;
        self.chunk = Some(Filling { share, sealed_bytes, since: Instant::now(), came: 0, place });
        Ok(())
    }

    /// Notes that `bytes` of plaintext went into the chunk.
    pub(in crate::gateway) fn filled(&mut self, bytes: u64) {
        if let Some(chunk) = &mut self.chunk {
            chunk.came = chunk.came.saturating_add(bytes);
        }
    }

    /// How many of `bytes` the sealer may get at once.
    pub(in crate::gateway) fn step_bytes(&self, bytes: usize) -> usize {
        match &self.chunk {
            Some(Filling { place: Place::Spool(_), .. }) => bytes.min(layout::SEGMENT_BYTES),
            _ => bytes,
        }
    }

    /// Whether the chunk being filled could go to the spool.
    pub(in crate::gateway) fn may_spill(&self) -> bool {
        self.chunk.as_ref().is_some_and(|chunk| matches!(chunk.place, Place::Memory))
    }

    /// Whether its client is slow, and somebody waits for the memory that it holds.
    pub(in crate::gateway) fn is_in_the_way(&self) -> bool {
        self.chunk.as_ref().is_some_and(Filling::is_slow) && self.budget.is_wanted_from(&self.payer)
    }

    /// Moves what is sealed to the spool and gives back most of the share, unless there is no room.
    pub(in crate::gateway) async fn spill(&mut self, sealer: &mut Sealer) -> Result<(), Error> {
        let Some(sealed_bytes) = self.chunk.as_ref().map(|chunk| chunk.sealed_bytes) else { return Ok(()) };
        let mut place = self.room(sealed_bytes).await;
        let Some(chunk) = &mut self.chunk else { return Ok(()) };
        if let Place::Spool(spooled) = &mut place {
            spooled.append(sealer.take_sealed()).await.map_err(|error| disk_failed(&error))?;
            chunk.share.shrink_to(SLOW_SHARE_BYTES);
        }
        chunk.place = place;
        Ok(())
    }

    /// Moves what was sealed since to the spool, if the chunk is there.
    pub(in crate::gateway) async fn drain(&mut self, sealer: &mut Sealer) -> Result<(), Error> {
        if let Some(Filling { place: Place::Spool(spooled), .. }) = &mut self.chunk {
            spooled.append(sealer.take_sealed()).await.map_err(|error| disk_failed(&error))?;
        }
        Ok(())
    }

    /// Sends a chunk, beside at most `parallel - 1` others.
    pub(in crate::gateway) async fn send(&mut self, chunk: SealedChunk) -> Result<(), Error> {
        let filled = self.chunk.take();
        self.was_slow = filled.as_ref().is_some_and(Filling::is_slow);
        while self.sends.len() >= self.parallel
            && let Some(done) = self.sends.join_next().await
        {
            self.answered(done)?;
        }
        while let Some(done) = self.sends.try_join_next() {
            self.answered(done)?;
        }
        self.ticket.sending(chunk.index);
        let name = chunk_name(&self.naming_key, self.ticket.id(), chunk.index);
        let (store, budget, payer) = (Arc::clone(&self.store), self.budget.clone(), self.payer.clone());
        let (placements, turns) = (self.ticket.placements().to_vec(), self.turns.clone());
        let send = async move {
            let mut bytes = chunk.bytes;
            let share = match filled {
                Some(Filling { place: Place::Spool(spooled), share: small, .. }) => {
                    let whole = spooled.written().saturating_add(bytes.len() as u64);
                    let share = budget.take_for_put(&payer, whole).await?;
                    bytes = spooled.read_back(bytes).await.map_err(|error| disk_failed(&error))?;
                    drop(small);
                    Some(share)
                }
                Some(Filling { share, .. }) => Some(share),
                None => None,
            };
            let turn = turns.take(&payer, units_of_sends(bytes.len() as u64)).await?;
            let outcome = store.put(&placements, &name, bytes).await;
            drop((turn, share));
            let in_doubt = match &outcome {
                Ok(attempts) => *attempts == Attempts::InDoubt,
                Err(error) => error.leaves_doubt(),
            };
            Ok(Sent { outcome: outcome.map(|_attempts| ()).map_err(Error::from), in_doubt })
        };
        self.sends
            .spawn(async move { send.await.unwrap_or_else(|error| Sent { outcome: Err(error), in_doubt: false }) });
        Ok(())
    }

    /// Waits until every chunk that was sent is durable.
    pub(in crate::gateway) async fn all_sent(&mut self) -> Result<(), Error> {
        while let Some(done) = self.sends.join_next().await {
            self.answered(done)?;
        }
        Ok(())
    }

    /// Notes what became of a chunk.
    fn answered(&mut self, joined: Result<Sent, JoinError>) -> Result<(), Error> {
        let Sent { outcome, in_doubt } = sent(joined);
        self.ticket.answered(in_doubt);
        outcome
    }

    /// Room in the spool for a chunk, if there is.
    async fn room(&self, sealed_bytes: u64) -> Place {
        let Some(spool) = &self.spool else { return Place::MemoryForGood };
        match spool.begin(sealed_bytes).await {
            Ok(Some(spooled)) => {
                metrics::counter!("ecluse_spooled_chunks_total").increment(1);
                Place::Spool(spooled)
            }
            Ok(None) => Place::MemoryForGood,
            Err(error) => {
                tracing::warn!(%error, "the spool cannot be used; a slow upload stays in memory");
                Place::MemoryForGood
            }
        }
    }
}

impl Filling {
    fn is_slow(&self) -> bool {
        let age = self.since.elapsed();
        #[expect(clippy::cast_precision_loss, reason = "at most 8 MiB")]
        let came = self.came as f64;
        age >= FILL_PATIENCE && came < age.as_secs_f64() * SLOW_BYTES_EACH_SECOND
    }
}

fn sent(joined: Result<Sent, JoinError>) -> Sent {
    // A task that ended by itself may have sent its chunk.
    let lost = |join| Sent { outcome: Err(Error::lost("the sending of a chunk", &join)), in_doubt: true };
    joined.unwrap_or_else(lost)
}

/// The disk under the spool failed in the middle of a chunk: the client must send it again.
fn disk_failed(error: &std::io::Error) -> Error {
    tracing::warn!(%error, "the spool cannot be written or read; an upload is turned away");
    Error::Busy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_in_sending_is_told_as_a_panic() {
        let mut sends: JoinSet<Sent> = JoinSet::new();
        sends.spawn(async { panic!("a send") });
        let Sent { outcome, in_doubt } = sent(sends.join_next().await.unwrap());
        assert!(matches!(outcome, Err(Error::Panicked(_))) && in_doubt);
    }
}
