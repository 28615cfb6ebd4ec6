//! Changes of a version in its place: properties, appended bytes, runs of slices that become one.

use rusqlite::Connection;

use super::objects::{self, Current};
use super::rows::{bucket_id, next_content};
use super::{leases, past, slices, tags};
use crate::catalog::{Appended, CatalogError, NewAppend, ObjectRef, Refusal, Revision, RunMerge, Version, Which};
use crate::model::{Conditions, Lease, Timestamp};

pub(super) fn revise(
    db: &Connection,
    object: &ObjectRef,
    revision: &Revision,
    conditions: &Conditions,
    at: Timestamp,
) -> Result<Version, CatalogError> {
    let bucket = bucket_id(db, &object.bucket)?;
    let mut version = past::at(db, bucket, object)?;
    let key = object.key.as_bytes();
    let given = conditions.lease.as_deref();
    if object.which != Which::Current {
        Lease::guard_write(None, given, Timestamp(0))?;
    } else {
        version.lease = leases::guard_write(db, bucket, key, given)?;
    }
    version.check_write(conditions).map_err(|_unmet| CatalogError::Refused(Refusal::PreconditionFailed))?;
    version.guard_archive(conditions)?;
    if revision.apply(&mut version)? {
        version.metadata.created.get_or_insert(version.modified);
        version.modified = version.modified.max(at);
        version.revision = next_content(db)?;
    }
    objects::rewrite(db, &version)?;
    if object.which == Which::Current {
        if matches!(revision, Revision::Tags(_)) {
            let before = Current::of(db, bucket, &object.key)?.and_then(|current| current.tags);
            tags::forget(db, bucket, key, before.as_deref())?;
            tags::remember(db, bucket, key, &version.metadata.tags)?;
        }
        objects::show(db, bucket, &version)?;
    }
    Ok(version)
}

pub(super) fn append(db: &Connection, append: &NewAppend, grace_until: Timestamp) -> Result<Appended, CatalogError> {
    let bucket = bucket_id(db, &append.bucket)?;
    let mut version = objects::current(db, bucket, &append.key)?;
    version.lease = leases::guard_write(db, bucket, append.key.as_bytes(), append.conditions.lease.as_deref())?;
    version.check_write(&append.conditions).map_err(|_unmet| CatalogError::Refused(Refusal::PreconditionFailed))?;
    version.guard_archive(&append.conditions)?;
    let offset = version.length;
    append.apply(&mut version)?;
    version.revision = next_content(db)?;
    let slices = slices::append(db, version.id.0, offset, (&append.part, &append.bucket.tenant), grace_until)?;
    objects::rewrite(db, &version)?;
    objects::show(db, bucket, &version)?;
    Ok(Appended { version, offset, slices })
}

pub(super) fn merge(db: &Connection, merge: &RunMerge, grace_until: Timestamp) -> Result<(), CatalogError> {
    let bucket = bucket_id(db, &merge.bucket)?;
    let current = match objects::current(db, bucket, &merge.key) {
        Err(CatalogError::Refused(Refusal::NoSuchKey)) => return Err(CatalogError::Refused(Refusal::SourceChanged)),
        current => current?,
    };
    if current.id != merge.version || merge.range.end > current.length {
        return Err(CatalogError::Refused(Refusal::SourceChanged));
    }
    let part = (&merge.part, &merge.bucket.tenant);
    slices::replace_run(db, (merge.version.0, current.length), merge.range, &merge.parts, part, grace_until)
}
