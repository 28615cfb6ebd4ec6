//! Objects in memory.

use super::state::{ObjectEntry, State};
use super::{blocks, past};
use crate::catalog::{
    CatalogError, Content, Failure, MOST_SLICES, NewVersion, ObjectRef, OpenedVersion, Refusal, Select, SlicePage,
    Version, Which,
};
use crate::model::{Block, BucketRef, ByteRange, Conditions, Lease, ObjectKey, Timestamp};

pub(super) fn commit(state: &mut State, new: NewVersion, grace_until: Timestamp) -> Result<Version, CatalogError> {
    let lease = check(state, &new.bucket, &new.key, &new.conditions)?;
    check_lengths(&new.part_lengths, new.length)?;
    let blocks = shared_blocks(state, &new.content);
    let slices = state.add(new.content, new.length, &new.bucket.tenant, MOST_SLICES)?;
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
    replace(state, &new.bucket, ObjectEntry { version, slices, blocks, origin: None }, grace_until)
}

/// Makes `object`, whose slices are counted, the current one. It takes over when the object was created, and is not older than
/// what was there.
pub(super) fn replace(
    state: &mut State,
    bucket: &BucketRef,
    mut object: ObjectEntry,
    grace_until: Timestamp,
) -> Result<Version, CatalogError> {
    let (id, key) = (object.version.id, object.version.key.clone());
    let old = state.bucket_mut(bucket)?.objects.remove(&key);
    let created = old.as_ref().map(|old| old.version.metadata.created.unwrap_or(old.version.modified));
    object.version.metadata.created = created;
    let before = match &old {
        Some(old) => Some(old.version.modified),
        None => past::last_modified(state.bucket(bucket)?, &key),
    };
    object.version.modified = before.map_or(object.version.modified, |before| object.version.modified.max(before));
    let version = object.version.clone();
    match old {
        Some(old) => past::replaced(state, bucket, old, version.modified, grace_until)?,
        None => past::make_way(state, bucket, &key)?,
    }
    state.versions.insert(id, (bucket.clone(), key.clone()));
    state.bucket_mut(bucket)?.objects.insert(key.clone(), object);
    blocks::discard(state, bucket, &key, grace_until)?;
    Ok(version)
}

pub(super) fn find<'s>(state: &'s State, object: &ObjectRef) -> Result<&'s ObjectEntry, CatalogError> {
    match object.which {
        Which::Current => state.object(&object.bucket, &object.key),
        Which::Snapshot(id) => {
            let past = state.bucket(&object.bucket)?.past.get(&(object.key.clone(), id.0));
            past.filter(|past| past.retained.is_none())
                .map(|past| &past.object)
                .ok_or(CatalogError::Refused(Refusal::NoSuchKey))
        }
    }
}

pub(super) fn open(state: &State, object: &ObjectRef, select: Select) -> Result<OpenedVersion, CatalogError> {
    let object = find(state, object)?;
    let range = select.resolve(&object.version);
    let slices = match range {
        Ok(Some(range)) => state.overlapping(&object.slices, range)?,
        Ok(None) | Err(_) => Vec::new(),
    };
    let bytes = range.ok().flatten().unwrap_or(ByteRange { first: 0, end: 0 });
    let SlicePage { slices, more } = SlicePage::of_kept(slices.into(), bytes);
    Ok(OpenedVersion { version: object.version.clone(), range, slices, more })
}

pub(super) fn delete(
    state: &mut State,
    bucket: &BucketRef,
    key: &ObjectKey,
    conditions: &Conditions,
    grace_until: Timestamp,
) -> Result<bool, CatalogError> {
    check(state, bucket, key, conditions)?;
    if !state.bucket(bucket)?.objects.contains_key(key) {
        return Ok(false);
    }
    if !past::snapshots(state, bucket, key)?.is_empty() {
        return Err(CatalogError::Refused(Refusal::SnapshotsPresent));
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
    let old = state.bucket_mut(bucket)?.objects.remove(key).ok_or(CatalogError::Refused(Refusal::NoSuchKey))?;
    blocks::discard(state, bucket, key, grace_until)?;
    past::deleted(state, bucket, old, at, grace_until)
}

/// Holds lease and conditions against the current version, the lease first; returns the lease that goes on.
pub(super) fn check(
    state: &State,
    bucket: &BucketRef,
    key: &ObjectKey,
    conditions: &Conditions,
) -> Result<Option<Lease>, CatalogError> {
    let current = state.bucket(bucket)?.objects.get(key).map(|object| &object.version);
    let lease = guard(current.and_then(|version| version.lease.as_ref()), conditions)?;
    match current {
        Some(version) => version.check_write(conditions),
        None => conditions.check_write(None),
    }?;
    current.map_or(Ok(()), |version| version.guard_archive(conditions))?;
    Ok(lease)
}

/// Holds the lease that a write names against the one that there is; returns it unless it has ended.
pub(super) fn guard(lease: Option<&Lease>, conditions: &Conditions) -> Result<Option<Lease>, CatalogError> {
    let now = Timestamp::steady();
    Lease::guard_write(lease, conditions.lease.as_deref(), now)?;
    Ok(lease.filter(|lease| lease.is_active(now)).cloned())
}

fn check_lengths(parts: &[u64], length: u64) -> Result<(), CatalogError> {
    if parts.is_empty() || parts.iter().sum::<u64>() == length {
        Ok(())
    } else {
        Err(CatalogError::Failed(Failure::Misused("parts' lengths that do not add up")))
    }
}

/// The committed blocks of the version that all bytes come from, if they do.
fn shared_blocks(state: &State, content: &Content) -> Vec<Block> {
    let Content::Shared { source, range } = content else { return Vec::new() };
    let whole = |length| range.first == 0 && range.end == length;
    let source = state.version(*source).filter(|(_, object)| whole(object.version.length));
    source.map_or_else(Vec::new, |(_, object)| object.blocks.clone())
}
