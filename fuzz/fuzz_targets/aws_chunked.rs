//! An aws-chunked body says the same however it arrives, and never more than was sent.
#![no_main]

use ecluse::front::s3::decode_chunked;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], usize)| {
    let (body, piece_bytes) = input;
    let whole = decode_chunked(body, body.len());
    assert_eq!(decode_chunked(body, piece_bytes), whole);
    assert!(whole.is_none_or(|object| object.len() < body.len()));
});
