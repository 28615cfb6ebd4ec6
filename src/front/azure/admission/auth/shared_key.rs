//! Shared Key and Shared Key Lite: a signature over the request, in its `Authorization` header.
//!
//! Source: "Authorize with Shared Key". Texts are bytes: the values of headers need not be UTF-8.
//!
//! # Invariants
//! - Every `x-ms-…` header and every parameter of the query is signed, with the path as it was sent.
//! - No two requests have one text: a parameter that could pass for two is refused.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use http::HeaderName;
use http::header::{self, DATE};

use super::failure;
use super::key::{self, AccountKey};
use super::sas::instant;
use crate::front::azure::wire::asked::Asked;
use crate::front::azure::wire::refusal::Refusal;
use crate::model::Timestamp;

/// How far the client's clock may be off. Source: "Authorize with Shared Key", specifying the date header.
const SKEW_MS: i64 = 15 * 60 * 1000;
/// From this version on a length of zero is signed as nothing.
const EMPTY_LENGTH_SINCE: &str = "2015-02-21";

/// What the header says: `account:signature`.
pub(super) struct Signed<'a> {
    account: &'a str,
    signature: Vec<u8>,
    lite: bool,
}

impl<'a> Signed<'a> {
    /// Takes the header apart.
    pub(super) fn parse(credentials: &'a str, lite: bool) -> Option<Self> {
        let (account, signature) = credentials.trim().split_once(':')?;
        Some(Self { account, signature: key::decoded(signature)?, lite })
    }

    /// Checks account, clock and signature.
    pub(super) fn verify(&self, asked: &Asked<'_>, key: &AccountKey, now: Timestamp) -> Result<(), Refusal> {
        if self.account != asked.target.account {
            return Err(failure::detailed("The account in the Authorization header is not the one that is addressed."));
        }
        unambiguous(asked)?;
        check_clock(asked, now)?;
        let texts = texts(asked, self.lite);
        // Each text is compared, so that time does not tell which of them fits.
        let fits = texts.iter().fold(false, |fits, text| key.made(text, &self.signature) | fits);
        if fits { Ok(()) } else { Err(failure::wrong_signature()) }
    }
}

/// A parameter with a line break, or with a colon in its name, could pass for others.
pub(super) fn unambiguous(asked: &Asked<'_>) -> Result<(), Refusal> {
    let breaks = |text: &str| text.contains(['\n', '\r']);
    match asked.query.iter().find(|(name, value)| breaks(name) || breaks(value) || name.contains(':')) {
        Some((name, value)) => Err(Refusal::invalid_parameter(name, value)),
        None => Ok(()),
    }
}

fn check_clock(asked: &Asked<'_>, now: Timestamp) -> Result<(), Refusal> {
    let date = asked.header("x-ms-date").or_else(|| asked.header(DATE.as_str()));
    let date = date.ok_or_else(|| failure::detailed("A Date or x-ms-date header is required."))?;
    let at =
        instant::http_date(date).ok_or_else(|| failure::detailed("The date of the request is not well formed."))?;
    if at.0.abs_diff(now.0) > SKEW_MS.unsigned_abs() {
        return Err(failure::detailed("The date of the request is more than 15 minutes away from the server's clock."));
    }
    Ok(())
}

/// The texts that may have been signed. One, but for what clients do differently: the order of headers (the service and
/// Microsoft's SDKs compare as .NET does, without hyphens; others by bytes), and the account in the path of the secondary
/// endpoint (as sent, or without `-secondary`).
pub(super) fn texts(asked: &Asked<'_>, lite: bool) -> Vec<Vec<u8>> {
    let head = if lite { lite_head(asked) } else { full_head(asked) };
    let mut texts = Vec::new();
    let mut orders = vec![headers(asked, |a, b| a.cmp(b))];
    let cultural = headers(asked, cultural);
    if !orders.contains(&cultural) {
        orders.push(cultural);
    }
    for headers in &orders {
        for path in paths(asked) {
            let resource = resource(asked, &path, lite);
            texts.push([head.as_slice(), headers, resource.as_bytes()].concat());
        }
    }
    texts
}

