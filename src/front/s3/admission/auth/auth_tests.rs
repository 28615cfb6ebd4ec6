//! Requests that are signed well, and the ways in which others are not.

use http::{HeaderMap, Method};

use super::*;
use crate::front::s3::wire::asked::Sample;
use crate::gateway::Client;
use crate::model::{ClientId, TenantId};

const SECRET: &str = "bm90LWEtc2VjcmV0";
const AT: &str = "20260101T000000Z";
const NOW: i64 = 1_767_225_600;
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn clients() -> Clients {
    let principal = Principal::new(ClientId::parse("pacs").unwrap(), TenantId::parse("chum").unwrap(), vec![]);
    Clients::new(vec![Client { principal, secret: SecretText::new(SECRET.into()) }])
}

/// A request, and how it is signed.
struct Signed {
    id: &'static str,
    region: &'static str,
    service: &'static str,
    date: &'static str,
    headers: Vec<(&'static str, String)>,
    /// All but these are signed.
    unsigned: Vec<&'static str>,
    query: &'static str,
    names: Option<&'static str>,
}

impl Default for Signed {
    fn default() -> Self {
        let headers = vec![
            ("host", "localhost".to_owned()),
            ("x-amz-date", AT.to_owned()),
            ("x-amz-content-sha256", EMPTY.to_owned()),
        ];
        Self {
            id: "pacs",
            region: "ca-east-1",
            service: "s3",
            date: "20260101",
            headers,
            unsigned: vec![],
            query: "",
            names: None,
        }
    }
}

impl Signed {
    fn with(name: &'static str, value: &str) -> Self {
        let mut signed = Self::default();
        signed.headers.push((name, value.to_owned()));
        signed
    }

    /// The request with its signature.
    fn sample(&self) -> Sample {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(*name, value.parse().unwrap());
        }
        let mut names: Vec<&str> = headers.keys().map(http::HeaderName::as_str).collect();
        names.retain(|name| !self.unsigned.contains(name));
        names.sort_unstable();
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(self.query.as_bytes()).map(|(n, v)| (n.into(), v.into())).collect();
        let payload = headers.get("x-amz-content-sha256").map_or("", |value| value.to_str().unwrap()).to_owned();
        let canonical = Canonical {
            method: "GET",
            path: "/",
            query: &canonical_query(&query),
            headers: &headers,
            host: "localhost",
            signed: &names,
            payload: &payload,
        };
        let scope = format!("{}/{}/{}/aws4_request", self.date, self.region, self.service);
        let signature = SigningKey::new(SECRET, &scope).sign(&canonical.to_sign(AT, &scope));
        let names = self.names.map_or_else(|| names.join(";"), str::to_owned);
        let text = format!("{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", self.id);
        headers.append("authorization", text.parse().unwrap());
        Sample { query: self.query, headers, ..Sample::default() }
    }

    fn outcome(&self) -> Result<Payload, &'static str> {
        outcome(&self.sample(), None, NOW)
    }
}

fn outcome(sample: &Sample, region: Option<&str>, now: i64) -> Result<Payload, &'static str> {
    let caller = authenticate(&mut sample.asked(), &clients(), region, now);
    caller.map(|caller| caller.payload).map_err(|refusal| refusal.code)
}

fn hash() -> Payload {
    let mut hash = [0; 32];
    hex::decode_to_slice(EMPTY, &mut hash).unwrap();
    Payload::Sha256(hash)
}

#[test]
fn a_signed_request_passes_in_its_region_only() {
    let sample = Signed::default().sample();
    assert_eq!(outcome(&sample, None, NOW), Ok(hash()));
    assert_eq!(outcome(&sample, Some("ca-east-1"), NOW), Ok(hash()));
    assert_eq!(outcome(&sample, Some("us-east-1"), NOW), Err("AuthorizationHeaderMalformed"));
}

#[test]
fn regions_have_names_of_any_letters() {
    for region in ["US", "Ca_East.1", "default", "garage"] {
        assert_eq!(Signed { region, ..Signed::default() }.outcome(), Ok(hash()), "{region}");
    }
    assert_eq!(Signed { region: "", ..Signed::default() }.outcome(), Err("AuthorizationHeaderMalformed"));
}

#[test]
fn what_is_not_signed_well_is_told_nothing() {
    let unknown = Signed { id: "nobody", ..Signed::default() };
    let other_day = Signed { date: "20260102", ..Signed::default() };
    let part_of_a_day = Signed { date: "2026", ..Signed::default() };
    for signed in [unknown, other_day, part_of_a_day] {
        assert_eq!(signed.outcome(), Err("SignatureDoesNotMatch"));
    }
    let mut sample = Signed::with("x-amz-meta-a", "b").sample();
    assert!(outcome(&sample, None, NOW).is_ok());
    sample.headers.insert("x-amz-meta-a", "c".parse().unwrap());
    assert_eq!(outcome(&sample, None, NOW), Err("SignatureDoesNotMatch"));
    let sample = Sample { method: Method::DELETE, ..Signed::default().sample() };
    assert_eq!(outcome(&sample, None, NOW), Err("SignatureDoesNotMatch"));
    let sample = Sample { query: "acl", ..Signed::default().sample() };
    assert_eq!(outcome(&sample, None, NOW), Err("SignatureDoesNotMatch"));
}

