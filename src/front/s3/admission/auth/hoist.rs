//! What a presigned URL says in its query in the place of headers: SDKs move `x-amz-*` headers there. They become headers, so
//! that none of them is ignored.

use http::{HeaderName, HeaderValue};

use crate::front::s3::wire::asked::Asked;
use crate::front::s3::wire::checksums;
use crate::front::s3::wire::errors::invalid;
use crate::front::s3::wire::refusal::Refusal;
use crate::gateway::{Claim, verify_claims};
use crate::model::ChecksumAlgorithm;

/// Query parameters that are about the signature itself; none of them becomes a header.
const ABOUT_THE_SIGNATURE: [&str; 7] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-signedheaders",
    "x-amz-signature",
    "x-amz-security-token",
];

/// Whether a parameter is about the signature itself.
pub(super) fn is_about_the_signature(name: &str) -> bool {
    ABOUT_THE_SIGNATURE.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// Makes headers of what the query of a proven URL says in their place.
pub(super) fn hoist(asked: &mut Asked<'_>) -> Result<(), Refusal> {
    for (name, value) in &asked.query {
        let name = name.to_ascii_lowercase();
        if !name.starts_with("x-amz-") || is_about_the_signature(&name) || is_of_an_empty_body(&name, value) {
            continue;
        }
        let (Ok(name), Ok(value)) = (HeaderName::try_from(&name), HeaderValue::from_bytes(value.as_bytes())) else {
            return Err(invalid("InvalidArgument", "A query parameter cannot be a header."));
        };
        if asked.headers.insert(name, value.clone()).is_some_and(|other| other != value) {
            return Err(invalid("InvalidArgument", "A header is also a query parameter."));
        }
    }
    Ok(())
}

/// Whether it is the checksum of an empty body. SDKs sign it of the body that they have when they make a URL, which is none:
/// it says nothing of the one that will be sent.
fn is_of_an_empty_body(name: &str, value: &str) -> bool {
    let algorithm = ChecksumAlgorithm::ALL.into_iter().find(|algorithm| checksums::header_of(*algorithm) == name);
    let checksum = algorithm.and_then(|algorithm| checksums::decode(algorithm, value));
    checksum.is_some_and(|checksum| verify_claims(&[Claim::Checksum(checksum)], &[]).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::s3::wire::asked::Sample;

    fn hoisted(query: &'static str, headers: &[(&'static str, &str)]) -> Result<http::HeaderMap, Refusal> {
        let sample = Sample { query, ..Sample::of(headers) };
        let mut asked = sample.asked();
        hoist(&mut asked).map(|()| asked.headers)
    }

    #[test]
    fn headers_in_the_query_of_a_presigned_url_become_headers() {
        let headers = hoisted("X-Amz-Signature=x&x-amz-Tagging=x&X-Amz-Date=x", &[]).unwrap();
        assert_eq!((headers.len(), &headers["x-amz-tagging"]), (1, &HeaderValue::from_static("x")));
        assert!(hoisted("x-amz-tagging=x", &[("x-amz-tagging", "x")]).is_ok(), "the same again");
        assert!(hoisted("x-amz-tagging=y", &[("x-amz-tagging", "x")]).is_err());
    }

    #[test]
    fn a_checksum_of_nothing_says_nothing_of_the_body() {
        for query in [
            "x-amz-checksum-crc32=AAAAAA%3D%3D",
            "x-amz-checksum-crc64nvme=AAAAAAAAAAA%3D",
            "x-amz-checksum-sha256=47DEQpj8HBSa%2B%2FTImW%2B5JCeuQeRkm5NMpJWZG3hSuFU%3D",
        ] {
            assert!(hoisted(query, &[]).unwrap().is_empty(), "{query}");
        }
        assert_eq!(hoisted("x-amz-checksum-crc32=y%2FQ5Jg%3D%3D", &[]).unwrap().len(), 1);
    }
}
