//! The provider's side of the wire: a proxy on loopback between the gateway and a real S3 server or Azurite. It keeps
//! everything that the gateway sent (request lines, headers, bodies), and can lie in the answers.
//!
//! Requests go on byte for byte with their own `Host`, so the real server still checks the gateway's signatures.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use crate::provider::shape;

/// One request, as it arrived.
#[derive(Clone)]
pub struct Recorded {
    /// GET, PUT, ...
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// A lie in the answer to a GET.
#[derive(Clone)]
pub enum Tamper {
    /// One bit of the body is flipped at this offset from its begin (negative: from its end).
    Flip(i64),
    /// The body ends here, and the headers agree.
    Truncate(usize),
    /// More bytes follow, and the headers agree.
    Extend(Bytes),
    /// Another path's stored bytes (same range).
    Swap(String),
    /// These bytes in place of the stored ones (same range).
    Substitute(Bytes),
    /// The headers promise everything; the connection breaks after so many bytes.
    Cut(usize),
    /// Nothing but a status.
    Status(u16),
    /// No answer for so long, then the truth.
    Hang(Duration),
}

/// How far a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Its head is here.
    Arrived,
    /// Half of its body is here (of a body whose length was announced).
    HalfReceived,
    /// All of it is here; the server does not know of it yet.
    Received,
    /// The server has answered; the gateway does not know of it yet.
    Done,
}

type Watch = Arc<dyn Fn(Stage, &Method, &str) + Send + Sync>;
type Rule = Arc<dyn Fn(&str) -> Option<Tamper> + Send + Sync>;
type Answer = Response<UnsyncBoxBody<Bytes, std::io::Error>>;

#[derive(Default)]
struct State {
    requests: Vec<Recorded>,
    stored: HashMap<String, Bytes>,
    rule: Option<Rule>,
    watch: Option<Watch>,
    lies: usize,
}

/// The proxy. It has its own thread and runtime, and ends when dropped.
pub struct Recorder {
    /// What the gateway is told to be its provider.
    pub endpoint: String,
    state: Arc<Mutex<State>>,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Recorder {
    /// Stands before a server at `http://HOST:PORT[/PATH]`; its own endpoint has the same path.
    pub fn start(upstream: &str) -> Self {
        let rest = upstream.strip_prefix("http://").expect("a plain endpoint");
        let (authority, path) = rest.split_once('/').map_or((rest, String::new()), |(a, p)| (a, format!("/{p}")));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a non-blocking listener");
        let endpoint = format!("http://{}{path}", listener.local_addr().expect("its address"));
        let state = Arc::new(Mutex::new(State::default()));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (shared, authority) = (Arc::clone(&state), Arc::<str>::from(authority));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                tokio::select! { () = accept(listener, authority, shared) => {}, _ = stopped => {} }
            });
        });
        Self { endpoint, state, _stop: stop }
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.state).requests.clone()
    }

    /// Everything that the provider learned, as bytes: request lines, headers and bodies.
    pub fn everything(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for request in &lock(&self.state).requests {
            bytes.extend_from_slice(format!("\n{} {}\n", request.method, request.target).as_bytes());
            for (name, value) in &request.headers {
                bytes.extend_from_slice(name.as_str().as_bytes());
                bytes.extend_from_slice(b": ");
                bytes.extend_from_slice(value.as_bytes());
                bytes.push(b'\n');
            }
            bytes.push(b'\n');
            bytes.extend_from_slice(&request.body);
        }
        bytes
    }

    /// The paths that were written so far and not deleted, in the order of writing, with their bytes.
    pub fn stored(&self) -> Vec<(String, Bytes)> {
        let state = lock(&self.state);
        let mut paths: Vec<String> = Vec::new();
        for request in state.requests.iter().filter(|request| request.method == Method::PUT) {
            let path = path_of(&request.target).to_owned();
            if state.stored.contains_key(&path) && !paths.contains(&path) {
                paths.push(path);
            }
        }
        paths.into_iter().map(|path| (path.clone(), state.stored[&path].clone())).collect()
    }

    /// From now on, answers to GETs are what `rule` makes of their path.
    pub fn tamper(&self, rule: impl Fn(&str) -> Option<Tamper> + Send + Sync + 'static) {
        lock(&self.state).rule = Some(Arc::new(rule));
    }

    /// From now on `watch` is called at each stage of each request, which waits for it.
    pub fn watch(&self, watch: impl Fn(Stage, &Method, &str) + Send + Sync + 'static) {
        lock(&self.state).watch = Some(Arc::new(watch));
    }

    /// Forgets every request so far, and says of the first that no gateway would send what is wrong with it.
    pub fn forget(&self) -> Option<String> {
        std::mem::take(&mut lock(&self.state).requests).iter().find_map(|request| {
            let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("?")));
            let headers: Vec<_> = headers.collect();
            shape::request_fault(request.method.as_str(), &request.target, &headers, &request.body)
        })
    }

    /// How many answers were tampered with so far.
    pub fn lies(&self) -> usize {
        lock(&self.state).lies
    }

    /// From now on, nothing but the truth.
    pub fn honest(&self) {
        lock(&self.state).rule = None;
    }
}

impl Drop for Recorder {
    /// Whatever a provider was sent, in any test, was for a sealed chunk.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.forget(), None, "a request to the provider");
        }
    }
}

