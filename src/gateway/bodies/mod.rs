//! Bodies on their way through: plaintext in, sealed chunks out, and back; and the memory that they take for it.
//!
//! [`Budget`] hands out memory, [`Spool`] is where sealed bytes of slow clients wait on disk. A body that comes is sealed
//! by `seal_body`, chunk after chunk on its `lane`, with its digests computed beside it (`hashing`, `digest`). A body that
//! goes follows a `read_plan`, `pages` of its parts at a time, and comes out of a `reader`. How memory is lent, shrunk and spilled: `docs/memory.md`.
//!
//! # Invariants
//! - Every byte of a body that is in memory belongs to a [`Share`] of the one [`Budget`].
//! - Plaintext is never written to disk; what is spooled is sealed.
//! - Nothing here knows who may do what, or commits anything: that is done by whoever asks for a body.

mod budget;
mod digest;
mod hashing;
mod lane;
mod pages;
mod read_plan;
mod reader;
mod seal_body;
mod small;
mod spool;

pub use budget::{Budget, Share};
pub use digest::{Claim, Crc, Digests, verify_claims};
pub(in crate::gateway) use digest::{Computed, Hashers, combine};
pub(in crate::gateway) use pages::Pages;
pub(in crate::gateway) use read_plan::Step;
pub(in crate::gateway) use reader::Reader;
pub use small::SmallBody;
pub use spool::Spool;
