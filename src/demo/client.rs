//! The hospital's side: an ordinary S3 client and an ordinary Azure Blob client, over TLS, trusting the demonstration's
//! authority and nobody else.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use http::Method;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::azure::{MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::client::{HttpClient, HttpConnector, HttpRequestBody, ReqwestConnector};
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{
    Attribute, Attributes, Certificate, ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt, PutOptions,
};

use super::directory::Setup;
use super::records::Record;
use super::{BUCKET, CLIENT, DemoError, Served};

/// A client of the demonstration's gateway.
pub(super) struct HospitalClient {
    s3: AmazonS3,
    azure: MicrosoftAzure,
    http: HttpClient,
}

/// What came back of a record.
#[derive(Debug, Clone)]
pub(super) struct Returned {
    /// The bytes.
    pub(super) content: Bytes,
    /// The content type.
    pub(super) content_type: Option<String>,
}

/// The base URL under which a client on this machine reaches a listener.
pub(super) fn endpoint(listener: SocketAddr) -> String {
    let host = match listener.ip() {
        address if address.is_unspecified() || address.is_loopback() => "localhost".to_owned(),
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    format!("https://{host}:{}", listener.port())
}

/// The base URL of the account under which a client on this machine reaches the Azure Blob front.
pub(super) fn account_endpoint(listener: SocketAddr) -> String {
    format!("{}/{CLIENT}", endpoint(listener))
}

impl HospitalClient {
    pub(super) fn new(setup: &Setup, served: &Served) -> Result<Self, DemoError> {
        let pem = std::fs::read(&setup.authority).map_err(DemoError::file(&setup.authority))?;
        let secret = std::fs::read_to_string(&setup.secret).map_err(DemoError::file(&setup.secret))?;
        let secret = zeroize::Zeroizing::new(secret);
        let authority = Certificate::from_pem(&pem).map_err(DemoError::client("trust the authority"))?;
        let options = ClientOptions::new().with_no_system_certificates(true).with_root_certificate(authority);
        let http = ReqwestConnector::default().connect(&options).map_err(DemoError::client("set up TLS"))?;
        let azure = MicrosoftAzureBuilder::new()
            .with_endpoint(account_endpoint(served.azure))
            .with_container_name(BUCKET)
            .with_account(CLIENT)
            .with_access_key(secret.trim())
            .with_client_options(options.clone())
            .build()
            .map_err(DemoError::client("set up"))?;
        let s3 = AmazonS3Builder::new()
            .with_endpoint(endpoint(served.s3))
            .with_region(REGION)
            .with_bucket_name(BUCKET)
            .with_virtual_hosted_style_request(false)
            .with_access_key_id(CLIENT)
            .with_secret_access_key(secret.trim())
            .with_client_options(options)
            .build()
            .map_err(DemoError::client("set up"))?;
        Ok(Self { s3, azure, http })
    }

    /// `object_store` creates no buckets; a URL that it presigns for the bucket itself does. A bucket that is there
    /// already (409) is fine.
    pub(super) async fn create_bucket(&self) -> Result<(), DemoError> {
        let url = self
            .s3
            .signed_url(Method::PUT, &Path::default(), Duration::from_secs(60))
            .await
            .map_err(DemoError::client("sign the creation of the bucket"))?;
        let request = http::Request::put(url.as_str())
            .body(HttpRequestBody::empty())
            .map_err(DemoError::client("create the bucket"))?;
        let response = self.http.execute(request).await.map_err(DemoError::client("create the bucket"))?;
        match response.status().as_u16() {
            200..=299 | 409 => Ok(()),
            status => Err(DemoError::Bucket { status }),
        }
    }

    pub(super) async fn put(&self, record: &Record) -> Result<(), DemoError> {
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::ContentType, record.content_type.into());
        let options = PutOptions { attributes, ..PutOptions::default() };
        self.s3
            .put_opts(&path(record)?, record.content.clone().into(), options)
            .await
            .map(|_stored| ())
            .map_err(DemoError::client("store a record"))
    }

    pub(super) async fn get(&self, record: &Record) -> Result<Returned, DemoError> {
        get(&self.s3, record).await
    }

    pub(super) async fn get_through_azure(&self, record: &Record) -> Result<Returned, DemoError> {
        get(&self.azure, record).await
    }

    /// Names and lengths of all objects, as the Azure Blob front lists them.
    pub(super) async fn list_through_azure(&self) -> Result<Vec<(String, u64)>, DemoError> {
        let listed: Vec<ObjectMeta> =
            self.azure.list(None).try_collect().await.map_err(DemoError::client("list the records"))?;
        Ok(listed.into_iter().map(|object| (object.location.to_string(), object.size)).collect())
    }
}

async fn get(store: &impl ObjectStore, record: &Record) -> Result<Returned, DemoError> {
    let got = store.get(&path(record)?).await.map_err(DemoError::client("read a record"))?;
    let content_type = got.attributes.get(&Attribute::ContentType).map(|value| value.as_ref().to_owned());
    let content = got.bytes().await.map_err(DemoError::client("read a record"))?;
    Ok(Returned { content, content_type })
}

fn path(record: &Record) -> Result<Path, DemoError> {
    Path::parse(&record.name).map_err(DemoError::client("name a record"))
}

/// Any region is accepted; this is what a client in Quebec would say.
pub(super) const REGION: &str = "ca-central-1";
