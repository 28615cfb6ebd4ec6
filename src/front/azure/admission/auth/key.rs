//! The account key: a client's secret, base64-decoded.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::failure;
use crate::front::azure::wire::refusal::Refusal;
use crate::gateway::Client;
use crate::secret::SecretBytes;

/// A key that signs: an account's, or one that was derived from it.
pub(super) struct AccountKey(SecretBytes);

impl AccountKey {
    /// The client's. One whose secret is not base64 has none, and is answered as a wrong signature is.
    pub(super) fn of(client: &Client) -> Result<Self, Refusal> {
        let key = STANDARD.decode(client.secret.expose()).map_err(|_cause| failure::wrong_signature())?;
        Self::new(key).ok_or_else(failure::wrong_signature)
    }

    /// This key; `None` for an empty one.
    pub(super) fn new(key: Vec<u8>) -> Option<Self> {
        (!key.is_empty()).then(|| Self(SecretBytes::new(key)))
    }

    /// HMAC-SHA-256 of `text`.
    pub(super) fn sign(&self, text: &[u8]) -> hmac::Tag {
        hmac::sign(&self.signer(), text)
    }

    /// Whether `signature` is that of `text`, in constant time.
    pub(super) fn made(&self, text: &[u8], signature: &[u8]) -> bool {
        hmac::verify(&self.signer(), text, signature).is_ok()
    }

    fn signer(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.expose())
    }
}

/// A signature as it travels.
pub(super) fn decoded(signature: &str) -> Option<Vec<u8>> {
    STANDARD.decode(signature).ok().filter(|bytes| bytes.len() == 32)
}

/// A signature or key as it travels.
pub(super) fn encoded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
