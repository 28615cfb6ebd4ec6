//! The S3 front, on the `s3s` crate.
//!
//! `s3s` parses requests, checks SigV4 signatures and encodes XML. This front adds what `s3s` leaves open: it screens
//! requests before they reach `s3s` ([`auth`]), looks the client up ([`access`]), refuses features that are not there
//! ([`refuse`]), answers GET and HEAD of objects itself ([`get`]), and gives every answer its request id ([`service`]).
//!
//! # Invariants
//! - Every request is signed with SigV4, by a client that is configured now. There is no anonymous access.
//! - An operation or header that is not implemented is refused, never ignored.
//! - HEAD and GET make their headers in one place, so they agree.
//! - What gateway errors become is one total match, in [`errors`].

mod access;
mod address;
mod auth;
mod body;
mod buckets;
mod checksums;
mod chunked;
mod conditions;
mod context;
mod copy;
mod delete;
mod errors;
mod get;
mod headers;
mod listing;
mod multipart;
mod operations;
mod put;
mod ranges;
mod refuse;
mod service;
mod tagging;
mod xml;

pub use chunked::decode_chunked;
pub use ranges::parse_range;
pub use service::{Outgoing, S3Front, S3Settings};
