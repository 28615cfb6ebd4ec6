//! Which operation a request is: its method, what it names, its sub-resource, and whether it has a source to copy.

use http::header::ALLOW;
use http::{Method, StatusCode};

use crate::front::s3::wire::asked::Asked;
use crate::front::s3::wire::errors;
use crate::front::s3::wire::operation::Operation as Op;
use crate::front::s3::wire::refusal::Refusal;

/// The operations of a sub-resource: of GET and HEAD, of PUT, of POST, and of DELETE.
type Of = [Option<Op>; 4];

/// The operation of a request; 405 where the method has none, 501 where nobody knows it.
pub(in crate::front::s3) fn route(asked: &Asked<'_>) -> Result<Op, Refusal> {
    if *asked.method == Method::OPTIONS {
        return Ok(Op::OptionsObject);
    }
    match (&asked.target.bucket, &asked.target.key) {
        (None, _) => pick(asked, service(asked)),
        (Some(_), None) if *asked.method == Method::HEAD => Ok(Op::HeadBucket),
        (Some(_), None) => pick(asked, bucket(asked)),
        // HEAD names no sub-resource: what it names beside is refused later.
        (Some(_), Some(_)) if *asked.method == Method::HEAD => Ok(Op::HeadObject),
        (Some(_), Some(_)) => pick(asked, object(asked)),
    }
}

fn service(asked: &Asked<'_>) -> Of {
    let directory = asked.parameter("x-id") == Some("ListDirectoryBuckets");
    [Some(if directory { Op::ListDirectoryBuckets } else { Op::ListBuckets }), None, None, None]
}

fn bucket(asked: &Asked<'_>) -> Of {
    for (name, _) in &asked.query {
        if let Some(found) = sub_resource_of_bucket(name) {
            return found;
        }
    }
    let list = if asked.parameter("list-type") == Some("2") { Op::ListObjectsV2 } else { Op::ListObjects };
    // No bucket has capital letters.
    let answers = asked.target.bucket.as_deref() == Some("WriteGetObjectResponse");
    let post = if answers { Op::WriteGetObjectResponse } else { Op::PostObject };
    [Some(list), Some(Op::CreateBucket), Some(post), Some(Op::DeleteBucket)]
}

