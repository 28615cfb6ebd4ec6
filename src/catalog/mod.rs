//! The catalog: the namespace and the key store. Which objects exist, of which parts, under which wrapped keys.
//!
//! [`Catalog`] is a contract in domain terms; [`SqliteCatalog`] and [`MemoryCatalog`] keep it, and one conformance
//! suite (`testing/src/suites/catalog/`) holds both to it.
//!
//! # Invariants
//! - **Atomic**: each method is one transaction: all of it happened, or none.
//! - **Durable**: when a writing method returns `Ok`, its effect survives `kill -9` and a power cut.
//! - **Ordered**: names compare as bytes. A method that begins after another returned sees its effect.
//! - **Cancel-safe**: a caller that drops the future may or may not have caused the effect, never half of it.
//! - **Counted**: a part lives as long as a slice refers to it. The transaction that removes its last slice deletes
//!   its wrapped key and queues its chunks for deletion. What a write frees goes with it up to [`PAGE_SLICES`] slices;
//!   what is more goes in steps ([`Catalog::purge`]).
//! - **Leased**: a write under a name with an active lease happens only if its conditions name that lease
//!   ([`Refusal::Lease`]); one under a lease that has ended removes it. A lease goes with what it is of.

mod belonging;
mod blocks;
mod buckets;
mod cors;
mod deletions;
mod error;
mod fault;
mod memory;
mod order;
mod query;
mod revision;
mod scrub;
mod select;
mod slices;
mod sqlite;
mod upload;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use crate::model::{
    BucketName, BucketRef, ByteRange, ClientId, Conditions, CurrentState, ETag, Lease, LeaseAction, LeaseOutcome,
    Metadata, ObjectKey, Part, PartBlock, PartId, ProviderName, Quotas, RangeRequest, Slice, SnapshotId, TenantId,
    Tier, Timestamp, Unmet, Unsatisfiable, Usage, WrappedTenantKey,
};

pub use belonging::Belonging;
pub use blocks::{
    BlockCommit, BlockCursor, BlockLists, BlockPage, MOST_BLOCKS, MOST_UNCOMMITTED_BLOCKS, NewBlock, PAGE_BLOCKS,
};
pub use buckets::{BucketLine, BucketPage, BucketPlace, BucketQuery, BucketTagging, GoneBucket};
pub use cors::{CrossOrigins, MOST_CORS_ACCOUNTS, MOST_CORS_TENANTS};
pub use deletions::{DeletionQueue, QueuedDeletion};
pub use error::{CatalogError, Failure, Refusal};
pub use fault::{CommitFault, CommitFaults, FaultyCatalog};
pub use memory::MemoryCatalog;
pub use query::{
    ENTRY_BYTES, ListEntry, ListExtras, ListPage, ListQuery, ListStart, Retained, UploadPage, UploadQuery, weight,
};
pub use revision::{
    AccessPolicy, Appended, BucketRevision, Deletion, Found, FoundPage, NewAppend, ObjectRef, Revision, RunMerge,
    SnapshotRule, TagQuery, Which,
};
pub use scrub::{ScrubFault, ScrubPart, ScrubResult, ScrubRound};
pub use slices::{MOST_SLICES, MOST_SLICES_OF_PIECE, MoreSlices, PAGE_SLICES, SlicePage};
pub use sqlite::{Compacted, FileRoom, Glance, MOST_SCANS, PartKeyRow, Schema, SqliteCatalog};
pub use upload::{Completed, Completion, NewUpload, NewUploadPart, Upload, UploadPart};

/// What a catalog is told when it is opened. The default keeps nothing that was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatalogSettings {
    /// How long deleted and overwritten versions can be had back ([`Catalog::restore`]); `None`: not at all. So long
    /// their keys live on: what is retained is not erased.
    pub retention: Option<Duration>,
    /// Most rows that a page of names or of what tags find looks at, whether it shows them or not. A page that ends so has
    /// fewer entries than were asked for, or none, and says where the next begins.
    pub page_rows: usize,
}

