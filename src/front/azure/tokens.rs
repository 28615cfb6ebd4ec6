//! Continuation markers: where the next page begins, in a form that clients pass back untouched.
//!
//! `base64url(version ‖ kind ‖ crc32 of kind and payload (u32, big endian) ‖ payload)`. The checksum finds accidents; whoever
//! forges a marker gains nothing that a prefix would not give.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crc_fast::CrcAlgorithm::Crc32IsoHdlc;

use crate::gateway::ListStart;
use crate::model::{BucketName, ObjectKey};

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 6;
/// The longest payload: a name of a container, a slash, and a key; or a rank and a key.
const MOST_PAYLOAD_BYTES: usize = 1024 + 64;
const NAME: u8 = 5;
const FOUND: u8 = 6;

/// The marker for a page of blobs that begins at `start`.
pub(super) fn encode_list(start: &ListStart) -> String {
    match start {
        ListStart::First => encode(0, &[]),
        ListStart::After(text) => encode(1, text.as_bytes()),
        ListStart::At(text) => encode(2, text.as_bytes()),
        ListStart::AfterPrefix(text) => encode(3, text.as_bytes()),
        ListStart::Within { key, rank } => encode(4, &[&rank.to_be_bytes(), key.as_bytes()].concat()),
    }
}

/// Where the page of a marker begins; `None` when it is not one of ours.
pub(super) fn parse_list(marker: &str) -> Option<ListStart> {
    let (kind, payload) = decode(marker)?;
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    match kind {
        0 if payload.is_empty() => Some(ListStart::First),
        1 => Some(ListStart::After(text(&payload)?)),
        2 => Some(ListStart::At(text(&payload)?)),
        3 => Some(ListStart::AfterPrefix(text(&payload)?)),
        4 => {
            let (rank, key) = payload.split_first_chunk::<8>()?;
            Some(ListStart::Within { key: text(key)?, rank: i64::from_be_bytes(*rank) })
        }
        _ => None,
    }
}

/// The marker for a page of containers that begins after `name`.
pub(super) fn encode_name(name: &str) -> String {
    encode(NAME, name.as_bytes())
}

/// The container that a page begins after.
pub(super) fn parse_name(marker: &str) -> Option<String> {
    let (NAME, payload) = decode(marker)? else { return None };
    String::from_utf8(payload).ok()
}

/// The marker for a page of what was found that begins after an object.
pub(super) fn encode_found(bucket: &BucketName, key: &ObjectKey) -> String {
    encode(FOUND, format!("{bucket}/{}", key.as_str()).as_bytes())
}

/// The object that a page of what was found begins after.
pub(super) fn parse_found(marker: &str) -> Option<(BucketName, ObjectKey)> {
    let (FOUND, payload) = decode(marker)? else { return None };
    let text = String::from_utf8(payload).ok()?;
    let (bucket, key) = text.split_once('/')?;
    Some((BucketName::parse(bucket).ok()?, ObjectKey::parse(key).ok()?))
}

fn encode(kind: u8, payload: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len());
    bytes.extend_from_slice(&[VERSION, kind]);
    bytes.extend_from_slice(&checksum(kind, payload));
    bytes.extend_from_slice(payload);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(marker: &str) -> Option<(u8, Vec<u8>)> {
    if marker.len() > (HEADER_BYTES + MOST_PAYLOAD_BYTES) * 2 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(marker).ok()?;
    let (header, payload) = bytes.split_at_checked(HEADER_BYTES)?;
    let &[VERSION, kind, ref sum @ ..] = header else { return None };
    let fine = payload.len() <= MOST_PAYLOAD_BYTES && sum == checksum(kind, payload);
    fine.then(|| (kind, payload.to_vec()))
}

fn checksum(kind: u8, payload: &[u8]) -> [u8; 4] {
    let mut digest = crc_fast::Digest::new(Crc32IsoHdlc);
    digest.update(&[kind]);
    digest.update(payload);
    u32::try_from(digest.finalize()).unwrap_or_default().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_comes_back() {
        for start in [
            ListStart::First,
            ListStart::After("a/é\n".into()),
            ListStart::At(String::new()),
            ListStart::AfterPrefix("x".repeat(1024)),
            ListStart::Within { key: "k".repeat(1024), rank: i64::MAX },
        ] {
            assert_eq!(parse_list(&encode_list(&start)), Some(start));
        }
        assert_eq!(parse_name(&encode_name("imaging")).as_deref(), Some("imaging"));
        let found = (BucketName::parse("imaging").unwrap(), ObjectKey::parse("a/b/é").unwrap());
        assert_eq!(parse_found(&encode_found(&found.0, &found.1)), Some(found));
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let marker = encode_list(&ListStart::After("patients/0001".into()));
        for at in 0..marker.len() {
            let mut bytes = marker.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(parse_list(&String::from_utf8(bytes).unwrap()), None, "{at}");
        }
        for text in ["", "patients/0001", "AAAA", &"A".repeat(9000)] {
            assert_eq!(parse_list(text), None);
            assert_eq!(parse_name(text), None);
        }
        assert_eq!(parse_name(&marker), None);
        assert_eq!(parse_found(&marker), None);
    }
}
