//! Why the demonstration could not be held.

use std::path::PathBuf;

use crate::text::OperatorError;

/// Why the demonstration could not be held.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file or directory of the data directory cannot be made or read.
    #[error("cannot use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// No free port on loopback.
    #[error("there is no free port")]
    Port(#[source] std::io::Error),
    /// The operating system gives no randomness.
    #[error(transparent)]
    Randomness(#[from] crate::secret::NoRandomness),
    /// The certificates cannot be made.
    #[error("the certificates cannot be made")]
    Certificate(#[source] rcgen::Error),
    /// A command that the demonstration ran failed; the error is the operator's to read.
    #[error("a command failed: {}", .0.code)]
    Command(Box<OperatorError>),
    /// Signals cannot be waited for.
    #[error("signals cannot be waited for")]
    Signal(#[source] std::io::Error),
    /// A request of the demonstration's client failed.
    #[error("the client failed: {what}")]
    Client {
        /// What it was about to do.
        what: &'static str,
        /// Why it failed.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The bucket could not be created.
    #[error("the bucket could not be created: HTTP {status}")]
    Bucket {
        /// The answer's status.
        status: u16,
    },
    /// The show cannot be printed.
    #[error("cannot print")]
    Print(#[from] std::io::Error),
    /// The show was interrupted.
    #[error("the show was interrupted")]
    Interrupted,
}

impl DemoError {
    /// Makes an error about `path`.
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |cause| Self::File { path: path.to_owned(), cause }
    }

    /// Makes an error of the client.
    pub(crate) fn client<E>(what: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |cause| Self::Client { what, cause: cause.into() }
    }
}
