//! The Azure front, spoken to by hand over real sockets: what no well-behaved client sends.
//!
//! Source: "Authorize with Shared Key", "Common REST API error codes", "Blob service error codes", and the page of each
//! operation.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

#[path = "azure_protocol/bodies.rs"]
mod bodies;
#[path = "azure_protocol/changes.rs"]
mod changes;
#[path = "azure_protocol/oversized.rs"]
mod oversized;
#[path = "azure_protocol/permissions.rs"]
mod permissions;
#[path = "azure_protocol/proofs.rs"]
mod proofs;
#[path = "azure_protocol/races.rs"]
mod races;
#[path = "azure_protocol/requests.rs"]
mod requests;
#[path = "azure_protocol/sharing.rs"]
mod sharing;
#[path = "azure_protocol/signatures.rs"]
mod signatures;
#[path = "azure_protocol/sources.rs"]
mod sources;

#[path = "support/azure_wire.rs"]
mod azure_wire;
#[path = "support/azure_world.rs"]
mod azure_world;
#[path = "support/s3_world.rs"]
mod s3_world;
#[path = "support/shared_key.rs"]
mod shared_key;
#[path = "support/sigv4.rs"]
mod sigv4;

use azure_wire::Answer;

/// A refusal: for what the client did, in Azure's words; never a success, and never a fault of ours.
#[track_caller]
fn assert_refused(answer: &Answer, what: &str) {
    let told = format!("{what}: {} {:?} {}", answer.status, answer.headers, answer.text());
    assert!((400..500).contains(&answer.status) || answer.status == 501, "{told}");
    assert!(!answer.code().is_empty() && !answer.header("x-ms-request-id").is_empty(), "{told}");
}