impl CatalogSettings {
    /// So deleted and overwritten versions are retained; all else is the default.
    pub const fn retaining(retention: Option<Duration>) -> Self {
        Self { retention, page_rows: PAGE_ROWS }
    }
}

impl Default for CatalogSettings {
    fn default() -> Self {
        Self::retaining(None)
    }
}

/// Most rows that a page looks at, unless a catalog is told otherwise: some ten milliseconds.
const PAGE_ROWS: usize = 10_000;

/// Identifies a version of an object, across the whole catalog. Grows, is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VersionId(pub i64);

/// Identifies a multipart upload: 32 random hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId(pub String);

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: BucketName,
    /// When it was created.
    pub created: Timestamp,
    /// When it, its metadata or its policies were last changed.
    pub modified: Timestamp,
    /// Grows with each change of metadata or policies.
    pub revision: i64,
    /// User metadata: lower-case name → value.
    pub user: BTreeMap<String, String>,
    /// Stored access policies, as they were given; at most five.
    pub policies: Vec<AccessPolicy>,
    /// Its lease, if any was acquired and not released.
    pub lease: Option<Lease>,
}

/// A version of an object, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its id.
    pub id: VersionId,
    /// Its object's key.
    pub key: ObjectKey,
    /// Plaintext length in bytes.
    pub length: u64,
    /// Its tag.
    pub etag: ETag,
    /// When it was committed.
    pub modified: Timestamp,
    /// Headers, user metadata, checksums.
    pub metadata: Metadata,
    /// For a multipart object, the plaintext lengths of its parts, in order.
    pub part_lengths: Vec<u64>,
    /// Which state of the object this is: the version's id at first, raised from the same counter by each revision and append.
    pub revision: i64,
    /// Present when this is a snapshot.
    pub snapshot: Option<SnapshotId>,
    /// The object's lease, if any was acquired and not released.
    pub lease: Option<Lease>,
}

impl Bucket {
    /// The tag of this state: another one after each change. What Azure shows as ETag.
    pub fn state_tag(&self) -> ETag {
        ETag::of_state(self.modified, self.revision)
    }

    /// Whether a write under these conditions may go on. The lease is not looked at.
    fn check_write(&self, conditions: &Conditions) -> Result<(), CatalogError> {
        if conditions.is_empty() {
            return Ok(());
        }
        let tag = self.state_tag();
        let state = CurrentState::new(&tag, &tag, self.modified, None);
        conditions.check_write(Some(state)).map_err(|_unmet| CatalogError::Refused(Refusal::PreconditionFailed))
    }
}

impl Version {
    /// The tag of this state: another one after each change, of bytes or properties. What Azure shows as ETag.
    pub fn state_tag(&self) -> ETag {
        ETag::of_state(self.modified, self.revision)
    }

    /// Whether a read under these conditions may go on. The lease is not looked at.
    pub fn check_read(&self, conditions: &Conditions) -> Result<(), Unmet> {
        if conditions.is_empty() { Ok(()) } else { self.as_state(|state| conditions.check_read(Some(state))) }
    }

    /// Whether a write under these conditions may go on. The lease is not looked at.
    pub fn check_write(&self, conditions: &Conditions) -> Result<(), Unmet> {
        if conditions.is_empty() { Ok(()) } else { self.as_state(|state| conditions.check_write(Some(state))) }
    }

    /// Whether its tier is the archive.
    pub fn is_archived(&self) -> bool {
        self.metadata.tier.as_ref().is_some_and(|tier| tier.name == Tier::ARCHIVE)
    }

    /// Refuses a write that must not change what is in the archive.
    pub fn guard_archive(&self, conditions: &Conditions) -> Result<(), Refusal> {
        if conditions.not_archived && self.is_archived() { Err(Refusal::Archived) } else { Ok(()) }
    }

