//! What clients have and buckets hold, held against what they may, at the end of each write.
//!
//! # Invariants
//! - `usage` and `bucket_usage` are kept by triggers (`0004_edges.sql`); the audit counts again.
//! - What a write changed of it is known from tables of this connection only, which go back with the write when it is undone.

use rusqlite::{Connection, Row, params};

use super::rows::number;
use crate::catalog::{CatalogError, Failure, Refusal};
use crate::model::{BucketRef, ClientId, Quota, Quotas, Usage};

/// For the writer's connection: the quotas, and what clients and buckets had before the write that is under way. What an `INSERT OR REPLACE`
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
        BEGIN INSERT INTO had VALUES (OLD.client, OLD.bytes, OLD.objects, OLD.uploads); END;
    CREATE TEMP TABLE bucket_quota (tenant TEXT NOT NULL, name TEXT NOT NULL, bytes INTEGER, objects INTEGER,
        uploads INTEGER, PRIMARY KEY (tenant, name)) STRICT, WITHOUT ROWID;
    CREATE TEMP TABLE bucket_had (bucket_id INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, objects INTEGER NOT NULL,
        uploads INTEGER NOT NULL) STRICT;
    CREATE TEMP TRIGGER first_holding AFTER INSERT ON main.bucket_usage
        WHEN EXISTS (SELECT 1 FROM main.bucket JOIN bucket_quota USING (tenant, name) WHERE bucket_id = NEW.bucket_id)
            AND NOT EXISTS (SELECT 1 FROM bucket_had WHERE bucket_id = NEW.bucket_id)
        BEGIN INSERT INTO bucket_had VALUES (NEW.bucket_id, 0, 0, 0); END;
    CREATE TEMP TRIGGER other_holding AFTER UPDATE ON main.bucket_usage
        WHEN EXISTS (SELECT 1 FROM main.bucket JOIN bucket_quota USING (tenant, name) WHERE bucket_id = NEW.bucket_id)
            AND NOT EXISTS (SELECT 1 FROM bucket_had WHERE bucket_id = NEW.bucket_id)
        BEGIN INSERT INTO bucket_had VALUES (OLD.bucket_id, OLD.bytes, OLD.objects, OLD.uploads); END;";

pub(super) fn prepare(db: &Connection) -> Result<(), CatalogError> {
    Ok(db.execute_batch(TABLES)?)
}

pub(super) fn set(db: &Connection, quotas: &Quotas) -> Result<(), CatalogError> {
    // More than can be stored is no limit.
    let most = |most: Option<u64>| most.and_then(|most| i64::try_from(most).ok());
    db.prepare_cached("DELETE FROM temp.quota")?.execute([])?;
    let mut insert = db.prepare_cached("INSERT INTO temp.quota VALUES (?1, ?2, ?3, ?4)")?;
    for (client, quota) in quotas.clients.iter().filter(|(_, quota)| !quota.is_unlimited()) {
        insert.execute(params![client.as_str(), most(quota.bytes), most(quota.objects), most(quota.uploads)])?;
    }
    db.prepare_cached("DELETE FROM temp.bucket_quota")?.execute([])?;
    let mut insert = db.prepare_cached("INSERT INTO temp.bucket_quota VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (bucket, quota) in quotas.buckets.iter().filter(|(_, quota)| !quota.is_unlimited()) {
        let (tenant, name) = (bucket.tenant.as_str(), bucket.name.as_str());
        insert.execute(params![tenant, name, most(quota.bytes), most(quota.objects), most(quota.uploads)])?;
    }
    Ok(())
}

/// A write that is refused if it gave a client or a bucket more than it may have.
pub(super) fn within<T>(
    job: impl FnOnce(&Connection) -> Result<T, CatalogError>,
) -> impl FnOnce(&Connection) -> Result<T, CatalogError> {
    move |db| {
        let done = job(db)?;
        check(db)?;
        Ok(done)
    }
}

/// Refuses the write that is under way if it gave a client or a bucket more than it may have.
fn check(db: &Connection) -> Result<(), CatalogError> {
    let of_clients = "SELECT had.bytes, had.objects, had.uploads, usage.bytes, usage.objects, usage.uploads,
            quota.bytes, quota.objects, quota.uploads
        FROM temp.had JOIN main.usage USING (client) JOIN temp.quota USING (client)";
    if refuses(db, of_clients)? {
        db.prepare_cached("DELETE FROM temp.had")?.execute([])?;
    }
    let of_buckets = "SELECT had.bytes, had.objects, had.uploads, usage.bytes, usage.objects, usage.uploads,
            quota.bytes, quota.objects, quota.uploads
        FROM temp.bucket_had AS had LEFT JOIN main.bucket_usage AS usage USING (bucket_id)
            LEFT JOIN main.bucket USING (bucket_id)
            LEFT JOIN temp.bucket_quota AS quota ON quota.tenant = bucket.tenant AND quota.name = bucket.name";
    if refuses(db, of_buckets)? {
        db.prepare_cached("DELETE FROM temp.bucket_had")?.execute([])?;
    }
    Ok(())
}

/// Holds what was had before the write (three columns) against what is had now and may be had; `Ok(true)`: there was some.
fn refuses(db: &Connection, sql: &str) -> Result<bool, CatalogError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut touched = false;
    while let Some(row) = rows.next()? {
        touched = true;
        let quota = Quota { bytes: most(row, 6)?, objects: most(row, 7)?, uploads: most(row, 8)? };
        if quota.refuses(used(row, 0)?, used(row, 3)?) {
            return Err(CatalogError::Refused(Refusal::QuotaExceeded));
        }
    }
    Ok(touched)
}

pub(super) fn usage(db: &Connection) -> Result<Vec<(ClientId, Usage)>, CatalogError> {
    let mut statement = db.prepare_cached("SELECT bytes, objects, uploads, client FROM usage ORDER BY client")?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let client = ClientId::parse(&row.get::<_, String>(3)?);
        all.push((
            client.map_err(|_invalid| CatalogError::Failed(Failure::Damaged("an invalid client")))?,
            used(row, 0)?,
        ));
    }
    Ok(all)
}

pub(super) fn usage_of_buckets(db: &Connection, buckets: &[BucketRef]) -> Result<Vec<Usage>, CatalogError> {
    let sql = "SELECT bytes, objects, uploads FROM bucket_usage JOIN bucket USING (bucket_id)
               WHERE tenant = ?1 AND name = ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut of = |bucket: &BucketRef| {
        let mut rows = statement.query([bucket.tenant.as_str(), bucket.name.as_str()])?;
        rows.next()?.map_or(Ok(Usage::default()), |row| used(row, 0))
    };
    buckets.iter().map(&mut of).collect()
}

/// Three columns; what is not there is nothing.
fn used(row: &Row<'_>, first: usize) -> Result<Usage, CatalogError> {
    Ok(Usage {
        bytes: most(row, first)?.unwrap_or_default(),
        objects: most(row, first + 1)?.unwrap_or_default(),
        uploads: most(row, first + 2)?.unwrap_or_default(),
    })
}

fn most(row: &Row<'_>, column: usize) -> Result<Option<u64>, CatalogError> {
    row.get::<_, Option<i64>>(column)?.map(number).transpose()
}
