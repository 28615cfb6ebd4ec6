//! Azure's error codes: all that this front can send, with the statuses that each is published with.
//!
//! # Invariants
//! - A refusal takes a [`Code`], so a code that is not in this table cannot be sent.
//! - Every code but `QuotaExceeded` is Azure's own: `codes_tests.rs` holds the table against Microsoft's lists.

use http::StatusCode;

macro_rules! codes {
    ($($name:ident: $($status:literal),+;)+) => {
        /// An error code of the Blob service.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::front::azure) enum Code {
            $(#[doc = concat!("`", stringify!($name), "`")] $name,)+
        }

        impl Code {
            /// All of them.
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name,)+];

            /// As it goes over the wire.
            pub(in crate::front::azure) const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// The statuses that it comes with.
            const fn statuses(self) -> &'static [u16] {
                match self {
                    $(Self::$name => &[$($status),+],)+
                }
            }
        }
    };
}

impl Code {
    /// Whether it comes with that status. The source of a copy lends its own: see "Copy Blob", status code.
    pub(in crate::front::azure) fn comes_with(self, status: StatusCode) -> bool {
        self == Self::CannotVerifyCopySource || self.statuses().contains(&status.as_u16())
    }
}

codes! {
    AccessTierNotSupportedForBlobType: 400;
    AllBatchSubRequestsShouldBeSameApi: 400;
    AppendPositionConditionNotMet: 412;
    AuthenticationFailed: 403;
    AuthorizationFailure: 403;
    AuthorizationPermissionMismatch: 403;
    AuthorizationProtocolMismatch: 403;
    AuthorizationResourceTypeMismatch: 403;
    AuthorizationServiceMismatch: 403;
    AuthorizationSourceIPMismatch: 403;
    BlobAlreadyExists: 409;
    BlobArchived: 409;
    BlobIsSealed: 409;
    BlobNotFound: 404;
    BlockCountExceedsLimit: 409;
    BlockListTooLong: 400;
    BothCrc64AndMd5HeaderPresent: 400;
    BothCrc64AndMd5RangeHeaderPresent: 400;
    CannotVerifyCopySource: 500;
    ConditionNotMet: 304, 412;
    ContainerAlreadyExists: 409;
    ContainerBeingDeleted: 409;
    ContainerNotFound: 404;
    CorsPreflightFailure: 403;
    Crc64Mismatch: 400;
    DuplicateTagNames: 400;
    EmptyMetadataKey: 400;
    EmptyTagName: 400;
    ExceedsMaxBatchRequestCount: 400;
    HierarchicalNamespaceNotEnabled: 400;
    InsufficientAccountPermissions: 403;
    InternalError: 500;
    InvalidAuthenticationInfo: 400, 401;
    InvalidBlobOrBlock: 400;
    InvalidBlobType: 409;
    InvalidBlockList: 400;
    InvalidCrc64: 400;
    InvalidHeaderValue: 400;
    InvalidInput: 400;
    InvalidMd5: 400;
    InvalidMetadata: 400;
    InvalidQueryParameterValue: 400;
    InvalidRange: 416;
    InvalidResourceName: 400;
    InvalidUri: 400;
    InvalidXmlDocument: 400;
    InvalidXmlNodeValue: 400;
    LeaseAlreadyPresent: 409;
    LeaseIdMismatchWithBlobOperation: 412;
    LeaseIdMismatchWithContainerOperation: 412;
    LeaseIdMismatchWithLeaseOperation: 409;
    LeaseIdMissing: 412;
    LeaseIsBreakingAndCannotBeAcquired: 409;
    LeaseIsBreakingAndCannotBeChanged: 409;
    LeaseIsBrokenAndCannotBeRenewed: 409;
    LeaseLost: 412;
    LeaseNotPresentWithBlobOperation: 412;
    LeaseNotPresentWithContainerOperation: 412;
    LeaseNotPresentWithLeaseOperation: 409;
    MaxBlobSizeConditionNotMet: 412;
    Md5Mismatch: 400;
    MetadataTooLarge: 400;
    MissingContentLengthHeader: 411;
    MissingRequiredHeader: 400;
    MissingRequiredQueryParameter: 400;
    MultipleConditionHeadersNotSupported: 400;
    NoAuthenticationInformation: 401;
    NoPendingCopyOperation: 409;
    NotImplemented: 501;
    OperationTimedOut: 500;
    OutOfRangeInput: 400;
    OutOfRangeQueryParameterValue: 400;
    PublicAccessNotPermitted: 409;
    QuotaExceeded: 409;
    RequestBodyTooLarge: 413;
    ResourceNotFound: 404;
    ServerBusy: 503;
    SnapshotsPresent: 409;
    SourceConditionNotMet: 412;
    TagsTooLarge: 400;
    UnauthorizedBlobOverwrite: 403;
    UnsatisfiableCondition: 400;
    UnsupportedHeader: 400;
    UnsupportedHttpVerb: 405;
}

#[cfg(test)]
#[path = "codes_tests.rs"]
mod tests;
