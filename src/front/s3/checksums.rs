//! Checksums and digests in headers and trailers (S3 "Checking object integrity").

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use s3s::S3Result;
use s3s::dto::ChecksumType;

use super::errors::invalid;
use super::headers;
use crate::gateway::{Claim, verify_claims};
use crate::model::{Checksum, ChecksumAlgorithm};

/// The header of an algorithm's checksum.
pub(super) fn header_of(algorithm: ChecksumAlgorithm) -> HeaderName {
    HeaderName::from_static(match algorithm {
        ChecksumAlgorithm::Crc32 => "x-amz-checksum-crc32",
        ChecksumAlgorithm::Crc32c => "x-amz-checksum-crc32c",
        ChecksumAlgorithm::Crc64Nvme => "x-amz-checksum-crc64nvme",
        ChecksumAlgorithm::Sha1 => "x-amz-checksum-sha1",
        ChecksumAlgorithm::Sha256 => "x-amz-checksum-sha256",
    })
}

/// The value of a checksum as S3 writes it: base64, and `-n` when it is one of `n` parts' checksums.
pub(super) fn encode(checksum: &Checksum) -> String {
    let value = STANDARD.encode(&checksum.value);
    match checksum.parts {
        Some(parts) => format!("{value}-{parts}"),
        None => value,
    }
}

/// `FULL_OBJECT` or `COMPOSITE`.
pub(super) fn type_of(checksum: &Checksum) -> &'static str {
    if checksum.parts.is_some() { "COMPOSITE" } else { "FULL_OBJECT" }
}

/// Reads a checksum's value; `None` when it is malformed.
pub(super) fn decode(algorithm: ChecksumAlgorithm, text: &str) -> Option<Checksum> {
    let (value, parts) = match text.split_once('-') {
        Some((value, parts)) => (value, Some(parts.parse().ok()?)),
        None => (text, None),
    };
    let value = STANDARD.decode(value).ok()?;
    (value.len() == algorithm.bytes()).then_some(Checksum { algorithm, value, parts })
}

/// The one checksum in these headers. Several, or a malformed one, are refused.
pub(super) fn from_headers(headers: &HeaderMap) -> S3Result<Option<Checksum>> {
    let mut found = None;
    for algorithm in ChecksumAlgorithm::ALL {
        let name = header_of(algorithm);
        let Some(text) = headers::text(headers, &name)? else { continue };
        let checksum = decode(algorithm, text.trim()).ok_or_else(malformed)?;
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
pub(super) fn promised(headers: &HeaderMap) -> S3Result<Vec<ChecksumAlgorithm>> {
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
pub(super) fn named(headers: &HeaderMap) -> S3Result<Option<ChecksumAlgorithm>> {
    for name in ["x-amz-checksum-algorithm", "x-amz-sdk-checksum-algorithm"] {
        if let Some(text) = headers::text(headers, &HeaderName::from_static(name))? {
            return ChecksumAlgorithm::parse(text.trim())
                .map(Some)
                .ok_or_else(|| invalid("InvalidRequest", "Checksum algorithm provided is unsupported."));
        }
    }
    Ok(None)
}

/// `Content-MD5`.
pub(super) fn content_md5(headers: &HeaderMap) -> S3Result<Option<[u8; 16]>> {
    let Some(text) = headers::text(headers, &HeaderName::from_static("content-md5"))? else { return Ok(None) };
    let digest = STANDARD.decode(text.trim()).ok().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    match digest {
        Some(digest) => Ok(Some(digest)),
        None => Err(invalid("InvalidDigest", "The Content-MD5 you specified was invalid.")),
    }
}

/// Holds a small body, which is in memory, against its `Content-MD5` or checksum; one of them must be there.
pub(super) fn verify_whole(headers: &HeaderMap, body: &[Bytes]) -> S3Result<()> {
    let md5 = content_md5(headers)?;
    let checksum = from_headers(headers)?;
    if md5.is_none() && checksum.is_none() {
        return Err(invalid(
            "InvalidRequest",
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        ));
    }
    let claims: Vec<Claim> = md5.map(Claim::Md5).into_iter().chain(checksum.map(Claim::Checksum)).collect();
    match verify_claims(&claims, body) {
        Ok(()) => Ok(()),
        Err(_mismatch) => Err(invalid("BadDigest", "A digest you specified did not match what we received.")),
    }
}

/// Writes checksums into the fields that many of `s3s`'s answers have under the same names.
macro_rules! show {
    ($checksums:expr, $answer:expr) => {
        for checksum in $checksums {
            let value = Some($crate::front::s3::checksums::encode(checksum));
            match checksum.algorithm {
                $crate::model::ChecksumAlgorithm::Crc32 => $answer.checksum_crc32 = value,
                $crate::model::ChecksumAlgorithm::Crc32c => $answer.checksum_crc32c = value,
                $crate::model::ChecksumAlgorithm::Crc64Nvme => $answer.checksum_crc64nvme = value,
                $crate::model::ChecksumAlgorithm::Sha1 => $answer.checksum_sha1 = value,
                $crate::model::ChecksumAlgorithm::Sha256 => $answer.checksum_sha256 = value,
            }
        }
    };
}
pub(super) use show;

/// What kind of checksums these are, where there are any.
pub(super) fn kind_of(checksums: &[Checksum]) -> Option<ChecksumType> {
    checksums.last().map(|checksum| ChecksumType::from_static(type_of(checksum)))
}

/// A checksum's value is no base64 of the right length.
pub(super) fn malformed() -> s3s::S3Error {
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
    fn a_body_is_held_against_its_digest() {
        let body = [Bytes::from_static(b"123456789")];
        assert!(verify_whole(&map(&[("x-amz-checksum-crc32", "y/Q5Jg==")]), &body).is_ok());
        assert!(verify_whole(&map(&[("content-md5", "JfnnlDI7RTiF9RgfGx2N0w==")]), &body).is_err());
        assert!(verify_whole(&map(&[("content-md5", "JfnnlDI7RTiF9RgfG2JNCw==")]), &body).is_ok());
        assert!(verify_whole(&map(&[]), &body).is_err());
        assert_eq!(content_md5(&map(&[("content-md5", "x")])).unwrap_err().code().as_str(), "InvalidDigest");
    }

    #[test]
    fn trailers_promise_checksums_only() {
        let promise = |value| promised(&map(&[("x-amz-trailer", value)]));
        assert_eq!(promise("x-amz-checksum-crc32").unwrap(), vec![ChecksumAlgorithm::Crc32]);
        assert!(promise("x-amz-meta-later").is_err());
    }
}
