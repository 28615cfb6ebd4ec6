//! Which chunks, and which bytes of each, a range of an object needs.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{ByteRange, PartId, ProviderName, Slice, Timestamp};
use crate::seal::{ChunkRead, layout};
use crate::secret::PartKey;

/// A part whose key was unwrapped for a read that has begun.
pub(in crate::gateway) struct OpenPart {
    pub(in crate::gateway) id: PartId,
    pub(in crate::gateway) key: PartKey,
    pub(in crate::gateway) placements: Vec<ProviderName>,
    padded_length: u64,
    stored: Timestamp,
    /// How long a chunk may be unseen after it was stored.
    late: Duration,
    /// Bytes of the part that are left to read.
    rest: Range<u64>,
}

/// One chunk to fetch.
pub(in crate::gateway) struct Step {
    pub(in crate::gateway) part: Arc<OpenPart>,
    pub(in crate::gateway) index: u32,
    pub(in crate::gateway) read: ChunkRead,
}

impl OpenPart {
    /// The bytes of `slice` that lie within `range`; `None` when none do.
    pub(in crate::gateway) fn of_slice(slice: Slice, key: PartKey, range: ByteRange, late: Duration) -> Option<Self> {
        let slice_end = slice.position.checked_add(slice.length)?;
        let first = range.first.max(slice.position);
        let end = range.end.min(slice_end);
        if first >= end {
            return None;
        }
        let start = slice.offset.checked_add(first - slice.position)?;
        let rest = start..start.checked_add(end - first)?;
        if rest.end > slice.part.length {
            return None;
        }
        Some(Self {
            id: slice.part.id,
            key,
            placements: slice.part.placements,
            padded_length: slice.part.padded_length,
            stored: slice.part.stored,
            late,
            rest,
        })
    }

    /// Whether its chunks were stored so lately that the provider may not show them yet.
    pub(in crate::gateway) fn may_be_late(&self) -> bool {
        let age = Timestamp::now().0.saturating_sub(self.stored.0).unsigned_abs();
        u128::from(age) < self.late.as_millis()
    }

    /// How many bytes it gives.
    pub(in crate::gateway) fn length(&self) -> u64 {
        self.rest.end - self.rest.start
    }
}

/// The chunks of `part`, in order. Lazy: an object of terabytes has a plan of a few bytes.
pub(in crate::gateway) fn steps(part: Arc<OpenPart>) -> impl Iterator<Item = Step> + Send {
    let mut at = part.rest.start;
    std::iter::from_fn(move || {
        if at >= part.rest.end {
            return None;
        }
        let index = u32::try_from(at / layout::CHUNK_BYTES).ok()?;
        let chunk_start = u64::from(index) * layout::CHUNK_BYTES;
        let end = part.rest.end.min(chunk_start + layout::CHUNK_BYTES);
        let wanted = at - chunk_start..end - chunk_start;
        at = end;
        let plain_length = layout::chunk_plain_length(part.padded_length, index);
        Some(Step { part: Arc::clone(&part), index, read: ChunkRead { plain_length, wanted } })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Part, WrappedKey};

    const CHUNK: u64 = layout::CHUNK_BYTES;

    fn slice(position: u64, offset: u64, length: u64, part_length: u64) -> Slice {
        let part = Part {
            id: PartId([7; 16]),
            length: part_length,
            padded_length: part_length,
            wrapped_key: WrappedKey { key_version: 1, bytes: Vec::new() },
            placements: Vec::new(),
            stored: Timestamp(0),
        };
        Slice { position, part, offset, length }
    }

    fn plan(slice: Slice, first: u64, end: u64) -> Vec<(u32, Range<u64>)> {
        let key = PartKey::generate().unwrap();
        OpenPart::of_slice(slice, key, ByteRange { first, end }, Duration::ZERO)
            .map(|part| steps(Arc::new(part)).map(|step| (step.index, step.read.wanted)).collect())
            .unwrap_or_default()
    }

    #[test]
    fn a_range_across_chunks_takes_the_end_of_one_and_the_head_of_the_next() {
        let whole = slice(0, 0, 3 * CHUNK, 3 * CHUNK);
        assert_eq!(plan(whole, CHUNK - 1, 2 * CHUNK + 1), vec![(0, CHUNK - 1..CHUNK), (1, 0..CHUNK), (2, 0..1)]);
    }

    #[test]
    fn a_slice_in_the_middle_of_an_object_is_read_at_its_own_offset() {
        let cut = slice(100, CHUNK - 10, 20, 2 * CHUNK);
        assert_eq!(plan(cut.clone(), 0, 1000), vec![(0, CHUNK - 10..CHUNK), (1, 0..10)]);
        assert_eq!(plan(cut.clone(), 105, 110), vec![(0, CHUNK - 5..CHUNK)]);
        assert_eq!(plan(cut.clone(), 0, 100), vec![]);
        assert_eq!(plan(cut, 120, 130), vec![]);
    }

    #[test]
    fn a_slice_that_overruns_its_part_gives_no_plan() {
        assert_eq!(plan(slice(0, 90, 20, 100), 0, 20), vec![]);
    }
}
