//! Blocks that wait to be committed, and their commit.
//!
//! # Invariants
//! - A name's uncommitted blocks go when a version is committed under it, by whichever protocol.
//! - An uncommitted block owns its content until a commit moves it into a version's.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::objects::{self, Current, Disposal, Origin};
use super::rows::{bucket_id, limit, next_content, number, stored};
use super::{block_list, past, slices};
use crate::catalog::{
    BlockCommit, BlockLists, CatalogError, Content, MOST_BLOCKS, MOST_UNCOMMITTED_BLOCKS, NewBlock, ObjectRef, Version,
    VersionId,
};
use crate::model::{Block, BlockId, BlockPick, BlockSource, ByteRange, Conditions, ObjectKey, Timestamp};

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
        return Err(CatalogError::Damaged("a block without bytes"));
    }
    let waiting = Waiting::of(db, bucket, new.key.as_bytes())?;
    let id_bytes = stored(u64::try_from(new.block.id.decoded_length()).unwrap_or(u64::MAX))?;
    if waiting.as_ref().is_some_and(|waiting| waiting.id_bytes != id_bytes) {
        return Err(CatalogError::InvalidBlock);
    }
    let set = match &waiting {
        Some(waiting) => waiting.id,
        None => begin(db, bucket, &new.key, id_bytes)?,
    };
    let content = slices::add(db, &new.content, new.block.length, &new.bucket.tenant)?;
    let replaced = remove_block(db, set, new.block.id.as_str())?;
    let count = waiting.map_or(0, |waiting| waiting.blocks) + i64::from(replaced.is_none());
    if count > limit(MOST_UNCOMMITTED_BLOCKS) {
        return Err(CatalogError::TooManyBlocks);
    }
    let sql = "INSERT INTO block (uncommitted_id, block_id, content_id, length, md5) VALUES (?1, ?2, ?3, ?4, ?5)";
    let row = params![set, new.block.id.as_str(), content, stored(new.block.length)?, new.block.md5];
    db.prepare_cached(sql)?.execute(row)?;
    db.prepare_cached("UPDATE uncommitted SET blocks = ?2, touched = ?3 WHERE uncommitted_id = ?1")?
        .execute(params![set, count, new.uploaded.0])?;
    match replaced {
        Some(old) => slices::release(db, old.content, grace_until),
        None => Ok(()),
    }
}

pub(super) fn lists(db: &Connection, object: &ObjectRef) -> Result<BlockLists, CatalogError> {
    let bucket = bucket_id(db, &object.bucket)?;
    let waiting = if object.snapshot.is_none() { Waiting::of(db, bucket, object.key.as_bytes())? } else { None };
    let version = match past::at(db, bucket, object) {
        Ok(version) => Some(version),
        Err(CatalogError::NoSuchKey) if waiting.is_some() => None,
        Err(error) => return Err(error),
    };
    let committed = version.as_ref().map_or_else(|| Ok(Vec::new()), |version| committed(db, version.id.0))?;
    let mut uncommitted = Vec::new();
    if let Some(waiting) = waiting {
        let sql = "SELECT block_id, length, md5 FROM block WHERE uncommitted_id = ?1 ORDER BY block_id";
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query([waiting.id])?;
        while let Some(row) = rows.next()? {
            let id = block_id(&row.get::<_, String>(0)?)?;
            uncommitted.push(Block { id, length: number(row.get(1)?)?, md5: row.get(2)? });
        }
    }
    Ok(BlockLists { version, committed, uncommitted })
}

