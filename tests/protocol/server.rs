//! The shared accept loop, on real sockets: TLS, failures in mid-body, slow peers, drain, reload, the admin listener.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ecluse::front::admin::Admin;
use ecluse::front::server::{Answer, ConnectionInfo, Limits, RequestBody, RequestBodyError, RequestId, bind, serve};
use ecluse::front::tls::{TlsError, TlsFiles, TlsHandle};
use ecluse::gateway::Readiness;
use ecluse::model::ProviderName;
use ecluse::telemetry::Metrics;
use futures::{StreamExt, stream};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use reqwest::tls::Version;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

type TestBody = UnsyncBoxBody<Bytes, std::io::Error>;

fn whole(text: impl Into<Bytes>) -> TestBody {
    Full::new(text.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

fn flowing(items: impl futures::Stream<Item = std::io::Result<Bytes>> + Send + 'static) -> TestBody {
    StreamBody::new(items.map(|item| item.map(Frame::data))).boxed_unsync()
}

/// More than a socket's buffers take.
const MUCH: usize = 8 << 20;

async fn answers(request: Request<RequestBody>) -> Response<TestBody> {
    let id = request.extensions().get::<RequestId>().unwrap().to_string();
    let tls = request.extensions().get::<ConnectionInfo>().unwrap().tls;
    let body = match request.uri().path() {
        "/ok" => whole(format!("ok {:?} tls={tls} id={id}", request.version())),
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(400)).await;
            whole("done")
        }
        "/much" => whole(vec![b'x'; MUCH]),
        "/hang" => std::future::pending().await,
        "/panic" => panic!("a test's panic"),
        "/break" => flowing(stream::iter(0..3).then(|i| async move {
            tokio::time::sleep(Duration::from_millis(30)).await;
            if i < 2 { Ok(Bytes::from_static(b"some bytes")) } else { Err(std::io::Error::other("broken")) }
        })),
        "/panic-in-body" => flowing(stream::iter(0..3).then(|i| async move {
            tokio::time::sleep(Duration::from_millis(30)).await;
            assert!(i < 2, "a test's panic in a body");
            Ok(Bytes::from_static(b"some bytes"))
        })),
        "/refused" => {
            let mut response = Response::new(whole("<Error/>"));
            *response.status_mut() = StatusCode::FORBIDDEN;
            response.headers_mut().insert("content-type", "application/xml".parse().unwrap());
            response.headers_mut().insert("content-language", "fr".parse().unwrap());
            return response;
        }
        "/endless" => flowing(stream::repeat_with(|| Ok(Bytes::from(vec![7; 65536])))),
        "/read" => match request.into_body().collect().await {
            Ok(body) => whole(body.to_bytes()),
            Err(RequestBodyError::TooSlow) => {
                let mut response = Response::new(whole("too slow"));
                *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
                return response;
            }
            Err(RequestBodyError::Connection(_)) => whole("broke off"),
        },
        _ => whole("?"),
    };
    Response::new(body)
}

/// A server on a free port; shut down and waited for by [`Running::stop`].
struct Running {
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(tls: Option<Arc<TlsHandle>>, limits: Limits) -> Self {
        Self::start_with(tls, limits, answers)
    }

    fn start_with<A, B>(tls: Option<Arc<TlsHandle>>, limits: Limits, answer: A) -> Self
    where
        A: Answer<B>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(serve("test", listener, tls, limits, answer, shutdown.clone()));
        Self { address, shutdown, task }
    }

    fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://localhost:{}{path}", self.address.port())
    }

    async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(20), self.task).await.unwrap().unwrap();
    }
}

/// Certificates of a test's own authority.
struct Certificates {
    directory: tempfile::TempDir,
}

