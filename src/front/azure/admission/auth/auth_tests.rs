//! Who gets in, by which door, and what is answered to others.
//!
//! The vectors are made by `tests/vectors/make_azure_vectors.py`: by Microsoft's client, and after the documentation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::*;
use crate::front::azure::wire::asked::Target;
use crate::model::{Action, Authorized, BucketName, ClientId, Grant, Requirement, Scope};
use crate::secret::SecretText;

#[derive(Deserialize)]
pub(super) struct Vectors {
    now: String,
    remote: String,
    policy: Policy,
    pub(super) shared_key: Vec<Vector>,
    pub(super) sas: Vec<Vector>,
}

#[derive(Deserialize, Clone)]
struct Policy {
    id: String,
    start: Option<String>,
    expiry: Option<String>,
    permissions: Option<String>,
}

#[derive(Deserialize, Clone)]
pub(super) struct Vector {
    pub(super) name: String,
    made_by: String,
    method: String,
    path: String,
    query: String,
    target: Place,
    pub(super) headers: Vec<(String, String)>,
}

#[derive(Deserialize, Clone)]
struct Place {
    account: String,
    secondary: bool,
    host_style: bool,
    container: Option<String>,
    blob: Option<String>,
}

impl Vectors {
    pub(super) fn read() -> Self {
        serde_json::from_str(include_str!("../../../../../tests/vectors/azure/signatures.json")).unwrap()
    }
}

/// A request that can be changed before it is sent.
#[derive(Clone)]
pub(super) struct Request {
    method: Method,
    path: String,
    pub(super) query: Vec<(String, String)>,
    headers: HeaderMap,
    target: Target,
    remote: String,
    tls: bool,
}

impl Request {
    pub(super) fn of(vector: &Vector, remote: &str) -> Self {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
        let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (decoded(name), decoded(value))).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in &vector.headers {
            headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let place = vector.target.clone();
        Self {
            method: vector.method.parse().unwrap(),
            path: vector.path.clone(),
            query: vector.query.split('&').filter(|text| !text.is_empty()).map(pair).collect(),
            headers,
            target: Target {
                account: place.account,
                secondary: place.secondary,
                host_style: place.host_style,
                dfs: false,
                container: place.container,
                blob: place.blob,
            },
            remote: remote.to_owned(),
            tls: true,
        }
    }

    /// `GET /imaging/ct/1` with this token.
    fn with(query: &str) -> Self {
        let mut request = Self::of(named("blob"), "10.0.0.7");
        let pair = |pair: &str| pair.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned())).unwrap();
        request.query = query.split('&').map(pair).collect();
        request
    }

    pub(super) fn address(&mut self, account: &str, remote: &str, tls: bool) {
        (self.target.account, self.remote, self.tls) = (account.to_owned(), remote.to_owned(), tls);
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    pub(super) fn asked(&self) -> Asked<'_> {
        Asked {
            host: String::new(),
            method: &self.method,
            path: &self.path,
            query: self.query.clone(),
            headers: &self.headers,
            target: self.target.clone(),
            remote: self.remote.parse().unwrap(),
            tls: self.tls,
        }
    }
}

fn named(name: &str) -> &'static Vector {
    let all: &'static Vectors = Box::leak(Box::new(Vectors::read()));
    all.sas.iter().chain(&all.shared_key).find(|vector| vector.name == name).unwrap()
}

struct Stored(Vec<AccessPolicy>);

#[async_trait]
impl StoredPolicies for Stored {
    async fn of(&self, _: &TenantId, bucket: &BucketName) -> Result<Vec<AccessPolicy>, Refusal> {
        Ok(if bucket.as_str() == "imaging" { self.0.clone() } else { Vec::new() })
    }
}

pub(super) fn key() -> String {
    STANDARD.encode((0..64).collect::<Vec<u8>>())
}

const ALL: [Action; 5] = [Action::Read, Action::Write, Action::Delete, Action::List, Action::Admin];

