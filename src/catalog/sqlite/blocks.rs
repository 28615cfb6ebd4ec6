//! Blocks that wait to be committed, and their commit.
//!
//! # Invariants
//! - A name's uncommitted blocks go when a version is committed under it, by whichever protocol.
//! - An uncommitted block owns its content until a commit makes it a version's.
//! - A list of blocks is counted in slices before anything of it is written.
//! - A set of many blocks that goes is renamed, to what is no UTF-8 and so no name of an object (`rows::GOING`), and then dropped in steps.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::objects::{self, Current, Disposal, Origin};
use super::purge::Step;
use super::rows::{bucket_id, going, limit, next_content, number, onward, stored};
use super::{block_list, past, slices};
use crate::catalog::blocks::BlockPlace;
use crate::catalog::slices::{Joined, PartSlice};
use crate::catalog::{
    BlockCommit, BlockCursor, BlockLists, BlockPage, CatalogError, Content, Failure, MOST_BLOCKS, MOST_SLICES,
    MOST_SLICES_OF_PIECE, MOST_UNCOMMITTED_BLOCKS, NewBlock, ObjectRef, PAGE_BLOCKS, PAGE_SLICES, Refusal, Version,
    VersionId, Which,
};
use crate::model::{
    Block, BlockId, BlockPick, BlockSource, ByteRange, ClientId, Conditions, Lease, ObjectKey, Timestamp,
};

pub(super) fn put(db: &Connection, new: &NewBlock, grace_until: Timestamp) -> Result<(), CatalogError> {
    let bucket = bucket_id(db, &new.bucket)?;
    let current = Current::of(db, bucket, &new.key)?;
    // Only the lease and the archive count.
    let conditions = Conditions {
        lease: new.conditions.lease.clone(),
        not_archived: new.conditions.not_archived,
        ..Conditions::default()
    };
    Current::guard_write(db, bucket, &new.key, current.as_ref(), &conditions)?;
    refuse_appendable(db, current.as_ref())?;
    if new.content == Content::Empty {
        return Err(CatalogError::Failed(Failure::Misused("a block without bytes")));
    }
    let waiting = Waiting::of(db, bucket, new.key.as_bytes())?;
    let id_bytes = stored(u64::try_from(new.block.id.decoded_length()).unwrap_or(u64::MAX))?;
    if waiting.as_ref().is_some_and(|waiting| waiting.id_bytes != id_bytes) {
        return Err(CatalogError::Refused(Refusal::InvalidBlock));
    }
    let set = match &waiting {
        Some(waiting) => waiting.id,
        None => begin(db, bucket, &new.key, id_bytes, new.owner.as_ref())?,
    };
    let content = slices::add(db, &new.content, new.block.length, &new.bucket.tenant)?;
    let replaced = remove_block(db, set, new.block.id.as_str())?;
    let count = waiting.map_or(0, |waiting| waiting.blocks) + i64::from(replaced.is_none());
    if count > limit(MOST_UNCOMMITTED_BLOCKS) {
        return Err(CatalogError::Refused(Refusal::TooManyBlocks));
    }
    let sql = "INSERT INTO block (uncommitted_id, block_id, content_id, length, md5) VALUES (?1, ?2, ?3, ?4, ?5)";
    let row = params![set, new.block.id.as_str(), content, stored(new.block.length)?, new.block.md5];
    db.prepare_cached(sql)?.execute(row)?;
    db.prepare_cached("UPDATE uncommitted SET blocks = ?2, touched = ?3 WHERE uncommitted_id = ?1")?
        .execute(params![set, count, new.uploaded.0])?;
    match replaced {
        Some(old) => slices::release(db, old, grace_until),
        None => Ok(()),
    }
}

