//! The table of codes against Microsoft's lists.

use super::*;
use crate::front::azure::wire::refusal::Refusal;

/// The codes of storage in general and of blobs. Source: `StorageErrorCode` in `_shared/models.py` of Microsoft's
/// azure-storage-blob 12.31.1 for Python, which repeats "Common REST API error codes" and "Blob service error codes".
const LISTED: &[&str] = &[
    "AccountAlreadyExists",
    "AccountBeingCreated",
    "AccountIsDisabled",
    "AppendPositionConditionNotMet",
    "AuthenticationFailed",
    "AuthorizationFailure",
    "BlobAccessTierNotSupportedForAccountType",
    "BlobAlreadyExists",
    "BlobArchived",
    "BlobBeingRehydrated",
    "BlobNotArchived",
    "BlobNotFound",
    "BlobOverwritten",
    "BlobTierInadequateForContentLength",
    "BlockCountExceedsLimit",
    "BlockListTooLong",
    "CannotChangeToLowerTier",
    "CannotVerifyCopySource",
    "ConditionHeadersNotSupported",
    "ConditionNotMet",
    "ContainerAlreadyExists",
    "ContainerBeingDeleted",
    "ContainerDisabled",
    "ContainerNotFound",
    "ContentLengthLargerThanTierLimit",
    "CopyAcrossAccountsNotSupported",
    "CopyIdMismatch",
    "EmptyMetadataKey",
    "FeatureVersionMismatch",
    "IncrementalCopyBlobMismatch",
    "IncrementalCopyOfEarlierSnapshotNotAllowed",
    "IncrementalCopyOfEarlierVersionSnapshotNotAllowed",
    "IncrementalCopySourceMustBeSnapshot",
    "InfiniteLeaseDurationRequired",
    "InsufficientAccountPermissions",
    "InternalError",
    "InvalidAuthenticationInfo",
    "InvalidBlobOrBlock",
    "InvalidBlobTier",
    "InvalidBlobType",
    "InvalidBlockId",
    "InvalidBlockList",
    "InvalidHeaderValue",
    "InvalidHttpVerb",
    "InvalidInput",
    "InvalidMd5",
    "InvalidMetadata",
    "InvalidOperation",
    "InvalidPageRange",
    "InvalidQueryParameterValue",
    "InvalidRange",
    "InvalidResourceName",
    "InvalidSourceBlobType",
    "InvalidSourceBlobUrl",
    "InvalidUri",
    "InvalidVersionForPageBlobOperation",
    "InvalidXmlDocument",
    "InvalidXmlNodeValue",
    "LeaseAlreadyBroken",
    "LeaseAlreadyPresent",
    "LeaseIdMismatchWithBlobOperation",
    "LeaseIdMismatchWithContainerOperation",
    "LeaseIdMismatchWithLeaseOperation",
    "LeaseIdMissing",
    "LeaseIsBreakingAndCannotBeAcquired",
    "LeaseIsBreakingAndCannotBeChanged",
    "LeaseIsBrokenAndCannotBeRenewed",
    "LeaseLost",
    "LeaseNotPresentWithBlobOperation",
    "LeaseNotPresentWithContainerOperation",
    "LeaseNotPresentWithLeaseOperation",
    "MaxBlobSizeConditionNotMet",
    "Md5Mismatch",
    "MetadataTooLarge",
    "MissingContentLengthHeader",
    "MissingRequiredHeader",
    "MissingRequiredQueryParameter",
    "MissingRequiredXmlNode",
    "MultipleConditionHeadersNotSupported",
    "NoAuthenticationInformation",
    "NoPendingCopyOperation",
    "OperationNotAllowedOnIncrementalCopyBlob",
    "OperationTimedOut",
    "OutOfRangeInput",
    "OutOfRangeQueryParameterValue",
    "PendingCopyOperation",
    "PreviousSnapshotCannotBeNewer",
    "PreviousSnapshotNotFound",
    "PreviousSnapshotOperationNotSupported",
    "RequestBodyTooLarge",
    "RequestUrlFailedToParse",
    "ResourceAlreadyExists",
    "ResourceNotFound",
    "ResourceTypeMismatch",
    "SequenceNumberConditionNotMet",
    "SequenceNumberIncrementTooLarge",
    "ServerBusy",
    "SnapshotCountExceeded",
    "SnapshotOperationRateExceeded",
    "SnapshotsPresent",
    "SourceConditionNotMet",
    "SystemInUse",
    "TargetConditionNotMet",
    "UnauthorizedBlobOverwrite",
    "UnsupportedHeader",
    "UnsupportedHttpVerb",
    "UnsupportedQueryParameter",
    "UnsupportedXmlNode",
];

