//! What is known of one request while it is served, and the line and the numbers it leaves behind.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http::StatusCode;

use super::operation::{Operation, UNKNOWN};
use crate::front::server::{RequestId, Stay};
use crate::model::ClientId;

/// One request. Shared by its body and its answer.
pub(in crate::front::azure) struct Context {
    /// Names the request in the log; the client gets it as `x-ms-request-id`.
    pub(in crate::front::azure) id: RequestId,
    started: Instant,
    operation: OnceLock<Operation>,
    client: OnceLock<ClientId>,
    /// The request's place among those of its client.
    stay: OnceLock<Stay>,
    /// Bytes of the body as they arrived.
    pub(in crate::front::azure) bytes_in: AtomicU64,
}

impl Context {
    /// A request that begins now.
    pub(in crate::front::azure) fn new(id: RequestId) -> Self {
        let (operation, client, stay) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { id, started: Instant::now(), operation, client, stay, bytes_in: AtomicU64::new(0) }
    }

    /// Notes which operation it is.
    pub(in crate::front::azure) fn note_operation(&self, operation: Operation) {
        self.operation.get_or_init(|| operation);
    }

    /// Notes who asked.
    pub(in crate::front::azure) fn note_client(&self, client: &ClientId) {
        self.client.get_or_init(|| client.clone());
    }

    /// Keeps the request's place until the answer has gone out.
    pub(in crate::front::azure) fn stay(&self, stay: Stay) {
        self.stay.get_or_init(|| stay);
    }

    /// The id as Azure writes such ids: a UUID.
    pub(in crate::front::azure) fn uuid(&self) -> String {
        uuid_of(self.id.as_str())
    }

    /// Writes the log line and the metrics, when the answer has ended. No name of an object or bucket is in them.
    pub(in crate::front::azure) fn finish(&self, status: StatusCode, bytes_out: u64) {
        let operation = self.operation.get().map_or_else(|| UNKNOWN.to_owned(), |operation| format!("{operation:?}"));
        let elapsed = self.started.elapsed();
        let bytes_in = self.bytes_in.load(Ordering::Relaxed);
        metrics::counter!("ecluse_requests_total", "front" => "azure", "operation" => operation.clone(),
            "status" => status.as_str().to_owned())
        .increment(1);
        metrics::histogram!("ecluse_request_seconds", "front" => "azure", "operation" => operation.clone())
            .record(elapsed.as_secs_f64());
        metrics::counter!("ecluse_request_bytes_total", "front" => "azure", "direction" => "in").increment(bytes_in);
        metrics::counter!("ecluse_request_bytes_total", "front" => "azure", "direction" => "out").increment(bytes_out);
        let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            request = %self.uuid(),
            client = self.client.get().map_or("-", ClientId::as_str),
            operation,
            status = status.as_u16(),
            milliseconds,
            bytes_in,
            bytes_out,
            "azure request"
        );
    }
}

/// 32 hex digits as a UUID. Anything else stays as it is.
pub(in crate::front::azure) fn uuid_of(hex: &str) -> String {
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    if hex.len() != 32 {
        return hex.to_owned();
    }
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// A fresh UUID (RFC 9562, version 4).
pub(in crate::front::azure) fn new_uuid() -> Result<String, crate::secret::NoRandomness> {
    let mut bytes = [0_u8; 16];
    crate::secret::fill_random(&mut bytes)?;
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version = (*version & 0x0f) | 0x40;
    *variant = (*variant & 0x3f) | 0x80;
    Ok(uuid_of(&hex::encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_the_version_and_variant_of_random_ones() {
        let uuid = new_uuid().unwrap();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!(matches!(&uuid[19..20], "8" | "9" | "a" | "b"), "{uuid}");
        assert_ne!(uuid, new_uuid().unwrap());
        assert_eq!(uuid_of("00112233445566778899aabbccddeeff"), "00112233-4455-6677-8899-aabbccddeeff");
    }
}
