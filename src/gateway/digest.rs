//! Digests of plaintext: what clients claim, and what is computed beside sealing.

use crate::model::{Checksum, ChecksumAlgorithm};

/// Which digests to compute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digests {
    /// MD5, beyond what ETags need.
    pub md5: bool,
    /// Checksums.
    pub checksums: Vec<ChecksumAlgorithm>,
}

/// What a client says a body's digest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// `Content-MD5`.
    Md5([u8; 16]),
    /// `x-amz-checksum-*`, from a header or a trailer.
    Checksum(Checksum),
    /// `x-amz-content-sha256` of the whole payload, when it is not checked elsewhere.
    PayloadSha256([u8; 32]),
}

impl Claim {
    /// The algorithm of a checksum claim.
    pub fn algorithm(&self) -> Option<ChecksumAlgorithm> {
        match self {
            Self::Checksum(checksum) => Some(checksum.algorithm),
            Self::Md5(_) | Self::PayloadSha256(_) => None,
        }
    }
}
