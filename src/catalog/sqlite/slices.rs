//! Contents: ordered slices of parts, and the counting of references.
//!
//! # Invariants
//! - `part.slices` is the number of rows in `slice` that name the part, at the end of every write.
//! - The write that removes a part's last slice deletes the part, with its wrapped key, and queues its chunks.
//! - A version has a content of its own, under its id, or shares one (`version.shares`). A version sees its content up to
//!   its own length: one of those that share it may have grown since.
//! - A content of more than [`PAGE_SLICES`] slices that belongs to nothing any more goes in steps (`leftover`), so that no
//!   write takes long and a read that has begun can go on (`holds`). A smaller one goes with the write that ends it.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows::{limit, next_content, number, part_id, provider, stored};
use super::{deletions, parts};
use crate::catalog::slices::{Joined, PartSlice};
use crate::catalog::{
    CatalogError, Content, Failure, MOST_SLICES, MOST_SLICES_OF_PIECE, PAGE_SLICES, Refusal, VersionId,
};
use crate::model::{ByteRange, Part, PartId, Slice, TenantId, Timestamp, WrappedKey};

/// A content that others share is copied for a merge only if it has no more slices than this.
const FEW_TO_COPY: usize = 4_096;

/// Stores `content` of `length` bytes, of a block or of a part of an upload; returns its id.
pub(super) fn add(db: &Connection, content: &Content, length: u64, tenant: &TenantId) -> Result<i64, CatalogError> {
    let id = next_content(db)?;
    let held = match content {
        Content::Empty => 0,
        Content::Part(part) => add_part(db, id, part, tenant)?,
        Content::Shared { source, range } => {
            let (from, _) = source_of(db, *source, *range, tenant)?;
            let slices = cut(db, from, *range, MOST_SLICES_OF_PIECE)?;
            insert_all(db, id, &slices)?;
            raise(db, &slices)?;
            range.length()
        }
    };
    if held == length {
        Ok(id)
    } else {
        Err(CatalogError::Failed(Failure::Misused("a length that is not its content's")))
    }
}

/// Stores `content` of `length` bytes, of a version; returns the version's id, and the content that it shares. The whole
/// of another version is shared as it is, whatever it is made of.
pub(super) fn add_version(
    db: &Connection,
    content: &Content,
    length: u64,
    tenant: &TenantId,
) -> Result<(i64, Option<i64>), CatalogError> {
    if let Content::Shared { source, range } = content {
        let (from, all) = source_of(db, *source, *range, tenant)?;
        if range.first == 0 && range.end == all && length == all {
            return Ok((next_content(db)?, Some(from)));
        }
    }
    Ok((add(db, content, length, tenant)?, None))
}

/// The content of a version.
pub(super) fn content_of(db: &Connection, version: i64) -> Result<i64, CatalogError> {
    let sql = "SELECT coalesce(shares, version_id) FROM version WHERE version_id = ?1";
    let found = db.prepare_cached(sql)?.query_row([version], |row| row.get(0)).optional()?;
    found.ok_or(CatalogError::Failed(Failure::Damaged("a name without its version")))
}

/// Removes content `id`, of a block or of a part of an upload.
pub(super) fn release(db: &Connection, id: i64, grace_until: Timestamp) -> Result<(), CatalogError> {
    release_from(db, id, 0, grace_until)
}

/// Removes contents of blocks or of parts of an upload; in steps, when they are many.
pub(super) fn release_all(db: &Connection, ids: &[i64], grace_until: Timestamp) -> Result<(), CatalogError> {
    if ids.len() <= PAGE_SLICES {
        return ids.iter().try_for_each(|id| release(db, *id, grace_until));
    }
    let sql = "INSERT INTO leftover (content_id, position) SELECT ?1, 0
               WHERE EXISTS (SELECT 1 FROM slice WHERE content_id = ?1)";
    let mut insert = db.prepare_cached(sql)?;
    ids.iter().try_for_each(|id| insert.execute([id]).map(drop).map_err(CatalogError::from))
}

/// Removes a version's row, and its content unless others share it.
pub(super) fn release_version(db: &Connection, version: i64, grace_until: Timestamp) -> Result<(), CatalogError> {
    let sql = "DELETE FROM version WHERE version_id = ?1 RETURNING coalesce(shares, version_id)";
    let content = db.prepare_cached(sql)?.query_row([version], |row| row.get(0)).optional()?;
    settle(db, content.ok_or(CatalogError::Failed(Failure::Damaged("a name without its version")))?, grace_until)
}

