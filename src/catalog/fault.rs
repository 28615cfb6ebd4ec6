//! A decorator whose commits fail on command, for tests.
//!
//! # Invariants
//! - What a fault does is a function of the plan and the order of the writes: no chance, no clock.
//! - A commit that fails leaves nothing ([`CommitFault::Before`]) or all of it ([`CommitFault::After`]), never half.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use super::{
    Appended, Belonging, BlockCommit, BlockCursor, BlockLists, BlockPage, Bucket, BucketPage, BucketQuery,
    BucketRevision, BucketTagging, Catalog, CatalogError, Completed, Completion, CrossOrigins, Deletion, DeletionQueue,
    Failure, FoundPage, ListPage, ListQuery, MoreSlices, NewAppend, NewBlock, NewUpload, NewUploadPart, NewVersion,
    ObjectRef, OpenedVersion, QueuedDeletion, Revision, RunMerge, ScrubFault, ScrubPart, ScrubResult, ScrubRound,
    Select, SlicePage, TagQuery, Upload, UploadId, UploadPage, UploadPart, UploadQuery, Version,
};
use crate::model::{
    BucketName, BucketRef, CatalogIdentity, ClientId, Conditions, CorsPlace, CorsRule, ETag, EpochEntry, Epochs,
    LeaseAction, LeaseOutcome, ObjectKey, Part, PartBlock, PartId, ProviderName, Quotas, SnapshotId, Tags, TenantId,
    Timestamp, Usage, WrappedTenantKey,
};

/// What goes wrong at a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitFault {
    /// It fails, and nothing of it is there.
    Before,
    /// It is durable, but its caller is told that the engine failed.
    After,
    /// It does not begin until [`CommitFaults::release`].
    Stall,
    /// It is durable, but its answer does not come until [`CommitFaults::release`].
    StallAfter,
}

