//! Both fronts at the edges of every number, range, token and date: some 30,000 requests, a minute of what the fuzz target
//! `requests` does for hours. `ECLUSE_EDGES` changes the number of inputs, `ECLUSE_EDGES_SEED` repeats a run.

use testing::edges::Edges;
use testing::noise::{content, number, seed};

/// How many inputs of some ten requests each; `ECLUSE_EDGES` says otherwise.
const INPUTS: usize = 2_500;
/// How much more memory the second half of a run may take than the first: allocators keep some.
const FLAT_KIB: u64 = 200 * 1024;

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_known_clients_ask_is_answered_and_never_with_a_fault_of_ours() {
    let (seed, inputs) = (seed("ECLUSE_EDGES_SEED"), number("ECLUSE_EDGES", INPUTS) as u64);
    println!("ECLUSE_EDGES_SEED={seed} ECLUSE_EDGES={inputs}");
    let mut edges = Edges::start().await;
    let mut half = 0;
    for index in 0..inputs {
        let input = content(seed.wrapping_add(index.wrapping_mul(0x1000_0001)), 700);
        if let Err(wrong) = edges.run(&input).await {
            panic!("input {index} of ECLUSE_EDGES_SEED={seed}: {wrong}");
        }
        if index == inputs / 2 {
            half = resident_kib();
        }
    }
    let counts = edges.counts;
    println!("{counts:?}; resident: {half} KiB at half, {} KiB at the end", resident_kib());
    // Otherwise it asks for nothing that there is.
    assert!(counts.successes * 10 > counts.requests, "{counts:?}");
    assert!(counts.refusals * 10 > counts.requests, "{counts:?}");
    assert!(resident_kib() < half + FLAT_KIB, "memory grows: {half} KiB at half, {} KiB at the end", resident_kib());
}
