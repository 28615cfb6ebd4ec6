//! Arithmetic of ranged reads: whole segments, inside of the chunk, no more than needed, for any numbers.
#![no_main]

use ecluse::seal::layout::{
    CHUNK_BYTES, HEADER_BYTES, SEALED_SEGMENT_BYTES, chunk_count, chunk_plain_length, sealed_length, sealed_range,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, u64, u64, u32)| {
    let (plain, start, end, index) = input;
    assert!(chunk_plain_length(plain, index) <= CHUNK_BYTES.min(plain));
    assert_eq!(
        chunk_plain_length(plain, index) > 0,
        index < chunk_count(plain) || plain > u64::from(index) * CHUNK_BYTES
    );
    for plain in [plain, plain % (CHUNK_BYTES + 2)] {
        let range = sealed_range(plain, &(start..end));
        let inside = start < end && end <= plain && plain <= CHUNK_BYTES;
        assert_eq!(inside, range.start < range.end);
        assert!(range.end <= sealed_length(plain));
        if inside {
            let (header, unit) = (HEADER_BYTES as u64, SEALED_SEGMENT_BYTES as u64);
            assert!(range.start == 0 || (range.start - header) % unit == 0);
            assert!(range.end == sealed_length(plain) || (range.end - header) % unit == 0);
            assert!(range.end - range.start <= (end - start).div_ceil(65_536) * unit + unit + header);
        }
    }
});
