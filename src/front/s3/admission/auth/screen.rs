//! What is looked at before a signature is computed.

use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::hoist::is_about_the_signature;
use crate::front::s3::wire::asked::Asked;
use crate::front::s3::wire::errors::{self, invalid, plain};
use crate::front::s3::wire::refusal::Refusal;
use crate::front::s3::wire::sigv4::{CONTENT_SHA256, Credential};

/// Headers that decide how a request is read; each at most once, as is everything that begins with `x-amz-`.
const UNIQUE: [HeaderName; 3] = [AUTHORIZATION, HOST, CONTENT_ENCODING];

/// A list, which may come in several headers.
const LIST: &str = "x-amz-object-attributes";

/// What may come once comes once. Read as absent, a copy's source would make an empty object, and a prefix a page of all.
pub(super) fn once(asked: &Asked<'_>) -> Result<(), Refusal> {
    for name in asked.headers.keys() {
        let once = name.as_str().starts_with("x-amz-") || UNIQUE.contains(name);
        if once && name != LIST && asked.headers.get_all(name).iter().nth(1).is_some() {
            return Err(invalid("InvalidRequest", "A header that may come once comes twice."));
        }
    }
    for (index, (name, _)) in asked.query.iter().enumerate() {
        if asked.query.iter().take(index).any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            let code =
                if is_about_the_signature(name) { "AuthorizationQueryParametersError" } else { "InvalidArgument" };
            return Err(invalid(code, "A query parameter comes twice."));
        }
    }
    Ok(())
}

/// Refuses other mechanisms than the one.
pub(super) fn mechanism(asked: &Asked<'_>) -> Result<(), Refusal> {
    if *asked.method == Method::POST && starts_with(asked.headers.get(CONTENT_TYPE), "multipart/form-data") {
        return Err(errors::not_implemented("POST forms"));
    }
    let token = asked.headers.get("x-amz-security-token").is_some_and(|value| !value.is_empty());
    // An empty one is what clients send that have none.
    if token || asked.said("X-Amz-Security-Token").is_some() {
        return Err(invalid("InvalidToken", "The provided token is malformed or otherwise not valid."));
    }
    if asked.names("Signature") || asked.names("AWSAccessKeyId") { Err(old_signature()) } else { Ok(()) }
}

/// Whether a credential is for this place. `None`: it is for no place of S3.
pub(super) fn scope(credential: &Credential<'_>, expected: Option<&str>) -> Option<Result<(), Refusal>> {
    let region = credential.region;
    let fine =
        !region.is_empty() && region.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if credential.service != "s3" || !fine {
        return None;
    }
    Some(match expected {
        Some(expected) if expected != region => Err(errors::wrong_region(expected)),
        _ => Ok(()),
    })
}

/// A body that says it is aws-chunked and is not signed as one would be stored with its framing.
pub(super) fn framing(headers: &HeaderMap) -> Result<(), Refusal> {
    let coding = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let chunked = coding.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("aws-chunked"));
    let streams = headers.get(CONTENT_SHA256).is_some_and(|value| value.as_bytes().starts_with(b"STREAMING-"));
    if chunked && !streams {
        return Err(invalid("InvalidRequest", "aws-chunked bodies need x-amz-content-sha256: STREAMING-…"));
    }
    Ok(())
}

/// The names of the signed headers, in order. The host and every `x-amz-*` header must be among them: otherwise whoever holds
/// a presigned URL could add a meaning to it (`x-amz-copy-source`, ...). Requests signed in their headers bind
/// `x-amz-content-sha256` by its place in the canonical request.
pub(super) fn signed<'a>(names: &'a str, asked: &Asked<'_>, presigned: bool) -> Result<Vec<&'a str>, Refusal> {
    let mut signed: Vec<&str> = names.split(';').collect();
    signed.sort_unstable();
    if !asked.host.is_empty() && !signed.contains(&HOST.as_str()) {
        return Err(plain("AccessDenied", 403, "The Host header must be signed"));
    }
    for name in asked.headers.keys().map(HeaderName::as_str) {
        let exempt = name == CONTENT_SHA256.as_str() || (presigned && name == "x-amz-user-agent");
        if name.starts_with("x-amz-") && !exempt && !signed.contains(&name) {
            let text = "There were headers present in the request which were not signed";
            return Err(plain("AccessDenied", 403, text));
        }
    }
    if signed.iter().any(|name| *name != HOST.as_str() && !asked.headers.contains_key(*name)) {
        return Err(plain("SignatureDoesNotMatch", 403, "A signed header is not in the request."));
    }
    Ok(signed)
}

/// 400: SigV2. boto3 and fsspec presign with it by default where the region is us-east-1 and the endpoint one's own.
pub(super) fn old_signature() -> Refusal {
    invalid(
        "InvalidRequest",
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256: in boto3, \
         Config(signature_version=\"s3v4\"), or another region than us-east-1.",
    )
}

/// 403.
pub(super) fn does_not_match() -> Refusal {
    let text = "The request signature we calculated does not match the signature you provided. Check your key and signing \
                method.";
    plain("SignatureDoesNotMatch", 403, text)
}

/// 403.
pub(super) fn too_skewed() -> Refusal {
    plain("RequestTimeTooSkewed", 403, "The difference between the request time and the current time is too large.")
}

fn starts_with(value: Option<&HeaderValue>, start: &str) -> bool {
    let head = value.and_then(|value| value.as_bytes().trim_ascii_start().get(..start.len()));
    head.is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}