    fn as_state<T>(&self, look: impl FnOnce(CurrentState<'_>) -> T) -> T {
        let state_tag = self.state_tag();
        look(CurrentState::new(&self.etag, &state_tag, self.modified, Some(&self.metadata.tags)))
    }
}

/// What to store as content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// No bytes.
    Empty,
    /// One new part, all of it.
    Part(Part),
    /// Bytes of an existing version, shared: no chunk is copied. Fails with [`Refusal::SourceChanged`] when the version is gone.
    Shared {
        /// The version.
        source: VersionId,
        /// Which bytes of it.
        range: ByteRange,
    },
}

/// A version to commit.
#[derive(Debug, Clone)]
pub struct NewVersion {
    /// Where.
    pub bucket: BucketRef,
    /// Under which key; the current version under it is replaced.
    pub key: ObjectKey,
    /// Of what.
    pub content: Content,
    /// Plaintext length in bytes; agrees with `content`.
    pub length: u64,
    /// Its tag.
    pub etag: ETag,
    /// When. The version is not older than what was under its key.
    pub modified: Timestamp,
    /// Headers, user metadata, checksums.
    pub metadata: Metadata,
    /// Decided against the current version, in the transaction.
    pub conditions: Conditions,
    /// For a copy of a multipart object: its parts' lengths. Empty otherwise.
    pub part_lengths: Vec<u64>,
}

/// A version with the slices that hold a range of it.
#[derive(Debug, Clone)]
pub struct OpenedVersion {
    /// The version.
    pub version: Version,
    /// The bytes asked for; `None` when the object is empty and no range was asked for.
    pub range: Result<Option<ByteRange>, Unsatisfiable>,
    /// The slices that overlap `range`, in order, whole (not cut to the range): the first [`PAGE_SLICES`] of them.
    pub slices: Vec<Slice>,
    /// What comes after them ([`Catalog::more_slices`]).
    pub more: Option<MoreSlices>,
}

/// Which bytes to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// All of them.
    All,
    /// A range; of one that reaches beyond the end, what is there.
    Range(RangeRequest),
    /// A range, all of it: of the source of a copy.
    Exactly(RangeRequest),
    /// One part of a multipart object, counted from 1 (S3 `partNumber`). A number beyond the last is unsatisfiable.
    PartNumber(u32),
}

/// The namespace and the key store. See the module's invariants, which hold for every method.
#[async_trait]
pub trait Catalog: Belonging + BucketTagging + CrossOrigins {
    // --- keys -----------------------------------------------------------------------------------------------------

    /// The canary that the first start stored, if any.
    async fn canary(&self) -> Result<Option<Vec<u8>>, CatalogError>;

    /// Stores the canary unless there is one; returns the one that is stored.
    async fn put_canary(&self, canary: Vec<u8>) -> Result<Vec<u8>, CatalogError>;

    /// All tenant keys, wrapped.
    async fn tenant_keys(&self) -> Result<Vec<WrappedTenantKey>, CatalogError>;

    /// Adds those keys whose (tenant, purpose, version) is new; returns all that are stored.
    async fn add_tenant_keys(&self, keys: Vec<WrappedTenantKey>) -> Result<Vec<WrappedTenantKey>, CatalogError>;

    // --- time -----------------------------------------------------------------------------------------------------

    /// The last time that is known: what was kept last, or, of a catalog that never kept one, of the last that was written into
    /// it. `None`: nothing was.
    async fn time_kept(&self) -> Result<Option<Timestamp>, CatalogError>;

    /// Keeps the time of the steady clock, for the next start to go on from.
    async fn keep_time(&self, now: Timestamp) -> Result<(), CatalogError>;

    /// No lease ends later than its length from `now`, no break later than the longest: what is later was written by a clock
    /// that was ahead.
    async fn shorten_leases(&self, now: Timestamp) -> Result<(), CatalogError>;

