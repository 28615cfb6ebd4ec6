//! Copies: within a tenant the new version shares the source's parts and no chunk moves. From another tenant, whose keys
//! are others, the bytes are read and sealed anew.

use futures::StreamExt as _;

use super::bodies::{Computed, Digests, Hashers};
use super::fair::Payer;
use super::get::check_conditions;
use super::upload::{ChecksumPlan, check_number};
use super::{
    Body, BodyError, Copied, CopyObject, CopySource, CopyUploadPart, Error, EtagMode, Gateway, MetadataDirective,
    ObjectBody, PutObject, UploadId, UploadPart,
};
use crate::catalog::{Content, NewUploadPart, NewVersion, ObjectRef, OpenedVersion, Select, Version};
use crate::model::{
    Authorized, BucketRef, ByteRange, ChecksumAlgorithm, Conditions, Lease, Metadata, ObjectKey, Principal, Timestamp,
};

/// How often a copy is tried when its source is replaced under its feet.
pub(super) const ATTEMPTS: u32 = 5;

/// Largest part of an upload, in bytes. Source: S3 "Multipart upload limits".
const MOST_PART_BYTES: u64 = 5 << 30;

impl Gateway {
    /// Copies an object within the tenant. Tag and digests are the source's: the content is the same.
    pub async fn copy_object(&self, op: Authorized<CopyObject>) -> Result<Copied, Error> {
        let (principal, op) = self.admit(op)?;
        let source_bucket = BucketRef { tenant: principal.tenant.clone(), name: op.source_bucket };
        let bucket = BucketRef { tenant: principal.tenant.clone(), name: op.bucket };
        self.check_early(&bucket, &op.key, &op.conditions).await?;
        for _ in 0..ATTEMPTS {
            let opened = self.open_source(&source_bucket, &op.source_key, Select::All, &op.source_conditions).await?;
            let source = opened.version.clone();
            let mut metadata = match &op.directive {
                // Kind and tier are Azure's, and so is the record of an earlier copy.
                MetadataDirective::Copy { storage_class, website_redirect } => {
                    let mut metadata = Metadata { append: None, tier: None, copied: None, ..source.metadata.clone() };
                    metadata.system.storage_class = storage_class.clone().filter(|class| class != "STANDARD");
                    metadata.system.website_redirect.clone_from(website_redirect);
                    metadata
                }
                MetadataDirective::Replace(metadata) => (**metadata).clone(),
            };
            metadata.tags.clone_from(op.tags.as_ref().unwrap_or(&source.metadata.tags));
            metadata.owner = Some(principal.client.clone());
            metadata.content_md5 = source.metadata.content_md5;
            metadata.checksums = source.metadata.checksums.clone();
            if let Some(algorithm) = op.checksum
                && !metadata.checksums.iter().any(|c| c.algorithm == algorithm && c.parts.is_none())
            {
                let range = whole(source.length);
                metadata.checksums = self.hash(&Payer::of(&principal), opened, range, Some(algorithm)).await?.checksums;
            }
            let version = NewVersion {
                bucket: bucket.clone(),
                key: op.key.clone(),
                content: shared(&source, whole(source.length)),
                length: source.length,
                etag: source.etag,
                modified: Timestamp::now(),
                metadata,
                conditions: op.conditions.clone(),
                part_lengths: source.part_lengths,
            };
            match self.commit(&principal, version, None).await {
                Ok(version) => {
                    let checksums = version.metadata.checksums;
                    return Ok(Copied { etag: version.etag, modified: version.modified, checksums });
                }
                Err(Error::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Conflict)
    }

    /// Makes a part of an upload from bytes of an object. They are read where the upload announced a checksum and theirs is not
    /// known yet, and otherwise not; no chunk is written. A part whose MD5 is not known has a tag of its own.
    pub async fn copy_upload_part(&self, op: Authorized<CopyUploadPart>) -> Result<Copied, Error> {
        let (principal, op) = self.admit(op)?;
        check_number(op.number)?;
        let source_bucket = BucketRef { tenant: principal.tenant.clone(), name: op.source_bucket };
        let bucket = BucketRef { tenant: principal.tenant.clone(), name: op.bucket };
        let upload = UploadId(op.upload);
        let note = self.catalog.upload(&bucket, &op.key, &upload).await?.checksum;
        let algorithm = ChecksumPlan::parse(note.as_deref()).map(|plan| plan.algorithm);
        let select = op.source_range.map_or(Select::All, Select::Exactly);
        for _ in 0..ATTEMPTS {
            let opened = self.open_source(&source_bucket, &op.source_key, select, &op.source_conditions).await?;
            let range = opened.range.map_err(|outside| Error::RangeNotSatisfiable { length: outside.length })?;
            let length = range.map_or(0, ByteRange::length);
            if length > MOST_PART_BYTES {
                return Err(Error::Invalid("a part is copied from 5 GiB at most"));
            }
            let source = opened.version.clone();
            let computed = self.digests_of(&Payer::of(&principal), opened, range, algorithm).await?;
            let etag = self.etag_of(computed.md5)?;
            let part = UploadPart {
                number: op.number,
                length,
                etag,
                md5: computed.md5,
                modified: Timestamp::now(),
                checksums: computed.checksums,
            };
            let content = shared(&source, range);
            let new = NewUploadPart {
                bucket: bucket.clone(),
                key: op.key.clone(),
                upload: upload.clone(),
                content,
                part: part.clone(),
            };
            match self
                .change(
                    Some(&principal),
                    None,
                    |catalog, grace| async move { catalog.put_upload_part(new, grace).await },
                )
                .await
            {
                Ok(()) => return Ok(Copied { etag: part.etag, modified: part.modified, checksums: part.checksums }),
                Err(Error::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Conflict)
    }

    /// Makes an object of the whole of another, or of a snapshot. `metadata`: what the copy carries, from the source's; all
    /// that belongs to the content comes with it in any case.
    pub async fn copy_from(
        &self,
        source: Authorized<CopySource>,
        op: Authorized<PutObject>,
        metadata: impl Fn(&Version, &Metadata) -> Metadata + Send,
    ) -> Result<Version, Error> {
        let (reader, source) = self.admit(source)?;
        if reader.tenant != op.principal().tenant {
            return self.copy_across(&reader, source, op, metadata).await;
        }
        let (principal, op) = self.admit(op)?;
        let bucket = BucketRef { tenant: principal.tenant.clone(), name: op.bucket };
        for attempt in 0..ATTEMPTS {
            // The source first: a copy of nothing is told as such, whatever the destination is.
            let source = open_for_copy(self, &reader, &source).await?.version;
            if attempt == 0 {
                self.check_early(&bucket, &op.key, &op.conditions).await?;
            }
            let mut carried = metadata(&source, &op.metadata);
            carried.owner = Some(principal.client.clone());
            carried.content_md5 = source.metadata.content_md5;
            carried.checksums.clone_from(&source.metadata.checksums);
            let version = NewVersion {
                bucket: bucket.clone(),
                key: op.key.clone(),
                content: shared(&source, whole(source.length)),
                length: source.length,
                etag: source.etag,
                modified: Timestamp::now(),
                metadata: carried,
                conditions: op.conditions.clone(),
                part_lengths: source.part_lengths,
            };
            match self.commit(&principal, version, None).await {
                Err(Error::Conflict) => {}
                outcome => return outcome,
            }
        }
        Err(Error::Conflict)
    }

    async fn copy_across(
        &self,
        reader: &Principal,
        source: CopySource,
        op: Authorized<PutObject>,
        metadata: impl Fn(&Version, &Metadata) -> Metadata + Send,
    ) -> Result<Version, Error> {
        let opened = open_for_copy(self, reader, &source).await?;
        let carried = metadata(&opened.version, &op.op().metadata);
        let length = opened.version.length;
        let stream = self.read_body(&Payer::of(reader), opened, whole(length)).await?;
        let (principal, op) = self.admit(op)?;
        let op = principal.authorize(PutObject { metadata: carried, ..op }).map_err(|_denied| Error::AccessDenied)?;
        Ok(self.put_object(op, body_of(stream, length, None)).await?.version)
    }

    async fn open_source(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        select: Select,
        conditions: &Conditions,
    ) -> Result<OpenedVersion, Error> {
        checked_source(self.catalog.open(&ObjectRef::current(bucket, key), select).await?, conditions)
    }

    /// Digests of a range of a version. The bytes are read for a checksum that is asked for and that the catalog does not know,
    /// and for nothing else.
    async fn digests_of(
        &self,
        payer: &Payer,
        opened: OpenedVersion,
        range: Option<ByteRange>,
        asked: Option<ChecksumAlgorithm>,
    ) -> Result<Computed, Error> {
        let known = known_digests(&opened.version, range, asked);
        if asked.is_none() || !known.checksums.is_empty() {
            Ok(known)
        } else {
            self.hash(payer, opened, range, asked).await
        }
    }

    async fn hash(
        &self,
        payer: &Payer,
        opened: OpenedVersion,
        range: Option<ByteRange>,
        algorithm: Option<ChecksumAlgorithm>,
    ) -> Result<Computed, Error> {
        let digests = Digests { checksums: algorithm.into_iter().collect(), ..Digests::default() };
        let mut hashers = Hashers::new(&digests, self.settings.etag == EtagMode::Md5);
        let mut body = self.read_body(payer, opened, range).await?;
        while let Some(piece) = body.next().await {
            hashers.update(&piece?);
        }
        Ok(hashers.finish())
    }
}

/// The source of a copy, as of one moment, if its conditions hold.
pub(super) async fn open_for_copy(
    gateway: &Gateway,
    reader: &Principal,
    source: &CopySource,
) -> Result<OpenedVersion, Error> {
    let bucket = BucketRef { tenant: reader.tenant.clone(), name: source.bucket.clone() };
    let object = ObjectRef { bucket, key: source.key.clone(), which: source.snapshot.into() };
    let select = source.range.map_or(Select::All, Select::Exactly);
    let found = gateway.catalog.open(&object, select).await.map_err(|error| match error.into() {
        Error::NoSuchBucket => Error::NoSuchSource { bucket: true },
        Error::NoSuchKey => Error::NoSuchSource { bucket: false },
        error => error,
    })?;
    let opened = checked_source(found, &source.conditions).map_err(|error| match error {
        Error::PreconditionFailed => Error::SourcePreconditionFailed,
        error => error,
    })?;
    opened.version.guard_archive(&source.conditions)?;
    Lease::guard_read(opened.version.lease.as_ref(), source.conditions.lease.as_deref(), Timestamp::steady())?;
    Ok(opened)
}

fn checked_source(opened: OpenedVersion, conditions: &Conditions) -> Result<OpenedVersion, Error> {
    check_conditions(conditions, &opened.version).map_err(as_precondition)?;
    Ok(opened)
}

/// Where a read answers 304, the source of a copy and a list of blocks answer 412.
pub(super) fn as_precondition(error: Error) -> Error {
    match error {
        Error::NotModified { .. } => Error::PreconditionFailed,
        error => error,
    }
}

/// Checked plaintext of our own as a body to seal.
pub(super) fn body_of(stream: ObjectBody, length: u64, algorithm: Option<ChecksumAlgorithm>) -> Body {
    Body {
        length: Some(length),
        stream: stream.map(|piece| piece.map_err(|error| BodyError::Source(Box::new(error)))).boxed(),
        digests: Digests { checksums: algorithm.into_iter().collect(), ..Digests::default() },
        claims: Box::new(|| Ok(Vec::new())),
    }
}

/// What the catalog knows of a range's digests: those of the whole, where the range is the whole.
pub(super) fn known_digests(
    version: &Version,
    range: Option<ByteRange>,
    algorithm: Option<ChecksumAlgorithm>,
) -> Computed {
    if range != whole(version.length) {
        return Computed::known(None, None);
    }
    let metadata = &version.metadata;
    let checksum = metadata.checksums.iter().find(|c| Some(c.algorithm) == algorithm && c.parts.is_none());
    Computed::known(metadata.content_md5, checksum.cloned())
}

fn whole(length: u64) -> Option<ByteRange> {
    (length > 0).then_some(ByteRange { first: 0, end: length })
}

fn shared(source: &Version, range: Option<ByteRange>) -> Content {
    range.map_or(Content::Empty, |range| Content::Shared { source: source.id, range })
}