#[test]
fn a_clock_may_be_off_by_a_quarter_of_an_hour() {
    let sample = Signed::default().sample();
    for (now, fine) in [(NOW - 900, true), (NOW + 900, true), (NOW - 901, false), (NOW + 901, false)] {
        let expected = if fine { Ok(hash()) } else { Err("RequestTimeTooSkewed") };
        assert_eq!(outcome(&sample, None, now), expected);
    }
}

#[test]
fn unsigned_meaning_is_refused() {
    let unsigned = |name| Signed { unsigned: vec![name], ..Signed::with("x-amz-copy-source", "/a/b") };
    assert_eq!(unsigned("x-amz-copy-source").outcome(), Err("AccessDenied"));
    assert_eq!(unsigned("host").outcome(), Err("AccessDenied"));
    let absent = Signed { names: Some("host;x-absent;x-amz-content-sha256;x-amz-date"), ..Signed::default() };
    assert_eq!(absent.outcome(), Err("SignatureDoesNotMatch"));
    // It has its place in the canonical request.
    assert_eq!(Signed { unsigned: vec!["x-amz-content-sha256"], ..Signed::default() }.outcome(), Ok(hash()));
}

#[test]
fn other_mechanisms_are_refused() {
    let other = |text: &str| {
        let mut sample = Signed::default().sample();
        sample.headers.insert("authorization", text.parse().unwrap());
        outcome(&sample, None, NOW)
    };
    assert_eq!(other("AWS pacs:c2ln"), Err("InvalidRequest"));
    assert_eq!(other("Basic cGFjcw=="), Err("AuthorizationHeaderMalformed"));
    assert_eq!(other("AWS4-HMAC-SHA256 Credential=x"), Err("AuthorizationHeaderMalformed"));
    assert_eq!(outcome(&Sample::of(&[("host", "localhost")]), None, NOW), Err("AccessDenied"));
    assert_eq!(Signed { service: "sts", ..Signed::default() }.outcome(), Err("AuthorizationHeaderMalformed"));
    let mut twice = Signed::default().sample();
    twice.headers.append("authorization", "AWS4-HMAC-SHA256 x".parse().unwrap());
    assert_eq!(outcome(&twice, None, NOW), Err("InvalidRequest"));
}

#[test]
fn an_old_signature_is_told_its_cure() {
    let mut sample = Signed::default().sample();
    sample.headers.insert("authorization", "AWS pacs:c2ln".parse().unwrap());
    let presigned =
        Sample { query: "AWSAccessKeyId=pacs&Signature=x&Expires=1", ..Sample::of(&[("host", "localhost")]) };
    for sample in [sample, presigned] {
        let refusal = authenticate(&mut sample.asked(), &clients(), None, NOW).err().unwrap();
        assert!(refusal.text.contains("signature_version=\"s3v4\"") && refusal.text.contains("us-east-1"));
    }
}

#[test]
fn an_empty_token_is_no_token() {
    assert_eq!(Signed::with("x-amz-security-token", "").outcome(), Ok(hash()));
    assert_eq!(Signed::with("x-amz-security-token", "x").outcome(), Err("InvalidToken"));
}

#[test]
fn what_the_body_is_has_its_forms() {
    let of = |text: &str| {
        let mut signed = Signed::default();
        signed.headers.retain(|(name, _)| *name != "x-amz-content-sha256");
        signed.headers.push(("x-amz-content-sha256", text.to_owned()));
        signed.outcome()
    };
    assert_eq!(of("UNSIGNED-PAYLOAD"), Ok(Payload::Unsigned));
    assert_eq!(of("STREAMING-UNSIGNED-PAYLOAD-TRAILER"), Ok(Payload::UnsignedChunks));
    assert_eq!(of("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), Ok(Payload::Chunks { trailing: false }));
    assert_eq!(of("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"), Ok(Payload::Chunks { trailing: true }));
    assert_eq!(of("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"), Err("NotImplemented"));
    for text in ["not-a-digest", "", "E3B0"] {
        assert_eq!(of(text), Err("InvalidArgument"), "{text}");
    }
}

#[test]
fn presigned_urls_live_a_week_at_most() {
    let go = |expires: &str, now| {
        let query = format!(
            "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential=pacs%2F20260101%2Fr%2Fs3%2Faws4_request&X-Amz-Date={AT}\
             &X-Amz-Expires={expires}&X-Amz-SignedHeaders=host&X-Amz-Signature=SIGNATURE"
        );
        let sample = Sample::of(&[("host", "localhost")]);
        let mut sample = sample.asked_with(&query);
        let signature = {
            let canonical = Canonical {
                method: "GET",
                path: "/",
                query: &canonical_query(&sample.query),
                headers: &sample.headers,
                host: "localhost",
                signed: &["host"],
                payload: UNSIGNED,
            };
            let scope = "20260101/r/s3/aws4_request";
            SigningKey::new(SECRET, scope).sign(&canonical.to_sign(AT, scope))
        };
        sample.query.last_mut().unwrap().1 = signature;
        authenticate(&mut sample, &clients(), None, now).map(|caller| caller.payload).map_err(|refusal| refusal.code)
    };
    assert_eq!(go("1", NOW), Ok(Payload::Unsigned));
    assert_eq!(go("604800", NOW + 604_800), Ok(Payload::Unsigned));
    assert_eq!(go("60", NOW + 61), Err("AccessDenied"));
    assert_eq!(go("60", NOW - 901), Err("RequestTimeTooSkewed"));
    for expires in ["0", "604801", "-1", "x", ""] {
        assert_eq!(go(expires, NOW), Err("AuthorizationQueryParametersError"), "{expires}");
    }
}
