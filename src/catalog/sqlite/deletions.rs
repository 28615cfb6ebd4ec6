//! The queue of chunks to delete: one row for each part and provider.
//!
//! # Invariants
//! - Queueing again keeps the earlier time.
//! - What has not failed is due when it was due first. What failed is tried again later and later; what waits behind it does not wait for it.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::rows::{limit, number, onward, part_id, tenant};
use crate::catalog::{CatalogError, DeletionQueue, QueuedDeletion, Refusal};
use crate::model::{ProviderName, Timestamp};

/// Rows that a step of hastening looks at.
const STEP: usize = 500;

/// What queueing again does.
const AGAIN: &str =
    "ON CONFLICT (part_id, provider) DO UPDATE SET due = min(due, excluded.due), since = min(since, excluded.since)";

/// Queues the chunks of a part, at every provider that holds it.
pub(super) fn queue_part(
    db: &Connection,
    part: &[u8; 16],
    tenant: &str,
    chunks: u32,
    due: Timestamp,
) -> Result<(), CatalogError> {
    db.prepare_cached(&format!(
        "INSERT INTO deletion (part_id, provider, tenant, chunks, due, since)
         SELECT part_id, provider, ?2, ?3, ?4, ?4 FROM placement WHERE part_id = ?1 {AGAIN}",
    ))?
    .execute(params![part, tenant, chunks, due.0])?;
    Ok(())
}

/// Queues chunks of parts that were never committed. A part that was committed after all fails the whole call.
pub(super) fn queue(db: &Connection, parts: &[QueuedDeletion], due: Timestamp) -> Result<(), CatalogError> {
    let mut committed = db.prepare_cached("SELECT EXISTS (SELECT 1 FROM part WHERE part_id = ?1)")?;
    let mut insert = db.prepare_cached(&format!(
        "INSERT INTO deletion (part_id, provider, tenant, chunks, due, since) VALUES (?1, ?2, ?3, ?4, ?5, ?5) {AGAIN}",
    ))?;
    for part in parts {
        if committed.query_row([part.part.0], |row| row.get::<_, bool>(0))? {
            return Err(CatalogError::Refused(Refusal::Committed));
        }
        insert.execute(params![part.part.0, part.provider.as_str(), part.tenant.as_str(), part.chunks, due.0])?;
    }
    let doubtful: Vec<_> = parts.iter().filter(|part| part.in_doubt).cloned().collect();
    look_again(db, &doubtful, due.plus(QueuedDeletion::LINGERS))
}

/// Notes second looks; one that is noted already keeps the later time.
pub(super) fn look_again(db: &Connection, parts: &[QueuedDeletion], at: Timestamp) -> Result<(), CatalogError> {
    let mut insert = db.prepare_cached(
        "INSERT INTO second_look (part_id, provider, tenant, chunks, at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (part_id, provider) DO UPDATE SET at = max(at, excluded.at), chunks = max(chunks, excluded.chunks)",
    )?;
    for part in parts {
        insert.execute(params![part.part.0, part.provider.as_str(), part.tenant.as_str(), part.chunks, at.0])?;
    }
    Ok(())
}

/// Whether a second look is due.
pub(super) fn has_looks(db: &Connection, now: Timestamp) -> Result<bool, CatalogError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM second_look WHERE at <= ?1)";
    Ok(db.prepare_cached(sql)?.query_row([now.0], |row| row.get(0))?)
}

/// Queues the parts of second looks that are due, unless they were committed.
pub(super) fn requeue_looks(db: &Connection, now: Timestamp, most: usize) -> Result<usize, CatalogError> {
    db.prepare_cached(
        "INSERT INTO deletion (part_id, provider, tenant, chunks, due, since)
         SELECT part_id, provider, tenant, chunks, ?1, ?1
         FROM (SELECT * FROM second_look WHERE at <= ?1 ORDER BY at, part_id, provider LIMIT ?2) AS look
         WHERE NOT EXISTS (SELECT 1 FROM part WHERE part.part_id = look.part_id)
         ON CONFLICT (part_id, provider) DO NOTHING",
    )?
    .execute(params![now.0, limit(most)])?;
    Ok(db
        .prepare_cached(
            "DELETE FROM second_look WHERE (part_id, provider) IN
                 (SELECT part_id, provider FROM second_look WHERE at <= ?1 ORDER BY at, part_id, provider LIMIT ?2)",
        )?
        .execute(params![now.0, limit(most)])?)
}

pub(super) fn due(
    db: &Connection,
    provider: &ProviderName,
    now: Timestamp,
    most: usize,
) -> Result<Vec<QueuedDeletion>, CatalogError> {
    let mut statement = db.prepare_cached(
        "SELECT part_id, tenant, chunks FROM deletion WHERE provider = ?1 AND due <= ?2 ORDER BY due, part_id LIMIT ?3",
    )?;
    let mut rows = statement.query(params![provider.as_str(), now.0, limit(most)])?;
    let mut deletions = Vec::new();
    while let Some(row) = rows.next()? {
        deletions.push(QueuedDeletion {
            part: part_id(row, 0)?,
            tenant: tenant(&row.get::<_, String>(1)?)?,
            chunks: number(row.get(2)?)?,
            provider: provider.clone(),
            in_doubt: false,
        });
    }
    Ok(deletions)
}

