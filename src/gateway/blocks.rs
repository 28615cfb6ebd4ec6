//! Blocks: each is a part sealed by itself; committing a list of them is one transaction, in which no byte moves.

use super::bodies::Share;
use super::copy::{ATTEMPTS, as_precondition, known_digests, open_for_copy};
use super::fair::Payer;
use super::get::check_conditions;
use super::put::split;
use super::settling::PartTicket;
use super::{Body, CommitBlocks, CopySource, Error, EtagMode, Gateway, ListBlocks, PutBlock, Received, Version};
use crate::catalog::{
    BlockCommit, BlockCursor, BlockLists, BlockPage, Content, MOST_BLOCKS, NewBlock, ObjectRef, PAGE_BLOCKS,
};
use crate::model::{
    Authorized, Block, BlockPick, BucketRef, ByteRange, ChecksumAlgorithm, Lease, Metadata, Principal, Timestamp,
};

/// Most bytes of a block in a list, as it was read and in the answer's text.
const BLOCK_BYTES: u64 = 512;
/// Most bytes of a block. Source: Azure "Put Block", remarks (versions from 2019-12-12 on).
pub const MOST_BLOCK_BYTES: u64 = 4000 * 1024 * 1024;

/// The lists of blocks of an object. It holds the share of the page that is in hand.
pub struct ListedBlocks {
    /// Where each of them begins.
    pub lists: BlockLists,
    payer: Payer,
    _share: Share,
}

impl Gateway {
    /// Stores a block. The body is polled only after bucket and lease were looked at.
    pub async fn put_block(&self, op: Authorized<PutBlock>, body: Body) -> Result<Received, Error> {
        let (principal, op) = self.admit(op)?;
        let bucket = BucketRef { tenant: principal.tenant.clone(), name: op.bucket.clone() };
        self.check_early(&bucket, &op.key, &op.conditions).await?;
        let sealed = self.seal_body(&Payer::of(&principal), body).await?;
        let received = Received::of(sealed.length, sealed.computed);
        let (content, ticket) = split(sealed.part);
        if ticket.is_none() {
            return Err(Error::Invalid("a block has at least one byte"));
        }
        self.keep_block(&principal, bucket, op, content, &received, ticket).await?;
        Ok(received)
    }

