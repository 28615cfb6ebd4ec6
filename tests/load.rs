//! Many clients at once, fast and slow, through the real binary and TLS, of the S3 front and of the Azure front: memory
//! stays below 768 MiB, clients wait or are told to slow down, nobody gets wrong bytes, and afterwards everything is as before.
//!
//! Nothing here asserts a time. `ECLUSE_LOAD_OBJECT` (for example `1 GiB`) sets the size of the large objects.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use testing::beside::{self, Greedy, Polite, Slow, WISHES, Want, Wish};
use testing::load::{Clients, Connection, Forgetful, Pace, Write};
use testing::process::{GatewayProcess, Options, Provider};
use tokio::sync::watch;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
/// What the process may have at most, with 512 MiB for bodies.
const MEMORY: u64 = 768 * MIB;
const BUCKET: &str = "/imaging";

/// What the system takes in for a slow reader before it reads. Less than a few packets of the loopback stalls TCP itself.
const SMALL_WINDOW: u32 = 192 * 1024;

/// One test at a time: each measures a process of its own, and the machine is small.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The size of a large object.
fn object_bytes() -> u64 {
    let wanted = std::env::vars().find(|(name, _)| name == "ECLUSE_LOAD_OBJECT");
    wanted.map_or(20 * MIB + 777, |(_, size)| size.parse::<bytesize::ByteSize>().expect("a size").as_u64())
}

/// How many files this process may open, raised as far as it goes.
fn open_files() -> u64 {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    hard
}