/// The operations of a bucket's sub-resource; `None`: it is none.
fn sub_resource_of_bucket(name: &str) -> Option<Of> {
    Some(match name {
        "location" => [Some(Op::GetBucketLocation), None, None, None],
        "versioning" => [Some(Op::GetBucketVersioning), Some(Op::PutBucketVersioning), None, None],
        "versions" => [Some(Op::ListObjectVersions), None, None, None],
        "uploads" => [Some(Op::ListMultipartUploads), None, None, None],
        "delete" => [None, None, Some(Op::DeleteObjects), None],
        "session" => [Some(Op::CreateSession), None, None, None],
        "acl" => [Some(Op::GetBucketAcl), Some(Op::PutBucketAcl), None, None],
        "cors" => [Some(Op::GetBucketCors), Some(Op::PutBucketCors), None, Some(Op::DeleteBucketCors)],
        "encryption" => {
            [Some(Op::GetBucketEncryption), Some(Op::PutBucketEncryption), None, Some(Op::DeleteBucketEncryption)]
        }
        "lifecycle" => [
            Some(Op::GetBucketLifecycleConfiguration),
            Some(Op::PutBucketLifecycleConfiguration),
            None,
            Some(Op::DeleteBucketLifecycle),
        ],
        "logging" => [Some(Op::GetBucketLogging), Some(Op::PutBucketLogging), None, None],
        "notification" => {
            [Some(Op::GetBucketNotificationConfiguration), Some(Op::PutBucketNotificationConfiguration), None, None]
        }
        "ownershipControls" => [
            Some(Op::GetBucketOwnershipControls),
            Some(Op::PutBucketOwnershipControls),
            None,
            Some(Op::DeleteBucketOwnershipControls),
        ],
        "policy" => [Some(Op::GetBucketPolicy), Some(Op::PutBucketPolicy), None, Some(Op::DeleteBucketPolicy)],
        "policyStatus" => [Some(Op::GetBucketPolicyStatus), None, None, None],
        "publicAccessBlock" => {
            [Some(Op::GetPublicAccessBlock), Some(Op::PutPublicAccessBlock), None, Some(Op::DeletePublicAccessBlock)]
        }
        "replication" => {
            [Some(Op::GetBucketReplication), Some(Op::PutBucketReplication), None, Some(Op::DeleteBucketReplication)]
        }
        "requestPayment" => [Some(Op::GetBucketRequestPayment), Some(Op::PutBucketRequestPayment), None, None],
        "tagging" => [Some(Op::GetBucketTagging), Some(Op::PutBucketTagging), None, Some(Op::DeleteBucketTagging)],
        "website" => [Some(Op::GetBucketWebsite), Some(Op::PutBucketWebsite), None, Some(Op::DeleteBucketWebsite)],
        "accelerate" => {
            [Some(Op::GetBucketAccelerateConfiguration), Some(Op::PutBucketAccelerateConfiguration), None, None]
        }
        "object-lock" => [Some(Op::GetObjectLockConfiguration), Some(Op::PutObjectLockConfiguration), None, None],
        "analytics"
        | "intelligent-tiering"
        | "inventory"
        | "metrics"
        | "metadataTable"
        | "metadataConfiguration"
        | "metadataInventoryTable"
        | "metadataJournalTable" => [
            Some(Op::GetBucketReports),
            Some(Op::PutBucketReports),
            Some(Op::PutBucketReports),
            Some(Op::DeleteBucketReports),
        ],
        _ => return None,
    })
}

fn object(asked: &Asked<'_>) -> Of {
    for (name, _) in &asked.query {
        if let Some(found) = sub_resource_of_object(name) {
            return found;
        }
    }
    let copies = asked.headers.contains_key("x-amz-copy-source");
    if asked.names("uploadId") {
        let put = match (asked.names("partNumber"), copies) {
            (true, true) => Op::UploadPartCopy,
            (true, false) => Op::UploadPart,
            // The upload that it names is then no part of its question, and refused as such.
            (false, _) => Op::PutObject,
        };
        let [complete, abort] = [Op::CompleteMultipartUpload, Op::AbortMultipartUpload];
        return [Some(Op::ListParts), Some(put), Some(complete), Some(abort)];
    }
    let put = if copies { Op::CopyObject } else { Op::PutObject };
    [Some(Op::GetObject), Some(put), None, Some(Op::DeleteObject)]
}

/// The operations of an object's sub-resource; `None`: it is none.
fn sub_resource_of_object(name: &str) -> Option<Of> {
    Some(match name {
        "attributes" => [Some(Op::GetObjectAttributes), None, None, None],
        "acl" => [Some(Op::GetObjectAcl), Some(Op::PutObjectAcl), None, None],
        "tagging" => [Some(Op::GetObjectTagging), Some(Op::PutObjectTagging), None, Some(Op::DeleteObjectTagging)],
        "legal-hold" => [Some(Op::GetObjectLegalHold), Some(Op::PutObjectLegalHold), None, None],
        "retention" => [Some(Op::GetObjectRetention), Some(Op::PutObjectRetention), None, None],
        "torrent" => [Some(Op::GetObjectTorrent), None, None, None],
        "uploads" => [None, None, Some(Op::CreateMultipartUpload), None],
        "restore" => [None, None, Some(Op::RestoreObject), None],
        "select" => [None, None, Some(Op::SelectObjectContent), None],
        "renameObject" => [None, Some(Op::RenameObject), None, None],
        "encryption" => [None, Some(Op::UpdateObjectEncryption), None, None],
        _ => return None,
    })
}

