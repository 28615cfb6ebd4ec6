//! `Range` headers (RFC 9110 §14.2) as S3 takes them.

use crate::model::RangeRequest;

/// The range that a `Range` header asks for. `None`: it is to be ignored, as S3 ignores units other than bytes, several
/// ranges, and whatever does not parse; the whole object is served.
pub fn parse_range(value: &str) -> Option<RangeRequest> {
    let (unit, ranges) = value.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = ranges.trim().split_once('-')?;
    match (first.trim(), last.trim()) {
        ("", last) => Some(RangeRequest::Suffix { length: number(last)? }),
        (first, "") => Some(RangeRequest::From { first: number(first)? }),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(RangeRequest::Between { first, last })
        }
    }
}

/// The range of `x-amz-copy-source-range`: `bytes=first-last` and nothing else.
pub(in crate::front::s3) fn parse_copy_range(value: &str) -> Option<RangeRequest> {
    match parse_range(value)? {
        range @ RangeRequest::Between { .. } => Some(range),
        RangeRequest::From { .. } | RangeRequest::Suffix { .. } => None,
    }
}

/// Digits only: no sign, no separator.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // A number beyond u64 lies beyond every object.
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_single_range_is_understood() {
        assert_eq!(parse_range("bytes=0-0"), Some(RangeRequest::Between { first: 0, last: 0 }));
        assert_eq!(parse_range("Bytes=5-"), Some(RangeRequest::From { first: 5 }));
        assert_eq!(parse_range("bytes=-7"), Some(RangeRequest::Suffix { length: 7 }));
        assert_eq!(parse_range("bytes=-0"), Some(RangeRequest::Suffix { length: 0 }));
        assert_eq!(
            parse_range("bytes=1-99999999999999999999999"),
            Some(RangeRequest::Between { first: 1, last: u64::MAX })
        );
    }

    #[test]
    fn what_is_not_one_range_of_bytes_is_ignored() {
        for value in
            ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=2-1", "bytes=0-1,3-4", "lines=0-1", "bytes=+1-2"]
        {
            assert_eq!(parse_range(value), None, "{value}");
        }
    }

    #[test]
    fn a_copy_range_has_both_ends() {
        assert_eq!(parse_copy_range("bytes=3-9"), Some(RangeRequest::Between { first: 3, last: 9 }));
        assert_eq!(parse_copy_range("bytes=3-"), None);
        assert_eq!(parse_copy_range("bytes=-3"), None);
    }
}
