//! Buckets in memory.

use std::collections::BTreeMap;

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
        created,
        modified: created,
        revision: state.next_version().0,
        user: user.clone(),
        policies: Vec::new(),
        lease: None,
        leases: BTreeMap::new(),
        past: BTreeMap::new(),
        waiting: BTreeMap::new(),
        objects: BTreeMap::new(),
        uploads: BTreeMap::new(),
    };
    let shown = shown(bucket, &entry);
    state.buckets.insert(bucket.clone(), entry);
    Ok(shown)
}

pub(super) fn bucket(state: &State, bucket: &BucketRef) -> Result<Bucket, CatalogError> {
    Ok(shown(bucket, state.bucket(bucket)?))
}

pub(super) fn buckets(state: &State, tenant: &TenantId) -> Vec<Bucket> {
    let own = state.buckets.iter().filter(|(bucket, _)| bucket.tenant == *tenant);
    own.map(|(bucket, entry)| shown(bucket, entry)).collect()
}

pub(super) fn delete(state: &mut State, bucket: &BucketRef) -> Result<(), CatalogError> {
    let entry = state.bucket(bucket)?;
    Lease::guard_write(entry.lease.as_ref(), None, Timestamp::steady())?;
    let snapshots = entry.past.values().any(|past| past.retained.is_none());
    if !entry.objects.is_empty() || !entry.uploads.is_empty() || !entry.waiting.is_empty() || snapshots {
        return Err(CatalogError::BucketNotEmpty);
    }
    set_aside(state, bucket);
    Ok(())
}

pub(super) fn drop_bucket(state: &mut State, bucket: &BucketRef, conditions: &Conditions) -> Result<(), CatalogError> {
    let entry = state.bucket(bucket)?;
    shown(bucket, entry).check_write(conditions)?;
    Lease::guard_write(entry.lease.as_ref(), conditions.lease.as_deref(), Timestamp::steady())?;
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
    shown(bucket, entry).check_write(conditions)?;
    Lease::guard_read(entry.lease.as_ref(), conditions.lease.as_deref(), Timestamp::steady())?;
    let number = state.next_version().0;
    let entry = state.bucket_mut(bucket)?;
    match revision {
        BucketRevision::User(user) => entry.user = user,
        BucketRevision::Policies(policies) => entry.policies = policies,
    }
    (entry.modified, entry.revision) = (at, number);
    Ok(shown(bucket, entry))
}

fn set_aside(state: &mut State, bucket: &BucketRef) {
    let Some(entry) = state.buckets.remove(bucket) else { return };
    state.versions.retain(|_, (at, _)| at != bucket);
    let empty =
        entry.objects.is_empty() && entry.past.is_empty() && entry.waiting.is_empty() && entry.uploads.is_empty();
    if !empty {
        state.dropped.push(entry);
    }
}

fn shown(bucket: &BucketRef, entry: &BucketEntry) -> Bucket {
    Bucket {
        name: bucket.name.clone(),
        created: entry.created,
        modified: entry.modified,
        revision: entry.revision,
        user: entry.user.clone(),
        policies: entry.policies.clone(),
        lease: entry.lease.clone(),
    }
}
