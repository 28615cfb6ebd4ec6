//! Multipart uploads: create, part, complete, abort, and the two lists.

use s3s::dto::{
    self, AbortMultipartUploadInput, AbortMultipartUploadOutput, CommonPrefix, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput, CreateMultipartUploadOutput, Initiator,
    ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput, MultipartUpload,
    ServerSideEncryption, StorageClass, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Request, S3Response, S3Result};

use super::access::Caller;
use super::errors::invalid;
use super::listing::{Encoding, limit};
use super::{buckets, checksums, conditions, headers, put, xml};
use crate::gateway::{
    AbortUpload, CompleteUpload, CreateUpload, Error, Gateway, ListUploadParts, ListUploads, PutUploadPart, UploadPart,
};
use crate::model::{BucketName, Checksum, ChecksumAlgorithm, ETag, ObjectKey};

/// Most parts or uploads in a page, and in S3 the highest part number.
const PAGE: i32 = 1000;
const MAX_PARTS: i32 = 10_000;

/// CreateMultipartUpload. The upload's note is `ALGORITHM/TYPE`, where the client named an algorithm.
pub(super) async fn create(
    gateway: &Gateway,
    mut req: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let caller = Caller::of(&req)?;
    let note = note(checksums::named(&req.headers)?, req.input.checksum_type.as_ref().map(dto::ChecksumType::as_str))?;
    let op = CreateUpload {
        bucket: put::bucket(&req.input.bucket)?,
        key: carried(&req.input.key)?,
        metadata: headers::metadata(&req.headers, req.input.metadata.take())?,
        checksum: note,
    };
    let op = caller.may(op)?;
    let upload = gateway.create_upload(op).await.map_err(|error| caller.error(error))?;
    let (checksum_algorithm, checksum_type) = split_note(upload.checksum.as_deref());
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(req.input.bucket),
        key: Some(req.input.key),
        upload_id: Some(upload.id.0),
        checksum_algorithm,
        checksum_type,
        server_side_encryption: Some(sealed()),
        ..CreateMultipartUploadOutput::default()
    }))
}

/// UploadPart.
pub(super) async fn part(
    gateway: &Gateway,
    mut req: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    let caller = Caller::of(&req)?;
    let op = PutUploadPart {
        bucket: put::bucket(&req.input.bucket)?,
        key: put::key(&req.input.key)?,
        upload: req.input.upload_id.clone(),
        number: number(req.input.part_number)?,
    };
    let op = caller.may(op)?;
    let body = put::receive(gateway, &caller, &req.headers, req.input.body.take()).await?;
    let part = gateway.put_upload_part(op, body).await.map_err(|error| caller.error(error))?;
    let shown = show(&part);
    Ok(S3Response::new(UploadPartOutput {
        e_tag: shown.e_tag,
        checksum_crc32: shown.checksum_crc32,
        checksum_crc32c: shown.checksum_crc32c,
        checksum_crc64nvme: shown.checksum_crc64nvme,
        checksum_sha1: shown.checksum_sha1,
        checksum_sha256: shown.checksum_sha256,
        server_side_encryption: Some(sealed()),
        ..UploadPartOutput::default()
    }))
}

