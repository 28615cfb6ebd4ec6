//! What gateway errors become on the Azure wire: one total match.
//!
//! # Invariants
//! - No `_` arm over gateway errors: a new one does not compile until it has its answer here.
//! - The texts of 5xx are fixed. Causes go to the log, under the request id that the client also has.
//!
//! Source: "Blob service error codes", "Common REST API error codes", "Lease Blob", "Lease Container".

use std::time::Duration;

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_RANGE, ETAG, LAST_MODIFIED, RETRY_AFTER};

use super::codes::Code;
use super::context::Context;
use super::operation::Operation;
use super::refusal::Refusal;
use crate::front::http_date;
use crate::gateway::{BodyError, Error};
use crate::model::LeaseFault;

/// Seconds that a client waits before it tries again, where nothing better is known.
const BUSY: Duration = Duration::from_secs(1);
const SEALED: Duration = Duration::from_secs(30);

/// The Azure answer to a gateway error in `operation`. Logs what the operator must know.
pub(in crate::front::azure) fn answer(error: Error, operation: Operation, context: &Context) -> Refusal {
    let refusal = refusal(&error, operation);
    if refusal.status.is_server_error() {
        tracing::error!(request = %context.id(), cause = %error.with_causes(), "an operation failed");
    } else {
        tracing::debug!(request = %context.id(), cause = %error, "an operation was refused");
    }
    refusal
}

fn refusal(error: &Error, operation: Operation) -> Refusal {
    match error {
        Error::AccessDenied => Refusal::not_permitted(),
        Error::NoSuchBucket => plain(404, Code::ContainerNotFound, "The specified container does not exist."),
        Error::NoSuchKey => plain(404, Code::BlobNotFound, "The specified blob does not exist."),
        Error::NoSuchUpload => plain(404, Code::ResourceNotFound, "The specified resource does not exist."),
        Error::BucketExists => plain(409, Code::ContainerAlreadyExists, "The specified container already exists."),
        Error::BucketNotEmpty => plain(409, Code::ContainerBeingDeleted, "The specified container is not empty."),
        Error::PreconditionFailed | Error::NothingToMatch => condition_not_met(),
        Error::QuotaExceeded => plain(409, Code::QuotaExceeded, "The quota of this account or container is exceeded."),
        Error::NoSuchSource { bucket: true } => refusal(&Error::NoSuchBucket, operation).of_source(),
        Error::NoSuchSource { bucket: false } => refusal(&Error::NoSuchKey, operation).of_source(),
        Error::SourcePreconditionFailed => plain(
            412,
            Code::SourceConditionNotMet,
            "The source condition specified using HTTP conditional header(s) is not met.",
        ),
        Error::NotModified { version } => {
            let made = plain(304, Code::ConditionNotMet, NOT_MET)
                .header(ETAG, &format!("\"{}\"", version.state_tag()))
                .header(LAST_MODIFIED, &http_date::written(version.modified));
            match &version.metadata.system.cache_control {
                // Get Blob Metadata tells no content headers.
                Some(text) if operation != Operation::GetBlobMetadata => made.header(CACHE_CONTROL, text),
                _ => made,
            }
        }
        Error::RangeNotSatisfiable { length } => {
            plain(416, Code::InvalidRange, "The range specified is invalid for the current size of the resource.")
                .header(CONTENT_RANGE, &format!("bytes */{length}"))
        }
        Error::InvalidPart | Error::InvalidPartOrder | Error::PartTooSmall => {
            plain(400, Code::InvalidBlockList, "The specified block list is invalid.")
        }
        Error::InvalidBlock if operation == Operation::PutBlockList => {
            plain(400, Code::InvalidBlockList, "The specified block list is invalid.")
        }
        Error::InvalidBlock => plain(400, Code::InvalidBlobOrBlock, "The specified blob or block content is invalid."),
        Error::TooManySlices if operation == Operation::PutBlockList => plain(
            400,
            Code::BlockListTooLong,
            "The block list names blocks that are made of too many pieces of other blobs, more than 65,536 in all.",
        ),
        Error::TooManySlices => plain(
            409,
            Code::BlockCountExceedsLimit,
            "The block or the blob would be made of too many pieces of other blobs: 10,000 for a block, 65,536 for a blob.",
        ),
        Error::TooManyBlocks if operation == Operation::PutBlockList => {
            plain(400, Code::BlockListTooLong, "The block list may not contain more than 50,000 blocks.")
        }
        Error::TooManyBlocks => plain(
            409,
            Code::BlockCountExceedsLimit,
            "The uncommitted block count cannot exceed the maximum limit of 100,000 blocks, nor the committed block count \
             that of 50,000 blocks.",
        ),
        Error::Lease(fault) => lease(*fault, operation),
        Error::Archived => archived(),
        Error::SnapshotsPresent => {
            plain(409, Code::SnapshotsPresent, "This operation is not permitted while the blob has snapshots.")
        }
        Error::WrongKind => plain(409, Code::InvalidBlobType, "The blob type is invalid for this operation."),
        Error::AppendClosed => {
            plain(409, Code::BlobIsSealed, "The specified blob is sealed and its contents can't be modified.")
        }
        Error::AppendPosition => {
            plain(412, Code::AppendPositionConditionNotMet, "The append position condition specified was not met.")
        }
        Error::AppendLength => {
            plain(412, Code::MaxBlobSizeConditionNotMet, "The max blob size condition specified was not met.")
        }
        Error::TooLarge => too_large(),
        Error::DigestMismatch { which: "Content-MD5" } => plain(
            400,
            Code::Md5Mismatch,
            "The MD5 value specified in the request did not match with the MD5 value calculated by the server.",
        ),
        Error::DigestMismatch { which: _ } | Error::Body(BodyError::Checksum) => plain(
            400,
            Code::Crc64Mismatch,
            "The CRC64 value specified in the request did not match with the CRC64 value calculated by the server.",
        ),
        Error::Body(BodyError::Incomplete) => plain(400, Code::InvalidInput, "The request body broke off."),
        Error::Body(BodyError::Signature | BodyError::Malformed) => {
            plain(400, Code::InvalidInput, "The request body is not framed as its headers say.")
        }
        Error::Body(BodyError::Timeout) => {
            plain(500, Code::OperationTimedOut, "The operation could not be completed within the permitted time.")
        }
        Error::Invalid(text) => plain(400, Code::InvalidInput, text),
        Error::NotImplemented(_) => Refusal::not_implemented(),
        Error::Busy => retry(plain(503, Code::ServerBusy, "The server is busy."), BUSY),
        Error::Conflict => {
            retry(plain(503, Code::ServerBusy, "The source changed while it was read. Try again."), BUSY)
        }
        Error::Sealed => retry(unavailable(), SEALED),
        Error::NoWrites { retry_after } => retry(unavailable(), *retry_after),
        Error::ProviderUnavailable { retry_after, cause: _ } => retry(unavailable(), *retry_after),
        Error::Stopping(_) => retry(unavailable(), BUSY),
        // It is unpacked where it becomes an error of the gateway.
        Error::Body(BodyError::Source(_))
        | Error::Integrity
        | Error::Catalog(_)
        | Error::Keys(_)
        | Error::Seal(_)
        | Error::Panicked(_) => {
            plain(500, Code::InternalError, "The server encountered an internal error. Please retry the request.")
        }
    }
}

