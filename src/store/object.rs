//! Chunks in anything that `object_store` reaches.
//!
//! # Invariants
//! - A provider sees a chunk's name, its sealed bytes and their MD5, `application/octet-stream` and the user agent
//!   `ecluse`. What it answers to a put is compared (`receipt.rs`).
//! - Credentials are those of the configuration: neither the environment nor an instance's metadata is asked. (A proxy
//!   named by `HTTPS_PROXY` is used, as by every HTTP client; it sees TLS.)
//! - Plain HTTP goes to loopback only. Certificates are always checked. Redirects are not followed.
//! - Retrying is the guard's business.

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures::StreamExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions,
    PutPayload, RetryConfig,
};
use url::{Host, Url};

use super::azure_key::AzureKey;
use super::error::Cause;
use super::folder::Folder;
use super::receipt::{Sent, Told, Trust};
use super::wire::{self, Connector, Outcome, Purpose};
use super::{Attempts, ChunkStore, ChunkStream, Consent, Created, Listed, NamePage, StoreError, memory};
use crate::model::{ChunkName, Timestamp};
use crate::secret::{SecretBytes, SecretText};

/// How to reach a provider.
pub enum ProviderSpec {
    /// Azure Blob Storage, with a Shared Key.
    Azure {
        /// The storage account.
        account: String,
        /// The container; it must exist.
        container: String,
        /// The account key, base64.
        key: SecretText,
        /// Where the account is, e.g. `http://127.0.0.1:10000/devstoreaccount1`; `None` for Azure's public cloud.
        endpoint: Option<String>,
        /// More root certificates to trust, PEM.
        ca: Option<Vec<u8>>,
    },
    /// S3 or a service that speaks it.
    S3 {
        /// The bucket; it must exist.
        bucket: String,
        /// The region that requests are signed for.
        region: String,
        /// Where the service is; `None` for AWS.
        endpoint: Option<String>,
        /// The access key id.
        access_key_id: String,
        /// The secret access key.
        secret_access_key: SecretText,
        /// Whether the bucket stands in the path (usual with an `endpoint`) or in the host name.
        path_style: bool,
        /// More root certificates to trust, PEM.
        ca: Option<Vec<u8>>,
    },
    /// Google Cloud Storage.
    Gcs {
        /// The bucket; it must exist.
        bucket: String,
        /// The service account's key file, JSON.
        service_account_key: SecretText,
        /// Where the service is; `None` for Google's.
        endpoint: Option<String>,
        /// More root certificates to trust, PEM.
        ca: Option<Vec<u8>>,
    },
    /// A local folder.
    Dir {
        /// The folder.
        path: PathBuf,
        /// What for.
        access: FolderAccess,
    },
}

/// What a folder is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderAccess {
    /// To be used by this process alone. Created (mode 0700) if it is missing.
    Make,
    /// To be used by this process alone. It must be there: in the place of a disk that is not mounted no folder is made.
    Own,
    /// To be read beside another process that uses it: nothing is locked, and every write is refused.
    Look,
}

