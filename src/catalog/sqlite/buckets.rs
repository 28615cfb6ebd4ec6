//! Buckets: what is said of them, and how they go.
//!
//! # Invariants
//! - A bucket that was dropped belongs to no tenant, so nothing finds it by its name; what it holds waits for the purge.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows::{bucket_id, bucket_name, next_content};
use super::{encoding, leases, rows};
use crate::catalog::{Bucket, BucketRevision, CatalogError};
use crate::model::{BucketRef, Conditions, TenantId, Timestamp};

/// What [`bucket_of`] reads; begins a statement that goes on with `WHERE`.
const BUCKET: &str = "SELECT bucket.name, bucket.created, bucket.modified, bucket.revision, bucket.metadata,
        bucket.policies, lease.lease_id, lease.duration, lease.expires, lease.breaks
    FROM bucket LEFT JOIN lease ON lease.bucket_id = bucket.bucket_id AND lease.key = x''";

pub(super) fn create(
    db: &Connection,
    bucket: &BucketRef,
    created: Timestamp,
    user: &BTreeMap<String, String>,
) -> Result<Bucket, CatalogError> {
    let revision = next_content(db)?;
    let sql = "INSERT INTO bucket (tenant, name, created, modified, revision, metadata)
               VALUES (?1, ?2, ?3, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    let added = db.prepare_cached(sql)?.execute(params![
        bucket.tenant.as_str(),
        bucket.name.as_str(),
        created.0,
        revision,
        encoding::write_user(user)?
    ])?;
    if added == 0 {
        return Err(CatalogError::BucketExists);
    }
    self::bucket(db, bucket)
}

pub(super) fn bucket(db: &Connection, bucket: &BucketRef) -> Result<Bucket, CatalogError> {
    let mut statement = db.prepare_cached(&format!("{BUCKET} WHERE tenant = ?1 AND name = ?2"))?;
    let mut found = statement.query([bucket.tenant.as_str(), bucket.name.as_str()])?;
    found.next()?.map_or(Err(CatalogError::NoSuchBucket), bucket_of)
}

pub(super) fn buckets(db: &Connection, tenant: &TenantId) -> Result<Vec<Bucket>, CatalogError> {
    let mut statement = db.prepare_cached(&format!("{BUCKET} WHERE tenant = ?1 ORDER BY name"))?;
    let mut found = statement.query([tenant.as_str()])?;
    let mut buckets = Vec::new();
    while let Some(row) = found.next()? {
        buckets.push(bucket_of(row)?);
    }
    Ok(buckets)
}

pub(super) fn delete(db: &Connection, bucket: &BucketRef) -> Result<(), CatalogError> {
    let id = bucket_id(db, bucket)?;
    leases::guard_write(db, id, &[], None)?;
    let used = "SELECT EXISTS (SELECT 1 FROM object WHERE bucket_id = ?1)
        OR EXISTS (SELECT 1 FROM upload WHERE bucket_id = ?1)
        OR EXISTS (SELECT 1 FROM uncommitted WHERE bucket_id = ?1 AND key < x'ff')
        OR EXISTS (SELECT 1 FROM past WHERE bucket_id = ?1 AND deleted IS NULL)";
    if db.prepare_cached(used)?.query_row([id], |row| row.get::<_, bool>(0))? {
        return Err(CatalogError::BucketNotEmpty);
    }
    let retained = "SELECT EXISTS (SELECT 1 FROM past WHERE bucket_id = ?1)
        OR EXISTS (SELECT 1 FROM uncommitted WHERE bucket_id = ?1)";
    if db.prepare_cached(retained)?.query_row([id], |row| row.get::<_, bool>(0))? {
        return set_aside(db, id);
    }
    remove(db, id)
}

pub(super) fn drop_bucket(db: &Connection, bucket: &BucketRef, conditions: &Conditions) -> Result<(), CatalogError> {
    let id = bucket_id(db, bucket)?;
    self::bucket(db, bucket)?.check_write(conditions)?;
    leases::guard_write(db, id, &[], conditions.lease.as_deref())?;
    set_aside(db, id)
}

pub(super) fn revise(
    db: &Connection,
    bucket: &BucketRef,
    revision: &BucketRevision,
    conditions: &Conditions,
    at: Timestamp,
) -> Result<Bucket, CatalogError> {
    let id = bucket_id(db, bucket)?;
    self::bucket(db, bucket)?.check_write(conditions)?;
    leases::guard_read(db, id, &[], conditions.lease.as_deref())?;
    let (sql, text) = match revision {
        BucketRevision::User(user) => {
            let sql = "UPDATE bucket SET modified = ?2, revision = ?3, metadata = ?4 WHERE bucket_id = ?1";
            (sql, encoding::write_user(user)?)
        }
        BucketRevision::Policies(policies) => {
            let sql = "UPDATE bucket SET modified = ?2, revision = ?3, policies = ?4 WHERE bucket_id = ?1";
            (sql, encoding::write_policies(policies)?)
        }
    };
    let number = next_content(db)?;
    db.prepare_cached(sql)?.execute(params![id, at.0, number, text])?;
    self::bucket(db, bucket)
}

/// A bucket that was dropped, if any waits to be emptied.
pub(super) fn dropped(db: &Connection) -> Result<Option<i64>, CatalogError> {
    let sql = "SELECT bucket_id FROM bucket WHERE tenant = '' ORDER BY name LIMIT 1";
    Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?)
}

/// Removes a bucket that holds nothing any more.
pub(super) fn remove(db: &Connection, id: i64) -> Result<(), CatalogError> {
    db.prepare_cached("DELETE FROM lease WHERE bucket_id = ?1")?.execute([id])?;
    db.prepare_cached("DELETE FROM bucket WHERE bucket_id = ?1")?.execute([id])?;
    Ok(())
}

/// Takes a bucket from its tenant, for the purge to empty.
fn set_aside(db: &Connection, id: i64) -> Result<(), CatalogError> {
    db.prepare_cached("UPDATE bucket SET tenant = '', name = CAST(bucket_id AS TEXT) WHERE bucket_id = ?1")?
        .execute([id])?;
    Ok(())
}

fn bucket_of(row: &Row<'_>) -> Result<Bucket, CatalogError> {
    Ok(Bucket {
        name: bucket_name(&row.get::<_, String>(0)?)?,
        created: Timestamp(row.get(1)?),
        modified: Timestamp(row.get(2)?),
        revision: row.get(3)?,
        user: encoding::read_user(&row.get::<_, String>(4)?)?,
        policies: encoding::read_policies(&row.get::<_, String>(5)?)?,
        lease: rows::lease(row, 6)?,
    })
}
