//! Take the custodian away and the gateway is sealed; bring it back and it opens.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ecluse::catalog::{Catalog, MemoryCatalog};
use ecluse::gateway::{Clients, Error, Gateway, ListBuckets, Select, UnlockError, jobs};
use ecluse::keys::{Custodian, CustodianError, FileCustodian, KeyError, Keyring};
use ecluse::secret::SecretBytes;
use ecluse::store::Store;
use tokio_util::sync::CancellationToken;

use testing::in_process::*;

const TTL: Duration = Duration::from_millis(50);

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..4_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what} did not happen");
}

fn key_file(folder: &Path) -> PathBuf {
    folder.join("root.key")
}

/// Every operation that clients can ask for is refused.
async fn answers_nothing(house: &House) {
    let sealed = |error: Option<Error>| assert!(matches!(error, Some(Error::Sealed)), "{error:?}");
    sealed(house.put("new", b"x").await.err());
    sealed(house.put("new", b"").await.err());
    sealed(house.read("record").await.err());
    sealed(house.read("empty").await.err());
    sealed(house.head("record").await.err());
    sealed(house.delete("record").await.err());
    sealed(house.gateway.copy_object(house.may(house.copy_op("record", "copy"))).await.err());
    sealed(house.gateway.list_buckets(house.may(ListBuckets::default())).await.err());
    assert!(!house.gateway.readiness().await.is_ready());
}

#[tokio::test]
async fn a_custodian_that_is_back_is_noticed_long_before_the_ttl_ends() {
    let house = House::sqlite(settings()).await;
    let (path, away) = (key_file(house.folder.path()), house.folder.path().join("away"));
    std::fs::rename(&path, &away).unwrap();
    house.gateway.seal();
    let stop = CancellationToken::new();
    let hour = Duration::from_secs(3600);
    let watch = jobs::watch_custodian(Arc::clone(&house.gateway), vec![tenant("chum")], hour, stop.clone());
    let watch = tokio::spawn(watch);
    tokio::time::sleep(4 * TTL).await;
    std::fs::rename(&away, &path).unwrap();
    until("opening", || !house.gateway.is_sealed()).await;
    house.put("record", b"content").await.unwrap();
    stop.cancel();
    watch.await.unwrap();
}

#[tokio::test]
async fn without_its_root_key_the_gateway_is_sealed_within_the_ttl_and_opens_when_the_key_is_back() {
    let house = House::sqlite(settings()).await;
    let bytes = noise(1, CHUNK + 1);
    house.put("record", &bytes).await.unwrap();
    house.put("empty", b"").await.unwrap();
    assert!(house.gateway.readiness().await.is_ready());
    let (path, away) = (key_file(house.folder.path()), house.folder.path().join("away"));
    let stop = CancellationToken::new();
    let watch = jobs::watch_custodian(Arc::clone(&house.gateway), vec![tenant("chum")], TTL, stop.clone());
    let watch = tokio::spawn(watch);

    tokio::time::sleep(4 * TTL).await;
    assert!(!house.gateway.is_sealed(), "the custodian is there");
    let begun = house.get("record", Select::All).await.unwrap();
    std::fs::rename(&path, &away).unwrap();
    until("sealing", || house.gateway.is_sealed()).await;
    answers_nothing(&house).await;
    let (read, error) = drain(begun).await;
    assert!(error.is_none() && read == bytes, "a read that has begun ends");

    FileCustodian::create(&path).unwrap();
    tokio::time::sleep(6 * TTL).await;
    assert!(house.gateway.is_sealed(), "another root key never opens");
    std::fs::rename(&away, &path).unwrap();
    until("opening", || !house.gateway.is_sealed()).await;
    assert_same(&house.read("record").await.unwrap(), &bytes, "after the custodian came back");

    std::fs::remove_file(&path).unwrap();
    FileCustodian::create(&path).unwrap();
    until("sealing", || house.gateway.is_sealed()).await;
    stop.cancel();
    watch.await.unwrap();
}

