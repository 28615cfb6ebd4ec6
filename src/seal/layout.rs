//! Sizes and labels of the format, all in one place. `docs/format.md` §2.

use std::ops::Range;

/// Plaintext bytes of a full chunk.
pub const CHUNK_BYTES: u64 = 8 * 1024 * 1024;
/// Plaintext bytes of a full segment.
pub const SEGMENT_BYTES: usize = 64 * 1024;
/// Bytes of an authentication tag.
pub const TAG_BYTES: usize = 16;
/// Bytes of a chunk's header.
pub const HEADER_BYTES: usize = 40;

/// How many chunks a part of `padded_length` plaintext bytes has.
pub fn chunk_count(padded_length: u64) -> u32 {
    u32::try_from(padded_length.div_ceil(CHUNK_BYTES)).unwrap_or(u32::MAX)
}

/// The padded plaintext length of chunk `index` of such a part.
pub fn chunk_plain_length(padded_length: u64, index: u32) -> u64 {
    padded_length.saturating_sub(u64::from(index) * CHUNK_BYTES).min(CHUNK_BYTES)
}

/// The sealed length of a chunk of `plain` bytes: header, bytes, and a tag for each segment.
pub fn sealed_length(plain: u64) -> u64 {
    let segments = plain.div_ceil(SEGMENT_BYTES as u64);
    HEADER_BYTES as u64 + plain + segments * TAG_BYTES as u64
}

/// The sealed bytes to fetch for plaintext bytes `wanted` of a chunk of `plain` bytes: whole segments, with the header
/// when the first segment is among them.
pub fn sealed_range(plain: u64, wanted: &Range<u64>) -> Range<u64> {
    let _ = (plain, wanted);
    0..0
}
