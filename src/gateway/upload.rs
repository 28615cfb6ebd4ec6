//! Uploads in parts: each part is sealed by itself; completing is one transaction.

use std::collections::HashMap;

use super::bodies::combine;
use super::fair::Payer;
use super::put::split;
use super::{
    AbortUpload, Body, CompleteUpload, CreateUpload, Error, Gateway, PutUploadPart, Upload, UploadId, UploadPart,
    Version,
};
use crate::catalog::{CatalogError, Completion, NewUpload, NewUploadPart, ObjectRef, Refusal};
use crate::model::{
    Authorized, BucketRef, Checksum, ChecksumAlgorithm, ETag, Metadata, ObjectKey, Principal, Timestamp,
};

/// Highest part number, and most parts of an upload. Source: S3 "Multipart upload limits".
const MAX_PARTS: u32 = 10_000;

/// What an upload's client said about checksums when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChecksumPlan {
    pub(super) algorithm: ChecksumAlgorithm,
    /// S3 COMPOSITE; otherwise FULL_OBJECT.
    pub(super) composite: bool,
}

impl ChecksumPlan {
    /// Reads a note of the form `CRC32/COMPOSITE`.
    pub(super) fn parse(note: Option<&str>) -> Option<Self> {
        let (algorithm, kind) = note?.split_once('/')?;
        Some(Self { algorithm: ChecksumAlgorithm::parse(algorithm)?, composite: kind == "COMPOSITE" })
    }
}

impl Gateway {
    /// Begins an upload.
    pub async fn create_upload(&self, op: Authorized<CreateUpload>) -> Result<Upload, Error> {
        let (principal, op) = self.admit(op)?;
        let mut id = [0; 16];
        crate::secret::fill_random(&mut id).map_err(|cause| Error::Keys(cause.into()))?;
        let upload = Upload {
            id: UploadId(hex::encode(id)),
            key: op.key,
            created: Timestamp::now(),
            metadata: Metadata { owner: Some(principal.client.clone()), ..op.metadata },
            checksum: op.checksum,
        };
        let bucket = BucketRef { tenant: principal.tenant.clone(), name: op.bucket };
        let _turn = self.turn_to_write(&Payer::of(&principal)).await?;
        self.catalog.create_upload(NewUpload { bucket, upload: upload.clone() }).await?;
        Ok(upload)
    }

    /// Stores a part of an upload. The body is polled only after the upload was found.
    pub async fn put_upload_part(&self, op: Authorized<PutUploadPart>, mut body: Body) -> Result<UploadPart, Error> {
        let (principal, op) = self.admit(op)?;
        check_number(op.number)?;
        let bucket = BucketRef { tenant: principal.tenant.clone(), name: op.bucket };
        let id = UploadId(op.upload);
        let upload = self.catalog.upload(&bucket, &op.key, &id).await?;
        if let Some(plan) = ChecksumPlan::parse(upload.checksum.as_deref())
            && !body.digests.checksums.contains(&plan.algorithm)
        {
            body.digests.checksums.push(plan.algorithm);
        }
        let sealed = self.seal_body(&Payer::of(&principal), body).await?;
        let part = UploadPart {
            number: op.number,
            length: sealed.length,
            etag: sealed.etag,
            md5: sealed.computed.md5,
            modified: Timestamp::now(),
            checksums: sealed.computed.checksums,
        };
        let (content, ticket) = split(sealed.part);
        let new = NewUploadPart { bucket, key: op.key, upload: id, content, part: part.clone() };
        self.change(
            Some(&principal),
            ticket,
            |catalog, grace| async move { catalog.put_upload_part(new, grace).await },
        )
        .await?;
        Ok(part)
    }

    /// Turns an upload's parts into an object. Repeating a completion that succeeded succeeds.
    pub async fn complete_upload(&self, op: Authorized<CompleteUpload>) -> Result<Version, Error> {
        let (principal, op) = self.admit(op)?;
        let bucket = BucketRef { tenant: principal.tenant.clone(), name: op.bucket };
        let id = UploadId(op.upload);
        if op.parts.is_empty() {
            return Err(Error::Invalid("a completion names at least one part"));
        }
        if !op.parts.is_sorted_by(|(before, _), (after, _)| before < after) {
            return Err(Error::InvalidPartOrder);
        }
        let (upload, stored) = match self.catalog.upload(&bucket, &op.key, &id).await {
            Ok(upload) => {
                let limit = MAX_PARTS as usize;
                // Given back before the turn to write is waited for.
                let _turn = self.turn_to_scan(&Payer::of(&principal)).await?;
                (upload, self.catalog.upload_parts(&bucket, &op.key, &id, 0, limit).await?)
            }
            Err(CatalogError::Refused(Refusal::NoSuchUpload)) => {
                return self.repeat_completion(&principal, bucket, op.key, id, op.parts).await;
            }
            Err(error) => return Err(error.into()),
        };
        let chosen = self.choose(&op.parts, stored)?;
        let length: u64 = chosen.iter().map(|part| part.length).sum();
        if op.length.is_some_and(|claimed| claimed != length) {
            return Err(Error::Invalid("the object's length is not what the completion says"));
        }
        let mut metadata = upload.metadata;
        let plan = ChecksumPlan::parse(upload.checksum.as_deref());
        metadata.checksums = plan.and_then(|plan| whole_checksum(plan, &chosen)).into_iter().collect();
        for claim in &op.claims {
            if !metadata.checksums.iter().any(|c| c.algorithm == claim.algorithm && c.value == claim.value) {
                return Err(Error::DigestMismatch { which: claim.algorithm.as_str() });
            }
        }
        let completion = Completion {
            bucket,
            key: op.key,
            upload: id,
            parts: op.parts,
            etag: whole_etag(&chosen),
            modified: Timestamp::now(),
            metadata,
            conditions: op.conditions,
        };
        let done = self.change(Some(&principal), None, |catalog, grace| async move {
            catalog.complete_upload(completion, grace).await
        });
        Ok(done.await?.version)
    }

