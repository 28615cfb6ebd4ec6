//! Put Blob.

use http::StatusCode;

use super::received::{create_only, encrypted, overwritten, receive};
use crate::front::azure::admission::ask::Ask;
use crate::front::azure::wire::asked::Incoming;
use crate::front::azure::wire::errors::{no_page_blobs, no_tier_here};
use crate::front::azure::wire::refusal::Refusal;
use crate::front::azure::wire::shown::{CONTENT_CRC64, CONTENT_MD5, md5_of};
use crate::front::azure::wire::{conditions, properties};
use crate::front::reply::Reply;
use crate::gateway::{PutObject, Stored};
use crate::model::{AppendState, Metadata};

/// Most bytes of one Put Blob. Source: "Put Blob", remarks (versions from 2019-12-12 on).
const MOST_PUT_BYTES: u64 = 5000 * 1024 * 1024;

/// Put Blob.
pub(in crate::front::azure) async fn put_blob(ask: &Ask<'_>, body: Incoming) -> Result<Reply, Refusal> {
    let kind = ask.asked.headers.get("x-ms-blob-type").ok_or_else(|| Refusal::missing_header("x-ms-blob-type"))?;
    let mut metadata = properties::of_new(&ask.asked, true)?;
    let mut conditions = conditions::of_change(&ask.asked)?;
    let announced = ask.announced()?;
    match kind.to_str().unwrap_or_default() {
        "BlockBlob" => {}
        "AppendBlob" => {
            if announced != 0 {
                return Err(Refusal::invalid_header("Content-Length", &announced.to_string()));
            }
            if metadata.tier.is_some() {
                return Err(no_tier_here());
            }
            metadata.append = Some(AppendState::default());
        }
        "PageBlob" => return Err(no_page_blobs()),
        other => return Err(Refusal::invalid_header("x-ms-blob-type", other)),
    }
    let created = create_only(ask, &mut conditions);
    let given = properties::md5(&ask.asked, "x-ms-blob-content-md5")?;
    let mut received = receive(ask, body, MOST_PUT_BYTES)?;
    if let Some(md5) = given {
        // Of a whole blob in one request the service checks it.
        received.also_claim(md5);
    }
    let shows_crc64 = received.shows_crc64;
    let op = ask.may(PutObject { bucket: ask.bucket()?, key: ask.key()?, metadata, conditions })?;
    let stored = ask.house.gateway.put_object(op, received.body).await;
    let Stored { version } = stored.map_err(|error| overwritten(ask, error, created))?;
    let reply = Reply::new(StatusCode::CREATED).of_state(&version.state_tag(), version.modified);
    let reply = encrypted(reply);
    if version.metadata.append.is_some() {
        return Ok(reply);
    }
    Ok(digests(reply, &version.metadata, shows_crc64))
}

fn digests(reply: Reply, metadata: &Metadata, shows_crc64: bool) -> Reply {
    let md5 = md5_of(metadata);
    let crc64 = properties::shown_crc64(&metadata.checksums).filter(|_| shows_crc64);
    reply.with_some(CONTENT_MD5, md5.as_deref()).with_some(CONTENT_CRC64, crc64.as_deref())
}
