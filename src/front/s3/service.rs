//! The front as a service: from a request of hyper to an answer, with the request's id on every answer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context as Task, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Error, StdError};

use super::access::{Access, Query};
use super::address::Domains;
use super::auth::{self, Secrets};
use super::body::Lent;
use super::context::Context;
use super::errors::{self, REQUEST_ID};
use super::get::ReadRoute;
use super::operations::Operations;
use crate::front::server::{Answer, RequestBody, RequestId};
use crate::gateway::{BodyError, Gateway};

/// Largest XML body, in bytes: a completion of 10,000 parts with their checksums, or 1,000 keys to delete, fit well.
pub(super) const XML_LIMIT_BYTES: usize = 8 * 1024 * 1024;
/// How far a client's clock may be off, in seconds. Source: S3 "Authenticating requests (SigV4)".
const MAX_SKEW_SECONDS: u32 = 15 * 60;
/// A body that is built whole goes out in pieces of so many bytes.
const PIECE_BYTES: usize = 64 * 1024;
/// Largest error body that is looked into.
const ERROR_LIMIT_BYTES: usize = 64 * 1024;

/// What the operator decides about this front.
#[derive(Debug, Clone, Default)]
pub struct S3Settings {
    /// Domains under which buckets are host names; without any there is path style only.
    pub domains: Vec<String>,
    /// The only region that signatures may name; `None`: any.
    pub region: Option<String>,
}

/// The S3 front. Cheap to clone.
#[derive(Clone)]
pub struct S3Front {
    service: S3Service,
    region: Option<Arc<str>>,
}

/// The body of an answer. An error in it aborts the transfer. When it is dropped, the request is over and is logged.
pub struct Outgoing {
    inner: s3s::Body,
    /// What is left of the last piece of a body that was built whole.
    rest: Bytes,
    context: Arc<Context>,
    status: StatusCode,
    bytes_out: AtomicU64,
}

impl S3Front {
    /// What metrics call its operations.
    pub fn operations() -> impl Iterator<Item = &'static str> {
        super::access::names()
    }

    /// A front on `gateway`.
    pub fn new(gateway: Arc<Gateway>, settings: S3Settings) -> Self {
        let S3Settings { domains, region } = settings;
        let domains = Domains::new(domains);
        let region: Option<Arc<str>> = region.map(Arc::from);
        let mut config = s3s::config::S3Config::default();
        config.xml_max_body_size = XML_LIMIT_BYTES;
        config.presigned_url_max_skew_time_secs = MAX_SKEW_SECONDS;
        // POST forms are refused before s3s sees them; these limits are a second fence.
        config.post_object_max_file_size = 0;
        config.form_max_field_size = 0;
        config.form_max_fields_size = 0;
        let operations = Operations { gateway: Arc::clone(&gateway), region: region.clone() };
        let mut builder = S3ServiceBuilder::new(operations);
        builder.set_config(Arc::new(s3s::config::StaticConfigProvider::new(Arc::new(config))));
        builder.set_auth(Secrets { gateway: Arc::clone(&gateway) });
        builder.set_access(Access { gateway: Arc::clone(&gateway) });
        builder.set_host(domains.clone());
        builder.set_route(ReadRoute { gateway, domains });
        Self { service: builder.build(), region }
    }

    /// Serves one request.
    pub async fn call<B>(&self, request: Request<B>) -> Response<Outgoing>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<StdError>,
    {
        let pairs: Arc<[(String, String)]> =
            url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect();
        let names = |parameter: &str| pairs.iter().any(|(name, _)| name == parameter);
        let keep = (*request.method() == Method::POST && names("delete"))
            || (*request.method() == Method::PUT && names("tagging"));
        let id = request.extensions().get::<RequestId>().cloned().unwrap_or_else(RequestId::generate);
        let context = Context::new(id, keep);
        let head = *request.method() == Method::HEAD;
        let response = match self.admitted(request, &pairs, &context) {
            Ok(request) => match self.service.call(request).await {
                Ok(response) => response,
                Err(failure) => {
                    let cause = StdError::from(failure);
                    tracing::error!(request = %context.id, %cause, "an answer could not be made");
                    error_response(errors::plain("InternalError", 500, INTERNAL))
                }
            },
            Err(error) => error_response(error),
        };
        finish(response, head, context).await
    }

    /// The request as `s3s` takes it, unless it is refused before.
    fn admitted<B>(
        &self,
        request: Request<B>,
        pairs: &Arc<[(String, String)]>,
        context: &Arc<Context>,
    ) -> Result<Request<s3s::Body>, S3Error>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<StdError>,
    {
        let (mut parts, body) = request.into_parts();
        auth::screen_authority(&parts.uri, &parts.headers)?;
        auth::screen(&parts.method, parts.version, &parts.headers, pairs, self.region.as_deref())?;
        auth::hoist(&mut parts.headers, pairs)?;
        parts.extensions.insert(Arc::clone(context));
        parts.extensions.insert(Query(Arc::clone(pairs)));
        let body = s3s::Body::http_body_unsync(Lent::new(body, Arc::clone(context)));
        Ok(Request::from_parts(parts, body))
    }
}

