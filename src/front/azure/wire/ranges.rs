//! Ranges of reads and of copy sources.
//!
//! Source: "Specifying the range header for Blob service operations", "Get Blob".

use http::StatusCode;

use super::asked::Asked;
use super::codes::Code;
use super::refusal::Refusal;
use crate::model::RangeRequest;

/// Longest range whose digest can be asked for, in bytes. Source: "Get Blob", `x-ms-range-get-content-md5`.
pub(in crate::front::azure) const LONGEST_DIGESTED_BYTES: u64 = 4 * 1024 * 1024;

/// A digest of the range that a read asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::front::azure) enum RangeDigest {
    /// `x-ms-range-get-content-md5`
    Md5,
    /// `x-ms-range-get-content-crc64`
    Crc64,
}

/// The range of a read: `x-ms-range`, or else `Range`. What is no single range of bytes from a beginning is ignored, as the
/// service ignores it; there are no suffix ranges.
pub(in crate::front::azure) fn of_read(asked: &Asked<'_>) -> Option<RangeRequest> {
    parse(asked.header("x-ms-range").or_else(|| asked.header("range"))?)
}

/// The digest that a read asks for, if any. `range`: what [`of_read`] gave.
pub(in crate::front::azure) fn digest(
    asked: &Asked<'_>,
    range: Option<RangeRequest>,
) -> Result<Option<RangeDigest>, Refusal> {
    let md5 = flag(asked, "x-ms-range-get-content-md5")?;
    let crc64 = flag(asked, "x-ms-range-get-content-crc64")?;
    let (wanted, name) = match (md5, crc64) {
        (false, false) => return Ok(None),
        (true, false) => (RangeDigest::Md5, "x-ms-range-get-content-md5"),
        (false, true) => (RangeDigest::Crc64, "x-ms-range-get-content-crc64"),
        (true, true) => return Err(both_digests()),
    };
    if range.is_none() {
        return Err(Refusal::invalid_header(name, "true").detail("Reason", "A digest needs a range."));
    }
    Ok(Some(wanted))
}

/// 400: one digest at a time.
fn both_digests() -> Refusal {
    let text = "Both x-ms-range-get-content-crc64 header and x-ms-range-get-content-md5 header are present.";
    Refusal::new(StatusCode::BAD_REQUEST, Code::BothCrc64AndMd5RangeHeaderPresent, text)
}

/// 400: the range is too long for a digest.
pub(in crate::front::azure) fn too_long_for_a_digest() -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, Code::OutOfRangeInput, "A digest is of a range of at most 4 MiB.")
}

/// The range of a copy's source, `x-ms-source-range`: it must be one.
pub(in crate::front::azure) fn of_source(asked: &Asked<'_>) -> Result<Option<RangeRequest>, Refusal> {
    let Some(value) = asked.headers.get("x-ms-source-range") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    parse(text).map(Some).ok_or_else(|| Refusal::invalid_header("x-ms-source-range", text))
}

/// The range of a value `bytes=first-last` or `bytes=first-`.
pub fn parse(value: &str) -> Option<RangeRequest> {
    let (unit, range) = value.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let first = number(first)?;
    if last.is_empty() {
        return Some(RangeRequest::From { first });
    }
    let last = number(last)?;
    (first <= last).then_some(RangeRequest::Between { first, last })
}

fn flag(asked: &Asked<'_>, name: &'static str) -> Result<bool, Refusal> {
    let Some(value) = asked.headers.get(name) else { return Ok(false) };
    match value.to_str().unwrap_or_default() {
        text if text.eq_ignore_ascii_case("true") => Ok(true),
        text if text.eq_ignore_ascii_case("false") => Ok(false),
        text => Err(Refusal::invalid_header(name, text)),
    }
}

/// Digits only. A number beyond u64 lies beyond every object.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_a_beginning() {
        assert_eq!(parse("bytes=0-0"), Some(RangeRequest::Between { first: 0, last: 0 }));
        assert_eq!(parse("bytes=5-"), Some(RangeRequest::From { first: 5 }));
        let beyond = Some(RangeRequest::Between { first: 1, last: u64::MAX });
        assert_eq!(parse("bytes=1-99999999999999999999999"), beyond);
        for text in
            ["", "bytes", "bytes=", "bytes=-", "bytes=-3", "bytes=a-b", "bytes=2-1", "bytes=0-1,3-4", "lines=0-1"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
