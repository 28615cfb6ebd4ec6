//! Uploads in parts, as the catalog is told of them and tells of them.

use super::{Content, UploadId, Version};
use crate::model::{BucketRef, Checksum, Conditions, ETag, Metadata, ObjectKey, Timestamp};

/// An upload in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// The key it will commit.
    pub key: ObjectKey,
    /// When it began.
    pub created: Timestamp,
    /// What the version will carry.
    pub metadata: Metadata,
    /// Checksum algorithm and type that the client announced, as the front wrote them. Opaque here.
    pub checksum: Option<String>,
}

/// An upload to create.
#[derive(Debug, Clone)]
pub struct NewUpload {
    /// Where.
    pub bucket: BucketRef,
    /// What it will be.
    pub upload: Upload,
}

/// A part of an upload, as the client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPart {
    /// 1 to 10,000.
    pub number: u32,
    /// Plaintext length in bytes.
    pub length: u64,
    /// Its tag.
    pub etag: ETag,
    /// MD5 of its plaintext, where it is known.
    pub md5: Option<[u8; 16]>,
    /// When it was committed.
    pub modified: Timestamp,
    /// Checksums that came with it.
    pub checksums: Vec<Checksum>,
}

/// A part of an upload to commit; an earlier one under the same number is replaced.
#[derive(Debug, Clone)]
pub struct NewUploadPart {
    /// Where.
    pub bucket: BucketRef,
    /// The upload's key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
    /// Of what.
    pub content: Content,
    /// What the client sees of it.
    pub part: UploadPart,
}

/// An upload to complete.
#[derive(Debug, Clone)]
pub struct Completion {
    /// Where.
    pub bucket: BucketRef,
    /// The upload's key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
    /// The parts to use, in order, each with the tag it must still have. Parts left out are dropped.
    pub parts: Vec<(u32, ETag)>,
    /// The version's tag.
    pub etag: ETag,
    /// When.
    pub modified: Timestamp,
    /// The version's metadata (the upload's, with what completing adds).
    pub metadata: Metadata,
    /// Decided against the current version, in the transaction.
    pub conditions: Conditions,
}

/// What a completion did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// The version it committed.
    pub version: Version,
    /// Whether an earlier, equal request had committed it already.
    pub repeated: bool,
}