/// The path of a request target.
fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap_or(target)
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: std::net::TcpListener, upstream: Arc<str>, state: Arc<Mutex<State>>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("the listener");
    while let Ok((socket, _)) = listener.accept().await {
        socket.set_nodelay(true).ok();
        let (upstream, state) = (Arc::clone(&upstream), Arc::clone(&state));
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let (upstream, state) = (Arc::clone(&upstream), Arc::clone(&state));
                async move {
                    let answer = pass(request, &upstream, &state).await;
                    Ok::<_, Infallible>(answer.unwrap_or_else(|_| whole(StatusCode::BAD_GATEWAY, Bytes::new())))
                }
            });
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await.ok();
        });
    }
}

async fn pass(
    request: Request<Incoming>,
    upstream: &str,
    state: &Mutex<State>,
) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
    let (head, mut body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let path = path_of(&target).to_owned();
    let watch = lock(state).watch.clone();
    let seen = |stage| {
        if let Some(watch) = &watch {
            watch(stage, &head.method, &path);
        }
    };
    seen(Stage::Arrived);
    let announced =
        head.headers.get(http::header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let half = announced.map_or(usize::MAX, |length: usize| length / 2).max(1);
    let mut received = Vec::new();
    while let Some(frame) = body.frame().await {
        let before = received.len();
        received.extend_from_slice(frame?.data_ref().map_or(&[], |data| data));
        if before < half && received.len() >= half {
            seen(Stage::HalfReceived);
        }
    }
    let body = Bytes::from(received);
    seen(Stage::Received);
    let rule = {
        let mut state = lock(state);
        let (method, headers) = (head.method.clone(), head.headers.clone());
        state.requests.push(Recorded { method, target: target.clone(), headers, body: body.clone() });
        if head.method == Method::PUT {
            state.stored.insert(path.clone(), body.clone());
        } else if head.method == Method::DELETE {
            state.stored.remove(&path);
        }
        state.rule.clone()
    };
    let tamper = if head.method == Method::GET { rule.and_then(|rule| rule(&path)) } else { None };
    if tamper.is_some() {
        lock(state).lies += 1;
    }
    if let Some(Tamper::Status(code)) = tamper {
        return Ok(whole(StatusCode::from_u16(code)?, Bytes::new()));
    }
    if let Some(Tamper::Hang(time)) = tamper {
        tokio::time::sleep(time).await;
    }

    // One connection for each request: simple, and the loopback is cheap.
    let socket = tokio::net::TcpStream::connect(upstream).await?;
    socket.set_nodelay(true)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    tokio::spawn(connection);
    let mut forward = Request::builder().method(head.method.clone()).uri(&target).body(Full::new(body))?;
    *forward.headers_mut() = head.headers;
    let answer = sender.send_request(forward).await?;
    let (mut parts, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    seen(Stage::Done);
    parts.headers.remove(http::header::TRANSFER_ENCODING);
    parts.headers.remove(http::header::CONNECTION);
    if head.method == Method::HEAD {
        return Ok(Response::from_parts(parts, Full::new(body).map_err(never).boxed_unsync()));
    }
    let stored = |path: &str| lock(state).stored.get(path).cloned();
    let (body, cut) = match tamper {
        Some(tamper) if parts.status.is_success() => lie(tamper, body, &parts.headers, stored),
        _ => (body, None),
    };
    parts.headers.insert(http::header::CONTENT_LENGTH, body.len().into());
    // A checksum that the server sent would give the lie away to the gateway's own HTTP client.
    parts.headers.remove("content-md5");
    let body = match cut {
        None => Full::new(body).map_err(never).boxed_unsync(),
        Some(after) => {
            let first = Ok(Frame::data(body.slice(..after.min(body.len()))));
            let broken = Err(std::io::Error::other("the line broke"));
            // The pause lets the first bytes reach the gateway before the connection ends.
            let broken = futures::stream::once(async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                broken
            });
            StreamBody::new(futures::stream::iter([first]).chain(broken)).boxed_unsync()
        }
    };
    Ok(Response::from_parts(parts, body))
}

/// The false body, and after how many bytes the connection breaks.
fn lie(
    tamper: Tamper,
    body: Bytes,
    headers: &HeaderMap,
    stored: impl Fn(&str) -> Option<Bytes>,
) -> (Bytes, Option<usize>) {
    let begin = headers
        .get(http::header::CONTENT_RANGE)
        .and_then(|range| range.to_str().ok()?.strip_prefix("bytes ")?.split('-').next()?.parse::<usize>().ok())
        .unwrap_or(0);
    let part = |other: Bytes| {
        let begin = begin.min(other.len());
        other.slice(begin..(begin + body.len()).min(other.len()))
    };
    match tamper {
        Tamper::Flip(at) => {
            let mut bytes = body.to_vec();
            let last = bytes.len().saturating_sub(1);
            let distance = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
            let at = if at < 0 { bytes.len().saturating_sub(distance) } else { distance };
            if let Some(byte) = bytes.get_mut(at.min(last)) {
                *byte ^= 0x20;
            }
            (bytes.into(), None)
        }
        Tamper::Truncate(to) => (body.slice(..to.min(body.len())), None),
        Tamper::Extend(more) => ([body, more].concat().into(), None),
        Tamper::Swap(path) => (stored(&path).map_or_else(Bytes::new, part), None),
        Tamper::Substitute(bytes) => (part(bytes), None),
        Tamper::Cut(after) => (body, Some(after)),
        Tamper::Status(_) | Tamper::Hang(_) => (body, None),
    }
}

fn whole(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body).map_err(never).boxed_unsync());
    *answer.status_mut() = status;
    answer
}

fn never(never: Infallible) -> std::io::Error {
    match never {}
}
