//! What clients ask when they start, and what is true of every bucket and object: its owner may do everything, nothing is
//! public, everything is sealed, and there are no policies yet. Grants are in the configuration.

use http::StatusCode;

use super::buckets::exists;
use super::get::version;
use super::paging;
use crate::front::reply::Reply;
use crate::front::s3::admission::ask::Ask;
use crate::front::s3::wire::errors::{self, invalid, plain};
use crate::front::s3::wire::refusal::Refusal;
use crate::front::s3::wire::{checksums, headers, xml};
use crate::front::server::RequestBody;
use crate::model::Conditions;

/// The canned ACLs that say what is so already.
const TRUE_ACLS: [&str; 2] = ["private", "bucket-owner-full-control"];

/// GetBucketAcl.
pub(in crate::front::s3) async fn bucket_acl(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    exists(ask).await?;
    Ok(acl(ask))
}

/// GetObjectAcl.
pub(in crate::front::s3) async fn object_acl(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    version(ask, Conditions::default()).await?;
    Ok(acl(ask))
}

fn acl(ask: &Ask<'_>) -> Reply {
    Reply::xml(xml::document("AccessControlPolicy", |writer| {
        paging::owner(writer, "Owner", &ask.principal);
        writer.within("AccessControlList", |writer| {
            writer.within("Grant", |writer| {
                let schema = "http://www.w3.org/2001/XMLSchema-instance";
                writer.with("Grantee", &[("xmlns:xsi", schema), ("xsi:type", "CanonicalUser")], |writer| {
                    writer.text("ID", ask.principal.tenant.as_str());
                    writer.text("DisplayName", ask.principal.tenant.as_str());
                });
                writer.text("Permission", "FULL_CONTROL");
            });
        });
    }))
}

/// PutBucketAcl: what is so already is taken.
pub(in crate::front::s3) async fn put_bucket_acl(ask: &Ask<'_>, body: RequestBody) -> Result<Reply, Refusal> {
    only_true_acl(ask, body).await?;
    exists(ask).await?;
    Ok(Reply::new(StatusCode::OK))
}

/// PutObjectAcl: what is so already is taken.
pub(in crate::front::s3) async fn put_object_acl(ask: &Ask<'_>, body: RequestBody) -> Result<Reply, Refusal> {
    only_true_acl(ask, body).await?;
    // Whoever may not read it is not told whether it is there.
    if ask.principal.may_read(&ask.bucket()?, ask.key()?.as_str()) {
        version(ask, Conditions::default()).await?;
    }
    Ok(Reply::new(StatusCode::OK))
}

/// Refuses an ACL that is another than what is so: as a word in a header, or as the list that clients read before.
async fn only_true_acl(ask: &Ask<'_>, body: RequestBody) -> Result<(), Refusal> {
    let headers = &ask.asked.headers;
    let listed = ask.read_xml(body, checksums::claims, xml::acl).await?;
    let owner = ask.principal.tenant.as_str();
    let canned = headers.get("x-amz-acl").and_then(|value| value.to_str().ok());
    let granted = headers.keys().any(|name| name.as_str().starts_with("x-amz-grant-"));
    let fine = match (canned, listed) {
        (Some(canned), None) => TRUE_ACLS.contains(&canned),
        (None, Some(grants)) => grants.iter().all(|(id, right)| id == owner && right == "FULL_CONTROL"),
        (Some(_), Some(_)) | (None, None) => false,
    };
    if fine && !granted {
        return Ok(());
    }
    Err(invalid("AccessControlListNotSupported", "The bucket does not allow ACLs"))
}

/// GetBucketEncryption.
pub(in crate::front::s3) async fn encryption(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    exists(ask).await?;
    Ok(Reply::xml(xml::document("ServerSideEncryptionConfiguration", |writer| {
        writer.within("Rule", |writer| {
            writer.within("ApplyServerSideEncryptionByDefault", |writer| {
                writer.text("SSEAlgorithm", headers::SEALED);
            });
            writer.boolean("BucketKeyEnabled", false);
        });
    })))
}

/// PutBucketEncryption: what is so already is taken.
pub(in crate::front::s3) async fn put_encryption(ask: &Ask<'_>, body: RequestBody) -> Result<Reply, Refusal> {
    let (algorithm, key) = ask.read_xml(body, checksums::claims, xml::encryption).await?;
    if algorithm != headers::SEALED || key.is_some() {
        return Err(errors::not_implemented("keys of a customer"));
    }
    exists(ask).await?;
    Ok(Reply::new(StatusCode::OK))
}

/// GetBucketOwnershipControls: there are no ACLs, so the owner of the bucket owns what is in it.
pub(in crate::front::s3) async fn ownership(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    exists(ask).await?;
    Ok(Reply::xml(xml::document("OwnershipControls", |writer| {
        writer.within("Rule", |writer| writer.text("ObjectOwnership", "BucketOwnerEnforced"));
    })))
}

/// GetPublicAccessBlock: there is no anonymous access.
pub(in crate::front::s3) async fn public_access(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    exists(ask).await?;
    Ok(Reply::xml(xml::document("PublicAccessBlockConfiguration", |writer| {
        for name in ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"] {
            writer.boolean(name, true);
        }
    })))
}

/// GetBucketRequestPayment: nobody pays for a request.
pub(in crate::front::s3) async fn request_payment(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    exists(ask).await?;
    Ok(Reply::xml(xml::document("RequestPaymentConfiguration", |writer| writer.text("Payer", "BucketOwner"))))
}

/// A configuration that a bucket may have and none has, where S3 says so by an element with nothing in it.
pub(in crate::front::s3) async fn empty(ask: &Ask<'_>, element: &'static str) -> Result<Reply, Refusal> {
    exists(ask).await?;
    Ok(Reply::xml(xml::document(element, |_writer| {})))
}

/// A configuration that a bucket may have and none has: that of this code.
pub(in crate::front::s3) async fn none(
    ask: &Ask<'_>,
    code: &'static str,
    text: &'static str,
) -> Result<Reply, Refusal> {
    exists(ask).await?;
    Err(plain(code, 404, text))
}
