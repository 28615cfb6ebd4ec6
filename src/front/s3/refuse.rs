//! Features that are not there: each is refused by its header or query, never ignored.

use http::HeaderMap;
use s3s::{S3Error, S3Result};

use super::errors;

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
const REFUSED: [&str; 6] = [
    "x-amz-server-side-encryption-context",
    "x-amz-mfa",
    "x-amz-bypass-governance-retention",
    "x-amz-optional-object-attributes",
    "x-amz-request-route",
    "x-amz-bucket-namespace",
];

/// Headers of which some values are fine: name and those values.
const LIMITED: [(&str, &[&str]); 6] = [
    ("x-amz-acl", &["private", "bucket-owner-full-control"]),
    ("x-amz-server-side-encryption", &["AES256"]),
    ("x-amz-server-side-encryption-bucket-key-enabled", &["false"]),
    ("x-amz-tagging-directive", &["COPY", "REPLACE"]),
    ("x-amz-bucket-object-lock-enabled", &["false"]),
    ("x-amz-object-ownership", &["BucketOwnerEnforced"]),
];

/// Query parameters that name a sub-resource: a request with one of them is another operation than without.
const SUB_RESOURCES: [&str; 36] = [
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
    "uploadId",
    "partNumber",
];

/// Query parameters that may be empty and still mean nothing more than their absence.
const MAY_BE_EMPTY: [&str; 17] = [
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
];

/// The sub-resources that belong to an operation. `s3s` routes some of the others to the plain operation: it would take
/// `DELETE /bucket/key?retention` for DeleteObject.
fn belongs(operation: &str) -> &'static [&'static str] {
    match operation {
        "GetBucketLocation" => &["location"],
        "GetBucketVersioning" => &["versioning"],
        "GetObject" | "HeadObject" => &["partNumber"],
        "DeleteObjects" => &["delete"],
        "GetObjectTagging" | "PutObjectTagging" | "DeleteObjectTagging" => &["tagging"],
        "CreateMultipartUpload" | "ListMultipartUploads" => &["uploads"],
        "UploadPart" | "UploadPartCopy" => &["uploadId", "partNumber"],
        "CompleteMultipartUpload" | "AbortMultipartUpload" | "ListParts" => &["uploadId"],
        _ => &[],
    }
}

/// Refuses headers for what is not there.
pub(super) fn headers(headers: &HeaderMap) -> S3Result<()> {
    for (name, value) in headers {
        let name = name.as_str();
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
pub(super) fn tagging(headers: &HeaderMap, operation: &str) -> S3Result<()> {
    let takes_it = matches!(operation, "PutObject" | "CopyObject" | "CreateMultipartUpload");
    if takes_it || !headers.contains_key("x-amz-tagging") {
        return Ok(());
    }
    Err(errors::not_implemented("x-amz-tagging in this operation"))
}

/// Refuses sub-resources that do not belong to the operation, and those that nobody knows.
pub(super) fn query(pairs: &[(String, String)], operation: &str) -> S3Result<()> {
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
            return Err(no_such_version());
        }
    }
    Ok(())
}

/// There are no versions but the current one, which S3 calls `null` where versioning was never on.
pub(super) fn no_such_version() -> S3Error {
    errors::plain("NoSuchVersion", 404, "The specified version does not exist.")
}

fn is_hoisted(name: &str) -> bool {
    name.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("x-amz-")) || name.starts_with("response-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &'static str) -> S3Result<()> {
        let mut map = HeaderMap::new();
        map.insert(name, value.parse().unwrap());
        headers(&map)
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
            assert_eq!(with(name, value).unwrap_err().status_code().unwrap(), 501, "{name}");
        }
    }

    #[test]
    fn what_asks_for_nothing_more_passes() {
        for (name, value) in [
            ("x-amz-acl", "private"),
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
        assert!(refused("renameObject", "PutObject") && refused("torrent", "PutObject"));
        assert!(refused("retention", "DeleteObject") && refused("acl", "DeleteBucket"));
        assert!(refused("uploadId", "PutObject") && refused("location", "CreateBucket"));
        assert!(!refused("location", "GetBucketLocation") && !refused("prefix", "ListObjects"));
        assert!(query(&pair("x-id", "PutObject"), "PutObject").is_ok());
        assert_eq!(query(&pair("versionId", "abc"), "GetObject").unwrap_err().status_code().unwrap(), 404);
        assert!(query(&pair("versionId", "null"), "GetObject").is_ok());
    }
}
