//! What to measure, and for how long.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::measure::Plan;
use crate::systems::System;
use crate::workload::{WORKLOADS, Workload};

/// The parts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Section {
    /// Écluse on a folder, rclone, nginx.
    Race,
    /// The same provider with and without Écluse before it, near and far.
    Behind,
    /// A study of many files, in and out.
    Study,
}

/// Races Écluse on a folder against rclone with `crypt` and nginx, and measures what it costs before a provider.
#[derive(Debug, Parser)]
#[command(name = "compare")]
pub struct Arguments {
    /// Only these parts.
    #[arg(long, value_delimiter = ',', value_enum)]
    sections: Vec<Section>,
    /// Only these systems of the race.
    #[arg(long, value_delimiter = ',', value_enum)]
    systems: Vec<System>,
    /// Only the workloads whose names begin with one of these: `put`, `get-4k`.
    #[arg(long, value_delimiter = ',')]
    workloads: Vec<String>,
    /// Only with TLS (`on`) or without (`off`).
    #[arg(long)]
    tls: Option<String>,
    /// Rounds of each measurement.
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds of one measurement of throughput; one of latency takes half of it.
    #[arg(long)]
    seconds: Option<f64>,
    /// Arrivals per second of the latency measurements, instead of half of what the slowest system bears.
    #[arg(long)]
    rate: Option<f64>,
    /// Throughput only.
    #[arg(long)]
    no_latency: bool,
    /// Bytes that one measurement may write, in MiB.
    #[arg(long)]
    written: Option<u64>,
    /// Measures nothing: tables and plot of an earlier run's results.
    #[arg(long)]
    pub from: Option<PathBuf>,
    /// Where the plot goes, besides the target directory.
    #[arg(long)]
    pub plot: Option<PathBuf>,
    /// Set by cargo.
    #[arg(long, hide = true)]
    pub bench: bool,
    /// `ECLUSE_BENCH_QUICK`.
    #[arg(skip)]
    pub quick: bool,
}

impl Arguments {
    /// From the command line and the environment.
    pub fn read() -> Self {
        let quick = std::env::var_os("ECLUSE_BENCH_QUICK").is_some_and(|value| value != "0");
        Self { quick, ..Self::parse() }
    }

    pub fn wants(&self, section: Section) -> bool {
        self.sections.is_empty() || self.sections.contains(&section)
    }

    pub fn systems(&self) -> Vec<System> {
        let all = System::value_variants().iter().copied();
        all.filter(|system| self.systems.is_empty() || self.systems.contains(system)).collect()
    }

    pub fn is_wanted(&self, workload: &str) -> bool {
        self.workloads.is_empty() || self.workloads.iter().any(|wanted| workload.starts_with(wanted.as_str()))
    }

    pub fn workloads(&self) -> impl Iterator<Item = &'static Workload> {
        WORKLOADS.iter().filter(|workload| self.is_wanted(workload.name))
    }

    pub fn tls(&self) -> Vec<bool> {
        match self.tls.as_deref() {
            Some("on") => vec![true],
            Some("off") => vec![false],
            _ => vec![false, true],
        }
    }

    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { 5 }).max(1)
    }

    pub fn plan(&self) -> Plan {
        Plan {
            rounds: self.rounds(),
            duration: Duration::from_secs_f64(self.seconds.unwrap_or(if self.quick { 0.3 } else { 0.8 })),
            written: self.written.unwrap_or(if self.quick { 256 } else { 512 }) << 20,
            latency: !self.no_latency,
            rate: self.rate,
            most_per_second: f64::INFINITY,
        }
    }
}
