//! The gateway core: what clients ask for, in no protocol's words. The only place where catalog, keys, seal and store
//! meet.
//!
//! # Invariants
//! - Every operation on behalf of a client takes an [`Authorized`](crate::model::Authorized) operation.
//! - A write is acknowledged after its chunks are durable at the provider *and* its version is committed, in that order.
//! - Plaintext leaves only after its segment's tag was checked; a body that fails, fails.
//! - Memory for bodies is taken from one [`Budget`]; above it clients wait.

mod append;
mod authorize;
mod blocks;
mod bodies;
mod bucket;
mod bucket_tags;
mod copy;
mod cors;
mod delete;
mod error;
mod fair;
mod fence;
mod get;
mod incident;
pub mod jobs;
mod list;
mod operations;
mod processor;
mod put;
mod readiness;
mod revise;
mod settling;
mod strangers;
mod token;
mod unlock;
mod upload;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};
use tokio_util::task::AbortOnDropHandle;

use crate::catalog::{Catalog, CatalogError, MOST_SCANS};
use crate::keys::Keyring;
use crate::model::{BucketRef, ObjectKey, Quotas, Timestamp};
use crate::seal::Padding;
use crate::store::Store;

use fair::{Turn, Turns};

pub use crate::catalog::{
    AccessPolicy, BlockCursor, BlockLists, BlockPage, Bucket, BucketLine, BucketPage, BucketPlace, BucketRevision,
    Found, FoundPage, GoneBucket, ListEntry, ListExtras, ListPage, ListStart, MOST_BLOCKS, Retained, Revision, Select,
    SnapshotRule, Upload, UploadId, UploadPage, UploadPart, Version, VersionId,
};
pub use append::Grown;
pub use authorize::{Client, Clients};
pub use blocks::{ListedBlocks, MOST_BLOCK_BYTES};
pub use bodies::{Budget, Claim, Crc, Digests, Share, SmallBody, Spool, verify_claims};
pub use error::Error;
pub use fair::{Crowded, Payer};
pub use fence::{FenceFault, Fencing, Laid, Note};
pub use operations::{
    AbortUpload, Append, Body, BodyError, Claims, CommitBlocks, CompleteUpload, Copied, CopyObject, CopySource,
    CopyUploadPart, CreateBucket, CreateUpload, DeleteBucket, DeleteObject, DropBucket, FindByTags, GetObject,
    GotObject, HeadBucket, HeadObject, IfRange, LeaseBucket, LeaseObject, ListBlocks, ListBuckets, ListObjects,
    ListUploadParts, ListUploads, MetadataDirective, ObjectBody, PutBlock, PutObject, PutUploadPart, ReadBucket,
    ReadBucketTags, ReadCors, ReadPolicies, ReadSmall, Received, RemoveObject, RestoreBucket, RestoreObject,
    ReviseBucket, ReviseObject, SetBucketTags, SetCors, SnapshotObject, Stored, UploadPartsPage,
};
pub use processor::{Asking, Owner, Processor, Seat};
pub use readiness::Readiness;
pub use unlock::UnlockError;

/// How ETags are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EtagMode {
    /// MD5 of the plaintext, as most clients expect.
    #[default]
    Md5,
    /// Random: no MD5 is computed unless the client sends one.
    Opaque,
}

/// Most chunks of one body on their way to the provider at once; what a crash leaves is found by it.
pub const MAX_PARALLEL_CHUNKS: u32 = 8;

/// What the operator decides about writing and reading.
#[derive(Debug, Clone)]
pub struct Settings {
    /// ETags.
    pub etag: EtagMode,
    /// Padding of last chunks.
    pub padding: Padding,
    /// Bytes of memory for bodies in flight.
    pub memory: u64,
    /// Where sealed bytes of slow clients go while others wait for memory; without it they stay in memory.
    pub spool: Option<Spool>,
    /// How long chunks of a removed part are kept for reads that have begun; the longest transfer allowed.
    pub grace: Duration,
    /// How long after it was stored a chunk that the provider does not show is late, not lost.
    pub late: Duration,
    /// Chunks of one body on their way to the provider at once, 1 to [`MAX_PARALLEL_CHUNKS`].
    pub parallel_chunks: usize,
    /// A body that is read whole (XML, a batch) must have come within.
    pub small_body: Duration,
    /// Smallest part of an upload but the last, in bytes (S3: 5 MiB).
    pub min_part_bytes: u64,
    /// Whether the providers must prove that they are the catalog's alone.
    pub fencing: Fencing,
}

/// The gateway core. Cheap to share.
pub struct Gateway {
    catalog: Arc<dyn Catalog>,
    keyring: Arc<Keyring>,
    store: Arc<Store>,
    clients: Arc<Clients>,
    budget: Budget,
    /// Lists and searches of the catalog, by turns; changes of it.
    scans: Turns,
    writes: Turns,
    /// Look-ups for who is nobody yet.
    strangers: strangers::Strangers,
    account_rules: Arc<cors::AccountRules>,
    /// Chunks on their way to providers, by turns, in units of [`SEND_UNIT_BYTES`].
    sends: Turns,
    processor: Processor,
    settings: Settings,
    parts: settling::PartIds,
    fence: fence::Fence,
    /// Objects whose ends are to be merged: see [`jobs::merge`].
    merges: (mpsc::Sender<Merge>, Mutex<mpsc::Receiver<Merge>>),
    /// The buckets that have a limit, for the metrics.
    limited: std::sync::Mutex<Vec<BucketRef>>,
}

