//! The operations: what a front hands to the gateway, and what it gets back.
//!
//! Each request type says what it needs to be allowed ([`Operation`]); a front makes the proof with
//! [`Principal::authorize`](crate::model::Principal::authorize) and passes it to the method of
//! [`Gateway`](super::Gateway) named beside it.

mod blocks;
mod bucket_tags;
mod cors;
mod revisions;

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::stream::BoxStream;

use super::bodies::{Claim, Digests};
use crate::catalog::{BucketPlace, ListExtras, ListStart, Select, UploadPart, Version};
use crate::model::{
    Action, BucketName, ByteRange, ChecksumAlgorithm, Conditions, ETag, Metadata, ObjectKey, Operation, RangeRequest,
    Requirement, Scope, SnapshotId, Tags, Timestamp,
};

pub use blocks::{Append, CommitBlocks, CopySource, ListBlocks, PutBlock, Received};
pub use bucket_tags::{ReadBucketTags, SetBucketTags};
pub use cors::{ReadCors, SetCors};
pub(super) use revisions::FOUND;
pub use revisions::{
    DropBucket, FindByTags, LeaseBucket, LeaseObject, ReadPolicies, RemoveObject, RestoreBucket, RestoreObject,
    ReviseBucket, ReviseObject, SnapshotObject,
};

/// A request's body, as the front decoded it.
pub struct Body {
    /// Length of the decoded body in bytes, where it is known. A body of another length is an error.
    pub length: Option<u64>,
    /// The decoded bytes.
    pub stream: BoxStream<'static, Result<Bytes, BodyError>>,
    /// Digests to compute for the client, beside those that `claims` needs.
    pub digests: Digests,
    /// What the client says the body's digests are; asked once, after the body ended (trailers come last).
    /// Algorithms of late claims must be named in `digests`.
    pub claims: Claims,
}

/// Gives the claims about a body, once it ended. An error when a promised trailer did not come or is malformed.
pub type Claims = Box<dyn FnOnce() -> Result<Vec<Claim>, BodyError> + Send>;

/// Why a body did not arrive whole.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The client went away, or sent less than it announced.
    #[error("the body broke off")]
    Incomplete,
    /// A chunk signature or the payload hash does not fit.
    #[error("the body's signature does not match")]
    Signature,
    /// The framing (aws-chunked, trailers, structured body) is wrong.
    #[error("the body is malformed")]
    Malformed,
    /// The framing has a checksum that is not the content's.
    #[error("a checksum in the body does not match")]
    Checksum,
    /// The client was too slow.
    #[error("the body took too long")]
    Timeout,
    /// The body is an object of our own, as a copy reads it, and that could not be read: not the client's fault.
    #[error(transparent)]
    Source(Box<super::Error>),
}

/// Checked plaintext on its way to a client. An error in it must abort the transfer, never end it cleanly.
pub type ObjectBody = BoxStream<'static, Result<Bytes, super::Error>>;

/// [`Gateway::read_small`](super::Gateway::read_small): what must be allowed before a byte of a body is read that is read
/// whole. What the body says is checked when it is known; this keeps out who could do nothing with it.
#[derive(Debug)]
pub struct ReadSmall {
    /// What its operation needs at least: the action, the bucket, and the key if there is one. `None`: of the account, for
    /// every client.
    pub needs: Option<(Action, BucketName, Option<ObjectKey>)>,
    /// The length that the client announced, in bytes.
    pub announced: Option<u64>,
    /// Longest that the operation takes, in bytes.
    pub most_bytes: u64,
}

impl Operation for ReadSmall {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        let needs = self.needs.iter().map(|(action, bucket, key)| {
            let scope = key.as_ref().map_or(Scope::Bucket, |key| Scope::Key(key.as_str()));
            Requirement { action: *action, bucket, scope }
        });
        needs.collect()
    }
}

/// [`Gateway::list_buckets`](super::Gateway::list_buckets): those that the client may see.
#[derive(Debug, Default)]
pub struct ListBuckets {
    /// Only names that begin so.
    pub prefix: String,
    /// Begin after this place.
    pub after: Option<BucketPlace>,
    /// At most so many; `None`: as many as an answer may hold.
    pub limit: Option<usize>,
    /// Whether they carry their metadata.
    pub with_user_metadata: bool,
    /// Whether those that were deleted and can be had back are listed, too.
    pub gone: bool,
}

