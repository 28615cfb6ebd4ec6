//! Memory depends on the budget, never on how many clients there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ecluse::gateway::{Body, Select, Settings};
use ecluse::store::{Call, Fault, When};
use futures::StreamExt as _;
use futures::future::join_all;

use crate::support::*;

const BUDGET: u64 = 16 * MIB as u64;
const CLIENTS: u64 = 20;
const PIECE: usize = 64 * KIB;

fn small() -> Settings {
    Settings { memory: BUDGET, ..settings() }
}

/// A body that counts the bytes taken from it.
fn counted(bytes: &Arc<Vec<u8>>, taken: &Arc<AtomicU64>) -> Body {
    let (bytes, taken) = (Arc::clone(bytes), Arc::clone(taken));
    let length = Some(bytes.len() as u64);
    let stream = futures::stream::iter((0..bytes.len()).step_by(PIECE)).map(move |at| {
        let piece = &bytes[at..bytes.len().min(at + PIECE)];
        taken.fetch_add(piece.len() as u64, Ordering::SeqCst);
        Ok(bytes::Bytes::copy_from_slice(piece))
    });
    Body { length, stream: stream.boxed(), ..body(b"") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_large_bodies_share_a_small_budget_and_all_succeed() {
    let house = House::with(small()).await;
    let bytes = Arc::new(noise(1, CHUNK));
    let taken = Arc::new(AtomicU64::new(0));
    house.plan.on(Call::Put, When::Always, Fault::Stall);
    let names: Vec<_> = (0..CLIENTS).map(|n| n.to_string()).collect();
    let puts = join_all(names.iter().map(|name| house.put_body(name, counted(&bytes, &taken))));
    let watch = async {
        // Nothing is taken by the provider: clients wait, and no more is read from them than fits.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let waiting = taken.load(Ordering::SeqCst);
        assert!(waiting <= BUDGET + CLIENTS * PIECE as u64, "{waiting} bytes were taken from clients");
        assert!(waiting >= CHUNK as u64, "{waiting} bytes: nobody got going");
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
    assert_eq!(house.gateway.budget().used_bytes(), 0);

    let reads = join_all(names.iter().map(|name| house.read(name))).await;
    for read in reads {
        assert_same(&read.unwrap(), &bytes, "read in a crowd");
    }
    house.settles_at(names.len()).await;
}

#[tokio::test]
async fn bodies_that_nobody_reads_hold_a_small_share_and_others_wait_for_it() {
    let house = House::with(small()).await;
    house.put("record", &noise(1, CHUNK)).await.unwrap();
    let mut bodies = Vec::new();
    for n in 1..=16 {
        bodies.push(house.get("record", Select::All).await.unwrap());
        assert!(house.gateway.budget().used_bytes() <= n * MIB as u64);
    }
    let waits = tokio::time::timeout(Duration::from_millis(100), house.get("record", Select::All)).await;
    assert!(waits.is_err(), "there was no memory left");
    bodies.pop();
    house.get("record", Select::All).await.unwrap();
    bodies.clear();
    house.settles_at(1).await;
}

#[tokio::test]
async fn a_budget_smaller_than_a_chunk_still_moves_every_body() {
    let house = House::with(Settings { memory: MIB as u64, ..settings() }).await;
    let bytes = noise(1, 2 * CHUNK + 1);
    let (one, two) = futures::join!(house.put("one", &bytes), house.put("two", &bytes));
    one.unwrap();
    two.unwrap();
    let (one, two) = futures::join!(house.read("one"), house.read("two"));
    assert_same(&one.unwrap(), &bytes, "one");
    assert_same(&two.unwrap(), &bytes, "two");
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_for_memory_is_told_to_slow_down() {
    let house = House::with(small()).await;
    house.put("record", &noise(1, CHUNK)).await.unwrap();
    let mut bodies = Vec::new();
    for _ in 0..16 {
        bodies.push(house.get("record", Select::All).await.unwrap());
    }
    let refused = house.put("late", b"x").await;
    assert!(matches!(refused, Err(ecluse::gateway::Error::Busy)), "{refused:?}");
    drop(bodies);
    house.put("late", b"x").await.unwrap();
}
