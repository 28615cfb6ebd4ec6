//! What was done at once to the versions of a name that are not current: one row says so of all of them, and their own rows
//! follow in steps.
//!
//! # Invariants
//! - From the write on that lays the row, each version of the name up to the row's `upto` is what the row says for whoever asks,
//!   whether its own row says so yet or not.
//! - What is written under the name later has an id above `upto`.
//! - A name has one such row. What cannot be said together with it waits until its steps are done ([`Progress::Waits`]).

use rusqlite::{Connection, OptionalExtension, params};

use super::past;
use super::purge::Step;
use super::rows::limit;
use crate::catalog::order::RANK_OF_DELETED;
use crate::catalog::{CatalogError, Failure, PAGE_SLICES};
use crate::model::{SnapshotId, Timestamp};

/// What was done at once to the versions of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Snapshots that were there were deleted at a time. They are retained until another, or go.
    Delete { at: i64, until: Option<i64> },
    /// What was deleted is back: snapshots that are there.
    Restore,
    /// What was deleted goes, and is nowhere to be seen.
    Forget,
}

/// How far a write under a name came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It was made.
    Made,
    /// A step was made of what was done to the name before and is not finished; it is to be tried again.
    Waits,
}

/// A deed that is not finished.
pub(super) struct Ending {
    upto: i64,
    deed: Deed,
}

impl Ending {
    pub(super) fn of(db: &Connection, bucket: i64, key: &[u8]) -> Result<Option<Self>, CatalogError> {
        let sql = "SELECT upto, what, at, until FROM ending WHERE bucket_id = ?1 AND key = ?2";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        let found = db.prepare_cached(sql)?.query_row(params![bucket, key], read).optional()?;
        found.map(Self::read).transpose()
    }

    fn read((upto, what, at, until): (i64, String, i64, Option<i64>)) -> Result<Self, CatalogError> {
        let deed = match what.as_str() {
            "delete" => Deed::Delete { at, until },
            "restore" => Deed::Restore,
            "forget" => Deed::Forget,
            _ => return Err(CatalogError::Failed(Failure::Damaged("an unknown deed"))),
        };
        Ok(Self { upto, deed })
    }

    /// Whether `next` has to wait until this is finished: a row cannot say both.
    fn delays(&self, next: Deed) -> bool {
        match (self.deed, next) {
            (Deed::Delete { until: one, .. }, Deed::Delete { until: other, .. }) => one.is_some() != other.is_some(),
            (Deed::Delete { until: Some(_), .. } | Deed::Restore, Deed::Restore) => false,
            _ => true,
        }
    }
}

/// Up to which id a name's versions are what their rows do not say yet.
pub(super) struct Bounds {
    /// None that was there up to here is there any more.
    pub(super) gone: i64,
    /// All up to here are there.
    pub(super) back: i64,
}

impl Bounds {
    pub(super) fn of(db: &Connection, bucket: i64, key: &[u8]) -> Result<Self, CatalogError> {
        let (gone, back) = match Ending::of(db, bucket, key)? {
            Some(Ending { upto, deed: Deed::Delete { .. } }) => (upto, i64::MIN),
            Some(Ending { upto, deed: Deed::Restore }) => (i64::MIN, upto),
            Some(Ending { deed: Deed::Forget, .. }) | None => (i64::MIN, i64::MIN),
        };
        Ok(Self { gone, back })
    }
}

/// Does it to all versions of the name that are not current: few at once, many in steps from here on. Not while something else
/// [delays](delayed) it.
pub(super) fn begin(
    db: &Connection,
    (bucket, key): (i64, &[u8]),
    deed: Deed,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let sql = "SELECT max(snapshot) FROM past WHERE bucket_id = ?1 AND key = ?2 AND snapshot < ?3";
    let last = db.prepare_cached(sql)?.query_row(params![bucket, key, RANK_OF_DELETED], |row| row.get(0))?;
    let Some(upto) = last else { return Ok(()) };
    let (what, at, until) = match deed {
        Deed::Delete { at, until } => ("delete", at, until),
        Deed::Restore => ("restore", 0, None),
        Deed::Forget => ("forget", 0, None),
    };
    let sql = "INSERT INTO ending (bucket_id, key, upto, what, at, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT (bucket_id, key) DO UPDATE SET upto = excluded.upto, what = excluded.what,
                   at = excluded.at, until = excluded.until";
    let many = are_many(db, (bucket, key), deed)?;
    db.prepare_cached(sql)?.execute(params![bucket, key, upto, what, at, until])?;
    if many {
        return Ok(());
    }
    settle_name(db, (bucket, key), &Ending { upto, deed }, &mut Step::new(db, usize::MAX), grace_until)
}

/// Whether a name has more versions that a deed may be about than one write takes along.
fn are_many(db: &Connection, (bucket, key): (i64, &[u8]), deed: Deed) -> Result<bool, CatalogError> {
    let sql = match deed {
        Deed::Delete { .. } => {
            "SELECT EXISTS (SELECT 1 FROM past INDEXED BY past_there WHERE bucket_id = ?1 AND key = ?2
                 AND deleted IS NULL LIMIT 1 OFFSET ?3)"
        }
        Deed::Restore | Deed::Forget => {
            "SELECT EXISTS (SELECT 1 FROM past WHERE bucket_id = ?1 AND key = ?2 LIMIT 1 OFFSET ?3)"
        }
    };
    Ok(db.prepare_cached(sql)?.query_row(params![bucket, key, limit(PAGE_SLICES)], |row| row.get(0))?)
}

