//! Chunks in anything that `object_store` reaches.

/// How to reach a provider.
pub enum ProviderSpec {}
/// Chunks over `object_store`.
pub struct ObjectStoreChunks;
