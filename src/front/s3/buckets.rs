//! Buckets: list, create, head, delete, location, and the truth about versioning.

use std::collections::BTreeMap;

use s3s::dto::{
    Bucket, BucketLocationConstraint, CreateBucketInput, CreateBucketOutput, DeleteBucketInput, DeleteBucketOutput,
    GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput, GetBucketVersioningOutput,
    HeadBucketInput, HeadBucketOutput, ListBucketsInput, ListBucketsOutput, Owner,
};
use s3s::{S3Request, S3Response, S3Result};

use super::access::Caller;
use super::errors::{self, invalid};
use super::{headers, listing, put};
use crate::gateway::{CreateBucket, DeleteBucket, Gateway, HeadBucket, ListBuckets};
use crate::model::Principal;

/// The region that S3 leaves unnamed.
const DEFAULT_REGION: &str = "us-east-1";
/// Most buckets in a page.
const MAX_BUCKETS: i32 = 10_000;
/// What continuation tokens of buckets are sealed for.
const BUCKETS: &str = "s3/buckets";

/// ListBuckets. The continuation token holds the last name of the page before.
pub(super) async fn list(
    gateway: &Gateway,
    req: S3Request<ListBucketsInput>,
) -> S3Result<S3Response<ListBucketsOutput>> {
    let caller = Caller::of(&req)?;
    let ListBucketsInput { prefix, continuation_token, max_buckets, .. } = req.input;
    let limit = match max_buckets {
        None => None,
        Some(limit @ 1..=MAX_BUCKETS) => usize::try_from(limit).ok(),
        Some(_) => {
            return Err(invalid("InvalidArgument", "Argument max-buckets must be an integer between 1 and 10000."));
        }
    };
    let after = match &continuation_token {
        None => None,
        Some(token) => {
            let name = caller.read_token(gateway, &[BUCKETS], token)?.and_then(|name| String::from_utf8(name).ok());
            Some((name.ok_or_else(listing::bad_token)?, None))
        }
    };
    let op = ListBuckets { prefix: prefix.clone().unwrap_or_default(), after, limit, ..ListBuckets::default() };
    let (page, share) = gateway.list_buckets(caller.may(op)?).await.map_err(|error| caller.error(error))?;
    caller.context.hold(share);
    let next = page.next.map(|(name, _)| caller.token(gateway, &[BUCKETS], name.as_bytes())).transpose()?;
    let shown = page.entries.iter().map(|entry| Bucket {
        name: Some(entry.bucket().name.as_str().to_owned()),
        creation_date: Some(headers::dto_time(entry.bucket().created)),
        ..Bucket::default()
    });
    Ok(S3Response::new(ListBucketsOutput {
        buckets: Some(shown.collect()),
        owner: Some(owner(&caller.principal)),
        continuation_token: next,
        prefix,
    }))
}

/// CreateBucket. Every region is the same place.
pub(super) async fn create(
    gateway: &Gateway,
    region: Option<&str>,
    req: S3Request<CreateBucketInput>,
) -> S3Result<S3Response<CreateBucketOutput>> {
    let caller = Caller::of(&req)?;
    let wanted = req.input.create_bucket_configuration.as_ref();
    if wanted.is_some_and(|wanted| wanted.bucket.is_some() || wanted.location.is_some()) {
        return Err(errors::not_implemented("directory buckets"));
    }
    let constraint = wanted.and_then(|wanted| wanted.location_constraint.as_ref());
    if let (Some(region), Some(constraint)) = (region, constraint)
        && !constraint.as_str().is_empty()
        && constraint.as_str() != region
    {
        return Err(invalid(
            "IllegalLocationConstraintException",
            "The specified location constraint is not the region of this endpoint.",
        ));
    }
    let op = caller.may(CreateBucket { bucket: put::bucket(&req.input.bucket)?, user: BTreeMap::new() })?;
    gateway.create_bucket(op).await.map_err(|error| caller.error(error))?;
    Ok(S3Response::new(CreateBucketOutput { location: Some(format!("/{}", req.input.bucket)) }))
}

/// HeadBucket.
pub(super) async fn head(
    gateway: &Gateway,
    region: Option<&str>,
    req: S3Request<HeadBucketInput>,
) -> S3Result<S3Response<HeadBucketOutput>> {
    let caller = Caller::of(&req)?;
    exists(gateway, &caller, &req.input.bucket).await?;
    Ok(S3Response::new(HeadBucketOutput {
        bucket_region: Some(region.unwrap_or(DEFAULT_REGION).to_owned()),
        ..HeadBucketOutput::default()
    }))
}

/// DeleteBucket.
pub(super) async fn delete(
    gateway: &Gateway,
    req: S3Request<DeleteBucketInput>,
) -> S3Result<S3Response<DeleteBucketOutput>> {
    let caller = Caller::of(&req)?;
    let op = caller.may(DeleteBucket { bucket: put::bucket(&req.input.bucket)? })?;
    gateway.delete_bucket(op).await.map_err(|error| caller.error(error))?;
    Ok(S3Response::new(DeleteBucketOutput::default()))
}

/// GetBucketLocation: the configured region; S3 leaves `us-east-1` empty.
pub(super) async fn location(
    gateway: &Gateway,
    region: Option<&str>,
    req: S3Request<GetBucketLocationInput>,
) -> S3Result<S3Response<GetBucketLocationOutput>> {
    let caller = Caller::of(&req)?;
    exists(gateway, &caller, &req.input.bucket).await?;
    let region = region.filter(|region| *region != DEFAULT_REGION).unwrap_or_default();
    Ok(S3Response::new(GetBucketLocationOutput {
        location_constraint: Some(BucketLocationConstraint::from(region.to_owned())),
    }))
}

/// GetBucketVersioning: it was never on, which an empty answer says.
pub(super) async fn versioning(
    gateway: &Gateway,
    req: S3Request<GetBucketVersioningInput>,
) -> S3Result<S3Response<GetBucketVersioningOutput>> {
    let caller = Caller::of(&req)?;
    exists(gateway, &caller, &req.input.bucket).await?;
    Ok(S3Response::new(GetBucketVersioningOutput::default()))
}

/// Whom clients see as the owner of everything: the tenant.
pub(super) fn owner(principal: &Principal) -> Owner {
    let tenant = principal.tenant.as_str().to_owned();
    Owner { display_name: Some(tenant.clone()), id: Some(tenant) }
}

async fn exists(gateway: &Gateway, caller: &Caller, name: &str) -> S3Result<()> {
    let op = caller.may(HeadBucket { bucket: put::bucket(name)? })?;
    gateway.head_bucket(op).await.map_err(|error| caller.error(error))?;
    Ok(())
}