pub(super) fn lists(db: &Connection, object: &ObjectRef) -> Result<BlockLists, CatalogError> {
    let bucket = bucket_id(db, &object.bucket)?;
    let waiting = if object.which == Which::Current { Waiting::of(db, bucket, object.key.as_bytes())? } else { None };
    let version = match past::at(db, bucket, object) {
        Ok(version) => Some(version),
        Err(CatalogError::Refused(Refusal::NoSuchKey)) if waiting.is_some() => None,
        Err(error) => return Err(error),
    };
    let cursor = |place| BlockCursor { object: object.clone(), place };
    let listed = match &version {
        Some(version) => {
            let sql = "SELECT blocks IS NOT NULL FROM version WHERE version_id = ?1";
            db.prepare_cached(sql)?.query_row([version.id.0], |row| row.get::<_, bool>(0))?.then_some(version.id)
        }
        None => None,
    };
    let committed = listed.map(|version| cursor(BlockPlace::Committed { version, from: 0, position: 0 }));
    let uncommitted = waiting.map(|waiting| cursor(BlockPlace::Uncommitted { set: waiting.id, after: None }));
    Ok(BlockLists { version, committed, uncommitted })
}

/// A page of a list.
pub(super) fn more(db: &Connection, cursor: BlockCursor) -> Result<BlockPage, CatalogError> {
    let BlockCursor { object, place } = cursor;
    let (blocks, next) = match place {
        BlockPlace::Committed { version, from, position } => more_committed(db, version, from, position)?,
        BlockPlace::Uncommitted { set, after } => more_uncommitted(db, &object, set, after.as_ref())?,
    };
    Ok(BlockPage { blocks, next: next.map(|place| BlockCursor { object, place }) })
}

fn more_committed(
    db: &Connection,
    version: VersionId,
    from: u64,
    position: u64,
) -> Result<(Vec<Block>, Option<BlockPlace>), CatalogError> {
    let sql = "SELECT length, length(blocks) FROM version WHERE version_id = ?1 AND blocks IS NOT NULL";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let found = db.prepare_cached(sql)?.query_row([version.0], read).optional()?;
    let (length, all) = found.ok_or(CatalogError::Refused(Refusal::SourceChanged))?;
    let (length, all): (u64, u64) = (number(length)?, number(all)?);
    let bytes = block_list::window(db, version.0, from)?;
    let (blocks, taken) = block_list::page(&bytes, from == 0)?;
    let sum = blocks.iter().try_fold(position, |sum, block| sum.checked_add(block.length));
    let place = sum.map(|position| BlockPlace::Committed { version, from: from + taken, position });
    match sum {
        Some(sum) if from + taken == all && sum == length => Ok((blocks, None)),
        Some(sum) if from + taken < all && taken > 0 && sum <= length => Ok((blocks, place)),
        _ => Err(CatalogError::Failed(Failure::Damaged("blocks that do not add up"))),
    }
}

fn more_uncommitted(
    db: &Connection,
    object: &ObjectRef,
    set: i64,
    after: Option<&BlockId>,
) -> Result<(Vec<Block>, Option<BlockPlace>), CatalogError> {
    let bucket = bucket_id(db, &object.bucket)?;
    if Waiting::of(db, bucket, object.key.as_bytes())?.is_none_or(|waiting| waiting.id != set) {
        return Err(CatalogError::Refused(Refusal::SourceChanged));
    }
    let sql = "SELECT block_id, length, md5 FROM block WHERE uncommitted_id = ?1 AND block_id > ?2
               ORDER BY block_id LIMIT ?3";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![set, after.map_or("", BlockId::as_str), limit(PAGE_BLOCKS + 1)])?;
    let mut blocks = Vec::new();
    while let Some(row) = rows.next()? {
        let id = block_id(&row.get::<_, String>(0)?)?;
        blocks.push(Block { id, length: number(row.get(1)?)?, md5: row.get(2)? });
    }
    onward(after.map(BlockId::as_str), blocks.iter().map(|block| block.id.as_str()))?;
    let more = blocks.len() > PAGE_BLOCKS;
    blocks.truncate(PAGE_BLOCKS);
    let after = blocks.last().filter(|_| more).map(|last| last.id.clone());
    Ok((blocks, after.map(|after| BlockPlace::Uncommitted { set, after: Some(after) })))
}

