//! Buckets in memory, and the purge.

use std::collections::BTreeMap;

use super::past;
use super::state::{BucketEntry, Dropped, State};
use crate::catalog::slices::PartSlice;
use crate::catalog::{
    Bucket, BucketLine, BucketPage, BucketQuery, BucketRevision, CatalogError, GoneBucket, Refusal, Retained,
};
use crate::model::{BucketRef, Conditions, Lease, Tags, TenantId, Timestamp};

pub(super) fn create(
    state: &mut State,
    bucket: &BucketRef,
    created: Timestamp,
    user: &BTreeMap<String, String>,
) -> Result<Bucket, CatalogError> {
    if state.buckets.contains_key(bucket) {
        return Err(CatalogError::Refused(Refusal::BucketExists));
    }
    let entry = BucketEntry {
        bucket: Bucket {
            name: bucket.name.clone(),
            created,
            modified: created,
            revision: state.next_version().0,
            user: user.clone(),
            policies: Vec::new(),
            lease: None,
        },
        cors: Vec::new(),
        tags: Tags::new(),
        objects: BTreeMap::new(),
        past: BTreeMap::new(),
        uncommitted: BTreeMap::new(),
        uploads: BTreeMap::new(),
    };
    let created = entry.bucket.clone();
    state.buckets.insert(bucket.clone(), entry);
    Ok(created)
}

pub(super) fn page(state: &State, query: &BucketQuery) -> Result<BucketPage, CatalogError> {
    let own = state.buckets.iter().filter(|(bucket, _)| bucket.tenant == query.tenant);
    let there = own.map(|(_, entry)| BucketLine::There(listed(&entry.bucket, query)));
    let gone = if query.gone { gone(state, &query.tenant) } else { Vec::new() };
    let gone =
        gone.into_iter().map(|gone| BucketLine::Gone(GoneBucket { bucket: listed(&gone.bucket, query), ..gone }));
    BucketPage::of(there.map(Ok), gone.map(Ok), query, state.settings.page_rows)
}

/// A bucket as a list has it.
fn listed(bucket: &Bucket, query: &BucketQuery) -> Bucket {
    let mut bucket = Bucket { policies: Vec::new(), ..bucket.clone() };
    if !query.with_user_metadata {
        bucket.user.clear();
    }
    bucket
}

pub(super) fn delete(state: &mut State, bucket: &BucketRef) -> Result<(), CatalogError> {
    let entry = state.bucket(bucket)?;
    Lease::guard_write(entry.bucket.lease.as_ref(), None, Timestamp::steady())?;
    let snapshots = entry.past.values().any(|past| past.retained.is_none());
    if !entry.objects.is_empty() || !entry.uploads.is_empty() || !entry.uncommitted.is_empty() || snapshots {
        return Err(CatalogError::Refused(Refusal::BucketNotEmpty));
    }
    set_aside(state, bucket, true);
    Ok(())
}

pub(super) fn drop_bucket(state: &mut State, bucket: &BucketRef, conditions: &Conditions) -> Result<(), CatalogError> {
    let entry = state.bucket(bucket)?;
    Lease::guard_write(entry.bucket.lease.as_ref(), conditions.lease.as_deref(), Timestamp::steady())?;
    entry.bucket.check_write(conditions)?;
    set_aside(state, bucket, state.settings.retention.is_some());
    Ok(())
}

fn gone(state: &State, tenant: &TenantId) -> Vec<GoneBucket> {
    let own = state.dropped.iter().filter(|dropped| dropped.was.tenant == *tenant);
    let mut gone: Vec<GoneBucket> = own
        .filter_map(|dropped| {
            Some(GoneBucket { id: dropped.id, bucket: dropped.entry.bucket.clone(), retained: restorable(dropped)? })
        })
        .collect();
    gone.sort_by(|a, b| (&a.bucket.name, a.id).cmp(&(&b.bucket.name, b.id)));
    gone
}

