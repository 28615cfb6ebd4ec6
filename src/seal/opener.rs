//! The opener: sealed bytes of one chunk (or of whole segments of it) in, checked plaintext out.
//! `docs/format.md` §2 and §7.
//!
//! # Invariants
//! - The header is compared whole, in constant time, before a segment is decrypted.
//! - Plaintext is queued only after its segment's tag was checked; an error empties the queue for good.
//! - Not a byte more or less than the sealed range is accepted.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Buf, Bytes, BytesMut};
use subtle::ConstantTimeEq;

use super::layout::{HEADER_BYTES, SEGMENT_BYTES, TAG_BYTES, sealed_range, segment_plain_length, segments};
use super::segment::segment_nonce;
use super::{AwsLc, ChunkKey, ChunkPlace, SealError, SegmentCipher};
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
        sealed_range(self.plain_length, &self.wanted)
    }
}

/// Opens the sealed bytes of one [`ChunkRead`].
pub struct Opener<C: SegmentCipher = AwsLc> {
    cipher: C,
    /// As derived from the key: additional data of every segment, whether or not the header itself is fetched.
    header: [u8; HEADER_BYTES],
    read: ChunkRead,
    /// The header is still to come.
    header_due: bool,
    segment: u32,
    /// Sealed bytes expected, opened, and received, from the beginning of the sealed range.
    expected: u64,
    opened: u64,
    received: u64,
    /// Bytes of an unfinished segment (or header).
    unfinished: BytesMut,
    ready: VecDeque<Bytes>,
    failed: bool,
}

impl Opener {
    /// An opener of the bulk library that expects exactly `read.sealed_range()`.
    pub fn new(key: &PartKey, place: &ChunkPlace<'_>, read: ChunkRead) -> Result<Self, SealError> {
        Self::with_cipher(key, place, read)
    }
}

impl<C: SegmentCipher> Opener<C> {
    /// Like [`Opener::new`], with the implementation `C`.
    pub fn with_cipher(key: &PartKey, place: &ChunkPlace<'_>, read: ChunkRead) -> Result<Self, SealError> {
        let segments = segments(read.plain_length, &read.wanted).ok_or(SealError::OutOfRange)?;
        let sealed = read.sealed_range();
        let key = ChunkKey::derive(key, place)?;
        Ok(Self {
            cipher: C::new(&key)?,
            header: key.header(),
            read,
            header_due: segments.start == 0,
            segment: segments.start,
            expected: sealed.end - sealed.start,
            opened: 0,
            received: 0,
            unfinished: BytesMut::new(),
            ready: VecDeque::new(),
            failed: false,
        })
    }

    /// Takes sealed bytes in any fragmentation. After an error the opener gives nothing more.
    ///
    /// Bytes of which this is the only owner are opened where they lie; others are copied once.
    pub fn push(&mut self, sealed: Bytes) -> Result<(), SealError> {
        if self.failed {
            return Err(SealError::NotAuthentic);
        }
        let result = self.take(sealed);
        if result.is_err() {
            self.failed = true;
            self.ready.clear();
            self.unfinished = BytesMut::new();
        }
        result
    }

    /// Checked plaintext, in order, cut to what is wanted; `None` when more sealed bytes are needed.
    pub fn pop(&mut self) -> Option<Bytes> {
        self.ready.pop_front()
    }

    /// How many bytes of the sealed range were opened: where to resume a transfer that broke (a segment boundary).
    /// Bytes of an unfinished segment are dropped by [`resume`](Self::resume).
    pub fn opened_until(&self) -> u64 {
        self.opened
    }

    /// Drops the bytes of an unfinished segment; the next push begins at [`opened_until`](Self::opened_until).
    /// What failed stays failed.
    pub fn resume(&mut self) {
        self.unfinished.clear();
        self.received = self.opened;
    }

