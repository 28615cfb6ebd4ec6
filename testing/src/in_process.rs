//! A gateway core in process: a catalog, chunks in memory behind planned faults, a root key in a folder of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::suites::catalog::blocks::Lists;
use bytes::Bytes;
use ecluse::catalog::{Catalog, CommitFaults, FaultyCatalog, MemoryCatalog, SqliteCatalog};
use ecluse::gateway::{
    Append, Body, BodyError, Claim, Clients, CommitBlocks, CompleteUpload, CopyObject, CopySource, CreateBucket,
    CreateUpload, DeleteObject, Digests, Error, EtagMode, Fencing, Gateway, GetObject, GotObject, HeadObject,
    ListBlocks, MetadataDirective, Processor, PutBlock, PutObject, PutUploadPart, Received, RemoveObject, Select,
    Settings, SnapshotObject, SnapshotRule, Stored, Upload, UploadPart, Version, jobs,
};
use ecluse::keys::{FileCustodian, Keyring};
use ecluse::model::{
    Action, AppendState, Authorized, BlockId, BlockPick, BlockSource, BucketName, BucketRef, ClientId, Conditions,
    ETag, Grant, Metadata, ObjectKey, Operation, Principal, ProviderName, RangeRequest, SnapshotId, TenantId,
};
use ecluse::seal::Padding;
use ecluse::store::{FaultPlan, Faulty, MemoryChunks, Store};
use futures::StreamExt as _;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub const KIB: usize = 1024;
pub const MIB: usize = 1024 * 1024;
pub const CHUNK: usize = 8 * MIB;
pub const BUCKET: &str = "imaging";
const EVERY_ACTION: [Action; 5] = [Action::Read, Action::Write, Action::Delete, Action::List, Action::Admin];

/// Settings for tests: no grace, a small budget, small parts allowed.
pub fn settings() -> Settings {
    Settings {
        etag: EtagMode::Md5,
        padding: Padding::Padme,
        memory: 64 * MIB as u64,
        grace: Duration::ZERO,
        late: Duration::ZERO,
        parallel_chunks: 4,
        spool: None,
        small_body: Duration::from_secs(60),
        min_part_bytes: 1000,
        fencing: Fencing::Off,
    }
}

/// A gateway with all that it stands on.
pub struct House {
    pub gateway: Arc<Gateway>,
    pub catalog: Arc<dyn Catalog>,
    pub chunks: Arc<MemoryChunks>,
    pub plan: FaultPlan,
    pub folder: Arc<TempDir>,
    pub pacs: Principal,
}

pub fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

pub fn bucket(name: &str) -> BucketName {
    BucketName::parse(name).unwrap()
}

pub fn key(name: &str) -> ObjectKey {
    ObjectKey::parse(name).unwrap()
}

/// A client that may do everything in the namespace of `owner`.
pub fn principal_of(owner: &str) -> Principal {
    principal(owner, vec![Grant::new(&["*".to_owned()], Vec::new(), EVERY_ACTION.to_vec())])
}

pub fn principal(owner: &str, grants: Vec<Grant>) -> Principal {
    Principal::new(ClientId::parse("pacs").unwrap(), tenant(owner), grants)
}

/// A root key in a new folder.
pub fn folder_with_key() -> Arc<TempDir> {
    let folder = tempfile::tempdir().unwrap();
    FileCustodian::create(&folder.path().join("root.key")).unwrap();
    Arc::new(folder)
}

impl House {
    /// On a catalog in memory, open, with the bucket [`BUCKET`].
    pub async fn new() -> Self {
        Self::with(settings()).await
    }

    pub async fn with(settings: Settings) -> Self {
        let catalog = Arc::new(MemoryCatalog::default());
        Self::on(catalog, Arc::default(), folder_with_key(), settings).await.furnished().await
    }

    /// On a provider that takes care of so many bytes at once.
    pub async fn narrow(put_bytes_at_once: u64) -> Self {
        let chunks = Arc::new(MemoryChunks::narrow(put_bytes_at_once));
        Self::on(Arc::new(MemoryCatalog::default()), chunks, folder_with_key(), settings()).await.furnished().await
    }

    /// On a catalog in SQLite, in the folder of the key.
    pub async fn sqlite(settings: Settings) -> Self {
        let folder = folder_with_key();
        let catalog = Arc::new(SqliteCatalog::open(&catalog_path(folder.path())).unwrap());
        Self::on(catalog, Arc::default(), folder, settings).await.furnished().await
    }

