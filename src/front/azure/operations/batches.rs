//! Blob Batch: deletions, or changes of tier, many in one request. Each has credentials, an answer and a log line's worth of
//! checks of its own.
//!
//! Source: "Blob Batch".

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::header::{CONTENT_TYPE, HOST};
use http::{StatusCode, Uri};

use super::revise;
use crate::front::azure::admission::address::invalid_uri;
use crate::front::azure::admission::admit::admit;
use crate::front::azure::admission::arrival::{Origin, asked_at};
use crate::front::azure::admission::ask::{self, Ask};
use crate::front::azure::admission::routing;
use crate::front::azure::wire::asked::Incoming;
use crate::front::azure::wire::batch::{self, InnerRequest};
use crate::front::azure::wire::codes::Code;
use crate::front::azure::wire::operation::Operation;
use crate::front::azure::wire::refusal::Refusal;
use crate::front::azure::wire::refused::error_reply;
use crate::front::azure::wire::shown::named;
use crate::front::azure::wire::{errors, properties};
use crate::front::reply::{Payload, Reply};

/// Largest batch, in bytes. Source: "Blob Batch", remarks.
const MOST_BATCH_BYTES: u64 = 4 * 1024 * 1024;
/// Requests of one batch that run at once.
const PARALLEL: usize = 16;
/// Most bytes of memory for the answer to one request: its headers and an error, twice.
const ANSWER_BYTES: u64 = 8 * 1024;

/// Blob Batch.
pub(in crate::front::azure) async fn run(ask: &Ask<'_>, body: Incoming) -> Result<Reply, Refusal> {
    let claimed = properties::claims(&ask.asked)?;
    let kind = ask.asked.header("content-type").unwrap_or_default().to_owned();
    let small = ask.read_small(body, None, MOST_BATCH_BYTES, &claimed.claims).await?;
    let inner = batch::parse(&kind, &small.bytes)?;
    let operations: Vec<Operation> = inner.iter().filter_map(|request| operation_of(ask, request).ok()).collect();
    if operations.windows(2).any(|pair| pair.first() != pair.last()) {
        return Err(errors::plain(
            400,
            Code::AllBatchSubRequestsShouldBeSameApi,
            "All requests of a batch must be of the same operation.",
        ));
    }
    // Before anything is done: an answer that there is no memory for would hide what was.
    let share = ask.room(small.into_share(), inner.len() as u64 * ANSWER_BYTES).await?;
    let answers: Vec<_> = stream::iter(inner)
        .map(|request| async move {
            let reply = answer(ask, &request).await.unwrap_or_else(|refusal| error_reply(&refusal, ask.context.id()));
            let mut reply = reply.with(named("x-ms-request-id"), ask.context.id());
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
    Ok(reply.holding(share))
}

async fn answer(ask: &Ask<'_>, request: &InnerRequest) -> Result<Reply, Refusal> {
    let uri = uri_of(request)?;
    let mut headers = request.headers.clone();
    // Signatures of the inner requests are made for the host of the outer one.
    if let Some(host) = ask.asked.headers.get(HOST) {
        headers.insert(HOST, host.clone());
    }
    let origin = Origin { remote: ask.asked.remote, tls: ask.asked.tls };
    let asked = asked_at(ask.house, &request.method, &uri, &headers, origin, &ask.asked.host)?;
    // A batch on a container stays within it.
    if asked.target.account != ask.asked.target.account
        || ask.asked.target.container.is_some() && asked.target.container != ask.asked.target.container
    {
        return Err(Refusal::invalid_parameter("container", ""));
    }
    let operation = routing::route(&asked)?;
    if !matches!(operation, Operation::DeleteBlob | Operation::SetBlobTier) {
        return Err(errors::plain(400, Code::InvalidInput, "A batch deletes blobs, or sets their tiers."));
    }
    let inner = admit(ask.house, asked, operation, ask.version.clone(), &ask.context).await?;
    match operation {
        Operation::SetBlobTier => revise::tier(&inner).await,
        _ => revise::delete(&inner).await,
    }
}

fn operation_of(ask: &Ask<'_>, request: &InnerRequest) -> Result<Operation, Refusal> {
    let uri = uri_of(request)?;
    let origin = Origin { remote: ask.asked.remote, tls: ask.asked.tls };
    routing::route(&asked_at(ask.house, &request.method, &uri, &request.headers, origin, &ask.asked.host)?)
}

fn uri_of(request: &InnerRequest) -> Result<Uri, Refusal> {
    request.path_and_query.parse().map_err(|_cause| invalid_uri())
}