/// Removes what no version sees any more of a content.
fn settle(db: &Connection, content: i64, grace_until: Timestamp) -> Result<(), CatalogError> {
    let sql = "SELECT max(coalesce((SELECT length FROM version WHERE version_id = ?1 AND shares IS NULL), 0),
                          coalesce((SELECT max(length) FROM version WHERE shares = ?1), 0))";
    let kept: i64 = db.prepare_cached(sql)?.query_row([content], |row| row.get(0))?;
    release_from(db, content, number(kept)?, grace_until)
}

/// Removes the slices of a content that begin at `position` or after; in steps, when it has many.
fn release_from(db: &Connection, content: i64, position: u64, grace_until: Timestamp) -> Result<(), CatalogError> {
    if has_more_than(db, content, PAGE_SLICES)? {
        let sql = "INSERT INTO leftover (content_id, position) SELECT ?1, ?2
                   WHERE EXISTS (SELECT 1 FROM slice WHERE content_id = ?1 AND position >= ?2)
                   ON CONFLICT DO UPDATE SET position = min(position, excluded.position)";
        db.prepare_cached(sql)?.execute(params![content, stored(position)?])?;
        return Ok(());
    }
    remove(db, content, position..u64::MAX >> 1, grace_until)
}

/// Removes the slices of a content that begin in a range.
fn remove(
    db: &Connection,
    content: i64,
    positions: std::ops::Range<u64>,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let mut counts = BTreeMap::new();
    {
        let sql = "DELETE FROM slice WHERE content_id = ?1 AND position >= ?2 AND position < ?3 RETURNING part_id";
        let mut statement = db.prepare_cached(sql)?;
        let mut gone = statement.query(params![content, stored(positions.start)?, stored(positions.end)?])?;
        while let Some(row) = gone.next()? {
            *counts.entry(row.get::<_, [u8; 16]>(0)?).or_insert(0_i64) += 1;
        }
    }
    lower(db, &counts, grace_until)
}

