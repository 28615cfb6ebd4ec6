//! The front as a service: from a request of hyper to an answer, with the request's ids on every answer.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt, stream};
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;

use super::address::{self, Domains};
use super::ask::{Ask, Incoming};
use super::asked::Asked;
use super::auth::{self, Bearer, StoredPolicies};
use super::context::Context;
use super::operation::Operation;
use super::outbound::Outbound;
use super::refusal::Refusal;
use super::reply::{Outgoing, Payload, Reply, http_date, put};
use super::shown::named;
use super::{dispatch, errors, routing, unsupported, versions, xml};
use crate::front::server::{Answer, ConnectionInfo, RequestBody, RequestBodyError, RequestId};
use crate::gateway::{AccessPolicy, BodyError, Gateway};
use crate::model::{BucketName, TenantId, Timestamp};

/// What the operator decides about this front.
#[derive(Default)]
pub struct AzureSettings {
    /// Domains under which accounts are host names; without any there is path style only.
    pub domains: Vec<String>,
    /// Hosts, with a port if it is not 443, that the From-URL family may read from.
    pub copy_sources: Vec<String>,
    /// Who may issue bearer tokens; without it there are none.
    pub bearer: Option<Bearer>,
    /// How long deletions are retained, to be told to clients.
    pub soft_delete: Option<Duration>,
}

/// What all requests share.
pub(super) struct House {
    pub(super) gateway: Arc<Gateway>,
    pub(super) domains: Domains,
    pub(super) outbound: Outbound,
    pub(super) bearer: Option<Bearer>,
    pub(super) soft_delete: Option<Duration>,
}

/// The Azure Blob front. Cheap to clone.
#[derive(Clone)]
pub struct AzureFront {
    house: Arc<House>,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) remote: IpAddr,
    pub(super) tls: bool,
}

impl AzureFront {
    /// A front on `gateway`.
    pub fn new(gateway: Arc<Gateway>, settings: AzureSettings) -> Self {
        let AzureSettings { domains, copy_sources, bearer, soft_delete } = settings;
        let (domains, outbound) = (Domains::new(domains), Outbound::new(copy_sources));
        Self { house: Arc::new(House { gateway, domains, outbound, bearer, soft_delete }) }
    }

    async fn call(&self, request: Request<RequestBody>) -> Response<Outgoing> {
        let (parts, body) = request.into_parts();
        let id = parts.extensions.get::<RequestId>().cloned().unwrap_or_else(RequestId::generate);
        let origin = parts.extensions.get::<ConnectionInfo>().map_or(
            Origin { remote: IpAddr::V4(Ipv4Addr::UNSPECIFIED), tls: false },
            |info| Origin { remote: info.remote.ip(), tls: info.tls },
        );
        let context = Arc::new(Context::new(id));
        let head = parts.method == Method::HEAD;
        let incoming = stream_of(body, Arc::clone(&context));
        let mut version = versions::DEFAULT.to_owned();
        let outcome = self.serve(&parts, incoming, origin, &context, &mut version).await;
        let mut reply = outcome.unwrap_or_else(|refusal| refused(refusal, &context));
        common_headers(&parts.headers, &version, &context, &mut reply.headers);
        Outgoing::answer(reply, head, context)
    }

    async fn serve(
        &self,
        parts: &http::request::Parts,
        body: Incoming,
        origin: Origin,
        context: &Arc<Context>,
        version: &mut String,
    ) -> Result<Reply, Refusal> {
        let asked = asked(&self.house, &parts.method, &parts.uri, &parts.headers, origin)?;
        *version = versions::of(&asked)?;
        let operation = routing::route(&asked)?;
        context.note_operation(operation);
        if operation == Operation::PreflightRequest {
            let text = "CORS not enabled or no matching rule found for this request.";
            return Err(Refusal::new(StatusCode::FORBIDDEN, "CorsPreflightFailure", text));
        }
        let ask = admit(&self.house, asked, operation, version.clone(), context).await?;
        context.note_client(&ask.caller.principal.client);
        dispatch::run(&ask, body).await
    }
}

impl Answer<Outgoing> for AzureFront {
    fn answer(&self, request: Request<RequestBody>) -> impl Future<Output = Response<Outgoing>> + Send + 'static {
        let front = self.clone();
        async move { front.call(request).await }
    }
}

/// A request's head as it was asked.
pub(super) fn asked<'r>(
    house: &House,
    method: &'r Method,
    uri: &'r http::Uri,
    headers: &'r HeaderMap,
    origin: Origin,
) -> Result<Asked<'r>, Refusal> {
    // HTTP/2 has the host in the address, HTTP/1.1 in a header; a request that names two hosts is refused.
    let header = headers.get(HOST).and_then(|value| value.to_str().ok());
    let authority = uri.authority().map(http::uri::Authority::as_str);
    if let (Some(one), Some(other)) = (header, authority)
        && !one.eq_ignore_ascii_case(other)
    {
        return Err(address::invalid_uri());
    }
    asked_at(house, method, uri, headers, origin, authority.or(header).unwrap_or_default())
}

