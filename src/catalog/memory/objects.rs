//! Objects in memory: their current versions.

use super::past;
use super::state::{ObjectEntry, State};
use crate::catalog::{CatalogError, Content, NewVersion, OpenedVersion, Select, Version, VersionId};
use crate::model::{Block, BucketRef, Conditions, Lease, ObjectKey, Timestamp};

pub(super) fn commit(state: &mut State, new: NewVersion, grace_until: Timestamp) -> Result<Version, CatalogError> {
    let lease = guard_write(state, &new.bucket, &new.key, &new.conditions)?;
    check_lengths(&new.part_lengths, new.length)?;
    let blocks = shared_blocks(state, &new.content);
    let slices = state.add(new.content, new.length, &new.bucket.tenant)?;
    let id = state.next_version();
    let version = Version {
        id,
        key: new.key,
        length: new.length,
        etag: new.etag,
        modified: new.modified,
        metadata: new.metadata,
        part_lengths: new.part_lengths,
        revision: id.0,
        snapshot: None,
        lease,
    };
    replace(state, &new.bucket, ObjectEntry { version, slices, origin: None, blocks }, grace_until)
}

/// Makes `object`, whose slices are counted, the current one. It takes over when the object was created.
pub(super) fn replace(
    state: &mut State,
    bucket: &BucketRef,
    mut object: ObjectEntry,
    grace_until: Timestamp,
) -> Result<Version, CatalogError> {
    let (id, key, at) = (object.version.id, object.version.key.clone(), object.version.modified);
    forget_ended_lease(state, bucket, &key)?;
    let entry = state.bucket_mut(bucket)?;
    let old = entry.objects.remove(&key);
    object.version.metadata.created =
        old.as_ref().map(|old| old.version.metadata.created.unwrap_or(old.version.modified));
    let version = object.version.clone();
    entry.objects.insert(key.clone(), object);
    let waiting = entry.waiting.remove(&key);
    state.versions.insert(id, (bucket.clone(), key.clone()));
    for (_, slices) in waiting.into_iter().flat_map(|waiting| waiting.blocks.into_values()) {
        state.release(slices, grace_until);
    }
    match old {
        Some(old) => past::replaced(state, bucket, old, at, grace_until)?,
        None => past::make_way(state, bucket, &key)?,
    }
    Ok(version)
}

/// The current version, with its lease.
pub(super) fn current(state: &State, bucket: &BucketRef, key: &ObjectKey) -> Result<Version, CatalogError> {
    let lease = state.bucket(bucket)?.leases.get(key).cloned();
    Ok(Version { lease, ..state.object(bucket, key)?.version.clone() })
}

pub(super) fn open(
    state: &State,
    object: &ObjectEntry,
    version: Version,
    select: Select,
) -> Result<OpenedVersion, CatalogError> {
    let range = select.resolve(&version);
    let slices = match range {
        Ok(Some(range)) => state.overlapping(&object.slices, range)?,
        Ok(None) | Err(_) => Vec::new(),
    };
    Ok(OpenedVersion { version, range, slices })
}

pub(super) fn delete(
    state: &mut State,
    bucket: &BucketRef,
    key: &ObjectKey,
    conditions: &Conditions,
    grace_until: Timestamp,
) -> Result<bool, CatalogError> {
    guard_write(state, bucket, key, conditions)?;
    if state.object(bucket, key).is_err() {
        return Ok(false);
    }
    if past::has_snapshots(state.bucket(bucket)?, key) {
        return Err(CatalogError::SnapshotsPresent);
    }
    take_away(state, bucket, key, Timestamp::now(), grace_until)?;
    Ok(true)
}

/// Takes the current version away, with all that goes with it.
pub(super) fn take_away(
    state: &mut State,
    bucket: &BucketRef,
    key: &ObjectKey,
    at: Timestamp,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let entry = state.bucket_mut(bucket)?;
    entry.leases.remove(key);
    let old = entry.objects.remove(key);
    let waiting = entry.waiting.remove(key);
    for (_, slices) in waiting.into_iter().flat_map(|waiting| waiting.blocks.into_values()) {
        state.release(slices, grace_until);
    }
    old.map_or(Ok(()), |old| past::deleted(state, bucket, old, at, grace_until))
}

/// Holds conditions and lease against the current version; returns the lease that goes on. Changes nothing.
pub(super) fn guard_write(
    state: &State,
    bucket: &BucketRef,
    key: &ObjectKey,
    conditions: &Conditions,
) -> Result<Option<Lease>, CatalogError> {
    let entry = state.bucket(bucket)?;
    let current = entry.objects.get(key).map(|object| &object.version);
    let outcome = current.map_or_else(|| conditions.check_write(None), |version| version.check_write(conditions));
    outcome.map_err(|_unmet| CatalogError::PreconditionFailed)?;
    let lease = current.and_then(|_| entry.leases.get(key));
    let now = Timestamp::steady();
    Lease::guard_write(lease, conditions.lease.as_deref(), now)?;
    Ok(lease.filter(|lease| lease.is_active(now)).cloned())
}

/// A write came through under a lease that has ended: there is none any more.
pub(super) fn forget_ended_lease(state: &mut State, bucket: &BucketRef, key: &ObjectKey) -> Result<(), CatalogError> {
    let now = Timestamp::steady();
    state.bucket_mut(bucket)?.leases.retain(|name, lease| name != key || lease.is_active(now));
    Ok(())
}

/// The committed blocks of the version that all bytes come from, if they do.
fn shared_blocks(state: &State, content: &Content) -> Option<Vec<Block>> {
    let Content::Shared { source, range } = content else { return None };
    let (_, object) = state.content_of(VersionId(source.0))?;
    (range.first == 0 && range.end == object.version.length).then(|| object.blocks.clone()).flatten()
}

fn check_lengths(parts: &[u64], length: u64) -> Result<(), CatalogError> {
    if parts.is_empty() || parts.iter().sum::<u64>() == length {
        Ok(())
    } else {
        Err(CatalogError::Damaged("parts' lengths that do not add up"))
    }
}
