//! The store: chunks at providers, over the `object_store` crate.
//!
//! [`ChunkStore`] is the contract; [`ObjectStoreChunks`] keeps it for `azure`, `s3`, `gcs` and `dir`,
//! [`MemoryChunks`] for tests; [`Guarded`] (limit, deadline, retry, breaker, metrics) and [`Faulty`] decorate it. One
//! suite (`testing/src/suites/chunk_store.rs`) holds all of them to it.
//!
//! # Invariants
//! - A provider sees chunk names, sealed bytes and their digest, no other header of ours.
//! - Chunks are write-once. Putting the same chunk again is harmless.
//! - When `put` returns `Ok`, the chunk is durable at the provider.
//! - A provider's failure touches only its own budget and breaker.

mod azure_key;
mod breaker;
mod error;
mod fault;
mod folder;
mod guard;
mod memory;
mod meter;
mod names;
mod object;
mod placement;
mod receipt;
mod root;
mod wire;

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::model::ChunkName;

pub use breaker::BreakerSettings;
pub use error::{Cause, StoreError};
pub use fault::{Call, Fault, FaultPlan, Faulty, When};
pub(crate) use folder::{PIECE_ORIGIN_BYTES, PIECE_UNIT_BYTES};
pub use guard::{GuardSettings, Guarded};
pub use memory::MemoryChunks;
pub use names::{Listed, NamePage};
pub use object::{FolderAccess, ObjectStoreChunks, OpenError, ProviderSpec};
pub use placement::Store;

/// What is known of the attempts behind a put that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempts {
    /// Each was answered.
    Answered,
    /// One ended in doubt: without an answer in time, or on a broken line. It may still arrive, even after the chunk was
    /// deleted.
    InDoubt,
}

/// Sealed bytes on their way from a provider, in order, in pieces of any size.
pub type ChunkStream = BoxStream<'static, Result<Bytes, StoreError>>;

/// What became of a write that must not replace anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is there now, durably and whole.
    Made,
    /// Something was there under this name, and was left as it is. After a call whose answer was lost, or that was tried again,
    /// it may be what this call brought: the caller reads it to know.
    Exists,
}

/// The fence's word that what is at the providers may be deleted now. Whoever deletes needs one.
///
/// In a gateway only `gateway/fence/` gives it, for a moment (`tests/house/consent.rs` looks): it is asked before each deletion.
#[derive(Debug)]
pub struct Consent(());

impl Consent {
    /// Gives it. Whoever calls this says that the provider is the caller's alone.
    pub fn given() -> Self {
        Self(())
    }
}

/// A place for chunks: one provider.
///
/// Every method may be cancelled at any time; a cancelled `put` may or may not have stored the whole chunk, never a
/// part of it under its name.
#[async_trait]
pub trait ChunkStore: Send + Sync + 'static {
    /// Stores a chunk, durably and whole.
    async fn put(&self, name: &ChunkName, sealed: Bytes) -> Result<Attempts, StoreError>;

    /// Stores a chunk, durably and whole, unless something is under that name: of several who try at once, one makes it.
    async fn create(&self, name: &ChunkName, sealed: Bytes) -> Result<Created, StoreError>;

    /// Bytes `range` of a chunk. [`StoreError::NotFound`] when it is not there; a range beyond its end gives what there
    /// is, or an error: the opener decides.
    async fn get(&self, name: &ChunkName, range: Range<u64>) -> Result<ChunkStream, StoreError>;

    /// Deletes a chunk. `Ok` when it was not there.
    async fn delete(&self, name: &ChunkName, consent: &Consent) -> Result<(), StoreError>;

    /// How many bytes the chunk has; `None` when it is not there.
    async fn length(&self, name: &ChunkName) -> Result<Option<u64>, StoreError>;

    /// Whether the chunk is there.
    async fn exists(&self, name: &ChunkName) -> Result<bool, StoreError>;

    /// A page of the names of all that is at the provider, chunks or not; `after`: what the page before said is next. What is
    /// written or deleted meanwhile may be told or not.
    async fn names(&self, after: Option<&str>) -> Result<NamePage, StoreError>;

    /// Whether the provider answers and the credentials serve: a cheap call that changes nothing.
    async fn probe(&self) -> Result<(), StoreError>;

    /// Removes what an earlier process left half written. Called once, when it is certain that the provider is the caller's alone.
    async fn tidy(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Of how many bytes of chunks it takes care at once without being slower for it: a disk of few, a service of any number.
    fn put_bytes_at_once(&self) -> u64 {
        u64::MAX
    }

    /// How often the provider was given up for a while because it failed too often. When it has grown, nobody knows what is there
    /// now under the provider's address.
    fn troubles(&self) -> u64 {
        0
    }
}
