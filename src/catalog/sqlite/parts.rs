//! Parts, and the blocks that their ids come from.

use rusqlite::{Connection, Rows, params};

use super::rows::{number, onward, part_id, stored, tenant};
use crate::catalog::{CatalogError, Failure};
use crate::model::{Part, PartBlock, PartId, TenantId, Timestamp, WrappedKey};
use crate::secret::fill_random;

/// A part's wrapped key, with what it is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartKeyRow {
    /// Whose part.
    pub tenant: TenantId,
    /// The part.
    pub part: PartId,
    /// Plaintext length in bytes.
    pub length: u64,
    /// Plaintext length with the padding, in bytes.
    pub padded_length: u64,
    /// Its key.
    pub key: WrappedKey,
}

/// Wrapped keys of the parts after `after`, at most `limit`.
pub(super) fn keys(db: &Connection, after: Option<PartId>, limit: usize) -> Result<Vec<PartKeyRow>, CatalogError> {
    let mut statement = db.prepare_cached(
        "SELECT part_id, tenant, length, padded_length, key_version, wrapped_key FROM part
         WHERE part_id > ?1 ORDER BY part_id LIMIT ?2",
    )?;
    let from = after.map_or(Vec::new(), |part| part.0.to_vec());
    let mut rows = statement.query(params![from, super::rows::limit(limit)])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(PartKeyRow {
            tenant: tenant(&row.get::<_, String>(1)?)?,
            part: part_id(row, 0)?,
            length: number(row.get(2)?)?,
            padded_length: number(row.get(3)?)?,
            key: WrappedKey { key_version: number(row.get(4)?)?, bytes: row.get(5)? },
        });
    }
    onward(after, keys.iter().map(|row| row.part))?;
    Ok(keys)
}

/// Stores a new part, with one slice to come.
pub(super) fn insert(db: &Connection, part: &Part, tenant: &TenantId) -> Result<(), CatalogError> {
    check(part)?;
    // An id that waits for deletion would lose the chunks that were just written.
    let used =
        "SELECT EXISTS (SELECT 1 FROM part WHERE part_id = ?1) OR EXISTS (SELECT 1 FROM deletion WHERE part_id = ?1)";
    if db.prepare_cached(used)?.query_row([part.id.0], |row| row.get::<_, bool>(0))? {
        return Err(CatalogError::Failed(Failure::Misused("a part id that was used before")));
    }
    db.prepare_cached(
        "INSERT INTO part (part_id, tenant, length, padded_length, key_version, wrapped_key, slices, stored)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7)",
    )?
    .execute(params![
        part.id.0,
        tenant.as_str(),
        stored(part.length)?,
        stored(part.padded_length)?,
        part.wrapped_key.key_version,
        part.wrapped_key.bytes,
        part.stored.0
    ])?;
    let mut place = db.prepare_cached("INSERT INTO placement (part_id, provider) VALUES (?1, ?2)")?;
    for provider in &part.placements {
        place.execute(params![part.id.0, provider.as_str()])?;
    }
    Ok(())
}

/// Deletes a part and its wrapped key.
pub(super) fn erase(db: &Connection, part: &[u8; 16]) -> Result<(), CatalogError> {
    db.prepare_cached("DELETE FROM placement WHERE part_id = ?1")?.execute([part])?;
    db.prepare_cached("DELETE FROM part WHERE part_id = ?1")?.execute([part])?;
    Ok(())
}

pub(super) fn reserve(db: &Connection, tenant: &TenantId, count: u32) -> Result<PartBlock, CatalogError> {
    let mut prefix = [0; 12];
    fill_random(&mut prefix).map_err(|error| CatalogError::Failed(Failure::Io(std::io::Error::other(error))))?;
    db.prepare_cached("INSERT INTO part_block (prefix, tenant, count, reserved) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![prefix, tenant.as_str(), count, Timestamp::now().0])?;
    Ok(PartBlock { tenant: tenant.clone(), prefix, count })
}

pub(super) fn open_blocks(db: &Connection) -> Result<Vec<PartBlock>, CatalogError> {
    let mut statement = db.prepare_cached("SELECT prefix, tenant, count FROM part_block ORDER BY reserved, prefix")?;
    blocks(statement.query([])?)
}

/// Blocks from the columns prefix, tenant, count.
fn blocks(mut rows: Rows<'_>) -> Result<Vec<PartBlock>, CatalogError> {
    let mut blocks = Vec::new();
    while let Some(row) = rows.next()? {
        let owner = tenant(&row.get::<_, String>(1)?)?;
        blocks.push(PartBlock { tenant: owner, prefix: row.get(0)?, count: number(row.get(2)?)? });
    }
    Ok(blocks)
}

/// The block's ids that are parts or wait for deletion. A part whose deletion has finished is neither: its chunks are
/// gone, so looking for them again does no harm.
pub(super) fn settled(db: &Connection, block: &PartBlock) -> Result<Vec<PartId>, CatalogError> {
    let Some(last) = block.count.checked_sub(1).and_then(|counter| block.id(counter)) else {
        return Ok(Vec::new());
    };
    let first = block.id(0).unwrap_or(last);
    let mut statement = db.prepare_cached(
        "SELECT part_id FROM part WHERE part_id BETWEEN ?1 AND ?2
         UNION SELECT part_id FROM deletion WHERE part_id BETWEEN ?1 AND ?2 ORDER BY part_id",
    )?;
    let mut rows = statement.query(params![first.0, last.0])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(part_id(row, 0)?);
    }
    Ok(ids)
}

pub(super) fn set_aside(db: &Connection, block: &PartBlock, at: Timestamp) -> Result<(), CatalogError> {
    close_block(db, block)?;
    db.prepare_cached("INSERT INTO swept_block (prefix, tenant, count, at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![block.prefix, block.tenant.as_str(), block.count, at.0])?;
    Ok(())
}

pub(super) fn aside(db: &Connection, now: Timestamp) -> Result<Vec<PartBlock>, CatalogError> {
    let mut statement =
        db.prepare_cached("SELECT prefix, tenant, count FROM swept_block WHERE at <= ?1 ORDER BY at, prefix")?;
    blocks(statement.query([now.0])?)
}

pub(super) fn close_block(db: &Connection, block: &PartBlock) -> Result<(), CatalogError> {
    for table in ["part_block", "swept_block"] {
        db.prepare_cached(&format!("DELETE FROM {table} WHERE prefix = ?1 AND tenant = ?2"))?
            .execute(params![block.prefix, block.tenant.as_str()])?;
    }
    Ok(())
}

fn check(part: &Part) -> Result<(), CatalogError> {
    if part.length == 0 || part.padded_length < part.length {
        return Err(CatalogError::Failed(Failure::Misused("a part of impossible length")));
    }
    if part.placements.is_empty() {
        return Err(CatalogError::Failed(Failure::Misused("a part that no provider holds")));
    }
    Ok(())
}
