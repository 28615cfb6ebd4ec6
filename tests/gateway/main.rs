//! The gateway core in process, in no protocol's words: what is acknowledged comes back exactly or as an error, and
//! what is not acknowledged leaves nothing behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod attacks;
mod azure_paths;
mod azure_races;
mod bodies;
mod cancelled;
mod commits;
mod copies;
mod crashed;
mod custody;
mod digests;
mod fairness;
mod fence;
mod found;
mod grants;
mod hostile;
mod late;
mod memory;
mod orphans;
mod pages;
mod pages_of_others;
mod polls;
mod races;
mod revoked;
mod scrub;
mod uploads;
