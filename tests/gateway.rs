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

#[path = "support/gateway_core.rs"]
mod support;

#[path = "gateway/azure_paths.rs"]
mod azure_paths;
#[path = "gateway/azure_races.rs"]
mod azure_races;
#[path = "gateway/bodies.rs"]
mod bodies;
#[path = "gateway/cancelled.rs"]
mod cancelled;
#[path = "gateway/commits.rs"]
mod commits;
#[path = "gateway/copies.rs"]
mod copies;
#[path = "gateway/crashed.rs"]
mod crashed;
#[path = "gateway/custody.rs"]
mod custody;
#[path = "gateway/digests.rs"]
mod digests;
#[path = "gateway/fairness.rs"]
mod fairness;
#[path = "gateway/grants.rs"]
mod grants;
#[path = "gateway/hostile.rs"]
mod hostile;
#[path = "gateway/memory.rs"]
mod memory;
#[path = "gateway/polls.rs"]
mod polls;
#[path = "gateway/races.rs"]
mod races;
#[path = "gateway/uploads.rs"]
mod uploads;
