//! Contents: ordered slices of parts, and the counting of references.
//!
//! # Invariants
//! - `part.slices` is the number of rows in `slice` that name the part, at the end of every write.
//! - The write that removes a part's last slice deletes the part, with its wrapped key, and queues its chunks.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows::{next_content, number, part_id, provider, stored};
use super::{deletions, parts};
use crate::catalog::{CatalogError, Content, VersionId};
use crate::model::{ByteRange, Part, PartId, Slice, TenantId, Timestamp, WrappedKey};

/// Stores `content` of `length` bytes; returns its id.
pub(super) fn add(db: &Connection, content: &Content, length: u64, tenant: &TenantId) -> Result<i64, CatalogError> {
    let id = next_content(db)?;
    let held = match content {
        Content::Empty => 0,
        Content::Part(part) => {
            parts::insert(db, part, tenant)?;
            insert(db, id, 0, part.id.0, 0, part.length)?;
            part.length
        }
        Content::Shared { source, range } => {
            share(db, id, *source, *range, tenant)?;
            range.length()
        }
    };
    if held == length { Ok(id) } else { Err(CatalogError::Damaged("a length that is not its content's")) }
}

/// Removes content `id`.
pub(super) fn release(db: &Connection, id: i64, grace_until: Timestamp) -> Result<(), CatalogError> {
    let counts = {
        let sql = "SELECT part_id, count(*) FROM slice WHERE content_id = ?1 GROUP BY part_id";
        let mut statement = db.prepare_cached(sql)?;
        let rows = statement.query_map([id], |row| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, i64>(1)?)))?;
        rows.collect::<Result<Vec<_>, _>>()?
    };
    db.prepare_cached("DELETE FROM slice WHERE content_id = ?1")?.execute([id])?;
    lower(db, &counts, grace_until)
}

/// Counts that many slices less of each part.
fn lower(db: &Connection, counts: &[([u8; 16], i64)], grace_until: Timestamp) -> Result<(), CatalogError> {
    let mut lower = db.prepare_cached(
        "UPDATE part SET slices = slices - ?2 WHERE part_id = ?1 RETURNING slices, tenant, padded_length",
    )?;
    for (part, count) in counts {
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?));
        let (left, tenant, padded) = lower
            .query_row(params![part, count], read)
            .optional()?
            .ok_or(CatalogError::Damaged("a slice without its part"))?;
        if left == 0 {
            deletions::queue_part(db, part, &tenant, Part::chunks_of(number(padded)?), grace_until)?;
            parts::erase(db, part)?;
        }
    }
    Ok(())
}

/// Makes a new part the bytes at `position` of content `id`, which end there. Returns how many slices it has now.
pub(super) fn append(
    db: &Connection,
    id: i64,
    position: u64,
    part: &Part,
    tenant: &TenantId,
) -> Result<usize, CatalogError> {
    parts::insert(db, part, tenant)?;
    insert(db, id, position, part.id.0, 0, part.length)?;
    let mut count = db.prepare_cached("SELECT count(*) FROM slice WHERE content_id = ?1")?;
    number(count.query_row([id], |row| row.get(0))?)
}

/// Puts a new part in the place of the slices that hold bytes `range` of content `id`. They must be whole, and of
/// `expected`, in that order.
pub(super) fn replace_run(
    db: &Connection,
    id: i64,
    range: ByteRange,
    expected: &[PartId],
    (part, tenant): (&Part, &TenantId),
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let run = cut(db, id, range)?;
    let joined = run.iter().map(|piece| piece.part).eq(expected.iter().map(|part| part.0));
    if !joined || run.iter().any(|piece| !piece.whole) {
        return Err(CatalogError::SourceChanged);
    }
    if part.length != range.length() {
        return Err(CatalogError::Damaged("a part that is not as long as what it takes the place of"));
    }
    db.prepare_cached("DELETE FROM slice WHERE content_id = ?1 AND position >= ?2 AND position < ?3")?
        .execute(params![id, stored(range.first)?, stored(range.end)?])?;
    parts::insert(db, part, tenant)?;
    insert(db, id, range.first, part.id.0, 0, part.length)?;
    let mut counts = BTreeMap::new();
    run.iter().for_each(|piece| *counts.entry(piece.part).or_insert(0_i64) += 1);
    lower(db, &counts.into_iter().collect::<Vec<_>>(), grace_until)
}

/// Makes bytes `range` of content `from` the bytes at `position` of content `to`, too: no chunk is copied.
pub(super) fn copy(db: &Connection, from: i64, range: ByteRange, to: i64, position: u64) -> Result<(), CatalogError> {
    let mut raise = db.prepare_cached("UPDATE part SET slices = slices + 1 WHERE part_id = ?1")?;
    for piece in cut(db, from, range)? {
        insert(db, to, position + (piece.first - range.first), piece.part, piece.offset, piece.length)?;
        raise.execute([piece.part])?;
    }
    Ok(())
}