pub(super) fn restore(state: &mut State, bucket: &BucketRef, id: i64) -> Result<Bucket, CatalogError> {
    let meant = |dropped: &Dropped| dropped.id == id && dropped.was == *bucket && restorable(dropped).is_some();
    let at = state.dropped.iter().position(meant).ok_or(CatalogError::Refused(Refusal::NoSuchBucket))?;
    if state.buckets.contains_key(bucket) {
        return Err(CatalogError::Refused(Refusal::BucketExists));
    }
    let entry = state.dropped.remove(at).entry;
    let past = entry.past.values().map(|past| &past.object);
    for object in entry.objects.values().chain(past) {
        state.versions.insert(object.version.id, (bucket.clone(), object.version.key.clone()));
    }
    let restored = entry.bucket.clone();
    state.buckets.insert(bucket.clone(), entry);
    Ok(restored)
}

pub(super) fn revise(
    state: &mut State,
    bucket: &BucketRef,
    revision: BucketRevision,
    conditions: &Conditions,
    at: Timestamp,
) -> Result<Bucket, CatalogError> {
    let entry = state.bucket(bucket)?;
    Lease::guard_read(entry.bucket.lease.as_ref(), conditions.lease.as_deref(), Timestamp::steady())?;
    entry.bucket.check_write(conditions)?;
    let number = state.next_version().0;
    let bucket = &mut state.bucket_mut(bucket)?.bucket;
    match revision {
        BucketRevision::User(user) => bucket.user = user,
        BucketRevision::Policies(policies) => bucket.policies = policies,
    }
    bucket.modified = bucket.modified.max(at);
    bucket.revision = number;
    Ok(bucket.clone())
}

pub(super) fn purge(state: &mut State, now: Timestamp, limit: usize, grace_until: Timestamp) -> bool {
    let mut left = limit;
    while left > 0 {
        let over = |dropped: &Dropped| dropped.retained.is_none_or(|retained| retained.until < now);
        let Some(at) = state.dropped.iter().position(|dropped| over(dropped) || !dropped.whole) else { break };
        left -= 1;
        let Some(dropped) = state.dropped.get_mut(at) else { break };
        let all = over(dropped);
        match next_of(&mut dropped.entry, all) {
            Some(slices) => state.release(slices, grace_until),
            None if all => drop(state.dropped.remove(at)),
            None => dropped.whole = true,
        }
    }
    past::purge(state, now, left, grace_until) == left
}

/// Takes one thing out of a dropped bucket, of all or of what is not retained.
fn next_of(entry: &mut BucketEntry, all: bool) -> Option<Vec<PartSlice>> {
    if let Some((_, object)) = entry.objects.pop_first() {
        return Some(object.slices);
    }
    let past = entry.past.iter().find(|(_, past)| all || past.retained.is_none()).map(|(name, _)| name.clone());
    if let Some(past) = past.and_then(|name| entry.past.remove(&name)) {
        return Some(past.object.slices);
    }
    if let Some((_, upload)) = entry.uploads.pop_first() {
        return Some(upload.parts.into_values().flat_map(|(_, slices)| slices).collect());
    }
    let (_, waiting) = entry.uncommitted.pop_first()?;
    Some(waiting.blocks.into_values().flat_map(|(_, slices)| slices).collect())
}

/// Until when a bucket can be had back, if it can be.
fn restorable(dropped: &Dropped) -> Option<Retained> {
    dropped.retained.filter(|retained| dropped.whole && retained.until >= Timestamp::steady())
}

/// Takes a bucket from its tenant. `whole`: all that it holds is retained.
fn set_aside(state: &mut State, bucket: &BucketRef, whole: bool) {
    state.versions.retain(|_, (at, _)| at != bucket);
    let Some(mut entry) = state.buckets.remove(bucket) else { return };
    entry.bucket.lease = None;
    let last = entry.past.values().filter_map(|past| past.retained).map(|retained| retained.until).max();
    let own = state.settings.retention.map(|retention| Timestamp::steady().plus(retention));
    let retained = own.max(last).map(|until| Retained { deleted: Timestamp::now(), until });
    if whole && retained.is_none() {
        return;
    }
    let id = state.next_version().0;
    state.dropped.push(Dropped { id, was: bucket.clone(), entry, retained, whole });
}