/// Which writes go wrong. Clones share one plan, which may be changed at any time.
#[derive(Debug, Clone, Default)]
pub struct CommitFaults(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    plan: Mutex<Plan>,
    released: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Plan {
    writes: u64,
    on: Vec<(u64, CommitFault)>,
    full: bool,
    mute: bool,
}

impl CommitFaults {
    /// The `nth` write from now on (the first is 1) meets `fault`.
    pub fn on(&self, nth: u64, fault: CommitFault) {
        let mut plan = self.plan();
        let at = plan.writes.saturating_add(nth);
        plan.on.push((at, fault));
    }

    /// Full: every write fails at once, as on a disk without space. Reads go on. Not full: as planned.
    pub fn set_full(&self, full: bool) {
        self.plan().full = full;
    }

    /// Mute: neither the canary nor a name's rules come until [`release`](Self::release), as from a catalog that is slow.
    pub fn set_mute(&self, mute: bool) {
        self.plan().mute = mute;
    }

    /// Forgets every fault. What stalls goes on stalling.
    pub fn clear(&self) {
        let mut plan = self.plan();
        plan.on.clear();
        plan.full = false;
        plan.mute = false;
    }

    /// Lets everything go on that stalls now.
    pub fn release(&self) {
        self.0.released.send_modify(|turn| *turn += 1);
    }

    /// How many writes have come.
    pub fn writes(&self) -> u64 {
        self.plan().writes
    }

    fn next(&self) -> Option<CommitFault> {
        let mut plan = self.plan();
        plan.writes += 1;
        let now = plan.writes;
        let planned = plan.on.iter().find(|(at, _)| *at == now).map(|(_, fault)| *fault);
        if plan.full { Some(CommitFault::Before) } else { planned }
    }

    async fn stalled(&self) {
        let mut released = self.0.released.subscribe();
        released.mark_unchanged();
        // The sender lives as long as `self`.
        let _closed = released.changed().await;
    }

    async fn meet<T>(&self, write: impl Future<Output = Result<T, CatalogError>> + Send) -> Result<T, CatalogError> {
        match self.next() {
            None => write.await,
            Some(CommitFault::Before) => Err(planned()),
            Some(CommitFault::After) => write.await.and(Err(planned())),
            Some(CommitFault::Stall) => {
                self.stalled().await;
                write.await
            }
            Some(CommitFault::StallAfter) => {
                let done = write.await;
                self.stalled().await;
                done
            }
        }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Its writes fail as planned.
pub struct FaultyCatalog {
    inner: Arc<dyn Catalog>,
    faults: CommitFaults,
}

impl FaultyCatalog {
    /// Calls `inner`, except as planned.
    pub fn new(inner: Arc<dyn Catalog>, faults: CommitFaults) -> Self {
        Self { inner, faults }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Belonging for FaultyCatalog {
    async fn identity(&self) -> Result<Option<CatalogIdentity>, CatalogError> {
        self.inner.identity().await
    }

    async fn put_identity(&self, identity: CatalogIdentity) -> Result<CatalogIdentity, CatalogError> {
        self.faults.meet(self.inner.put_identity(identity)).await
    }

    async fn epochs(&self) -> Result<Epochs, CatalogError> {
        self.inner.epochs().await
    }

    async fn intend_epoch(&self, entry: EpochEntry) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.intend_epoch(entry)).await
    }

    async fn enter_epoch(&self, entry: EpochEntry) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.enter_epoch(entry)).await
    }

    async fn marked_providers(&self) -> Result<Vec<ProviderName>, CatalogError> {
        self.inner.marked_providers().await
    }

    async fn mark_provider(&self, provider: &ProviderName) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.mark_provider(provider)).await
    }

    async fn providers_in_use(&self) -> Result<Vec<ProviderName>, CatalogError> {
        self.inner.providers_in_use().await
    }

    async fn sample_at(&self, provider: &ProviderName, limit: usize) -> Result<Vec<(TenantId, Part)>, CatalogError> {
        self.inner.sample_at(provider, limit).await
    }

    async fn doomed_at(
        &self,
        provider: &ProviderName,
        after: Option<PartId>,
        limit: usize,
    ) -> Result<Vec<QueuedDeletion>, CatalogError> {
        self.inner.doomed_at(provider, after, limit).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl BucketTagging for FaultyCatalog {
    async fn bucket_tags(&self, bucket: &BucketRef) -> Result<Tags, CatalogError> {
        self.inner.bucket_tags(bucket).await
    }

    async fn set_bucket_tags(&self, bucket: &BucketRef, tags: Tags) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.set_bucket_tags(bucket, tags)).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl CrossOrigins for FaultyCatalog {
    async fn cors(&self, place: &CorsPlace) -> Result<Vec<CorsRule>, CatalogError> {
        self.inner.cors(place).await
    }

    async fn cors_of_name(&self, name: &BucketName) -> Result<Vec<Vec<CorsRule>>, CatalogError> {
        if self.faults.plan().mute {
            self.faults.stalled().await;
        }
        self.inner.cors_of_name(name).await
    }

    async fn cors_of_accounts(&self) -> Result<Vec<Vec<CorsRule>>, CatalogError> {
        self.inner.cors_of_accounts().await
    }

    async fn set_cors(&self, place: &CorsPlace, rules: Vec<CorsRule>) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.set_cors(place, rules)).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Catalog for FaultyCatalog {
    async fn canary(&self) -> Result<Option<Vec<u8>>, CatalogError> {
        if self.faults.plan().mute {
            self.faults.stalled().await;
        }
        self.inner.canary().await
    }

    async fn put_canary(&self, canary: Vec<u8>) -> Result<Vec<u8>, CatalogError> {
        self.faults.meet(self.inner.put_canary(canary)).await
    }

    async fn tenant_keys(&self) -> Result<Vec<WrappedTenantKey>, CatalogError> {
        self.inner.tenant_keys().await
    }

    async fn add_tenant_keys(&self, keys: Vec<WrappedTenantKey>) -> Result<Vec<WrappedTenantKey>, CatalogError> {
        self.faults.meet(self.inner.add_tenant_keys(keys)).await
    }

    async fn time_kept(&self) -> Result<Option<Timestamp>, CatalogError> {
        self.inner.time_kept().await
    }

    async fn keep_time(&self, now: Timestamp) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.keep_time(now)).await
    }

    async fn shorten_leases(&self, now: Timestamp) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.shorten_leases(now)).await
    }

    async fn set_quotas(&self, quotas: Quotas) -> Result<(), CatalogError> {
        self.inner.set_quotas(quotas).await
    }

    async fn usage_of_buckets(&self, buckets: Vec<BucketRef>) -> Result<Vec<Usage>, CatalogError> {
        self.inner.usage_of_buckets(buckets).await
    }

    async fn usage(&self) -> Result<Vec<(ClientId, Usage)>, CatalogError> {
        self.inner.usage().await
    }

    async fn create_bucket(
        &self,
        bucket: &BucketRef,
        created: Timestamp,
        user: &BTreeMap<String, String>,
    ) -> Result<Bucket, CatalogError> {
        self.faults.meet(self.inner.create_bucket(bucket, created, user)).await
    }

    async fn drop_bucket(&self, bucket: &BucketRef, conditions: &Conditions) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.drop_bucket(bucket, conditions)).await
    }

    async fn restore_bucket(&self, bucket: &BucketRef, id: i64) -> Result<Bucket, CatalogError> {
        self.faults.meet(self.inner.restore_bucket(bucket, id)).await
    }

    async fn revise_bucket(
        &self,
        bucket: &BucketRef,
        revision: BucketRevision,
        conditions: &Conditions,
        at: Timestamp,
    ) -> Result<Bucket, CatalogError> {
        self.faults.meet(self.inner.revise_bucket(bucket, revision, conditions, at)).await
    }

    async fn purge(&self, now: Timestamp, limit: usize, grace_until: Timestamp) -> Result<bool, CatalogError> {
        self.faults.meet(self.inner.purge(now, limit, grace_until)).await
    }

    async fn delete_bucket(&self, bucket: &BucketRef) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.delete_bucket(bucket)).await
    }

    async fn bucket(&self, bucket: &BucketRef) -> Result<Bucket, CatalogError> {
        self.inner.bucket(bucket).await
    }

    async fn buckets(&self, query: &BucketQuery) -> Result<BucketPage, CatalogError> {
        self.inner.buckets(query).await
    }

    async fn commit(&self, version: NewVersion, grace_until: Timestamp) -> Result<Version, CatalogError> {
        self.faults.meet(self.inner.commit(version, grace_until)).await
    }

    async fn delete(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        conditions: &Conditions,
        grace_until: Timestamp,
    ) -> Result<bool, CatalogError> {
        self.faults.meet(self.inner.delete(bucket, key, conditions, grace_until)).await
    }

    async fn list(&self, query: &ListQuery) -> Result<ListPage, CatalogError> {
        self.inner.list(query).await
    }

    async fn head(&self, object: &ObjectRef) -> Result<Version, CatalogError> {
        self.inner.head(object).await
    }

    async fn open(&self, object: &ObjectRef, select: Select) -> Result<OpenedVersion, CatalogError> {
        self.inner.open(object, select).await
    }

    async fn more_slices(&self, more: &MoreSlices) -> Result<SlicePage, CatalogError> {
        self.inner.more_slices(more).await
    }

    async fn revise(
        &self,
        object: &ObjectRef,
        revision: Revision,
        conditions: &Conditions,
        at: Timestamp,
    ) -> Result<Version, CatalogError> {
        self.faults.meet(self.inner.revise(object, revision, conditions, at)).await
    }

    async fn snapshot(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        user: Option<BTreeMap<String, String>>,
        conditions: &Conditions,
        taken: SnapshotId,
    ) -> Result<Version, CatalogError> {
        self.faults.meet(self.inner.snapshot(bucket, key, user, conditions, taken)).await
    }

    async fn delete_as(&self, deletion: Deletion, grace_until: Timestamp) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.delete_as(deletion, grace_until)).await
    }

    async fn restore(&self, bucket: &BucketRef, key: &ObjectKey, grace_until: Timestamp) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.restore(bucket, key, grace_until)).await
    }

    async fn lease(
        &self,
        bucket: &BucketRef,
        key: Option<&ObjectKey>,
        action: &LeaseAction,
        conditions: &Conditions,
        now: Timestamp,
    ) -> Result<(LeaseOutcome, ETag, Timestamp), CatalogError> {
        self.faults.meet(self.inner.lease(bucket, key, action, conditions, now)).await
    }

    async fn find_by_tags(&self, query: &TagQuery) -> Result<FoundPage, CatalogError> {
        self.inner.find_by_tags(query).await
    }

    async fn append(&self, append: NewAppend, grace_until: Timestamp) -> Result<Appended, CatalogError> {
        self.faults.meet(self.inner.append(append, grace_until)).await
    }

    async fn merge_run(&self, merge: RunMerge, grace_until: Timestamp) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.merge_run(merge, grace_until)).await
    }

    async fn put_block(&self, block: NewBlock, grace_until: Timestamp) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.put_block(block, grace_until)).await
    }

    async fn blocks(&self, object: &ObjectRef) -> Result<BlockLists, CatalogError> {
        self.inner.blocks(object).await
    }

    async fn more_blocks(&self, cursor: &BlockCursor) -> Result<BlockPage, CatalogError> {
        self.inner.more_blocks(cursor).await
    }

    async fn commit_blocks(&self, commit: BlockCommit, grace_until: Timestamp) -> Result<Version, CatalogError> {
        self.faults.meet(self.inner.commit_blocks(commit, grace_until)).await
    }

    async fn drop_stale_blocks(
        &self,
        before: Timestamp,
        limit: usize,
        grace_until: Timestamp,
    ) -> Result<usize, CatalogError> {
        self.faults.meet(self.inner.drop_stale_blocks(before, limit, grace_until)).await
    }

    async fn create_upload(&self, upload: NewUpload) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.create_upload(upload)).await
    }

    async fn upload(&self, bucket: &BucketRef, key: &ObjectKey, id: &UploadId) -> Result<Upload, CatalogError> {
        self.inner.upload(bucket, key, id).await
    }

    async fn put_upload_part(&self, part: NewUploadPart, grace_until: Timestamp) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.put_upload_part(part, grace_until)).await
    }

    async fn upload_parts(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        id: &UploadId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<UploadPart>, CatalogError> {
        self.inner.upload_parts(bucket, key, id, after, limit).await
    }

    async fn complete_upload(&self, completion: Completion, grace_until: Timestamp) -> Result<Completed, CatalogError> {
        self.faults.meet(self.inner.complete_upload(completion, grace_until)).await
    }

    async fn abort_upload(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        id: &UploadId,
        grace_until: Timestamp,
    ) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.abort_upload(bucket, key, id, grace_until)).await
    }

    async fn list_uploads(&self, query: &UploadQuery) -> Result<UploadPage, CatalogError> {
        self.inner.list_uploads(query).await
    }

    async fn reserve_parts(&self, tenant: &TenantId, count: u32) -> Result<PartBlock, CatalogError> {
        self.faults.meet(self.inner.reserve_parts(tenant, count)).await
    }

    async fn open_blocks(&self) -> Result<Vec<PartBlock>, CatalogError> {
        self.inner.open_blocks().await
    }

    async fn settled_parts(&self, block: &PartBlock) -> Result<Vec<PartId>, CatalogError> {
        self.inner.settled_parts(block).await
    }

    async fn close_block(&self, block: &PartBlock) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.close_block(block)).await
    }

    async fn queue_deletions(&self, parts: Vec<QueuedDeletion>, due: Timestamp) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.queue_deletions(parts, due)).await
    }

    async fn look_again(&self, parts: Vec<QueuedDeletion>, at: Timestamp) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.look_again(parts, at)).await
    }

    /// Not counted among the writes: it is asked every second, and nearly always writes nothing.
    async fn requeue_looks(&self, now: Timestamp, limit: usize) -> Result<usize, CatalogError> {
        self.inner.requeue_looks(now, limit).await
    }

    async fn set_block_aside(&self, block: &PartBlock, at: Timestamp) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.set_block_aside(block, at)).await
    }

    async fn blocks_aside(&self, now: Timestamp) -> Result<Vec<PartBlock>, CatalogError> {
        self.inner.blocks_aside(now).await
    }

    async fn due_deletions(
        &self,
        provider: &ProviderName,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<QueuedDeletion>, CatalogError> {
        self.inner.due_deletions(provider, now, limit).await
    }

    async fn postpone_deletions(&self, failed: Vec<QueuedDeletion>, now: Timestamp) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.postpone_deletions(failed, now)).await
    }

    async fn hasten_deletions(&self, latest: Timestamp) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.hasten_deletions(latest)).await
    }

    async fn finish_deletions(&self, done: Vec<QueuedDeletion>) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.finish_deletions(done)).await
    }

    async fn deletion_queue(&self) -> Result<DeletionQueue, CatalogError> {
        self.inner.deletion_queue().await
    }

    async fn deletions_waiting(&self) -> Result<u64, CatalogError> {
        self.inner.deletions_waiting().await
    }

    async fn parts_at(
        &self,
        provider: &ProviderName,
        after: Option<PartId>,
        limit: usize,
    ) -> Result<Vec<ScrubPart>, CatalogError> {
        self.inner.parts_at(provider, after, limit).await
    }

    async fn count_parts_at(&self, provider: &ProviderName) -> Result<u64, CatalogError> {
        self.inner.count_parts_at(provider).await
    }

    async fn scrub_round(&self, provider: &ProviderName) -> Result<Option<ScrubRound>, CatalogError> {
        self.inner.scrub_round(provider).await
    }

    async fn save_scrub(
        &self,
        provider: &ProviderName,
        round: &ScrubRound,
        from: Option<PartId>,
        faults: Vec<(PartId, ScrubFault)>,
    ) -> Result<ScrubResult, CatalogError> {
        self.faults.meet(self.inner.save_scrub(provider, round, from, faults)).await
    }

    async fn probe(&self) -> Result<(), CatalogError> {
        self.faults.meet(self.inner.probe()).await
    }

    async fn audit(&self) -> Result<Vec<String>, CatalogError> {
        self.inner.audit().await
    }

    async fn close(&self) {
        self.inner.close().await
    }
}

/// As SQLite says it when the disk is full.
fn planned() -> CatalogError {
    let full = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
    CatalogError::Failed(Failure::Engine(rusqlite::Error::SqliteFailure(full, Some("a planned fault".to_owned()))))
}
