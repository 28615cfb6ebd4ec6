//! Every operation of the Blob service, those that are refused too: each request is one of them.
//!
//! Source: "Operations on the account (Blob Storage)", "Operations on containers", "Operations on blobs".

use crate::front::exchange::UNKNOWN;

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// What a request asks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(in crate::front::azure) enum Operation {
            $($(#[$doc])* $name,)+
        }

        impl Operation {
            /// What metrics call it.
            pub(in crate::front::azure) fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }
        }

        /// What metrics call each; [`UNKNOWN`] while it is not known which.
        pub(in crate::front::azure) const NAMES: &[&str] = &[$(stringify!($name),)+ UNKNOWN];
    };
}

operations! {
    // --- the account
    ListContainers,
    GetServiceProperties,
    SetServiceProperties,
    GetServiceStats,
    PreflightRequest,
    GetAccountInformation,
    GetUserDelegationKey,
    /// Of the account, or of one container.
    Batch,
    /// In the account, or in one container.
    FindBlobsByTags,
    // --- containers
    CreateContainer,
    GetContainerProperties,
    GetContainerMetadata,
    SetContainerMetadata,
    GetContainerAcl,
    SetContainerAcl,
    DeleteContainer,
    LeaseContainer,
    RestoreContainer,
    RenameContainer,
    ListBlobs,
    // --- blobs
    PutBlob,
    PutBlobFromUrl,
    GetBlob,
    GetBlobProperties,
    GetBlobMetadata,
    SetBlobProperties,
    SetBlobMetadata,
    GetBlobTags,
    SetBlobTags,
    SetBlobTier,
    LeaseBlob,
    SnapshotBlob,
    CopyBlob,
    CopyBlobFromUrl,
    AbortCopyBlob,
    DeleteBlob,
    UndeleteBlob,
    SetBlobExpiry,
    SetImmutabilityPolicy,
    DeleteImmutabilityPolicy,
    SetLegalHold,
    QueryBlobContents,
    // --- block blobs
    PutBlock,
    PutBlockFromUrl,
    PutBlockList,
    GetBlockList,
    // --- append blobs
    AppendBlock,
    AppendBlockFromUrl,
    SealAppendBlob,
    // --- page blobs
    PutPage,
    PutPageFromUrl,
    GetPageRanges,
    IncrementalCopyBlob,
}
