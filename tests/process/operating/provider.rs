//! A provider that is away at the start, comes, goes and comes again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use object_store::ObjectStore;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::{BUCKET, ask, until};
use testing::client;
use testing::process::{CLIENT_ID, GatewayProcess, Options, Provider, free_port};
use testing::provider::s3_server::{self, S3Server};

/// The network between the gateway and its provider: cut when aborted.
async fn connect(port: u16, upstream: SocketAddr) -> JoinHandle<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut inside, _)) = listener.accept().await {
            connections.spawn(async move {
                let mut outside = TcpStream::connect(upstream).await?;
                tokio::io::copy_bidirectional(&mut inside, &mut outside).await
            });
        }
    })
}

/// What the catalog knows is served, and what needs the provider is refused at once.
async fn serves_the_catalog_only(gateway: &GatewayProcess, known: &str, listed: usize) {
    assert_eq!(gateway.admin("/readyz").unwrap().0, 503);
    let began = Instant::now();
    ask(gateway, http::Method::PUT, "not-stored", "content").await.is_unavailable(true);
    assert!(began.elapsed() < Duration::from_secs(20), "refused after {:?}", began.elapsed());
    assert_eq!(ask(gateway, http::Method::HEAD, known, "").await.status, 200);
    assert_eq!(ask(gateway, http::Method::HEAD, "not-stored", "").await.status, 404);
    let list: Vec<_> = client::store(gateway, BUCKET).list(None).try_collect().await.unwrap();
    assert_eq!(list.len(), listed);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_provider_the_catalog_is_served_and_the_rest_works_when_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path()).await;
    let upstream: SocketAddr = server.endpoint.strip_prefix("http://").unwrap().parse().unwrap();
    let port = free_port();
    let provider = Provider::S3 {
        endpoint: format!("http://127.0.0.1:{port}"),
        bucket: s3_server::BUCKET.into(),
        access_key: server.access_key.clone(),
        secret_key: server.secret.clone(),
    };
    let network = connect(port, upstream).await;
    let mut gateway = GatewayProcess::start(Options::with(provider));
    client::create_bucket(&gateway, BUCKET).await;
    // An empty object has no chunk.
    assert_eq!(ask(&gateway, http::Method::PUT, "empty", "").await.status, 200);
    gateway.terminate();
    network.abort();
    gateway.starts_without_its_provider();
    gateway.restart();
    serves_the_catalog_only(&gateway, "empty", 1).await;
    let (code, said) = gateway.run(&["check", "--offline"], "C.UTF-8");
    assert!(code == 0 && said.contains("is open in a gateway"), "{code} {said}");

    let network = connect(port, upstream).await;
    until("the provider is there", || gateway.is_ready());
    until_stored(&gateway, "stored").await;
    assert_eq!(ask(&gateway, http::Method::GET, "stored", "").await.body, "content");

    network.abort();
    until("the provider is away", || !gateway.is_ready());
    serves_the_catalog_only(&gateway, "stored", 2).await;
    let read = ask(&gateway, http::Method::GET, "stored", "").await;
    read.is_unavailable(true);

    let _network = connect(port, upstream).await;
    until("the provider is back", || gateway.is_ready());
    until_stored(&gateway, "again").await;
    assert_eq!(ask(&gateway, http::Method::GET, "stored", "").await.body, "content");
}

/// The breaker lets calls through again a little after the provider is back.
async fn until_stored(gateway: &GatewayProcess, key: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    while ask(gateway, http::Method::PUT, key, "content").await.status != 200 {
        assert!(Instant::now() < end, "never stored");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_under_tls_is_believed_only_under_the_authority_that_is_named() {
    // The provider is another gateway: an S3 server with a certificate of its own authority.
    let abroad = GatewayProcess::start(Options::folder());
    client::create_bucket(&abroad, "sealed").await;
    let provider = || Provider::S3 {
        endpoint: abroad.endpoint.clone(),
        bucket: "sealed".into(),
        access_key: CLIENT_ID.into(),
        secret_key: abroad.secret.clone(),
    };
    let authority = format!("ca = {:?}", abroad.authority);
    let mut gateway = GatewayProcess::start(Options::with(provider()).setting("provider", &authority));
    client::create_bucket(&gateway, BUCKET).await;
    assert_eq!(ask(&gateway, http::Method::PUT, "through-two", "content").await.status, 200);
    assert_eq!(ask(&gateway, http::Method::GET, "through-two", "").await.body, "content");
    gateway.terminate();
    gateway.edit(|text| text.replace(&authority, ""));
    gateway.starts_without_its_provider();
    gateway.restart();
    assert_eq!(gateway.admin("/readyz").unwrap().0, 503);
    ask(&gateway, http::Method::PUT, "to-a-stranger", "content").await.is_unavailable(true);
    let (code, said) = gateway.run(&["keys", "init"], "C.UTF-8");
    assert_eq!(code, 69, "the catalog is in use: {said}");
}
