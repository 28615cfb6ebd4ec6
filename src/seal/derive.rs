//! Keys and names of chunks. `docs/format.md` §3 and §5.

use crate::model::{ChunkName, PartId, TenantId};
use crate::secret::{NamingKey, PartKey};

/// Where a chunk belongs: bound into its key.
#[derive(Debug, Clone, Copy)]
pub struct ChunkPlace<'a> {
    /// Whose.
    pub tenant: &'a TenantId,
    /// The part.
    pub part: PartId,
    /// Which chunk of it, from 0.
    pub index: u32,
}

/// A chunk's AES key and commitment.
pub struct ChunkKey;

impl ChunkKey {
    /// Derives the key of the chunk at `place`.
    pub fn derive(_key: &PartKey, _place: &ChunkPlace<'_>) -> Self {
        Self
    }
}

/// The chunk's name at a provider.
pub fn chunk_name(_key: &NamingKey, _part: PartId, _index: u32) -> ChunkName {
    ChunkName([0; 20])
}