pub(super) fn clients(secret: &str) -> Clients {
    let client = |id: &str| Client {
        principal: Principal::new(
            ClientId::parse(id).unwrap(),
            TenantId::parse("chum").unwrap(),
            vec![Grant::everywhere(ALL.to_vec())],
        ),
        secret: SecretText::new(secret.to_owned()),
    };
    Clients::new(vec![client("pacs"), client("other")])
}

pub(super) fn issuer() -> Bearer {
    bearer::tests::bearer()
}

async fn ask_with(request: &Request, policy: Policy, secret: &str, issuer: Option<&Bearer>) -> Result<Caller, Refusal> {
    let now = sas::instant::iso8601(&Vectors::read().now).unwrap();
    let Policy { id, start, expiry, permissions } = policy;
    let stored = Stored(vec![AccessPolicy { id, start, expiry, permissions, set_by: None }]);
    authenticate(&request.asked(), &clients(secret), &stored, issuer, now).await
}

pub(super) async fn ask(request: &Request) -> Result<Caller, Refusal> {
    ask_with(request, Vectors::read().policy, &key(), Some(&issuer())).await
}

async fn code(request: &Request) -> &'static str {
    ask(request).await.map_or_else(|refusal| refusal.code, |_| "")
}

/// A token that the account signs, in the layout of 2020-12-06 for a blob or container.
pub(super) fn signed(fields: &[(&str, &str)]) -> Request {
    let value = |name: &str| fields.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| *v);
    let resource = if value("sr") == "c" { "/blob/pacs/imaging" } else { "/blob/pacs/imaging/ct/1" };
    let mut lines = ["sp", "st", "se"].map(value).to_vec();
    lines.push(resource);
    lines
        .extend(["si", "sip", "spr", "sv", "sr", "snapshot", "ses", "rscc", "rscd", "rsce", "rscl", "rsct"].map(value));
    with_signature(fields, &lines.join("\n"))
}

/// The same of an account.
pub(super) fn signed_account(fields: &[(&str, &str)]) -> Request {
    let value = |name: &str| fields.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| *v);
    let lines = ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv", "ses"].map(value);
    with_signature(fields, &format!("pacs\n{}\n", lines.join("\n")))
}

fn with_signature(fields: &[(&str, &str)], text: &str) -> Request {
    let signer = AccountKey::new((0..64).collect()).unwrap();
    let mut request = Request::with("sig=x");
    request.query = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    request.query.push(("sig".to_owned(), key::encoded(signer.sign(text.as_bytes()).as_ref())));
    request
}

const VALID: [(&str, &str); 4] = [("sv", "2021-08-06"), ("se", "2026-06-02"), ("sr", "b"), ("sp", "r")];

pub(super) fn changed(fields: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let kept = VALID.iter().filter(|(name, _)| !fields.iter().any(|(other, _)| other == name));
    kept.chain(fields).copied().collect()
}

#[tokio::test]
async fn what_microsofts_client_and_the_documentation_sign_is_accepted() {
    let vectors = Vectors::read();
    assert!(vectors.shared_key.len() > 50 && vectors.sas.len() > 40);
    for vector in vectors.shared_key.iter().chain(&vectors.sas) {
        let outcome = ask(&Request::of(vector, &vectors.remote)).await;
        let details = outcome.err().map(|refusal| refusal.details);
        assert_eq!(details, None, "{} by {}", vector.name, vector.made_by);
    }
}

