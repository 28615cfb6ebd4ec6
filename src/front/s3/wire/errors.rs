//! What gateway errors become on the S3 wire: one total match.
//!
//! # Invariants
//! - No `_` arm: a new gateway error does not compile until it has its answer here.
//! - The texts of 5xx are fixed. Causes go to the log, under the request id that the client also has.

use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_RANGE, ETAG, LAST_MODIFIED, RETRY_AFTER};
use http::{HeaderName, StatusCode};

use super::headers;
use crate::front::exchange::Exchange;
use crate::front::http_date;
use crate::front::s3::wire::refusal::Refusal;
use crate::gateway::{BodyError, Error};

/// Seconds that a client waits before it tries again, where nothing better is known.
const BUSY_SECONDS: u64 = 1;
const SEALED_SECONDS: u64 = 30;

/// Whoever may not list (`hide`) must not learn that an object is not there.
pub(in crate::front::s3) fn hidden(error: Error, hide: bool) -> Error {
    match error {
        Error::NoSuchKey if hide => Error::AccessDenied,
        error => error,
    }
}

/// The S3 answer to a gateway error. Logs what the operator must know.
pub(in crate::front::s3) fn answer(error: Error, exchange: &Exchange) -> Refusal {
    let refusal = refusal(&error);
    if refusal.status.is_server_error() {
        tracing::error!(request = %exchange.id(), cause = %error.with_causes(), "an operation failed");
    } else {
        tracing::debug!(request = %exchange.id(), cause = %error, "an operation was refused");
    }
    refusal
}

fn refusal(error: &Error) -> Refusal {
    match error {
        Error::AccessDenied => plain("AccessDenied", 403, "Access Denied"),
        Error::NoSuchBucket | Error::NoSuchSource { bucket: true } => {
            plain("NoSuchBucket", 404, "The specified bucket does not exist")
        }
        Error::NoSuchKey | Error::NoSuchSource { bucket: false } | Error::NothingToMatch => {
            plain("NoSuchKey", 404, "The specified key does not exist.")
        }
        Error::NoSuchUpload => plain(
            "NoSuchUpload",
            404,
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or \
             completed.",
        ),
        Error::BucketExists => plain("BucketAlreadyOwnedByYou", 409, "The bucket exists already, and you own it."),
        Error::BucketNotEmpty => plain("BucketNotEmpty", 409, "The bucket you tried to delete is not empty"),
        Error::QuotaExceeded => plain("QuotaExceeded", 403, "The quota of this client or bucket is exceeded."),
        Error::PreconditionFailed | Error::SourcePreconditionFailed => {
            plain("PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold")
        }
        Error::NotModified { version } => plain("NotModified", 304, "Not Modified")
            .header(ETAG, &headers::quoted(&version.etag))
            .header(LAST_MODIFIED, &http_date::written(version.modified))
            .header(CACHE_CONTROL, version.metadata.system.cache_control.as_deref().unwrap_or_default()),
        Error::RangeNotSatisfiable { length } => plain("InvalidRange", 416, "The requested range is not satisfiable")
            .header(CONTENT_RANGE, &format!("bytes */{length}"))
            .detail("ActualObjectSize", length.to_string()),
        Error::InvalidPart => plain(
            "InvalidPart",
            400,
            "One or more of the specified parts could not be found. The part may not have been uploaded, or the \
             specified entity tag may not match the part's entity tag.",
        ),
        Error::InvalidPartOrder => plain(
            "InvalidPartOrder",
            400,
            "The list of parts was not in ascending order. The parts list must be specified in order by part number.",
        ),
        Error::PartTooSmall => {
            plain("EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size")
        }
        // S3 has no leases: another system, which speaks Azure Blob, keeps the object for itself for a while.
        Error::Lease(_) => plain(
            "OperationAborted",
            409,
            "A conflicting conditional operation is currently in progress against this resource. Try again.",
        ),
        Error::SnapshotsPresent => plain(
            "InvalidObjectState",
            403,
            "The object has snapshots, which S3 cannot show. Delete them through Azure Blob first.",
        ),
        Error::Archived
        | Error::WrongKind
        | Error::AppendClosed
        | Error::AppendPosition
        | Error::AppendLength
        | Error::InvalidBlock
        | Error::TooManyBlocks => plain("InvalidObjectState", 403, "The operation is not valid for the object's state"),
        Error::TooManySlices => plain(
            "InvalidRequest",
            400,
            "What you asked for would be made of too many pieces of other objects. Upload its bytes, or copy smaller ranges.",
        ),
        Error::TooLarge => plain("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size"),
        Error::DigestMismatch { which: PAYLOAD } => plain(
            "XAmzContentSHA256Mismatch",
            400,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ),
        Error::DigestMismatch { which } => {
            let text = format!("The {which} you specified did not match what we received.");
            Refusal::new(StatusCode::BAD_REQUEST, "BadDigest", text)
        }
        Error::Body(BodyError::Incomplete) => plain(
            "IncompleteBody",
            400,
            "You did not provide the number of bytes specified by the Content-Length header",
        ),
        Error::Body(BodyError::Signature) => plain(
            "SignatureDoesNotMatch",
            403,
            "The signature of a chunk of the body does not match the signature you provided.",
        ),
        Error::Body(BodyError::Malformed | BodyError::Checksum) => {
            plain("InvalidRequest", 400, "The body's framing or trailer is malformed.")
        }
        Error::Body(BodyError::Timeout) => plain(
            "RequestTimeout",
            400,
            "Your socket connection to the server was not read from or written to within the timeout period.",
        ),
        Error::Invalid(text) => plain("InvalidArgument", 400, text),
        Error::NotImplemented(_) => plain("NotImplemented", 501, NOT_IMPLEMENTED),
        Error::Busy => {
            retry(plain("SlowDown", 503, "Please reduce your request rate."), Duration::from_secs(BUSY_SECONDS))
        }
        Error::Conflict => plain(
            "OperationAborted",
            409,
            "A conflicting operation is in progress against this resource. Please try again.",
        ),
        Error::Sealed => retry(unavailable(), Duration::from_secs(SEALED_SECONDS)),
        Error::NoWrites { retry_after } => retry(unavailable(), *retry_after),
        Error::ProviderUnavailable { retry_after, cause: _ } => retry(unavailable(), *retry_after),
        Error::Stopping(_) => retry(unavailable(), Duration::from_secs(BUSY_SECONDS)),
        // It is unpacked where it becomes an error of the gateway.
        Error::Body(BodyError::Source(_))
        | Error::Integrity
        | Error::Catalog(_)
        | Error::Keys(_)
        | Error::Seal(_)
        | Error::Panicked(_) => internal(),
    }
}

