//! Tags of buckets: GetBucketTagging, PutBucketTagging, DeleteBucketTagging. They are kept and given back, without effect.
//!
//! Source: S3 API reference, "PutBucketTagging"; S3 user guide, "Using cost allocation S3 bucket tags".

use http::StatusCode;

use super::tagging;
use crate::front::reply::Reply;
use crate::front::s3::admission::ask::Ask;
use crate::front::s3::wire::errors::plain;
use crate::front::s3::wire::refusal::Refusal;
use crate::front::s3::wire::{checksums, xml};
use crate::front::server::RequestBody;
use crate::gateway::{ReadBucketTags, SetBucketTags};
use crate::model::Tags;

/// Bytes of memory for 50 tags of 384 characters of four bytes: as they are, and written.
const MOST_MEMORY: u64 = 256 * 1024;

/// GetBucketTagging.
pub(in crate::front::s3) async fn get(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let op = ask.may(ReadBucketTags { bucket: ask.bucket()? })?;
    let share = ask.room(None, MOST_MEMORY).await?;
    let tags = ask.house.gateway.bucket_tags(op).await.map_err(|error| ask.refuse(error))?;
    if tags.is_empty() {
        return Err(plain("NoSuchTagSet", 404, "The TagSet does not exist"));
    }
    Ok(Reply::xml(xml::document("Tagging", |writer| writer.tag_set(&tags))).holding(share))
}

/// PutBucketTagging: all tags, in place of those that were.
pub(in crate::front::s3) async fn put(ask: &Ask<'_>, body: RequestBody) -> Result<Reply, Refusal> {
    let tags = ask.read_xml(body, checksums::claims, xml::tagging).await?;
    set(ask, tagging::of_bucket(tags)?).await
}

/// DeleteBucketTagging.
pub(in crate::front::s3) async fn delete(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    set(ask, Tags::new()).await
}

async fn set(ask: &Ask<'_>, tags: Tags) -> Result<Reply, Refusal> {
    let op = ask.may(SetBucketTags { bucket: ask.bucket()?, tags })?;
    ask.house.gateway.set_bucket_tags(op).await.map_err(|error| ask.refuse(error))?;
    Ok(Reply::new(StatusCode::NO_CONTENT))
}