    // --- quotas ---------------------------------------------------------------------------------------------------

    /// Limits what these clients may have and these buckets may hold, and no others; held in the transaction that would exceed
    /// it ([`Refusal::QuotaExceeded`]). A bucket that comes back is never refused. Not kept: to be said again when it is
    /// opened.
    async fn set_quotas(&self, quotas: Quotas) -> Result<(), CatalogError>;

    /// What each client has that ever had something. Whose a version or an upload is says [`Metadata::owner`].
    async fn usage(&self) -> Result<Vec<(ClientId, Usage)>, CatalogError>;

    /// What each of these buckets holds, whoever wrote it, in their order; nothing, if there is none.
    async fn usage_of_buckets(&self, buckets: Vec<BucketRef>) -> Result<Vec<Usage>, CatalogError>;

    // --- buckets --------------------------------------------------------------------------------------------------

    /// Creates a bucket with this user metadata. [`Refusal::BucketExists`] when the tenant has it already.
    async fn create_bucket(
        &self,
        bucket: &BucketRef,
        created: Timestamp,
        user: &BTreeMap<String, String>,
    ) -> Result<Bucket, CatalogError>;

    /// Deletes a bucket that holds nothing: no objects, snapshots, uncommitted blocks, uploads;
    /// [`Refusal::BucketNotEmpty`] otherwise, [`Refusal::Lease`] when it has an active lease. What was deleted
    /// in it and is retained stays retained with it, as in [`drop_bucket`](Self::drop_bucket).
    async fn delete_bucket(&self, bucket: &BucketRef) -> Result<(), CatalogError>;

    /// Takes a bucket away with all that it holds. Its name is free at once; what it held is removed by
    /// [`purge`](Self::purge), a bounded step at a time. The conditions (time and lease) are decided in the transaction.
    /// Where deletions are retained, the bucket and all that it holds can be had back until then; where they are not,
    /// what it retains from before keeps its time.
    async fn drop_bucket(&self, bucket: &BucketRef, conditions: &Conditions) -> Result<(), CatalogError>;

    /// Brings a deleted bucket back under its name, with all that it held. [`Refusal::NoSuchBucket`] when none of
    /// that name and id is retained, [`Refusal::BucketExists`] when the name is in use.
    async fn restore_bucket(&self, bucket: &BucketRef, id: i64) -> Result<Bucket, CatalogError>;

    /// Changes what is said of a bucket, if the conditions hold (a lease needs not be given, but must fit).
    async fn revise_bucket(
        &self,
        bucket: &BucketRef,
        revision: BucketRevision,
        conditions: &Conditions,
        at: Timestamp,
    ) -> Result<Bucket, CatalogError>;

    /// Removes up to `limit` of what dropped buckets held, of what was deleted and retained until before `now`, and of large
    /// contents that belong to nothing any more; fewer when they are large. `Ok(true)`: there may be more.
    async fn purge(&self, now: Timestamp, limit: usize, grace_until: Timestamp) -> Result<bool, CatalogError>;

    /// The bucket, or [`Refusal::NoSuchBucket`].
    async fn bucket(&self, bucket: &BucketRef) -> Result<Bucket, CatalogError>;

    /// A page of a tenant's buckets, with those that were deleted and can be had back where the query asks for them.
    async fn buckets(&self, query: &BucketQuery) -> Result<BucketPage, CatalogError>;

    // --- objects --------------------------------------------------------------------------------------------------

    /// Commits a version and replaces the current one, if the conditions hold
    /// ([`Refusal::PreconditionFailed`] otherwise). The replaced version's parts lose their slices. An object keeps the
    /// time of its creation ([`Metadata::created`]) when it is overwritten, until it is deleted; what the new version
    /// says of that is not looked at. `grace_until`: chunks of parts that lose their last slice are not deleted before.
    async fn commit(&self, version: NewVersion, grace_until: Timestamp) -> Result<Version, CatalogError>;

