//! SigV4 for the client's requests: two HMACs and a hash for each, because the key of the day is kept.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use time::OffsetDateTime;

/// What every request says of its payload. Servers check TLS records or TCP, not a hash, as with most clients.
pub const PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Signs for one client and one day.
pub struct Signer {
    id: String,
    scope: String,
    key: Key,
}

impl Signer {
    pub fn new(id: &str, secret: &str) -> Self {
        let date = &timestamp()[..8];
        let mut key = format!("AWS4{secret}").into_bytes();
        for field in [date, "us-east-1", "s3", "aws4_request"] {
            key = sign(&Key::new(HMAC_SHA256, &key), field.as_bytes()).as_ref().to_vec();
        }
        Self { id: id.to_owned(), scope: format!("{date}/us-east-1/s3/aws4_request"), key: Key::new(HMAC_SHA256, &key) }
    }

    /// The values of `x-amz-date` and `authorization`. Path and query are sent as they are given.
    pub fn sign(&self, method: &str, path: &str, query: &str, host: &str) -> (String, String) {
        let at = timestamp();
        let names = "host;x-amz-content-sha256;x-amz-date";
        let canonical = format!(
            "{method}\n{path}\n{}\nhost:{host}\nx-amz-content-sha256:{PAYLOAD}\nx-amz-date:{at}\n\n{names}\n{PAYLOAD}",
            if query.is_empty() { String::new() } else { query.to_owned() },
        );
        let hash = hex::encode(digest(&SHA256, canonical.as_bytes()));
        let text = format!("AWS4-HMAC-SHA256\n{at}\n{}\n{hash}", self.scope);
        let signature = hex::encode(sign(&self.key, text.as_bytes()));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={names}, Signature={signature}",
            self.id, self.scope
        );
        (at, authorization)
    }
}

fn timestamp() -> String {
    let at = OffsetDateTime::now_utc();
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}