pub(super) fn commit(db: &Connection, commit: &BlockCommit, disposal: Disposal) -> Result<Version, CatalogError> {
    let bucket = bucket_id(db, &commit.bucket)?;
    let current = Current::of(db, bucket, &commit.key)?;
    let lease = Current::guard_write(db, bucket, &commit.key, current.as_ref(), &commit.conditions)?;
    refuse_appendable(db, current.as_ref())?;
    if commit.picks.len() > MOST_BLOCKS {
        return Err(CatalogError::TooManyBlocks);
    }
    let waiting = Waiting::of(db, bucket, commit.key.as_bytes())?;
    let mut joined = Joined::new(db, current.as_ref(), waiting.map(|waiting| waiting.id))?;
    commit.picks.iter().try_for_each(|pick| joined.add(pick))?;
    let Joined { id, length, blocks, .. } = joined;
    let mut version = Version {
        id: VersionId(id),
        key: commit.key.clone(),
        length,
        etag: commit.etag.clone().unwrap_or_else(|| BlockCommit::tag_of(&blocks)),
        modified: commit.modified,
        metadata: commit.metadata.clone(),
        part_lengths: Vec::new(),
        revision: id,
        snapshot: None,
        lease,
    };
    let origin = Origin { upload: None, blocks: Some(block_list::write(&blocks)) };
    objects::replace(db, bucket, current, &mut version, origin, disposal)?;
    Ok(version)
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
    let stale = {
        let sql = "SELECT uncommitted_id FROM uncommitted WHERE touched < ?1 ORDER BY touched LIMIT ?2";
        let mut statement = db.prepare_cached(sql)?;
        statement.query_map(params![before.0, limit(most)], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?
    };
    stale.iter().try_for_each(|id| discard(db, *id, grace_until))?;
    Ok(stale.len())
}

pub(super) fn discard(db: &Connection, id: i64, grace_until: Timestamp) -> Result<(), CatalogError> {
    let contents = {
        let mut statement = db.prepare_cached("DELETE FROM block WHERE uncommitted_id = ?1 RETURNING content_id")?;
        statement.query_map([id], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?
    };
    contents.into_iter().try_for_each(|content| slices::release(db, content, grace_until))?;
    db.prepare_cached("DELETE FROM uncommitted WHERE uncommitted_id = ?1")?.execute([id])?;
    Ok(())
}

/// The uncommitted blocks of one name, all together.
struct Waiting {
    id: i64,
    id_bytes: i64,
    blocks: i64,
}

impl Waiting {
    fn of(db: &Connection, bucket: i64, key: &[u8]) -> Result<Option<Self>, CatalogError> {
        let sql = "SELECT uncommitted_id, id_bytes, blocks FROM uncommitted WHERE bucket_id = ?1 AND key = ?2";
        let read = |row: &rusqlite::Row<'_>| Ok(Self { id: row.get(0)?, id_bytes: row.get(1)?, blocks: row.get(2)? });
        Ok(db.prepare_cached(sql)?.query_row(params![bucket, key], read).optional()?)
    }
}

fn begin(db: &Connection, bucket: i64, key: &ObjectKey, id_bytes: i64) -> Result<i64, CatalogError> {
    let sql = "INSERT INTO uncommitted (bucket_id, key, id_bytes, blocks, touched) VALUES (?1, ?2, ?3, 0, 0)
               RETURNING uncommitted_id";
    Ok(db.prepare_cached(sql)?.query_row(params![bucket, key.as_bytes(), id_bytes], |row| row.get(0))?)
}

/// An uncommitted block as it is stored.
struct StoredBlock {
    content: i64,
    length: u64,
    md5: Option<[u8; 16]>,
}

/// Takes one uncommitted block out, with its content still there.
fn remove_block(db: &Connection, set: i64, id: &str) -> Result<Option<StoredBlock>, CatalogError> {
    let sql = "DELETE FROM block WHERE uncommitted_id = ?1 AND block_id = ?2 RETURNING content_id, length, md5";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![set, id])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(StoredBlock { content: row.get(0)?, length: number(row.get(1)?)?, md5: row.get(2)? }))
}

/// A content that is being joined from blocks.
struct Joined<'a> {
    db: &'a Connection,
    id: i64,
    length: u64,
    blocks: Vec<Block>,
    /// The version that committed blocks are of, and where in it each lies.
    source: i64,
    committed: HashMap<BlockId, (ByteRange, Block)>,
    /// Uncommitted blocks: in which set, and where those lie now that were used already.
    set: Option<i64>,
    used: HashMap<BlockId, (ByteRange, Block)>,
}

impl<'a> Joined<'a> {
    fn new(db: &'a Connection, current: Option<&Current>, set: Option<i64>) -> Result<Self, CatalogError> {
        let source = current.map_or(0, |current| current.version);
        let mut committed = HashMap::new();
        let mut position = 0;
        for block in self::committed(db, source)? {
            let range = ByteRange { first: position, end: position + block.length };
            position = range.end;
            // Of several of one name the last counts.
            committed.insert(block.id.clone(), (range, block));
        }
        let id = next_content(db)?;
        Ok(Self { db, id, length: 0, blocks: Vec::new(), source, committed, set, used: HashMap::new() })
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
        let block = found.ok_or(CatalogError::InvalidBlock)?;
        self.length += block.length;
        self.blocks.push(block);
        Ok(())
    }

    fn committed(&self, id: &BlockId) -> Result<Option<Block>, CatalogError> {
        let Some((range, block)) = self.committed.get(id) else { return Ok(None) };
        slices::copy(self.db, self.source, *range, self.id, self.length)?;
        Ok(Some(block.clone()))
    }

    /// Moves the block's content here; when it was moved already, shares it.
    fn uncommitted(&mut self, id: &BlockId) -> Result<Option<Block>, CatalogError> {
        let Some(set) = self.set else { return Ok(None) };
        if let Some((range, block)) = self.used.get(id) {
            slices::copy(self.db, self.id, *range, self.id, self.length)?;
            return Ok(Some(block.clone()));
        }
        let Some(stored) = remove_block(self.db, set, id.as_str())? else { return Ok(None) };
        slices::attach(self.db, stored.content, self.id, self.length)?;
        let block = Block { id: id.clone(), length: stored.length, md5: stored.md5 };
        let range = ByteRange { first: self.length, end: self.length + stored.length };
        self.used.insert(id.clone(), (range, block.clone()));
        Ok(Some(block))
    }
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
    if sum == Some(length) { Ok(blocks) } else { Err(CatalogError::Damaged("blocks that do not add up")) }
}

/// Blocks are not for an object that grows by appending.
fn refuse_appendable(db: &Connection, current: Option<&Current>) -> Result<(), CatalogError> {
    let Some(current) = current else { return Ok(()) };
    let sql = "SELECT metadata ->> '$.append' IS NOT NULL FROM version WHERE version_id = ?1";
    let appendable: bool = db.prepare_cached(sql)?.query_row([current.version], |row| row.get(0))?;
    if appendable { Err(CatalogError::WrongKind) } else { Ok(()) }
}

fn block_id(text: &str) -> Result<BlockId, CatalogError> {
    BlockId::parse(text).ok_or(CatalogError::Damaged("an invalid name of a block"))
}
