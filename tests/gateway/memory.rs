//! Memory depends on the budget, never on how many clients there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ecluse::gateway::{Body, Select, Settings, Spool};
use ecluse::model::RangeRequest;
use ecluse::store::{Call, Fault, When};
use futures::StreamExt as _;
use futures::future::join_all;
use tokio::sync::watch;

use testing::in_process::*;

pub const BUDGET: u64 = 16 * MIB as u64;
/// What of it is not kept for chunks from the spool.
const FOR_BODIES: u64 = BUDGET / 2;
/// What a download holds while its client reads nothing.
const READER: u64 = 384 * KIB as u64;
/// How many of those one client gets: until it holds more than seven times what is free.
const READERS: u64 = 19;
const CLIENTS: u64 = 20;
pub const PIECE: usize = 64 * KIB;

pub fn small() -> Settings {
    Settings { memory: BUDGET, ..settings() }
}

/// A body that counts the bytes taken from it.
pub fn counted(bytes: &Arc<Vec<u8>>, taken: &Arc<AtomicU64>) -> Body {
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

#[tokio::test(start_paused = true)]
async fn bodies_that_nobody_reads_hold_a_small_share_and_others_wait_for_it() {
    let house = House::with(small()).await;
    let bytes = noise(1, CHUNK);
    house.put("record", &bytes).await.unwrap();
    let mut bodies = Vec::new();
    for _ in 0..READERS {
        bodies.push(house.get("record", Select::All).await.unwrap());
        assert!(house.gateway.budget().used_bytes() <= FOR_BODIES);
    }
    // Whoever takes nothing has given back all but the small share, or not all of them would be in.
    let waits = tokio::time::timeout(Duration::from_secs(10), house.get("record", Select::All)).await;
    assert!(waits.is_err(), "the client had its part");
    assert!(house.gateway.budget().used_bytes() > FOR_BODIES / 8 * 7);
    let late = bodies.pop().unwrap();
    let (read, error) = drain(late).await;
    assert!(error.is_none(), "{error:?}");
    assert_same(&read, &bytes, "read late");
    house.get("record", Select::All).await.unwrap();
    for body in bodies.drain(..) {
        let (read, error) = drain(body).await;
        assert!(error.is_none(), "{error:?}");
        assert_same(&read, &bytes, "read late, in bites");
    }
    house.settles_at(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_read_with_pauses_is_exact_and_holds_no_transfer_meanwhile() {
    let house = House::with(settings()).await;
    let bytes = noise(1, 2 * CHUNK + 300 * KIB);
    house.put("record", &bytes).await.unwrap();
    for (first, end) in [(0, bytes.len()), (CHUNK - 1, CHUNK + 1), (70_001, bytes.len() - 1), (CHUNK - 1, bytes.len())]
    {
        let wanted = Select::Range(RangeRequest::Between { first: first as u64, last: end as u64 - 1 });
        let mut got = house.get("record", wanted).await.unwrap();
        let (mut read, mut count) = (Vec::new(), 0);
        while let Some(piece) = got.body.next().await {
            read.extend_from_slice(&piece.unwrap());
            count += 1;
            if count % 5 == 0 {
                tokio::time::sleep(Duration::from_secs(2)).await;
                let held = house.gateway.budget().used_bytes();
                assert!(held <= READER, "{held} bytes are held for a client that reads nothing");
            }
        }
        assert_same(&read, &bytes[first..end], "read with pauses");
    }
    house.settles_at(3).await;
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
    for _ in 0..READERS {
        bodies.push(house.get("record", Select::All).await.unwrap());
    }
    let refused = house.put("late", &noise(1, MIB)).await;
    assert!(matches!(refused, Err(ecluse::gateway::Error::Busy)), "{refused:?}");
    drop(bodies);
    house.put("late", b"x").await.unwrap();
}

/// A body that stops after `before` bytes until `go` says true.
fn stopping(bytes: &[u8], before: usize, go: &watch::Receiver<bool>) -> Body {
    let mut go = go.clone();
    let first = futures::stream::iter(pieces(&bytes[..before], PIECE));
    let rest = pieces(&bytes[before..], PIECE);
    let rest = futures::stream::once(async move {
        go.wait_for(|go| *go).await.unwrap();
        futures::stream::iter(rest)
    });
    Body { length: Some(bytes.len() as u64), stream: first.chain(rest.flatten()).boxed(), ..body(b"") }
}

fn with_spool(folder: &tempfile::TempDir, limit: u64) -> Settings {
    let spool = Some(Spool::open(folder.path().to_owned(), limit).unwrap());
    Settings { spool, memory: 2 * BUDGET, ..settings() }
}

#[tokio::test(start_paused = true)]
async fn uploads_that_stop_in_mid_chunk_do_not_keep_others_out_and_are_whole_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let settings = with_spool(&folder, 1 << 30);
    let house = House::with(settings.clone()).await;
    let slow_bytes = noise(1, CHUNK + 3 * MIB);
    let fast_bytes = noise(2, 2 * CHUNK);
    let (go, gone) = watch::channel(false);
    let names: Vec<_> = (0..CLIENTS).map(|n| n.to_string()).collect();
    // In the first segment, at its end, in the middle, shortly before the chunk's end, in the next chunk.
    let stops = [1, PIECE, PIECE + 1, 5 * MIB + 77, CHUNK - 1, CHUNK, CHUNK + 1, CHUNK + 2 * MIB];
    let slow = join_all(
        names
            .iter()
            .zip(stops.iter().cycle())
            .map(|(name, stop)| house.put_body(name, stopping(&slow_bytes, *stop, &gone))),
    );
    let fast = async {
        // When the slow ones have taken what there is.
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(house.gateway.budget().is_wanted(), "nobody waits: the test is too easy");
        for name in ["fast", "faster"] {
            house.put(name, &fast_bytes).await.unwrap();
            assert_same(&house.read(name).await.unwrap(), &fast_bytes, name);
        }
        assert!(settings.spool.as_ref().unwrap().used_bytes() > 0, "the spool was not used");
        go.send(true).unwrap();
    };
    let (outcomes, ()) = futures::join!(slow, fast);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    for name in &names {
        assert_same(&house.read(name).await.unwrap(), &slow_bytes, name);
    }
    house.settles_at(2 * (names.len() + 2)).await;
    assert_eq!(settings.spool.unwrap().used_bytes(), 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn slow_uploads_that_are_given_up_leave_nothing_in_the_spool() {
    let folder = tempfile::tempdir().unwrap();
    let settings = with_spool(&folder, 1 << 30);
    let house = House::with(settings.clone()).await;
    let bytes = noise(1, CHUNK);
    let (_go, gone) = watch::channel(false);
    let slow = join_all((0..CLIENTS).map(|n| {
        let (house, body) = (&house, stopping(&bytes, 5 * MIB, &gone));
        async move { house.put_body(&n.to_string(), body).await }
    }));
    let given_up = tokio::time::timeout(Duration::from_secs(30), slow).await;
    assert!(given_up.is_err(), "they stopped for good");
    house.put("fast", &bytes).await.unwrap();
    house.settles_at(1).await;
    assert_eq!(settings.spool.unwrap().used_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_room_in_the_spool_slow_uploads_stay_in_memory_and_others_are_told_to_slow_down() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::with(with_spool(&folder, MIB as u64)).await;
    let bytes = noise(1, CHUNK);
    let (go, gone) = watch::channel(false);
    let slow = join_all(["0", "1"].map(|name| house.put_body(name, stopping(&bytes, 5 * MIB, &gone))));
    let fast = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let refused = house.put("fast", &bytes).await;
        assert!(matches!(refused, Err(ecluse::gateway::Error::Busy)), "{refused:?}");
        go.send(true).unwrap();
    };
    let (slow, ()) = futures::join!(slow, fast);
    assert!(slow.iter().all(Result::is_ok), "{slow:?}");
    assert_same(&house.read("1").await.unwrap(), &bytes, "slow");
    house.settles_at(2).await;
}

#[tokio::test(start_paused = true)]
async fn what_lies_in_the_spool_is_sealed_has_no_name_and_is_its_owners() {
    use std::os::unix::fs::MetadataExt as _;
    let folder = tempfile::tempdir().unwrap();
    let house = House::with(with_spool(&folder, 1 << 30)).await;
    let needle = b"Tremblay, Marie^1957-03-14;";
    let bytes: Vec<u8> = needle.iter().copied().cycle().take(CHUNK).collect();
    let (go, gone) = watch::channel(false);
    let slow = join_all(["0", "1"].map(|name| house.put_body(name, stopping(&bytes, 3 * MIB, &gone))));
    let look = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        house.put("fast", &bytes).await.unwrap();
        let place = folder.path().canonicalize().unwrap();
        let files: Vec<_> = std::fs::read_dir("/proc/self/fd")
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|open| std::fs::read_link(open).is_ok_and(|file| file.starts_with(&place)))
            .filter(|open| std::fs::metadata(open).is_ok_and(|file| file.is_file()))
            .collect();
        assert!(!files.is_empty(), "nothing was spooled");
        let about = std::fs::metadata(&files[0]).unwrap();
        assert_eq!((about.nlink(), about.mode() & 0o777), (0, 0o600));
        let spooled = std::fs::read(&files[0]).unwrap();
        assert!(spooled.len() > 2 * MIB && spooled.starts_with(b"ECLU"), "{} bytes", spooled.len());
        assert!(!spooled.windows(8).any(|window| window == &needle[..8]), "plaintext is in the spool");
        go.send(true).unwrap();
    };
    let (slow, ()) = futures::join!(slow, look);
    assert!(slow.iter().all(Result::is_ok), "{slow:?}");
    assert_same(&house.read("0").await.unwrap(), &bytes, "slow");
}

#[tokio::test(start_paused = true)]
async fn beyond_the_waiting_room_requests_are_turned_away_at_once() {
    let house = House::with(small()).await;
    let bytes = noise(1, CHUNK);
    let (go, gone) = watch::channel(false);
    let room = house.gateway.budget().waiting_room() as u64;
    let flood = join_all((0..3 * room).map(|n| {
        let (house, body) = (&house, stopping(&bytes, MIB, &gone));
        async move { house.put_body(&n.to_string(), body).await }
    }));
    let open = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        go.send(true).unwrap();
    };
    let (outcomes, ()) = futures::join!(flood, open);
    let stored = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
    let busy = outcomes.iter().filter(|outcome| matches!(outcome, Err(ecluse::gateway::Error::Busy))).count() as u64;
    assert_eq!(stored + busy, 3 * room, "{outcomes:?}");
    assert_eq!(stored, room + 1, "one in, and those who waited");
    house.put("after", &bytes).await.unwrap();
    house.settles_at(stored as usize + 1).await;
}
