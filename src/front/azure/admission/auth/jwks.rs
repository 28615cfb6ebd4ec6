//! The issuer's public keys: from a file, or from an address, kept for a while.
//!
//! # Invariants
//! - A token with a key that is not known asks the issuer again, but all such tokens together no more often than
//!   [`ASK_AGAIN`]: nobody can make the gateway call its issuer at will.
//! - A key that is known serves without waiting. No lock is held while the issuer is asked, and who needs a key that is not
//!   known waits for one question at most.
//! - No redirect is followed, no more than [`MAX_SET_BYTES`] is read, and everything has a deadline.
//! - Keys that were fetched are not believed longer than [`MAX_AGE`]: what the issuer withdrew goes.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use tokio::sync::watch;
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
    /// What is known: replaced as a whole, read without waiting.
    kept: Arc<ArcSwap<Kept>>,
    /// Never held across an await.
    asking: StdMutex<Asking>,
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
    /// Of a file, when it was read: when it had been changed, and its length.
    stamp: Option<(SystemTime, u64)>,
}

/// The last question to the issuer.
#[derive(Default)]
struct Asking {
    at: Option<Timestamp>,
    /// It has ended when the sender is gone.
    under_way: Option<watch::Receiver<()>>,
}

impl KeySource {
    pub(super) fn new(jwks: &Jwks, authorities: Option<&[u8]>) -> Result<Self, BearerSetupError> {
        let place = match jwks {
            Jwks::File(path) => Place::File(path.clone()),
            Jwks::Url(url) => Place::Address { client: client(url, authorities)?, url: url.clone() },
        };
        Ok(Self { place, kept: Arc::default(), asking: StdMutex::default() })
    }

    /// The key with that id; of a set with one key, that one also for a token without an id.
    pub(super) async fn find(&self, id: Option<&str>) -> Result<Jwk, BearerError> {
        let kept = match &self.place {
            Place::File(path) => self.reread(path).await?,
            Place::Address { client, url } => self.fetched(client, url, id).await?,
        };
        pick(&kept.keys, id).cloned().ok_or(BearerError::UnknownKey)
    }

    /// What is known of an issuer's set. A key that is known serves at once, even while the issuer is asked; one that is not
    /// waits for one question at most, which all share that wait.
    async fn fetched(&self, client: &reqwest::Client, url: &Url, id: Option<&str>) -> Result<Arc<Kept>, BearerError> {
        let (kept, now) = (self.kept.load_full(), Timestamp::steady());
        let known = kept.is_believed(now) && pick(&kept.keys, id).is_some();
        if known {
            if kept.had_at.is_none_or(|at| passed(at, now, FRESH)) {
                // Nobody waits for it: what is known is believed for a while.
                drop(self.ask(client, url, now));
            }
            return Ok(kept);
        }
        if let Some(mut under_way) = self.ask(client, url, now) {
            // An error: it has ended.
            let _ended = under_way.changed().await;
        }
        let kept = self.kept.load_full();
        if kept.is_believed(Timestamp::steady()) { Ok(kept) } else { Err(BearerError::KeysUnavailable) }
    }

    /// Asks the issuer, unless that is under way or was done lately; gives what to wait for. The question goes on without those
    /// who wait: a client that leaves takes nothing from the others.
    fn ask(&self, client: &reqwest::Client, url: &Url, now: Timestamp) -> Option<watch::Receiver<()>> {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(under_way) = asking.under_way.as_ref().filter(|under_way| under_way.has_changed().is_ok()) {
            return Some(under_way.clone());
        }
        if !asking.at.is_none_or(|at| passed(at, now, ASK_AGAIN)) {
            return None;
        }
        let (done, under_way) = watch::channel(());
        (asking.at, asking.under_way) = (Some(now), Some(under_way.clone()));
        let (client, url, kept) = (client.clone(), url.clone(), Arc::clone(&self.kept));
        tokio::spawn(async move {
            match fetch(&client, &url).await {
                Ok(keys) => kept.store(Arc::new(Kept { keys, had_at: Some(now), stamp: None })),
                // Keys that are not old go on serving.
                Err(cause) => tracing::warn!(cause, "the OIDC issuer's keys could not be fetched"),
            }
            drop(done);
        });
        Some(under_way)
    }

    /// Reads the file if it is not the one that was read. A file that cannot be read has no keys.
    async fn reread(&self, path: &Path) -> Result<Arc<Kept>, BearerError> {
        let stamp = match tokio::fs::metadata(path).await {
            Ok(metadata) => metadata.modified().ok().map(|modified| (modified, metadata.len())),
            Err(_) => None,
        };
        let kept = self.kept.load_full();
        if stamp.is_some() && stamp == kept.stamp {
            return Ok(kept);
        }
        match read(path).await {
            Ok(keys) => {
                let kept = Arc::new(Kept { keys, had_at: None, stamp });
                self.kept.store(Arc::clone(&kept));
                Ok(kept)
            }
            Err(cause) => {
                self.kept.store(Arc::default());
                tracing::warn!(cause, "the file with the OIDC issuer's keys could not be read");
                Err(BearerError::KeysUnavailable)
            }
        }
    }
}

impl Kept {
    fn is_believed(&self, now: Timestamp) -> bool {
        self.had_at.is_some_and(|at| !passed(at, now, MAX_AGE))
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
    let mode = file.metadata().await.map_err(|_cause| "it cannot be read")?.permissions().mode();
    if mode & 0o022 != 0 {
        // Whoever may write to it says whose tokens are believed.
        return Err("others may write to it");
    }
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
/// When an answer is asked for anew, while it serves still.
const FRESH: Duration = Duration::from_secs(1800);
/// How long an answer is believed.
const MAX_AGE: Duration = Duration::from_secs(3600);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const WHOLE_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
#[path = "jwks_tests.rs"]
mod tests;
