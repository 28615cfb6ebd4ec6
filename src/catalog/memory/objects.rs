//! Buckets and objects in memory.

use std::collections::BTreeMap;

use super::state::{BucketEntry, ObjectEntry, State};
use crate::catalog::{Bucket, CatalogError, NewVersion, OpenedVersion, Select, Version};
use crate::model::{BucketRef, Conditions, CurrentState, ObjectKey, TenantId, Timestamp};

pub(super) fn create_bucket(state: &mut State, bucket: &BucketRef, created: Timestamp) -> Result<(), CatalogError> {
    if state.buckets.contains_key(bucket) {
        return Err(CatalogError::BucketExists);
    }
    let entry = BucketEntry { created, objects: BTreeMap::new(), uploads: BTreeMap::new() };
    state.buckets.insert(bucket.clone(), entry);
    Ok(())
}

pub(super) fn delete_bucket(state: &mut State, bucket: &BucketRef) -> Result<(), CatalogError> {
    let entry = state.bucket(bucket)?;
    if !entry.objects.is_empty() || !entry.uploads.is_empty() {
        return Err(CatalogError::BucketNotEmpty);
    }
    state.buckets.remove(bucket);
    Ok(())
}

pub(super) fn buckets(state: &State, tenant: &TenantId) -> Vec<Bucket> {
    let own = state.buckets.iter().filter(|(bucket, _)| bucket.tenant == *tenant);
    own.map(|(bucket, entry)| Bucket { name: bucket.name.clone(), created: entry.created }).collect()
}

pub(super) fn commit(state: &mut State, new: NewVersion, grace_until: Timestamp) -> Result<Version, CatalogError> {
    check(state, &new.bucket, &new.key, &new.conditions)?;
    check_lengths(&new.part_lengths, new.length)?;
    let slices = state.add(new.content, new.length, &new.bucket.tenant)?;
    let version = Version {
        id: state.next_version(),
        key: new.key,
        length: new.length,
        etag: new.etag,
        modified: new.modified,
        metadata: new.metadata,
        part_lengths: new.part_lengths,
    };
    replace(state, &new.bucket, ObjectEntry { version: version.clone(), slices, origin: None }, grace_until)?;
    Ok(version)
}

/// Makes `object`, whose slices are counted, the current one.
pub(super) fn replace(
    state: &mut State,
    bucket: &BucketRef,
    object: ObjectEntry,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let (id, key) = (object.version.id, object.version.key.clone());
    let old = state.bucket_mut(bucket)?.objects.insert(key.clone(), object);
    state.versions.insert(id, (bucket.clone(), key));
    if let Some(old) = old {
        state.versions.remove(&old.version.id);
        state.release(old.slices, grace_until);
    }
    Ok(())
}

pub(super) fn open(
    state: &State,
    bucket: &BucketRef,
    key: &ObjectKey,
    select: Select,
) -> Result<OpenedVersion, CatalogError> {
    let object = state.object(bucket, key)?;
    let range = select.resolve(&object.version);
    let slices = match range {
        Ok(Some(range)) => state.overlapping(&object.slices, range)?,
        Ok(None) | Err(_) => Vec::new(),
    };
    Ok(OpenedVersion { version: object.version.clone(), range, slices })
}

pub(super) fn delete(
    state: &mut State,
    bucket: &BucketRef,
    key: &ObjectKey,
    conditions: &Conditions,
    grace_until: Timestamp,
) -> Result<bool, CatalogError> {
    check(state, bucket, key, conditions)?;
    let Some(old) = state.bucket_mut(bucket)?.objects.remove(key) else { return Ok(false) };
    state.versions.remove(&old.version.id);
    state.release(old.slices, grace_until);
    Ok(true)
}

/// Holds the conditions against the current version.
pub(super) fn check(
    state: &State,
    bucket: &BucketRef,
    key: &ObjectKey,
    conditions: &Conditions,
) -> Result<(), CatalogError> {
    let current = state.bucket(bucket)?.objects.get(key).map(|object| &object.version);
    let current = current.map(|version| CurrentState { etag: &version.etag, modified: version.modified });
    conditions.check_write(current).map_err(|_unmet| CatalogError::PreconditionFailed)
}

fn check_lengths(parts: &[u64], length: u64) -> Result<(), CatalogError> {
    if parts.is_empty() || parts.iter().sum::<u64>() == length {
        Ok(())
    } else {
        Err(CatalogError::Damaged("parts' lengths that do not add up"))
    }
}