/// On a busy machine a thousand handshakes at once take longer than one client may.
const PATIENT: &str = "handshake_timeout = \"10m\"\nheader_timeout = \"10m\"";

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !is_so().await {
        assert!(Instant::now() < end, "never: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Clients of both fronts, who share a bucket.
async fn both_fronts(gateway: &GatewayProcess) -> [Clients; 2] {
    let fronts = [Clients::of(gateway), Clients::of_azure(gateway)];
    let answer = fronts[0].create(&mut fronts[0].connect().await.unwrap(), BUCKET).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    fronts
}

/// One front after the other.
fn of(fronts: &[Clients; 2], number: u64) -> Clients {
    fronts[number as usize % 2].clone()
}

fn path(name: &str, number: u64) -> String {
    format!("{BUCKET}/{name}/{number}")
}

/// Memory was never beyond the limit, nothing is in use any more, nothing went wrong inside.
async fn is_calm(gateway: &mut GatewayProcess, what: &str) {
    until("memory, spool and waiting room are empty", async || {
        ["ecluse_memory_used_bytes", "ecluse_memory_waiting", "ecluse_spool_bytes"]
            .iter()
            .all(|name| gateway.metric(name) == 0.0)
    })
    .await;
    let (most, now) = (gateway.memory("VmHWM"), gateway.memory("VmRSS"));
    let spooled = gateway.metric("ecluse_spooled_chunks_total");
    println!("{what}: most {} MiB, now {} MiB, {spooled} chunks through the spool", most / MIB, now / MIB);
    assert!(most < MEMORY, "{what}: {} MiB", most / MIB);
    assert_eq!(gateway.metric("ecluse_panics_total"), 0.0);
    assert_eq!(gateway.metric("ecluse_integrity_incidents_total"), 0.0);
    assert!(gateway.is_running());
}

/// Everything works: an object goes in and comes out, in one piece and in part.
async fn works(clients: &Clients, number: u64) {
    let mut stream = clients.connect().await.unwrap();
    let (path, length) = (path("works", number), 9 * MIB);
    let answer = clients.put(&mut stream, &path, number, length, Pace::FAST).await.unwrap();
    assert!(answer.is_done(), "{answer:?}");
    for range in [0..length, 70_000..length - 1, 8 * MIB - 1..8 * MIB + 1] {
        let answer = clients.get(&mut stream, &path, number, range, Pace::FAST).await.unwrap();
        assert_eq!(answer.status, 206, "{answer:?}");
    }
    assert!(clients.ask(&mut stream, "DELETE", &path).await.unwrap().is_done());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_large_uploads_at_once_stay_within_the_memory_limit() {
    let _alone = ALONE.lock().await;
    let forgetful = Forgetful::start();
    let provider = Provider::S3 {
        endpoint: forgetful.endpoint.clone(),
        bucket: "sealed".into(),
        access_key: "key".into(),
        secret_key: "secret".into(),
    };
    let mut gateway = GatewayProcess::start(Options::with(provider).azure().memory("512 MiB"));
    let fronts = both_fronts(&gateway).await;
    let length = object_bytes();
    join_all((0..64).map(|n| {
        // S3's, and each of Azure's.
        let (front, write) =
            [(0, Write::Whole), (1, Write::Whole), (1, Write::Block), (1, Write::Append)][n as usize % 4];
        let clients = fronts[front].clone();
        tokio::spawn(async move {
            // Some pause now and then.
            let pause = if n % 5 == 0 { Duration::from_millis(20) } else { Duration::ZERO };
            let pace = Pace { bytes: 256 * KIB as usize, pause: pause / (length / (64 * MIB) + 1) as u32 };
            let (mut stream, path) = (clients.connect().await.unwrap(), path("up", n));
            if write == Write::Append {
                assert!(clients.make(&mut stream, &path, write).await.unwrap().is_done());
            }
            // An append has 100 MiB at most, a block 4,000.
            let length = if write == Write::Append { length.min(100 * MIB) } else { length };
            let answer = clients.put_as(write, &mut stream, &path, n, length, pace).await.unwrap();
            assert!(answer.is_done(), "{write:?} {answer:?}");
            if write == Write::Block {
                assert!(clients.make(&mut stream, &path, write).await.unwrap().is_done());
            }
        })
    }))
    .await
    .into_iter()
    .for_each(Result::unwrap);
    is_calm(&mut gateway, "64 uploads").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_downloads_and_as_many_ranged_reads_at_once_are_exact_and_stay_within_the_memory_limit() {
    let _alone = ALONE.lock().await;
    let mut gateway = GatewayProcess::start(Options::folder().azure().memory("512 MiB"));
    let fronts = both_fronts(&gateway).await;
    let length = object_bytes();
    for n in 0..2 {
        let clients = of(&fronts, n);
        let mut stream = clients.connect().await.unwrap();
        let answer = clients.put(&mut stream, &path("down", n), n, length, Pace::FAST).await.unwrap();
        assert!(answer.is_done(), "{answer:?}");
    }
    join_all((0..128_u64).map(|n| {
        // Each reads what either has written.
        let clients = of(&fronts, n / 2);
        tokio::spawn(async move {
            let (seed, path) = (n % 2, path("down", n % 2));
            let slow = n % 8 < 2;
            let mut stream = clients.connect_with(slow.then_some(SMALL_WINDOW)).await.unwrap();
            if n < 64 {
                let pause = Duration::from_millis(if slow { 1 } else { 0 });
                let pace = Pace { bytes: 128 * KIB as usize, pause };
                let answer = clients.get(&mut stream, &path, seed, 0..length, pace).await.unwrap();
                assert_eq!(answer.status, 206, "{answer:?}");
                return;
            }
            for turn in 0..16 {
                let first = (n * 7_777_777 + turn * 1_234_567) % (length - MIB);
                let range = first..first + [1, 64 * KIB, 64 * KIB + 1, MIB][turn as usize % 4];
                // A pause that is long enough to lose the transfer.
                let pause = Duration::from_millis(if slow && turn == 3 { 1_700 } else { 0 });
                let pace = Pace { bytes: 256 * KIB as usize, pause };
                let answer = clients.get(&mut stream, &path, seed, range, pace).await.unwrap();
                assert_eq!(answer.status, 206, "{answer:?}");
            }
        })
    }))
    .await
    .into_iter()
    .for_each(Result::unwrap);
    is_calm(&mut gateway, "64 downloads and 64 ranged reads").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_idle_connections_cost_little_and_nobody_notices_them() {
    let _alone = ALONE.lock().await;
    let wanted = 10_000;
    let possible = open_files().saturating_sub(500).min(wanted);
    assert!(possible >= 2_000, "the hard limit of open files is far too low here: raise it (ulimit -Hn)");
    if possible < wanted {
        println!("{possible} connections: the limit of open files allows no more");
    }
    let options = Options::folder().memory("512 MiB").open_files(1024);
    let options = options
        .setting("limits", "connections = 11000")
        .setting("limits", "connections_per_address = 11000")
        .setting("limits", "header_timeout = \"10m\"");
    let mut gateway = GatewayProcess::start(options.azure().setting("limits", "idle_timeout = \"10m\""));
    let fronts = both_fronts(&gateway).await;
    works(&fronts[0], 1).await;
    works(&fronts[1], 1).await;
    let before = gateway.memory("VmRSS");
    let mut idle: Vec<Connection> = Vec::new();
    while (idle.len() as u64) < possible {
        let some = join_all((0..100).map(|n| fronts[n % 2].connect())).await;
        idle.extend(some.into_iter().map(Result::unwrap));
    }
    until("all are counted", async || gateway.metric("ecluse_connections") >= possible as f64).await;
    let each = gateway.memory("VmRSS").saturating_sub(before) / possible;
    println!("{possible} idle connections: {} KiB each", each / KIB);
    for n in 2..5 {
        works(&of(&fronts, n), n).await;
    }
    // They are alive: any of them may ask.
    for (n, stream) in idle.iter_mut().enumerate().step_by(997) {
        assert_eq!(fronts[n % 2].head_bucket(stream, BUCKET).await.unwrap().status, 200);
    }
    drop(idle);
    until("all are gone", async || gateway.metric("ecluse_connections") <= 2.0).await;
    is_calm(&mut gateway, "idle connections").await;
    works(&fronts[0], 5).await;
    works(&fronts[1], 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_slow_clients_do_not_stop_the_fast_ones_and_are_served_to_the_end() {
    let _alone = ALONE.lock().await;
    open_files();
    let options = Options::folder().azure().memory("512 MiB").setting("limits", "connections = 3000");
    let options = options.setting("limits", PATIENT);
    let mut gateway = GatewayProcess::start(options);
    let fronts = both_fronts(&gateway).await;
    let length = 10 * MIB;
    let s3 = &fronts[0];
    let answer = s3.put(&mut s3.connect().await.unwrap(), &path("slow", 0), 0, length, Pace::FAST).await;
    assert!(answer.unwrap().is_done());
    let (go, gone) = watch::channel(false);
    let (started, mut begun) = watch::channel(0_u32);
    let started = Arc::new(started);
    let slow: Vec<_> = (0..1_000_u64)
        .map(|n| {
            let (clients, mut gone, started) = (of(&fronts, n / 2), gone.clone(), Arc::clone(&started));
            tokio::spawn(async move {
                let mut stream = clients.connect_with(Some(SMALL_WINDOW)).await.unwrap();
                // A few bytes every second until the test says otherwise.
                let crumb = |at: u64| at..at + 100;
                if n % 2 == 0 {
                    let (path, length) = (path("up", n), 1_100 * KIB);
                    clients.begin_put(&mut stream, &path, length).await.unwrap();
                    // Different places: within the first segment and far behind it.
                    let mut at = (n % 20) * 50 * KIB;
                    clients.send(&mut stream, n, 0..at, Pace::FAST).await.unwrap();
                    started.send_modify(|count| *count += 1);
                    while !*gone.borrow_and_update() {
                        clients.send(&mut stream, n, crumb(at), Pace::FAST).await.unwrap();
                        at += 100;
                        tokio::time::timeout(Duration::from_secs(1), gone.changed()).await.ok();
                    }
                    let left = clients.put_rest(&mut stream, n, at..length).await.unwrap();
                    assert!(left.is_done(), "{left:?}");
                } else {
                    // Of Azure's half want a digest, which goes out before 4 MiB.
                    let digested = n % 8 == 3;
                    let range = n * KIB..if digested { n * KIB + 4 * MIB } else { length - n };
                    let more = [("x-ms-range-get-content-md5", "true".to_owned())];
                    let more = if digested { &more[..] } else { &[] };
                    let begun = clients.begin_get_with(&mut stream, &path("slow", 0), &range, more).await;
                    let (answer, came) = begun.unwrap();
                    assert_eq!(answer.status, 206, "{answer:?}");
                    started.send_modify(|count| *count += 1);
                    let mut at = range.start + came.len() as u64;
                    clients.receive(&mut stream, 0, range.start..at, came, Pace::FAST).await.unwrap();
                    while !*gone.borrow_and_update() {
                        clients.receive(&mut stream, 0, crumb(at), Vec::new(), Pace::FAST).await.unwrap();
                        at += 100;
                        tokio::time::timeout(Duration::from_secs(1), gone.changed()).await.ok();
                    }
                    let end = (at + 700 * KIB).min(range.end);
                    clients.receive(&mut stream, 0, at..end, Vec::new(), Pace::FAST).await.unwrap();
                }
            })
        })
        .collect();
    begun.wait_for(|count| *count == 1_000).await.unwrap();
    // All are there. Fast clients come and go, without one error.
    join_all((0..8).map(|worker| {
        let clients = of(&fronts, worker);
        tokio::spawn(async move {
            for turn in 0..4 {
                works(&clients, 100 + worker * 10 + turn).await;
            }
        })
    }))
    .await
    .into_iter()
    .for_each(Result::unwrap);
    println!("with 1,000 slow clients: {} MiB", gateway.memory("VmRSS") / MIB);
    go.send(true).unwrap();
    join_all(slow).await.into_iter().for_each(Result::unwrap);
    let clients = &fronts[1];
    let mut stream = clients.connect().await.unwrap();
    for n in (0..1_000).step_by(20) {
        let answer = clients.get(&mut stream, &path("up", n), n, 0..1_100 * KIB, Pace::FAST).await.unwrap();
        assert_eq!(answer.status, 206, "{answer:?}");
    }
    is_calm(&mut gateway, "1,000 slow clients").await;
    assert!(gateway.metric("ecluse_spooled_chunks_total") > 0.0, "memory was never short: the test is too easy");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_beyond_the_limits_is_answered_with_slow_down_and_full_service_follows() {
    let _alone = ALONE.lock().await;
    open_files();
    let options = Options::folder().azure().memory("32 MiB").setting("limits", "connections = 400");
    // All come from one address, and nobody is known before the first request.
    let options = options.setting("limits", "connections_per_address = 400").setting("limits", PATIENT);
    let mut gateway = GatewayProcess::start(options.write_setting("grace = \"1s\""));
    let fronts = both_fronts(&gateway).await;
    works(&fronts[0], 1).await;
    works(&fronts[1], 1).await;
    let length = 4 * MIB + 5;
    let outcomes = join_all((0..800_u64).map(|n| {
        let clients = of(&fronts, n / 2);
        tokio::spawn(async move {
            // Beyond the limit of connections this waits in the backlog.
            let mut stream = clients.connect().await.unwrap();
            let answer = if n % 2 == 0 {
                clients.put_if_asked(&mut stream, &path("flood", n), n, length).await
            } else {
                clients.put_anyhow(&mut stream, &path("flood", n), n, length).await
            };
            (n, answer.unwrap_or_else(|error| panic!("request {n}: {error}")))
        })
    }))
    .await;
    let (mut stored, mut turned_away) = (Vec::new(), [0, 0]);
    for (n, answer) in outcomes.into_iter().map(Result::unwrap) {
        match answer.status {
            200 | 201 => stored.push(n),
            _ if answer.is_slow_down() => turned_away[n as usize / 2 % 2] += 1,
            _ => panic!("request {n}: {answer:?}"),
        }
    }
    println!("flood: {} stored, {turned_away:?} turned away", stored.len());
    assert!(stored.len() > 10 && turned_away.iter().all(|count| *count > 10), "too easy: {} stored", stored.len());
    let clients = &fronts[0];
    let mut stream = clients.connect().await.unwrap();
    for n in &stored {
        let answer = clients.get(&mut stream, &path("flood", *n), *n, 0..length, Pace::FAST).await.unwrap();
        assert_eq!(answer.status, 206, "{answer:?}");
    }
    for n in 2..6 {
        works(&of(&fronts, n), n).await;
    }
    is_calm(&mut gateway, "flood").await;
    // What was turned away left nothing behind: no chunk but those of what was stored.
    let sealed = || testing::notes::chunks_below(gateway.data(), &gateway.folder()).len();
    until("only what was stored is there", async || sealed() == stored.len()).await;
}

/// Rounds of every request of each polite client, all at once; a refusal or a wrong byte is a panic.
async fn politely(gateway: &GatewayProcess, rounds: usize, wishes: &'static [Wish]) {
    let polite = Polite::all(gateway).await.into_iter().map(|mut polite| {
        tokio::spawn(async move {
            for _ in 0..rounds {
                for wish in wishes {
                    polite.asks(*wish).await;
                }
            }
        })
    });
    join_all(polite).await.into_iter().for_each(Result::unwrap);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_with_64_connections_greedy_or_slow_leaves_polite_ones_their_part() {
    const BODIES: u64 = 24 * MIB;
    let _alone = ALONE.lock().await;
    open_files();
    let options = beside::options(Options::folder()).memory("32 MiB");
    // Who is slow stays so.
    let options = options.setting("limits", "idle_timeout = \"10m\"\nsmall_body_timeout = \"10m\"");
    let mut gateway = GatewayProcess::start(options);
    beside::furnish(&gateway).await;

    let greedy = Greedy::start(&gateway, &[Want::Upload, Want::Download, Want::List, Want::Write]);
    greedy.is_at_work(64).await;
    politely(&gateway, 5, &WISHES).await;
    greedy.is_at_work(64).await;
    greedy.stop().await;

    // Turns go by client, not by request: a round of lists waits for a few of the greedy client's, not for one of each of its
    // connections.
    const ROUNDS: usize = 20;
    let greedy = Greedy::start(&gateway, &[Want::List]);
    greedy.is_at_work(64).await;
    let before = greedy.answered();
    politely(&gateway, ROUNDS, &[Wish::List]).await;
    let meanwhile = greedy.answered() - before;
    println!("lists of the greedy client in {ROUNDS} rounds of polite lists: {meanwhile}");
    assert!(meanwhile < 32 * ROUNDS as u64, "{meanwhile} lists of the greedy client in {ROUNDS} rounds");
    greedy.is_at_work(64).await;
    greedy.stop().await;

    let slow = Slow::start(&gateway).await;
    until("the slow client has all it gets", async || gateway.metric("ecluse_memory_waiting") > 0.0).await;
    for _ in 0..3 {
        // Seven eighths, and what was taken last. The gauge is a second behind, and counts the polite ones' shares, too.
        until("one client holds its part of the memory, and no more", async || {
            let used = gateway.metric("ecluse_memory_used_bytes") as u64;
            (BODIES / 2..BODIES / 8 * 7 + MIB + 64 * KIB).contains(&used)
        })
        .await;
        politely(&gateway, 5, &WISHES).await;
    }
    drop(slow);
    is_calm(&mut gateway, "a greedy and slow client").await;
    politely(&gateway, 1, &WISHES).await;
}
