//! The queue of chunks to delete: one row for each part and provider.
//!
//! # Invariants
//! - Queueing again keeps the earlier time.

use rusqlite::{Connection, params};

use super::rows::{limit, number, part_id, provider, tenant};
use crate::catalog::{CatalogError, QueuedDeletion};
use crate::model::Timestamp;

/// Queues the chunks of a part, at every provider that holds it.
pub(super) fn queue_part(
    db: &Connection,
    part: &[u8; 16],
    tenant: &str,
    chunks: u32,
    due: Timestamp,
) -> Result<(), CatalogError> {
    db.prepare_cached(
        "INSERT INTO deletion (part_id, provider, tenant, chunks, due)
         SELECT part_id, provider, ?2, ?3, ?4 FROM placement WHERE part_id = ?1
         ON CONFLICT (part_id, provider) DO UPDATE SET due = min(due, excluded.due)",
    )?
    .execute(params![part, tenant, chunks, due.0])?;
    Ok(())
}

/// Queues chunks of parts that were never committed. A part that was committed after all fails the whole call.
pub(super) fn queue(db: &Connection, parts: &[QueuedDeletion], due: Timestamp) -> Result<(), CatalogError> {
    let mut committed = db.prepare_cached("SELECT EXISTS (SELECT 1 FROM part WHERE part_id = ?1)")?;
    let mut insert = db.prepare_cached(
        "INSERT INTO deletion (part_id, provider, tenant, chunks, due) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (part_id, provider) DO UPDATE SET due = min(due, excluded.due)",
    )?;
    for part in parts {
        if committed.query_row([part.part.0], |row| row.get::<_, bool>(0))? {
            return Err(CatalogError::Damaged("a committed part must not be queued for deletion"));
        }
        insert.execute(params![part.part.0, part.provider.as_str(), part.tenant.as_str(), part.chunks, due.0])?;
    }
    Ok(())
}

pub(super) fn due(db: &Connection, now: Timestamp, most: usize) -> Result<Vec<QueuedDeletion>, CatalogError> {
    let mut statement = db.prepare_cached(
        "SELECT part_id, tenant, chunks, provider FROM deletion WHERE due <= ?1 ORDER BY due, part_id, provider LIMIT ?2",
    )?;
    let mut rows = statement.query(params![now.0, limit(most)])?;
    let mut deletions = Vec::new();
    while let Some(row) = rows.next()? {
        deletions.push(QueuedDeletion {
            part: part_id(row, 0)?,
            tenant: tenant(&row.get::<_, String>(1)?)?,
            chunks: number(row.get(2)?)?,
            provider: provider(&row.get::<_, String>(3)?)?,
        });
    }
    Ok(deletions)
}

pub(super) fn hasten(db: &Connection, latest: Timestamp) -> Result<(), CatalogError> {
    db.prepare_cached("UPDATE deletion SET due = ?1 WHERE due > ?1")?.execute([latest.0])?;
    Ok(())
}

pub(super) fn finish(db: &Connection, done: &[QueuedDeletion]) -> Result<(), CatalogError> {
    let mut delete = db.prepare_cached("DELETE FROM deletion WHERE part_id = ?1 AND provider = ?2")?;
    for part in done {
        delete.execute(params![part.part.0, part.provider.as_str()])?;
    }
    Ok(())
}

pub(super) fn waiting(db: &Connection) -> Result<u64, CatalogError> {
    number(db.prepare_cached("SELECT count(*) FROM deletion")?.query_row([], |row| row.get(0))?)
}
