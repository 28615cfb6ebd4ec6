//! Blocks: parts that a client names itself, uploads in any order, and joins by a list of their names.

/// A block's name as the client sent it: base64 of 1 to 64 bytes. Names of one object's uncommitted blocks all decode to
/// the same number of bytes.
///
/// Source: Azure "Put Block", `blockid`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(String);

/// A block of an object, committed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its name.
    pub id: BlockId,
    /// Plaintext length in bytes.
    pub length: u64,
    /// MD5 of its plaintext, where it is known.
    pub md5: Option<[u8; 16]>,
}

/// Where a list of blocks wants a block from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockSource {
    /// Among those of the current version.
    Committed,
    /// Among those that were uploaded since.
    Uncommitted,
    /// Uploaded since if there is one, of the current version otherwise.
    Latest,
}

/// One entry of a list of blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockPick {
    /// Its name.
    pub id: BlockId,
    /// Where from.
    pub source: BlockSource,
}