/// The operation of the request's method.
fn pick(asked: &Asked<'_>, [get, put, post, delete]: Of) -> Result<Op, Refusal> {
    let found = match *asked.method {
        Method::GET => get,
        Method::PUT => put,
        Method::POST => post,
        Method::DELETE => delete,
        _ => return Err(not_allowed([get, put, post, delete])),
    };
    // A sub-resource that this method has not is one that S3 does not have, or that is not there.
    found.ok_or_else(|| errors::not_implemented("this method of a resource"))
}

fn not_allowed(of: Of) -> Refusal {
    let names: Vec<&str> = ["GET", "PUT", "POST", "DELETE"]
        .into_iter()
        .zip(of)
        .filter_map(|(name, operation)| operation.map(|_| name))
        .collect();
    let text = "The specified method is not allowed against this resource.";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", text).header(ALLOW, &names.join(", "))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::front::s3::wire::asked::{Sample, Target};
    use crate::front::s3::wire::operation::ALL;

    fn ask(method: Method, names: u8, query: &'static str, copies: bool) -> Result<Op, Refusal> {
        let target = Target { bucket: (names > 0).then(|| "b".into()), key: (names > 1).then(|| "k".into()) };
        let header = copies.then_some(("x-amz-copy-source", "/a/b"));
        let headers: Vec<_> = header.into_iter().collect();
        route(&Sample { method, query, target, ..Sample::of(&headers) }.asked())
    }

    #[test]
    fn the_forms_of_put_are_told_apart() {
        let put = |query, copies| ask(Method::PUT, 2, query, copies).unwrap();
        assert_eq!(put("", false), Op::PutObject);
        assert_eq!(put("", true), Op::CopyObject);
        assert_eq!(put("partNumber=1&uploadId=x", false), Op::UploadPart);
        assert_eq!(put("uploadId=x&partNumber=1", true), Op::UploadPartCopy);
        assert_eq!(put("tagging", false), Op::PutObjectTagging);
        assert_eq!(put("renameObject", true), Op::RenameObject);
        assert_eq!(ask(Method::PUT, 1, "", false).unwrap(), Op::CreateBucket);
    }

    #[test]
    fn what_has_no_operation_is_refused() {
        let code = |method, names, query| ask(method, names, query, false).unwrap_err().code;
        assert_eq!(code(Method::PATCH, 2, ""), "MethodNotAllowed");
        assert_eq!(code(Method::POST, 2, ""), "NotImplemented");
        assert_eq!(code(Method::DELETE, 0, ""), "NotImplemented");
        assert_eq!(code(Method::DELETE, 2, "acl"), "NotImplemented");
    }

    #[test]
    fn every_operation_is_some_request() {
        let mut found = HashSet::new();
        let names: Vec<&'static str> = [
            "",
            "list-type=2",
            "location",
            "versioning",
            "versions",
            "uploads",
            "delete",
            "session",
            "acl",
            "cors",
            "encryption",
            "lifecycle",
            "logging",
            "notification",
            "ownershipControls",
            "policy",
            "policyStatus",
            "publicAccessBlock",
            "replication",
            "requestPayment",
            "tagging",
            "website",
            "accelerate",
            "object-lock",
            "metrics",
            "attributes",
            "legal-hold",
            "retention",
            "torrent",
            "restore",
            "select",
            "renameObject",
            "uploadId=x",
            "uploadId=x&partNumber=1",
            "x-id=ListDirectoryBuckets",
        ]
        .to_vec();
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE, Method::OPTIONS] {
            for depth in 0..3 {
                for query in &names {
                    for copies in [false, true] {
                        found.extend(ask(method.clone(), depth, query, copies).ok());
                    }
                }
            }
        }
        let target = Target { bucket: Some("WriteGetObjectResponse".into()), key: None };
        found.extend(route(&Sample { method: Method::POST, target, ..Sample::default() }.asked()).ok());
        let missing: Vec<_> = ALL.iter().filter(|operation| !found.contains(operation)).collect();
        assert_eq!(missing, Vec::<&Op>::new());
    }
}
