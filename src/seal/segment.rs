//! One segment: AES-256-GCM, by two implementations that open each other's output.

/// Seals and opens one segment in place.
pub trait SegmentCipher {}
/// AES-256-GCM of aws-lc-rs: the bulk path.
pub struct AwsLc;
/// AES-256-GCM of RustCrypto: the witness.
pub struct RustCrypto;
impl SegmentCipher for AwsLc {}
impl SegmentCipher for RustCrypto {}
