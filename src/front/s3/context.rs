//! What is known of one request while it is served, and the line and the numbers it leaves behind.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http::StatusCode;

use super::body::RawBody;
use crate::front::server::{RequestId, Stay};
use crate::gateway::Share;
use crate::model::ClientId;

/// Most tags of an XML body: 10,000 parts with a number, a tag and a checksum of each kind take 160,002.
const MAX_TAGS: u64 = 200_000;

/// One request. Shared by the body, the operation and the answer; travels in the request's extensions.
pub(super) struct Context {
    /// Names the request in the log; the client gets it as `x-amz-request-id`.
    pub(super) id: RequestId,
    /// When the headers were there.
    pub(super) started: Instant,
    operation: OnceLock<String>,
    client: OnceLock<ClientId>,
    /// Bytes of the body as they arrived, with all framing.
    pub(super) bytes_in: AtomicU64,
    /// The connection failed in the body.
    pub(super) broke_off: AtomicBool,
    /// The client sent nothing for too long.
    pub(super) too_slow: AtomicBool,
    /// The body does not have the SHA-256 that was signed.
    pub(super) hash_mismatch: AtomicBool,
    called: AtomicBool,
    /// The body is XML that s3s will parse whole.
    is_xml: AtomicBool,
    /// Tags that XML body began so far.
    tags: AtomicU64,
    /// The raw body, where its digest is checked after it was parsed.
    kept: Mutex<Option<Vec<Bytes>>>,
    /// The body, until an operation takes it or nobody reads it any more.
    body: Mutex<Option<RawBody>>,
    /// The memory of an answer that is built whole, until it has gone out.
    held: Mutex<Option<Share>>,
    /// The request's place among those of its client.
    stay: OnceLock<Stay>,
}

impl Context {
    /// A request that begins now. `keep`: keep the raw body, which the XML limit bounds.
    pub(super) fn new(id: RequestId, keep: bool) -> Arc<Self> {
        Arc::new(Self {
            id,
            started: Instant::now(),
            operation: OnceLock::new(),
            client: OnceLock::new(),
            bytes_in: AtomicU64::new(0),
            broke_off: AtomicBool::new(false),
            too_slow: AtomicBool::new(false),
            hash_mismatch: AtomicBool::new(false),
            called: AtomicBool::new(false),
            is_xml: AtomicBool::new(false),
            tags: AtomicU64::new(0),
            kept: Mutex::new(keep.then(Vec::new)),
            body: Mutex::new(None),
            held: Mutex::new(None),
            stay: OnceLock::new(),
        })
    }

    /// Notes which operation it is. The first word counts.
    pub(super) fn note_operation(&self, name: &str) {
        self.operation.get_or_init(|| name.to_owned());
    }

    /// Notes who asked.
    pub(super) fn note_client(&self, client: &ClientId) {
        self.client.get_or_init(|| client.clone());
    }

    /// Notes that the operation began: `s3s` has read what it reads of the body.
    pub(super) fn note_call(&self) {
        self.called.store(true, Ordering::Relaxed);
    }

    /// Whether the request was let in and failed before its operation began: its body could not be read.
    pub(super) fn failed_in_body(&self) -> bool {
        self.operation.get().is_some() && !self.called.load(Ordering::Relaxed)
    }

    /// Notes that the body is XML that s3s parses whole.
    pub(super) fn note_xml(&self) {
        self.is_xml.store(true, Ordering::Relaxed);
    }

    /// Whether the body is XML with more elements than any request needs: parsed, small ones take many times their bytes.
    pub(super) fn has_too_many_tags(&self) -> bool {
        self.tags.load(Ordering::Relaxed) > MAX_TAGS
    }

    /// Counts a piece of the body, and keeps it where it must be kept.
    pub(super) fn arrived(&self, piece: &Bytes) {
        let before = self.bytes_in.fetch_add(piece.len() as u64, Ordering::Relaxed);
        if self.is_xml.load(Ordering::Relaxed) {
            let tags = piece.iter().filter(|byte| **byte == b'<').count();
            self.tags.fetch_add(tags as u64, Ordering::Relaxed);
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if before > super::service::XML_LIMIT_BYTES as u64 {
            *kept = None;
        } else if let Some(pieces) = kept.as_mut() {
            pieces.push(piece.clone());
        }
    }

    /// The raw body, once.
    pub(super) fn take_kept(&self) -> Option<Vec<Bytes>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps the request's place until the answer has gone out.
    pub(super) fn stay(&self, stay: Stay) {
        self.stay.get_or_init(|| stay);
    }

    /// Keeps the share of an answer until it has gone out.
    pub(super) fn hold(&self, share: Share) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(share);
    }

    /// Whether the answer was built whole under a share.
    pub(super) fn holds_share(&self) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The body, if it is there.
    pub(super) fn body(&self) -> MutexGuard<'_, Option<RawBody>> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the log line and the metrics, when the answer has ended. No name of an object or bucket is in them.
    pub(super) fn finish(&self, status: StatusCode, bytes_out: u64) {
        let operation = self.operation.get().cloned().unwrap_or_else(|| super::access::UNKNOWN.to_owned());
        let elapsed = self.started.elapsed();
        let bytes_in = self.bytes_in.load(Ordering::Relaxed);
        metrics::counter!("ecluse_requests_total", "front" => "s3", "operation" => operation.clone(),
            "status" => status.as_str().to_owned())
        .increment(1);
        metrics::histogram!("ecluse_request_seconds", "front" => "s3", "operation" => operation.clone())
            .record(elapsed.as_secs_f64());
        metrics::counter!("ecluse_request_bytes_total", "front" => "s3", "direction" => "in").increment(bytes_in);
        metrics::counter!("ecluse_request_bytes_total", "front" => "s3", "direction" => "out").increment(bytes_out);
        let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            request = %self.id,
            client = self.client.get().map_or("-", ClientId::as_str),
            operation,
            status = status.as_u16(),
            milliseconds,
            bytes_in,
            bytes_out,
            "s3 request"
        );
    }
}