impl Answer<Outgoing> for S3Front {
    fn answer(&self, request: Request<RequestBody>) -> impl Future<Output = Response<Outgoing>> + Send + 'static {
        let front = self.clone();
        async move { front.call(request).await }
    }
}

/// Gives the answer its request id, and errors their form.
async fn finish(response: Response<s3s::Body>, head: bool, context: Arc<Context>) -> Response<Outgoing> {
    let (mut parts, mut body) = response.into_parts();
    if parts.status.is_client_error() || parts.status.is_server_error() || parts.status == StatusCode::NOT_MODIFIED {
        // s3s calls a body that it could not read an internal error: say what it was.
        if parts.status == StatusCode::INTERNAL_SERVER_ERROR && context.failed_in_body() {
            if context.too_slow.load(Ordering::Relaxed) {
                (parts, body) = error_response(errors::answer(BodyError::Timeout.into(), &context)).into_parts();
            } else if context.broke_off.load(Ordering::Relaxed) {
                (parts, body) = error_response(errors::invalid("IncompleteBody", "The body broke off.")).into_parts();
            } else if context.has_too_many_tags() || context.bytes_in.load(Ordering::Relaxed) > XML_LIMIT_BYTES as u64 {
                let text = "Your request was too large.";
                (parts, body) = error_response(errors::invalid("MaxMessageLengthExceeded", text)).into_parts();
            } else {
                (parts, body) = error_response(errors::payload_hash_mismatch()).into_parts();
            }
        }
        if head || parts.status == StatusCode::NOT_MODIFIED {
            body = s3s::Body::empty();
            parts.headers.remove(CONTENT_TYPE);
        } else {
            let text = http_body_util::Limited::new(body, ERROR_LIMIT_BYTES).collect().await;
            let text = text.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            let region = parts.headers.get(errors::BUCKET_REGION).and_then(|region| region.to_str().ok());
            body = s3s::Body::from(completed(&text, context.id.as_str(), region));
            parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        }
        parts.headers.remove(CONTENT_LENGTH);
    }
    if let Ok(id) = HeaderValue::from_str(context.id.as_str()) {
        parts.headers.insert(REQUEST_ID, id);
    }
    let status = parts.status;
    Response::from_parts(
        parts,
        Outgoing { inner: body, rest: Bytes::new(), context, status, bytes_out: AtomicU64::new(0) },
    )
}

/// An error's XML with the request's id and, where it is about one, the region; unless they are there.
fn completed(xml: &[u8], id: &str, region: Option<&str>) -> Vec<u8> {
    let text = String::from_utf8_lossy(xml);
    match text.rsplit_once("</Error>") {
        Some((head, tail)) if !head.contains("<RequestId>") => {
            let region = region.map(|region| format!("<Region>{region}</Region>")).unwrap_or_default();
            format!("{head}{region}<RequestId>{id}</RequestId></Error>{tail}").into_bytes()
        }
        _ => xml.to_vec(),
    }
}

fn error_response(error: S3Error) -> Response<s3s::Body> {
    let status = error.status_code().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = error.to_http_response().unwrap_or_default();
    *response.status_mut() = status;
    response
}

const INTERNAL: &str = "We encountered an internal error. Please try again.";

impl Body for Outgoing {
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        let mut frame = if self.rest.is_empty() {
            std::task::ready!(Pin::new(&mut self.inner).poll_frame(task))
        } else {
            Some(Ok(Frame::data(std::mem::take(&mut self.rest))))
        };
        // In pieces: the share lives until the last one is taken, and no piece is taken before there is room for it.
        if self.context.holds_share()
            && let Some(Ok(whole)) = &mut frame
            && let Some(bytes) = whole.data_mut()
            && bytes.len() > PIECE_BYTES
        {
            self.rest = bytes.split_off(PIECE_BYTES);
        }
        if let Some(Ok(frame)) = &frame
            && let Some(piece) = frame.data_ref()
        {
            self.bytes_out.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.inner.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(rest));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.context.finish(self.status, self.bytes_out.load(Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_which_request_it_was() {
        let made = completed(b"<?xml?><Error><Code>X</Code></Error>", "AB", None);
        assert_eq!(made, b"<?xml?><Error><Code>X</Code><RequestId>AB</RequestId></Error>");
        let had = b"<Error><RequestId>CD</RequestId></Error>";
        assert_eq!(completed(had, "AB", None), had);
    }
}