/// CompleteMultipartUpload: one transaction, so the answer waits for it and needs no keep-alive.
pub(super) async fn complete(
    gateway: &Gateway,
    req: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let caller = Caller::of(&req)?;
    let input = req.input;
    let listed = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    if listed.is_empty() || listed.len() > MAX_PARTS.unsigned_abs() as usize {
        return Err(malformed());
    }
    let bucket = put::bucket(&input.bucket)?;
    let key = carried(&input.key)?;
    let mut parts = Vec::with_capacity(listed.len());
    for part in &listed {
        let tag = part.e_tag.as_ref().ok_or_else(malformed)?;
        let tag = ETag::parse(tag.value()).ok_or_else(|| caller.error(Error::InvalidPart))?;
        parts.push((number(part.part_number.ok_or_else(malformed)?)?, tag));
    }
    if listed.iter().any(|part| !claimed(part).is_empty()) {
        check_parts(gateway, &caller, &bucket, &key, &input.upload_id, &listed).await?;
    }
    let length = match input.mpu_object_size.map(u64::try_from) {
        None => None,
        Some(Ok(length)) => Some(length),
        Some(Err(_negative)) => return Err(invalid("InvalidArgument", "x-amz-mp-object-size is negative.")),
    };
    let op = CompleteUpload {
        bucket,
        key,
        upload: input.upload_id,
        parts,
        claims: checksums::from_headers(&req.headers)?.into_iter().collect(),
        conditions: conditions::for_write(&req.headers),
        length,
    };
    let op = caller.may(op)?;
    let version = gateway.complete_upload(op).await.map_err(|error| caller.error(error))?;
    let mut output = CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, xml::url_encode(&input.key))),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(headers::dto_etag(&version.etag)),
        server_side_encryption: Some(sealed()),
        ..CompleteMultipartUploadOutput::default()
    };
    checksums::show!(&version.metadata.checksums, output);
    output.checksum_type = checksums::kind_of(&version.metadata.checksums);
    Ok(S3Response::new(output))
}

/// AbortMultipartUpload.
pub(super) async fn abort(
    gateway: &Gateway,
    req: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let caller = Caller::of(&req)?;
    let op = AbortUpload {
        bucket: put::bucket(&req.input.bucket)?,
        key: put::key(&req.input.key)?,
        upload: req.input.upload_id,
    };
    let op = caller.may(op)?;
    gateway.abort_upload(op).await.map_err(|error| caller.error(error))?;
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}

/// ListParts.
pub(super) async fn list_parts(
    gateway: &Gateway,
    req: S3Request<ListPartsInput>,
) -> S3Result<S3Response<ListPartsOutput>> {
    let caller = Caller::of(&req)?;
    let input = req.input;
    let limit = limit(input.max_parts, PAGE)?;
    let marker = input.part_number_marker.unwrap_or(0);
    let after = u32::try_from(marker).unwrap_or(0);
    let op = ListUploadParts {
        bucket: put::bucket(&input.bucket)?,
        key: carried(&input.key)?,
        upload: input.upload_id.clone(),
        after,
        limit,
    };
    let op = caller.may(op)?;
    let (page, share) = gateway.list_upload_parts(op).await.map_err(|error| caller.error(error))?;
    caller.context.hold(share);
    let last = page.parts.last().map_or(after, |part| part.number);
    let (checksum_algorithm, checksum_type) = split_note(page.upload.checksum.as_deref());
    let owner = buckets::owner(&caller.principal);
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        part_number_marker: Some(marker),
        next_part_number_marker: i32::try_from(last).ok(),
        max_parts: i32::try_from(limit).ok(),
        is_truncated: Some(page.truncated),
        parts: Some(page.parts.iter().map(show).collect()),
        storage_class: Some(class(page.upload.metadata.system.storage_class)),
        initiator: Some(Initiator { display_name: owner.display_name.clone(), id: owner.id.clone() }),
        owner: Some(owner),
        checksum_algorithm,
        checksum_type,
        ..ListPartsOutput::default()
    }))
}

