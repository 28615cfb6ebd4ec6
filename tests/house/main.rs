//! The house as it stands in the repository: what the source imports, how long its files are, what the documents name. It
//! builds nothing of the house and ends in a second.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod architecture;
mod consent;
mod docs;
mod programs;
mod rust_paths;
mod turns;