/// The same, at a host that is known.
pub(super) fn asked_at<'r>(
    house: &House,
    method: &'r Method,
    uri: &'r http::Uri,
    headers: &'r HeaderMap,
    origin: Origin,
    host: &str,
) -> Result<Asked<'r>, Refusal> {
    let target = address::target(Some(host), uri.path(), &house.domains)?;
    let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let query = pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let (path, host) = (uri.path(), host.to_owned());
    Ok(Asked { method, path, query, headers, target, host, remote: origin.remote, tls: origin.tls })
}

/// Lets a request in: its caller is known, may do this, and asks for nothing that is not here.
pub(super) async fn admit<'r>(
    house: &'r House,
    asked: Asked<'r>,
    operation: Operation,
    version: String,
    context: &Arc<Context>,
) -> Result<Ask<'r>, Refusal> {
    let policies = Policies { gateway: &house.gateway, operation, context };
    let caller =
        auth::authenticate(&asked, house.gateway.clients(), &policies, house.bearer.as_ref(), Timestamp::now()).await?;
    caller.permits(operation)?;
    unsupported::check(operation, &asked)?;
    Ok(Ask { asked, caller, operation, version, house, context: Arc::clone(context) })
}

/// The gateway's stored access policies, for who checks a signature that names one.
pub(super) struct Policies<'p> {
    pub(super) gateway: &'p Gateway,
    pub(super) operation: Operation,
    pub(super) context: &'p Context,
}

#[async_trait]
impl StoredPolicies for Policies<'_> {
    async fn of(&self, tenant: &TenantId, bucket: &BucketName) -> Result<Vec<AccessPolicy>, Refusal> {
        let found = self.gateway.access_policies(tenant, bucket).await;
        found.map_err(|error| errors::answer(error, self.operation, self.context))
    }
}

/// An error as an answer. The answer to HEAD, and 304, have its code in a header only.
fn refused(refusal: Refusal, context: &Context) -> Reply {
    let mut reply = error_reply(&refusal, &context.uuid());
    if refusal.status == StatusCode::NOT_MODIFIED {
        reply.payload = Payload::Empty;
        reply.headers.remove(CONTENT_TYPE);
    }
    reply
}

/// A refusal with its body.
pub(super) fn error_reply(refusal: &Refusal, id: &str) -> Reply {
    let mut reply = Reply::new(refusal.status);
    reply.headers.extend(refusal.headers.clone());
    let text = xml::error(refusal.code, &refusal.text, id, &now(), &refusal.details);
    reply.payload = Payload::Whole(text.into());
    reply.with(CONTENT_TYPE, "application/xml").with(ERROR_CODE, refusal.code)
}

/// Now, as error bodies write it.
fn now() -> String {
    let format =
        time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]Z");
    time::OffsetDateTime::now_utc().format(format).unwrap_or_else(|_cause| http_date(Timestamp::now()))
}

fn common_headers(asked: &HeaderMap, version: &str, context: &Context, headers: &mut HeaderMap) {
    put(headers, named("x-ms-request-id"), &context.uuid());
    put(headers, named("x-ms-version"), version);
    // Echoed only while it fits; Azure's own limit is 1 KiB.
    if let Some(id) = asked.get("x-ms-client-request-id").filter(|id| id.len() <= LONGEST_CLIENT_ID_BYTES) {
        headers.insert(named("x-ms-client-request-id"), id.clone());
    }
}

/// The bytes of a body, counted.
fn stream_of(body: RequestBody, context: Arc<Context>) -> Incoming {
    stream::unfold(Some(body), move |body| {
        let context = Arc::clone(&context);
        async move {
            let mut body = body?;
            loop {
                match body.frame().await? {
                    // Trailers say nothing here.
                    Ok(frame) => {
                        let Ok(piece) = frame.into_data() else { continue };
                        context.bytes_in.fetch_add(piece.len() as u64, Ordering::Relaxed);
                        return Some((Ok(piece), Some(body)));
                    }
                    Err(RequestBodyError::TooSlow) => return Some((Err(BodyError::Timeout), None)),
                    Err(RequestBodyError::Connection(_)) => return Some((Err(BodyError::Incomplete), None)),
                }
            }
        }
    })
    .boxed()
}

const LONGEST_CLIENT_ID_BYTES: usize = 1024;
pub(super) const ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");
