//! The catalog in memory: the reference that others are compared with, and what tests use. Not durable.
//!
//! # Invariants
//! - One lock around one state. Each method checks first and changes last, so a failure changes nothing.
//! - Simple before fast: a page of names looks at every name of its bucket.

mod audit;
mod listing;
mod objects;
mod state;
mod uploads;

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{
    Bucket, Catalog, CatalogError, Completed, Completion, ListPage, ListQuery, NewUpload, NewUploadPart, NewVersion,
    OpenedVersion, QueuedDeletion, Select, Upload, UploadId, UploadPage, UploadPart, UploadQuery, Version,
};
use crate::model::{BucketRef, Conditions, ObjectKey, PartBlock, PartId, TenantId, Timestamp, WrappedTenantKey};
use crate::secret::fill_random;
use state::State;

/// The catalog in memory.
#[derive(Default)]
pub struct MemoryCatalog {
    state: Mutex<State>,
}

impl MemoryCatalog {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> Result<T, CatalogError>) -> Result<T, CatalogError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return Err(CatalogError::Closed);
        }
        work(&mut state)
    }
}

#[async_trait]
impl Catalog for MemoryCatalog {
    async fn canary(&self) -> Result<Option<Vec<u8>>, CatalogError> {
        self.with(|state| Ok(state.canary.clone()))
    }

    async fn put_canary(&self, canary: Vec<u8>) -> Result<Vec<u8>, CatalogError> {
        self.with(|state| Ok(state.canary.get_or_insert(canary).clone()))
    }

    async fn tenant_keys(&self) -> Result<Vec<WrappedTenantKey>, CatalogError> {
        self.with(|state| Ok(state.all_tenant_keys()))
    }

    async fn add_tenant_keys(&self, keys: Vec<WrappedTenantKey>) -> Result<Vec<WrappedTenantKey>, CatalogError> {
        self.with(|state| {
            for key in keys {
                let name = (key.tenant.clone(), key.purpose.as_str(), key.version);
                state.tenant_keys.entry(name).or_insert(key);
            }
            Ok(state.all_tenant_keys())
        })
    }

    async fn create_bucket(&self, bucket: &BucketRef, created: Timestamp) -> Result<(), CatalogError> {
        self.with(|state| objects::create_bucket(state, bucket, created))
    }

    async fn delete_bucket(&self, bucket: &BucketRef) -> Result<(), CatalogError> {
        self.with(|state| objects::delete_bucket(state, bucket))
    }

    async fn bucket(&self, bucket: &BucketRef) -> Result<Bucket, CatalogError> {
        self.with(|state| Ok(Bucket { name: bucket.name.clone(), created: state.bucket(bucket)?.created }))
    }

    async fn buckets(&self, tenant: &TenantId) -> Result<Vec<Bucket>, CatalogError> {
        self.with(|state| Ok(objects::buckets(state, tenant)))
    }

    async fn commit(&self, version: NewVersion, grace_until: Timestamp) -> Result<Version, CatalogError> {
        self.with(|state| objects::commit(state, version, grace_until))
    }

    async fn head(&self, bucket: &BucketRef, key: &ObjectKey) -> Result<Version, CatalogError> {
        self.with(|state| Ok(state.object(bucket, key)?.version.clone()))
    }

    async fn open(&self, bucket: &BucketRef, key: &ObjectKey, select: Select) -> Result<OpenedVersion, CatalogError> {
        self.with(|state| objects::open(state, bucket, key, select))
    }

    async fn delete(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        conditions: &Conditions,
        grace_until: Timestamp,
    ) -> Result<bool, CatalogError> {
        self.with(|state| objects::delete(state, bucket, key, conditions, grace_until))
    }

    async fn list(&self, query: &ListQuery) -> Result<ListPage, CatalogError> {
        self.with(|state| listing::list(state, query))
    }

    async fn create_upload(&self, upload: NewUpload) -> Result<(), CatalogError> {
        self.with(|state| uploads::create(state, upload))
    }

    async fn upload(&self, bucket: &BucketRef, key: &ObjectKey, id: &UploadId) -> Result<Upload, CatalogError> {
        self.with(|state| Ok(state.upload(bucket, key, id)?.upload.clone()))
    }

