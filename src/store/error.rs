//! What goes wrong at a provider.

use std::fmt;
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
    /// What the provider has is not what was sent, by its own word or by what it gave back.
    #[error("the provider did not store what was sent")]
    Mismatch,
    /// The call ended in a panic: a fault of ours, or of a library that an answer led astray.
    #[error("the call to the provider ended in a panic")]
    Panicked,
    /// The deadline passed.
    #[error("the provider did not answer in time")]
    Deadline,
    /// No such provider is configured (any more).
    #[error("the provider is not configured")]
    UnknownProvider,
}

impl StoreError {
    /// Unavailable for this reason, with no word on when to come back.
    pub(super) fn unavailable(cause: Cause) -> Self {
        Self::Unavailable { retry_after: None, cause: Some(Box::new(cause)) }
    }

    /// Whether a put that failed so may still arrive.
    pub fn leaves_doubt(&self) -> bool {
        match self {
            Self::Interrupted(_) | Self::Panicked | Self::Deadline => true,
            Self::Unavailable { cause, .. } => {
                cause.as_ref().and_then(|cause| cause.downcast_ref::<Cause>()).is_some_and(|cause| cause.in_doubt)
            }
            Self::NotFound | Self::Refused(_) | Self::Mismatch | Self::UnknownProvider => false,
        }
    }

    /// Whether the same call may succeed if it is made again.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Interrupted(_) | Self::Mismatch | Self::Panicked | Self::Deadline => true,
            Self::NotFound | Self::Refused(_) | Self::UnknownProvider => false,
        }
    }
}

/// A reason that is fit for the log: a status, an error code or the system's own words.
///
/// The errors of the libraries below are not passed on. They print URLs, and bodies in which a provider repeats
/// signatures and access key ids.
#[derive(Debug)]
pub struct Cause {
    text: String,
    in_doubt: bool,
}

impl Cause {
    /// Takes text that carries no URL, header or body.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), in_doubt: false }
    }

    /// Nobody knows what became of the call: it may still arrive.
    pub(super) fn in_doubt(self, in_doubt: bool) -> Self {
        Self { in_doubt, ..self }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Cause {}