pub(super) fn commit(db: &Connection, commit: &BlockCommit, disposal: Disposal) -> Result<Version, CatalogError> {
    let (bucket, current, lease) = admit(db, commit)?;
    let waiting = Waiting::of(db, bucket, commit.key.as_bytes())?;
    let Picked { joined, blocks, uncommitted, .. } = pick(db, commit, current.as_ref(), waiting.as_ref())?;
    let (id, length) = (next_content(db)?, joined.length());
    let slices = joined.into_slices();
    if waiting.is_some_and(|waiting| waiting.is_large()) {
        slices::add_shared(db, id, &slices)?;
    } else {
        // The blocks themselves go below, with what the list does not name.
        let used: Vec<i64> = uncommitted.into_values().map(|(_, content)| content).collect();
        slices::replace(db, id, &slices, &used, disposal.grace_until)?;
    }
    let mut version = version_of(commit, id, length, &blocks, lease);
    let origin = Origin { upload: None, blocks: Some(block_list::write(&blocks)), shares: None };
    objects::replace(db, bucket, current, &mut version, origin, disposal)?;
    Ok(version)
}

/// What a list of blocks names, and of what that was found.
pub(super) struct Plan {
    slices: Vec<PartSlice>,
    length: u64,
    blocks: Vec<Block>,
    basis: Basis,
}

impl Plan {
    pub(super) fn take_slices(&mut self) -> Vec<PartSlice> {
        std::mem::take(&mut self.slices)
    }
}

/// What a list was looked up in: the version, and the set of blocks, how many it had and which came last.
#[derive(PartialEq, Eq)]
struct Basis {
    version: Option<i64>,
    set: Option<(i64, i64, Option<i64>)>,
}

impl Basis {
    fn of(db: &Connection, current: Option<&Current>, waiting: Option<&Waiting>) -> Result<Self, CatalogError> {
        let newest = |waiting: &Waiting| {
            let sql = "SELECT max(content_id) FROM block WHERE uncommitted_id = ?1";
            let newest = db.prepare_cached(sql)?.query_row([waiting.id], |row| row.get(0))?;
            Ok::<_, CatalogError>((waiting.id, waiting.blocks, newest))
        };
        Ok(Self { version: current.map(|current| current.version), set: waiting.map(newest).transpose()? })
    }
}

/// Looks a list up.
pub(super) fn plan(db: &Connection, commit: &BlockCommit) -> Result<Plan, CatalogError> {
    let bucket = bucket_id(db, &commit.bucket)?;
    let current = Current::of(db, bucket, &commit.key)?;
    let waiting = Waiting::of(db, bucket, commit.key.as_bytes())?;
    let basis = Basis::of(db, current.as_ref(), waiting.as_ref())?;
    let Picked { joined, blocks, .. } = pick(db, commit, current.as_ref(), waiting.as_ref())?;
    Ok(Plan { length: joined.length(), slices: joined.into_slices(), blocks, basis })
}

/// Commits a list whose slices were written as `content`; `None` when it was looked up in what is no longer there.
pub(super) fn commit_planned(
    db: &Connection,
    commit: &BlockCommit,
    plan: &Plan,
    content: i64,
    disposal: Disposal,
) -> Result<Option<Version>, CatalogError> {
    let (bucket, current, lease) = admit(db, commit)?;
    let waiting = Waiting::of(db, bucket, commit.key.as_bytes())?;
    if Basis::of(db, current.as_ref(), waiting.as_ref())? != plan.basis {
        return Ok(None);
    }
    slices::claim(db, content)?;
    let mut version = version_of(commit, next_content(db)?, plan.length, &plan.blocks, lease);
    let origin = Origin { upload: None, blocks: Some(block_list::write(&plan.blocks)), shares: Some(content) };
    objects::replace(db, bucket, current, &mut version, origin, disposal)?;
    Ok(Some(version))
}

