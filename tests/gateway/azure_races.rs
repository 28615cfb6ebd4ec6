//! The write paths that only Azure has, with many clients at once, under a small budget, and with copies of what changes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ecluse::gateway::{CreateBucket, DeleteObject, Error, PutObject, Settings, SnapshotRule};
use ecluse::model::{Conditions, LeaseFault, Metadata};
use ecluse::store::{Call, Fault, When};
use futures::future::join_all;

use super::azure_paths::{lease, middle, slices_of};
use super::memory::{BUDGET, PIECE, counted, small};
use super::races::create_only;
use testing::in_process::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_at_once_land_once_each_and_at_one_position_one_wins() {
    for house in [House::new().await, House::sqlite(settings()).await] {
        house.begin_append("grows").await;
        let bodies: Vec<_> = (0..24).map(|n| noise(n, 5_000 + n as usize)).collect();
        let outcomes = join_all(bodies.iter().map(|bytes| house.append("grows", patient(bytes, 1_000), None))).await;
        let mut landed: Vec<_> = outcomes.into_iter().map(Result::unwrap).zip(&bodies).collect();
        landed.sort_by_key(|(offset, _)| *offset);
        let mut wanted = Vec::new();
        for (offset, bytes) in landed {
            assert_eq!(offset, wanted.len() as u64, "a gap or an overlap");
            wanted.extend_from_slice(bytes);
        }
        assert_same(&house.read("grows").await.unwrap(), &wanted, "all of them");

        let position = Some(wanted.len() as u64);
        let outcomes =
            join_all(bodies.iter().map(|bytes| house.append("grows", patient(bytes, 1_000), position))).await;
        let won: Vec<_> = outcomes.iter().zip(&bodies).filter(|(outcome, _)| outcome.is_ok()).collect();
        assert_eq!(won.len(), 1);
        assert!(outcomes.iter().flat_map(|o| o.as_ref().err()).all(|e| matches!(e, Error::AppendPosition)));
        wanted.extend_from_slice(won[0].1);
        assert_same(&house.read("grows").await.unwrap(), &wanted, "one more");
        house.settles_at(bodies.len() + 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_lists_of_blocks_that_create_one_wins() {
    for house in [House::new().await, House::sqlite(settings()).await] {
        let bytes = noise(1, 5_000);
        for n in 0..16 {
            house.put_block("study", n, body(&bytes)).await.unwrap();
        }
        let lists: Vec<Vec<u32>> = (1..=16).map(|n| (0..n).collect()).collect();
        let outcomes = join_all(lists.iter().map(|list| house.commit_blocks("study", list, create_only()))).await;
        let won: Vec<_> = outcomes.iter().zip(&lists).filter(|(outcome, _)| outcome.is_ok()).collect();
        assert_eq!(won.len(), 1);
        assert!(outcomes.iter().flat_map(|o| o.as_ref().err()).all(|e| matches!(e, Error::PreconditionFailed)));
        assert_same(&house.read("study").await.unwrap(), &bytes.repeat(won[0].1.len()), "the winner");
        house.settles_at(won[0].1.len()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_acquire_a_lease_one_wins_and_only_it_writes() {
    for house in [House::new().await, House::sqlite(settings()).await] {
        house.put("record", b"before").await.unwrap();
        let ids: Vec<_> = (0..12).map(|n| format!("lease {n}")).collect();
        let outcomes = join_all(ids.iter().map(|id| lease(&house, "record", id))).await;
        let won: Vec<_> = outcomes.iter().zip(&ids).filter(|(outcome, _)| outcome.is_ok()).collect();
        assert_eq!(won.len(), 1);
        assert!(outcomes.iter().flat_map(|o| o.as_ref().err()).all(|e| matches!(e, Error::Lease(_))));
        let held = won[0].1;
        let puts = join_all(ids.iter().enumerate().flat_map(|(n, id)| {
            let bytes = noise(n as u64, 20_000);
            let house = &house;
            [Some(id.clone()), None].map(|lease| {
                let body = patient(&bytes, 5_000);
                async move {
                    let conditions = Conditions { lease: lease.clone(), ..Conditions::default() };
                    (lease, n, house.put_if("record", body, conditions).await)
                }
            })
        }))
        .await;
        let mut winner = None;
        for (lease, n, outcome) in puts {
            match outcome {
                Ok(_) => {
                    assert_eq!(lease.as_ref(), Some(held));
                    winner = Some(n);
                }
                Err(error) => {
                    let wanted = if lease.is_none() { LeaseFault::IdMissing } else { LeaseFault::IdMismatch };
                    assert!(matches!(&error, Error::Lease(fault) if *fault == wanted), "{error:?}");
                }
            }
        }
        let bytes = noise(winner.unwrap() as u64, 20_000);
        assert_same(&house.read("record").await.unwrap(), &bytes, "who holds the lease");
        for refused in [
            house.append("record", body(b"x"), None).await.err(),
            house.put_block("record", 1, body(b"x")).await.err(),
            house.commit_blocks("record", &[], Conditions::default()).await.err(),
            house.remove("record", SnapshotRule::Include).await.err(),
            house.delete("record").await.err(),
            house.copy_from(house.may(source("record", None, None)), "record").await.err(),
        ] {
            assert!(matches!(refused, Some(Error::Lease(LeaseFault::IdMissing))), "{refused:?}");
        }
        house.settles_at(1).await;
    }
}

#[tokio::test]
async fn many_small_appends_become_few_parts_and_nobody_sees_it() {
    let grace = Duration::from_millis(300);
    for house in [House::new().await, House::sqlite(Settings { grace, ..settings() }).await] {
        house.begin_append("grows").await;
        let mut wanted = Vec::new();
        for n in 0..200 {
            let piece = noise(n, 700 + n as usize);
            house.append("grows", body(&piece), None).await.unwrap();
            wanted.extend(piece);
        }
        let snapshot = house.snapshot("grows").await.unwrap().snapshot;
        let before = house.head("grows").await.unwrap();
        assert_eq!(house.merge_end("grows").await.unwrap(), 200);
        assert_eq!(house.head("grows").await.unwrap(), before, "the version as clients see it");
        assert_eq!(slices_of(&house, "grows").await, 1);
        assert_same(&house.read("grows").await.unwrap(), &wanted, "merged");
        assert_same(&house.read_snapshot("grows", snapshot).await.unwrap(), &wanted, "its snapshot");
        assert_eq!(house.merge_end("grows").await.unwrap(), 0, "there is nothing more to merge");
        house.settles_at(201).await;
        house.remove("grows", SnapshotRule::Only).await.unwrap();
        house.settles_at(1).await;
        assert_eq!(house.append("grows", body(b"more"), None).await.unwrap(), wanted.len() as u64);
        wanted.extend_from_slice(b"more");
        assert_same(&house.read("grows").await.unwrap(), &wanted, "grown on");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_while_the_end_is_merged_are_all_there() {
    let house = House::sqlite(Settings { grace: Duration::from_millis(300), ..settings() }).await;
    house.begin_append("grows").await;
    let pieces: Vec<_> = (0..150).map(|n| noise(n, 900 + n as usize)).collect();
    let append = async {
        for piece in &pieces {
            house.append("grows", patient(piece, 500), None).await.unwrap();
        }
    };
    let merge = async {
        for _ in 0..60 {
            match house.merge_end("grows").await {
                Ok(_) | Err(Error::Conflict) => {}
                Err(error) => panic!("{error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    futures::join!(append, merge);
    assert_same(&house.read("grows").await.unwrap(), &pieces.concat(), "all appends");
    house.settles_at(slices_of(&house, "grows").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_blocks_at_once_share_a_small_budget_and_all_succeed() {
    let house = House::with(small()).await;
    let bytes = Arc::new(noise(1, CHUNK));
    let taken = Arc::new(AtomicU64::new(0));
    house.plan.on(Call::Put, When::Always, Fault::Stall);
    let blocks: Vec<u32> = (0..20).collect();
    let puts = join_all(blocks.iter().map(|block| house.put_block("study", *block, counted(&bytes, &taken))));
    let watch = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let waiting = taken.load(Ordering::SeqCst);
        assert!(waiting <= BUDGET + (blocks.len() * PIECE) as u64, "{waiting} bytes were taken from clients");
        house.plan.clear();
        loop {
            assert!(house.gateway.budget().used_bytes() <= BUDGET);
            house.plan.release();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let outcomes = tokio::select! {
        outcomes = puts => outcomes,
        () = watch => unreachable!("the watch never ends"),
    };
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    house.commit_blocks("study", &blocks, Conditions::default()).await.unwrap();
    assert_same(&house.read("study").await.unwrap(), &bytes.repeat(blocks.len()), "all blocks");
    house.settles_at(blocks.len()).await;
}

#[tokio::test]
async fn copies_of_a_snapshot_of_a_range_and_of_another_tenant_outlive_their_source() {
    let house = House::new().await;
    let (old, new, theirs) = (noise(1, 40_000), noise(2, 30_000), noise(3, 50_000));
    house.put("record", &old).await.unwrap();
    let snapshot = house.snapshot("record").await.unwrap().snapshot;
    house.put("record", &new).await.unwrap();
    house.copy_from(house.may(source("record", snapshot, None)), "copy").await.unwrap();
    house.copy_block(source("record", snapshot, middle()), "study", 1).await.unwrap();
    house.copy_block(source("record", None, middle()), "study", 2).await.unwrap();
    house.commit_blocks("study", &[1, 2], Conditions::default()).await.unwrap();
    house.settles_at(2).await;

    let chus = principal_of("chus");
    let op = CreateBucket { bucket: bucket(BUCKET), user: BTreeMap::default() };
    house.gateway.create_bucket(chus.authorize(op).unwrap()).await.unwrap();
    let (metadata, conditions) = (Metadata::default(), Conditions::default());
    let op = PutObject { bucket: bucket(BUCKET), key: key("record"), metadata, conditions };
    house.gateway.put_object(chus.authorize(op).unwrap(), body(&theirs)).await.unwrap();
    let from = || chus.authorize(source("record", None, None)).unwrap();
    house.copy_from(from(), "theirs").await.unwrap();
    let part = chus.authorize(source("record", None, middle())).unwrap();
    house.gateway.copy_block(part, house.may(house.block_op("parts", 1)), None).await.unwrap();
    house.commit_blocks("parts", &[1], Conditions::default()).await.unwrap();
    house.settles_at(5).await;

    house.remove("record", SnapshotRule::Include).await.unwrap();
    let conditions = Conditions::default();
    let op = DeleteObject { bucket: bucket(BUCKET), key: key("record"), conditions };
    house.gateway.delete_object(chus.authorize(op).unwrap()).await.unwrap();
    house.settles_at(4).await;
    assert_same(&house.read("copy").await.unwrap(), &old, "of a snapshot");
    let ranges = [&old[1_000..21_000], &new[1_000..21_000]].concat();
    assert_same(&house.read("study").await.unwrap(), &ranges, "of ranges");
    assert_same(&house.read("theirs").await.unwrap(), &theirs, "of another tenant");
    assert_same(&house.read("parts").await.unwrap(), &theirs[1_000..21_000], "of a range of another tenant");
    let gone = house.copy_from(from(), "again").await;
    assert!(matches!(gone, Err(Error::NoSuchSource { bucket: false })), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_whose_source_is_replaced_meanwhile_is_of_one_version() {
    let house = House::with(Settings { grace: Duration::from_secs(60), ..settings() }).await;
    house.put("busy", &[0; 50_000]).await.unwrap();
    let write = async {
        for n in 1..40_u8 {
            house.put_body("busy", patient(&[n; 50_000], 10_000)).await.unwrap();
        }
    };
    let copy = async {
        let mut copied = 0;
        for n in 0..40 {
            let block = house.copy_block(source("busy", None, middle()), "study", n).await;
            let whole = house.copy_from(house.may(source("busy", None, None)), "copy").await;
            let lost = |error: Option<&Error>| error.is_none_or(|error| matches!(error, Error::Conflict));
            assert!(lost(block.as_ref().err()) && lost(whole.as_ref().err()), "{block:?} {whole:?}");
            if block.is_ok() {
                house.commit_blocks("study", &[n], Conditions::default()).await.unwrap();
                let bytes = house.read("study").await.unwrap();
                assert!(bytes == vec![bytes[0]; 20_000], "a block of more than one version");
                copied += 1;
            }
            if whole.is_ok() {
                let bytes = house.read("copy").await.unwrap();
                assert!(bytes == vec![bytes[0]; 50_000], "a copy of more than one version");
            }
        }
        assert!(copied > 10, "{copied} copies");
    };
    futures::join!(write, copy);
}
