//! A version as clients see it: the properties that HEAD, GET and lists share.
//!
//! Source: "Get Blob Properties", "Get Blob", "List Blobs".

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG,
    LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName};

use crate::front::encoded_words;
use crate::front::http_date;
use crate::front::reply::put;
use crate::gateway::Version;
use crate::model::{CopyRecord, Lease, LeaseState, Metadata, ShownMd5, Timestamp};

/// What a blob is when nobody said.
pub(in crate::front::azure) const DEFAULT_CONTENT_TYPE: &str = "application/octet-stream";

/// The version of a container that was deleted: 16 hexadecimal digits.
pub(in crate::front::azure) fn gone(id: i64) -> String {
    format!("{id:016X}")
}

/// Which container a version means; `None` when it is not one of ours.
pub(in crate::front::azure) fn parse_gone(version: &str) -> Option<i64> {
    let digits = version.len() == 16 && version.bytes().all(|b| b.is_ascii_hexdigit());
    digits.then(|| i64::from_str_radix(version, 16).ok()).flatten()
}

/// The headers of a version that GET and HEAD share; neither length nor range is among them. `partial`: the answer holds a
/// range, so the MD5 of the whole has another name.
pub(in crate::front::azure) fn headers(version: &Version, partial: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let metadata = &version.metadata;
    let system = &metadata.system;
    put(&mut headers, ACCEPT_RANGES, "bytes");
    put(&mut headers, ETAG, &format!("\"{}\"", version.state_tag()));
    put(&mut headers, LAST_MODIFIED, &http_date::written(version.modified));
    put(&mut headers, CONTENT_TYPE, system.content_type.as_deref().unwrap_or(DEFAULT_CONTENT_TYPE));
    let optional = [
        (CONTENT_ENCODING, &system.content_encoding),
        (CONTENT_LANGUAGE, &system.content_language),
        (CONTENT_DISPOSITION, &system.content_disposition),
        (CACHE_CONTROL, &system.cache_control),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            put(&mut headers, name, value);
        }
    }
    if let Some(md5) = md5_of(metadata) {
        put(&mut headers, if partial { BLOB_CONTENT_MD5 } else { CONTENT_MD5 }, &md5);
    }
    put(&mut headers, named("x-ms-creation-time"), &http_date::written(metadata.created.unwrap_or(version.modified)));
    put(&mut headers, named("x-ms-blob-type"), blob_type(metadata));
    put(&mut headers, named("x-ms-server-encrypted"), "true");
    if let Some(state) = &metadata.append {
        put(&mut headers, named("x-ms-blob-committed-block-count"), &state.blocks.to_string());
        if state.closed {
            put(&mut headers, named("x-ms-blob-sealed"), "true");
        }
    }
    if !metadata.tags.is_empty() {
        put(&mut headers, named("x-ms-tag-count"), &metadata.tags.len().to_string());
    }
    if version.snapshot.is_none() {
        lease_headers(version.lease.as_ref(), &mut headers);
    }
    if let Some(record) = &metadata.copied {
        copy_headers(record, &mut headers);
    }
    user_headers(metadata.user.iter(), &mut headers);
    headers
}

/// `x-ms-access-tier…` of a block blob. HEAD tells them, GET does not: see the headers of "Get Blob".
pub(in crate::front::azure) fn tier_headers(metadata: &Metadata, headers: &mut HeaderMap) {
    if metadata.append.is_some() {
        return;
    }
    put(headers, named("x-ms-access-tier"), tier_of(metadata));
    match &metadata.tier {
        None => put(headers, named("x-ms-access-tier-inferred"), "true"),
        Some(tier) => put(headers, named("x-ms-access-tier-change-time"), &http_date::written(tier.changed)),
    }
}

/// `x-ms-meta-…`. A name that cannot be a header's is left out; a value that is no ASCII is written in encoded words.
pub(in crate::front::azure) fn user_headers<'m>(
    user: impl Iterator<Item = (&'m String, &'m String)>,
    headers: &mut HeaderMap,
) {
    for (name, value) in user {
        if let Ok(name) = HeaderName::try_from(format!("x-ms-meta-{name}")) {
            put(headers, name, &written(value));
        }
    }
}

/// `x-ms-lease-…`
pub(in crate::front::azure) fn lease_headers(lease: Option<&Lease>, headers: &mut HeaderMap) {
    let shown = ShownLease::of(lease);
    put(headers, named("x-ms-lease-status"), shown.status);
    put(headers, named("x-ms-lease-state"), shown.state);
    if let Some(duration) = shown.duration {
        put(headers, named("x-ms-lease-duration"), duration);
    }
}