/// Holds a commit's conditions against what is there.
fn admit(db: &Connection, commit: &BlockCommit) -> Result<(i64, Option<Current>, Option<Lease>), CatalogError> {
    let bucket = bucket_id(db, &commit.bucket)?;
    let current = Current::of(db, bucket, &commit.key)?;
    let lease = Current::guard_write(db, bucket, &commit.key, current.as_ref(), &commit.conditions)?;
    refuse_appendable(db, current.as_ref())?;
    if commit.picks.len() > MOST_BLOCKS {
        return Err(CatalogError::Refused(Refusal::TooManyBlocks));
    }
    Ok((bucket, current, lease))
}

fn pick<'a>(
    db: &'a Connection,
    commit: &BlockCommit,
    current: Option<&Current>,
    waiting: Option<&Waiting>,
) -> Result<Picked<'a>, CatalogError> {
    let mut picked = Picked::new(db, current, waiting.map(|waiting| waiting.id))?;
    commit.picks.iter().try_for_each(|pick| picked.add(pick))?;
    Ok(picked)
}

fn version_of(commit: &BlockCommit, id: i64, length: u64, blocks: &[Block], lease: Option<Lease>) -> Version {
    Version {
        id: VersionId(id),
        key: commit.key.clone(),
        length,
        etag: commit.tag(blocks),
        modified: commit.modified,
        metadata: commit.metadata.clone(),
        part_lengths: Vec::new(),
        revision: id,
        snapshot: None,
        lease,
    }
}

/// Whether a name has uncommitted blocks.
pub(super) fn wait(db: &Connection, bucket: i64, key: &[u8]) -> Result<bool, CatalogError> {
    Ok(Waiting::of(db, bucket, key)?.is_some())
}

/// Drops the uncommitted blocks of a name.
pub(super) fn discard_of(db: &Connection, bucket: i64, key: &[u8], grace_until: Timestamp) -> Result<(), CatalogError> {
    Waiting::of(db, bucket, key)?.map_or(Ok(()), |waiting| discard(db, waiting.id, grace_until))
}

pub(super) fn drop_stale(
    db: &Connection,
    before: Timestamp,
    most: usize,
    grace_until: Timestamp,
) -> Result<usize, CatalogError> {
    let sql = "SELECT uncommitted_id FROM uncommitted WHERE touched < ?1 ORDER BY touched LIMIT 1";
    let mut oldest = db.prepare_cached(sql)?;
    let mut step = Step::new(db, usize::MAX);
    let mut dropped = 0;
    while dropped < most && step.takes() {
        let Some(set) = oldest.query_row([before.0], |row| row.get(0)).optional()? else { return Ok(dropped) };
        dropped += usize::from(!discard_some(db, set, grace_until)?);
    }
    // There may be more, whatever ended the step.
    Ok(most)
}

/// Drops some blocks of a set, and the set with the last of them; `Ok(true)`: there are more.
pub(super) fn discard_some(db: &Connection, id: i64, grace_until: Timestamp) -> Result<bool, CatalogError> {
    let contents = {
        let sql = "DELETE FROM block WHERE uncommitted_id = ?1 AND block_id IN
                       (SELECT block_id FROM block WHERE uncommitted_id = ?1 ORDER BY block_id LIMIT ?2)
                   RETURNING content_id";
        let mut statement = db.prepare_cached(sql)?;
        let gone = statement.query_map(params![id, limit(PAGE_SLICES)], |row| row.get(0))?;
        gone.collect::<Result<Vec<i64>, _>>()?
    };
    slices::release_all(db, &contents, grace_until)?;
    let sql = "UPDATE uncommitted SET blocks = blocks - ?2 WHERE uncommitted_id = ?1 RETURNING blocks";
    let left: i64 = db.prepare_cached(sql)?.query_row(params![id, limit(contents.len())], |row| row.get(0))?;
    if left == 0 {
        db.prepare_cached("DELETE FROM uncommitted WHERE uncommitted_id = ?1")?.execute([id])?;
    }
    Ok(left > 0)
}

