//! Changes of versions in their place: properties, tags, appended bytes; snapshots; deletions with rules.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::objects::{self, Current, Disposal};
use super::rows::{bucket_id, next_content};
use super::{leases, past, slices, tags};
use crate::catalog::{
    Appended, CatalogError, Deletion, MOST_BLOCKS, NewAppend, ObjectRef, Revision, RunMerge, SnapshotRule, Version,
};
use crate::model::{BucketRef, Conditions, ObjectKey, SnapshotId, Timestamp};

/// The version that is meant.
pub(super) fn head(db: &Connection, object: &ObjectRef) -> Result<Version, CatalogError> {
    let bucket = bucket_id(db, &object.bucket)?;
    match object.snapshot {
        None => objects::current(db, bucket, &object.key),
        Some(id) => past::head(db, bucket, &object.key, id),
    }
}

pub(super) fn revise(
    db: &Connection,
    object: &ObjectRef,
    revision: &Revision,
    conditions: &Conditions,
    at: Timestamp,
) -> Result<Version, CatalogError> {
    let bucket = bucket_id(db, &object.bucket)?;
    let mut version = head(db, object)?;
    version.check_write(conditions).map_err(|_unmet| CatalogError::PreconditionFailed)?;
    let key = object.key.as_bytes();
    if object.snapshot.is_none() {
        version.lease = leases::guard_write(db, bucket, key, conditions.lease.as_deref())?;
    } else if !matches!(revision, Revision::Tags(_) | Revision::Tier(_)) {
        return Err(CatalogError::WrongKind);
    }
    match revision {
        Revision::User(user) => version.metadata.user.clone_from(user),
        Revision::Headers { system, shown_md5 } => {
            let old = std::mem::replace(&mut version.metadata.system, (**system).clone());
            version.metadata.system.expires = old.expires;
            version.metadata.system.website_redirect = old.website_redirect;
            version.metadata.system.storage_class = old.storage_class;
            version.metadata.shown_md5 = *shown_md5;
        }
        Revision::Tags(tags) => version.metadata.tags.clone_from(tags),
        Revision::Tier(tier) => version.metadata.tier.clone_from(tier),
        Revision::Close { length } => {
            let state = version.metadata.append.as_mut().ok_or(CatalogError::WrongKind)?;
            if length.is_some_and(|length| length != version.length) {
                return Err(CatalogError::AppendPosition);
            }
            state.closed = true;
        }
    }
    if !matches!(revision, Revision::Tags(_) | Revision::Tier(_)) {
        version.revision = next_content(db)?;
        version.modified = at;
    }
    objects::rewrite(db, &version)?;
    if object.snapshot.is_none() {
        if let Revision::Tags(new) = revision {
            let old = Current::of(db, bucket, &object.key)?.and_then(|current| current.tags);
            tags::forget(db, bucket, key, old.as_deref())?;
            tags::remember(db, bucket, key, new)?;
        }
        objects::show(db, bucket, &version)?;
    }
    Ok(version)
}

pub(super) fn append(db: &Connection, new: &NewAppend) -> Result<Appended, CatalogError> {
    let bucket = bucket_id(db, &new.bucket)?;
    let mut version = objects::current(db, bucket, &new.key)?;
    version.check_write(&new.conditions).map_err(|_unmet| CatalogError::PreconditionFailed)?;
    version.lease = leases::guard_write(db, bucket, new.key.as_bytes(), new.conditions.lease.as_deref())?;
    let state = version.metadata.append.as_mut().ok_or(CatalogError::WrongKind)?;
    if state.closed {
        return Err(CatalogError::AppendClosed);
    }
    let offset = version.length;
    if new.position.is_some_and(|position| position != offset) {
        return Err(CatalogError::AppendPosition);
    }
    let length = offset.saturating_add(new.part.length);
    if new.most_bytes.is_some_and(|most| length > most) {
        return Err(CatalogError::AppendLength);
    }
    if usize::try_from(state.blocks).unwrap_or(usize::MAX) >= MOST_BLOCKS {
        return Err(CatalogError::TooManyBlocks);
    }
    state.blocks += 1;
    let slices = slices::append(db, version.id.0, offset, &new.part, &new.bucket.tenant)?;
    version.length = length;
    version.etag.clone_from(&new.etag);
    version.modified = new.modified;
    version.revision = next_content(db)?;
    // What was known of the bytes before is known no longer.
    version.metadata.content_md5 = None;
    version.metadata.checksums.clear();
    objects::rewrite(db, &version)?;
    objects::show(db, bucket, &version)?;
    Ok(Appended { version, offset, slices })
}

pub(super) fn merge_run(db: &Connection, merge: &RunMerge, grace_until: Timestamp) -> Result<(), CatalogError> {
    let bucket = bucket_id(db, &merge.bucket)?;
    let current = Current::of(db, bucket, &merge.key)?;
    if current.is_none_or(|current| current.version != merge.version.0) {
        return Err(CatalogError::SourceChanged);
    }
    let part = (&merge.part, &merge.bucket.tenant);
    slices::replace_run(db, merge.version.0, merge.range, &merge.parts, part, grace_until)
}

pub(super) fn snapshot(
    db: &Connection,
    bucket: &BucketRef,
    key: &ObjectKey,
    user: Option<&BTreeMap<String, String>>,
    conditions: &Conditions,
    taken: SnapshotId,
) -> Result<Version, CatalogError> {
    let id = bucket_id(db, bucket)?;
    let mut version = objects::current(db, id, key)?;
    version.check_write(conditions).map_err(|_unmet| CatalogError::PreconditionFailed)?;
    leases::guard_read(db, id, key.as_bytes(), conditions.lease.as_deref())?;
    if let Some(user) = user {
        version.metadata.user.clone_from(user);
    }
    // It says itself when it was created: nothing carries it on.
    version.metadata.created = Some(version.metadata.created.unwrap_or(version.modified));
    past::snapshot(db, bucket, &version, taken)
}

pub(super) fn delete(db: &Connection, deletion: &Deletion, disposal: Disposal) -> Result<(), CatalogError> {
    let ObjectRef { bucket, key, snapshot } = &deletion.object;
    let bucket = bucket_id(db, bucket)?;
    let at = deletion.at;
    if let Some(id) = snapshot {
        return past::remove_snapshot(db, bucket, key, *id, &deletion.conditions, (at, disposal), deletion.for_good);
    }
    if deletion.for_good {
        return past::erase_retained(db, bucket, key, past::DELETED, disposal.grace_until);
    }
    let current = Current::of(db, bucket, key)?.ok_or(CatalogError::NoSuchKey)?;
    Current::guard_write(db, bucket, key, Some(&current), &deletion.conditions)?;
    match deletion.snapshots {
        SnapshotRule::MustBeNone if past::has_snapshots(db, bucket, key.as_bytes())? => {
            return Err(CatalogError::SnapshotsPresent);
        }
        SnapshotRule::MustBeNone => {}
        SnapshotRule::Include => past::remove_snapshots(db, bucket, key.as_bytes(), at, disposal)?,
        SnapshotRule::Only => return past::remove_snapshots(db, bucket, key.as_bytes(), at, disposal),
    }
    objects::take_away(db, bucket, key, &current, at, disposal)
}
