//! The accept loop of every listener: TLS, HTTP/1.1 and HTTP/2, limits, slow clients, drain.
//!
//! # Invariants
//! - An error of a response body aborts the transfer: a TCP reset under HTTP/1.1, `RST_STREAM` under HTTP/2.
//! - No peer holds a connection for ever: the TLS handshake, the header, the request body, the reading of the response
//!   and the pause between requests each have a time limit.
//! - One address does not fill a listener before anybody there has proved who it is, nor one client afterwards.
//! - Nothing that one peer does ends the loop: accept errors are waited out, a panic ends one request.
//! - [`serve`] returns when every connection has ended: by itself, or by force once the drain time is over.

mod body;
mod connection;
mod crowd;
mod limits;
mod pace;
mod socket;
mod unread;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::tls::TlsHandle;
use connection::Connection;
use crowd::Crowd;

pub use body::{RequestBody, RequestBodyError};
pub use crowd::{Standing, Stay, TooMany};
pub use limits::Limits;
pub use unread::Unreadable;

/// What the loop knows of a connection; a copy is in the extensions of each of its requests.
#[derive(Debug, Clone)]
pub struct ConnectionInfo {
    /// The listener, as in logs and metrics: `s3`, `azure`, `admin`.
    pub listener: &'static str,
    /// The peer.
    pub remote: SocketAddr,
    /// The address that the peer reached.
    pub local: SocketAddr,
    /// Whether the connection is under TLS.
    pub tls: bool,
}

/// Names one request, in the log and towards the client: 16 random bytes in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// A fresh one. Falls back to a counter when the system has no randomness: the id is a label, not a secret.
    pub fn generate() -> Self {
        static COUNTER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let mut bytes = [0_u8; 16];
        if crate::secret::fill_random(&mut bytes).is_err() {
            let count = COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            bytes = u128::from(count).to_be_bytes();
        }
        Self(hex::encode(bytes))
    }

    /// The 32 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A front's answer to one request. It may fail only by answering so, or in its body.
pub trait Answer<B>: Clone + Send + Sync + 'static {
    /// Answers. [`RequestId`] and [`ConnectionInfo`] are in the request's extensions.
    fn answer(&self, request: Request<RequestBody>) -> impl Future<Output = Response<B>> + Send + 'static;

    /// Answers a head that could not be read, in the protocol's own words; `None`: its status alone does.
    fn unread(&self, _fault: Unreadable, _id: &RequestId) -> Option<Response<Bytes>> {
        None
    }
}

impl<F, R, B> Answer<B> for F
where
    F: Fn(Request<RequestBody>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<B>> + Send + 'static,
{
    fn answer(&self, request: Request<RequestBody>) -> impl Future<Output = Response<B>> + Send + 'static {
        self(request)
    }
}

/// Serves `listener` until `shutdown` is cancelled, then drains: in-flight requests finish, idle connections close at
/// once, and what is left after [`Limits::drain`] is aborted. Returns when no connection is left.
///
/// Dropping the returned future stops accepting but leaves connections to themselves.
pub async fn serve<A, B>(
    name: &'static str,
    listener: TcpListener,
    tls: Option<Arc<TlsHandle>>,
    limits: Limits,
    answer: A,
    shutdown: CancellationToken,
) where
    A: Answer<B>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let room = Arc::new(Semaphore::new(limits.connections));
    let crowd = Crowd::new(limits.strangers_of_address, limits.connections_of_client);
    let tasks = TaskTracker::new();
    let abort = CancellationToken::new();
    while let Some((stream, remote, permit)) = next(name, &listener, &room, &shutdown).await {
        let Some(standing) = crowd.enter(remote.ip()) else {
            metrics::counter!(crate::telemetry::names::CONNECTIONS_REFUSED, "listener" => name).increment(1);
            tracing::debug!(listener = name, %remote, "too many connections of this address, and nobody known on them");
            continue;
        };
        let connection = Connection {
            listener: name,
            remote,
            standing,
            tls: tls.clone(),
            limits: limits.clone(),
            shutdown: shutdown.clone(),
            abort: abort.clone(),
        };
        let answer = answer.clone();
        tasks.spawn(async move {
            let gauge = metrics::gauge!(crate::telemetry::names::CONNECTIONS, "listener" => name);
            gauge.increment(1.0);
            let _open = Open { gauge, _permit: permit };
            connection.run(stream, answer).await;
        });
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(limits.drain, tasks.wait()).await.is_err() {
        tracing::warn!(listener = name, connections = tasks.len(), "drain time is over; aborting connections");
        abort.cancel();
        tasks.wait().await;
    }
}

/// Binds with `SO_REUSEADDR`, so that a restart need not wait for old connections, and a long backlog.
pub fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { tokio::net::TcpSocket::new_v4()? } else { tokio::net::TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The next connection that there is room for; `None` when it is time to go. Above the limit nobody is accepted:
/// peers wait in the backlog.
async fn next(
    name: &'static str,
    listener: &TcpListener,
    room: &Arc<Semaphore>,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let accepted = async {
        let permit = Arc::clone(room).acquire_owned().await.ok()?;
        let mut pause = FIRST_PAUSE;
        loop {
            match listener.accept().await {
                Ok((stream, remote)) => return Some((stream, remote, permit)),
                Err(error) if concerns_one_peer(&error) => {}
                Err(error) => {
                    // EMFILE, ENFILE, ENOBUFS, ENOMEM: accepting again at once would spin.
                    tracing::error!(listener = name, %error, "cannot accept connections; waiting");
                    metrics::counter!(crate::telemetry::names::ACCEPT_ERRORS, "listener" => name).increment(1);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = shutdown.cancelled() => None,
        accepted = accepted => accepted,
    }
}

/// The peer went away between its handshake and our accept.
fn concerns_one_peer(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

/// An open connection, counted and within the limit until dropped.
struct Open {
    gauge: metrics::Gauge,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.gauge.decrement(1.0);
    }
}

const BACKLOG: u32 = 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
