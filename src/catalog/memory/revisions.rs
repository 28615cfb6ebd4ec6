//! Changes of versions in their place, leases and searches, in memory.

use super::state::{PartEntry, PartSlice, State};
use super::{buckets, objects, past};
use crate::catalog::{
    Appended, CatalogError, Content, Found, FoundPage, MOST_BLOCKS, NewAppend, ObjectRef, Revision, RunMerge, TagQuery,
    Version,
};
use crate::model::{BucketRef, Conditions, ETag, Lease, LeaseAction, LeaseOutcome, ObjectKey, Timestamp};

pub(super) fn head(state: &State, object: &ObjectRef) -> Result<Version, CatalogError> {
    match object.snapshot {
        None => objects::current(state, &object.bucket, &object.key),
        Some(id) => Ok(past::find(state, &object.bucket, &object.key, id)?.1),
    }
}

pub(super) fn revise(
    state: &mut State,
    object: &ObjectRef,
    revision: Revision,
    conditions: &Conditions,
    at: Timestamp,
) -> Result<Version, CatalogError> {
    let mut version = head(state, object)?;
    version.check_write(conditions).map_err(|_unmet| CatalogError::PreconditionFailed)?;
    let raises = !matches!(revision, Revision::Tags(_) | Revision::Tier(_));
    match object.snapshot {
        None => version.lease = objects::guard_write(state, &object.bucket, &object.key, conditions)?,
        Some(_) if raises => return Err(CatalogError::WrongKind),
        Some(_) => {}
    }
    match revision {
        Revision::User(user) => version.metadata.user = user,
        Revision::Headers { system, shown_md5 } => {
            let old = std::mem::replace(&mut version.metadata.system, *system);
            version.metadata.system.expires = old.expires;
            version.metadata.system.website_redirect = old.website_redirect;
            version.metadata.system.storage_class = old.storage_class;
            version.metadata.shown_md5 = shown_md5;
        }
        Revision::Tags(tags) => version.metadata.tags = tags,
        Revision::Tier(tier) => version.metadata.tier = tier,
        Revision::Close { length } => {
            let append = version.metadata.append.as_mut().ok_or(CatalogError::WrongKind)?;
            if length.is_some_and(|length| length != version.length) {
                return Err(CatalogError::AppendPosition);
            }
            append.closed = true;
        }
    }
    if raises {
        version.revision = state.next_version().0;
        version.modified = at;
    }
    let entry = state.bucket_mut(&object.bucket)?;
    let place = match object.snapshot {
        None => entry.objects.get_mut(&object.key),
        Some(id) => entry.past.get_mut(&(object.key.clone(), id.0)).map(|past| &mut past.object),
    };
    place.ok_or(CatalogError::NoSuchKey)?.version = Version { snapshot: None, ..version.clone() };
    if object.snapshot.is_none() {
        objects::forget_ended_lease(state, &object.bucket, &object.key)?;
    }
    Ok(version)
}

pub(super) fn append(state: &mut State, new: NewAppend) -> Result<Appended, CatalogError> {
    let mut version = objects::current(state, &new.bucket, &new.key)?;
    version.lease = objects::guard_write(state, &new.bucket, &new.key, &new.conditions)?;
    let append = version.metadata.append.as_mut().ok_or(CatalogError::WrongKind)?;
    if append.closed {
        return Err(CatalogError::AppendClosed);
    }
    let offset = version.length;
    if new.position.is_some_and(|position| position != offset) {
        return Err(CatalogError::AppendPosition);
    }
    let length = new.part.length;
    if new.most_bytes.is_some_and(|most| offset.saturating_add(length) > most) {
        return Err(CatalogError::AppendLength);
    }
    if usize::try_from(append.blocks).unwrap_or(usize::MAX) >= MOST_BLOCKS {
        return Err(CatalogError::TooManyBlocks);
    }
    append.blocks += 1;
    let added = state.add(Content::Part(new.part), length, &new.bucket.tenant)?;
    version.length = offset + length;
    version.etag = new.etag;
    version.modified = new.modified;
    version.revision = state.next_version().0;
    version.metadata.content_md5 = None;
    version.metadata.checksums.clear();
    objects::forget_ended_lease(state, &new.bucket, &new.key)?;
    let object = state.bucket_mut(&new.bucket)?.objects.get_mut(&new.key).ok_or(CatalogError::NoSuchKey)?;
    object.slices.extend(added.into_iter().map(|slice| PartSlice { position: offset, ..slice }));
    object.version = version.clone();
    Ok(Appended { version, offset, slices: object.slices.len() })
}

