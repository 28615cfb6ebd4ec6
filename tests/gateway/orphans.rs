//! What is at a provider and belongs to nothing is found by its list, and nothing else is taken for it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ecluse::catalog::{Catalog, MemoryCatalog, QueuedDeletion, SqliteCatalog};
use ecluse::gateway::jobs::{self, Compared, Comparison, OrphanError, Stray};
use ecluse::gateway::{Clients, Fencing, Gateway, Settings};
use ecluse::keys::{FileCustodian, Keyring};
use ecluse::model::{ChunkName, EpochEntry, ProviderName, Timestamp};
use ecluse::store::{
    Attempts, Call, ChunkStore, ChunkStream, Consent, Created, Fault, Listed, MemoryChunks, NamePage, Store,
    StoreError, When,
};
use testing::in_process::*;

fn abroad() -> ProviderName {
    ProviderName::parse("abroad").unwrap()
}

/// All may be judged; `window` names at a time.
fn all(window: usize) -> Comparison {
    Comparison { written_before: Timestamp(i64::MAX), window }
}

async fn compare(gateway: &Gateway, by: Comparison) -> (Result<Compared, OrphanError>, Vec<Stray>) {
    let mut told = Vec::new();
    let compared = jobs::compare_names(gateway, &abroad(), by, |stray| told.push(stray)).await;
    (compared, told)
}

/// A house whose provider carries the catalog's notes, in an epoch.
async fn fenced(sqlite: bool) -> House {
    let folder = folder_with_key();
    let catalog: Arc<dyn Catalog> = if sqlite {
        Arc::new(SqliteCatalog::open(&catalog_path(folder.path())).unwrap())
    } else {
        Arc::new(MemoryCatalog::default())
    };
    let house = House::on(catalog, Arc::default(), folder, Settings { fencing: Fencing::Enforced, ..settings() }).await;
    house.gateway.lay_markers(false).await.unwrap();
    house.gateway.enter().await.unwrap();
    let bucket = ecluse::gateway::CreateBucket { bucket: bucket(BUCKET), user: std::collections::BTreeMap::default() };
    house.gateway.create_bucket(house.may(bucket)).await.unwrap();
    house
}

#[tokio::test]
async fn names_that_nothing_accounts_for_are_found_and_nothing_else() {
    for house in [fenced(false).await, fenced(true).await] {
        house.put("kept", &noise(1, CHUNK + 1)).await.unwrap();
        // A part that waits for its deletion, one to be looked at again, one of an upload, and one that is on its way.
        house.put("deleted", b"deleted").await.unwrap();
        house.delete("deleted").await.unwrap();
        house.plan.on(Call::Put, When::Nth(1), Fault::LoseAnswer);
        house.put("refused", b"refused").await.unwrap_err();
        house.put_part(&house.begin_upload("study", None).await, 1, b"part").await.unwrap();
        house.plan.clear();
        house.plan.on(Call::Put, When::Nth(2), Fault::Stall);
        let gateway = Arc::clone(&house.gateway);
        let op = ecluse::gateway::PutObject {
            bucket: bucket(BUCKET),
            key: key("under-way"),
            metadata: ecluse::model::Metadata::default(),
            conditions: ecluse::model::Conditions::default(),
        };
        let (may, long) = (house.may(op), body(&noise(2, 2 * CHUNK)));
        let on_its_way = tokio::spawn(async move { gateway.put_object(may, long).await.map(|_| ()) });
        let before = house.chunks.snapshot().len();
        while house.chunks.snapshot().len() == before || house.plan.calls(Call::Put) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Marker and epoch, two chunks that are kept, and one each that waits, is in doubt, of the upload, on its way.
        for window in [1, 3, 1000] {
            let (compared, told) = compare(&house.gateway, all(window)).await;
            let expected = Compared { names: 8, known: 8, ..Compared::default() };
            assert_eq!((compared.unwrap(), told), (expected, Vec::new()), "{window}");
        }

        let strays: BTreeSet<ChunkName> = [[0; 20], [7; 20], [0xff; 20]].map(ChunkName).into();
        for stray in &strays {
            house.chunks.replace(stray, Bytes::from_static(b"stray"));
        }
        for window in [1, 3, 1000] {
            let (compared, told) = compare(&house.gateway, all(window)).await;
            let compared = compared.unwrap();
            assert_eq!((compared.names, compared.known, compared.orphans), (11, 8, 3), "{window}");
            assert_eq!(compared.found.iter().cloned().collect::<BTreeSet<_>>(), strays);
            assert_eq!(told.len(), 3);
        }
        // What is young is not judged.
        let young = Comparison { written_before: Timestamp(0), window: 1000 };
        let (compared, told) = compare(&house.gateway, young).await;
        let compared = compared.unwrap();
        assert_eq!((compared.young, compared.orphans, compared.found.len(), told.len()), (3, 0, 0, 0));

        let refused =
            jobs::delete_orphans(&house.gateway, &abroad(), &strays.iter().cloned().collect::<Vec<_>>()).await;
        assert_eq!(refused.unwrap(), 0);
        let (compared, _) = compare(&house.gateway, all(1000)).await;
        assert_eq!(compared.unwrap(), Compared { names: 8, known: 8, ..Compared::default() });
        house.plan.clear();
        house.plan.release();
        on_its_way.await.unwrap().unwrap();
        assert_same(&house.read("under-way").await.unwrap(), &noise(2, 2 * CHUNK), "what was on its way");
        assert_same(&house.read("kept").await.unwrap(), &noise(1, CHUNK + 1), "what was kept");
    }
}

