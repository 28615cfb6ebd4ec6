//! The Azure front, spoken to by hand over real sockets: what no well-behaved client sends.
//!
//! Source: "Authorize with Shared Key", "Common REST API error codes", "Blob service error codes", and the page of each
//! operation.

mod answers;
mod bodies;
mod changes;
mod cors;
mod hidden;
mod oversized;
mod permissions;
mod proofs;
mod quotas;
mod races;
mod requests;
mod sharing;
mod signatures;
mod sources;

use testing::azure::wire::Answer;

/// A refusal: for what the client did, in Azure's words; never a success, and never a fault of ours.
#[track_caller]
fn assert_refused(answer: &Answer, what: &str) {
    let told = format!("{what}: {} {:?} {}", answer.status, answer.headers, answer.text());
    assert!((400..500).contains(&answer.status) || answer.status == 501, "{told}");
    assert!(!answer.code().is_empty() && !answer.header("x-ms-request-id").is_empty(), "{told}");
}