impl Certificates {
    fn new() -> Self {
        let new = Self { directory: tempfile::tempdir().unwrap() };
        new.issue(2020, 2090);
        new
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn files(&self) -> TlsFiles {
        TlsFiles { certificate: self.path("server.pem"), private_key: self.path("server.key"), client_ca: None }
    }

    /// A new self-signed certificate and key in the place of the old ones.
    fn issue(&self, from: i32, to: i32) {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        std::fs::write(self.path("server.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        write_private(&self.path("server.key"), &key.serialize_pem());
    }

    fn trust(&self) -> reqwest::Certificate {
        reqwest::Certificate::from_pem(&std::fs::read(self.path("server.pem")).unwrap()).unwrap()
    }

    fn client(&self) -> reqwest::ClientBuilder {
        reqwest::Client::builder().no_proxy().tls_certs_only([self.trust()]).timeout(Duration::from_secs(20))
    }
}

fn write_private(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn plain() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20))
}

/// Everything that the server sends until it ends the connection.
async fn conversation(address: SocketAddr, request: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(15), stream.read_to_end(&mut answer)).await.unwrap()?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn tls_1_2_and_1_3_with_http_1_1_and_http_2_are_served() {
    let certificates = Certificates::new();
    let server = Running::start(Some(TlsHandle::load(&certificates.files()).unwrap()), Limits::default());
    for version in [Version::TLS_1_2, Version::TLS_1_3] {
        for (http1, name) in [(true, "HTTP/1.1"), (false, "HTTP/2.0")] {
            let client = certificates.client().tls_version_min(version).tls_version_max(version);
            let client = if http1 { client.http1_only() } else { client }.build().unwrap();
            let text = client.get(server.url("https", "/ok")).send().await.unwrap().text().await.unwrap();
            assert!(text.starts_with(&format!("ok {name} tls=true id=")), "{text}");
            assert_eq!(text.rsplit('=').next().unwrap().len(), 32, "{text}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn http_2_is_served_in_plain_with_prior_knowledge() {
    let server = Running::start(None, Limits::default());
    let client = plain().http2_prior_knowledge().build().unwrap();
    let text = client.get(server.url("http", "/ok")).send().await.unwrap().text().await.unwrap();
    assert!(text.starts_with("ok HTTP/2.0 tls=false"), "{text}");
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_fails_in_the_middle_is_an_error_for_every_client() {
    let certificates = Certificates::new();
    let secure = Running::start(Some(TlsHandle::load(&certificates.files()).unwrap()), Limits::default());
    let open = Running::start(None, Limits::default());
    for path in ["/break", "/panic-in-body"] {
        let cases = [
            (certificates.client().http1_only(), secure.url("https", path)),
            (certificates.client(), secure.url("https", path)),
            (plain().http1_only(), open.url("http", path)),
            (plain().http2_prior_knowledge(), open.url("http", path)),
        ];
        for (index, (client, url)) in cases.into_iter().enumerate() {
            let response = client.build().unwrap().get(url).send().await.unwrap();
            assert_eq!(response.status(), 200);
            assert!(response.bytes().await.is_err(), "{path}, case {index}, ended cleanly");
        }
    }
    secure.stop().await;
    open.stop().await;
}

#[tokio::test]
async fn a_body_that_fails_resets_a_connection_whose_end_would_be_the_bodys_end() {
    let server = Running::start(None, Limits::default());
    // HTTP/1.0: no length, no chunks; only a reset tells failure from success.
    let failed = conversation(server.address, b"GET /break HTTP/1.0\r\n\r\n").await.unwrap_err();
    assert_eq!(failed.kind(), std::io::ErrorKind::ConnectionReset);
    let fine = conversation(server.address, b"GET /ok HTTP/1.0\r\n\r\n").await.unwrap();
    assert!(fine.contains("ok HTTP/1.0"), "{fine}");
    server.stop().await;
}

#[tokio::test]
async fn a_failed_stream_leaves_the_others_of_its_connection_alone() {
    let server = Running::start(None, Limits::default());
    let client = plain().http2_prior_knowledge().build().unwrap();
    let (slow, broken, panicked) = tokio::join!(
        client.get(server.url("http", "/slow")).send(),
        client.get(server.url("http", "/break")).send(),
        client.get(server.url("http", "/panic")).send(),
    );
    assert_eq!(slow.unwrap().text().await.unwrap(), "done");
    assert!(broken.unwrap().bytes().await.is_err());
    assert!(panicked.is_err());
    server.stop().await;
}

#[tokio::test]
async fn a_panic_ends_one_request_and_not_the_server() {
    let server = Running::start(None, Limits::default());
    let client = plain().build().unwrap();
    assert!(client.get(server.url("http", "/panic")).send().await.is_err());
    assert_eq!(client.get(server.url("http", "/ok")).send().await.unwrap().status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn draining_lets_a_slow_request_finish_and_closes_idle_connections_at_once() {
    let server = Running::start(None, Limits::default());
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /ok HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut buffer = vec![0; 4096];
    assert!(idle.read(&mut buffer).await.unwrap() > 0);
    let mut silent = TcpStream::connect(server.address).await.unwrap();

    let slow = tokio::spawn(plain().build().unwrap().get(server.url("http", "/slow")).send());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    let (shutdown, address) = (server.shutdown.clone(), server.address);
    shutdown.cancel();
    assert_eq!(idle.read(&mut buffer).await.unwrap(), 0);
    let _ended = silent.read(&mut buffer).await;
    assert!(began.elapsed() < Duration::from_millis(250), "idle connections waited {:?}", began.elapsed());
    assert_eq!(slow.await.unwrap().unwrap().text().await.unwrap(), "done");
    server.stop().await;
    assert!(began.elapsed() < Duration::from_secs(3), "drain did not end with the last request");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn the_drain_deadline_cuts_what_is_left() {
    let server = Running::start(None, Limits { drain: Duration::from_millis(300), ..Limits::default() });
    let hanging = tokio::spawn(plain().build().unwrap().get(server.url("http", "/hang")).send());
    let endless = plain().build().unwrap().get(server.url("http", "/endless")).send().await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let began = Instant::now();
    server.stop().await;
    assert!((300..3000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert!(hanging.await.unwrap().is_err());
    assert!(endless.bytes().await.is_err());
}

#[tokio::test]
async fn a_header_that_trickles_is_cut() {
    let server = Running::start(None, Limits { header: Duration::from_millis(300), ..Limits::default() });
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /ok HTTP/1.1\r\n").await.unwrap();
    let began = Instant::now();
    let mut buffer = vec![0; 1024];
    loop {
        let read = tokio::time::timeout(Duration::from_millis(50), stream.read(&mut buffer)).await;
        if matches!(read, Ok(Ok(0) | Err(_))) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "the header may trickle for ever");
        let _sent = stream.write_all(b"x: y\r\n").await;
    }
    assert!(began.elapsed() >= Duration::from_millis(250));
    server.stop().await;
}

#[tokio::test]
async fn connections_that_say_nothing_are_closed() {
    let limits = Limits {
        idle: Duration::from_millis(300),
        handshake: Duration::from_millis(300),
        response_stall: Duration::from_millis(300),
        ..Limits::default()
    };
    let certificates = Certificates::new();
    let secure = Running::start(Some(TlsHandle::load(&certificates.files()).unwrap()), limits.clone());
    let open = Running::start(None, limits);
    for (address, first) in
        [(secure.address, ""), (open.address, ""), (open.address, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]
    {
        let began = Instant::now();
        let _ended = conversation(address, first.as_bytes()).await;
        assert!((200..5000).contains(&began.elapsed().as_millis()), "{first:?} {:?}", began.elapsed());
    }
    secure.stop().await;
    open.stop().await;
}

#[tokio::test]
async fn an_oversize_header_gets_431() {
    let server = Running::start(None, Limits { header_bytes: 8192, ..Limits::default() });
    let request = format!("GET /ok HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "a".repeat(8200));
    let answer = conversation(server.address, request.as_bytes()).await.unwrap_or_default();
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer:?}");
    let client = plain().http2_prior_knowledge().build().unwrap();
    let response = client.get(server.url("http", "/ok")).header("x-long", "a".repeat(20_000)).send().await;
    assert!(response.is_err() || response.unwrap().status() == 431);
    server.stop().await;
}

#[tokio::test]
async fn a_request_body_that_pauses_for_too_long_fails() {
    let server = Running::start(None, Limits { request_stall: Duration::from_millis(300), ..Limits::default() });
    let began = Instant::now();
    let request = b"POST /read HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 100\r\n\r\nhalf of it";
    let answer = conversation(server.address, request).await.unwrap_or_default();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer:?}");
    assert!((250..5000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    // One that is slow but moves is not cut.
    let pieces = stream::iter(0..5).then(|_| async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        Ok::<_, std::io::Error>(Bytes::from_static(b"piece "))
    });
    let response = plain().build().unwrap().post(server.url("http", "/read"));
    let response = response.body(reqwest::Body::wrap_stream(pieces)).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "piece ".repeat(5));
    server.stop().await;
}

/// The header of the next answer, and its body, which is as long as it says.
async fn answer(stream: &mut BufReader<TcpStream>) -> (String, String) {
    let (mut head, mut line) = (String::new(), String::new());
    while line != "\r\n" {
        line.clear();
        assert!(stream.read_line(&mut line).await.unwrap() > 0, "the connection ended after {head:?}");
        head += &line.to_lowercase();
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

#[tokio::test]
async fn a_small_body_that_nobody_reads_and_that_comes_after_the_header_does_not_end_the_connection() {
    let server = Running::start(None, Limits::default());
    let mut stream = BufReader::new(TcpStream::connect(server.address).await.unwrap());
    for body in [&b"content-length: 5\r\n\r\nabcde"[..], b"transfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"] {
        let at = body.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        stream.write_all(&[b"PUT /ok HTTP/1.1\r\nhost: x\r\n", &body[..at]].concat()).await.unwrap();
        // Time for the server to answer, if it does not wait.
        tokio::time::sleep(Duration::from_millis(100)).await;
        stream.write_all(&body[at..]).await.unwrap();
        let (head, body) = answer(&mut stream).await;
        assert!(head.starts_with("http/1.1 200") && !head.contains("connection: close"), "{head}");
        assert!(body.starts_with("ok "), "{body}");
    }
    server.stop().await;
}

#[tokio::test]
async fn when_much_of_a_body_is_not_read_the_answer_says_that_the_connection_ends() {
    let server = Running::start(None, Limits::default());
    for rest in [
        "content-length: 10000000\r\n\r\nabcde",
        "content-length: 5\r\nexpect: 100-continue\r\n\r\n",
        "content-length: 5\r\n\r\na",
    ] {
        let said =
            conversation(server.address, format!("PUT /ok HTTP/1.1\r\nhost: x\r\n{rest}").as_bytes()).await.unwrap();
        let said = said.to_lowercase();
        assert!(said.starts_with("http/1.1 200") && said.contains("\r\nconnection: close\r\n"), "{rest:?}: {said}");
    }
    // What is read, or is not there, ends nothing.
    let mut stream = BufReader::new(TcpStream::connect(server.address).await.unwrap());
    for request in
        ["PUT /read HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nabcde", "GET /ok HTTP/1.1\r\nhost: x\r\n\r\n"]
    {
        stream.write_all(request.as_bytes()).await.unwrap();
        let (head, _) = answer(&mut stream).await;
        assert!(!head.contains("connection: close"), "{head}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_arrives_whole_though_nobody_read_what_its_client_sent() {
    let server = Running::start(None, Limits::default());
    for bytes in [65_537, 1 << 20, 4 << 20] {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let (mut reads, mut writes) = stream.into_split();
        let head = format!("PUT /much HTTP/1.1\r\nhost: x\r\ncontent-length: {bytes}\r\n\r\n");
        let sending = tokio::spawn(async move {
            writes.write_all(head.as_bytes()).await.unwrap();
            let _refused = writes.write_all(&vec![7; bytes]).await;
            writes
        });
        // By then the answer waits for its client, and so does the request's body for the server.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut said = Vec::new();
        reads.read_to_end(&mut said).await.unwrap();
        let body = said.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        assert_eq!(said.len() - body, MUCH, "of a request of {bytes} bytes");
        assert!(String::from_utf8_lossy(&said[..body]).to_lowercase().contains("connection: close"));
        drop(sending.await.unwrap());
    }
    // Who goes on and on is not waited for.
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"PUT /ok HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n").await.unwrap();
    let goes_on = async {
        while stream.write_all(b"and on").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), goes_on).await.unwrap();
    // Nor is who says nothing more, when the server ends.
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"PUT /ok HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n").await.unwrap();
    let begun = Instant::now();
    server.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    drop(stream);
}

#[tokio::test]
async fn a_refused_head_describes_no_body_whoever_answers() {
    let server = Running::start(None, Limits::default());
    let ask = |method: &str, path: &str| format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let said = conversation(server.address, ask("HEAD", "/refused").as_bytes()).await.unwrap().to_lowercase();
    assert!(said.starts_with("http/1.1 403") && said.ends_with("\r\n\r\n"), "{said}");
    assert!(!said.contains("\r\ncontent-") && !said.contains("transfer-encoding"), "{said}");
    let said = conversation(server.address, ask("GET", "/refused").as_bytes()).await.unwrap().to_lowercase();
    assert!(said.contains("content-type: application/xml") && said.ends_with("<error/>"), "{said}");
    let client = plain().http2_prior_knowledge().build().unwrap();
    let said = client.head(server.url("http", "/refused")).send().await.unwrap();
    assert_eq!(said.status(), 403);
    assert!(said.headers().keys().all(|name| !name.as_str().starts_with("content-")), "{:?}", said.headers());
    // What is there is described.
    let said = client.head(server.url("http", "/ok")).send().await.unwrap();
    assert!(said.headers().contains_key("content-length"), "{:?}", said.headers());
    server.stop().await;
}

/// A request header of HTTP/2, of stream 1: literals without a table (RFC 7541 §6.2.2), so nothing needs be known.
fn http_2_put(path: &str, length: usize) -> Vec<u8> {
    let length = length.to_string();
    let fields = [
        (":method", "PUT"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "x"),
        ("content-length", length.as_str()),
    ];
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    frame(1, 0x4, 1, &block) // HEADERS, END_HEADERS
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// Kinds and flags of the frames of stream 1 that come until it is quiet, and when each came; what belongs to the connection
/// is passed over.
async fn frames_of_stream(stream: &mut TcpStream) -> Vec<(u8, u8, Instant)> {
    let mut frames = Vec::new();
    let mut head = [0; 9];
    while let Ok(read) = tokio::time::timeout(Duration::from_millis(1500), stream.read_exact(&mut head)).await {
        read.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        if head[5..] == [0, 0, 0, 1] && head[3] != 8 {
            frames.push((head[3], head[4], Instant::now()));
        }
    }
    frames
}

async fn http_2_with_a_late_body(
    server: &Running,
    announced: usize,
    sent: usize,
) -> (Vec<(u8, u8, Instant)>, Duration) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let start =
        [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(4, 0, 0, &[]), &http_2_put("/refused", announced)].concat();
    stream.write_all(&start).await.unwrap();
    // Time for the server to answer, if it does not wait.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let since = Instant::now();
    if sent > 0 {
        let end = u8::from(sent == announced); // END_STREAM
        stream.write_all(&frame(0, end, 1, &vec![b'x'; sent])).await.unwrap();
    }
    let frames = frames_of_stream(&mut stream).await;
    (frames, since.elapsed())
}

/// RST_STREAM after the answer makes curl before 8 lose the answer.
#[tokio::test]
async fn under_http_2_a_small_body_that_nobody_reads_and_that_comes_late_resets_no_stream() {
    const RST_STREAM: u8 = 3;
    const END_STREAM: u8 = 1;
    let server = Running::start(None, Limits::default());
    let (frames, _) = http_2_with_a_late_body(&server, 8000, 8000).await;
    assert!(frames.iter().all(|(kind, ..)| *kind != RST_STREAM), "{frames:?}");
    assert!(frames.last().is_some_and(|(_, flags, _)| flags & END_STREAM != 0), "{frames:?}");
    // Who dawdles, and who has much to send, is answered all the same; the stream ends a while after its answer.
    for (announced, sent) in [(8000, 10), (10_000_000, 10), (8000, 0)] {
        let (frames, took) = http_2_with_a_late_body(&server, announced, sent).await;
        let answered = frames.iter().find(|(_, flags, _)| flags & END_STREAM != 0).expect("an answer").2;
        let (last, _, ended) = *frames.last().unwrap();
        assert_eq!(last, RST_STREAM, "{frames:?}");
        assert!(ended - answered >= Duration::from_millis(300), "{:?}", ended - answered);
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let limits =
        Limits { response_stall: Duration::from_millis(400), drain: Duration::from_secs(10), ..Limits::default() };
    let server = Running::start(None, limits);
    let mut unread = TcpStream::connect(server.address).await.unwrap();
    unread.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let client = plain().http2_prior_knowledge().build().unwrap();
    let http2 = client.get(server.url("http", "/endless")).send().await.unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    // Both are gone: nothing is left to drain.
    let began = Instant::now();
    server.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(http2.bytes().await.is_err());
    let mut rest = Vec::new();
    assert!(unread.read_to_end(&mut rest).await.is_err());
}

#[tokio::test]
async fn above_the_connection_limit_peers_wait_for_room() {
    let server = Running::start(None, Limits { connections: 1, ..Limits::default() });
    let first = TcpStream::connect(server.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(b"GET /ok HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut buffer = vec![0; 1024];
    assert!(tokio::time::timeout(Duration::from_millis(300), second.read(&mut buffer)).await.is_err());
    drop(first);
    let read = tokio::time::timeout(Duration::from_secs(5), second.read(&mut buffer)).await.unwrap().unwrap();
    assert!(buffer[..read].starts_with(b"HTTP/1.1 200"));
    server.stop().await;
}

#[tokio::test]
async fn a_reload_swaps_certificates_for_new_connections_and_a_bad_one_keeps_the_old() {
    let certificates = Certificates::new();
    let handle = TlsHandle::load(&certificates.files()).unwrap();
    let server = Running::start(Some(Arc::clone(&handle)), Limits::default());
    let url = server.url("https", "/ok");
    let get = |client: &reqwest::Client| client.get(&url).send();

    let old = certificates.client().build().unwrap();
    get(&old).await.unwrap().bytes().await.unwrap();
    certificates.issue(2021, 2091);
    handle.reload(&certificates.files()).unwrap();
    // The open connection lives on; new ones get the new certificate.
    get(&old).await.unwrap().bytes().await.unwrap();
    let new = || certificates.client().build().unwrap();
    get(&new()).await.unwrap();

    let good = new();
    std::fs::write(certificates.path("server.pem"), "nothing").unwrap();
    assert!(matches!(handle.reload(&certificates.files()), Err(TlsError::Pem { .. })));
    get(&good).await.unwrap();
    let stranger = Certificates::new();
    assert!(get(&stranger.client().build().unwrap()).await.is_err());
    server.stop().await;
}

#[test]
fn certificates_that_cannot_serve_are_refused() {
    let refused = |certificates: &Certificates| TlsHandle::load(&certificates.files()).err().unwrap();
    let certificates = Certificates::new();
    certificates.issue(2001, 2002);
    let error = refused(&certificates);
    assert!(matches!(&error, TlsError::Expired { ended, .. } if ended == "2002-01-01T00:00:00Z"), "{error}");
    certificates.issue(2080, 2090);
    assert!(matches!(refused(&certificates), TlsError::NotYetValid { .. }));
    certificates.issue(2020, 2090);
    let key = certificates.path("server.key");
    for (mode, fine) in [(0o600, true), (0o640, true), (0o400, true), (0o644, false), (0o660, false), (0o604, false)] {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let loaded = TlsHandle::load(&certificates.files());
        assert_eq!(loaded.is_ok(), fine, "{mode:o}");
        assert!(fine || matches!(loaded.err().unwrap(), TlsError::Permissions { .. }));
    }
    write_private(&key, &rcgen::KeyPair::generate().unwrap().serialize_pem());
    assert!(matches!(refused(&certificates), TlsError::Mismatch { .. }));
    write_private(&key, "no key");
    assert!(matches!(refused(&certificates), TlsError::Pem { expected: "private key", .. }));
    std::fs::remove_file(&key).unwrap();
    assert!(matches!(refused(&certificates), TlsError::Read { .. }));
}

#[tokio::test]
async fn with_a_client_authority_only_its_certificates_get_in() {
    let certificates = Certificates::new();
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    std::fs::write(certificates.path("clients.pem"), ca.self_signed(&ca_key).unwrap().pem()).unwrap();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let client_key = rcgen::KeyPair::generate().unwrap();
    let client = rcgen::CertificateParams::new(vec!["pacs".to_owned()]).unwrap();
    let client = client.signed_by(&client_key, &issuer).unwrap();

    let files = TlsFiles { client_ca: Some(certificates.path("clients.pem")), ..certificates.files() };
    let server = Running::start(Some(TlsHandle::load(&files).unwrap()), Limits::default());
    let url = server.url("https", "/ok");
    assert!(certificates.client().build().unwrap().get(&url).send().await.is_err());
    let identity = format!("{}{}", client_key.serialize_pem(), client.pem());
    let identity = reqwest::Identity::from_pem(identity.as_bytes()).unwrap();
    let response = certificates.client().identity(identity).build().unwrap().get(&url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn the_admin_listener_tells_health_readiness_and_metrics_and_nothing_else() {
    let asked = Arc::new(AtomicUsize::new(0));
    let probe = {
        let asked = Arc::clone(&asked);
        move || -> futures::future::BoxFuture<'static, Readiness> {
            let first = asked.fetch_add(1, Ordering::SeqCst) == 0;
            let providers = vec![(ProviderName::parse("folder").unwrap(), first)];
            Box::pin(async move {
                let (fence, read_only, clock_off_seconds) = (None, false, None);
                Readiness { keys: true, catalog: true, providers, fence, read_only, clock_off_seconds }
            })
        }
    };
    let admin = Admin::with_probe(probe, Metrics::install().unwrap());
    let server = Running::start_with(None, Limits::default(), admin);
    let client = plain().build().unwrap();
    let get = |path: &str| client.get(server.url("http", path)).send();

    assert_eq!(get("/healthz").await.unwrap().text().await.unwrap(), "ok\n");
    for _ in 0..5 {
        let response = get("/readyz").await.unwrap();
        assert_eq!(response.status(), 200);
        let body: serde_json::Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        let expected = serde_json::json!({
            "ready": true, "read_only": false, "keys": true, "catalog": true, "store": "ok", "providers": {"folder": true}
        });
        assert_eq!(body, expected);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the provider can be hammered");
    tokio::time::sleep(ecluse::front::admin::FRESH + Duration::from_millis(100)).await;
    let response = get("/readyz").await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.text().await.unwrap().contains("\"folder\":false"));

    let response = get("/metrics").await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = response.text().await.unwrap();
    assert!(text.contains("ecluse_connections{listener=\"test\"}"), "{text}");
    assert_eq!(get("/").await.unwrap().status(), 404);
    assert_eq!(client.post(server.url("http", "/healthz")).send().await.unwrap().status(), 405);
    let head = client.head(server.url("http", "/healthz")).send().await.unwrap();
    assert_eq!((head.status(), head.headers()["content-length"].to_str().unwrap()), (StatusCode::OK, "3"));
    server.stop().await;
}