    /// Makes a block of bytes of an object. Within a tenant no chunk is read or written: its digests are those that the catalog
    /// knows. `algorithm`: a checksum that is wanted if it is known.
    pub async fn copy_block(
        &self,
        source: Authorized<CopySource>,
        op: Authorized<PutBlock>,
        algorithm: Option<ChecksumAlgorithm>,
    ) -> Result<Received, Error> {
        let (reader, source) = self.admit(source)?;
        if reader.tenant != op.principal().tenant {
            let (_, body) = self.read_source(&reader, source, algorithm).await?;
            if body.length.is_some_and(|length| length > MOST_BLOCK_BYTES) {
                return Err(Error::TooLarge);
            }
            return self.put_block(op, body).await;
        }
        let (principal, op) = self.admit(op)?;
        let bucket = BucketRef { tenant: principal.tenant.clone(), name: op.bucket.clone() };
        self.check_early(&bucket, &op.key, &op.conditions).await?;
        for _ in 0..ATTEMPTS {
            let opened = open_for_copy(self, &reader, &source).await?;
            let range = opened.range.map_err(|outside| Error::RangeNotSatisfiable { length: outside.length })?;
            let Some(range) = range else { return Err(Error::Invalid("a block has at least one byte")) };
            if range.length() > MOST_BLOCK_BYTES {
                return Err(Error::TooLarge);
            }
            let version = opened.version.id;
            let computed = known_digests(&opened.version, Some(range), algorithm);
            let received = Received::of(range.length(), computed);
            let content = Content::Shared { source: version, range };
            match self.keep_block(&principal, bucket.clone(), op.clone(), content, &received, None).await {
                Ok(()) => return Ok(received),
                Err(Error::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Conflict)
    }

    /// Makes a list of blocks, in that order, the object's current version.
    pub async fn commit_blocks(&self, op: Authorized<CommitBlocks>, picks: Vec<BlockPick>) -> Result<Version, Error> {
        let (principal, op) = self.admit(op)?;
        if picks.len() > MOST_BLOCKS {
            return Err(Error::TooManyBlocks);
        }
        let bucket = BucketRef { tenant: principal.tenant.clone(), name: op.bucket };
        let commit = BlockCommit {
            bucket,
            key: op.key,
            picks,
            etag: self.etag_of(None)?,
            tag_of_blocks: self.settings.etag == EtagMode::Md5,
            modified: Timestamp::now(),
            metadata: Metadata { owner: Some(principal.client.clone()), ..op.metadata },
            conditions: op.conditions,
        };
        self.change(Some(&principal), None, |catalog, grace| async move { catalog.commit_blocks(commit, grace).await })
            .await
    }

    /// The blocks of an object, to be read by the page, and the share of memory of a page.
    pub async fn list_blocks(&self, op: Authorized<ListBlocks>) -> Result<ListedBlocks, Error> {
        let (principal, op) = self.admit(op)?;
        let payer = Payer::of(&principal);
        let share = self.budget.take_patiently(&payer, PAGE_BLOCKS as u64 * BLOCK_BYTES).await?;
        let turn = self.turn_to_scan(&payer).await?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        let lists = self.catalog.blocks(&ObjectRef { bucket, key: op.key, which: op.snapshot.into() }).await?;
        drop(turn);
        if let Some(version) = &lists.version {
            if version.metadata.append.is_some() {
                return Err(Error::WrongKind);
            }
            check_conditions(&op.conditions, version).map_err(as_precondition)?;
        } else {
            // Blocks that wait alone have no lease to name.
            Lease::guard_read(None, op.conditions.lease.as_deref(), Timestamp::steady())?;
        }
        Ok(ListedBlocks { lists, payer, _share: share })
    }

    /// A page of one of the lists. [`Error::Conflict`] when the version, or what waited, is gone meanwhile.
    pub async fn more_blocks(&self, listed: &ListedBlocks, cursor: &BlockCursor) -> Result<BlockPage, Error> {
        let _turn = self.turn_to_scan(&listed.payer).await?;
        Ok(self.catalog.more_blocks(cursor).await?)
    }

    async fn keep_block(
        &self,
        principal: &Principal,
        bucket: BucketRef,
        op: PutBlock,
        content: Content,
        received: &Received,
        ticket: Option<PartTicket>,
    ) -> Result<(), Error> {
        let block = NewBlock {
            bucket,
            key: op.key,
            block: Block { id: op.block, length: received.length, md5: received.md5 },
            content,
            conditions: op.conditions,
            uploaded: Timestamp::steady(),
            owner: Some(principal.client.clone()),
        };
        self.change(Some(principal), ticket, |catalog, grace| async move { catalog.put_block(block, grace).await })
            .await
    }

    /// The version that a copy's source is now, and its bytes, to be sealed anew where they cannot be shared, or where claims
    /// about them are to be checked.
    pub async fn source_body(&self, source: Authorized<CopySource>) -> Result<(Version, Body), Error> {
        let (reader, source) = self.admit(source)?;
        self.read_source(&reader, source, None).await
    }

    /// The same, for another tenant, whose keys are others.
    pub(super) async fn read_source(
        &self,
        reader: &Principal,
        source: CopySource,
        algorithm: Option<ChecksumAlgorithm>,
    ) -> Result<(Version, Body), Error> {
        let opened = open_for_copy(self, reader, &source).await?;
        let range = opened.range.map_err(|outside| Error::RangeNotSatisfiable { length: outside.length })?;
        let version = opened.version.clone();
        let stream = self.read_body(&Payer::of(reader), opened, range).await?;
        Ok((version, super::copy::body_of(stream, range.map_or(0, ByteRange::length), algorithm)))
    }
}
