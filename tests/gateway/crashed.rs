//! A process that ends without a word: the next one finds every committed object and cleans up what was not.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ecluse::catalog::{Catalog, QueuedDeletion, SqliteCatalog};
use ecluse::gateway::{Error, Settings, jobs};
use ecluse::model::Timestamp;
use ecluse::store::{Call, Fault, MemoryChunks, When};

use testing::in_process::*;

/// What a machine finds after a power cut: the files as they are now, the chunks as they are now.
pub async fn after_a_crash(house: &House, settings: Settings) -> House {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    for entry in std::fs::read_dir(house.folder.path()).unwrap() {
        let from = entry.unwrap().path();
        std::fs::copy(&from, folder.path().join(from.file_name().unwrap())).unwrap();
    }
    let chunks = Arc::new(MemoryChunks::default());
    house.chunks.snapshot().iter().for_each(|(name, sealed)| chunks.replace(name, sealed.clone()));
    House::on(open(folder.path()), chunks, folder, settings).await
}

/// Waits until the provider holds so many chunks and has been asked for so many puts.
pub async fn until_at_provider(house: &House, chunks: usize, puts: u64) {
    let there = async {
        while house.chunks.snapshot().len() < chunks || house.plan.calls(Call::Put) < puts {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let seen = || (house.chunks.snapshot().len(), house.plan.calls(Call::Put));
    let outcome = tokio::time::timeout(Duration::from_secs(60), there).await;
    outcome.unwrap_or_else(|_late| panic!("{:?} instead of {chunks} chunks after {puts} puts", seen()));
}

fn open(folder: &Path) -> Arc<dyn Catalog> {
    Arc::new(SqliteCatalog::open(&catalog_path(folder)).unwrap())
}

#[tokio::test]
async fn after_a_crash_in_any_chunk_of_a_put_committed_objects_read_and_nothing_else_stays() {
    let one_by_one = Settings { parallel_chunks: 1, ..settings() };
    let (kept, part, lost) = (noise(1, 70_000), noise(2, 50_000), noise(3, 2 * CHUNK + 1));
    for nth in 1..=3 {
        let house = House::sqlite(one_by_one.clone()).await;
        house.put("kept", &kept).await.unwrap();
        let upload = house.begin_upload("study", None).await;
        let tag = house.put_part(&upload, 1, &part).await.unwrap().etag;
        house.plan.on(Call::Put, When::Nth(nth), Fault::Stall);
        let before = house.plan.calls(Call::Put);
        let put = house.put("lost", &lost);
        let crash = async {
            until_at_provider(&house, 1 + nth as usize, before + nth).await;
            after_a_crash(&house, one_by_one.clone()).await
        };
        let next = tokio::select! {
            outcome = put => panic!("the put did not stall: {outcome:?}"),
            next = crash => next,
        };
        let orphans = nth as usize - 1;
        assert_eq!(next.chunks.snapshot().len(), 2 + orphans);
        let mut blocks = next.gateway.blocks_left_open().await.unwrap();
        assert_eq!(blocks.len(), 1);
        // New writes do not wait for the sweep, and are not taken for leftovers.
        next.put("new", b"new").await.unwrap();
        assert_eq!(jobs::sweep(&next.gateway, &mut blocks).await.unwrap(), orphans.min(1));
        assert!(blocks.is_empty());
        next.settles_at(3).await;
        assert_same(&next.read("kept").await.unwrap(), &kept, "kept");
        assert_eq!(next.read("new").await.unwrap(), b"new");
        assert!(matches!(next.head("lost").await, Err(Error::NoSuchKey)));
        next.complete(&upload, &[(1, &tag)]).await.unwrap();
        assert_same(&next.read("study").await.unwrap(), &part, "study");
        assert_eq!(next.gateway.blocks_left_open().await.unwrap().len(), 1, "the new process's own");
        for name in ["kept", "study", "new"] {
            next.delete(name).await.unwrap();
        }
        next.settles_at(0).await;
    }
}

#[tokio::test]
async fn a_crash_with_chunks_in_parallel_leaves_gaps_and_the_sweep_looks_past_them() {
    let all_at_once = Settings { parallel_chunks: 8, memory: 256 * MIB as u64, ..settings() };
    let house = House::sqlite(all_at_once.clone()).await;
    // The first chunk stalls, later ones arrive.
    house.plan.on(Call::Put, When::Nth(1), Fault::Stall);
    let bytes = noise(1, 3 * CHUNK + 1);
    let crash = async {
        until_at_provider(&house, 3, 4).await;
        after_a_crash(&house, all_at_once.clone()).await
    };
    let next = tokio::select! {
        outcome = house.put("lost", &bytes) => panic!("the put did not stall: {outcome:?}"),
        next = crash => next,
    };
    let mut blocks = next.gateway.blocks_left_open().await.unwrap();
    assert_eq!(jobs::sweep(&next.gateway, &mut blocks).await.unwrap(), 1);
    next.settles_at(0).await;
}

#[tokio::test]
async fn a_sweep_that_fails_can_be_begun_again() {
    let house = House::sqlite(settings()).await;
    house.plan.on(Call::Put, When::Nth(2), Fault::Stall);
    let bytes = noise(1, CHUNK + 1);
    let next = tokio::select! {
        outcome = house.put("lost", &bytes) => panic!("the put did not stall: {outcome:?}"),
        next = async {
            until_at_provider(&house, 1, 2).await;
            after_a_crash(&house, settings()).await
        } => next,
    };
    let mut blocks = next.gateway.blocks_left_open().await.unwrap();
    next.plan.on(Call::Exists, When::Nth(100), Fault::Fail);
    jobs::sweep(&next.gateway, &mut blocks).await.unwrap_err();
    assert_eq!(blocks.len(), 1, "a block that is not settled stays");
    assert_eq!(jobs::sweep(&next.gateway, &mut blocks).await.unwrap(), 1);
    next.settles_at(0).await;
}

#[tokio::test]
async fn blocks_of_part_ids_close_when_all_of_their_ids_are_settled() {
    let house = House::new().await;
    for n in 0..600 {
        if n % 7 == 0 {
            house.put_body("short", body_in_pieces(Some(9), pieces(b"short", 5))).await.unwrap_err();
        }
        house.put("record", b"x").await.unwrap();
    }
    house.settles_at(1).await;
    let open = house.gateway.blocks_left_open().await.unwrap();
    assert_eq!(open.len(), 1, "only the block in use is open");
}

#[tokio::test]
async fn a_gateway_that_stops_in_order_leaves_no_block_open() {
    let house = House::sqlite(settings()).await;
    for n in 0..5_u64 {
        house.put(&n.to_string(), &noise(n, 2_000)).await.unwrap();
    }
    house.gateway.close().await;
    assert!(matches!(house.put("late", b"x").await, Err(Error::Catalog(_))));
    let House { folder, chunks, gateway, catalog, .. } = house;
    drop((gateway, catalog));
    let next = House::on(open(folder.path()), chunks, folder, settings()).await;
    assert_eq!(next.gateway.blocks_left_open().await.unwrap(), vec![]);
    for n in 0..5_u64 {
        assert_same(&next.read(&n.to_string()).await.unwrap(), &noise(n, 2_000), "after a restart");
    }
    next.settles_at(5).await;
}

#[tokio::test]
async fn what_a_sweep_finds_waits_out_the_grace_time() {
    let patient = Settings { grace: Duration::from_secs(3600), parallel_chunks: 1, ..settings() };
    let house = House::sqlite(patient.clone()).await;
    house.plan.on(Call::Put, When::Nth(2), Fault::Stall);
    let bytes = noise(1, CHUNK + 1);
    let crash = async {
        until_at_provider(&house, 1, 2).await;
        after_a_crash(&house, patient.clone()).await
    };
    let next = tokio::select! {
        outcome = house.put("lost", &bytes) => panic!("the put did not stall: {outcome:?}"),
        next = crash => next,
    };
    let mut blocks = next.gateway.blocks_left_open().await.unwrap();
    assert_eq!(jobs::sweep(&next.gateway, &mut blocks).await.unwrap(), 1);
    // It may be what another gateway, on a newer catalog, has acknowledged: there is time to stop this one.
    next.collect().await;
    assert_eq!(next.chunks.snapshot().len(), 1, "it was deleted at once");
    assert_eq!(next.catalog.deletions_waiting().await.unwrap(), 1);
}

#[tokio::test]
async fn what_arrives_after_the_sweep_is_found_by_the_second_one() {
    let one_by_one = Settings { parallel_chunks: 1, ..settings() };
    let house = House::sqlite(one_by_one.clone()).await;
    house.plan.on(Call::Put, When::Nth(2), Fault::Stall);
    let bytes = noise(1, CHUNK + 1);
    let next = tokio::select! {
        outcome = house.put("lost", &bytes) => panic!("the put did not stall: {outcome:?}"),
        next = async {
            until_at_provider(&house, 1, 2).await;
            after_a_crash(&house, one_by_one.clone()).await
        } => next,
    };
    let late: Vec<_> = next.chunks.snapshot().into_iter().collect();
    let mut blocks = next.gateway.blocks_left_open().await.unwrap();
    assert_eq!(jobs::sweep(&next.gateway, &mut blocks).await.unwrap(), 1);
    next.settles_at(0).await;
    // A put that the crash cut off from its answer arrives now.
    late.iter().for_each(|(name, sealed)| next.chunks.replace(name, sealed.clone()));
    assert_eq!(jobs::sweep_again(&next.gateway, Timestamp::steady()).await.unwrap(), 0, "it is too early");
    let later = Timestamp::steady().plus(QueuedDeletion::LINGERS);
    assert_eq!(jobs::sweep_again(&next.gateway, later).await.unwrap(), 1);
    next.settles_at(0).await;
    assert_eq!(jobs::sweep_again(&next.gateway, later).await.unwrap(), 0);
    assert_eq!(next.chunks.snapshot().len(), 0);
}

#[tokio::test]
async fn a_put_that_arrives_after_its_deletion_is_deleted_again() {
    let house = House::new().await;
    // The write fails: the put was done, but nobody was told.
    house.plan.on(Call::Put, When::Nth(1), Fault::LoseAnswer);
    house.put("refused", b"refused").await.unwrap_err();
    // The write succeeds: an attempt before the one that was answered is still on its way.
    house.plan.on(Call::Put, When::Nth(1), Fault::Doubt);
    house.put("overwritten", b"overwritten").await.unwrap();
    house.put("kept", b"kept").await.unwrap();
    let late: Vec<_> = house.chunks.snapshot().into_iter().collect();
    house.delete("overwritten").await.unwrap();
    house.settles_at(1).await;
    let kept = house.chunks.snapshot();
    late.iter().for_each(|(name, sealed)| house.chunks.replace(name, sealed.clone()));
    house.collect().await;
    assert_eq!(house.chunks.snapshot().len(), 3, "nobody knows yet");
    let later = Timestamp::steady().plus(QueuedDeletion::LINGERS);
    assert_eq!(house.catalog.requeue_looks(later, 10).await.unwrap(), 2);
    house.catalog.hasten_deletions(Timestamp::steady()).await.unwrap();
    house.settles_at(1).await;
    assert_eq!(house.chunks.snapshot(), kept);
}

#[tokio::test]
async fn a_put_that_was_cut_off_is_looked_at_again() {
    let house = House::new().await;
    house.plan.on(Call::Put, When::Nth(1), Fault::Stall);
    let put = house.put("left", b"left");
    assert!(tokio::time::timeout(Duration::from_millis(200), put).await.is_err());
    house.settles_at(0).await;
    let later = Timestamp::steady().plus(QueuedDeletion::LINGERS);
    assert_eq!(house.catalog.requeue_looks(later.plus(Duration::from_secs(1)), 10).await.unwrap(), 1);
}
