//! Time turned back, and time run twice: rollback, omission, repeated nonces, retries, cloned machines.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use ecluse::catalog::SqliteCatalog;
use ecluse::gateway::{Clients, Error, Gateway};
use ecluse::model::{ChunkName, PartId, ProviderName};
use ecluse::seal::layout::HEADER_BYTES;
use ecluse::seal::{ChunkKey, ChunkPlace};
use ecluse::store::{
    Attempts, ChunkStore, ChunkStream, Consent, Created, GuardSettings, Guarded, MemoryChunks, NamePage, Store,
    StoreError,
};

use super::attacker::*;
use testing::in_process::*;

/// Headers: each holds its chunk's commitment, derived together with its key. One key, one header.
fn headers(chunks: &BTreeMap<ChunkName, Bytes>) -> BTreeSet<Bytes> {
    chunks.values().map(|sealed| sealed.slice(..HEADER_BYTES)).collect()
}

/// Rollback and omission, as Tahoe-LAFS and restic state that they do not detect them: the whole provider is as it was
/// yesterday.
#[tokio::test]
async fn a_provider_put_back_to_yesterday_serves_what_did_not_change_and_nothing_old_or_deleted() {
    let (incidents, house) = (Incidents::watched(), House::new().await);
    let before = |name, seed| Target::of_chum(name, noise(seed, 100_000));
    let (kept, changed, deleted) = (before("kept", 1), before("changed", 2), before("deleted", 3));
    for target in [&kept, &changed, &deleted] {
        target.put(&house).await;
    }
    let yesterday = house.chunks.snapshot();
    let changed = before("changed", 4);
    let new = before("new", 5);
    changed.put(&house).await;
    new.put(&house).await;
    house.delete("deleted").await.unwrap();
    house.settles_at(3).await;

    for name in house.chunks.snapshot().keys() {
        house.chunks.delete(name, &Consent::given()).await.unwrap();
    }
    yesterday.iter().for_each(|(name, sealed)| house.chunks.replace(name, sealed.clone()));
    kept.assert_right(&house, "kept").await;
    for target in [&changed, &new] {
        assert_eq!(target.assert_refused(&house, &incidents, None, target.name).await, 0);
        // Under its new name, the chunk of yesterday is no better.
        let name = target.chunks(&house).await.remove(0);
        for sealed in yesterday.values() {
            house.chunks.replace(&name, sealed.clone());
            assert_eq!(target.assert_refused(&house, &incidents, None, target.name).await, 0);
        }
        house.head(target.name).await.unwrap();
    }
    let (read, error) = deleted.read(&house, None).await;
    assert!(read.is_empty() && matches!(error, Some(Error::NoSuchKey)), "{error:?}");
}

/// RustFS #4576 and S4's salts of four bytes: nonces that repeat. A nonce is a segment's number, so what must never
/// repeat is a chunk's key.
#[tokio::test]
async fn ten_thousand_overwrites_of_one_name_use_ten_thousand_keys() {
    const TIMES: usize = 10_000;
    let house = House::new().await;
    for _ in 0..TIMES {
        house.put("record", b"the same bytes").await.unwrap();
    }
    let chunks = house.chunks.snapshot();
    assert_eq!(chunks.len(), TIMES, "no chunk was written twice");
    assert_eq!(headers(&chunks).len(), TIMES, "no key was used twice");
    let bodies: BTreeSet<Bytes> = chunks.values().map(|sealed| sealed.slice(HEADER_BYTES..)).collect();
    assert_eq!(bodies.len(), TIMES, "no two ciphertexts of the same bytes are equal");
}

