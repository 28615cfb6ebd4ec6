//! GET and HEAD of an object.
//!
//! They run as a route of `s3s`, which comes after the signature was checked and before `s3s` reads the headers: its own
//! reading refuses ranges and lists of tags that HTTP asks to ignore or to understand.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HOST, RANGE};
use http::{Extensions, HeaderMap, HeaderName, Method, StatusCode, Uri};
use http_body::Frame;
use http_body_util::StreamBody;
use s3s::route::S3Route;
use s3s::{Body, S3Request, S3Response, S3Result};

use super::access::{self, Caller, Query};
use super::address::Domains;
use super::errors::{hidden, invalid};
use super::ranges::parse_range;
use super::{checksums, conditions, headers, put, refuse};
use crate::gateway::{Error, Gateway, GetObject, HeadObject, IfRange, Select, Version};
use crate::model::{BucketName, ByteRange, Conditions, ObjectKey};

const CHECKSUM_MODE: HeaderName = HeaderName::from_static("x-amz-checksum-mode");
const CHECKSUM_TYPE: HeaderName = HeaderName::from_static("x-amz-checksum-type");
const PARTS_COUNT: HeaderName = HeaderName::from_static("x-amz-mp-parts-count");

/// Sub-resources of an object that GET may name: those are other operations.
const OTHER_OPERATIONS: [&str; 8] =
    ["acl", "attributes", "legal-hold", "retention", "tagging", "torrent", "uploadId", "uploads"];

/// Response headers that the query of a signed request may replace.
const OVERRIDES: [(&str, HeaderName); 6] = [
    ("response-content-type", http::header::CONTENT_TYPE),
    ("response-content-language", http::header::CONTENT_LANGUAGE),
    ("response-expires", http::header::EXPIRES),
    ("response-cache-control", http::header::CACHE_CONTROL),
    ("response-content-disposition", http::header::CONTENT_DISPOSITION),
    ("response-content-encoding", http::header::CONTENT_ENCODING),
];

/// Answers GET and HEAD of objects.
pub(super) struct ReadRoute {
    pub(super) gateway: Arc<Gateway>,
    pub(super) domains: Domains,
}

/// What is asked of an object.
struct Wanted {
    bucket: BucketName,
    key: ObjectKey,
    select: Select,
    conditions: Conditions,
    if_range: Option<IfRange>,
}

#[async_trait]
impl S3Route for ReadRoute {
    fn is_match(&self, method: &Method, uri: &Uri, headers: &HeaderMap, extensions: &mut Extensions) -> bool {
        let Some(Query(query)) = extensions.get::<Query>() else { return false };
        let other = query.iter().any(|(name, _)| OTHER_OPERATIONS.contains(&name.as_str()));
        let reads = *method == Method::HEAD || (*method == Method::GET && !other);
        reads && self.domains.object(host(headers), uri.path()).is_some()
    }

    async fn check_access(&self, req: &mut S3Request<Body>) -> S3Result<()> {
        let principal = access::admit(&self.gateway, req.credentials.as_ref(), &req.headers)?;
        let name = if req.method == Method::HEAD { "HeadObject" } else { "GetObject" };
        if let Some(Query(query)) = req.extensions.get::<Query>() {
            refuse::query(query, name)?;
        }
        refuse::tagging(&req.headers, name)?;
        access::enter(&mut req.extensions, name, principal)
    }

    async fn call(&self, req: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let caller = Caller::of(&req)?;
        let query = req.extensions.get::<Query>().map(|query| Arc::clone(&query.0)).unwrap_or_default();
        let Some((bucket, key)) = self.domains.object(host(&req.headers), req.uri.path()) else {
            return Err(invalid("InvalidURI", "Couldn't parse the specified URI."));
        };
        let wanted = Wanted {
            bucket: put::bucket(&bucket)?,
            key: put::key(&key)?,
            select: select(&req.headers, &query)?,
            conditions: conditions::for_read(&req.headers, &conditions::TARGET),
            if_range: conditions::if_range(&req.headers),
        };
        let hide = !caller.principal.may_list(&wanted.bucket, wanted.key.as_str());
        let numbered = matches!(wanted.select, Select::PartNumber(_));
        let answer = if req.method == Method::HEAD {
            self.head(&caller, wanted).await.map(|(version, range)| (version, range, None))
        } else {
            self.get(&caller, wanted).await
        };
        let (version, range, body) = answer.map_err(|error| caller.error(hidden(error, hide)))?;
        Ok(encode(&req.headers, &query, &version, range, numbered, body))
    }
}

