//! Versions that are not current, in memory: snapshots, and what is retained.

use super::state::{BucketEntry, ObjectEntry, PartSlice, PastEntry, State};
use super::{objects, uploads};
use crate::catalog::{CatalogError, Deletion, Retained, SnapshotRule, Version};
use crate::model::{BucketRef, Conditions, Lease, ObjectKey, SnapshotId, Timestamp};

/// Where what was deleted as a current version lies among the snapshots of its name.
pub(super) const DELETED: i64 = i64::MAX - 1;

pub(super) fn has_snapshots(entry: &BucketEntry, key: &ObjectKey) -> bool {
    of(entry, key).any(|(_, past)| past.retained.is_none())
}

pub(super) fn replaced(
    state: &mut State,
    bucket: &BucketRef,
    old: ObjectEntry,
    at: Timestamp,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let id = free_id(state.bucket(bucket)?, &old.version.key, SnapshotId::at(at));
    keep(state, bucket, old, id.0, at, grace_until)
}

pub(super) fn deleted(
    state: &mut State,
    bucket: &BucketRef,
    old: ObjectEntry,
    at: Timestamp,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    keep(state, bucket, old, DELETED, at, grace_until)
}

/// A name gets a new object: one that was deleted before lies among the snapshots from now on.
pub(super) fn make_way(state: &mut State, bucket: &BucketRef, key: &ObjectKey) -> Result<(), CatalogError> {
    let entry = state.bucket_mut(bucket)?;
    let Some(past) = entry.past.remove(&(key.clone(), DELETED)) else { return Ok(()) };
    let at = past.retained.map_or(past.object.version.modified, |retained| retained.deleted);
    let id = free_id(entry, key, SnapshotId::at(at));
    entry.past.insert((key.clone(), id.0), past);
    Ok(())
}

/// A snapshot that is there.
pub(super) fn find<'s>(
    state: &'s State,
    bucket: &BucketRef,
    key: &ObjectKey,
    id: SnapshotId,
) -> Result<(&'s ObjectEntry, Version), CatalogError> {
    let past = state.bucket(bucket)?.past.get(&(key.clone(), id.0));
    let past = past.filter(|past| past.retained.is_none()).ok_or(CatalogError::NoSuchKey)?;
    Ok((&past.object, Version { snapshot: Some(id), lease: None, ..past.object.version.clone() }))
}

pub(super) fn snapshot(
    state: &mut State,
    bucket: &BucketRef,
    key: &ObjectKey,
    user: Option<std::collections::BTreeMap<String, String>>,
    conditions: &Conditions,
    taken: SnapshotId,
) -> Result<Version, CatalogError> {
    let mut version = objects::current(state, bucket, key)?;
    version.check_write(conditions).map_err(|_unmet| CatalogError::PreconditionFailed)?;
    Lease::guard_read(version.lease.as_ref(), conditions.lease.as_deref(), Timestamp::steady())?;
    if let Some(user) = user {
        version.metadata.user = user;
    }
    version.metadata.created = Some(version.metadata.created.unwrap_or(version.modified));
    let object = state.object(bucket, key)?;
    let (slices, blocks): (Vec<PartSlice>, _) = (object.slices.clone(), object.blocks.clone());
    state.raise(&slices);
    version.id = state.next_version();
    version.lease = None;
    let taken = free_id(state.bucket(bucket)?, key, taken);
    state.versions.insert(version.id, (bucket.clone(), key.clone()));
    let object = ObjectEntry { version: version.clone(), slices, origin: None, blocks };
    state.bucket_mut(bucket)?.past.insert((key.clone(), taken.0), PastEntry { object, retained: None });
    Ok(Version { snapshot: Some(taken), ..version })
}

pub(super) fn delete(state: &mut State, deletion: &Deletion, grace_until: Timestamp) -> Result<(), CatalogError> {
    let bucket = &deletion.object.bucket;
    let (key, at) = (&deletion.object.key, deletion.at);
    match deletion.object.snapshot {
        Some(id) if deletion.for_good => return erase_retained(state, bucket, key, id.0, grace_until),
        Some(id) => {
            let (_, version) = find(state, bucket, key, id)?;
            version.check_write(&deletion.conditions).map_err(|_unmet| CatalogError::PreconditionFailed)?;
            return retire(state, bucket, key, id.0, at, grace_until);
        }
        None if deletion.for_good => return erase_retained(state, bucket, key, DELETED, grace_until),
        None => {}
    }
    objects::guard_write(state, bucket, key, &deletion.conditions)?;
    state.object(bucket, key)?;
    let snapshots: Vec<i64> =
        of(state.bucket(bucket)?, key).filter(|(_, past)| past.retained.is_none()).map(|(id, _)| id).collect();
    if deletion.snapshots == SnapshotRule::MustBeNone && !snapshots.is_empty() {
        return Err(CatalogError::SnapshotsPresent);
    }
    for id in snapshots {
        retire(state, bucket, key, id, at, grace_until)?;
    }
    objects::forget_ended_lease(state, bucket, key)?;
    if deletion.snapshots == SnapshotRule::Only {
        return Ok(());
    }
    objects::take_away(state, bucket, key, at, grace_until)
}