#[tokio::test]
async fn a_signed_request_that_is_changed_anywhere_is_refused() {
    for vector in &Vectors::read().shared_key {
        let whole = Request::of(vector, "10.0.0.7");
        let lite = vector.name.starts_with("lite");
        for (name, value) in &vector.headers {
            let changed = whole.clone().header(Box::leak(name.clone().into_boxed_str()), &format!("{value}x"));
            let unsigned = name == "date" && vector.name == "both dates";
            assert!(unsigned || ask(&changed).await.is_err(), "{}: {name} changed", vector.name);
            let mut less = whole.clone();
            less.headers.remove(name);
            let unsigned = unsigned || (name == "content-length" && value == "0");
            assert!(unsigned || ask(&less).await.is_err(), "{}: without {name}", vector.name);
        }
        let more = whole.clone().header("x-ms-meta-more", "1");
        assert!(ask(&more).await.is_err(), "{}: one header more", vector.name);
        for (at, (name, value)) in whole.query.iter().enumerate() {
            let mut changed = whole.clone();
            changed.query[at].1 = format!("{value}x");
            let signed = !lite || name == "comp";
            assert_eq!(ask(&changed).await.is_err(), signed, "{}: {name} changed", vector.name);
        }
        if !lite {
            let mut more = whole.clone();
            more.query.push(("more".to_owned(), "1".to_owned()));
            assert!(ask(&more).await.is_err(), "{}: one parameter more", vector.name);
        }
        let mut other = whole.clone();
        other.path.push('x');
        assert!(ask(&other).await.is_err(), "{}: another path", vector.name);
        let mut other = whole.clone();
        other.method = Method::PATCH;
        assert!(ask(&other).await.is_err(), "{}: another method", vector.name);
        let mut other = whole.clone();
        other.target.account = "other".to_owned();
        assert!(ask(&other).await.is_err(), "{}: another account", vector.name);
    }
}

#[tokio::test]
async fn a_token_that_is_changed_anywhere_is_refused() {
    for vector in &Vectors::read().sas {
        let whole = Request::of(vector, "10.0.0.7");
        for (at, (name, value)) in whole.query.iter().enumerate() {
            let of_token =
                !["restype", "comp", "timeout"].contains(&name.as_str()) || vector.name.contains("parameters");
            let (mut changed, mut less, mut twice) = (whole.clone(), whole.clone(), whole.clone());
            changed.query[at].1 = if name == "sig" {
                value.replacen(|c: char| c.is_ascii_lowercase(), "A", 1)
            } else {
                format!("{value}x")
            };
            assert_eq!(ask(&changed).await.is_err(), of_token, "{}: {name} changed", vector.name);
            less.query.remove(at);
            assert_eq!(ask(&less).await.is_err(), of_token, "{}: without {name}", vector.name);
            twice.query.push((name.to_ascii_uppercase(), value.clone()));
            assert!(ask(&twice).await.is_err(), "{}: {name} twice", vector.name);
        }
        let present = |name: &str| whole.query.iter().any(|(other, _)| other == name);
        for more in [
            "st", "sp", "se", "si", "sip", "spr", "ses", "rscd", "sdd", "skoid", "ss", "srt", "saoid", "suoid",
            "sduoid", "srh",
        ] {
            let mut request = whole.clone();
            request.query.push((more.to_owned(), "r".to_owned()));
            assert!(present(more) || ask(&request).await.is_err(), "{}: {more} added", vector.name);
        }
        let mut elsewhere = whole.clone();
        elsewhere.target.account = "other".to_owned();
        assert!(ask(&elsewhere).await.is_err(), "{}: another account", vector.name);
        let account = vector.name.contains("account");
        let mut elsewhere = whole.clone();
        elsewhere.target.container = Some("imaging2".to_owned());
        assert_eq!(ask(&elsewhere).await.is_ok(), account, "{}: another container", vector.name);
        let mut elsewhere = whole.clone();
        elsewhere.target.blob = Some("ct/2".to_owned());
        let wide = account || present("sr") && whole.query.iter().any(|(name, value)| name == "sr" && value == "c");
        assert_eq!(ask(&elsewhere).await.is_ok(), wide, "{}: another blob", vector.name);
        let mut nowhere = whole.clone();
        (nowhere.target.container, nowhere.target.blob) = (None, None);
        assert_eq!(ask(&nowhere).await.is_ok(), account, "{}: no container", vector.name);
    }
}

