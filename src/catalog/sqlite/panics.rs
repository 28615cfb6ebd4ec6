//! A panic in one piece of work is that work's failure, and nobody else's.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::catalog::{CatalogError, Failure};

/// What `work` answers; [`Failure::Panicked`] when it ends in a panic.
///
/// What it borrows must be fit for use after that. A connection is: statements that were under way are reset as they are
/// dropped, and what was written is rolled back by the caller, with the savepoint or the transaction that it belongs to.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T, CatalogError>) -> Result<T, CatalogError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_panic| {
        // What it said is in the report of the panic.
        tracing::error!("work of the catalog ended in a panic");
        metrics::counter!("ecluse_panics_total").increment(1);
        Err(CatalogError::Failed(Failure::Panicked))
    })
}
