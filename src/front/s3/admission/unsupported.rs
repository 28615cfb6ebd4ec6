//! Features that are not there: each is refused by its header or query, never ignored.

use http::HeaderMap;

use crate::front::s3::wire::asked::Asked;
use crate::front::s3::wire::errors;
use crate::front::s3::wire::operation::{Operation as Op, Takes, refused_operations};
use crate::front::s3::wire::refusal::Refusal;
use crate::front::s3::wire::sigv4::CONTENT_SHA256;

/// Headers that ask for something that is not there, by prefix.
const REFUSED_PREFIXES: [&str; 8] = [
    "x-amz-server-side-encryption-customer-",
    "x-amz-copy-source-server-side-encryption-customer-",
    "x-amz-server-side-encryption-aws-kms-",
    "x-amz-object-lock-",
    "x-amz-grant-",
    "x-amz-write-offset-",
    "x-amz-if-match-",
    "x-amz-rename-",
];

/// Headers that ask for something that is not there.
const REFUSED: [&str; 5] = [
    "x-amz-server-side-encryption-context",
    "x-amz-mfa",
    "x-amz-bypass-governance-retention",
    "x-amz-request-route",
    "x-amz-bucket-namespace",
];

/// Headers of which some values are fine: name and those values.
const LIMITED: [(&str, &[&str]); 7] = [
    // Objects are never in an archive that they would have to be restored from.
    ("x-amz-optional-object-attributes", &["RestoreStatus"]),
    ("x-amz-acl", &["private", "bucket-owner-full-control"]),
    ("x-amz-server-side-encryption", &["AES256"]),
    ("x-amz-server-side-encryption-bucket-key-enabled", &["false"]),
    ("x-amz-tagging-directive", &["COPY", "REPLACE"]),
    ("x-amz-bucket-object-lock-enabled", &["false"]),
    ("x-amz-object-ownership", &["BucketOwnerEnforced"]),
];

/// Headers that claim something: an empty one is not an absent one.
const CLAIMING: [&str; 2] = ["x-amz-metadata-directive", "x-amz-tagging-directive"];

/// Query parameters that name a sub-resource: a request with one of them is another operation than without.
const SUB_RESOURCES: [&str; 40] = [
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "tagging",
    "torrent",
    "uploads",
    "versioning",
    "versions",
    "website",
    "events",
    "renameObject",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "uploadId",
    "partNumber",
];

/// Query parameters that may be empty and still mean nothing more than their absence.
const MAY_BE_EMPTY: [&str; 18] = [
    "prefix",
    "delimiter",
    "marker",
    "start-after",
    "continuation-token",
    "encoding-type",
    "key-marker",
    "upload-id-marker",
    "part-number-marker",
    "fetch-owner",
    "max-keys",
    "max-uploads",
    "max-parts",
    "versionId",
    "x-id",
    "bucket-region",
    "list-type",
    "version-id-marker",
];

/// The sub-resources that belong to an operation that is there: a request that names others is another one.
fn belongs(operation: Op) -> &'static [&'static str] {
    match operation {
        Op::GetBucketLocation => &["location"],
        Op::GetBucketVersioning => &["versioning"],
        Op::GetObject | Op::HeadObject => &["partNumber"],
        Op::DeleteObjects => &["delete"],
        Op::GetObjectTagging
        | Op::PutObjectTagging
        | Op::DeleteObjectTagging
        | Op::GetBucketTagging
        | Op::PutBucketTagging
        | Op::DeleteBucketTagging => &["tagging"],
        Op::CreateMultipartUpload | Op::ListMultipartUploads => &["uploads"],
        Op::UploadPart | Op::UploadPartCopy => &["uploadId", "partNumber"],
        Op::CompleteMultipartUpload | Op::AbortMultipartUpload | Op::ListParts => &["uploadId"],
        Op::ListObjectVersions => &["versions"],
        Op::GetObjectAttributes => &["attributes"],
        Op::GetBucketAcl | Op::PutBucketAcl | Op::GetObjectAcl | Op::PutObjectAcl => &["acl"],
        Op::GetBucketEncryption | Op::PutBucketEncryption => &["encryption"],
        Op::GetBucketOwnershipControls => &["ownershipControls"],
        Op::GetPublicAccessBlock => &["publicAccessBlock"],
        Op::GetBucketPolicy => &["policy"],
        Op::GetBucketPolicyStatus => &["policyStatus"],
        Op::GetObjectLockConfiguration => &["object-lock"],
        Op::GetBucketLifecycleConfiguration => &["lifecycle"],
        Op::GetBucketReplication => &["replication"],
        Op::GetBucketWebsite => &["website"],
        Op::GetBucketLogging => &["logging"],
        Op::GetBucketNotificationConfiguration => &["notification"],
        Op::GetBucketAccelerateConfiguration => &["accelerate"],
        Op::GetBucketRequestPayment => &["requestPayment"],
        Op::GetBucketCors | Op::PutBucketCors | Op::DeleteBucketCors => &["cors"],
        Op::ListBuckets
        | Op::CreateBucket
        | Op::HeadBucket
        | Op::DeleteBucket
        | Op::ListObjects
        | Op::ListObjectsV2
        | Op::PutObject
        | Op::CopyObject
        | Op::DeleteObject
        | Op::OptionsObject
        // These are refused whatever they name.
        | refused_operations!(Op) => &[],
    }
}

