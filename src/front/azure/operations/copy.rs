//! Copy Blob, Copy Blob From URL, Put Blob From URL, Put Block From URL, Append Block From URL, Abort Copy Blob.
//!
//! Within the gateway a copy shares the source's parts. A source elsewhere is read, if the configuration names its host, and
//! sealed. All copies are finished when the answer comes.

use http::StatusCode;
use http::header::CONTENT_LENGTH;

use super::append;
use super::blocks::{block, not_empty, of_received};
use super::received::{create_only, encrypted, overwritten};
use super::source::{self, Fetched, Source, TAG_OPTION, source};
use crate::front::azure::admission::ask::{self, Ask};
use crate::front::azure::wire::codes::Code;
use crate::front::azure::wire::errors::no_page_blobs;
use crate::front::azure::wire::operation::Operation;
use crate::front::azure::wire::refusal::Refusal;
use crate::front::azure::wire::shown::{CONTENT_CRC64, CONTENT_MD5, named};
use crate::front::azure::wire::{conditions, errors, properties, ranges, shown};
use crate::front::reply::Reply;
use crate::gateway::{Body, Claim, Error, MOST_BLOCK_BYTES, PutObject, Version};
use crate::model::{ChecksumAlgorithm, CopyRecord, Metadata, Timestamp};

/// Most bytes of Put Blob From URL. Source: "Put Blob From URL", remarks.
const MOST_PUT_BYTES: u64 = 5000 * 1024 * 1024;
/// Most bytes of Copy Blob From URL. Source: "Copy Blob From URL", remarks.
const MOST_SYNC_BYTES: u64 = 256 * 1024 * 1024;

/// What becomes of the source's properties.
#[derive(Clone, Copy)]
struct Carrying {
    /// Content headers, the shown MD5.
    headers: bool,
    /// User metadata, where the request has none of its own.
    user: bool,
    /// Tags, instead of the request's.
    tags: bool,
    /// Whether an append blob stays one.
    kind: bool,
}

/// Copy Blob and Copy Blob From URL.
pub(in crate::front::azure) async fn copy(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let synchronous = ask.operation == Operation::CopyBlobFromUrl;
    let carrying = Carrying { headers: true, user: true, tags: tag_option(ask)?, kind: true };
    let id = ask::fresh_id()?;
    let most = if synchronous { MOST_SYNC_BYTES } else { MOST_PUT_BYTES };
    let version = whole(ask, carrying, Some(id.clone()), most).await?;
    let reply = Reply::new(StatusCode::ACCEPTED).of_state(&version.state_tag(), version.modified);
    let reply = reply.with(named("x-ms-copy-id"), &id).with(named("x-ms-copy-status"), "success");
    // A digest is told to who claimed it, and was held against the content. Source: "Copy Blob From URL", `Content-MD5`.
    let claimed = |name: &str| ask.asked.header(name).filter(|_| synchronous);
    let reply = reply.with_some(CONTENT_MD5, claimed("x-ms-source-content-md5"));
    Ok(reply.with_some(CONTENT_CRC64, claimed("x-ms-source-content-crc64")))
}

/// Put Blob From URL.
pub(in crate::front::azure) async fn put_from_url(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    match ask.asked.header("x-ms-blob-type").unwrap_or_default() {
        "BlockBlob" => {}
        "PageBlob" => return Err(no_page_blobs()),
        other => return Err(Refusal::invalid_header("x-ms-blob-type", other)),
    }
    let headers = match ask.asked.header("x-ms-copy-source-blob-properties") {
        None => true,
        Some(text) if text.eq_ignore_ascii_case("true") => true,
        Some(text) if text.eq_ignore_ascii_case("false") => false,
        Some(text) => return Err(Refusal::invalid_header("x-ms-copy-source-blob-properties", text)),
    };
    let carrying = Carrying { headers, user: false, tags: tag_option(ask)?, kind: false };
    let version = whole(ask, carrying, None, MOST_PUT_BYTES).await?;
    let reply = encrypted(Reply::new(StatusCode::CREATED).of_state(&version.state_tag(), version.modified));
    Ok(reply.with_some(CONTENT_MD5, shown::md5_of(&version.metadata).as_deref()))
}