    /// Checks that everything arrived. Pop first: what is still queued is dropped.
    pub fn finish(self) -> Result<(), SealError> {
        if self.failed || self.opened != self.expected { Err(SealError::NotAuthentic) } else { Ok(()) }
    }

    fn take(&mut self, sealed: Bytes) -> Result<(), SealError> {
        self.received = self.received.saturating_add(sealed.len() as u64);
        if self.received > self.expected {
            return Err(SealError::NotAuthentic);
        }
        let mut fragment = match sealed.try_into_mut() {
            Ok(owned) => Fragment::Owned(owned),
            Err(shared) => Fragment::Shared(shared),
        };
        while !fragment.is_empty() {
            let unit_bytes = self.unit_bytes();
            if self.unfinished.is_empty() && fragment.len() >= unit_bytes {
                let unit = fragment.split_to(unit_bytes);
                self.accept(unit)?;
                continue;
            }
            if self.unfinished.is_empty() {
                self.unfinished.reserve(unit_bytes);
            }
            let missing = unit_bytes - self.unfinished.len();
            fragment.move_to(&mut self.unfinished, missing);
            if self.unfinished.len() == unit_bytes {
                let unit = self.unfinished.split();
                self.accept(unit)?;
            }
        }
        Ok(())
    }

    /// Sealed bytes of what comes next: the header, or a segment with its tag.
    fn unit_bytes(&self) -> usize {
        if self.header_due {
            HEADER_BYTES
        } else {
            segment_plain_length(self.read.plain_length, self.segment) + TAG_BYTES
        }
    }

    fn accept(&mut self, unit: BytesMut) -> Result<(), SealError> {
        let unit_bytes = unit.len() as u64;
        if self.header_due {
            if !bool::from(unit.as_ref().ct_eq(self.header.as_slice())) {
                return Err(SealError::NotAuthentic);
            }
            self.header_due = false;
        } else {
            self.open_segment(unit)?;
            self.segment += 1;
        }
        self.opened += unit_bytes;
        Ok(())
    }

    fn open_segment(&mut self, mut unit: BytesMut) -> Result<(), SealError> {
        let begins = u64::from(self.segment) * SEGMENT_BYTES as u64;
        let plain_bytes = unit.len().checked_sub(TAG_BYTES).ok_or(SealError::NotAuthentic)?;
        let tag: [u8; TAG_BYTES] =
            unit.split_off(plain_bytes).as_ref().try_into().map_err(|_cause| SealError::NotAuthentic)?;
        let ends = begins + plain_bytes as u64;
        let nonce = segment_nonce(self.segment, ends == self.read.plain_length);
        self.cipher.open(nonce, &self.header, unit.as_mut(), &tag)?;

        let within = |position: u64| usize::try_from(position - begins).unwrap_or(plain_bytes);
        unit.truncate(within(self.read.wanted.end.clamp(begins, ends)));
        unit.advance(within(self.read.wanted.start.clamp(begins, ends)).min(unit.len()));
        if !unit.is_empty() {
            self.ready.push_back(unit.freeze());
        }
        Ok(())
    }
}

/// Pushed bytes: ours to decrypt in place, or shared with someone.
enum Fragment {
    Owned(BytesMut),
    Shared(Bytes),
}

impl Fragment {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }

    fn len(&self) -> usize {
        self.as_slice().len()
    }

    fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// The first `length` bytes, which are there.
    fn split_to(&mut self, length: usize) -> BytesMut {
        match self {
            Self::Owned(bytes) => bytes.split_to(length),
            Self::Shared(bytes) => BytesMut::from(bytes.split_to(length).as_ref()),
        }
    }

    /// Moves up to `length` bytes to the end of `target`.
    fn move_to(&mut self, target: &mut BytesMut, length: usize) {
        let length = length.min(self.len());
        target.extend_from_slice(self.as_slice().get(..length).unwrap_or_default());
        match self {
            Self::Owned(bytes) => bytes.advance(length),
            Self::Shared(bytes) => bytes.advance(length),
        }
    }
}
