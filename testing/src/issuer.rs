//! An issuer of bearer tokens with one key (ES256), as a hospital's Keycloak would be one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use ecluse::front::azure::{Bearer, BearerSettings, Jwks};
use ecluse::model::ClientId;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;

pub const ISSUER: &str = "https://login.hospital.example/realms/systems";
pub const AUDIENCE: &str = "https://storage.azure.com/";
/// What `azp` says in the tokens.
pub const APPLICATION: &str = "imaging-service";

pub struct Issuer {
    key: EncodingKey,
    folder: tempfile::TempDir,
}

impl Issuer {
    pub fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let key = EncodingKey::from_ec_der(pair.to_pkcs8v1().expect("its form").as_ref());
        let mut published = Jwk::from_encoding_key(&key, Algorithm::ES256).expect("its public half");
        published.common.key_id = Some("one".into());
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("jwks.json"), json!({ "keys": [published] }).to_string()).expect("a file");
        Self { key, folder }
    }

    /// What it publishes.
    pub fn keys(&self) -> PathBuf {
        self.folder.path().join("jwks.json")
    }

    /// A gateway's settings under which its tokens speak for `client`.
    pub fn bearer(&self, client: &str) -> Bearer {
        let clients = BTreeMap::from([(APPLICATION.to_owned(), ClientId::parse(client).expect("a client"))]);
        let (issuer, audiences) = (ISSUER.to_owned(), vec![AUDIENCE.to_owned()]);
        let settings = BearerSettings {
            issuer,
            audiences,
            jwks: Jwks::File(self.keys()),
            authorities: None,
            claim: "azp".into(),
            clients,
        };
        Bearer::new(settings).expect("settings")
    }

    /// A token for five minutes.
    pub fn token(&self) -> String {
        self.token_of(APPLICATION)
    }

    /// The same of another application.
    pub fn token_of(&self, application: &str) -> String {
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "azp": application, "sub": "00000000-aaaa-4bbb-8ccc-000000000001",
            "iat": now - 5, "nbf": now - 5, "exp": now + 300,
        });
        let header = Header { kid: Some("one".into()), ..Header::new(Algorithm::ES256) };
        encode(&header, &claims, &self.key).expect("a token")
    }
}
