//! The order of names: bytes, nothing else.
//!
//! # Invariants
//! - `successor(p)` is the least byte string greater than every byte string that begins with `p`.
//! - A marker that equals a common prefix stands behind the whole of it. A marker that only lies within one is a plain
//!   cut among names, as S3 documents it: the prefix is listed while it has a name beyond the marker. (Some servers,
//!   s3s-fs for one, drop the prefix then. That would hide names that no other page shows.)

use super::ListStart;

/// The rank of a current version among the rows of its name, and of a name of blocks only: behind all snapshots.
pub(super) const RANK_OF_CURRENT: i64 = i64::MAX;
/// The rank of what was deleted as a current version.
pub(super) const RANK_OF_DELETED: i64 = i64::MAX - 1;

/// The least byte string greater than all that begin with `prefix`; `None` when there is none.
pub(super) fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let keep = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut bytes = prefix.get(..=keep)?.to_vec();
    if let Some(last) = bytes.last_mut() {
        *last += 1;
    }
    Some(bytes)
}

/// The least byte string greater than `text`.
fn just_after(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// The common prefix that `key` is rolled up to, if any. `key` begins with `prefix`.
pub(super) fn rolled_up<'k>(key: &'k str, prefix: &str, delimiter: Option<&str>) -> Option<&'k str> {
    let delimiter = delimiter.filter(|text| !text.is_empty())?;
    let at = key.get(prefix.len()..)?.find(delimiter)?;
    key.get(..prefix.len() + at + delimiter.len())
}

/// The least bytes that a name of the page may have; `None` when nothing can follow.
pub(super) fn first_of_page(start: &ListStart, prefix: &str, delimiter: Option<&str>) -> Option<Vec<u8>> {
    let from = match start {
        ListStart::First => Vec::new(),
        ListStart::At(text) => text.as_bytes().to_vec(),
        ListStart::After(text) if is_common_prefix(text, prefix, delimiter) => successor(text.as_bytes())?,
        ListStart::After(text) => just_after(text),
        ListStart::AfterPrefix(text) => successor(text.as_bytes())?,
        ListStart::Within { key, rank: RANK_OF_CURRENT } => just_after(key),
        ListStart::Within { key, .. } => key.as_bytes().to_vec(),
    };
    Some(from.max(prefix.as_bytes().to_vec()))
}

/// The rank that rows of the first name of a page must be above, when that name is `from`.
pub(super) fn rank_of_page(start: &ListStart, from: &[u8]) -> i64 {
    match start {
        ListStart::Within { key, rank } if key.as_bytes() == from => *rank,
        _ => i64::MIN,
    }
}

/// The bytes that every name of the page is below.
pub(super) fn end_of_page(prefix: &str) -> Vec<u8> {
    // 0xff occurs in no UTF-8 text, so it is above every name.
    successor(prefix.as_bytes()).unwrap_or_else(|| vec![u8::MAX])
}

fn is_common_prefix(text: &str, prefix: &str, delimiter: Option<&str>) -> bool {
    text.starts_with(prefix) && rolled_up(text, prefix, delimiter) == Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successor_is_above_all_that_begins_so_and_nothing_else() {
        assert_eq!(successor(b"a/"), Some(b"a0".to_vec()));
        assert_eq!(successor(b""), None);
        assert_eq!(successor(&[0xff, 0xff]), None);
        assert_eq!(successor(&[b'a', 0xff]), Some(b"b".to_vec()));
        assert_eq!(successor("ÿ".as_bytes()), Some(vec![0xc3, 0xc0]));
        assert_eq!(successor("a\u{7f}".as_bytes()), Some(vec![b'a', 0x80]));
    }

    #[test]
    fn a_name_is_rolled_up_to_the_first_delimiter_after_the_prefix() {
        assert_eq!(rolled_up("a/b/c", "", Some("/")), Some("a/"));
        assert_eq!(rolled_up("a/b/c", "a/", Some("/")), Some("a/b/"));
        assert_eq!(rolled_up("a/b", "a/", Some("/")), None);
        assert_eq!(rolled_up("a--b", "", Some("--")), Some("a--"));
        assert_eq!(rolled_up("a/b", "", None), None);
        assert_eq!(rolled_up("a/b", "", Some("")), None);
    }

    #[test]
    fn a_marker_that_equals_a_common_prefix_is_behind_all_of_it() {
        let from = |text: &str| first_of_page(&ListStart::After(text.into()), "", Some("/"));
        assert_eq!(from("a/"), Some(b"a0".to_vec()));
        assert_eq!(from("a/5"), Some(b"a/5\0".to_vec()));
    }
}
