//! The queue of chunks to delete: one row for each part and provider.
//!
//! # Invariants
//! - Queueing again keeps the earlier time.
//! - What failed is tried again later and later; what waits behind it does not wait for it.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::rows::{limit, number, part_id, tenant};
use crate::catalog::{CatalogError, DeletionQueue, QueuedDeletion};
use crate::model::{ProviderName, Timestamp};

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
            return Err(CatalogError::Damaged("a committed part must not be queued for deletion"));
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

pub(super) fn hasten(db: &Connection, latest: Timestamp) -> Result<(), CatalogError> {
    db.prepare_cached(
        "UPDATE deletion SET due = ?1, since = min(since, ?1) WHERE due > CASE attempts WHEN 0 THEN ?1 ELSE ?2 END",
    )?
    .execute([latest.0, QueuedDeletion::latest_of_failed(latest).0])?;
    let again = latest.plus(QueuedDeletion::LINGERS).0;
    db.prepare_cached("UPDATE second_look SET at = ?1 WHERE at > ?1")?.execute([again])?;
    db.prepare_cached("UPDATE swept_block SET at = ?1 WHERE at > ?1")?.execute([again])?;
    Ok(())
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

/// Looks at every row.
pub(super) fn queue_state(db: &Connection) -> Result<DeletionQueue, CatalogError> {
    let sql = "SELECT count(*), count(nullif(attempts, 0)), min(since) FROM deletion";
    let (waiting, failing, oldest) =
        db.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?)))?;
    Ok(DeletionQueue { waiting: number(waiting)?, failing: number(failing)?, oldest: oldest.map(Timestamp) })
}
