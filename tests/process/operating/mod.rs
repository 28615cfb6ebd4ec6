//! The gateway in operation, from outside: reload, drain, a custodian and a provider that go away, a full disk, the
//! commands beside a running gateway, and what is spoken on the wire.

mod backup;
mod commands;
mod compact;
mod custodian;
mod disk;
mod locks;
mod metrics;
mod modes;
mod provider;
mod reload;
mod stopping;
mod tokens;
mod upgrade;
mod wire;

use std::time::{Duration, Instant};

use testing::client;
use testing::process::GatewayProcess;

pub const BUCKET: &str = "imaging";

/// Waits until something is so.
///
/// # Panics
/// When it is not after a minute.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// An answer: status, `Retry-After`, body.
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<String>,
    pub body: String,
}

impl Answer {
    /// 503 `ServiceUnavailable` with a time to try again.
    #[track_caller]
    pub fn is_unavailable(&self, has_body: bool) {
        assert_eq!(self.status, 503, "{}", self.body);
        assert!(self.retry_after.as_ref().is_some_and(|text| text.parse::<u64>().is_ok()), "{:?}", self.retry_after);
        assert!(!has_body || self.body.contains("<Code>ServiceUnavailable</Code>"), "{}", self.body);
    }
}

/// One request about an object of [`BUCKET`], by a presigned URL.
pub async fn ask(gateway: &GatewayProcess, method: http::Method, key: &str, body: impl Into<reqwest::Body>) -> Answer {
    let url = client::presigned(gateway, BUCKET, method.clone(), key).await;
    let request = client::http(&gateway.authority).request(method, url).body(body);
    let answer = request.send().await.expect("an answer");
    Answer {
        status: answer.status().as_u16(),
        retry_after: answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned()),
        body: String::from_utf8_lossy(&answer.bytes().await.expect("a whole body")).into_owned(),
    }
}

/// Host and port that the S3 front listens on.
fn address(gateway: &GatewayProcess) -> std::net::SocketAddr {
    gateway.endpoint.strip_prefix("https://").unwrap().parse().unwrap()
}
