//! `kill -9` under load (promise P3): what was acknowledged reads back exactly, what was not is whole or absent, lists
//! agree with reads, the catalog's file and the provider's folder hold the invariants after each kill, and at the end
//! nothing is left at the provider. Writers of S3 and of Azure write at the same time; of Azure's state uncommitted blocks,
//! appends, snapshots, leases, tags and what is retained count, too.
//!
//! `ECLUSE_CRASH_ROUNDS` changes the number of rounds (30; 200 at night), `ECLUSE_CRASH_SEED` repeats the choices of a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use testing::azure::asking::AzureAsker;
use testing::azure::settle as azure_settle;
use testing::azure::workload::{Act, AzureStep, Name};
use testing::client;
use testing::invariants::{self, Stopped};
use testing::noise::{Noise, number, seed};
use testing::notes;
use testing::process::{GatewayProcess, Options};
use testing::s3::asking::Asker;
use testing::workload::{CHUNK, Held, Ledger, MIB, Step, Work, settle, take};

const BUCKET: &str = "crash";
const CONTAINER: &str = "crash-azure";
/// Few keys for each writer, so that most writes replace something.
const KEYS: u64 = 5;
/// Of Azure's, so that blocks meet blocks that are committed.
const BLOBS: u64 = 3;
/// Appends to one blob before it is begun anew.
const APPENDS: usize = 300;
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
async fn write_until_killed<W: Work>(
    asker: W::Asker,
    bucket: &'static str,
    mut choose: impl FnMut(&Ledger<W::State>) -> W,
    mut ledger: Ledger<W::State>,
    round: Arc<Round>,
) -> Ledger<W::State> {
    loop {
        let step = choose(&ledger);
        match take(step.clone(), &asker, bucket, &mut ledger).await {
            Ok(()) => round.acknowledged.fetch_add(1, Ordering::Relaxed),
            Err(error) => {
                let killed = round.killed.load(Ordering::SeqCst);
                assert!(killed, "{step:?} failed before the kill: {error}");
                return ledger;
            }
        };
    }
}

