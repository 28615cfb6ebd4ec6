//! Authentication: secrets for `s3s`, and the checks on signed requests that `s3s` 0.14 leaves open.
//!
//! `s3s` checks the signature itself in constant time, the clock (15 minutes), the scope's date, payload hashes and the
//! signatures of chunks. It also accepts SigV2, POST forms and the service `sts`; it does not ask that `x-amz-*` headers
//! be signed; it puts no upper limit on the life of a presigned URL; and of a header that comes twice it sees none.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};
use s3s::S3Result;
use s3s::auth::{S3Auth, SecretKey};

use super::errors::{self, invalid};
use crate::gateway::Gateway;
use crate::secret::{SecretText, fill_random};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The longest life of a presigned URL. Source: S3 "Download and upload objects with presigned URLs".
const MAX_EXPIRES_SECONDS: u32 = 7 * 24 * 3600;
/// Query parameters that are about the signature itself; none of them becomes a header.
const AUTH_QUERY: [&str; 7] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-signedheaders",
    "x-amz-signature",
    "x-amz-security-token",
];
/// Headers that decide how a request is read; each at most once, as is everything that begins with `x-amz-`.
const UNIQUE: [HeaderName; 3] = [AUTHORIZATION, HOST, CONTENT_ENCODING];

/// Stands for the secrets of clients that are not there: random, and nobody knows it. So an unknown id costs the work that a
/// known one costs and is answered with the same words: whoever tries ids learns nothing.
static NOBODY: LazyLock<Option<SecretText>> = LazyLock::new(|| {
    let mut random = [0; 20];
    fill_random(&mut random).ok()?;
    Some(SecretText::new(hex::encode(random)))
});

/// Gives `s3s` the secrets of the clients that are configured now.
pub(super) struct Secrets {
    pub(super) gateway: Arc<Gateway>,
}

#[async_trait]
impl S3Auth for Secrets {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let client = self.gateway.clients().find(access_key);
        let secret = client.as_ref().map(|client| &client.secret).or(NOBODY.as_ref());
        secret.map(|secret| SecretKey::from(secret.expose())).ok_or_else(|| errors::plain("InternalError", 500, ""))
    }
}

/// The authority of the target (`:authority` under HTTP/2) and the host header name one place: the header is what was
/// signed and what names the bucket, the other is what a proxy on the way may have looked at.
pub(super) fn screen_authority(uri: &Uri, headers: &HeaderMap) -> S3Result<()> {
    match (uri.authority(), headers.get(HOST)) {
        (Some(authority), Some(host)) if !authority.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes()) => {
            Err(invalid("InvalidRequest", "The host header is not the authority of the request."))
        }
        _ => Ok(()),
    }
}

/// Checks a request before `s3s` sees it. `pairs`: its query, decoded.
pub(super) fn screen(
    method: &Method,
    version: Version,
    headers: &HeaderMap,
    pairs: &[(String, String)],
    region: Option<&str>,
) -> S3Result<()> {
    // s3s would take either for absent: a copy would become an empty object, a page of one prefix a page of all.
    for name in headers.keys() {
        let once = name.as_str().starts_with("x-amz-") || UNIQUE.contains(name);
        if once && headers.get_all(name).iter().nth(1).is_some() {
            return Err(invalid("InvalidRequest", "A header that may come once comes twice."));
        }
    }
    let mut names: Vec<String> = pairs.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair.first() == pair.last()).and_then(<[String]>::first) {
        let about_signature = AUTH_QUERY.contains(&twice.as_str());
        let code = if about_signature { "AuthorizationQueryParametersError" } else { "InvalidArgument" };
        return Err(invalid(code, "A query parameter comes twice."));
    }
    if method == Method::POST && starts_with_ignoring_case(headers.get(CONTENT_TYPE), "multipart/form-data") {
        return Err(errors::not_implemented("POST forms"));
    }
    let query = |name: &str| pairs.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
    if headers.contains_key("x-amz-security-token") || query("X-Amz-Security-Token").is_some() {
        return Err(invalid("InvalidToken", "The provided token is malformed or otherwise not valid."));
    }
    let presigned = query("X-Amz-Signature").is_some() || query("X-Amz-Algorithm").is_some();
    if query("Signature").is_some() || query("AWSAccessKeyId").is_some() {
        return Err(old_signature());
    }
    let authorization = headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    match (authorization, presigned) {
        (Some(_), true) => Err(invalid("InvalidArgument", "Only one auth mechanism allowed")),
        (Some(text), false) => screen_header(text, version, headers, region),
        (None, true) => screen_presigned(&query, version, headers, region),
        (None, false) => Err(errors::plain("AccessDenied", 403, "Access Denied")),
    }
}

