//! What a version carries beside its bytes.

use std::collections::BTreeMap;

use super::Checksum;

/// Headers that HTTP and both protocols define and that come back as they went in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemMetadata {
    /// `Content-Type`; absent means the protocol's default.
    pub content_type: Option<String>,
    /// `Content-Encoding`, without `aws-chunked`.
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Expires`, as it was sent.
    pub expires: Option<String>,
    /// S3's `x-amz-website-redirect-location`.
    pub website_redirect: Option<String>,
    /// S3's storage class, when not STANDARD.
    pub storage_class: Option<String>,
}

/// All that a version carries beside its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// System headers.
    pub system: SystemMetadata,
    /// User metadata: lower-case name (without `x-amz-meta-`) → value.
    pub user: BTreeMap<String, String>,
    /// MD5 of the whole plaintext, where it is known.
    pub content_md5: Option<[u8; 16]>,
    /// Checksums that the client sent or asked for.
    pub checksums: Vec<Checksum>,
}
