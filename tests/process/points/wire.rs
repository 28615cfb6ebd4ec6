//! The gateway is killed from the provider's side of the wire, when the nth request of a kind has come so far.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::Method;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Books, Clients, Stopped, ends_well, run_script, settle, started, tries, until};
use testing::invariants;
use testing::noise::{Noise, seed};
use testing::process::{Options, Provider};
use testing::provider::recorder::{Recorder, Stage};
use testing::provider::s3_server::{BUCKET as SEALED, S3Server};

/// A request of the gateway's, and how far it comes.
struct Point {
    name: &'static str,
    method: Method,
    stage: Stage,
}

/// A chunk is asked for by a GET of one byte, when the sweep looks for leftovers and when the gateway is asked whether
/// it is ready (ADR 7).
const POINTS: &[Point] = &[
    Point { name: "a chunk's put arrives", method: Method::PUT, stage: Stage::Arrived },
    Point { name: "a chunk is half received", method: Method::PUT, stage: Stage::HalfReceived },
    Point { name: "a chunk is received", method: Method::PUT, stage: Stage::Received },
    Point { name: "a chunk is stored, its answer lost", method: Method::PUT, stage: Stage::Done },
    Point { name: "a deletion arrives", method: Method::DELETE, stage: Stage::Arrived },
    Point { name: "a deletion is done, its answer lost", method: Method::DELETE, stage: Stage::Done },
    Point { name: "a chunk is asked for", method: Method::GET, stage: Stage::Arrived },
    Point { name: "a chunk is found, the answer lost", method: Method::GET, stage: Stage::Done },
];

/// Kills process `id` when the `nth` such request has come so far; counts them all.
fn kill_at(recorder: &Recorder, point: &'static Point, nth: u64, id: u32) -> Arc<AtomicU64> {
    let count = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&count);
    recorder.watch(move |stage, method, _path| {
        if stage == point.stage && *method == point.method && seen.fetch_add(1, Ordering::SeqCst) + 1 == nth {
            // A process that is gone already is as good.
            let _sent = kill(Pid::from_raw(id.cast_signed()), Signal::SIGKILL);
        }
    });
    count
}

/// How long the collector and the sweep may take for their part, on a busy machine.
const THEIR_TURN: std::time::Duration = std::time::Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_by_the_nth_request_to_the_provider_it_loses_nothing_and_leaves_nothing() {
    let seed = seed("ECLUSE_CRASH_SEED");
    println!("ECLUSE_CRASH_SEED={seed}");
    let mut noise = Noise::new(seed);
    let files = tempfile::tempdir().unwrap();
    let server = S3Server::start(files.path()).await;
    let recorder = Recorder::start(&server.endpoint);
    let folder = files.path().join(SEALED);
    let mut gateway = started(
        Options::with(Provider::S3 {
            endpoint: recorder.endpoint.clone(),
            bucket: SEALED.into(),
            access_key: server.access_key.clone(),
            secret_key: server.secret.clone(),
        })
        .write_setting("grace = \"1s\""),
    )
    .await;
    let mut books = Books::default();
    run_script(&Clients::of(&gateway), 0, &mut books).await.unwrap();
    let (mut turn, mut killed, mut left) = (1, 0, std::collections::BTreeSet::new());
    for point in POINTS {
        let tries = if tries() > 8 { (1..=8).collect() } else { vec![1 + noise.below(3), 3 + noise.below(4)] };
        let mut died = 0;
        for nth in tries {
            let when = format!("{}: killed at request {nth}", point.name);
            let count = kill_at(&recorder, point, nth, gateway.id());
            let outcome = run_script(&Clients::of(&gateway), turn, &mut books).await;
            turn += 1;
            let end = std::time::Instant::now() + THEIR_TURN;
            while outcome.is_ok() && count.load(Ordering::SeqCst) < nth && std::time::Instant::now() < end {
                // The collector and the sweep have their turn.
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            let came = count.load(Ordering::SeqCst);
            println!("{when}: {came} of them came");
            if came >= nth {
                let status = gateway.end();
                assert!(!status.success(), "{when}: {status}");
                died += 1;
            }
            gateway.kill9();
            // What was on its way arrives at the server before the next life looks for it.
            recorder.watch(|_, _, _| {});
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            invariants::hold(gateway.data(), &folder, Stopped::Killed, &when);
            left = invariants::open_blocks(gateway.data());
            gateway.restart();
            settle(&Clients::of(&gateway), &mut books).await;
        }
        assert!(died > 0, "{}: it was never killed", point.name);
        killed += died;
    }
    println!("killed {killed} times");
    until("leftovers were looked for", || invariants::open_blocks(gateway.data()).is_disjoint(&left));
    ends_well(&mut gateway, &folder, &mut books, "after all kills").await;
}
