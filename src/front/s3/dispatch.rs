//! From the operation to what does it: one total match.

use super::admission::ask::Ask;
use super::operations::{
    attributes, bucket_tagging, buckets, copy, cors, delete, get, listing, multipart, put, tagging, truths, uploads,
};
use super::wire::errors::{access_forbidden, not_implemented};
use super::wire::operation::{Operation as Op, refused_operations};
use crate::front::reply::Reply;
use crate::front::s3::wire::refusal::Refusal;
use crate::front::server::RequestBody;

/// Does what was asked.
pub(super) async fn run(ask: &Ask<'_>, body: RequestBody) -> Result<Reply, Refusal> {
    match ask.operation {
        Op::ListBuckets => buckets::list(ask).await,
        Op::CreateBucket => buckets::create(ask, body).await,
        Op::HeadBucket => buckets::head(ask).await,
        Op::DeleteBucket => buckets::delete(ask).await,
        Op::GetBucketLocation => buckets::location(ask).await,
        Op::GetBucketVersioning => buckets::versioning(ask).await,
        Op::ListObjects => listing::version_1(ask).await,
        Op::ListObjectsV2 => listing::version_2(ask).await,
        Op::ListObjectVersions => listing::versions(ask).await,
        Op::ListMultipartUploads => multipart::uploads(ask).await,
        Op::DeleteObjects => delete::many(ask, body).await,
        Op::GetBucketAcl => truths::bucket_acl(ask).await,
        Op::PutBucketAcl => truths::put_bucket_acl(ask, body).await,
        Op::GetBucketEncryption => truths::encryption(ask).await,
        Op::PutBucketEncryption => truths::put_encryption(ask, body).await,
        Op::GetBucketOwnershipControls => truths::ownership(ask).await,
        Op::GetPublicAccessBlock => truths::public_access(ask).await,
        Op::GetBucketPolicy | Op::GetBucketPolicyStatus => {
            truths::none(ask, "NoSuchBucketPolicy", "The bucket policy does not exist").await
        }
        Op::GetBucketTagging => bucket_tagging::get(ask).await,
        Op::PutBucketTagging => bucket_tagging::put(ask, body).await,
        Op::DeleteBucketTagging => bucket_tagging::delete(ask).await,
        Op::GetObjectLockConfiguration => {
            let text = "Object Lock configuration does not exist for this bucket";
            truths::none(ask, "ObjectLockConfigurationNotFoundError", text).await
        }
        Op::GetBucketLifecycleConfiguration => {
            truths::none(ask, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist").await
        }
        Op::GetBucketReplication => {
            let text = "The replication configuration was not found";
            truths::none(ask, "ReplicationConfigurationNotFoundError", text).await
        }
        Op::GetBucketWebsite => {
            let text = "The specified bucket does not have a website configuration";
            truths::none(ask, "NoSuchWebsiteConfiguration", text).await
        }
        Op::GetBucketLogging => truths::empty(ask, "BucketLoggingStatus").await,
        Op::GetBucketNotificationConfiguration => truths::empty(ask, "NotificationConfiguration").await,
        Op::GetBucketAccelerateConfiguration => truths::empty(ask, "AccelerateConfiguration").await,
        Op::GetBucketRequestPayment => truths::request_payment(ask).await,
        Op::GetBucketCors => cors::get(ask).await,
        Op::PutBucketCors => cors::set(ask, body).await,
        Op::DeleteBucketCors => cors::delete(ask).await,
        // Answered before anybody is known.
        Op::OptionsObject => Err(access_forbidden()),
        Op::GetObject => get::get(ask).await,
        Op::HeadObject => get::head(ask).await,
        Op::PutObject => put::object(ask, body).await,
        Op::CopyObject => copy::object(ask).await,
        Op::DeleteObject => delete::one(ask).await,
        Op::GetObjectAttributes => attributes::get(ask).await,
        Op::GetObjectAcl => truths::object_acl(ask).await,
        Op::PutObjectAcl => truths::put_object_acl(ask, body).await,
        Op::GetObjectTagging => tagging::get(ask).await,
        Op::PutObjectTagging => tagging::put(ask, body).await,
        Op::DeleteObjectTagging => tagging::delete(ask).await,
        Op::CreateMultipartUpload => uploads::create(ask).await,
        Op::UploadPart => uploads::part(ask, body).await,
        Op::UploadPartCopy => copy::part(ask).await,
        Op::CompleteMultipartUpload => uploads::complete(ask, body).await,
        Op::AbortMultipartUpload => uploads::abort(ask).await,
        Op::ListParts => multipart::parts(ask).await,
        refused_operations!(Op) => Err(not_implemented(ask.operation.name())),
    }
}
