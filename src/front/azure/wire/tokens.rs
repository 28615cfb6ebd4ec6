//! Continuation markers (`NextMarker`); their form is [`token`]'s.
//!
//! | kind | payload | of |
//! |---|---|---|
//! | 0 | nothing | List Blobs: the first page |
//! | 1, 2, 3 | text | List Blobs: after, at, after all that begins with it |
//! | 4 | rank (i64, big endian) ‖ key | List Blobs: within the rows of a key |
//! | 5 | name | List Containers: after it |
//! | 6 | length of the bucket's name (u8) ‖ bucket ‖ key | Find Blobs by Tags: after it |

use crate::front::token::{self, encode};
use crate::gateway::ListStart;
use crate::model::{BucketName, ObjectKey};

/// The longest text: a key, or a common prefix of one.
const MAX_TEXT_BYTES: usize = ObjectKey::MAX_BYTES;
/// The longest payload: a bucket's name and a key.
const MAX_PAYLOAD_BYTES: usize = 64 + MAX_TEXT_BYTES;

const FIRST: u8 = 0;
const AFTER: u8 = 1;
const AT: u8 = 2;
const AFTER_PREFIX: u8 = 3;
const WITHIN: u8 = 4;
const NAME: u8 = 5;
const FOUND: u8 = 6;

/// The marker of a page of blobs that begins at `start`.
pub(in crate::front::azure) fn encode_list(start: &ListStart) -> String {
    match start {
        ListStart::First => encode(FIRST, b"", ""),
        ListStart::After(text) => encode(AFTER, b"", text),
        ListStart::At(text) => encode(AT, b"", text),
        ListStart::AfterPrefix(text) => encode(AFTER_PREFIX, b"", text),
        ListStart::Within { key, rank } => encode(WITHIN, &rank.to_be_bytes(), key),
    }
}

/// Where the page of a marker begins; `None` when it is not one of ours.
pub(in crate::front::azure) fn parse_list(marker: &str) -> Option<ListStart> {
    let (kind, payload) = parse(marker)?;
    match kind {
        FIRST if payload.is_empty() => Some(ListStart::First),
        AFTER => text(&payload).map(ListStart::After),
        AT => text(&payload).map(ListStart::At),
        AFTER_PREFIX => text(&payload).map(ListStart::AfterPrefix),
        WITHIN => {
            let (rank, key) = payload.split_first_chunk()?;
            Some(ListStart::Within { key: text(key)?, rank: i64::from_be_bytes(*rank) })
        }
        _ => None,
    }
}

/// The marker of a page of containers after that name.
pub(in crate::front::azure) fn encode_name(name: &str) -> String {
    encode(NAME, b"", name)
}

/// The name that a page of containers comes after; `None` when the marker is not one of ours.
pub(in crate::front::azure) fn parse_name(marker: &str) -> Option<String> {
    match parse(marker)? {
        (NAME, payload) => text(&payload),
        _ => None,
    }
}

/// The marker of a page of blobs found by their tags, after that one.
pub(in crate::front::azure) fn encode_found(bucket: &BucketName, key: &ObjectKey) -> String {
    let name = bucket.as_str().as_bytes();
    let mut first = Vec::with_capacity(1 + name.len());
    // At most 63 bytes.
    first.push(u8::try_from(name.len()).unwrap_or_default());
    first.extend_from_slice(name);
    encode(FOUND, &first, key.as_str())
}

/// What a page of blobs found by their tags comes after; `None` when the marker is not one of ours.
pub(in crate::front::azure) fn parse_found(marker: &str) -> Option<(BucketName, ObjectKey)> {
    let (FOUND, payload) = parse(marker)? else { return None };
    let (length, rest) = payload.split_first()?;
    let (bucket, key) = rest.split_at_checked(usize::from(*length))?;
    Some((BucketName::parse(&text(bucket)?).ok()?, ObjectKey::parse(&text(key)?).ok()?))
}

/// Kind and payload.
fn parse(marker: &str) -> Option<(u8, Vec<u8>)> {
    token::parse(marker, MAX_PAYLOAD_BYTES)
}

fn text(bytes: &[u8]) -> Option<String> {
    if bytes.len() > MAX_TEXT_BYTES {
        return None;
    }
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> (BucketName, ObjectKey) {
        (BucketName::parse("scans").unwrap(), ObjectKey::parse("patients/é 1").unwrap())
    }

    /// One marker of each kind.
    fn markers() -> Vec<String> {
        let (bucket, key) = found();
        let within = ListStart::Within { key: "patients/0001".into(), rank: 7 };
        vec![
            encode_list(&ListStart::First),
            encode_list(&ListStart::After("patients/0001".into())),
            encode_list(&ListStart::At("patients/0001".into())),
            encode_list(&ListStart::AfterPrefix("patients/".into())),
            encode_list(&within),
            encode_name("scans"),
            encode_found(&bucket, &key),
        ]
    }

    #[test]
    fn a_marker_comes_back_as_it_went() {
        for start in [
            ListStart::First,
            ListStart::After("a/é\n".into()),
            ListStart::At(String::new()),
            ListStart::AfterPrefix("x".repeat(1024)),
            ListStart::Within { key: "x".repeat(1024), rank: i64::MAX },
            ListStart::Within { key: "k".into(), rank: i64::MIN },
        ] {
            assert_eq!(parse_list(&encode_list(&start)), Some(start));
        }
        assert_eq!(parse_name(&encode_name("scans")).as_deref(), Some("scans"));
        let (bucket, key) = found();
        assert_eq!(parse_found(&encode_found(&bucket, &key)), Some((bucket, key)));
        let longest = (BucketName::parse(&"b".repeat(63)).unwrap(), ObjectKey::parse(&"k".repeat(1024)).unwrap());
        assert_eq!(parse_found(&encode_found(&longest.0, &longest.1)), Some(longest));
    }

    #[test]
    fn a_marker_is_understood_by_its_own_kind_of_list_only() {
        for (position, marker) in markers().iter().enumerate() {
            assert_eq!(parse_list(marker).is_some(), position < 5, "{marker}");
            assert_eq!(parse_name(marker).is_some(), position == 5, "{marker}");
            assert_eq!(parse_found(marker).is_some(), position == 6, "{marker}");
        }
    }

    #[test]
    fn what_is_no_marker_is_refused() {
        let long = "A".repeat(2 * MAX_PAYLOAD_BYTES);
        for other in ["", "A", "scans", "2!92!MDAwMDA", "é", &long] {
            assert_eq!((parse_list(other), parse_name(other), parse_found(other)), (None, None, None), "{other}");
        }
        assert_eq!(parse_list(&encode_list(&ListStart::After("x".repeat(1025)))), None);
        assert_eq!(parse_list(&encode(FIRST, b"", "x")), None);
        assert_eq!(parse_list(&encode(WITHIN, b"1234567", "")), None);
        assert_eq!(parse_list(&encode(7, b"", "x")), None);
        assert_eq!(parse_list(&encode(AFTER, &[0xff], "")), None);
        assert_eq!(parse_found(&encode(FOUND, &[6], "scans")), None);
        assert_eq!(parse_found(&encode(FOUND, &[5], "scans")), None);
        assert_eq!(parse_found(&encode(FOUND, &[], "")), None);
        assert_eq!(parse_found(&encode(FOUND, &[5], "SCANSkey")), None);
    }
}
