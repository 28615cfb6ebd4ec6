//! The gateway of [`World`] with the Azure front beside the S3 front, on a loopback socket of its own, and requests made by
//! hand.

use std::sync::Arc;
use std::time::Duration;

use ecluse::front::azure::{AzureFront, AzureSettings};
use ecluse::front::s3::S3Settings;
use ecluse::front::server::{Limits, serve};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::azure::shared_key::{Account, Request};
use crate::azure::wire::{self, Answer};
use crate::s3::world::{SECRET, World};

/// Both fronts on one gateway. Clients are those of [`World`]; the container `imaging` is there.
pub struct AzureWorld {
    pub s3: World,
    /// `127.0.0.1:PORT` of the Azure front.
    pub host: String,
    pub pacs: Account,
    pub viewer: Account,
    pub courier: Account,
    pub writer: Account,
    pub stranger: Account,
    _stop: tokio_util::sync::DropGuard,
}

impl AzureWorld {
    pub async fn start() -> Self {
        Self::with(AzureSettings::default()).await
    }

    pub async fn with(settings: AzureSettings) -> Self {
        let s3 = World::retaining(S3Settings::default(), 1, settings.soft_delete).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let stop = CancellationToken::new();
        let front = AzureFront::new(Arc::clone(&s3.gateway), settings);
        // What never ends by itself ends soon enough for a test.
        let limits =
            Limits { header: Duration::from_secs(5), request_stall: Duration::from_secs(3), ..Limits::default() };
        tokio::spawn(serve("azure", listener, None, limits, front, stop.clone()));
        let account = |name| Account::new(name, SECRET);
        Self {
            s3,
            host,
            pacs: account("pacs"),
            viewer: account("viewer"),
            courier: account("courier"),
            writer: account("writer"),
            stranger: account("stranger"),
            _stop: stop.drop_guard(),
        }
    }

    /// A request of `pacs`, not signed yet. The path is decoded.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(&self.pacs, method, path)
    }

    /// Signs as `pacs` and sends.
    pub async fn send(&self, request: Request) -> Answer {
        self.raw(&self.pacs.sign(request)).await
    }

    /// Sends as it is.
    pub async fn raw(&self, request: &Request) -> Answer {
        wire::send(&self.host, request).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    pub async fn head(&self, path: &str) -> Answer {
        self.send(self.request("HEAD", path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request("DELETE", path)).await
    }

    /// Put Blob.
    pub async fn put(&self, path: &str, body: &[u8]) -> Answer {
        self.send(self.put_blob(path, body)).await
    }

    pub fn put_blob(&self, path: &str, body: &[u8]) -> Request {
        self.request("PUT", path).header("x-ms-blob-type", "BlockBlob").body(body)
    }

    /// With a SAS instead of a key.
    pub async fn with_sas(&self, request: Request, sas: &[(String, String)]) -> Answer {
        let mut request = request.header("x-ms-version", crate::azure::shared_key::VERSION);
        request.query.extend(sas.iter().cloned());
        self.raw(&request).await
    }
}
