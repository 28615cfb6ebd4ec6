//! Buckets: what is said of them, and how they go.
//!
//! # Invariants
//! - A bucket that was dropped belongs to no tenant, so nothing finds it by its name; what it holds waits for the purge.
//! - It can be had back until the last of what it retains has had its time, if all that it holds is retained.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows::{bucket_id, bucket_name, going, next_content};
use super::{encoding, ending, leases, rows};
use crate::catalog::{
    Bucket, BucketLine, BucketPage, BucketQuery, BucketRevision, CatalogError, GoneBucket, Refusal, Retained,
};
use crate::model::{BucketRef, Conditions, Timestamp};

/// What [`bucket_of`] reads; begins a statement that goes on with `WHERE`.
const BUCKET: &str = "SELECT bucket.name, bucket.created, bucket.modified, bucket.revision, bucket.metadata,
        bucket.policies, lease.lease_id, lease.duration, lease.expires, lease.breaks
    FROM bucket LEFT JOIN lease ON lease.bucket_id = bucket.bucket_id AND lease.key = x''";

/// Buckets in a list, from a name on; their metadata if ?3.
const LISTED: &str = "SELECT bucket.name, bucket.created, bucket.modified, bucket.revision,
        CASE WHEN ?3 THEN bucket.metadata ELSE '{}' END, '[]', lease.lease_id, lease.duration, lease.expires,
        lease.breaks
    FROM bucket LEFT JOIN lease ON lease.bucket_id = bucket.bucket_id AND lease.key = x''
    WHERE tenant = ?1 AND name >= ?2 ORDER BY name";

/// The same of those that were deleted and can be had back at ?4.
const GONE: &str = "SELECT gone_name, created, modified, revision, CASE WHEN ?3 THEN metadata ELSE '{}' END, '[]',
        NULL, NULL, NULL, NULL, gone, deleted, until
    FROM bucket WHERE gone_tenant = ?1 AND gone_name >= ?2 AND gone IS NOT NULL AND until >= ?4 AND whole = 1
    ORDER BY gone_name, gone";

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
        return Err(CatalogError::Refused(Refusal::BucketExists));
    }
    self::bucket(db, bucket)
}

pub(super) fn bucket(db: &Connection, bucket: &BucketRef) -> Result<Bucket, CatalogError> {
    let mut statement = db.prepare_cached(&format!("{BUCKET} WHERE tenant = ?1 AND name = ?2"))?;
    let mut found = statement.query([bucket.tenant.as_str(), bucket.name.as_str()])?;
    found.next()?.map_or(Err(CatalogError::Refused(Refusal::NoSuchBucket)), bucket_of)
}

/// A page of a tenant's buckets, of at most `most` rows.
pub(super) fn page(db: &Connection, query: &BucketQuery, most: usize) -> Result<BucketPage, CatalogError> {
    let after = query.after.as_ref().map_or("", |(name, _)| name.as_str());
    let (tenant, from) = (query.tenant.as_str(), after.max(&query.prefix));
    let mut there = db.prepare_cached(LISTED)?;
    let there = there.query(params![tenant, from, query.with_user_metadata])?;
    // Where they are not asked for, none is read.
    let mut gone = db.prepare_cached(GONE)?;
    let gone = gone.query(params![tenant, from, query.with_user_metadata, Timestamp::steady().0])?;
    let gone = gone.and_then(|row| gone_of(row).map(BucketLine::Gone)).take(if query.gone { usize::MAX } else { 0 });
    BucketPage::of(there.and_then(|row| bucket_of(row).map(BucketLine::There)), gone, query, most)
}

