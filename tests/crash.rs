//! `kill -9` under load (promise P3): what was acknowledged reads back exactly, what was not is whole or absent, lists
//! agree with reads, and at the end nothing is left at the provider.
//!
//! `ECLUSE_CRASH_ROUNDS` changes the number of rounds (20), `ECLUSE_CRASH_SEED` repeats the choices of a run.

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
    pub mod certificates;
    pub mod client;
    pub mod gateway;
    pub mod noise;
}

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use object_store::aws::AmazonS3;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer};
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use support::client;
use support::gateway::{GatewayProcess, Options, files_below};
use support::noise::{Noise, content, seed};

const BUCKET: &str = "crash";
const WRITERS: usize = 6;
/// Few keys for each writer, so that most writes replace something.
const KEYS: u64 = 5;
const MIB: usize = 1 << 20;
/// Largest plaintext of a chunk, in bytes.
const CHUNK: usize = 8 * MIB;
/// Longest time for the queue of deletions to drain and for orphans to be swept.
const CLEANED: Duration = Duration::from_secs(90);

/// What a name holds: nothing, or the parts of content with a seed each.
type State = Option<Vec<(u64, usize)>>;

/// One name's book-keeping. Only its own writer touches it, one operation at a time.
#[derive(Clone, Default)]
struct Entry {
    /// As last acknowledged.
    acknowledged: State,
    /// What an operation without an answer would have made of it.
    unanswered: Option<State>,
}

type Ledger = BTreeMap<String, Entry>;

fn bytes_of(parts: &[(u64, usize)]) -> Vec<u8> {
    parts.iter().flat_map(|&(seed, size)| content(seed, size)).collect()
}

/// What one operation does to a name.
enum Step {
    Put(u64, usize),
    Multipart(Vec<(u64, usize)>),
    Copy(String, State),
    Delete,
}

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
    store: Arc<AmazonS3>,
    writer: usize,
    mut noise: Noise,
    mut ledger: Ledger,
    round: Arc<Round>,
) -> Ledger {
    loop {
        let key = format!("w{writer}/k{}", noise.below(KEYS));
        let step = choose(writer, &key, &mut noise, &ledger);
        let after: State = match &step {
            Step::Put(seed, size) => Some(vec![(*seed, *size)]),
            Step::Multipart(parts) => Some(parts.clone()),
            Step::Copy(_, state) => state.clone(),
            Step::Delete => None,
        };
        let outcome = perform(&store, &Path::from(key.as_str()), step).await;
        let entry = ledger.entry(key).or_default();
        match outcome {
            Ok(()) => {
                entry.acknowledged = after;
                round.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                assert!(round.killed.load(Ordering::SeqCst), "a write failed before the kill: {error}");
                entry.unanswered = Some(after);
                return ledger;
            }
        }
    }
}

fn choose(writer: usize, key: &str, noise: &mut Noise, ledger: &Ledger) -> Step {
    let source = format!("w{writer}/k{}", noise.below(KEYS));
    match noise.below(20) {
        0..=2 => Step::Delete,
        3..=5 => match ledger.get(&source).map(|entry| entry.acknowledged.clone()) {
            // S3 refuses a copy onto itself that changes nothing.
            Some(state @ Some(_)) if source != key => Step::Copy(source, state),
            _ => Step::Put(noise.next(), 0),
        },
        6 => Step::Put(noise.next(), CHUNK + usize::try_from(noise.below(100_000)).expect("small")),
        7 => Step::Multipart(vec![(noise.next(), 5 * MIB), (noise.next(), 5 * MIB + 77), (noise.next(), 1_234)]),
        _ => Step::Put(noise.next(), usize::try_from(noise.below(200_000)).expect("small")),
    }
}

async fn perform(store: &AmazonS3, path: &Path, step: Step) -> object_store::Result<()> {
    match step {
        Step::Put(seed, size) => store.put(path, PutPayload::from(content(seed, size))).await.map(drop),
        Step::Copy(from, _) => store.copy(&Path::from(from), path).await,
        Step::Delete => store.delete(path).await,
        Step::Multipart(parts) => {
            let upload = store.create_multipart(path).await?;
            let mut ids = Vec::new();
            for (index, (seed, size)) in parts.into_iter().enumerate() {
                ids.push(store.put_part(path, &upload, index, PutPayload::from(content(seed, size))).await?);
            }
            store.complete_multipart(path, &upload, ids).await.map(drop)
        }
    }
}

