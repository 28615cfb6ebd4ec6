//! What gateway errors become on the S3 wire: one total match.
//!
//! # Invariants
//! - No `_` arm: a new gateway error does not compile until it has its answer here.
//! - The texts of 5xx are fixed. Causes go to the log, under the request id that the client also has.

use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::header::{CONTENT_RANGE, ETAG, LAST_MODIFIED, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use s3s::{S3Error, S3ErrorCode};

use super::context::Context;
use super::headers;
use crate::gateway::{BodyError, Error};
use crate::model::Denied;

/// Seconds that a client waits before it tries again, where nothing better is known.
const BUSY_SECONDS: u64 = 1;
const SEALED_SECONDS: u64 = 30;

/// Whoever may not list (`hide`) must not learn that an object is not there.
pub(super) fn hidden(error: Error, hide: bool) -> Error {
    match error {
        Error::NoSuchKey if hide => Error::AccessDenied,
        error => error,
    }
}

/// The S3 answer to a gateway error. Logs what the operator must know.
pub(super) fn answer(error: Error, context: &Context) -> S3Error {
    let answer = match &error {
        Error::AccessDenied => plain("AccessDenied", 403, "Access Denied"),
        Error::NoSuchBucket | Error::NoSuchSource { bucket: true } => {
            plain("NoSuchBucket", 404, "The specified bucket does not exist")
        }
        Error::NoSuchKey | Error::NoSuchSource { bucket: false } => {
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
        Error::NotModified { version } => {
            let mut found = HeaderMap::new();
            headers::put(&mut found, ETAG, &headers::quoted(&version.etag));
            headers::put(&mut found, LAST_MODIFIED, &headers::http_date(version.modified));
            if let Some(text) = &version.metadata.system.cache_control {
                headers::put(&mut found, http::header::CACHE_CONTROL, text);
            }
            with(plain("NotModified", 304, "Not Modified"), found)
        }
        Error::RangeNotSatisfiable { length } => {
            let mut found = HeaderMap::new();
            headers::put(&mut found, CONTENT_RANGE, &format!("bytes */{length}"));
            with(plain("InvalidRange", 416, "The requested range is not satisfiable"), found)
        }
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
        Error::DigestMismatch { which } => {
            let text = format!("The {which} you specified did not match what we received.");
            S3Error::with_message(code("BadDigest"), text)
        }
        Error::Body(BodyError::Incomplete) => plain(
            "IncompleteBody",
            400,
            "You did not provide the number of bytes specified by the Content-Length header",
        ),
        Error::Body(BodyError::Signature) if context.hash_mismatch.load(Ordering::Relaxed) => payload_hash_mismatch(),
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
        | Error::Panicked(_) => plain("InternalError", 500, "We encountered an internal error. Please try again."),
    };
    if answer.status_code().is_none_or(|status| status.is_server_error()) {
        tracing::error!(request = %context.id, cause = %chain(&error), "an operation failed");
    } else {
        tracing::debug!(request = %context.id, cause = %error, "an operation was refused");
    }
    named(answer, context)
}

/// The answer to a request without the grant it needs.
pub(super) fn denied(_denied: Denied, context: &Context) -> S3Error {
    answer(Error::AccessDenied, context)
}

/// 501: the feature is not there. `what` names it for the log at debug level.
pub(super) fn not_implemented(what: &str) -> S3Error {
    tracing::debug!(what, "not implemented");
    plain("NotImplemented", 501, NOT_IMPLEMENTED)
}

/// 400 with a text that is fit for the client.
pub(super) fn invalid(code_name: &'static str, text: &'static str) -> S3Error {
    plain(code_name, 400, text)
}

/// The signature names another region; the answer names the right one, in a header and in its XML.
pub(super) fn wrong_region(expected: &str) -> S3Error {
    let text = "The authorization is malformed; the region is not the one of this endpoint.";
    let mut error = invalid("AuthorizationHeaderMalformed", text);
    if let Ok(region) = HeaderValue::from_str(expected) {
        error.set_headers(HeaderMap::from_iter([(BUCKET_REGION, region)]));
    }
    error
}

/// The body does not hash to what was signed.
pub(super) fn payload_hash_mismatch() -> S3Error {
    plain(
        "XAmzContentSHA256Mismatch",
        400,
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    )
}

/// An error with this code, status and text.
pub(super) fn plain(code_name: &'static str, status: u16, text: &'static str) -> S3Error {
    let mut error = S3Error::with_message(code(code_name), text);
    error.set_status_code(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    error
}

/// The code of that name.
pub(super) fn code(name: &str) -> S3ErrorCode {
    S3ErrorCode::from_bytes(name.as_bytes()).unwrap_or(S3ErrorCode::InternalError)
}

fn named(mut error: S3Error, context: &Context) -> S3Error {
    error.set_request_id(context.id.as_str());
    error
}

fn unavailable() -> S3Error {
    plain("ServiceUnavailable", 503, "Service is unable to handle request. Please try again later.")
}

fn retry(error: S3Error, after: Duration) -> S3Error {
    let seconds = after.as_secs().max(1).to_string();
    let mut headers = HeaderMap::new();
    headers::put(&mut headers, RETRY_AFTER, &seconds);
    with(error, headers)
}

fn with(mut error: S3Error, headers: HeaderMap<HeaderValue>) -> S3Error {
    error.set_headers(headers);
    error
}

/// The error and its causes in one line, for the log.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// The region that signatures must name, as a response header.
pub(super) const BUCKET_REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");

/// The id of a request, as a response header.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");

const NOT_IMPLEMENTED: &str = "A header or query you provided implies functionality that is not implemented.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::server::RequestId;

    #[test]
    fn server_errors_say_nothing_of_their_cause() {
        let context = Context::new(RequestId::generate(), false);
        let error = answer(Error::Integrity, &context);
        assert_eq!(error.status_code(), Some(StatusCode::INTERNAL_SERVER_ERROR));
        assert!(!error.message().unwrap().contains("integrity"));
        assert_eq!(error.request_id(), Some(context.id.as_str()));
    }

    #[test]
    fn errors_that_pass_say_when_to_try_again() {
        let context = Context::new(RequestId::generate(), false);
        for (error, seconds) in [(Error::Busy, "1"), (Error::Sealed, "30")] {
            let answer = answer(error, &context);
            assert_eq!(answer.status_code(), Some(StatusCode::SERVICE_UNAVAILABLE));
            assert_eq!(answer.headers().unwrap()[RETRY_AFTER], seconds);
        }
    }

    #[test]
    fn a_range_outside_tells_the_length() {
        let answer = answer(Error::RangeNotSatisfiable { length: 7 }, &Context::new(RequestId::generate(), false));
        assert_eq!(answer.headers().unwrap()[CONTENT_RANGE], "bytes */7");
        assert_eq!(answer.code().as_str(), "InvalidRange");
    }
}
