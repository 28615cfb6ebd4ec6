//! Blocks that wait to be committed, and lists that commit them.
//!
//! # Invariants
//! - A name's blocks have names of one length. They go with the next version of the name, whatever makes it.
//! - A list shares its blocks' slices: no chunk is touched, whatever it repeats or reorders.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::objects::{self, Current, Disposal, Origin};
use super::rows::{bucket_id, limit, next_content, number, stored};
use super::{block_list, past, slices};
use crate::catalog::{
    BlockCommit, BlockLists, CatalogError, MOST_BLOCKS, MOST_UNCOMMITTED_BLOCKS, NewBlock, ObjectRef, Version,
    VersionId,
};
use crate::model::{Block, BlockId, BlockPick, BlockSource, ByteRange, Conditions, ETag, Timestamp};

/// Drops the blocks that wait under a name, if any do.
pub(super) fn discard_of(db: &Connection, bucket: i64, key: &[u8], grace_until: Timestamp) -> Result<(), CatalogError> {
    let sql = "SELECT uncommitted_id FROM uncommitted WHERE bucket_id = ?1 AND key = ?2";
    let found: Option<i64> = db.prepare_cached(sql)?.query_row(params![bucket, key], |row| row.get(0)).optional()?;
    found.map_or(Ok(()), |id| discard(db, id, grace_until))
}

/// Drops what waits in a bucket, of up to `most` names. Returns of how many.
pub(super) fn discard_in(
    db: &Connection,
    bucket: i64,
    most: usize,
    grace_until: Timestamp,
) -> Result<usize, CatalogError> {
    let sql = "SELECT uncommitted_id FROM uncommitted WHERE bucket_id = ?1 LIMIT ?2";
    discard_all(db, sql, params![bucket, limit(most)], grace_until)
}

/// Drops what waits longer than since `before`, of up to `most` names. Returns of how many.
pub(super) fn drop_stale(
    db: &Connection,
    before: Timestamp,
    most: usize,
    grace_until: Timestamp,
) -> Result<usize, CatalogError> {
    let sql = "SELECT uncommitted_id FROM uncommitted WHERE touched < ?1 ORDER BY touched LIMIT ?2";
    discard_all(db, sql, params![before.0, limit(most)], grace_until)
}

