//! Snapshots and retained deletions in memory.

use std::collections::BTreeMap;

use super::state::{BucketEntry, ObjectEntry, PastEntry, State};
use super::{blocks, objects};
use crate::catalog::order::RANK_OF_DELETED;
use crate::catalog::{CatalogError, Deletion, Refusal, Retained, SnapshotRule, Version, Which};
use crate::model::{BucketRef, Conditions, Lease, ObjectKey, SnapshotId, Timestamp};

/// Ids of the snapshots that are there.
pub(super) fn snapshots(state: &State, bucket: &BucketRef, key: &ObjectKey) -> Result<Vec<i64>, CatalogError> {
    let past = of(state.bucket(bucket)?, key);
    Ok(past.filter(|(_, past)| past.retained.is_none()).map(|(rank, _)| rank).collect())
}

pub(super) fn take(
    state: &mut State,
    bucket: &BucketRef,
    key: &ObjectKey,
    user: Option<BTreeMap<String, String>>,
    conditions: &Conditions,
    taken: SnapshotId,
) -> Result<Version, CatalogError> {
    let current = state.object(bucket, key)?;
    let version = &current.version;
    Lease::guard_read(version.lease.as_ref(), conditions.lease.as_deref(), Timestamp::steady())?;
    version.check_write(conditions).map_err(|_unmet| CatalogError::Refused(Refusal::PreconditionFailed))?;
    version.guard_archive(conditions)?;
    let snapshot = free(state.bucket(bucket)?, key, taken);
    let mut object = ObjectEntry { origin: None, ..current.clone() };
    let id = state.next_version();
    object.version.id = id;
    object.version.snapshot = Some(snapshot);
    object.version.lease = None;
    if let Some(user) = user {
        // A state of its own: other metadata.
        object.version.metadata.created.get_or_insert(object.version.modified);
        object.version.metadata.user = user;
        object.version.modified = snapshot.taken();
        object.version.revision = id.0;
    }
    state.count(&object.slices);
    state.versions.insert(id, (bucket.clone(), key.clone()));
    let version = object.version.clone();
    state.bucket_mut(bucket)?.past.insert((key.clone(), snapshot.0), PastEntry { object, retained: None });
    Ok(version)
}

pub(super) fn delete(state: &mut State, deletion: &Deletion, grace_until: Timestamp) -> Result<(), CatalogError> {
    let object = &deletion.object;
    let (bucket, key, at) = (&object.bucket, &object.key, deletion.at);
    if deletion.for_good {
        return forget(state, bucket, key, object.which, grace_until);
    }
    if let Which::Snapshot(id) = object.which {
        let version = &objects::find(state, object)?.version;
        objects::guard(None, &deletion.conditions)?;
        version
            .check_write(&deletion.conditions)
            .map_err(|_unmet| CatalogError::Refused(Refusal::PreconditionFailed))?;
        return end(state, bucket, key, id.0, at, grace_until);
    }
    let entry = state.bucket(bucket)?;
    if !entry.objects.contains_key(key) && entry.uncommitted.contains_key(key) {
        // Blocks alone: nothing but they can go.
        objects::check(state, bucket, key, &deletion.conditions)?;
        return match deletion.snapshots {
            SnapshotRule::Only => Ok(()),
            SnapshotRule::MustBeNone | SnapshotRule::Include => blocks::discard(state, bucket, key, grace_until),
        };
    }
    state.object(bucket, key)?;
    objects::check(state, bucket, key, &deletion.conditions)?;
    let ids = snapshots(state, bucket, key)?;
    if deletion.snapshots == SnapshotRule::MustBeNone && !ids.is_empty() {
        return Err(CatalogError::Refused(Refusal::SnapshotsPresent));
    }
    ids.into_iter().try_for_each(|id| end(state, bucket, key, id, at, grace_until))?;
    if deletion.snapshots == SnapshotRule::Only {
        // A lease that has ended goes, as with any write.
        let lease = objects::guard(state.object(bucket, key)?.version.lease.as_ref(), &deletion.conditions)?;
        if let Some(object) = state.bucket_mut(bucket)?.objects.get_mut(key) {
            object.version.lease = lease;
        }
        return Ok(());
    }
    objects::take_away(state, bucket, key, at, grace_until)
}

pub(super) fn restore(
    state: &mut State,
    bucket: &BucketRef,
    key: &ObjectKey,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let mut entry = state.bucket_mut(bucket)?;
    if !entry.objects.contains_key(key) {
        let gone =
            entry.past.remove(&(key.clone(), RANK_OF_DELETED)).ok_or(CatalogError::Refused(Refusal::NoSuchKey))?;
        let grows = gone.object.version.metadata.append.is_some();
        entry.objects.insert(key.clone(), gone.object);
        if grows {
            blocks::discard(state, bucket, key, grace_until)?;
            entry = state.bucket_mut(bucket)?;
        }
    }
    for ((_, rank), past) in entry.past.range_mut((key.clone(), i64::MIN)..=(key.clone(), i64::MAX)) {
        past.retained = None;
        past.object.version.snapshot = Some(SnapshotId(*rank));
    }
    Ok(())
}

/// The current version was deleted. It is retained, or goes.
pub(super) fn deleted(
    state: &mut State,
    bucket: &BucketRef,
    old: ObjectEntry,
    at: Timestamp,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    retain(state, bucket, old, SnapshotId(RANK_OF_DELETED), at, grace_until)
}

