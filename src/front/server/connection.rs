//! One connection: handshake, requests, clocks, end.
//!
//! # Invariants
//! - A request counts as in flight from its header to the end, failure or drop of its response body.
//! - Under HTTP/1.1 a connection that cannot go on after an answer says so in it: `Connection: close`.
//! - Where a request's body was not read to its end, the socket stays open after the last answer until the peer has closed it, for a
//!   bounded time and number of bytes: otherwise the kernel would throw away what is on its way to the peer.
//! - An answer without a body does not describe one: a refused HEAD, 204 and 304, of every front and however early.
//! - The clocks of [`Activity`] are read by the connection's own task, so nothing outlives it.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt;
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, TRANSFER_ENCODING,
};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::body::{RequestBody, ResponseBody, Rest};
use super::pace::{Pace, Paced, PacedExecutor, STRIDE_BYTES};
use super::socket::Socket;
use super::unread::{self, Unread};
use super::{Answer, ConnectionInfo, Limits, RequestId, Standing};
use crate::front::tls::TlsHandle;
use crate::gateway::Processor;
use crate::redact::{RedactedHeaders, RedactedName};
use crate::telemetry::names;

/// What a connection needs beside its socket.
pub(super) struct Connection {
    pub(super) listener: &'static str,
    pub(super) remote: SocketAddr,
    pub(super) standing: Standing,
    pub(super) tls: Option<Arc<TlsHandle>>,
    pub(super) limits: Limits,
    pub(super) shutdown: CancellationToken,
    pub(super) abort: CancellationToken,
}

/// What the clocks say.
enum Verdict {
    Fine,
    /// No request for [`Limits::idle`]: close as at shutdown.
    Idle,
    /// The peer does not read its response, or does not let an idle connection close.
    Stuck,
}

impl Connection {
    /// Serves the connection to its end.
    pub(super) async fn run<A, B>(self, stream: TcpStream, answer: A)
    where
        A: Answer<B>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let Ok(local) = stream.local_addr() else { return };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let info = ConnectionInfo { listener: self.listener, remote: self.remote, local, tls: self.tls.is_some() };
        let activity = Arc::new(Activity::new());
        let socket = Socket::new(stream, Arc::clone(&activity));
        self.converse(socket, answer, info, Arc::clone(&activity)).await;
        if let Some(stream) = activity.left() {
            self.read_away(stream).await;
        }
    }

    async fn converse<A, B>(&self, socket: Socket, answer: A, info: ConnectionInfo, activity: Arc<Activity>)
    where
        A: Answer<B>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let Some(tls) = &self.tls else { return self.drive(socket, answer, info, activity).await };

        let handshake = TlsAcceptor::from(tls.current()).accept(socket);
        let failure = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return,
            done = tokio::time::timeout(self.limits.handshake, handshake) => match done {
                Ok(Ok(stream)) => return self.drive(stream, answer, info, activity).await,
                Ok(Err(error)) => error.to_string(),
                Err(_elapsed) => "too slow".to_owned(),
            },
        };
        metrics::counter!(names::TLS_HANDSHAKE_FAILURES).increment(1);
        tracing::debug!(listener = self.listener, remote = %self.remote, failure, "no TLS handshake");
    }

    async fn drive<I, A, B>(&self, io: I, answer: A, info: ConnectionInfo, activity: Arc<Activity>)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        A: Answer<B>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let told = unread::told(self.listener, self.remote, answer.clone());
        let service = {
            let (activity, stall) = (Arc::clone(&activity), self.limits.request_stall);
            let standing = self.standing.clone();
            service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(standing.clone());
                respond(answer.clone(), request, info.clone(), Arc::clone(&activity), stall)
            })
        };
        let processor = Processor::of_process();
        let builder = self.builder(&processor);
        let io = Unread::new(io, Arc::clone(&activity), told);
        let connection = builder.serve_connection(TokioIo::new(io), service);
        tokio::pin!(connection);
        let pace = Pace::new(processor, self.standing.clone(), Some(Arc::clone(&activity)));
        let mut connection = Paced::new(connection, pace);
        let mut tick = tokio::time::interval(self.limits.tick());
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut closing = false;
        loop {
            tokio::select! {
                biased;
                () = self.abort.cancelled() => {
                    activity.abort();
                    return;
                }
                ended = &mut connection => {
                    if let Err(error) = ended {
                        tracing::debug!(listener = self.listener, remote = %self.remote, %error, "connection ended");
                    }
                    return;
                }
                () = self.shutdown.cancelled(), if !closing => {
                    closing = true;
                    connection.inner.as_mut().graceful_shutdown();
                }
                _ = tick.tick() => match activity.verdict(&self.limits) {
                    Verdict::Fine => {}
                    Verdict::Idle => {
                        if !closing {
                            closing = true;
                            connection.inner.as_mut().graceful_shutdown();
                        }
                    }
                    Verdict::Stuck => {
                        metrics::counter!(names::CONNECTIONS_STALLED, "listener" => self.listener).increment(1);
                        tracing::info!(listener = self.listener, remote = %self.remote, "peer is stuck; aborting");
                        activity.abort();
                        return;
                    }
                },
            }
        }
    }

    /// Reads what the peer still sends, until it has its answer and closes, for a while at most.
    async fn read_away(&self, mut stream: TcpStream) {
        let away = async {
            let _closed = stream.shutdown().await;
            let (mut piece, mut bytes) = (vec![0; READ_AWAY_PIECE], 0);
            while bytes < MOST_READ_AWAY_BYTES {
                match stream.read(&mut piece).await {
                    Ok(0) | Err(_) => return,
                    Ok(came) => bytes += came,
                }
            }
        };
        tokio::select! {
            biased;
            () = self.abort.cancelled() => {}
            _ended = tokio::time::timeout(LONGEST_READ_AWAY, away) => {}
        }
    }

    fn builder(&self, processor: &Processor) -> auto::Builder<PacedExecutor> {
        let limits = &self.limits;
        let executor = PacedExecutor { processor: processor.clone(), standing: self.standing.clone() };
        let mut builder = auto::Builder::new(executor);
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header)
            .max_buf_size(limits.header_bytes.max(SMALLEST_BUFFER))
            // They are limited by bytes. More lines than these are none that mean anything.
            .max_headers(MOST_HEADERS)
            // A client that closes its sending side early may still read its answer; but a client that went away must
            // be noticed while the answer is made. The second matters more.
            .half_close(false);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
            .max_send_buf_size(SEND_BUFFER_BYTES)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .keep_alive_interval(limits.ping)
            .keep_alive_timeout(limits.ping)
            // Rapid reset (CVE-2023-44487) and made-you-reset (CVE-2025-8671): a flood ends its connection.
            .max_pending_accept_reset_streams(RESETS)
            .max_local_error_reset_streams(RESETS);
        builder
    }
}

