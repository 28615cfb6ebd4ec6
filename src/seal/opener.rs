//! The opener: sealed bytes of one chunk (or of whole segments of it) in, checked plaintext out.

use std::ops::Range;

use bytes::Bytes;

use super::{ChunkPlace, SealError};
use crate::secret::PartKey;

/// What to read of one chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkRead {
    /// Padded plaintext length of the chunk.
    pub plain_length: u64,
    /// Plaintext bytes wanted of it; not empty.
    pub wanted: Range<u64>,
}

impl ChunkRead {
    /// The sealed bytes to fetch for it.
    pub fn sealed_range(&self) -> Range<u64> {
        super::layout::sealed_range(self.plain_length, &self.wanted)
    }
}

/// Opens the sealed bytes of one [`ChunkRead`].
pub struct Opener;

impl Opener {
    /// An opener that expects exactly `read.sealed_range()`.
    pub fn new(_key: &PartKey, _place: &ChunkPlace<'_>, _read: ChunkRead) -> Result<Self, SealError> {
        Ok(Self)
    }

    /// Takes sealed bytes in any fragmentation. After an error the opener gives nothing more.
    pub fn push(&mut self, _sealed: Bytes) -> Result<(), SealError> {
        Err(SealError::NotAuthentic)
    }

    /// Checked plaintext, in order, cut to what is wanted; `None` when more sealed bytes are needed.
    pub fn pop(&mut self) -> Option<Bytes> {
        None
    }

    /// How many bytes of the sealed range were opened: where to resume a transfer that broke (a segment boundary).
    /// Bytes of an unfinished segment are dropped by [`resume`](Self::resume).
    pub fn opened_until(&self) -> u64 {
        0
    }

    /// Drops the bytes of an unfinished segment; the next push begins at [`opened_until`](Self::opened_until).
    pub fn resume(&mut self) {}

    /// Checks that everything arrived.
    pub fn finish(self) -> Result<(), SealError> {
        Err(SealError::NotAuthentic)
    }
}
