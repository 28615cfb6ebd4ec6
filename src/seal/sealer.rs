//! The sealer: plaintext of one part in, sealed chunks out.

use bytes::Bytes;

use super::{Padding, SealError};
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
pub struct Sealer;

impl Sealer {
    /// `expected`: the part's plaintext length, where it is known: sizes the buffer of the first chunk, no more.
    pub fn new(
        _key: &PartKey,
        _tenant: &TenantId,
        _part: PartId,
        _padding: Padding,
        _expected: Option<u64>,
    ) -> Result<Self, SealError> {
        Ok(Self)
    }

    /// Takes bytes from the front of `plaintext` (advancing it) until it is empty or a chunk is full; returns the
    /// chunk if one is. Call again until `plaintext` is empty.
    pub fn push(&mut self, _plaintext: &mut Bytes) -> Result<Option<SealedChunk>, SealError> {
        Ok(None)
    }

    /// Pads and seals what remains.
    pub fn finish(self) -> Result<(Option<SealedChunk>, SealedTotals), SealError> {
        Err(SealError::Cipher)
    }
}