/// What one slice holds of a range.
struct Piece {
    /// Where it begins in the content, in bytes.
    first: u64,
    part: [u8; 16],
    /// Where it begins in the part, in bytes.
    offset: u64,
    length: u64,
    /// Whether the slice lies within the range.
    whole: bool,
}

/// Bytes `range` of content `id`: slices, cut to it.
fn cut(db: &Connection, id: i64, range: ByteRange) -> Result<Vec<Piece>, CatalogError> {
    let mut statement = db.prepare_cached(
        "SELECT position, part_id, part_offset, length FROM slice
         WHERE content_id = ?1
           AND position >= (SELECT max(position) FROM slice WHERE content_id = ?1 AND position <= ?2)
           AND position < ?3
         ORDER BY position",
    )?;
    let mut rows = statement.query(params![id, stored(range.first)?, stored(range.end)?])?;
    let mut pieces = Vec::new();
    let mut due = range.first;
    while let Some(row) = rows.next()? {
        let (position, offset, length): (u64, u64, u64) =
            (number(row.get(0)?)?, number(row.get(2)?)?, number(row.get(3)?)?);
        let (first, end) = (position.max(range.first), (position + length).min(range.end));
        if first != due || end <= first {
            return Err(CatalogError::Damaged("slices that do not join"));
        }
        let whole = first == position && end == position + length;
        pieces.push(Piece {
            first,
            part: row.get(1)?,
            offset: offset + (first - position),
            length: end - first,
            whole,
        });
        due = end;
    }
    if due == range.end { Ok(pieces) } else { Err(CatalogError::Damaged("bytes without a slice")) }
}

/// Makes content `from` the bytes at `position` of content `to`. No count changes.
pub(super) fn attach(db: &Connection, from: i64, to: i64, position: u64) -> Result<(), CatalogError> {
    db.prepare_cached("UPDATE slice SET content_id = ?2, position = position + ?3 WHERE content_id = ?1")?
        .execute(params![from, to, stored(position)?])?;
    Ok(())
}

/// The slices of content `id` that overlap `range`: a seek to the one that holds its first byte, then in order. `None`
/// when they are more than `most`.
pub(super) fn overlapping(
    db: &Connection,
    id: i64,
    range: ByteRange,
    most: usize,
) -> Result<Option<Vec<Slice>>, CatalogError> {
    let mut statement = db.prepare_cached(
        "SELECT slice.position, slice.part_offset, slice.length,
                part.part_id, part.length, part.padded_length, part.key_version, part.wrapped_key, part.stored
         FROM slice CROSS JOIN part ON part.part_id = slice.part_id
         WHERE slice.content_id = ?1
           AND slice.position >= (SELECT max(position) FROM slice WHERE content_id = ?1 AND position <= ?2)
           AND slice.position < ?3
         ORDER BY slice.position",
    )?;
    let mut rows = statement.query(params![id, stored(range.first)?, stored(range.end)?])?;
    let mut slices: Vec<Slice> = Vec::new();
    while let Some(row) = rows.next()? {
        if slices.len() == most {
            return Ok(None);
        }
        let slice = slice(db, row)?;
        let expected = slices.last().map_or(slice.position, |before| before.position + before.length);
        if slice.position != expected {
            return Err(CatalogError::Damaged("slices that do not join"));
        }
        slices.push(slice);
    }
    let first = slices.first().map(|slice| slice.position);
    let end = slices.last().map(|slice| slice.position + slice.length);
    if first.is_some_and(|first| first <= range.first) && end.is_some_and(|end| end >= range.end) {
        Ok(Some(slices))
    } else {
        Err(CatalogError::Damaged("bytes without a slice"))
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

fn share(db: &Connection, to: i64, source: VersionId, range: ByteRange, tenant: &TenantId) -> Result<(), CatalogError> {
    let sql =
        "SELECT version.length, bucket.tenant FROM version CROSS JOIN bucket USING (bucket_id) WHERE version_id = ?1";
    let found = db
        .prepare_cached(sql)?
        .query_row([source.0], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    let (length, owner) = found.ok_or(CatalogError::SourceChanged)?;
    // Part keys are bound to their tenant: another tenant could not open them.
    if owner != tenant.as_str() {
        return Err(CatalogError::SourceChanged);
    }
    if range.first >= range.end || range.end > number(length)? {
        return Err(CatalogError::Damaged("a range outside of its source"));
    }
    copy(db, source.0, range, to, 0)
}

fn insert(
    db: &Connection,
    content: i64,
    position: u64,
    part: [u8; 16],
    offset: u64,
    length: u64,
) -> Result<(), CatalogError> {
    db.prepare_cached(
        "INSERT INTO slice (content_id, position, part_id, part_offset, length) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![content, stored(position)?, part, stored(offset)?, stored(length)?])?;
    Ok(())
}
