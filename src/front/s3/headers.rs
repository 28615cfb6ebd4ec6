//! Headers of objects: from requests into metadata, from versions into answers.

use std::collections::BTreeMap;

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG, EXPIRES,
    LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::dto::{self, TimestampFormat};
use s3s::{S3Error, S3Result};

use super::{errors, tagging};
use crate::front::encoded_words;
use crate::gateway::Version;
use crate::model::{ETag, Metadata, SystemMetadata, Timestamp};

/// User metadata, names and values together, in bytes. Source: S3 "Working with object metadata".
const MAX_USER_METADATA_BYTES: usize = 2048;
/// All other headers that are kept, in bytes: what S3 takes for the whole header of a PUT. Pages of lists and of uploads
/// hold a thousand of them.
const MAX_SYSTEM_METADATA_BYTES: usize = 8192;
const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";
const STORAGE_CLASS: HeaderName = HeaderName::from_static("x-amz-storage-class");
const TAGGING_COUNT: HeaderName = HeaderName::from_static("x-amz-tagging-count");
const WEBSITE_REDIRECT: HeaderName = HeaderName::from_static("x-amz-website-redirect-location");
/// True of every object: everything is sealed.
const ENCRYPTION: HeaderName = HeaderName::from_static("x-amz-server-side-encryption");

/// The storage classes that S3 has. They are kept and shown; where the bytes lie does not depend on them.
const STORAGE_CLASSES: [&str; 9] = [
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "GLACIER_IR",
    "EXPRESS_ONEZONE",
];

/// The metadata that a PUT, a creation of an upload or a replacing copy sends. `user`: as `s3s` decoded it.
pub(super) fn metadata(headers: &HeaderMap, user: Option<dto::Metadata>) -> S3Result<Metadata> {
    let user: BTreeMap<String, String> = user.unwrap_or_default().into_iter().collect();
    if user.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > MAX_USER_METADATA_BYTES {
        return Err(too_large());
    }
    let storage_class = text(headers, &STORAGE_CLASS)?;
    if storage_class.as_deref().is_some_and(|class| !STORAGE_CLASSES.contains(&class)) {
        return Err(errors::invalid("InvalidStorageClass", "The storage class you specified is not valid"));
    }
    let system = SystemMetadata {
        content_type: text(headers, &CONTENT_TYPE)?,
        content_encoding: text(headers, &CONTENT_ENCODING)?.and_then(|value| without_aws_chunked(&value)),
        content_language: text(headers, &CONTENT_LANGUAGE)?,
        content_disposition: text(headers, &CONTENT_DISPOSITION)?,
        cache_control: text(headers, &CACHE_CONTROL)?,
        expires: text(headers, &EXPIRES)?,
        website_redirect: text(headers, &WEBSITE_REDIRECT)?,
        storage_class: storage_class.filter(|class| class != "STANDARD"),
    };
    let kept = [
        &system.content_type,
        &system.content_encoding,
        &system.content_language,
        &system.content_disposition,
        &system.cache_control,
        &system.expires,
        &system.website_redirect,
    ];
    if kept.into_iter().flatten().map(String::len).sum::<usize>() > MAX_SYSTEM_METADATA_BYTES {
        return Err(too_large());
    }
    Ok(Metadata { system, user, tags: tagging::of_header(headers)?.unwrap_or_default(), ..Metadata::default() })
}

