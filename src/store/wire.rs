//! What a provider answers over HTTP, and what we make of it.
//!
//! [`Connector`] stands between `object_store` and the network. It turns every answer that is not a success into a
//! [`Rejection`], which keeps the status, the provider's error code and `Retry-After`, and drops the rest.
//!
//! # Invariants
//! - No URL, header or body of a provider reaches an error.
//! - A missing container is never mistaken for a missing chunk.
//! - A redirect is a refusal: nothing is asked of, or sent to, an address that a provider names.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::azure_key::AzureKey;
use super::error::{Cause, StoreError};
use super::receipt::Sent;

/// Makes clients whose refusals are [`Rejection`]s, and which follow no redirect. `object_store`'s own client follows ten,
/// so that a provider could make the gateway call any address that it reaches.
#[derive(Debug)]
pub(super) struct Connector {
    client: HttpClient,
    key: Option<Arc<AzureKey>>,
}

impl Connector {
    /// A client that sends plain HTTP only if `plain`, and trusts `authorities` beside the system's.
    pub(super) fn new(plain: bool, authorities: Vec<reqwest::Certificate>) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .https_only(!plain)
            .tls_certs_merge(authorities)
            .connect_timeout(CONNECT_TIMEOUT)
            // A body may take as long as its reader needs: there is no timeout for the whole. The guard watches for stalls.
            .read_timeout(READ_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .build()?;
        Ok(Self { client: HttpClient::new(client), key: None })
    }

    /// Its requests are signed anew with this key where it adds a header.
    pub(super) fn signing(self, key: AzureKey) -> Self {
        Self { key: Some(Arc::new(key)), ..self }
    }
}

impl HttpConnector for Connector {
    /// The options are for `object_store`'s own clients; ours is built.
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Watched { client: self.client.clone(), key: self.key.clone() }))
    }
}

#[derive(Debug)]
struct Watched {
    client: HttpClient,
    key: Option<Arc<AzureKey>>,
}

#[async_trait]
impl HttpService for Watched {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // A list is read whole as well, a page at a time; it alone has a query.
        let gets = request.method() == Method::GET;
        let (reads, most) = match request.uri().query() {
            Some(_) if gets => (false, LIST_BYTES),
            _ => (gets, ANSWER_BYTES),
        };
        let sent = request.extensions().get::<Sent>().copied();
        if let Some(digest) = sent.and_then(Sent::header) {
            request.headers_mut().insert("content-md5", digest);
            if self.key.as_ref().is_some_and(|key| key.sign(&mut request).is_none()) {
                return Err(HttpError::new(HttpErrorKind::Request, Cause::new("a request that cannot be signed")));
            }
        }
        let mut response = self.client.execute(request).await?;
        if response.status().is_success() {
            if let Some(sent) = sent {
                let told = sent.told(response.headers());
                response.extensions_mut().insert(told);
            }
            return Ok(if reads { response } else { response.map(|body| bounded(body, most)) });
        }
        let (parts, body) = response.into_parts();
        let rejection = Rejection {
            status: parts.status,
            code: code_of(&parts.headers, body).await,
            retry_after: retry_after(&parts.headers, OffsetDateTime::now_utc()),
        };
        Err(HttpError::new(HttpErrorKind::Unknown, rejection))
    }
}

/// The body of an answer that the library reads whole: no more of it than such an answer has.
fn bounded(body: HttpResponseBody, most: usize) -> HttpResponseBody {
    let too_long = |_cause| HttpError::new(HttpErrorKind::Decode, Cause::new("an answer that is too long"));
    HttpResponseBody::new(Limited::new(body, most).map_err(too_long))
}

/// An answer that is not a success.
#[derive(Debug)]
pub(super) struct Rejection {
    status: StatusCode,
    code: Option<String>,
    retry_after: Option<Duration>,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status.as_u16())?;
        self.code.as_ref().map_or(Ok(()), |code| write!(f, " {code}"))
    }
}

impl Error for Rejection {}

/// What the call was for: the same status means different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A chunk that may be missing was asked for.
    Read,
    /// A chunk was sent: only its container can be missing.
    Write,
}

/// What a failed call means, and whether it only asked for bytes beyond the end.
pub(super) enum Outcome {
    /// HTTP 416: the range begins beyond the end of the chunk.
    BeyondEnd,
    /// Anything else.
    Failed(StoreError),
}

