//! The gateway under `strace`, which kills it at, fails or delays the nth call of a kind.
//!
//! A number counts the calls of one thread. The catalog has one writing thread; chunks are written by a pool whose threads
//! take turns. A call is met before it happens, so "after it" is "before the next".

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::{BUCKET, Books, Clients, Stopped, ends_well, run_script, settle, started, tries};
use testing::invariants;
use testing::noise::{Noise, seed};
use testing::process::{GatewayProcess, Options};

/// A kind of call, by name.
struct Point {
    name: &'static str,
    calls: &'static str,
    /// Only on this file of the data directory.
    file: Option<&'static str>,
    /// How it fails.
    error: &'static str,
    /// So many a thread makes in each life, about.
    most: u64,
}

const POINTS: &[Point] = &[
    Point {
        name: "the catalog's log is written",
        calls: "pwrite64",
        file: Some("catalog.db-wal"),
        error: "ENOSPC",
        most: 500,
    },
    Point {
        name: "the catalog's log is synced",
        calls: "fsync,fdatasync",
        file: Some("catalog.db-wal"),
        error: "EIO",
        most: 45,
    },
    Point {
        name: "the catalog's log is emptied",
        calls: "ftruncate",
        file: Some("catalog.db-wal"),
        error: "EIO",
        most: 1,
    },
    Point { name: "the catalog is written", calls: "pwrite64", file: Some("catalog.db"), error: "ENOSPC", most: 16 },
    Point { name: "the catalog is synced", calls: "fsync,fdatasync", file: Some("catalog.db"), error: "EIO", most: 1 },
    Point { name: "a flush of any file or folder", calls: "fsync,fdatasync", file: None, error: "EIO", most: 30 },
    Point { name: "a folder of chunks is made", calls: "mkdir,mkdirat", file: None, error: "ENOSPC", most: 2 },
    Point {
        name: "a chunk gets its name",
        calls: "rename,renameat,renameat2,link,linkat",
        file: None,
        error: "ENOSPC",
        most: 2,
    },
    Point { name: "a chunk is deleted", calls: "unlink,unlinkat", file: None, error: "EIO", most: 2 },
];

/// `strace` with what it shall do at those calls.
fn tracer(point: &Point, data: &Path, log: &Path, what: &str) -> Vec<String> {
    let mut words: Vec<String> = ["strace", "-f", "-D", "-qq", "-y", "-e", "signal=none"].map(String::from).into();
    words.extend(["-o".into(), log.display().to_string()]);
    words.extend(["-e".into(), format!("trace={}", point.calls)]);
    if let Some(file) = point.file {
        words.extend(["-P".into(), data.join(file).display().to_string()]);
    }
    if !what.is_empty() {
        words.extend(["-e".into(), format!("inject={}:{what}", point.calls)]);
    }
    words
}

fn under(gateway: &mut GatewayProcess, words: &[String]) {
    gateway.run_under(&words.iter().map(String::as_str).collect::<Vec<_>>());
}

/// # Panics
/// When there is no `strace`, or it may not trace: a container needs the right to `ptrace`.
pub fn must_trace() {
    let tried = std::process::Command::new("strace").args(["-qq", "-o", "/dev/null", "/bin/true"]).status();
    let works = tried.as_ref().is_ok_and(std::process::ExitStatus::success);
    assert!(works, "strace (scripts/install-test-tools) does not trace here: {tried:?}");
}

/// The most calls that one thread made, by the tracer's log.
fn most_calls(log: &Path) -> u64 {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let mut threads: BTreeMap<&str, u64> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.contains("+++") && !line.contains("---") && !line.contains("resumed>"))
    {
        *threads.entry(line.split_whitespace().next().unwrap_or_default()).or_default() += 1;
    }
    threads.into_values().max().unwrap_or_default()
}

/// Which of `count` calls to try.
fn chosen(count: u64, noise: &mut Noise) -> Vec<u64> {
    let tries = tries().min(count);
    // One of each stretch, so that they are spread.
    (0..tries).map(|n| 1 + n * count / tries + noise.below((count / tries).max(1))).collect()
}

/// A gateway that was used, and its books. It is stopped.
async fn prepared(turn: u64) -> (GatewayProcess, Books) {
    let mut gateway = started(Options::folder().write_setting("grace = \"1s\"")).await;
    let mut books = Books::default();
    run_script(&Clients::of(&gateway), turn, &mut books).await.unwrap();
    gateway.kill9();
    (gateway, books)
}

