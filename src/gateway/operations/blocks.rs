//! Operations on blocks and on objects that grow, as Azure has them.

use crate::gateway::bodies::Computed;
use crate::gateway::operations::change;
use crate::model::{
    Action, BlockId, BucketName, Checksum, Conditions, Metadata, ObjectKey, Operation, RangeRequest, Requirement,
    Scope, SnapshotId,
};

/// [`Gateway::put_block`](crate::gateway::Gateway::put_block); the body is an argument of its own.
#[derive(Debug, Clone)]
pub struct PutBlock {
    /// Where.
    pub bucket: BucketName,
    /// Of which object; it need not exist.
    pub key: ObjectKey,
    /// Its name.
    pub block: BlockId,
    /// Only the lease counts.
    pub conditions: Conditions,
}

/// What came in, and is sealed.
#[derive(Debug, Clone)]
pub struct Received {
    /// Plaintext length in bytes.
    pub length: u64,
    /// MD5 of the plaintext, where it was computed.
    pub md5: Option<[u8; 16]>,
    /// The checksums that were asked for.
    pub checksums: Vec<Checksum>,
}

impl Received {
    /// So many bytes, and their digests.
    pub(in crate::gateway) fn of(length: u64, computed: Computed) -> Self {
        Self { length, md5: computed.md5, checksums: computed.checksums }
    }
}

/// The source of a copy: whoever asks must be allowed to read it, by credentials of its own where the copy's address
/// brings some.
#[derive(Debug)]
pub struct CopySource {
    /// From where.
    pub bucket: BucketName,
    /// Which object.
    pub key: ObjectKey,
    /// Which snapshot of it.
    pub snapshot: Option<SnapshotId>,
    /// Which bytes; `None`: all.
    pub range: Option<RangeRequest>,
    /// Conditions on it.
    pub conditions: Conditions,
}

/// [`Gateway::commit_blocks`](crate::gateway::Gateway::commit_blocks); the list is an argument of its own.
#[derive(Debug)]
pub struct CommitBlocks {
    /// Where.
    pub bucket: BucketName,
    /// Under which key.
    pub key: ObjectKey,
    /// What the version will carry.
    pub metadata: Metadata,
    /// Conditions on the current version.
    pub conditions: Conditions,
}

/// [`Gateway::list_blocks`](crate::gateway::Gateway::list_blocks).
#[derive(Debug)]
pub struct ListBlocks {
    /// Where.
    pub bucket: BucketName,
    /// Of which object.
    pub key: ObjectKey,
    /// Of which snapshot.
    pub snapshot: Option<SnapshotId>,
    /// Conditions on the current version, if there is one.
    pub conditions: Conditions,
}

/// [`Gateway::append`](crate::gateway::Gateway::append); the body is an argument of its own.
#[derive(Debug)]
pub struct Append {
    /// Where.
    pub bucket: BucketName,
    /// To which object.
    pub key: ObjectKey,
    /// The length that it must have before, in bytes.
    pub position: Option<u64>,
    /// The length that it may have after, in bytes.
    pub most_bytes: Option<u64>,
    /// Conditions on the current version.
    pub conditions: Conditions,
}

impl Operation for PutBlock {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        change(Action::Write, &self.bucket, &self.key, &self.conditions)
    }
}

impl Operation for CopySource {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        vec![Requirement { action: Action::Read, bucket: &self.bucket, scope: Scope::Key(self.key.as_str()) }]
    }
}

impl Operation for CommitBlocks {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        change(Action::Write, &self.bucket, &self.key, &self.conditions)
    }
}

impl Operation for ListBlocks {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        vec![Requirement { action: Action::Read, bucket: &self.bucket, scope: Scope::Key(self.key.as_str()) }]
    }
}

impl Operation for Append {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        change(Action::Write, &self.bucket, &self.key, &self.conditions)
    }
}
