//! Sizes and labels of the format, all in one place. `docs/format.md` §2 and §3.
//!
//! # Invariants
//! - A sealed length follows from a plaintext length alone, so a ranged read is one ranged get of whole segments.
//! - Arithmetic never wraps: what is out of bounds gives an empty range or a saturated length, never a plausible one.

use std::ops::Range;

use crate::model::Part;

/// First bytes of a chunk.
pub const MAGIC: [u8; 4] = *b"ECLU";
/// The format's version.
pub const FORMAT: u8 = 0x01;
/// The suite: HKDF-SHA-256 and AES-256-GCM (RFC 5869, NIST SP 800-38D).
pub const SUITE: u8 = 0x01;
/// Salt of the chunk key derivation.
pub const CHUNK_SALT: &[u8] = b"ecluse/1";

/// Salt and label of the notes that a catalog leaves at its providers. `docs/format.md` §11.
pub const NOTE_SALT: &[u8] = b"ecluse/1/note";
/// Plaintext bytes of a note.
pub const NOTE_BYTES: usize = 1024;
/// Bytes of a note, sealed.
pub const SEALED_NOTE_BYTES: usize = 1080;

/// Plaintext bytes of a full chunk.
pub const CHUNK_BYTES: u64 = 8 * 1024 * 1024;
/// Plaintext bytes of a full segment.
pub const SEGMENT_BYTES: usize = 64 * 1024;
/// Bytes of an authentication tag.
pub const TAG_BYTES: usize = 16;
/// Bytes of a chunk's header.
pub const HEADER_BYTES: usize = 40;
/// Bytes of an AES-256 key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a commitment.
pub const COMMITMENT_BYTES: usize = 32;
/// Bytes of a segment's nonce.
pub const NONCE_BYTES: usize = 12;
/// Bytes of a chunk's name, before it is written in hex.
pub const NAME_BYTES: usize = 20;
/// Fewest plaintext bytes of a padded chunk.
pub const PADDED_MINIMUM_BYTES: u64 = 1024;
/// Bytes of a full segment, sealed.
pub const SEALED_SEGMENT_BYTES: usize = SEGMENT_BYTES + TAG_BYTES;
/// Bytes of a full chunk, sealed.
pub const SEALED_CHUNK_BYTES: usize = 8_390_696;

const SEGMENT: u64 = SEGMENT_BYTES as u64;
const SEALED_SEGMENT: u64 = SEALED_SEGMENT_BYTES as u64;
const HEADER: u64 = HEADER_BYTES as u64;

const _: () = assert!(HEADER_BYTES == MAGIC.len() + 1 + 1 + 2 + COMMITMENT_BYTES);
const _: () = assert!(CHUNK_BYTES == Part::CHUNK_BYTES, "what the catalog counts is what is sealed");
const _: () = assert!(CHUNK_BYTES.is_multiple_of(SEGMENT));
const _: () = assert!(CHUNK_BYTES.is_power_of_two(), "Padmé never pads beyond the next power of two");
const _: () = assert!(PADDED_MINIMUM_BYTES <= SEGMENT);
const _: () = assert!(CHUNK_BYTES / SEGMENT <= u32::MAX as u64, "a segment's number has 32 bits");
const _: () = assert!(NOTE_BYTES as u64 == PADDED_MINIMUM_BYTES, "a note is as long as the smallest padded chunk");
const _: () = assert!(SEALED_NOTE_BYTES as u64 == sealed_length(NOTE_BYTES as u64));
const _: () = assert!(NONCE_BYTES == 4 + 7 + 1);
const _: () = assert!(sealed_length(CHUNK_BYTES) == SEALED_CHUNK_BYTES as u64);
const _: () = assert!(sealed_length(1) == HEADER + 1 + TAG_BYTES as u64);

/// How many chunks a part of `padded_length` plaintext bytes has.
pub fn chunk_count(padded_length: u64) -> u32 {
    Part::chunks_of(padded_length)
}

