//! The sealer: plaintext of one part in, sealed chunks out. `docs/format.md` §2 to §4.
//!
//! # Invariants
//! - Plaintext is copied once, to its final place; segments are sealed where they lie; a chunk leaves without a copy.
//! - A segment is sealed once, when it is known whether it is the chunk's last. No nonce is used twice.
//! - At most one chunk is in memory; less when its sealed bytes are taken out before it is full.

use bytes::{Buf, Bytes};

use super::layout::{
    CHUNK_BYTES, HEADER_BYTES, SEALED_CHUNK_BYTES, SEALED_SEGMENT_BYTES, SEGMENT_BYTES, TAG_BYTES, sealed_length,
};
use super::segment::segment_nonce;
use super::{AwsLc, ChunkKey, ChunkPlace, Padding, SealError, SegmentCipher};
use crate::model::{PartId, TenantId};
use crate::secret::PartKey;

/// A chunk, ready for a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedChunk {
    /// Which chunk of its part, from 0.
    pub index: u32,
    /// Header and segments.
    pub bytes: Bytes,
}

/// What was sealed, in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedTotals {
    /// Plaintext bytes.
    pub length: u64,
    /// Plaintext bytes with padding. 0 for an empty part, which has no chunk.
    pub padded_length: u64,
    /// Chunks.
    pub chunks: u32,
}

/// Seals one part. Each segment is sealed in place as soon as the next byte shows that it is full.
pub struct Sealer<C: SegmentCipher = AwsLc> {
    key: PartKey,
    tenant: TenantId,
    part: PartId,
    padding: Padding,
    expected: Option<u64>,
    open: Option<OpenChunk<C>>,
    totals: SealedTotals,
    failed: bool,
}

impl Sealer {
    /// A sealer of the bulk library. `expected`: the part's plaintext length, where it is known: sizes buffers, no
    /// more.
    pub fn new(
        key: &PartKey,
        tenant: &TenantId,
        part: PartId,
        padding: Padding,
        expected: Option<u64>,
    ) -> Result<Self, SealError> {
        Self::with_cipher(key, tenant, part, padding, expected)
    }
}

impl<C: SegmentCipher> Sealer<C> {
    /// Like [`Sealer::new`], with the implementation `C`.
    pub fn with_cipher(
        key: &PartKey,
        tenant: &TenantId,
        part: PartId,
        padding: Padding,
        expected: Option<u64>,
    ) -> Result<Self, SealError> {
        Ok(Self {
            key: PartKey::from_slice(key.expose()).ok_or(SealError::Cipher)?,
            tenant: tenant.clone(),
            part,
            padding,
            expected,
            open: None,
            totals: SealedTotals { length: 0, padded_length: 0, chunks: 0 },
            failed: false,
        })
    }

    /// Takes bytes from the front of `plaintext` (advancing it) until it is empty or a chunk is full; returns the
    /// chunk if one is. Call again until `plaintext` is empty. After an error the sealer gives nothing more.
    pub fn push(&mut self, plaintext: &mut Bytes) -> Result<Option<SealedChunk>, SealError> {
        if self.failed {
            return Err(SealError::Cipher);
        }
        let result = self.fill(plaintext);
        self.failed = result.is_err();
        result
    }

    /// Takes out what is sealed of the chunk that is being filled: its next bytes, in order, from the header on. They
    /// are missing from the front of the [`SealedChunk`] that follows. Plaintext stays here, less than one segment or
    /// a full one. Empty when nothing was sealed since the last time.
    pub fn take_sealed(&mut self) -> Bytes {
        self.open.as_mut().map_or_else(Bytes::new, OpenChunk::take_sealed)
    }

    /// Pads and seals what remains.
    pub fn finish(mut self) -> Result<(Option<SealedChunk>, SealedTotals), SealError> {
        if self.failed {
            return Err(SealError::Cipher);
        }
        let Some(mut chunk) = self.open.take() else { return Ok((None, self.totals)) };
        chunk.pad(self.padding.padded_length(chunk.plain))?;
        let sealed = self.close(chunk)?;
        Ok((Some(sealed), self.totals))
    }