/// [`Gateway::create_bucket`](super::Gateway::create_bucket).
#[derive(Debug)]
pub struct CreateBucket {
    /// Its name.
    pub bucket: BucketName,
    /// User metadata: lower-case name → value.
    pub user: BTreeMap<String, String>,
}

/// [`Gateway::head_bucket`](super::Gateway::head_bucket).
#[derive(Debug)]
pub struct HeadBucket {
    /// Its name.
    pub bucket: BucketName,
}

/// [`Gateway::read_bucket`](super::Gateway::read_bucket): the bucket with its metadata.
#[derive(Debug)]
pub struct ReadBucket {
    /// Its name.
    pub bucket: BucketName,
}

/// [`Gateway::delete_bucket`](super::Gateway::delete_bucket).
#[derive(Debug)]
pub struct DeleteBucket {
    /// Its name.
    pub bucket: BucketName,
}

/// [`Gateway::put_object`](super::Gateway::put_object); the body is an argument of its own.
#[derive(Debug)]
pub struct PutObject {
    /// Where.
    pub bucket: BucketName,
    /// Under which key.
    pub key: ObjectKey,
    /// Headers and user metadata; digests and checksums are filled in by the gateway.
    pub metadata: Metadata,
    /// Conditions on the current version.
    pub conditions: Conditions,
}

/// What was stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The version (for a part of an upload: no version, see its method).
    pub version: Version,
}

/// [`Gateway::get_object`](super::Gateway::get_object).
#[derive(Debug)]
pub struct GetObject {
    /// Where.
    pub bucket: BucketName,
    /// Which.
    pub key: ObjectKey,
    /// Which snapshot; `None`: the current version.
    pub snapshot: Option<SnapshotId>,
    /// Which bytes.
    pub select: Select,
    /// Conditions on the current version.
    pub conditions: Conditions,
    /// `If-Range`: the range counts only while the version has this tag; otherwise the whole object.
    pub if_range: Option<IfRange>,
}

/// `If-Range` (RFC 9110 §13.1.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfRange {
    /// A strong tag: of the content, or of the state.
    ETag(ETag),
    /// No strong validator: a weak tag, or a date. Two versions may be of one second, so a date cannot tell that the client's
    /// bytes are of the version that is there now (RFC 9110 §8.8.2.2): the range never counts.
    Weak,
}

/// An object on its way out.
pub struct GotObject {
    /// The version.
    pub version: Version,
    /// The range served; `None`: the whole object.
    pub range: Option<ByteRange>,
    /// Its bytes.
    pub body: ObjectBody,
}

/// [`Gateway::head_object`](super::Gateway::head_object): gives the version and the range that a GET would serve.
#[derive(Debug)]
pub struct HeadObject {
    /// Where.
    pub bucket: BucketName,
    /// Which.
    pub key: ObjectKey,
    /// Which snapshot; `None`: the current version.
    pub snapshot: Option<SnapshotId>,
    /// Which bytes a GET would be asked for.
    pub select: Select,
    /// Conditions on the current version.
    pub conditions: Conditions,
}

/// [`Gateway::delete_object`](super::Gateway::delete_object): deleting what is not there succeeds.
#[derive(Debug)]
pub struct DeleteObject {
    /// Where.
    pub bucket: BucketName,
    /// Which.
    pub key: ObjectKey,
    /// Conditions on the current version.
    pub conditions: Conditions,
}

/// What a copy does with metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataDirective {
    /// The source's, but for these two, which each object has for itself.
    Copy {
        /// The storage class; `None`: `STANDARD`.
        storage_class: Option<String>,
        /// Where the object redirects to.
        website_redirect: Option<String>,
    },
    /// These instead; tags are apart.
    Replace(Box<Metadata>),
}