fn lease(fault: LeaseFault, operation: Operation) -> Refusal {
    let container = is_of_container(operation);
    match fault {
        LeaseFault::IdMissing if container => plain(
            412,
            Code::LeaseIdMissing,
            "There is currently a lease on the container and no lease ID was specified in the request.",
        ),
        LeaseFault::IdMissing => plain(
            412,
            Code::LeaseIdMissing,
            "There is currently a lease on the blob and no lease ID was specified in the request.",
        ),
        LeaseFault::IdMismatch if container => plain(
            412,
            Code::LeaseIdMismatchWithContainerOperation,
            "The lease ID specified did not match the lease ID for the container.",
        ),
        LeaseFault::IdMismatch => plain(
            412,
            Code::LeaseIdMismatchWithBlobOperation,
            "The lease ID specified did not match the lease ID for the blob.",
        ),
        LeaseFault::NotPresent if container => {
            plain(412, Code::LeaseNotPresentWithContainerOperation, "There is currently no lease on the container.")
        }
        LeaseFault::NotPresent => {
            plain(412, Code::LeaseNotPresentWithBlobOperation, "There is currently no lease on the blob.")
        }
        LeaseFault::Lost => {
            plain(412, Code::LeaseLost, "A lease ID was specified, but the lease for the blob/container has expired.")
        }
        LeaseFault::AlreadyPresent => plain(409, Code::LeaseAlreadyPresent, "There is already a lease present."),
        LeaseFault::ActionIdMismatch => plain(
            409,
            Code::LeaseIdMismatchWithLeaseOperation,
            "The lease ID specified did not match the lease ID for the blob/container.",
        ),
        LeaseFault::ActionNotPresent => {
            plain(409, Code::LeaseNotPresentWithLeaseOperation, "There is currently no lease on the blob/container.")
        }
        LeaseFault::BreakingCannotAcquire => plain(
            409,
            Code::LeaseIsBreakingAndCannotBeAcquired,
            "The lease ID matched, but the lease is currently in breaking state and cannot be acquired until it is broken.",
        ),
        LeaseFault::BreakingCannotChange => plain(
            409,
            Code::LeaseIsBreakingAndCannotBeChanged,
            "The lease ID matched, but the lease is currently in breaking state and cannot be changed.",
        ),
        LeaseFault::BrokenCannotRenew => plain(
            409,
            Code::LeaseIsBrokenAndCannotBeRenewed,
            "The lease ID matched, but the lease has been broken explicitly and cannot be renewed.",
        ),
    }
}

