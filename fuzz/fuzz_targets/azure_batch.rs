//! A batch is understood or refused, never a panic; it has 1 to 256 requests, each longer than its delimiter.
#![no_main]

use ecluse::front::azure::parse_batch;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Some(count) = parse_batch("multipart/mixed; boundary=b", body) else { return };
    assert!((1..=256).contains(&count));
    assert!(count * "--b\n".len() < body.len());
});
