//! What goes wrong with keys.

use crate::secret::NoRandomness;

/// Why a custodian did not do what was asked. Whoever shows it to an operator adds which custodian it was.
#[derive(Debug, thiserror::Error)]
pub enum CustodianError {
    /// The custodian cannot be reached: the file is gone, the HSM is away.
    #[error("the custodian is unavailable: {0}")]
    Unavailable(String),
    /// The key may not be used as it is: readable by others, short, all zero, repeated.
    #[error("the root key is not acceptable: {0}")]
    Unacceptable(&'static str),
    /// A root key is there already. It is never overwritten: with it goes all that it opens.
    #[error("a root key is there already, and is not overwritten")]
    AlreadyThere,
    /// More was to be wrapped than a custodian takes.
    #[error("a custodian wraps at most 1 KiB")]
    TooLong,
    /// What was wrapped does not open under this root key and context.
    #[error("the root key does not open this")]
    Refused,
    /// No randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// Why the keyring gave no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The gateway is sealed: its custodian is away.
    #[error("the gateway is sealed")]
    Sealed,
    /// The tenant, or that version of its key, is not in the keyring.
    #[error("the tenant has no such key")]
    UnknownKey,
    /// A wrapped key does not open: damaged, or of another part or tenant.
    #[error("a wrapped key does not open")]
    Refused,
    /// The canary does not open under this root key, or opens under another.
    #[error("the root key is not the one that this catalog was made with")]
    WrongRootKey,
    /// The custodian failed.
    #[error(transparent)]
    Custodian(#[from] CustodianError),
    /// No randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}
