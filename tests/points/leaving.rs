//! Clients that leave at each stage of each request: what they began is whole or absent, and nothing of it stays.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::support::client;
use super::support::gateway::{CLIENT_ID, GatewayProcess, Options};
use super::support::noise::content;
use super::support::sigv4::{Signer, sha256, target};
use super::support::workload::{Entry, Held};
use super::{Asker, BUCKET, CHUNK, Ledger, ends_well, until};

/// How far a client comes before it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connected,
    Greeted,
    HalfHeader,
    Header,
    HalfBody,
    AllBody,
    InTheAnswer,
}

const STAGES: [Stage; 7] = [
    Stage::Connected,
    Stage::Greeted,
    Stage::HalfHeader,
    Stage::Header,
    Stage::HalfBody,
    Stage::AllBody,
    Stage::InTheAnswer,
];

/// A request, ready to be sent by hand.
pub struct ByHand {
    pub method: http::Method,
    pub path: String,
    pub query: Vec<(&'static str, String)>,
    pub more: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl ByHand {
    fn new(method: http::Method, key: &str, body: Vec<u8>) -> Self {
        Self { method, path: format!("/{BUCKET}/{key}"), query: Vec::new(), more: Vec::new(), body }
    }

    /// The head, signed, for HTTP/1.1.
    fn head(&self, gateway: &GatewayProcess) -> Vec<u8> {
        let query: Vec<(&str, &str)> = self.query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut headers = vec![("host".to_owned(), address(gateway).to_string())];
        headers.extend(self.more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let signer = Signer::new(CLIENT_ID, &gateway.secret);
        signer.sign(self.method.as_str(), &self.path, &query, &mut headers, &sha256(&self.body));
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, target(&self.path, &query));
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", self.body.len());
        head.into_bytes()
    }

    /// Sends as much of it as `stage` says, and is gone.
    fn leave(&self, gateway: &GatewayProcess, stage: Stage) {
        let socket = TcpStream::connect(address(gateway)).unwrap();
        if stage == Stage::Connected {
            return;
        }
        let mut stream = greeted(gateway, socket);
        let head = self.head(gateway);
        let sent = match stage {
            Stage::Connected | Stage::Greeted => Ok(()),
            Stage::HalfHeader => stream.write_all(&head[..head.len() / 2]),
            Stage::Header => stream.write_all(&head),
            Stage::HalfBody => {
                stream.write_all(&head).and_then(|()| stream.write_all(&self.body[..self.body.len() / 2]))
            }
            Stage::AllBody | Stage::InTheAnswer => stream.write_all(&head).and_then(|()| stream.write_all(&self.body)),
        };
        sent.and_then(|()| stream.flush()).unwrap();
        if stage == Stage::InTheAnswer {
            stream.read_exact(&mut [0; 16]).unwrap();
        }
    }
}

pub fn address(gateway: &GatewayProcess) -> SocketAddr {
    gateway.endpoint.strip_prefix("https://").unwrap().parse().unwrap()
}

/// A TLS connection that speaks HTTP/1.1, its handshake done.
pub fn greeted(gateway: &GatewayProcess, mut socket: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&gateway.authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut tls = ClientConnection::new(config, ServerName::try_from("localhost").unwrap()).unwrap();
    while tls.is_handshaking() {
        tls.complete_io(&mut socket).unwrap();
    }
    StreamOwned::new(tls, socket)
}

fn connections(gateway: &GatewayProcess) -> f64 {
    let (_, text) = gateway.admin("/metrics").unwrap();
    let line = text.lines().find(|line| line.starts_with("ecluse_connections{listener=\"s3\"}"));
    line.map_or(0.0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

/// A gateway with an object to read and copy.
async fn furnished() -> (GatewayProcess, Ledger) {
    let gateway = GatewayProcess::start(Options::folder().write_setting("grace = \"1s\""));
    client::create_bucket(&gateway, BUCKET).await;
    let mut ledger = Ledger::new();
    acknowledged(&gateway, &mut ledger, "source", 1, CHUNK + 70_000).await;
    (gateway, ledger)
}

async fn acknowledged(gateway: &GatewayProcess, ledger: &mut Ledger, key: &str, seed: u64, size: usize) {
    let told = Asker::new(gateway).put(&format!("/{BUCKET}/{key}"), content(seed, size)).await.unwrap();
    assert_eq!(told.status, 200, "{}", told.text());
    let held = Held { parts: vec![(seed, size)], turn: None };
    ledger.insert(key.into(), Entry { acknowledged: Some(held), unanswered: None });
}

/// Requests of every kind under names of their own, and what each would make of its name. `salt` tells the rounds apart.
async fn requests(gateway: &GatewayProcess, ledger: &mut Ledger, salt: u64) -> Vec<(&'static str, ByHand)> {
    let asker = Asker::new(gateway);
    let key = |name: &str| format!("{name}-{salt}");
    let held = |seed, size| Some(Held { parts: vec![(seed, size)], turn: None });
    let mut may = |name: String, state| ledger.entry(name).or_default().unanswered = Some(state);
    let mut all = Vec::new();

    let size = CHUNK + 90_000;
    may(key("put"), held(salt, size));
    all.push(("put", ByHand::new(http::Method::PUT, &key("put"), content(salt, size))));

    let upload = asker.begin(&format!("/{BUCKET}/{}", key("part"))).await.unwrap().unwrap();
    let mut part = ByHand::new(http::Method::PUT, &key("part"), content(salt + 1, size));
    part.query = vec![("partNumber", "1".into()), ("uploadId", upload)];
    all.push(("part", part));

    let path = format!("/{BUCKET}/{}", key("complete"));
    let upload = asker.begin(&path).await.unwrap().unwrap();
    let told = asker.part(&path, &upload, "1", content(salt + 2, 40_000)).await.unwrap();
    let tag = told.headers["etag"].to_str().unwrap();
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part></CompleteMultipartUpload>"
    );
    let mut complete = ByHand::new(http::Method::POST, &key("complete"), body.into_bytes());
    complete.query = vec![("uploadId", upload)];
    may(key("complete"), held(salt + 2, 40_000));
    all.push(("complete", complete));

    let mut copy = ByHand::new(http::Method::PUT, &key("copy"), Vec::new());
    copy.more = vec![("x-amz-copy-source", format!("/{BUCKET}/source")), ("x-amz-checksum-algorithm", "SHA256".into())];
    may(key("copy"), held(1, CHUNK + 70_000));
    all.push(("copy", copy));

    all.push(("get", ByHand::new(http::Method::GET, "source", Vec::new())));
    acknowledged(gateway, ledger, &key("delete"), salt + 3, 30_000).await;
    ledger.get_mut(&key("delete")).unwrap().unanswered = Some(None);
    all.push(("delete", ByHand::new(http::Method::DELETE, &key("delete"), Vec::new())));
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_at_any_stage_leaves_all_or_nothing() {
    let (mut gateway, mut ledger) = furnished().await;
    for (round, stage) in STAGES.into_iter().enumerate() {
        for (what, request) in requests(&gateway, &mut ledger, 1_000 * (round as u64 + 1)).await {
            request.leave(&gateway, stage);
            assert!(gateway.is_running(), "{what} {stage:?}");
        }
        until(&format!("no connection is left after {stage:?}"), || connections(&gateway) == 0.0);
        until(&format!("no memory is in use after {stage:?}"), || gateway.metric("ecluse_memory_used_bytes") == 0.0);
    }
    let folder = gateway.folder();
    assert_eq!(gateway.metric("ecluse_panics_total"), 0.0);
    assert_eq!(gateway.metric("ecluse_integrity_incidents_total"), 0.0);
    ends_well(&mut gateway, &folder, &mut ledger, "after clients left").await;
}

/// Sends a body up to `until` and never ends it.
fn unending(bytes: Vec<u8>, sent: tokio::sync::oneshot::Sender<()>) -> reqwest::Body {
    let pieces: Vec<_> = bytes.chunks(64 << 10).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    let end = futures::stream::once(async move {
        sent.send(()).ok();
        std::future::pending::<Result<Vec<u8>, std::io::Error>>().await
    });
    reqwest::Body::wrap_stream(futures::stream::iter(pieces).chain(end))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_http_2_that_is_reset_leaves_all_or_nothing_and_its_connection_alone() {
    let (mut gateway, mut ledger) = furnished().await;
    let http = client::http(&gateway.authority);
    for round in 1..=3_u64 {
        for (what, request) in requests(&gateway, &mut ledger, 1_000 * round).await {
            let query: Vec<(&str, &str)> = request.query.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let mut headers = vec![("host".to_owned(), address(&gateway).to_string())];
            headers.extend(request.more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            let signer = Signer::new(CLIENT_ID, &gateway.secret);
            signer.sign(request.method.as_str(), &request.path, &query, &mut headers, &sha256(&request.body));
            let url = format!("{}{}", gateway.endpoint, target(&request.path, &query));
            let mut asked = http.request(request.method.clone(), url);
            for (name, value) in headers.into_iter().filter(|(name, _)| name != "host") {
                asked = asked.header(name, value);
            }
            let length = request.body.len();
            match round {
                // After half of the body, or of nothing.
                1 if length > 1 => {
                    let (sent, heard) = tokio::sync::oneshot::channel();
                    let half = unending(request.body[..length / 2].to_vec(), sent);
                    let going = asked.header("content-length", length).body(half).send();
                    tokio::select! { answer = going => panic!("{what}: {answer:?}"), _ = heard => {} }
                }
                // At some moment between the request and its answer.
                1 | 2 => {
                    let going = asked.body(request.body).send();
                    let _left = tokio::time::timeout(Duration::from_millis(2 + round), going).await;
                }
                // In the answer.
                _ => {
                    let answer = asked.body(request.body).send().await.unwrap();
                    assert_eq!(answer.version(), http::Version::HTTP_2);
                    let _first = answer.bytes_stream().next().await;
                }
            }
        }
        until("no memory is in use after resets", || gateway.metric("ecluse_memory_used_bytes") == 0.0);
    }
    drop(http);
    until("no connection is left", || connections(&gateway) == 0.0);
    let folder = gateway.folder();
    ends_well(&mut gateway, &folder, &mut ledger, "after streams were reset").await;
}
