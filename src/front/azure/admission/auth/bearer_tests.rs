//! Tokens that are believed and tokens that are not.

use std::io::Write as _;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use super::*;

pub(in crate::front::azure::admission::auth) const NOW: Timestamp = Timestamp(1_780_315_200_000);

pub(in crate::front::azure::admission::auth) fn settings(jwks: Jwks) -> BearerSettings {
    BearerSettings {
        issuer: "https://id.example.org/realms/h".to_owned(),
        audiences: vec!["https://storage.azure.com/".to_owned(), "ecluse".to_owned()],
        jwks,
        authorities: None,
        claim: "azp".to_owned(),
        clients: BTreeMap::from([("viewer".to_owned(), ClientId::parse("pacs").unwrap())]),
    }
}

pub(in crate::front::azure::admission::auth) fn bearer() -> Bearer {
    Bearer::new(settings(Jwks::File("/nowhere/jwks.json".into()))).unwrap()
}

/// An issuer with a key of each kind.
pub(in crate::front::azure::admission::auth) struct Issuer {
    rsa: EncodingKey,
    ec: EncodingKey,
    file: tempfile::NamedTempFile,
}

impl Issuer {
    pub(in crate::front::azure::admission::auth) fn new() -> Self {
        let rsa = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&rsa).unwrap();
        // The key itself (PKCS#1) begins after the version, the algorithm and three lengths.
        let rsa = EncodingKey::from_rsa_der(&pkcs8.as_ref()[26..]);
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let ec = EncodingKey::from_ec_der(ec.to_pkcs8v1().unwrap().as_ref());
        let issuer = Self { rsa, ec, file: tempfile::NamedTempFile::new().unwrap() };
        issuer.publish(&issuer.keys());
        issuer
    }

    pub(in crate::front::azure::admission::auth) fn keys(&self) -> Vec<Value> {
        let key = |key: &EncodingKey, algorithm, id: &str| {
            let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
            jwk.common.key_id = Some(id.to_owned());
            serde_json::to_value(jwk).unwrap()
        };
        let secret = json!({"kty": "oct", "kid": "oct-1", "k": "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3I"});
        let mut encryption = key(&self.rsa, Algorithm::RS256, "enc-1");
        encryption["use"] = json!("enc");
        encryption["alg"] = json!("RSA-OAEP");
        let unknown = json!({"kty": "XYZ", "kid": "xyz-1"});
        vec![
            key(&self.rsa, Algorithm::RS256, "rsa-1"),
            key(&self.ec, Algorithm::ES256, "ec-1"),
            secret,
            encryption,
            unknown,
        ]
    }

    fn publish(&self, keys: &[Value]) {
        self.file.as_file().set_len(0).unwrap();
        let mut file = self.file.reopen().unwrap();
        file.write_all(json!({"keys": keys}).to_string().as_bytes()).unwrap();
        file.sync_all().unwrap();
    }

    pub(in crate::front::azure::admission::auth) fn bearer(&self) -> Bearer {
        Bearer::new(settings(Jwks::File(self.file.path().to_owned()))).unwrap()
    }

    pub(in crate::front::azure::admission::auth) fn sign(
        &self,
        algorithm: Algorithm,
        kid: Option<&str>,
        claims: &Value,
    ) -> String {
        let mut header = Header::new(algorithm);
        header.kid = kid.map(str::to_owned);
        let secret = EncodingKey::from_secret(b"secret secret secret secret secr");
        let key = match algorithm {
            Algorithm::ES256 => &self.ec,
            Algorithm::HS256 => &secret,
            _ => &self.rsa,
        };
        encode(&header, claims, key).unwrap()
    }
}

pub(in crate::front::azure::admission::auth) fn claims() -> Value {
    json!({
        "iss": "https://id.example.org/realms/h", "aud": ["account", "ecluse"], "sub": "user-1", "azp": "viewer",
        "exp": NOW.seconds() + 300, "nbf": NOW.seconds() - 10, "iat": NOW.seconds() - 10,
    })
}

async fn outcome(issuer: &Issuer, token: &str) -> Result<Subject, BearerError> {
    issuer.bearer().verify(token, NOW).await
}

#[tokio::test]
async fn tokens_of_public_keys_are_believed() {
    let issuer = Issuer::new();
    for (algorithm, kid) in [
        (Algorithm::RS256, "rsa-1"),
        (Algorithm::RS512, "rsa-1"),
        (Algorithm::PS256, "rsa-1"),
        (Algorithm::ES256, "ec-1"),
    ] {
        let subject = outcome(&issuer, &issuer.sign(algorithm, Some(kid), &claims())).await.unwrap();
        assert_eq!(subject.speaks_for(&ClientId::parse("pacs").unwrap()), Some("viewer"), "{algorithm:?}");
        assert_eq!(subject.speaks_for(&ClientId::parse("other").unwrap()), None);
        assert_eq!((subject.oid.as_str(), subject.tid.len()), ("user-1", 36));
    }
}