/// One request could not be answered because its code panicked.
#[derive(Debug, thiserror::Error)]
#[error("the request ended in a panic")]
struct Panicked;

async fn respond<A, B>(
    answer: A,
    request: Request<Incoming>,
    info: ConnectionInfo,
    activity: Arc<Activity>,
    stall: Duration,
) -> Result<Response<ResponseBody<B>>, Panicked>
where
    A: Answer<B>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let in_turn = request.version() < http::Version::HTTP_2;
    let head = request.method() == Method::HEAD;
    let flight = Flight::new(&activity, in_turn);
    let id = RequestId::generate();
    tracing::debug!(
        request = %id,
        listener = info.listener,
        method = %request.method(),
        path = %RedactedName(request.uri().path()),
        headers = %RedactedHeaders(request.headers()),
        "a request arrived"
    );
    let (rest, waits) = (Rest::default(), request.headers().contains_key(EXPECT));
    let mut request = request.map(|body| RequestBody::new(body, stall, rest.clone()));
    request.extensions_mut().insert(info);
    request.extensions_mut().insert(id.clone());
    let caught = AssertUnwindSafe(async move { answer.answer(request).await }).catch_unwind().await;
    let Ok(response) = caught else {
        tracing::error!(request = %id, "a request panicked");
        metrics::counter!(names::PANICS).increment(1);
        flight.abort();
        return Err(Panicked);
    };
    let mut response = response.map(|body| ResponseBody::new(body, flight, id));
    if describes_nothing(head, response.status()) {
        for name in DESCRIPTIONS {
            response.headers_mut().remove(name);
        }
        response.body_mut().silence();
    }
    match rest.read_away(waits).await {
        Some(_left) if in_turn => {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            activity.is_left_unread();
        }
        // Under HTTP/2 it is its stream's affair: the connection goes on.
        Some(left) => response.body_mut().linger(left),
        None => {}
    }
    Ok(response)
}

