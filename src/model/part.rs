//! Parts, slices and chunks as the catalog and the gateway know them.

use std::fmt;

use super::{ProviderName, TenantId, Timestamp};

/// Identifies a part. 12 random bytes of its [`PartBlock`], then a counter (u32, big endian). Never reused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartId(pub [u8; 16]);

impl fmt::Debug for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartId({})", hex::encode(self.0))
    }
}

impl fmt::Display for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A reserved run of part ids of one tenant. After a crash, the ids of an open block that no part uses
/// are the only ones that may have left chunks at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartBlock {
    /// Whose parts.
    pub tenant: TenantId,
    /// Random, unique among all blocks ever reserved.
    pub prefix: [u8; 12],
    /// How many ids: counters `0..count`.
    pub count: u32,
}

impl PartBlock {
    /// The id at `counter`, if the block has it.
    pub fn id(&self, counter: u32) -> Option<PartId> {
        if counter >= self.count {
            return None;
        }
        let mut id = [0; 16];
        let (head, tail) = id.split_at_mut(12);
        head.copy_from_slice(&self.prefix);
        tail.copy_from_slice(&counter.to_be_bytes());
        Some(PartId(id))
    }
}

/// A name of a chunk at a provider: 40 hex digits (20 bytes), see `docs/format.md` §5.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChunkName(pub [u8; 20]);

impl ChunkName {
    /// Reads `aa/bb…`, exactly as it is written; `None` when it is no chunk's name.
    pub fn parse(text: &str) -> Option<Self> {
        let (head, tail) = text.split_once('/')?;
        let mut bytes = [0; 20];
        let (first, rest) = bytes.split_at_mut(1);
        hex::decode_to_slice(head, first).ok()?;
        hex::decode_to_slice(tail, rest).ok()?;
        let name = Self(bytes);
        (name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for ChunkName {
    /// `aa/bb…`: two digits, a slash, the other 38.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = hex::encode(self.0);
        let (head, tail) = text.split_at(2);
        write!(f, "{head}/{tail}")
    }
}

/// A part key, wrapped under a tenant key. Opaque to everything but the keyring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Version of the tenant key that wraps it.
    pub key_version: u32,
    /// Salt ‖ nonce ‖ ciphertext ‖ tag: 76 bytes.
    pub bytes: Vec<u8>,
}

/// What a tenant key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TenantKeyPurpose {
    /// Wraps part keys.
    Wrap,
    /// Names chunks.
    Name,
}

impl TenantKeyPurpose {
    /// The purpose as it is stored and bound.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wrap => "wrap",
            Self::Name => "name",
        }
    }
}

/// A tenant key, wrapped by the custodian's root key. Opaque to everything but the keyring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedTenantKey {
    /// Whose key.
    pub tenant: TenantId,
    /// What for.
    pub purpose: TenantKeyPurpose,
    /// 1 for the first; rotation adds higher ones.
    pub version: u32,
    /// As the custodian wrapped it.
    pub bytes: Vec<u8>,
}

/// A part: a unit of upload and of keys. Immutable, write-once, never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its id.
    pub id: PartId,
    /// Plaintext length in bytes, at least 1.
    pub length: u64,
    /// Plaintext length with the padding of the last chunk, in bytes: what the chunks' sizes follow from.
    pub padded_length: u64,
    /// Its key.
    pub wrapped_key: WrappedKey,
    /// Which providers hold all of its chunks.
    pub placements: Vec<ProviderName>,
    /// When its chunks were stored, by the system's clock; 0 where that was not written down.
    pub stored: Timestamp,
}

impl Part {
    /// Plaintext bytes of a chunk; the last one of a part may have fewer. See `docs/format.md`.
    pub const CHUNK_BYTES: u64 = 8 * 1024 * 1024;

    /// How many chunks the part has: its chunks are `0..chunks()`.
    pub fn chunks(&self) -> u32 {
        Self::chunks_of(self.padded_length)
    }

    /// How many chunks a part of `padded_length` bytes has.
    pub fn chunks_of(padded_length: u64) -> u32 {
        u32::try_from(padded_length.div_ceil(Self::CHUNK_BYTES)).unwrap_or(u32::MAX)
    }
}

/// A run of bytes of a part, at a place in an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Where the run begins in the object, in bytes.
    pub position: u64,
    /// The part.
    pub part: Part,
    /// Where the run begins in the part, in bytes.
    pub offset: u64,
    /// How many bytes, at least 1.
    pub length: u64,
}