/// Why a provider cannot be used as configured. Nothing has been sent to it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The endpoint is not a plain URL.
    #[error("the endpoint is not an http or https URL without user, query and fragment")]
    Endpoint,
    /// Plain HTTP to another machine.
    #[error("plain HTTP is accepted for loopback endpoints only; use https")]
    PlainHttp,
    /// The root certificates cannot be read.
    #[error("the root certificate is not PEM")]
    Certificate,
    /// The credentials cannot be right.
    #[error("the credentials cannot be used: {0}")]
    Credentials(&'static str),
    /// Another process uses the folder, under this name or another.
    #[error("the folder is in use by another process")]
    InUse,
    /// The folder cannot be used.
    #[error("the folder cannot be used: {0}")]
    Folder(#[source] io::Error),
    /// The client cannot be built. The library's own words may repeat secrets, so they are left out.
    #[error("the provider's client cannot be built from these settings")]
    Client,
}

/// Chunks over `object_store`.
pub struct ObjectStoreChunks(Place);

/// Two chunks and a little. A disk that syncs more at a time is not faster, and whoever syncs a little waits for all of it.
const FOLDER_BYTES_AT_ONCE: u64 = 17 * 1024 * 1024;

enum Place {
    Remote(Remote),
    Folder(Folder),
}

/// A provider over HTTP.
struct Remote {
    store: Arc<dyn ObjectStore>,
    /// The same, for its lists.
    lister: Arc<dyn PaginatedListStore>,
    trust: Trust,
}

impl Place {
    fn remote(store: impl ObjectStore + PaginatedListStore) -> Self {
        let store = Arc::new(store);
        Self::Remote(Remote { store: Arc::clone(&store) as _, lister: store, trust: Trust::default() })
    }
}

impl Remote {
    /// Always one request: the largest chunk is far below what a single PUT may hold (5 GiB at S3 and GCS). And another
    /// one where the answer does not tell what was stored.
    async fn put(&self, name: &ChunkName, sealed: Bytes) -> Result<(), StoreError> {
        let mut options = PutOptions::default();
        options.extensions.insert(Sent::of(&sealed).await);
        let put = self.store.put_opts(&location(name), PutPayload::from_bytes(sealed.clone()), options).await;
        let answer = put.map_err(|error| failed(&error, Purpose::Write))?;
        match answer.extensions.get::<Told>() {
            Some(Told::Same) => {
                self.trust.tells();
                Ok(())
            }
            Some(Told::Different) => Err(StoreError::Mismatch),
            Some(Told::Nothing) | None if self.trust.believes() => Ok(()),
            Some(Told::Nothing) | None => {
                self.read_back(name, &sealed).await?;
                self.trust.proved();
                Ok(())
            }
        }
    }

    async fn names(&self, after: Option<&str>) -> Result<NamePage, StoreError> {
        let options = PaginatedListOptions {
            max_keys: Some(LIST_NAMES),
            page_token: after.map(str::to_owned),
            ..PaginatedListOptions::default()
        };
        let listed = self.lister.list_paginated(None, options).await.map_err(|error| match error {
            // One such name spoils its page; which, an operator finds with the provider's own tools.
            object_store::Error::InvalidPath { .. } => {
                StoreError::Refused(Box::new(Cause::new("a listed name has an empty segment, or one of dots")))
            }
            // Only the container can be missing.
            error => failed(&error, Purpose::Write),
        })?;
        let told = listed.result.objects.into_iter().map(|found| Listed {
            name: found.location.to_string(),
            modified: Timestamp(found.last_modified.timestamp_millis()),
        });
        Ok(NamePage { names: told.collect(), next: listed.page_token })
    }

    /// Fails unless the provider gives back what was sent. It may be late to see it.
    async fn read_back(&self, name: &ChunkName, sealed: &[u8]) -> Result<(), StoreError> {
        let mut pause = LATE_PAUSE;
        let found = loop {
            let error = match self.store.get_opts(&location(name), GetOptions::default()).await {
                Ok(found) => break found,
                Err(error) => failed(&error, Purpose::Read),
            };
            match error {
                StoreError::NotFound if pause <= LATE_LONGEST => tokio::time::sleep(pause).await,
                StoreError::NotFound => return Err(StoreError::Mismatch),
                other => return Err(other),
            }
            pause = pause.saturating_mul(2);
        };
        let (mut pieces, mut rest) = (found.into_stream(), sealed);
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| wire::interrupted(&error))?;
            rest = rest.strip_prefix(piece.as_ref()).ok_or(StoreError::Mismatch)?;
        }
        if rest.is_empty() { Ok(()) } else { Err(StoreError::Mismatch) }
    }
}

/// Names in a page of a list: what S3 gives at most.
const LIST_NAMES: usize = 1_000;

/// How long a chunk that was put a moment ago may be unseen when it is read back: first pause, and the longest.
const LATE_PAUSE: Duration = Duration::from_millis(100);
const LATE_LONGEST: Duration = Duration::from_millis(1600);