/// An object to look at: the end of it may be many small parts.
type Merge = (BucketRef, ObjectKey);

/// Lists and searches at once: fewer than the catalog has readers ([`MOST_SCANS`]), so that a look-up never waits for one.
const SCANS: u32 = MOST_SCANS;
/// Changes that the catalog has at once. It commits those that wait together; more would not make it faster, and a client that
/// comes with nothing waits for fewer.
const WRITES: u32 = 32;
/// What a chunk on its way to a provider is counted in, and the fewest of them that one counts: what is small takes time
/// to sync as well.
const SEND_UNIT_BYTES: u64 = 256 * 1024;
const LEAST_SEND_UNITS: u32 = 4;
/// How many may wait for a turn. Connections and their streams bound them before; this is a second fence.
const WAITING_TURNS: usize = 16_384;

/// How many objects may wait to be merged.
const MERGES_WAITING: usize = 256;

/// Units of chunks on their way, for so many bytes.
fn units_of_sends(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(SEND_UNIT_BYTES)).unwrap_or(u32::MAX).clamp(LEAST_SEND_UNITS, u32::MAX >> 4)
}

impl Gateway {
    /// Puts the four leaves together.
    pub fn new(
        catalog: Arc<dyn Catalog>,
        keyring: Arc<Keyring>,
        store: Arc<Store>,
        clients: Arc<Clients>,
        settings: Settings,
    ) -> Self {
        let budget = Budget::new(settings.memory);
        let (scans, writes) = (Turns::new(SCANS, WAITING_TURNS), Turns::new(WRITES, WAITING_TURNS));
        let sends = Turns::new(units_of_sends(store.put_bytes_at_once()), usize::MAX);
        let processor = Processor::of_process();
        let parts = settling::PartIds::new(Arc::clone(&catalog));
        let (wanted, waiting) = mpsc::channel(MERGES_WAITING);
        let fence = fence::Fence::new(settings.fencing);
        let merges = (wanted, Mutex::new(waiting));
        let limited = std::sync::Mutex::default();
        let (strangers, account_rules) = (strangers::Strangers::default(), Arc::default());
        Self {
            catalog,
            keyring,
            store,
            clients,
            budget,
            scans,
            writes,
            strangers,
            account_rules,
            sends,
            processor,
            settings,
            parts,
            fence,
            merges,
            limited,
        }
    }

    /// With seats other than the process's: several gateways in one process do not wait for one another.
    #[must_use]
    pub fn with_processor(self, processor: Processor) -> Self {
        Self { processor, ..self }
    }

    /// The configured clients: who a request's credentials belong to.
    pub fn clients(&self) -> &Arc<Clients> {
        &self.clients
    }

    /// Limits what these clients may have and these buckets may hold.
    pub async fn set_quotas(&self, quotas: Quotas) -> Result<(), CatalogError> {
        let limited = quotas.buckets.iter().map(|(bucket, _)| bucket.clone()).collect();
        self.catalog.set_quotas(quotas).await?;
        *self.limited.lock().unwrap_or_else(PoisonError::into_inner) = limited;
        Ok(())
    }

    /// The buckets that have a limit.
    fn limited_buckets(&self) -> Vec<BucketRef> {
        self.limited.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The memory for bodies: how much there is and how much is in use.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// A turn to read much of the catalog; 503 when too many wait.
    async fn turn_to_scan(&self, payer: &Payer) -> Result<Turn, Error> {
        Ok(self.scans.take(payer, 1).await?)
    }

    /// The outcome of a query that may read much, made when it is its client's turn for the processor. A client's scans leave
    /// one turn free: those of others do not wait for what waits here.
    async fn seated<T, Q, F>(&self, payer: &Payer, query: Q) -> Result<T, Error>
    where
        T: Send + 'static,
        Q: FnOnce(Arc<dyn Catalog>) -> F,
        F: Future<Output = Result<T, CatalogError>> + Send + 'static,
    {
        let answer = self.processor.wait_for(Owner::from(payer), query(Arc::clone(&self.catalog)));
        let answer = AbortOnDropHandle::new(answer).await;
        Ok(answer.map_err(|join| Error::lost("the reading of a list", &join))??)
    }

    /// A turn to change the catalog; 503 when too many wait.
    async fn turn_to_write(&self, payer: &Payer) -> Result<Turn, Error> {
        Ok(self.writes.take(payer, 1).await?)
    }

    /// The providers, by name.
    pub fn providers(&self) -> impl Iterator<Item = &crate::model::ProviderName> {
        self.store.providers().map(|(name, _)| name)
    }

    /// Until when what is freed now stays at the provider, by the steady clock.
    fn grace_until(&self) -> Timestamp {
        Timestamp::steady().plus(self.settings.grace)
    }

    /// Blocks of part ids that an earlier process left open: ask before the first write, then [`jobs::sweep`] them.
    pub async fn blocks_left_open(&self) -> Result<Vec<crate::model::PartBlock>, CatalogError> {
        self.catalog.open_blocks().await
    }

    /// Gives back what is reserved and closes the catalog. No request may be under way.
    pub async fn close(&self) {
        self.parts.retire().await;
        if let Err(error) = self.parts.resolve().await {
            tracing::warn!(%error, "not all that was in doubt could be settled; the next start looks for it");
        }
        if let Err(error) = self.catalog.keep_time(Timestamp::steady()).await {
            tracing::warn!(%error, "the time could not be kept; the next start goes on from an earlier one");
        }
        self.catalog.close().await;
    }
}