    /// On a catalog in SQLite whose commits fail as planned.
    pub async fn faulty(settings: Settings) -> (Self, CommitFaults) {
        let folder = folder_with_key();
        let faults = CommitFaults::default();
        let catalog = Arc::new(SqliteCatalog::open(&catalog_path(folder.path())).unwrap());
        let catalog = Arc::new(FaultyCatalog::new(catalog, faults.clone()));
        (Self::on(catalog, Arc::default(), folder, settings).await.furnished().await, faults)
    }

    /// On what is there already; open.
    pub async fn on(
        catalog: Arc<dyn Catalog>,
        chunks: Arc<MemoryChunks>,
        folder: Arc<TempDir>,
        settings: Settings,
    ) -> Self {
        let house = Self::sealed(catalog, chunks, folder, settings);
        house.gateway.unlock(&[tenant("chum"), tenant("chus")]).await.unwrap();
        house
    }

    /// On what is there already; not unlocked.
    pub fn sealed(
        catalog: Arc<dyn Catalog>,
        chunks: Arc<MemoryChunks>,
        folder: Arc<TempDir>,
        settings: Settings,
    ) -> Self {
        let plan = FaultPlan::default();
        let custodian = Arc::new(FileCustodian::open(&folder.path().join("root.key")).unwrap());
        let faulty = Arc::new(Faulty::new(Arc::clone(&chunks) as _, plan.clone()));
        let store = Arc::new(Store::new(vec![(ProviderName::parse("abroad").unwrap(), faulty as _)]));
        let keyring = Arc::new(Keyring::new(custodian));
        let clients = Arc::new(Clients::new(Vec::new()));
        let gateway = Gateway::new(Arc::clone(&catalog), keyring, store, clients, settings);
        // A test whose clock stands still would see it leap while it waits for a seat that another test has.
        let gateway = Arc::new(gateway.with_processor(Processor::with_seats(2)));
        Self { gateway, catalog, chunks, plan, folder, pacs: principal_of("chum") }
    }

    async fn furnished(self) -> Self {
        self.gateway
            .create_bucket(
                self.may(CreateBucket { bucket: bucket(BUCKET), user: std::collections::BTreeMap::default() }),
            )
            .await
            .unwrap();
        self
    }

    /// The proof that the client with all rights may do `op`.
    pub fn may<Op: Operation>(&self, op: Op) -> Authorized<Op> {
        self.pacs.authorize(op).unwrap()
    }

    pub async fn put(&self, name: &str, bytes: &[u8]) -> Result<Version, Error> {
        self.put_if(name, body(bytes), Conditions::default()).await.map(|stored| stored.version)
    }

    pub async fn put_body(&self, name: &str, body: Body) -> Result<Version, Error> {
        self.put_if(name, body, Conditions::default()).await.map(|stored| stored.version)
    }

    pub async fn put_if(&self, name: &str, body: Body, conditions: Conditions) -> Result<Stored, Error> {
        let op = PutObject { bucket: bucket(BUCKET), key: key(name), metadata: Metadata::default(), conditions };
        self.gateway.put_object(self.may(op), body).await
    }

    pub async fn get(&self, name: &str, select: Select) -> Result<GotObject, Error> {
        let conditions = Conditions::default();
        let op =
            GetObject { bucket: bucket(BUCKET), key: key(name), snapshot: None, select, conditions, if_range: None };
        self.gateway.get_object(self.may(op)).await
    }

