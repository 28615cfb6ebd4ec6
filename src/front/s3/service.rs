//! The front as a service: from a request of hyper to an answer, with the request's id on every answer.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};

use super::admission::address::Domains;
use super::admission::admit::admit;
use super::admission::arrival::{self, asked};
use super::admission::house::House;
use super::dispatch;
use super::operations::cors::{self, Page};
use super::wire::errors::{REQUEST_ID, invalid};
use super::wire::operation::{NAMES, Operation};
use super::wire::refused::refused;
use crate::front::exchange::Exchange;
use crate::front::reply::{Outgoing, Reply};
use crate::front::s3::wire::refusal::Refusal;
use crate::front::server::{Answer, ConnectionInfo, RequestBody, RequestId, Standing, Unreadable};
use crate::gateway::Gateway;
use crate::model::BucketName;

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
    house: Arc<House>,
}

impl S3Front {
    /// What metrics call its operations.
    pub fn operations() -> impl Iterator<Item = &'static str> {
        NAMES.iter().copied()
    }

    /// A front on `gateway`.
    pub fn new(gateway: Arc<Gateway>, settings: S3Settings) -> Self {
        let S3Settings { domains, region } = settings;
        Self { house: Arc::new(House { gateway, domains: Domains::new(domains), region }) }
    }

    async fn call(&self, request: Request<RequestBody>) -> Response<Outgoing> {
        let (mut parts, body) = request.into_parts();
        let id = parts.extensions.get::<RequestId>().cloned().unwrap_or_else(RequestId::generate);
        let exchange = Exchange::begin("s3", &id, str::to_owned);
        let head = parts.method == Method::HEAD;
        let mut page = Page::of(&parts.method, &parts.headers, remote(&parts));
        let outcome = self.serve(&mut parts, body, &exchange, page.as_mut()).await;
        let reply = outcome.unwrap_or_else(|refusal| refused(refusal, exchange.id(), head));
        let mut reply = reply.with(REQUEST_ID, exchange.id());
        if let Some(page) = page {
            page.share(&self.house, &exchange, &mut reply.headers).await;
        }
        Outgoing::answer(reply, head, exchange)
    }

    async fn serve(
        &self,
        parts: &mut http::request::Parts,
        body: RequestBody,
        exchange: &Arc<Exchange>,
        page: Option<&mut Page>,
    ) -> Result<Reply, Refusal> {
        let standing = parts.extensions.get::<Standing>().cloned();
        let from = remote(parts);
        let asked = asked(&self.house, parts)?;
        if *asked.method == Method::OPTIONS {
            exchange.note_operation(Operation::OptionsObject.name());
            return cors::preflight(&self.house, &asked, from, exchange).await;
        }
        if let Some(page) = page {
            page.bucket = asked.target.bucket.as_deref().and_then(|name| BucketName::parse(name).ok());
        }
        let ask = admit(&self.house, asked, standing.as_ref(), exchange)?;
        dispatch::run(&ask, body).await
    }
}

/// Where a request comes from.
fn remote(parts: &http::request::Parts) -> IpAddr {
    parts.extensions.get::<ConnectionInfo>().map_or(Ipv4Addr::UNSPECIFIED.into(), |info| info.remote.ip())
}

impl Answer<Outgoing> for S3Front {
    fn answer(&self, request: Request<RequestBody>) -> impl Future<Output = Response<Outgoing>> + Send + 'static {
        let front = self.clone();
        async move { front.call(request).await }
    }

    fn unread(&self, fault: Unreadable, id: &RequestId) -> Option<Response<Bytes>> {
        let refusal = match fault {
            Unreadable::Malformed => invalid("BadRequest", "The head of the request is not HTTP/1.1."),
            Unreadable::Target => invalid("InvalidURI", "The URI of the request is too long."),
            Unreadable::TooLarge => arrival::too_many_headers(),
        };
        let exchange = Exchange::begin("s3", id, str::to_owned);
        Some(refused(refusal, exchange.id(), false).with(REQUEST_ID, exchange.id()).whole(&exchange))
    }
}
