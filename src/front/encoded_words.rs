//! Encoded words: text that is no ASCII in a header, as S3 answers it.
//!
//! Source: RFC 2047, section 2; S3 "Working with object metadata".

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Bytes of a value in one word, which has at most 75 characters.
const WORD_BYTES: usize = 45;

/// Text as words, cut between characters.
pub(super) fn encode(value: &str) -> String {
    let mut words = Vec::new();
    let mut rest = value;
    while !rest.is_empty() {
        let (word, tail) = rest.split_at(rest.floor_char_boundary(WORD_BYTES));
        words.push(format!("=?UTF-8?B?{}?=", STANDARD.encode(word)));
        rest = tail;
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters() {
        let value = "é".repeat(100);
        let decoded: Vec<u8> = encode(&value)
            .split(' ')
            .flat_map(|word| {
                assert!(word.len() <= 75);
                STANDARD.decode(word.trim_start_matches("=?UTF-8?B?").trim_end_matches("?=")).unwrap()
            })
            .collect();
        assert_eq!(String::from_utf8(decoded).unwrap(), value);
    }
}
