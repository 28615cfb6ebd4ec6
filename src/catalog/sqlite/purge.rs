//! What dropped buckets held, what was retained long enough, and contents that belong to nothing any more go a bounded step
//! at a time.
//!
//! # Invariants
//! - A step ends when it has changed [`STEP_ROWS`] rows, whatever they are of. What it takes at once beyond that is one
//!   content of at most [`PAGE_SLICES`](crate::catalog::PAGE_SLICES) slices, or one upload.

use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension};

use super::objects::{self, Current, Disposal};
use super::{blocks, buckets, ending, past, rows, slices, uploads};
use crate::catalog::{CatalogError, Failure};
use crate::model::{SnapshotId, Timestamp};

/// Rows that a step may change before it ends: some ten milliseconds.
const STEP_ROWS: u64 = 2_000;

/// How much a step may do yet.
pub(super) struct Step<'a> {
    db: &'a Connection,
    end: u64,
    left: usize,
}

impl<'a> Step<'a> {
    /// A step of at most `most` things.
    pub(super) fn new(db: &'a Connection, most: usize) -> Self {
        Self { db, end: db.total_changes().saturating_add(STEP_ROWS), left: most }
    }

    /// Whether one thing more may go.
    pub(super) fn takes(&mut self) -> bool {
        let takes = !self.is_over();
        self.left -= usize::from(takes);
        takes
    }

    /// Whether it has done what it may: there may be more.
    pub(super) fn is_over(&self) -> bool {
        self.left == 0 || self.db.total_changes() >= self.end
    }
}

pub(super) fn purge(
    db: &Connection,
    now: Timestamp,
    most: usize,
    leftovers: &[i64],
    grace_until: Timestamp,
) -> Result<bool, CatalogError> {
    let mut step = Step::new(db, most);
    for content in leftovers {
        while step.takes() && slices::remove_leftover(db, *content, grace_until)? {}
    }
    // First: what is to be retained of a bucket that was dropped is then known to be, and what is back is not taken for what was
    // retained long enough.
    ending::settle(db, &mut step, grace_until)?;
    while !step.is_over() {
        let Some((bucket, all)) = buckets::dropped(db, now)? else { break };
        empty(db, (bucket, all), &mut step, grace_until)?;
    }
    past::purge(db, now, &mut step, grace_until)?;
    Ok(step.is_over())
}

/// Removes what a dropped bucket holds, and the bucket once it holds nothing; or (not `all`) only what is not retained of it.
fn empty(
    db: &Connection,
    (bucket, all): (i64, bool),
    step: &mut Step<'_>,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let disposal = Disposal { grace_until, retention: None };
    while step.takes() {
        if let Some(key) = first::<Vec<u8>>(db, "SELECT key FROM object WHERE bucket_id = ?1 LIMIT 1", bucket)? {
            let key = rows::key(key)?;
            let current = Current::of(db, bucket, &key)?
                .ok_or(CatalogError::Failed(Failure::Damaged("a name without its line")))?;
            objects::take_away(db, bucket, &key, &current, Timestamp(0), disposal)?;
        } else if let Some((key, snapshot)) = first_past(db, bucket, all)? {
            past::remove(db, bucket, &key, snapshot, grace_until)?;
        } else if let Some(id) = first(db, "SELECT upload_row FROM upload WHERE bucket_id = ?1 LIMIT 1", bucket)? {
            uploads::drop_upload(db, id, grace_until)?;
        } else if let Some(id) =
            first(db, "SELECT uncommitted_id FROM uncommitted WHERE bucket_id = ?1 LIMIT 1", bucket)?
        {
            blocks::discard_some(db, id, grace_until)?;
        } else {
            return if all { buckets::remove(db, bucket) } else { buckets::is_whole(db, bucket) };
        }
    }
    Ok(())
}

fn first<T: FromSql>(db: &Connection, sql: &str, bucket: i64) -> Result<Option<T>, CatalogError> {
    Ok(db.prepare_cached(sql)?.query_row([bucket], |row| row.get(0)).optional()?)
}

/// One that is not current; not `all`: a snapshot that is there.
fn first_past(db: &Connection, bucket: i64, all: bool) -> Result<Option<(Vec<u8>, SnapshotId)>, CatalogError> {
    let sql = if all {
        "SELECT key, snapshot FROM past WHERE bucket_id = ?1 LIMIT 1"
    } else {
        "SELECT key, snapshot FROM past INDEXED BY past_there WHERE bucket_id = ?1 AND deleted IS NULL LIMIT 1"
    };
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, SnapshotId(row.get(1)?)));
    Ok(db.prepare_cached(sql)?.query_row([bucket], read).optional()?)
}
