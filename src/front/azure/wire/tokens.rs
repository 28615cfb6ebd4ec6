//! What markers hold. Of Find Blobs by Tags: `length of the bucket's name (u8) ‖ bucket ‖ key`. Of List Containers: the
//! container's name and, if it was deleted, `!` and which deletion it was.

use crate::gateway::BucketPlace;
use crate::model::{BucketName, ObjectKey};

/// After which container the next page comes, as bytes. `!` is in no name.
pub(in crate::front::azure) fn place_bytes((name, gone): &BucketPlace) -> Vec<u8> {
    gone.map_or_else(|| name.clone(), |gone| format!("{name}!{gone}")).into_bytes()
}

/// The same from bytes; `None` when they say no place.
pub(in crate::front::azure) fn parse_place(bytes: &[u8]) -> Option<BucketPlace> {
    let text = std::str::from_utf8(bytes).ok()?;
    match text.split_once('!') {
        None => Some((text.to_owned(), None)),
        Some((name, gone)) => Some((name.to_owned(), Some(gone.parse().ok()?))),
    }
}

/// After which blob the next page comes, as bytes.
pub(in crate::front::azure) fn found_bytes(bucket: &BucketName, key: &ObjectKey) -> Vec<u8> {
    let name = bucket.as_str().as_bytes();
    // At most 63 bytes.
    let length = u8::try_from(name.len()).unwrap_or_default();
    [&[length][..], name, key.as_str().as_bytes()].concat()
}

/// The same from bytes; `None` when they say no blob.
pub(in crate::front::azure) fn parse_found(bytes: &[u8]) -> Option<(BucketName, ObjectKey)> {
    let (length, rest) = bytes.split_first()?;
    let (bucket, key) = rest.split_at_checked(usize::from(*length))?;
    let text = |bytes| std::str::from_utf8(bytes).ok();
    Some((BucketName::parse(text(bucket)?).ok()?, ObjectKey::parse(text(key)?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_comes_back_as_it_went() {
        for (bucket, key) in [("scans", "patients/é 1"), (&"b".repeat(63), &"k".repeat(1024))] {
            let found = (BucketName::parse(bucket).unwrap(), ObjectKey::parse(key).unwrap());
            assert_eq!(parse_found(&found_bytes(&found.0, &found.1)), Some(found));
        }
    }

    #[test]
    fn places_of_containers_come_back_as_they_went() {
        for place in [("scans".to_owned(), None), ("scans".to_owned(), Some(7)), ("a-b".to_owned(), Some(i64::MAX))] {
            assert_eq!(parse_place(&place_bytes(&place)), Some(place));
        }
        for other in [&b"scans!"[..], b"scans!x", b"\xff"] {
            assert_eq!(parse_place(other), None);
        }
    }

    #[test]
    fn what_says_no_blob_is_refused() {
        for other in ["", "\u{6}scans", "\u{5}scans", "\u{5}SCANSkey"] {
            assert_eq!(parse_found(other.as_bytes()), None, "{other}");
        }
    }
}