/// [`Gateway::copy_object`](super::Gateway::copy_object).
#[derive(Debug)]
pub struct CopyObject {
    /// From where.
    pub source_bucket: BucketName,
    /// Which object.
    pub source_key: ObjectKey,
    /// Conditions on the source.
    pub source_conditions: Conditions,
    /// To where.
    pub bucket: BucketName,
    /// Under which key.
    pub key: ObjectKey,
    /// Metadata of the copy.
    pub directive: MetadataDirective,
    /// Its tags; `None`: the source's.
    pub tags: Option<Tags>,
    /// Conditions on the destination's current version.
    pub conditions: Conditions,
    /// A checksum that the client wants of the copy. When the source has it not, the content is read to compute it.
    pub checksum: Option<ChecksumAlgorithm>,
}

/// What was copied.
#[derive(Debug, Clone)]
pub struct Copied {
    /// The new version, or for a part its tag and time.
    pub etag: ETag,
    /// When.
    pub modified: Timestamp,
    /// Its checksums.
    pub checksums: Vec<crate::model::Checksum>,
}

/// [`Gateway::list_objects`](super::Gateway::list_objects).
#[derive(Debug)]
pub struct ListObjects {
    /// Of which bucket.
    pub bucket: BucketName,
    /// Only names that begin so.
    pub prefix: String,
    /// Rolled up to the first occurrence of this after the prefix.
    pub delimiter: Option<String>,
    /// Where to begin.
    pub start: ListStart,
    /// At most so many entries.
    pub limit: usize,
    /// Whether entries carry metadata.
    pub with_metadata: bool,
    /// Whether that has what users named.
    pub with_user_metadata: bool,
    /// What is shown beside current versions.
    pub extras: ListExtras,
}

/// [`Gateway::create_upload`](super::Gateway::create_upload).
#[derive(Debug)]
pub struct CreateUpload {
    /// Where.
    pub bucket: BucketName,
    /// Under which key.
    pub key: ObjectKey,
    /// What the version will carry.
    pub metadata: Metadata,
    /// The front's own note about checksums (`CRC64NVME/FULL_OBJECT`), given back with the upload.
    pub checksum: Option<String>,
}

/// [`Gateway::put_upload_part`](super::Gateway::put_upload_part); the body is an argument of its own.
#[derive(Debug)]
pub struct PutUploadPart {
    /// Where.
    pub bucket: BucketName,
    /// The upload's key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: String,
    /// 1 to 10,000.
    pub number: u32,
}

/// [`Gateway::copy_upload_part`](super::Gateway::copy_upload_part).
#[derive(Debug)]
pub struct CopyUploadPart {
    /// From where.
    pub source_bucket: BucketName,
    /// Which object.
    pub source_key: ObjectKey,
    /// Which bytes; `None`: all.
    pub source_range: Option<RangeRequest>,
    /// Conditions on the source.
    pub source_conditions: Conditions,
    /// To where.
    pub bucket: BucketName,
    /// The upload's key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: String,
    /// 1 to 10,000.
    pub number: u32,
}

/// [`Gateway::complete_upload`](super::Gateway::complete_upload).
#[derive(Debug)]
pub struct CompleteUpload {
    /// Where.
    pub bucket: BucketName,
    /// The upload's key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: String,
    /// Part numbers, ascending, each with the tag that the client believes it has.
    pub parts: Vec<(u32, ETag)>,
    /// Checksums of the whole that the client claims; checked where they can be derived from the parts'.
    pub claims: Vec<crate::model::Checksum>,
    /// Conditions on the current version.
    pub conditions: Conditions,
    /// The length that the client believes the object has.
    pub length: Option<u64>,
}

/// [`Gateway::abort_upload`](super::Gateway::abort_upload).
#[derive(Debug)]
pub struct AbortUpload {
    /// Where.
    pub bucket: BucketName,
    /// The upload's key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: String,
}

/// [`Gateway::list_upload_parts`](super::Gateway::list_upload_parts).
#[derive(Debug)]
pub struct ListUploadParts {
    /// Where.
    pub bucket: BucketName,
    /// The upload's key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: String,
    /// Parts with higher numbers only.
    pub after: u32,
    /// At most so many.
    pub limit: usize,
}