#[tokio::test]
async fn chunks_are_not_deleted_while_the_gateway_is_sealed_and_are_afterwards() {
    let house = House::new().await;
    house.put("record", b"x").await.unwrap();
    house.delete("record").await.unwrap();
    house.gateway.seal();
    house.collect().await;
    assert_eq!(house.catalog.deletions_waiting().await.unwrap(), 1);
    house.gateway.unlock(&[]).await.unwrap();
    house.settles_at(0).await;
}

#[tokio::test]
async fn a_catalog_does_not_open_under_another_root_key() {
    let house = House::new().await;
    house.put("record", b"x").await.unwrap();
    let other = House::sealed(Arc::clone(&house.catalog), Arc::clone(&house.chunks), folder_with_key(), settings());
    let refused = other.gateway.unlock(&[tenant("chum")]).await;
    assert!(matches!(refused, Err(UnlockError::Keys(KeyError::WrongRootKey))), "{refused:?}");
    answers_nothing(&other).await;
    assert_eq!(house.read("record").await.unwrap(), b"x");
}

#[tokio::test]
async fn what_one_tenants_keys_sealed_is_not_opened_when_the_catalog_lost_its_canary() {
    // A catalog whose keys were wrapped under another root key, with a canary of this one.
    let house = House::new().await;
    let forged = Arc::new(MemoryCatalog::default());
    forged.add_tenant_keys(house.catalog.tenant_keys().await.unwrap()).await.unwrap();
    let other = House::sealed(forged, Arc::default(), folder_with_key(), settings());
    let refused = other.gateway.unlock(&[tenant("chum")]).await;
    assert!(matches!(refused, Err(UnlockError::Keys(KeyError::Refused))), "{refused:?}");
    assert!(other.gateway.is_sealed());
}

/// A custodian that can stop answering.
struct Hanging {
    inner: FileCustodian,
    hangs: Arc<AtomicBool>,
}

impl Hanging {
    async fn wait(&self) {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Custodian for Hanging {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    async fn wrap(&self, context: &[u8], secret: &[u8]) -> Result<Vec<u8>, CustodianError> {
        self.wait().await;
        self.inner.wrap(context, secret).await
    }

    async fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<SecretBytes, CustodianError> {
        self.wait().await;
        self.inner.unwrap(context, wrapped).await
    }
}

#[tokio::test]
async fn a_custodian_that_does_not_answer_is_away() {
    let folder = folder_with_key();
    let hangs = Arc::new(AtomicBool::new(false));
    let inner = FileCustodian::open(&key_file(folder.path())).unwrap();
    let custodian = Arc::new(Hanging { inner, hangs: Arc::clone(&hangs) });
    let keyring = Arc::new(Keyring::new(custodian));
    let store = Arc::new(Store::new(Vec::new()));
    let clients = Arc::new(Clients::new(Vec::new()));
    let gateway = Arc::new(Gateway::new(Arc::new(MemoryCatalog::default()), keyring, store, clients, settings()));
    gateway.unlock(&[tenant("chum")]).await.unwrap();
    let stop = CancellationToken::new();
    let watch = tokio::spawn(jobs::watch_custodian(Arc::clone(&gateway), vec![], TTL, stop.clone()));
    hangs.store(true, Ordering::SeqCst);
    until("sealing", || gateway.is_sealed()).await;
    hangs.store(false, Ordering::SeqCst);
    until("opening", || !gateway.is_sealed()).await;
    stop.cancel();
    watch.await.unwrap();
}

#[tokio::test]
async fn a_catalog_that_is_slow_is_not_a_custodian_that_is_away() {
    let (house, faults) = House::faulty(settings()).await;
    let stop = CancellationToken::new();
    let watch = jobs::watch_custodian(Arc::clone(&house.gateway), vec![tenant("chum")], TTL, stop.clone());
    let watch = tokio::spawn(watch);
    tokio::time::sleep(4 * TTL).await;
    faults.set_mute(true);
    // Longer than a custodian may take.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!house.gateway.is_sealed(), "the catalog was late, not the custodian");
    let path = key_file(house.folder.path());
    std::fs::rename(&path, house.folder.path().join("away")).unwrap();
    until("sealing, though the catalog is slow", || house.gateway.is_sealed()).await;
    stop.cancel();
    watch.await.unwrap();
}