/// Contents, at most `most`, that wait to go.
pub(super) fn leftovers(db: &Connection, most: usize) -> Result<Vec<i64>, CatalogError> {
    let mut statement = db.prepare_cached("SELECT content_id FROM leftover ORDER BY content_id LIMIT ?1")?;
    Ok(statement.query_map([limit(most)], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Removes up to [`PAGE_SLICES`] slices of a content that waits to go; `Ok(true)`: there are more.
pub(super) fn remove_leftover(db: &Connection, content: i64, grace_until: Timestamp) -> Result<bool, CatalogError> {
    let sql = "SELECT position FROM leftover WHERE content_id = ?1";
    let from: Option<i64> = db.prepare_cached(sql)?.query_row([content], |row| row.get(0)).optional()?;
    let Some(from) = from else { return Ok(false) };
    let sql = "SELECT position FROM slice WHERE content_id = ?1 AND position >= ?2 ORDER BY position LIMIT 1 OFFSET ?3";
    let row = params![content, from, limit(PAGE_SLICES)];
    let next: Option<i64> = db.prepare_cached(sql)?.query_row(row, |row| row.get(0)).optional()?;
    let end = next.map_or(Ok(u64::MAX >> 1), number)?;
    remove(db, content, number(from)?..end, grace_until)?;
    let sql = if next.is_some() {
        "UPDATE leftover SET position = ?2 WHERE content_id = ?1"
    } else {
        "DELETE FROM leftover WHERE content_id = ?1 AND ?2 >= 0"
    };
    db.prepare_cached(sql)?.execute(params![content, stored(end)?])?;
    Ok(next.is_some())
}

/// Counts that many slices less of each part.
fn lower(db: &Connection, counts: &BTreeMap<[u8; 16], i64>, grace_until: Timestamp) -> Result<(), CatalogError> {
    let mut lower = db.prepare_cached(
        "UPDATE part SET slices = slices - ?2 WHERE part_id = ?1 RETURNING slices, tenant, padded_length",
    )?;
    for (part, count) in counts {
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?));
        let (left, tenant, padded) = lower
            .query_row(params![part, count], read)
            .optional()?
            .ok_or(CatalogError::Failed(Failure::Damaged("a slice without its part")))?;
        if left == 0 {
            deletions::queue_part(db, part, &tenant, Part::chunks_of(number(padded)?), grace_until)?;
            parts::erase(db, part)?;
        }
    }
    Ok(())
}

/// Counts one slice more for each of these.
fn raise(db: &Connection, slices: &[PartSlice]) -> Result<(), CatalogError> {
    let mut raise = db.prepare_cached("UPDATE part SET slices = slices + 1 WHERE part_id = ?1")?;
    for slice in slices {
        if raise.execute([slice.part.0])? != 1 {
            return Err(CatalogError::Failed(Failure::Damaged("a slice without its part")));
        }
    }
    Ok(())
}

/// Makes `slices` content `id`, in place of the contents `from`, of blocks or of parts of an upload, which are gone then.
pub(super) fn replace(
    db: &Connection,
    id: i64,
    slices: &[PartSlice],
    from: &[i64],
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let mut fewer: BTreeMap<[u8; 16], i64> = BTreeMap::new();
    {
        let mut delete = db.prepare_cached("DELETE FROM slice WHERE content_id = ?1 RETURNING part_id")?;
        for content in from {
            let mut gone = delete.query([content])?;
            while let Some(row) = gone.next()? {
                *fewer.entry(row.get(0)?).or_insert(0) += 1;
            }
        }
    }
    insert_all(db, id, slices)?;
    let mut new = Vec::new();
    for slice in slices {
        // Nearly every slice is one that was there before: its part's count stays as it is.
        match fewer.get_mut(&slice.part.0).filter(|count| **count > 0) {
            Some(count) => *count -= 1,
            None => new.push(*slice),
        }
    }
    raise(db, &new)?;
    fewer.retain(|_, count| *count > 0);
    lower(db, &fewer, grace_until)
}

/// A content that belongs to nothing yet.
pub(super) fn begin(db: &Connection) -> Result<i64, CatalogError> {
    let id = next_content(db)?;
    db.prepare_cached("INSERT INTO leftover (content_id, position) VALUES (?1, 0)")?.execute([id])?;
    Ok(id)
}

/// Adds slices of parts that others refer to.
pub(super) fn add_shared(db: &Connection, content: i64, slices: &[PartSlice]) -> Result<(), CatalogError> {
    insert_all(db, content, slices)?;
    raise(db, slices)
}

/// A content that was begun is a version's now.
pub(super) fn claim(db: &Connection, content: i64) -> Result<(), CatalogError> {
    let claimed =
        db.prepare_cached("DELETE FROM leftover WHERE content_id = ?1 AND position = 0")?.execute([content])?;
    if claimed == 1 { Ok(()) } else { Err(CatalogError::Failed(Failure::Damaged("a content that is gone"))) }
}

/// Makes a new part the bytes at `position` of a version, which end there. Returns how many slices it has now.
pub(super) fn append(
    db: &Connection,
    version: i64,
    position: u64,
    (part, tenant): (&Part, &TenantId),
    grace_until: Timestamp,
) -> Result<usize, CatalogError> {
    let mut content = content_of(db, version)?;
    let sql = "SELECT position + length FROM slice WHERE content_id = ?1 ORDER BY position DESC LIMIT 1";
    let end: Option<i64> = db.prepare_cached(sql)?.query_row([content], |row| row.get(0)).optional()?;
    if end.map_or(Ok(0), number::<u64>)? != position {
        // Another version that shares it has grown already.
        content = copy_content(db, version, position, grace_until)?;
    }
    add_part_at(db, content, position, part, tenant)?;
    let mut count = db.prepare_cached("SELECT count(*) FROM slice WHERE content_id = ?1")?;
    let count = number(count.query_row([content], |row| row.get(0))?)?;
    if count > MOST_SLICES { Err(CatalogError::Refused(Refusal::TooManySlices)) } else { Ok(count) }
}

/// Gives a version of `length` bytes a content that it shares with nobody; returns that.
fn copy_content(db: &Connection, version: i64, length: u64, grace_until: Timestamp) -> Result<i64, CatalogError> {
    let (from, to) = (content_of(db, version)?, next_content(db)?);
    if length > 0 {
        let slices = cut(db, from, ByteRange { first: 0, end: length }, MOST_SLICES)?;
        insert_all(db, to, &slices)?;
        raise(db, &slices)?;
    }
    db.prepare_cached("UPDATE version SET shares = ?2 WHERE version_id = ?1")?.execute([version, to])?;
    settle(db, from, grace_until)?;
    Ok(to)
}

/// Puts a new part in the place of the slices that hold bytes `range` of a version of `length` bytes. They must be whole,
/// and of `expected`, in that order. Versions that share them keep them.
pub(super) fn replace_run(
    db: &Connection,
    (version, length): (i64, u64),
    range: ByteRange,
    expected: &[PartId],
    (part, tenant): (&Part, &TenantId),
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let mut content = content_of(db, version)?;
    let run = within(db, content, range, expected.len())?.ok_or(CatalogError::Refused(Refusal::SourceChanged))?;
    let whole = run.first().is_some_and(|slice| slice.position == range.first)
        && run.last().is_some_and(|slice| slice.end() == range.end);
    if !whole || !run.iter().map(|slice| &slice.part).eq(expected) {
        return Err(CatalogError::Refused(Refusal::SourceChanged));
    }
    if part.length != range.length() {
        return Err(CatalogError::Failed(Failure::Misused("a part that is not as long as what it takes the place of")));
    }
    if is_shared(db, content, version)? {
        if has_more_than(db, content, FEW_TO_COPY)? {
            return Err(CatalogError::Refused(Refusal::SourceChanged));
        }
        content = copy_content(db, version, length, grace_until)?;
    }
    remove(db, content, range.first..range.end, grace_until)?;
    add_part_at(db, content, range.first, part, tenant)
}

/// Whether another version sees the content, too.
fn is_shared(db: &Connection, content: i64, version: i64) -> Result<bool, CatalogError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM version WHERE version_id = ?1 AND version_id <> ?2 AND shares IS NULL)
                   OR EXISTS (SELECT 1 FROM version WHERE shares = ?1 AND version_id <> ?2)";
    Ok(db.prepare_cached(sql)?.query_row([content, version], |row| row.get(0))?)
}