/// Judges an error of `object_store`.
pub(super) fn judge(error: &object_store::Error, purpose: Purpose) -> Outcome {
    if let Some(rejection) = find::<Rejection>(error) {
        return judge_rejection(rejection, purpose);
    }
    if let object_store::Error::NotFound { .. } = error {
        // An answer inside a batch, which the connector does not see. Its container is there.
        return Outcome::Failed(StoreError::NotFound);
    }
    if find::<HttpError>(error).is_some_and(|e| e.kind() == HttpErrorKind::Timeout) {
        return Outcome::Failed(StoreError::Deadline);
    }
    Outcome::Failed(StoreError::unavailable(cause_of(error)))
}

fn judge_rejection(rejection: &Rejection, purpose: Purpose) -> Outcome {
    let refused = || StoreError::Refused(Box::new(Cause::new(rejection.to_string())));
    let busy = || StoreError::Unavailable {
        retry_after: rejection.retry_after,
        cause: Some(Box::new(Cause::new(rejection.to_string()).in_doubt(UNCLEAR.contains(&rejection.status)))),
    };
    let code = rejection.code.as_deref().unwrap_or_default();
    let failed = match rejection.status {
        StatusCode::RANGE_NOT_SATISFIABLE => return Outcome::BeyondEnd,
        StatusCode::NOT_FOUND if purpose == Purpose::Read && !CONTAINER_CODES.contains(&code) => StoreError::NotFound,
        StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => busy(),
        status if status.is_server_error() => busy(),
        _ if BUSY_CODES.contains(&code) => busy(),
        _ if purpose == Purpose::Write && DIGEST_CODES.contains(&code) => StoreError::Mismatch,
        _ => refused(),
    };
    Outcome::Failed(failed)
}

/// Whether a create-only write was refused because something is under the name. S3 and GCS say 412, Azure 409.
pub(super) fn is_taken(error: &object_store::Error) -> bool {
    find::<Rejection>(error).is_some_and(|rejection| {
        let code = rejection.code.as_deref().unwrap_or_default();
        rejection.status == StatusCode::PRECONDITION_FAILED
            || (rejection.status == StatusCode::CONFLICT && TAKEN_CODES.contains(&code))
    })
}

/// What a transfer that broke off says about itself.
pub(super) fn interrupted(error: &object_store::Error) -> StoreError {
    StoreError::Interrupted(Box::new(cause_of(error)))
}

/// The deepest error says what happened (`Connection refused`, an unknown issuer) and, unlike those above it, names no
/// URL. `object_store`'s own errors are reduced to their kind.
fn cause_of(error: &object_store::Error) -> Cause {
    if let Some(rejection) = find::<Rejection>(error) {
        return Cause::new(rejection.to_string());
    }
    let Some(http) = find::<HttpError>(error) else {
        return Cause::new("an answer that is not understood").in_doubt(true);
    };
    let mut deepest: &dyn Error = http;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    Cause::new(format!("{:?}: {deepest}", http.kind())).in_doubt(http.kind() != HttpErrorKind::Connect)
}

fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The provider's error code: Azure's header, the `<Code>` of an S3 or GCS body, or the `error` of an OAuth answer.
async fn code_of(headers: &HeaderMap, body: HttpResponseBody) -> Option<String> {
    if let Some(code) = headers.get("x-ms-error-code") {
        return code.to_str().ok().and_then(plain);
    }
    let mut read = Vec::new();
    let mut pieces = body.bytes_stream();
    while let Some(Ok(piece)) = pieces.next().await {
        read.extend_from_slice(&piece);
        if read.len() >= ERROR_BODY_BYTES {
            break;
        }
    }
    let text = String::from_utf8_lossy(&read);
    let xml = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    xml.and_then(plain).or_else(|| {
        let json: serde_json::Value = serde_json::from_slice(&read).ok()?;
        plain(json.get("error")?.as_str()?)
    })
}

/// A code is a word. Anything else is dropped, whatever it is.
fn plain(code: &str) -> Option<String> {
    let word = (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    word.then(|| code.to_owned())
}

/// RFC 9110 §10.2.3: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let value = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = OffsetDateTime::parse(value, &Rfc2822).ok()?;
    Some(Duration::try_from(date - now).unwrap_or_default())
}

/// What we call ourselves.
const USER_AGENT: &str = "ecluse";
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may be silent. The guard's own deadlines are shorter.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an idle connection is kept; the services close theirs later.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Codes of a name that is taken, where 409 may mean other things as well. Source: Azure "Blob service error codes".
const TAKEN_CODES: &[&str] = &["BlobAlreadyExists"];

