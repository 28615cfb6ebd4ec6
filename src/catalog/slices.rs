//! Slices as both catalogs count and join them, and how a version's slices are read page by page.
//!
//! # Invariants
//! - No two neighbours of a content are neighbours in one part: they are one slice.
//! - A version has at most [`MOST_SLICES`], a block and a part of an upload at most [`MOST_SLICES_OF_PIECE`]. What would
//!   have more is refused before anything of it is written.

use std::sync::Arc;

use super::{CatalogError, Refusal};
use crate::model::{ByteRange, PartId, Slice};

/// Most slices of a version: 50,000 blocks or appends, or 10,000 parts, with room for those that are made of pieces of
/// others.
pub const MOST_SLICES: usize = 1 << 16;
/// Most slices of a block or of a part of an upload, which only a copy of a range can give more than one.
pub const MOST_SLICES_OF_PIECE: usize = 10_000;
/// Most slices that are read, or released, at once: in memory some 100 KiB.
pub const PAGE_SLICES: usize = 256;

/// As [`Slice`], with the part's id only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PartSlice {
    /// Where it begins in the content, in bytes.
    pub(super) position: u64,
    pub(super) part: PartId,
    /// Where it begins in the part, in bytes.
    pub(super) offset: u64,
    pub(super) length: u64,
}

impl PartSlice {
    pub(super) fn end(&self) -> u64 {
        self.position + self.length
    }

    /// What of it lies in `range`, if anything does, as bytes at `position` and after.
    pub(super) fn cut(&self, range: ByteRange, position: u64) -> Option<Self> {
        let first = self.position.max(range.first);
        let end = self.end().min(range.end);
        (first < end).then(|| Self {
            position: position + (first - range.first),
            part: self.part,
            offset: self.offset + (first - self.position),
            length: end - first,
        })
    }
}

/// Slices in order, from position 0 on; neighbours in one part become one.
#[derive(Debug, Default)]
pub(super) struct Joined {
    slices: Vec<PartSlice>,
    most: usize,
}

impl Joined {
    /// Nothing yet, and at most `most` in the end.
    pub(super) fn up_to(most: usize) -> Self {
        Self { slices: Vec::new(), most }
    }

    /// Adds a slice behind the others, whatever its position was.
    pub(super) fn add(&mut self, slice: PartSlice) -> Result<(), CatalogError> {
        let position = self.length();
        if let Some(last) = self.slices.last_mut()
            && last.part == slice.part
            && last.offset + last.length == slice.offset
        {
            last.length += slice.length;
            return Ok(());
        }
        if self.slices.len() == self.most {
            return Err(CatalogError::Refused(Refusal::TooManySlices));
        }
        self.slices.push(PartSlice { position, ..slice });
        Ok(())
    }

    /// Bytes in all.
    pub(super) fn length(&self) -> u64 {
        self.slices.last().map_or(0, PartSlice::end)
    }

    pub(super) fn into_slices(self) -> Vec<PartSlice> {
        self.slices
    }
}

/// Slices of an opened version that come after a page of them: the same ones, whatever becomes of the version meanwhile.
#[derive(Debug, Clone)]
pub struct MoreSlices {
    /// The bytes that they hold.
    pub(super) range: ByteRange,
    pub(super) rest: Rest,
}

/// Where they are.
#[derive(Debug, Clone)]
pub(super) enum Rest {
    /// In rows, which stay while this is held.
    Rows(Arc<dyn Rows>),
    /// Here, in order.
    Kept(Arc<[Slice]>),
}

/// Rows of a content that are held back from the purge.
pub(super) trait Rows: std::fmt::Debug + Send + Sync {
    /// Which.
    fn content(&self) -> i64;
}

/// A page of an opened version's slices.
#[derive(Debug, Clone)]
pub struct SlicePage {
    /// In order, whole (not cut to the range that was asked for). At most [`PAGE_SLICES`].
    pub slices: Vec<Slice>,
    /// What comes after them.
    pub more: Option<MoreSlices>,
}

impl SlicePage {
    /// The first page of slices that are all in memory, which hold the bytes of `range`.
    pub(super) fn of_kept(slices: Arc<[Slice]>, range: ByteRange) -> Self {
        let page: Vec<Slice> = slices.iter().take(PAGE_SLICES).cloned().collect();
        let first = page.last().map(|slice| slice.position + slice.length);
        let rest = slices.get(page.len()..).filter(|rest| !rest.is_empty());
        let more = rest.zip(first).map(|(rest, first)| MoreSlices {
            range: ByteRange { first, end: range.end },
            rest: Rest::Kept(rest.into()),
        });
        Self { slices: page, more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(part: u8, offset: u64, length: u64) -> PartSlice {
        PartSlice { position: 77, part: PartId([part; 16]), offset, length }
    }

    #[test]
    fn neighbours_in_one_part_become_one_slice_and_others_do_not() {
        let mut joined = Joined::up_to(4);
        for next in
            [slice(1, 0, 10), slice(1, 10, 10), slice(1, 20, 1), slice(1, 20, 1), slice(2, 21, 4), slice(1, 25, 5)]
        {
            joined.add(next).unwrap();
        }
        assert_eq!(joined.length(), 31);
        let seen: Vec<_> = joined.slices.iter().map(|s| (s.position, s.part.0[0], s.offset, s.length)).collect();
        assert_eq!(seen, [(0, 1, 0, 21), (21, 1, 20, 1), (22, 2, 21, 4), (26, 1, 25, 5)]);
        assert!(joined.add(slice(1, 30, 1)).is_ok(), "a neighbour needs no room");
        assert!(matches!(joined.add(slice(3, 0, 1)), Err(CatalogError::Refused(Refusal::TooManySlices))));
    }
}