    fn fill(&mut self, plaintext: &mut Bytes) -> Result<Option<SealedChunk>, SealError> {
        if plaintext.is_empty() {
            return Ok(None);
        }
        let mut chunk = match self.open.take() {
            Some(chunk) => chunk,
            None => self.begin()?,
        };
        let before = plaintext.len();
        chunk.fill(plaintext)?;
        self.totals.length += (before - plaintext.len()) as u64;
        if chunk.plain == CHUNK_BYTES {
            return self.close(chunk).map(Some);
        }
        self.open = Some(chunk);
        Ok(None)
    }

    fn begin(&self) -> Result<OpenChunk<C>, SealError> {
        let index = self.totals.chunks;
        if index == u32::MAX {
            return Err(SealError::TooLong);
        }
        let place = ChunkPlace { tenant: &self.tenant, part: self.part, index };
        OpenChunk::new(&ChunkKey::derive(&self.key, &place)?, self.buffer_bytes())
    }

    /// What to allocate for the next chunk: no more than what is expected of it; a segment when nothing is known of
    /// the part, which may be small; a full chunk when it has shown itself to be long.
    fn buffer_bytes(&self) -> usize {
        let left = self.expected.map_or(0, |expected| expected.saturating_sub(self.totals.length)).min(CHUNK_BYTES);
        match (left, self.totals.chunks) {
            (0, 0) => HEADER_BYTES + SEALED_SEGMENT_BYTES,
            (0, _) => SEALED_CHUNK_BYTES,
            _ => usize::try_from(sealed_length(self.padding.padded_length(left))).unwrap_or(SEALED_CHUNK_BYTES),
        }
    }

    fn close(&mut self, chunk: OpenChunk<C>) -> Result<SealedChunk, SealError> {
        let index = self.totals.chunks;
        self.totals.chunks += 1;
        self.totals.padded_length += chunk.plain;
        Ok(SealedChunk { index, bytes: chunk.finish()? })
    }
}

/// The chunk that is being filled: `header ‖ sealed segments ‖ plaintext of the segment that is open`.
struct OpenChunk<C> {
    cipher: C,
    header: [u8; HEADER_BYTES],
    buffer: Vec<u8>,
    /// Where the open segment begins in `buffer`.
    segment_start: usize,
    segment: u32,
    /// Plaintext bytes in all.
    plain: u64,
}

impl<C: SegmentCipher> OpenChunk<C> {
    fn new(key: &ChunkKey, buffer_bytes: usize) -> Result<Self, SealError> {
        let header = key.header();
        let mut buffer = Vec::with_capacity(buffer_bytes);
        buffer.extend_from_slice(&header);
        Ok(Self { cipher: C::new(key)?, header, buffer, segment_start: HEADER_BYTES, segment: 0, plain: 0 })
    }

    fn fill(&mut self, plaintext: &mut Bytes) -> Result<(), SealError> {
        while !plaintext.is_empty() && self.plain < CHUNK_BYTES {
            let taken = self.make_room(plaintext.len())?;
            self.buffer.extend_from_slice(plaintext.get(..taken).unwrap_or_default());
            plaintext.advance(taken);
            self.plain += taken as u64;
        }
        Ok(())
    }

    fn pad(&mut self, padded: u64) -> Result<(), SealError> {
        while self.plain < padded {
            let left = usize::try_from(padded - self.plain).unwrap_or(SEGMENT_BYTES);
            let taken = self.make_room(left)?;
            self.buffer.resize(self.buffer.len() + taken, 0);
            self.plain += taken as u64;
        }
        Ok(())
    }

    /// Seals the open segment if it is full (more is to come, so it is not the last). Says how many of `wanted` bytes
    /// the open segment takes, with room in the buffer for them and for the tag.
    fn make_room(&mut self, wanted: usize) -> Result<usize, SealError> {
        if self.buffer.len() - self.segment_start == SEGMENT_BYTES {
            self.seal_segment(false)?;
        }
        let taken = wanted.min(SEGMENT_BYTES - (self.buffer.len() - self.segment_start));
        let needed = self.buffer.len() + taken + TAG_BYTES;
        if needed > self.buffer.capacity() {
            let grown = self.buffer.capacity().saturating_mul(2).min(SEALED_CHUNK_BYTES).max(needed);
            self.buffer.reserve_exact(grown - self.buffer.len());
        }
        Ok(taken)
    }

