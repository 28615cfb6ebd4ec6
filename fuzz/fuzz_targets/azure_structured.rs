//! A structured message says the same however it arrives, and never more than was sent.
//!
//! Half of the inputs are made into a message of one segment whose lengths fit, so that more than its header is read.
#![no_main]

use ecluse::front::azure::decode_structured;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], usize, bool)| {
    let (bytes, piece_bytes, headed) = input;
    let mut message = bytes.to_vec();
    if headed {
        let announced = bytes.len() as u64 + 13;
        message = [&[1][..], &announced.to_le_bytes(), &[1, 0, 1, 0], bytes].concat();
    }
    let whole = decode_structured(&message, message.len());
    assert_eq!(decode_structured(&message, piece_bytes), whole);
    assert!(whole.is_none_or(|content| content.len() + 21 <= message.len()));
});
