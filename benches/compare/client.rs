//! The client of all systems: HTTP/1.1 over hyper, TLS over rustls, one request at a time on a kept connection.
//!
//! Every answer's status and length are checked; a difference ends the run.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{Request, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::signer::Signer;

/// Where a system answers, and who asks.
pub struct Target {
    pub address: SocketAddr,
    pub host: String,
    pub tls: Option<TlsConnector>,
    pub signer: Signer,
}

/// What a call is about; the signer says it in the system's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    Bucket,
    /// A page of names.
    Names,
    Object,
    /// A block of an object; of Azure only.
    Block(usize),
    /// The list of an object's blocks; of Azure only.
    BlockList,
}

/// A request.
#[derive(Clone)]
pub struct Call {
    pub method: &'static str,
    /// Bucket and name.
    pub path: String,
    pub ask: Ask,
    pub range: Option<String>,
    /// The body is this piece, so many times.
    pub piece: Bytes,
    pub repeats: u64,
    pub expected: Expected,
}

/// What the answer must be.
#[derive(Debug, Clone, Copy)]
pub enum Expected {
    /// A body so long.
    Length(u64),
    /// No body, and this length in the headers.
    Announced(u64),
    /// A page of so many names.
    Names(u64),
    /// Success.
    Nothing,
}

impl Call {
    pub fn new(method: &'static str, path: String, expected: Expected) -> Self {
        Self { method, path, ask: Ask::Object, range: None, piece: Bytes::new(), repeats: 0, expected }
    }

    /// Of the body, in bytes.
    pub fn length(&self) -> u64 {
        self.piece.len() as u64 * self.repeats
    }
}

/// A connection that is kept.
pub struct Connection {
    target: Arc<Target>,
    sender: SendRequest<Pieces>,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    pub async fn open(target: &Arc<Target>) -> Self {
        let socket = TcpStream::connect(target.address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let (sender, driver) = match &target.tls {
            None => handshake(TokioIo::new(socket)).await,
            Some(tls) => {
                let name = ServerName::try_from("localhost").unwrap();
                handshake(TokioIo::new(tls.connect(name, socket).await.unwrap())).await
            }
        };
        Self { target: Arc::clone(target), sender, driver }
    }

    /// Sends and drops the answer's bytes.
    pub async fn call(&mut self, call: Call) {
        self.run(call, None).await;
    }

    /// One after the other.
    pub async fn call_all(&mut self, calls: Vec<Call>) {
        for call in calls {
            self.call(call).await;
        }
    }

    /// Sends and keeps the answer's bytes.
    pub async fn fetch(&mut self, call: Call) -> Bytes {
        let mut kept = BytesMut::new();
        self.run(call, Some(&mut kept)).await;
        kept.freeze()
    }

    async fn run(&mut self, call: Call, mut keep: Option<&mut BytesMut>) {
        let signed = self.target.signer.sign(&call, &self.target.host);
        let mut request =
            Request::builder().method(call.method).uri(signed.target).header(header::HOST, self.target.host.as_str());
        for (name, value) in signed.headers {
            request = request.header(name, value);
        }
        let request = request.body(Pieces::new(call.piece, call.repeats)).unwrap();
        let what = || format!("{} {} {:?}", call.method, call.path, call.range);
        self.sender.ready().await.unwrap_or_else(|error| panic!("{}: {error:?}", what()));
        let answer = self.sender.send_request(request).await;
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error:?}", what()));
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = answer.into_body();
        // rclone says 200 where 206 is meant; the length and, once, the content tell whether it is the range.
        if !status.is_success() {
            let said = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let said: String = String::from_utf8_lossy(&said).chars().take(500).collect();
            panic!("{}: {status} {said}", what());
        }
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.unwrap_or_else(|error| panic!("{} breaks off: {error:?}", what()));
            let Ok(data) = frame.into_data() else { continue };
            length += data.len() as u64;
            if let Some(kept) = &mut keep {
                kept.extend_from_slice(&data);
            }
        }
        match call.expected {
            Expected::Length(expected) => assert_eq!(length, expected, "{}", what()),
            Expected::Announced(expected) => {
                assert_eq!(headers[header::CONTENT_LENGTH], expected.to_string(), "{}", what());
            }
            // Each name has its element with more than a hundred bytes; the first answer is counted exactly.
            Expected::Names(names) => assert!(length > 100 * names, "{}: {length} bytes", what()),
            Expected::Nothing => {}
        }
    }
}

async fn handshake<T>(io: TokioIo<T>) -> (SendRequest<Pieces>, JoinHandle<()>)
where
    TokioIo<T>: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(io).await.unwrap();
    // A failure shows in the call that it breaks.
    (sender, tokio::spawn(async { drop(connection.await) }))
}

/// Trusts the authority of this run.
pub fn connector(authority: &std::path::Path) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// A body of known length without a copy.
struct Pieces {
    waiting: VecDeque<Bytes>,
    left: u64,
}

impl Pieces {
    fn new(piece: Bytes, repeats: u64) -> Self {
        let left = piece.len() as u64 * repeats;
        Self { waiting: (0..repeats).map(|_| piece.clone()).collect(), left }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let next = self.waiting.pop_front();
        self.left -= next.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(next.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
