//! Snapshots that were deleted all together and are too many for one write: one row says so of all of them, and they follow in
//! steps.
//!
//! # Invariants
//! - From the write on that deletes them, each snapshot of the name that is there, up to the row's `upto`, is deleted for
//!   whoever asks, whether its own row says so yet or not.
//! - What is written under the name later has an id above `upto`.

use rusqlite::{Connection, OptionalExtension, params};

use super::objects::Disposal;
use super::past;
use super::purge::Step;
use super::rows::limit;
use crate::catalog::order::RANK_OF_DELETED;
use crate::catalog::{CatalogError, PAGE_SLICES};
use crate::model::{SnapshotId, Timestamp};

/// Whether a name has more snapshots than a deletion takes along at once.
pub(super) fn are_many(db: &Connection, bucket: i64, key: &[u8]) -> Result<bool, CatalogError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM past WHERE bucket_id = ?1 AND key = ?2 AND snapshot > ?3 AND snapshot < ?4
                   AND deleted IS NULL LIMIT 1 OFFSET ?5)";
    let row = params![bucket, key, last(db, bucket, key)?, RANK_OF_DELETED, limit(PAGE_SLICES)];
    Ok(db.prepare_cached(sql)?.query_row(row, |row| row.get(0))?)
}

/// Ends all snapshots that are there. What is retained can be had back until then; of those that ended before and wait yet the
/// same holds.
pub(super) fn end_all(
    db: &Connection,
    bucket: i64,
    key: &[u8],
    at: Timestamp,
    disposal: Disposal,
) -> Result<(), CatalogError> {
    let until = disposal.retention.map(|retention| Timestamp::steady().plus(retention).0);
    let sql = "INSERT INTO ending (bucket_id, key, upto, at, until)
               SELECT ?1, ?2, max(snapshot), ?4, ?5 FROM past WHERE bucket_id = ?1 AND key = ?2 AND snapshot < ?3
               ON CONFLICT (bucket_id, key) DO UPDATE SET upto = excluded.upto, at = excluded.at, until = excluded.until";
    db.prepare_cached(sql)?.execute(params![bucket, key, RANK_OF_DELETED, at.0, until])?;
    Ok(())
}

/// The id up to which the name's snapshots have ended; below all, where none wait.
pub(super) fn last(db: &Connection, bucket: i64, key: &[u8]) -> Result<i64, CatalogError> {
    let sql = "SELECT upto FROM ending WHERE bucket_id = ?1 AND key = ?2";
    Ok(db.prepare_cached(sql)?.query_row(params![bucket, key], |row| row.get(0)).optional()?.unwrap_or(i64::MIN))
}

/// Those that wait and are retained are back.
pub(super) fn restore(db: &Connection, bucket: i64, key: &[u8]) -> Result<(), CatalogError> {
    let sql = "DELETE FROM ending WHERE bucket_id = ?1 AND key = ?2 AND until IS NOT NULL";
    db.prepare_cached(sql)?.execute(params![bucket, key])?;
    Ok(())
}

/// Whether any wait in a bucket.
pub(super) fn any(db: &Connection, bucket: i64) -> Result<bool, CatalogError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM ending WHERE bucket_id = ?1)";
    Ok(db.prepare_cached(sql)?.query_row([bucket], |row| row.get(0))?)
}

/// The bucket goes, with all that it held.
pub(super) fn forget(db: &Connection, bucket: i64) -> Result<(), CatalogError> {
    db.prepare_cached("DELETE FROM ending WHERE bucket_id = ?1")?.execute([bucket])?;
    Ok(())
}

/// Takes those that wait, latest first, as far as the step goes: each is retained, or goes.
pub(super) fn settle(db: &Connection, step: &mut Step<'_>, grace_until: Timestamp) -> Result<(), CatalogError> {
    type Ending = (i64, Vec<u8>, i64, i64, Option<i64>);
    let mut first = db.prepare_cached("SELECT bucket_id, key, upto, at, until FROM ending LIMIT 1")?;
    let mut latest = db.prepare_cached(
        "SELECT snapshot, deleted IS NULL FROM past WHERE bucket_id = ?1 AND key = ?2 AND snapshot <= ?3
         ORDER BY snapshot DESC LIMIT 1",
    )?;
    let mut lower = db.prepare_cached("UPDATE ending SET upto = ?3 WHERE bucket_id = ?1 AND key = ?2")?;
    let mut done = db.prepare_cached("DELETE FROM ending WHERE bucket_id = ?1 AND key = ?2")?;
    let mut retain = db.prepare_cached(
        "UPDATE past SET deleted = ?4, until = ?5 WHERE bucket_id = ?1 AND key = ?2 AND snapshot = ?3",
    )?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
    while !step.is_over() {
        let ending: Option<Ending> = first.query_row([], read).optional()?;
        let Some((bucket, key, upto, at, until)) = ending else { break };
        step.takes();
        let found: Option<(i64, bool)> =
            latest.query_row(params![bucket, key, upto], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((snapshot, waits)) = found else {
            done.execute(params![bucket, key])?;
            continue;
        };
        lower.execute(params![bucket, key, snapshot - 1])?;
        match until {
            _ if !waits => {}
            Some(until) => drop(retain.execute(params![bucket, key, snapshot, at, until])?),
            None => past::remove(db, bucket, &key, SnapshotId(snapshot), grace_until)?,
        }
    }
    Ok(())
}
