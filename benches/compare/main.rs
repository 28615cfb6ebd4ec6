//! Écluse on a folder, through both fronts, against `rclone serve s3` with `crypt` and against nginx, and what Écluse costs before a provider.
//!
//! One client, written for this, loads each system in the same way on the same machine. docs/performance.md says how,
//! and what each system makes durable. Needs the tools of `scripts/install-bench-tools`.
//!
//! ```text
//! cargo bench --bench compare                                        # everything
//! ECLUSE_BENCH_QUICK=1 cargo bench --bench compare                   # a look
//! cargo bench --bench compare -- --systems ecluse-opaque --workloads put-4k --tls off --seconds 30 --rounds 1 --no-latency
//! cargo bench --bench compare -- --help
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    unreachable_pub,
    missing_docs,
    reason = "a benchmark"
)]

mod aims;
mod arguments;
mod behind;
mod client;
mod load;
mod measure;
mod page_cache;
mod plot;
mod provider;
mod race;
mod report;
mod results;
mod signer;
mod study;
mod systems;
mod usage;
mod workload;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use arguments::{Arguments, Section};
use results::{Record, Results};
use workload::Content;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    if !arguments.bench {
        println!("measures only under `cargo bench`");
        return ExitCode::SUCCESS;
    }
    if let Some(file) = &arguments.from {
        show(&arguments, &Results::read(file));
        return ExitCode::SUCCESS;
    }
    let directory = results::directory();
    std::fs::create_dir_all(&directory).unwrap();
    // On the disk of the target directory, whatever /tmp is; gone when this is dropped.
    let temporary = tempfile::tempdir_in(&directory).unwrap();
    tempfile::env::override_temp_dir(temporary.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).unwrap();
        let mut end = signal(SignalKind::terminate()).unwrap();
        tokio::select! {
            () = measure(&arguments, temporary.path()) => ExitCode::SUCCESS,
            _ = interrupt.recv() => interrupted(),
            _ = end.recv() => interrupted(),
        }
    })
}

fn interrupted() -> ExitCode {
    eprintln!("interrupted");
    ExitCode::FAILURE
}

/// Whatever ends this, dropping it ends what it started.
async fn measure(arguments: &Arguments, folder: &Path) {
    if !arguments.quick {
        page_cache::fill(folder);
    }
    let mut results = Results::create(&results::directory().join("results.jsonl"));
    results.add(machine(arguments));
    let content = Arc::new(Content::new());
    if arguments.wants(Section::Race) {
        race::run(arguments, &content, &mut results).await;
    }
    if arguments.wants(Section::Behind) {
        behind::run(arguments, &content, &mut results).await;
    }
    if arguments.wants(Section::Study) {
        study::run(arguments, &content, &mut results).await;
    }
    show(arguments, &results);
}

/// Tables on standard output, and the plot.
fn show(arguments: &Arguments, results: &Results) {
    println!("\n{}", report::tables(results));
    std::fs::create_dir_all(results::directory()).unwrap();
    let here = results::directory().join("performance.svg");
    for path in std::iter::once(&here).chain(&arguments.plot) {
        if plot::draw(results, path) {
            println!("plot: {}", path.display());
        }
    }
}

fn machine(arguments: &Arguments) -> Record {
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    Record::Run {
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        processor: name.map_or_else(String::new, |(_, name)| name.to_owned()),
        quick: arguments.quick,
        rounds: arguments.rounds(),
    }
}