impl ObjectStoreChunks {
    /// Builds the client; asks the provider nothing. Of a folder it takes the lock.
    pub fn open(spec: ProviderSpec) -> Result<Self, OpenError> {
        let place = match spec {
            ProviderSpec::Dir { path, access } => Place::Folder(Folder::open(&path, access)?),
            ProviderSpec::Azure { account, container, key, endpoint, ca } => {
                azure(&account, &container, &key, endpoint.as_deref(), ca.as_deref())?
            }
            ProviderSpec::Gcs { bucket, service_account_key, endpoint, ca } => {
                gcs(&bucket, &service_account_key, endpoint.as_deref(), ca.as_deref())?
            }
            ProviderSpec::S3 { bucket, region, endpoint, access_key_id, secret_access_key, path_style, ca } => {
                if access_key_id.is_empty() || secret_access_key.expose().is_empty() {
                    return Err(OpenError::Credentials("the access key is empty"));
                }
                let endpoint = endpoint.as_deref().map(Endpoint::parse).transpose()?;
                let mut builder = AmazonS3Builder::new()
                    .with_bucket_name(&bucket)
                    .with_region(region)
                    .with_access_key_id(access_key_id)
                    .with_secret_access_key(secret_access_key.expose())
                    .with_virtual_hosted_style_request(!path_style)
                    .with_disable_bulk_delete(true)
                    .with_client_options(options(endpoint.as_ref()))
                    .with_retry(no_retries())
                    .with_http_connector(connector(endpoint.as_ref(), ca.as_deref())?);
                if let Some(endpoint) = &endpoint {
                    let virtual_host = (!path_style).then_some(bucket.as_str());
                    builder = builder.with_endpoint(endpoint.text(virtual_host)?);
                }
                Place::remote(builder.build().map_err(|_cause| OpenError::Client)?)
            }
        };
        Ok(Self(place))
    }
}

fn azure(
    account: &str,
    container: &str,
    key: &SecretText,
    endpoint: Option<&str>,
    ca: Option<&[u8]>,
) -> Result<Place, OpenError> {
    let not_base64 = || OpenError::Credentials("the account key is not base64");
    let decoded = BASE64_STANDARD.decode(key.expose()).map_err(|_cause| not_base64())?;
    if decoded.is_empty() {
        return Err(not_base64());
    }
    let signer = AzureKey::new(account.to_owned(), SecretBytes::new(decoded));
    let endpoint = endpoint.map(Endpoint::parse).transpose()?;
    let mut builder = MicrosoftAzureBuilder::new()
        .with_account(account)
        .with_container_name(container)
        .with_access_key(key.expose())
        .with_credential_type("access_key")
        .with_client_options(options(endpoint.as_ref()))
        .with_retry(no_retries())
        .with_http_connector(connector(endpoint.as_ref(), ca)?.signing(signer));
    if let Some(endpoint) = &endpoint {
        builder = builder.with_endpoint(endpoint.text(None)?);
    }
    Ok(Place::remote(builder.build().map_err(|_cause| OpenError::Client)?))
}

fn gcs(bucket: &str, key: &SecretText, endpoint: Option<&str>, ca: Option<&[u8]>) -> Result<Place, OpenError> {
    let fields: serde_json::Value = serde_json::from_str(key.expose())
        .map_err(|_cause| OpenError::Credentials("the service account key is not JSON"))?;
    // The library lets a key file switch authentication off and send everything elsewhere.
    if ["disable_oauth", "gcs_base_url"].iter().any(|field| fields.get(field).is_some()) {
        return Err(OpenError::Credentials("the service account key must not hold disable_oauth or gcs_base_url"));
    }
    let endpoint = Endpoint::parse(endpoint.unwrap_or("https://storage.googleapis.com"))?;
    let store = GoogleCloudStorageBuilder::new()
        .with_bucket_name(bucket)
        .with_service_account_key(key.expose())
        .with_base_url(&endpoint.text(None)?)
        .with_client_options(options(Some(&endpoint)))
        .with_retry(no_retries())
        .with_http_connector(connector(Some(&endpoint), ca)?)
        .build()
        .map_err(|_cause| OpenError::Credentials("the service account key cannot be used"))?;
    Ok(Place::remote(store))
}

/// A URL that we may send sealed chunks to.
struct Endpoint(Url);

impl Endpoint {
    fn parse(text: &str) -> Result<Self, OpenError> {
        let url = Url::parse(text).map_err(|_cause| OpenError::Endpoint)?;
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.has_host();
        let endpoint = Self(url);
        match endpoint.0.scheme() {
            "https" if plain => Ok(endpoint),
            "http" if plain && endpoint.is_loopback() => Ok(endpoint),
            "http" if plain => Err(OpenError::PlainHttp),
            _ => Err(OpenError::Endpoint),
        }
    }

    fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// As text without a slash at its end, with `bucket` before the host if asked.
    fn text(&self, bucket: Option<&str>) -> Result<String, OpenError> {
        let mut url = self.0.clone();
        if let (Some(bucket), Some(host)) = (bucket, self.0.host_str()) {
            url.set_host(Some(&format!("{bucket}.{host}"))).map_err(|_cause| OpenError::Endpoint)?;
        }
        Ok(url.as_str().trim_end_matches('/').to_owned())
    }
}

fn options(endpoint: Option<&Endpoint>) -> ClientOptions {
    ClientOptions::new()
        .with_default_content_type("application/octet-stream")
        .with_allow_http(endpoint.is_some_and(Endpoint::is_plain))
}

fn connector(endpoint: Option<&Endpoint>, ca: Option<&[u8]>) -> Result<Connector, OpenError> {
    let authorities = match ca {
        Some(pem) => reqwest::Certificate::from_pem_bundle(pem).map_err(|_cause| OpenError::Certificate)?,
        None => Vec::new(),
    };
    if ca.is_some() && authorities.is_empty() {
        return Err(OpenError::Certificate);
    }
    Connector::new(endpoint.is_some_and(Endpoint::is_plain), authorities).map_err(|_cause| OpenError::Client)
}

fn no_retries() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: 0, retry_timeout: Duration::ZERO }
}

#[async_trait]
impl ChunkStore for ObjectStoreChunks {
    async fn put(&self, name: &ChunkName, sealed: Bytes) -> Result<Attempts, StoreError> {
        match &self.0 {
            Place::Folder(folder) => folder.put(name, sealed).await?,
            Place::Remote(remote) => remote.put(name, sealed).await?,
        }
        Ok(Attempts::Answered)
    }

    async fn create(&self, name: &ChunkName, sealed: Bytes) -> Result<Created, StoreError> {
        match &self.0 {
            Place::Folder(folder) => folder.create(name, sealed).await,
            Place::Remote(Remote { store, .. }) => {
                let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
                match store.put_opts(&location(name), PutPayload::from_bytes(sealed), options).await {
                    Ok(_) => Ok(Created::Made),
                    Err(error) if wire::is_taken(&error) => Ok(Created::Exists),
                    Err(error) => Err(failed(&error, Purpose::Write)),
                }
            }
        }
    }

    /// A range that begins beyond the end gives an empty stream.
    async fn get(&self, name: &ChunkName, range: Range<u64>) -> Result<ChunkStream, StoreError> {
        if range.is_empty() {
            // A range of no bytes cannot be written in HTTP (RFC 9110 §14.1.1).
            return if self.exists(name).await? { Ok(memory::whole(Bytes::new())) } else { Err(StoreError::NotFound) };
        }
        match &self.0 {
            Place::Folder(folder) => folder.get(name, range).await,
            Place::Remote(Remote { store, .. }) => match store.get_opts(&location(name), only(range)).await {
                Ok(found) => {
                    Ok(found.into_stream().map(|piece| piece.map_err(|error| wire::interrupted(&error))).boxed())
                }
                Err(error) => match wire::judge(&error, Purpose::Read) {
                    Outcome::BeyondEnd => Ok(memory::whole(Bytes::new())),
                    Outcome::Failed(error) => Err(error),
                },
            },
        }
    }

    async fn delete(&self, name: &ChunkName, _consent: &Consent) -> Result<(), StoreError> {
        match &self.0 {
            Place::Folder(folder) => folder.delete(name).await,
            Place::Remote(Remote { store, .. }) => match store.delete(&location(name)).await {
                Ok(()) => Ok(()),
                Err(error) => match failed(&error, Purpose::Read) {
                    // Azure deletes in batches, whose inner answers do not tell a missing chunk from a missing
                    // container; a read does.
                    StoreError::NotFound => match self.exists(name).await? {
                        false => Ok(()),
                        true => Err(StoreError::unavailable(Cause::new("a deleted chunk is still there"))),
                    },
                    other => Err(other),
                },
            },
        }
    }

    /// Reads one byte: the answer to a HEAD has no body, and so cannot tell a missing chunk from a missing bucket. What is
    /// said of the range says how long the whole is.
    async fn length(&self, name: &ChunkName) -> Result<Option<u64>, StoreError> {
        match &self.0 {
            Place::Folder(folder) => folder.length(name).await,
            Place::Remote(Remote { store, .. }) => match store.get_opts(&location(name), only(0..1)).await {
                Ok(found) => Ok(Some(found.meta.size)),
                Err(error) => match wire::judge(&error, Purpose::Read) {
                    Outcome::BeyondEnd => Ok(Some(0)),
                    Outcome::Failed(StoreError::NotFound) => Ok(None),
                    Outcome::Failed(other) => Err(other),
                },
            },
        }
    }

