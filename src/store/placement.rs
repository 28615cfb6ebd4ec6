//! Which providers hold what.
//!
//! # Invariants
//! - A put is done when every provider that was asked for has the chunk.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;

use super::{Attempts, ChunkStore, ChunkStream, StoreError};
use crate::model::{ChunkName, ProviderName};

/// All configured providers.
pub struct Store {
    providers: BTreeMap<ProviderName, Arc<dyn ChunkStore>>,
    writes: Vec<ProviderName>,
}

impl Store {
    /// `providers` in the order of the configuration; the first takes the writes.
    pub fn new(providers: Vec<(ProviderName, Arc<dyn ChunkStore>)>) -> Self {
        let writes = providers.iter().take(1).map(|(name, _)| name.clone()).collect();
        Self { providers: providers.into_iter().collect(), writes }
    }

    /// Which providers a new part goes to.
    pub fn place(&self) -> &[ProviderName] {
        &self.writes
    }

    /// One provider.
    pub fn provider(&self, name: &ProviderName) -> Result<&Arc<dyn ChunkStore>, StoreError> {
        self.providers.get(name).ok_or(StoreError::UnknownProvider)
    }

    /// All providers, by name.
    pub fn providers(&self) -> impl Iterator<Item = (&ProviderName, &Arc<dyn ChunkStore>)> {
        self.providers.iter()
    }

    /// Of how many bytes of chunks the providers take care at once without being slower for it.
    pub fn put_bytes_at_once(&self) -> u64 {
        self.providers().map(|(_, provider)| provider.put_bytes_at_once()).min().unwrap_or(u64::MAX)
    }

    /// Stores a chunk at every provider of `placements`, at once. If one fails the others end first, then the first
    /// failure is told.
    pub async fn put(
        &self,
        placements: &[ProviderName],
        name: &ChunkName,
        sealed: Bytes,
    ) -> Result<Attempts, StoreError> {
        let providers = placements.iter().map(|name| self.provider(name)).collect::<Result<Vec<_>, _>>()?;
        if providers.is_empty() {
            return Err(StoreError::UnknownProvider);
        }
        let puts = providers.into_iter().map(|provider| provider.put(name, sealed.clone()));
        let attempts = join_all(puts).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(if attempts.contains(&Attempts::InDoubt) { Attempts::InDoubt } else { Attempts::Answered })
    }

    /// Bytes of a chunk from the first of its placements.
    pub async fn get(
        &self,
        placements: &[ProviderName],
        name: &ChunkName,
        range: Range<u64>,
    ) -> Result<ChunkStream, StoreError> {
        let provider = placements.first().ok_or(StoreError::UnknownProvider)?;
        self.provider(provider)?.get(name, range).await
    }
}