    /// All of an object's bytes, or the first error, at once or inside the body.
    pub async fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        match drain(self.get(name, Select::All).await?).await {
            (bytes, None) => Ok(bytes),
            (_, Some(error)) => Err(error),
        }
    }

    pub async fn head(&self, name: &str) -> Result<Version, Error> {
        let conditions = Conditions::default();
        let op = HeadObject { bucket: bucket(BUCKET), key: key(name), snapshot: None, select: Select::All, conditions };
        self.gateway.head_object(self.may(op)).await.map(|(version, _)| version)
    }

    pub async fn delete(&self, name: &str) -> Result<(), Error> {
        let op = DeleteObject { bucket: bucket(BUCKET), key: key(name), conditions: Conditions::default() };
        self.gateway.delete_object(self.may(op)).await
    }

    pub fn copy_op(&self, from: &str, to: &str) -> CopyObject {
        CopyObject {
            source_bucket: bucket(BUCKET),
            source_key: key(from),
            source_conditions: Conditions::default(),
            bucket: bucket(BUCKET),
            key: key(to),
            directive: MetadataDirective::Copy { storage_class: None, website_redirect: None },
            tags: None,
            conditions: Conditions::default(),
            checksum: None,
        }
    }

    pub async fn begin_upload(&self, name: &str, checksum: Option<&str>) -> Upload {
        let op = CreateUpload {
            bucket: bucket(BUCKET),
            key: key(name),
            metadata: Metadata::default(),
            checksum: checksum.map(ToOwned::to_owned),
        };
        self.gateway.create_upload(self.may(op)).await.unwrap()
    }

    pub async fn put_part(&self, upload: &Upload, number: u32, bytes: &[u8]) -> Result<UploadPart, Error> {
        let op = PutUploadPart { bucket: bucket(BUCKET), key: upload.key.clone(), upload: upload.id.0.clone(), number };
        self.gateway.put_upload_part(self.may(op), body(bytes)).await
    }

    pub fn completion(&self, upload: &Upload, parts: &[(u32, &ETag)]) -> CompleteUpload {
        CompleteUpload {
            bucket: bucket(BUCKET),
            key: upload.key.clone(),
            upload: upload.id.0.clone(),
            parts: parts.iter().map(|(number, etag)| (*number, (*etag).clone())).collect(),
            claims: Vec::new(),
            conditions: Conditions::default(),
            length: None,
        }
    }

    pub async fn complete(&self, upload: &Upload, parts: &[(u32, &ETag)]) -> Result<Version, Error> {
        self.gateway.complete_upload(self.may(self.completion(upload, parts))).await
    }

    pub fn block_op(&self, name: &str, block: u32) -> PutBlock {
        let conditions = Conditions::default();
        PutBlock { bucket: bucket(BUCKET), key: key(name), block: block_id(block), conditions }
    }

    pub async fn put_block(&self, name: &str, block: u32, body: Body) -> Result<Received, Error> {
        self.gateway.put_block(self.may(self.block_op(name, block)), body).await
    }

    /// Makes a block of bytes of an object of the same bucket.
    pub async fn copy_block(&self, source: CopySource, name: &str, block: u32) -> Result<Received, Error> {
        self.gateway.copy_block(self.may(source), self.may(self.block_op(name, block)), None).await
    }

    pub async fn commit_blocks(&self, name: &str, blocks: &[u32], conditions: Conditions) -> Result<Version, Error> {
        let pick = |block: &u32| BlockPick { id: block_id(*block), source: BlockSource::Latest };
        let picks = blocks.iter().map(pick).collect();
        let metadata = Metadata::default();
        let op = CommitBlocks { bucket: bucket(BUCKET), key: key(name), metadata, conditions };
        self.gateway.commit_blocks(self.may(op), picks).await
    }

    pub async fn list_blocks(&self, name: &str) -> Result<Lists, Error> {
        let conditions = Conditions::default();
        let op = ListBlocks { bucket: bucket(BUCKET), key: key(name), snapshot: None, conditions };
        let listed = self.gateway.list_blocks(self.may(op)).await?;
        let mut lists = Lists { version: listed.lists.version.clone(), ..Lists::default() };
        for (begin, blocks) in [
            (listed.lists.committed.clone(), &mut lists.committed),
            (listed.lists.uncommitted.clone(), &mut lists.uncommitted),
        ] {
            let mut cursor = begin;
            while let Some(at) = cursor {
                let page = self.gateway.more_blocks(&listed, &at).await?;
                blocks.extend(page.blocks);
                cursor = page.next;
            }
        }
        Ok(lists)
    }

    /// An empty object that bytes may be appended to.
    pub async fn begin_append(&self, name: &str) -> Version {
        let metadata = Metadata { append: Some(AppendState::default()), ..Metadata::default() };
        let conditions = Conditions::default();
        let op = PutObject { bucket: bucket(BUCKET), key: key(name), metadata, conditions };
        self.gateway.put_object(self.may(op), body(b"")).await.unwrap().version
    }

    /// Returns where the bytes begin.
    pub async fn append(&self, name: &str, body: Body, position: Option<u64>) -> Result<u64, Error> {
        let conditions = Conditions::default();
        let op = Append { bucket: bucket(BUCKET), key: key(name), position, most_bytes: None, conditions };
        self.gateway.append(self.may(op), body).await.map(|grown| grown.offset)
    }

    pub async fn snapshot(&self, name: &str) -> Result<Version, Error> {
        let conditions = Conditions::default();
        let op = SnapshotObject { bucket: bucket(BUCKET), key: key(name), user: None, conditions };
        self.gateway.snapshot_object(self.may(op)).await
    }

    pub async fn read_snapshot(&self, name: &str, snapshot: Option<SnapshotId>) -> Result<Vec<u8>, Error> {
        let (select, conditions) = (Select::All, Conditions::default());
        let op = GetObject { bucket: bucket(BUCKET), key: key(name), snapshot, select, conditions, if_range: None };
        match drain(self.gateway.get_object(self.may(op)).await?).await {
            (bytes, None) => Ok(bytes),
            (_, Some(error)) => Err(error),
        }
    }

    /// Deletes an object as Azure does.
    pub async fn remove(&self, name: &str, snapshots: SnapshotRule) -> Result<(), Error> {
        let (snapshot, for_good, conditions) = (None, false, Conditions::default());
        let op = RemoveObject { bucket: bucket(BUCKET), key: key(name), snapshot, snapshots, for_good, conditions };
        self.gateway.remove_object(self.may(op)).await
    }

    pub async fn copy_from(&self, source: Authorized<CopySource>, to: &str) -> Result<Version, Error> {
        let (metadata, conditions) = (Metadata::default(), Conditions::default());
        let op = PutObject { bucket: bucket(BUCKET), key: key(to), metadata, conditions };
        self.gateway.copy_from(source, self.may(op), |source, _| source.metadata.clone()).await
    }

    /// Returns how many slices were merged.
    pub async fn merge_end(&self, name: &str) -> Result<usize, Error> {
        let bucket = BucketRef { tenant: tenant("chum"), name: bucket(BUCKET) };
        self.gateway.merge_end(&bucket, &key(name)).await
    }

    /// One round of the job that empties the deletion queue.
    pub async fn collect(&self) {
        let stop = CancellationToken::new();
        stop.cancel();
        jobs::collect(Arc::clone(&self.gateway), stop).await;
    }

    /// Collects until the provider holds `wanted` chunks and nothing waits for deletion; then the catalog is sound and
    /// no memory is in use.
    pub async fn settles_at(&self, wanted: usize) {
        let mut seen = (0, 0);
        for _ in 0..500 {
            self.collect().await;
            seen = (self.chunks.snapshot().len(), self.catalog.deletions_waiting().await.unwrap());
            if seen == (wanted, 0) && self.gateway.budget().used_bytes() == 0 {
                assert_eq!(self.catalog.audit().await.unwrap(), Vec::<String>::new());
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let used = self.gateway.budget().used_bytes();
        panic!("{} chunks instead of {wanted}, {} deletions, {used} bytes of memory in use", seen.0, seen.1);
    }
}

pub fn block_id(number: u32) -> BlockId {
    BlockId::parse(&format!("{number:08}")).unwrap()
}

/// A source of a copy in [`BUCKET`].
pub fn source(name: &str, snapshot: Option<SnapshotId>, range: Option<RangeRequest>) -> CopySource {
    CopySource { bucket: bucket(BUCKET), key: key(name), snapshot, range, conditions: Conditions::default() }
}

pub fn catalog_path(folder: &Path) -> std::path::PathBuf {
    folder.join("catalog.db")
}

/// A body of known length, in pieces of 64 KiB.
pub fn body(bytes: &[u8]) -> Body {
    body_in_pieces(Some(bytes.len() as u64), pieces(bytes, 64 * KIB))
}

/// A body with claims: digests to compute, and what the client says.
pub fn claimed(bytes: &[u8], digests: Digests, claims: Vec<Claim>) -> Body {
    Body { digests, claims: Box::new(move || Ok(claims)), ..body(bytes) }
}

/// A body that lets others run before each piece.
pub fn patient(bytes: &[u8], size: usize) -> Body {
    let stream = futures::stream::iter(pieces(bytes, size)).then(|piece| async {
        tokio::task::yield_now().await;
        piece
    });
    Body { stream: stream.boxed(), ..body(bytes) }
}

pub fn body_in_pieces(length: Option<u64>, pieces: Vec<Result<Bytes, BodyError>>) -> Body {
    let stream = futures::stream::iter(pieces).boxed();
    Body { length, stream, digests: Digests::default(), claims: Box::new(|| Ok(Vec::new())) }
}

pub fn pieces(bytes: &[u8], size: usize) -> Vec<Result<Bytes, BodyError>> {
    bytes.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect()
}

/// All that a body gives, and how it ended.
pub async fn drain(mut got: GotObject) -> (Vec<u8>, Option<Error>) {
    let mut bytes = Vec::new();
    while let Some(piece) = got.body.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(error) => return (bytes, Some(error)),
        }
    }
    (bytes, None)
}

/// Bytes that do not repeat, another run for each seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Comparing long runs without printing them.
pub fn assert_same(left: &[u8], right: &[u8], what: &str) {
    let differ = left.iter().zip(right).position(|(l, r)| l != r);
    assert!(left == right, "{what}: {} and {} bytes, first difference at {differ:?}", left.len(), right.len());
}
