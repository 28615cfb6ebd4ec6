//! An answer in the making: status, headers, body.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use bytes::Bytes;
use futures::Stream;
use futures::stream::BoxStream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};

use super::exchange::Exchange;
use super::http_date;
use crate::gateway::{Error, Share};
use crate::model::{ETag, Timestamp};

/// A body that is built whole goes out in pieces of so many bytes. One that is no longer needs no share: it is within what a request
/// may take beside the budget (`docs/memory.md`).
const PIECE_BYTES: usize = 64 * 1024;

/// An answer before it goes out.
pub(in crate::front) struct Reply {
    /// The status.
    pub(in crate::front) status: StatusCode,
    /// The headers that the operation has; those of every answer come later.
    pub(in crate::front) headers: HeaderMap,
    /// The body.
    pub(in crate::front) payload: Payload,
    /// The memory of a body that is built whole, until it has gone out.
    share: Option<Share>,
}

/// The body of an answer.
pub(in crate::front) enum Payload {
    /// None.
    Empty,
    /// All of it.
    Whole(Bytes),
    /// Bytes as they come, so many where that is known. An error in it aborts the transfer.
    Stream(BoxStream<'static, Result<Bytes, Error>>, Option<u64>),
}

impl Reply {
    /// An answer without a body.
    pub(in crate::front) fn new(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), payload: Payload::Empty, share: None }
    }

    /// An answer in XML.
    pub(in crate::front) fn xml(text: String) -> Self {
        let mut reply = Self::new(StatusCode::OK).with(CONTENT_TYPE, "application/xml");
        reply.payload = Payload::Whole(text.into());
        reply
    }

    /// The same, in pieces as they come.
    pub(in crate::front) fn xml_stream(pieces: BoxStream<'static, Result<Bytes, Error>>) -> Self {
        let mut reply = Self::new(StatusCode::OK).with(CONTENT_TYPE, "application/xml");
        reply.payload = Payload::Stream(pieces, None);
        reply
    }

    /// As it is sent where there is no request that could be read, which is over with it. What is not whole has no body.
    pub(in crate::front) fn whole(self, exchange: &Exchange) -> Response<Bytes> {
        let body = if let Payload::Whole(bytes) = self.payload { bytes } else { Bytes::new() };
        exchange.finish(self.status, body.len() as u64);
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }

    /// With the share that its body takes, now that it is there.
    pub(in crate::front) fn holding(mut self, mut share: Share) -> Self {
        if let Payload::Whole(bytes) = &self.payload {
            share.shrink_to(bytes.len() as u64);
        }
        self.share = Some(share);
        self
    }

    /// With a header; left out when the value cannot be one.
    pub(in crate::front) fn with(mut self, name: HeaderName, value: &str) -> Self {
        put(&mut self.headers, name, value);
        self
    }

    /// With a header that is there only sometimes.
    pub(in crate::front) fn with_some(self, name: HeaderName, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// With the tag and time of a state.
    pub(in crate::front) fn of_state(self, tag: &ETag, modified: Timestamp) -> Self {
        self.with(ETAG, &format!("\"{tag}\"")).with(LAST_MODIFIED, &http_date::written(modified))
    }
}

/// Sets a header; left out when the value cannot be one.
pub(in crate::front) fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        headers.insert(name, value);
    }
}

/// The body of an answer on its way. When it is dropped, the request is over and is logged.
pub struct Outgoing {
    payload: Payload,
    left: Option<u64>,
    exchange: Arc<Exchange>,
    status: StatusCode,
    bytes_out: u64,
    _share: Option<Share>,
}

impl Outgoing {
    /// Turns a reply into the answer that goes out.
    pub(in crate::front) fn answer(reply: Reply, head: bool, exchange: Arc<Exchange>) -> Response<Self> {
        let Reply { status, mut headers, payload, share } = reply;
        let left = match &payload {
            Payload::Empty => Some(0),
            Payload::Whole(bytes) => Some(bytes.len() as u64),
            Payload::Stream(_, length) => *length,
        };
        debug_assert!(
            share.is_some() || !matches!(&payload, Payload::Whole(bytes) if bytes.len() > PIECE_BYTES),
            "an answer of {left:?} bytes was built without a share of the memory"
        );
        let bodiless = status == StatusCode::NOT_MODIFIED || status == StatusCode::NO_CONTENT;
        // The answer to HEAD says what GET would send; it has said so itself if it knows.
        let said = head && headers.contains_key(CONTENT_LENGTH);
        if let Some(left) = left.filter(|_| !bodiless && !said) {
            put(&mut headers, CONTENT_LENGTH, &left.to_string());
        }
        let (payload, left) = if head || bodiless { (Payload::Empty, Some(0)) } else { (payload, left) };
        let mut response = Response::new(Self { payload, left, exchange, status, bytes_out: 0, _share: share });
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let piece = match &mut this.payload {
            Payload::Empty => None,
            // In pieces: the share lives until the last one is taken, and no piece is taken before there is room for it.
            Payload::Whole(bytes) => {
                let piece = bytes.len().min(PIECE_BYTES);
                (piece > 0).then(|| Ok(bytes.split_to(piece)))
            }
            Payload::Stream(stream, _) => std::task::ready!(Pin::new(stream).poll_next(task)),
        };
        match piece {
            None => {
                this.payload = Payload::Empty;
                Poll::Ready(None)
            }
            Some(Ok(bytes)) => {
                this.bytes_out = this.bytes_out.saturating_add(bytes.len() as u64);
                this.left = this.left.map(|left| left.saturating_sub(bytes.len() as u64));
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Some(Err(cause)) => {
                tracing::error!(request = %this.exchange.id(), %cause, "a download broke off");
                Poll::Ready(Some(Err(cause)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.payload {
            Payload::Empty => true,
            Payload::Whole(bytes) => bytes.is_empty(),
            Payload::Stream(..) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.exchange.finish(self.status, self.bytes_out);
    }
}
