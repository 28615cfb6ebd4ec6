//! The S3 front, spoken to by hand over real sockets: what no well-behaved client sends.

mod bodies;
mod bucket_tags;
mod cors;
mod letters;
mod permissions;
mod proofs;
mod reading;
mod requests;
mod truths;

use testing::s3::sigv4::sha256;

const KEY: &str = "/imaging/patients/Hélène (1).dcm";

/// What `x-amz-checksum-sha256` says of these bytes.
pub fn base64_sha256(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(hex::decode(sha256(bytes)).unwrap())
}
