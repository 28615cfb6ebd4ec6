//! What a shared key signs of a request is made without a panic, and no two queries are signed as one.
#![no_main]

use std::collections::BTreeMap;

use ecluse::front::azure::canonical_request;
use libfuzzer_sys::fuzz_target;

type Pairs = Vec<(String, String)>;

fuzz_target!(|input: (&str, Pairs, Pairs, Pairs)| {
    let (path, query, other, headers) = input;
    let texts = |query: &Pairs, lite| canonical_request(path, query, &headers, lite);
    let _lite = texts(&query, true);
    if let (Some(one), Some(two)) = (texts(&query, false), texts(&other, false))
        && one == two
    {
        let folded = |query: &Pairs| -> BTreeMap<String, String> {
            query.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect()
        };
        assert_eq!(folded(&query), folded(&other));
    }
});
