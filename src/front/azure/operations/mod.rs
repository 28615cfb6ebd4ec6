//! What each operation does: its particulars read, the gateway called, the answer told.
//!
//! # Invariants
//! - Each takes an [`Ask`](super::admission::ask::Ask): a request that was let in. What the client itself may do, the gateway
//!   checks once more, by the proof that [`may`](super::admission::ask::Ask::may) makes.

pub(super) mod account;
pub(super) mod append;
pub(super) mod batches;
pub(super) mod blocks;
pub(super) mod containers;
pub(super) mod copy;
pub(super) mod cors;
pub(super) mod get;
pub(super) mod lease;
pub(super) mod listing;
pub(super) mod put;
pub(super) mod received;
pub(super) mod revise;
mod source;
pub(super) mod tagging;
