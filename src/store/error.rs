//! What goes wrong at a provider.

use std::time::Duration;

/// Why a provider did not do what was asked. The source, where there is one, is for the log only.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The chunk is not there.
    #[error("the provider has no such chunk")]
    NotFound,
    /// The provider is away, overloaded or its breaker is open; it may help to try later.
    #[error("the provider is unavailable")]
    Unavailable {
        /// When to try again, if known.
        retry_after: Option<Duration>,
        /// Why.
        #[source]
        cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The provider refuses our credentials, or the container does not exist: an operator must act.
    #[error("the provider refuses us")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A transfer broke off; it may be resumed.
    #[error("the transfer from the provider broke off")]
    Interrupted(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The deadline passed.
    #[error("the provider did not answer in time")]
    Deadline,
    /// No such provider is configured (any more).
    #[error("the provider is not configured")]
    UnknownProvider,
}
