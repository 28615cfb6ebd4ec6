//! The fronts: protocols towards clients and operators, and what they share.
//!
//! [`server`] is the one accept loop of every listener; [`tls`] its certificates; [`s3`] speaks S3, [`azure`] Azure Blob;
//! [`admin`] is the listener of the operator.
//!
//! # Invariants
//! - A front parses, authenticates, authorizes, calls the gateway and encodes; it decides nothing else.
//! - What a front does not implement it refuses. Nothing is forwarded.
//! - A response body that fails aborts its transfer; it never ends it cleanly (P2).
//! - Plain HTTP is a matter of the configuration, which allows it on loopback listeners only.

pub mod admin;
pub mod azure;
mod cors;
mod encoded_words;
mod exchange;
mod http_date;
mod reply;
pub mod s3;
pub mod server;
pub mod tls;
mod token;
mod xml;

pub use reply::Outgoing;
pub use token::parse_start;
