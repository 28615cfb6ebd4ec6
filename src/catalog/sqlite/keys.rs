//! The canary, tenant keys, and the probe.

use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{number, tenant};
use crate::catalog::{CatalogError, Failure};
use crate::model::{TenantKeyPurpose, WrappedTenantKey};

pub(super) fn canary(db: &Connection) -> Result<Option<Vec<u8>>, CatalogError> {
    let mut statement = db.prepare_cached("SELECT value FROM setting WHERE name = 'canary'")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?)
}

pub(super) fn put_canary(db: &Connection, canary: &[u8]) -> Result<Vec<u8>, CatalogError> {
    db.prepare_cached("INSERT INTO setting (name, value) VALUES ('canary', ?1) ON CONFLICT DO NOTHING")?
        .execute([canary])?;
    self::canary(db)?.ok_or(CatalogError::Failed(Failure::Damaged("the canary is gone")))
}

pub(super) fn tenant_keys(db: &Connection) -> Result<Vec<WrappedTenantKey>, CatalogError> {
    let mut statement = db
        .prepare_cached("SELECT tenant, purpose, version, wrapped FROM tenant_key ORDER BY tenant, purpose, version")?;
    let mut rows = statement.query([])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        let purpose: String = row.get(1)?;
        keys.push(WrappedTenantKey {
            tenant: tenant(&row.get::<_, String>(0)?)?,
            purpose: [TenantKeyPurpose::Wrap, TenantKeyPurpose::Name]
                .into_iter()
                .find(|known| known.as_str() == purpose)
                .ok_or(CatalogError::Failed(Failure::Damaged("a tenant key of unknown purpose")))?,
            version: number(row.get(2)?)?,
            bytes: row.get(3)?,
        });
    }
    Ok(keys)
}

pub(super) fn add_tenant_keys(
    db: &Connection,
    keys: &[WrappedTenantKey],
) -> Result<Vec<WrappedTenantKey>, CatalogError> {
    let mut insert = db.prepare_cached(
        "INSERT INTO tenant_key (tenant, purpose, version, wrapped) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
    )?;
    for key in keys {
        insert.execute(params![key.tenant.as_str(), key.purpose.as_str(), key.version, key.bytes])?;
    }
    tenant_keys(db)
}

/// Writes, so that the commit that follows is a real one.
pub(super) fn probe(db: &Connection) -> Result<(), CatalogError> {
    let sql =
        "INSERT INTO counter (name, value) VALUES ('probe', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1";
    db.prepare_cached(sql)?.execute([])?;
    Ok(())
}
