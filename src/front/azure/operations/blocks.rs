//! Put Block, Put Block List, Get Block List.

use std::collections::VecDeque;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use http::StatusCode;
use md5::{Digest, Md5};

use super::received::{create_only, encrypted, overwritten, receive};
use crate::front::azure::admission::ask::Ask;
use crate::front::azure::wire::asked::Incoming;
use crate::front::azure::wire::codes::Code;
use crate::front::azure::wire::refusal::Refusal;
use crate::front::azure::wire::shown::{CONTENT_CRC64, CONTENT_MD5, named};
use crate::front::azure::wire::{conditions, properties, xml};
use crate::front::reply::Reply;
use crate::gateway::{
    BlockCursor, BlockPage, CommitBlocks, Error, Gateway, ListBlocks, ListedBlocks, MOST_BLOCK_BYTES, PutBlock,
    Received,
};
use crate::model::{Action, BlockId, BlockPick, Conditions};

/// Largest list of blocks, in bytes: 50,000 entries of the longest names fit.
const MOST_LIST_BYTES: u64 = 8 * 1024 * 1024;

/// Put Block.
pub(in crate::front::azure) async fn put(ask: &Ask<'_>, body: Incoming) -> Result<Reply, Refusal> {
    let op = ask.may(block(ask)?)?;
    let received = receive(ask, body, MOST_BLOCK_BYTES)?;
    not_empty(received.body.length.unwrap_or_default())?;
    let shows_crc64 = received.shows_crc64;
    let stored = ask.house.gateway.put_block(op, received.body).await.map_err(|error| ask.refuse(error))?;
    Ok(of_received(Reply::new(StatusCode::CREATED), &stored, shows_crc64))
}

/// Put Block List.
pub(in crate::front::azure) async fn commit(ask: &Ask<'_>, body: Incoming) -> Result<Reply, Refusal> {
    let mut metadata = properties::of_new(&ask.asked, false)?;
    metadata.shown_md5 = properties::shown_md5(&ask.asked)?;
    let mut conditions = conditions::of_change(&ask.asked)?;
    let created = create_only(ask, &mut conditions);
    let claimed = properties::claims(&ask.asked)?;
    // Before the body: who may not write need not send it.
    let op = ask.may(CommitBlocks { bucket: ask.bucket()?, key: ask.key()?, metadata, conditions })?;
    let small = ask.read_small(body, Some(Action::Write), MOST_LIST_BYTES, &claimed.claims).await?;
    let mut picks = Vec::new();
    for (source, name) in xml::block_list(&small.bytes)? {
        let id = BlockId::parse(&name).ok_or_else(|| ask.refuse(Error::InvalidBlock))?;
        picks.push(BlockPick { id, source });
    }
    let committed = ask.house.gateway.commit_blocks(op, picks).await;
    let version = committed.map_err(|error| overwritten(ask, error, created))?;
    let mut reply = encrypted(Reply::new(StatusCode::CREATED).of_state(&version.state_tag(), version.modified));
    // The digest is of the list, as the service answers it.
    if claimed.crc64 {
        let crc = ask.asked.header("x-ms-content-crc64");
        reply = reply.with_some(CONTENT_CRC64, crc);
    } else {
        reply = reply.with(CONTENT_MD5, &STANDARD.encode(Md5::digest(&small.bytes)));
    }
    Ok(reply)
}

