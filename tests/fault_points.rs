//! Every place where a gateway process may die, fail or be left, from outside: no switch in the program.
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
    pub mod recorder;
    pub mod s3_server;
    pub mod sigv4;
    pub mod workload;
}

#[path = "points/checker.rs"]
mod checker;
#[path = "points/clock.rs"]
mod clock;
#[path = "points/disk.rs"]
mod disk;
#[path = "points/leaving.rs"]
mod leaving;
#[path = "points/traced.rs"]
mod traced;
#[path = "points/wire.rs"]
mod wire;

use std::time::{Duration, Instant};

use support::asking::Asker;
use support::gateway::{GatewayProcess, files_below};
use support::invariants::{self, Stopped};
use support::workload::{CHUNK, Ledger, MIB, Step, chunks_needed, settle, take};

const BUCKET: &str = "points";

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
async fn run_script(asker: &Asker, turn: u64, ledger: &mut Ledger) -> Result<(), String> {
    for step in script(turn) {
        // What a step stands on may be missing after a crash.
        let stands = |key: &String| ledger.get(key).is_some_and(|entry| entry.acknowledged.is_some());
        let possible = match &step {
            Step::Copy(from, _) | Step::PartCopy(_, _, from) => stands(from),
            Step::Rewrite(key, _) => stands(key),
            _ => true,
        };
        if possible {
            let kind = format!("{step:?}");
            take(step, asker, BUCKET, ledger).await.map_err(|error| format!("{kind}: {error}"))?;
        }
    }
    Ok(())
}

/// Waits until nothing waits for deletion and the provider's folder holds what the ledger needs and nothing else.
async fn drains(gateway: &GatewayProcess, folder: &std::path::Path, ledger: &Ledger, when: &str) {
    let wanted = chunks_needed(std::slice::from_ref(ledger));
    drains_to(gateway, folder, wanted, when).await;
}

/// The same, for a number of chunks.
async fn drains_to(gateway: &GatewayProcess, folder: &std::path::Path, wanted: usize, when: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let there = chunks_below(folder);
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
fn chunks_below(folder: &std::path::Path) -> usize {
    files_below(folder).iter().filter(|(name, _)| !name.to_string_lossy().starts_with('.')).count()
}

/// The end of every test here: uploads are aborted, the queue drains, and nothing is left that should not be.
async fn ends_well(gateway: &mut GatewayProcess, folder: &std::path::Path, ledger: &mut Ledger, when: &str) {
    let asker = Asker::new(gateway);
    settle(&asker, BUCKET, std::slice::from_mut(ledger)).await;
    asker.abort_all(BUCKET).await;
    drains(gateway, folder, ledger, when).await;
    assert_eq!(gateway.metric("ecluse_memory_used_bytes"), 0.0, "{when}: memory is in use");
    settle(&asker, BUCKET, std::slice::from_mut(ledger)).await;
    gateway.terminate();
    invariants::hold(gateway.data(), folder, Stopped::Drained, when);
}
