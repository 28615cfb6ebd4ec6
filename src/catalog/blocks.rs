//! Questions about blocks: parts that clients name, upload in any order, and commit by a list.

use super::{Content, ObjectRef, Version, VersionId};
use crate::model::{Block, BlockId, BlockPick, BucketRef, ClientId, Conditions, ETag, Metadata, ObjectKey, Timestamp};

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
    /// Whose quota the blocks under the name count against, if this is the first of them; `None`: nobody's.
    pub owner: Option<ClientId>,
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
    /// The version's tag, which no other version has; unless it is made of the blocks.
    pub etag: ETag,
    /// Whether the tag is made of the blocks' MD5s ([`ETag::of_parts`]), where each has one.
    pub tag_of_blocks: bool,
    /// When.
    pub modified: Timestamp,
    /// Headers, user metadata, tags.
    pub metadata: Metadata,
    /// Decided against the current version, in the transaction.
    pub conditions: Conditions,
}

impl BlockCommit {
    /// The tag of the version that is committed of these blocks. One without blocks has the tag of any empty object. A block
    /// whose MD5 nobody knows says nothing of its bytes, so what it is part of has a tag of its own.
    pub(super) fn tag(&self, blocks: &[Block]) -> ETag {
        if !self.tag_of_blocks {
            return self.etag.clone();
        }
        if blocks.is_empty() {
            return ETag::of_nothing();
        }
        let digests: Option<Vec<&[u8]>> =
            blocks.iter().map(|block| block.md5.as_ref().map(<[u8; 16]>::as_slice)).collect();
        digests.map_or_else(|| self.etag.clone(), |digests| ETag::of_parts(digests.into_iter()))
    }
}

/// The blocks of an object. Each list is read by the page ([`Catalog::more_blocks`](super::Catalog::more_blocks)).
#[derive(Debug, Clone, Default)]
pub struct BlockLists {
    /// The version that the committed ones are of, if there is one.
    pub version: Option<Version>,
    /// Those of the version, in its order; `None` when it was not committed by a list.
    pub committed: Option<BlockCursor>,
    /// Those uploaded since, by name; `None` when there are none.
    pub uncommitted: Option<BlockCursor>,
}

/// How far a list of blocks was read.
#[derive(Debug, Clone)]
pub struct BlockCursor {
    pub(super) object: ObjectRef,
    pub(super) place: BlockPlace,
}

/// Where in a list.
#[derive(Debug, Clone)]
pub(super) enum BlockPlace {
    /// In that of a version: how much of the list was read, and how many bytes of the object it is.
    Committed { version: VersionId, from: u64, position: u64 },
    /// In the set of those that wait: after which name.
    Uncommitted { set: i64, after: Option<BlockId> },
}

/// A page of a list of blocks.
#[derive(Debug, Clone)]
pub struct BlockPage {
    /// At most [`PAGE_BLOCKS`].
    pub blocks: Vec<Block>,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<BlockCursor>,
}

/// Most blocks of a page.
pub const PAGE_BLOCKS: usize = 1_000;
