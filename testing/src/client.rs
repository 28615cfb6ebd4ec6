//! Light clients of the tests: the `object_store` crate over TLS, and presigned URLs for hand-made requests.

use std::path::Path;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::signer::Signer;
use object_store::{BackoffConfig, Certificate, ClientOptions, RetryConfig};

use crate::process::{CLIENT_ID, GatewayProcess};

/// A client of the gateway for one bucket. It tries once: what fails, fails.
pub fn store(gateway: &GatewayProcess, bucket: &str) -> AmazonS3 {
    builder(gateway, bucket).build().expect("a client")
}

/// What [`store`] is built from.
pub fn builder(gateway: &GatewayProcess, bucket: &str) -> AmazonS3Builder {
    AmazonS3Builder::new()
        .with_endpoint(&gateway.endpoint)
        .with_region("us-east-1")
        .with_bucket_name(bucket)
        .with_access_key_id(CLIENT_ID)
        .with_secret_access_key(&gateway.secret)
        .with_client_options(options(gateway))
        .with_retry(once())
}

/// A client of the Azure front for one container; with [`once`] it tries once, too.
pub fn azure_builder(gateway: &GatewayProcess, container: &str) -> MicrosoftAzureBuilder {
    MicrosoftAzureBuilder::new()
        .with_endpoint(gateway.azure_endpoint())
        .with_account(CLIENT_ID)
        .with_access_key(&gateway.secret)
        .with_container_name(container)
        .with_client_options(options(gateway))
}

/// Trust in the test's authority.
pub fn options(gateway: &GatewayProcess) -> ClientOptions {
    let authority = std::fs::read(&gateway.authority).expect("the authority");
    let authority = Certificate::from_pem(&authority).expect("a certificate");
    ClientOptions::new().with_root_certificate(authority).with_timeout(Duration::from_secs(120))
}

/// No second try.
pub fn once() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: 0, retry_timeout: Duration::from_secs(1) }
}

/// A plain HTTP client that trusts the test's authority.
pub fn http(authority: &Path) -> reqwest::Client {
    http_builder(authority).build().expect("an HTTP client")
}

/// The same, through a proxy.
pub fn http_through(proxy: &str, authority: &Path) -> reqwest::Client {
    let proxy = reqwest::Proxy::https(proxy).expect("a proxy");
    http_builder(authority).proxy(proxy).build().expect("an HTTP client")
}

/// The same, with HTTP/1.1 only.
pub fn http1(authority: &Path) -> reqwest::Client {
    http_builder(authority).http1_only().build().expect("an HTTP client")
}

fn http_builder(authority: &Path) -> reqwest::ClientBuilder {
    let authority = std::fs::read(authority).expect("the authority");
    let authority = reqwest::Certificate::from_pem(&authority).expect("a certificate");
    reqwest::Client::builder().tls_certs_only([authority]).timeout(Duration::from_secs(120))
}

/// Makes a bucket, through a presigned URL.
pub async fn create_bucket(gateway: &GatewayProcess, bucket: &str) {
    // The crate signs URLs of objects; the empty path is the bucket itself.
    let url = presigned(gateway, bucket, http::Method::PUT, "").await;
    let answer = http(&gateway.authority).put(url).send().await.expect("an answer");
    let status = answer.status();
    assert!(status.is_success(), "create bucket: {status} {}", answer.text().await.unwrap_or_default());
}

/// A presigned URL for one object.
pub async fn presigned(gateway: &GatewayProcess, bucket: &str, method: http::Method, key: &str) -> url::Url {
    let path = object_store::path::Path::from(key);
    store(gateway, bucket).signed_url(method, &path, Duration::from_secs(600)).await.expect("a signed URL")
}