/// `x-ms-copy-…`
fn copy_headers(record: &CopyRecord, headers: &mut HeaderMap) {
    put(headers, named("x-ms-copy-id"), &record.id);
    put(headers, named("x-ms-copy-source"), &record.source);
    put(headers, named("x-ms-copy-status"), "success");
    put(headers, named("x-ms-copy-progress"), &format!("{0}/{0}", record.length));
    put(headers, named("x-ms-copy-completion-time"), &http_date::written(record.finished));
}

/// A lease in Azure's words.
pub(in crate::front::azure) struct ShownLease {
    /// `locked` or `unlocked`
    pub(in crate::front::azure) status: &'static str,
    /// `available`, `leased`, `expired`, `breaking` or `broken`
    pub(in crate::front::azure) state: &'static str,
    /// `infinite` or `fixed`, while it is held
    pub(in crate::front::azure) duration: Option<&'static str>,
}

impl ShownLease {
    /// The lease as it is now.
    pub(in crate::front::azure) fn of(lease: Option<&Lease>) -> Self {
        let state = lease.map_or(LeaseState::Available, |lease| lease.state(Timestamp::steady()));
        let kind = match lease.and_then(|lease| lease.duration_seconds) {
            Some(_) => "fixed",
            None => "infinite",
        };
        match state {
            LeaseState::Available => Self { status: "unlocked", state: "available", duration: None },
            LeaseState::Leased => Self { status: "locked", state: "leased", duration: Some(kind) },
            LeaseState::Expired => Self { status: "unlocked", state: "expired", duration: None },
            LeaseState::Breaking => Self { status: "locked", state: "breaking", duration: None },
            LeaseState::Broken => Self { status: "unlocked", state: "broken", duration: None },
        }
    }
}

/// The MD5 to show, base64.
pub(in crate::front::azure) fn md5_of(metadata: &Metadata) -> Option<String> {
    let md5 = match metadata.shown_md5 {
        // What grows has no MD5: the service shows none of append blobs.
        ShownMd5::OfContent if metadata.append.is_some() => None,
        ShownMd5::OfContent => metadata.content_md5,
        ShownMd5::Given(md5) => md5,
    };
    md5.map(|md5| STANDARD.encode(md5))
}

/// `BlockBlob` or `AppendBlob`.
pub(in crate::front::azure) fn blob_type(metadata: &Metadata) -> &'static str {
    if metadata.append.is_some() { "AppendBlob" } else { "BlockBlob" }
}

/// The tier; the default one where nobody chose.
pub(in crate::front::azure) fn tier_of(metadata: &Metadata) -> &str {
    metadata.tier.as_ref().map_or("Hot", |tier| tier.name.as_str())
}

/// A value of user metadata: as it is where it is printable ASCII, otherwise encoded words (RFC 2047). Only S3 can have
/// written such a one.
pub(in crate::front::azure) fn written(value: &str) -> String {
    let plain = value.bytes().all(|b| (b' '..=b'~').contains(&b) || b == b'\t');
    if plain { value.to_owned() } else { encoded_words::encode(value) }
}

/// A header of Azure's.
pub(in crate::front::azure) fn named(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

pub(in crate::front::azure) const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
pub(in crate::front::azure) const BLOB_CONTENT_MD5: HeaderName = HeaderName::from_static("x-ms-blob-content-md5");
pub(in crate::front::azure) const CONTENT_CRC64: HeaderName = HeaderName::from_static("x-ms-content-crc64");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AppendState;

    #[test]
    fn the_md5_shown_is_the_client_s_once_it_set_one() {
        let mut metadata = Metadata { content_md5: Some([0; 16]), ..Metadata::default() };
        assert_eq!(md5_of(&metadata).as_deref(), Some("AAAAAAAAAAAAAAAAAAAAAA=="));
        metadata.shown_md5 = ShownMd5::Given(None);
        assert_eq!(md5_of(&metadata), None);
        metadata.shown_md5 = ShownMd5::OfContent;
        metadata.append = Some(AppendState::default());
        assert_eq!(md5_of(&metadata), None);
    }

    #[test]
    fn values_that_are_no_ascii_are_encoded_words() {
        assert_eq!(written("plain text"), "plain text");
        assert_eq!(written("é"), "=?UTF-8?B?w6k=?=");
    }
}
