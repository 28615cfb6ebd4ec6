//! Questions about blocks: parts that clients name, upload in any order, and commit by a list.

use super::{Content, Version};
use crate::model::{Block, BlockPick, BucketRef, Conditions, ETag, Metadata, ObjectKey, Timestamp};

/// Most blocks in a list, and so of a version. Source: Azure "Put Block List".
pub const MOST_BLOCKS: usize = 50_000;
/// Most uncommitted blocks of an object. Source: Azure "Put Block".
pub const MOST_UNCOMMITTED_BLOCKS: usize = 100_000;

/// A block to keep until it is committed or dropped; an earlier uncommitted one of the same name is replaced.
#[derive(Debug, Clone)]
pub struct NewBlock {
    /// Where.
    pub bucket: BucketRef,
    /// Of which object; it need not exist.
    pub key: ObjectKey,
    /// Its name, length and MD5.
    pub block: Block,
    /// Of what: one new part, or bytes of a version. Never empty.
    pub content: Content,
    /// Only the lease counts.
    pub conditions: Conditions,
    /// When it came.
    pub uploaded: Timestamp,
}

/// A list of blocks to commit.
#[derive(Debug, Clone)]
pub struct BlockCommit {
    /// Where.
    pub bucket: BucketRef,
    /// Under which key; the current version is replaced.
    pub key: ObjectKey,
    /// The blocks, in order. A name may come several times. Empty: an object without bytes.
    pub picks: Vec<BlockPick>,
    /// The version's tag; `None`: made of the blocks' MD5s ([`ETag::multipart`]), a block without one counting with its
    /// name's bytes.
    pub etag: Option<ETag>,
    /// When.
    pub modified: Timestamp,
    /// Headers, user metadata, tags.
    pub metadata: Metadata,
    /// Decided against the current version, in the transaction.
    pub conditions: Conditions,
}

impl BlockCommit {
    /// The tag of a version that was committed of these blocks, where the commit names none. One without blocks has the
    /// tag of any empty object.
    pub(super) fn tag_of(blocks: &[Block]) -> ETag {
        if blocks.is_empty() {
            return ETag::of_nothing();
        }
        ETag::of_parts(blocks.iter().map(|block| match &block.md5 {
            Some(md5) => md5.as_slice(),
            None => block.id.as_str().as_bytes(),
        }))
    }
}

/// The blocks of an object.
#[derive(Debug, Clone, Default)]
pub struct BlockLists {
    /// The version that the committed ones are of, if there is one.
    pub version: Option<Version>,
    /// Those of the version, in its order; empty when it was not committed by a list.
    pub committed: Vec<Block>,
    /// Those uploaded since, by name.
    pub uncommitted: Vec<Block>,
}
