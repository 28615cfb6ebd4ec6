//! One error for all that the gateway answers. Its variants say whose fault it is, whether trying again may help, and
//! what the client may learn. Each front maps it totally, without a `_` arm.

use std::error::Error as _;
use std::fmt::Write as _;
use std::time::Duration;

use tokio::task::JoinError;

use super::fair::Crowded;
use super::operations::BodyError;
use crate::catalog::{CatalogError, Refusal};
use crate::keys::KeyError;
use crate::model::LeaseFault;
use crate::store::StoreError;

/// When a client should try again after a provider failed without saying when.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Longest wait that a client is asked for. A provider's own word may be a date, and so as wrong as either clock, or
/// meant to send clients away.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);

/// Why the gateway did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    // --- the client's fault, or its question answered --------------------------------------------------------------
    /// 403. No grant covers the operation.
    #[error("access denied")]
    AccessDenied,
    /// 404.
    #[error("no such bucket")]
    NoSuchBucket,
    /// 404.
    #[error("no such key")]
    NoSuchKey,
    /// 404.
    #[error("no such upload")]
    NoSuchUpload,
    /// 409. The tenant has it already.
    #[error("the bucket exists")]
    BucketExists,
    /// 409.
    #[error("the bucket is not empty")]
    BucketNotEmpty,
    /// 412.
    #[error("a precondition failed")]
    PreconditionFailed,
    /// `If-Match` of a write, and nothing is there. S3 `NoSuchKey` (404), Azure `ConditionNotMet` (412).
    #[error("a precondition on what is not there")]
    NothingToMatch,
    /// The client would have, or the bucket would hold, more than its quota allows. The client's fault; again is of no use until
    /// something was deleted. S3 `QuotaExceeded` (403), Azure `QuotaExceeded` (409).
    #[error("a quota is exceeded")]
    QuotaExceeded,
    /// 412. A condition on the source of a copy.
    #[error("a precondition on the source failed")]
    SourcePreconditionFailed,
    /// 404. The source of a copy is not there.
    #[error("the source of a copy is not there")]
    NoSuchSource {
        /// Not even its bucket is.
        bucket: bool,
    },
    /// 304, with the version's validators.
    #[error("not modified")]
    NotModified {
        /// The version that was not modified.
        version: Box<crate::catalog::Version>,
    },
    /// 416.
    #[error("the range lies outside of the object")]
    RangeNotSatisfiable {
        /// The object's length in bytes.
        length: u64,
    },
    /// 400. A part number or tag of a completion does not exist.
    #[error("a part of the completion does not exist or was replaced")]
    InvalidPart,
    /// 400. Part numbers of a completion do not ascend.
    #[error("the parts are not in ascending order")]
    InvalidPartOrder,
    /// 400. A part other than the last is too small.
    #[error("a part is smaller than allowed")]
    PartTooSmall,
    /// 409 or 412. A lease forbids it, or a lease action was refused.
    #[error("lease: {0}")]
    Lease(#[from] LeaseFault),
    /// 409. The object is in the archive, and the operation must not change it there.
    #[error("the object is in the archive")]
    Archived,
    /// 409. The object has snapshots, and the deletion said nothing of them.
    #[error("the object has snapshots")]
    SnapshotsPresent,
    /// 409. The operation is for objects of another kind.
    #[error("the object is of another kind")]
    WrongKind,
    /// 409. Nothing may be appended to the object any more.
    #[error("the object is closed to appending")]
    AppendClosed,
    /// 412. The object has not the length that the append named.
    #[error("the object has another length than the append expects")]
    AppendPosition,
    /// 412. The object would become longer than the append allows.
    #[error("the object would be longer than the append allows")]
    AppendLength,
    /// 400. A block is not there, or its name has another length than the others'.
    #[error("a block is not there, or its name does not fit")]
    InvalidBlock,
    /// 409. More blocks than an object may have.
    #[error("too many blocks")]
    TooManyBlocks,
    /// 400 or 409. The object, the block or the part would be made of too many pieces of others.
    #[error("too many slices")]
    TooManySlices,
    /// 400. The body or the object would be larger than allowed.
    #[error("too large")]
    TooLarge,
    /// 400. What the client says of the body's digest is not so.
    #[error("a digest does not match the body")]
    DigestMismatch {
        /// Which: `Content-MD5`, `CRC32`, …
        which: &'static str,
    },
    /// 400 or 408. The body did not arrive whole.
    #[error(transparent)]
    Body(BodyError),
    /// 400. Anything else that is wrong with the request; the text is fit for the client.
    #[error("{0}")]
    Invalid(&'static str),
    /// 501.
    #[error("not implemented: {0}")]
    NotImplemented(&'static str),

    // --- nobody's fault; try again ---------------------------------------------------------------------------------
    /// 503 SlowDown. Limits are reached.
    #[error("busy")]
    Busy,
    /// 409. Changed under the request's feet too often; try again.
    #[error("the object changed meanwhile")]
    Conflict,

    // --- the operator must act -------------------------------------------------------------------------------------
    /// 503. The custodian is away.
    #[error("the gateway is sealed")]
    Sealed,
    /// 503 with Retry-After. It is not certain that the providers are this catalog's alone, or certain that they are not; or the
    /// gateway only reads.
    #[error("no writes are taken at the moment")]
    NoWrites {
        /// When to try again.
        retry_after: Duration,
    },
    /// 503 with Retry-After. The provider is away.
    #[error("the provider is unavailable")]
    ProviderUnavailable {
        /// When to try again.
        retry_after: Duration,
        /// Why, for the log.
        #[source]
        cause: Box<StoreError>,
    },
    /// 500. What the provider gave is not what was stored. The client learns nothing of it.
    #[error("integrity incident")]
    Integrity,
    /// 500. The catalog failed.
    #[error("the catalog failed")]
    Catalog(#[source] CatalogError),
    /// 500. The keyring or the sealer failed.
    #[error("sealing failed")]
    Keys(#[source] KeyError),
    /// 500. The sealer failed.
    #[error("sealing failed")]
    Seal(#[source] crate::seal::SealError),

    // --- our fault -------------------------------------------------------------------------------------------------
    /// 500. A task that did a part of the work panicked. What it panicked with is not kept: it may name an object.
    #[error("{0} ended in a panic")]
    Panicked(&'static str),
    /// 503. The process ends, and a task that did a part of the work ended with it.
    #[error("{0} was cut off: the process ends")]
    Stopping(&'static str),
}

impl Error {
    /// The error and its causes in one line, for the log.
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            // Writing to a String cannot fail.
            let _ = write!(text, ": {error}");
            cause = error.source();
        }
        text
    }

    /// A task did not end by itself. `task` says which, for the log.
    pub(in crate::gateway) fn lost(task: &'static str, join: &JoinError) -> Self {
        if join.is_panic() { Self::Panicked(task) } else { Self::Stopping(task) }
    }
}

impl From<BodyError> for Error {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Source(error) => *error,
            error => Self::Body(error),
        }
    }
}

impl From<CatalogError> for Error {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Refused(refusal) => refusal.into(),
            CatalogError::Failed(_) => Self::Catalog(error),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoSuchBucket => Self::NoSuchBucket,
            Refusal::BucketExists => Self::BucketExists,
            Refusal::BucketNotEmpty => Self::BucketNotEmpty,
            Refusal::NoSuchKey => Self::NoSuchKey,
            Refusal::NoSuchUpload => Self::NoSuchUpload,
            Refusal::InvalidPart { .. } => Self::InvalidPart,
            Refusal::PreconditionFailed => Self::PreconditionFailed,
            Refusal::NothingToMatch => Self::NothingToMatch,
            Refusal::QuotaExceeded => Self::QuotaExceeded,
            Refusal::SourceChanged => Self::Conflict,
            Refusal::Lease(fault) => Self::Lease(fault),
            Refusal::Archived => Self::Archived,
            Refusal::SnapshotsPresent => Self::SnapshotsPresent,
            Refusal::WrongKind => Self::WrongKind,
            Refusal::AppendClosed => Self::AppendClosed,
            Refusal::AppendPosition => Self::AppendPosition,
            Refusal::AppendLength => Self::AppendLength,
            Refusal::InvalidBlock => Self::InvalidBlock,
            Refusal::TooManyBlocks => Self::TooManyBlocks,
            Refusal::TooManySlices => Self::TooManySlices,
            // Nobody who asks for something of a client is answered so.
            Refusal::Committed => Self::Catalog(refusal.into()),
        }
    }
}

impl From<Crowded> for Error {
    fn from(_crowded: Crowded) -> Self {
        Self::Busy
    }
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Sealed => Self::Sealed,
            KeyError::UnknownKey
            | KeyError::Refused
            | KeyError::WrongRootKey
            | KeyError::Custodian(_)
            | KeyError::NoRandomness(_) => Self::Keys(error),
        }
    }
}

impl From<StoreError> for Error {
    /// A chunk that is missing is an integrity incident: the catalog says that it is there.
    fn from(error: StoreError) -> Self {
        let retry_after = match &error {
            StoreError::NotFound => return Self::Integrity,
            StoreError::Unavailable { retry_after, .. } => retry_after.unwrap_or(RETRY_AFTER).min(LONGEST_RETRY_AFTER),
            StoreError::Refused(_)
            | StoreError::Interrupted(_)
            | StoreError::Mismatch
            | StoreError::Panicked
            | StoreError::Deadline
            | StoreError::UnknownProvider => RETRY_AFTER,
        };
        Self::ProviderUnavailable { retry_after, cause: Box::new(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_cannot_send_clients_away_for_years() {
        let told = |wait: Option<u64>| {
            let retry_after = wait.map(Duration::from_secs);
            match Error::from(StoreError::Unavailable { retry_after, cause: None }) {
                Error::ProviderUnavailable { retry_after, .. } => retry_after.as_secs(),
                other => panic!("{other}"),
            }
        };
        assert_eq!(told(None), 5);
        assert_eq!(told(Some(40)), 40);
        assert_eq!(told(Some(10 * 365 * 86_400)), 300);
    }
}
