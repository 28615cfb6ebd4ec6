//! What is not what was stored: counted, logged, and one uniform error towards the client.

use super::Error;
use super::bodies::Step;
use crate::catalog::{CatalogError, Failure};
use crate::keys::KeyError;
use crate::model::PartId;
use crate::store::StoreError;

/// An incident of a provider: a chunk that does not open, or is not there.
pub(super) fn of_chunk(step: &Step, what: &'static str) -> Error {
    let provider = step.part.placements.first().map_or_else(String::new, ToString::to_string);
    tracing::error!(part = %step.part.id, chunk = step.index, provider, what, "integrity incident");
    metrics::counter!("ecluse_integrity_incidents_total", "provider" => provider).increment(1);
    Error::Integrity
}

/// A chunk that is not there. One that was stored a moment ago may be seen late: the client is told to come again.
pub(super) fn of_missing(step: &Step, what: &'static str) -> Error {
    if !step.part.may_be_late() {
        return of_chunk(step, what);
    }
    let provider = step.part.placements.first().map_or_else(String::new, ToString::to_string);
    tracing::warn!(part = %step.part.id, chunk = step.index, provider, "a new chunk is not seen yet");
    metrics::counter!("ecluse_late_chunks_total", "provider" => provider).increment(1);
    StoreError::Unavailable { retry_after: None, cause: Some(Box::new(StoreError::NotFound)) }.into()
}

/// A wrapped key that does not open, or under a key that never was, is an incident of the catalog: nobody but who writes
/// there can have made it so. The client's error is the same as for an incident of a provider.
pub(super) fn of_wrapped_key(part: PartId, error: KeyError) -> Error {
    if matches!(error, KeyError::Refused | KeyError::UnknownKey) {
        tracing::error!(%part, what = "a wrapped key does not open", "integrity incident in the catalog");
        metrics::counter!("ecluse_catalog_incidents_total").increment(1);
    }
    error.into()
}

/// Rows of the catalog that contradict each other: an incident as well.
pub(super) fn of_rows(what: &'static str) -> Error {
    tracing::error!(what, "integrity incident in the catalog");
    metrics::counter!("ecluse_catalog_incidents_total").increment(1);
    Error::Catalog(CatalogError::Failed(Failure::Damaged(what)))
}
