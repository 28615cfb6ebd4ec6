//! The front as a service: from a request of hyper to an answer, with the request's ids on every answer.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};

use super::admission::address::{self, Domains};
use super::admission::admit::{admit, authenticated};
use super::admission::arrival::{self, Origin, asked};
use super::admission::auth::Bearer;
use super::admission::house::House;
use super::admission::{routing, versions};
use super::dispatch;
use super::operations::cors;
use super::wire::asked::Incoming;
use super::wire::codes::Code;
use super::wire::context::{self, Context};
use super::wire::operation::Operation;
use super::wire::outbound::Outbound;
use super::wire::refusal::Refusal;
use super::wire::refused::refused;
use super::wire::shown::named;
use crate::front::exchange::incoming;
use crate::front::reply::{Outgoing, Reply, put};
use crate::front::server::{Answer, ConnectionInfo, RequestBody, RequestId, Standing, Unreadable};
use crate::gateway::{Error, Gateway};

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
        let context = context::begin(&id);
        let head = parts.method == Method::HEAD;
        let incoming = incoming(body, Arc::clone(&context));
        let mut version = versions::DEFAULT.to_owned();
        let outcome = self.serve(&parts, incoming, origin, &context, &mut version).await;
        let mut reply = outcome.unwrap_or_else(|refusal| refused(refusal, &context));
        common_headers(&parts.headers, &version, &context, &mut reply.headers);
        cors::share(&self.house, &context, (&parts.method, &parts.headers), origin.remote, &mut reply.headers).await;
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
        context.note_operation(operation.name());
        if operation == Operation::PreflightRequest {
            return cors::preflight(&self.house, &asked, context).await;
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

    fn unread(&self, fault: Unreadable, id: &RequestId) -> Option<Response<Bytes>> {
        let refusal = match fault {
            Unreadable::Malformed => {
                let text = "The head of the request is not HTTP/1.1.";
                Refusal::new(StatusCode::BAD_REQUEST, Code::InvalidInput, text)
            }
            Unreadable::Target => address::invalid_uri(),
            Unreadable::TooLarge => arrival::too_many_headers(),
        };
        let context = context::begin(id);
        let mut reply = refused(refusal, &context);
        common_headers(&HeaderMap::new(), versions::DEFAULT, &context, &mut reply.headers);
        Some(reply.whole(&context))
    }
}

fn common_headers(asked: &HeaderMap, version: &str, context: &Context, headers: &mut HeaderMap) {
    put(headers, named("x-ms-request-id"), context.id());
    put(headers, named("x-ms-version"), version);
    // Echoed only while it fits; Azure's own limit is 1 KiB.
    if let Some(id) = asked.get("x-ms-client-request-id").filter(|id| id.len() <= LONGEST_CLIENT_ID_BYTES) {
        headers.insert(named("x-ms-client-request-id"), id.clone());
    }
}

const LONGEST_CLIENT_ID_BYTES: usize = 1024;
