//! What a request says an object is to carry: headers into metadata, tags, tier, digests.
//!
//! Names of user metadata are kept in lower case: HTTP/2 knows no other, and Azure compares them without case.
//!
//! Source: "Put Blob", "Setting and retrieving properties and metadata for Blob resources", "Set Blob Tags".

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, StatusCode};

use super::asked::Asked;
use super::codes::Code;
use super::errors::plain;
use super::refusal::Refusal;
use crate::gateway::Claim;
use crate::model::{
    Checksum, ChecksumAlgorithm, Metadata, ShownMd5, SystemMetadata, TagCharacters, TagFault, Tags, Tier, Timestamp,
    check_tags,
};

/// User metadata, names and values together, in bytes. Source: "Metadata names … total size".
const MOST_METADATA_BYTES: usize = 8 * 1024;
/// All other headers that are kept, in bytes. The service has no documented limit but that of a request's headers.
const MOST_HEADER_BYTES: usize = 8 * 1024;
const META: &str = "x-ms-meta-";

/// What the digests in a request's headers claim of its body.
pub(in crate::front::azure) struct ClaimedDigests {
    /// The claims.
    pub(in crate::front::azure) claims: Vec<Claim>,
    /// The client sent a CRC64, so the answer tells it.
    pub(in crate::front::azure) crc64: bool,
}

/// Whether a request speaks of a structured body (`x-ms-structured-body`): its own, or the answer's. There is one kind.
pub(in crate::front::azure) fn is_structured(asked: &Asked<'_>) -> Result<bool, Refusal> {
    let Some(value) = asked.headers.get("x-ms-structured-body") else { return Ok(false) };
    let text = value.to_str().unwrap_or_default();
    if text.replace(' ', "").eq_ignore_ascii_case("XSM/1.0;properties=crc64") {
        return Ok(true);
    }
    Err(Refusal::invalid_header("x-ms-structured-body", text))
}

/// The metadata of a new version. `from_body`: `Content-Type` and its like describe the blob; otherwise they describe the
/// request's body, and only `x-ms-blob-…` count.
pub(in crate::front::azure) fn of_new(asked: &Asked<'_>, from_body: bool) -> Result<Metadata, Refusal> {
    Ok(Metadata {
        system: system(asked, from_body)?,
        user: user(asked)?,
        tags: tags(asked)?.unwrap_or_default(),
        tier: tier(asked)?,
        ..Metadata::default()
    })
}

/// The headers that are kept with a blob.
pub(in crate::front::azure) fn system(asked: &Asked<'_>, from_body: bool) -> Result<SystemMetadata, Refusal> {
    let either = |own: &'static str, standard: &'static str| -> Result<Option<String>, Refusal> {
        match text(asked, own)? {
            None if from_body => text(asked, standard),
            found => Ok(found),
        }
    };
    let system = SystemMetadata {
        content_type: either("x-ms-blob-content-type", "content-type")?,
        content_encoding: either("x-ms-blob-content-encoding", "content-encoding")?,
        content_language: either("x-ms-blob-content-language", "content-language")?,
        content_disposition: text(asked, "x-ms-blob-content-disposition")?,
        cache_control: either("x-ms-blob-cache-control", "cache-control")?,
        ..SystemMetadata::default()
    };
    let kept = [
        &system.content_type,
        &system.content_encoding,
        &system.content_language,
        &system.content_disposition,
        &system.cache_control,
    ];
    if kept.into_iter().flatten().map(String::len).sum::<usize>() > MOST_HEADER_BYTES {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            Code::OutOfRangeInput,
            "The size of the headers to keep exceeds the maximum size permitted.",
        ));
    }
    Ok(system)
}

/// The MD5 that a client wants to be shown (`x-ms-blob-content-md5`).
pub(in crate::front::azure) fn shown_md5(asked: &Asked<'_>) -> Result<ShownMd5, Refusal> {
    Ok(ShownMd5::Given(md5(asked, "x-ms-blob-content-md5")?))
}

/// User metadata. Names are C# identifiers.
pub(in crate::front::azure) fn user(asked: &Asked<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut user = BTreeMap::new();
    let mut bytes = 0;
    for (name, value) in asked.headers {
        let Some(name) = name.as_str().strip_prefix(META) else { continue };
        if name.is_empty() {
            return Err(plain(
                400,
                Code::EmptyMetadataKey,
                "The key for one of the metadata key-value pairs is empty.",
            ));
        }
        let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        let fine = first && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let Some(value) = value.to_str().ok().filter(|_| fine) else {
            return Err(plain(
                400,
                Code::InvalidMetadata,
                "The specified metadata is invalid. It includes characters that are not permitted.",
            ));
        };
        bytes += name.len() + value.len();
        user.insert(name.to_owned(), value.trim().to_owned());
    }
    if bytes > MOST_METADATA_BYTES {
        return Err(plain(
            400,
            Code::MetadataTooLarge,
            "The size of the specified metadata exceeds the maximum size permitted.",
        ));
    }
    Ok(user)
}