/// Whether an answer has no body and speaks of none. A refused HEAD is one: Azure's SDK for C++ parses the body that
/// `Content-Type` names, and ends its process where there is none.
fn describes_nothing(head: bool, status: StatusCode) -> bool {
    let refused = status.is_client_error() || status.is_server_error();
    head && refused || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// What goes on on a connection.
pub(super) struct Activity {
    aborted: AtomicBool,
    /// The peer sent, or sends, what nobody reads.
    unread: AtomicBool,
    /// The socket's stream, when it was closed before that was read.
    left: Mutex<Option<TcpStream>>,
    /// Bytes that the socket may still move in this poll.
    stride: AtomicUsize,
    clocks: Mutex<Clocks>,
}

struct Clocks {
    /// Requests in flight.
    requests: usize,
    /// When there last was one.
    idle_since: Instant,
    /// Responses whose last bytes were handed out and not yet asked for more, and since when.
    unread: Vec<(u64, Instant)>,
    next: u64,
}

impl Activity {
    fn new() -> Self {
        let clocks = Clocks { requests: 0, idle_since: Instant::now(), unread: Vec::new(), next: 0 };
        let (aborted, unread) = (AtomicBool::new(false), AtomicBool::new(false));
        let stride = AtomicUsize::new(usize::MAX);
        Self { aborted, unread, left: Mutex::new(None), stride, clocks: Mutex::new(clocks) }
    }

    /// The connection ends with a request whose body was not read to its end.
    fn is_left_unread(&self) {
        self.unread.store(true, Ordering::Release);
    }

    /// The socket is no longer used. Its stream is kept for [`left`](Self::left) where something is unread.
    pub(super) fn leave(&self, stream: TcpStream) {
        if self.unread.load(Ordering::Acquire) {
            *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream);
        }
    }

    /// The stream whose peer may not have its answer yet.
    fn left(&self) -> Option<TcpStream> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The socket must be reset when it is dropped.
    pub(super) fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
    }

    pub(super) fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::Acquire)
    }

    /// How many requests there were, when none is in flight.
    pub(super) fn answered(&self) -> Option<u64> {
        let clocks = self.clocks();
        (clocks.requests == 0).then_some(clocks.next)
    }

    /// The connection is polled from here on: the socket may move a stride.
    pub(super) fn begin_stride(&self) {
        self.stride.store(STRIDE_BYTES, Ordering::Relaxed);
    }

    /// Whether the socket may move anything more. If not, the connection is polled again when it is its turn.
    pub(super) fn poll_stride(&self, cx: &Context<'_>) -> Poll<()> {
        if self.stride.load(Ordering::Relaxed) > 0 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The socket moved so many bytes. Only the connection's own task calls this.
    pub(super) fn moved(&self, bytes: usize) {
        let left = self.stride.load(Ordering::Relaxed);
        if left != usize::MAX {
            self.stride.store(left.saturating_sub(bytes), Ordering::Relaxed);
        }
    }

    fn clocks(&self) -> std::sync::MutexGuard<'_, Clocks> {
        self.clocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn verdict(&self, limits: &Limits) -> Verdict {
        let clocks = self.clocks();
        if clocks.unread.iter().any(|(_, since)| since.elapsed() > limits.response_stall) {
            return Verdict::Stuck;
        }
        match clocks.requests {
            0 if clocks.idle_since.elapsed() > limits.idle + limits.response_stall => Verdict::Stuck,
            0 if clocks.idle_since.elapsed() > limits.idle => Verdict::Idle,
            _ => Verdict::Fine,
        }
    }
}

/// One request in flight; ends when dropped.
pub(super) struct Flight {
    activity: Arc<Activity>,
    number: u64,
    resets_connection: bool,
}

impl Flight {
    fn new(activity: &Arc<Activity>, resets_connection: bool) -> Self {
        let mut clocks = activity.clocks();
        clocks.requests += 1;
        clocks.next += 1;
        let number = clocks.next;
        drop(clocks);
        Self { activity: Arc::clone(activity), number, resets_connection }
    }

    /// The transfer failed. Under HTTP/1.1 that is the end of the connection; under HTTP/2, of the stream.
    pub(super) fn abort(&self) {
        if self.resets_connection {
            self.activity.abort();
        }
    }

    /// The connection has bytes that the peer should read.
    pub(super) fn handed_out(&self) {
        self.activity.clocks().unread.push((self.number, Instant::now()));
    }

    /// The connection asks for more.
    pub(super) fn asked_for_more(&self) {
        self.activity.clocks().unread.retain(|(number, _)| *number != self.number);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut clocks = self.activity.clocks();
        clocks.requests = clocks.requests.saturating_sub(1);
        clocks.unread.retain(|(number, _)| *number != self.number);
        clocks.idle_since = Instant::now();
    }
}

/// What headers say of a body.
const DESCRIPTIONS: [HeaderName; 5] =
    [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_LANGUAGE, TRANSFER_ENCODING];
const SMALLEST_BUFFER: usize = 8192;
/// Longest time for a peer to take its last answer, when it has sent what nobody reads.
const LONGEST_READ_AWAY: Duration = Duration::from_secs(2);
/// Who has sent as much without looking at the answer is not going to.
const MOST_READ_AWAY_BYTES: usize = 8 << 20;
const READ_AWAY_PIECE: usize = 16 * 1024;
const MOST_HEADERS: usize = 512;
const SEND_BUFFER_BYTES: usize = 256 * 1024;
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// What a peer, known or not, can make us hold unread: this, for each of [`Limits::connections`].
const CONNECTION_WINDOW_BYTES: u32 = 512 * 1024;
const RESETS: usize = 64;
