//! The operator's listener: `/healthz`, `/readyz`, `/metrics`.
//!
//! # Invariants
//! - Nothing here changes anything, and nothing names an object or a bucket. Clients are named by the metrics of what they have.
//! - However often `/readyz` is asked, providers are asked at most once in [`FRESH`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use tokio::sync::Mutex;

use super::server::{Answer, RequestBody};
use crate::gateway::{Gateway, Readiness};
use crate::telemetry::Metrics;

type Probe = dyn Fn() -> BoxFuture<'static, Readiness> + Send + Sync;

/// Answers on the admin listener. Cheap to clone.
#[derive(Clone)]
pub struct Admin {
    shared: Arc<Shared>,
}

struct Shared {
    probe: Box<Probe>,
    metrics: Metrics,
    last: Mutex<Option<(Instant, Result<Readiness, TooSlow>)>>,
}

/// The gateway did not say in time whether it is ready.
#[derive(Debug, Clone, Copy)]
struct TooSlow;

impl Admin {
    /// For this gateway.
    pub fn new(gateway: Arc<Gateway>, metrics: Metrics) -> Self {
        Self::with_probe(
            move || {
                let gateway = Arc::clone(&gateway);
                Box::pin(async move { gateway.readiness().await })
            },
            metrics,
        )
    }

    /// With another source of readiness.
    pub fn with_probe<F>(probe: F, metrics: Metrics) -> Self
    where
        F: Fn() -> BoxFuture<'static, Readiness> + Send + Sync + 'static,
    {
        Self { shared: Arc::new(Shared { probe: Box::new(probe), metrics, last: Mutex::new(None) }) }
    }

    async fn respond(self, request: Request<RequestBody>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        if !["/healthz", "/readyz", "/metrics"].contains(&path) {
            return text(StatusCode::NOT_FOUND, "not found\n");
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match path {
            "/readyz" => self.readiness().await,
            "/metrics" => {
                answer(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", self.shared.metrics.render())
            }
            _ => text(StatusCode::OK, "ok\n"),
        }
    }

    async fn readiness(&self) -> Response<Full<Bytes>> {
        // Held while asking: whoever comes meanwhile waits for the same answer.
        let mut last = self.shared.last.lock().await;
        let known = last.take().filter(|(when, _)| when.elapsed() < FRESH);
        let (when, outcome) = match known {
            Some(known) => known,
            None => {
                let asked = tokio::time::timeout(PATIENCE, (self.shared.probe)()).await;
                (Instant::now(), asked.map_err(|_elapsed| TooSlow))
            }
        };
        *last = Some((when, outcome.clone()));
        drop(last);

        let ready = outcome.as_ref().is_ok_and(Readiness::is_ready);
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let body = match outcome {
            Ok(readiness) => {
                let providers: serde_json::Map<String, serde_json::Value> = readiness
                    .providers
                    .iter()
                    .map(|(name, up)| (name.as_str().to_owned(), serde_json::Value::Bool(*up)))
                    .collect();
                let mut detail = serde_json::json!({
                    "ready": ready, "keys": readiness.keys, "catalog": readiness.catalog, "providers": providers,
                    "store": readiness.fence.unwrap_or("ok"), "read_only": readiness.read_only,
                });
                if let (Some(seconds), Some(detail)) = (readiness.clock_off_seconds, detail.as_object_mut()) {
                    detail.insert("clock_off_seconds".to_owned(), seconds.into());
                }
                detail
            }
            Err(TooSlow) => serde_json::json!({ "ready": false, "reason": "timeout" }),
        };
        answer(status, "application/json", format!("{body}\n"))
    }
}

impl Answer<Full<Bytes>> for Admin {
    fn answer(&self, request: Request<RequestBody>) -> impl Future<Output = Response<Full<Bytes>>> + Send + 'static {
        self.clone().respond(request)
    }
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    answer(status, "text/plain; charset=utf-8", body.to_owned())
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// How long an answer about readiness counts.
pub const FRESH: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(10);
