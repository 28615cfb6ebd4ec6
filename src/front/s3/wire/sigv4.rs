//! AWS Signature Version 4 as S3 has it: the canonical form of a request, what is signed of it, and the signature.
//!
//! # Invariants
//! - Signatures are compared in constant time.
//!
//! Source: S3 "Authenticating requests (AWS Signature Version 4)"; IAM "Create a signed AWS API request".

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The one algorithm.
pub(in crate::front::s3) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What stands in the place of a body's hash where it is not signed.
pub(in crate::front::s3) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// The one parameter of a presigned URL that is not signed.
const SIGNATURE_PARAMETER: &str = "X-Amz-Signature";

/// All but RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const ENCODED_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// A credential: whose it is, and for what it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::front::s3) struct Credential<'a> {
    /// The access key id.
    pub(in crate::front::s3) id: &'a str,
    /// `date/region/service/aws4_request`.
    pub(in crate::front::s3) scope: &'a str,
    /// Eight digits.
    pub(in crate::front::s3) date: &'a str,
    /// Where it is valid.
    pub(in crate::front::s3) region: &'a str,
    /// For which service.
    pub(in crate::front::s3) service: &'a str,
}

impl<'a> Credential<'a> {
    /// `id/date/region/service/aws4_request`.
    pub(in crate::front::s3) fn parse(text: &'a str) -> Option<Self> {
        let (id, scope) = text.split_once('/')?;
        let mut fields = scope.split('/');
        let (date, region, service) = (fields.next()?, fields.next()?, fields.next()?);
        let whole = fields.next()? == "aws4_request" && fields.next().is_none();
        whole.then_some(Self { id, scope, date, region, service })
    }
}

/// A request as it is signed.
pub(in crate::front::s3) struct Canonical<'a> {
    /// Its method.
    pub(in crate::front::s3) method: &'a str,
    /// Its path, canonical.
    pub(in crate::front::s3) path: &'a str,
    /// Its query, canonical.
    pub(in crate::front::s3) query: &'a str,
    /// All of its headers.
    pub(in crate::front::s3) headers: &'a HeaderMap,
    /// The host, where no header says it.
    pub(in crate::front::s3) host: &'a str,
    /// The names of those that are signed, in order.
    pub(in crate::front::s3) signed: &'a [&'a str],
    /// The hash of the body, or what stands in its place.
    pub(in crate::front::s3) payload: &'a str,
}

impl Canonical<'_> {
    /// The SHA-256 of the canonical request, in hex.
    fn digest(&self) -> String {
        let mut text: Vec<u8> = Vec::with_capacity(512);
        for line in [self.method, self.path, self.query] {
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        for name in self.signed {
            text.extend_from_slice(name.as_bytes());
            text.push(b':');
            let mut first = true;
            for value in self.headers.get_all(*name) {
                if !std::mem::take(&mut first) {
                    text.push(b',');
                }
                put_value(&mut text, value.as_bytes());
            }
            if first && *name == "host" {
                text.extend_from_slice(self.host.as_bytes());
            }
            text.push(b'\n');
        }
        text.push(b'\n');
        text.extend_from_slice(self.signed.join(";").as_bytes());
        text.push(b'\n');
        text.extend_from_slice(self.payload.as_bytes());
        hex::encode(Sha256::digest(&text))
    }

    /// What is signed of it.
    pub(in crate::front::s3) fn to_sign(&self, timestamp: &str, scope: &str) -> String {
        format!("{ALGORITHM}\n{timestamp}\n{scope}\n{}", self.digest())
    }
}

/// A value without white space around it, and with one space for each run within.
fn put_value(text: &mut Vec<u8>, value: &[u8]) {
    let mut first = true;
    for word in value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        if !std::mem::take(&mut first) {
            text.push(b' ');
        }
        text.extend_from_slice(word);
    }
}

/// A decoded path in canonical form.
pub(in crate::front::s3) fn canonical_path(decoded: &[u8]) -> String {
    if decoded.is_empty() { "/".to_owned() } else { percent_encode(decoded, ENCODED_PATH).to_string() }
}

/// A decoded query in canonical form: all of it but the signature itself, in order.
pub(in crate::front::s3) fn canonical_query(pairs: &[(String, String)]) -> String {
    let encode = |text: &str| percent_encode(text.as_bytes(), ENCODED).to_string();
    let mut encoded: Vec<(String, String)> = pairs
        .iter()
        .filter(|(name, _)| name != SIGNATURE_PARAMETER)
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    encoded.sort_unstable();
    let joined: Vec<String> = encoded.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    joined.join("&")
}

/// The key that a secret gives for a scope.
pub(in crate::front::s3) struct SigningKey(Zeroizing<[u8; 32]>);

impl SigningKey {
    /// `scope`: `date/region/service/aws4_request`.
    pub(in crate::front::s3) fn new(secret: &str, scope: &str) -> Self {
        let first = Zeroizing::new([b"AWS4", secret.as_bytes()].concat());
        let mut fields = scope.split('/');
        let mut key = hmac(&first, fields.next().unwrap_or_default().as_bytes());
        for field in fields {
            key = hmac(&*key, field.as_bytes());
        }
        Self(key)
    }

    /// The signature of `text`, in hex.
    pub(in crate::front::s3) fn sign(&self, text: &str) -> String {
        hex::encode(*hmac(&*self.0, text.as_bytes()))
    }
}

/// Whether two signatures are the same; how long it takes tells nothing but their lengths.
pub(in crate::front::s3) fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// The seconds since the epoch of `20150830T123600Z`; `None` when it is no such time.
pub(in crate::front::s3) fn seconds_of(timestamp: &str) -> Option<i64> {
    let format = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
    let parsed = time::PrimitiveDateTime::parse(timestamp, format).ok()?;
    Some(parsed.assume_utc().unix_timestamp())
}

/// The header that says when a request was signed.
pub(in crate::front::s3) const DATE: HeaderName = HeaderName::from_static("x-amz-date");
/// The header that says what the body is.
pub(in crate::front::s3) const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

fn hmac(key: &[u8], data: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut output = Zeroizing::new([0; 32]);
    // HMAC takes keys of any length: there is no error to have.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) {
        mac.update(data);
        output.copy_from_slice(&mac.finalize().into_bytes());
    }
    output
}

#[cfg(test)]
#[path = "sigv4_tests.rs"]
mod tests;
