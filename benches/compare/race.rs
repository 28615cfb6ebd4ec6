//! The race: the same load on each system in turn, round by round.

use std::sync::Arc;
use std::time::Duration;

use crate::arguments::Arguments;
use crate::load::Load;
use crate::results::{Place, Record, Results, percentile, racing};
use crate::systems::{Running, System};
use crate::usage;
use crate::workload::{Content, Kind, READS, WRITES, Workload};

/// Arrivals of a latency measurement: no more than so many in one round.
const MOST_ARRIVALS: f64 = 20_000.0;

/// One system in a measurement.
pub struct Runner {
    pub system: System,
    /// The process whose cost counts; none for the provider alone.
    pub id: Option<u32>,
    pub load: Load,
    pub place: Place<&'static str>,
}

/// Everything on folders.
pub async fn run(arguments: &Arguments, content: &Arc<Content>, results: &mut Results) {
    for tls in arguments.tls() {
        for workload in arguments.workloads() {
            println!("# {} {}", workload.name, if tls { "with TLS" } else { "without TLS" });
            // Fresh ones each time: nothing of an earlier workload is left to write back, delete or collect.
            let systems = arguments.systems().into_iter().filter(|system| can(*system, workload));
            let running: Vec<(System, Running)> = systems.map(|system| (system, system.start(tls))).collect();
            let mut runners = Vec::new();
            for (system, running) in &running {
                let load = Load {
                    target: Arc::clone(&running.target),
                    workload,
                    content: Arc::clone(content),
                    series: String::new(),
                };
                buckets(*system, &load).await;
                load.prepare().await;
                println!("  {} is process {}", system.title(), running.id);
                let place = racing(*system, tls, workload.name);
                runners.push(Runner { system: *system, id: Some(running.id), load, place });
            }
            measure(arguments, &runners, arguments.rate, results).await;
        }
    }
}

/// nginx lists nothing as S3 does, and "provider" is not in this race.
fn can(system: System, workload: &Workload) -> bool {
    match system {
        System::EcluseMd5 | System::EcluseOpaque | System::Rclone => true,
        System::Nginx => workload.kind != Kind::List,
        System::Provider | System::EcluseBefore => false,
    }
}

/// Creates the buckets, where a system has buckets.
pub async fn buckets(system: System, load: &Load) {
    if !matches!(system, System::Nginx | System::Provider) {
        let mut connection = crate::client::Connection::open(&load.target).await;
        for bucket in [READS, WRITES] {
            connection.call(crate::client::Call::bucket(bucket)).await;
        }
    }
}

/// Throughput, cost and latency of one workload, all systems in turn.
pub async fn measure(arguments: &Arguments, runners: &[Runner], rate: Option<f64>, results: &mut Results) {
    for id in runners.iter().filter_map(|runner| runner.id) {
        usage::reset_peak(id);
    }
    for round in 0..arguments.rounds() {
        for runner in runners {
            throughput(arguments, runner, round, results).await;
        }
    }
    for runner in runners {
        if let Some(id) = runner.id {
            results.add(Record::Memory { place: runner.place.owned(), peak_kib: usage::peak_kib(id) });
        }
    }
    if !arguments.no_latency {
        let slowest = runners.iter().filter_map(|runner| results.rate(runner.place)).fold(f64::INFINITY, f64::min);
        latency(arguments, runners, rate.unwrap_or(slowest / 2.0), results).await;
    }
}

async fn throughput(arguments: &Arguments, runner: &Runner, round: usize, results: &mut Results) {
    let workload = runner.load.workload;
    settle(workload);
    let load = Load { series: format!("round{round}"), ..runner.load.clone() };
    let most = most_calls(arguments, workload);
    let before = runner.id.map_or(0.0, usage::cpu_seconds);
    let seen = load.throughput(arguments.duration(), most).await;
    let cpu_seconds = runner.id.map_or(0.0, usage::cpu_seconds) - before;
    let bytes = seen.requests * workload.moved();
    println!(
        "  {:<16} {:>10.1} /s {:>9.1} MB/s  {cpu_seconds:>6.2} s of processor",
        runner.system.title(),
        seen.per_second,
        seen.per_second * workload.moved() as f64 / 1e6,
    );
    results.add(Record::Throughput {
        place: runner.place.owned(),
        round,
        requests: seen.requests,
        per_second: seen.per_second,
        bytes,
        cpu_seconds,
    });
}

async fn latency(arguments: &Arguments, runners: &[Runner], per_second: f64, results: &mut Results) {
    let workload = runners[0].load.workload;
    let time = arguments.duration().max(Duration::from_millis(500)).as_secs_f64();
    let arrivals = (per_second * time).clamp(2.0, MOST_ARRIVALS) as u64;
    let arrivals = arrivals.min(most_calls(arguments, workload));
    let mut samples = vec![Vec::new(); runners.len()];
    for round in 0..arguments.rounds() {
        for (runner, samples) in runners.iter().zip(&mut samples) {
            settle(workload);
            let load = Load { series: format!("timed{round}"), ..runner.load.clone() };
            samples.extend(load.latency(per_second, arrivals).await);
        }
    }
    for (runner, samples) in runners.iter().zip(&mut samples) {
        samples.sort_unstable();
        let (p50_us, p99_us) = (percentile(samples, 0.5), percentile(samples, 0.99));
        println!("  {:<16} p50 {p50_us} µs, p99 {p99_us} µs at {per_second:.1} /s", runner.system.title());
        let place = runner.place.owned();
        results.add(Record::Latency { place, per_second, samples: samples.len(), p50_us, p99_us });
    }
}

fn most_calls(arguments: &Arguments, workload: &Workload) -> u64 {
    if workload.kind == Kind::Put { (arguments.written() / workload.size).max(2) } else { u64::MAX }
}

/// What an earlier measurement left to be written is written before the next begins: who syncs nothing must not slow who does.
pub fn settle(workload: &Workload) {
    if workload.kind == Kind::Put {
        let status = std::process::Command::new("sync").arg("-f").arg(tempfile::env::temp_dir()).status();
        assert!(status.unwrap().success(), "sync");
    }
}