/// What a presigned URL says in its query in the place of headers: SDKs move `x-amz-*` headers there. They become
/// headers, so that none of them is ignored.
pub(super) fn hoist(headers: &mut HeaderMap, pairs: &[(String, String)]) -> S3Result<()> {
    if !pairs.iter().any(|(name, _)| name == "X-Amz-Signature") {
        return Ok(());
    }
    for (name, value) in pairs {
        let name = name.to_ascii_lowercase();
        if !name.starts_with("x-amz-") || AUTH_QUERY.contains(&name.as_str()) {
            continue;
        }
        let (Ok(name), Ok(value)) = (HeaderName::try_from(&name), HeaderValue::from_bytes(value.as_bytes())) else {
            return Err(invalid("InvalidArgument", "A query parameter cannot be a header."));
        };
        if headers.insert(name, value.clone()).is_some_and(|other| other != value) {
            return Err(invalid("InvalidArgument", "A header is also a query parameter."));
        }
    }
    Ok(())
}

fn screen_header(text: &str, version: Version, headers: &HeaderMap, region: Option<&str>) -> S3Result<()> {
    let Some(fields) = text.strip_prefix(ALGORITHM).filter(|rest| rest.starts_with(char::is_whitespace)) else {
        return Err(if text.starts_with("AWS ") { old_signature() } else { malformed() });
    };
    let (Some(credential), Some(signed)) = (field(fields, "Credential"), field(fields, "SignedHeaders")) else {
        return Err(malformed());
    };
    screen_scope(credential, region).ok_or_else(malformed)??;
    screen_framing(headers)?;
    screen_signed(signed, version, headers, false)
}

/// What chunks' signatures follow from.
pub(super) struct Signed<'a> {
    /// `date/region/s3/aws4_request`.
    pub(super) scope: &'a str,
    /// The signature of the request.
    pub(super) signature: &'a str,
}

/// The scope and the signature of a request that is signed in its headers.
pub(super) fn signed(headers: &HeaderMap) -> Option<Signed<'_>> {
    let fields = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix(ALGORITHM)?;
    let (_id, scope) = field(fields, "Credential")?.split_once('/')?;
    Some(Signed { scope, signature: field(fields, "Signature")? })
}

/// A field of the authorization header that is there once.
fn field<'a>(fields: &'a str, name: &str) -> Option<&'a str> {
    let mut found = fields.split(',').filter_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
    let first = found.next();
    if found.next().is_some() { None } else { first }
}

fn screen_presigned<'a>(
    query: &impl Fn(&str) -> Option<&'a str>,
    version: Version,
    headers: &HeaderMap,
    region: Option<&str>,
) -> S3Result<()> {
    let broken =
        || invalid("AuthorizationQueryParametersError", "The query parameters of the signature are malformed.");
    let (Some(ALGORITHM), Some(credential), Some(signed), Some(expires)) =
        (query("X-Amz-Algorithm"), query("X-Amz-Credential"), query("X-Amz-SignedHeaders"), query("X-Amz-Expires"))
    else {
        return Err(broken());
    };
    if !expires.parse::<u32>().is_ok_and(|seconds| (1..=MAX_EXPIRES_SECONDS).contains(&seconds)) {
        return Err(invalid(
            "AuthorizationQueryParametersError",
            "X-Amz-Expires must be between 1 and 604800 seconds (7 days)",
        ));
    }
    screen_scope(credential, region).ok_or_else(broken)??;
    screen_framing(headers)?;
    screen_signed(signed, version, headers, true)
}

