//! The Azure Blob front, on hyper, from Microsoft's REST reference.
//!
//! A request is taken apart and its caller proven ([`admission`]), then [`dispatch`] leads to what does it ([`operations`]).
//! All of them read and write Azure's words by [`wire`]. Imports go down: `service` → `dispatch` → `operations` → `admission` →
//! `wire`.
//!
//! # Invariants
//! - Every request is authenticated, by a shared key, a shared access signature or a bearer token, as a client that is
//!   configured now. There is no anonymous access.
//! - Each request is one [`wire::operation::Operation`]; what it needs of a signature's permissions is one total match. An
//!   operation, parameter or header that is not implemented is refused, never ignored.
//! - HEAD, GET and lists make their properties in one place ([`wire::shown`]), so they agree.
//! - What gateway errors become is one total match, in [`wire::errors`].

mod admission;
mod dispatch;
mod operations;
mod service;
mod wire;

pub use admission::auth::{
    Bearer, BearerError, BearerSettings, BearerSetupError, Jwks, TokenClients, canonical_request, parse_sas,
};
pub use service::{AzureFront, AzureSettings};
pub use wire::batch::count_parts as parse_batch;
pub use wire::ranges::parse as parse_azure_range;
pub use wire::structured::decode_all as decode_structured;
pub use wire::xml::read_any as read_azure_xml;
