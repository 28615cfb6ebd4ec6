//! The fence in process: entering an epoch under every fault of provider and catalog, and what is looked at.

use std::sync::Arc;

use ecluse::catalog::{Belonging as _, Catalog, CommitFault, CommitFaults, FaultyCatalog, MemoryCatalog};
use ecluse::gateway::{Error, FenceFault, Fencing, Settings};
use ecluse::model::NoteId;
use ecluse::seal::note_name;
use ecluse::store::{Call, ChunkStore as _, Consent, Fault, MemoryChunks, When};
use tempfile::TempDir;
use testing::in_process::{House, folder_with_key, settings};

fn fenced() -> Settings {
    Settings { fencing: Fencing::Enforced, ..settings() }
}

/// A catalog with an identity, and its marker at the chunks.
struct Ground {
    catalog: Arc<MemoryCatalog>,
    chunks: Arc<MemoryChunks>,
    folder: Arc<TempDir>,
}

impl Ground {
    async fn new() -> Self {
        let ground = Self { catalog: Arc::default(), chunks: Arc::default(), folder: folder_with_key() };
        ground.house(None).await.gateway.lay_markers(false).await.unwrap();
        ground
    }

    /// A gateway on it, open; no epoch entered.
    async fn house(&self, faults: Option<CommitFaults>) -> House {
        let catalog: Arc<dyn Catalog> = match faults {
            Some(faults) => Arc::new(FaultyCatalog::new(Arc::clone(&self.catalog) as _, faults)),
            None => Arc::clone(&self.catalog) as _,
        };
        House::on(catalog, Arc::clone(&self.chunks), Arc::clone(&self.folder), fenced()).await
    }
}

async fn put(house: &House) -> Result<(), Error> {
    let op = ecluse::gateway::CreateBucket {
        bucket: testing::in_process::bucket("another"),
        user: std::collections::BTreeMap::default(),
    };
    house.gateway.create_bucket(house.may(op)).await.map(|_| ())
}

#[tokio::test]
async fn nothing_is_written_before_an_epoch_was_entered() {
    let ground = Ground::new().await;
    let house = ground.house(None).await;
    assert!(matches!(put(&house).await, Err(Error::NoWrites { .. })));
    assert!(!house.gateway.may_delete().await);
    house.gateway.enter().await.unwrap();
    assert_eq!(house.gateway.epoch(), 1);
    put(&house).await.unwrap();
    assert!(house.gateway.may_delete().await);
}

