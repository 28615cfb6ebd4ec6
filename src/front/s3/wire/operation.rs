//! Every operation of S3, those that are refused too: each request is one of them.
//!
//! Source: S3 API reference, "Amazon S3", actions.

use crate::front::exchange::UNKNOWN;
use crate::model::Action;

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// What a request asks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(in crate::front::s3) enum Operation {
            $($(#[$doc])* $name,)+
        }

        impl Operation {
            /// What metrics call it.
            pub(in crate::front::s3) fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }
        }

        /// What metrics call each; [`UNKNOWN`] while it is not known which.
        pub(in crate::front::s3) const NAMES: &[&str] = &[$(stringify!($name),)+ UNKNOWN];

        #[cfg(test)]
        pub(in crate::front::s3) const ALL: &[Operation] = &[$(Operation::$name,)+];
    };
}

operations! {
    // --- the service
    ListBuckets,
    ListDirectoryBuckets,
    // --- buckets
    CreateBucket,
    HeadBucket,
    DeleteBucket,
    GetBucketLocation,
    GetBucketVersioning,
    PutBucketVersioning,
    ListObjects,
    ListObjectsV2,
    ListObjectVersions,
    ListMultipartUploads,
    DeleteObjects,
    /// A form of a browser.
    PostObject,
    CreateSession,
    GetBucketAcl,
    PutBucketAcl,
    GetBucketCors,
    PutBucketCors,
    DeleteBucketCors,
    GetBucketEncryption,
    PutBucketEncryption,
    DeleteBucketEncryption,
    GetBucketLifecycleConfiguration,
    PutBucketLifecycleConfiguration,
    DeleteBucketLifecycle,
    GetBucketLogging,
    PutBucketLogging,
    GetBucketNotificationConfiguration,
    PutBucketNotificationConfiguration,
    GetBucketOwnershipControls,
    PutBucketOwnershipControls,
    DeleteBucketOwnershipControls,
    GetBucketPolicy,
    PutBucketPolicy,
    DeleteBucketPolicy,
    GetBucketPolicyStatus,
    GetPublicAccessBlock,
    PutPublicAccessBlock,
    DeletePublicAccessBlock,
    GetBucketReplication,
    PutBucketReplication,
    DeleteBucketReplication,
    GetBucketRequestPayment,
    PutBucketRequestPayment,
    GetBucketTagging,
    PutBucketTagging,
    DeleteBucketTagging,
    GetBucketWebsite,
    PutBucketWebsite,
    DeleteBucketWebsite,
    GetBucketAccelerateConfiguration,
    PutBucketAccelerateConfiguration,
    GetObjectLockConfiguration,
    PutObjectLockConfiguration,
    /// Analytics, intelligent tiering, inventory, metrics and metadata tables: to see them.
    GetBucketReports,
    /// The same: to change them.
    PutBucketReports,
    /// The same: to delete them.
    DeleteBucketReports,
    // --- objects
    GetObject,
    HeadObject,
    PutObject,
    CopyObject,
    DeleteObject,
    /// What a browser asks before a page's request.
    OptionsObject,
    GetObjectAttributes,
    GetObjectAcl,
    PutObjectAcl,
    GetObjectTagging,
    PutObjectTagging,
    DeleteObjectTagging,
    GetObjectLegalHold,
    PutObjectLegalHold,
    GetObjectRetention,
    PutObjectRetention,
    GetObjectTorrent,
    RestoreObject,
    SelectObjectContent,
    RenameObject,
    UpdateObjectEncryption,
    WriteGetObjectResponse,
    // --- uploads in parts
    CreateMultipartUpload,
    UploadPart,
    UploadPartCopy,
    CompleteMultipartUpload,
    AbortMultipartUpload,
    ListParts,
}

