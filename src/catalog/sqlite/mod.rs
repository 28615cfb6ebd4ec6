//! The catalog in SQLite, inside the process.
//!
//! # Invariants
//! - One process has the catalog open, whatever name it knows it by: it holds locks on the file itself and on `<path>.lock`
//!   from before the first look until after the last connection is closed.
//! - One thread writes, and groups what waits into one transaction (`writer`). Readers never wait for it (WAL).
//! - `synchronous=FULL`: a commit returns after its fsync.
//! - Erased wrapped keys are overwritten (`secure_delete=ON`) in the database file, and the write-ahead log is emptied
//!   within a minute and on closing, unless somebody reads it then (`checkpoint`). What a file system or a disk
//!   keeps of overwritten blocks is beyond reach here. So are copies that SQLite may leave in the unused middle of a page when
//!   it moves rows between pages.

mod audit;
mod belonging;
mod block_list;
mod blocks;
mod bucket_tags;
mod buckets;
mod changes;
mod checkpoint;
mod compact;
mod cors;
mod deletions;
mod encoding;
mod ending;
mod glance;
mod holds;
mod keepsake;
mod keys;
mod leases;
mod listing;
mod objects;
mod opening;
mod panics;
mod parts;
mod past;
mod prepare;
mod purge;
mod quotas;
mod reader;
mod rows;
mod schema;
mod scrub;
mod slices;
mod tags;
mod times;
mod uploads;
mod whole;
mod writer;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;

use super::slices::Rest;
use super::{
    Appended, BlockCommit, BlockCursor, BlockLists, BlockPage, Bucket, BucketPage, BucketQuery, BucketRevision,
    Catalog, CatalogError, CatalogSettings, Completed, Completion, Deletion, DeletionQueue, FoundPage, ListPage,
    ListQuery, MoreSlices, NewAppend, NewBlock, NewUpload, NewUploadPart, NewVersion, ObjectRef, OpenedVersion,
    PAGE_SLICES, QueuedDeletion, Revision, RunMerge, ScrubFault, ScrubPart, ScrubResult, ScrubRound, Select, SlicePage,
    TagQuery, Upload, UploadId, UploadPage, UploadPart, UploadQuery, Version,
};
use crate::model::{
    BucketRef, ByteRange, ClientId, Conditions, ETag, LeaseAction, LeaseOutcome, ObjectKey, PartBlock, PartId,
    ProviderName, Quotas, SnapshotId, TenantId, Timestamp, Usage, WrappedTenantKey,
};
pub use compact::{Compacted, FileRoom};
use ending::Progress;
pub use glance::Glance;
use holds::Holds;
use objects::{Disposal, Opened};
pub use parts::PartKeyRow;
pub use reader::MOST_SCANS;
use reader::Readers;
use schema::Lock;
pub use schema::Schema;
use writer::Writer;

/// Most slices that are read where they are asked for, see [`reader`].
const FEW_SLICES: usize = 16;

/// The catalog in SQLite.
pub struct SqliteCatalog {
    writer: Writer,
    readers: Readers,
    holds: Holds,
    settings: CatalogSettings,
    schema: Schema,
}

impl SqliteCatalog {
    /// The file's schema, as it was opened.
    pub fn schema(&self) -> Schema {
        self.schema
    }

    /// Wrapped keys of parts, in the order of their ids, after one of them; at most `limit`.
    pub async fn part_keys(&self, after: Option<PartId>, limit: usize) -> Result<Vec<PartKeyRow>, CatalogError> {
        self.read(move |db| parts::keys(db, after, limit)).await
    }

    /// How many transactions were committed since the catalog was opened. Waiting writes share one.
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// Holds what comes after the first page.
    fn opened(&self, opened: Opened) -> OpenedVersion {
        let Opened { version, range, slices, more } = opened;
        let more = more.zip(range.ok().flatten()).map(|((content, first), bytes)| MoreSlices {
            range: ByteRange { first, end: bytes.end },
            rest: Rest::Rows(self.holds.hold(content)),
        });
        OpenedVersion { version, range, slices, more }
    }

    /// How many rows the largest write has changed since the catalog was opened.
    pub fn rows_of_largest_write(&self) -> u64 {
        self.writer.most_rows()
    }

