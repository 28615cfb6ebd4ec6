//! A shared access signature is understood or refused, never a panic; each of its parameters is in the text that is signed.
//! The input is a query, not encoded.
#![no_main]

use ecluse::front::azure::parse_sas;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let pair = |text: &str| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let query: Vec<(String, String)> = input.split('&').filter_map(pair).collect();
    let Some(text) = parse_sas(&query) else { return };
    let lines: Vec<&str> = text.split('\n').collect();
    for (name, value) in &query {
        if ["sv", "sp", "st", "se", "sip", "spr", "si", "ss", "srt", "skoid", "ske", "rscd", "rsct"]
            .contains(&name.as_str())
        {
            assert!(lines.contains(&value.as_str()), "{name}");
        }
    }
});