/// How far a queue was hastened: up to a deletion, in the order in which those of a provider are due.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    provider: String,
    after: Option<(i64, Vec<u8>)>,
}

/// Looks at the next [`STEP`] deletions that are due after `latest`, and hastens those that may not wait as long. Where to go
/// on; nothing after the last.
pub(super) fn hasten(db: &Connection, latest: Timestamp, from: Place) -> Result<Option<Place>, CatalogError> {
    let Place { provider, after } = from;
    let Some((due, part)) = after else {
        let sql = "SELECT min(provider) FROM deletion WHERE provider > ?1";
        let next: Option<String> = db.prepare_cached(sql)?.query_row([provider], |row| row.get(0))?;
        // All ids of parts are below this one.
        return Ok(next.map(|provider| Place { provider, after: Some((latest.0, vec![u8::MAX; 17])) }));
    };
    let mut found = db.prepare_cached(
        "SELECT due, part_id, attempts FROM deletion WHERE provider = ?1 AND (due, part_id) > (?2, ?3)
         ORDER BY due, part_id LIMIT ?4",
    )?;
    let mut hasten =
        db.prepare_cached("UPDATE deletion SET due = ?3, since = min(since, ?3) WHERE part_id = ?1 AND provider = ?2")?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let found = found.query_map(params![provider, due, part, limit(STEP)], read)?;
    let found: Vec<(i64, Vec<u8>, i64)> = found.collect::<Result<_, _>>()?;
    onward(Some((due, &part)), found.iter().map(|(due, part, _)| (*due, part)))?;
    let latest_of_failed = QueuedDeletion::latest_of_failed(latest).0;
    for (due, part, attempts) in &found {
        if *attempts == 0 || *due > latest_of_failed {
            hasten.execute(params![part, provider, latest.0])?;
        }
    }
    let is_over = found.len() < STEP;
    let after = found.into_iter().next_back().map(|(due, part, _)| (due, part)).filter(|_| !is_over);
    Ok(Some(Place { provider, after }))
}

/// Hastens some second looks; whether there may be more. Blocks that were set aside are few.
pub(super) fn hasten_looks(db: &Connection, latest: Timestamp) -> Result<bool, CatalogError> {
    let again = latest.plus(QueuedDeletion::LINGERS).0;
    let changed = db
        .prepare_cached(
            "UPDATE second_look SET at = ?1 WHERE (part_id, provider) IN
                 (SELECT part_id, provider FROM second_look WHERE at > ?1 LIMIT ?2)",
        )?
        .execute(params![again, limit(STEP)])?;
    db.prepare_cached("UPDATE swept_block SET at = ?1 WHERE at > ?1")?.execute([again])?;
    Ok(changed == STEP)
}

pub(super) fn postpone(db: &Connection, failed: &[QueuedDeletion], now: Timestamp) -> Result<(), CatalogError> {
    let mut count = db.prepare_cached(
        "UPDATE deletion SET attempts = attempts + 1 WHERE part_id = ?1 AND provider = ?2 RETURNING attempts",
    )?;
    let mut put_off = db.prepare_cached("UPDATE deletion SET due = ?3 WHERE part_id = ?1 AND provider = ?2")?;
    for part in failed {
        let which = params![part.part.0, part.provider.as_str()];
        let Some(attempts) = count.query_row(which, |row| row.get(0)).optional()? else { continue };
        let due = now.plus(QueuedDeletion::pause(number(attempts)?));
        put_off.execute(params![part.part.0, part.provider.as_str(), due.0])?;
    }
    Ok(())
}

pub(super) fn finish(db: &Connection, done: &[QueuedDeletion]) -> Result<(), CatalogError> {
    let mut delete = db.prepare_cached("DELETE FROM deletion WHERE part_id = ?1 AND provider = ?2")?;
    for part in done {
        delete.execute(params![part.part.0, part.provider.as_str()])?;
    }
    Ok(())
}

/// Looks at one row, and at the first of each provider: see `0006_queue.sql`.
pub(super) fn queue_state(db: &Connection) -> Result<DeletionQueue, CatalogError> {
    let sql = "WITH RECURSIVE place (provider) AS (
                   SELECT min(provider) FROM deletion
                   UNION ALL SELECT (SELECT min(provider) FROM deletion WHERE deletion.provider > place.provider)
                   FROM place WHERE place.provider IS NOT NULL),
               first (at) AS (
                   SELECT (SELECT min(due) FROM deletion WHERE deletion.provider = place.provider) FROM place
                   UNION ALL SELECT (SELECT min(since) FROM deletion WHERE attempts > 0))
               SELECT waiting, failing, (SELECT min(at) FROM first) FROM deletion_count";
    let (waiting, failing, oldest) =
        db.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?)))?;
    Ok(DeletionQueue { waiting: number(waiting)?, failing: number(failing)?, oldest: oldest.map(Timestamp) })
}

#[cfg(test)]
#[path = "deletions_tests.rs"]
mod tests;
