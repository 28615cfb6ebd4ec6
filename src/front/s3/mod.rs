//! The S3 front, on hyper, from Amazon's API reference.
//!
//! A request is taken apart and its caller proven ([`admission`]), then [`dispatch`] leads to what does it ([`operations`]).
//! All of them read and write S3's words by [`wire`]. Imports go down: `service` → `dispatch` → `operations` → `admission` →
//! `wire`.
//!
//! # Invariants
//! - Every request is signed with SigV4, by a client that is configured now. There is no anonymous access.
//! - Each request is one [`wire::operation::Operation`]; which body it takes and which sub-resources are its own are total
//!   matches. An operation, parameter or header that is not implemented is refused, never ignored.
//! - HEAD and GET make their headers in one place, so they agree.
//! - What gateway errors become is one total match, in [`wire::errors`].

mod admission;
mod dispatch;
mod operations;
mod service;
mod wire;

pub use service::{S3Front, S3Settings};
pub use wire::chunked::decode_chunked;
pub use wire::ranges::parse_range;
pub use wire::xml::read_any as read_s3_xml;