    fn seal_segment(&mut self, last: bool) -> Result<(), SealError> {
        let (_sealed, segment) = self.buffer.split_at_mut(self.segment_start);
        let tag = self.cipher.seal(segment_nonce(self.segment, last), &self.header, segment)?;
        self.buffer.extend_from_slice(&tag);
        self.segment_start = self.buffer.len();
        self.segment += 1;
        Ok(())
    }

    fn take_sealed(&mut self) -> Bytes {
        if self.segment_start == 0 || (self.segment == 0 && self.segment_start == HEADER_BYTES) {
            return Bytes::new();
        }
        // Another buffer for what is left: the large one goes with what it holds.
        let mut rest = Vec::with_capacity(2 * SEALED_SEGMENT_BYTES);
        rest.extend_from_slice(self.buffer.get(self.segment_start..).unwrap_or_default());
        let mut sealed = std::mem::replace(&mut self.buffer, rest);
        sealed.truncate(self.segment_start);
        self.segment_start = 0;
        Bytes::from(sealed)
    }

    fn finish(mut self) -> Result<Bytes, SealError> {
        self.seal_segment(true)?;
        Ok(Bytes::from(self.buffer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(expected: Option<u64>) -> Sealer {
        let key = PartKey::from_slice(&[7; 32]).unwrap();
        Sealer::new(&key, &TenantId::parse("chum").unwrap(), PartId([1; 16]), Padding::Padme, expected).unwrap()
    }

    #[test]
    fn a_part_with_too_many_chunks_is_refused_and_the_sealer_stays_failed() {
        let mut sealer = sealer(None);
        sealer.totals.chunks = u32::MAX;
        let mut plaintext = Bytes::from_static(b"x");
        assert_eq!(sealer.push(&mut plaintext), Err(SealError::TooLong));
        sealer.totals.chunks = 0;
        assert_eq!(sealer.push(&mut plaintext), Err(SealError::Cipher));
        assert_eq!(sealer.finish().unwrap_err(), SealError::Cipher);
    }

    #[test]
    fn the_buffer_is_as_large_as_what_is_expected() {
        for length in [1_u64, 1_024, 100_000, CHUNK_BYTES] {
            let mut sealer = sealer(Some(length));
            let bytes = usize::try_from(sealed_length(Padding::Padme.padded_length(length))).unwrap();
            assert_eq!(sealer.buffer_bytes(), bytes);
            sealer.push(&mut Bytes::from_static(&[0; 1])).unwrap();
            assert_eq!(sealer.open.map(|chunk| chunk.buffer.capacity()), Some(bytes));
        }
    }

    #[test]
    fn what_is_taken_out_early_and_the_rest_are_the_chunk() {
        let plaintext: Vec<u8> = (0..400_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut whole = sealer(None);
        whole.push(&mut Bytes::from(plaintext.clone())).unwrap();
        let whole = whole.finish().unwrap();

        for step in [1_000, 65_536, 65_537, 300_000] {
            let mut piecewise = sealer(None);
            let mut taken = Vec::new();
            for piece in plaintext.chunks(step) {
                piecewise.push(&mut Bytes::copy_from_slice(piece)).unwrap();
                taken.extend_from_slice(&piecewise.take_sealed());
                assert!(piecewise.take_sealed().is_empty());
                let held = piecewise.open.as_ref().unwrap();
                assert!(held.buffer.len() <= HEADER_BYTES + SEGMENT_BYTES);
                assert!(taken.is_empty() || held.buffer.capacity() <= 2 * SEALED_SEGMENT_BYTES);
            }
            let (last, totals) = piecewise.finish().unwrap();
            taken.extend_from_slice(&last.unwrap().bytes);
            let (chunk, expected) = (whole.0.as_ref().unwrap(), whole.1);
            assert!(taken == chunk.bytes, "in steps of {step}");
            assert_eq!(totals, expected);
        }
    }

    #[test]
    fn a_part_of_unknown_length_never_holds_more_than_a_chunk() {
        let mut sealer = sealer(None);
        for _ in 0..255 {
            assert_eq!(sealer.push(&mut Bytes::from_static(&[0; 32 * 1024])), Ok(None));
            assert!(sealer.open.as_ref().is_some_and(|chunk| chunk.buffer.capacity() <= SEALED_CHUNK_BYTES));
        }
        let chunk = sealer.push(&mut Bytes::from_static(&[0; 32 * 1024])).unwrap().unwrap();
        assert_eq!(chunk.bytes.len(), SEALED_CHUNK_BYTES);
    }
}
