//! Rounds of one workload over several systems in turn: throughput, cost, memory, latency.

use std::time::Duration;

use crate::load::Load;
use crate::results::{Place, Record, Results, percentile};
use crate::systems::System;
use crate::usage;
use crate::workload::Workload;

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

/// How long and how hard.
#[derive(Clone, Copy)]
pub struct Plan {
    pub rounds: usize,
    pub duration: Duration,
    /// Bytes that one measurement may write.
    pub written: u64,
    /// Whether latency is measured as well.
    pub latency: bool,
    /// Arrivals per second; half of what the slowest system bears when none are given.
    pub rate: Option<f64>,
    /// But no more than this.
    pub most_per_second: f64,
}

impl Plan {
    fn most_calls(&self, workload: &Workload) -> u64 {
        if workload.writes() { (self.written / workload.size).max(2) } else { u64::MAX }
    }
}

/// Throughput, cost and latency of one workload, all systems in turn.
pub async fn measure(plan: &Plan, runners: &[Runner], results: &mut Results) {
    for id in runners.iter().filter_map(|runner| runner.id) {
        usage::reset_peak(id);
    }
    for round in 0..plan.rounds {
        for runner in runners {
            throughput(plan, runner, round, results).await;
        }
    }
    for runner in runners {
        if let Some(id) = runner.id {
            results.add(Record::Memory { place: runner.place.owned(), peak_kib: usage::peak_kib(id) });
        }
    }
    if plan.latency {
        let slowest = runners.iter().filter_map(|runner| results.rate(runner.place)).fold(f64::INFINITY, f64::min);
        latency(plan, runners, plan.rate.unwrap_or((slowest / 2.0).min(plan.most_per_second)), results).await;
    }
}

async fn throughput(plan: &Plan, runner: &Runner, round: usize, results: &mut Results) {
    let load = Load { series: format!("{}round{round}", runner.load.series), ..runner.load.clone() };
    let most = plan.most_calls(load.workload);
    one_round(runner, &load, (round, plan.duration, most), results).await;
}

/// One measurement of throughput.
pub async fn one_round(
    runner: &Runner,
    load: &Load,
    (round, time, most): (usize, Duration, u64),
    results: &mut Results,
) {
    let workload = load.workload;
    settle(workload);
    let before = runner.id.map_or(0.0, usage::cpu_seconds);
    let seen = load.throughput(time, most).await;
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

async fn latency(plan: &Plan, runners: &[Runner], per_second: f64, results: &mut Results) {
    let workload = runners[0].load.workload;
    let time = plan.duration.div_f64(2.0).max(Duration::from_millis(300)).as_secs_f64();
    let arrivals = (per_second * time).clamp(2.0, MOST_ARRIVALS) as u64;
    let arrivals = arrivals.min(plan.most_calls(workload));
    let mut samples = vec![Vec::new(); runners.len()];
    for round in 0..plan.rounds {
        for (runner, samples) in runners.iter().zip(&mut samples) {
            settle(workload);
            let load = Load { series: format!("{}timed{round}", runner.load.series), ..runner.load.clone() };
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

/// What an earlier measurement left to be written is written before the next begins: who syncs nothing must not slow who does.
fn settle(workload: &Workload) {
    if workload.writes() {
        let status = std::process::Command::new("sync").arg("-f").arg(tempfile::env::temp_dir()).status();
        assert!(status.unwrap().success(), "sync");
    }
}