#[tokio::test]
async fn names_of_ids_under_way_are_made_only_for_what_nothing_else_accounts_for() {
    let house = fenced(false).await;
    house.put("kept", &noise(1, CHUNK + 1)).await.unwrap();
    let known = house.chunks.snapshot().len() as u64;
    let timed = async || {
        let begun = std::time::Instant::now();
        let (compared, _) = compare(&house.gateway, all(1000)).await;
        (compared.unwrap(), begun.elapsed())
    };
    house.chunks.replace(&ChunkName([7; 20]), Bytes::from_static(b"stray"));
    let (compared, with_a_stray) = timed().await;
    assert_eq!((compared.known, compared.orphans), (known, 1));
    house.chunks.delete(&ChunkName([7; 20]), &Consent::given()).await.unwrap();
    // A gateway that was restarted again and again: 1,000 blocks of ids, of which each could have left 700 chunks.
    for _ in 0..1_000 {
        house.catalog.reserve_parts(&tenant("chum"), 256).await.unwrap();
    }
    let (compared, took) = timed().await;
    assert_eq!(compared, Compared { names: known, known, ..Compared::default() });
    println!("{took:?} before 1,001 blocks, {with_a_stray:?} for the names of one");
    assert!(took < Duration::from_secs(10).max(20 * with_a_stray), "{took:?}");
}

#[tokio::test]
async fn a_catalogs_notes_are_never_orphans_of_whatever_epoch() {
    let house = fenced(false).await;
    for epoch in 2..=5 {
        let next = House::on(
            Arc::clone(&house.catalog),
            Arc::clone(&house.chunks),
            Arc::clone(&house.folder),
            Settings { fencing: Fencing::Enforced, ..settings() },
        )
        .await;
        next.gateway.enter().await.unwrap();
        assert_eq!(next.gateway.epoch(), epoch);
        // An objection to it is left, too.
        house.gateway.look().await.unwrap_err();
    }
    // An epoch that the catalog was about to enter when its process died.
    house.catalog.intend_epoch(EpochEntry { epoch: 6, nonce: [6; 16] }).await.unwrap();
    let (compared, told) = compare(&house.gateway, all(1000)).await;
    let names = house.chunks.snapshot().len() as u64;
    assert!(names >= 7, "a marker, five epochs, an objection: {names}");
    assert_eq!((compared.unwrap(), told), (Compared { names, known: names, ..Compared::default() }, Vec::new()));
}

