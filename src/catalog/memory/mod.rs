//! The catalog in memory: the reference that others are compared with, and what tests use. Not durable.
//!
//! # Invariants
//! - One lock around one state. Each method checks first and changes last, so a failure changes nothing.
//! - Simple before fast: a page of names looks at every name of its bucket.

mod audit;
mod belonging;
mod blocks;
mod bucket_tags;
mod buckets;
mod changes;
mod cors;
mod deletions;
mod listing;
mod objects;
mod past;
mod quotas;
mod scrub;
mod state;
mod uploads;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::slices::Rest;
use super::{
    Appended, BlockCommit, BlockCursor, BlockLists, BlockPage, Bucket, BucketPage, BucketQuery, BucketRevision,
    Catalog, CatalogError, CatalogSettings, Completed, Completion, Deletion, DeletionQueue, Failure, FoundPage,
    ListPage, ListQuery, MoreSlices, NewAppend, NewBlock, NewUpload, NewUploadPart, NewVersion, ObjectRef,
    OpenedVersion, QueuedDeletion, Refusal, Revision, RunMerge, ScrubFault, ScrubPart, ScrubResult, ScrubRound, Select,
    SlicePage, TagQuery, Upload, UploadId, UploadPage, UploadPart, UploadQuery, Version,
};
use crate::model::{
    BucketRef, ClientId, Conditions, ETag, LeaseAction, LeaseOutcome, ObjectKey, PartBlock, PartId, ProviderName,
    Quotas, SnapshotId, TenantId, Timestamp, Usage, WrappedTenantKey,
};
use crate::secret::fill_random;
use state::State;

/// The catalog in memory.
#[derive(Default)]
pub struct MemoryCatalog {
    state: Mutex<State>,
}

