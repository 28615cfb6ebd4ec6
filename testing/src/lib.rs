//! What the tests of Écluse share: gateways to try, clients made by hand, providers that misbehave, and the suites that
//! every implementation of a trait must pass. A library of its own, so that it is compiled once and not for each test program.
//!
//! # Invariants
//! - Only `tests/` and `benches/` use it: `src/` never does, and the unit tests there neither, because to them the crate
//!   `ecluse` of this library is another one.
//! - It keeps no state of the process: two tests of one program do not meet here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::new_without_default,
    clippy::should_implement_trait,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    missing_docs,
    reason = "it is part of tests, and fails as they do"
)]

/// The Azure front, asked by hand.
pub mod azure;
/// A client that takes all that it can get, and polite ones beside it.
pub mod beside;
pub mod certificates;
pub mod client;
/// The gateway and Azurite, asked the same.
pub mod compared;
pub mod edges;
pub mod forge;
pub mod in_process;
pub mod invariants;
pub mod issuer;
pub mod load;
pub mod memory_image;
pub mod names;
pub mod needles;
pub mod noise;
pub mod notes;
pub mod process;
/// What stands behind a gateway, friendly and hostile.
pub mod provider;
/// The S3 front, asked by hand.
pub mod s3;
/// What every implementation of a trait promises.
pub mod suites;
pub mod told;
pub mod tools;
pub mod tours;
pub mod workload;