/// `id/date/region/s3/aws4_request`. `None` when it is not that.
fn screen_scope(credential: &str, expected: Option<&str>) -> Option<S3Result<()>> {
    let mut fields = credential.split('/');
    let (_id, _date, region) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next()? != "s3" || fields.next()? != "aws4_request" || fields.next().is_some() {
        return None;
    }
    Some(match expected {
        Some(expected) if expected != region => Err(errors::wrong_region(expected)),
        // s3cmd's default is `US`. Told a region, it signs again for that one.
        None if !is_region(region) => Err(errors::wrong_region(DEFAULT_REGION)),
        _ => Ok(()),
    })
}

/// Whether s3s takes `text` for a region.
fn is_region(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A body that says it is aws-chunked and is not signed as one would be stored with its framing.
fn screen_framing(headers: &HeaderMap) -> S3Result<()> {
    let chunked = headers
        .get(CONTENT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("aws-chunked")));
    if chunked && !is_streaming(headers) {
        return Err(invalid("InvalidRequest", "aws-chunked bodies need x-amz-content-sha256: STREAMING-…"));
    }
    Ok(())
}

/// Whether the body is aws-chunked.
pub(super) fn is_streaming(headers: &HeaderMap) -> bool {
    headers.get("x-amz-content-sha256").is_some_and(|value| value.as_bytes().starts_with(b"STREAMING-"))
}

/// The host and every `x-amz-*` header must be signed: otherwise whoever holds a presigned URL could add a meaning to
/// it (`x-amz-copy-source`, ...). Header requests bind `x-amz-content-sha256` by its place in the canonical request.
fn screen_signed(signed: &str, version: Version, headers: &HeaderMap, presigned: bool) -> S3Result<()> {
    let signed: Vec<&str> = signed.split(';').collect();
    let host_there = headers.contains_key(HOST) || version >= Version::HTTP_2;
    if host_there && !signed.contains(&HOST.as_str()) {
        return Err(errors::plain("AccessDenied", 403, "The Host header must be signed"));
    }
    for name in headers.keys().map(HeaderName::as_str) {
        let exempt = name == "x-amz-content-sha256" || (presigned && name == "x-amz-user-agent");
        if name.starts_with("x-amz-") && !exempt && !signed.contains(&name) {
            return Err(errors::plain(
                "AccessDenied",
                403,
                "There were headers present in the request which were not signed",
            ));
        }
    }
    for name in signed {
        if name != HOST.as_str() && !headers.contains_key(name) {
            return Err(errors::plain("SignatureDoesNotMatch", 403, "A signed header is not in the request."));
        }
    }
    Ok(())
}

