//! Changes of versions in their place, in memory; leases; tags.

use super::objects;
use super::state::{ObjectEntry, State};
use crate::catalog::slices::PartSlice;
use crate::catalog::{
    Appended, CatalogError, Content, Failure, Found, FoundPage, MOST_SLICES, NewAppend, ObjectRef, Refusal, Revision,
    RunMerge, TagQuery, Version, Which,
};
use crate::model::{BucketRef, Conditions, ETag, Lease, LeaseAction, LeaseOutcome, ObjectKey, Timestamp};

pub(super) fn revise(
    state: &mut State,
    object: &ObjectRef,
    revision: &Revision,
    conditions: &Conditions,
    at: Timestamp,
) -> Result<Version, CatalogError> {
    let mut version = objects::find(state, object)?.version.clone();
    let lease = objects::guard(version.lease.as_ref(), conditions)?;
    version.check_write(conditions).map_err(|_unmet| CatalogError::Refused(Refusal::PreconditionFailed))?;
    version.lease = lease;
    version.guard_archive(conditions)?;
    if revision.apply(&mut version)? {
        version.metadata.created.get_or_insert(version.modified);
        version.modified = version.modified.max(at);
        version.revision = state.next_version().0;
    }
    find_mut(state, object)?.version = version.clone();
    Ok(version)
}

pub(super) fn append(state: &mut State, append: NewAppend) -> Result<Appended, CatalogError> {
    let mut version = state.object(&append.bucket, &append.key)?.version.clone();
    version.lease = objects::check(state, &append.bucket, &append.key, &append.conditions)?;
    let offset = version.length;
    append.apply(&mut version)?;
    if state.object(&append.bucket, &append.key)?.slices.len() >= MOST_SLICES {
        return Err(CatalogError::Refused(Refusal::TooManySlices));
    }
    let length = append.part.length;
    let added = state.add(Content::Part(append.part), length, &append.bucket.tenant, 1)?;
    version.revision = state.next_version().0;
    let object = ObjectRef::current(&append.bucket, &append.key);
    let entry = find_mut(state, &object)?;
    entry.version = version.clone();
    entry.slices.extend(added.into_iter().map(|slice| PartSlice { position: offset, ..slice }));
    Ok(Appended { version, offset, slices: entry.slices.len() })
}

pub(super) fn merge(state: &mut State, merge: RunMerge, grace_until: Timestamp) -> Result<(), CatalogError> {
    let RunMerge { bucket, key, version, range, parts, part } = merge;
    let current = state.bucket(&bucket)?.objects.get(&key).filter(|object| object.version.id == version);
    let current = current.ok_or(CatalogError::Refused(Refusal::SourceChanged))?;
    let within = |slice: &PartSlice| slice.position < range.end && slice.end() > range.first;
    let (run, rest): (Vec<_>, Vec<_>) = current.slices.iter().cloned().partition(within);
    let whole = run.first().is_some_and(|first| first.position == range.first)
        && run.last().is_some_and(|last| last.end() == range.end);
    if !whole || !run.iter().map(|slice| slice.part).eq(parts) {
        return Err(CatalogError::Refused(Refusal::SourceChanged));
    }
    if part.length != range.length() {
        return Err(CatalogError::Failed(Failure::Misused("a part that is not as long as what it takes the place of")));
    }
    let length = part.length;
    let added = state.add(Content::Part(part), length, &bucket.tenant, 1)?;
    let mut slices = rest;
    slices.extend(added.into_iter().map(|slice| PartSlice { position: range.first, ..slice }));
    slices.sort_by_key(|slice| slice.position);
    find_mut(state, &ObjectRef { bucket, key, which: Which::Current })?.slices = slices;
    state.release(run, grace_until);
    Ok(())
}

pub(super) fn lease(
    state: &mut State,
    bucket: &BucketRef,
    key: Option<&ObjectKey>,
    action: &LeaseAction,
    conditions: &Conditions,
    now: Timestamp,
) -> Result<(LeaseOutcome, ETag, Timestamp), CatalogError> {
    let entry = state.bucket_mut(bucket)?;
    let (lease, tag, modified) = match key {
        Some(key) => {
            let version = &mut entry.objects.get_mut(key).ok_or(CatalogError::Refused(Refusal::NoSuchKey))?.version;
            version.check_write(conditions).map_err(|_unmet| CatalogError::Refused(Refusal::PreconditionFailed))?;
            let tag = version.state_tag();
            (&mut version.lease, tag, version.modified)
        }
        None => {
            entry.bucket.check_write(conditions)?;
            let tag = entry.bucket.state_tag();
            (&mut entry.bucket.lease, tag, entry.bucket.modified)
        }
    };
    let outcome = Lease::act(lease.as_ref(), action, now)?;
    lease.clone_from(&outcome.lease);
    Ok((outcome, tag, modified))
}

pub(super) fn find_by_tags(state: &State, query: &TagQuery) -> FoundPage {
    let mut page = FoundPage { found: Vec::new(), next: None };
    let meant = |bucket: &BucketRef| {
        bucket.tenant == query.tenant && query.bucket.as_ref().is_none_or(|name| *name == bucket.name)
    };
    let mut last = None;
    let (mut looked_at, mut bytes) = (0, 0_usize);
    for (bucket, entry) in state.buckets.iter().filter(|(bucket, _)| meant(bucket) && query.limit > 0) {
        for (key, object) in &entry.objects {
            let at = (bucket.name.clone(), key.clone());
            if query.after.as_ref().is_some_and(|after| at <= *after) {
                continue;
            }
            let tags = &object.version.metadata.tags;
            let holds = !tags.is_empty() && query.expression.holds_in(bucket.name.as_str(), tags);
            let fits = holds && query.sight.covers(&bucket.name, key.as_str());
            let found = Found { bucket: bucket.name.clone(), key: key.clone(), tags: tags.clone() };
            bytes = bytes.saturating_add(if fits { found.weight() } else { 0 });
            if fits && page.is_full(bytes, query) {
                page.next = page.found.last().map(|last| (last.bucket.clone(), last.key.clone()));
                return page;
            }
            if looked_at == state.settings.page_rows.max(1) {
                page.next = last;
                return page;
            }
            looked_at += 1;
            if fits {
                page.found.push(found);
            }
            last = Some(at);
        }
    }
    page
}

fn find_mut<'s>(state: &'s mut State, object: &ObjectRef) -> Result<&'s mut ObjectEntry, CatalogError> {
    let entry = state.bucket_mut(&object.bucket)?;
    let found = match object.which {
        Which::Current => entry.objects.get_mut(&object.key),
        Which::Snapshot(id) => entry.past.get_mut(&(object.key.clone(), id.0)).map(|past| &mut past.object),
    };
    found.ok_or(CatalogError::Refused(Refusal::NoSuchKey))
}