pub(super) fn put(db: &Connection, new: &NewBlock, grace_until: Timestamp) -> Result<(), CatalogError> {
    let bucket = bucket_id(db, &new.bucket)?;
    let key = new.key.as_bytes();
    let current = Current::of(db, bucket, &new.key)?;
    let lease = Conditions { lease: new.conditions.lease.clone(), ..Conditions::default() };
    Current::guard_write(db, bucket, &new.key, current.as_ref(), &lease)?;
    refuse_growing(db, current.as_ref())?;
    let id_bytes = i64::try_from(new.block.id.decoded_length()).unwrap_or(i64::MAX);
    let id: i64 = db
        .prepare_cached(
            "INSERT INTO uncommitted (bucket_id, key, id_bytes, blocks, touched) VALUES (?1, ?2, ?3, 0, ?4)
             ON CONFLICT (bucket_id, key) DO UPDATE SET touched = excluded.touched RETURNING uncommitted_id",
        )?
        .query_row(params![bucket, key, id_bytes, new.uploaded.0], |row| row.get(0))?;
    let (expected, count): (i64, i64) = db
        .prepare_cached("SELECT id_bytes, blocks FROM uncommitted WHERE uncommitted_id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if expected != id_bytes {
        return Err(CatalogError::InvalidBlock);
    }
    let content = slices::add(db, &new.content, new.block.length, &new.bucket.tenant)?;
    let old: Option<i64> = db
        .prepare_cached("SELECT content_id FROM block WHERE uncommitted_id = ?1 AND block_id = ?2")?
        .query_row(params![id, new.block.id.as_str()], |row| row.get(0))
        .optional()?;
    db.prepare_cached(
        "INSERT OR REPLACE INTO block (uncommitted_id, block_id, content_id, length, md5) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![id, new.block.id.as_str(), content, stored(new.block.length)?, new.block.md5])?;
    match old {
        Some(old) => slices::release(db, old, grace_until),
        None if usize::try_from(count).unwrap_or(usize::MAX) >= MOST_UNCOMMITTED_BLOCKS => {
            Err(CatalogError::TooManyBlocks)
        }
        None => {
            db.prepare_cached("UPDATE uncommitted SET blocks = blocks + 1 WHERE uncommitted_id = ?1")?.execute([id])?;
            Ok(())
        }
    }
}

pub(super) fn lists(db: &Connection, object: &ObjectRef) -> Result<BlockLists, CatalogError> {
    let bucket = bucket_id(db, &object.bucket)?;
    let found = match object.snapshot {
        Some(id) => Some(past::head(db, bucket, &object.key, id)?),
        None => match objects::current(db, bucket, &object.key) {
            Err(CatalogError::NoSuchKey) => None,
            found => Some(found?),
        },
    };
    if found.as_ref().is_some_and(|version| version.metadata.append.is_some()) {
        return Err(CatalogError::WrongKind);
    }
    let committed = found.as_ref().map_or(Ok(Vec::new()), |version| committed(db, version.id.0))?;
    let uncommitted: Vec<Block> = match object.snapshot {
        Some(_) => Vec::new(),
        None => waiting(db, bucket, object.key.as_bytes())?.into_iter().map(|(block, _)| block).collect(),
    };
    if found.is_none() && uncommitted.is_empty() {
        return Err(CatalogError::NoSuchKey);
    }
    Ok(BlockLists { version: found, committed, uncommitted })
}

pub(super) fn commit(db: &Connection, list: &BlockCommit, disposal: Disposal) -> Result<Version, CatalogError> {
    let bucket = bucket_id(db, &list.bucket)?;
    if list.picks.len() > MOST_BLOCKS {
        return Err(CatalogError::TooManyBlocks);
    }
    let current = Current::of(db, bucket, &list.key)?;
    let lease = Current::guard_write(db, bucket, &list.key, current.as_ref(), &list.conditions)?;
    refuse_growing(db, current.as_ref())?;
    let choice = Choice::of(db, bucket, list.key.as_bytes(), current.as_ref())?;
    let id = next_content(db)?;
    let mut blocks = Vec::with_capacity(list.picks.len());
    let mut position = 0;
    for pick in &list.picks {
        let (from, range, block) = choice.find(pick).ok_or(CatalogError::InvalidBlock)?;
        slices::copy(db, from, range, id, position)?;
        position += block.length;
        blocks.push(block.clone());
    }
    let of_parts = || {
        let digest = |block: &Block| block.md5.map_or_else(|| block.id.as_str().as_bytes().to_vec(), Vec::from);
        let digests: Vec<Vec<u8>> = blocks.iter().map(digest).collect();
        ETag::of_parts(digests.iter().map(Vec::as_slice))
    };
    let mut version = Version {
        id: VersionId(id),
        key: list.key.clone(),
        length: position,
        etag: list.etag.clone().unwrap_or_else(of_parts),
        modified: list.modified,
        metadata: list.metadata.clone(),
        part_lengths: Vec::new(),
        revision: id,
        snapshot: None,
        lease,
    };
    let origin = Origin { upload: None, blocks: Some(block_list::write(&blocks)) };
    objects::replace(db, bucket, current, &mut version, origin, disposal)?;
    Ok(version)
}

/// The blocks that a list may name.
struct Choice {
    /// Of the current version: its content, where each is in it.
    committed: HashMap<BlockId, (i64, ByteRange, Block)>,
    /// That wait: the content of each.
    uncommitted: HashMap<BlockId, (i64, ByteRange, Block)>,
}

impl Choice {
    fn of(db: &Connection, bucket: i64, key: &[u8], current: Option<&Current>) -> Result<Self, CatalogError> {
        let mut committed_at = HashMap::new();
        if let Some(current) = current {
            let mut first = 0;
            for block in committed(db, current.version)? {
                let range = ByteRange { first, end: first + block.length };
                first = range.end;
                committed_at.entry(block.id.clone()).or_insert((current.version, range, block));
            }
        }
        let uncommitted = waiting(db, bucket, key)?
            .into_iter()
            .map(|(block, content)| (block.id.clone(), (content, ByteRange { first: 0, end: block.length }, block)))
            .collect();
        Ok(Self { committed: committed_at, uncommitted })
    }

    fn find(&self, pick: &BlockPick) -> Option<(i64, ByteRange, &Block)> {
        let found = match pick.source {
            BlockSource::Committed => self.committed.get(&pick.id),
            BlockSource::Uncommitted => self.uncommitted.get(&pick.id),
            BlockSource::Latest => self.uncommitted.get(&pick.id).or_else(|| self.committed.get(&pick.id)),
        };
        found.map(|(content, range, block)| (*content, *range, block))
    }
}

/// What grows by appending has no blocks of this kind.
fn refuse_growing(db: &Connection, current: Option<&Current>) -> Result<(), CatalogError> {
    let Some(current) = current else { return Ok(()) };
    let sql = "SELECT metadata -> '$.append' IS NOT NULL FROM version WHERE version_id = ?1";
    let grows: bool = db.prepare_cached(sql)?.query_row([current.version], |row| row.get(0))?;
    if grows { Err(CatalogError::WrongKind) } else { Ok(()) }
}

/// The blocks that a version was committed of.
fn committed(db: &Connection, version: i64) -> Result<Vec<Block>, CatalogError> {
    let sql = "SELECT blocks FROM version WHERE version_id = ?1";
    let stored: Option<Vec<u8>> = db.prepare_cached(sql)?.query_row([version], |row| row.get(0))?;
    stored.map_or(Ok(Vec::new()), |bytes| block_list::read(&bytes))
}

/// The blocks that wait under a name, by their names, each with its content.
fn waiting(db: &Connection, bucket: i64, key: &[u8]) -> Result<Vec<(Block, i64)>, CatalogError> {
    let mut statement = db.prepare_cached(
        "SELECT block_id, length, md5, content_id FROM block
         WHERE uncommitted_id = (SELECT uncommitted_id FROM uncommitted WHERE bucket_id = ?1 AND key = ?2)
         ORDER BY block_id",
    )?;
    let mut rows = statement.query(params![bucket, key])?;
    let mut blocks = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let id = BlockId::parse(&name).ok_or(CatalogError::Damaged("an invalid name of a block"))?;
        blocks.push((Block { id, length: number(row.get(1)?)?, md5: row.get(2)? }, row.get(3)?));
    }
    Ok(blocks)
}

fn discard_all(
    db: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
    grace_until: Timestamp,
) -> Result<usize, CatalogError> {
    let names = {
        let mut statement = db.prepare_cached(sql)?;
        statement.query_map(values, |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?
    };
    names.iter().try_for_each(|id| discard(db, *id, grace_until))?;
    Ok(names.len())
}

fn discard(db: &Connection, id: i64, grace_until: Timestamp) -> Result<(), CatalogError> {
    let contents = {
        let mut statement = db.prepare_cached("DELETE FROM block WHERE uncommitted_id = ?1 RETURNING content_id")?;
        statement.query_map([id], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?
    };
    for content in contents {
        slices::release(db, content, grace_until)?;
    }
    db.prepare_cached("DELETE FROM uncommitted WHERE uncommitted_id = ?1")?.execute([id])?;
    Ok(())
}
