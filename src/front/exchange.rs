//! One request and its answer: what is known of it while it is served, and the line and the numbers it leaves behind.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;

use super::server::{RequestBody, RequestBodyError, RequestId, Stay};
use crate::gateway::BodyError;
use crate::model::ClientId;

/// What metrics call a request of which it is not known which operation it is.
pub(in crate::front) const UNKNOWN: &str = "unknown";

/// Most bytes of a request's headers, names and values. The listeners take twice as much, so that what is too much is still
/// read and answered as any request is.
const MOST_HEADER_BYTES: usize = 32 * 1024;

/// Whether a request has more headers than any front takes.
pub(in crate::front) fn has_too_many(headers: &HeaderMap) -> bool {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() > MOST_HEADER_BYTES
}

/// A request's body as it arrives.
pub(in crate::front) type Incoming = BoxStream<'static, Result<Bytes, BodyError>>;

/// One request. Shared by its body and its answer.
pub(in crate::front) struct Exchange {
    /// Names the request in the log and towards the client, as the front writes it.
    id: String,
    front: &'static str,
    started: Instant,
    operation: OnceLock<&'static str>,
    client: OnceLock<ClientId>,
    /// The request's place among those of its client.
    stay: OnceLock<Stay>,
    /// Bytes of the body as they arrived.
    bytes_in: AtomicU64,
}

impl Exchange {
    /// A request that begins now. `front`: `s3`, `azure`. `write`: the id as the front writes it.
    pub(in crate::front) fn begin(
        front: &'static str,
        id: &RequestId,
        write: impl FnOnce(&str) -> String,
    ) -> Arc<Self> {
        Arc::new(Self {
            id: write(id.as_str()),
            front,
            started: Instant::now(),
            operation: OnceLock::new(),
            client: OnceLock::new(),
            stay: OnceLock::new(),
            bytes_in: AtomicU64::new(0),
        })
    }

    /// The id that the client gets.
    pub(in crate::front) fn id(&self) -> &str {
        &self.id
    }

    /// Notes which operation it is. The first word counts.
    pub(in crate::front) fn note_operation(&self, name: &'static str) {
        self.operation.get_or_init(|| name);
    }

    /// Notes who asked.
    pub(in crate::front) fn note_client(&self, client: &ClientId) {
        self.client.get_or_init(|| client.clone());
    }

    /// Who asked, once that is proven.
    pub(in crate::front) fn client(&self) -> Option<&ClientId> {
        self.client.get()
    }

    /// Keeps the request's place until the answer has gone out.
    pub(in crate::front) fn stay(&self, stay: Stay) {
        self.stay.get_or_init(|| stay);
    }

    /// Writes the log line and the metrics, when the answer has ended. No name of an object or bucket is in them.
    pub(in crate::front) fn finish(&self, status: StatusCode, bytes_out: u64) {
        let front = self.front;
        let operation = self.operation.get().copied().unwrap_or(UNKNOWN);
        let elapsed = self.started.elapsed();
        let bytes_in = self.bytes_in.load(Ordering::Relaxed);
        metrics::counter!("ecluse_requests_total", "front" => front, "operation" => operation,
            "status" => status.as_str().to_owned())
        .increment(1);
        metrics::histogram!("ecluse_request_seconds", "front" => front, "operation" => operation)
            .record(elapsed.as_secs_f64());
        metrics::counter!("ecluse_request_bytes_total", "front" => front, "direction" => "in").increment(bytes_in);
        metrics::counter!("ecluse_request_bytes_total", "front" => front, "direction" => "out").increment(bytes_out);
        let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            request = %self.id,
            client = self.client.get().map_or("-", ClientId::as_str),
            operation,
            status = status.as_u16(),
            milliseconds,
            bytes_in,
            bytes_out,
            "{front} request"
        );
    }
}

/// The bytes of a body, counted. Trailers of HTTP say nothing here.
pub(in crate::front) fn incoming(body: RequestBody, exchange: Arc<Exchange>) -> Incoming {
    let start = Some((body, exchange));
    stream::unfold(start, |state| async move {
        let (mut body, exchange) = state?;
        loop {
            match body.frame().await? {
                Ok(frame) => {
                    let Ok(piece) = frame.into_data() else { continue };
                    exchange.bytes_in.fetch_add(piece.len() as u64, Ordering::Relaxed);
                    return Some((Ok(piece), Some((body, exchange))));
                }
                Err(RequestBodyError::TooSlow) => return Some((Err(BodyError::Timeout), None)),
                Err(RequestBodyError::Connection(_)) => return Some((Err(BodyError::Incomplete), None)),
            }
        }
    })
    .boxed()
}
