//! S3's words on the wire: headers, XML, ranges, conditions, errors, signatures, and how each is read and written.
//!
//! # Invariants
//! - What is read here is read as it was sent: nobody is proven and nothing is done.

pub(super) mod asked;
pub(super) mod checksums;
pub(super) mod chunked;
pub(super) mod conditions;
pub(super) mod cors_xml;
pub(super) mod errors;
pub(super) mod headers;
pub(super) mod operation;
pub(super) mod ranges;
pub(super) mod refusal;
pub(super) mod refused;
pub(super) mod sigv4;
pub(super) mod xml;
