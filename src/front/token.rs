//! Where the next page of a list of objects begins, as the bytes that a sealed token holds: `kind ‖ text`, and of the rows
//! of one key `kind ‖ rank (i64, big endian) ‖ key`.

use crate::gateway::ListStart;
use crate::model::ObjectKey;

const FIRST: u8 = 0;
const AFTER: u8 = 1;
const AT: u8 = 2;
const AFTER_PREFIX: u8 = 3;
const WITHIN: u8 = 4;

/// A start as bytes.
pub(super) fn start_bytes(start: &ListStart) -> Vec<u8> {
    let (kind, rank, text) = match start {
        ListStart::First => (FIRST, None, ""),
        ListStart::After(text) => (AFTER, None, text.as_str()),
        ListStart::At(text) => (AT, None, text.as_str()),
        ListStart::AfterPrefix(text) => (AFTER_PREFIX, None, text.as_str()),
        ListStart::Within { key, rank } => (WITHIN, Some(rank.to_be_bytes()), key.as_str()),
    };
    [&[kind][..], rank.as_ref().map_or(&[], |rank| rank.as_slice()), text.as_bytes()].concat()
}

/// The start that bytes say; `None` when they say none.
pub fn parse_start(bytes: &[u8]) -> Option<ListStart> {
    let (kind, payload) = bytes.split_first()?;
    match *kind {
        FIRST if payload.is_empty() => Some(ListStart::First),
        AFTER => text(payload).map(ListStart::After),
        AT => text(payload).map(ListStart::At),
        AFTER_PREFIX => text(payload).map(ListStart::AfterPrefix),
        WITHIN => {
            let (rank, key) = payload.split_first_chunk()?;
            Some(ListStart::Within { key: text(key)?, rank: i64::from_be_bytes(*rank) })
        }
        _ => None,
    }
}

/// A key, or a common prefix of one.
fn text(bytes: &[u8]) -> Option<String> {
    if bytes.len() > ObjectKey::MAX_BYTES {
        return None;
    }
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_comes_back_as_it_went() {
        for start in [
            ListStart::First,
            ListStart::After("a/é\n".into()),
            ListStart::At(String::new()),
            ListStart::AfterPrefix("x".repeat(1024)),
            ListStart::Within { key: "x".repeat(1024), rank: i64::MAX },
            ListStart::Within { key: "k".into(), rank: i64::MIN },
        ] {
            assert_eq!(parse_start(&start_bytes(&start)), Some(start));
        }
    }

    #[test]
    fn what_says_no_start_is_refused() {
        let long = [&[AFTER], "x".repeat(1025).as_bytes()].concat();
        for other in [&[][..], &[FIRST, 1], &[AFTER, 0xff], &[WITHIN, 1, 2, 3], &[5], &long] {
            assert_eq!(parse_start(other), None, "{other:?}");
        }
    }
}
