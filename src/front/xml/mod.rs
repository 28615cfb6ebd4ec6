//! XML, for both fronts: a reader within limits and a writer.
//!
//! # Invariants
//! - What is read is bounded. Character data is what stands there, in CDATA sections and as references, too.
//! - What is written is escaped in one place, and always a document that can be read.

mod tree;
mod write;

pub(in crate::front) use tree::{Fault, Node, Reading, each, root};
pub(in crate::front) use write::{Writer, can_carry, url_encoded};
