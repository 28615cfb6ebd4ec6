//! The results as Markdown, ready for docs/performance.md.

use std::fmt::Write;

use crate::aims;
use crate::behind::{ASKED, DELAYS};
use crate::results::{Latency, Place, Record, Results, behind, racing};
use crate::study;
use crate::systems::System;
use crate::workload::{WORKLOADS, Workload};

const RACERS: [System; 5] =
    [System::EcluseMd5, System::EcluseOpaque, System::EcluseAzure, System::Rclone, System::Nginx];
const STUDENTS: [System; 7] = [
    System::Provider,
    System::EcluseBefore,
    System::EcluseMd5,
    System::EcluseOpaque,
    System::EcluseAzure,
    System::Rclone,
    System::Nginx,
];
const NOTHING: &str = "–";
/// Fewer samples have no 99th percentile.
const ENOUGH: usize = 100;

/// All tables of which there are figures.
pub fn tables(results: &Results) -> String {
    let mut text = machine(results);
    for tls in [false, true] {
        let raced = |workload: &&Workload| {
            RACERS.iter().any(|system| results.rate(racing(*system, tls, workload.name)).is_some())
        };
        let workloads: Vec<&Workload> = WORKLOADS.iter().filter(raced).collect();
        if !workloads.is_empty() {
            let protection = if tls { "with TLS" } else { "without TLS" };
            text += &format!("\n#### Throughput {protection}\n\n{}", throughput(results, tls, &workloads));
            text += &format!("\n#### Latency {protection}: p50 / p99, ms\n\n{}", latency(results, tls, &workloads));
            text += &format!("\n#### Processor and memory {protection}\n\n{}", cost(results, tls, &workloads));
        }
    }
    text + &behind_table(results) + &study_table(results) + &aims_table(results)
}

fn machine(results: &Results) -> String {
    let of = |record: &Record| match record {
        Record::Run { cores, processor, quick, rounds } => {
            let form = if *quick { "quick form" } else { "full form" };
            Some(format!("{cores} cores of {processor}; {form}, medians of {rounds} rounds.\n"))
        }
        _ => None,
    };
    results.records.iter().filter_map(of).collect()
}

/// A table's head with these columns.
fn head(columns: &[String]) -> String {
    format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()))
}

fn with_racers(first: &str, others: &[&str]) -> String {
    let racers = RACERS.iter().map(|system| system.title().to_owned());
    let others = others.iter().map(|other| (*other).to_owned());
    head(&std::iter::once(first.to_owned()).chain(racers).chain(others).collect::<Vec<_>>())
}

fn throughput(results: &Results, tls: bool, workloads: &[&Workload]) -> String {
    let others = ["MD5 / rclone", "opaque / rclone", "MD5 / nginx", "opaque / nginx", "Azure / MD5"];
    let mut text = with_racers("workload", &others);
    for workload in workloads {
        let place = |system| racing(system, tls, workload.name);
        write!(text, "| {} × {} |", workload.name, workload.connections).unwrap();
        for system in RACERS {
            let rate = results.rate(place(system)).map_or_else(|| NOTHING.to_owned(), |rate| speed(rate, workload));
            write!(text, " {rate} |").unwrap();
        }
        for against in [System::Rclone, System::Nginx] {
            for system in [System::EcluseMd5, System::EcluseOpaque] {
                let ratio = results.ratio(place(system), place(against));
                let ratio = ratio.map_or_else(|| NOTHING.to_owned(), |ratio| format!("{:.2}", ratio.median));
                write!(text, " {ratio} |").unwrap();
            }
        }
        let azure = results.ratio(place(System::EcluseAzure), place(System::EcluseMd5));
        let azure = azure.map_or_else(|| NOTHING.to_owned(), |ratio| format!("{:.2}", ratio.median));
        writeln!(text, " {azure} |").unwrap();
    }
    text
}

/// Small ones count by the request, large ones by the byte.
fn speed(per_second: f64, workload: &Workload) -> String {
    if workload.moved() >= 512 << 10 {
        format!("{:.0} MB/s", per_second * workload.size as f64 / 1e6)
    } else {
        format!("{per_second:.0} /s")
    }
}