    fn disposal(&self, grace_until: Timestamp) -> Disposal {
        Disposal { grace_until, retention: self.settings.retention }
    }

    async fn write<T, F>(&self, job: F) -> Result<T, CatalogError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, CatalogError> + Send + 'static,
    {
        self.writer.run(quotas::within(job)).await
    }

    /// Writes after what was done to many versions of the same name before is finished, a step at a time.
    async fn write_in_turn<F>(&self, job: F) -> Result<(), CatalogError>
    where
        F: Fn(&Connection) -> Result<Progress, CatalogError> + Send + Sync + 'static,
    {
        let job = Arc::new(job);
        loop {
            let job = Arc::clone(&job);
            if self.write(move |db| job(db)).await? == Progress::Made {
                return Ok(());
            }
        }
    }

    async fn read<T, F>(&self, query: F) -> Result<T, CatalogError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, CatalogError> + Send + 'static,
    {
        self.readers.run(query).await
    }

    async fn look_up<T, F>(&self, lookup: F) -> Result<T, CatalogError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, CatalogError> + Send + 'static,
    {
        self.readers.look_up(lookup).await
    }
}

#[async_trait]
impl Catalog for SqliteCatalog {
    async fn canary(&self) -> Result<Option<Vec<u8>>, CatalogError> {
        self.look_up(keys::canary).await
    }

    async fn put_canary(&self, canary: Vec<u8>) -> Result<Vec<u8>, CatalogError> {
        self.write(move |db| keys::put_canary(db, &canary)).await
    }

    async fn tenant_keys(&self) -> Result<Vec<WrappedTenantKey>, CatalogError> {
        self.read(keys::tenant_keys).await
    }

    async fn add_tenant_keys(&self, keys: Vec<WrappedTenantKey>) -> Result<Vec<WrappedTenantKey>, CatalogError> {
        self.write(move |db| keys::add_tenant_keys(db, &keys)).await
    }

    async fn time_kept(&self) -> Result<Option<Timestamp>, CatalogError> {
        self.read(times::kept).await
    }

    async fn keep_time(&self, now: Timestamp) -> Result<(), CatalogError> {
        self.write(move |db| times::keep(db, now)).await
    }

    async fn shorten_leases(&self, now: Timestamp) -> Result<(), CatalogError> {
        self.write(move |db| times::shorten_leases(db, now)).await
    }

    async fn set_quotas(&self, quotas: Quotas) -> Result<(), CatalogError> {
        self.write(move |db| quotas::set(db, &quotas)).await
    }

    async fn usage(&self) -> Result<Vec<(ClientId, Usage)>, CatalogError> {
        self.read(quotas::usage).await
    }

    async fn usage_of_buckets(&self, buckets: Vec<BucketRef>) -> Result<Vec<Usage>, CatalogError> {
        self.read(move |db| quotas::usage_of_buckets(db, &buckets)).await
    }

    async fn create_bucket(
        &self,
        bucket: &BucketRef,
        created: Timestamp,
        user: &BTreeMap<String, String>,
    ) -> Result<Bucket, CatalogError> {
        let (bucket, user) = (bucket.clone(), user.clone());
        self.write(move |db| buckets::create(db, &bucket, created, &user)).await
    }

    async fn delete_bucket(&self, bucket: &BucketRef) -> Result<(), CatalogError> {
        let (bucket, retention) = (bucket.clone(), self.settings.retention);
        self.write(move |db| buckets::delete(db, &bucket, retention)).await
    }

    async fn drop_bucket(&self, bucket: &BucketRef, conditions: &Conditions) -> Result<(), CatalogError> {
        let (bucket, conditions, retention) = (bucket.clone(), conditions.clone(), self.settings.retention);
        self.write(move |db| buckets::drop_bucket(db, &bucket, &conditions, retention)).await
    }

    async fn restore_bucket(&self, bucket: &BucketRef, id: i64) -> Result<Bucket, CatalogError> {
        let bucket = bucket.clone();
        self.write(move |db| buckets::restore(db, &bucket, id)).await
    }

    async fn revise_bucket(
        &self,
        bucket: &BucketRef,
        revision: BucketRevision,
        conditions: &Conditions,
        at: Timestamp,
    ) -> Result<Bucket, CatalogError> {
        let (bucket, conditions) = (bucket.clone(), conditions.clone());
        self.write(move |db| buckets::revise(db, &bucket, &revision, &conditions, at)).await
    }

