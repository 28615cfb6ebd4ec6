//! The front as a service: from a request of hyper to an answer, with the request's ids on every answer.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::{StreamExt, stream};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;

use super::admission::address::Domains;
use super::admission::admit::{admit, authenticated};
use super::admission::arrival::{Origin, asked};
use super::admission::auth::Bearer;
use super::admission::house::House;
use super::admission::{routing, versions};
use super::dispatch;
use super::wire::asked::Incoming;
use super::wire::codes::Code;
use super::wire::context::Context;
use super::wire::operation::Operation;
use super::wire::outbound::Outbound;
use super::wire::refusal::Refusal;
use super::wire::refused::refused;
use super::wire::reply::{Outgoing, Reply, put};
use super::wire::shown::named;
use crate::front::server::{Answer, ConnectionInfo, RequestBody, RequestBodyError, RequestId, Standing};
use crate::gateway::{BodyError, Error, Gateway};

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

/// The Azure Blob front. Cheap to clone.
#[derive(Clone)]
pub struct AzureFront {
    house: Arc<House>,
}

impl AzureFront {
    /// What metrics call its operations.
    pub fn operations() -> impl Iterator<Item = &'static str> {
        super::wire::operation::NAMES.iter().copied()
    }

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
        let operation = match routing::route(&asked) {
            Ok(operation) => operation,
            Err(refusal) => {
                // What is not there is told to who is known.
                authenticated(&self.house, &asked, Operation::GetBlobProperties, context).await?;
                return Err(refusal);
            }
        };
        context.note_operation(operation);
        if operation == Operation::PreflightRequest {
            let text = "CORS not enabled or no matching rule found for this request.";
            return Err(Refusal::new(StatusCode::FORBIDDEN, Code::CorsPreflightFailure, text));
        }
        let ask = admit(&self.house, asked, operation, version.clone(), context).await?;
        context.note_client(&ask.caller.principal.client);
        if let Some(standing) = parts.extensions.get::<Standing>() {
            let stay = standing.known_as(&ask.caller.principal.client);
            context.stay(stay.map_err(|_too_many| ask.refuse(Error::Busy))?);
        }
        dispatch::run(&ask, body).await
    }
}

impl Answer<Outgoing> for AzureFront {
    fn answer(&self, request: Request<RequestBody>) -> impl Future<Output = Response<Outgoing>> + Send + 'static {
        let front = self.clone();
        async move { front.call(request).await }
    }
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
