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
const REFUSED: [&str; 7] = [
    "x-amz-server-side-encryption-context",
    "x-amz-tagging",
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
    ("x-amz-tagging-directive", &["COPY"]),
    ("x-amz-bucket-object-lock-enabled", &["false"]),
    ("x-amz-object-ownership", &["BucketOwnerEnforced"]),
];

/// Query parameters that stand alone and that are routed to an operation, implemented or not.
const KNOWN_FLAGS: [&str; 36] = [
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

/// Sub-resources that `s3s` knows for buckets only: on an object it would take them for a plain PUT or GET.
const BUCKET_ONLY: [&str; 23] = [
    "accelerate",
    "analytics",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
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
    "versioning",
    "versions",
    "website",
];

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

/// Refuses sub-resources that nobody knows: `s3s` would take `PUT /bucket/key?rename` for a plain PUT.
pub(super) fn query(pairs: &[(String, String)], is_object: bool) -> S3Result<()> {
    for (name, value) in pairs {
        let name = name.as_str();
        if is_object && BUCKET_ONLY.contains(&name) {
            return Err(errors::not_implemented("a bucket's sub-resource on an object"));
        }
        if value.is_empty() && !KNOWN_FLAGS.contains(&name) && !MAY_BE_EMPTY.contains(&name) && !is_hoisted(name) {
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
            ("x-amz-tagging", "a=b"),
            ("x-amz-tagging-directive", "REPLACE"),
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
        assert!(query(&pair("renameObject", ""), true).is_err());
        assert!(query(&pair("encryption", ""), true).is_err());
        assert!(query(&pair("encryption", ""), false).is_ok());
        assert!(query(&pair("prefix", ""), false).is_ok());
        assert!(query(&pair("x-id", "PutObject"), true).is_ok());
        assert_eq!(query(&pair("versionId", "abc"), true).unwrap_err().status_code().unwrap(), 404);
        assert!(query(&pair("versionId", "null"), true).is_ok());
    }
}