/// The id up to which something is not finished; below all, where nothing is.
pub(super) fn last(db: &Connection, bucket: i64, key: &[u8]) -> Result<i64, CatalogError> {
    Ok(Ending::of(db, bucket, key)?.map_or(i64::MIN, |ending| ending.upto))
}

/// Whether `deed` has to wait. Then a step was made of what it waits for.
pub(super) fn delayed(
    db: &Connection,
    (bucket, key): (i64, &[u8]),
    deed: Deed,
    grace_until: Timestamp,
) -> Result<bool, CatalogError> {
    let Some(ending) = Ending::of(db, bucket, key)?.filter(|ending| ending.delays(deed)) else { return Ok(false) };
    settle_name(db, (bucket, key), &ending, &mut Step::new(db, STEP_VERSIONS), grace_until)?;
    Ok(true)
}

/// Whether what is to be done to one version has to wait. Then a step was made of what it waits for.
pub(super) fn delayed_for_one(
    db: &Connection,
    (bucket, key): (i64, &[u8]),
    grace_until: Timestamp,
) -> Result<bool, CatalogError> {
    let Some(ending) = Ending::of(db, bucket, key)? else { return Ok(false) };
    if matches!(ending.deed, Deed::Delete { .. }) {
        return Ok(false);
    }
    settle_name(db, (bucket, key), &ending, &mut Step::new(db, STEP_VERSIONS), grace_until)?;
    Ok(true)
}

/// Whether anything is not finished in a bucket.
pub(super) fn any(db: &Connection, bucket: i64) -> Result<bool, CatalogError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM ending WHERE bucket_id = ?1)";
    Ok(db.prepare_cached(sql)?.query_row([bucket], |row| row.get(0))?)
}

/// The bucket goes, with all that it held.
pub(super) fn forget(db: &Connection, bucket: i64) -> Result<(), CatalogError> {
    db.prepare_cached("DELETE FROM ending WHERE bucket_id = ?1")?.execute([bucket])?;
    Ok(())
}

/// Goes on with what is not finished, as far as the step goes.
pub(super) fn settle(db: &Connection, step: &mut Step<'_>, grace_until: Timestamp) -> Result<(), CatalogError> {
    let mut first = db.prepare_cached("SELECT bucket_id, key FROM ending LIMIT 1")?;
    while !step.is_over() {
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?));
        let Some((bucket, key)) = first.query_row([], read).optional()? else { break };
        let Some(ending) = Ending::of(db, bucket, &key)? else { break };
        settle_name(db, (bucket, &key), &ending, step, grace_until)?;
    }
    Ok(())
}

/// Takes the versions of a name, latest first, as far as the step goes. The row goes with the last of them.
fn settle_name(
    db: &Connection,
    (bucket, key): (i64, &[u8]),
    ending: &Ending,
    step: &mut Step<'_>,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let mut latest = db.prepare_cached(match ending.deed {
        Deed::Delete { .. } => {
            "SELECT snapshot, 1 FROM past INDEXED BY past_there WHERE bucket_id = ?1 AND key = ?2 AND snapshot <= ?3
                 AND deleted IS NULL ORDER BY snapshot DESC LIMIT 1"
        }
        Deed::Restore | Deed::Forget => {
            "SELECT snapshot, deleted IS NOT NULL FROM past WHERE bucket_id = ?1 AND key = ?2 AND snapshot <= ?3
             ORDER BY snapshot DESC LIMIT 1"
        }
    })?;
    let mut retain = db.prepare_cached(
        "UPDATE past SET deleted = ?4, until = ?5 WHERE bucket_id = ?1 AND key = ?2 AND snapshot = ?3",
    )?;
    let mut upto = ending.upto;
    while step.takes() {
        let found = latest.query_row(params![bucket, key, upto], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((snapshot, is_meant)): Option<(i64, bool)> = found else {
            let done = "DELETE FROM ending WHERE bucket_id = ?1 AND key = ?2";
            db.prepare_cached(done)?.execute(params![bucket, key])?;
            return Ok(());
        };
        upto = snapshot.saturating_sub(1);
        match ending.deed {
            _ if !is_meant => {}
            Deed::Delete { at, until: Some(until) } => {
                retain.execute(params![bucket, key, snapshot, at, until])?;
            }
            Deed::Restore => {
                retain.execute(params![bucket, key, snapshot, None::<i64>, None::<i64>])?;
            }
            Deed::Delete { until: None, .. } | Deed::Forget => {
                past::remove(db, bucket, key, SnapshotId(snapshot), grace_until)?;
            }
        }
    }
    let lower = "UPDATE ending SET upto = ?3 WHERE bucket_id = ?1 AND key = ?2";
    db.prepare_cached(lower)?.execute(params![bucket, key, upto])?;
    Ok(())
}

/// Versions that a step looks at, when a write waits for it.
const STEP_VERSIONS: usize = 2_000;