/// ListMultipartUploads.
pub(super) async fn list_uploads(
    gateway: &Gateway,
    req: S3Request<ListMultipartUploadsInput>,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    let caller = Caller::of(&req)?;
    let input = req.input;
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let limit = limit(input.max_uploads, PAGE)?;
    let prefix = input.prefix.unwrap_or_default();
    let delimiter = input.delimiter.filter(|text| !text.is_empty());
    let key_marker = input.key_marker.unwrap_or_default();
    // Without a key marker the id marker is ignored. Source: S3 `ListMultipartUploads`.
    let id_marker = input.upload_id_marker.filter(|id| !id.is_empty() && !key_marker.is_empty());
    let op = ListUploads {
        bucket: put::bucket(&input.bucket)?,
        prefix: prefix.clone(),
        delimiter: delimiter.clone(),
        after: (!key_marker.is_empty()).then(|| (key_marker.clone(), id_marker.clone())),
        limit,
    };
    let op = caller.may(op)?;
    let (page, share) = gateway.list_uploads(op).await.map_err(|error| caller.error(error))?;
    caller.context.hold(share);
    let owner = buckets::owner(&caller.principal);
    let mut uploads = Vec::with_capacity(page.uploads.len());
    for upload in page.uploads {
        let (checksum_algorithm, checksum_type) = split_note(upload.checksum.as_deref());
        uploads.push(MultipartUpload {
            key: Some(encoding.show(upload.key.as_str())?),
            upload_id: Some(upload.id.0),
            initiated: Some(headers::dto_time(upload.created)),
            storage_class: Some(class(upload.metadata.system.storage_class)),
            initiator: Some(Initiator { display_name: owner.display_name.clone(), id: owner.id.clone() }),
            owner: Some(owner.clone()),
            checksum_algorithm,
            checksum_type,
        });
    }
    let mut prefixes = Vec::with_capacity(page.prefixes.len());
    for text in page.prefixes {
        prefixes.push(CommonPrefix { prefix: Some(encoding.show(&text)?) });
    }
    let truncated = page.next.is_some();
    let (next_key, next_id) = page.next.map_or((None, None), |(key, id)| (Some(key), id));
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: Some(encoding.show(&prefix)?),
        delimiter: delimiter.map(|text| encoding.show(&text)).transpose()?,
        key_marker: Some(encoding.show(&key_marker)?),
        upload_id_marker: Some(id_marker.unwrap_or_default()),
        next_key_marker: next_key.map(|text| encoding.show(&text)).transpose()?,
        next_upload_id_marker: next_id,
        max_uploads: i32::try_from(limit).ok(),
        is_truncated: Some(truncated),
        uploads: Some(uploads),
        common_prefixes: Some(prefixes),
        encoding_type: encoding.shown(),
        ..ListMultipartUploadsOutput::default()
    }))
}

/// A part's number: 1 to 10,000.
pub(super) fn number(number: i32) -> S3Result<u32> {
    match number {
        1..=MAX_PARTS => Ok(number.unsigned_abs()),
        _ => Err(invalid("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")),
    }
}

/// Holds the checksums that a completion names for its parts against those that came with the parts.
async fn check_parts(
    gateway: &Gateway,
    caller: &Caller,
    bucket: &BucketName,
    key: &ObjectKey,
    upload: &str,
    listed: &[CompletedPart],
) -> S3Result<()> {
    let mut known: Vec<UploadPart> = Vec::new();
    loop {
        let op = ListUploadParts {
            bucket: bucket.clone(),
            key: key.clone(),
            upload: upload.to_owned(),
            after: known.last().map_or(0, |part| part.number),
            limit: 1000,
        };
        match gateway.list_upload_parts(caller.may(op)?).await {
            Ok((page, _share)) => {
                let more = page.truncated && !page.parts.is_empty();
                known.extend(page.parts);
                if !more {
                    break;
                }
            }
            // Completed before: repeating a completion is decided by the completion itself.
            Err(Error::NoSuchUpload) => return Ok(()),
            Err(error) => return Err(caller.error(error)),
        }
    }
    for part in listed {
        let wanted = part.part_number.and_then(|number| u32::try_from(number).ok());
        let Ok(found) = known.binary_search_by_key(&wanted, |part| Some(part.number)) else { continue };
        let Some(stored) = known.get(found) else { continue };
        for (algorithm, text) in claimed(part) {
            let claim = checksums::decode(algorithm, text).ok_or_else(checksums::malformed)?;
            let differs = |has: &Checksum| has.algorithm == algorithm && has.value != claim.value;
            if stored.checksums.iter().any(differs) {
                return Err(caller.error(Error::InvalidPart));
            }
        }
    }
    Ok(())
}

/// The checksums that a completion names for a part.
fn claimed(part: &CompletedPart) -> Vec<(ChecksumAlgorithm, &str)> {
    [
        (ChecksumAlgorithm::Crc32, &part.checksum_crc32),
        (ChecksumAlgorithm::Crc32c, &part.checksum_crc32c),
        (ChecksumAlgorithm::Crc64Nvme, &part.checksum_crc64nvme),
        (ChecksumAlgorithm::Sha1, &part.checksum_sha1),
        (ChecksumAlgorithm::Sha256, &part.checksum_sha256),
    ]
    .into_iter()
    .filter_map(|(algorithm, text)| Some((algorithm, text.as_deref()?)))
    .collect()
}

