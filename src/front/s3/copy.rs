//! CopyObject and UploadPartCopy.

use http::{HeaderMap, HeaderName};
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopyPartResult, CopySource, ServerSideEncryption,
    UploadPartCopyInput, UploadPartCopyOutput,
};
use s3s::{S3Request, S3Response, S3Result};

use super::access::Caller;
use super::errors::{self, hidden, invalid};
use super::ranges::parse_copy_range;
use super::{checksums, conditions, headers, multipart, put, refuse, tagging};
use crate::gateway::{Copied, CopyObject, CopyUploadPart, Error, Gateway, MetadataDirective};
use crate::model::{BucketName, ObjectKey};

/// CopyObject.
pub(super) async fn object(
    gateway: &Gateway,
    mut req: S3Request<CopyObjectInput>,
) -> S3Result<S3Response<CopyObjectOutput>> {
    let caller = Caller::of(&req)?;
    let (source_bucket, source_key) = source(&req.input.copy_source)?;
    let bucket = put::bucket(&req.input.bucket)?;
    let key = put::key(&req.input.key)?;
    let user = req.input.metadata.take();
    let directive = match req.input.metadata_directive.as_ref().map(|directive| directive.as_str()) {
        None | Some("COPY") => {
            let changes = ["x-amz-storage-class", "x-amz-website-redirect-location"];
            if changes.iter().any(|name| changes_something(&req.headers, name)) {
                return Err(errors::not_implemented("changing single headers in a copy"));
            }
            MetadataDirective::Copy
        }
        Some("REPLACE") => MetadataDirective::Replace(Box::new(headers::metadata(&req.headers, user)?)),
        Some(_) => return Err(invalid("InvalidArgument", "Unknown metadata directive.")),
    };
    if directive == MetadataDirective::Copy && source_bucket == bucket && source_key == key {
        return Err(invalid(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing the \
             object's metadata, storage class, website redirect location or encryption attributes.",
        ));
    }
    let tags = tagging::of_copy(&req.headers)?;
    let op = CopyObject {
        source_bucket,
        source_key,
        source_conditions: conditions::for_read(&req.headers, &conditions::COPY_SOURCE),
        bucket,
        key,
        directive,
        tags,
        conditions: conditions::for_write(&req.headers),
        checksum: checksums::named(&req.headers)?,
    };
    let hide = !caller.principal.may_list(&op.source_bucket, op.source_key.as_str());
    let op = caller.may(op)?;
    let copied = gateway.copy_object(op).await.map_err(|error| caller.error(of_source(error, hide)))?;
    Ok(S3Response::new(CopyObjectOutput {
        copy_object_result: Some(object_result(&copied)),
        server_side_encryption: Some(ServerSideEncryption::from_static(ServerSideEncryption::AES256)),
        ..CopyObjectOutput::default()
    }))
}

/// UploadPartCopy.
pub(super) async fn part(
    gateway: &Gateway,
    req: S3Request<UploadPartCopyInput>,
) -> S3Result<S3Response<UploadPartCopyOutput>> {
    let caller = Caller::of(&req)?;
    let (source_bucket, source_key) = source(&req.input.copy_source)?;
    let source_range = match req.input.copy_source_range.as_deref() {
        None => None,
        Some(text) => Some(parse_copy_range(text).ok_or_else(|| {
            invalid(
                "InvalidArgument",
                "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
                 zero-based offsets of the first and last bytes to copy",
            )
        })?),
    };
    let op = CopyUploadPart {
        source_bucket,
        source_key,
        source_range,
        source_conditions: conditions::for_read(&req.headers, &conditions::COPY_SOURCE),
        bucket: put::bucket(&req.input.bucket)?,
        key: put::key(&req.input.key)?,
        upload: req.input.upload_id.clone(),
        number: multipart::number(req.input.part_number)?,
    };
    let hide = !caller.principal.may_list(&op.source_bucket, op.source_key.as_str());
    let op = caller.may(op)?;
    let copied = gateway.copy_upload_part(op).await.map_err(|error| caller.error(of_source(error, hide)))?;
    Ok(S3Response::new(UploadPartCopyOutput {
        copy_part_result: Some(part_result(&copied)),
        server_side_encryption: Some(ServerSideEncryption::from_static(ServerSideEncryption::AES256)),
        ..UploadPartCopyOutput::default()
    }))
}

/// Bucket and key of `x-amz-copy-source`.
fn source(source: &CopySource) -> S3Result<(BucketName, ObjectKey)> {
    match source {
        CopySource::Bucket { bucket, key, version_id } => {
            if version_id.as_deref().is_some_and(|version| version != "null") {
                return Err(refuse::no_such_version());
            }
            Ok((put::bucket(bucket)?, put::key(key)?))
        }
        CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => Err(errors::not_implemented("access points")),
    }
}

/// For a copy, an unmet condition on the source is 412 whichever it is (S3 `CopyObject`). `hide`: the client may not
/// list the source.
fn of_source(error: Error, hide: bool) -> Error {
    match error {
        Error::NotModified { .. } => Error::PreconditionFailed,
        error => hidden(error, hide),
    }
}

/// Whether a header asks for something else than what every object has.
fn changes_something(headers: &HeaderMap, name: &'static str) -> bool {
    headers.get(HeaderName::from_static(name)).is_some_and(|value| !value.is_empty() && value != "STANDARD")
}

fn object_result(copied: &Copied) -> CopyObjectResult {
    let mut result = CopyObjectResult {
        e_tag: Some(headers::dto_etag(&copied.etag)),
        last_modified: Some(headers::dto_time(copied.modified)),
        ..CopyObjectResult::default()
    };
    checksums::show!(&copied.checksums, result);
    result.checksum_type = checksums::kind_of(&copied.checksums);
    result
}

fn part_result(copied: &Copied) -> CopyPartResult {
    let CopyObjectResult {
        checksum_crc32,
        checksum_crc32c,
        checksum_crc64nvme,
        checksum_sha1,
        checksum_sha256,
        e_tag,
        last_modified,
        ..
    } = object_result(copied);
    CopyPartResult {
        checksum_crc32,
        checksum_crc32c,
        checksum_crc64nvme,
        checksum_sha1,
        checksum_sha256,
        e_tag,
        last_modified,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> S3Result<(BucketName, ObjectKey)> {
        source(&CopySource::parse(text).unwrap())
    }

    #[test]
    fn sources_come_with_and_without_slash_and_encoded() {
        for text in ["/bucket/a/b c", "bucket/a/b%20c", "bucket/a/b%20c?versionId=null"] {
            let (bucket, key) = parsed(text).unwrap();
            assert_eq!((bucket.as_str(), key.as_str()), ("bucket", "a/b c"), "{text}");
        }
    }

    #[test]
    fn versions_and_access_points_are_refused() {
        assert_eq!(parsed("bucket/k?versionId=3").unwrap_err().code().as_str(), "NoSuchVersion");
        let point = CopySource::AccessPoint {
            partition: "aws".into(),
            region: "ca-central-1".into(),
            account_id: "1".into(),
            access_point_name: "ap".into(),
            key: "k".into(),
            version_id: None,
        };
        assert_eq!(source(&point).unwrap_err().code().as_str(), "NotImplemented");
    }
}