    async fn purge(&self, now: Timestamp, limit: usize, grace_until: Timestamp) -> Result<bool, CatalogError> {
        let most = limit.saturating_add(self.holds.count());
        let mut leftovers = self.read(move |db| slices::leftovers(db, most)).await?;
        if !leftovers.is_empty() {
            let held = self.holds.held().await;
            leftovers.retain(|content| !held.contains(content));
        }
        self.write(move |db| purge::purge(db, now, limit, &leftovers, grace_until)).await
    }

    async fn bucket(&self, bucket: &BucketRef) -> Result<Bucket, CatalogError> {
        let bucket = bucket.clone();
        self.look_up(move |db| buckets::bucket(db, &bucket)).await
    }

    async fn buckets(&self, query: &BucketQuery) -> Result<BucketPage, CatalogError> {
        let (query, most) = (query.clone(), self.settings.page_rows);
        self.read(move |db| buckets::page(db, &query, most)).await
    }

    async fn commit(&self, version: NewVersion, grace_until: Timestamp) -> Result<Version, CatalogError> {
        let disposal = self.disposal(grace_until);
        self.write(move |db| objects::commit(db, &version, disposal)).await
    }

    async fn delete(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        conditions: &Conditions,
        grace_until: Timestamp,
    ) -> Result<bool, CatalogError> {
        let (bucket, key, conditions) = (bucket.clone(), key.clone(), conditions.clone());
        let disposal = self.disposal(grace_until);
        self.write(move |db| objects::delete(db, &bucket, &key, &conditions, disposal)).await
    }

    async fn list(&self, query: &ListQuery) -> Result<ListPage, CatalogError> {
        let (query, most) = (query.clone(), self.settings.page_rows);
        self.read(move |db| listing::list(db, &query, most)).await
    }

    async fn head(&self, object: &ObjectRef) -> Result<Version, CatalogError> {
        let object = object.clone();
        self.look_up(move |db| past::head(db, &object)).await
    }

    async fn open(&self, object: &ObjectRef, select: Select) -> Result<OpenedVersion, CatalogError> {
        let _opening = self.holds.opening().await;
        let at = object.clone();
        let few = self.look_up(move |db| objects::open(db, past::head(db, &at)?, select, FEW_SLICES)).await?;
        if few.more.is_none() {
            return Ok(self.opened(few));
        }
        let at = object.clone();
        let page = self.read(move |db| objects::open(db, past::head(db, &at)?, select, PAGE_SLICES)).await?;
        Ok(self.opened(page))
    }

    async fn more_slices(&self, more: &MoreSlices) -> Result<SlicePage, CatalogError> {
        let range = more.range;
        let rows = match &more.rest {
            Rest::Rows(rows) => Arc::clone(rows),
            Rest::Kept(slices) => return Ok(SlicePage::of_kept(Arc::clone(slices), range)),
        };
        let content = rows.content();
        let (slices, next) = self.read(move |db| slices::page(db, content, range, PAGE_SLICES)).await?;
        let more = next.map(|first| MoreSlices { range: ByteRange { first, end: range.end }, rest: Rest::Rows(rows) });
        Ok(SlicePage { slices, more })
    }

    async fn revise(
        &self,
        object: &ObjectRef,
        revision: Revision,
        conditions: &Conditions,
        at: Timestamp,
    ) -> Result<Version, CatalogError> {
        let (object, conditions) = (object.clone(), conditions.clone());
        self.write(move |db| changes::revise(db, &object, &revision, &conditions, at)).await
    }

    async fn snapshot(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        user: Option<BTreeMap<String, String>>,
        conditions: &Conditions,
        taken: SnapshotId,
    ) -> Result<Version, CatalogError> {
        let (bucket, key, conditions) = (bucket.clone(), key.clone(), conditions.clone());
        self.write(move |db| past::take(db, &bucket, &key, user, &conditions, taken)).await
    }

    async fn delete_as(&self, deletion: Deletion, grace_until: Timestamp) -> Result<(), CatalogError> {
        let disposal = self.disposal(grace_until);
        self.write_in_turn(move |db| past::delete(db, &deletion, disposal)).await
    }