/// Reads a name back: nothing, or its bytes; HEAD and GET must agree.
async fn read_back(store: &AmazonS3, key: &str) -> Option<Vec<u8>> {
    let path = Path::from(key);
    match (store.head(&path).await, store.get(&path).await) {
        (Ok(head), Ok(got)) => {
            assert_eq!((head.size, &head.e_tag), (got.meta.size, &got.meta.e_tag), "{key}: HEAD and GET");
            let bytes = got.bytes().await.unwrap_or_else(|error| panic!("{key}: listed but not readable: {error}"));
            assert_eq!(bytes.len() as u64, head.size, "{key}: size");
            Some(bytes.to_vec())
        }
        (Err(object_store::Error::NotFound { .. }), Err(object_store::Error::NotFound { .. })) => None,
        (head, got) => panic!("{key}: HEAD {head:?}, GET {:?}", got.map(|got| got.meta)),
    }
}

/// Compares the ledgers with what the gateway serves, and settles what had no answer.
async fn settle(store: &AmazonS3, ledgers: &mut [Ledger]) {
    let listed = store.list(None).map_ok(|meta| (meta.location.to_string(), meta.size)).try_collect();
    let mut listed: BTreeMap<String, u64> = listed.await.expect("a list");
    for (key, entry) in ledgers.iter_mut().flatten() {
        let got = read_back(store, key).await;
        assert_eq!(listed.remove(key), got.as_ref().map(|bytes| bytes.len() as u64), "{key}: LIST and GET");
        let acknowledged = entry.acknowledged.as_deref().map(|parts| parts.iter().map(|part| part.1).sum::<usize>());
        let allowed = [Some(entry.acknowledged.take()), entry.unanswered.take()];
        let held = allowed.into_iter().flatten().find(|state| state.as_deref().map(bytes_of) == got);
        entry.acknowledged = held.unwrap_or_else(|| {
            let size = got.as_ref().map(Vec::len);
            panic!("{key}: acknowledged {acknowledged:?} bytes, got {size:?}, and not what was written")
        });
    }
    assert!(listed.is_empty(), "listed, never written: {listed:?}");
}

/// The chunks that an object needs at the provider.
fn chunks_of(parts: &[(u64, usize)]) -> usize {
    parts.iter().map(|(_, size)| size.div_ceil(CHUNK)).sum()
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
    let rounds = std::env::var_os("ECLUSE_CRASH_ROUNDS").and_then(|n| n.to_str()?.parse().ok()).unwrap_or(20);
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
        let store = Arc::new(client::store(&gateway, BUCKET));
        let mut writers = Vec::new();
        for (writer, ledger) in std::mem::take(&mut ledgers).into_iter().enumerate() {
            let choices = Noise::new(noise.next());
            let life = write_until_killed(Arc::clone(&store), writer, choices, ledger, Arc::clone(&shared));
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
        gateway.restart();
        settle(&client::store(&gateway, BUCKET), &mut ledgers).await;
        let count = shared.acknowledged.load(Ordering::Relaxed);
        println!("round {round}: killed after {moment:?}, {count} writes acknowledged");
        acknowledged += count;
    }
    assert!(acknowledged > rounds, "only {acknowledged} writes in {rounds} rounds: this was no load");
    leave_nothing_behind(&mut gateway, &ledgers).await;
}

async fn leave_nothing_behind(gateway: &mut GatewayProcess, ledgers: &[Ledger]) {
    let store = client::store(gateway, BUCKET);
    abort_uploads(gateway).await;
    let live: Vec<(&String, &Vec<(u64, usize)>)> = ledgers
        .iter()
        .flatten()
        .filter_map(|(key, entry)| entry.acknowledged.as_ref().map(|parts| (key, parts)))
        .collect();
    assert!(!live.is_empty(), "nothing was left to count");
    // A copy shares its source's parts: each part counts once.
    let parts: std::collections::BTreeSet<_> = live.iter().flat_map(|(_, parts)| parts.iter().copied()).collect();
    let needed = chunks_of(&parts.into_iter().collect::<Vec<_>>());
    wait_for_files(gateway, needed, "after the last round").await;
    for (key, _) in live {
        store.delete(&Path::from(key.as_str())).await.expect("a delete");
    }
    wait_for_files(gateway, 0, "after everything was deleted").await;
    gateway.terminate();
}

/// Aborts every upload that the kills left open, as a lifecycle rule would in time.
async fn abort_uploads(gateway: &GatewayProcess) {
    let store = client::store(gateway, BUCKET);
    let options = SignedUrlOptions::new().with_query([("uploads", "")]);
    let url = store.signed_url_opts(http::Method::GET, &Path::default(), Duration::from_secs(60), &options).await;
    let answer = client::http(&gateway.authority).get(url.expect("a URL")).send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "list of uploads");
    let text = answer.text().await.expect("a body");
    for upload in text.split("<Upload>").skip(1) {
        let field = |name: &str| upload.split(&format!("<{name}>")).nth(1).and_then(|rest| rest.split('<').next());
        let (key, id) = (field("Key").expect("a key"), field("UploadId").expect("an id"));
        store.abort_multipart(&Path::from(key), &id.to_owned()).await.expect("an abort");
    }
}
