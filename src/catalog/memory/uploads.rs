//! Uploads in memory.

use std::collections::BTreeMap;

use super::objects;
use super::state::{ObjectEntry, State, StoredPart, UploadEntry};
use crate::catalog::slices::Joined;
use crate::catalog::{
    CatalogError, Completed, Completion, Failure, MOST_SLICES, MOST_SLICES_OF_PIECE, NewUpload, NewUploadPart, Refusal,
    UploadId, Version,
};
use crate::model::{BucketRef, ObjectKey, Timestamp};

pub(super) fn create(state: &mut State, new: NewUpload) -> Result<(), CatalogError> {
    let bucket = state.bucket_mut(&new.bucket)?;
    let name = (new.upload.key.clone(), new.upload.id.clone());
    if bucket.uploads.contains_key(&name) {
        return Err(CatalogError::Failed(Failure::Misused("an upload id that was used before")));
    }
    bucket.uploads.insert(name, UploadEntry { upload: new.upload, parts: BTreeMap::new() });
    Ok(())
}

pub(super) fn put_part(state: &mut State, new: NewUploadPart, grace_until: Timestamp) -> Result<(), CatalogError> {
    state.upload(&new.bucket, &new.key, &new.upload)?;
    let (number, length) = (new.part.number, new.part.length);
    if !(1..=10_000).contains(&number) {
        return Err(CatalogError::Refused(Refusal::InvalidPart { number }));
    }
    let slices = state.add(new.content, length, &new.bucket.tenant, MOST_SLICES_OF_PIECE)?;
    let uploads = &mut state.bucket_mut(&new.bucket)?.uploads;
    let upload = uploads.get_mut(&(new.key, new.upload)).ok_or(CatalogError::Refused(Refusal::NoSuchUpload))?;
    if let Some((_, old)) = upload.parts.insert(number, (new.part, slices)) {
        state.release(old, grace_until);
    }
    Ok(())
}

pub(super) fn complete(
    state: &mut State,
    completion: Completion,
    grace_until: Timestamp,
) -> Result<Completed, CatalogError> {
    let Completion { bucket, key, upload: id, parts, etag, modified, metadata, conditions } = completion;
    if state.upload(&bucket, &key, &id).is_err() {
        let current = state.bucket(&bucket)?.objects.get(&key).ok_or(CatalogError::Refused(Refusal::NoSuchUpload))?;
        let equal = current.origin.as_ref().is_some_and(|(upload, named)| *upload == id && *named == parts);
        let version = current.version.clone();
        return if equal {
            Ok(Completed { version, repeated: true })
        } else {
            Err(CatalogError::Refused(Refusal::NoSuchUpload))
        };
    }
    let lease = objects::check(state, &bucket, &key, &conditions)?;
    let stored = &state.upload(&bucket, &key, &id)?.parts;
    check_parts(stored, &parts)?;
    let mut joined = Joined::up_to(MOST_SLICES);
    let mut part_lengths = Vec::new();
    for (part, slices) in parts.iter().filter_map(|(number, _)| stored.get(number)) {
        slices.iter().try_for_each(|slice| joined.add(*slice))?;
        part_lengths.push(part.length);
    }
    let (length, slices) = (joined.length(), joined.into_slices());
    state.count(&slices);
    let upload = state.bucket_mut(&bucket)?.uploads.remove(&(key.clone(), id.clone()));
    let stored = upload.ok_or(CatalogError::Refused(Refusal::NoSuchUpload))?.parts;
    stored.into_values().for_each(|(_, slices)| state.release(slices, grace_until));
    let version = Version {
        id: state.next_version(),
        key,
        length,
        etag,
        modified,
        metadata,
        part_lengths,
        revision: state.last_version,
        snapshot: None,
        lease,
    };
    let object = ObjectEntry { version, slices, blocks: Vec::new(), origin: Some((id, parts)) };
    let version = objects::replace(state, &bucket, object, grace_until)?;
    Ok(Completed { version, repeated: false })
}

pub(super) fn abort(
    state: &mut State,
    bucket: &BucketRef,
    key: &ObjectKey,
    id: &UploadId,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let upload = state.bucket_mut(bucket)?.uploads.remove(&(key.clone(), id.clone()));
    let parts = upload.ok_or(CatalogError::Refused(Refusal::NoSuchUpload))?.parts;
    parts.into_values().for_each(|(_, slices)| state.release(slices, grace_until));
    Ok(())
}

/// Each part must be there with its tag, and numbers must grow.
fn check_parts(stored: &BTreeMap<u32, StoredPart>, parts: &[(u32, crate::model::ETag)]) -> Result<(), CatalogError> {
    if parts.is_empty() {
        return Err(CatalogError::Refused(Refusal::InvalidPart { number: 0 }));
    }
    let mut before = 0;
    for (number, etag) in parts {
        let fits = stored.get(number).is_some_and(|(part, _)| part.etag == *etag);
        if !fits || *number <= before {
            return Err(CatalogError::Refused(Refusal::InvalidPart { number: *number }));
        }
        before = *number;
    }
    Ok(())
}
