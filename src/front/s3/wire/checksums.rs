//! Checksums and digests in headers and trailers (S3 "Checking object integrity").

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};

use super::errors::invalid;
use super::headers;
use crate::front::reply::{Reply, put};
use crate::front::s3::wire::refusal::Refusal;
use crate::front::xml::Writer;
use crate::gateway::Claim;
use crate::model::{Checksum, ChecksumAlgorithm};

/// The header of an algorithm's checksum.
pub(in crate::front::s3) fn header_of(algorithm: ChecksumAlgorithm) -> HeaderName {
    HeaderName::from_static(match algorithm {
        ChecksumAlgorithm::Crc32 => "x-amz-checksum-crc32",
        ChecksumAlgorithm::Crc32c => "x-amz-checksum-crc32c",
        ChecksumAlgorithm::Crc64Nvme => "x-amz-checksum-crc64nvme",
        ChecksumAlgorithm::Sha1 => "x-amz-checksum-sha1",
        ChecksumAlgorithm::Sha256 => "x-amz-checksum-sha256",
    })
}

/// The value of a checksum as S3 writes it: base64, and `-n` when it is one of `n` parts' checksums.
pub(in crate::front::s3) fn encode(checksum: &Checksum) -> String {
    let value = STANDARD.encode(&checksum.value);
    match checksum.parts {
        Some(parts) => format!("{value}-{parts}"),
        None => value,
    }
}

/// `FULL_OBJECT` or `COMPOSITE`.
pub(in crate::front::s3) fn type_of(checksum: &Checksum) -> &'static str {
    if checksum.parts.is_some() { "COMPOSITE" } else { "FULL_OBJECT" }
}

/// Reads a checksum's value; `None` when it is malformed.
pub(in crate::front::s3) fn decode(algorithm: ChecksumAlgorithm, text: &str) -> Option<Checksum> {
    let (value, parts) = match text.split_once('-') {
        Some((value, parts)) => (value, Some(parts.parse().ok()?)),
        None => (text, None),
    };
    let value = STANDARD.decode(value).ok()?;
    (value.len() == algorithm.bytes()).then_some(Checksum { algorithm, value, parts })
}

/// The one checksum in these headers. Several, or a malformed one, are refused.
pub(in crate::front::s3) fn from_headers(headers: &HeaderMap) -> Result<Option<Checksum>, Refusal> {
    let mut found = None;
    for algorithm in ChecksumAlgorithm::ALL {
        let name = header_of(algorithm);
        let Some(text) = headers::claim(headers, &name)? else { continue };
        let checksum = decode(algorithm, text).ok_or_else(malformed)?;
        if found.replace(checksum).is_some() {
            return Err(invalid(
                "InvalidRequest",
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
            ));
        }
    }
    Ok(found)
}

/// The algorithms whose checksums `x-amz-trailer` promises. Other trailers are refused.
pub(in crate::front::s3) fn promised(headers: &HeaderMap) -> Result<Vec<ChecksumAlgorithm>, Refusal> {
    let Some(text) = headers::text(headers, &HeaderName::from_static("x-amz-trailer"))? else { return Ok(Vec::new()) };
    text.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| {
            ChecksumAlgorithm::ALL
                .into_iter()
                .find(|algorithm| header_of(*algorithm).as_str().eq_ignore_ascii_case(name))
                .ok_or_else(|| {
                    invalid("InvalidRequest", "The value specified in the x-amz-trailer header is not supported")
                })
        })
        .collect()
}

/// The algorithm that a request names in `x-amz-checksum-algorithm` or `x-amz-sdk-checksum-algorithm`.
pub(in crate::front::s3) fn named(headers: &HeaderMap) -> Result<Option<ChecksumAlgorithm>, Refusal> {
    for name in ["x-amz-checksum-algorithm", "x-amz-sdk-checksum-algorithm"] {
        if let Some(text) = headers::claim(headers, &HeaderName::from_static(name))? {
            return ChecksumAlgorithm::parse(text)
                .map(Some)
                .ok_or_else(|| invalid("InvalidRequest", "Checksum algorithm provided is unsupported."));
        }
    }
    Ok(None)
}

/// `Content-MD5`.
pub(in crate::front::s3) fn content_md5(headers: &HeaderMap) -> Result<Option<[u8; 16]>, Refusal> {
    let Some(text) = headers::claim(headers, &HeaderName::from_static("content-md5"))? else { return Ok(None) };
    let digest = STANDARD.decode(text).ok().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    match digest {
        Some(digest) => Ok(Some(digest)),
        None => Err(invalid("InvalidDigest", "The Content-MD5 you specified was invalid.")),
    }
}

