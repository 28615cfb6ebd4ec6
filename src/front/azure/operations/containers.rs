//! Operations on containers.

use http::StatusCode;

use crate::front::azure::admission::ask::{Ask, invalid_name};
use crate::front::azure::wire::asked::Incoming;
use crate::front::azure::wire::refusal::Refusal;
use crate::front::azure::wire::shown::{self, named};
use crate::front::azure::wire::{conditions, properties, xml};
use crate::front::reply::Reply;
use crate::gateway::{
    Bucket, BucketRevision, CreateBucket, DropBucket, HeadBucket, ReadBucket, ReadPolicies, RestoreBucket, ReviseBucket,
};
use crate::model::{Action, Conditions, Lease, Timestamp};

/// Largest list of policies, in bytes.
const MOST_POLICIES_BYTES: u64 = 64 * 1024;

/// Create Container. Names are Azure's: no dots, no two hyphens in a row.
pub(in crate::front::azure) async fn create(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    // Nobody makes one of Azure's own.
    if ask.asked.target.container.as_deref().is_some_and(|name| name.starts_with('$')) {
        return Err(invalid_name());
    }
    let bucket = ask.bucket()?;
    if bucket.as_str().contains('.') || bucket.as_str().contains("--") {
        return Err(invalid_name());
    }
    let op = ask.may(CreateBucket { bucket, user: properties::user(&ask.asked)? })?;
    let created = ask.house.gateway.create_bucket(op).await.map_err(|error| ask.refuse(error))?;
    Ok(Reply::new(StatusCode::CREATED).of_state(&created.state_tag(), created.modified))
}

/// Get Container Properties; with the metadata where the caller may read in the container.
pub(in crate::front::azure) async fn properties(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let bucket = head(ask).await?;
    let mut reply = Reply::new(StatusCode::OK).of_state(&bucket.state_tag(), bucket.modified);
    shown::lease_headers(bucket.lease.as_ref(), &mut reply.headers);
    shown::user_headers(bucket.user.iter(), &mut reply.headers);
    Ok(reply
        .with(named("x-ms-has-immutability-policy"), "false")
        .with(named("x-ms-has-legal-hold"), "false")
        .with(named("x-ms-immutable-storage-with-versioning-enabled"), "false"))
}

/// Get Container Metadata.
pub(in crate::front::azure) async fn metadata(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let op = ask.may(ReadBucket { bucket: ask.bucket()? })?;
    let bucket = ask.house.gateway.read_bucket(op).await.map_err(|error| ask.refuse(error))?;
    let bucket = not_leased_to_others(ask, bucket)?;
    let mut reply = Reply::new(StatusCode::OK).of_state(&bucket.state_tag(), bucket.modified);
    shown::user_headers(bucket.user.iter(), &mut reply.headers);
    Ok(reply)
}

/// Set Container Metadata.
pub(in crate::front::azure) async fn set_metadata(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let revision = BucketRevision::User(properties::user(&ask.asked)?);
    revised(ask, revision).await
}

/// Get Container ACL: the stored access policies. There is no public access.
pub(in crate::front::azure) async fn acl(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let op = ask.may(ReadPolicies { bucket: ask.bucket()?, conditions: conditions::lease_only(&ask.asked)? })?;
    let bucket = ask.house.gateway.bucket_policies(op).await.map_err(|error| ask.refuse(error))?;
    Ok(Reply::xml(xml::policies(&bucket.policies)).of_state(&bucket.state_tag(), bucket.modified))
}

/// Set Container ACL.
pub(in crate::front::azure) async fn set_acl(ask: &Ask<'_>, body: Incoming) -> Result<Reply, Refusal> {
    let claimed = properties::claims(&ask.asked)?;
    let small = ask.read_small(body, Some(Action::Admin), MOST_POLICIES_BYTES, &claimed.claims).await?;
    revised(ask, BucketRevision::Policies(xml::signed_identifiers(&small.bytes)?)).await
}

/// Delete Container, with all that it holds.
pub(in crate::front::azure) async fn delete(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let op = ask.may(DropBucket { bucket: ask.bucket()?, conditions: dates(ask)? })?;
    ask.house.gateway.drop_bucket(op).await.map_err(|error| ask.refuse(error))?;
    Ok(Reply::new(StatusCode::ACCEPTED))
}

/// Restore Container: one that was deleted and is retained, under its name. It has no other: the service does not rename
/// any more what it restores.
pub(in crate::front::azure) async fn restore(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let bucket = ask.bucket()?;
    let said = |name| ask.asked.header(name).ok_or_else(|| Refusal::missing_header(name));
    let (name, version) = (said("x-ms-deleted-container-name")?, said("x-ms-deleted-container-version")?);
    if name != bucket.as_str() {
        return Err(Refusal::invalid_header("x-ms-deleted-container-name", name));
    }
    let id =
        shown::parse_gone(version).ok_or_else(|| Refusal::invalid_header("x-ms-deleted-container-version", version))?;
    let restored = ask.house.gateway.restore_bucket(ask.may(RestoreBucket { bucket, id })?).await;
    let restored = restored.map_err(|error| ask.refuse(error))?;
    Ok(Reply::new(StatusCode::CREATED).of_state(&restored.state_tag(), restored.modified))
}

async fn head(ask: &Ask<'_>) -> Result<Bucket, Refusal> {
    let op = ask.may(HeadBucket { bucket: ask.bucket()? })?;
    not_leased_to_others(ask, ask.house.gateway.head_bucket(op).await.map_err(|error| ask.refuse(error))?)
}

fn not_leased_to_others(ask: &Ask<'_>, bucket: Bucket) -> Result<Bucket, Refusal> {
    let lease = conditions::lease_only(&ask.asked)?.lease;
    let guarded = Lease::guard_read(bucket.lease.as_ref(), lease.as_deref(), Timestamp::steady());
    guarded.map_err(|fault| ask.refuse(fault.into()))?;
    Ok(bucket)
}

async fn revised(ask: &Ask<'_>, revision: BucketRevision) -> Result<Reply, Refusal> {
    let op = ask.may(ReviseBucket { bucket: ask.bucket()?, revision, conditions: dates(ask)? })?;
    let bucket = ask.house.gateway.revise_bucket(op).await.map_err(|error| ask.refuse(error))?;
    Ok(Reply::new(StatusCode::OK).of_state(&bucket.state_tag(), bucket.modified))
}

/// Containers know conditions on times and the lease only.
fn dates(ask: &Ask<'_>) -> Result<Conditions, Refusal> {
    for name in ["if-match", "if-none-match"] {
        if ask.asked.headers.contains_key(name) {
            return Err(Refusal::unsupported_header(name));
        }
    }
    conditions::of_write(&ask.asked)
}
