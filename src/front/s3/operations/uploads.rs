//! Uploads in parts: create, part, complete, abort.

use http::header::ETAG;
use http::{HeaderMap, HeaderName, StatusCode};

use super::{received, tagging};
use crate::front::reply::Reply;
use crate::front::s3::admission::ask::Ask;
use crate::front::s3::wire::asked::Asked;
use crate::front::s3::wire::checksums::CHECKSUM_TYPE;
use crate::front::s3::wire::errors::invalid;
use crate::front::s3::wire::refusal::Refusal;
use crate::front::s3::wire::xml::CompletedPart;
use crate::front::s3::wire::{checksums, conditions, headers, xml};
use crate::front::server::RequestBody;
use crate::front::xml::url_encoded;
use crate::gateway::{
    AbortUpload, Claim, CompleteUpload, CreateUpload, Error, ListUploadParts, PutUploadPart, UploadPart,
};
use crate::model::{BucketName, Checksum, ChecksumAlgorithm, ETag, ObjectKey};

/// In S3 the highest part number.
const MOST_PARTS: i64 = 10_000;
const ALGORITHM: HeaderName = HeaderName::from_static("x-amz-checksum-algorithm");
const OBJECT_SIZE: HeaderName = HeaderName::from_static("x-amz-mp-object-size");

/// CreateMultipartUpload. The upload's note is `ALGORITHM/TYPE`, where the client named an algorithm.
pub(in crate::front::s3) async fn create(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let asked = &ask.asked.headers;
    let tags = tagging::of_header(asked)?.unwrap_or_default();
    let op = CreateUpload {
        bucket: ask.bucket()?,
        key: ask.key()?,
        metadata: headers::metadata(asked, tags)?,
        checksum: note(checksums::named(asked)?, headers::claim(asked, &CHECKSUM_TYPE)?)?,
    };
    let upload = ask.house.gateway.create_upload(ask.may(op)?).await.map_err(|error| ask.refuse(error))?;
    let text = xml::document("InitiateMultipartUploadResult", |writer| {
        writer.text("Bucket", ask.bucket_name());
        writer.text("Key", ask.key_name());
        writer.text("UploadId", &upload.id.0);
    });
    let (algorithm, kind) = split_note(upload.checksum.as_deref());
    Ok(Reply::xml(text)
        .with(headers::ENCRYPTION, headers::SEALED)
        .with_some(ALGORITHM, algorithm)
        .with_some(CHECKSUM_TYPE, kind))
}

/// UploadPart.
pub(in crate::front::s3) async fn part(ask: &Ask<'_>, body: RequestBody) -> Result<Reply, Refusal> {
    let number = part_number(&ask.asked)?;
    let op = PutUploadPart { bucket: ask.bucket()?, key: ask.key()?, upload: ask.upload(), number };
    let op = ask.may(op)?;
    let body = received::receive(ask, body).await?;
    let part = ask.house.gateway.put_upload_part(op, body).await.map_err(|error| ask.refuse(error))?;
    let reply =
        Reply::new(StatusCode::OK).with(ETAG, &headers::quoted(&part.etag)).with(headers::ENCRYPTION, headers::SEALED);
    Ok(checksums::shown(reply, &part.checksums))
}