/// A writer whose blob grows by one small append after another, so that its end is merged every now and then.
fn append(ledger: &Ledger<Name>, noise: &mut Noise) -> AzureStep {
    let key = "log/appended".to_owned();
    let grown = ledger.get(&key).and_then(|entry| entry.acknowledged.blob.as_ref()).map(|blob| blob.pieces.len());
    let act = match grown {
        Some(appends) if appends < APPENDS => {
            let bytes = 1 + usize::try_from(noise.below(3_000)).expect("small");
            Act::Append(key, (noise.next(), bytes))
        }
        _ => Act::Begin(key),
    };
    AzureStep { act, retains: false }
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

/// Waits until the deletion queue is empty and the folder holds the chunks of the catalog's parts and nothing else.
async fn drains(gateway: &GatewayProcess, when: &str) -> usize {
    let end = Instant::now() + CLEANED;
    loop {
        let files = notes::chunks_below(gateway.data(), &gateway.folder()).len();
        let waiting = gateway.metric("ecluse_deletions_waiting");
        let wanted = invariants::chunks_of_parts(gateway.data());
        if wanted == Some(files) && waiting == 0.0 {
            return files;
        }
        assert!(
            Instant::now() < end,
            "{when}: {files} files at the provider, {wanted:?} wanted; {waiting} deletions waiting"
        );
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Who writes.
struct Load {
    rounds: usize,
    s3: usize,
    azure: usize,
    /// Deletions are retained; one of Azure's writers appends otherwise.
    retains: bool,
}

/// All ledgers: of each writer one.
struct Books {
    s3: Vec<Ledger>,
    azure: Vec<Ledger<Name>>,
}

impl Books {
    async fn settle(&mut self, gateway: &GatewayProcess) {
        settle(&Asker::new(gateway), BUCKET, &mut self.s3).await;
        azure_settle::settle(&AzureAsker::new(gateway), CONTAINER, &mut self.azure).await;
    }
}

/// Rounds of writing until killed, with a look at everything after each. Gives back how much was acknowledged and how many
/// appended pieces were merged.
async fn rounds(load: &Load, gateway: &mut GatewayProcess, books: &mut Books, noise: &mut Noise) -> (usize, f64) {
    let (mut acknowledged, mut merged) = (0, 0.0);
    for round in 0..load.rounds {
        let shared = Arc::new(Round::default());
        // Clients for each round: their connections die with the gateway.
        let (asker, azure) = (Asker::new(gateway), AzureAsker::new(gateway));
        let (mut writers, mut of_azure) = (Vec::new(), Vec::new());
        for (writer, ledger) in std::mem::take(&mut books.s3).into_iter().enumerate() {
            let mut noise = Noise::new(noise.next());
            let next = move |ledger: &Ledger| choose(writer, &mut noise, ledger);
            writers.push(tokio::spawn(write_until_killed(asker.clone(), BUCKET, next, ledger, Arc::clone(&shared))));
        }
        let retains = load.retains;
        for (writer, ledger) in std::mem::take(&mut books.azure).into_iter().enumerate() {
            let (mut noise, folder) = (Noise::new(noise.next()), format!("w{writer}"));
            let next = move |ledger: &Ledger<Name>| match writer {
                0 if !retains => append(ledger, &mut noise),
                _ => testing::azure::workload::choose(&folder, BLOBS, &mut noise, ledger, retains),
            };
            let life = write_until_killed(azure.clone(), CONTAINER, next, ledger, Arc::clone(&shared));
            of_azure.push(tokio::spawn(life));
        }
        let moment = Duration::from_millis(100 + noise.below(1_200));
        tokio::time::sleep(moment).await;
        assert!(gateway.is_running(), "round {round}: the gateway died by itself");
        merged += gateway.metric("ecluse_slices_merged_total");
        shared.killed.store(true, Ordering::SeqCst);
        gateway.kill9();
        for writer in writers {
            books.s3.push(writer.await.expect("a writer"));
        }
        for writer in of_azure {
            books.azure.push(writer.await.expect("a writer"));
        }
        invariants::hold(gateway.data(), &gateway.folder(), Stopped::Killed, &format!("round {round}"));
        gateway.restart();
        books.settle(gateway).await;
        let count = shared.acknowledged.load(Ordering::Relaxed);
        println!("round {round}: killed after {moment:?}, {count} writes acknowledged");
        acknowledged += count;
    }
    (acknowledged, merged)
}

async fn kill_and_look(load: Load, options: Options) {
    let seed = seed("ECLUSE_CRASH_SEED");
    println!("ECLUSE_CRASH_SEED={seed} ({} rounds)", load.rounds);
    let mut noise = Noise::new(seed);
    // Chunks of removed parts go at once: no reader of this test is slower than its writes.
    let mut gateway = GatewayProcess::start(options.azure().write_setting("grace = \"1s\""));
    client::create_bucket(&gateway, BUCKET).await;
    AzureAsker::new(&gateway).create(CONTAINER).await;
    let mut books = Books { s3: vec![Ledger::new(); load.s3], azure: vec![Ledger::new(); load.azure] };
    let (acknowledged, merged) = rounds(&load, &mut gateway, &mut books, &mut noise).await;
    println!("{acknowledged} writes acknowledged in {} rounds, {merged} appended pieces merged", load.rounds);
    assert!(acknowledged > load.rounds, "only {acknowledged} writes in {} rounds: this was no load", load.rounds);
    assert!(load.retains || load.rounds < 10 || merged > 0.0, "the end of no blob was merged");
    leave_nothing_behind(&mut gateway, &mut books, load.retains).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_under_load_loses_nothing_acknowledged_and_leaves_nothing_behind() {
    let rounds = number("ECLUSE_CRASH_ROUNDS", 30);
    kill_and_look(Load { rounds, s3: 4, azure: 4, retains: false }, Options::folder()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_while_deletions_are_retained_and_undone_loses_none_of_them() {
    let rounds = number("ECLUSE_CRASH_ROUNDS", 30).div_ceil(6);
    let options = Options::folder().setting("azure", "soft_delete = \"7 days\"");
    kill_and_look(Load { rounds, s3: 0, azure: 4, retains: true }, options).await;
}

/// Nothing but what is retained: `retains`.
async fn leave_nothing_behind(gateway: &mut GatewayProcess, books: &mut Books, retains: bool) {
    let (asker, azure) = (Asker::new(gateway), AzureAsker::new(gateway));
    asker.abort_all(BUCKET).await;
    let kept = drains(gateway, "after the last round").await;
    assert!(kept > 0, "nothing was left to count");
    books.settle(gateway).await;
    gateway.terminate();
    invariants::hold(gateway.data(), &gateway.folder(), Stopped::Drained, "after the last round");
    gateway.restart();
    let asker = Asker::new(gateway);
    for (key, entry) in books.s3.iter_mut().flatten().filter(|(_, entry)| entry.acknowledged.is_some()) {
        entry.acknowledged = None;
        assert_eq!(asker.delete(&format!("/{BUCKET}/{key}")).await.expect("an answer").status, 204);
    }
    // With all that it holds: leases, snapshots, blocks that wait, what is retained.
    azure.drop_container(CONTAINER).await;
    let left = drains(gateway, "after everything was deleted").await;
    assert_eq!(left > 0, retains, "{left} chunks");
    gateway.terminate();
    invariants::hold(gateway.data(), &gateway.folder(), Stopped::Drained, "after everything was deleted");
    if retains {
        return;
    }
    assert_eq!(invariants::rows(gateway.data()).values().sum::<i64>(), 0, "rows are left");
}
