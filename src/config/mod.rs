//! Configuration: the file as it was typed → [`Config`], the file as it is meant.
//!
//! # Invariants
//! - The environment is an argument; nothing here reads it from the process.
//! - All problems are reported together, each with its key, reason and example.
//! - No secret is in the file, in a [`Problem`], or in any `Debug` output.
//! - A [`Config`] that exists is consistent: paths are absolute, sizes and durations parsed and within bounds, and no
//!   listener off loopback is without TLS.

mod azure;
mod buckets;
mod clients;
mod keys;
mod listeners;
mod meant;
mod paths;
mod problem;
mod providers;
mod read;
mod rules;
mod secrets;
mod typed;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::model::{BucketRef, ClientId, Grant, ProviderName, Quota, TenantId};
use crate::secret::SecretText;

pub use problem::Problem;

/// Everything that an operator decides.
pub struct Config {
    /// Where the gateway keeps its own files; absolute.
    pub data_dir: PathBuf,
    /// The S3 front. One of the two fronts is there, or both.
    pub s3: Option<S3Listener>,
    /// The Azure Blob front.
    pub azure: Option<AzureListener>,
    /// Health and metrics.
    pub admin: Option<AdminListener>,
    /// How listeners are protected.
    pub tls: Tls,
    /// Where the catalog is.
    pub catalog: CatalogUrl,
    /// Who holds the root key.
    pub keys: Keys,
    /// Places for chunks; exactly one in this version.
    pub providers: Vec<Provider>,
    /// How objects are written.
    pub write: Write,
    /// How all chunks are looked at.
    pub scrub: Scrub,
    /// Bounds on connections.
    pub limits: Limits,
    /// The hospital systems that may connect.
    pub clients: Vec<Client>,
    /// Buckets that may not hold any amount.
    pub buckets: Vec<(BucketRef, Quota)>,
}

/// `[s3]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Listener {
    /// Address and port.
    pub listen: SocketAddr,
    /// Base domains of virtual-host style requests (`bucket.domain`), in lowercase.
    pub domains: Vec<String>,
    /// The only SigV4 region accepted; any when absent.
    pub region: Option<String>,
}

/// `[azure]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureListener {
    /// Address and port.
    pub listen: SocketAddr,
    /// Base domains of host-style requests (`account.blob.domain`, `account.domain`), in lowercase.
    pub domains: Vec<String>,
    /// How long what was deleted or overwritten, through either front, can be brought back; not at all when absent.
    pub soft_delete: Option<Duration>,
    /// `host` or `host:port`, in lowercase: where else than here copies may be fetched from, over HTTPS.
    pub copy_sources: Vec<String>,
    /// Whose tokens are believed; nobody's when absent.
    pub oidc: Option<Oidc>,
}

/// `[azure.oidc]`: who issues bearer tokens, and what is believed of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {
    /// What `iss` must be, to the letter.
    pub issuer: String,
    /// One of these must be among `aud`; at least one.
    pub audiences: Vec<String>,
    /// The issuer's public keys.
    pub jwks: JwksSource,
    /// The claim that says which application asks.
    pub claim: String,
    /// Its values → clients. The ids of clients that can use the Azure front are among the values.
    pub clients: BTreeMap<String, ClientId>,
}

/// `[azure.oidc] jwks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwksSource {
    /// A file; absolute.
    File(PathBuf),
    /// `https://…`, or `http://…` on loopback.
    Url {
        /// The address.
        url: Url,
        /// PEM: authorities of its certificate, beside the system's; absolute.
        ca: Option<PathBuf>,
    },
}

impl fmt::Display for JwksSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url { url, .. } => url.fmt(f),
        }
    }
}

/// `[admin]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdminListener {
    /// Address and port. Plain HTTP when this is loopback, TLS elsewhere.
    pub listen: SocketAddr,
}

/// `[tls]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// PEM files.
    Files {
        /// The certificate and its chain.
        certificate: PathBuf,
        /// Its private key.
        private_key: PathBuf,
        /// The authorities of client certificates: mutual TLS when present.
        client_ca: Option<PathBuf>,
    },
    /// Plain HTTP: every listener is on loopback.
    Off,
}

/// `[catalog] url`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogUrl {
    /// An SQLite file.
    Sqlite(PathBuf),
}

/// `[keys]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Who holds the root key.
    pub custodian: Custodian,
    /// How long unwrapped keys serve before the custodian is asked again.
    pub ttl: Duration,
}

/// `[keys] custodian`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Custodian {
    /// A root key in a file.
    File {
        /// The file.
        path: PathBuf,
    },
}

/// `[[provider]]`.
pub struct Provider {
    /// Its name, stored in the catalog.
    pub name: ProviderName,
    /// Its protocol and credentials.
    pub kind: ProviderKind,
    /// The deadline of one request.
    pub timeout: Duration,
    /// How many requests may be under way at once.
    pub connections: usize,
    /// PEM: authorities of the provider's certificate, beside the system's; absolute.
    pub ca: Option<PathBuf>,
}