fn has_more_than(db: &Connection, content: i64, most: usize) -> Result<bool, CatalogError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM slice WHERE content_id = ?1 LIMIT 1 OFFSET ?2)";
    Ok(db.prepare_cached(sql)?.query_row(params![content, limit(most)], |row| row.get(0))?)
}

/// The slices of a content, at most `most`.
pub(super) fn all(db: &Connection, content: i64, most: usize) -> Result<Vec<PartSlice>, CatalogError> {
    let sql =
        "SELECT position, part_id, part_offset, length FROM slice WHERE content_id = ?1 ORDER BY position LIMIT ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![content, limit(most.saturating_add(1))])?;
    let mut slices = Vec::new();
    while let Some(row) = rows.next()? {
        slices.push(part_slice(row)?);
    }
    if slices.len() > most { Err(CatalogError::Refused(Refusal::TooManySlices)) } else { Ok(slices) }
}

/// Bytes `range` of a content: slices, cut to it, from position 0 on. [`Refusal::TooManySlices`] beyond `most`.
pub(super) fn cut(
    db: &Connection,
    content: i64,
    range: ByteRange,
    most: usize,
) -> Result<Vec<PartSlice>, CatalogError> {
    let mut joined = Joined::up_to(most);
    for slice in within(db, content, range, most)?.ok_or(CatalogError::Refused(Refusal::TooManySlices))? {
        slice.cut(range, 0).map_or(Ok(()), |slice| joined.add(slice))?;
    }
    if joined.length() == range.length() {
        Ok(joined.into_slices())
    } else {
        Err(CatalogError::Failed(Failure::Damaged("bytes without a slice")))
    }
}

/// The slices that overlap `range`, whole; `None` when they are more than `most`.
fn within(
    db: &Connection,
    content: i64,
    range: ByteRange,
    most: usize,
) -> Result<Option<Vec<PartSlice>>, CatalogError> {
    let mut statement = db.prepare_cached(
        "SELECT position, part_id, part_offset, length FROM slice
         WHERE content_id = ?1
           AND position >= (SELECT max(position) FROM slice WHERE content_id = ?1 AND position <= ?2)
           AND position < ?3
         ORDER BY position",
    )?;
    let mut rows = statement.query(params![content, stored(range.first)?, stored(range.end)?])?;
    let mut slices: Vec<PartSlice> = Vec::new();
    while let Some(row) = rows.next()? {
        let slice = part_slice(row)?;
        if slices.len() == most {
            return Ok(None);
        }
        if slices.last().is_some_and(|before| before.end() != slice.position) {
            return Err(CatalogError::Failed(Failure::Damaged("slices that do not join")));
        }
        slices.push(slice);
    }
    Ok(Some(slices))
}

fn part_slice(row: &Row<'_>) -> Result<PartSlice, CatalogError> {
    Ok(PartSlice {
        position: number(row.get(0)?)?,
        part: part_id(row, 1)?,
        offset: number(row.get(2)?)?,
        length: number(row.get(3)?)?,
    })
}

