//! The three kinds of provider that tests put behind the gateway, made ready.

use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::{ObjectStore, RetryConfig};
use tempfile::TempDir;

use crate::process::{Options, Provider};
use crate::provider::azurite::{self, Azurite};
use crate::provider::s3_server::S3Server;

/// The bucket or container that chunks go to.
pub const SEALED: &str = "sealed";

/// A kind of provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A folder.
    Folder,
    /// A real S3 server.
    S3,
    /// Azurite.
    Azurite,
}

/// A provider that runs.
pub enum Provision {
    /// A folder: the gateway process makes it.
    Folder,
    /// The server, and its folder.
    S3(S3Server, TempDir),
    /// Azurite.
    Azurite(Box<Azurite>),
}

impl Provision {
    /// Starts the server, if one is needed, and makes the bucket or container [`SEALED`] in it.
    pub async fn make(place: Place) -> Self {
        match place {
            Place::Folder => Self::Folder,
            Place::S3 => {
                let folder = tempfile::tempdir().expect("a folder");
                let server = S3Server::start(folder.path()).await;
                Self::S3(server, folder)
            }
            Place::Azurite => Self::Azurite(Box::new(Azurite::start().await)),
        }
    }

    /// Where the provider listens, for a recorder to stand before it.
    pub fn endpoint(&self) -> &str {
        match self {
            Self::Folder => "",
            Self::S3(server, _) => &server.endpoint,
            Self::Azurite(azurite) => &azurite.endpoint,
        }
    }

    /// Options of a gateway whose chunks go there.
    pub fn options(&self) -> Options {
        self.options_through(self.endpoint())
    }

    /// The same, through something that stands before the provider.
    pub fn options_through(&self, endpoint: &str) -> Options {
        let endpoint = endpoint.to_owned();
        Options::with(match self {
            Self::Folder => Provider::Folder,
            Self::S3(server, _) => Provider::S3 {
                endpoint,
                bucket: SEALED.into(),
                access_key: server.access_key.clone(),
                secret_key: server.secret.clone(),
            },
            Self::Azurite(_) => Provider::Azure {
                endpoint,
                container: SEALED.into(),
                account: azurite::ACCOUNT.into(),
                key: azurite::KEY.into(),
            },
        })
    }

    /// A client of the provider itself, without the gateway, through `endpoint`. It tries once.
    ///
    /// # Panics
    /// For a folder.
    pub fn direct(&self, endpoint: &str) -> Box<dyn ObjectStore> {
        let retry = RetryConfig { max_retries: 0, retry_timeout: Duration::from_secs(1), ..RetryConfig::default() };
        match self {
            Self::Folder => panic!("a folder needs no client"),
            Self::S3(server, _) => Box::new(
                AmazonS3Builder::new()
                    .with_endpoint(endpoint)
                    .with_allow_http(true)
                    .with_region("us-east-1")
                    .with_bucket_name(SEALED)
                    .with_access_key_id(&server.access_key)
                    .with_secret_access_key(&server.secret)
                    .with_retry(retry)
                    .build()
                    .expect("a client"),
            ),
            Self::Azurite(_) => Box::new(
                MicrosoftAzureBuilder::new()
                    .with_endpoint(endpoint.to_owned())
                    .with_allow_http(true)
                    .with_container_name(SEALED)
                    .with_account(azurite::ACCOUNT)
                    .with_access_key(azurite::KEY)
                    .with_retry(retry)
                    .build()
                    .expect("a client"),
            ),
        }
    }
}
