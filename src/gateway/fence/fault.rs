//! Why a catalog and its providers do not go together, or why it is not known whether they do.

use super::note::Note;
use crate::catalog::CatalogError;
use crate::keys::KeyError;
use crate::model::ProviderName;
use crate::seal::SealError;
use crate::store::StoreError;

/// Why nothing may be written or deleted.
#[derive(Debug, thiserror::Error)]
pub enum FenceFault {
    /// Nobody has looked yet.
    #[error("the providers were not looked at yet")]
    NotLooked,
    /// The catalog has no identity: it is new, or version 0.1 made it.
    #[error("the catalog has no identity yet")]
    NoIdentity,
    /// The catalog has no identity, and parts at providers: version 0.1 made it.
    #[error("the catalog is of version 0.1: its providers carry no marker")]
    NotAdopted,
    /// Parts are placed at a provider that is not configured.
    #[error("the catalog has parts at the provider {0}, which is not configured")]
    NotConfigured(ProviderName),
    /// The provider has no marker of this catalog.
    #[error("the provider {0} has no marker of this catalog")]
    MarkerMissing(ProviderName),
    /// What lies in the marker's place is none, or another provider's.
    #[error("what lies in the marker's place at {provider} is not this provider's marker")]
    MarkerWrong {
        /// Where.
        provider: ProviderName,
        /// For which provider the marker was laid, if it is this catalog's.
        laid_for: Option<ProviderName>,
    },
    /// The note of the catalog's own epoch is gone: the provider was put back to an earlier state.
    #[error("the provider {provider} does not know epoch {epoch}, which the catalog is in")]
    EpochMissing {
        /// Where.
        provider: ProviderName,
        /// The catalog's epoch.
        epoch: u64,
    },
    /// Another process works on a copy of this catalog, in a newer epoch.
    #[error("epoch {found} was entered by another gateway; this catalog is in epoch {ours}")]
    Stale {
        /// Where it was found.
        provider: ProviderName,
        /// The catalog's epoch.
        ours: u64,
        /// The epoch found.
        found: u64,
        /// Who entered it.
        by: Box<Note>,
    },
    /// The gateway that was at work before is still there.
    #[error("another gateway was still at work on a copy of this catalog when epoch {epoch} was entered")]
    Contested {
        /// Where it was found.
        provider: ProviderName,
        /// The catalog's epoch.
        epoch: u64,
        /// Who objected.
        by: Box<Note>,
    },
    /// The provider lets create-only writes replace what is there: the epoch fence would be none.
    #[error("the provider {0} does not honour create-only writes")]
    Overwrites(ProviderName),
    /// The provider says that every note is there.
    #[error("the provider {0} says that every epoch was entered")]
    ClaimsAll(ProviderName),
    /// Chunks that the catalog knows are not at the provider, or do not open.
    #[error("of {looked} parts looked at, {missing} are not at the provider {provider}")]
    Sample {
        /// Where.
        provider: ProviderName,
        /// How many parts were looked at.
        looked: usize,
        /// How many of them were not found whole.
        missing: usize,
    },
    /// A provider failed.
    #[error("the provider {provider} could not be asked")]
    Store {
        /// Which.
        provider: ProviderName,
        /// Why.
        #[source]
        cause: StoreError,
    },
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The keys are not right, or their custodian is away.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Sealing failed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl FenceFault {
    /// Whether asking again later may help, with nothing changed by an operator.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NotLooked | Self::Store { .. } | Self::Catalog(_) | Self::Keys(_) | Self::Seal(_) => true,
            Self::NoIdentity
            | Self::NotAdopted
            | Self::NotConfigured(_)
            | Self::MarkerMissing(_)
            | Self::MarkerWrong { .. }
            | Self::EpochMissing { .. }
            | Self::Stale { .. }
            | Self::Contested { .. }
            | Self::Overwrites(_)
            | Self::ClaimsAll(_)
            | Self::Sample { .. } => false,
        }
    }

    /// Whether it holds until the process ends, whatever the providers show later.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Stale { .. } | Self::Contested { .. })
    }

    /// A word for metrics and readiness.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotLooked => "not_looked",
            Self::NoIdentity | Self::NotAdopted => "no_identity",
            Self::NotConfigured(_) => "not_configured",
            Self::MarkerMissing(_) => "marker_missing",
            Self::MarkerWrong { .. } => "marker_wrong",
            Self::EpochMissing { .. } => "epoch_missing",
            Self::Stale { .. } => "stale",
            Self::Contested { .. } => "contested",
            Self::Overwrites(_) => "overwrites",
            Self::ClaimsAll(_) => "claims_all",
            Self::Sample { .. } => "sample",
            Self::Store { .. } => "provider",
            Self::Catalog(_) => "catalog",
            Self::Keys(_) | Self::Seal(_) => "keys",
        }
    }
}