/// Put Block From URL.
pub(in crate::front::azure) async fn block_from_url(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    bodiless(ask)?;
    let op = ask.may(block(ask)?)?;
    let claimed = properties::source_claims(&ask.asked)?;
    let source = source(ask, ranges::of_source(&ask.asked)?, MOST_BLOCK_BYTES).await?;
    let gateway = &ask.house.gateway;
    let received = match source {
        Source::Here(source) if claimed.claims.is_empty() => {
            gateway.copy_block(*source, op, Some(ChecksumAlgorithm::Crc64Nvme)).await
        }
        source => {
            let body = body_of(ask, source, claimed.claims).await?;
            let length = body.length.unwrap_or_default();
            not_empty(length)?;
            if length > MOST_BLOCK_BYTES {
                return Err(errors::too_large());
            }
            gateway.put_block(op, body).await
        }
    };
    let received = received.map_err(|error| ask.refuse(error))?;
    Ok(of_received(Reply::new(StatusCode::CREATED), &received, true))
}

/// Append Block From URL.
pub(in crate::front::azure) async fn append_from_url(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    bodiless(ask)?;
    let op = append::op(ask)?;
    let claimed = properties::source_claims(&ask.asked)?;
    let source = source(ask, ranges::of_source(&ask.asked)?, append::MOST_APPEND_BYTES).await?;
    let body = body_of(ask, source, claimed.claims).await?;
    let length = body.length.unwrap_or_default();
    not_empty(length)?;
    if length > append::MOST_APPEND_BYTES {
        return Err(errors::too_large());
    }
    append::appended(ask, op, body, true).await
}

/// Abort Copy Blob: every copy has finished when its answer comes.
pub(in crate::front::azure) async fn abort(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    if !ask.asked.header("x-ms-copy-action").is_some_and(|action| action.eq_ignore_ascii_case("abort")) {
        return Err(Refusal::missing_header("x-ms-copy-action"));
    }
    // It must be there, and the caller allowed to write to it, before anything is said of it.
    let op = ask.may(crate::gateway::ListBlocks {
        bucket: ask.bucket()?,
        key: ask.key()?,
        snapshot: None,
        conditions: conditions::lease_only(&ask.asked)?,
    })?;
    match ask.house.gateway.list_blocks(op).await {
        // Blocks that wait alone are no blob.
        Ok(listed) if listed.lists.version.is_none() => Err(ask.refuse(Error::NoSuchKey)),
        Ok(_) | Err(Error::WrongKind) => Err(no_pending_copy()),
        Err(error) => Err(ask.refuse(error)),
    }
}

/// Makes the blob that a request addresses of the whole of its source.
async fn whole(ask: &Ask<'_>, carrying: Carrying, id: Option<String>, most: u64) -> Result<Version, Refusal> {
    bodiless(ask)?;
    let own = properties::of_new(&ask.asked, false)?;
    let seal = ask.asked.header("x-ms-seal-blob").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let mut conditions = conditions::of_write(&ask.asked)?;
    let created = create_only(ask, &mut conditions);
    let claimed = properties::source_claims(&ask.asked)?;
    // Before the source: nothing is fetched for who may not write.
    let op = ask.may(PutObject { bucket: ask.bucket()?, key: ask.key()?, metadata: own, conditions })?;
    let written = ask.asked.header("x-ms-copy-source").unwrap_or_default();
    let made = |from: &Metadata, own: &Metadata, carrying, length| {
        let record = |id| CopyRecord { id, source: source::shown(written), finished: Timestamp::now(), length };
        Metadata { copied: id.clone().map(record).map(Box::new), ..carried(from, own, carrying, seal) }
    };
    let gateway = &ask.house.gateway;
    let failed = |error| overwritten(ask, error, created);
    let (body, metadata) = match source(ask, None, most).await? {
        Source::Here(source) if claimed.claims.is_empty() => {
            let carry = |from: &Version, own: &Metadata| made(&from.metadata, own, carrying, from.length);
            return gateway.copy_from(*source, op, carry).await.map_err(failed);
        }
        Source::Here(source) => {
            // What is claimed of it is held against its bytes, which takes reading them.
            let (from, body) = gateway.source_body(*source).await.map_err(|error| ask.refuse(error))?;
            let carrying = Carrying { kind: false, ..carrying };
            (body, made(&from.metadata, &op.op().metadata, carrying, from.length))
        }
        Source::Elsewhere(fetched) => {
            let Fetched { body, length, system } = *fetched;
            let from = Metadata { system, ..Metadata::default() };
            (body, made(&from, &op.op().metadata, carrying, length))
        }
    };
    let op = ask.may(PutObject { metadata, ..op.into_parts().1 })?;
    let stored = gateway.put_object(op, claiming(body, claimed.claims)).await.map_err(failed)?;
    Ok(stored.version)
}