/// The slices of a content that overlap `range`, at most `most`: a seek to the one that holds its first byte, then in order.
/// With where the next one begins, if there are more.
pub(super) fn page(
    db: &Connection,
    content: i64,
    range: ByteRange,
    most: usize,
) -> Result<(Vec<Slice>, Option<u64>), CatalogError> {
    let mut statement = db.prepare_cached(
        "SELECT slice.position, slice.part_offset, slice.length,
                part.part_id, part.length, part.padded_length, part.key_version, part.wrapped_key, part.stored
         FROM slice CROSS JOIN part ON part.part_id = slice.part_id
         WHERE slice.content_id = ?1
           AND slice.position >= (SELECT max(position) FROM slice WHERE content_id = ?1 AND position <= ?2)
           AND slice.position < ?3
         ORDER BY slice.position",
    )?;
    let mut rows = statement.query(params![content, stored(range.first)?, stored(range.end)?])?;
    let mut slices: Vec<Slice> = Vec::new();
    let mut more = None;
    while let Some(row) = rows.next()? {
        if slices.len() == most {
            more = slices.last().map(|last| last.position + last.length);
            break;
        }
        let slice = slice(db, row)?;
        let expected = slices.last().map_or(slice.position, |before| before.position + before.length);
        if slice.position != expected {
            return Err(CatalogError::Failed(Failure::Damaged("slices that do not join")));
        }
        slices.push(slice);
    }
    let first = slices.first().map(|slice| slice.position);
    let end = slices.last().map(|slice| slice.position + slice.length);
    if first.is_some_and(|first| first <= range.first) && (more.is_some() || end.is_some_and(|end| end >= range.end)) {
        Ok((slices, more))
    } else {
        Err(CatalogError::Failed(Failure::Damaged("bytes without a slice")))
    }
}

fn slice(db: &Connection, row: &Row<'_>) -> Result<Slice, CatalogError> {
    let id = part_id(row, 3)?;
    let mut statement = db.prepare_cached("SELECT provider FROM placement WHERE part_id = ?1 ORDER BY provider")?;
    let mut providers = statement.query([id.0])?;
    let mut placements = Vec::new();
    while let Some(found) = providers.next()? {
        placements.push(provider(&found.get::<_, String>(0)?)?);
    }
    Ok(Slice {
        position: number(row.get(0)?)?,
        part: Part {
            id,
            length: number(row.get(4)?)?,
            padded_length: number(row.get(5)?)?,
            wrapped_key: WrappedKey { key_version: number(row.get(6)?)?, bytes: row.get(7)? },
            placements,
            stored: Timestamp(row.get(8)?),
        },
        offset: number(row.get(1)?)?,
        length: number(row.get(2)?)?,
    })
}

/// The content and the length of a version to share from.
fn source_of(
    db: &Connection,
    source: VersionId,
    range: ByteRange,
    tenant: &TenantId,
) -> Result<(i64, u64), CatalogError> {
    let sql = "SELECT version.length, bucket.tenant, coalesce(version.shares, version_id)
               FROM version CROSS JOIN bucket USING (bucket_id) WHERE version_id = ?1";
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?));
    let found = db.prepare_cached(sql)?.query_row([source.0], read).optional()?;
    let (length, owner, content) = found.ok_or(CatalogError::Refused(Refusal::SourceChanged))?;
    // Part keys are bound to their tenant: another tenant could not open them.
    if owner != tenant.as_str() {
        return Err(CatalogError::Refused(Refusal::SourceChanged));
    }
    let length = number(length)?;
    if range.first >= range.end || range.end > length {
        return Err(CatalogError::Failed(Failure::Misused("a range outside of its source")));
    }
    Ok((content, length))
}

fn add_part(db: &Connection, content: i64, part: &Part, tenant: &TenantId) -> Result<u64, CatalogError> {
    add_part_at(db, content, 0, part, tenant)?;
    Ok(part.length)
}

fn add_part_at(
    db: &Connection,
    content: i64,
    position: u64,
    part: &Part,
    tenant: &TenantId,
) -> Result<(), CatalogError> {
    parts::insert(db, part, tenant)?;
    insert_all(db, content, &[PartSlice { position, part: part.id, offset: 0, length: part.length }])
}

fn insert_all(db: &Connection, content: i64, slices: &[PartSlice]) -> Result<(), CatalogError> {
    let sql = "INSERT INTO slice (content_id, position, part_id, part_offset, length) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut insert = db.prepare_cached(sql)?;
    for slice in slices {
        let PartSlice { position, part, offset, length } = slice;
        insert.execute(params![content, stored(*position)?, part.0, stored(*offset)?, stored(*length)?])?;
    }
    Ok(())
}
