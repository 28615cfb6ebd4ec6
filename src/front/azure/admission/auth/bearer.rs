//! Bearer tokens of the establishment's own identity provider (OpenID Connect): Keycloak, AD FS, …
//!
//! Sources: RFC 7519, RFC 8725 (best practices), RFC 9068; Azure "Authorize with Microsoft Entra ID".
//!
//! # Invariants
//! - Only signatures of public keys count: RS, PS and ES. `none` and HS are refused before a key is looked for.
//! - Issuer, audience and expiry must be there and must fit; a token with critical extensions is refused.
//! - A token speaks for a client only if the configuration maps its claim to that client.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::fault::{BearerError, BearerSetupError};
use super::jwks::{Jwks, KeySource};
use crate::model::{ClientId, Requirement, Standing, Timestamp};

/// What the configuration says about bearer tokens (`[azure.oidc]`).
#[derive(Debug, Clone)]
pub struct BearerSettings {
    /// `iss` of the tokens, letter by letter; also the address in the challenge.
    pub issuer: String,
    /// `aud` of the tokens: one of these. The first is told in the challenge.
    pub audiences: Vec<String>,
    /// Where the issuer's public keys are.
    pub jwks: Jwks,
    /// Certificates (PEM) to trust beside the system's, for a set at an `https` address.
    pub authorities: Option<Vec<u8>>,
    /// The claim that says who asks: `sub`, `azp`, `client_id`, `groups`, … A text, or a list of texts.
    pub claim: String,
    /// Its values, and the client that each speaks for, to begin with.
    pub clients: BTreeMap<String, ClientId>,
}

/// Verifies bearer tokens.
pub struct Bearer {
    settings: BearerSettings,
    clients: TokenClients,
    keys: KeySource,
}

/// For which clients tokens speak, by the value of the claim. It may be replaced while the front runs: whoever is no longer in
/// it is refused from the next request on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TokenClients(Arc<ArcSwap<BTreeMap<String, ClientId>>>);

impl TokenClients {
    /// Puts other clients in place of all.
    pub fn replace(&self, clients: BTreeMap<String, ClientId>) {
        self.0.store(Arc::new(clients));
    }
}

/// Whom a token is about.
#[derive(Debug)]
pub(super) struct Subject {
    /// `oid`, or `sub`.
    pub(super) oid: String,
    /// `tid`, or what follows from the issuer.
    pub(super) tid: String,
    /// Values of the claim that are mapped, each with its client.
    mapped: Vec<(String, ClientId)>,
}

impl Subject {
    /// By which value of the claim the token may act as this client; `None`: it may not.
    pub(super) fn speaks_for(&self, client: &ClientId) -> Option<&str> {
        self.mapped.iter().find(|(_, mapped)| mapped == client).map(|(value, _)| value.as_str())
    }
}

/// That a value of the claim is mapped to a client: who asks by it asks as long as the configuration maps it.
#[derive(Debug)]
pub(super) struct Mapping {
    clients: TokenClients,
    value: String,
    client: ClientId,
}

impl Standing for Mapping {
    fn allows(&self, _requirement: &Requirement<'_>) -> bool {
        self.clients.0.load().get(&self.value) == Some(&self.client)
    }
}

impl Bearer {
    /// Nothing is fetched until the first token comes.
    pub fn new(mut settings: BearerSettings) -> Result<Self, BearerSetupError> {
        let keys = KeySource::new(&settings.jwks, settings.authorities.as_deref())?;
        // What a reload replaces is in one place only.
        let clients = TokenClients(Arc::new(ArcSwap::from_pointee(std::mem::take(&mut settings.clients))));
        Ok(Self { settings, clients, keys })
    }

    /// For which clients tokens speak.
    pub fn clients(&self) -> TokenClients {
        self.clients.clone()
    }

    /// The values of the claim that are mapped to that client now.
    pub(super) fn values_of(&self, client: &ClientId) -> Vec<String> {
        let clients = self.clients.0.load();
        clients.iter().filter(|(_, mapped)| *mapped == client).map(|(value, _)| value.clone()).collect()
    }

    /// What holds as long as that value is mapped to that client.
    pub(super) fn mapping(&self, value: &str, client: &ClientId) -> Arc<dyn Standing> {
        Arc::new(Mapping { clients: self.clients(), value: value.to_owned(), client: client.clone() })
    }

