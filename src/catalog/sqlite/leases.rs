//! Leases of objects and buckets: one row for each that was acquired and not released.
//!
//! # Invariants
//! - A lease goes with its object. A write under a lease that has ended removes it.

use rusqlite::{Connection, params};

use super::rows::{self, bucket_id};
use super::{buckets, objects};
use crate::catalog::{CatalogError, Refusal};
use crate::model::{BucketRef, Conditions, ETag, Lease, LeaseAction, LeaseOutcome, ObjectKey, Timestamp};

/// The lease under a name, whatever became of it. An empty name is the bucket.
pub(super) fn of(db: &Connection, bucket: i64, key: &[u8]) -> Result<Option<Lease>, CatalogError> {
    let sql = "SELECT lease_id, duration, expires, breaks FROM lease WHERE bucket_id = ?1 AND key = ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut found = statement.query(params![bucket, key])?;
    found.next()?.map_or(Ok(None), |row| rows::lease(row, 0))
}

/// Refuses a write that the lease forbids; returns the lease that goes on.
pub(super) fn guard_write(
    db: &Connection,
    bucket: i64,
    key: &[u8],
    given: Option<&str>,
) -> Result<Option<Lease>, CatalogError> {
    let lease = of(db, bucket, key)?;
    if lease.is_none() && given.is_none() {
        return Ok(None);
    }
    let now = Timestamp::steady();
    Lease::guard_write(lease.as_ref(), given, now)?;
    if lease.as_ref().is_some_and(|lease| !lease.is_active(now)) {
        remove(db, bucket, key)?;
        return Ok(None);
    }
    Ok(lease)
}

/// Refuses what names a lease that is not there.
pub(super) fn guard_read(db: &Connection, bucket: i64, key: &[u8], given: Option<&str>) -> Result<(), CatalogError> {
    if given.is_some() {
        Lease::guard_read(of(db, bucket, key)?.as_ref(), given, Timestamp::steady())?;
    }
    Ok(())
}

pub(super) fn remove(db: &Connection, bucket: i64, key: &[u8]) -> Result<(), CatalogError> {
    db.prepare_cached("DELETE FROM lease WHERE bucket_id = ?1 AND key = ?2")?.execute(params![bucket, key])?;
    Ok(())
}

pub(super) fn act(
    db: &Connection,
    bucket: &BucketRef,
    key: Option<&ObjectKey>,
    action: &LeaseAction,
    conditions: &Conditions,
    now: Timestamp,
) -> Result<(LeaseOutcome, ETag, Timestamp), CatalogError> {
    let id = bucket_id(db, bucket)?;
    let (current, tag, modified) = match key {
        Some(key) => {
            let version = objects::current(db, id, key)?;
            version.check_write(conditions).map_err(|_unmet| CatalogError::Refused(Refusal::PreconditionFailed))?;
            (version.lease.clone(), version.state_tag(), version.modified)
        }
        None => {
            let bucket = buckets::bucket(db, bucket)?;
            bucket.check_write(conditions)?;
            (bucket.lease.clone(), bucket.state_tag(), bucket.modified)
        }
    };
    let outcome = Lease::act(current.as_ref(), action, now)?;
    let name = key.map_or(&[][..], ObjectKey::as_bytes);
    match &outcome.lease {
        None => remove(db, id, name)?,
        Some(lease) => {
            let sql = "INSERT OR REPLACE INTO lease (bucket_id, key, lease_id, duration, expires, breaks)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            db.prepare_cached(sql)?.execute(params![
                id,
                name,
                lease.id,
                lease.duration_seconds,
                lease.expires.map(|at| at.0),
                lease.breaks.map(|at| at.0)
            ])?;
        }
    }
    Ok((outcome, tag, modified))
}
