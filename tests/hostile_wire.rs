//! The hostile provider on the wire: the real gateway before a provider that answers with anything, in S3's words and in
//! Azure Blob's (`support/hostile.rs`). Each attack names the published break that it is; `tests/attacks.rs` has the table.
//! What is attacked is read through the S3 front and through the Azure front; `azure.rs` attacks what only Azure's write
//! paths make, and reads it in every way that only Azure has.
//!
//! Whatever is done: every byte that a client receives is right, nothing wrong is a complete success, the incident is
//! counted once and in the log, without a name, and the client's error is the same to the letter (`world.rs`).
//!
//! The large object has 1 GiB; `ECLUSE_HOSTILE_MIB` is the size of the one that real clients read (96).

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

mod support {
    pub mod azure_asking;
    pub mod certificates;
    pub mod client;
    pub mod forge;
    pub mod gateway;
    pub mod hostile;
    pub mod noise;
    pub mod shared_key;
    pub mod told;
    pub mod tools;
}

#[path = "on_the_wire/answers.rs"]
mod answers;
#[path = "on_the_wire/azure.rs"]
mod azure;
#[path = "on_the_wire/catalog.rs"]
mod catalog;
#[path = "on_the_wire/clones.rs"]
mod clones;
#[path = "on_the_wire/headers.rs"]
mod headers;
#[path = "on_the_wire/large.rs"]
mod large;
#[path = "on_the_wire/places.rs"]
mod places;
#[path = "on_the_wire/world.rs"]
mod world;
