//! Clients that leave at each stage of each request: what they began is whole or absent, and nothing of it stays.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{Asker, AzureAsker, BUCKET, Books, CHUNK, CONTAINER, Ledger, ends_well, one_step, started, until};
use testing::azure::shared_key::Request;
use testing::azure::workload::{Act, AzureStep, Source};
use testing::client;
use testing::noise::content;
use testing::process::{CLIENT_ID, GatewayProcess, Options};
use testing::s3::sigv4::{Signer, sha256, target};
use testing::workload::{Held, Step, Work};

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

/// A signed request, ready to be sent by hand.
struct ByHand {
    endpoint: String,
    method: http::Method,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl ByHand {
    fn s3(
        gateway: &GatewayProcess,
        method: http::Method,
        key: &str,
        query: &[(&str, &str)],
        more: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Self {
        let path = format!("/{BUCKET}/{key}");
        let mut headers = vec![("host".to_owned(), address(&gateway.endpoint).to_string())];
        headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Signer::new(CLIENT_ID, &gateway.secret).sign(method.as_str(), &path, query, &mut headers, &sha256(&body));
        headers.push(("content-length".into(), body.len().to_string()));
        Self { endpoint: gateway.endpoint.clone(), method, target: target(&path, query), headers, body }
    }

    fn azure(asker: &AzureAsker, request: Request) -> Self {
        let signed = asker.account.sign(request);
        let mut headers = vec![("host".to_owned(), address(&asker.endpoint).to_string())];
        headers.extend(signed.headers.iter().cloned());
        let method = http::Method::from_bytes(signed.method.as_bytes()).unwrap();
        Self { endpoint: asker.endpoint.clone(), method, target: signed.target(), headers, body: signed.body }
    }

    /// The head for HTTP/1.1.
    fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        head.into_bytes()
    }

    /// Sends as much of it as `stage` says, and is gone.
    fn leave(&self, gateway: &GatewayProcess, stage: Stage) {
        let socket = TcpStream::connect(address(&self.endpoint)).unwrap();
        if stage == Stage::Connected {
            return;
        }
        let mut stream = greeted(gateway, socket);
        let head = self.head();
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

pub fn address(endpoint: &str) -> SocketAddr {
    endpoint.strip_prefix("https://").unwrap().parse().unwrap()
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
    let of_clients = |line: &&str| ["s3", "azure"].iter().any(|name| line.contains(&format!("listener=\"{name}\"")));
    let lines = text.lines().filter(|line| line.starts_with("ecluse_connections{")).filter(of_clients);
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// A gateway with an object to read and copy, for each front.
async fn furnished() -> (GatewayProcess, Books) {
    let gateway = started(Options::folder().write_setting("grace = \"1s\"")).await;
    let mut books = Books::default();
    acknowledged(&gateway, &mut books.s3, "source", 1, CHUNK + 70_000).await;
    let (asker, source) = (AzureAsker::new(&gateway), Act::Put("source".into(), (2, CHUNK + 50_000)));
    stands(&asker, &mut books, source).await;
    (gateway, books)
}

async fn acknowledged(gateway: &GatewayProcess, ledger: &mut Ledger, key: &str, seed: u64, size: usize) {
    one_step(Step::Put(key.into(), seed, size), &Asker::new(gateway), BUCKET, ledger).await.unwrap();
}

async fn stands(asker: &AzureAsker, books: &mut Books, act: Act) {
    one_step(AzureStep { act, retains: false }, asker, CONTAINER, &mut books.azure).await.unwrap();
}

/// Requests of every kind under names of their own, and what each would make of its name. `salt` tells the rounds apart.
async fn requests(gateway: &GatewayProcess, books: &mut Books, salt: u64) -> Vec<(&'static str, ByHand)> {
    let mut all = requests_of_s3(gateway, &mut books.s3, salt).await;
    all.extend(requests_of_azure(&AzureAsker::new(gateway), books, salt).await);
    all
}

async fn requests_of_s3(gateway: &GatewayProcess, ledger: &mut Ledger, salt: u64) -> Vec<(&'static str, ByHand)> {
    let asker = Asker::new(gateway);
    let key = |name: &str| format!("{name}-{salt}");
    let held = |seed, size| Some(Held { parts: vec![(seed, size)], turn: None });
    let mut may = |name: String, state| ledger.entry(name).or_default().unanswered = Some(state);
    let by_hand = |method, name: &str, query: &[(&str, &str)], more: &[(&str, &str)], body| {
        ByHand::s3(gateway, method, name, query, more, body)
    };
    let mut all = Vec::new();

    let size = CHUNK + 90_000;
    may(key("put"), held(salt, size));
    all.push(("put", by_hand(http::Method::PUT, &key("put"), &[], &[], content(salt, size))));

    let upload = asker.begin(&format!("/{BUCKET}/{}", key("part"))).await.unwrap().unwrap();
    let query = [("partNumber", "1"), ("uploadId", &*upload)];
    all.push(("part", by_hand(http::Method::PUT, &key("part"), &query, &[], content(salt + 1, size))));

    let path = format!("/{BUCKET}/{}", key("complete"));
    let upload = asker.begin(&path).await.unwrap().unwrap();
    let told = asker.part(&path, &upload, "1", content(salt + 2, 40_000)).await.unwrap();
    let tag = told.headers["etag"].to_str().unwrap();
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part></CompleteMultipartUpload>"
    );
    let query = [("uploadId", &*upload)];
    may(key("complete"), held(salt + 2, 40_000));
    all.push(("complete", by_hand(http::Method::POST, &key("complete"), &query, &[], body.into_bytes())));

    let source = format!("/{BUCKET}/source");
    let more = [("x-amz-copy-source", &*source), ("x-amz-checksum-algorithm", "SHA256")];
    may(key("copy"), held(1, CHUNK + 70_000));
    all.push(("copy", by_hand(http::Method::PUT, &key("copy"), &[], &more, Vec::new())));

    all.push(("get", by_hand(http::Method::GET, "source", &[], &[], Vec::new())));
    acknowledged(gateway, ledger, &key("delete"), salt + 3, 30_000).await;
    ledger.get_mut(&key("delete")).unwrap().unanswered = Some(None);
    all.push(("delete", ByHand::s3(gateway, http::Method::DELETE, &key("delete"), &[], &[], Vec::new())));
    all
}

async fn requests_of_azure(asker: &AzureAsker, books: &mut Books, salt: u64) -> Vec<(&'static str, ByHand)> {
    let key = |name: &str| format!("{name}-{salt}");
    let (size, source) = (CHUNK + 90_000, || "source".to_owned());
    for act in [
        Act::Block(key("commit"), 1, (salt + 10, 40_000)),
        Act::Begin(key("append")),
        Act::Put(key("revised"), (salt + 11, 30_000)),
        Act::Put(key("deleted"), (salt + 12, 30_000)),
        Act::Put(key("in-a-batch"), (salt + 13, 30_000)),
    ] {
        stands(asker, books, act).await;
    }
    let acts = [
        ("Put Blob", Act::Put(key("blob"), (salt + 14, size))),
        ("Put Block", Act::Block(key("block"), 1, (salt + 15, size))),
        ("Put Block List", Act::Commit(key("commit"), vec![(Source::Latest, 1)])),
        ("Append Block", Act::Append(key("append"), (salt + 16, 60_000))),
        ("Copy Blob", Act::Copy(key("copied"), source(), false)),
        ("Put Block From URL", Act::BlockFrom(key("block-from"), 1, source(), 50_000)),
        ("Set Blob Tags", Act::Tags(key("revised"), salt)),
        ("Delete Blob", Act::Delete(key("deleted"))),
        ("Blob Batch", Act::Batch(vec![key("in-a-batch")])),
    ];
    let mut all = Vec::new();
    for (what, act) in acts {
        let step = AzureStep { act, retains: false };
        let request = step.request(asker, CONTAINER, &books.azure);
        for (name, state) in step.effects(&books.azure) {
            books.azure.entry(name).or_default().unanswered = Some(state);
        }
        all.push((what, ByHand::azure(asker, request)));
    }
    let get = asker.request("GET", &format!("/{CONTAINER}/source"));
    all.push(("Get Blob", ByHand::azure(asker, get)));
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_at_any_stage_leaves_all_or_nothing() {
    let (mut gateway, mut books) = furnished().await;
    for (round, stage) in STAGES.into_iter().enumerate() {
        for (what, request) in requests(&gateway, &mut books, 1_000 * (round as u64 + 1)).await {
            request.leave(&gateway, stage);
            assert!(gateway.is_running(), "{what} {stage:?}");
        }
        until(&format!("no connection is left after {stage:?}"), || connections(&gateway) == 0.0);
        until(&format!("no memory is in use after {stage:?}"), || gateway.metric("ecluse_memory_used_bytes") == 0.0);
    }
    let folder = gateway.folder();
    assert_eq!(gateway.metric("ecluse_panics_total"), 0.0);
    assert_eq!(gateway.metric("ecluse_integrity_incidents_total"), 0.0);
    ends_well(&mut gateway, &folder, &mut books, "after clients left").await;
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
    let (mut gateway, mut books) = furnished().await;
    let http = client::http(&gateway.authority);
    for round in 1..=3_u64 {
        for (what, request) in requests(&gateway, &mut books, 1_000 * round).await {
            let url = format!("{}{}", request.endpoint, request.target);
            let mut asked = http.request(request.method.clone(), url);
            for (name, value) in request.headers.iter().filter(|(name, _)| name != "host") {
                asked = asked.header(name, value);
            }
            let length = request.body.len();
            match round {
                // After half of the body, or of nothing.
                1 if length > 1 => {
                    let (sent, heard) = tokio::sync::oneshot::channel();
                    let half = unending(request.body[..length / 2].to_vec(), sent);
                    let going = asked.body(half).send();
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
    ends_well(&mut gateway, &folder, &mut books, "after streams were reset").await;
}