    async fn put_upload_part(&self, part: NewUploadPart, grace_until: Timestamp) -> Result<(), CatalogError> {
        self.with(|state| uploads::put_part(state, part, grace_until))
    }

    async fn upload_parts(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        id: &UploadId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<UploadPart>, CatalogError> {
        self.with(|state| {
            let parts = state.upload(bucket, key, id)?.parts.values();
            Ok(parts.map(|(part, _)| part.clone()).filter(|part| part.number > after).take(limit).collect())
        })
    }

    async fn complete_upload(&self, completion: Completion, grace_until: Timestamp) -> Result<Completed, CatalogError> {
        self.with(|state| uploads::complete(state, completion, grace_until))
    }

    async fn abort_upload(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        id: &UploadId,
        grace_until: Timestamp,
    ) -> Result<(), CatalogError> {
        self.with(|state| uploads::abort(state, bucket, key, id, grace_until))
    }

    async fn list_uploads(&self, query: &UploadQuery) -> Result<UploadPage, CatalogError> {
        self.with(|state| listing::list_uploads(state, query))
    }

    async fn reserve_parts(&self, tenant: &TenantId, count: u32) -> Result<PartBlock, CatalogError> {
        let mut prefix = [0; 12];
        fill_random(&mut prefix).map_err(|error| CatalogError::Io(std::io::Error::other(error)))?;
        let block = PartBlock { tenant: tenant.clone(), prefix, count };
        self.with(|state| {
            state.blocks.push(block.clone());
            Ok(block)
        })
    }

    async fn open_blocks(&self) -> Result<Vec<PartBlock>, CatalogError> {
        self.with(|state| Ok(state.blocks.clone()))
    }

    async fn settled_parts(&self, block: &PartBlock) -> Result<Vec<PartId>, CatalogError> {
        self.with(|state| {
            let ids = (0..block.count).filter_map(|counter| block.id(counter));
            Ok(ids.filter(|id| state.parts.contains_key(id) || state.is_queued(id)).collect())
        })
    }

    async fn close_block(&self, block: &PartBlock) -> Result<(), CatalogError> {
        self.with(|state| {
            state.blocks.retain(|open| open != block);
            Ok(())
        })
    }

    async fn queue_deletions(&self, parts: Vec<QueuedDeletion>, due: Timestamp) -> Result<(), CatalogError> {
        self.with(|state| {
            if parts.iter().any(|part| state.parts.contains_key(&part.part)) {
                return Err(CatalogError::Damaged("a committed part must not be queued for deletion"));
            }
            parts.into_iter().for_each(|part| state.queue(part, due));
            Ok(())
        })
    }

    async fn due_deletions(&self, now: Timestamp, limit: usize) -> Result<Vec<QueuedDeletion>, CatalogError> {
        self.with(|state| {
            let mut due: Vec<_> = state.deletions.iter().filter(|(_, (_, due))| *due <= now).collect();
            due.sort_by_key(|(name, (_, due))| (*due, (*name).clone()));
            Ok(due.into_iter().take(limit).map(|(_, (part, _))| part.clone()).collect())
        })
    }

    async fn hasten_deletions(&self, latest: Timestamp) -> Result<(), CatalogError> {
        self.with(|state| {
            state.deletions.values_mut().for_each(|(_, due)| *due = latest.min(*due));
            Ok(())
        })
    }

    async fn finish_deletions(&self, done: Vec<QueuedDeletion>) -> Result<(), CatalogError> {
        self.with(|state| {
            for part in done {
                state.deletions.remove(&(part.part, part.provider));
            }
            Ok(())
        })
    }

    async fn deletions_waiting(&self) -> Result<u64, CatalogError> {
        self.with(|state| Ok(u64::try_from(state.deletions.len()).unwrap_or(u64::MAX)))
    }

    async fn probe(&self) -> Result<(), CatalogError> {
        self.with(|_state| Ok(()))
    }

    async fn audit(&self) -> Result<Vec<String>, CatalogError> {
        self.with(|state| Ok(audit::audit(state)))
    }

    async fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
    }
}
