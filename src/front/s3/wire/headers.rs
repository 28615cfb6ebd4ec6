//! Headers of objects: from requests into metadata, from versions into answers.

use std::collections::BTreeMap;

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG, EXPIRES,
    LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName};

use super::errors;
use crate::front::reply::put;
use crate::front::s3::wire::refusal::Refusal;
use crate::front::{encoded_words, http_date};
use crate::gateway::Version;
use crate::model::{ETag, Metadata, SystemMetadata, Tags, Timestamp};

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
pub(in crate::front::s3) const ENCRYPTION: HeaderName = HeaderName::from_static("x-amz-server-side-encryption");

/// The algorithm that clients are told.
pub(in crate::front::s3) const SEALED: &str = "AES256";

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

/// The metadata that a PUT, a creation of an upload or a replacing copy sends, with these tags.
pub(in crate::front::s3) fn metadata(headers: &HeaderMap, tags: Tags) -> Result<Metadata, Refusal> {
    let user = user_metadata(headers)?;
    if user.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > MAX_USER_METADATA_BYTES {
        return Err(too_large());
    }
    let storage_class = storage_class(headers)?;
    let system = SystemMetadata {
        content_type: text(headers, &CONTENT_TYPE)?,
        content_encoding: text(headers, &CONTENT_ENCODING)?.and_then(|value| without_aws_chunked(&value)),
        content_language: text(headers, &CONTENT_LANGUAGE)?,
        content_disposition: text(headers, &CONTENT_DISPOSITION)?,
        cache_control: text(headers, &CACHE_CONTROL)?,
        expires: text(headers, &EXPIRES)?,
        website_redirect: website_redirect(headers)?,
        storage_class: storage_class.filter(|class| class != "STANDARD"),
    };
    if system.header_bytes() > MAX_SYSTEM_METADATA_BYTES {
        return Err(too_large());
    }
    Ok(Metadata { system, user, tags, ..Metadata::default() })
}

/// `x-amz-meta-…`: names without that, values decoded.
fn user_metadata(headers: &HeaderMap) -> Result<BTreeMap<String, String>, Refusal> {
    let mut user = BTreeMap::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix("x-amz-meta-").filter(|name| !name.is_empty()) else { continue };
        let text = std::str::from_utf8(value.as_bytes()).map_err(|cause| unreadable(&cause))?;
        user.insert(name.to_owned(), encoded_words::decode(text));
    }
    Ok(user)
}

/// The storage class that a request names.
pub(in crate::front::s3) fn storage_class(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let class = text(headers, &STORAGE_CLASS)?;
    if class.as_deref().is_some_and(|class| !STORAGE_CLASSES.contains(&class)) {
        return Err(errors::invalid("InvalidStorageClass", "The storage class you specified is not valid"));
    }
    Ok(class)
}

/// Where a request says that the object redirects to.
pub(in crate::front::s3) fn website_redirect(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    text(headers, &WEBSITE_REDIRECT)
}

/// The headers of a version that GET and HEAD share; neither length, range nor checksums are among them.
pub(in crate::front::s3) fn of_version(version: &Version) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let system = &version.metadata.system;
    put(&mut headers, ACCEPT_RANGES, "bytes");
    put(&mut headers, ETAG, &quoted(&version.etag));
    put(&mut headers, LAST_MODIFIED, &http_date::written(version.modified));
    put(&mut headers, CONTENT_TYPE, system.content_type.as_deref().unwrap_or(DEFAULT_CONTENT_TYPE));
    put(&mut headers, ENCRYPTION, SEALED);
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
pub(in crate::front::s3) fn encode_metadata(value: &str) -> String {
    let plain = value.bytes().all(|b| (b' '..=b'~').contains(&b)) && value.trim() == value && !value.contains("=?");
    if plain { value.to_owned() } else { encoded_words::encode(value) }
}

/// `Content-Encoding` as it was sent, without the `aws-chunked` that only frames the transfer.
pub(in crate::front::s3) fn without_aws_chunked(value: &str) -> Option<String> {
    let frames = |coding: &str| coding.trim().eq_ignore_ascii_case("aws-chunked");
    if !value.split(',').any(frames) {
        return Some(value.to_owned());
    }
    let kept: Vec<&str> = value.split(',').filter(|coding| !coding.trim().is_empty() && !frames(coding)).collect();
    (!kept.is_empty()).then(|| kept.join(",").trim().to_owned())
}

/// A header's text; `None` when it is absent or empty, an error when it comes twice or is no UTF-8.
pub(in crate::front::s3) fn text(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(errors::invalid("InvalidRequest", "A header comes twice."));
    }
    let text = std::str::from_utf8(value.as_bytes()).map_err(|cause| unreadable(&cause))?;
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// What a header claims; `None` when it is not there. An empty one is there.
pub(in crate::front::s3) fn claim<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Refusal> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    std::str::from_utf8(value.as_bytes()).map(|text| Some(text.trim())).map_err(|cause| unreadable(&cause))
}

fn too_large() -> Refusal {
    errors::invalid("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
}

fn unreadable(cause: &std::str::Utf8Error) -> Refusal {
    tracing::debug!(%cause, "a header is not UTF-8");
    errors::invalid("InvalidArgument", "A header is not UTF-8.")
}

/// The tag in quotes.
pub(in crate::front::s3) fn quoted(etag: &ETag) -> String {
    format!("\"{etag}\"")
}

/// A time as S3's XML has it, whole seconds.
pub(in crate::front::s3) fn iso8601(at: Timestamp) -> String {
    let moment = time::OffsetDateTime::from_unix_timestamp(at.seconds()).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].000Z");
    moment.format(format).unwrap_or_default()
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
        assert_eq!(without_aws_chunked("aws-chunked, gzip"), Some("gzip".into()));
        assert_eq!(without_aws_chunked("gzip, br"), Some("gzip, br".into()));
    }

    #[test]
    fn encoded_words_are_decoded_and_dates_kept_as_they_came() {
        let mut sent = HeaderMap::new();
        sent.insert("x-amz-meta-nom", "=?UTF-8?B?SMOpbMOobmU=?=".parse().unwrap());
        sent.insert("expires", "0".parse().unwrap());
        let made = metadata(&sent, Tags::new()).unwrap();
        assert_eq!((made.user["nom"].as_str(), made.system.expires.as_deref()), ("Hélène", Some("0")));
    }

    #[test]
    fn dates_are_whole_seconds() {
        assert_eq!(iso8601(Timestamp(1_445_412_480_999)), "2015-10-21T07:28:00.000Z");
    }
}
