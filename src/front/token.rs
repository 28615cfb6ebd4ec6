//! Continuation tokens: where the next page of a list begins, in a form that clients pass back untouched.
//!
//! `base64url(version ‖ kind ‖ crc32 of kind and payload (u32, big endian) ‖ payload)`. What kinds there are, each front says.
//! The checksum finds accidents; whoever forges a token gains nothing: where a page begins gives no right to what is on it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crc_fast::CrcAlgorithm::Crc32IsoHdlc;

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 6;

/// The token of a kind, with its payload in two pieces.
pub(super) fn encode(kind: u8, first: &[u8], text: &str) -> String {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + first.len() + text.len());
    bytes.extend_from_slice(&[VERSION, kind]);
    bytes.extend_from_slice(&checksum(kind, first, text.as_bytes()));
    bytes.extend_from_slice(first);
    bytes.extend_from_slice(text.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Kind and payload, which has at most so many bytes; `None` when it is not one of ours.
pub(super) fn parse(token: &str, most_bytes: usize) -> Option<(u8, Vec<u8>)> {
    if token.len() > (HEADER_BYTES + most_bytes) * 4 / 3 + 4 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (header, payload) = bytes.split_at_checked(HEADER_BYTES)?;
    let &[VERSION, kind, ref sum @ ..] = header else { return None };
    if payload.len() > most_bytes || sum != checksum(kind, &[], payload) {
        return None;
    }
    Some((kind, payload.to_vec()))
}

fn checksum(kind: u8, first: &[u8], rest: &[u8]) -> [u8; 4] {
    let mut digest = crc_fast::Digest::new(Crc32IsoHdlc);
    digest.update(&[kind]);
    digest.update(first);
    digest.update(rest);
    u32::try_from(digest.finalize()).unwrap_or_default().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_went() {
        assert_eq!(parse(&encode(7, b"ab", "c"), 3), Some((7, b"abc".to_vec())));
        assert_eq!(parse(&encode(0, b"", ""), 0), Some((0, Vec::new())));
    }

    #[test]
    fn a_changed_cut_or_longer_token_is_refused() {
        let token = encode(4, &7_i64.to_be_bytes(), "patients/0001");
        for position in 0..token.len() {
            for other in [b'A', b'B', b'_', b'=', b' '] {
                let mut bytes = token.clone().into_bytes();
                if bytes[position] != other {
                    bytes[position] = other;
                    assert_eq!(parse(std::str::from_utf8(&bytes).unwrap(), 100), None, "at {position}");
                }
            }
            assert_eq!(parse(&token[..position], 100), None, "to {position}");
        }
        assert_eq!(parse(&format!("{token}A"), 100), None);
        assert_eq!(parse(&token, 20), None);
        for other in ["", "A", "AQE", "patients/0001", "é"] {
            assert_eq!(parse(other, 100), None, "{other}");
        }
    }
}
