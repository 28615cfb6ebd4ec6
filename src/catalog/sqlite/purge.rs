//! What dropped buckets held, and what was retained long enough, goes a bounded step at a time.

use rusqlite::{Connection, params};

use super::objects::{self, Current, Disposal};
use super::rows::{self, limit};
use super::{blocks, buckets, past, uploads};
use crate::catalog::CatalogError;
use crate::model::{SnapshotId, Timestamp};

pub(super) fn purge(
    db: &Connection,
    now: Timestamp,
    most: usize,
    grace_until: Timestamp,
) -> Result<bool, CatalogError> {
    let mut left = most;
    while left > 0 {
        let Some(bucket) = buckets::dropped(db)? else { break };
        let gone = empty(db, bucket, left, grace_until)?;
        if gone == 0 {
            buckets::remove(db, bucket)?;
            left -= 1;
        }
        left = left.saturating_sub(gone);
    }
    let gone = past::purge(db, now, limit(left), grace_until)?;
    Ok(gone == left)
}

/// Removes up to `most` of what a dropped bucket holds; returns how many.
fn empty(db: &Connection, bucket: i64, most: usize, grace_until: Timestamp) -> Result<usize, CatalogError> {
    let gone = [objects_of, past_of, uploads_of, blocks_of]
        .into_iter()
        .try_fold(0, |gone, step| Ok::<_, CatalogError>(gone + step(db, bucket, most - gone, grace_until)?))?;
    Ok(gone)
}

fn objects_of(db: &Connection, bucket: i64, most: usize, grace_until: Timestamp) -> Result<usize, CatalogError> {
    let keys: Vec<Vec<u8>> = select(db, "SELECT key FROM object WHERE bucket_id = ?1 LIMIT ?2", bucket, most)?;
    let disposal = Disposal { grace_until, retention: None };
    for key in &keys {
        let key = rows::key(key.clone())?;
        if let Some(current) = Current::of(db, bucket, &key)? {
            objects::take_away(db, bucket, &key, &current, Timestamp(0), disposal)?;
        }
    }
    Ok(keys.len())
}

fn past_of(db: &Connection, bucket: i64, most: usize, grace_until: Timestamp) -> Result<usize, CatalogError> {
    let mut statement = db.prepare_cached("SELECT key, snapshot FROM past WHERE bucket_id = ?1 LIMIT ?2")?;
    let found = statement.query_map(params![bucket, limit(most)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let found = found.collect::<Result<Vec<(Vec<u8>, i64)>, _>>()?;
    for (key, snapshot) in &found {
        past::remove(db, bucket, key, SnapshotId(*snapshot), grace_until)?;
    }
    Ok(found.len())
}

fn uploads_of(db: &Connection, bucket: i64, most: usize, grace_until: Timestamp) -> Result<usize, CatalogError> {
    let ids: Vec<i64> = select(db, "SELECT upload_row FROM upload WHERE bucket_id = ?1 LIMIT ?2", bucket, most)?;
    ids.iter().try_for_each(|id| uploads::drop_upload(db, *id, grace_until))?;
    Ok(ids.len())
}

fn blocks_of(db: &Connection, bucket: i64, most: usize, grace_until: Timestamp) -> Result<usize, CatalogError> {
    let sql = "SELECT uncommitted_id FROM uncommitted WHERE bucket_id = ?1 LIMIT ?2";
    let ids: Vec<i64> = select(db, sql, bucket, most)?;
    ids.iter().try_for_each(|id| blocks::discard(db, *id, grace_until))?;
    Ok(ids.len())
}

fn select<T: rusqlite::types::FromSql>(
    db: &Connection,
    sql: &str,
    bucket: i64,
    most: usize,
) -> Result<Vec<T>, CatalogError> {
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement.query_map(params![bucket, limit(most)], |row| row.get(0))?.collect::<Result<Vec<_>, _>>()?)
}
