//! Processor time and memory of a process and its children, from `/proc`.

use std::fs;

/// Clock ticks of a second: 100 on Linux, whatever the kernel's own clock.
const TICKS: f64 = 100.0;

/// The process and its children, theirs too.
fn family(id: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    std::iter::once(id).chain(children.flat_map(family)).collect()
}

/// Seconds of user and system time so far.
pub fn cpu_seconds(id: u32) -> f64 {
    let of_one = |id: u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // The name, in brackets, may hold anything; user and system time are the 12th and 13th field after it.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>()
    };
    family(id).into_iter().map(of_one).sum::<f64>() / TICKS
}

/// Forgets the peak of memory.
pub fn reset_peak(id: u32) {
    for id in family(id) {
        fs::write(format!("/proc/{id}/clear_refs"), "5").unwrap();
    }
}

/// The most memory that was resident since [`reset_peak`], in KiB.
pub fn peak_kib(id: u32) -> u64 {
    let of_one = |id: u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak.and_then(|peak| peak.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    family(id).into_iter().map(of_one).sum()
}
