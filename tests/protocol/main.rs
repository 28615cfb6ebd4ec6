//! The fronts, spoken to by hand over real sockets, before a gateway in this process.
//!
//! It installs the recorder of metrics once, in `server.rs`; what needs one of its own is in `tests/silence`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod answers;
mod azure;
mod crowds;
mod dawdlers;
mod edges;
mod heads;
mod one_truth;
mod pages;
mod s3;
mod server;
