//! PutObject.

use http::StatusCode;
use http::header::ETAG;

use super::{received, tagging};
use crate::front::reply::Reply;
use crate::front::s3::admission::ask::Ask;
use crate::front::s3::wire::checksums::{self, CHECKSUM_TYPE};
use crate::front::s3::wire::refusal::Refusal;
use crate::front::s3::wire::{conditions, headers};
use crate::front::server::RequestBody;
use crate::gateway::PutObject;

/// PutObject.
pub(in crate::front::s3) async fn object(ask: &Ask<'_>, body: RequestBody) -> Result<Reply, Refusal> {
    let tags = tagging::of_header(&ask.asked.headers)?.unwrap_or_default();
    let op = PutObject {
        bucket: ask.bucket()?,
        key: ask.key()?,
        metadata: headers::metadata(&ask.asked.headers, tags)?,
        conditions: conditions::for_write(&ask.asked.headers),
    };
    let bucket = op.bucket.clone();
    let op = ask.may(op)?;
    let body = received::receive(ask, body).await?;
    let stored = ask.house.gateway.put_object(op, body).await;
    let version = stored.map_err(|error| ask.refuse_change(error, &bucket, ask.key_name()))?.version;
    let checksums = &version.metadata.checksums;
    let reply = Reply::new(StatusCode::OK)
        .with(ETAG, &headers::quoted(&version.etag))
        .with(headers::ENCRYPTION, headers::SEALED)
        .with_some(CHECKSUM_TYPE, checksums.last().map(checksums::type_of));
    Ok(checksums::shown(reply, checksums))
}
