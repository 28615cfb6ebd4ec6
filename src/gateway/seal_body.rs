//! A body becomes a sealed part: the one way in for plaintext.
//!
//! Memory: one chunk being filled and [`Settings::parallel_chunks`](super::Settings) on their way, each with its share
//! of the budget: at most (1 + parallel) × 8 MiB for one body, and never more than the budget for all. Hashing adds two
//! small batches ([`hashing`](super::hashing)).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::task::JoinSet;

use super::budget::Share;
use super::digest::{Computed, Hashers};
use super::hashing::Hashing;
use super::parts::PartTicket;
use super::{Body, BodyError, Error, EtagMode, Gateway};
use crate::model::{ETag, Part, TenantId, WrappedKey};
use crate::seal::{SealError, SealedChunk, Sealer, chunk_name, layout};
use crate::secret::NamingKey;
use crate::store::Store;

/// Longest wait for a share of the budget before the client is told to slow down.
const BUDGET_PATIENCE: Duration = Duration::from_secs(60);

/// A body, sealed and durable at the provider, not yet in the catalog.
pub(super) struct SealedBody {
    /// The part, unless the body was empty.
    pub(super) part: Option<(Part, PartTicket)>,
    /// Plaintext bytes.
    pub(super) length: u64,
    /// Its digests.
    pub(super) computed: Computed,
    /// The tag to give it.
    pub(super) etag: ETag,
}

/// A part being sealed and sent.
struct Outgoing {
    sealer: Sealer,
    wrapped_key: WrappedKey,
    lane: Lane,
    taken: u64,
}

/// The way of a part's chunks to the provider.
struct Lane {
    store: Arc<Store>,
    ticket: PartTicket,
    naming_key: Arc<NamingKey>,
    sends: JoinSet<Result<(), Error>>,
    parallel: usize,
    /// The budget's share of the chunk being filled; goes with the chunk.
    share: Option<Share>,
}

impl Gateway {
    /// Seals `body` and stores its chunks. Every claim about it is checked before this returns.
    pub(super) async fn seal_body(&self, tenant: &TenantId, body: Body) -> Result<SealedBody, Error> {
        let Body { length: announced, mut stream, digests, claims } = body;
        let mut hashing = Hashing::new(Hashers::new(&digests, self.settings.etag == EtagMode::Md5));
        let mut outgoing: Option<Outgoing> = None;
        let mut length = 0_u64;
        while let Some(piece) = stream.next().await {
            let mut piece = piece?;
            length = length.saturating_add(piece.len() as u64);
            if announced.is_some_and(|announced| length > announced) {
                return Err(BodyError::Malformed.into());
            }
            hashing.update(&piece).await?;
            while !piece.is_empty() {
                let part = match &mut outgoing {
                    Some(part) => part,
                    none => none.insert(self.begin_part(tenant, announced).await?),
                };
                self.take_bytes(part, &mut piece, announced).await?;
            }
        }
        if announced.is_some_and(|announced| length < announced) {
            return Err(BodyError::Incomplete.into());
        }
        let computed = hashing.finish().await?;
        computed.check(&claims()?)?;
        let etag = self.etag_of(computed.md5)?;
        let part = match outgoing {
            Some(part) => Some(part.end().await?),
            None => None,
        };
        Ok(SealedBody { part, length, computed, etag })
    }

    async fn begin_part(&self, tenant: &TenantId, announced: Option<u64>) -> Result<Outgoing, Error> {
        let naming_key = self.keyring.naming_key(tenant)?;
        let placements = self.store.place().to_vec();
        let ticket = self.parts.next(tenant, placements, self.settings.grace).await?;
        let (key, wrapped_key) = self.keyring.new_part_key(tenant, ticket.id())?;
        let sealer = Sealer::new(&key, tenant, ticket.id(), self.settings.padding, announced).map_err(Error::Seal)?;
        let parallel = self.settings.parallel_chunks.clamp(1, super::MAX_PARALLEL_CHUNKS as usize);
        let store = Arc::clone(&self.store);
        let lane = Lane { store, ticket, naming_key, sends: JoinSet::new(), parallel, share: None };
        Ok(Outgoing { sealer, wrapped_key, lane, taken: 0 })
    }

    /// Moves bytes into the sealer, up to the end of the piece or of a chunk.
    async fn take_bytes(&self, part: &mut Outgoing, piece: &mut Bytes, announced: Option<u64>) -> Result<(), Error> {
        if part.lane.share.is_none() {
            let rest = announced.map_or(layout::CHUNK_BYTES, |all| all.saturating_sub(part.taken));
            let bytes = layout::sealed_length(self.settings.padding.padded_length(rest.clamp(1, layout::CHUNK_BYTES)));
            part.lane.share = Some(self.share(bytes).await?);
        }
        let before = piece.len();
        let full = part.sealer.push(piece).map_err(Error::Seal)?;
        part.taken = part.taken.saturating_add((before - piece.len()) as u64);
        if let Some(chunk) = full {
            part.lane.send(chunk).await?;
        }
        Ok(())
    }

    /// A share of the budget, or 503 after a minute's wait.
    pub async fn share(&self, bytes: u64) -> Result<Share, Error> {
        let taken = tokio::time::timeout(BUDGET_PATIENCE, self.budget.take(bytes)).await;
        taken.ok().flatten().ok_or(Error::Busy)
    }

    /// The tag of content with that MD5, as the operator wants tags.
    pub(super) fn etag_of(&self, md5: Option<[u8; 16]>) -> Result<ETag, Error> {
        if let (EtagMode::Md5, Some(md5)) = (self.settings.etag, md5) {
            return Ok(ETag::md5(md5));
        }
        let mut random = [0; 16];
        crate::secret::fill_random(&mut random).map_err(|cause| Error::Keys(cause.into()))?;
        Ok(ETag::opaque(random))
    }
}

impl Outgoing {
    /// Seals and sends what remains, and waits until every chunk is durable.
    async fn end(self) -> Result<(Part, PartTicket), Error> {
        let Self { sealer, wrapped_key, mut lane, .. } = self;
        let (last, totals) = sealer.finish().map_err(Error::Seal)?;
        if let Some(chunk) = last {
            lane.send(chunk).await?;
        }
        while let Some(done) = lane.sends.join_next().await {
            sent(done)?;
        }
        let part = Part {
            id: lane.ticket.id(),
            length: totals.length,
            padded_length: totals.padded_length,
            wrapped_key,
            placements: lane.ticket.placements().to_vec(),
        };
        Ok((part, lane.ticket))
    }
}

impl Lane {
    /// Sends a chunk, beside at most `parallel - 1` others.
    async fn send(&mut self, chunk: SealedChunk) -> Result<(), Error> {
        while self.sends.len() >= self.parallel
            && let Some(done) = self.sends.join_next().await
        {
            sent(done)?;
        }
        while let Some(done) = self.sends.try_join_next() {
            sent(done)?;
        }
        self.ticket.sending(chunk.index);
        let name = chunk_name(&self.naming_key, self.ticket.id(), chunk.index);
        let store = Arc::clone(&self.store);
        let placements = self.ticket.placements().to_vec();
        let share = self.share.take();
        self.sends.spawn(async move {
            let outcome = store.put(&placements, &name, chunk.bytes).await;
            drop(share);
            outcome.map_err(Error::from)
        });
        Ok(())
    }
}

fn sent(joined: Result<Result<(), Error>, tokio::task::JoinError>) -> Result<(), Error> {
    joined.unwrap_or(Err(Error::Seal(SealError::Cipher)))
}