/// CompleteMultipartUpload: one transaction, so the answer waits for it and needs no keep-alive.
pub(in crate::front::s3) async fn complete(ask: &Ask<'_>, body: RequestBody) -> Result<Reply, Refusal> {
    let asked = &ask.asked.headers;
    let (bucket, key) = (ask.bucket()?, ask.key()?);
    // Checksums in its headers are of the object, not of the list.
    let claims = |headers: &HeaderMap| Ok(checksums::content_md5(headers)?.map(Claim::Md5).into_iter().collect());
    let listed = ask.read_xml(body, claims, xml::completion).await?;
    let mut parts = Vec::with_capacity(listed.len());
    for part in &listed {
        let tag = ETag::parse(&part.etag).ok_or_else(|| ask.refuse(Error::InvalidPart))?;
        parts.push((number(part.number)?, tag));
    }
    if listed.iter().any(|part| !part.checksums.is_empty()) {
        check_parts(ask, &bucket, &key, &listed).await?;
    }
    let length = match headers::claim(asked, &OBJECT_SIZE)?.map(str::parse) {
        None => None,
        Some(Ok(length)) => Some(length),
        Some(Err(_no_number)) => return Err(invalid("InvalidArgument", "x-amz-mp-object-size is no length.")),
    };
    let op = CompleteUpload {
        bucket: bucket.clone(),
        key,
        upload: ask.upload(),
        parts,
        claims: checksums::from_headers(asked)?.into_iter().collect(),
        conditions: conditions::for_write(asked),
        length,
    };
    let completed = ask.house.gateway.complete_upload(ask.may(op)?).await;
    let version = completed.map_err(|error| ask.refuse_change(error, &bucket, ask.key_name()))?;
    let text = xml::document("CompleteMultipartUploadResult", |writer| {
        writer.text("Location", &format!("/{}/{}", ask.bucket_name(), url_encoded(ask.key_name())));
        writer.text("Bucket", ask.bucket_name());
        writer.text("Key", ask.key_name());
        writer.text("ETag", &headers::quoted(&version.etag));
        checksums::typed_elements(writer, &version.metadata.checksums);
    });
    Ok(Reply::xml(text).with(headers::ENCRYPTION, headers::SEALED))
}

/// AbortMultipartUpload.
pub(in crate::front::s3) async fn abort(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let op = AbortUpload { bucket: ask.bucket()?, key: ask.key()?, upload: ask.upload() };
    ask.house.gateway.abort_upload(ask.may(op)?).await.map_err(|error| ask.refuse(error))?;
    Ok(Reply::new(StatusCode::NO_CONTENT))
}

/// The number of the part that the query names.
pub(super) fn part_number(asked: &Asked<'_>) -> Result<u32, Refusal> {
    number(asked.parameter("partNumber").and_then(|text| text.parse().ok()).unwrap_or_default())
}

/// A part's number: 1 to 10,000.
fn number(number: i64) -> Result<u32, Refusal> {
    let fine = Some(number).filter(|number| (1..=MOST_PARTS).contains(number));
    fine.and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| invalid("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive"))
}

/// Holds the checksums that a completion names for its parts against those that came with the parts.
async fn check_parts(
    ask: &Ask<'_>,
    bucket: &BucketName,
    key: &ObjectKey,
    listed: &[CompletedPart],
) -> Result<(), Refusal> {
    let mut known: Vec<UploadPart> = Vec::new();
    loop {
        let op = ListUploadParts {
            bucket: bucket.clone(),
            key: key.clone(),
            upload: ask.upload(),
            after: known.last().map_or(0, |part| part.number),
            limit: 1000,
        };
        match ask.house.gateway.list_upload_parts(ask.may(op)?).await {
            Ok((page, _share)) => {
                let more = page.truncated && !page.parts.is_empty();
                known.extend(page.parts);
                if !more {
                    break;
                }
            }
            // Completed before: repeating a completion is decided by the completion itself.
            Err(Error::NoSuchUpload) => return Ok(()),
            Err(error) => return Err(ask.refuse(error)),
        }
    }
    for part in listed {
        let wanted = u32::try_from(part.number).ok();
        let Ok(found) = known.binary_search_by_key(&wanted, |part| Some(part.number)) else { continue };
        let Some(stored) = known.get(found) else { continue };
        for (algorithm, text) in &part.checksums {
            let claim = checksums::decode(*algorithm, text).ok_or_else(checksums::malformed)?;
            let differs = |has: &Checksum| has.algorithm == *algorithm && has.value != claim.value;
            if stored.checksums.iter().any(differs) {
                return Err(ask.refuse(Error::InvalidPart));
            }
        }
    }
    Ok(())
}

/// `ALGORITHM/TYPE`. The type that S3 takes when none is named, and the pairs that it refuses.
fn note(algorithm: Option<ChecksumAlgorithm>, kind: Option<&str>) -> Result<Option<String>, Refusal> {
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

/// Algorithm and type of a note.
pub(super) fn split_note(note: Option<&str>) -> (Option<&str>, Option<&str>) {
    note.and_then(|note| note.split_once('/')).unzip()
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
