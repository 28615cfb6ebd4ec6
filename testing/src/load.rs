//! A load client of either front: many connections over TLS that cost little, requests by hand, fast and slow, contents
//! that are known at every position. And a provider that forgets.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use md5::{Digest, Md5};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::azure::shared_key::{Account, Request as Signable};
use crate::noise;
use crate::process::{CLIENT_ID, GatewayProcess};
use crate::s3::sigv4::{Signer, target};

/// A TLS connection to the gateway.
pub type Connection = TlsStream<TcpStream>;

/// How fast a client goes: so many bytes, then a pause.
#[derive(Clone, Copy)]
pub struct Pace {
    pub bytes: usize,
    pub pause: Duration,
}

impl Pace {
    /// As fast as it can.
    pub const FAST: Self = Self { bytes: 256 * 1024, pause: Duration::ZERO };
}

/// An answer without its body, unless it is an error.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    /// The body of an error.
    pub text: String,
}

impl Answer {
    /// Whether it says 503 SlowDown (Azure: ServerBusy), and when to try again.
    pub fn is_slow_down(&self) -> bool {
        let code = ["SlowDown", "ServerBusy"].iter().any(|code| self.text.contains(&format!("<Code>{code}</Code>")));
        self.status == 503 && code && self.head.contains("retry-after: ")
    }

    /// Whether it says that what was sent is stored, made or gone.
    pub fn is_done(&self) -> bool {
        (200..300).contains(&self.status) && self.status != 206
    }
}

/// What an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// An object, or a block blob.
    Whole,
    /// A block of a blob.
    Block,
    /// What a blob grows by.
    Append,
}

/// How a client signs, by the front that it speaks to.
#[derive(Clone)]
enum Signs {
    S3(Signer),
    Azure(Account),
}

/// Contents: a run of noise of a prime length, over and over, from another place for each seed.
#[derive(Clone)]
pub struct Content(Arc<[u8]>);

/// The only block of each blob of blocks.
const BLOCK: &str = "MDAwMQ==";

/// A prime, so that no chunk, segment or piece looks like the one before.
const PERIOD: usize = 1_048_573;

impl Content {
    pub fn new() -> Self {
        let once = noise::content(1, PERIOD);
        Self([once.clone(), once].concat().into())
    }

    /// Up to `wanted` bytes of object `seed` from `position` on.
    pub fn piece(&self, seed: u64, position: u64, wanted: usize) -> &[u8] {
        let at = usize::try_from((position + seed * 7_919) % PERIOD as u64).expect("a position");
        &self.0[at..at + wanted.min(PERIOD)]
    }
}

/// Makes connections and requests.
#[derive(Clone)]
pub struct Clients {
    address: SocketAddr,
    tls: TlsConnector,
    signs: Signs,
    pub content: Content,
}

impl Clients {
    /// Of the S3 front.
    pub fn of(gateway: &GatewayProcess) -> Self {
        Self::known_as(gateway, CLIENT_ID, &gateway.secret)
    }

    /// Of the Azure front.
    pub fn of_azure(gateway: &GatewayProcess) -> Self {
        Self::known_to_azure_as(gateway, CLIENT_ID, &gateway.secret)
    }

    /// Of the S3 front, as another client.
    pub fn known_as(gateway: &GatewayProcess, id: &str, secret: &str) -> Self {
        Self::at(gateway, &gateway.endpoint, Signs::S3(Signer::new(id, secret)))
    }

    /// Of the Azure front, as another client.
    pub fn known_to_azure_as(gateway: &GatewayProcess, id: &str, secret: &str) -> Self {
        let endpoint = gateway.azure_endpoint();
        let (endpoint, _account) = endpoint.rsplit_once('/').expect("the account in its path");
        Self::at(gateway, endpoint, Signs::Azure(Account::new(id, secret)))
    }

