//! What becomes of part ids: handed out, committed, or known to be nobody's; whatever clients, catalog and process do.
//!
//! # Invariants
//! - Each id that may have left chunks is settled in the end: its part is in the catalog, or its chunks are queued for
//!   deletion, or the next start finds it in a block that is still open.
//! - A commit that has begun runs to its end in a task of its own, whether or not its client waits for it.

mod doubts;
mod own_task;
mod parts;

pub(in crate::gateway) use own_task::in_own_task;
pub(in crate::gateway) use parts::{PartIds, PartTicket};