/// What a copy carries: the source's, and the request's where it says something.
fn carried(from: &Metadata, own: &Metadata, carrying: Carrying, seal: bool) -> Metadata {
    let mut made = own.clone();
    if carrying.headers {
        let system = std::mem::replace(&mut made.system, from.system.clone());
        let fields = [
            (system.content_type, &mut made.system.content_type),
            (system.content_encoding, &mut made.system.content_encoding),
            (system.content_language, &mut made.system.content_language),
            (system.content_disposition, &mut made.system.content_disposition),
            (system.cache_control, &mut made.system.cache_control),
        ];
        for (own, place) in fields {
            if own.is_some() {
                *place = own;
            }
        }
        made.shown_md5 = from.shown_md5;
    }
    if carrying.user && made.user.is_empty() {
        made.user.clone_from(&from.user);
    }
    if carrying.tags {
        made.tags.clone_from(&from.tags);
    }
    if carrying.kind {
        made.append.clone_from(&from.append);
        if let Some(state) = &mut made.append {
            state.closed = seal;
            made.tier = None;
        }
    }
    made
}

/// The bytes of a source as a body, with claims about them.
async fn body_of(ask: &Ask<'_>, source: Source, claims: Vec<Claim>) -> Result<Body, Refusal> {
    let body = match source {
        Source::Here(source) => ask.house.gateway.source_body(*source).await.map_err(|error| ask.refuse(error))?.1,
        Source::Elsewhere(fetched) => fetched.body,
    };
    Ok(claiming(body, claims))
}

/// A body with claims about it.
fn claiming(mut body: Body, claims: Vec<Claim>) -> Body {
    body.digests.md5 = claims.iter().any(|claim| matches!(claim, Claim::Md5(_)));
    body.digests.checksums = vec![ChecksumAlgorithm::Crc64Nvme];
    body.claims = Box::new(move || Ok(claims));
    body
}

/// Whether tags come from the source (`x-ms-copy-source-tag-option`).
fn tag_option(ask: &Ask<'_>) -> Result<bool, Refusal> {
    match ask.asked.header(TAG_OPTION) {
        None => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("replace") => Ok(false),
        Some(_) if ask.asked.headers.contains_key("x-ms-tags") => Err(Refusal::invalid_header(TAG_OPTION, "COPY")),
        Some(text) if text.eq_ignore_ascii_case("copy") => Ok(true),
        Some(text) => Err(Refusal::invalid_header(TAG_OPTION, text)),
    }
}

/// A copy has no body of its own.
fn bodiless(ask: &Ask<'_>) -> Result<(), Refusal> {
    match ask.asked.headers.get(CONTENT_LENGTH) {
        Some(length) if length != "0" => {
            Err(Refusal::invalid_header("Content-Length", length.to_str().unwrap_or_default()))
        }
        _ => Ok(()),
    }
}

fn no_pending_copy() -> Refusal {
    errors::plain(409, Code::NoPendingCopyOperation, "There is currently no pending copy operation.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AppendState, SystemMetadata, Tags, Tier};

    fn metadata(content_type: Option<&str>, user: Option<&str>) -> Metadata {
        Metadata {
            system: SystemMetadata { content_type: content_type.map(str::to_owned), ..SystemMetadata::default() },
            user: user.map(|value| ("a".to_owned(), value.to_owned())).into_iter().collect(),
            ..Metadata::default()
        }
    }

    const ALL: Carrying = Carrying { headers: true, user: true, tags: false, kind: true };

    #[test]
    fn a_copy_carries_the_source_s_unless_the_request_says_otherwise() {
        let from = Metadata {
            tags: Tags::from([("t".into(), "1".into())]),
            append: Some(AppendState { blocks: 2, closed: true }),
            ..metadata(Some("text/plain"), Some("source"))
        };
        let tier = Some(Tier { name: "Cool".into(), changed: Timestamp(0) });
        let made = carried(&from, &Metadata { tier, ..Metadata::default() }, ALL, false);
        assert_eq!(made.system.content_type.as_deref(), Some("text/plain"));
        assert_eq!(made.user["a"], "source");
        assert!(made.tags.is_empty());
        assert_eq!((made.append, made.tier), (Some(AppendState { blocks: 2, closed: false }), None));

        let made = carried(
            &from,
            &metadata(Some("text/html"), Some("own")),
            Carrying { tags: true, kind: false, ..ALL },
            false,
        );
        assert_eq!(made.system.content_type.as_deref(), Some("text/html"));
        assert_eq!((made.user["a"].as_str(), made.append, made.tags.len()), ("own", None, 1));
    }

    #[test]
    fn a_copy_may_leave_the_source_s_properties_behind() {
        let none = Carrying { headers: false, user: false, tags: false, kind: false };
        let made = carried(&metadata(Some("text/plain"), Some("source")), &Metadata::default(), none, false);
        assert_eq!(made, Metadata::default());
    }
}
