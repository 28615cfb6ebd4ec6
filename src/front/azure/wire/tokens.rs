//! What a marker of Find Blobs by Tags holds: `length of the bucket's name (u8) ‖ bucket ‖ key`.

use crate::model::{BucketName, ObjectKey};

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
    fn what_says_no_blob_is_refused() {
        for other in ["", "\u{6}scans", "\u{5}scans", "\u{5}SCANSkey"] {
            assert_eq!(parse_found(other.as_bytes()), None, "{other}");
        }
    }
}