/// One life: what the last crash left is read back, the script runs, the queue is worked at, the gateway is stopped.
/// Gives what was not acknowledged. The gateway may be dead afterwards, by itself.
async fn life(gateway: &mut GatewayProcess, turn: u64, books: &mut Books) -> Result<(), String> {
    if !gateway.restarts() {
        return Err("it died while it started".into());
    }
    run_script(&Clients::of(gateway), turn, books).await?;
    // The collector looks once a second, the sweep begins a second after the start.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    if gateway.is_running() {
        gateway.signal(nix::sys::signal::Signal::SIGTERM);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_the_nth_call_of_each_kind_it_loses_nothing_and_leaves_nothing() {
    must_trace();
    let seed = seed("ECLUSE_CRASH_SEED");
    println!("ECLUSE_CRASH_SEED={seed}");
    let mut noise = Noise::new(seed);
    let (mut gateway, mut books) = prepared(0).await;
    let log = gateway.home.join("calls.log");
    let mut turn = 1;
    let (mut killed, mut lives) = (0, 0);
    for point in POINTS {
        std::fs::remove_file(&log).ok();
        let words = tracer(point, gateway.data(), &log, "");
        under(&mut gateway, &words);
        life(&mut gateway, turn, &mut books).await.unwrap_or_else(|error| panic!("{}: {error}", point.name));
        let _ended = gateway.end();
        turn += 1;
        let count = most_calls(&log);
        assert!(count > 0, "{}: never; does strace trace here?\n{}", point.name, gateway.log());
        let mut died = 0;
        let tries = chosen(count, &mut noise);
        for &nth in &tries {
            let when = format!("{}: killed at call {nth} of {count}", point.name);
            let words = tracer(point, gateway.data(), &log, &format!("signal=KILL:when={nth}"));
            under(&mut gateway, &words);
            let unanswered = life(&mut gateway, turn, &mut books).await.err();
            let status = if gateway.is_started() { Some(gateway.end()) } else { None };
            died += usize::from(status.is_none_or(|status| !status.success()));
            turn += 1;
            invariants::hold(gateway.data(), &gateway.folder(), Stopped::Killed, &when);
            // The next life begins without a tracer: what is acknowledged is there.
            under(&mut gateway, &[]);
            gateway.restart();
            settle(&Clients::of(&gateway), &mut books).await;
            if turn % 8 == 0 {
                // Killed every time before it looked, the sweep would have more and more to look for.
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
            gateway.kill9();
            let unanswered =
                unanswered.map_or("none".into(), |error| error.split(':').next().unwrap_or_default().to_owned());
            println!("{when}: {status:?}, unanswered: {unanswered}");
        }
        assert!(died > 0, "{}: no call of {count} killed it", point.name);
        killed += died;
        lives += tries.len();
    }
    println!("killed in {killed} of {lives} lives");
    let left = invariants::open_blocks(gateway.data());
    gateway.restart();
    super::until("leftovers were looked for", || invariants::open_blocks(gateway.data()).is_disjoint(&left));
    let folder = gateway.folder();
    ends_well(&mut gateway, &folder, &mut books, "after all kills").await;
}

/// Runs scripts until one is acknowledged whole: the fault meets each thread once.
async fn gets_over_it(gateway: &mut GatewayProcess, turn: &mut u64, books: &mut Books, when: &str) -> usize {
    let clients = Clients::of(gateway);
    let mut refused = 0;
    loop {
        *turn += 1;
        let outcome = run_script(&clients, *turn, books).await;
        assert!(gateway.is_running(), "{when}: it died");
        // What was refused is whole or absent, in the same process.
        settle(&clients, books).await;
        match outcome {
            Ok(()) => return refused,
            Err(error) => {
                refused += 1;
                assert!(error.contains("50") || error.contains("InternalError"), "{when}: {error}");
                assert!(refused < 10, "{when}: it does not get over it: {error}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_any_kind_that_fails_or_stalls_loses_nothing_and_is_cleaned_up_while_it_runs() {
    must_trace();
    let mut noise = Noise::new(seed("ECLUSE_CRASH_SEED"));
    let (mut gateway, mut books) = prepared(0).await;
    let (log, folder) = (gateway.home.join("calls.log"), gateway.folder());
    let mut turn = 1;
    let mut met = 0;
    for point in POINTS {
        let fails = format!("error={}", point.error);
        for what in [fails.as_str(), "delay_enter=400000"] {
            let nth = 1 + noise.below(point.most);
            let when = format!("{}: {what} at call {nth}", point.name);
            std::fs::remove_file(&log).ok();
            let words = tracer(point, gateway.data(), &log, &format!("{what}:when={nth}"));
            under(&mut gateway, &words);
            if !gateway.restarts() {
                println!("{when}: it does not start");
                under(&mut gateway, &[]);
                gateway.restart();
            }
            let refused = gets_over_it(&mut gateway, &mut turn, &mut books, &when).await;
            assert!(refused == 0 || what == fails, "{when}: a call that stalls is no error");
            Clients::of(&gateway).s3.abort_all(BUCKET).await;
            super::drains(&gateway, &folder, &books, &when).await;
            gateway.signal(nix::sys::signal::Signal::SIGTERM);
            let status = gateway.end();
            let injected = std::fs::read_to_string(&log).unwrap_or_default();
            met += usize::from(injected.contains("INJECTED") || injected.contains("DELAYED"));
            println!("{when}: {refused} refused, {status}");
            invariants::hold(gateway.data(), &folder, Stopped::Drained, &when);
        }
    }
    println!("{met} faults were met");
    assert!(met > POINTS.len() + 2, "only {met} faults were met");
    under(&mut gateway, &[]);
    gateway.restart();
    ends_well(&mut gateway, &folder, &mut books, "after all faults").await;
}
