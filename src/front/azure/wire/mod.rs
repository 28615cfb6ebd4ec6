//! Azure's words on the wire: headers, XML, dates, ranges, conditions, errors, and how each is read and written.
//!
//! # Invariants
//! - What is read here is read as it was sent: nobody is proven and nothing is done.
//! - HEAD, GET and lists make their properties in one place ([`shown`]).

pub(super) mod asked;
pub(super) mod batch;
pub(super) mod codes;
pub(super) mod conditions;
pub(super) mod context;
pub(super) mod errors;
pub(super) mod operation;
pub(super) mod outbound;
pub(super) mod properties;
pub(super) mod ranges;
pub(super) mod refusal;
pub(super) mod refused;
pub(super) mod shown;
pub(super) mod structured;
pub(super) mod tokens;
pub(super) mod xml;