/// The tags of `x-ms-tags`: a query string. `None`: the header is not there.
pub(in crate::front::azure) fn tags(asked: &Asked<'_>) -> Result<Option<Tags>, Refusal> {
    let Some(value) = asked.headers.get("x-ms-tags") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let mut tags = Tags::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        if !pair.contains('=') {
            return Err(Refusal::invalid_header("x-ms-tags", text));
        }
        for (name, value) in url::form_urlencoded::parse(pair.as_bytes()) {
            if tags.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(plain(400, Code::DuplicateTagNames, "The tags specified contain duplicate names."));
            }
        }
    }
    checked(tags).map(Some)
}

/// Tags that Azure would take.
pub(in crate::front::azure) fn checked(tags: Tags) -> Result<Tags, Refusal> {
    match check_tags(&tags, TagCharacters::Azure) {
        Ok(()) => Ok(tags),
        Err(TagFault::NameLength) if tags.keys().any(String::is_empty) => {
            Err(plain(400, Code::EmptyTagName, "The name of one of the tags is empty."))
        }
        Err(TagFault::TooMany | TagFault::NameLength | TagFault::ValueLength) => {
            Err(plain(400, Code::TagsTooLarge, "The tags specified exceed the maximum permissible limit."))
        }
        Err(_fault) => Err(plain(
            400,
            Code::InvalidInput,
            "The tags specified are invalid. A name or value has characters or a length that are not permitted.",
        )),
    }
}

/// The tier of `x-ms-access-tier`.
pub(in crate::front::azure) fn tier(asked: &Asked<'_>) -> Result<Option<Tier>, Refusal> {
    let Some(value) = asked.headers.get("x-ms-access-tier") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let known = TIERS.iter().find(|tier| tier.eq_ignore_ascii_case(text));
    let name = known.ok_or_else(|| Refusal::invalid_header("x-ms-access-tier", text))?;
    Ok(Some(Tier { name: (*name).to_owned(), changed: Timestamp::now() }))
}

/// Claims about the body in `Content-MD5` or `x-ms-content-crc64`; both together are refused.
pub(in crate::front::azure) fn claims(asked: &Asked<'_>) -> Result<ClaimedDigests, Refusal> {
    claims_in(asked, "content-md5", "x-ms-content-crc64")
}

/// The same about the source of a copy from a URL.
pub(in crate::front::azure) fn source_claims(asked: &Asked<'_>) -> Result<ClaimedDigests, Refusal> {
    claims_in(asked, "x-ms-source-content-md5", "x-ms-source-content-crc64")
}

fn claims_in(asked: &Asked<'_>, md5_name: &'static str, crc_name: &'static str) -> Result<ClaimedDigests, Refusal> {
    let md5 = md5(asked, md5_name)?.map(Claim::Md5);
    let crc64 = match asked.headers.get(crc_name) {
        None => None,
        Some(value) => {
            let text = value.to_str().unwrap_or_default();
            Some(parse_crc64(text).ok_or_else(invalid_crc64)?)
        }
    };
    if md5.is_some() && crc64.is_some() {
        return Err(plain(
            400,
            Code::BothCrc64AndMd5HeaderPresent,
            "Both x-ms-content-crc64 header and Content-MD5 header are present.",
        ));
    }
    let checked = crc64.is_some();
    Ok(ClaimedDigests { claims: md5.into_iter().chain(crc64.map(Claim::Checksum)).collect(), crc64: checked })
}

/// An MD5 in a header, base64.
pub(in crate::front::azure) fn md5(asked: &Asked<'_>, name: &'static str) -> Result<Option<[u8; 16]>, Refusal> {
    let Some(value) = asked.headers.get(name) else { return Ok(None) };
    let decoded =
        value.to_str().ok().and_then(|text| STANDARD.decode(text).ok()).and_then(|bytes| bytes.try_into().ok());
    decoded.map(Some).ok_or_else(|| {
        plain(
            400,
            Code::InvalidMd5,
            "The MD5 value specified in the request is invalid. It must be 128 bits and Base64-encoded.",
        )
    })
}

fn invalid_crc64() -> Refusal {
    let text = "The CRC64 value specified in the request is invalid. It must be 64 bits and Base64-encoded.";
    plain(400, Code::InvalidCrc64, text)
}

/// A CRC64 as Azure writes it: base64 of eight bytes, the least significant first.
pub(in crate::front::azure) fn parse_crc64(text: &str) -> Option<Checksum> {
    let mut value = STANDARD.decode(text).ok().filter(|bytes| bytes.len() == 8)?;
    value.reverse();
    Some(Checksum { algorithm: ChecksumAlgorithm::Crc64Nvme, value, parts: None })
}

