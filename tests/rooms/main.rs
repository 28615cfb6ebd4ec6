//! Each room by itself: its promises, held against every implementation, from outside.

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

mod catalog;
mod config;
mod keys;
mod seal;
mod store;
mod store_guard;
