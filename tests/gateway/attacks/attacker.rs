//! What an attacker can do, and what must come of it.

use ecluse::catalog::ObjectRef;
use std::ops::Range;
use std::path::PathBuf;

use bytes::Bytes;
use ecluse::gateway::{CreateBucket, Error, GetObject, PutObject, Select};
use ecluse::keys::Keyring;
use ecluse::model::{BucketRef, ChunkName, Conditions, Metadata, Part, PartId, Principal, RangeRequest};
use ecluse::seal::{Padding, Sealer, chunk_name};
use ecluse::secret::PartKey;
use metrics::LocalRecorderGuard;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use testing::forge;
use testing::in_process::*;

/// Counts the incidents of this thread, which is this test's own.
pub struct Incidents {
    handle: PrometheusHandle,
    _local: LocalRecorderGuard<'static>,
}

impl Incidents {
    pub fn watched() -> Self {
        let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
        let handle = recorder.handle();
        Self { handle, _local: metrics::set_default_local_recorder(recorder) }
    }

    /// Those of the provider.
    pub fn count(&self) -> u64 {
        self.sample("ecluse_integrity_incidents_total{provider=\"abroad\"} ")
    }

    /// Those of the catalog.
    pub fn in_catalog(&self) -> u64 {
        self.sample("ecluse_catalog_incidents_total ")
    }

    fn sample(&self, name: &str) -> u64 {
        let text = self.handle.render();
        text.lines().find_map(|line| line.strip_prefix(name)).map_or(0, |count| count.parse().unwrap())
    }
}

/// Whose object it is, and where.
#[derive(Clone)]
pub struct Target {
    pub who: Principal,
    pub bucket: &'static str,
    pub name: &'static str,
    pub bytes: Vec<u8>,
}

impl Target {
    pub fn of_chum(name: &'static str, bytes: Vec<u8>) -> Self {
        Self { who: principal_of("chum"), bucket: BUCKET, name, bytes }
    }

    pub fn bucket_ref(&self) -> BucketRef {
        BucketRef { tenant: self.who.tenant.clone(), name: bucket(self.bucket) }
    }

    pub async fn put(&self, house: &House) {
        let create = self
            .who
            .authorize(CreateBucket { bucket: bucket(self.bucket), user: std::collections::BTreeMap::default() })
            .unwrap();
        let _there_already = house.gateway.create_bucket(create).await;
        let op = PutObject {
            bucket: bucket(self.bucket),
            key: key(self.name),
            metadata: Metadata::default(),
            conditions: Conditions::default(),
        };
        house.gateway.put_object(self.who.authorize(op).unwrap(), body(&self.bytes)).await.unwrap();
    }

    /// What a client gets: the bytes, and the error that ended them.
    pub async fn read(&self, house: &House, range: Option<Range<u64>>) -> (Vec<u8>, Option<Error>) {
        let select = range.map_or(Select::All, |range| {
            Select::Range(RangeRequest::Between { first: range.start, last: range.end - 1 })
        });
        let op = GetObject {
            bucket: bucket(self.bucket),
            key: key(self.name),
            snapshot: None,
            select,
            conditions: Conditions::default(),
            if_range: None,
        };
        match house.gateway.get_object(self.who.authorize(op).unwrap()).await {
            Err(error) => (Vec::new(), Some(error)),
            Ok(got) => drain(got).await,
        }
    }

    /// Reads all of it: the bytes that were put.
    pub async fn assert_right(&self, house: &House, what: &str) {
        let (read, error) = self.read(house, None).await;
        assert!(error.is_none(), "{what}: {error:?}");
        assert_same(&read, &self.bytes, what);
    }

    /// Reads `range`, or all: an integrity error after right bytes only, counted once. Says how many bytes came.
    pub async fn assert_refused(
        &self,
        house: &House,
        incidents: &Incidents,
        range: Option<Range<u64>>,
        what: &str,
    ) -> usize {
        let before = incidents.count();
        let wanted = range.clone().map_or(0..self.bytes.len(), |range| range.start as usize..range.end as usize);
        let (read, error) = self.read(house, range).await;
        assert!(matches!(error, Some(Error::Integrity)), "{what}: {error:?} after {} bytes", read.len());
        assert_eq!(error.unwrap().to_string(), "integrity incident", "{what}: every error says the same");
        assert!(self.bytes[wanted.clone()].starts_with(&read), "{what}: wrong bytes");
        assert!(read.len() < wanted.len(), "{what}: all bytes came, and then an error");
        assert_eq!(incidents.count(), before + 1, "{what}: counted once");
        read.len()
    }

    /// The object's only part, as the catalog has it.
    pub async fn part(&self, house: &House) -> Part {
        let opened =
            house.catalog.open(&ObjectRef::current(&self.bucket_ref(), &key(self.name)), Select::All).await.unwrap();
        assert_eq!(opened.slices.len(), 1);
        opened.slices[0].part.clone()
    }

    /// The names of its chunks, in order.
    pub async fn chunks(&self, house: &House) -> Vec<ChunkName> {
        let part = self.part(house).await;
        let naming = keyring(house).await.naming_key(&self.who.tenant).unwrap();
        (0..part.chunks()).map(|index| chunk_name(&naming, part.id, index)).collect()
    }

    /// Its chunks' bytes, in order.
    pub async fn sealed(&self, house: &House) -> Vec<Bytes> {
        let stored = house.chunks.snapshot();
        self.chunks(house).await.iter().map(|name| stored[name].clone()).collect()
    }

    /// Writes the catalog: this object is `part`.
    pub async fn forge(&self, house: &House, part: Part) {
        forge::forge(&*house.catalog, self.bucket_ref(), key(self.name), part).await;
    }
}

/// The keys of a house, opened with its own root key: how a test looks inside.
pub async fn keyring(house: &House) -> Keyring {
    forge::keyring(&*house.catalog, &root_key(house)).await
}

/// Its root key's file.
pub fn root_key(house: &House) -> PathBuf {
    house.folder.path().join("root.key")
}

/// The chunks that whoever holds `key` makes of `bytes` for that place: well-formed in every way.
pub fn sealed_with(key: &PartKey, owner: &str, part: PartId, bytes: &[u8]) -> Vec<Bytes> {
    let mut sealer = Sealer::new(key, &tenant(owner), part, Padding::Padme, Some(bytes.len() as u64)).unwrap();
    let mut plain = Bytes::copy_from_slice(bytes);
    let mut chunks = Vec::new();
    while !plain.is_empty() {
        chunks.extend(sealer.push(&mut plain).unwrap().map(|chunk| chunk.bytes));
    }
    chunks.extend(sealer.finish().unwrap().0.map(|chunk| chunk.bytes));
    chunks
}

/// One bit of it is another.
pub fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}