/// `[[provider]] kind`, with what belongs to it.
pub enum ProviderKind {
    /// Azure Blob Storage.
    Azure {
        /// The storage account.
        account: String,
        /// The container.
        container: String,
        /// The account key, base64.
        key: SecretText,
        /// Another address than the public cloud's.
        endpoint: Option<Url>,
    },
    /// Amazon S3, or a service that speaks its protocol.
    S3 {
        /// The bucket.
        bucket: String,
        /// The region that requests are signed for.
        region: String,
        /// Another address than Amazon's; the bucket is then in the path.
        endpoint: Option<Url>,
        /// The access key's id.
        access_key_id: String,
        /// The access key's secret.
        secret_access_key: SecretText,
    },
    /// Google Cloud Storage.
    Gcs {
        /// The bucket.
        bucket: String,
        /// The service account's key, JSON.
        credentials: SecretText,
    },
    /// A local folder.
    Dir {
        /// The folder; absolute.
        path: PathBuf,
    },
}

/// `[write]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// How many providers must hold a chunk before the client is told.
    pub min_copies: usize,
    /// What a new object's ETag is.
    pub etag: Etag,
    /// Whether sizes are hidden.
    pub padding: Padding,
    /// The memory budget for data on its way, in bytes.
    pub memory: u64,
    /// How long a deleted chunk waits before it goes, so that reads under way can end.
    pub grace: Duration,
    /// How long after it was stored a chunk may be unseen at the provider.
    pub late: Duration,
    /// How many chunks of one object are on their way at once.
    pub parallel_chunks: usize,
}

/// `[write] etag`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Etag {
    /// The MD5 of the plaintext, as S3 clients expect.
    Md5,
    /// A random value.
    Opaque,
}

/// `[write] padding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Padmé: at most 12 % more.
    Padme,
    /// Exact sizes.
    None,
}

/// `[scrub]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scrub {
    /// Within this time every chunk is looked at.
    pub within: Duration,
    /// Of so many chunks in a hundred every byte is read.
    pub sample: u8,
}

/// `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections of one listener at once.
    pub connections: usize,
    /// Of these, and of requests on them, of one client.
    pub connections_per_client: usize,
    /// Of these, from one address before anybody there has proved who it is.
    pub connections_per_address: usize,
    /// A TLS handshake takes no longer.
    pub handshake_timeout: Duration,
    /// A request's headers arrive within.
    pub header_timeout: Duration,
    /// A connection or a body that stands still is closed after.
    pub idle_timeout: Duration,
    /// A request's XML, or a batch, arrives whole within.
    pub small_body_timeout: Duration,
    /// Requests under way may end within, after SIGTERM.
    pub drain_timeout: Duration,
}

/// `[[client]]`.
pub struct Client {
    /// S3 access key id; Azure account name.
    pub id: ClientId,
    /// Whose namespace it works in.
    pub tenant: TenantId,
    /// S3 secret access key; in base64, Azure account key.
    pub secret: SecretText,
    /// How much it may have.
    pub quota: Quota,
    /// What it may do.
    pub allow: Vec<Grant>,
}

/// Why a client serves S3 only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum S3Only {
    /// Its id is no account name: 3 to 24 lowercase letters and digits.
    Id,
    /// Its secret is no account key: not base64.
    Secret,
}

impl Client {
    /// What keeps it from the Azure front, if anything does.
    ///
    /// Source: Azure "Storage account overview" (names), "Authorize with Shared Key" (keys).
    pub fn s3_only(&self) -> Option<S3Only> {
        if !azure::is_account_name(self.id.as_str()) {
            Some(S3Only::Id)
        } else if !azure::is_account_key(&self.secret) {
            Some(S3Only::Secret)
        } else {
            None
        }
    }
}

impl S3Only {
    /// The word that the texts choose by.
    pub fn word(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Secret => "secret",
        }
    }
}

impl Config {
    /// Reads the file at `path` under the overrides and secrets of `environment`.
    pub fn load(path: &Path, environment: &BTreeMap<String, String>) -> Result<Self, Vec<Problem>> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            vec![Problem::new("config-unreadable", "").arg("reason", secrets::reason(error.kind()))]
        })?;
        let folder = std::path::absolute(path)
            .ok()
            .and_then(|path| path.parent().map(Path::to_path_buf))
            .unwrap_or_else(|| PathBuf::from("/"));
        Self::from_text(&text, &folder, environment, &secrets::read_private_file)
    }

    /// Understands `text`. `folder` is where a relative `data_dir` begins; `read_file` reads the files of secrets and
    /// says why it does not.
    pub fn from_text(
        text: &str,
        folder: &Path,
        environment: &BTreeMap<String, String>,
        read_file: &dyn Fn(&Path) -> Result<SecretText, SecretRefused>,
    ) -> Result<Self, Vec<Problem>> {
        let read = read::read(text, environment)?;
        let surroundings = secrets::Surroundings { folder, environment, read_file };
        meant::understand(read, &surroundings)
    }
}

pub use secrets::SecretRefused;

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("data_dir", &self.data_dir)
            .field("s3", &self.s3)
            .field("azure", &self.azure)
            .field("admin", &self.admin)
            .field("tls", &self.tls)
            .field("catalog", &self.catalog)
            .field("keys", &self.keys)
            .field("providers", &self.providers.iter().map(|p| p.name.as_str()).collect::<Vec<_>>())
            .field("write", &self.write)
            .field("scrub", &self.scrub)
            .field("limits", &self.limits)
            .field("clients", &self.clients.iter().map(|c| c.id.as_str()).collect::<Vec<_>>())
            .field("buckets", &self.buckets)
            .finish()
    }
}
