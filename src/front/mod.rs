//! The fronts: each speaks one protocol and hands what it understood to the gateway.
//!
//! # Invariants
//! - A front parses, authenticates, authorizes, calls the gateway and encodes; it decides nothing else.
//! - What a front does not implement it refuses. Nothing is forwarded.

pub mod s3;