    async fn exists(&self, name: &ChunkName) -> Result<bool, StoreError> {
        Ok(self.length(name).await?.is_some())
    }

    async fn names(&self, after: Option<&str>) -> Result<NamePage, StoreError> {
        match &self.0 {
            Place::Folder(folder) => folder.names(after).await,
            Place::Remote(remote) => remote.names(after).await,
        }
    }

    async fn probe(&self) -> Result<(), StoreError> {
        match &self.0 {
            Place::Folder(folder) => folder.present().await,
            Place::Remote(_) => self.exists(&ChunkName([0; 20])).await.map(|_there| ()),
        }
    }

    fn put_bytes_at_once(&self) -> u64 {
        match &self.0 {
            Place::Folder(_) => FOLDER_BYTES_AT_ONCE,
            Place::Remote(_) => u64::MAX,
        }
    }

    async fn tidy(&self) -> Result<(), StoreError> {
        match &self.0 {
            Place::Folder(folder) => folder.tidy().await,
            Place::Remote(_) => Ok(()),
        }
    }
}

fn location(name: &ChunkName) -> Path {
    Path::from(name.to_string())
}

fn only(range: Range<u64>) -> GetOptions {
    GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() }
}

fn failed(error: &object_store::Error, purpose: Purpose) -> StoreError {
    match wire::judge(error, purpose) {
        Outcome::Failed(error) => error,
        Outcome::BeyondEnd => StoreError::unavailable(Cause::new("HTTP 416 without a range")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only() {
        for url in ["http://127.0.0.1:9000", "http://127.8.8.8", "http://[::1]:1/", "http://localhost:10000/account"] {
            assert!(Endpoint::parse(url).is_ok(), "{url}");
        }
        for url in ["http://192.0.2.1", "http://localhost.example", "http://127.0.0.1.example:80", "http://[::2]"] {
            assert!(matches!(Endpoint::parse(url), Err(OpenError::PlainHttp)), "{url}");
        }
        assert!(Endpoint::parse("https://storage.example").is_ok());
    }

    #[test]
    fn an_endpoint_with_a_user_a_query_or_another_scheme_is_refused() {
        for url in
            ["https://user:word@a.example", "https://a.example/?sig=x", "https://a.example/#x", "ftp://a", "a", ""]
        {
            assert!(matches!(Endpoint::parse(url), Err(OpenError::Endpoint)), "{url}");
        }
    }

    #[test]
    fn a_bucket_in_the_host_name_goes_before_the_endpoint() {
        let endpoint = Endpoint::parse("https://s3.example:9000/").unwrap();
        assert_eq!(endpoint.text(Some("sealed")).unwrap(), "https://sealed.s3.example:9000");
        assert_eq!(endpoint.text(None).unwrap(), "https://s3.example:9000");
    }

    #[test]
    fn a_gcs_key_cannot_switch_authentication_off() {
        for key in [r#"{"disable_oauth":true}"#, r#"{"gcs_base_url":"http://192.0.2.1"}"#, "no json", "{}"] {
            let spec = ProviderSpec::Gcs {
                bucket: "sealed".into(),
                service_account_key: SecretText::new(key.into()),
                endpoint: None,
                ca: None,
            };
            assert!(matches!(ObjectStoreChunks::open(spec), Err(OpenError::Credentials(_))), "{key}");
        }
    }

    #[test]
    fn a_gcs_key_as_google_makes_it_is_accepted() {
        use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
        use aws_lc_rs::rsa::{KeyPair, KeySize};
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        // In two pieces, so that no scanner takes this file for one that holds a key.
        let label = ["PRIVATE", "KEY"].join(" ");
        let private_key =
            format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(der.as_ref()));
        let key = serde_json::json!({
            "type": "service_account",
            "private_key_id": "1",
            "private_key": private_key,
            "client_email": "ecluse@example.iam.gserviceaccount.com",
        });
        let spec = ProviderSpec::Gcs {
            bucket: "sealed".into(),
            service_account_key: SecretText::new(key.to_string()),
            endpoint: None,
            ca: None,
        };
        assert!(ObjectStoreChunks::open(spec).is_ok());
    }
}
