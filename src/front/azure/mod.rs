//! The Azure Blob front, on hyper, from Microsoft's REST reference.
//!
//! # Invariants
//! - Every request is authenticated, by a shared key, a shared access signature or a bearer token, as a client that is
//!   configured now. There is no anonymous access.
//! - Each request is one [`operation::Operation`]; what it needs of a signature's permissions is one total match. An
//!   operation, parameter or header that is not implemented is refused, never ignored.
//! - HEAD, GET and lists make their properties in one place, so they agree.
//! - What gateway errors become is one total match, in [`errors`].

mod asked;
mod auth;
mod batch;
mod operation;
mod refusal;
mod structured;
mod tokens;

pub use auth::{Bearer, BearerError, BearerSettings, BearerSetupError, Jwks, canonical_request, parse_sas};
pub use batch::count_parts as parse_batch;
pub use structured::decode_all as decode_structured;