    /// Drops an upload and its parts.
    pub async fn abort_upload(&self, op: Authorized<AbortUpload>) -> Result<(), Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_write(&Payer::of(&principal)).await?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        Ok(self.catalog.abort_upload(&bucket, &op.key, &UploadId(op.upload), self.grace_until()).await?)
    }

    /// A client that did not hear the answer asks again: the catalog knows whether its version is current.
    async fn repeat_completion(
        &self,
        principal: &Principal,
        bucket: BucketRef,
        key: ObjectKey,
        upload: UploadId,
        parts: Vec<(u32, ETag)>,
    ) -> Result<Version, Error> {
        let current = match self.catalog.head(&ObjectRef::current(&bucket, &key)).await {
            Err(CatalogError::Refused(Refusal::NoSuchKey)) => return Err(Error::NoSuchUpload),
            current => current?,
        };
        let completion = Completion {
            bucket,
            key,
            upload,
            parts,
            etag: current.etag,
            modified: Timestamp::now(),
            metadata: current.metadata,
            conditions: crate::model::Conditions::default(),
        };
        let repeated = self.change(Some(principal), None, |catalog, grace| async move {
            catalog.complete_upload(completion, grace).await
        });
        Ok(repeated.await?.version)
    }

    /// The parts that a completion names, each with the tag it names, all but the last large enough.
    fn choose(&self, wanted: &[(u32, ETag)], stored: Vec<UploadPart>) -> Result<Vec<UploadPart>, Error> {
        let mut by_number: HashMap<u32, UploadPart> = stored.into_iter().map(|part| (part.number, part)).collect();
        let mut chosen = Vec::with_capacity(wanted.len());
        for (number, etag) in wanted {
            let part = by_number.remove(number).filter(|part| part.etag == *etag).ok_or(Error::InvalidPart)?;
            chosen.push(part);
        }
        let all_but_last = chosen.len().saturating_sub(1);
        if chosen.iter().take(all_but_last).any(|part| part.length < self.settings.min_part_bytes) {
            return Err(Error::PartTooSmall);
        }
        Ok(chosen)
    }
}

pub(super) fn check_number(number: u32) -> Result<(), Error> {
    if (1..=MAX_PARTS).contains(&number) {
        return Ok(());
    }
    Err(Error::Invalid("a part number is between 1 and 10000"))
}

/// S3's tag of a multipart object: the MD5 of its parts' MD5s. A part whose MD5 was not computed counts with its tag.
fn whole_etag(parts: &[UploadPart]) -> ETag {
    ETag::of_parts(parts.iter().map(|part| match &part.md5 {
        Some(digest) => digest.as_slice(),
        None => part.etag.as_str().as_bytes(),
    }))
}

fn whole_checksum(plan: ChecksumPlan, parts: &[UploadPart]) -> Option<Checksum> {
    let mut values = Vec::with_capacity(parts.len());
    for part in parts {
        let checksum = part.checksums.iter().find(|c| c.algorithm == plan.algorithm)?;
        values.push((checksum.value.as_slice(), part.length));
    }
    combine(plan.algorithm, plan.composite, &values)
}

#[cfg(test)]
mod tests {
    use md5::{Digest as _, Md5};

    use super::*;

    #[test]
    fn a_checksum_note_is_read_in_both_forms() {
        let plan = ChecksumPlan::parse(Some("CRC64NVME/FULL_OBJECT")).unwrap();
        assert_eq!(plan, ChecksumPlan { algorithm: ChecksumAlgorithm::Crc64Nvme, composite: false });
        assert!(ChecksumPlan::parse(Some("SHA256/COMPOSITE")).unwrap().composite);
        assert_eq!(ChecksumPlan::parse(Some("MD4/COMPOSITE")), None);
        assert_eq!(ChecksumPlan::parse(None), None);
    }

    #[test]
    fn the_tag_of_a_multipart_object_is_the_md5_of_its_parts_md5s() {
        let part = |number, md5: [u8; 16]| UploadPart {
            number,
            length: 1,
            etag: ETag::md5(md5),
            md5: Some(md5),
            modified: Timestamp(0),
            checksums: Vec::new(),
        };
        // md5(16 zero bytes ‖ 16 × 0x01), by coreutils' md5sum.
        let etag = whole_etag(&[part(1, [0; 16]), part(2, [1; 16])]);
        let expected = hex::encode(Md5::digest([[0_u8; 16], [1; 16]].concat()));
        assert_eq!(etag.as_str(), format!("{expected}-2"));
    }
}