    /// The version meant; [`Refusal::NoSuchKey`], also for a snapshot that is not there, or [`Refusal::NoSuchBucket`].
    async fn head(&self, object: &ObjectRef) -> Result<Version, CatalogError>;

    /// The version meant and the first slices of `select`, as of one moment.
    async fn open(&self, object: &ObjectRef, select: Select) -> Result<OpenedVersion, CatalogError>;

    /// Deletes the current version if the conditions hold. `Ok(false)`: there was none (and the conditions held).
    /// [`Refusal::SnapshotsPresent`] when it has snapshots.
    async fn delete(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        conditions: &Conditions,
        grace_until: Timestamp,
    ) -> Result<bool, CatalogError>;

    /// A page of names. Costs what the page costs, whatever the bucket holds: with a delimiter it seeks past what it rolls up.
    async fn list(&self, query: &ListQuery) -> Result<ListPage, CatalogError>;

    /// A further page of the slices of a version that was opened: those that it had then, or, where a run of them was
    /// merged, others that hold the same bytes.
    async fn more_slices(&self, more: &MoreSlices) -> Result<SlicePage, CatalogError>;

    /// Changes a version in its place, if the conditions hold. Of a snapshot only tags and tier can be changed
    /// ([`Refusal::WrongKind`] otherwise).
    async fn revise(
        &self,
        object: &ObjectRef,
        revision: Revision,
        conditions: &Conditions,
        at: Timestamp,
    ) -> Result<Version, CatalogError>;

    /// Takes a snapshot of the current version under `taken`, or the next free id above it: shares its bytes, with its
    /// metadata or `user` instead. A lease needs not be given, but must fit. Returns the snapshot.
    async fn snapshot(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        user: Option<BTreeMap<String, String>>,
        conditions: &Conditions,
        taken: SnapshotId,
    ) -> Result<Version, CatalogError>;

    /// Deletes as [`Deletion`] says. [`Refusal::NoSuchKey`] when there is nothing. Where deletions are retained, what
    /// goes can be had back until then.
    async fn delete_as(&self, deletion: Deletion, grace_until: Timestamp) -> Result<(), CatalogError>;

    /// Undoes deletions that are retained: the object, if it has no current version, and its snapshots. Succeeds and
    /// changes nothing when none is retained but the object is there; [`Refusal::NoSuchKey`] otherwise. Blocks that
    /// were put meanwhile wait on, unless an object that grows by appending comes back, which has none: then they go.
    async fn restore(&self, bucket: &BucketRef, key: &ObjectKey, grace_until: Timestamp) -> Result<(), CatalogError>;

    /// Acts on the lease of an object, or of the bucket when `key` is `None`, if the conditions hold. `now` is of the
    /// steady clock. Returns the outcome, and the state tag and time of what is leased.
    async fn lease(
        &self,
        bucket: &BucketRef,
        key: Option<&ObjectKey>,
        action: &LeaseAction,
        conditions: &Conditions,
        now: Timestamp,
    ) -> Result<(LeaseOutcome, ETag, Timestamp), CatalogError>;

    /// Objects of a tenant whose tags fit. Costs what the rarest of the tags asked for costs.
    async fn find_by_tags(&self, query: &TagQuery) -> Result<FoundPage, CatalogError>;

    // --- growing objects ------------------------------------------------------------------------------------------

    /// Appends a part to an object that may grow ([`Refusal::WrongKind`],
    /// [`Refusal::AppendClosed`]), if the conditions hold. At most [`MOST_BLOCKS`] times.
    async fn append(&self, append: NewAppend, grace_until: Timestamp) -> Result<Appended, CatalogError>;

    /// Puts one part in the place of a run of slices with the same bytes. Nothing that a client sees changes.
    /// [`Refusal::SourceChanged`] when the run is not there any more.
    async fn merge_run(&self, merge: RunMerge, grace_until: Timestamp) -> Result<(), CatalogError>;