/// Get Block List.
pub(in crate::front::azure) async fn list(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let kind = ask.asked.parameter("blocklisttype").unwrap_or("committed");
    let (committed, uncommitted) = match kind.to_ascii_lowercase().as_str() {
        "committed" => (true, false),
        "uncommitted" => (false, true),
        "all" => (true, true),
        _ => return Err(Refusal::invalid_parameter("blocklisttype", kind)),
    };
    let op = ask.may(ListBlocks {
        bucket: ask.bucket()?,
        key: ask.key()?,
        snapshot: ask.snapshot()?,
        conditions: conditions::of_tags(&ask.asked)?,
    })?;
    let listed = ask.house.gateway.list_blocks(op).await.map_err(|error| ask.refuse(error))?;
    let version = listed.lists.version.clone();
    let wanted = [
        committed.then(|| ("CommittedBlocks", listed.lists.committed.clone())),
        uncommitted.then(|| ("UncommittedBlocks", listed.lists.uncommitted.clone())),
    ];
    let mut text = ListText {
        gateway: Arc::clone(&ask.house.gateway),
        listed,
        lists: wanted.into_iter().flatten().collect(),
        open: false,
        ended: false,
    };
    // What cannot be read at all is told, before an answer begins.
    let first = text.next().await.map_err(|error| ask.refuse(error))?.unwrap_or_default();
    let first = Bytes::from(xml::blocks_begin() + &first);
    let rest =
        stream::try_unfold(text, |mut text| async move { Ok(text.next().await?.map(|piece| (piece.into(), text))) });
    let mut reply = Reply::xml_stream(stream::iter([Ok(first)]).chain(rest).boxed());
    let length = version.as_ref().map_or(0, |version| version.length);
    reply = reply.with(named("x-ms-blob-content-length"), &length.to_string());
    if let Some(version) = &version {
        reply = reply.of_state(&version.state_tag(), version.modified);
    }
    Ok(reply)
}

/// The text of a list of blocks in the making: a page of blocks at a time.
struct ListText {
    gateway: Arc<Gateway>,
    listed: ListedBlocks,
    /// The lists that are not written yet, each with its next page.
    lists: VecDeque<(&'static str, Option<BlockCursor>)>,
    /// Whether the first of them has begun.
    open: bool,
    ended: bool,
}

impl ListText {
    /// The next piece; `None` after the last.
    async fn next(&mut self) -> Result<Option<String>, Error> {
        let Some((name, cursor)) = self.lists.front_mut() else {
            return Ok((!std::mem::replace(&mut self.ended, true)).then(|| "</BlockList>".to_owned()));
        };
        let page = match cursor.take() {
            Some(cursor) => self.gateway.more_blocks(&self.listed, &cursor).await?,
            None => BlockPage { blocks: Vec::new(), next: None },
        };
        if !self.open && page.blocks.is_empty() {
            let piece = format!("<{name} />");
            self.lists.pop_front();
            return Ok(Some(piece));
        }
        let mut piece = if self.open { String::new() } else { format!("<{name}>") };
        piece.push_str(&xml::blocks(&page.blocks));
        self.open = page.next.is_some();
        *cursor = page.next;
        if !self.open {
            piece.push_str(&format!("</{name}>"));
            self.lists.pop_front();
        }
        Ok(Some(piece))
    }
}

/// The block that a request names.
pub(in crate::front::azure) fn block(ask: &Ask<'_>) -> Result<PutBlock, Refusal> {
    let text = ask.asked.parameter("blockid").ok_or_else(|| {
        let text = "A query parameter that's mandatory for this request is not specified.";
        Refusal::new(StatusCode::BAD_REQUEST, Code::MissingRequiredQueryParameter, text)
            .detail("QueryParameterName", "blockid")
    })?;
    let id = BlockId::parse(text).ok_or_else(|| Refusal::invalid_parameter("blockid", text))?;
    let conditions = Conditions { not_archived: true, ..conditions::lease_only(&ask.asked)? };
    Ok(PutBlock { bucket: ask.bucket()?, key: ask.key()?, block: id, conditions })
}

/// 400: a block, or an append, has at least one byte.
pub(in crate::front::azure) fn not_empty(length: u64) -> Result<(), Refusal> {
    if length == 0 { Err(Refusal::invalid_header("Content-Length", "0")) } else { Ok(()) }
}

/// An answer that tells the digests of what came in.
pub(in crate::front::azure) fn of_received(reply: Reply, received: &Received, shows_crc64: bool) -> Reply {
    let crc64 = properties::shown_crc64(&received.checksums).filter(|_| shows_crc64);
    let md5 = received.md5.filter(|_| crc64.is_none()).map(|md5| STANDARD.encode(md5));
    encrypted(reply).with_some(CONTENT_MD5, md5.as_deref()).with_some(CONTENT_CRC64, crc64.as_deref())
}
