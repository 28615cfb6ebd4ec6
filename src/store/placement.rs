//! Which providers hold what.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::{ChunkStore, ChunkStream, StoreError};
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

    /// Stores a chunk at every provider of `placements`.
    pub async fn put(&self, placements: &[ProviderName], name: &ChunkName, sealed: Bytes) -> Result<(), StoreError> {
        for provider in placements {
            self.provider(provider)?.put(name, sealed.clone()).await?;
        }
        Ok(())
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
