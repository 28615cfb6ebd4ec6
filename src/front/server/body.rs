//! Bodies with clocks: a request body that must move, a response body that is seen moving.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::RequestId;
use super::connection::Flight;

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
    inner: Incoming,
    stall: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl RequestBody {
    pub(super) fn new(inner: Incoming, stall: Duration) -> Self {
        Self { inner, stall, deadline: None }
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
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
            this.deadline = None;
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
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
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
}

impl<B> ResponseBody<B> {
    pub(super) fn new(inner: B, flight: Flight, request: RequestId) -> Self {
        Self { inner: Box::pin(inner), flight, request }
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
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