fn is_of_container(operation: Operation) -> bool {
    use Operation as Op;
    matches!(
        operation,
        Op::CreateContainer
            | Op::GetContainerProperties
            | Op::GetContainerMetadata
            | Op::SetContainerMetadata
            | Op::GetContainerAcl
            | Op::SetContainerAcl
            | Op::DeleteContainer
            | Op::LeaseContainer
            | Op::ListBlobs
    )
}

/// 412.
pub(in crate::front::azure) fn condition_not_met() -> Refusal {
    plain(412, Code::ConditionNotMet, NOT_MET)
}

/// 409: the blob is there, and should not be.
pub(in crate::front::azure) fn blob_exists() -> Refusal {
    plain(409, Code::BlobAlreadyExists, "The specified blob already exists.")
}

/// 409: what is in the archive is neither read nor changed.
pub(in crate::front::azure) fn archived() -> Refusal {
    plain(409, Code::BlobArchived, "This operation is not permitted on an archived blob.")
}

/// 413.
pub(in crate::front::azure) fn too_large() -> Refusal {
    plain(413, Code::RequestBodyTooLarge, "The request body is too large and exceeds the maximum permissible limit.")
}

/// A refusal with that status, code and text.
pub(in crate::front::azure) fn plain(status: u16, code: Code, text: &'static str) -> Refusal {
    Refusal::new(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), code, text)
}

fn unavailable() -> Refusal {
    plain(503, Code::ServerBusy, "The server is currently unable to receive requests. Please retry your request.")
}

fn retry(refusal: Refusal, after: Duration) -> Refusal {
    refusal.header(RETRY_AFTER, &after.as_secs().max(1).to_string())
}

const NOT_MET: &str = "The condition specified using HTTP conditional header(s) is not met.";

/// 501: pages are written in place, sealed parts are not. See `docs/compatibility/azure.md`.
pub(in crate::front::azure) fn no_page_blobs() -> Refusal {
    let text = "Page blobs are not implemented. Use block blobs or append blobs.";
    Refusal::new(StatusCode::NOT_IMPLEMENTED, Code::NotImplemented, text)
}

/// 400: append blobs have no tier.
pub(in crate::front::azure) fn no_tier_here() -> Refusal {
    let text = "The access tier is not supported for this blob type.";
    Refusal::new(StatusCode::BAD_REQUEST, Code::AccessTierNotSupportedForBlobType, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_errors_say_nothing_of_their_cause() {
        let made = refusal(&Error::Integrity, Operation::GetBlob);
        assert_eq!((made.status.as_u16(), made.code), (500, "InternalError"));
        assert!(!made.text.contains("integrity"));
    }

    #[test]
    fn errors_that_pass_say_when_to_try_again() {
        for (error, seconds) in [(Error::Busy, "1"), (Error::Sealed, "30")] {
            let made = refusal(&error, Operation::PutBlob);
            assert_eq!(made.status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(made.headers[RETRY_AFTER], seconds);
        }
    }

    #[test]
    fn a_lease_fault_names_what_is_leased() {
        let of = |operation| refusal(&Error::Lease(LeaseFault::IdMismatch), operation).code;
        assert_eq!(of(Operation::PutBlob), "LeaseIdMismatchWithBlobOperation");
        assert_eq!(of(Operation::DeleteContainer), "LeaseIdMismatchWithContainerOperation");
    }
}