/// The padded plaintext length of chunk `index` of such a part.
pub fn chunk_plain_length(padded_length: u64, index: u32) -> u64 {
    padded_length.saturating_sub(u64::from(index) * CHUNK_BYTES).min(CHUNK_BYTES)
}

/// The sealed length of a chunk of `plain` bytes: header, bytes, and a tag for each segment.
pub const fn sealed_length(plain: u64) -> u64 {
    let tags = plain.div_ceil(SEGMENT).saturating_mul(TAG_BYTES as u64);
    HEADER.saturating_add(plain).saturating_add(tags)
}

/// The segments that hold plaintext bytes `wanted` of a chunk of `plain` bytes: the first, and one past the last.
/// `None` when `wanted` is empty or lies outside, or when no chunk has `plain` bytes.
pub fn segments(plain: u64, wanted: &Range<u64>) -> Option<Range<u32>> {
    if wanted.start >= wanted.end || wanted.end > plain || plain > CHUNK_BYTES {
        return None;
    }
    let first = u32::try_from(wanted.start / SEGMENT).ok()?;
    let end = u32::try_from(wanted.end.div_ceil(SEGMENT)).ok()?;
    Some(first..end)
}

/// The sealed bytes to fetch for plaintext bytes `wanted` of a chunk of `plain` bytes: whole segments, with the header
/// when the first segment is among them. Empty where [`segments`] has nothing.
pub fn sealed_range(plain: u64, wanted: &Range<u64>) -> Range<u64> {
    let Some(segments) = segments(plain, wanted) else { return 0..0 };
    let boundary = |segment: u32| HEADER + u64::from(segment) * SEALED_SEGMENT;
    let start = if segments.start == 0 { 0 } else { boundary(segments.start) };
    start..boundary(segments.end).min(sealed_length(plain))
}

/// Plaintext bytes of segment `number` of a chunk of `plain` bytes; 0 where there is none.
pub fn segment_plain_length(plain: u64, number: u32) -> usize {
    let left = plain.saturating_sub(u64::from(number) * SEGMENT).min(SEGMENT);
    usize::try_from(left).unwrap_or(SEGMENT_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_range_is_whole_segments_and_brings_the_header_with_the_first() {
        let plain = 3 * SEGMENT + 5;
        assert_eq!(sealed_range(plain, &(0..1)), 0..40 + SEALED_SEGMENT);
        assert_eq!(sealed_range(plain, &(0..plain)), 0..sealed_length(plain));
        assert_eq!(sealed_range(plain, &(SEGMENT..SEGMENT + 1)), 40 + SEALED_SEGMENT..40 + 2 * SEALED_SEGMENT);
        assert_eq!(sealed_range(plain, &(SEGMENT - 1..SEGMENT + 1)), 0..40 + 2 * SEALED_SEGMENT);
        assert_eq!(sealed_range(plain, &(plain - 1..plain)), 40 + 3 * SEALED_SEGMENT..sealed_length(plain));
        assert_eq!(sealed_range(2 * SEGMENT, &(2 * SEGMENT - 1..2 * SEGMENT)).end, sealed_length(2 * SEGMENT));
    }

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "it must be refused")]
    fn a_range_that_is_not_in_the_chunk_is_empty() {
        for (plain, wanted) in
            [(0, 0..0), (5, 0..0), (5, 5..6), (5, 4..6), (5, 3..2), (u64::MAX, 0..1), (CHUNK_BYTES + 1, 0..1)]
        {
            assert_eq!(sealed_range(plain, &wanted), 0..0, "{plain} {wanted:?}");
        }
    }

    #[test]
    fn lengths_saturate() {
        assert_eq!(sealed_length(u64::MAX), u64::MAX);
        assert_eq!(chunk_count(u64::MAX), u32::MAX);
        assert_eq!(chunk_plain_length(u64::MAX, u32::MAX), CHUNK_BYTES);
        assert_eq!(chunk_plain_length(CHUNK_BYTES, 1), 0);
        assert_eq!(segment_plain_length(SEGMENT + 1, 1), 1);
        assert_eq!(segment_plain_length(SEGMENT + 1, u32::MAX), 0);
    }
}