impl MemoryCatalog {
    /// An empty catalog with these settings.
    pub fn with_settings(settings: CatalogSettings) -> Self {
        Self { state: Mutex::new(State { settings, ..State::default() }) }
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> Result<T, CatalogError>) -> Result<T, CatalogError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return Err(CatalogError::Failed(Failure::Closed));
        }
        if state.quotas.is_empty() && state.bucket_quotas.is_empty() {
            return work(&mut state);
        }
        // Undone as a whole when it gave a client or a bucket too much.
        let (before, kept) = (quotas::Before::of(&state), state.clone());
        let outcome = work(&mut state).and_then(|done| before.check(&state).map(|()| done));
        if matches!(outcome, Err(CatalogError::Refused(Refusal::QuotaExceeded))) {
            *state = kept;
        }
        outcome
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

    async fn time_kept(&self) -> Result<Option<Timestamp>, CatalogError> {
        self.with(|state| Ok(state.time))
    }

    async fn keep_time(&self, now: Timestamp) -> Result<(), CatalogError> {
        self.with(|state| {
            state.time = Some(now);
            Ok(())
        })
    }

    async fn shorten_leases(&self, now: Timestamp) -> Result<(), CatalogError> {
        self.with(|state| {
            for entry in state.buckets.values_mut() {
                let objects = entry.objects.values_mut().map(|object| &mut object.version.lease);
                objects.chain([&mut entry.bucket.lease]).flatten().for_each(|lease| lease.shorten(now));
            }
            Ok(())
        })
    }

    async fn set_quotas(&self, quotas: Quotas) -> Result<(), CatalogError> {
        self.with(|state| {
            state.quotas = quotas.clients.into_iter().filter(|(_, quota)| !quota.is_unlimited()).collect();
            state.bucket_quotas = quotas.buckets.into_iter().filter(|(_, quota)| !quota.is_unlimited()).collect();
            Ok(())
        })
    }

    async fn usage_of_buckets(&self, buckets: Vec<BucketRef>) -> Result<Vec<Usage>, CatalogError> {
        self.with(|state| Ok(buckets.iter().map(|bucket| quotas::held(state, bucket)).collect()))
    }

    async fn usage(&self) -> Result<Vec<(ClientId, Usage)>, CatalogError> {
        self.with(|state| Ok(quotas::usage(state).into_iter().collect()))
    }

    async fn create_bucket(
        &self,
        bucket: &BucketRef,
        created: Timestamp,
        user: &BTreeMap<String, String>,
    ) -> Result<Bucket, CatalogError> {
        self.with(|state| buckets::create(state, bucket, created, user))
    }

    async fn delete_bucket(&self, bucket: &BucketRef) -> Result<(), CatalogError> {
        self.with(|state| buckets::delete(state, bucket))
    }

    async fn drop_bucket(&self, bucket: &BucketRef, conditions: &Conditions) -> Result<(), CatalogError> {
        self.with(|state| buckets::drop_bucket(state, bucket, conditions))
    }

    async fn restore_bucket(&self, bucket: &BucketRef, id: i64) -> Result<Bucket, CatalogError> {
        self.with(|state| buckets::restore(state, bucket, id))
    }

    async fn revise_bucket(
        &self,
        bucket: &BucketRef,
        revision: BucketRevision,
        conditions: &Conditions,
        at: Timestamp,
    ) -> Result<Bucket, CatalogError> {
        self.with(|state| buckets::revise(state, bucket, revision, conditions, at))
    }

    async fn purge(&self, now: Timestamp, limit: usize, grace_until: Timestamp) -> Result<bool, CatalogError> {
        self.with(|state| Ok(buckets::purge(state, now, limit, grace_until)))
    }

    async fn bucket(&self, bucket: &BucketRef) -> Result<Bucket, CatalogError> {
        self.with(|state| Ok(state.bucket(bucket)?.bucket.clone()))
    }

    async fn buckets(&self, query: &BucketQuery) -> Result<BucketPage, CatalogError> {
        self.with(|state| buckets::page(state, query))
    }

    async fn commit(&self, version: NewVersion, grace_until: Timestamp) -> Result<Version, CatalogError> {
        self.with(|state| objects::commit(state, version, grace_until))
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

    async fn head(&self, object: &ObjectRef) -> Result<Version, CatalogError> {
        self.with(|state| Ok(objects::find(state, object)?.version.clone()))
    }

    async fn open(&self, object: &ObjectRef, select: Select) -> Result<OpenedVersion, CatalogError> {
        self.with(|state| objects::open(state, object, select))
    }

    async fn more_slices(&self, more: &MoreSlices) -> Result<SlicePage, CatalogError> {
        match &more.rest {
            Rest::Kept(slices) => Ok(SlicePage::of_kept(Arc::clone(slices), more.range)),
            Rest::Rows(_) => Err(CatalogError::Failed(Failure::Misused("slices of another catalog"))),
        }
    }

    async fn revise(
        &self,
        object: &ObjectRef,
        revision: Revision,
        conditions: &Conditions,
        at: Timestamp,
    ) -> Result<Version, CatalogError> {
        self.with(|state| changes::revise(state, object, &revision, conditions, at))
    }

    async fn snapshot(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        user: Option<BTreeMap<String, String>>,
        conditions: &Conditions,
        taken: SnapshotId,
    ) -> Result<Version, CatalogError> {
        self.with(|state| past::take(state, bucket, key, user, conditions, taken))
    }

    async fn delete_as(&self, deletion: Deletion, grace_until: Timestamp) -> Result<(), CatalogError> {
        self.with(|state| past::delete(state, &deletion, grace_until))
    }

    async fn restore(&self, bucket: &BucketRef, key: &ObjectKey, grace_until: Timestamp) -> Result<(), CatalogError> {
        self.with(|state| past::restore(state, bucket, key, grace_until))
    }

    async fn lease(
        &self,
        bucket: &BucketRef,
        key: Option<&ObjectKey>,
        action: &LeaseAction,
        conditions: &Conditions,
        now: Timestamp,
    ) -> Result<(LeaseOutcome, ETag, Timestamp), CatalogError> {
        self.with(|state| changes::lease(state, bucket, key, action, conditions, now))
    }

    async fn find_by_tags(&self, query: &TagQuery) -> Result<FoundPage, CatalogError> {
        self.with(|state| Ok(changes::find_by_tags(state, query)))
    }

    async fn append(&self, append: NewAppend, _grace_until: Timestamp) -> Result<Appended, CatalogError> {
        self.with(|state| changes::append(state, append))
    }

    async fn merge_run(&self, merge: RunMerge, grace_until: Timestamp) -> Result<(), CatalogError> {
        self.with(|state| changes::merge(state, merge, grace_until))
    }

    async fn put_block(&self, block: NewBlock, grace_until: Timestamp) -> Result<(), CatalogError> {
        self.with(|state| blocks::put(state, block, grace_until))
    }

    async fn blocks(&self, object: &ObjectRef) -> Result<BlockLists, CatalogError> {
        self.with(|state| blocks::lists(state, object))
    }

    async fn more_blocks(&self, cursor: &BlockCursor) -> Result<BlockPage, CatalogError> {
        self.with(|state| blocks::more(state, cursor.clone()))
    }

    async fn commit_blocks(&self, commit: BlockCommit, grace_until: Timestamp) -> Result<Version, CatalogError> {
        self.with(|state| blocks::commit(state, commit, grace_until))
    }

    async fn drop_stale_blocks(
        &self,
        before: Timestamp,
        limit: usize,
        grace_until: Timestamp,
    ) -> Result<usize, CatalogError> {
        self.with(|state| blocks::drop_stale(state, before, limit, grace_until))
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
        fill_random(&mut prefix).map_err(|error| CatalogError::Failed(Failure::Io(std::io::Error::other(error))))?;
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
            state.aside.retain(|(aside, _)| aside != block);
            Ok(())
        })
    }

    async fn queue_deletions(&self, parts: Vec<QueuedDeletion>, due: Timestamp) -> Result<(), CatalogError> {
        self.with(|state| {
            if parts.iter().any(|part| state.parts.contains_key(&part.part)) {
                return Err(CatalogError::Refused(Refusal::Committed));
            }
            deletions::queue(state, parts, due);
            Ok(())
        })
    }

    async fn look_again(&self, parts: Vec<QueuedDeletion>, at: Timestamp) -> Result<(), CatalogError> {
        self.with(|state| {
            deletions::look_again(state, parts, at);
            Ok(())
        })
    }

    async fn requeue_looks(&self, now: Timestamp, limit: usize) -> Result<usize, CatalogError> {
        self.with(|state| Ok(deletions::requeue_looks(state, now, limit)))
    }

    async fn set_block_aside(&self, block: &PartBlock, at: Timestamp) -> Result<(), CatalogError> {
        self.with(|state| {
            state.blocks.retain(|open| open != block);
            state.aside.push((block.clone(), at));
            Ok(())
        })
    }

    async fn blocks_aside(&self, now: Timestamp) -> Result<Vec<PartBlock>, CatalogError> {
        self.with(|state| Ok(state.aside.iter().filter(|(_, at)| *at <= now).map(|(block, _)| block.clone()).collect()))
    }

    async fn due_deletions(
        &self,
        provider: &ProviderName,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<QueuedDeletion>, CatalogError> {
        self.with(|state| Ok(deletions::due(state, provider, now, limit)))
    }

    async fn hasten_deletions(&self, latest: Timestamp) -> Result<(), CatalogError> {
        self.with(|state| {
            deletions::hasten(state, latest);
            Ok(())
        })
    }

    async fn postpone_deletions(&self, failed: Vec<QueuedDeletion>, now: Timestamp) -> Result<(), CatalogError> {
        self.with(|state| {
            deletions::postpone(state, &failed, now);
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

    async fn deletion_queue(&self) -> Result<DeletionQueue, CatalogError> {
        self.with(|state| Ok(deletions::queue_state(state)))
    }

    async fn parts_at(
        &self,
        provider: &ProviderName,
        after: Option<PartId>,
        limit: usize,
    ) -> Result<Vec<ScrubPart>, CatalogError> {
        self.with(|state| Ok(scrub::parts(state, provider, after, limit)))
    }

    async fn count_parts_at(&self, provider: &ProviderName) -> Result<u64, CatalogError> {
        self.with(|state| Ok(scrub::count(state, provider)))
    }

    async fn scrub_round(&self, provider: &ProviderName) -> Result<Option<ScrubRound>, CatalogError> {
        self.with(|state| Ok(state.rounds.get(provider).cloned()))
    }

    async fn save_scrub(
        &self,
        provider: &ProviderName,
        round: &ScrubRound,
        from: Option<PartId>,
        faults: Vec<(PartId, ScrubFault)>,
    ) -> Result<ScrubResult, CatalogError> {
        self.with(|state| Ok(scrub::save(state, provider, round, from, faults)))
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