#[tokio::test]
async fn orphans_are_deleted_only_while_the_fence_allows_it() {
    let house = fenced(false).await;
    let stray = ChunkName([7; 20]);
    house.chunks.replace(&stray, Bytes::from_static(b"stray"));
    // Another gateway works on a copy of the catalog.
    let other = House::on(
        Arc::clone(&house.catalog),
        Arc::clone(&house.chunks),
        Arc::clone(&house.folder),
        Settings { fencing: Fencing::Enforced, ..settings() },
    )
    .await;
    other.gateway.enter().await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    let deleted = jobs::delete_orphans(&house.gateway, &abroad(), std::slice::from_ref(&stray)).await;
    assert!(matches!(deleted, Err(OrphanError::Forbidden)), "{deleted:?}");
    let reads = House::on(
        Arc::clone(&house.catalog),
        Arc::clone(&house.chunks),
        Arc::clone(&house.folder),
        Settings { fencing: Fencing::ReadOnly, ..settings() },
    )
    .await;
    let deleted = jobs::delete_orphans(&reads.gateway, &abroad(), std::slice::from_ref(&stray)).await;
    assert!(matches!(deleted, Err(OrphanError::Forbidden)), "{deleted:?}");
    assert!(house.chunks.snapshot().contains_key(&stray));
    assert_eq!(house.plan.calls(Call::Delete), 1, "the trial of create-only writes");
}

#[test]
fn nothing_is_judged_that_the_catalog_may_not_have_known_of() {
    let (hour, grace) = (3_600_000, Duration::from_secs(3600));
    let by = |known| Comparison::of_catalog(known, grace).written_before;
    assert_eq!(by(Some(Timestamp(100 * hour))), Timestamp(93 * hour), "six hours that a put may linger, and the grace");
    assert_eq!(QueuedDeletion::LINGERS, Duration::from_secs(6 * 3600));
    assert_eq!(by(None), Timestamp(i64::MIN), "a catalog without a time knows nothing");
}

/// What a hostile provider makes of its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    /// The same page again and again, each time under another token.
    Loops,
    /// New names for ever.
    Endless,
    /// Pages without names, for ever.
    Empty,
    /// Names that are no chunks', for ever.
    Foreign,
    /// A page of names of every wrong shape.
    Shapes,
    /// All was written in the far future.
    Future,
}

/// A provider that lies about what it holds.
struct Liar {
    inner: Arc<MemoryChunks>,
    lie: Mutex<Lie>,
    pages: Mutex<u64>,
}

/// Names in a page of a liar's.
const PAGE: u64 = 100;

