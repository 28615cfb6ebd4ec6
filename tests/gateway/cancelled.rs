//! Clients that leave: what they began is whole or absent, and nothing stays behind.

use std::time::Duration;

use ecluse::gateway::{Body, Error, PutUploadPart, Select, Settings};
use ecluse::store::{Call, Fault, When};
use futures::StreamExt as _;

use testing::in_process::*;

/// Becomes ready after `turns` turns of the runtime.
pub async fn turns(turns: u64) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_put_that_is_dropped_at_any_point_is_whole_or_absent_and_leaves_nothing() {
    let house = House::new().await;
    let (mut absent, mut whole) = (0, 0);
    for seed in 0..120 {
        // Every 20th body has a chunk on its way to the provider while the rest still comes in.
        let (length, piece, leaves_after) = if seed % 20 == 19 {
            (CHUNK + 3 * MIB, MIB, 8 + seed / 20)
        } else {
            (30_000 + seed as usize * 1_000, 20_000, seed % 12)
        };
        let bytes = noise(seed, length);
        tokio::select! {
            biased;
            outcome = house.put_body("record", patient(&bytes, piece)) => drop(outcome.unwrap()),
            () = turns(leaves_after) => {}
        }
        turns(20).await;
        match house.read("record").await {
            Err(Error::NoSuchKey) => absent += 1,
            other => {
                assert_same(&other.unwrap(), &bytes, "a put that was dropped");
                whole += 1;
            }
        }
        house.delete("record").await.unwrap();
        house.settles_at(0).await;
    }
    assert!(absent > 10 && whole > 10, "{absent} absent, {whole} whole: the points are not spread");
}

#[tokio::test]
async fn a_put_that_is_dropped_at_any_point_leaves_the_version_before_or_its_own() {
    let house = House::sqlite(settings()).await;
    let mut current = noise(1_000, 40_000);
    house.put("record", &current).await.unwrap();
    for seed in 0..40 {
        let bytes = noise(seed, 50_000);
        tokio::select! {
            biased;
            outcome = house.put_body("record", patient(&bytes, 10_000)) => drop(outcome.unwrap()),
            () = turns(seed % 14) => {}
        }
        house.settles_at(1).await;
        let read = house.read("record").await.unwrap();
        assert!(read == bytes || read == current, "neither the old nor the new bytes");
        current = read;
    }
}

#[tokio::test]
async fn a_put_that_is_dropped_while_the_provider_stalls_leaves_nothing() {
    let house = House::new().await;
    let bytes = noise(1, 2 * CHUNK + 1);
    for nth in 1..=3 {
        house.plan.on(Call::Put, When::Nth(nth), Fault::Stall);
        let put = house.put("record", &bytes);
        let outcome = tokio::time::timeout(Duration::from_millis(300), put).await;
        assert!(outcome.is_err(), "the put did not wait for its chunk");
        house.plan.clear();
        house.plan.release();
        assert!(matches!(house.head("record").await, Err(Error::NoSuchKey)));
        house.settles_at(0).await;
    }
    let upload = house.begin_upload("study", None).await;
    house.plan.on(Call::Put, When::Nth(1), Fault::Stall);
    let op = PutUploadPart { bucket: bucket(BUCKET), key: key("study"), upload: upload.id.0.clone(), number: 1 };
    let put = house.gateway.put_upload_part(house.may(op), body(&bytes));
    assert!(tokio::time::timeout(Duration::from_millis(300), put).await.is_err());
    house.settles_at(0).await;
}

#[tokio::test]
async fn chunks_of_a_dropped_put_wait_out_the_grace_time() {
    let grace = Duration::from_secs(3600);
    let house = House::with(Settings { grace, ..settings() }).await;
    let bytes = noise(1, CHUNK + 1);
    house.put_body("wrong", Body { length: Some(CHUNK as u64 + 2), ..patient(&bytes, MIB) }).await.unwrap_err();
    turns(20).await;
    house.collect().await;
    assert_eq!(house.chunks.snapshot().len(), 1, "a call that was cancelled may still arrive: not yet");
    assert_eq!(house.catalog.deletions_waiting().await.unwrap(), 1);
}

#[tokio::test]
async fn a_body_that_is_dropped_gives_its_memory_back() {
    let house = House::new().await;
    let bytes = noise(1, 2 * CHUNK);
    house.put("record", &bytes).await.unwrap();
    for pieces_read in [0, 1, 200] {
        let mut got = house.get("record", Select::All).await.unwrap();
        let held = house.gateway.budget().used_bytes();
        assert!((1..=MIB as u64).contains(&held), "{held} bytes");
        for _ in 0..pieces_read {
            got.body.next().await.unwrap().unwrap();
        }
        let now = house.gateway.budget().used_bytes();
        assert!((1..=held).contains(&now), "{now} bytes after {pieces_read} pieces");
        drop(got);
        assert_eq!(house.gateway.budget().used_bytes(), 0);
    }
    house.plan.on(Call::Get, When::Nth(1), Fault::StallBody { after: 0 });
    let get = house.get("record", Select::All);
    assert!(tokio::time::timeout(Duration::from_millis(50), get).await.is_err());
    assert_eq!(house.gateway.budget().used_bytes(), 0);
}