pub(super) fn delete(db: &Connection, bucket: &BucketRef, retention: Option<Duration>) -> Result<(), CatalogError> {
    let id = bucket_id(db, bucket)?;
    leases::guard_write(db, id, &[], None)?;
    // Where there is no object, no snapshot is there.
    let used = concat!(
        "SELECT EXISTS (SELECT 1 FROM object WHERE bucket_id = ?1)
            OR EXISTS (SELECT 1 FROM upload WHERE bucket_id = ?1)
            OR EXISTS (SELECT 1 FROM uncommitted WHERE bucket_id = ?1 AND key < ",
        going!(),
        ")"
    );
    if db.prepare_cached(used)?.query_row([id], |row| row.get::<_, bool>(0))? {
        return Err(CatalogError::Refused(Refusal::BucketNotEmpty));
    }
    // Large sets of blocks that were dropped, and many snapshots, go in steps.
    let left = "SELECT EXISTS (SELECT 1 FROM uncommitted WHERE bucket_id = ?1)";
    let left = db.prepare_cached(left)?.query_row([id], |row| row.get::<_, bool>(0))? || ending::any(db, id)?;
    set_aside(db, bucket, id, retention, !left)
}

pub(super) fn drop_bucket(
    db: &Connection,
    bucket: &BucketRef,
    conditions: &Conditions,
    retention: Option<Duration>,
) -> Result<(), CatalogError> {
    let id = bucket_id(db, bucket)?;
    leases::guard_write(db, id, &[], conditions.lease.as_deref())?;
    self::bucket(db, bucket)?.check_write(conditions)?;
    set_aside(db, bucket, id, retention, retention.is_some())
}

pub(super) fn restore(db: &Connection, bucket: &BucketRef, id: i64) -> Result<Bucket, CatalogError> {
    let (tenant, name) = (bucket.tenant.as_str(), bucket.name.as_str());
    let sql = "SELECT bucket_id FROM bucket WHERE tenant = '' AND until >= ?1 AND whole = 1 AND gone_tenant = ?2
                   AND gone_name = ?3 AND gone = ?4";
    let meant = params![Timestamp::steady().0, tenant, name, id];
    let row: Option<i64> = db.prepare_cached(sql)?.query_row(meant, |row| row.get(0)).optional()?;
    let row = row.ok_or(CatalogError::Refused(Refusal::NoSuchBucket))?;
    if bucket_id(db, bucket).is_ok() {
        return Err(CatalogError::Refused(Refusal::BucketExists));
    }
    let sql = "UPDATE bucket SET tenant = ?2, name = ?3, gone = NULL, gone_tenant = NULL, gone_name = NULL,
                   deleted = NULL, until = NULL WHERE bucket_id = ?1";
    db.prepare_cached(sql)?.execute(params![row, tenant, name])?;
    self::bucket(db, bucket)
}

pub(super) fn revise(
    db: &Connection,
    bucket: &BucketRef,
    revision: &BucketRevision,
    conditions: &Conditions,
    at: Timestamp,
) -> Result<Bucket, CatalogError> {
    let id = bucket_id(db, bucket)?;
    leases::guard_read(db, id, &[], conditions.lease.as_deref())?;
    self::bucket(db, bucket)?.check_write(conditions)?;
    let (sql, text) = match revision {
        BucketRevision::User(user) => {
            let sql =
                "UPDATE bucket SET modified = max(modified, ?2), revision = ?3, metadata = ?4 WHERE bucket_id = ?1";
            (sql, encoding::write_user(user)?)
        }
        BucketRevision::Policies(policies) => {
            let sql =
                "UPDATE bucket SET modified = max(modified, ?2), revision = ?3, policies = ?4 WHERE bucket_id = ?1";
            (sql, encoding::write_policies(policies)?)
        }
    };
    let number = next_content(db)?;
    db.prepare_cached(sql)?.execute(params![id, at.0, number, text])?;
    self::bucket(db, bucket)
}

/// A bucket that was dropped, if any waits to be emptied; whether all of it goes, or only what is not retained.
pub(super) fn dropped(db: &Connection, now: Timestamp) -> Result<Option<(i64, bool)>, CatalogError> {
    let sql = "SELECT bucket_id, until IS NULL OR until < ?1 FROM bucket
               WHERE tenant = '' AND (until IS NULL OR until < ?1 OR whole = 0) ORDER BY name LIMIT 1";
    let found = db.prepare_cached(sql)?.query_row([now.0], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(found.optional()?)
}

/// What a dropped bucket holds is all retained now.
pub(super) fn is_whole(db: &Connection, id: i64) -> Result<(), CatalogError> {
    db.prepare_cached("UPDATE bucket SET whole = 1 WHERE bucket_id = ?1")?.execute([id])?;
    Ok(())
}

/// Removes a bucket that holds nothing any more.
pub(super) fn remove(db: &Connection, id: i64) -> Result<(), CatalogError> {
    ending::forget(db, id)?;
    db.prepare_cached("DELETE FROM lease WHERE bucket_id = ?1")?.execute([id])?;
    db.prepare_cached("DELETE FROM bucket WHERE bucket_id = ?1")?.execute([id])?;
    Ok(())
}

/// Takes a bucket from its tenant, to be had back or for the purge to empty. `whole`: all that it holds is retained.
fn set_aside(
    db: &Connection,
    bucket: &BucketRef,
    id: i64,
    retention: Option<Duration>,
    whole: bool,
) -> Result<(), CatalogError> {
    leases::remove(db, id, &[])?;
    let last = "SELECT max(until) FROM past WHERE bucket_id = ?1 AND until IS NOT NULL";
    let last: Option<i64> = db.prepare_cached(last)?.query_row([id], |row| row.get(0))?;
    let until = retention.map(|retention| Timestamp::steady().plus(retention).0).max(last);
    if until.is_none() && whole {
        return remove(db, id);
    }
    let sql = "UPDATE bucket SET tenant = '', name = CAST(bucket_id AS TEXT), gone_tenant = ?2, gone_name = ?3,
                   deleted = ?4, until = ?5, whole = ?6, gone = ?7 WHERE bucket_id = ?1";
    let (tenant, name, gone) = (bucket.tenant.as_str(), bucket.name.as_str(), next_content(db)?);
    db.prepare_cached(sql)?.execute(params![id, tenant, name, Timestamp::now().0, until, whole, gone])?;
    Ok(())
}

fn gone_of(row: &Row<'_>) -> Result<GoneBucket, CatalogError> {
    Ok(GoneBucket {
        id: row.get(10)?,
        bucket: bucket_of(row)?,
        retained: Retained { deleted: Timestamp(row.get(11)?), until: Timestamp(row.get(12)?) },
    })
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