/// The same break, more often: what one name's overwrites draw at random, without the gateway around it.
/// `ECLUSE_OVERWRITES` is how many (50,000; by night 1,000,000).
#[tokio::test]
async fn overwrites_repeat_neither_a_chunk_key_nor_the_salt_and_nonce_of_a_wrap() {
    let times =
        std::env::var_os("ECLUSE_OVERWRITES").and_then(|text| text.to_str()?.parse().ok()).unwrap_or(50_000_usize);
    let house = House::new().await;
    let (keyring, owner) = (keyring(&house).await, tenant("chum"));
    let workers = 4;
    let drawn = std::thread::scope(|scope| {
        let (keyring, owner) = (&keyring, &owner);
        let draw = move |worker: usize| {
            let (mut commitments, mut wraps) = (Vec::new(), Vec::new());
            for _ in (worker..times).step_by(workers) {
                // The part id is the same each time, as no part id ever is: the key alone must tell them apart.
                let part = PartId([7; 16]);
                let (key, wrapped) = keyring.new_part_key(owner, part).unwrap();
                let place = ChunkPlace { tenant: owner, part, index: 0 };
                commitments.push(ChunkKey::derive(&key, &place).unwrap().header());
                wraps.push(<[u8; 28]>::try_from(&wrapped.bytes[..28]).unwrap());
            }
            (commitments, wraps)
        };
        let threads: Vec<_> = (0..workers).map(|worker| scope.spawn(move || draw(worker))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let (mut commitments, mut wraps) = (Vec::with_capacity(times), Vec::with_capacity(times));
    drawn.into_iter().for_each(|(some, others)| {
        commitments.extend(some);
        wraps.extend(others);
    });
    commitments.sort_unstable();
    wraps.sort_unstable();
    assert_eq!((commitments.len(), wraps.len()), (times, times));
    assert!(commitments.windows(2).all(|two| two[0] != two[1]), "a chunk key came twice");
    assert!(wraps.windows(2).all(|two| two[0] != two[1]), "a salt and nonce came twice");
}

/// Remembers every put, and loses the answer of every other one.
struct Forgetful {
    inner: MemoryChunks,
    puts: Mutex<Vec<(ChunkName, Bytes)>>,
}

#[async_trait]
impl ChunkStore for Forgetful {
    async fn put(&self, name: &ChunkName, sealed: Bytes) -> Result<Attempts, StoreError> {
        self.inner.put(name, sealed.clone()).await?;
        let mut puts = self.puts.lock().unwrap();
        puts.push((name.clone(), sealed));
        if puts.len() % 2 == 1 { Err(StoreError::Deadline) } else { Ok(Attempts::Answered) }
    }

    async fn create(&self, name: &ChunkName, sealed: Bytes) -> Result<Created, StoreError> {
        self.inner.create(name, sealed).await
    }

    async fn get(&self, name: &ChunkName, range: Range<u64>) -> Result<ChunkStream, StoreError> {
        self.inner.get(name, range).await
    }

    async fn delete(&self, name: &ChunkName, consent: &Consent) -> Result<(), StoreError> {
        self.inner.delete(name, consent).await
    }

    async fn names(&self, after: Option<&str>) -> Result<NamePage, StoreError> {
        self.inner.names(after).await
    }

    async fn length(&self, name: &ChunkName) -> Result<Option<u64>, StoreError> {
        self.inner.length(name).await
    }

    async fn exists(&self, name: &ChunkName) -> Result<bool, StoreError> {
        self.inner.exists(name).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Nonce reuse by trying again: the same nonce with other data.
#[tokio::test(start_paused = true)]
async fn a_put_that_is_tried_again_sends_the_very_same_bytes() {
    let house = House::new().await;
    let provider = ProviderName::parse("abroad").unwrap();
    let forgetful = Arc::new(Forgetful { inner: MemoryChunks::default(), puts: Mutex::default() });
    let guarded = Guarded::new(&provider, Arc::clone(&forgetful) as _, GuardSettings::default());
    let store = Arc::new(Store::new(vec![(provider, Arc::new(guarded) as _)]));
    let keyring = Arc::new(keyring(&house).await);
    let clients = Arc::new(Clients::new(Vec::new()));
    let one_by_one = ecluse::gateway::Settings { parallel_chunks: 1, ..settings() };
    let gateway = Gateway::new(Arc::clone(&house.catalog), keyring, store, clients, one_by_one);
    let house = House { gateway: Arc::new(gateway), ..house };
    let bytes = noise(1, CHUNK + 5_000);
    house.put("record", &bytes).await.unwrap();
    assert_same(&house.read("record").await.unwrap(), &bytes, "what was put");

    let puts = forgetful.puts.lock().unwrap();
    assert_eq!(puts.len(), 4, "each chunk was tried twice");
    let mut sent: BTreeMap<&ChunkName, BTreeSet<&Bytes>> = BTreeMap::new();
    for (name, sealed) in puts.iter() {
        sent.entry(name).or_default().insert(sealed);
    }
    assert!(sent.len() == 2 && sent.values().all(|different| different.len() == 1), "same name, same bytes");
}

/// Nonce reuse by a restored image: two machines from one catalog and one root key, writing the same names.
#[tokio::test]
async fn two_machines_cloned_from_one_write_no_chunk_and_use_no_key_in_common() {
    const TIMES: usize = 60;
    let house = House::sqlite(settings()).await;
    // The image is taken while a block of part ids is in use.
    house.put("record", b"the same bytes").await.unwrap();
    let original = house.chunks.snapshot();
    let mut worlds = Vec::new();
    for _ in 0..2 {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        for entry in std::fs::read_dir(house.folder.path()).unwrap() {
            let from = entry.unwrap().path();
            std::fs::copy(&from, folder.path().join(from.file_name().unwrap())).unwrap();
        }
        let catalog = Arc::new(SqliteCatalog::open(&catalog_path(folder.path())).unwrap());
        worlds.push(House::on(catalog, Arc::default(), folder, settings()).await);
    }
    for _ in 0..TIMES {
        for machine in [&house, &worlds[0], &worlds[1]] {
            machine.put("record", b"the same bytes").await.unwrap();
        }
    }
    let written = [house.chunks.snapshot(), worlds[0].chunks.snapshot(), worlds[1].chunks.snapshot()];
    let all: BTreeSet<&ChunkName> = written.iter().flat_map(BTreeMap::keys).collect();
    let total = 3 * TIMES + original.len();
    assert_eq!(written.iter().map(BTreeMap::len).sum::<usize>(), total);
    assert_eq!(all.len(), total, "no name in common");
    assert_eq!(written.iter().flat_map(headers).collect::<BTreeSet<_>>().len(), total, "no key in common");
}
