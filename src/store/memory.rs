//! Chunks in memory: the reference.

/// Chunks in memory.
#[derive(Default)]
pub struct MemoryChunks;
