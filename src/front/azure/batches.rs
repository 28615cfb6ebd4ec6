//! Blob Batch: deletions, or changes of tier, many in one request. Each has credentials, an answer and a log line's worth of
//! checks of its own.
//!
//! Source: "Blob Batch".

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::header::{CONTENT_TYPE, HOST};
use http::{StatusCode, Uri};

use super::ask::{self, Ask, Incoming};
use super::batch::{self, InnerRequest};
use super::operation::Operation;
use super::refusal::Refusal;
use super::reply::{Payload, Reply};
use super::service::{self, Origin};
use super::shown::named;
use super::{errors, properties, revise, routing};

/// Largest batch, in bytes. Source: "Blob Batch", remarks.
const MOST_BATCH_BYTES: u64 = 4 * 1024 * 1024;
/// Requests of one batch that run at once.
const PARALLEL: usize = 16;

/// Blob Batch.
pub(super) async fn run(ask: &Ask<'_>, body: Incoming) -> Result<Reply, Refusal> {
    let claimed = properties::claims(&ask.asked)?;
    let kind = ask.asked.header("content-type").unwrap_or_default().to_owned();
    let small = ask.read_small(body, MOST_BATCH_BYTES, &claimed.claims).await?;
    let inner = batch::parse(&kind, &small.bytes)?;
    let operations: Vec<Operation> = inner.iter().filter_map(|request| operation_of(ask, request).ok()).collect();
    if operations.windows(2).any(|pair| pair.first() != pair.last()) {
        return Err(errors::plain(
            400,
            "AllBatchSubRequestsShouldBeSameApi",
            "All requests of a batch must be of the same operation.",
        ));
    }
    let answers: Vec<_> = stream::iter(inner)
        .map(|request| async move {
            let reply = answer(ask, &request)
                .await
                .unwrap_or_else(|refusal| service::error_reply(&refusal, &ask.context.uuid()));
            let mut reply = reply.with(named("x-ms-request-id"), &ask.context.uuid());
            reply = reply.with(named("x-ms-version"), &ask.version);
            let bytes = match reply.payload {
                Payload::Whole(bytes) => bytes,
                Payload::Empty | Payload::Stream(..) => Bytes::new(),
            };
            (request.content_id, reply.status, reply.headers, bytes)
        })
        .buffered(PARALLEL)
        .collect()
        .await;
    let boundary = format!("batchresponse_{}", ask::fresh_id()?);
    let mut reply =
        Reply::new(StatusCode::ACCEPTED).with(CONTENT_TYPE, &format!("multipart/mixed; boundary={boundary}"));
    reply.payload = Payload::Whole(batch::respond(&answers, &boundary).into());
    Ok(reply)
}

async fn answer(ask: &Ask<'_>, request: &InnerRequest) -> Result<Reply, Refusal> {
    let uri = uri_of(request)?;
    let mut headers = request.headers.clone();
    // Signatures of the inner requests are made for the host of the outer one.
    if let Some(host) = ask.asked.headers.get(HOST) {
        headers.insert(HOST, host.clone());
    }
    let origin = Origin { remote: ask.asked.remote, tls: ask.asked.tls };
    let asked = service::asked_at(ask.house, &request.method, &uri, &headers, origin, &ask.asked.host)?;
    // A batch on a container stays within it.
    if asked.target.account != ask.asked.target.account
        || ask.asked.target.container.is_some() && asked.target.container != ask.asked.target.container
    {
        return Err(Refusal::invalid_parameter("container", ""));
    }
    let operation = routing::route(&asked)?;
    if !matches!(operation, Operation::DeleteBlob | Operation::SetBlobTier) {
        return Err(errors::plain(400, "UnsupportedOperation", "A batch deletes blobs, or sets their tiers."));
    }
    let inner = service::admit(ask.house, asked, operation, ask.version.clone(), &ask.context).await?;
    match operation {
        Operation::SetBlobTier => revise::tier(&inner).await,
        _ => revise::delete(&inner).await,
    }
}

fn operation_of(ask: &Ask<'_>, request: &InnerRequest) -> Result<Operation, Refusal> {
    let uri = uri_of(request)?;
    let origin = Origin { remote: ask.asked.remote, tls: ask.asked.tls };
    routing::route(&service::asked_at(ask.house, &request.method, &uri, &request.headers, origin, &ask.asked.host)?)
}

fn uri_of(request: &InnerRequest) -> Result<Uri, Refusal> {
    request.path_and_query.parse().map_err(|_cause| super::address::invalid_uri())
}