/// The current version was replaced. It is retained as a snapshot that was deleted, or goes.
pub(super) fn replaced(
    state: &mut State,
    bucket: &BucketRef,
    old: ObjectEntry,
    at: Timestamp,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let id = free(state.bucket(bucket)?, &old.version.key, SnapshotId::at(at));
    retain(state, bucket, old, id, at, grace_until)
}

/// A name gets a current version: what was deleted under it becomes a snapshot that was deleted.
pub(super) fn make_way(state: &mut State, bucket: &BucketRef, key: &ObjectKey) -> Result<(), CatalogError> {
    let entry = state.bucket_mut(bucket)?;
    if let Some(gone) = entry.past.remove(&(key.clone(), RANK_OF_DELETED)) {
        let at = gone.retained.map_or(Timestamp(0), |retained| retained.deleted);
        let id = free(entry, key, SnapshotId::at(at));
        entry.past.insert((key.clone(), id.0), gone);
    }
    Ok(())
}

/// Where something is retained.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Bucket(BucketRef),
    /// In the dropped bucket at that place.
    Dropped(usize),
}

/// Removes up to `limit` of what was retained until before `now`, oldest first; returns how many.
pub(super) fn purge(state: &mut State, now: Timestamp, limit: usize, grace_until: Timestamp) -> usize {
    let mut ended = Vec::new();
    let mut look = |place: Place, entry: &BucketEntry| {
        for ((key, rank), past) in &entry.past {
            if let Some(retained) = past.retained.filter(|retained| retained.until < now) {
                ended.push((retained.until, place.clone(), key.clone(), *rank));
            }
        }
    };
    state.buckets.iter().for_each(|(bucket, entry)| look(Place::Bucket(bucket.clone()), entry));
    state.dropped.iter().enumerate().for_each(|(at, dropped)| look(Place::Dropped(at), &dropped.entry));
    ended.sort();
    ended.truncate(limit);
    for (_, place, key, rank) in &ended {
        match place {
            Place::Bucket(bucket) => remove(state, bucket, key, *rank, grace_until),
            Place::Dropped(at) => {
                let entry = state.dropped.get_mut(*at).map(|dropped| &mut dropped.entry);
                if let Some(gone) = entry.and_then(|entry| entry.past.remove(&(key.clone(), *rank))) {
                    state.release(gone.object.slices, grace_until);
                }
            }
        }
    }
    ended.len()
}

/// When the last of what is not current under a name was modified.
pub(super) fn last_modified(entry: &BucketEntry, key: &ObjectKey) -> Option<Timestamp> {
    of(entry, key).last().map(|(_, past)| past.object.version.modified)
}

fn of<'e>(entry: &'e BucketEntry, key: &ObjectKey) -> impl Iterator<Item = (i64, &'e PastEntry)> {
    let all = (key.clone(), i64::MIN)..=(key.clone(), i64::MAX);
    entry.past.range(all).map(|((_, rank), past)| (*rank, past))
}

/// The first id from `wanted` on that no version of the name has.
fn free(entry: &BucketEntry, key: &ObjectKey, wanted: SnapshotId) -> SnapshotId {
    let mut id = wanted.0;
    while entry.past.contains_key(&(key.clone(), id)) {
        id += 1;
    }
    SnapshotId(id)
}

fn retain(
    state: &mut State,
    bucket: &BucketRef,
    mut old: ObjectEntry,
    id: SnapshotId,
    at: Timestamp,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let Some(retention) = state.settings.retention else {
        state.versions.remove(&old.version.id);
        state.release(old.slices, grace_until);
        return Ok(());
    };
    old.version.lease = None;
    let retained = Some(Retained { deleted: at, until: Timestamp::steady().plus(retention) });
    let key = (old.version.key.clone(), id.0);
    state.bucket_mut(bucket)?.past.insert(key, PastEntry { object: old, retained });
    Ok(())
}

/// Ends a snapshot: it is retained, or goes.
fn end(
    state: &mut State,
    bucket: &BucketRef,
    key: &ObjectKey,
    rank: i64,
    at: Timestamp,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    match state.settings.retention {
        None => remove(state, bucket, key, rank, grace_until),
        Some(retention) => {
            let past = state
                .bucket_mut(bucket)?
                .past
                .get_mut(&(key.clone(), rank))
                .ok_or(CatalogError::Refused(Refusal::NoSuchKey))?;
            past.retained = Some(Retained { deleted: at, until: Timestamp::steady().plus(retention) });
        }
    }
    Ok(())
}

/// Removes what is retained: one snapshot that was deleted, or all of a name.
fn forget(
    state: &mut State,
    bucket: &BucketRef,
    key: &ObjectKey,
    only: Which,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let meant = |rank: &i64| only == Which::Current || only == Which::Snapshot(SnapshotId(*rank));
    let past = of(state.bucket(bucket)?, key).filter(|(_, past)| past.retained.is_some());
    let ranks: Vec<i64> = past.map(|(rank, _)| rank).filter(meant).collect();
    if ranks.is_empty() {
        return Err(CatalogError::Refused(Refusal::NoSuchKey));
    }
    ranks.into_iter().for_each(|rank| remove(state, bucket, key, rank, grace_until));
    Ok(())
}

fn remove(state: &mut State, bucket: &BucketRef, key: &ObjectKey, rank: i64, grace_until: Timestamp) {
    let gone = state.buckets.get_mut(bucket).and_then(|entry| entry.past.remove(&(key.clone(), rank)));
    if let Some(gone) = gone {
        state.versions.remove(&gone.object.version.id);
        state.release(gone.object.slices, grace_until);
    }
}
