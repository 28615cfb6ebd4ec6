//! The Azure Blob front, on hyper, from Microsoft's REST reference.
//!
//! A request is taken apart ([`address`], [`routing`]), its caller proven ([`auth`]), what is not here refused
//! ([`unsupported`]), and then [`dispatch`] leads to the operation: [`put`], [`get`], [`blocks`], [`append`], [`copy`],
//! [`revise`], [`lease`], [`tagging`], [`containers`], [`listing`], [`account`], [`batches`].
//!
//! # Invariants
//! - Every request is authenticated, by a shared key, a shared access signature or a bearer token, as a client that is
//!   configured now. There is no anonymous access.
//! - Each request is one [`operation::Operation`]; what it needs of a signature's permissions is one total match. An
//!   operation, parameter or header that is not implemented is refused, never ignored.
//! - HEAD, GET and lists make their properties in one place ([`shown`]), so they agree.
//! - What gateway errors become is one total match, in [`errors`].

mod account;
mod address;
mod append;
mod ask;
mod asked;
mod auth;
mod batch;
mod batches;
mod blocks;
mod conditions;
mod containers;
mod context;
mod copy;
mod dispatch;
mod errors;
mod get;
mod lease;
mod listing;
mod operation;
mod outbound;
mod properties;
mod put;
mod ranges;
mod refusal;
mod reply;
mod revise;
mod routing;
mod service;
mod shown;
mod structured;
mod tagging;
mod tokens;
mod unsupported;
mod versions;
mod xml;

pub use auth::{
    Bearer, BearerError, BearerSettings, BearerSetupError, Jwks, TokenClients, canonical_request, parse_sas,
};
pub use batch::count_parts as parse_batch;
pub use ranges::parse as parse_azure_range;
pub use reply::Outgoing;
pub use service::{AzureFront, AzureSettings};
pub use structured::decode_all as decode_structured;
pub use xml::read_any as read_azure_xml;
