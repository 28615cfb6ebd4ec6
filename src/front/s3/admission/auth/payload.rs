//! What a signature says of the body.

use http::HeaderMap;

use crate::front::s3::wire::errors::{self, invalid};
use crate::front::s3::wire::refusal::Refusal;
use crate::front::s3::wire::sigv4::{CONTENT_SHA256, UNSIGNED};

/// What a signature says of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::front::s3) enum Payload {
    /// Nothing.
    Unsigned,
    /// Its SHA-256.
    Sha256([u8; 32]),
    /// It comes in chunks, each signed.
    Chunks {
        /// Whether trailers follow, signed as well.
        trailing: bool,
    },
    /// It comes in chunks that are not signed; trailers follow.
    UnsignedChunks,
}

impl Payload {
    /// What the headers of a request that was proven say.
    pub(super) fn of(headers: &HeaderMap, presigned: bool) -> Result<Self, Refusal> {
        let Some(value) = headers.get(CONTENT_SHA256) else { return Ok(Self::Unsigned) };
        let text = value.to_str().unwrap_or_default();
        if presigned && text.starts_with("STREAMING-") {
            return Err(errors::not_implemented("chunks under a presigned URL"));
        }
        match text {
            UNSIGNED => Ok(Self::Unsigned),
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => Ok(Self::UnsignedChunks),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => Ok(Self::Chunks { trailing: false }),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => Ok(Self::Chunks { trailing: true }),
            other if other.starts_with("STREAMING-") => Err(errors::not_implemented("this signature of chunks")),
            other => {
                let mut hash = [0; 32];
                match hex::decode_to_slice(other, &mut hash) {
                    Ok(()) => Ok(Self::Sha256(hash)),
                    Err(_cause) => Err(invalid(
                        "InvalidArgument",
                        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
                         STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 \
                         value.",
                    )),
                }
            }
        }
    }
}
