//! Identity, epochs, and the providers that the catalog's marker lies at.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::{MemoryCatalog, scrub};
use crate::catalog::{Belonging, CatalogError, QueuedDeletion};
use crate::model::{CatalogIdentity, EpochEntry, Epochs, Part, PartId, ProviderName, TenantId};

/// What the catalog knows of itself.
#[derive(Clone, Default)]
pub(super) struct Itself {
    identity: Option<CatalogIdentity>,
    epochs: Epochs,
    marked: BTreeSet<ProviderName>,
}

#[async_trait]
impl Belonging for MemoryCatalog {
    async fn identity(&self) -> Result<Option<CatalogIdentity>, CatalogError> {
        self.with(|state| Ok(state.itself.identity.clone()))
    }

    async fn put_identity(&self, identity: CatalogIdentity) -> Result<CatalogIdentity, CatalogError> {
        self.with(|state| Ok(state.itself.identity.get_or_insert(identity).clone()))
    }

    async fn epochs(&self) -> Result<Epochs, CatalogError> {
        self.with(|state| Ok(state.itself.epochs))
    }

    async fn intend_epoch(&self, entry: EpochEntry) -> Result<(), CatalogError> {
        self.with(|state| {
            state.itself.epochs.intended = Some(entry);
            Ok(())
        })
    }

    async fn enter_epoch(&self, entry: EpochEntry) -> Result<(), CatalogError> {
        self.with(|state| {
            state.itself.epochs = Epochs { entered: Some(entry), intended: None };
            Ok(())
        })
    }

    async fn marked_providers(&self) -> Result<Vec<ProviderName>, CatalogError> {
        self.with(|state| Ok(state.itself.marked.iter().cloned().collect()))
    }

    async fn mark_provider(&self, provider: &ProviderName) -> Result<(), CatalogError> {
        self.with(|state| {
            state.itself.marked.insert(provider.clone());
            Ok(())
        })
    }

    async fn providers_in_use(&self) -> Result<Vec<ProviderName>, CatalogError> {
        self.with(|state| {
            let used: BTreeSet<_> = state.parts.values().flat_map(|entry| entry.part.placements.clone()).collect();
            Ok(used.into_iter().collect())
        })
    }

    async fn sample_at(&self, provider: &ProviderName, limit: usize) -> Result<Vec<(TenantId, Part)>, CatalogError> {
        self.with(|state| {
            let there = state.parts.values().filter(|entry| entry.part.placements.contains(provider));
            let alone = |entry: &super::state::PartEntry| {
                (entry.tenant.clone(), Part { placements: vec![provider.clone()], ..entry.part.clone() })
            };
            Ok(there.take(limit).map(alone).collect())
        })
    }

    async fn doomed_at(
        &self,
        provider: &ProviderName,
        after: Option<PartId>,
        limit: usize,
    ) -> Result<Vec<QueuedDeletion>, CatalogError> {
        self.with(|state| Ok(scrub::doomed(state, provider, after, limit)))
    }
}