#[tokio::test]
async fn another_key_or_none_lets_nobody_in() {
    for vector in Vectors::read().shared_key.iter().chain(&Vectors::read().sas) {
        let request = Request::of(vector, "10.0.0.7");
        for secret in [STANDARD.encode([7; 64]), "no base64!".to_owned(), String::new()] {
            let refusal = ask_with(&request, Vectors::read().policy, &secret, Some(&issuer())).await.err().unwrap();
            assert_eq!((refusal.code, refusal.status.as_u16()), ("AuthenticationFailed", 403));
        }
    }
}

#[tokio::test]
async fn a_request_is_refused_after_fifteen_minutes_either_way() {
    for (minutes, wanted) in [(-16, false), (-14, true), (14, true), (16, false)] {
        let now = sas::instant::iso8601(&Vectors::read().now).unwrap();
        let now = Timestamp(now.0 + minutes * 60_000);
        let request = Request::of(named("delete, host style"), "10.0.0.7");
        let got = authenticate(&request.asked(), &clients(&key()), &Stored(Vec::new()), None, now).await;
        assert_eq!(got.is_ok(), wanted, "{minutes}");
    }
}

#[tokio::test]
async fn headers_that_come_twice_and_two_proofs_are_refused() {
    let mut twice = Request::of(named("delete, host style"), "10.0.0.7");
    twice.headers.append("x-ms-version", HeaderValue::from_static("2026-10-06"));
    assert_eq!(code(&twice).await, "InvalidHeaderValue");
    let both = Request::of(named("blob"), "10.0.0.7").header("authorization", "SharedKey pacs:AAAA");
    assert_eq!(code(&both).await, "AuthenticationFailed");
}

#[tokio::test]
async fn a_parameter_cannot_pass_for_two_nor_two_for_one() {
    let whole = Request::of(named("list blobs, host style"), "10.0.0.7");
    let mut request = whole.clone();
    request.query.push(("Prefix".to_owned(), "ct/".to_owned()));
    assert_eq!(code(&request).await, "InvalidQueryParameterValue");
    let mut request = whole.clone();
    let (name, value) = request.query.pop().unwrap();
    request.query.push((format!("{name}:{value}"), String::new()));
    assert_eq!(code(&request).await, "InvalidQueryParameterValue");
    let mut request = whole.clone();
    let last = request.query.pop().unwrap();
    request.query[0].1.push_str(&format!("\n{}:{}", last.0, last.1));
    assert_eq!(code(&request).await, "InvalidQueryParameterValue");
}

#[tokio::test]
async fn without_a_proof_the_challenge_names_what_serves() {
    let bare = Request::with("comp=list");
    let answered =
        |refusal: Refusal| (refusal.status.as_u16(), refusal.code, refusal.headers["www-authenticate"].clone());
    let with = ask(&bare).await.err().map(answered).unwrap();
    let challenge = "Bearer authorization_uri=https://id.example.org/realms/h resource_id=https://storage.azure.com";
    assert_eq!(with, (401, "NoAuthenticationInformation", HeaderValue::from_static(challenge)));
    let without = ask_with(&bare, Vectors::read().policy, &key(), None).await.err().map(answered).unwrap();
    assert_eq!(without, (401, "NoAuthenticationInformation", HeaderValue::from_static("SharedKey")));
    let token = bare.clone().header("authorization", "Bearer a.b.c");
    let refused = ask_with(&token, Vectors::read().policy, &key(), None).await.err().map(answered).unwrap();
    assert_eq!(refused, (401, "InvalidAuthenticationInfo", HeaderValue::from_static("SharedKey")));
    for odd in ["Basic cGFjcw==", "SharedKey", "SharedKey pacs", "SharedKey pacs:!", "AWS4-HMAC-SHA256 x"] {
        assert_eq!(code(&bare.clone().header("authorization", odd)).await, "InvalidAuthenticationInfo", "{odd}");
    }
}

