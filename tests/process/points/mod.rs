//! Every place where a gateway process may die, fail or be left, from outside: no switch in the program. What it does
//! meanwhile is one step of every kind through the S3 front and one of every kind through the Azure front.
//!
//! | point | how it is reached | dies | fails | stalls |
//! |---|---|---|---|---|
//! | the catalog's log is written; synced; emptied | `strace` on `catalog.db-wal` | yes | yes | yes |
//! | the catalog itself is written; synced (checkpoint, closing) | `strace` on `catalog.db` | yes | yes | yes |
//! | any flush: a staged chunk, a folder of chunks | `strace` on `fsync` | yes | yes | yes |
//! | a folder of chunks is made; a chunk gets its name; a chunk is deleted | `strace` on `mkdir`, `rename`, `unlink` | yes | yes | yes |
//! | a chunk's put arrives; is half received; is received; is stored, its answer lost | a proxy before the provider | yes | - | - |
//! | a deletion arrives; is done, its answer lost | the same | yes | - | - |
//! | the sweep asks; is answered | the same | yes | - | - |
//! | the catalog's disk is full, at any write | a small file system | - | yes | - |
//! | the clock jumps, between and during requests | `libfaketime` | - | - | - |
//! | the client leaves, at each stage of each request | a socket that is closed | - | - | - |
//!
//! What needs no process is in `tests/gateway/`: commits that fail before and after they are durable (`commits.rs`), every
//! operation dropped at each of its polls (`polls.rs`), chunks that stall, fail or are written half (`crashed.rs`,
//! `cancelled.rs`).
//!
//! `ECLUSE_FAULT_POINTS` is how many calls of each kind are tried (3, `all` at night); `ECLUSE_CRASH_SEED` repeats a choice.

mod checker;
mod clock;
mod disk;
mod leaving;
mod traced;
mod wire;

pub use traced::must_trace;

use std::time::{Duration, Instant};

use testing::azure::asking::AzureAsker;
use testing::azure::settle as azure_settle;
use testing::azure::workload::{self as azure_workload, Name};
use testing::client;
use testing::invariants::{self, Stopped};
use testing::notes;
use testing::process::{GatewayProcess, Options};
use testing::s3::asking::Asker;
use testing::workload;
use testing::workload::{CHUNK, Ledger, MIB, Step, Work, chunks_needed, take};

const BUCKET: &str = "points";
const CONTAINER: &str = "points-azure";

/// Who asks, through both fronts.
struct Clients {
    s3: Asker,
    azure: AzureAsker,
}

impl Clients {
    fn of(gateway: &GatewayProcess) -> Self {
        Self { s3: Asker::new(gateway), azure: AzureAsker::new(gateway) }
    }
}

/// What each name must hold, by the front that writes it.
#[derive(Default, Clone)]
struct Books {
    s3: Ledger,
    azure: Ledger<Name>,
}

impl Books {
    /// The chunks that must be at the provider.
    fn chunks_needed(&self) -> usize {
        chunks_needed(std::slice::from_ref(&self.s3)) + azure_workload::chunks_needed(&self.azure)
    }
}

/// A gateway with both fronts, and the bucket of each.
async fn started(options: Options) -> GatewayProcess {
    let gateway = GatewayProcess::start(options.azure());
    client::create_bucket(&gateway, BUCKET).await;
    AzureAsker::new(&gateway).create(CONTAINER).await;
    gateway
}

/// How many calls of each kind are tried: `ECLUSE_FAULT_POINTS`.
fn tries() -> u64 {
    let wanted = std::env::var_os("ECLUSE_FAULT_POINTS");
    match wanted.as_ref().and_then(|text| text.to_str()) {
        Some("all") => u64::MAX,
        other => other.and_then(|text| text.parse().ok()).unwrap_or(3),
    }
}