fn starts_with_ignoring_case(value: Option<&HeaderValue>, start: &str) -> bool {
    value
        .and_then(|value| value.as_bytes().trim_ascii_start().get(..start.len()))
        .is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

fn old_signature() -> s3s::S3Error {
    invalid(
        "InvalidRequest",
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    )
}

fn malformed() -> s3s::S3Error {
    invalid("AuthorizationHeaderMalformed", "The authorization header is malformed.")
}

/// The region that a client is told to sign for when it named none.
const DEFAULT_REGION: &str = "us-east-1";

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: &str = "pacs/20260101/ca-east-1/s3/aws4_request";

    fn request(authorization: &str, others: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        map.insert(HOST, HeaderValue::from_static("localhost"));
        if !authorization.is_empty() {
            map.insert(AUTHORIZATION, authorization.parse().unwrap());
        }
        for (name, value) in others {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    fn screened(headers: &HeaderMap, region: Option<&str>) -> Result<(), String> {
        screen(&Method::PUT, Version::HTTP_11, headers, &[], region).map_err(|e| e.code().as_str().to_owned())
    }

    fn header(signed: &str) -> String {
        format!("{ALGORITHM} Credential={SCOPE}, SignedHeaders={signed}, Signature=00")
    }

    #[test]
    fn a_signed_request_passes_in_its_region_only() {
        let headers = request(&header("host;x-amz-date"), &[("x-amz-date", "20260101T000000Z")]);
        assert_eq!(screened(&headers, None), Ok(()));
        assert_eq!(screened(&headers, Some("ca-east-1")), Ok(()));
        assert_eq!(screened(&headers, Some("us-east-1")), Err("AuthorizationHeaderMalformed".into()));
    }

    #[test]
    fn a_word_that_is_no_region_is_answered_with_one() {
        let us = header("host;x-amz-date").replace("ca-east-1", "US");
        let headers = request(&us, &[("x-amz-date", "20260101T000000Z")]);
        assert_eq!(screened(&headers, None), Err("AuthorizationHeaderMalformed".into()));
    }

    #[test]
    fn unsigned_meaning_is_refused() {
        let headers = request(&header("host"), &[("x-amz-copy-source", "/a/b")]);
        assert_eq!(screened(&headers, None), Err("AccessDenied".into()));
        assert_eq!(screened(&request(&header("x-amz-date"), &[("x-amz-date", "")]), None), Err("AccessDenied".into()));
        assert_eq!(screened(&request(&header("host;x-absent"), &[]), None), Err("SignatureDoesNotMatch".into()));
    }

    #[test]
    fn other_mechanisms_are_refused() {
        assert_eq!(screened(&request("AWS pacs:c2ln", &[]), None), Err("InvalidRequest".into()));
        assert_eq!(screened(&request("Basic cGFjcw==", &[]), None), Err("AuthorizationHeaderMalformed".into()));
        assert_eq!(screened(&request("", &[]), None), Err("AccessDenied".into()));
        let sts = header("host").replace("/s3/", "/sts/");
        assert_eq!(screened(&request(&sts, &[]), None), Err("AuthorizationHeaderMalformed".into()));
        let twice = request(&header("host"), &[("authorization", "AWS4-HMAC-SHA256 x")]);
        assert_eq!(screened(&twice, None), Err("InvalidRequest".into()));
    }

    #[test]
    fn presigned_urls_live_a_week_at_most() {
        let pairs = |expires: &str| -> Vec<(String, String)> {
            [
                ("X-Amz-Algorithm", ALGORITHM),
                ("X-Amz-Credential", SCOPE),
                ("X-Amz-SignedHeaders", "host"),
                ("X-Amz-Expires", expires),
                ("X-Amz-Signature", "00"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
        };
        let go =
            |expires: &str| screen(&Method::GET, Version::HTTP_11, &request("", &[]), &pairs(expires), None).is_ok();
        assert!(go("1") && go("604800"));
        assert!(!go("0") && !go("604801") && !go("-1") && !go("x"));
    }

    #[test]
    fn headers_in_the_query_of_a_presigned_url_become_headers() {
        let pair = |name: &str| (name.to_owned(), "x".to_owned());
        let mut headers = request("", &[]);
        hoist(&mut headers, &[pair("X-Amz-Signature"), pair("x-amz-Tagging"), pair("X-Amz-Date")]).unwrap();
        assert_eq!(headers["x-amz-tagging"], "x");
        assert!(!headers.contains_key("x-amz-date"));
        assert!(hoist(&mut headers, &[pair("X-Amz-Signature"), pair("x-amz-tagging")]).is_ok(), "the same again");
        let other = ("x-amz-tagging".to_owned(), "y".to_owned());
        assert!(hoist(&mut headers, &[pair("X-Amz-Signature"), other]).is_err());
    }
}