/// The CRC64 among checksums, as Azure writes it.
pub(in crate::front::azure) fn shown_crc64(checksums: &[Checksum]) -> Option<String> {
    let found = checksums.iter().find(|c| c.algorithm == ChecksumAlgorithm::Crc64Nvme && c.parts.is_none())?;
    let mut value = found.value.clone();
    value.reverse();
    Some(STANDARD.encode(value))
}

/// A header's value; text that is no visible ASCII is refused.
fn text(asked: &Asked<'_>, name: &'static str) -> Result<Option<String>, Refusal> {
    let Some(value) = asked.headers.get(HeaderName::from_static(name)) else { return Ok(None) };
    match value.to_str() {
        Ok("") => Ok(None),
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_cause) => Err(Refusal::invalid_header(name, "")),
    }
}

/// Access tiers of block blobs.
pub(in crate::front::azure) const TIERS: [&str; 4] = ["Hot", "Cool", "Cold", "Archive"];

#[cfg(test)]
mod tests {
    use super::super::asked::Sample;
    use super::*;

    fn with<T>(pairs: &[(&str, &[u8])], ask: impl FnOnce(&Asked<'_>) -> T) -> T {
        ask(&Sample::of(pairs).asked())
    }

    #[test]
    fn the_blob_s_own_headers_win_over_those_of_the_request() {
        let pairs: [(&str, &[u8]); 3] = [
            ("content-type", b"text/xml"),
            ("x-ms-blob-content-type", b"application/dicom"),
            ("cache-control", b"no-cache"),
        ];
        let both = with(&pairs, |asked| system(asked, true)).unwrap();
        assert_eq!(both.content_type.as_deref(), Some("application/dicom"));
        assert_eq!(both.cache_control.as_deref(), Some("no-cache"));
        let own = with(&pairs, |asked| system(asked, false)).unwrap();
        assert_eq!((own.content_type.as_deref(), own.cache_control), (Some("application/dicom"), None));
    }

    #[test]
    fn names_of_metadata_are_identifiers_and_values_ascii() {
        let code = |name: &str, value: &[u8]| with(&[(name, value)], user).map(|user| user.len()).map_err(|r| r.code);
        assert_eq!(code("x-ms-meta-hdi_isfolder", b"true"), Ok(1));
        assert_eq!(code("x-ms-meta-a-b", b"x"), Err("InvalidMetadata"));
        assert_eq!(code("x-ms-meta-1a", b"x"), Err("InvalidMetadata"));
        assert_eq!(code("x-ms-meta-a", "é".as_bytes()), Err("InvalidMetadata"));
        assert_eq!(code("x-ms-meta-", b"x"), Err("EmptyMetadataKey"));
        assert_eq!(code("x-ms-meta-a", &[b'x'; 8192]), Err("MetadataTooLarge"));
    }

    #[test]
    fn tags_are_a_query_string() {
        let read = |text: &str| with(&[("x-ms-tags", text.as_bytes())], tags).map_err(|r| r.code);
        let expected = Tags::from([("a b".to_owned(), "1".to_owned()), ("c".to_owned(), String::new())]);
        assert_eq!(read("a%20b=1&c="), Ok(Some(expected)));
        assert_eq!(read("a=1&a=2"), Err("DuplicateTagNames"));
        assert_eq!(read("a"), Err("InvalidHeaderValue"));
        assert_eq!(read("a=%23"), Err("InvalidInput"));
    }

    #[test]
    fn digests_are_base64_and_come_alone() {
        // CRC-64/NVME of "123456789" is 0xae8b14860a799888.
        let crc = parse_crc64("iJh5CoYUi64=").unwrap();
        assert_eq!(hex::encode(&crc.value), "ae8b14860a799888");
        assert_eq!(shown_crc64(&[crc]).as_deref(), Some("iJh5CoYUi64="));
        let code = |pairs: &[(&str, &[u8])]| with(pairs, claims).map(|c| c.claims.len()).map_err(|r| r.code);
        assert_eq!(code(&[("content-md5", b"1B2M2Y8AsgTpgAmY7PhCfg==")]), Ok(1));
        assert_eq!(code(&[("content-md5", b"x")]), Err("InvalidMd5"));
        assert_eq!(code(&[("x-ms-content-crc64", b"AAAA")]), Err("InvalidCrc64"));
        let both: [(&str, &[u8]); 2] =
            [("content-md5", b"1B2M2Y8AsgTpgAmY7PhCfg=="), ("x-ms-content-crc64", b"iJh5CoYUi64=")];
        assert_eq!(code(&both), Err("BothCrc64AndMd5HeaderPresent"));
    }
}
