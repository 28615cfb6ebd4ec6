//! Request bodies: counted as they arrive, decoded, and their failures told apart.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as Task, Poll};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use s3s::StdError;
use s3s::dto::StreamingBlob;

use super::chunked::Decoder;
use super::context::Context;
use crate::front::server::RequestBodyError;
use crate::gateway::BodyError;

/// A body as it arrives: counts its bytes and notes when the connection breaks off.
struct Incoming<B> {
    inner: B,
    context: Arc<Context>,
}

impl<B> Body for Incoming<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<StdError>,
{
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(task));
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => {
                if let Some(piece) = frame.data_ref() {
                    self.context.arrived(piece);
                }
                if self.context.has_too_many_tags() {
                    return Err("more XML elements than any request needs".into());
                }
                Ok(frame)
            }
            Err(cause) => {
                let cause: StdError = cause.into();
                let slow = matches!(cause.downcast_ref(), Some(RequestBodyError::TooSlow));
                let note = if slow { &self.context.too_slow } else { &self.context.broke_off };
                note.store(true, Ordering::Relaxed);
                Err(cause)
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A body as it arrives, whoever reads it.
pub(super) type RawBody = Pin<Box<dyn Body<Data = Bytes, Error = StdError> + Send>>;

/// The request's body as `s3s` sees it. It lies in the request's [`Context`]: an operation that decodes its body itself
/// takes it from there before `s3s` has read any of it.
pub(super) struct Lent(Arc<Context>);

impl Lent {
    pub(super) fn new<B>(body: B, context: Arc<Context>) -> Self
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<StdError>,
    {
        let incoming = Incoming { inner: body, context: Arc::clone(&context) };
        *context.body() = Some(Box::pin(incoming));
        Self(context)
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        self.0.body().as_mut().map_or(Poll::Ready(None), |body| body.as_mut().poll_frame(task))
    }

    fn is_end_stream(&self) -> bool {
        self.0.body().as_ref().is_none_or(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.body().as_ref().map_or_else(|| SizeHint::with_exact(0), |body| body.size_hint())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // The connection goes on when nobody reads the body any more, not when the request has been logged.
        drop(self.0.body().take());
    }
}

/// The bytes of a body that is read whole.
pub(super) fn bytes_of(body: RawBody, context: Arc<Context>) -> BoxStream<'static, Result<Bytes, BodyError>> {
    let frames = futures::stream::unfold(body, |mut body| async move {
        let frame = std::future::poll_fn(|task| body.as_mut().poll_frame(task)).await?;
        Some((frame.map(|frame| frame.into_data().unwrap_or_default()), body))
    });
    frames.map(move |piece| piece.map_err(|cause| classify(&cause, &context))).boxed()
}

/// A body that has come.
pub(super) fn whole(bytes: Bytes) -> RawBody {
    Box::pin(http_body_util::Full::new(bytes).map_err(|never| match never {}))
}

/// Where the trailers of a body are once it has ended.
pub(super) type Trailers = Arc<Mutex<HeaderMap>>;

/// The bytes of an aws-chunked body. An error when its framing or one of its signatures is wrong.
pub(super) fn dechunked(
    body: RawBody,
    decoder: Decoder,
    trailers: Trailers,
    context: Arc<Context>,
) -> BoxStream<'static, Result<Bytes, BodyError>> {
    let start = (body, Some(decoder), Bytes::new());
    futures::stream::try_unfold(start, move |(mut body, decoder, mut input)| {
        let (trailers, context) = (Arc::clone(&trailers), Arc::clone(&context));
        async move {
            let Some(mut decoder) = decoder else { return Ok(None) };
            loop {
                if let Some(data) = decoder.next(&mut input)? {
                    return Ok(Some((data, (body, Some(decoder), input))));
                }
                match std::future::poll_fn(|task| body.as_mut().poll_frame(task)).await {
                    Some(Ok(frame)) => input = frame.into_data().unwrap_or_default(),
                    Some(Err(cause)) => return Err(classify(&cause, &context)),
                    None => {
                        *trailers.lock().unwrap_or_else(PoisonError::into_inner) = decoder.finish()?;
                        return Ok(None);
                    }
                }
            }
        }
    })
    .boxed()
}

/// The bytes of a plain body, with `s3s`'s errors told apart.
pub(super) fn plain(body: StreamingBlob, context: Arc<Context>) -> BoxStream<'static, Result<Bytes, BodyError>> {
    body.map(move |piece| piece.map_err(|cause| classify(&cause, &context))).boxed()
}

/// `s3s` keeps its stream errors private; their names are in their texts, which `tests/protocol/s3/` holds fast.
fn classify(cause: &StdError, context: &Context) -> BodyError {
    let text = cause.to_string();
    if context.too_slow.load(Ordering::Relaxed) {
        BodyError::Timeout
    } else if context.broke_off.load(Ordering::Relaxed) {
        BodyError::Incomplete
    } else if text.contains("Sha256Mismatch") {
        context.hash_mismatch.store(true, Ordering::Relaxed);
        BodyError::Signature
    } else if text.contains("Incomplete") || text.contains("LengthMismatch") {
        BodyError::Incomplete
    } else {
        BodyError::Malformed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::server::RequestId;

    fn of(text: &str) -> BodyError {
        classify(&StdError::from(text.to_owned()), &Context::new(RequestId::generate(), false))
    }

    #[test]
    fn failures_are_told_apart() {
        assert!(matches!(of("UploadStreamError: Sha256Mismatch"), BodyError::Signature));
        assert!(matches!(of("something else"), BodyError::Malformed));
        assert!(matches!(of("UploadStreamError: Incomplete"), BodyError::Incomplete));
    }

    #[test]
    fn a_broken_connection_is_incomplete_whatever_the_decoder_says() {
        let context = Context::new(RequestId::generate(), false);
        context.broke_off.store(true, Ordering::Relaxed);
        let cause = StdError::from("something else");
        assert!(matches!(classify(&cause, &context), BodyError::Incomplete));
    }
}
