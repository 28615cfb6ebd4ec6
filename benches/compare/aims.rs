//! What is aimed at, and what was reached.

use crate::results::{Ratio, Results, behind, racing};
use crate::study;
use crate::systems::System;

/// One line of the table of aims.
pub struct Line {
    pub what: String,
    pub bound: String,
    pub seen: String,
    pub met: bool,
}

/// A workload on which one system is to be so many times as fast as another.
struct Faster {
    workload: &'static str,
    system: System,
    against: System,
    at_least: f64,
}

const fn faster(workload: &'static str, system: System, against: System, at_least: f64) -> Faster {
    Faster { workload, system, against, at_least }
}

const MD5: System = System::EcluseMd5;
const OPAQUE: System = System::EcluseOpaque;
const RCLONE: System = System::Rclone;
const NGINX: System = System::Nginx;

const FASTER: [Faster; 12] = [
    faster("get-1m", MD5, RCLONE, 3.0),
    faster("get-64m", MD5, RCLONE, 3.0),
    faster("get-1m", MD5, NGINX, 0.6),
    faster("get-64m", MD5, NGINX, 0.6),
    faster("get-4k", MD5, RCLONE, 2.0),
    faster("put-64m", OPAQUE, RCLONE, 4.0),
    faster("put-64m", MD5, RCLONE, 2.0),
    faster("put-1m", MD5, RCLONE, 2.0),
    faster("put-512k", MD5, RCLONE, 1.5),
    faster("put-4k", MD5, RCLONE, 1.5),
    faster("head", MD5, RCLONE, 5.0),
    faster("list", MD5, RCLONE, 5.0),
];
/// Through Azure Blob, no more than a tenth slower than through S3: both workloads, of Azure and of S3.
const AZURE: [(&str, &str); 9] = [
    ("put-4k", "put-4k"),
    ("put-512k", "put-512k"),
    ("put-1m", "put-1m"),
    ("put-64m", "put-64m"),
    ("blocks-64m", "put-64m"),
    ("get-4k", "get-4k"),
    ("get-512k", "get-512k"),
    ("get-1m", "get-1m"),
    ("get-64m", "get-64m"),
];
const AZURE_AT_LEAST: f64 = 0.9;
/// What the gateway may add to a small GET.
const ADDED_MS: f64 = 1.0;
/// A study through the gateway takes no longer than so many times what the provider alone takes.
const STUDY: f64 = 1.3;

/// All aims of which there are figures.
pub fn lines(results: &Results) -> Vec<Line> {
    let race = [false, true].into_iter().flat_map(|tls| FASTER.iter().filter_map(move |aim| race(results, aim, tls)));
    let saved = ["list", "head"].into_iter().filter_map(|workload| saved(results, workload));
    let studies = ["study-in", "study-out"].into_iter().filter_map(|workload| study(results, workload));
    let azure = [false, true].into_iter().flat_map(|tls| AZURE.iter().filter_map(move |aim| azure(results, aim, tls)));
    race.chain(azure).chain(saved).chain(added(results)).chain(studies).collect()
}

fn race(results: &Results, aim: &Faster, tls: bool) -> Option<Line> {
    let Faster { workload, system, against, at_least } = *aim;
    let ratio = results.ratio(racing(system, tls, workload), racing(against, tls, workload))?;
    let protection = if tls { "TLS" } else { "no TLS" };
    Some(Line {
        what: format!("{workload}, {protection}: {} / {}", system.title(), against.title()),
        bound: format!("≥ {at_least}×"),
        seen: shown(ratio),
        met: ratio.median >= at_least,
    })
}

fn azure(results: &Results, (azure, s3): &(&str, &str), tls: bool) -> Option<Line> {
    let ratio = results.ratio(racing(System::EcluseAzure, tls, azure), racing(MD5, tls, s3))?;
    let protection = if tls { "TLS" } else { "no TLS" };
    Some(Line {
        what: format!("{azure}, {protection}: through Azure Blob / {s3} through S3"),
        bound: format!("≥ {AZURE_AT_LEAST}×"),
        seen: shown(ratio),
        met: ratio.median >= AZURE_AT_LEAST,
    })
}

fn saved(results: &Results, workload: &str) -> Option<Line> {
    let alone = results.latency(behind(System::Provider, 10, workload))?.p50_us as f64 / 1e3;
    let gateway = results.latency(behind(System::EcluseBefore, 10, workload))?.p50_us as f64 / 1e3;
    Some(Line {
        what: format!("{workload}, provider 10 ms away: p50 with Écluse"),
        bound: format!("< {alone:.2} ms (without)"),
        seen: format!("{gateway:.2} ms"),
        met: gateway < alone,
    })
}

fn added(results: &Results) -> Option<Line> {
    let alone = results.latency(behind(System::Provider, 0, "get-4k"))?.p50_us as f64 / 1e3;
    let gateway = results.latency(behind(System::EcluseBefore, 0, "get-4k"))?.p50_us as f64 / 1e3;
    Some(Line {
        what: "get-4k: p50 added by Écluse".to_owned(),
        bound: format!("≤ {ADDED_MS} ms"),
        seen: format!("{:.2} ms", gateway - alone),
        met: gateway - alone <= ADDED_MS,
    })
}

/// Times, not rates: the provider's rate over the gateway's.
fn study(results: &Results, workload: &'static str) -> Option<Line> {
    let place = |system| study::place(system, workload);
    let ratio = results.ratio(place(System::Provider), place(System::EcluseBefore))?;
    Some(Line {
        what: format!("{workload}: time with Écluse / provider alone"),
        bound: format!("≤ {STUDY}×"),
        seen: shown(ratio),
        met: ratio.median <= STUDY,
    })
}

/// The median, and the lowest and highest round.
pub fn shown(ratio: Ratio) -> String {
    format!("{:.2}× ({:.2} to {:.2})", ratio.median, ratio.low, ratio.high)
}