/// What a request claims of a body that is read whole.
pub(in crate::front::s3) fn claims(headers: &HeaderMap) -> Result<Vec<Claim>, Refusal> {
    let md5 = content_md5(headers)?.map(Claim::Md5);
    Ok(md5.into_iter().chain(from_headers(headers)?.map(Claim::Checksum)).collect())
}

/// What a request must claim of a body that is read whole: its MD5, or a checksum.
pub(in crate::front::s3) fn required(headers: &HeaderMap) -> Result<Vec<Claim>, Refusal> {
    let claims = claims(headers)?;
    if claims.is_empty() {
        let text = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
        return Err(invalid("InvalidRequest", text));
    }
    Ok(claims)
}

/// The name of an algorithm's checksum in XML.
pub(in crate::front::s3) fn element_of(algorithm: ChecksumAlgorithm) -> &'static str {
    match algorithm {
        ChecksumAlgorithm::Crc32 => "ChecksumCRC32",
        ChecksumAlgorithm::Crc32c => "ChecksumCRC32C",
        ChecksumAlgorithm::Crc64Nvme => "ChecksumCRC64NVME",
        ChecksumAlgorithm::Sha1 => "ChecksumSHA1",
        ChecksumAlgorithm::Sha256 => "ChecksumSHA256",
    }
}

/// Checksums as elements.
pub(in crate::front::s3) fn elements(writer: &mut Writer, checksums: &[Checksum]) {
    for checksum in checksums {
        writer.text(element_of(checksum.algorithm), &encode(checksum));
    }
}

/// Checksums as elements, and of what kind they are.
pub(in crate::front::s3) fn typed_elements(writer: &mut Writer, checksums: &[Checksum]) {
    elements(writer, checksums);
    writer.optional("ChecksumType", checksums.last().map(type_of));
}

/// An answer with checksums as headers.
pub(in crate::front::s3) fn shown(mut reply: Reply, checksums: &[Checksum]) -> Reply {
    for checksum in checksums {
        put(&mut reply.headers, header_of(checksum.algorithm), &encode(checksum));
    }
    reply
}

/// The kind of checksums, as a header.
pub(in crate::front::s3) const CHECKSUM_TYPE: HeaderName = HeaderName::from_static("x-amz-checksum-type");

/// A checksum's value is no base64 of the right length.
pub(in crate::front::s3) fn malformed() -> Refusal {
    invalid("InvalidRequest", "Value for x-amz-checksum header is invalid.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn one_checksum_is_read_and_two_are_refused() {
        let one = from_headers(&map(&[("x-amz-checksum-crc32", "y/Q5Jg==")])).unwrap().unwrap();
        assert_eq!((one.algorithm, hex::encode(one.value)), (ChecksumAlgorithm::Crc32, "cbf43926".into()));
        assert!(from_headers(&map(&[("x-amz-checksum-crc32", "y/Q5")])).is_err());
        let two = map(&[("x-amz-checksum-crc32", "y/Q5Jg=="), ("x-amz-checksum-crc32c", "4waSgw==")]);
        assert!(from_headers(&two).is_err());
    }

    #[test]
    fn composite_checksums_carry_their_count() {
        let composite = decode(ChecksumAlgorithm::Crc32, "y/Q5Jg==-3").unwrap();
        assert_eq!((composite.parts, type_of(&composite)), (Some(3), "COMPOSITE"));
        assert_eq!(encode(&composite), "y/Q5Jg==-3");
    }

    #[test]
    fn an_empty_header_is_a_claim_that_cannot_be_so() {
        assert_eq!(content_md5(&map(&[("content-md5", "")])).unwrap_err().code, "InvalidDigest");
        assert_eq!(content_md5(&map(&[("content-md5", "x")])).unwrap_err().code, "InvalidDigest");
        assert_eq!(from_headers(&map(&[("x-amz-checksum-crc32", "")])).unwrap_err().code, "InvalidRequest");
        assert_eq!(named(&map(&[("x-amz-sdk-checksum-algorithm", "")])).unwrap_err().code, "InvalidRequest");
        assert!(required(&map(&[])).is_err() && claims(&map(&[])).unwrap().is_empty());
    }

    #[test]
    fn trailers_promise_checksums_only() {
        let promise = |value| promised(&map(&[("x-amz-trailer", value)]));
        assert_eq!(promise("x-amz-checksum-crc32").unwrap(), vec![ChecksumAlgorithm::Crc32]);
        assert!(promise("x-amz-meta-later").is_err());
    }
}
