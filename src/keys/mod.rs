//! Keys: who holds the root, and the keys it opens.
//!
//! `root key (custodian) → tenant keys → part keys`. See DESIGN in `docs/architecture.md` and `docs/format.md` §6.
//!
//! # Invariants
//! - The root key never leaves its [`Custodian`].
//! - A [`Keyring`] that is sealed holds no key and answers [`KeyError::Sealed`].
//! - There is no fallback key.

mod error;
mod file;
mod keyring;
mod root_file;
mod wrap;

use async_trait::async_trait;

use crate::secret::SecretBytes;

pub use error::{CustodianError, KeyError};
pub use file::FileCustodian;
pub use keyring::Keyring;

/// Holds the root key and uses it on request.
///
/// `context` is bound to what is wrapped: unwrapping under another context fails. Calls are independent, may run in
/// parallel, and may be cancelled at any time.
#[async_trait]
pub trait Custodian: Send + Sync + 'static {
    /// Which custodian, for logs and messages; no secret.
    fn describe(&self) -> String;

    /// Encrypts and authenticates `secret` (at most 1 KiB) under the root key.
    async fn wrap(&self, context: &[u8], secret: &[u8]) -> Result<Vec<u8>, CustodianError>;

    /// Undoes [`wrap`](Self::wrap). [`CustodianError::Refused`] when the key, the context or a byte is wrong.
    async fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<SecretBytes, CustodianError>;
}
