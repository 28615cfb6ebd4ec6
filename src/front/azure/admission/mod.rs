//! Who asks, for what, and whether they are let in: a request's head taken apart, its caller proven, its operation named.
//!
//! # Invariants
//! - Nothing gets past [`admit`] that is not of a client that is configured now, that its proof does not serve for, or that
//!   asks for what is not implemented.
//! - Nothing here does what is asked: that is what [`super::operations`] are for. Imports go down: `admit` → `ask` → `house`.

pub(super) mod address;
pub(super) mod admit;
pub(super) mod arrival;
pub(super) mod ask;
pub(super) mod auth;
pub(super) mod house;
pub(super) mod routing;
pub(super) mod unsupported;
pub(super) mod versions;
