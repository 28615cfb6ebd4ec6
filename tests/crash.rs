//! `kill -9` under load (promise P3): what was acknowledged reads back exactly, what was not is whole or absent, lists
//! agree with reads, the catalog's file and the provider's folder hold the invariants after each kill, and at the end
//! nothing is left at the provider.
//!
//! `ECLUSE_CRASH_ROUNDS` changes the number of rounds (30; 200 at night), `ECLUSE_CRASH_SEED` repeats the choices of a run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod support {
    pub mod asking;
    pub mod certificates;
    pub mod client;
    pub mod gateway;
    pub mod invariants;
    pub mod noise;
    pub mod sigv4;
    pub mod workload;
}

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::asking::Asker;
use support::client;
use support::gateway::{GatewayProcess, Options, files_below};
use support::invariants::{self, Stopped};
use support::noise::{Noise, seed};
use support::workload::{CHUNK, Held, Ledger, MIB, Step, chunks_needed, settle, take};

const BUCKET: &str = "crash";
const WRITERS: usize = 6;
/// Few keys for each writer, so that most writes replace something.
const KEYS: u64 = 5;
/// Longest time for the queue of deletions to drain and for orphans to be swept.
const CLEANED: Duration = Duration::from_secs(90);

/// What the writers of one round share.
#[derive(Default)]
struct Round {
    /// Operations acknowledged.
    acknowledged: AtomicUsize,
    /// Set just before the kill: an error before it is nobody's excuse.
    killed: AtomicBool,
}

/// One writer's life until the gateway is gone. Gives back its ledger.
async fn write_until_killed(
    asker: Asker,
    writer: usize,
    mut noise: Noise,
    mut ledger: Ledger,
    round: Arc<Round>,
) -> Ledger {
    loop {
        let step = choose(writer, &mut noise, &ledger);
        match take(step.clone(), &asker, BUCKET, &mut ledger).await {
            Ok(()) => round.acknowledged.fetch_add(1, Ordering::Relaxed),
            Err(error) => {
                let killed = round.killed.load(Ordering::SeqCst);
                assert!(killed, "{step:?} failed before the kill: {error}");
                return ledger;
            }
        };
    }
}

fn choose(writer: usize, noise: &mut Noise, ledger: &Ledger) -> Step {
    let key = format!("w{writer}/k{}", noise.below(KEYS));
    let other = format!("w{writer}/k{}", noise.below(KEYS));
    let held = |key: &String| ledger.get(key).and_then(|entry| entry.acknowledged.as_ref());
    // A copy of a copy of a copy must not grow without bound.
    let small = |held: &Held| held.size() > 0 && held.size() < 2 * CHUNK;
    match noise.below(24) {
        0..=2 => Step::Delete(key),
        3 => Step::DeleteAll(vec![key, other]),
        // S3 refuses a copy onto itself that changes nothing.
        4..=6 if key != other && held(&other).is_some() => Step::Copy(other, key),
        7..=8 if held(&key).is_some() => Step::Rewrite(key, noise.below(1_000)),
        9 => Step::Put(key, noise.next(), CHUNK + usize::try_from(noise.below(100_000)).expect("small")),
        10 => Step::Multipart(key, vec![(noise.next(), 5 * MIB), (noise.next(), 5 * MIB + 77), (noise.next(), 1_234)]),
        11 if held(&other).is_some_and(small) => Step::PartCopy(key, noise.next(), other),
        12 => Step::Abort(key, noise.next()),
        13 => Step::Put(key, noise.next(), 0),
        _ => Step::Put(key, noise.next(), usize::try_from(noise.below(200_000)).expect("small")),
    }
}

/// Waits until the deletion queue is empty and the folder holds exactly so many files.
async fn wait_for_files(gateway: &GatewayProcess, wanted: usize, when: &str) {
    let end = Instant::now() + CLEANED;
    loop {
        let files = files_below(&gateway.folder());
        let waiting = gateway.metric("ecluse_deletions_waiting");
        if files.len() == wanted && waiting == 0.0 {
            return;
        }
        assert!(
            Instant::now() < end,
            "{when}: {} files at the provider, {wanted} wanted; {waiting} deletions waiting",
            files.len()
        );
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_under_load_loses_nothing_acknowledged_and_leaves_nothing_behind() {
    let rounds = std::env::var_os("ECLUSE_CRASH_ROUNDS").and_then(|n| n.to_str()?.parse().ok()).unwrap_or(30);
    let seed = seed("ECLUSE_CRASH_SEED");
    println!("ECLUSE_CRASH_SEED={seed} ({rounds} rounds)");
    let mut noise = Noise::new(seed);
    // Chunks of removed parts go at once: no reader of this test is slower than its writes.
    let mut gateway = GatewayProcess::start(Options::folder().write_setting("grace = \"1s\""));
    client::create_bucket(&gateway, BUCKET).await;
    let mut ledgers = vec![Ledger::new(); WRITERS];
    let mut acknowledged = 0;

    for round in 0..rounds {
        let shared = Arc::new(Round::default());
        // A client for each round: its connections die with the gateway.
        let asker = Asker::new(&gateway);
        let mut writers = Vec::new();
        for (writer, ledger) in std::mem::take(&mut ledgers).into_iter().enumerate() {
            let choices = Noise::new(noise.next());
            let life = write_until_killed(asker.clone(), writer, choices, ledger, Arc::clone(&shared));
            writers.push(tokio::spawn(life));
        }
        let moment = Duration::from_millis(100 + noise.below(1_200));
        tokio::time::sleep(moment).await;
        assert!(gateway.is_running(), "round {round}: the gateway died by itself");
        shared.killed.store(true, Ordering::SeqCst);
        gateway.kill9();
        for writer in writers {
            ledgers.push(writer.await.expect("a writer"));
        }
        invariants::hold(gateway.data(), &gateway.folder(), Stopped::Killed, &format!("round {round}"));
        gateway.restart();
        settle(&Asker::new(&gateway), BUCKET, &mut ledgers).await;
        let count = shared.acknowledged.load(Ordering::Relaxed);
        println!("round {round}: killed after {moment:?}, {count} writes acknowledged");
        acknowledged += count;
    }
    assert!(acknowledged > rounds, "only {acknowledged} writes in {rounds} rounds: this was no load");
    println!("{acknowledged} writes acknowledged in {rounds} rounds");
    leave_nothing_behind(&mut gateway, &mut ledgers).await;
}

async fn leave_nothing_behind(gateway: &mut GatewayProcess, ledgers: &mut [Ledger]) {
    let asker = Asker::new(gateway);
    asker.abort_all(BUCKET).await;
    let needed = chunks_needed(ledgers);
    assert!(needed > 0, "nothing was left to count");
    wait_for_files(gateway, needed, "after the last round").await;
    settle(&asker, BUCKET, ledgers).await;
    gateway.terminate();
    invariants::hold(gateway.data(), &gateway.folder(), Stopped::Drained, "after the last round");
    gateway.restart();
    let asker = Asker::new(gateway);
    for (key, entry) in ledgers.iter_mut().flatten().filter(|(_, entry)| entry.acknowledged.is_some()) {
        entry.acknowledged = None;
        assert_eq!(asker.delete(&format!("/{BUCKET}/{key}")).await.expect("an answer").status, 204);
    }
    wait_for_files(gateway, 0, "after everything was deleted").await;
    gateway.terminate();
    invariants::hold(gateway.data(), &gateway.folder(), Stopped::Drained, "after everything was deleted");
    assert_eq!(invariants::rows(gateway.data()).values().sum::<i64>(), 0, "rows are left");
}