    // --- blocks ---------------------------------------------------------------------------------------------------

    /// Keeps a block. [`Refusal::InvalidBlock`] when its name has another length than those that wait,
    /// [`Refusal::TooManyBlocks`] beyond [`MOST_UNCOMMITTED_BLOCKS`], [`Refusal::WrongKind`] when the object
    /// grows by appending.
    async fn put_block(&self, block: NewBlock, grace_until: Timestamp) -> Result<(), CatalogError>;

    /// The blocks of an object: [`Refusal::NoSuchKey`] when it has neither a version nor uncommitted blocks.
    async fn blocks(&self, object: &ObjectRef) -> Result<BlockLists, CatalogError>;

    /// A page of a list of blocks. [`Refusal::SourceChanged`] when the version or the set is gone.
    async fn more_blocks(&self, cursor: &BlockCursor) -> Result<BlockPage, CatalogError>;

    /// Makes a list of blocks the current version, if the conditions hold. Uncommitted blocks are dropped, those not
    /// listed too. [`Refusal::InvalidBlock`] when one is not where it was said to be (of several committed ones of one
    /// name the last counts), [`Refusal::WrongKind`] when the object grows by appending.
    async fn commit_blocks(&self, commit: BlockCommit, grace_until: Timestamp) -> Result<Version, CatalogError>;

    /// Drops uncommitted blocks that nothing was added to since `before`, of at most `limit` objects. Returns of how many, or
    /// `limit` where there may be more.
    async fn drop_stale_blocks(
        &self,
        before: Timestamp,
        limit: usize,
        grace_until: Timestamp,
    ) -> Result<usize, CatalogError>;

    // --- uploads --------------------------------------------------------------------------------------------------

    /// Creates an upload.
    async fn create_upload(&self, upload: NewUpload) -> Result<(), CatalogError>;

    /// The upload; [`Refusal::NoSuchUpload`] unless bucket, key and id all fit.
    async fn upload(&self, bucket: &BucketRef, key: &ObjectKey, id: &UploadId) -> Result<Upload, CatalogError>;

    /// Commits a part of an upload.
    async fn put_upload_part(&self, part: NewUploadPart, grace_until: Timestamp) -> Result<(), CatalogError>;

