//! The issuer's public keys: from a file, or from an address, kept for a while.
//!
//! # Invariants
//! - A token with a key that is not known asks the issuer again, but all such tokens together no more often than
//!   [`ASK_AGAIN`]: nobody can make the gateway call its issuer at will.
//! - No redirect is followed, no more than [`MAX_SET_BYTES`] is read, and everything has a deadline.
//! - Keys that were fetched are not believed longer than [`MAX_AGE`]: what the issuer withdrew goes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use tokio::sync::Mutex;
use url::{Host, Url};

use super::fault::{BearerError, BearerSetupError};
use crate::model::Timestamp;

/// Where a set of public keys is (RFC 7517 §5).
#[derive(Debug, Clone)]
pub enum Jwks {
    /// A file; read again when it changes.
    File(PathBuf),
    /// An address: `https`, or `http` on loopback.
    Url(Url),
}

/// A source of keys, and what it gave last.
pub(super) struct KeySource {
    place: Place,
    /// Held across the await of a fetch: tokens that need it wait for one, and do not each begin one.
    kept: Mutex<Kept>,
}

enum Place {
    File(PathBuf),
    Address { client: reqwest::Client, url: Url },
}

/// What is known, and since when. Times are of the steady clock.
#[derive(Default)]
struct Kept {
    keys: Arc<[Jwk]>,
    had_at: Option<Timestamp>,
    asked_at: Option<Timestamp>,
    /// Of a file, when it was read: when it had been changed, and its length.
    stamp: Option<(SystemTime, u64)>,
}

impl KeySource {
    pub(super) fn new(jwks: &Jwks, authorities: Option<&[u8]>) -> Result<Self, BearerSetupError> {
        let place = match jwks {
            Jwks::File(path) => Place::File(path.clone()),
            Jwks::Url(url) => Place::Address { client: client(url, authorities)?, url: url.clone() },
        };
        Ok(Self { place, kept: Mutex::default() })
    }

    /// The key with that id; of a set with one key, that one also for a token without an id.
    pub(super) async fn find(&self, id: Option<&str>) -> Result<Jwk, BearerError> {
        let mut kept = self.kept.lock().await;
        match &self.place {
            Place::File(path) => kept.reread(path).await?,
            Place::Address { client, url } => {
                let now = Timestamp::steady();
                let old = kept.had_at.is_none_or(|at| passed(at, now, MAX_AGE));
                if old {
                    kept.keys = Arc::default();
                }
                let may_ask = kept.asked_at.is_none_or(|at| passed(at, now, ASK_AGAIN));
                if (old || pick(&kept.keys, id).is_none()) && may_ask {
                    kept.asked_at = Some(now);
                    match fetch(client, url).await {
                        Ok(keys) => (kept.keys, kept.had_at) = (keys, Some(now)),
                        // Keys that are not old go on serving.
                        Err(cause) => tracing::warn!(cause, "the OIDC issuer's keys could not be fetched"),
                    }
                }
                if kept.had_at.is_none_or(|at| passed(at, now, MAX_AGE)) {
                    return Err(BearerError::KeysUnavailable);
                }
            }
        }
        pick(&kept.keys, id).cloned().ok_or(BearerError::UnknownKey)
    }
}

impl Kept {
    /// Reads the file if it is not the one that was read. A file that cannot be read has no keys.
    async fn reread(&mut self, path: &Path) -> Result<(), BearerError> {
        let fresh = match tokio::fs::metadata(path).await {
            Ok(metadata) => metadata.modified().ok().map(|modified| (modified, metadata.len())),
            Err(_) => None,
        };
        if fresh.is_some() && fresh == self.stamp {
            return Ok(());
        }
        (self.keys, self.stamp) = (Arc::default(), None);
        match read(path).await {
            Ok(keys) => {
                (self.keys, self.stamp) = (keys, fresh);
                Ok(())
            }
            Err(cause) => {
                tracing::warn!(cause, "the file with the OIDC issuer's keys could not be read");
                Err(BearerError::KeysUnavailable)
            }
        }
    }
}

fn passed(since: Timestamp, now: Timestamp, time: Duration) -> bool {
    since.plus(time) <= now
}

fn pick<'k>(keys: &'k [Jwk], id: Option<&str>) -> Option<&'k Jwk> {
    match (id, keys) {
        (Some(id), _) => keys.iter().find(|key| key.common.key_id.as_deref() == Some(id)),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

async fn read(path: &Path) -> Result<Arc<[Jwk]>, &'static str> {
    let file = tokio::fs::File::open(path).await.map_err(|_cause| "it cannot be opened")?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_SET_BYTES + 1).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut bytes).await.map_err(|_cause| "it cannot be read")?;
    if bytes.len() > MAX_SET_BYTES {
        return Err("it is too long");
    }
    parse(&bytes).ok_or("it is no set of keys (RFC 7517)")
}

async fn fetch(client: &reqwest::Client, url: &Url) -> Result<Arc<[Jwk]>, &'static str> {
    let mut answer = client.get(url.clone()).send().await.map_err(|_cause| "no answer")?;
    if answer.status() != http::StatusCode::OK {
        return Err("an answer other than 200");
    }
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|_cause| "the answer broke off")? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MAX_SET_BYTES {
            return Err("the answer is too long");
        }
    }
    parse(&bytes).ok_or("the answer is no set of keys (RFC 7517)")
}

/// The keys of a set that can sign. Keys of kinds that are not known are passed over (RFC 7517 §5).
fn parse(text: &[u8]) -> Option<Arc<[Jwk]>> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let set: Set = serde_json::from_slice(text).ok()?;
    let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    Some(keys.filter(signs).collect())
}

fn signs(key: &Jwk) -> bool {
    let public = matches!(key.algorithm, AlgorithmParameters::RSA(_) | AlgorithmParameters::EllipticCurve(_));
    public && key.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
}

fn client(url: &Url, authorities: Option<&[u8]>) -> Result<reqwest::Client, BearerSetupError> {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let plain = url.scheme() == "http" && loopback;
    if !plain && url.scheme() != "https" {
        return Err(BearerSetupError::Address);
    }
    let authorities = match authorities {
        Some(pem) => reqwest::Certificate::from_pem_bundle(pem).map_err(|_cause| BearerSetupError::Authorities)?,
        None => Vec::new(),
    };
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .https_only(!plain)
        .no_proxy()
        .tls_certs_merge(authorities)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(WHOLE_TIMEOUT)
        .build()
        .map_err(|_cause| BearerSetupError::Client)
}

/// Longest set of keys, in bytes.
const MAX_SET_BYTES: usize = 1 << 20;
/// Least time between two questions to the issuer.
const ASK_AGAIN: Duration = Duration::from_secs(30);
/// How long an answer is believed.
const MAX_AGE: Duration = Duration::from_secs(3600);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const WHOLE_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
#[path = "jwks_tests.rs"]
mod tests;
