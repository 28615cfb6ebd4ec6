//! XML from a client is understood or refused, never a panic. No document is of two kinds.
#![no_main]

use ecluse::front::s3::read_s3_xml;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    assert!(read_s3_xml(input) <= 1);
});
