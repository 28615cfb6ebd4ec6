//! Metrics of one provider.
//!
//! `ecluse_provider_calls_total{provider,operation,outcome}`, `ecluse_provider_call_seconds{provider,operation}`,
//! `ecluse_provider_bytes_total{provider,direction}`, `ecluse_provider_retries_total{provider,operation}` and
//! `ecluse_provider_breaker_open{provider}`. A call is one attempt; a get's seconds end when its body begins.

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge, histogram};

use super::StoreError;
use crate::model::ProviderName;

/// One call of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// [`ChunkStore::put`](super::ChunkStore::put).
    Put,
    /// [`ChunkStore::create`](super::ChunkStore::create).
    Create,
    /// [`ChunkStore::get`](super::ChunkStore::get).
    Get,
    /// [`ChunkStore::delete`](super::ChunkStore::delete).
    Delete,
    /// [`ChunkStore::exists`](super::ChunkStore::exists).
    Exists,
    /// [`ChunkStore::names`](super::ChunkStore::names).
    Names,
    /// [`ChunkStore::probe`](super::ChunkStore::probe).
    Probe,
}

impl Call {
    fn label(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Create => "create",
            Self::Get => "get",
            Self::Delete => "delete",
            Self::Exists => "exists",
            Self::Names => "names",
            Self::Probe => "probe",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Meter(Arc<str>);

impl Meter {
    pub(super) fn new(provider: &ProviderName) -> Self {
        Self(provider.as_str().into())
    }

    pub(super) fn called<T>(&self, call: Call, result: &Result<T, StoreError>, took: Duration) {
        let outcome = result.as_ref().map_or_else(outcome, |_| "ok");
        let operation = call.label();
        counter!("ecluse_provider_calls_total", "provider" => Arc::clone(&self.0), "operation" => operation,
            "outcome" => outcome)
        .increment(1);
        histogram!("ecluse_provider_call_seconds", "provider" => Arc::clone(&self.0), "operation" => operation)
            .record(took);
    }

    /// Turned away without a call: the breaker is open, or no place came free.
    pub(super) fn turned_away(&self, call: Call) {
        counter!("ecluse_provider_calls_total", "provider" => Arc::clone(&self.0), "operation" => call.label(),
            "outcome" => "turned_away")
        .increment(1);
    }

    /// A body that did not come to its end.
    pub(super) fn broke_off(&self, error: &StoreError) {
        counter!("ecluse_provider_calls_total", "provider" => Arc::clone(&self.0), "operation" => "body",
            "outcome" => outcome(error))
        .increment(1);
    }

    pub(super) fn retried(&self, call: Call) {
        counter!("ecluse_provider_retries_total", "provider" => Arc::clone(&self.0), "operation" => call.label())
            .increment(1);
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.moved("out", bytes);
    }

    pub(super) fn received(&self, bytes: usize) {
        self.moved("in", bytes);
    }

    fn moved(&self, direction: &'static str, bytes: usize) {
        counter!("ecluse_provider_bytes_total", "provider" => Arc::clone(&self.0), "direction" => direction)
            .increment(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    pub(super) fn breaker(&self, open: bool) {
        gauge!("ecluse_provider_breaker_open", "provider" => Arc::clone(&self.0)).set(if open { 1.0 } else { 0.0 });
    }
}

fn outcome(error: &StoreError) -> &'static str {
    match error {
        StoreError::NotFound => "not_found",
        StoreError::Unavailable { .. } => "unavailable",
        StoreError::Refused(_) => "refused",
        StoreError::Interrupted(_) => "interrupted",
        StoreError::Mismatch => "mismatch",
        StoreError::Panicked => "panic",
        StoreError::Deadline => "deadline",
        StoreError::UnknownProvider => "unknown_provider",
    }
}