    /// What `WWW-Authenticate` says: where tokens come from, and for what they must be.
    pub(super) fn challenge(&self) -> String {
        let resource = self.settings.audiences.first().map_or(STORAGE_AUDIENCE, String::as_str);
        let resource = resource.trim_end_matches('/');
        format!("Bearer authorization_uri={} resource_id={resource}", self.settings.issuer)
    }

    /// Whom a token speaks for.
    pub(super) async fn verify(&self, token: &str, now: Timestamp) -> Result<Subject, BearerError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(BearerError::Malformed);
        }
        let header = decode_header(token).map_err(|_cause| BearerError::Malformed)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(BearerError::Algorithm);
        }
        if header.crit.is_some() {
            return Err(BearerError::Malformed);
        }
        let key = self.keys.find(header.kid.as_deref()).await?;
        let key = DecodingKey::from_jwk(&key).map_err(|_cause| BearerError::UnknownKey)?;
        if key.family() != header.alg.family() {
            return Err(BearerError::Algorithm);
        }
        let claims = decode::<Map<String, Value>>(token, &key, &signature_only(header.alg));
        let claims = claims.map_err(|_cause| BearerError::Signature)?.claims;
        self.check(&claims, now)?;
        self.subject(&claims)
    }

    /// Lifetime, issuer, audience.
    fn check(&self, claims: &Map<String, Value>, now: Timestamp) -> Result<(), BearerError> {
        let seconds = |name| claims.get(name).map(|value| value.as_f64().unwrap_or(f64::NAN));
        // Seconds since 1970 are exact in an f64.
        let (now, leeway) = (now.seconds() as f64, LEEWAY.as_secs_f64());
        // A claim that is no number compares as false, both ways.
        if !seconds("exp").is_some_and(|at| now < at + leeway) {
            return Err(BearerError::Expired);
        }
        if !seconds("nbf").is_none_or(|at| now + leeway >= at) {
            return Err(BearerError::Early);
        }
        if claims.get("iss").and_then(Value::as_str) != Some(self.settings.issuer.as_str()) {
            return Err(BearerError::Issuer);
        }
        let accepted = |text: &str| self.settings.audiences.iter().any(|audience| audience == text);
        if !texts(claims.get("aud")).any(accepted) {
            return Err(BearerError::Audience);
        }
        Ok(())
    }

    fn subject(&self, claims: &Map<String, Value>) -> Result<Subject, BearerError> {
        let text = |name| claims.get(name).and_then(Value::as_str).filter(|text| is_name(text)).map(str::to_owned);
        let oid = text("oid").or_else(|| text("sub")).ok_or(BearerError::Subject)?;
        let tid = text("tid").unwrap_or_else(|| directory(&self.settings.issuer));
        let clients = self.clients.0.load();
        let mapped = texts(claims.get(&self.settings.claim))
            .filter_map(|value| clients.get(value).map(|client| (value.to_owned(), client.clone())));
        Ok(Subject { oid, tid, mapped: mapped.collect() })
    }
}

/// A claim that is a text, or a list of texts.
fn texts(claim: Option<&Value>) -> impl Iterator<Item = &str> {
    let list = claim.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    claim.and_then(Value::as_str).into_iter().chain(list.iter().filter_map(Value::as_str))
}

/// What may stand in a line of a string-to-sign and in XML.
fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A directory's id, in the form of one (a GUID), for issuers that tell none.
fn directory(issuer: &str) -> String {
    let text = hex::encode(Sha256::digest(issuer.as_bytes()));
    let piece = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    [piece(0, 8), piece(8, 12), piece(12, 16), piece(16, 20), piece(20, 32)].join("-")
}

/// The library checks the signature; the claims are checked here, against the clock of the request.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

/// The audience of tokens for Azure Storage.
const STORAGE_AUDIENCE: &str = "https://storage.azure.com";
const ALGORITHMS: [Algorithm; 8] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
];
const LEEWAY: Duration = Duration::from_secs(60);
const MAX_TOKEN_BYTES: usize = 16 * 1024;
const MAX_NAME_BYTES: usize = 256;

#[cfg(test)]
#[path = "bearer_tests.rs"]
pub(super) mod tests;