/// 501: the feature is not there. `what` names it for the log at debug level.
pub(in crate::front::s3) fn not_implemented(what: &str) -> Refusal {
    tracing::debug!(what, "not implemented");
    plain("NotImplemented", 501, NOT_IMPLEMENTED)
}

/// 400 with a text that is fit for the client.
pub(in crate::front::s3) fn invalid(code: &'static str, text: &'static str) -> Refusal {
    plain(code, 400, text)
}

/// The signature names another region; the answer names the right one, in a header and in its XML.
pub(in crate::front::s3) fn wrong_region(expected: &str) -> Refusal {
    let text = "The authorization is malformed; the region is not the one of this endpoint.";
    invalid("AuthorizationHeaderMalformed", text).header(BUCKET_REGION, expected).detail("Region", expected)
}

/// 400: a body that should be XML is not as it must be.
pub(in crate::front::s3) fn malformed_xml() -> Refusal {
    let text = "The XML you provided was not well-formed or did not validate against our published schema";
    invalid("MalformedXML", text)
}

/// 404: there are no versions but the current one, which S3 calls `null` where versioning was never on.
pub(in crate::front::s3) fn no_such_version() -> Refusal {
    plain("NoSuchVersion", 404, "The specified version does not exist.")
}

/// 403.
pub(in crate::front::s3) fn access_denied() -> Refusal {
    plain("AccessDenied", 403, "Access Denied")
}

/// 500: our fault.
pub(in crate::front::s3) fn access_forbidden() -> Refusal {
    let text = "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request \
                method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the \
                resource's CORS spec.";
    Refusal::new(StatusCode::FORBIDDEN, "AccessForbidden", text)
}

/// 500.
pub(in crate::front::s3) fn internal() -> Refusal {
    plain("InternalError", 500, "We encountered an internal error. Please try again.")
}

/// An error with this code, status and text.
pub(in crate::front::s3) fn plain(code: &'static str, status: u16, text: &'static str) -> Refusal {
    Refusal::new(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), code, text)
}

fn unavailable() -> Refusal {
    plain("ServiceUnavailable", 503, "Service is unable to handle request. Please try again later.")
}

fn retry(refusal: Refusal, after: Duration) -> Refusal {
    refusal.header(RETRY_AFTER, &after.as_secs().max(1).to_string())
}

/// The region that signatures must name, as a response header.
pub(in crate::front::s3) const BUCKET_REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");

/// The id of a request, as a response header.
pub(in crate::front::s3) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");

const NOT_IMPLEMENTED: &str = "A header or query you provided implies functionality that is not implemented.";

/// What the gateway calls the hash of a body as it was signed.
const PAYLOAD: &str = "x-amz-content-sha256";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_errors_say_nothing_of_their_cause() {
        let made = refusal(&Error::Integrity);
        assert_eq!((made.status.as_u16(), made.code), (500, "InternalError"));
        assert!(!made.text.contains("integrity"));
    }

    #[test]
    fn errors_that_pass_say_when_to_try_again() {
        for (error, seconds) in [(Error::Busy, "1"), (Error::Sealed, "30")] {
            let made = refusal(&error);
            assert_eq!(made.status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(made.headers[RETRY_AFTER], seconds);
        }
    }

    #[test]
    fn a_range_outside_tells_the_length() {
        let made = refusal(&Error::RangeNotSatisfiable { length: 7 });
        assert_eq!((&made.headers[CONTENT_RANGE], made.code), (&"bytes */7".parse().unwrap(), "InvalidRange"));
        assert_eq!(made.details, [("ActualObjectSize", "7".to_owned())]);
    }

    #[test]
    fn a_condition_on_what_is_not_there_is_told_as_such() {
        assert_eq!(refusal(&Error::NothingToMatch).code, "NoSuchKey");
        assert_eq!(refusal(&Error::PreconditionFailed).code, "PreconditionFailed");
    }

    #[test]
    fn a_body_that_was_not_signed_is_no_bad_digest() {
        assert_eq!(refusal(&Error::DigestMismatch { which: PAYLOAD }).code, "XAmzContentSHA256Mismatch");
        assert_eq!(refusal(&Error::DigestMismatch { which: "CRC32" }).code, "BadDigest");
    }
}
