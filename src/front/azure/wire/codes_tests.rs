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

/// What shows a code with its statuses.
const BLOB: &str = "the page \"Blob service error codes\"";
const COMMON: &str = "the page \"Common REST API error codes\"";
const AZURITE: &str = "StorageErrorFactory.ts of Azurite";
const EMULATOR: &str = "CommonStatusEntries of Microsoft's storage emulator";

/// The statuses that codes come with, and what of Microsoft's shows it.
const SHOWN: &[(&str, &[u16], &str)] = &[
    ("AccessTierNotSupportedForBlobType", &[400], AZURITE),
    ("AllBatchSubRequestsShouldBeSameApi", &[400], "azure-sdk-for-cpp, blob_batch_client_test.cpp"),
    ("AppendPositionConditionNotMet", &[412], AZURITE),
    ("AuthenticationFailed", &[403], AZURITE),
    ("AuthorizationFailure", &[403], AZURITE),
    ("AuthorizationPermissionMismatch", &[403], AZURITE),
    ("AuthorizationProtocolMismatch", &[403], AZURITE),
    ("AuthorizationResourceTypeMismatch", &[403], AZURITE),
    ("AuthorizationServiceMismatch", &[403], AZURITE),
    ("AuthorizationSourceIPMismatch", &[403], AZURITE),
    ("BlobAlreadyExists", &[409], AZURITE),
    ("BlobArchived", &[409], AZURITE),
    ("BlobIsSealed", &[409], AZURITE),
    ("BlobNotFound", &[404], AZURITE),
    ("BlockCountExceedsLimit", &[409], AZURITE),
    ("BlockListTooLong", &[400], BLOB),
    ("BothCrc64AndMd5HeaderPresent", &[400], AZURITE),
    ("BothCrc64AndMd5RangeHeaderPresent", &[400], EMULATOR),
    ("CannotVerifyCopySource", &[500], BLOB),
    ("ConditionNotMet", &[304, 412], COMMON),
    ("ContainerAlreadyExists", &[409], AZURITE),
    ("ContainerBeingDeleted", &[409], BLOB),
    ("ContainerNotFound", &[404], AZURITE),
    ("CorsPreflightFailure", &[403], AZURITE),
    ("Crc64Mismatch", &[400], AZURITE),
    ("DuplicateTagNames", &[400], AZURITE),
    ("EmptyMetadataKey", &[400], COMMON),
    ("EmptyTagName", &[400], AZURITE),
    ("ExceedsMaxBatchRequestCount", &[400], "azure-sdk-for-net, BlobBatchClientTests.cs"),
    ("HierarchicalNamespaceNotEnabled", &[400], "what Apache Arrow's azurefs.cc looks for in an account's answer"),
    ("InsufficientAccountPermissions", &[403], COMMON),
    ("InternalError", &[500], COMMON),
    ("InvalidAuthenticationInfo", &[400, 401], COMMON),
    ("InvalidBlobOrBlock", &[400], AZURITE),
    ("InvalidBlobType", &[409], AZURITE),
    ("InvalidBlockList", &[400], AZURITE),
    ("InvalidCrc64", &[400], EMULATOR),
    ("InvalidHeaderValue", &[400], COMMON),
    ("InvalidInput", &[400], COMMON),
    ("InvalidMd5", &[400], COMMON),
    ("InvalidMetadata", &[400], AZURITE),
    ("InvalidQueryParameterValue", &[400], AZURITE),
    ("InvalidRange", &[416], AZURITE),
    ("InvalidResourceName", &[400], AZURITE),
    ("InvalidUri", &[400], EMULATOR),
    ("InvalidXmlDocument", &[400], AZURITE),
    ("InvalidXmlNodeValue", &[400], EMULATOR),
    ("LeaseAlreadyPresent", &[409], AZURITE),
    ("LeaseIdMismatchWithBlobOperation", &[412], AZURITE),
    ("LeaseIdMismatchWithContainerOperation", &[412], AZURITE),
    ("LeaseIdMismatchWithLeaseOperation", &[409], AZURITE),
    ("LeaseIdMissing", &[412], AZURITE),
    ("LeaseIsBreakingAndCannotBeAcquired", &[409], AZURITE),
    ("LeaseIsBreakingAndCannotBeChanged", &[409], AZURITE),
    ("LeaseIsBrokenAndCannotBeRenewed", &[409], AZURITE),
    ("LeaseLost", &[412], BLOB),
    ("LeaseNotPresentWithBlobOperation", &[412], AZURITE),
    ("LeaseNotPresentWithContainerOperation", &[412], AZURITE),
    ("LeaseNotPresentWithLeaseOperation", &[409], AZURITE),
    ("MaxBlobSizeConditionNotMet", &[412], AZURITE),
    ("Md5Mismatch", &[400], AZURITE),
    ("MetadataTooLarge", &[400], EMULATOR),
    ("MissingContentLengthHeader", &[411], EMULATOR),
    ("MissingRequiredHeader", &[400], EMULATOR),
    ("MissingRequiredQueryParameter", &[400], EMULATOR),
    ("MultipleConditionHeadersNotSupported", &[400], AZURITE),
    ("NoAuthenticationInformation", &[401], COMMON),
    ("NoPendingCopyOperation", &[409], AZURITE),
    ("NotImplemented", &[501], EMULATOR),
    ("OperationTimedOut", &[500], EMULATOR),
    ("OutOfRangeInput", &[400], AZURITE),
    ("OutOfRangeQueryParameterValue", &[400], EMULATOR),
    ("PublicAccessNotPermitted", &[409], "azure-sdk-for-java, BlobApiTests.java"),
    ("RequestBodyTooLarge", &[413], EMULATOR),
    ("ResourceNotFound", &[404], AZURITE),
    ("ServerBusy", &[503], EMULATOR),
    ("SnapshotsPresent", &[409], AZURITE),
    ("SourceConditionNotMet", &[412], EMULATOR),
    ("TagsTooLarge", &[400], AZURITE),
    ("UnauthorizedBlobOverwrite", &[403], BLOB),
    ("UnsatisfiableCondition", &[400], AZURITE),
    ("UnsupportedHeader", &[400], EMULATOR),
    ("UnsupportedHttpVerb", &[405], EMULATOR),
];

/// Codes that Azure has not, for what Azure has not.
const OURS: &[&str] = &["QuotaExceeded"];

#[test]
fn every_code_is_one_that_azure_has_and_comes_with_azure_s_statuses() {
    for code in Code::ALL {
        let name = code.name();
        let shown = SHOWN.iter().find(|(shown, ..)| *shown == name);
        assert!(shown.is_some() != OURS.contains(&name), "{name} is in none of the lists, or in too many");
        let Some((_, statuses, source)) = shown else { continue };
        assert_eq!(code.statuses(), *statuses, "{name}: {source}");
        let of_a_page = [BLOB, COMMON].contains(source);
        assert!(!of_a_page || LISTED.contains(&name), "{name} is on no page");
    }
    for name in SHOWN.iter().map(|(name, ..)| name).chain(OURS) {
        assert!(Code::ALL.iter().any(|code| code.name() == *name), "{name} is not sent: take it off the list");
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
