//! What is spoken on the wire: names, versions, certificates, and answers before the body.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{ObjectStore, ObjectStoreExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{BUCKET, address, ask};
use testing::client;
use testing::process::{GatewayProcess, Options};

fn builder(gateway: &GatewayProcess) -> reqwest::ClientBuilder {
    let authority = reqwest::Certificate::from_pem(&std::fs::read(&gateway.authority).unwrap()).unwrap();
    reqwest::Client::builder().tls_certs_only([authority]).timeout(Duration::from_secs(60))
}

/// A TLS connection that speaks HTTP/1.1, for requests made by hand.
fn raw(gateway: &GatewayProcess) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&gateway.authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
    let name = ServerName::try_from("localhost").unwrap();
    let socket = TcpStream::connect(address(gateway)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    StreamOwned::new(ClientConnection::new(config, name).unwrap(), socket)
}

/// Reads up to the end of one head.
fn head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_gateway_speaks_with_every_client() {
    let gateway = GatewayProcess::start(Options::folder().setting("s3", "domains = [\"s3.localhost\"]"));
    client::create_bucket(&gateway, BUCKET).await;

    // HTTP/2 and HTTP/1.1, TLS 1.3 and 1.2.
    let put = client::presigned(&gateway, BUCKET, http::Method::PUT, "a").await;
    let answer = builder(&gateway).build().unwrap().put(put).body("content").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
    let get = client::presigned(&gateway, BUCKET, http::Method::GET, "a").await;
    let version_1_2 = reqwest::tls::Version::TLS_1_2;
    let modest = builder(&gateway).tls_version_max(version_1_2).http1_only().build().unwrap();
    let answer = modest.get(get).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_11));
    assert_eq!(answer.text().await.unwrap(), "content");

    // The bucket as a host name.
    let host = format!("{BUCKET}.s3.localhost");
    let store = client::builder(&gateway, BUCKET)
        .with_virtual_hosted_style_request(true)
        .with_endpoint(format!("https://{host}:{}", address(&gateway).port()))
        .build()
        .unwrap();
    let http = builder(&gateway).resolve(&host, address(&gateway)).build().unwrap();
    let path = Path::from("folder/b");
    let url = |method| store.signed_url(method, &path, Duration::from_secs(60));
    let answer = http.put(url(http::Method::PUT).await.unwrap()).body("by name").send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    let answer = http.get(url(http::Method::GET).await.unwrap()).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "by name");
    assert_eq!(ask(&gateway, http::Method::GET, "folder/b", "").await.body, "by name");

    // HEAD, GET and LIST tell one time, size and ETag.
    let store = client::store(&gateway, BUCKET);
    let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
    assert_eq!(listed.len(), 2);
    for listed in listed {
        let got = store.get(&listed.location).await.unwrap().meta;
        let head = store.head(&listed.location).await.unwrap();
        assert_eq!((listed.last_modified, listed.size, &listed.e_tag), (head.last_modified, head.size, &head.e_tag));
        assert_eq!((got.last_modified, got.size, got.e_tag), (head.last_modified, head.size, head.e_tag));
    }

    // Plain HTTP on the TLS port gets no HTTP answer.
    let mut plain = TcpStream::connect(address(&gateway)).unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(plain, "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut said = Vec::new();
    let _ended = plain.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&said));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_asked_for_only_when_the_request_may_come() {
    let gateway = GatewayProcess::start(Options::folder());
    client::create_bucket(&gateway, BUCKET).await;
    let url = client::presigned(&gateway, BUCKET, http::Method::PUT, "a").await;
    let request = |target: &str| {
        let host = address(&gateway);
        format!("PUT {target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 7\r\nexpect: 100-continue\r\n\r\n")
    };
    let target = format!("{}?{}", url.path(), url.query().unwrap());
    let (signed, last) = target.split_at(target.len() - 1);
    let forged = format!("{signed}{}", if last == "0" { "1" } else { "0" });
    let mut stream = raw(&gateway);
    stream.write_all(request(&forged).as_bytes()).unwrap();
    let answer = head(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let mut stream = raw(&gateway);
    stream.write_all(request(&target.replacen(BUCKET, "missing", 1)).as_bytes()).unwrap();
    let answer = head(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 403 "), "a signature for another bucket: {answer}");

    let mut stream = raw(&gateway);
    stream.write_all(request(&target).as_bytes()).unwrap();
    assert!(head(&mut stream).starts_with("HTTP/1.1 100 "));
    stream.write_all(b"content").unwrap();
    let answer = head(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(ask(&gateway, http::Method::GET, "a", "").await.body, "content");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_mutual_tls_only_certified_clients_get_in() {
    let gateway = GatewayProcess::start(Options::folder().setting("tls", "client_ca = \"HOME/tls/ca.pem\""));
    let url = client::presigned(&gateway, BUCKET, http::Method::PUT, "").await;
    let nobody = builder(&gateway).build().unwrap();
    assert!(nobody.put(url.clone()).send().await.is_err(), "a client without a certificate was let in");
    let identity = std::fs::read(gateway.home.join("tls/client.pem")).unwrap();
    let identity = reqwest::Identity::from_pem(&identity).unwrap();
    let certified = builder(&gateway).identity(identity).build().unwrap();
    assert_eq!(certified.put(url).send().await.unwrap().status(), 200);
    // The certificate does not stand in for the signature.
    let unsigned = format!("{}/{BUCKET}", gateway.endpoint);
    assert_eq!(certified.get(unsigned).send().await.unwrap().status(), 403);
}
