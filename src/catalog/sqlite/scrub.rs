//! Looks at all chunks: how far they are, and what they found.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::rows::{limit, number, onward, part_id, stored, tenant};
use crate::catalog::{CatalogError, QueuedDeletion, ScrubFault, ScrubPart, ScrubResult, ScrubRound};
use crate::model::{Part, PartId, ProviderName, Timestamp, WrappedKey};

/// Greater than every part id, which has 16 bytes.
const BEYOND: [u8; 17] = [0xff; 17];

pub(super) fn parts(
    db: &Connection,
    provider: &ProviderName,
    after: Option<PartId>,
    most: usize,
) -> Result<Vec<ScrubPart>, CatalogError> {
    let mut statement = db.prepare_cached(
        "SELECT part.part_id, tenant, length, padded_length, key_version, wrapped_key, stored
         FROM placement CROSS JOIN part ON part.part_id = placement.part_id
         WHERE placement.part_id > ?1 AND placement.provider = ?2 ORDER BY placement.part_id LIMIT ?3",
    )?;
    let mut rows = statement.query(params![start(after), provider.as_str(), limit(most)])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        let part = Part {
            id: part_id(row, 0)?,
            length: number(row.get(2)?)?,
            padded_length: number(row.get(3)?)?,
            wrapped_key: WrappedKey { key_version: number(row.get(4)?)?, bytes: row.get(5)? },
            placements: vec![provider.clone()],
            stored: Timestamp(row.get(6)?),
        };
        parts.push(ScrubPart { tenant: tenant(&row.get::<_, String>(1)?)?, part });
    }
    onward(after, parts.iter().map(|found| found.part.id))?;
    Ok(parts)
}

pub(super) fn doomed(
    db: &Connection,
    provider: &ProviderName,
    after: Option<PartId>,
    most: usize,
) -> Result<Vec<QueuedDeletion>, CatalogError> {
    let mut statement = db.prepare_cached(
        "SELECT part_id, tenant, max(chunks) FROM (
             SELECT * FROM (SELECT part_id, tenant, chunks FROM deletion
                            WHERE part_id > ?1 AND provider = ?2 ORDER BY part_id LIMIT ?3)
             UNION ALL
             SELECT * FROM (SELECT part_id, tenant, chunks FROM second_look
                            WHERE part_id > ?1 AND provider = ?2 ORDER BY part_id LIMIT ?3))
         GROUP BY part_id ORDER BY part_id LIMIT ?3",
    )?;
    let mut rows = statement.query(params![start(after), provider.as_str(), limit(most)])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        parts.push(QueuedDeletion {
            part: part_id(row, 0)?,
            tenant: tenant(&row.get::<_, String>(1)?)?,
            chunks: number(row.get(2)?)?,
            provider: provider.clone(),
            in_doubt: false,
        });
    }
    onward(after, parts.iter().map(|found| found.part))?;
    Ok(parts)
}

pub(super) fn count(db: &Connection, provider: &ProviderName) -> Result<u64, CatalogError> {
    let sql = "SELECT count(*) FROM placement WHERE provider = ?1";
    number(db.prepare_cached(sql)?.query_row([provider.as_str()], |row| row.get(0))?)
}

pub(super) fn round(db: &Connection, provider: &ProviderName) -> Result<Option<ScrubRound>, CatalogError> {
    let mut statement =
        db.prepare_cached("SELECT began, whole, after, looked, parts FROM scrub WHERE provider = ?1")?;
    let mut rows = statement.query([provider.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(ScrubRound {
        began: Timestamp(row.get(0)?),
        whole: row.get::<_, Option<i64>>(1)?.map(Timestamp),
        after: row.get::<_, Option<[u8; 16]>>(2)?.map(PartId),
        looked: number(row.get(3)?)?,
        parts: number(row.get(4)?)?,
    }))
}

pub(super) fn save(
    db: &Connection,
    provider: &ProviderName,
    round: &ScrubRound,
    from: Option<PartId>,
    faults: &[(PartId, ScrubFault)],
) -> Result<ScrubResult, CatalogError> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO scrub (provider, began, whole, after, looked, parts) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        provider.as_str(),
        round.began.0,
        round.whole.map(|whole| whole.0),
        round.after.map(|after| after.0),
        stored(round.looked)?,
        stored(round.parts)?
    ])?;
    let name = provider.as_str();
    let until = round.after.map_or(BEYOND.to_vec(), |after| after.0.to_vec());
    let mut known = db.prepare_cached("SELECT fault FROM scrub_finding WHERE provider = ?1 AND part_id = ?2")?;
    let mut new = Vec::new();
    for (part, fault) in faults {
        let before: Option<String> = known.query_row(params![name, part.0], |row| row.get(0)).optional()?;
        if before.as_deref() != Some(fault.as_str()) {
            new.push((*part, *fault));
        }
    }
    db.prepare_cached("DELETE FROM scrub_finding WHERE provider = ?1 AND part_id > ?2 AND part_id <= ?3")?
        .execute(params![name, start(from), until])?;
    let mut insert =
        db.prepare_cached("INSERT OR REPLACE INTO scrub_finding (provider, part_id, fault) VALUES (?1, ?2, ?3)")?;
    for (part, fault) in faults {
        insert.execute(params![name, part.0, fault.as_str()])?;
    }
    let sql = "SELECT count(*) FROM scrub_finding WHERE provider = ?1";
    let faulty = number(db.prepare_cached(sql)?.query_row([name], |row| row.get(0))?)?;
    Ok(ScrubResult { new, faulty })
}

/// Where the parts behind `after` begin.
fn start(after: Option<PartId>) -> Vec<u8> {
    after.map_or_else(Vec::new, |after| after.0.to_vec())
}