pub(super) fn restore(state: &mut State, bucket: &BucketRef, key: &ObjectKey) -> Result<(), CatalogError> {
    let now = Timestamp::now();
    let entry = state.bucket_mut(bucket)?;
    if !entry.objects.contains_key(key) {
        let name = (key.clone(), DELETED);
        let there = entry.past.get(&name).and_then(|past| past.retained).is_some_and(|retained| retained.until > now);
        let back = entry.past.remove(&name).filter(|_| there).ok_or(CatalogError::NoSuchKey)?;
        entry.objects.insert(key.clone(), back.object);
    }
    for ((name, _), past) in &mut entry.past {
        if name == key && past.retained.is_some_and(|retained| retained.until > now) {
            past.retained = None;
        }
    }
    Ok(())
}

pub(super) fn purge(state: &mut State, now: Timestamp, limit: usize, grace_until: Timestamp) -> bool {
    let mut left = limit;
    let names: Vec<BucketRef> = state.buckets.keys().cloned().collect();
    for bucket in names {
        let due = |past: &PastEntry| past.retained.is_some_and(|retained| retained.until <= now);
        let Ok(entry) = state.bucket_mut(&bucket) else { continue };
        let due: Vec<_> = entry.past.iter().filter(|(_, past)| due(past)).map(|(name, _)| name.clone()).collect();
        for name in due.into_iter().take(left) {
            left -= 1;
            let gone = state.bucket_mut(&bucket).ok().and_then(|entry| entry.past.remove(&name));
            erase(state, gone.map(|past| past.object), grace_until);
        }
    }
    if left == 0 {
        return true;
    }
    let Some(mut entry) = state.dropped.pop() else { return false };
    for _ in 0..left {
        let object = entry.objects.pop_first().map(|(_, object)| object);
        let past = entry.past.pop_first().map(|(_, past)| past.object);
        erase(state, object, grace_until);
        erase(state, past, grace_until);
        for (_, slices) in entry.waiting.pop_first().into_iter().flat_map(|(_, waiting)| waiting.blocks.into_values()) {
            state.release(slices, grace_until);
        }
        if let Some((_, upload)) = entry.uploads.pop_first() {
            uploads::drop_parts(state, upload, grace_until);
        }
    }
    if !entry.objects.is_empty() || !entry.past.is_empty() || !entry.waiting.is_empty() || !entry.uploads.is_empty() {
        state.dropped.push(entry);
    }
    true
}

fn of<'e>(entry: &'e BucketEntry, key: &ObjectKey) -> impl Iterator<Item = (i64, &'e PastEntry)> {
    let (first, last) = ((key.clone(), i64::MIN), (key.clone(), i64::MAX));
    entry.past.range(first..=last).map(|((_, id), past)| (*id, past))
}

fn keep(
    state: &mut State,
    bucket: &BucketRef,
    object: ObjectEntry,
    id: i64,
    at: Timestamp,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let Some(retention) = state.retention else {
        erase(state, Some(object), grace_until);
        return Ok(());
    };
    let retained = Some(Retained { deleted: at, until: at.plus(retention) });
    let name = (object.version.key.clone(), id);
    state.bucket_mut(bucket)?.past.insert(name, PastEntry { object, retained });
    Ok(())
}

fn retire(
    state: &mut State,
    bucket: &BucketRef,
    key: &ObjectKey,
    id: i64,
    at: Timestamp,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let gone = state.bucket_mut(bucket)?.past.remove(&(key.clone(), id)).ok_or(CatalogError::NoSuchKey)?;
    keep(state, bucket, gone.object, id, at, grace_until)
}

fn erase_retained(
    state: &mut State,
    bucket: &BucketRef,
    key: &ObjectKey,
    id: i64,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let past = &mut state.bucket_mut(bucket)?.past;
    let name = (key.clone(), id);
    past.get(&name).filter(|past| past.retained.is_some()).ok_or(CatalogError::NoSuchKey)?;
    let gone = past.remove(&name).map(|past| past.object);
    erase(state, gone, grace_until);
    Ok(())
}

fn erase(state: &mut State, object: Option<ObjectEntry>, grace_until: Timestamp) {
    let Some(object) = object else { return };
    state.versions.remove(&object.version.id);
    state.release(object.slices, grace_until);
}

fn free_id(entry: &BucketEntry, key: &ObjectKey, wanted: SnapshotId) -> SnapshotId {
    let last = of(entry, key).map(|(id, _)| id).filter(|id| *id < DELETED).max();
    last.map_or(wanted, |last| SnapshotId(wanted.0.max(last.saturating_add(1))))
}
