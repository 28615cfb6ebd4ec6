//! Buckets in memory, and the purge.

use std::collections::BTreeMap;

use super::past;
use super::state::{BucketEntry, State};
use crate::catalog::{Bucket, BucketRevision, CatalogError};
use crate::model::{BucketRef, Conditions, Lease, TenantId, Timestamp};

pub(super) fn create(
    state: &mut State,
    bucket: &BucketRef,
    created: Timestamp,
    user: &BTreeMap<String, String>,
) -> Result<Bucket, CatalogError> {
    if state.buckets.contains_key(bucket) {
        return Err(CatalogError::BucketExists);
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
        objects: BTreeMap::new(),
        past: BTreeMap::new(),
        uncommitted: BTreeMap::new(),
        uploads: BTreeMap::new(),
    };
    let created = entry.bucket.clone();
    state.buckets.insert(bucket.clone(), entry);
    Ok(created)
}

pub(super) fn buckets(state: &State, tenant: &TenantId) -> Vec<Bucket> {
    let own = state.buckets.iter().filter(|(bucket, _)| bucket.tenant == *tenant);
    own.map(|(_, entry)| entry.bucket.clone()).collect()
}

pub(super) fn delete(state: &mut State, bucket: &BucketRef) -> Result<(), CatalogError> {
    let entry = state.bucket(bucket)?;
    Lease::guard_write(entry.bucket.lease.as_ref(), None, Timestamp::steady())?;
    let snapshots = entry.past.values().any(|past| past.retained.is_none());
    if !entry.objects.is_empty() || !entry.uploads.is_empty() || !entry.uncommitted.is_empty() || snapshots {
        return Err(CatalogError::BucketNotEmpty);
    }
    set_aside(state, bucket);
    Ok(())
}

pub(super) fn drop_bucket(state: &mut State, bucket: &BucketRef, conditions: &Conditions) -> Result<(), CatalogError> {
    let entry = state.bucket(bucket)?;
    entry.bucket.check_write(conditions)?;
    Lease::guard_write(entry.bucket.lease.as_ref(), conditions.lease.as_deref(), Timestamp::steady())?;
    set_aside(state, bucket);
    Ok(())
}

pub(super) fn revise(
    state: &mut State,
    bucket: &BucketRef,
    revision: BucketRevision,
    conditions: &Conditions,
    at: Timestamp,
) -> Result<Bucket, CatalogError> {
    let entry = state.bucket(bucket)?;
    entry.bucket.check_write(conditions)?;
    Lease::guard_read(entry.bucket.lease.as_ref(), conditions.lease.as_deref(), Timestamp::steady())?;
    let number = state.next_version().0;
    let bucket = &mut state.bucket_mut(bucket)?.bucket;
    match revision {
        BucketRevision::User(user) => bucket.user = user,
        BucketRevision::Policies(policies) => bucket.policies = policies,
    }
    bucket.modified = at;
    bucket.revision = number;
    Ok(bucket.clone())
}

pub(super) fn purge(state: &mut State, now: Timestamp, limit: usize, grace_until: Timestamp) -> bool {
    let mut left = limit;
    while left > 0 {
        let Some(mut entry) = state.dropped.pop() else { break };
        left -= 1;
        if let Some((_, object)) = entry.objects.pop_first() {
            state.release(object.slices, grace_until);
        } else if let Some((_, past)) = entry.past.pop_first() {
            state.release(past.object.slices, grace_until);
        } else if let Some((_, upload)) = entry.uploads.pop_first() {
            upload.parts.into_values().for_each(|(_, slices)| state.release(slices, grace_until));
        } else if let Some((_, waiting)) = entry.uncommitted.pop_first() {
            waiting.blocks.into_values().for_each(|(_, slices)| state.release(slices, grace_until));
        } else {
            continue;
        }
        state.dropped.push(entry);
    }
    past::purge(state, now, left, grace_until) == left
}

fn set_aside(state: &mut State, bucket: &BucketRef) {
    state.versions.retain(|_, (at, _)| at != bucket);
    state.dropped.extend(state.buckets.remove(bucket));
}
