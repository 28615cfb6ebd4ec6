//! Who a catalog is, which epoch it is in, and which providers belong to it.

use async_trait::async_trait;

use super::{CatalogError, QueuedDeletion};
use crate::model::{CatalogIdentity, EpochEntry, Epochs, Part, PartId, ProviderName, TenantId};

/// What ties a catalog to its providers: a part of [`Catalog`](super::Catalog), whose invariants hold here, too.
#[async_trait]
pub trait Belonging: Send + Sync + 'static {
    /// The identity that was made for it, if any: version 0.1 made none.
    async fn identity(&self) -> Result<Option<CatalogIdentity>, CatalogError>;

    /// Stores the identity unless there is one; returns the one that is stored.
    async fn put_identity(&self, identity: CatalogIdentity) -> Result<CatalogIdentity, CatalogError>;

    /// How far it has come.
    async fn epochs(&self) -> Result<Epochs, CatalogError>;

    /// Notes that this epoch is about to be entered: from now on its nonce may be at providers.
    async fn intend_epoch(&self, entry: EpochEntry) -> Result<(), CatalogError>;

    /// Notes that this epoch was entered. Nothing is intended any more.
    async fn enter_epoch(&self, entry: EpochEntry) -> Result<(), CatalogError>;

    /// The providers at which its marker was laid, by name.
    async fn marked_providers(&self) -> Result<Vec<ProviderName>, CatalogError>;

    /// Notes that its marker lies at a provider. Repeatable.
    async fn mark_provider(&self, provider: &ProviderName) -> Result<(), CatalogError>;

    /// The providers that some part is placed at, by name. Looks at every part.
    async fn providers_in_use(&self) -> Result<Vec<ProviderName>, CatalogError>;

    /// Some of the parts that are placed at a provider, at most `limit`, with whose they are. Ids are random, so that the first of
    /// them are a sample. Looks at every part only if there are fewer.
    async fn sample_at(&self, provider: &ProviderName, limit: usize) -> Result<Vec<(TenantId, Part)>, CatalogError>;

    /// Parts that are not committed and whose chunks may be at a provider still, after `after`, by id, at most `limit`: those
    /// queued for deletion, and those to be looked at again.
    async fn doomed_at(
        &self,
        provider: &ProviderName,
        after: Option<PartId>,
        limit: usize,
    ) -> Result<Vec<QueuedDeletion>, CatalogError>;
}
