//! The real binary, from outside: operated, killed, starved, and before providers that fail or lie.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod crash;
mod fence;
mod flips;
mod model;
mod on_the_wire;
mod operating;
mod points;
mod trouble;
