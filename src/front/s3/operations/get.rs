//! GetObject and HeadObject.

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use http::{HeaderMap, HeaderName, StatusCode};

use crate::front::reply::{Payload, Reply, put};
use crate::front::s3::admission::ask::Ask;
use crate::front::s3::wire::asked::Asked;
use crate::front::s3::wire::checksums::{self, CHECKSUM_TYPE};
use crate::front::s3::wire::errors::{hidden, invalid, plain};
use crate::front::s3::wire::ranges::parse_range;
use crate::front::s3::wire::refusal::Refusal;
use crate::front::s3::wire::{conditions, headers};
use crate::gateway::{Error, GetObject, HeadObject, IfRange, Select, Version};
use crate::model::{BucketName, ByteRange, Conditions, ObjectKey};

const CHECKSUM_MODE: HeaderName = HeaderName::from_static("x-amz-checksum-mode");
const PARTS_COUNT: HeaderName = HeaderName::from_static("x-amz-mp-parts-count");

/// Response headers that the query of a signed request may replace.
const OVERRIDES: [(&str, HeaderName); 6] = [
    ("response-content-type", http::header::CONTENT_TYPE),
    ("response-content-language", http::header::CONTENT_LANGUAGE),
    ("response-expires", http::header::EXPIRES),
    ("response-cache-control", http::header::CACHE_CONTROL),
    ("response-content-disposition", http::header::CONTENT_DISPOSITION),
    ("response-content-encoding", http::header::CONTENT_ENCODING),
];

/// What is asked of an object.
struct Wanted {
    bucket: BucketName,
    key: ObjectKey,
    select: Select,
    conditions: Conditions,
    if_range: Option<IfRange>,
}

/// GetObject.
pub(in crate::front::s3) async fn get(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let wanted = wanted(ask)?;
    let (hide, select) = (hides(ask, &wanted), wanted.select);
    let Wanted { bucket, key, select: _, conditions, if_range } = wanted;
    let op = ask.may(GetObject { bucket, key, snapshot: None, select, conditions, if_range })?;
    let got = ask.house.gateway.get_object(op).await.map_err(|error| refuse(ask, error, select, hide))?;
    let mut reply = shown(&ask.asked, &got.version, got.range, select);
    reply.payload = Payload::Stream(got.body, Some(got.range.map_or(got.version.length, ByteRange::length)));
    Ok(reply)
}

/// HeadObject.
pub(in crate::front::s3) async fn head(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let wanted = wanted(ask)?;
    let (hide, select) = (hides(ask, &wanted), wanted.select);
    let Wanted { bucket, key, select: _, conditions, if_range } = wanted;
    let look = async |select, conditions| {
        let op =
            ask.may(HeadObject { bucket: bucket.clone(), key: key.clone(), snapshot: None, select, conditions })?;
        ask.house.gateway.head_object(op).await.map_err(|error| refuse(ask, error, select, hide))
    };
    let (version, range) = match if_range {
        None => look(select, conditions).await?,
        Some(if_range) => {
            let (version, whole) = look(Select::All, conditions.clone()).await?;
            if if_range.holds(&version) { look(select, conditions).await? } else { (version, whole) }
        }
    };
    Ok(shown(&ask.asked, &version, range, select))
}

/// The whole object that is addressed, under these conditions: without its bytes.
pub(super) async fn version(ask: &Ask<'_>, conditions: Conditions) -> Result<Version, Refusal> {
    let op = HeadObject { bucket: ask.bucket()?, key: ask.key()?, snapshot: None, select: Select::All, conditions };
    let hide = !ask.principal.may_list(&op.bucket, op.key.as_str());
    let found = ask.house.gateway.head_object(ask.may(op)?).await;
    found.map(|(version, _)| version).map_err(|error| ask.refuse(hidden(error, hide)))
}

