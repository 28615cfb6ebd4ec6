//! The programs that hospitals use, unmodified: before the gateway its clients, behind it a folder, a real S3 server and Azurite.
//!
//! What is run is installed by `scripts/install-test-tools`. Each test takes a gateway of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod azure;
mod blind;
mod browser;
mod demo;
mod differential;
mod hostile;
mod recipes;
mod s3;