pub(super) fn discard(db: &Connection, id: i64, grace_until: Timestamp) -> Result<(), CatalogError> {
    let sql = concat!(
        "UPDATE uncommitted SET key = CAST(",
        going!(),
        " || CAST(uncommitted_id AS TEXT) AS BLOB), touched = ?2 WHERE uncommitted_id = ?1 AND blocks > ?3"
    );
    if db.prepare_cached(sql)?.execute(params![id, SINCE_EVER, limit(PAGE_SLICES)])? == 1 {
        // Under a name that no object can have, for `drop_stale`.
        return Ok(());
    }
    discard_some(db, id, grace_until).map(drop)
}

/// When blocks that are going were touched last: before all others.
pub(super) const SINCE_EVER: i64 = i64::MIN;

/// The uncommitted blocks of one name, all together.
struct Waiting {
    id: i64,
    id_bytes: i64,
    blocks: i64,
}

impl Waiting {
    /// Whether it is dropped in steps.
    fn is_large(&self) -> bool {
        self.blocks > limit(PAGE_SLICES)
    }

    fn of(db: &Connection, bucket: i64, key: &[u8]) -> Result<Option<Self>, CatalogError> {
        let sql = "SELECT uncommitted_id, id_bytes, blocks FROM uncommitted WHERE bucket_id = ?1 AND key = ?2";
        let read = |row: &rusqlite::Row<'_>| Ok(Self { id: row.get(0)?, id_bytes: row.get(1)?, blocks: row.get(2)? });
        Ok(db.prepare_cached(sql)?.query_row(params![bucket, key], read).optional()?)
    }
}

fn begin(
    db: &Connection,
    bucket: i64,
    key: &ObjectKey,
    id_bytes: i64,
    owner: Option<&ClientId>,
) -> Result<i64, CatalogError> {
    let sql =
        "INSERT INTO uncommitted (bucket_id, key, id_bytes, blocks, touched, client) VALUES (?1, ?2, ?3, 0, 0, ?4)
               RETURNING uncommitted_id";
    let row = params![bucket, key.as_bytes(), id_bytes, owner.map(ClientId::as_str)];
    Ok(db.prepare_cached(sql)?.query_row(row, |row| row.get(0))?)
}

/// Takes one uncommitted block out, with its content still there.
fn remove_block(db: &Connection, set: i64, id: &str) -> Result<Option<i64>, CatalogError> {
    let sql = "DELETE FROM block WHERE uncommitted_id = ?1 AND block_id = ?2 RETURNING content_id";
    Ok(db.prepare_cached(sql)?.query_row(params![set, id], |row| row.get(0)).optional()?)
}

/// What a list of blocks names, before anything of it is written.
struct Picked<'a> {
    db: &'a Connection,
    /// What the object will be made of, and of which blocks.
    joined: Joined,
    blocks: Vec<Block>,
    /// The content that committed blocks are of, and where in it each lies.
    source: i64,
    committed: HashMap<BlockId, (ByteRange, Block)>,
    /// Uncommitted blocks: in which set, and those that were found, each with its content.
    set: Option<i64>,
    uncommitted: HashMap<BlockId, (Block, i64)>,
}

impl<'a> Picked<'a> {
    fn new(db: &'a Connection, current: Option<&Current>, set: Option<i64>) -> Result<Self, CatalogError> {
        let mut committed = HashMap::new();
        let mut source = 0;
        if let Some(current) = current {
            source = slices::content_of(db, current.version)?;
            let mut position = 0;
            for block in self::committed(db, current.version)? {
                let range = ByteRange { first: position, end: position + block.length };
                position = range.end;
                // Of several of one name the last counts.
                committed.insert(block.id.clone(), (range, block));
            }
        }
        let joined = Joined::up_to(MOST_SLICES);
        Ok(Self { db, joined, blocks: Vec::new(), source, committed, set, uncommitted: HashMap::new() })
    }