#[tokio::test]
async fn a_genuine_token_is_held_to_what_it_says() {
    assert_eq!(code(&signed(&VALID)).await, "");
    let cases: &[(&[(&'static str, &'static str)], &str)] = &[
        (&[("se", "2026-06-01T12:00:00Z")], "AuthenticationFailed"),
        (&[("se", "")], "AuthenticationFailed"),
        (&[("se", "2026-06-02T00:00:00+00:00")], "AuthenticationFailed"),
        (&[("st", "2026-06-01T12:00:01Z")], "AuthenticationFailed"),
        (&[("sip", "10.0.0.8")], "AuthorizationSourceIPMismatch"),
        (&[("sip", "10.0.0.1-10.0.0.7")], ""),
        (&[("spr", "http")], "AuthenticationFailed"),
        (&[("sp", "")], "AuthenticationFailed"),
        (&[("sp", "rz")], "AuthenticationFailed"),
        (&[("sp", "R")], "AuthenticationFailed"),
        (&[("sr", "d")], "AuthenticationFailed"),
        (&[("sr", "")], "AuthenticationFailed"),
        (&[("ses", "scope")], "AuthenticationFailed"),
        (&[("sv", "2027-01-01")], "AuthenticationFailed"),
        (&[("rscd", "a\nb")], "AuthenticationFailed"),
    ];
    for (fields, wanted) in cases {
        assert_eq!(code(&signed(&changed(fields))).await, *wanted, "{fields:?}");
    }
    let mut plain = signed(&changed(&[("spr", "https")]));
    assert_eq!(code(&plain).await, "");
    plain.tls = false;
    assert_eq!(code(&plain).await, "AuthorizationProtocolMismatch");
}

#[tokio::test]
async fn a_stored_policy_gives_what_the_token_leaves_out_and_nothing_twice() {
    let policy = |start: Option<&str>, expiry: Option<&str>, permissions: Option<&str>| Policy {
        id: "p".to_owned(),
        start: start.map(str::to_owned),
        expiry: expiry.map(str::to_owned),
        permissions: permissions.map(str::to_owned),
    };
    let full = policy(None, Some("2026-06-02T00:00:00.0000000Z"), Some("r"));
    let token = |fields| signed(&changed(fields));
    let bare: &[(&'static str, &'static str)] = &[("si", "p"), ("se", ""), ("sp", "")];
    let cases = [
        (token(bare), full.clone(), true),
        (token(&[("si", "P"), ("se", ""), ("sp", "")]), full.clone(), false),
        (token(&[("si", "p"), ("se", "")]), full.clone(), false),
        (token(&[("si", "p"), ("sp", "")]), full.clone(), false),
        (token(bare), policy(None, None, Some("r")), false),
        (token(bare), policy(None, Some("2026-06-02"), None), false),
        (token(&[("si", "p"), ("sp", "")]), policy(None, None, Some("r")), true),
        (token(&[("si", "p"), ("se", "")]), policy(None, Some("2026-06-02"), None), true),
        (token(bare), policy(None, Some("2026-06-01"), Some("r")), false),
        (token(bare), policy(Some("2026-06-02"), Some("2026-06-03"), Some("r")), false),
    ];
    for (at, (request, policy, wanted)) in cases.into_iter().enumerate() {
        let outcome = ask_with(&request, policy, &key(), None).await;
        assert_eq!(outcome.is_ok(), wanted, "{at}");
    }
}

#[tokio::test]
async fn without_an_issuer_no_delegated_key_counts() {
    let request = Request::of(named("delegated blob"), "10.0.0.7");
    assert!(ask(&request).await.is_ok());
    assert!(ask_with(&request, Vectors::read().policy, &key(), None).await.is_err());
}

#[tokio::test]
async fn headers_of_answers_are_those_that_the_token_lays_down() {
    let caller = ask(&Request::of(named("blob with everything"), "10.0.0.7")).await.ok().unwrap();
    let overrides = caller.response_overrides().unwrap();
    assert_eq!(overrides.content_type.as_deref(), Some("application/dicom"));
    assert_eq!(overrides.content_disposition.as_deref(), Some("attachment; filename=\"é.dcm\""));
    let caller = ask(&Request::of(named("delete, host style"), "10.0.0.7")).await.ok().unwrap();
    assert!(caller.response_overrides().is_none());
}

