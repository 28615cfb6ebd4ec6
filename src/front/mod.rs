//! The fronts: protocols towards clients and operators, and what they share.
//!
//! [`server`] is the one accept loop of every listener; [`tls`] its certificates; [`admin`] the listener of the
//! operator.
//!
//! # Invariants
//! - A response body that fails aborts its transfer; it never ends it cleanly (P2).
//! - Plain HTTP is a matter of the configuration, which allows it on loopback listeners only.

pub mod admin;
pub mod server;
pub mod tls;