/// The method and the standard headers, a line each.
fn full_head(asked: &Asked<'_>) -> Vec<u8> {
    let mut text = asked.method.as_str().as_bytes().to_vec();
    text.push(b'\n');
    for name in STANDARD {
        let value = match name {
            header::CONTENT_LENGTH => length(asked),
            DATE => date(asked),
            _ => value(asked, &name),
        };
        text.extend_from_slice(value);
        text.push(b'\n');
    }
    text
}

fn lite_head(asked: &Asked<'_>) -> Vec<u8> {
    let values = [value(asked, &CONTENT_MD5), value(asked, &header::CONTENT_TYPE), date(asked)];
    let mut text = asked.method.as_str().as_bytes().to_vec();
    for value in values {
        text.push(b'\n');
        text.extend_from_slice(value);
    }
    text.push(b'\n');
    text
}

fn value<'a>(asked: &'a Asked<'_>, name: &HeaderName) -> &'a [u8] {
    asked.headers.get(name).map_or(b"", |value| value.as_bytes().trim_ascii())
}

fn length<'a>(asked: &'a Asked<'_>) -> &'a [u8] {
    let length = value(asked, &header::CONTENT_LENGTH);
    let old = asked.header("x-ms-version").is_some_and(|version| version < EMPTY_LENGTH_SINCE);
    if length == b"0" && !old { b"" } else { length }
}

/// The `Date` header is signed as nothing when `x-ms-date` takes its place.
fn date<'a>(asked: &'a Asked<'_>) -> &'a [u8] {
    if asked.headers.contains_key("x-ms-date") { b"" } else { value(asked, &DATE) }
}

/// The `x-ms-…` headers, `name:value` and a line break each. Each is there once: `super::screen`.
fn headers(asked: &Asked<'_>, order: impl Fn(&str, &str) -> Ordering) -> Vec<u8> {
    let mut found: Vec<&HeaderName> = asked.headers.keys().filter(|name| name.as_str().starts_with("x-ms-")).collect();
    found.sort_by(|a, b| order(a.as_str(), b.as_str()));
    let mut text = Vec::new();
    for name in found {
        text.extend_from_slice(name.as_str().as_bytes());
        text.push(b':');
        text.extend_from_slice(value(asked, name));
        text.push(b'\n');
    }
    text
}

/// How .NET compares names, as far as names of headers go: punctuation before digits before letters, hyphens not looked at
/// unless all else is equal; then the one with the hyphen comes later.
fn cultural(a: &str, b: &str) -> Ordering {
    let weights = |text: &str| -> Vec<(u8, u8)> {
        let class = |byte: u8| if byte.is_ascii_alphabetic() { 2 } else { u8::from(byte.is_ascii_digit()) };
        text.bytes().filter(|byte| *byte != b'-').map(|byte| (class(byte), byte)).collect()
    };
    let hyphens = |text: &str| -> Vec<bool> { text.bytes().map(|byte| byte == b'-').collect() };
    weights(a).cmp(&weights(b)).then_with(|| hyphens(a).cmp(&hyphens(b)))
}

fn paths(asked: &Asked<'_>) -> Vec<String> {
    let mut paths = vec![asked.path.to_owned()];
    let Some(rest) = asked.path.strip_prefix('/') else { return paths };
    if asked.target.secondary && !asked.target.host_style {
        let (first, tail) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if let Some(account) = first.strip_suffix("-secondary") {
            paths.push(format!("/{account}{tail}"));
        }
    }
    paths
}

/// `/account` and the path as sent, and the query: all of it, or of Lite the component.
fn resource(asked: &Asked<'_>, path: &str, lite: bool) -> String {
    let mut text = format!("/{}{path}", asked.target.account);
    if lite {
        if let Some(component) = asked.parameter("comp") {
            text.push_str("?comp=");
            text.push_str(component);
        }
        return text;
    }
    // Each is there once, by `super::screen`: values of one name would be joined by commas, as are lists in one value.
    let parameters: BTreeMap<String, &str> =
        asked.query.iter().map(|(name, value)| (name.to_lowercase(), value.as_str())).collect();
    for (name, value) in parameters {
        text.push('\n');
        text.push_str(&name);
        text.push(':');
        text.push_str(value);
    }
    text
}

const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
/// In the order in which they are signed.
const STANDARD: [HeaderName; 11] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LENGTH,
    CONTENT_MD5,
    header::CONTENT_TYPE,
    DATE,
    header::IF_MODIFIED_SINCE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_UNMODIFIED_SINCE,
    header::RANGE,
];