#[async_trait::async_trait]
impl ChunkStore for Liar {
    async fn put(&self, name: &ChunkName, sealed: Bytes) -> Result<Attempts, StoreError> {
        self.inner.put(name, sealed).await
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

    async fn length(&self, name: &ChunkName) -> Result<Option<u64>, StoreError> {
        self.inner.length(name).await
    }

    async fn exists(&self, name: &ChunkName) -> Result<bool, StoreError> {
        self.inner.exists(name).await
    }

    async fn names(&self, _after: Option<&str>) -> Result<NamePage, StoreError> {
        let honest = self.inner.names(None).await?;
        let page = {
            let mut pages = self.pages.lock().unwrap();
            *pages += 1;
            assert!(*pages < 100_000, "the comparison does not end");
            *pages
        };
        let listed = |name: String| Listed { name, modified: Timestamp(0) };
        let numbered = |number: u64| {
            let mut bytes = [0; 20];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            ChunkName(bytes).to_string()
        };
        let next = Some(page.to_string());
        let lie = *self.lie.lock().unwrap();
        Ok(match lie {
            Lie::Loops => NamePage { next, ..honest },
            Lie::Endless => NamePage { names: (0..PAGE).map(|n| listed(numbered(page * PAGE + n))).collect(), next },
            Lie::Empty => NamePage { names: Vec::new(), next },
            Lie::Foreign => NamePage { names: (0..PAGE).map(|n| listed(format!("file-{page}-{n}"))).collect(), next },
            Lie::Shapes => {
                let chunk = ChunkName([0xab; 20]).to_string();
                let shapes = [
                    String::new(),
                    "/".to_owned(),
                    chunk.to_uppercase(),
                    chunk.replace('/', ""),
                    format!("/{chunk}"),
                    format!("{chunk}/"),
                    format!("{chunk}#1"),
                    format!("../{chunk}"),
                    chunk.replace('a', "g"),
                    chunk[..40].to_owned(),
                    format!("{chunk}0"),
                    format!("abab/{}", &chunk[5..]),
                    "\u{1b}[2J".to_owned(),
                    "é/".repeat(20),
                    "x".repeat(100_000),
                ];
                NamePage { names: shapes.into_iter().map(listed).chain(honest.names).collect(), next: None }
            }
            Lie::Future => {
                let names = honest.names.into_iter().map(|told| Listed { modified: Timestamp(i64::MAX), ..told });
                NamePage { names: names.collect(), next: None }
            }
        })
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_list_that_repeats_loops_or_has_no_end_ends_the_comparison_and_is_told() {
    let house = House::new().await;
    for number in 0..20 {
        house.put(&format!("{number}"), &noise(number, 100)).await.unwrap();
    }
    let liar =
        Arc::new(Liar { inner: Arc::clone(&house.chunks), lie: Mutex::new(Lie::Loops), pages: Mutex::default() });
    let store = Arc::new(Store::new(vec![(abroad(), Arc::clone(&liar) as _)]));
    let custodian = Arc::new(FileCustodian::open(&house.folder.path().join("root.key")).unwrap());
    let (keyring, clients) = (Arc::new(Keyring::new(custodian)), Arc::new(Clients::new(Vec::new())));
    let gateway = Gateway::new(Arc::clone(&house.catalog), keyring, store, clients, settings());
    gateway.unlock(&[tenant("chum"), tenant("chus")]).await.unwrap();
    let told = async |lie: Lie, window: usize| {
        *liar.lie.lock().unwrap() = lie;
        *liar.pages.lock().unwrap() = 0;
        let by = Comparison { written_before: Timestamp(1), window };
        let (compared, told) = compare(&gateway, by).await;
        let pages = *liar.pages.lock().unwrap();
        assert!(pages <= 2_000, "{lie:?}: {pages} pages");
        (compared, told)
    };
    // Whether a window is longer than what is repeated or not.
    assert!(matches!(told(Lie::Loops, 1000).await.0, Err(OrphanError::Repeats)));
    assert!(matches!(told(Lie::Loops, 30).await.0, Err(OrphanError::Repeats)));
    for lie in [Lie::Endless, Lie::Foreign] {
        assert!(matches!(told(lie, 1000).await.0, Err(OrphanError::Strangers { .. })), "{lie:?}");
    }
    assert!(matches!(told(Lie::Empty, 1000).await.0, Err(OrphanError::Endless)));
    let (compared, strays) = told(Lie::Shapes, 1000).await;
    let compared = compared.unwrap();
    assert_eq!((compared.names, compared.known, compared.orphans, compared.foreign), (35, 20, 0, 15));
    assert!(strays.iter().all(|stray| matches!(stray, Stray::Foreign(_))), "no wrong shape is a chunk's: {strays:?}");
    house.chunks.replace(&ChunkName([7; 20]), Bytes::from_static(b"stray"));
    let (compared, strays) = told(Lie::Future, 1000).await;
    let compared = compared.unwrap();
    assert_eq!((compared.young, compared.orphans, strays), (1, 0, Vec::new()), "what is of the future is young");
}

#[tokio::test]
async fn a_provider_that_does_not_list_is_told() {
    let house = House::new().await;
    house.plan.on(Call::Names, When::Always, Fault::Refuse);
    let (compared, _) = compare(&house.gateway, all(10)).await;
    assert!(matches!(compared, Err(OrphanError::Store(StoreError::Refused(_)))), "{compared:?}");
}