    async fn restore(&self, bucket: &BucketRef, key: &ObjectKey, grace_until: Timestamp) -> Result<(), CatalogError> {
        let (bucket, key) = (bucket.clone(), key.clone());
        self.write_in_turn(move |db| past::restore(db, &bucket, &key, grace_until)).await
    }

    async fn lease(
        &self,
        bucket: &BucketRef,
        key: Option<&ObjectKey>,
        action: &LeaseAction,
        conditions: &Conditions,
        now: Timestamp,
    ) -> Result<(LeaseOutcome, ETag, Timestamp), CatalogError> {
        let (bucket, key) = (bucket.clone(), key.cloned());
        let (action, conditions) = (action.clone(), conditions.clone());
        self.write(move |db| leases::act(db, &bucket, key.as_ref(), &action, &conditions, now)).await
    }

    async fn find_by_tags(&self, query: &TagQuery) -> Result<FoundPage, CatalogError> {
        let (query, most) = (query.clone(), self.settings.page_rows);
        self.read(move |db| tags::find(db, &query, most)).await
    }

    async fn append(&self, append: NewAppend, grace_until: Timestamp) -> Result<Appended, CatalogError> {
        self.write(move |db| changes::append(db, &append, grace_until)).await
    }

    async fn merge_run(&self, merge: RunMerge, grace_until: Timestamp) -> Result<(), CatalogError> {
        self.write(move |db| changes::merge(db, &merge, grace_until)).await
    }

    async fn put_block(&self, block: NewBlock, grace_until: Timestamp) -> Result<(), CatalogError> {
        self.write(move |db| blocks::put(db, &block, grace_until)).await
    }

    async fn blocks(&self, object: &ObjectRef) -> Result<BlockLists, CatalogError> {
        let object = object.clone();
        self.read(move |db| blocks::lists(db, &object)).await
    }

    async fn more_blocks(&self, cursor: &BlockCursor) -> Result<BlockPage, CatalogError> {
        let cursor = cursor.clone();
        self.read(move |db| blocks::more(db, cursor)).await
    }

    async fn commit_blocks(&self, commit: BlockCommit, grace_until: Timestamp) -> Result<Version, CatalogError> {
        let disposal = self.disposal(grace_until);
        prepare::commit_blocks(self, commit, disposal).await
    }

    async fn drop_stale_blocks(
        &self,
        before: Timestamp,
        limit: usize,
        grace_until: Timestamp,
    ) -> Result<usize, CatalogError> {
        self.write(move |db| blocks::drop_stale(db, before, limit, grace_until)).await
    }

    async fn create_upload(&self, upload: NewUpload) -> Result<(), CatalogError> {
        self.write(move |db| uploads::create(db, &upload)).await
    }

    async fn upload(&self, bucket: &BucketRef, key: &ObjectKey, id: &UploadId) -> Result<Upload, CatalogError> {
        let (bucket, key, id) = (bucket.clone(), key.clone(), id.clone());
        self.look_up(move |db| uploads::upload(db, &bucket, &key, &id)).await
    }

    async fn put_upload_part(&self, part: NewUploadPart, grace_until: Timestamp) -> Result<(), CatalogError> {
        self.write(move |db| uploads::put_part(db, &part, grace_until)).await
    }