#[tokio::test]
async fn whatever_fails_while_an_epoch_is_entered_the_next_try_enters_it() {
    for fault in [Fault::Fail, Fault::HalfPut, Fault::LoseAnswer] {
        let ground = Ground::new().await;
        let house = ground.house(None).await;
        house.plan.on(Call::Create, When::Nth(1), fault.clone());
        assert!(house.gateway.enter().await.unwrap_err().is_passing(), "{fault:?}");
        house.gateway.enter().await.unwrap();
        assert_eq!(house.gateway.epoch(), 1, "{fault:?}");
    }
    // The catalog fails before or after its commit: at the intention, and at the entry. The process ends there, and another comes.
    for write in 1..=2 {
        for fault in [CommitFault::Before, CommitFault::After] {
            let ground = Ground::new().await;
            let faults = CommitFaults::default();
            let dying = ground.house(Some(faults.clone())).await;
            faults.on(write, fault);
            assert!(dying.gateway.enter().await.unwrap_err().is_passing(), "{write} {fault:?}");
            let next = ground.house(None).await;
            next.gateway.enter().await.unwrap();
            // Where the entry was written down before the answer was lost, it is the next epoch.
            let wanted = if (write, fault) == (2, CommitFault::After) { 2 } else { 1 };
            assert_eq!(next.gateway.epoch(), wanted, "{write} {fault:?}");
            assert!(next.gateway.look().await.is_ok(), "{write} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_marker_that_is_gone_or_another_stops_writes_and_deletions_until_it_is_back() {
    let ground = Ground::new().await;
    let house = ground.house(None).await;
    house.gateway.enter().await.unwrap();
    let (secret, name) = {
        let identity = ground.catalog.identity().await.unwrap().unwrap();
        let custodian = ecluse::keys::FileCustodian::open(&ground.folder.path().join("root.key")).unwrap();
        let keyring = ecluse::keys::Keyring::new(Arc::new(custodian));
        keyring.open_catalog(&identity).await.unwrap();
        let secret = keyring.catalog_secret().unwrap();
        let name = note_name(&secret, NoteId::Marker).unwrap();
        (secret, name)
    };
    let marker = ground.chunks.snapshot()[&name].clone();
    for gone in [None, Some(vec![0_u8; marker.len()]), Some(Vec::new())] {
        match &gone {
            None => ground.chunks.delete(&name, &Consent::given()).await.unwrap(),
            Some(bytes) => ground.chunks.replace(&name, bytes.clone().into()),
        }
        let found = house.gateway.look().await.unwrap_err();
        assert!(matches!(*found, FenceFault::MarkerMissing(_) | FenceFault::MarkerWrong { .. }), "{found}");
        assert!(matches!(put(&house).await, Err(Error::NoWrites { .. })));
        assert!(!house.gateway.may_delete().await);
        assert!(!house.gateway.readiness().await.is_ready());
        // A gateway that starts now refuses, and does not mend it.
        let other = ground.house(None).await;
        assert!(!other.gateway.enter().await.unwrap_err().is_passing());
        ground.chunks.replace(&name, marker.clone());
        house.gateway.look().await.unwrap();
    }
    // The provider was put back to an earlier state: it has the marker, and not the epoch.
    let epoch = note_name(&secret, NoteId::Epoch(1)).unwrap();
    let kept = ground.chunks.snapshot()[&epoch].clone();
    ground.chunks.delete(&epoch, &Consent::given()).await.unwrap();
    let found = house.gateway.look().await.unwrap_err();
    assert!(matches!(*found, FenceFault::EpochMissing { epoch: 1, .. }), "{found}");
    ground.chunks.replace(&epoch, kept);
    house.gateway.look().await.unwrap();
}

#[tokio::test]
async fn who_finds_a_later_epoch_is_stale_for_good_and_a_take_over_goes_beyond_all_of_them() {
    let ground = Ground::new().await;
    let original = ground.house(None).await;
    original.gateway.enter().await.unwrap();
    for epoch in 2..=11 {
        let next = ground.house(None).await;
        next.gateway.enter().await.unwrap();
        assert_eq!(next.gateway.epoch(), epoch);
    }
    let found = original.gateway.look().await.unwrap_err();
    assert!(matches!(*found, FenceFault::Stale { ours: 1, found: 2, .. }), "{found}");
    assert!(matches!(put(&original).await, Err(Error::NoWrites { .. })));
    let look = ecluse::gateway::HeadBucket { bucket: testing::in_process::bucket("another") };
    let read = original.gateway.head_bucket(original.may(look)).await;
    assert!(matches!(read, Err(Error::NoSuchBucket)), "reads go on");

    // An old backup of the catalog: it knows epoch 1 only.
    let backup = Arc::new(MemoryCatalog::default());
    backup.put_canary(ground.catalog.canary().await.unwrap().unwrap()).await.unwrap();
    backup.put_identity(ground.catalog.identity().await.unwrap().unwrap()).await.unwrap();
    let restored =
        House::on(Arc::clone(&backup) as _, Arc::clone(&ground.chunks), Arc::clone(&ground.folder), fenced()).await;
    let found = restored.gateway.enter().await.unwrap_err();
    assert!(matches!(*found, FenceFault::Stale { ours: 0, found: 1, .. }), "{found}");
    assert_eq!(restored.gateway.take_over().await.unwrap().epoch, 12);
    let started = House::on(backup as _, Arc::clone(&ground.chunks), Arc::clone(&ground.folder), fenced()).await;
    started.gateway.enter().await.unwrap();
    assert_eq!(started.gateway.epoch(), 13);
}

#[tokio::test]
async fn a_provider_that_claims_every_note_ends_a_take_over_at_once() {
    let ground = Ground::new().await;
    let house = ground.house(None).await;
    house.gateway.enter().await.unwrap();
    // The marker is read as it is; whatever else is asked for, something is there.
    house.plan.on(Call::Get, When::Nth(1), Fault::Truncate { by: 0 });
    house.plan.on(Call::Get, When::Always, Fault::Substitute(bytes::Bytes::from_static(b"anything")));
    let before = house.plan.calls(Call::Get);
    let fault = house.gateway.take_over().await.unwrap_err();
    assert!(matches!(fault, FenceFault::ClaimsAll(_)) && !fault.is_passing(), "{fault}");
    assert!(house.plan.calls(Call::Get) - before < 50);
    // Nothing was entered: the same catalog goes on when the provider is in order again.
    house.plan.clear();
    assert_eq!(house.gateway.take_over().await.unwrap().epoch, 2);
}

#[tokio::test]
async fn a_batch_of_deletions_ends_when_the_fence_closes_in_the_middle_of_it() {
    let ground = Ground::new().await;
    let house = ground.house(None).await;
    house.gateway.enter().await.unwrap();
    put(&house).await.unwrap();
    let waiting = (0..200_u32).map(|number| ecluse::catalog::QueuedDeletion {
        part: ecluse::model::PartId([number.to_be_bytes(), [1; 4], [2; 4], [3; 4]].concat().try_into().unwrap()),
        tenant: testing::in_process::tenant("chum"),
        chunks: 3,
        provider: ecluse::model::ProviderName::parse("abroad").unwrap(),
        in_doubt: false,
    });
    let due = ecluse::model::Timestamp(0);
    house.catalog.queue_deletions(waiting.collect(), due).await.unwrap();
    let before = house.plan.calls(Call::Delete);
    // The first deletions take a while, in which another gateway enters the next epoch.
    house.plan.on(Call::Delete, When::Always, Fault::Stall);
    let (gateway, stop) = (Arc::clone(&house.gateway), tokio_util::sync::CancellationToken::new());
    stop.cancel();
    let round = tokio::spawn(ecluse::gateway::jobs::collect(gateway, stop));
    while house.plan.calls(Call::Delete) == before {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let other = ground.house(None).await;
    other.gateway.enter().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    let begun = house.plan.calls(Call::Delete) - before;
    house.plan.clear();
    house.plan.release();
    round.await.unwrap();
    assert_eq!(house.plan.calls(Call::Delete) - before, begun, "no further deletion was sent");
    assert!(begun <= 8, "those that were under way: {begun}");
    let queue = house.catalog.deletion_queue().await.unwrap();
    assert_eq!((queue.waiting, queue.failing), (200, 0), "what was not tried has not failed");
    assert!(!house.gateway.may_delete().await);
}
