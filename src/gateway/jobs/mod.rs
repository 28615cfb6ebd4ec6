//! Background jobs of the gateway.
//!
//! # Invariants
//! - A job may be stopped at any point and begun again: what it did not finish is still in the catalog.
//! - No job holds anything that a client waits for.

mod clock;
mod collect;
mod custody;
mod merge;
mod orphans;
mod purge;
mod scrub;
mod store;
mod sweep;
mod usage;

pub use clock::watch_clock;
pub use collect::collect;
pub use custody::watch_custodian;
pub use merge::merge;
pub use orphans::{Compared, Comparison, OrphanError, Stray, compare_names, delete_orphans};
pub use purge::purge;
pub use scrub::{ScrubError, ScrubSettings, scrub, scrub_now};
pub use store::watch_store;
pub use sweep::{SweepError, sweep, sweep_again};
pub use usage::watch_usage;