/// One step of every kind; names repeat, so that most replace something. `turn` makes the contents new.
fn script(turn: u64) -> Vec<Step> {
    let key = |name: &str| name.to_owned();
    let seed = |n: u64| turn * 100 + n;
    vec![
        Step::Put(key("small"), seed(1), 3_000),
        Step::Put(key("large"), seed(2), CHUNK + 1_000),
        Step::Copy(key("small"), key("copy")),
        Step::Rewrite(key("small"), turn),
        Step::Multipart(key("study"), vec![(seed(3), 5 * MIB), (seed(4), 2_000)]),
        Step::PartCopy(key("joined"), seed(5), key("copy")),
        Step::Abort(key("study"), seed(6)),
        Step::Put(key("empty"), seed(7), 0),
        Step::Delete(key("large")),
        Step::Put(key("large"), seed(8), 70_000),
        Step::DeleteAll(vec![key("copy"), key("joined")]),
    ]
}

/// Takes the steps until one is not acknowledged; says which.
async fn run_script(clients: &Clients, turn: u64, books: &mut Books) -> Result<(), String> {
    for step in script(turn) {
        // What a step stands on may be missing after a crash.
        let stands = |key: &String| books.s3.get(key).is_some_and(|entry| entry.acknowledged.is_some());
        let possible = match &step {
            Step::Copy(from, _) | Step::PartCopy(_, _, from) => stands(from),
            Step::Rewrite(key, _) => stands(key),
            _ => true,
        };
        if possible {
            one_step(step, &clients.s3, BUCKET, &mut books.s3).await?;
        }
    }
    for step in azure_workload::script(turn) {
        if step.is_possible(&books.azure) {
            one_step(step, &clients.azure, CONTAINER, &mut books.azure).await?;
        }
    }
    Ok(())
}

async fn one_step<W: Work>(
    step: W,
    asker: &W::Asker,
    bucket: &str,
    ledger: &mut Ledger<W::State>,
) -> Result<(), String> {
    let kind = format!("{step:?}");
    take(step, asker, bucket, ledger).await.map_err(|error| format!("{kind}: {error}"))
}

/// All that is acknowledged is there, exactly; what had no answer is settled.
async fn settle(clients: &Clients, books: &mut Books) {
    workload::settle(&clients.s3, BUCKET, std::slice::from_mut(&mut books.s3)).await;
    azure_settle::settle(&clients.azure, CONTAINER, std::slice::from_mut(&mut books.azure)).await;
}

/// Waits until nothing waits for deletion and the provider's folder holds what the books need and nothing else.
async fn drains(gateway: &GatewayProcess, folder: &std::path::Path, books: &Books, when: &str) {
    drains_to(gateway, folder, books.chunks_needed(), when).await;
}

/// The same, for a number of chunks.
async fn drains_to(gateway: &GatewayProcess, folder: &std::path::Path, wanted: usize, when: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let there = chunks_below(gateway.data(), folder);
        let waiting = gateway.metric("ecluse_deletions_waiting");
        if there == wanted && waiting == 0.0 {
            return;
        }
        assert!(
            Instant::now() < end,
            "{when}: {there} chunks, {wanted} wanted; {waiting} deletions\n{}",
            gateway.log()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until something is so.
///
/// # Panics
/// When it is not after a minute.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Files that are chunks, or on their way to be.
fn chunks_below(data: &std::path::Path, folder: &std::path::Path) -> usize {
    let files = notes::chunks_below(data, folder);
    files.iter().filter(|(name, _)| !name.to_string_lossy().starts_with('.')).count()
}

/// The end of every test here: uploads are aborted, the queue drains, and nothing is left that should not be.
async fn ends_well(gateway: &mut GatewayProcess, folder: &std::path::Path, books: &mut Books, when: &str) {
    let clients = Clients::of(gateway);
    settle(&clients, books).await;
    clients.s3.abort_all(BUCKET).await;
    drains(gateway, folder, books, when).await;
    assert_eq!(gateway.metric("ecluse_memory_used_bytes"), 0.0, "{when}: memory is in use");
    settle(&clients, books).await;
    gateway.terminate();
    invariants::hold(gateway.data(), folder, Stopped::Drained, when);
}