fn wanted(ask: &Ask<'_>) -> Result<Wanted, Refusal> {
    Ok(Wanted {
        bucket: ask.bucket()?,
        key: ask.key()?,
        select: select(&ask.asked)?,
        conditions: conditions::for_read(&ask.asked.headers, &conditions::TARGET),
        if_range: conditions::if_range(&ask.asked.headers),
    })
}

fn hides(ask: &Ask<'_>, wanted: &Wanted) -> bool {
    !ask.principal.may_list(&wanted.bucket, wanted.key.as_str())
}

fn refuse(ask: &Ask<'_>, error: Error, select: Select, hide: bool) -> Refusal {
    match (error, select) {
        (Error::RangeNotSatisfiable { .. }, Select::PartNumber(_)) => {
            plain("InvalidPartNumber", 416, "The requested partnumber is not satisfiable")
        }
        (error, _) => ask.refuse(hidden(error, hide)),
    }
}

/// Which bytes: a part's, a range, or all.
fn select(asked: &Asked<'_>) -> Result<Select, Refusal> {
    let range = asked.header(&RANGE);
    match (asked.parameter("partNumber"), range) {
        (None, range) => Ok(range.and_then(parse_range).map_or(Select::All, Select::Range)),
        (Some(number), None) => match number.parse() {
            Ok(number @ 1..=10_000) => Ok(Select::PartNumber(number)),
            _ => Err(invalid("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")),
        },
        (Some(_), Some(_)) => {
            Err(invalid("InvalidRequest", "Cannot specify both Range header and partNumber query parameter"))
        }
    }
}

/// The answer without its body.
fn shown(asked: &Asked<'_>, version: &Version, range: Option<ByteRange>, select: Select) -> Reply {
    let numbered = matches!(select, Select::PartNumber(_));
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut reply = Reply::new(status);
    reply.headers = headers::of_version(version);
    let length = range.map_or(version.length, ByteRange::length);
    put(&mut reply.headers, CONTENT_LENGTH, &length.to_string());
    if let Some(range) = range {
        let text = format!("bytes {}-{}/{}", range.first, range.end.saturating_sub(1), version.length);
        put(&mut reply.headers, CONTENT_RANGE, &text);
    }
    if numbered && !version.part_lengths.is_empty() {
        put(&mut reply.headers, PARTS_COUNT, &version.part_lengths.len().to_string());
    }
    if wants_checksums(&asked.headers) && !numbered && range.is_none_or(|range| range.length() == version.length) {
        for checksum in &version.metadata.checksums {
            put(&mut reply.headers, checksums::header_of(checksum.algorithm), &checksums::encode(checksum));
            put(&mut reply.headers, CHECKSUM_TYPE, checksums::type_of(checksum));
        }
    }
    if !asked.query.is_empty() {
        for (name, header) in OVERRIDES {
            if let Some(value) = asked.parameter(name) {
                put(&mut reply.headers, header, value);
            }
        }
    }
    reply
}

fn wants_checksums(headers: &HeaderMap) -> bool {
    headers.get(CHECKSUM_MODE).is_some_and(|mode| mode.as_bytes().eq_ignore_ascii_case(b"ENABLED"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::s3::wire::asked::Sample;
    use crate::model::RangeRequest;

    #[test]
    fn a_part_number_and_a_range_exclude_each_other() {
        let of = |query, headers: &[(&'static str, &str)]| select(&Sample { query, ..Sample::of(headers) }.asked());
        let range = [("range", "bytes=1-2")];
        assert_eq!(of("", &range).unwrap(), Select::Range(RangeRequest::Between { first: 1, last: 2 }));
        assert_eq!(of("partNumber=3", &[]).unwrap(), Select::PartNumber(3));
        assert!(of("partNumber=3", &range).is_err());
        for query in ["partNumber=0", "partNumber=10001", "partNumber=-1", "partNumber=x", "partNumber="] {
            assert!(of(query, &[]).is_err(), "{query}");
        }
    }
}