fn latency(results: &Results, tls: bool, workloads: &[&Workload]) -> String {
    let mut text = with_racers("workload", &["arrivals"]);
    for workload in workloads {
        let seen = RACERS.map(|system| results.latency(racing(system, tls, workload.name)));
        let arrivals = seen.iter().flatten().next().map(|latency| latency.per_second);
        let cells = seen.map(quantiles).join(" | ");
        let arrivals = arrivals.map_or_else(|| NOTHING.to_owned(), |arrivals| format!("{arrivals:.0} /s"));
        writeln!(text, "| {} × {} | {cells} | {arrivals} |", workload.name, workload.connections).unwrap();
    }
    text
}

fn quantiles(latency: Option<Latency>) -> String {
    let ms = |us: u64| format!("{:.2}", us as f64 / 1e3);
    match latency {
        None => NOTHING.to_owned(),
        Some(Latency { p50_us, samples, .. }) if samples < ENOUGH => format!("{} / {NOTHING}", ms(p50_us)),
        Some(Latency { p50_us, p99_us, .. }) => format!("{} / {}", ms(p50_us), ms(p99_us)),
    }
}

/// Processor seconds for each GB, or for 10,000 requests that move little; and the peak of memory.
fn cost(results: &Results, tls: bool, workloads: &[&Workload]) -> String {
    let mut text = with_racers("seconds, peak", &["for each"]);
    for workload in workloads {
        let large = workload.moved() >= 512 << 10;
        let cell = |system| {
            let place: Place<&str> = racing(system, tls, workload.name);
            let (seconds, requests, bytes) = results.cost(place)?;
            let moved = if large { bytes as f64 / 1e9 } else { requests as f64 / 1e4 };
            Some(format!("{:.2} s, {} MiB", seconds / moved, results.peak_kib(place)? >> 10))
        };
        let cells = RACERS.map(|system| cell(system).unwrap_or_else(|| NOTHING.to_owned())).join(" | ");
        let each = if large { "GB" } else { "10,000 requests" };
        writeln!(text, "| {} × {} | {cells} | {each} |", workload.name, workload.connections).unwrap();
    }
    text
}

fn behind_table(results: &Results) -> String {
    let mut rows = String::new();
    for workload in ASKED {
        for delay in DELAYS {
            let alone = results.latency(behind(System::Provider, delay, workload));
            let gateway = results.latency(behind(System::EcluseBefore, delay, workload));
            if let (Some(alone), Some(gateway)) = (alone, gateway) {
                let more = (gateway.p50_us as f64 - alone.p50_us as f64) / 1e3;
                let (with, without, rate) = (quantiles(Some(gateway)), quantiles(Some(alone)), alone.per_second);
                writeln!(rows, "| {workload} | {delay} ms | {without} | {with} | {more:+.2} | {rate:.0} /s |").unwrap();
            }
        }
    }
    if rows.is_empty() {
        return rows;
    }
    let columns = ["workload", "added delay", "provider alone", "Écluse before it", "p50 more", "arrivals"];
    format!("\n#### With and without Écluse: p50 / p99, ms\n\n{}{rows}", head(&columns.map(str::to_owned)))
}

fn study_table(results: &Results) -> String {
    let mut rows = String::new();
    for system in STUDENTS {
        let cell = |workload| {
            let rate = results.rate(study::place(system, workload))?;
            let nginx = results.ratio(study::place(System::Nginx, workload), study::place(system, workload));
            let nginx = nginx.map_or_else(|| NOTHING.to_owned(), |ratio| format!("{:.2}×", ratio.median));
            Some(format!("{rate:.0} /s | {nginx}"))
        };
        if let (Some(written), Some(read)) = (cell("study-in"), cell("study-out")) {
            writeln!(rows, "| {} | {written} | {read} |", system.title()).unwrap();
        }
    }
    if rows.is_empty() {
        return rows;
    }
    let columns = ["images of 512 KiB × 16, no TLS", "in", "time / nginx", "out", "time / nginx"].map(str::to_owned);
    format!("\n#### A study\n\n{}{rows}", head(&columns))
}

fn aims_table(results: &Results) -> String {
    let mut text = format!("\n#### Aims\n\n{}", head(&["aim", "bound", "seen", ""].map(str::to_owned)));
    for line in aims::lines(results) {
        let met = if line.met { "met" } else { "**missed**" };
        writeln!(text, "| {} | {} | {} | {met} |", line.what, line.bound, line.seen).unwrap();
    }
    text
}