    async fn upload_parts(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        id: &UploadId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<UploadPart>, CatalogError> {
        let (bucket, key, id) = (bucket.clone(), key.clone(), id.clone());
        self.read(move |db| uploads::parts(db, &bucket, &key, &id, after, limit)).await
    }

    async fn complete_upload(&self, completion: Completion, grace_until: Timestamp) -> Result<Completed, CatalogError> {
        let disposal = self.disposal(grace_until);
        prepare::complete_upload(self, completion, disposal).await
    }

    async fn abort_upload(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        id: &UploadId,
        grace_until: Timestamp,
    ) -> Result<(), CatalogError> {
        let (bucket, key, id) = (bucket.clone(), key.clone(), id.clone());
        self.write(move |db| uploads::abort(db, &bucket, &key, &id, grace_until)).await
    }

    async fn list_uploads(&self, query: &UploadQuery) -> Result<UploadPage, CatalogError> {
        let query = query.clone();
        self.read(move |db| listing::list_uploads(db, &query)).await
    }

    async fn reserve_parts(&self, tenant: &TenantId, count: u32) -> Result<PartBlock, CatalogError> {
        let tenant = tenant.clone();
        self.write(move |db| parts::reserve(db, &tenant, count)).await
    }

    async fn open_blocks(&self) -> Result<Vec<PartBlock>, CatalogError> {
        self.read(parts::open_blocks).await
    }

    async fn settled_parts(&self, block: &PartBlock) -> Result<Vec<PartId>, CatalogError> {
        let block = block.clone();
        self.read(move |db| parts::settled(db, &block)).await
    }

    async fn close_block(&self, block: &PartBlock) -> Result<(), CatalogError> {
        let block = block.clone();
        self.write(move |db| parts::close_block(db, &block)).await
    }

    async fn queue_deletions(&self, parts: Vec<QueuedDeletion>, due: Timestamp) -> Result<(), CatalogError> {
        self.write(move |db| deletions::queue(db, &parts, due)).await
    }

    async fn look_again(&self, parts: Vec<QueuedDeletion>, at: Timestamp) -> Result<(), CatalogError> {
        self.write(move |db| deletions::look_again(db, &parts, at)).await
    }

    async fn requeue_looks(&self, now: Timestamp, limit: usize) -> Result<usize, CatalogError> {
        if !self.look_up(move |db| deletions::has_looks(db, now)).await? {
            return Ok(0);
        }
        self.write(move |db| deletions::requeue_looks(db, now, limit)).await
    }

    async fn set_block_aside(&self, block: &PartBlock, at: Timestamp) -> Result<(), CatalogError> {
        let block = block.clone();
        self.write(move |db| parts::set_aside(db, &block, at)).await
    }

    async fn blocks_aside(&self, now: Timestamp) -> Result<Vec<PartBlock>, CatalogError> {
        self.read(move |db| parts::aside(db, now)).await
    }

    async fn due_deletions(
        &self,
        provider: &ProviderName,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<QueuedDeletion>, CatalogError> {
        let provider = provider.clone();
        self.read(move |db| deletions::due(db, &provider, now, limit)).await
    }

    async fn postpone_deletions(&self, failed: Vec<QueuedDeletion>, now: Timestamp) -> Result<(), CatalogError> {
        self.write(move |db| deletions::postpone(db, &failed, now)).await
    }

    async fn hasten_deletions(&self, latest: Timestamp) -> Result<(), CatalogError> {
        let mut from = Some(deletions::Place::default());
        while let Some(place) = from {
            from = self.write(move |db| deletions::hasten(db, latest, place)).await?;
        }
        while self.write(move |db| deletions::hasten_looks(db, latest)).await? {}
        Ok(())
    }

    async fn finish_deletions(&self, done: Vec<QueuedDeletion>) -> Result<(), CatalogError> {
        self.write(move |db| deletions::finish(db, &done)).await
    }

    async fn deletion_queue(&self) -> Result<DeletionQueue, CatalogError> {
        self.read(deletions::queue_state).await
    }

    async fn parts_at(
        &self,
        provider: &ProviderName,
        after: Option<PartId>,
        limit: usize,
    ) -> Result<Vec<ScrubPart>, CatalogError> {
        let provider = provider.clone();
        self.read(move |db| scrub::parts(db, &provider, after, limit)).await
    }

    async fn count_parts_at(&self, provider: &ProviderName) -> Result<u64, CatalogError> {
        let provider = provider.clone();
        self.read(move |db| scrub::count(db, &provider)).await
    }

    async fn scrub_round(&self, provider: &ProviderName) -> Result<Option<ScrubRound>, CatalogError> {
        let provider = provider.clone();
        self.read(move |db| scrub::round(db, &provider)).await
    }

    async fn save_scrub(
        &self,
        provider: &ProviderName,
        round: &ScrubRound,
        from: Option<PartId>,
        faults: Vec<(PartId, ScrubFault)>,
    ) -> Result<ScrubResult, CatalogError> {
        let (provider, round) = (provider.clone(), round.clone());
        self.write(move |db| scrub::save(db, &provider, &round, from, &faults)).await
    }

    async fn probe(&self) -> Result<(), CatalogError> {
        self.write(keys::probe).await
    }

    async fn audit(&self) -> Result<Vec<String>, CatalogError> {
        self.read(audit::audit).await
    }

    async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
    }
}

#[cfg(test)]
mod steps_tests;
