//! A body becomes a sealed part: the one way in for plaintext.
//!
//! Memory: one chunk being filled and [`Settings::parallel_chunks`](crate::gateway::Settings) on their way, each with its share
//! of the budget: at most (1 + parallel) × 8 MiB for one body, and never more than the budget for all. The chunk of a
//! slow client goes through the spool while others wait for memory (`lane.rs`). Hashing adds two small batches
//! ([`hashing`](super::hashing)).

use bytes::{Buf as _, Bytes};
use futures::StreamExt as _;
use futures::stream::BoxStream;

use super::digest::{Computed, Hashers};
use super::hashing::Hashing;
use super::lane::{LOOK, Lane};
use crate::gateway::fair::Payer;
use crate::gateway::settling::PartTicket;
use crate::gateway::{Body, BodyError, Error, EtagMode, Gateway};
use crate::model::{ETag, Part, Timestamp, WrappedKey};
use crate::seal::{Sealer, layout};

/// A body, sealed and durable at the provider, not yet in the catalog.
pub(in crate::gateway) struct SealedBody {
    /// The part, unless the body was empty.
    pub(in crate::gateway) part: Option<(Part, PartTicket)>,
    /// Plaintext bytes.
    pub(in crate::gateway) length: u64,
    /// Its digests.
    pub(in crate::gateway) computed: Computed,
    /// The tag to give it.
    pub(in crate::gateway) etag: ETag,
}

/// A part being sealed and sent.
struct Outgoing {
    sealer: Sealer,
    wrapped_key: WrappedKey,
    lane: Lane,
    taken: u64,
}

impl Gateway {
    /// Seals `body` for the payer's tenant and stores its chunks. Every claim about it is checked before this returns.
    pub(in crate::gateway) async fn seal_body(&self, payer: &Payer, body: Body) -> Result<SealedBody, Error> {
        let Body { length: announced, mut stream, digests, claims } = body;
        let mut hashing = Hashing::new(
            Hashers::new(&digests, self.settings.etag == EtagMode::Md5),
            self.processor.clone(),
            payer.into(),
        );
        let mut outgoing: Option<Outgoing> = None;
        let mut length = 0_u64;
        while let Some(piece) = self.next_piece(&mut stream, &mut outgoing).await? {
            let mut piece = piece?;
            length = length.saturating_add(piece.len() as u64);
            if announced.is_some_and(|announced| length > announced) {
                return Err(BodyError::Malformed.into());
            }
            hashing.update(&piece).await?;
            while !piece.is_empty() {
                let part = match &mut outgoing {
                    Some(part) => part,
                    none => none.insert(self.begin_part(payer, announced).await?),
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

    async fn begin_part(&self, payer: &Payer, announced: Option<u64>) -> Result<Outgoing, Error> {
        let tenant = &payer.tenant;
        let naming_key = self.keyring.naming_key(tenant)?;
        let placements = self.store.place().to_vec();
        let ticket = self.parts.next(tenant, placements, self.settings.grace).await?;
        let (key, wrapped_key) = self.keyring.new_part_key(tenant, ticket.id())?;
        let sealer = Sealer::new(&key, tenant, ticket.id(), self.settings.padding, announced).map_err(Error::Seal)?;
        let lane = self.lane(payer.clone(), ticket, naming_key);
        Ok(Outgoing { sealer, wrapped_key, lane, taken: 0 })
    }

    /// The next bytes of the client. While it makes us wait, and others wait for memory, its chunk goes to the spool.
    async fn next_piece(
        &self,
        stream: &mut BoxStream<'static, Result<Bytes, BodyError>>,
        outgoing: &mut Option<Outgoing>,
    ) -> Result<Option<Result<Bytes, BodyError>>, Error> {
        loop {
            let Some(part) = outgoing.as_mut().filter(|part| part.lane.may_spill()) else {
                return Ok(stream.next().await);
            };
            if part.lane.is_in_the_way() {
                part.lane.spill(&mut part.sealer).await?;
                continue;
            }
            if let Ok(piece) = tokio::time::timeout(LOOK, stream.next()).await {
                return Ok(piece);
            }
        }
    }

    /// Moves bytes into the sealer, up to the end of the piece or of a chunk.
    async fn take_bytes(&self, part: &mut Outgoing, piece: &mut Bytes, announced: Option<u64>) -> Result<(), Error> {
        if !part.lane.has_share() {
            let rest = announced.map_or(layout::CHUNK_BYTES, |all| all.saturating_sub(part.taken));
            let bytes = layout::sealed_length(self.settings.padding.padded_length(rest.clamp(1, layout::CHUNK_BYTES)));
            part.lane.begin_chunk(bytes).await?;
        }
        // What goes to the spool goes in small steps: no more is in memory than was said.
        let mut step = piece.slice(..part.lane.step_bytes(piece.len()));
        let before = step.len();
        let full = part.sealer.push(&mut step).map_err(Error::Seal)?;
        let taken = before - step.len();
        piece.advance(taken);
        part.taken = part.taken.saturating_add(taken as u64);
        part.lane.filled(taken as u64);
        match full {
            Some(chunk) => part.lane.send(chunk).await,
            None => part.lane.drain(&mut part.sealer).await,
        }
    }

    /// The tag of content with that MD5, as the operator wants tags.
    pub(in crate::gateway) fn etag_of(&self, md5: Option<[u8; 16]>) -> Result<ETag, Error> {
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
        lane.all_sent().await?;
        lane.ticket.note_doubt().await?;
        let part = Part {
            id: lane.ticket.id(),
            length: totals.length,
            padded_length: totals.padded_length,
            wrapped_key,
            placements: lane.ticket.placements().to_vec(),
            stored: Timestamp::now(),
        };
        Ok((part, lane.ticket))
    }
}
