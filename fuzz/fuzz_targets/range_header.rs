//! A `Range` header either is ignored or names bytes that lie within the object.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, u64)| {
    let (text, length) = input;
    let Some(request) = ecluse::front::s3::parse_range(text) else { return };
    if let Ok(range) = request.resolve(length) {
        assert!(range.first < range.end && range.end <= length);
    }
});
