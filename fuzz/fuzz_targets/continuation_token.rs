//! What continuation tokens hold is sealed by the gateway; any bytes still either say where a page begins, or are refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _start = ecluse::front::parse_start(bytes);
});
