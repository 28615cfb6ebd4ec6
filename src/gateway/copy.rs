//! Copies within a tenant: the new version shares the source's parts, no chunk moves.

use futures::StreamExt as _;

use super::digest::{Computed, Digests, Hashers};
use super::get::check_conditions;
use super::own_task::in_own_task;
use super::upload::{ChecksumPlan, check_number};
use super::{Copied, CopyObject, CopyUploadPart, Error, EtagMode, Gateway, MetadataDirective, UploadId, UploadPart};
use crate::catalog::{Content, NewUploadPart, NewVersion, OpenedVersion, Select, Version};
use crate::model::{Authorized, BucketRef, ByteRange, ChecksumAlgorithm, Conditions, ObjectKey, Timestamp};

/// How often a copy is tried when its source is replaced under its feet.
const ATTEMPTS: u32 = 5;

impl Gateway {
    /// Copies an object within the tenant. Tag and digests are the source's: the content is the same.
    pub async fn copy_object(&self, op: Authorized<CopyObject>) -> Result<Copied, Error> {
        let (principal, op) = self.admit(op)?;
        let source_bucket = BucketRef { tenant: principal.tenant.clone(), name: op.source_bucket };
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        self.check_early(&bucket, &op.key, &op.conditions).await?;
        for _ in 0..ATTEMPTS {
            let opened = self.open_source(&source_bucket, &op.source_key, Select::All, &op.source_conditions).await?;
            let source = opened.version.clone();
            let mut metadata = match &op.directive {
                MetadataDirective::Copy => source.metadata.clone(),
                MetadataDirective::Replace(metadata) => (**metadata).clone(),
            };
            metadata.content_md5 = source.metadata.content_md5;
            metadata.checksums = source.metadata.checksums.clone();
            if let Some(algorithm) = op.checksum
                && !metadata.checksums.iter().any(|c| c.algorithm == algorithm && c.parts.is_none())
            {
                let range = whole(source.length);
                metadata.checksums = self.hash(&bucket, opened, range, Some(algorithm)).await?.checksums;
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
            match self.commit(version, None).await {
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

    /// Makes a part of an upload from bytes of an object. The bytes are read where their MD5 or the upload's checksum
    /// is not known yet; no chunk is written.
    pub async fn copy_upload_part(&self, op: Authorized<CopyUploadPart>) -> Result<Copied, Error> {
        let (principal, op) = self.admit(op)?;
        check_number(op.number)?;
        let source_bucket = BucketRef { tenant: principal.tenant.clone(), name: op.source_bucket };
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        let upload = UploadId(op.upload);
        let note = self.catalog.upload(&bucket, &op.key, &upload).await?.checksum;
        let algorithm = ChecksumPlan::parse(note.as_deref()).map(|plan| plan.algorithm);
        let select = op.source_range.map_or(Select::All, Select::Range);
        for _ in 0..ATTEMPTS {
            let opened = self.open_source(&source_bucket, &op.source_key, select, &op.source_conditions).await?;
            let range = opened.range.map_err(|outside| Error::RangeNotSatisfiable { length: outside.length })?;
            let source = opened.version.clone();
            let computed = self.digests_of(&bucket, opened, range, algorithm).await?;
            let etag = self.etag_of(computed.md5)?;
            let part = UploadPart {
                number: op.number,
                length: range.map_or(0, ByteRange::length),
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
            let catalog = std::sync::Arc::clone(&self.catalog);
            let grace_until = Timestamp::steady().plus(self.settings.grace);
            let outcome =
                in_own_task(async move { catalog.put_upload_part(new, grace_until).await.map_err(Error::from) });
            match outcome.await {
                Ok(()) => return Ok(Copied { etag: part.etag, modified: part.modified, checksums: part.checksums }),
                Err(Error::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Conflict)
    }

    async fn open_source(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        select: Select,
        conditions: &Conditions,
    ) -> Result<OpenedVersion, Error> {
        let opened = self.catalog.open(bucket, key, select).await?;
        match check_conditions(conditions, &opened.version) {
            // The source of a copy answers 412 where a read would answer 304.
            Err(Error::NotModified { .. }) => Err(Error::PreconditionFailed),
            other => other.map(|()| opened),
        }
    }

    /// Digests of a range of a version: from the catalog where it knows them, otherwise by reading.
    async fn digests_of(
        &self,
        bucket: &BucketRef,
        opened: OpenedVersion,
        range: Option<ByteRange>,
        algorithm: Option<ChecksumAlgorithm>,
    ) -> Result<Computed, Error> {
        let all = range == whole(opened.version.length);
        let metadata = &opened.version.metadata;
        let known = metadata.checksums.iter().find(|c| Some(c.algorithm) == algorithm && c.parts.is_none());
        let needs_md5 = self.settings.etag == EtagMode::Md5;
        if all && (metadata.content_md5.is_some() || !needs_md5) && (known.is_some() || algorithm.is_none()) {
            return Ok(Computed::known(metadata.content_md5, known.cloned()));
        }
        self.hash(bucket, opened, range, algorithm).await
    }

    async fn hash(
        &self,
        bucket: &BucketRef,
        opened: OpenedVersion,
        range: Option<ByteRange>,
        algorithm: Option<ChecksumAlgorithm>,
    ) -> Result<Computed, Error> {
        let digests = Digests { checksums: algorithm.into_iter().collect(), ..Digests::default() };
        let mut hashers = Hashers::new(&digests, self.settings.etag == EtagMode::Md5);
        let mut body = self.read_body(&bucket.tenant, &opened.version, opened.slices, range).await?;
        while let Some(piece) = body.next().await {
            hashers.update(&piece?);
        }
        Ok(hashers.finish())
    }
}

fn whole(length: u64) -> Option<ByteRange> {
    (length > 0).then_some(ByteRange { first: 0, end: length })
}

fn shared(source: &Version, range: Option<ByteRange>) -> Content {
    range.map_or(Content::Empty, |range| Content::Shared { source: source.id, range })
}