/// Codes that speak of the container or account. Sources: S3 "Error responses"; Azure "Blob service error codes".
const CONTAINER_CODES: [&str; 6] = [
    "NoSuchBucket",
    "ContainerNotFound",
    "ContainerBeingDeleted",
    "ContainerDisabled",
    "ResourceNotFound",
    "AccountNotFound",
];

/// Answers that do not say what became of the call: it may still be carried out.
const UNCLEAR: [StatusCode; 3] =
    [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::BAD_GATEWAY, StatusCode::GATEWAY_TIMEOUT];

/// Codes that ask for patience whatever their status.
const BUSY_CODES: [&str; 4] = ["RequestTimeout", "SlowDown", "ServerBusy", "OperationTimedOut"];

/// Codes that say that what arrived has not the digest that was sent with it. Sources: as above.
const DIGEST_CODES: [&str; 3] = ["BadDigest", "Md5Mismatch", "XAmzContentSHA256Mismatch"];

/// How long the answer to anything but a read may be, in bytes. The longest, to a batch of one deletion, has below 2 KiB.
const ANSWER_BYTES: usize = 64 * 1024;

/// How long a page of a list may be, in bytes: 1,000 names of the longest kind, with all that is said of each.
const LIST_BYTES: usize = 16 * 1024 * 1024;

/// How much of an error's body is read, in bytes.
const ERROR_BODY_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(status: u16, code: &str) -> Rejection {
        Rejection {
            status: StatusCode::from_u16(status).unwrap(),
            code: plain(code),
            retry_after: Some(Duration::from_secs(7)),
        }
    }

    fn judged(status: u16, code: &str, purpose: Purpose) -> StoreError {
        let source = HttpError::new(HttpErrorKind::Unknown, rejection(status, code));
        let error = object_store::Error::Generic { store: "test", source: Box::new(source) };
        match judge(&error, purpose) {
            Outcome::Failed(error) => error,
            Outcome::BeyondEnd => panic!("416 is for another test"),
        }
    }

    #[test]
    fn a_missing_container_is_not_a_missing_chunk() {
        for code in CONTAINER_CODES {
            assert!(matches!(judged(404, code, Purpose::Read), StoreError::Refused(_)), "{code}");
        }
        for code in ["NoSuchKey", "BlobNotFound", ""] {
            assert!(matches!(judged(404, code, Purpose::Read), StoreError::NotFound), "{code}");
            assert!(matches!(judged(404, code, Purpose::Write), StoreError::Refused(_)), "{code}");
        }
    }

    #[test]
    fn refused_credentials_are_for_the_operator_and_overload_is_for_later() {
        for status in [301, 400, 401, 403, 405] {
            assert!(matches!(judged(status, "AccessDenied", Purpose::Read), StoreError::Refused(_)), "{status}");
        }
        for status in [408, 409, 429, 500, 502, 503, 504] {
            let StoreError::Unavailable { retry_after, .. } = judged(status, "SlowDown", Purpose::Write) else {
                panic!("{status} must be unavailable");
            };
            assert_eq!(retry_after, Some(Duration::from_secs(7)), "{status}");
        }
        assert!(matches!(judged(400, "RequestTimeout", Purpose::Write), StoreError::Unavailable { .. }));
    }

    #[test]
    fn what_was_damaged_on_its_way_may_be_sent_again() {
        for code in DIGEST_CODES {
            assert!(judged(400, code, Purpose::Write).is_transient(), "{code}");
            assert!(matches!(judged(400, code, Purpose::Read), StoreError::Refused(_)), "{code}");
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = OffsetDateTime::parse("Wed, 21 Oct 2015 07:28:00 GMT", &Rfc2822).unwrap();
        let read = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::RETRY_AFTER, http::HeaderValue::from_static(value));
            retry_after(&headers, now)
        };
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(read("Wed, 21 Oct 2015 07:28:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(read("Wed, 21 Oct 2015 07:27:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
    }

    #[test]
    fn a_code_that_is_not_a_word_is_dropped() {
        assert_eq!(plain("SignatureDoesNotMatch").as_deref(), Some("SignatureDoesNotMatch"));
        assert_eq!(plain("AKIA/secret+signature="), None);
        assert_eq!(plain(""), None);
        assert_eq!(plain(&"a".repeat(65)), None);
    }
}
