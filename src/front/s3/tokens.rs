//! Continuation tokens of ListObjectsV2: where the next page begins, in a form that clients pass back untouched.
//!
//! `base64url(version ‖ kind ‖ crc32 of the text (u32, big endian) ‖ text)`. The checksum finds accidents; whoever
//! forges a token gains nothing that `start-after` would not give.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crc_fast::CrcAlgorithm::Crc32IsoHdlc;

use crate::gateway::ListStart;

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 6;
/// The longest text: a key, or a common prefix of one.
const MAX_TEXT_BYTES: usize = 1024;

/// The token for a page that begins at `start`.
pub(super) fn encode_token(start: &ListStart) -> String {
    let (kind, text) = match start {
        ListStart::First => (0, ""),
        // Only pages with extras begin within a name, and this front asks for none.
        ListStart::After(text) | ListStart::Within { key: text, .. } => (1, text.as_str()),
        ListStart::At(text) => (2, text.as_str()),
        ListStart::AfterPrefix(text) => (3, text.as_str()),
    };
    let mut bytes = Vec::with_capacity(HEADER_BYTES + text.len());
    bytes.extend_from_slice(&[VERSION, kind]);
    bytes.extend_from_slice(&checksum(kind, text.as_bytes()));
    bytes.extend_from_slice(text.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Where the page of a token begins; `None` when it is not one of ours.
pub fn parse_token(token: &str) -> Option<ListStart> {
    if token.len() > (HEADER_BYTES + MAX_TEXT_BYTES) * 2 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (header, text) = bytes.split_at_checked(HEADER_BYTES)?;
    let &[VERSION, kind, ref sum @ ..] = header else { return None };
    if text.len() > MAX_TEXT_BYTES || sum != checksum(kind, text) {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?.to_owned();
    match kind {
        0 if text.is_empty() => Some(ListStart::First),
        1 => Some(ListStart::After(text)),
        2 => Some(ListStart::At(text)),
        3 => Some(ListStart::AfterPrefix(text)),
        _ => None,
    }
}

fn checksum(kind: u8, text: &[u8]) -> [u8; 4] {
    let mut digest = crc_fast::Digest::new(Crc32IsoHdlc);
    digest.update(&[kind]);
    digest.update(text);
    u32::try_from(digest.finalize()).unwrap_or_default().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_went() {
        for start in [
            ListStart::First,
            ListStart::After("a/é\n".into()),
            ListStart::At(String::new()),
            ListStart::AfterPrefix("x".repeat(1024)),
        ] {
            assert_eq!(parse_token(&encode_token(&start)), Some(start));
        }
    }

    #[test]
    fn a_changed_token_is_refused() {
        let token = encode_token(&ListStart::After("patients/0001".into()));
        for position in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
            assert_eq!(parse_token(std::str::from_utf8(&bytes).unwrap()), None, "at {position}");
        }
        for other in ["", "A", "patients/0001", "AQE", &token[..token.len() - 1]] {
            assert_eq!(parse_token(other), None, "{other}");
        }
    }
}
