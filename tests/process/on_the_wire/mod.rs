//! The hostile provider on the wire: the real gateway before a provider that answers with anything, in S3's words and in
//! Azure Blob's (`testing/src/provider/hostile.rs`). Each attack names the published break that it is; `tests/gateway/attacks/mod.rs` has the table.
//! What is attacked is read through the S3 front and through the Azure front; `azure.rs` attacks what only Azure's write
//! paths make, and reads it in every way that only Azure has.
//!
//! Whatever is done: every byte that a client receives is right, nothing wrong is a complete success, the incident is
//! counted once and in the log, without a name, and the client's error is the same to the letter (`world.rs`).
//!
//! The large object has 1 GiB; `ECLUSE_HOSTILE_MIB` is the size of the one that real clients read (96).

mod answers;
mod azure;
mod catalog;
mod clones;
mod headers;
mod large;
mod places;
mod world;
