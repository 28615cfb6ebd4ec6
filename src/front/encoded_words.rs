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

/// A value with its words decoded. What is no word, or cannot be decoded, stays as it is.
pub(super) fn decode(value: &str) -> String {
    if !value.contains("=?") {
        return value.to_owned();
    }
    let (mut decoded, mut rest, mut after_word) = (String::new(), value, false);
    while let Some(at) = rest.find("=?") {
        let (before, tail) = rest.split_at(at);
        let Some((text, length)) = word(tail) else {
            let (start, next) = tail.split_at(2);
            decoded.push_str(before);
            decoded.push_str(start);
            (rest, after_word) = (next, false);
            continue;
        };
        // White space between two words belongs to neither (RFC 2047 §6.2).
        if !(after_word && before.trim().is_empty()) {
            decoded.push_str(before);
        }
        decoded.push_str(&text);
        (rest, after_word) = (tail.get(length..).unwrap_or_default(), true);
    }
    decoded.push_str(rest);
    decoded
}

/// The word at the beginning of `text`, decoded, and how long it was.
fn word(text: &str) -> Option<(String, usize)> {
    let mut fields = text.strip_prefix("=?")?.splitn(3, '?');
    let (charset, encoding, rest) = (fields.next()?, fields.next()?, fields.next()?);
    if !charset.eq_ignore_ascii_case("utf-8") && !charset.eq_ignore_ascii_case("us-ascii") {
        return None;
    }
    let (encoded, _) = rest.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(encoded).ok()?,
        "Q" | "q" => quoted_printable(encoded)?,
        _ => return None,
    };
    Some((String::from_utf8(bytes).ok()?, 2 + charset.len() + 1 + encoding.len() + 1 + encoded.len() + 2))
}

fn quoted_printable(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = match first {
            b'=' => {
                let (digits, tail) = tail.split_at_checked(2)?;
                bytes.extend(hex::decode(digits).ok()?);
                tail
            }
            b'_' => {
                bytes.push(b' ');
                tail
            }
            byte => {
                bytes.push(*byte);
                tail
            }
        };
    }
    Some(bytes)
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
        assert_eq!(decode(&encode(&value)), value);
    }

    #[test]
    fn words_are_decoded_and_what_is_none_stays() {
        for (written, text) in [
            ("=?UTF-8?B?SMOpbMOobmU=?=", "Hélène"),
            ("=?utf-8?q?H=C3=A9l=C3=A8ne_1?=", "Hélène 1"),
            ("a =?UTF-8?B?w6k=?= b", "a é b"),
            ("=?UTF-8?B?w6k=?=  =?UTF-8?B?w6k=?=", "éé"),
            ("=?UTF-8?B?!?=", "=?UTF-8?B?!?="),
            ("=?KOI8-R?B?w6k=?=", "=?KOI8-R?B?w6k=?="),
            ("=?UTF-8?B?/w==?=", "=?UTF-8?B?/w==?="),
            ("plain", "plain"),
            ("=?", "=?"),
        ] {
            assert_eq!(decode(written), text, "{written}");
        }
    }
}