/// The headers of a version that GET and HEAD share; neither length, range nor checksums are among them.
pub(super) fn of_version(version: &Version) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let system = &version.metadata.system;
    put(&mut headers, ACCEPT_RANGES, "bytes");
    put(&mut headers, ETAG, &quoted(&version.etag));
    put(&mut headers, LAST_MODIFIED, &http_date(version.modified));
    put(&mut headers, CONTENT_TYPE, system.content_type.as_deref().unwrap_or(DEFAULT_CONTENT_TYPE));
    put(&mut headers, ENCRYPTION, "AES256");
    let optional = [
        (CONTENT_ENCODING, &system.content_encoding),
        (CONTENT_LANGUAGE, &system.content_language),
        (CONTENT_DISPOSITION, &system.content_disposition),
        (CACHE_CONTROL, &system.cache_control),
        (EXPIRES, &system.expires),
        (WEBSITE_REDIRECT, &system.website_redirect),
        (STORAGE_CLASS, &system.storage_class),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            put(&mut headers, name, value);
        }
    }
    if !version.metadata.tags.is_empty() {
        put(&mut headers, TAGGING_COUNT, &version.metadata.tags.len().to_string());
    }
    for (name, value) in &version.metadata.user {
        if let Ok(name) = HeaderName::try_from(format!("x-amz-meta-{name}")) {
            put(&mut headers, name, &encode_metadata(value));
        }
    }
    headers
}

/// A value of user metadata as a header: as it is where it is printable ASCII, otherwise encoded words (RFC 2047), as
/// S3 answers.
pub(super) fn encode_metadata(value: &str) -> String {
    let plain = value.bytes().all(|b| (b' '..=b'~').contains(&b)) && value.trim() == value && !value.contains("=?");
    if plain { value.to_owned() } else { encoded_words::encode(value) }
}

/// `Content-Encoding` without the `aws-chunked` that only frames the transfer.
pub(super) fn without_aws_chunked(value: &str) -> Option<String> {
    let kept: Vec<&str> =
        value.split(',').map(str::trim).filter(|c| !c.is_empty() && !c.eq_ignore_ascii_case("aws-chunked")).collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// A header's text; `None` when it is absent or empty, an error when it comes twice or is no UTF-8.
pub(super) fn text(headers: &HeaderMap, name: &HeaderName) -> S3Result<Option<String>> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(errors::invalid("InvalidRequest", "A header comes twice."));
    }
    let text = std::str::from_utf8(value.as_bytes()).map_err(|cause| unreadable(&cause))?;
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

fn too_large() -> S3Error {
    errors::invalid("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
}

fn unreadable(cause: &std::str::Utf8Error) -> S3Error {
    tracing::debug!(%cause, "a header is not UTF-8");
    errors::invalid("InvalidArgument", "A header is not UTF-8.")
}

/// Sets a header. A value that HTTP cannot carry is left out; none of ours is.
pub(super) fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        headers.insert(name, value);
    }
}

/// The tag in quotes.
pub(super) fn quoted(etag: &ETag) -> String {
    format!("\"{etag}\"")
}

/// The tag as `s3s` has it.
pub(super) fn dto_etag(etag: &ETag) -> dto::ETag {
    dto::ETag::Strong(etag.as_str().to_owned())
}

/// The time in whole seconds, as `s3s` has it.
pub(super) fn dto_time(time: Timestamp) -> dto::Timestamp {
    time::OffsetDateTime::from_unix_timestamp(time.seconds()).unwrap_or(time::OffsetDateTime::UNIX_EPOCH).into()
}

/// An IMF-fixdate (RFC 9110 §5.6.7).
pub(super) fn http_date(time: Timestamp) -> String {
    let mut text = Vec::new();
    if dto_time(time).format(TimestampFormat::HttpDate, &mut text).is_err() {
        text.clear();
    }
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_metadata_stays_and_other_is_encoded() {
        assert_eq!(encode_metadata("plain value"), "plain value");
        assert_eq!(encode_metadata("Hélène"), "=?UTF-8?B?SMOpbMOobmU=?=");
        assert_eq!(encode_metadata(" edge"), "=?UTF-8?B?IGVkZ2U=?=");
        assert!(encode_metadata("a\nb").starts_with("=?UTF-8?B?"));
    }

    #[test]
    fn aws_chunked_is_no_content_encoding() {
        assert_eq!(without_aws_chunked("aws-chunked"), None);
        assert_eq!(without_aws_chunked("gzip, AWS-chunked,br"), Some("gzip,br".into()));
    }

    #[test]
    fn dates_are_whole_seconds() {
        assert_eq!(http_date(Timestamp(1_445_412_480_999)), "Wed, 21 Oct 2015 07:28:00 GMT");
    }
}