#[tokio::test]
async fn tokens_of_other_keys_and_algorithms_are_not() {
    let issuer = Issuer::new();
    let rs = |kid| issuer.sign(Algorithm::RS256, kid, &claims());
    let other = Issuer::new().sign(Algorithm::RS256, Some("rsa-1"), &claims());
    let whole = rs(Some("rsa-1"));
    let (head, signature) = whole.rsplit_once('.').unwrap();
    let none = format!("eyJhbGciOiJub25lIn0.{}.", head.split_once('.').unwrap().1);
    let cases = [
        (issuer.sign(Algorithm::HS256, Some("oct-1"), &claims()), BearerError::Algorithm),
        (issuer.sign(Algorithm::HS256, Some("rsa-1"), &claims()), BearerError::Algorithm),
        (issuer.sign(Algorithm::ES256, Some("rsa-1"), &claims()), BearerError::Algorithm),
        (none, BearerError::Malformed),
        (rs(Some("enc-1")), BearerError::UnknownKey),
        (rs(Some("oct-1")), BearerError::UnknownKey),
        (rs(Some("rsa-2")), BearerError::UnknownKey),
        (rs(None), BearerError::UnknownKey),
        (other, BearerError::Signature),
        (format!("{head}."), BearerError::Signature),
        (format!("{head}x.{signature}"), BearerError::Signature),
        (head.to_owned(), BearerError::Malformed),
        ("a.b.c".to_owned(), BearerError::Malformed),
        (String::new(), BearerError::Malformed),
        (format!("{whole}{}", "A".repeat(MAX_TOKEN_BYTES)), BearerError::Malformed),
    ];
    for (at, (token, wanted)) in cases.into_iter().enumerate() {
        assert_eq!(outcome(&issuer, &token).await.err(), Some(wanted), "{at}");
    }
}

#[tokio::test]
async fn critical_extensions_are_refused() {
    let issuer = Issuer::new();
    let mut header = Header::new(Algorithm::ES256);
    (header.kid, header.crit) = (Some("ec-1".to_owned()), Some(vec!["b64".to_owned()]));
    let token = encode(&header, &claims(), &issuer.ec).unwrap();
    assert_eq!(outcome(&issuer, &token).await.err(), Some(BearerError::Malformed));
}

#[tokio::test]
async fn claims_must_be_there_and_must_fit() {
    let issuer = Issuer::new();
    let now = NOW.seconds();
    let cases = [
        ("exp", json!(now - 61), Some(BearerError::Expired)),
        ("exp", json!(now - 59), None),
        ("exp", Value::Null, Some(BearerError::Expired)),
        ("exp", json!((now + 300).to_string()), Some(BearerError::Expired)),
        ("nbf", json!(now + 61), Some(BearerError::Early)),
        ("nbf", json!(now + 59), None),
        ("nbf", json!("soon"), Some(BearerError::Early)),
        ("iss", json!("https://id.example.org/realms/h/"), Some(BearerError::Issuer)),
        ("iss", Value::Null, Some(BearerError::Issuer)),
        ("aud", json!("ecluse"), None),
        ("aud", json!(["account"]), Some(BearerError::Audience)),
        ("aud", json!("ecluse2"), Some(BearerError::Audience)),
        ("aud", json!({"ecluse": 1}), Some(BearerError::Audience)),
        ("aud", Value::Null, Some(BearerError::Audience)),
        ("sub", json!("a\nb"), Some(BearerError::Subject)),
        ("sub", json!(""), Some(BearerError::Subject)),
        ("sub", json!("é"), Some(BearerError::Subject)),
        ("sub", Value::Null, Some(BearerError::Subject)),
    ];
    for (name, value, wanted) in cases {
        let mut claims = claims();
        claims[name] = value.clone();
        let token = issuer.sign(Algorithm::ES256, Some("ec-1"), &claims);
        assert_eq!(outcome(&issuer, &token).await.err(), wanted, "{name} {value}");
    }
}

#[tokio::test]
async fn the_claim_may_be_a_list_and_maps_to_what_is_configured_only() {
    let issuer = Issuer::new();
    for (value, wanted) in [
        (json!(["x", "viewer"]), true),
        (json!("pacs"), false),
        (json!(["Viewer"]), false),
        (json!(7), false),
        (Value::Null, false),
    ] {
        let mut claims = claims();
        claims["azp"] = value.clone();
        let subject = outcome(&issuer, &issuer.sign(Algorithm::ES256, Some("ec-1"), &claims)).await.unwrap();
        assert_eq!(subject.speaks_for(&ClientId::parse("pacs").unwrap()).is_some(), wanted, "{value}");
    }
}

#[tokio::test]
async fn a_file_is_read_again_when_it_changes_and_withdrawn_keys_go() {
    let issuer = Issuer::new();
    let bearer = issuer.bearer();
    let token = issuer.sign(Algorithm::ES256, Some("ec-1"), &claims());
    assert!(bearer.verify(&token, NOW).await.is_ok());
    issuer.publish(&[]);
    assert_eq!(bearer.verify(&token, NOW).await.err(), Some(BearerError::UnknownKey));
    issuer.publish(&issuer.keys());
    assert!(bearer.verify(&token, NOW).await.is_ok());
    std::fs::write(issuer.file.path(), "no set").unwrap();
    assert_eq!(bearer.verify(&token, NOW).await.err(), Some(BearerError::KeysUnavailable));
}

#[tokio::test]
async fn a_file_that_others_may_write_to_is_not_believed() {
    use std::os::unix::fs::PermissionsExt as _;
    let issuer = Issuer::new();
    let token = issuer.sign(Algorithm::ES256, Some("ec-1"), &claims());
    let set = |mode| std::fs::set_permissions(issuer.file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    for mode in [0o602, 0o620] {
        set(mode);
        let outcome = issuer.bearer().verify(&token, NOW).await;
        assert_eq!(outcome.err(), Some(BearerError::KeysUnavailable), "{mode:o}");
    }
    set(0o644);
    assert!(issuer.bearer().verify(&token, NOW).await.is_ok());
}
