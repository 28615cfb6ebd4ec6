//! Request bodies: counted as they arrive, and their failures told apart.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context as Task, Poll};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use http_body::{Body, Frame, SizeHint};
use s3s::StdError;
use s3s::dto::StreamingBlob;

use super::context::Context;
use crate::front::server::RequestBodyError;
use crate::gateway::BodyError;

/// A body as it arrives: counts its bytes and notes when the connection breaks off.
pub(super) struct Incoming<B> {
    inner: B,
    context: Arc<Context>,
}

impl<B> Incoming<B> {
    pub(super) fn new(inner: B, context: Arc<Context>) -> Self {
        Self { inner, context }
    }
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

/// The decoded bytes of a body, with `s3s`'s errors told apart.
pub(super) fn decoded(body: StreamingBlob, context: Arc<Context>) -> BoxStream<'static, Result<Bytes, BodyError>> {
    body.map(move |piece| piece.map_err(|cause| classify(&cause, &context))).boxed()
}

/// `s3s` keeps its stream errors private; their names are in their texts, which `tests/s3_protocol.rs` holds fast.
fn classify(cause: &StdError, context: &Context) -> BodyError {
    let text = cause.to_string();
    if context.too_slow.load(Ordering::Relaxed) {
        BodyError::Timeout
    } else if context.broke_off.load(Ordering::Relaxed) {
        BodyError::Incomplete
    } else if text.contains("Sha256Mismatch") {
        context.hash_mismatch.store(true, Ordering::Relaxed);
        BodyError::Signature
    } else if text.contains("SignatureMismatch") {
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
        assert!(matches!(of("AwsChunkedStreamError: SignatureMismatch"), BodyError::Signature));
        assert!(matches!(of("AwsChunkedStreamError: FormatError"), BodyError::Malformed));
        assert!(matches!(of("UploadStreamError: Incomplete"), BodyError::Incomplete));
    }

    #[test]
    fn a_broken_connection_is_incomplete_whatever_the_decoder_says() {
        let context = Context::new(RequestId::generate(), false);
        context.broke_off.store(true, Ordering::Relaxed);
        let cause = StdError::from("AwsChunkedStreamError: FormatError");
        assert!(matches!(classify(&cause, &context), BodyError::Incomplete));
    }
}