    fn at(gateway: &GatewayProcess, endpoint: &str, signs: Signs) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&gateway.authority).expect("a certificate")).expect("an authority");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = config.expect("versions").with_root_certificates(roots).with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled();
        Self {
            address: endpoint.strip_prefix("https://").expect("https").parse().expect("an address"),
            tls: TlsConnector::from(Arc::new(config)),
            signs,
            content: Content::new(),
        }
    }

    /// A connection whose handshake is done.
    pub async fn connect(&self) -> std::io::Result<Connection> {
        self.connect_with(None).await
    }

    /// A connection that takes in no more than `receive_bytes` before somebody reads.
    pub async fn connect_with(&self, receive_bytes: Option<u32>) -> std::io::Result<Connection> {
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = receive_bytes {
            socket.set_recv_buffer_size(bytes)?;
        }
        let stream = socket.connect(self.address).await?;
        stream.set_nodelay(true)?;
        self.tls.connect(ServerName::try_from("localhost").expect("a name"), stream).await
    }

    /// Whether it speaks Azure's protocol.
    pub fn is_azure(&self) -> bool {
        matches!(self.signs, Signs::Azure(_))
    }

    fn head(&self, method: &str, path: &str, query: &[(&str, &str)], more: &[(&str, String)]) -> String {
        let mut headers = vec![("host".to_owned(), self.address.to_string())];
        // The time of the signature is that of the request, however long the test has run.
        let target = match &self.signs {
            Signs::S3(signer) => {
                let signer = Signer { at: time::OffsetDateTime::now_utc(), ..signer.clone() };
                signer.sign(method, path, query, &mut headers, "UNSIGNED-PAYLOAD");
                headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
                target(path, query)
            }
            Signs::Azure(account) => {
                let request = Signable::new(account, method, path).queries(query);
                let request = more.iter().fold(request, |request, (name, value)| request.header(name, value));
                let signed = account.sign(request);
                headers.extend(signed.headers.iter().cloned());
                signed.target()
            }
        };
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{method} {target} HTTP/1.1\r\n{lines}\r\n")
    }

    /// The head of an upload of so many bytes.
    fn head_of(&self, write: Write, path: &str, length: u64, more: &[(&str, String)]) -> String {
        let mut headers = vec![("content-length", length.to_string())];
        headers.extend(more.iter().cloned());
        match (self.is_azure(), write) {
            (true, Write::Block) => self.head("PUT", path, &[("comp", "block"), ("blockid", BLOCK)], &headers),
            (true, Write::Append) => self.head("PUT", path, &[("comp", "appendblock")], &headers),
            (azure, _) => {
                headers.extend(Some(("x-ms-blob-type", "BlockBlob".to_owned())).filter(|_| azure));
                self.head("PUT", path, &[], &headers)
            }
        }
    }

    /// A request without a body.
    pub async fn ask(&self, stream: &mut Connection, method: &str, path: &str) -> std::io::Result<Answer> {
        self.ask_for(stream, method, path, &[], &[]).await
    }

    async fn ask_for(
        &self,
        stream: &mut Connection,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        more: &[(&str, String)],
    ) -> std::io::Result<Answer> {
        let mut headers = vec![("content-length", "0".to_owned())];
        headers.extend(more.iter().cloned());
        stream.write_all(self.head(method, path, query, &headers).as_bytes()).await?;
        stream.flush().await?;
        read_answer(stream, Vec::new()).await.map(|(answer, _)| answer)
    }

    /// Makes a bucket, or a container.
    pub async fn create(&self, stream: &mut Connection, path: &str) -> std::io::Result<Answer> {
        let query: &[(&str, &str)] = if self.is_azure() { &[("restype", "container")] } else { &[] };
        self.ask_for(stream, "PUT", path, query, &[]).await
    }

    /// Asks whether a bucket is there, or a container.
    pub async fn head_bucket(&self, stream: &mut Connection, path: &str) -> std::io::Result<Answer> {
        let query: &[(&str, &str)] = if self.is_azure() { &[("restype", "container")] } else { &[] };
        self.ask_for(stream, "HEAD", path, query, &[]).await
    }

    /// Begins to send XML of so many bytes, which the gateway reads whole.
    pub async fn begin_xml(&self, stream: &mut Connection, path: &str, length: u64) -> std::io::Result<()> {
        let query = if self.is_azure() { [("comp", "blocklist")] } else { [("tagging", "")] };
        let length = [("content-length", length.to_string())];
        stream.write_all(self.head("PUT", path, &query, &length).as_bytes()).await?;
        stream.flush().await
    }

    /// Lists up to `most` names, and counts those that came.
    pub async fn list(&self, stream: &mut Connection, path: &str, most: usize) -> std::io::Result<(Answer, usize)> {
        let most = most.to_string();
        let query: &[(&str, &str)] = match self.is_azure() {
            true => &[("comp", "list"), ("maxresults", &most), ("restype", "container")],
            false => &[("list-type", "2"), ("max-keys", &most)],
        };
        let length = [("content-length", "0".to_owned())];
        stream.write_all(self.head("GET", path, query, &length).as_bytes()).await?;
        stream.flush().await?;
        let (answer, mut body) = read_answer(stream, Vec::new()).await?;
        if answer.status == 200 {
            let end: &[u8] = if self.is_azure() { b"</EnumerationResults>" } else { b"</ListBucketResult>" };
            // The end of the XML, and of the last piece where it comes in pieces.
            let pieces = answer.head.contains("transfer-encoding: chunked");
            let end = if pieces { [end, b"\r\n0\r\n\r\n"].concat() } else { end.to_vec() };
            while !body.ends_with(&end) {
                if stream.read_buf(&mut body).await? == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        let element: &[u8] = if self.is_azure() { b"<Name>" } else { b"<Key>" };
        let names = body.windows(element.len()).filter(|window| *window == element).count();
        Ok((answer, names))
    }

    /// Makes a blob of the one block that was put, or an empty one that grows.
    pub async fn make(&self, stream: &mut Connection, path: &str, write: Write) -> std::io::Result<Answer> {
        match write {
            Write::Append => {
                let kind = [("x-ms-blob-type", "AppendBlob".to_owned())];
                self.ask_for(stream, "PUT", path, &[], &kind).await
            }
            _ => {
                let list = format!("<BlockList><Latest>{BLOCK}</Latest></BlockList>");
                let length = [("content-length", list.len().to_string())];
                stream.write_all(self.head("PUT", path, &[("comp", "blocklist")], &length).as_bytes()).await?;
                stream.write_all(list.as_bytes()).await?;
                stream.flush().await?;
                read_answer(stream, Vec::new()).await.map(|(answer, _)| answer)
            }
        }
    }

    /// Uploads `length` bytes of object `seed` to `path`.
    pub async fn put(
        &self,
        stream: &mut Connection,
        path: &str,
        seed: u64,
        length: u64,
        pace: Pace,
    ) -> std::io::Result<Answer> {
        self.put_as(Write::Whole, stream, path, seed, length, pace).await
    }

    /// The same, for each kind of upload.
    pub async fn put_as(
        &self,
        write: Write,
        stream: &mut Connection,
        path: &str,
        seed: u64,
        length: u64,
        pace: Pace,
    ) -> std::io::Result<Answer> {
        self.begin_put_as(write, stream, path, length).await?;
        self.send(stream, seed, 0..length, pace).await?;
        read_answer(stream, Vec::new()).await.map(|(answer, _)| answer)
    }

    /// Begins an upload.
    pub async fn begin_put(&self, stream: &mut Connection, path: &str, length: u64) -> std::io::Result<()> {
        self.begin_put_as(Write::Whole, stream, path, length).await
    }

    /// The same, for each kind of upload.
    pub async fn begin_put_as(
        &self,
        write: Write,
        stream: &mut Connection,
        path: &str,
        length: u64,
    ) -> std::io::Result<()> {
        stream.write_all(self.head_of(write, path, length, &[]).as_bytes()).await?;
        stream.flush().await
    }

    /// Like [`put`](Self::put), but the body goes only when it is asked for (`Expect: 100-continue`), as boto3 does.
    pub async fn put_if_asked(
        &self,
        stream: &mut Connection,
        path: &str,
        seed: u64,
        length: u64,
    ) -> std::io::Result<Answer> {
        let more = [("expect", "100-continue".into())];
        stream.write_all(self.head_of(Write::Whole, path, length, &more).as_bytes()).await?;
        stream.flush().await?;
        let (first, rest) = read_answer(stream, Vec::new()).await?;
        if first.status != 100 {
            return Ok(first);
        }
        let sent = self.send(stream, seed, 0..length, Pace::FAST).await;
        // An answer that came before the end of the body counts, too.
        let answer = read_answer(stream, rest).await.map(|(answer, _)| answer);
        if answer.is_err() { sent.and(answer) } else { answer }
    }

    /// Like [`put`](Self::put), and reads the answer even if the gateway did not want all of the body.
    pub async fn put_anyhow(
        &self,
        stream: &mut Connection,
        path: &str,
        seed: u64,
        length: u64,
    ) -> std::io::Result<Answer> {
        self.begin_put(stream, path, length).await?;
        let sent = self.send(stream, seed, 0..length, Pace::FAST).await;
        let answer = read_answer(stream, Vec::new()).await.map(|(answer, _)| answer);
        if answer.is_err() { sent.and(answer) } else { answer }
    }

    /// The rest of a body, and the answer.
    pub async fn put_rest(&self, stream: &mut Connection, seed: u64, bytes: Range<u64>) -> std::io::Result<Answer> {
        self.send(stream, seed, bytes, Pace::FAST).await?;
        read_answer(stream, Vec::new()).await.map(|(answer, _)| answer)
    }

    /// Sends bytes of a body.
    pub async fn send(&self, stream: &mut Connection, seed: u64, bytes: Range<u64>, pace: Pace) -> std::io::Result<()> {
        let mut at = bytes.start;
        while at < bytes.end {
            let wanted = usize::try_from(bytes.end - at).unwrap_or(usize::MAX).min(pace.bytes);
            stream.write_all(self.content.piece(seed, at, wanted)).await?;
            at += wanted as u64;
            if !pace.pause.is_zero() {
                stream.flush().await?;
                tokio::time::sleep(pace.pause).await;
            }
        }
        stream.flush().await
    }

    /// Reads a range of object `seed`, and holds every byte against what was written.
    pub async fn get(
        &self,
        stream: &mut Connection,
        path: &str,
        seed: u64,
        range: Range<u64>,
        pace: Pace,
    ) -> std::io::Result<Answer> {
        let (answer, rest) = self.begin_get(stream, path, &range).await?;
        if answer.status == 206 {
            self.receive(stream, seed, range, rest, pace).await?;
        }
        Ok(answer)
    }

    /// Begins a download: the answer's head, and what came of the body.
    pub async fn begin_get(
        &self,
        stream: &mut Connection,
        path: &str,
        range: &Range<u64>,
    ) -> std::io::Result<(Answer, Vec<u8>)> {
        self.begin_get_with(stream, path, range, &[]).await
    }

    /// The same, with more headers.
    pub async fn begin_get_with(
        &self,
        stream: &mut Connection,
        path: &str,
        range: &Range<u64>,
        more: &[(&str, String)],
    ) -> std::io::Result<(Answer, Vec<u8>)> {
        self.want(stream, path, range, more).await?;
        read_answer(stream, Vec::new()).await
    }

    /// Asks for a range, and reads nothing of the answer.
    pub async fn want(
        &self,
        stream: &mut Connection,
        path: &str,
        range: &Range<u64>,
        more: &[(&str, String)],
    ) -> std::io::Result<()> {
        let mut headers = vec![("range", format!("bytes={}-{}", range.start, range.end - 1))];
        headers.extend(more.iter().cloned());
        stream.write_all(self.head("GET", path, &[], &headers).as_bytes()).await?;
        stream.flush().await
    }

    /// Reads the body of a range; `came` of it are here already.
    ///
    /// # Panics
    /// When a byte is not what was written.
    pub async fn receive(
        &self,
        stream: &mut Connection,
        seed: u64,
        range: Range<u64>,
        came: Vec<u8>,
        pace: Pace,
    ) -> std::io::Result<()> {
        let mut at = range.start;
        let check = |at: &mut u64, bytes: &[u8]| {
            assert!(*at + bytes.len() as u64 <= range.end, "more than was asked for");
            assert!(bytes == self.content.piece(seed, *at, bytes.len()), "wrong bytes at {at} of object {seed}");
            *at += bytes.len() as u64;
        };
        check(&mut at, &came);
        let mut buffer = vec![0; pace.bytes];
        while at < range.end {
            let wanted = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(pace.bytes);
            let got = stream.read(&mut buffer[..wanted]).await?;
            if got == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            check(&mut at, &buffer[..got]);
            if !pace.pause.is_zero() {
                tokio::time::sleep(pace.pause).await;
            }
        }
        Ok(())
    }
}

/// The head of an answer, the whole body of an error, and what came of the body of a success.
async fn read_answer(stream: &mut Connection, mut came: Vec<u8>) -> std::io::Result<(Answer, Vec<u8>)> {
    let mut buffer = [0; 4096];
    let end = loop {
        if let Some(end) = came.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        let got = stream.read(&mut buffer).await?;
        if got == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        came.extend_from_slice(&buffer[..got]);
    };
    let mut body = came.split_off(end);
    let head = String::from_utf8_lossy(&came).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    if status < 300 {
        return Ok((Answer { status, head, text: String::new() }, body));
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
    while body.len() < length.unwrap_or(usize::MAX) {
        let got = stream.read(&mut buffer).await?;
        if got == 0 {
            break;
        }
        body.extend_from_slice(&buffer[..got]);
    }
    Ok((Answer { status, head, text: String::from_utf8_lossy(&body).into_owned() }, Vec::new()))
}

/// An S3 server that takes everything and keeps nothing: for more bytes than a disk has.
pub struct Forgetful {
    /// `http://127.0.0.1:PORT`.
    pub endpoint: String,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Forgetful {
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let (stop, stopped) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                tokio::select! {
                    () = take_everything(listener) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { endpoint, _stop: stop }
    }
}

async fn take_everything(listener: std::net::TcpListener) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    let notes = Notes::default();
    while let Ok((socket, _)) = listener.accept().await {
        let notes = Arc::clone(&notes);
        tokio::spawn(async move {
            let service = service_fn(|request| async { Ok::<_, Infallible>(forget(request, &notes).await) });
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await.ok();
        });
    }
}

/// What is written create-only, the catalog's notes: these are kept.
type Notes = Arc<Mutex<HashMap<String, Bytes>>>;

async fn forget(request: Request<Incoming>, notes: &Notes) -> Response<Full<Bytes>> {
    let (head, mut body) = request.into_parts();
    let create_only = head.headers.contains_key("if-none-match");
    let (mut digest, mut kept) = (Md5::new(), Vec::new());
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(piece) = frame.into_data() else { continue };
        digest.update(&piece);
        if create_only {
            kept.extend_from_slice(&piece);
        }
    }
    let mut notes = notes.lock().expect("nobody panicked");
    let path = head.uri.path().to_owned();
    let note = notes.get(&path).cloned();
    let (status, text) = match head.method {
        Method::PUT if create_only && note.is_some() => {
            (StatusCode::PRECONDITION_FAILED, Bytes::from_static(b"<Error><Code>PreconditionFailed</Code></Error>"))
        }
        Method::PUT => {
            if create_only {
                notes.insert(path, kept.into());
            }
            (StatusCode::OK, Bytes::new())
        }
        Method::DELETE => {
            notes.remove(&path);
            (StatusCode::NO_CONTENT, Bytes::new())
        }
        _ => match note {
            Some(note) if head.headers.contains_key("range") => (StatusCode::PARTIAL_CONTENT, note),
            Some(note) => (StatusCode::OK, note),
            None => (StatusCode::NOT_FOUND, Bytes::from_static(b"<Error><Code>NoSuchKey</Code></Error>")),
        },
    };
    let length = text.len();
    let mut answer = Response::new(Full::new(text));
    *answer.status_mut() = status;
    let mut say =
        |name: &'static str, value: String| answer.headers_mut().insert(name, value.parse().expect("a value"));
    say("etag", format!("\"{}\"", hex::encode(digest.finalize())));
    say("last-modified", "Tue, 03 Nov 2026 10:00:00 GMT".to_owned());
    if status == StatusCode::PARTIAL_CONTENT {
        // A note is asked for whole, and is shorter than what is asked for.
        say("content-range", format!("bytes 0-{}/{length}", length.saturating_sub(1)));
    }
    answer
}
