//! Buckets: list, create, head, delete, location, and the truth about versioning.

use std::collections::BTreeMap;

use http::StatusCode;
use http::header::LOCATION;

use super::paging;
use crate::front::reply::Reply;
use crate::front::s3::admission::ask::Ask;
use crate::front::s3::admission::house::DEFAULT_REGION;
use crate::front::s3::wire::errors::{self, BUCKET_REGION, invalid};
use crate::front::s3::wire::refusal::Refusal;
use crate::front::s3::wire::{checksums, headers, xml};
use crate::front::server::RequestBody;
use crate::gateway::{CreateBucket, DeleteBucket, HeadBucket, ListBuckets};

/// Most buckets in a page.
const MOST_BUCKETS: usize = 10_000;
/// What continuation tokens of buckets are sealed for.
const BUCKETS: &str = "s3/buckets";
/// Beginnings and ends of names that S3 keeps for itself. Source: S3 "General purpose bucket naming rules".
const RESERVED_STARTS: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
const RESERVED_ENDS: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];

/// ListBuckets. The continuation token holds the last name of the page before.
pub(in crate::front::s3) async fn list(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let asked = &ask.asked;
    let limit = match asked.said("max-buckets").map(str::parse::<usize>) {
        None => None,
        Some(Ok(limit @ 1..=MOST_BUCKETS)) => Some(limit),
        Some(_) => {
            return Err(invalid("InvalidArgument", "Argument max-buckets must be an integer between 1 and 10000."));
        }
    };
    let after = match asked.parameter("continuation-token") {
        None => None,
        Some(token) => {
            let name = ask.read_token(&[BUCKETS], token)?.and_then(|name| String::from_utf8(name).ok());
            Some((name.ok_or_else(paging::bad_token)?, None))
        }
    };
    let prefix = asked.parameter("prefix");
    let op = ListBuckets { prefix: prefix.unwrap_or_default().to_owned(), after, limit, ..ListBuckets::default() };
    let (page, share) = ask.house.gateway.list_buckets(ask.may(op)?).await.map_err(|error| ask.refuse(error))?;
    let next = page.next.map(|(name, _)| ask.token(&[BUCKETS], name.as_bytes())).transpose()?;
    let text = xml::document("ListAllMyBucketsResult", |writer| {
        writer.within("Buckets", |writer| {
            for entry in &page.entries {
                writer.within("Bucket", |writer| {
                    writer.text("Name", entry.bucket().name.as_str());
                    writer.text("CreationDate", &headers::iso8601(entry.bucket().created));
                });
            }
        });
        paging::owner(writer, "Owner", &ask.principal);
        writer.optional("ContinuationToken", next.as_deref());
        writer.optional("Prefix", prefix);
    });
    Ok(Reply::xml(text).holding(share))
}

/// CreateBucket. Every region is the same place.
pub(in crate::front::s3) async fn create(ask: &Ask<'_>, body: RequestBody) -> Result<Reply, Refusal> {
    let bucket = ask.bucket()?;
    let wanted = ask.read_xml(body, checksums::claims, xml::new_bucket).await?;
    if wanted.asks_for_more {
        return Err(errors::not_implemented("directory buckets, and tags of buckets"));
    }
    if let (Some(region), Some(constraint)) = (&ask.house.region, &wanted.location)
        && constraint != region
    {
        return Err(invalid(
            "IllegalLocationConstraintException",
            "The specified location constraint is not the region of this endpoint.",
        ));
    }
    if is_reserved(bucket.as_str()) {
        return Err(invalid("InvalidBucketName", "The specified bucket name is reserved."));
    }
    let op = ask.may(CreateBucket { bucket, user: BTreeMap::new() })?;
    ask.house.gateway.create_bucket(op).await.map_err(|error| ask.refuse(error))?;
    Ok(Reply::new(StatusCode::OK).with(LOCATION, &format!("/{}", ask.bucket_name())))
}

fn is_reserved(name: &str) -> bool {
    RESERVED_STARTS.iter().any(|start| name.starts_with(start)) || RESERVED_ENDS.iter().any(|end| name.ends_with(end))
}

/// HeadBucket.
pub(in crate::front::s3) async fn head(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    exists(ask).await?;
    Ok(Reply::new(StatusCode::OK).with(BUCKET_REGION, ask.house.shown_region()))
}

/// DeleteBucket.
pub(in crate::front::s3) async fn delete(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let op = ask.may(DeleteBucket { bucket: ask.bucket()? })?;
    ask.house.gateway.delete_bucket(op).await.map_err(|error| ask.refuse(error))?;
    Ok(Reply::new(StatusCode::NO_CONTENT))
}

/// GetBucketLocation: the configured region; S3 leaves `us-east-1` empty.
pub(in crate::front::s3) async fn location(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    exists(ask).await?;
    let region = Some(ask.house.shown_region()).filter(|region| *region != DEFAULT_REGION).unwrap_or_default();
    Ok(Reply::xml(xml::document("LocationConstraint", |writer| writer.characters(region))))
}

/// GetBucketVersioning: it was never on, which an empty answer says.
pub(in crate::front::s3) async fn versioning(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    exists(ask).await?;
    Ok(Reply::xml(xml::document("VersioningConfiguration", |_writer| {})))
}

/// Whether the bucket is there, to who may list in it.
pub(super) async fn exists(ask: &Ask<'_>) -> Result<(), Refusal> {
    let op = ask.may(HeadBucket { bucket: ask.bucket()? })?;
    ask.house.gateway.head_bucket(op).await.map_err(|error| ask.refuse(error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_s3_keeps_for_itself_are_reserved() {
        for name in ["sthree-a", "amzn-s3-demo-a", "a-s3alias", "a--ol-s3", "a.mrap", "a--x-s3", "a--table-s3", "xn--a"]
        {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["imaging", "s3alias", "three-sthree-", "a--ol-s3-b", "mrap"] {
            assert!(!is_reserved(name), "{name}");
        }
    }
}