    /// The upload's parts with numbers above `after`, by number, at most `limit`.
    async fn upload_parts(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        id: &UploadId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<UploadPart>, CatalogError>;

    /// Turns the upload's parts into the key's current version. Each part must still have its tag
    /// ([`Refusal::InvalidPart`] otherwise). Repeating a completion that succeeded, while its version is current,
    /// succeeds again and changes nothing.
    async fn complete_upload(&self, completion: Completion, grace_until: Timestamp) -> Result<Completed, CatalogError>;

    /// Drops the upload and its parts.
    async fn abort_upload(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        id: &UploadId,
        grace_until: Timestamp,
    ) -> Result<(), CatalogError>;

    /// A page of uploads, by key then id.
    async fn list_uploads(&self, query: &UploadQuery) -> Result<UploadPage, CatalogError>;

    // --- parts ----------------------------------------------------------------------------------------------------

    /// Reserves a block of part ids.
    async fn reserve_parts(&self, tenant: &TenantId, count: u32) -> Result<PartBlock, CatalogError>;

    /// Blocks that were reserved and not closed.
    async fn open_blocks(&self) -> Result<Vec<PartBlock>, CatalogError>;

    /// Those ids of a block that are settled: committed, or queued for deletion.
    async fn settled_parts(&self, block: &PartBlock) -> Result<Vec<PartId>, CatalogError>;

    /// Sets aside a block that was left open and was looked through: at `at` it is looked through again.
    async fn set_block_aside(&self, block: &PartBlock, at: Timestamp) -> Result<(), CatalogError>;

    /// Blocks that were set aside until `now` or before.
    async fn blocks_aside(&self, now: Timestamp) -> Result<Vec<PartBlock>, CatalogError>;

    /// Forgets a block, open or set aside: every id of it is settled or known to have left nothing at any provider.
    async fn close_block(&self, block: &PartBlock) -> Result<(), CatalogError>;

    // --- deletions ------------------------------------------------------------------------------------------------

    /// Queues the chunks of parts that were never committed. Those in doubt are looked at again
    /// [`QueuedDeletion::LINGERS`] after `due`.
    async fn queue_deletions(&self, parts: Vec<QueuedDeletion>, due: Timestamp) -> Result<(), CatalogError>;

    /// Notes that puts of these parts ended in doubt: at `at`, those that are neither committed nor queued are queued for
    /// deletion ([`requeue_looks`](Self::requeue_looks)).
    async fn look_again(&self, parts: Vec<QueuedDeletion>, at: Timestamp) -> Result<(), CatalogError>;

    /// Takes second looks that are due at `now`, at most `limit`; returns how many.
    async fn requeue_looks(&self, now: Timestamp, limit: usize) -> Result<usize, CatalogError>;

    /// Deletions at a provider that are due at `now`, those that are due longest first, at most `limit`.
    async fn due_deletions(
        &self,
        provider: &ProviderName,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<QueuedDeletion>, CatalogError>;

    /// Puts off deletions that failed at `now`: each is due again after a pause that grows with its failures.
    async fn postpone_deletions(&self, failed: Vec<QueuedDeletion>, now: Timestamp) -> Result<(), CatalogError>;

    /// Nothing that is queued waits beyond `latest`: what is due later becomes due then. Only a clock that was ahead, or a
    /// longer grace, can have put it there. A long queue is hastened in steps; what is queued meanwhile may be left out.
    async fn hasten_deletions(&self, latest: Timestamp) -> Result<(), CatalogError>;

    /// Takes finished deletions off the queue.
    async fn finish_deletions(&self, done: Vec<QueuedDeletion>) -> Result<(), CatalogError>;

    /// What the queue holds.
    async fn deletion_queue(&self) -> Result<DeletionQueue, CatalogError>;

    /// How many deletions wait, due or not.
    async fn deletions_waiting(&self) -> Result<u64, CatalogError> {
        Ok(self.deletion_queue().await?.waiting)
    }

    // --- looking at chunks ----------------------------------------------------------------------------------------

    /// Parts at a provider after `after`, by id, at most `limit`.
    async fn parts_at(
        &self,
        provider: &ProviderName,
        after: Option<PartId>,
        limit: usize,
    ) -> Result<Vec<ScrubPart>, CatalogError>;

    /// How many parts a provider holds. Counts them.
    async fn count_parts_at(&self, provider: &ProviderName) -> Result<u64, CatalogError>;

    /// The round that is under way, if one ever began.
    async fn scrub_round(&self, provider: &ProviderName) -> Result<Option<ScrubRound>, CatalogError>;

    /// Saves how far a round has come. The parts behind `from`, up to `round.after` (to the last, when the round begins anew),
    /// were looked at, and `faults` is all that was found in them.
    async fn save_scrub(
        &self,
        provider: &ProviderName,
        round: &ScrubRound,
        from: Option<PartId>,
        faults: Vec<(PartId, ScrubFault)>,
    ) -> Result<ScrubResult, CatalogError>;

    // --- the whole ------------------------------------------------------------------------------------------------

    /// Fails when the catalog cannot commit now (disk full, read-only, closed). Used by readiness.
    async fn probe(&self) -> Result<(), CatalogError>;

    /// Recounts every part's slices and looks for slices without parts, parts without slices, lengths that do not add
    /// up. Returns a line for each fault; empty means sound. For `ecluse check` and tests; may be slow.
    async fn audit(&self) -> Result<Vec<String>, CatalogError>;

    /// Waits for what was accepted, then refuses everything. Idempotent.
    async fn close(&self);
}
