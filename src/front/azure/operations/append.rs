//! Append Block, and sealing (in Azure's sense) of append blobs.

use http::StatusCode;

use super::blocks::{not_empty, of_received};
use super::received::receive;
use crate::front::azure::admission::ask::Ask;
use crate::front::azure::wire::asked::Incoming;
use crate::front::azure::wire::conditions;
use crate::front::azure::wire::refusal::Refusal;
use crate::front::azure::wire::shown::named;
use crate::front::reply::Reply;
use crate::gateway::{Append, Body, ReviseObject, Revision};
use crate::model::Authorized;

/// Most bytes of an append. Source: "Append Block", remarks (versions from 2022-11-02 on).
pub(in crate::front::azure) const MOST_APPEND_BYTES: u64 = 100 * 1024 * 1024;

/// Append Block.
pub(in crate::front::azure) async fn append(ask: &Ask<'_>, body: Incoming) -> Result<Reply, Refusal> {
    let op = op(ask)?;
    let received = receive(ask, body, MOST_APPEND_BYTES)?;
    not_empty(received.body.length.unwrap_or_default())?;
    appended(ask, op, received.body, received.shows_crc64).await
}

/// The append that a request asks for, its body aside.
pub(in crate::front::azure) fn op(ask: &Ask<'_>) -> Result<Authorized<Append>, Refusal> {
    ask.may(Append {
        bucket: ask.bucket()?,
        key: ask.key()?,
        position: conditions::number(&ask.asked, "x-ms-blob-condition-appendpos")?,
        most_bytes: conditions::number(&ask.asked, "x-ms-blob-condition-maxsize")?,
        conditions: conditions::of_write(&ask.asked)?,
    })
}

/// Appends a body.
pub(in crate::front::azure) async fn appended(
    ask: &Ask<'_>,
    op: Authorized<Append>,
    body: Body,
    shows_crc64: bool,
) -> Result<Reply, Refusal> {
    let grown = ask.house.gateway.append(op, body).await.map_err(|error| ask.refuse(error))?;
    let blocks = grown.version.metadata.append.as_ref().map_or(0, |state| state.blocks);
    let reply = Reply::new(StatusCode::CREATED)
        .of_state(&grown.version.state_tag(), grown.version.modified)
        .with(named("x-ms-blob-append-offset"), &grown.offset.to_string())
        .with(named("x-ms-blob-committed-block-count"), &blocks.to_string());
    Ok(of_received(reply, &grown.received, shows_crc64))
}

/// Append Blob Seal.
pub(in crate::front::azure) async fn seal(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let conditions = conditions::of_write(&ask.asked)?;
    let position = conditions::number(&ask.asked, "x-ms-blob-condition-appendpos")?;
    if let Some(position) = position {
        // Appends only grow: whoever finds another length now would find it in the transaction, or not seal what it meant.
        let op = ask.may(crate::gateway::HeadObject {
            bucket: ask.bucket()?,
            key: ask.key()?,
            snapshot: None,
            select: crate::gateway::Select::All,
            conditions: conditions.clone(),
        })?;
        let (version, _) = ask.house.gateway.head_object(op).await.map_err(|error| ask.refuse(error))?;
        if version.length != position {
            return Err(ask.refuse(crate::gateway::Error::AppendPosition));
        }
    }
    let revision = Revision::Close { length: position };
    let op = ReviseObject { bucket: ask.bucket()?, key: ask.key()?, snapshot: None, revision, conditions };
    let version = ask.house.gateway.revise_object(ask.may(op)?).await.map_err(|error| ask.refuse(error))?;
    let reply = Reply::new(StatusCode::OK).of_state(&version.state_tag(), version.modified);
    Ok(reply.with(named("x-ms-blob-sealed"), "true"))
}
