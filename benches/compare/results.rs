//! What was measured: one JSON object in each line of a file, from which tables and plot are made.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::systems::System;

/// What a figure belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place<W> {
    pub system: System,
    pub tls: bool,
    /// Added to each request at the provider; none on a folder.
    pub delay_ms: Option<u64>,
    pub workload: W,
}

/// A line of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Record {
    /// Where and how.
    Run { cores: usize, processor: String, quick: bool, rounds: usize },
    /// One round.
    Throughput {
        #[serde(flatten)]
        place: Place<String>,
        round: usize,
        requests: u64,
        per_second: f64,
        bytes: u64,
        cpu_seconds: f64,
    },
    /// All rounds together.
    Latency {
        #[serde(flatten)]
        place: Place<String>,
        per_second: f64,
        samples: usize,
        p50_us: u64,
        p99_us: u64,
    },
    /// The peak of all rounds.
    Memory {
        #[serde(flatten)]
        place: Place<String>,
        peak_kib: u64,
    },
}

/// The rounds' ratios.
#[derive(Debug, Clone, Copy)]
pub struct Ratio {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

#[derive(Debug, Clone, Copy)]
pub struct Latency {
    pub per_second: f64,
    pub p50_us: u64,
    pub p99_us: u64,
    pub samples: usize,
}

/// The results so far, in memory and in the file.
pub struct Results {
    pub records: Vec<Record>,
    file: Option<File>,
}

impl Results {
    /// A new file.
    pub fn create(path: &Path) -> Self {
        Self { records: Vec::new(), file: Some(File::create(path).unwrap()) }
    }

    /// An earlier run.
    pub fn read(path: &Path) -> Self {
        let lines = BufReader::new(File::open(path).unwrap()).lines();
        let records = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
        Self { records, file: None }
    }

    pub fn add(&mut self, record: Record) {
        if let Some(file) = &mut self.file {
            writeln!(file, "{}", serde_json::to_string(&record).unwrap()).unwrap();
        }
        self.records.push(record);
    }

    /// Requests of a second in each round.
    pub fn rates(&self, wanted: Place<&str>) -> Vec<f64> {
        let of = |record: &Record| match record {
            Record::Throughput { place, per_second, .. } if is(place, wanted) => Some(*per_second),
            _ => None,
        };
        self.records.iter().filter_map(of).collect()
    }

    /// Requests of a second, the median of the rounds.
    pub fn rate(&self, wanted: Place<&str>) -> Option<f64> {
        median(self.rates(wanted))
    }

    /// How many times as fast `one` is as `other`: round by round, because neighbours in time share their disturbances.
    pub fn ratio(&self, one: Place<&str>, other: Place<&str>) -> Option<Ratio> {
        let rounds = self.rates(one).into_iter().zip(self.rates(other));
        let ratios: Vec<f64> = rounds.map(|(one, other)| one / other).collect();
        let low = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let high = ratios.iter().copied().fold(0.0, f64::max);
        Some(Ratio { median: median(ratios)?, low, high })
    }

    /// Latency at a fixed rate of arrivals.
    pub fn latency(&self, wanted: Place<&str>) -> Option<Latency> {
        self.records.iter().find_map(|record| match record {
            Record::Latency { place, per_second, p50_us, p99_us, samples } if is(place, wanted) => {
                Some(Latency { per_second: *per_second, p50_us: *p50_us, p99_us: *p99_us, samples: *samples })
            }
            _ => None,
        })
    }

    /// Processor seconds, requests and bytes of all rounds.
    pub fn cost(&self, wanted: Place<&str>) -> Option<(f64, u64, u64)> {
        let all = self.records.iter().filter_map(|record| match record {
            Record::Throughput { place, cpu_seconds, requests, bytes, .. } if is(place, wanted) => {
                Some((*cpu_seconds, *requests, *bytes))
            }
            _ => None,
        });
        all.reduce(|a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2))
    }

    pub fn peak_kib(&self, wanted: Place<&str>) -> Option<u64> {
        self.records.iter().find_map(|record| match record {
            Record::Memory { place, peak_kib } if is(place, wanted) => Some(*peak_kib),
            _ => None,
        })
    }
}

impl Place<&str> {
    pub fn owned(self) -> Place<String> {
        let Self { system, tls, delay_ms, workload } = self;
        Place { system, tls, delay_ms, workload: workload.to_owned() }
    }
}

/// The place of a race on a folder.
pub fn racing(system: System, tls: bool, workload: &str) -> Place<&str> {
    Place { system, tls, delay_ms: None, workload }
}

/// The place of a measurement with a provider that is so far away.
pub fn behind(system: System, delay_ms: u64, workload: &str) -> Place<&str> {
    Place { system, tls: false, delay_ms: Some(delay_ms), workload }
}

fn is(place: &Place<String>, wanted: Place<&str>) -> bool {
    (place.system, place.tls, place.delay_ms) == (wanted.system, wanted.tls, wanted.delay_ms)
        && place.workload == wanted.workload
}

/// The value in the middle.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (lower, upper) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
    Some(f64::midpoint(*lower, *upper))
}

/// The value that `share` of the sorted values do not exceed.
pub fn percentile(sorted: &[u64], share: f64) -> u64 {
    let index = (sorted.len() as f64 * share).ceil() as usize;
    sorted[index.clamp(1, sorted.len()) - 1]
}

/// Where results go: `compare` in the target directory.
pub fn directory() -> PathBuf {
    // The bench binary is <target>/release/deps/NAME.
    let binary = std::env::current_exe().unwrap();
    binary.ancestors().nth(3).unwrap().join("compare")
}
