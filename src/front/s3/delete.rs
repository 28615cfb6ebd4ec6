//! DeleteObject and DeleteObjects.

use futures::{StreamExt, stream};
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ObjectIdentifier,
};
use s3s::{S3Error, S3Request, S3Response, S3Result};

use super::access::Caller;
use super::errors::{self, invalid};
use super::{checksums, conditions, put, refuse, xml};
use crate::gateway::{DeleteObject, Gateway};
use crate::model::{BucketName, Conditions, ETag, EtagCondition};

/// Most keys in one request. Source: S3 `DeleteObjects`.
const MAX_KEYS: usize = 1000;
/// Deletions of one request that run at once.
const PARALLEL: usize = 16;

/// DeleteObject.
pub(super) async fn one(
    gateway: &Gateway,
    req: S3Request<DeleteObjectInput>,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    let caller = Caller::of(&req)?;
    let op = DeleteObject {
        bucket: put::bucket(&req.input.bucket)?,
        key: put::key(&req.input.key)?,
        conditions: conditions::for_write(&req.headers),
    };
    let op = caller.may(op)?;
    gateway.delete_object(op).await.map_err(|error| caller.error(error))?;
    Ok(S3Response::new(DeleteObjectOutput::default()))
}

/// DeleteObjects: each key has its own grant and its own outcome.
pub(super) async fn many(
    gateway: &Gateway,
    req: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    let caller = Caller::of(&req)?;
    let body = caller.context.take_kept().unwrap_or_default();
    checksums::verify_whole(&req.headers, &body)?;
    let bucket = put::bucket(&req.input.bucket)?;
    let wanted = req.input.delete.objects;
    let quiet = req.input.delete.quiet.unwrap_or(false);
    if wanted.is_empty() || wanted.len() > MAX_KEYS || !wanted.iter().all(|object| xml::can_carry(&object.key)) {
        return Err(invalid(
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        ));
    }
    let outcomes: Vec<_> = stream::iter(wanted)
        .map(|object| {
            let key = object.key.clone();
            let outcome = delete(gateway, &caller, &bucket, object);
            async move { (key, outcome.await) }
        })
        .buffered(PARALLEL)
        .collect()
        .await;
    let (mut deleted, mut failed) = (Vec::new(), Vec::new());
    for (key, outcome) in outcomes {
        match outcome {
            Ok(()) if quiet => {}
            Ok(()) => deleted.push(DeletedObject { key: Some(key), ..DeletedObject::default() }),
            Err(error) => failed.push(s3s::dto::Error {
                code: Some(error.code().as_str().to_owned()),
                key: Some(key),
                message: error.message().map(str::to_owned),
                version_id: None,
            }),
        }
    }
    Ok(S3Response::new(DeleteObjectsOutput {
        deleted: (!deleted.is_empty()).then_some(deleted),
        errors: (!failed.is_empty()).then_some(failed),
        ..DeleteObjectsOutput::default()
    }))
}

async fn delete(
    gateway: &Gateway,
    caller: &Caller,
    bucket: &BucketName,
    object: ObjectIdentifier,
) -> Result<(), S3Error> {
    if object.version_id.is_some_and(|version| !version.is_empty() && version != "null") {
        return Err(refuse::no_such_version());
    }
    if object.last_modified_time.is_some() || object.size.is_some() {
        return Err(errors::not_implemented("conditions on size and time of keys to delete"));
    }
    let if_match = object.e_tag.map(|tag| match tag.value() {
        "*" => EtagCondition::Any,
        tag => EtagCondition::OneOf(ETag::parse(tag).into_iter().collect()),
    });
    let conditions = Conditions { if_match, ..Conditions::default() };
    let op = caller.may(DeleteObject { bucket: bucket.clone(), key: put::key(&object.key)?, conditions })?;
    gateway.delete_object(op).await.map_err(|error| caller.error(error))
}