/// A page of an upload's parts.
#[derive(Debug, Clone)]
pub struct UploadPartsPage {
    /// The upload.
    pub upload: crate::catalog::Upload,
    /// Its parts.
    pub parts: Vec<UploadPart>,
    /// Whether there are more.
    pub truncated: bool,
}

/// [`Gateway::list_uploads`](super::Gateway::list_uploads).
#[derive(Debug)]
pub struct ListUploads {
    /// Of which bucket.
    pub bucket: BucketName,
    /// Only keys that begin so.
    pub prefix: String,
    /// Rolled up to the first occurrence of this after the prefix.
    pub delimiter: Option<String>,
    /// Begin after this key, or after that upload of it.
    pub after: Option<(String, Option<String>)>,
    /// At most so many.
    pub limit: usize,
}

impl Operation for ListBuckets {
    /// In no bucket of its own: the answer holds only what the client may see.
    fn requirements(&self) -> Vec<Requirement<'_>> {
        Vec::new()
    }

    fn somewhere(&self) -> &'static [Action] {
        &[Action::List]
    }
}

macro_rules! needs {
    ($($operation:ty => |$op:ident| [$($action:ident $bucket:expr, $scope:expr);+ $(;)?]),+ $(,)?) => {$(
        impl Operation for $operation {
            fn requirements(&self) -> Vec<Requirement<'_>> {
                let $op = self;
                vec![$(Requirement { action: Action::$action, bucket: &$bucket, scope: $scope }),+]
            }
        }
    )+};
}

needs! {
    CreateBucket => |op| [Admin op.bucket, Scope::Bucket],
    HeadBucket => |op| [List op.bucket, Scope::Bucket],
    ReadBucket => |op| [List op.bucket, Scope::Bucket; Read op.bucket, Scope::Bucket],
    DeleteBucket => |op| [Admin op.bucket, Scope::Bucket],
    GetObject => |op| [Read op.bucket, Scope::Key(op.key.as_str())],
    HeadObject => |op| [Read op.bucket, Scope::Key(op.key.as_str())],
    ListObjects => |op| [List op.bucket, Scope::Prefix(&op.prefix)],
    CreateUpload => |op| [Write op.bucket, Scope::Key(op.key.as_str())],
    PutUploadPart => |op| [Write op.bucket, Scope::Key(op.key.as_str())],
    CopyUploadPart => |op| [
        Read op.source_bucket, Scope::Key(op.source_key.as_str());
        Write op.bucket, Scope::Key(op.key.as_str());
    ],
    AbortUpload => |op| [Write op.bucket, Scope::Key(op.key.as_str())],
    ListUploads => |op| [List op.bucket, Scope::Prefix(&op.prefix)],
}

impl Operation for ListUploadParts {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        let scope = Scope::Key(self.key.as_str());
        vec![Requirement { action: Action::Write, bucket: &self.bucket, scope }]
    }

    fn writes(&self) -> bool {
        false
    }
}

/// What a change of a key needs. Conditions that name tags tell whether a content is there that the client guessed:
/// that takes the right to read it. Source: S3 "Conditional requests", permissions of `If-Match`.
pub(super) fn change<'a>(
    action: Action,
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    conditions: &Conditions,
) -> Vec<Requirement<'a>> {
    let scope = Scope::Key(key.as_str());
    let mut needed = vec![Requirement { action, bucket, scope }];
    if conditions.name_tags() || conditions.if_tags.is_some() {
        needed.push(Requirement { action: Action::Read, bucket, scope });
    }
    needed
}

impl Operation for PutObject {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        change(Action::Write, &self.bucket, &self.key, &self.conditions)
    }
}

impl Operation for DeleteObject {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        change(Action::Delete, &self.bucket, &self.key, &self.conditions)
    }
}

impl Operation for CompleteUpload {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        change(Action::Write, &self.bucket, &self.key, &self.conditions)
    }
}

impl Operation for CopyObject {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        let mut needed = change(Action::Write, &self.bucket, &self.key, &self.conditions);
        let scope = Scope::Key(self.source_key.as_str());
        needed.push(Requirement { action: Action::Read, bucket: &self.source_bucket, scope });
        needed
    }
}