pub(super) fn merge_run(state: &mut State, merge: RunMerge, grace_until: Timestamp) -> Result<(), CatalogError> {
    let object = state.object(&merge.bucket, &merge.key).map_err(|_gone| CatalogError::SourceChanged)?;
    let within = |slice: &PartSlice| slice.position >= merge.range.first && slice.end() <= merge.range.end;
    let run: Vec<PartSlice> = object.slices.iter().filter(|slice| within(slice)).cloned().collect();
    let joined = run.iter().map(|slice| slice.part).eq(merge.parts.iter().copied());
    let covered: u64 = run.iter().map(|slice| slice.length).sum();
    if object.version.id != merge.version || !joined || covered != merge.range.length() {
        return Err(CatalogError::SourceChanged);
    }
    let added = state.add(Content::Part(merge.part), covered, &merge.bucket.tenant)?;
    let object = state.bucket_mut(&merge.bucket)?.objects.get_mut(&merge.key).ok_or(CatalogError::SourceChanged)?;
    object.slices.retain(|slice| !within(slice));
    object.slices.extend(added.into_iter().map(|slice| PartSlice { position: merge.range.first, ..slice }));
    object.slices.sort_by_key(|slice| slice.position);
    state.release(run, grace_until);
    debug_assert!(state.parts.values().all(|PartEntry { slices, .. }| *slices > 0), "each part has a slice");
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
    let (current, tag, modified) = match key {
        Some(key) => {
            let version = objects::current(state, bucket, key)?;
            version.check_write(conditions).map_err(|_unmet| CatalogError::PreconditionFailed)?;
            (version.lease.clone(), version.state_tag(), version.modified)
        }
        None => {
            let bucket = buckets::bucket(state, bucket)?;
            bucket.check_write(conditions)?;
            (bucket.lease.clone(), bucket.state_tag(), bucket.modified)
        }
    };
    let outcome = Lease::act(current.as_ref(), action, now)?;
    let entry = state.bucket_mut(bucket)?;
    match (key, &outcome.lease) {
        (None, lease) => entry.lease.clone_from(lease),
        (Some(key), Some(lease)) => drop(entry.leases.insert(key.clone(), lease.clone())),
        (Some(key), None) => drop(entry.leases.remove(key)),
    }
    Ok((outcome, tag, modified))
}

pub(super) fn find_by_tags(state: &State, query: &TagQuery) -> FoundPage {
    let mut page = FoundPage { found: Vec::new(), next: None };
    for (bucket, entry) in &state.buckets {
        if bucket.tenant != query.tenant || query.bucket.as_ref().is_some_and(|wanted| *wanted != bucket.name) {
            continue;
        }
        for (key, object) in &entry.objects {
            let here = (&bucket.name, key);
            let tags = &object.version.metadata.tags;
            let before = query.after.as_ref().is_some_and(|(bucket, key)| here <= (bucket, key));
            if before || tags.is_empty() || !query.expression.holds_in(bucket.name.as_str(), tags) {
                continue;
            }
            if page.found.len() == query.limit {
                page.next = page.found.last().map(|last| (last.bucket.clone(), last.key.clone()));
                return page;
            }
            page.found.push(Found { bucket: bucket.name.clone(), key: key.clone(), tags: tags.clone() });
        }
    }
    page
}
