//! Écluse: a gateway that lets a hospital use a foreign cloud without trusting it.
//!
//! Hospital systems speak S3 (later Azure Blob) to it; the provider receives sealed chunks under
//! pseudorandom names and nothing else. `docs/architecture.md` walks through the house.

pub mod app;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod demo;
pub mod front;
pub mod gateway;
pub mod keys;
pub mod model;
pub mod redact;
pub mod seal;
pub mod secret;
pub mod store;
pub mod telemetry;
pub mod text;