/// The operations that are not there, as a pattern: `refused_operations!(Operation)`. One that comes to be there leaves it, and
/// the matches that name it do not compile until they say what it is.
macro_rules! refused_operations {
    ($operation:ident) => {
        $operation::ListDirectoryBuckets
            | $operation::PutBucketVersioning
            | $operation::PostObject
            | $operation::CreateSession
            | $operation::DeleteBucketEncryption
            | $operation::PutBucketLifecycleConfiguration
            | $operation::DeleteBucketLifecycle
            | $operation::PutBucketLogging
            | $operation::PutBucketNotificationConfiguration
            | $operation::PutBucketOwnershipControls
            | $operation::DeleteBucketOwnershipControls
            | $operation::PutBucketPolicy
            | $operation::DeleteBucketPolicy
            | $operation::PutPublicAccessBlock
            | $operation::DeletePublicAccessBlock
            | $operation::PutBucketReplication
            | $operation::DeleteBucketReplication
            | $operation::PutBucketRequestPayment
            | $operation::PutBucketWebsite
            | $operation::DeleteBucketWebsite
            | $operation::PutBucketAccelerateConfiguration
            | $operation::PutObjectLockConfiguration
            | $operation::GetBucketReports
            | $operation::PutBucketReports
            | $operation::DeleteBucketReports
            | $operation::GetObjectLegalHold
            | $operation::PutObjectLegalHold
            | $operation::GetObjectRetention
            | $operation::PutObjectRetention
            | $operation::GetObjectTorrent
            | $operation::RestoreObject
            | $operation::SelectObjectContent
            | $operation::RenameObject
            | $operation::UpdateObjectEncryption
            | $operation::WriteGetObjectResponse
    };
}
pub(in crate::front::s3) use refused_operations;

/// What an operation reads of its request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::front::s3) enum Takes {
    /// Nothing.
    Nothing,
    /// XML, whole. It does that to the bucket or object of the address, at least.
    Xml(Action),
    /// The bytes of an object or of a part: they may come in chunks.
    Bytes,
    /// Nothing: the operation is not there, and is answered 501.
    Refused,
}

impl Operation {
    /// What it reads of its request's body. What is not there reads nothing.
    pub(in crate::front::s3) fn takes(self) -> Takes {
        match self {
            Self::PutObject | Self::UploadPart => Takes::Bytes,
            Self::CreateBucket
            | Self::PutBucketEncryption
            | Self::PutBucketAcl
            | Self::PutBucketCors
            | Self::PutBucketTagging => Takes::Xml(Action::Admin),
            Self::DeleteObjects => Takes::Xml(Action::Delete),
            Self::PutObjectTagging | Self::PutObjectAcl | Self::CompleteMultipartUpload => Takes::Xml(Action::Write),
            Self::ListBuckets
            | Self::HeadBucket
            | Self::DeleteBucket
            | Self::GetBucketLocation
            | Self::GetBucketVersioning
            | Self::ListObjects
            | Self::ListObjectsV2
            | Self::ListObjectVersions
            | Self::ListMultipartUploads
            | Self::GetBucketAcl
            | Self::GetBucketCors
            | Self::DeleteBucketCors
            | Self::OptionsObject
            | Self::GetBucketEncryption
            | Self::GetBucketLifecycleConfiguration
            | Self::GetBucketOwnershipControls
            | Self::GetBucketPolicy
            | Self::GetBucketPolicyStatus
            | Self::GetBucketLogging
            | Self::GetBucketNotificationConfiguration
            | Self::GetBucketReplication
            | Self::GetBucketRequestPayment
            | Self::GetBucketWebsite
            | Self::GetBucketAccelerateConfiguration
            | Self::GetPublicAccessBlock
            | Self::GetBucketTagging
            | Self::DeleteBucketTagging
            | Self::GetObjectLockConfiguration
            | Self::GetObject
            | Self::HeadObject
            | Self::CopyObject
            | Self::DeleteObject
            | Self::GetObjectAttributes
            | Self::GetObjectAcl
            | Self::GetObjectTagging
            | Self::DeleteObjectTagging
            | Self::CreateMultipartUpload
            | Self::UploadPartCopy
            | Self::AbortMultipartUpload
            | Self::ListParts => Takes::Nothing,
            refused_operations!(Operation) => Takes::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The rows of the page's table of operations: what each operation is said to be.
    fn page() -> BTreeMap<String, String> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/compatibility/s3.md");
        let page = std::fs::read_to_string(path).unwrap();
        let section = page.split("\n## ").find(|section| section.starts_with("Operations")).unwrap().to_owned();
        let mut rows = BTreeMap::new();
        for row in section.lines().filter(|line| line.starts_with("| ")).skip(1) {
            let cells: Vec<&str> = row.split(" | ").collect();
            for name in cells[0].trim_start_matches("| ").split(',') {
                rows.insert(name.trim().to_owned(), cells[1].trim().to_owned());
            }
        }
        rows
    }

    #[test]
    fn the_page_has_every_operation_and_says_which_are_there() {
        let rows = page();
        for operation in ALL {
            let state = rows.get(operation.name()).unwrap_or_else(|| panic!("{operation:?} has no row"));
            assert_eq!(operation.takes() == Takes::Refused, state == "501", "{operation:?} is said to be {state:?}");
        }
        assert_eq!(rows.len(), ALL.len(), "a row is of no operation");
    }
}