struct Touches(Action, BucketName, &'static str);

impl crate::model::Operation for Touches {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        let scope = if self.2.is_empty() { Scope::Bucket } else { Scope::Key(self.2) };
        vec![Requirement { action: self.0, bucket: &self.1, scope }]
    }
}

fn fenced(caller: &Caller, action: Action, bucket: &str, key: &'static str) -> bool {
    let touches = Touches(action, BucketName::parse(bucket).unwrap(), key);
    let proof: Result<Authorized<Touches>, _> = caller.principal.authorize(touches);
    proof.is_err()
}

#[tokio::test]
async fn the_principal_of_a_token_is_fenced_in_too() {
    let caller = ask(&signed(&VALID)).await.ok().unwrap();
    assert!(!fenced(&caller, Action::Read, "imaging", "ct/1"));
    assert!(fenced(&caller, Action::Read, "imaging", "ct/2") && fenced(&caller, Action::Read, "lab", "ct/1"));
    assert!(fenced(&caller, Action::Write, "imaging", "ct/1") && fenced(&caller, Action::List, "imaging", ""));
    let caller = ask(&signed(&changed(&[("sr", "c"), ("sp", "wdl")]))).await.ok().unwrap();
    assert!(!fenced(&caller, Action::Write, "imaging", "ct/2") && !fenced(&caller, Action::Delete, "imaging", "x"));
    assert!(fenced(&caller, Action::Read, "imaging", "x") && fenced(&caller, Action::Admin, "imaging", ""));
    let write_only = signed(&changed(&[("sp", "w")]));
    assert!(fenced(&ask(&write_only).await.ok().unwrap(), Action::Read, "imaging", "ct/1"));
    let comparing = ask(&write_only.header("if-match", "\"0x1\"")).await.ok().unwrap();
    assert!(!fenced(&comparing, Action::Read, "imaging", "ct/1") && comparing.permits(Operation::GetBlob).is_err());
    let breaking = signed(&changed(&[("sp", "d")])).header("x-ms-lease-action", "break");
    assert!(!fenced(&ask(&breaking).await.ok().unwrap(), Action::Write, "imaging", "ct/1"));
    let fields = [("sv", "2021-08-06"), ("se", "2026-06-02"), ("ss", "b"), ("srt", "c"), ("sp", "rwdl")];
    let caller = ask(&signed_account(&fields)).await.ok().unwrap();
    assert!(!fenced(&caller, Action::Admin, "lab", "") && fenced(&caller, Action::Read, "lab", "x"));
    let fields = [("sv", "2021-08-06"), ("se", "2026-06-02"), ("ss", "b"), ("srt", "o"), ("sp", "rwdl")];
    let caller = ask(&signed_account(&fields)).await.ok().unwrap();
    assert!(fenced(&caller, Action::Admin, "lab", "") && !fenced(&caller, Action::Read, "lab", "x"));
}

#[tokio::test]
async fn a_shared_key_may_do_all_but_ask_for_a_delegation_key() {
    let caller = ask(&Request::of(named("delete, host style"), "10.0.0.7")).await.ok().unwrap();
    assert!(caller.permits(Operation::SetContainerAcl).is_ok() && caller.may_overwrite());
    assert_eq!(caller.permits(Operation::GetUserDelegationKey).err().unwrap().code, "AuthenticationFailed");
    assert!(caller.delegation_key(None, "2026-06-02T00:00:00Z", "2026-04-06", Timestamp(0)).is_err());
}

#[test]
fn the_example_of_the_documentation_is_canonicalized_as_it_is_there() {
    let mut request = Request::with("timeout=20&comp=metadata&restype=container");
    request.headers.clear();
    let request = request.header("x-ms-version", "2015-02-21").header("x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT");
    let mut request = request.header("content-length", "0");
    (request.path, request.target.account) = ("/mycontainer".to_owned(), "myaccount".to_owned());
    let texts = shared_key::texts(&request.asked(), false);
    let wanted = "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n\
                  /myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20";
    assert_eq!(texts, [wanted.as_bytes()]);
}
