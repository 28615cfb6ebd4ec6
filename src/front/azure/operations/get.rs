//! Get Blob, Get Blob Properties, Get Blob Metadata.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, ETAG, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName, StatusCode};
use md5::{Digest, Md5};

use crate::front::azure::admission::ask::Ask;
use crate::front::azure::wire::operation::Operation;
use crate::front::azure::wire::ranges::{self, LONGEST_DIGESTED_BYTES, RangeDigest};
use crate::front::azure::wire::refusal::Refusal;
use crate::front::azure::wire::shown::{self, CONTENT_CRC64, CONTENT_MD5, named};
use crate::front::azure::wire::structured::Encoder;
use crate::front::azure::wire::{conditions, errors, properties};
use crate::front::reply::{Payload, Reply, put};
use crate::gateway::{Crc, Error, GetObject, GotObject, HeadObject, ObjectBody, Select, Version};
use crate::model::ByteRange;

/// Get Blob.
pub(in crate::front::azure) async fn get(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let range = ranges::of_read(&ask.asked);
    let digest = ranges::digest(&ask.asked, range)?;
    let framed = properties::is_structured(&ask.asked)?;
    let select = range.map_or(Select::All, Select::Range);
    let GotObject { version, range, body } = open(ask, select).await?;
    if version.is_archived() {
        return Err(errors::archived());
    }
    let length = range.map_or(version.length, ByteRange::length);
    let mut reply = Reply::new(if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK });
    reply.headers = shown::headers(&version, range.is_some());
    if let Some(range) = range {
        let text = format!("bytes {}-{}/{}", range.first, range.end.saturating_sub(1), version.length);
        put(&mut reply.headers, CONTENT_RANGE, &text);
    }
    overridden(ask, &mut reply.headers);
    let body = match digest {
        None => body,
        Some(digest) => {
            if length > LONGEST_DIGESTED_BYTES {
                return Err(ranges::too_long_for_a_digest());
            }
            // The header that holds the digest goes out before the bytes. They are read twice and never kept: a client that
            // is slow would hold memory that others wait for.
            let (name, text) = digest_of(digest, body).await.map_err(|error| ask.refuse(error))?;
            put(&mut reply.headers, name, &text);
            let again = open(ask, select).await?;
            if (again.version.id, again.range) != (version.id, range) {
                return Err(ask.refuse(Error::Conflict));
            }
            again.body
        }
    };
    if !framed {
        reply.payload = Payload::Stream(body, Some(length));
        return Ok(reply);
    }
    put(&mut reply.headers, named("x-ms-structured-body"), "XSM/1.0; properties=crc64");
    put(&mut reply.headers, named("x-ms-structured-content-length"), &length.to_string());
    let encoder = Encoder::new(length);
    let encoded = encoder.encoded_length();
    reply.payload = Payload::Stream(crate::front::azure::wire::structured::framed(body, encoder), Some(encoded));
    Ok(reply)
}

/// The blob, or the range of it that is asked for, as it is now.
async fn open(ask: &Ask<'_>, select: Select) -> Result<GotObject, Refusal> {
    let op = ask.may(GetObject {
        bucket: ask.bucket()?,
        key: ask.key()?,
        snapshot: ask.snapshot()?,
        select,
        conditions: conditions::of_read(&ask.asked)?,
        if_range: conditions::if_range(&ask.asked),
    })?;
    ask.house.gateway.get_object(op).await.map_err(|error| refused(ask, error))
}

/// The digest of a body: its header, and what that says.
async fn digest_of(digest: RangeDigest, mut body: ObjectBody) -> Result<(HeaderName, String), Error> {
    let mut md5 = Md5::new();
    let mut crc = Crc::crc64();
    while let Some(piece) = body.next().await {
        match digest {
            RangeDigest::Md5 => md5.update(&piece?),
            RangeDigest::Crc64 => crc.update(&piece?),
        }
    }
    Ok(match digest {
        RangeDigest::Md5 => (CONTENT_MD5, STANDARD.encode(md5.finalize_reset())),
        RangeDigest::Crc64 => (CONTENT_CRC64, STANDARD.encode(crc.finalize().to_le_bytes())),
    })
}

/// Get Blob Properties.
pub(in crate::front::azure) async fn head(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let version = version(ask).await?;
    let mut reply = Reply::new(StatusCode::OK);
    reply.headers = shown::headers(&version, false);
    shown::tier_headers(&version.metadata, &mut reply.headers);
    overridden(ask, &mut reply.headers);
    Ok(reply.with(CONTENT_LENGTH, &version.length.to_string()))
}

/// Get Blob Metadata.
pub(in crate::front::azure) async fn metadata(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let version = version(ask).await?;
    let mut reply = Reply::new(StatusCode::OK).of_state(&version.state_tag(), version.modified);
    shown::user_headers(version.metadata.user.iter(), &mut reply.headers);
    Ok(reply)
}

async fn version(ask: &Ask<'_>) -> Result<Version, Refusal> {
    let op = ask.may(HeadObject {
        bucket: ask.bucket()?,
        key: ask.key()?,
        snapshot: ask.snapshot()?,
        select: Select::All,
        conditions: conditions::of_read(&ask.asked)?,
    })?;
    let found = ask.house.gateway.head_object(op).await;
    found.map(|(version, _)| version).map_err(|error| refused(ask, error))
}

/// What an error of a read is on the wire. 304 has of the headers of the 200 those that caches go by, as a SAS lays them down.
fn refused(ask: &Ask<'_>, error: Error) -> Refusal {
    let refusal = ask.refuse(error);
    let laid_down = ask.caller.response_overrides().and_then(|overrides| overrides.cache_control.as_deref());
    match laid_down {
        Some(text) if refusal.status == StatusCode::NOT_MODIFIED && ask.operation != Operation::GetBlobMetadata => {
            refusal.header(CACHE_CONTROL, text)
        }
        _ => refusal,
    }
}

/// Headers that a SAS lays down.
fn overridden(ask: &Ask<'_>, headers: &mut HeaderMap) {
    let Some(overrides) = ask.caller.response_overrides() else { return };
    let laid_down = [
        (CACHE_CONTROL, &overrides.cache_control),
        (CONTENT_DISPOSITION, &overrides.content_disposition),
        (CONTENT_ENCODING, &overrides.content_encoding),
        (CONTENT_LANGUAGE, &overrides.content_language),
        (CONTENT_TYPE, &overrides.content_type),
    ];
    for (name, value) in laid_down {
        if let Some(value) = value {
            put(headers, name, value);
        }
    }
    debug_assert!(headers.contains_key(ETAG) && headers.contains_key(LAST_MODIFIED), "object_store needs both");
}