    fn add(&mut self, pick: &BlockPick) -> Result<(), CatalogError> {
        let found = match pick.source {
            BlockSource::Committed => self.committed(&pick.id)?,
            BlockSource::Uncommitted => self.uncommitted(&pick.id)?,
            BlockSource::Latest => match self.uncommitted(&pick.id)? {
                Some(block) => Some(block),
                None => self.committed(&pick.id)?,
            },
        };
        self.blocks.push(found.ok_or(CatalogError::Refused(Refusal::InvalidBlock))?);
        Ok(())
    }

    fn committed(&mut self, id: &BlockId) -> Result<Option<Block>, CatalogError> {
        let Some((range, block)) = self.committed.get(id) else { return Ok(None) };
        let slices = slices::cut(self.db, self.source, *range, MOST_SLICES)?;
        slices.into_iter().try_for_each(|slice| self.joined.add(slice))?;
        Ok(Some(block.clone()))
    }

    fn uncommitted(&mut self, id: &BlockId) -> Result<Option<Block>, CatalogError> {
        let Some(set) = self.set else { return Ok(None) };
        let found = match self.uncommitted.get(id) {
            Some(found) => found.clone(),
            None => {
                let Some(found) = stored_block(self.db, set, id)? else { return Ok(None) };
                self.uncommitted.insert(id.clone(), found.clone());
                found
            }
        };
        let (block, content) = found;
        let slices = slices::all(self.db, content, MOST_SLICES_OF_PIECE)?;
        slices.into_iter().try_for_each(|slice| self.joined.add(slice))?;
        Ok(Some(block))
    }
}

/// An uncommitted block, with its content.
fn stored_block(db: &Connection, set: i64, id: &BlockId) -> Result<Option<(Block, i64)>, CatalogError> {
    let sql = "SELECT content_id, length, md5 FROM block WHERE uncommitted_id = ?1 AND block_id = ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![set, id.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some((Block { id: id.clone(), length: number(row.get(1)?)?, md5: row.get(2)? }, row.get(0)?)))
}

/// The committed blocks of a version, in their order.
fn committed(db: &Connection, version: i64) -> Result<Vec<Block>, CatalogError> {
    let mut statement = db.prepare_cached("SELECT length, blocks FROM version WHERE version_id = ?1")?;
    let mut rows = statement.query([version])?;
    let Some(row) = rows.next()? else { return Ok(Vec::new()) };
    let length: u64 = number(row.get(0)?)?;
    let Some(bytes) = row.get::<_, Option<Vec<u8>>>(1)? else { return Ok(Vec::new()) };
    let blocks = block_list::read(&bytes)?;
    let sum = blocks.iter().try_fold(0_u64, |sum, block| sum.checked_add(block.length));
    if sum == Some(length) {
        Ok(blocks)
    } else {
        Err(CatalogError::Failed(Failure::Damaged("blocks that do not add up")))
    }
}

/// Blocks are not for an object that grows by appending.
fn refuse_appendable(db: &Connection, current: Option<&Current>) -> Result<(), CatalogError> {
    let Some(current) = current else { return Ok(()) };
    let sql = "SELECT metadata ->> '$.append' IS NOT NULL FROM version WHERE version_id = ?1";
    let appendable: bool = db.prepare_cached(sql)?.query_row([current.version], |row| row.get(0))?;
    if appendable { Err(CatalogError::Refused(Refusal::WrongKind)) } else { Ok(()) }
}

fn block_id(text: &str) -> Result<BlockId, CatalogError> {
    BlockId::parse(text).ok_or(CatalogError::Failed(Failure::Damaged("an invalid name of a block")))
}
