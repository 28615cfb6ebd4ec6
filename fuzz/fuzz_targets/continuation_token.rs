//! Continuation tokens come from clients: any text either parses or is refused, and never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _start = ecluse::front::s3::parse_token(text);
});