/// A part as lists show it.
fn show(part: &UploadPart) -> dto::Part {
    let mut shown = dto::Part {
        part_number: i32::try_from(part.number).ok(),
        size: i64::try_from(part.length).ok(),
        e_tag: Some(headers::dto_etag(&part.etag)),
        last_modified: Some(headers::dto_time(part.modified)),
        ..dto::Part::default()
    };
    checksums::show!(&part.checksums, shown);
    shown
}

/// `ALGORITHM/TYPE`. The type that S3 takes when none is named, and the pairs that it refuses.
fn note(algorithm: Option<ChecksumAlgorithm>, kind: Option<&str>) -> S3Result<Option<String>> {
    let Some(algorithm) = algorithm else {
        return match kind {
            None => Ok(None),
            Some(_) => Err(invalid("InvalidRequest", "The x-amz-checksum-type header needs x-amz-checksum-algorithm.")),
        };
    };
    let hash = matches!(algorithm, ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256);
    let kind = match (kind, algorithm) {
        (None, ChecksumAlgorithm::Crc64Nvme) => "FULL_OBJECT",
        (None, _) => "COMPOSITE",
        (Some("FULL_OBJECT"), _) if !hash => "FULL_OBJECT",
        (Some("COMPOSITE"), other) if other != ChecksumAlgorithm::Crc64Nvme => "COMPOSITE",
        (Some(_), _) => {
            return Err(invalid("InvalidRequest", "The checksum type cannot be used with the checksum algorithm."));
        }
    };
    Ok(Some(format!("{}/{kind}", algorithm.as_str())))
}

fn split_note(note: Option<&str>) -> (Option<dto::ChecksumAlgorithm>, Option<dto::ChecksumType>) {
    match note.and_then(|note| note.split_once('/')) {
        Some((algorithm, kind)) => {
            (Some(dto::ChecksumAlgorithm::from(algorithm.to_owned())), Some(dto::ChecksumType::from(kind.to_owned())))
        }
        None => (None, None),
    }
}

/// A key that answers in XML repeat. One that XML cannot carry can be stored with PutObject only.
fn carried(name: &str) -> S3Result<ObjectKey> {
    if !xml::can_carry(name) {
        return Err(invalid("InvalidArgument", "XML cannot carry this key, so it cannot be uploaded in parts."));
    }
    put::key(name)
}

fn class(class: Option<String>) -> StorageClass {
    StorageClass::from(class.unwrap_or_else(|| "STANDARD".to_owned()))
}

fn sealed() -> ServerSideEncryption {
    ServerSideEncryption::from_static(ServerSideEncryption::AES256)
}

fn malformed() -> s3s::S3Error {
    invalid("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_notes_follow_the_pairs_that_s3_allows() {
        let of = |algorithm, kind| note(Some(algorithm), kind).map_err(|_refused| ());
        assert_eq!(of(ChecksumAlgorithm::Crc64Nvme, None), Ok(Some("CRC64NVME/FULL_OBJECT".into())));
        assert_eq!(of(ChecksumAlgorithm::Crc32, None), Ok(Some("CRC32/COMPOSITE".into())));
        assert_eq!(of(ChecksumAlgorithm::Crc32, Some("FULL_OBJECT")), Ok(Some("CRC32/FULL_OBJECT".into())));
        assert_eq!(of(ChecksumAlgorithm::Sha256, Some("FULL_OBJECT")), Err(()));
        assert_eq!(of(ChecksumAlgorithm::Crc64Nvme, Some("COMPOSITE")), Err(()));
        assert_eq!(note(None, None).unwrap(), None);
    }

    #[test]
    fn part_numbers_have_their_bounds() {
        assert_eq!(number(1).unwrap(), 1);
        assert_eq!(number(10_000).unwrap(), 10_000);
        assert!(number(0).is_err() && number(10_001).is_err() && number(-1).is_err());
    }
}
