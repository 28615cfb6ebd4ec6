//! Bodies with clocks: a request body that must move, a response body that is seen moving, and what becomes of a request
//! body that nobody read.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::RequestId;
use super::connection::Flight;

/// A refused body up to this size costs less than a new connection.
const MOST_WAITED_FOR_BYTES: u64 = 64 * 1024;
/// Time for an answer to arrive before its HTTP/2 stream is reset.
const LINGER: Duration = Duration::from_millis(500);
/// It is on its way when it comes at all.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Why a request body broke off.
#[derive(Debug, thiserror::Error)]
pub enum RequestBodyError {
    /// No byte for longer than [`Limits::request_stall`](super::Limits::request_stall).
    #[error("the body took too long")]
    TooSlow,
    /// The connection or stream failed.
    #[error("the body broke off")]
    Connection(#[source] hyper::Error),
}

/// A request body that fails when it pauses for too long. The clock runs only while somebody waits for it.
pub struct RequestBody {
    /// There until it ended or failed.
    inner: Option<Incoming>,
    stall: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
    asked_for: bool,
    rest: Rest,
}

impl RequestBody {
    pub(super) fn new(inner: Incoming, stall: Duration, rest: Rest) -> Self {
        Self { inner: Some(inner), stall, deadline: None, asked_for: false, rest }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        let this = &mut *self;
        this.asked_for = true;
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = Pin::new(inner).poll_frame(cx) {
            this.deadline = None;
            if !matches!(frame, Some(Ok(_))) {
                this.inner = None;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(RequestBodyError::Connection)));
        }
        let stall = this.stall;
        let deadline = this.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + stall)));
        match deadline.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(RequestBodyError::TooSlow))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(body) = self.inner.take().filter(|inner| !inner.is_end_stream()) {
            let left = Left { body, asked_for: self.asked_for };
            *self.rest.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(left);
        }
    }
}

/// What was left of a request's body when it was dropped: most refusals do not read it.
///
/// Under HTTP/1.1 the next request comes after it. hyper throws away what has arrived, and otherwise closes the connection
/// without a word; a client then loses the request that it sends next. So a little is waited for, and the rest announced.
///
/// Under HTTP/2 a stream whose body was not read to its end is reset at once after its answer (RFC 9113 §8.1). curl 7.88,
/// which many carry in themselves, then loses the answer. So a little is waited for here too, and what is more is left
/// unread for a while: a client that has its answer by then does not lose it.
#[derive(Clone, Default)]
pub(super) struct Rest(Arc<Mutex<Option<Left>>>);

struct Left {
    body: Incoming,
    /// Somebody read from it, or tried to: a client that waits for `100 Continue` has got it.
    asked_for: bool,
}

impl Rest {
    /// Reads away what was left, if it is little and comes at once; returns what is not gone by then. `waits`: the client
    /// sends its body only when it is asked for it (`Expect`).
    pub(super) async fn read_away(&self, waits: bool) -> Option<Incoming> {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Left { mut body, asked_for } = left?;
        if (waits && !asked_for) || body.size_hint().lower() > MOST_WAITED_FOR_BYTES {
            return Some(body);
        }
        let end = async {
            let mut bytes = 0;
            while let Some(frame) = body.frame().await {
                let Ok(frame) = frame else { return false };
                bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                if bytes > MOST_WAITED_FOR_BYTES {
                    return false;
                }
            }
            true
        };
        let gone = tokio::time::timeout(LONGEST_WAIT, end).await.unwrap_or(false);
        (!gone).then_some(body)
    }
}

/// The rest of an HTTP/2 request's body, which nobody reads: held until its answer has gone out, and a little longer. Its
/// stream's window bounds what comes meanwhile, and the stream counts among those of its connection.
#[derive(Default)]
struct Lingering(Option<Incoming>);

impl Drop for Lingering {
    fn drop(&mut self) {
        if let Some(body) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                tokio::time::sleep(LINGER).await;
                drop(body);
            });
        }
    }
}

/// What hyper is told when a body failed: nothing. A cause that holds an HTTP/2 error of the provider's connection
/// would choose the reason of our own `RST_STREAM`, even `NO_ERROR`.
#[derive(Debug, thiserror::Error)]
#[error("the response was aborted")]
pub(super) struct Aborted;

/// A response body: counts its request as in flight, tells when the peer does not read, and makes an error an abort.
pub(super) struct ResponseBody<B> {
    inner: Pin<Box<B>>,
    flight: Flight,
    request: RequestId,
    lingering: Lingering,
    /// Nothing of `inner` goes out, not even its length.
    silent: bool,
}

impl<B> ResponseBody<B> {
    pub(super) fn new(inner: B, flight: Flight, request: RequestId) -> Self {
        Self { inner: Box::pin(inner), flight, request, lingering: Lingering::default(), silent: false }
    }

    /// The answer has no body, whatever was made for it.
    pub(super) fn silence(&mut self) {
        self.silent = true;
    }

    /// Keeps the rest of the request's body until the answer has arrived.
    pub(super) fn linger(&mut self, rest: Incoming) {
        self.lingering.0 = Some(rest);
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        self.flight.asked_for_more();
        if self.silent {
            return Poll::Ready(None);
        }
        match std::task::ready!(self.inner.as_mut().poll_frame(cx)) {
            Some(Ok(frame)) => {
                self.flight.handed_out();
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => {
                let error: Box<dyn std::error::Error + Send + Sync> = error.into();
                tracing::warn!(request = %self.request, %error, "a response was aborted");
                metrics::counter!(crate::telemetry::names::RESPONSES_ABORTED).increment(1);
                self.flight.abort();
                Poll::Ready(Some(Err(Aborted)))
            }
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.silent || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.silent { SizeHint::with_exact(0) } else { self.inner.size_hint() }
    }
}