impl ReadRoute {
    async fn get(&self, caller: &Caller, wanted: Wanted) -> Result<(Version, Option<ByteRange>, Option<Body>), Error> {
        let Wanted { bucket, key, select, conditions, if_range } = wanted;
        let op = GetObject { bucket, key, snapshot: None, select, conditions, if_range };
        let op = caller.principal.authorize(op).map_err(|_denied| Error::AccessDenied)?;
        let got = self.gateway.get_object(op).await?;
        let id = caller.context.id.clone();
        let stream = got.body.map_ok(Frame::<Bytes>::data).inspect_err(move |cause| {
            tracing::error!(request = %id, %cause, "a download broke off");
        });
        Ok((got.version, got.range, Some(Body::http_body_unsync(StreamBody::new(stream)))))
    }

    async fn head(&self, caller: &Caller, wanted: Wanted) -> Result<(Version, Option<ByteRange>), Error> {
        let Wanted { bucket, key, select, conditions, if_range } = wanted;
        let ask = |select, conditions| {
            let op = HeadObject { bucket: bucket.clone(), key: key.clone(), snapshot: None, select, conditions };
            caller.principal.authorize(op).map_err(|_denied| Error::AccessDenied)
        };
        let Some(if_range) = if_range else { return self.gateway.head_object(ask(select, conditions)?).await };
        let (version, whole) = self.gateway.head_object(ask(Select::All, conditions.clone())?).await?;
        if if_range.holds(&version) {
            self.gateway.head_object(ask(select, conditions)?).await
        } else {
            Ok((version, whole))
        }
    }
}

/// Which bytes: a part's, a range, or all.
fn select(headers: &HeaderMap, query: &[(String, String)]) -> S3Result<Select> {
    let range = headers.get(RANGE).and_then(|value| value.to_str().ok());
    let mut numbers = query.iter().filter(|(name, _)| name == "partNumber");
    match (numbers.next(), numbers.next(), range) {
        (None, _, range) => Ok(range.and_then(parse_range).map_or(Select::All, Select::Range)),
        (Some((_, number)), None, None) => match number.parse() {
            Ok(number @ 1..=10_000) => Ok(Select::PartNumber(number)),
            _ => Err(invalid("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")),
        },
        (Some(_), None, Some(_)) => {
            Err(invalid("InvalidRequest", "Cannot specify both Range header and partNumber query parameter"))
        }
        (Some(_), Some(_), _) => Err(invalid("InvalidArgument", "A query parameter comes twice.")),
    }
}

fn encode(
    asked: &HeaderMap,
    query: &[(String, String)],
    version: &Version,
    range: Option<ByteRange>,
    numbered: bool,
    body: Option<Body>,
) -> S3Response<Body> {
    let mut found = headers::of_version(version);
    let length = range.map_or(version.length, ByteRange::length);
    headers::put(&mut found, CONTENT_LENGTH, &length.to_string());
    if let Some(range) = range {
        let text = format!("bytes {}-{}/{}", range.first, range.end.saturating_sub(1), version.length);
        headers::put(&mut found, CONTENT_RANGE, &text);
    }
    if numbered && !version.part_lengths.is_empty() {
        headers::put(&mut found, PARTS_COUNT, &version.part_lengths.len().to_string());
    }
    let wants_checksums = asked.get(CHECKSUM_MODE).is_some_and(|mode| mode.as_bytes().eq_ignore_ascii_case(b"ENABLED"));
    if wants_checksums && range.is_none_or(|range| range.length() == version.length) && !numbered {
        for checksum in &version.metadata.checksums {
            headers::put(&mut found, checksums::header_of(checksum.algorithm), &checksums::encode(checksum));
            headers::put(&mut found, CHECKSUM_TYPE, checksums::type_of(checksum));
        }
    }
    for (name, header) in OVERRIDES {
        if let Some((_, value)) = query.iter().find(|(other, _)| other == name) {
            headers::put(&mut found, header, value);
        }
    }
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut response = S3Response::with_headers(body.unwrap_or_default(), found);
    response.status = Some(status);
    response
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(HOST).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RangeRequest;

    fn pairs(number: &str) -> Vec<(String, String)> {
        vec![("partNumber".to_owned(), number.to_owned())]
    }

    #[test]
    fn a_part_number_and_a_range_exclude_each_other() {
        let mut ranged = HeaderMap::new();
        ranged.insert(RANGE, "bytes=1-2".parse().unwrap());
        assert_eq!(select(&ranged, &[]).unwrap(), Select::Range(RangeRequest::Between { first: 1, last: 2 }));
        assert_eq!(select(&HeaderMap::new(), &pairs("3")).unwrap(), Select::PartNumber(3));
        assert!(select(&ranged, &pairs("3")).is_err());
        for number in ["0", "10001", "-1", "x", ""] {
            assert!(select(&HeaderMap::new(), &pairs(number)).is_err(), "{number}");
        }
    }
}