/// Codes of the service that the list above lacks, and where Microsoft shows each.
const SHOWN: &[(&str, &str)] = &[
    ("AccessTierNotSupportedForBlobType", "Azurite, StorageErrorFactory.ts; recorded by azure-sdk-for-js"),
    ("AllBatchSubRequestsShouldBeSameApi", "azure-sdk-for-cpp, blob_batch_client_test.cpp"),
    ("AuthorizationPermissionMismatch", "BlobErrorCode of Azure.Storage.Blobs for .NET"),
    ("AuthorizationProtocolMismatch", "BlobErrorCode of Azure.Storage.Blobs for .NET"),
    ("AuthorizationResourceTypeMismatch", "BlobErrorCode of Azure.Storage.Blobs for .NET"),
    ("AuthorizationServiceMismatch", "BlobErrorCode of Azure.Storage.Blobs for .NET"),
    ("AuthorizationSourceIPMismatch", "BlobErrorCode of Azure.Storage.Blobs for .NET"),
    ("BlobIsSealed", "Azurite, StorageErrorFactory.ts; azure-sdk-for-go, appendblob/client_test.go"),
    ("BothCrc64AndMd5HeaderPresent", "Azurite, StorageErrorFactory.ts; the storage emulator's CommonStatusEntries"),
    ("BothCrc64AndMd5RangeHeaderPresent", "the storage emulator's CommonStatusEntries"),
    ("CorsPreflightFailure", "Azurite, StorageErrorFactory.ts; the storage emulator's CommonStatusEntries"),
    ("Crc64Mismatch", "Azurite, StorageErrorFactory.ts; the storage emulator's CommonStatusEntries"),
    ("DuplicateTagNames", "Azurite, StorageErrorFactory.ts"),
    ("EmptyTagName", "Azurite, StorageErrorFactory.ts"),
    ("ExceedsMaxBatchRequestCount", "azure-sdk-for-net, BlobBatchClientTests.cs"),
    ("HierarchicalNamespaceNotEnabled", "what Apache Arrow's azurefs.cc looks for in an account's answer"),
    ("InvalidCrc64", "the storage emulator's CommonStatusEntries"),
    ("NotImplemented", "the storage emulator's CommonStatusEntries"),
    ("PublicAccessNotPermitted", "azure-sdk-for-java, BlobApiTests.java"),
    ("TagsTooLarge", "Azurite, StorageErrorFactory.ts"),
    ("UnsatisfiableCondition", "Azurite, StorageErrorFactory.ts; the storage emulator's CommonStatusEntries"),
];

/// Codes that Azure has not, for what Azure has not.
const OURS: &[&str] = &["QuotaExceeded"];

#[test]
fn every_code_is_one_that_azure_has() {
    for code in Code::ALL {
        let name = code.name();
        let known = LISTED.contains(&name) || SHOWN.iter().any(|(shown, _)| *shown == name);
        assert!(known != OURS.contains(&name), "{name} is in none of the lists, or in too many");
        let known = code.statuses().iter().all(|status| (300..600).contains(status));
        assert!(known && !code.statuses().is_empty(), "{name}");
    }
    let has = |name: &str| Code::ALL.iter().any(|code| code.name() == name);
    for name in SHOWN.iter().map(|(name, _)| name).chain(OURS) {
        assert!(has(name), "{name} is not sent: take it off the list");
    }
}

#[test]
fn a_code_comes_with_its_own_status_only() {
    assert!(Code::BlobNotFound.comes_with(StatusCode::NOT_FOUND));
    assert!(!Code::BlobNotFound.comes_with(StatusCode::BAD_REQUEST));
    assert!(Code::CannotVerifyCopySource.comes_with(StatusCode::UNAUTHORIZED), "the source's");
    let wrong = std::panic::catch_unwind(|| Refusal::new(StatusCode::CONFLICT, Code::BlobNotFound, ""));
    assert!(wrong.is_err(), "a refusal with a status that its code has not");
}
