//! What one client with 64 connections, greedy or slow, does to the answers that polite clients beside it wait for.
//!
//! The polite ones, of the same tenant and of another, ask for one thing at a time on each front, with a pause in between.
//! Their figures are of the moment at which the first byte went out to the last that came, over TLS, in calm and then beside
//! the other. The aim: p99 within three times that of calm.
//!
//! ```text
//! cargo bench --bench fairness
//! ECLUSE_BENCH_QUICK=1 cargo bench --bench fairness     # a look
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::join_all;
use testing::beside::{self, Greedy, Polite, Slow, WISHES, Want, Wish};
use testing::process::{GatewayProcess, Options};
use tokio::runtime::{Builder, Runtime};

/// Between two requests of a polite client.
const PAUSE: Duration = Duration::from_millis(20);
/// How often calm p99 may be waited for.
const AIM: f64 = 3.0;

/// Seconds that each wish waited for, sorted.
type Waits = BTreeMap<Wish, Vec<f64>>;

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("measures only under `cargo bench`");
        return;
    }
    let quick = std::env::var_os("ECLUSE_BENCH_QUICK").is_some_and(|value| value != "0");
    let rounds = if quick { 10 } else { 100 };
    // As if it were another machine: threads of its own, which run when neither gateway nor polite clients want a core.
    let others =
        Builder::new_multi_thread().worker_threads(2).enable_all().on_thread_start(stand_back).build().unwrap();

    let gateway = furnished(&others, "256 MiB");
    let calm = politely(&gateway, rounds);
    let all: &[Want] = &[Want::Upload, Want::Download, Want::List, Want::Write];
    for (what, wants) in [
        ("everything", all),
        ("uploads of 8 MiB", &[Want::Upload]),
        ("downloads of 10 MiB", &[Want::Download]),
        ("lists of 1,000 names", &[Want::List]),
        ("writes of 1 KiB", &[Want::Write]),
    ] {
        let greedy = others.block_on(async {
            let greedy = Greedy::start(&gateway, wants);
            greedy.is_at_work(64).await;
            greedy
        });
        let (before, began) = (greedy.answered(), Instant::now());
        let waits = politely(&gateway, rounds);
        let rate = (greedy.answered() - before) as f64 / began.elapsed().as_secs_f64();
        show(&format!("greedy: {what} ({rate:.0} answers a second)"), &calm, &waits);
        others.block_on(greedy.stop());
    }
    drop(gateway);

    let gateway = furnished(&others, "32 MiB");
    let calm = politely(&gateway, rounds);
    let slow = others.block_on(Slow::start(&gateway));
    while gateway.metric("ecluse_memory_waiting") == 0.0 {
        std::thread::sleep(Duration::from_millis(100));
    }
    show("slow: half-sent bodies, unread answers, memory used up", &calm, &politely(&gateway, rounds));
    drop(slow);
}

/// Gives this thread the lowest priority.
fn stand_back() {
    rustix::process::setpriority_process(None, 19).unwrap();
}

fn furnished(others: &Runtime, memory: &str) -> GatewayProcess {
    let options = beside::options(Options::folder()).memory(memory);
    let options = options.setting("limits", "idle_timeout = \"10m\"\nsmall_body_timeout = \"10m\"");
    let gateway = GatewayProcess::start(options);
    others.block_on(beside::furnish(&gateway));
    gateway
}

fn politely(gateway: &GatewayProcess, rounds: usize) -> Waits {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let all = runtime.block_on(async {
        let polite = Polite::all(gateway).await.into_iter().map(async |mut polite| {
            let mut waits = Vec::new();
            for _ in 0..rounds {
                for wish in WISHES {
                    waits.push((wish, polite.asks(wish).await.as_secs_f64()));
                    tokio::time::sleep(PAUSE).await;
                }
            }
            waits
        });
        join_all(polite).await.concat()
    });
    let mut waits = Waits::new();
    for (wish, seconds) in all {
        waits.entry(wish).or_default().push(seconds);
    }
    waits.values_mut().for_each(|seconds| seconds.sort_by(f64::total_cmp));
    waits
}

fn show(what: &str, calm: &Waits, waits: &Waits) {
    let of = |waits: &Waits, wish, part: f64| {
        let seconds: &Vec<f64> = &waits[&wish];
        1000.0 * seconds[((seconds.len() - 1) as f64 * part).round() as usize]
    };
    println!(
        "\n{what}\n\n| polite request | calm, p50 / p99, ms | beside it, p50 / p99, ms | p99 / calm | |\n|---|---|---|---|---|"
    );
    for wish in WISHES {
        let ratio = of(waits, wish, 0.99) / of(calm, wish, 0.99);
        println!(
            "| {} | {:.2} / {:.2} | {:.2} / {:.2} | {ratio:.2} | {} |",
            wish.title(),
            of(calm, wish, 0.5),
            of(calm, wish, 0.99),
            of(waits, wish, 0.5),
            of(waits, wish, 0.99),
            if ratio <= AIM { "met" } else { "**missed**" },
        );
    }
}