/// Refuses what is not there: headers, sub-resources, bodies in chunks where they are not taken.
pub(in crate::front::s3) fn check(operation: Op, asked: &Asked<'_>) -> Result<(), Refusal> {
    let streams = asked.headers.get(CONTENT_SHA256).is_some_and(|value| value.as_bytes().starts_with(b"STREAMING-"));
    if streams && operation.takes() != Takes::Bytes {
        return Err(errors::not_implemented("an aws-chunked body in this operation"));
    }
    headers(&asked.headers, operation)?;
    tagging(&asked.headers, operation)?;
    query(&asked.query, operation)
}

/// Refuses headers for what is not there.
fn headers(headers: &HeaderMap, operation: Op) -> Result<(), Refusal> {
    let sets_acl = matches!(operation, Op::PutBucketAcl | Op::PutObjectAcl);
    for (name, value) in headers {
        let name = name.as_str();
        // It is told in its own words.
        if !name.starts_with("x-amz-") || sets_acl && (name == "x-amz-acl" || name.starts_with("x-amz-grant-")) {
            continue;
        }
        if value.is_empty() && CLAIMING.contains(&name) {
            return Err(errors::invalid("InvalidArgument", "A header that names a directive is empty."));
        }
        if REFUSED.contains(&name) || REFUSED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            let limited = LIMITED.iter().any(|(limited, _)| *limited == name);
            if !limited {
                return Err(errors::not_implemented(name));
            }
        }
        if let Some((_, fine)) = LIMITED.iter().find(|(limited, _)| *limited == name)
            && !value.is_empty()
            && !fine.iter().any(|fine| fine.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
        {
            return Err(errors::not_implemented(name));
        }
    }
    Ok(())
}

/// Refuses `x-amz-tagging` where it means nothing.
fn tagging(headers: &HeaderMap, operation: Op) -> Result<(), Refusal> {
    let takes_it = matches!(operation, Op::PutObject | Op::CopyObject | Op::CreateMultipartUpload);
    if takes_it || !headers.contains_key("x-amz-tagging") {
        return Ok(());
    }
    Err(errors::not_implemented("x-amz-tagging in this operation"))
}

/// Refuses sub-resources that do not belong to the operation, and those that nobody knows.
fn query(pairs: &[(String, String)], operation: Op) -> Result<(), Refusal> {
    let belongs = belongs(operation);
    for (name, value) in pairs {
        let name = name.as_str();
        let known = SUB_RESOURCES.contains(&name);
        if known && !belongs.contains(&name) {
            return Err(errors::not_implemented("a sub-resource of another operation"));
        }
        if value.is_empty() && !known && !MAY_BE_EMPTY.contains(&name) && !is_hoisted(name) {
            return Err(errors::not_implemented("an unknown sub-resource"));
        }
        if name == "versionId" && !value.is_empty() && value != "null" {
            return Err(errors::no_such_version());
        }
    }
    Ok(())
}

fn is_hoisted(name: &str) -> bool {
    name.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("x-amz-")) || name.starts_with("response-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &'static str) -> Result<(), Refusal> {
        let mut map = HeaderMap::new();
        map.insert(name, value.parse().unwrap());
        headers(&map, Op::PutObject)
    }

    #[test]
    fn features_that_are_not_there_are_refused() {
        for (name, value) in [
            ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
            ("x-amz-copy-source-server-side-encryption-customer-key", "x"),
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-server-side-encryption-aws-kms-key-id", "x"),
            ("x-amz-tagging-directive", "MOVE"),
            ("x-amz-object-lock-mode", "COMPLIANCE"),
            ("x-amz-acl", "public-read"),
            ("x-amz-grant-read", "id=x"),
            ("x-amz-bucket-object-lock-enabled", "true"),
        ] {
            assert_eq!(with(name, value).unwrap_err().status, 501, "{name}");
        }
    }

    #[test]
    fn what_asks_for_nothing_more_passes() {
        for (name, value) in [
            ("x-amz-acl", "private"),
            ("x-amz-optional-object-attributes", "RestoreStatus"),
            ("x-amz-server-side-encryption", "AES256"),
            ("x-amz-request-payer", "requester"),
            ("x-amz-meta-x-amz-tagging", "a"),
            ("x-amz-storage-class", "STANDARD_IA"),
        ] {
            assert!(with(name, value).is_ok(), "{name}");
        }
    }

    #[test]
    fn unknown_sub_resources_are_refused() {
        let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        let refused = |name, operation| query(&pair(name, ""), operation).is_err();
        assert!(refused("renameObject", Op::PutObject) && refused("torrent", Op::PutObject));
        assert!(refused("retention", Op::DeleteObject) && refused("acl", Op::DeleteBucket));
        assert!(refused("uploadId", Op::PutObject) && refused("location", Op::CreateBucket));
        assert!(!refused("location", Op::GetBucketLocation) && !refused("prefix", Op::ListObjects));
        assert!(query(&pair("x-id", "PutObject"), Op::PutObject).is_ok());
        assert_eq!(query(&pair("versionId", "abc"), Op::GetObject).unwrap_err().status, 404);
        assert!(query(&pair("versionId", "null"), Op::GetObject).is_ok());
    }
}
