//! What clients have, held against what they may have, at the end of each write.
//!
//! # Invariants
//! - `usage` is kept by triggers (`0004_edges.sql`); the audit counts again.
//! - What a write changed of it is known from tables of this connection only, which go back with the write when it is undone.

use rusqlite::{Connection, Row, params};

use super::rows::number;
use crate::catalog::CatalogError;
use crate::model::{ClientId, Quota, Usage};

/// For the writer's connection: the quotas, and what clients had before the write that is under way. What an `INSERT OR REPLACE`
/// replaces is counted, too (`recursive_triggers`). The first change of a write counts as before it; an `OR IGNORE` would not say
/// so, for the policy of the statement that fires a trigger holds in it.
const TABLES: &str = "PRAGMA temp_store = MEMORY;
    PRAGMA recursive_triggers = ON;
    CREATE TEMP TABLE quota (client TEXT NOT NULL PRIMARY KEY, bytes INTEGER, objects INTEGER, uploads INTEGER)
        STRICT, WITHOUT ROWID;
    CREATE TEMP TABLE had (client TEXT NOT NULL PRIMARY KEY, bytes INTEGER NOT NULL, objects INTEGER NOT NULL,
        uploads INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TEMP TRIGGER first_use AFTER INSERT ON main.usage
        WHEN EXISTS (SELECT 1 FROM quota WHERE client = NEW.client)
            AND NOT EXISTS (SELECT 1 FROM had WHERE client = NEW.client)
        BEGIN INSERT INTO had VALUES (NEW.client, 0, 0, 0); END;
    CREATE TEMP TRIGGER other_use AFTER UPDATE ON main.usage
        WHEN EXISTS (SELECT 1 FROM quota WHERE client = NEW.client)
            AND NOT EXISTS (SELECT 1 FROM had WHERE client = NEW.client)
        BEGIN INSERT INTO had VALUES (OLD.client, OLD.bytes, OLD.objects, OLD.uploads); END;";

pub(super) fn prepare(db: &Connection) -> Result<(), CatalogError> {
    Ok(db.execute_batch(TABLES)?)
}

pub(super) fn set(db: &Connection, quotas: &[(ClientId, Quota)]) -> Result<(), CatalogError> {
    db.prepare_cached("DELETE FROM temp.quota")?.execute([])?;
    let mut insert = db.prepare_cached("INSERT INTO temp.quota VALUES (?1, ?2, ?3, ?4)")?;
    for (client, quota) in quotas.iter().filter(|(_, quota)| !quota.is_unlimited()) {
        // More than can be stored is no limit.
        let most = |most: Option<u64>| most.and_then(|most| i64::try_from(most).ok());
        insert.execute(params![client.as_str(), most(quota.bytes), most(quota.objects), most(quota.uploads)])?;
    }
    Ok(())
}

/// A write that is refused if it gave a client more than it may have.
pub(super) fn within<T>(
    job: impl FnOnce(&Connection) -> Result<T, CatalogError>,
) -> impl FnOnce(&Connection) -> Result<T, CatalogError> {
    move |db| {
        let done = job(db)?;
        check(db)?;
        Ok(done)
    }
}

/// Refuses the write that is under way if it gave a client more than it may have.
fn check(db: &Connection) -> Result<(), CatalogError> {
    let sql = "SELECT had.bytes, had.objects, had.uploads, usage.bytes, usage.objects, usage.uploads,
                   quota.bytes, quota.objects, quota.uploads
               FROM temp.had JOIN main.usage USING (client) JOIN temp.quota USING (client)";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut touched = false;
    while let Some(row) = rows.next()? {
        touched = true;
        let quota = Quota { bytes: most(row, 6)?, objects: most(row, 7)?, uploads: most(row, 8)? };
        if quota.refuses(used(row, 0)?, used(row, 3)?) {
            return Err(CatalogError::QuotaExceeded);
        }
    }
    if touched {
        db.prepare_cached("DELETE FROM temp.had")?.execute([])?;
    }
    Ok(())
}

pub(super) fn usage(db: &Connection) -> Result<Vec<(ClientId, Usage)>, CatalogError> {
    let mut statement = db.prepare_cached("SELECT bytes, objects, uploads, client FROM usage ORDER BY client")?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let client = ClientId::parse(&row.get::<_, String>(3)?);
        all.push((client.map_err(|_invalid| CatalogError::Damaged("an invalid client"))?, used(row, 0)?));
    }
    Ok(all)
}

fn used(row: &Row<'_>, first: usize) -> Result<Usage, CatalogError> {
    Ok(Usage {
        bytes: number(row.get(first)?)?,
        objects: number(row.get(first + 1)?)?,
        uploads: number(row.get(first + 2)?)?,
    })
}

fn most(row: &Row<'_>, column: usize) -> Result<Option<u64>, CatalogError> {
    row.get::<_, Option<i64>>(column)?.map(number).transpose()
}
