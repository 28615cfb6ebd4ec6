//! The last time that is known, for a start to go on from.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use crate::catalog::CatalogError;
use crate::model::{LONGEST_BREAK_SECONDS, Timestamp};

/// What was kept; or else the latest of what is known without a search. A clock that was ahead when something was written does
/// no harm: nothing later than the system's clock is believed for it.
pub(super) fn kept(db: &Connection) -> Result<Option<Timestamp>, CatalogError> {
    let sql = "SELECT value FROM counter WHERE name = 'time'";
    let kept: Option<i64> = db.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
    if kept.is_some() {
        return Ok(kept.map(Timestamp));
    }
    let sql = "SELECT max(at) FROM (
                   SELECT modified AS at FROM version WHERE version_id = (SELECT max(version_id) FROM version)
                   UNION ALL SELECT max(touched) FROM uncommitted
                   UNION ALL SELECT max(reserved) FROM part_block)";
    let known: Option<i64> = db.query_row(sql, [], |row| row.get(0))?;
    Ok(known.map(|known| Timestamp(known).min(Timestamp::now())))
}

pub(super) fn keep(db: &Connection, now: Timestamp) -> Result<(), CatalogError> {
    let sql = "INSERT INTO counter (name, value) VALUES ('time', ?1)
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    db.prepare_cached(sql)?.execute([now.0])?;
    Ok(())
}

pub(super) fn shorten_leases(db: &Connection, now: Timestamp) -> Result<(), CatalogError> {
    db.prepare_cached("UPDATE lease SET expires = ?1 + 1000 * duration WHERE expires > ?1 + 1000 * duration")?
        .execute([now.0])?;
    let longest = now.plus(Duration::from_secs(u64::from(LONGEST_BREAK_SECONDS)));
    db.prepare_cached("UPDATE lease SET breaks = ?1 WHERE breaks > ?1")?.execute([longest.0])?;
    Ok(())
}
