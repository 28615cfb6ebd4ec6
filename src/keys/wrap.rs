//! One key wrapped under another. `docs/format.md` §6.
//!
//! # Invariants
//! - Each wrap has its own key: 16 fresh random bytes of salt go into it. So no key meets a nonce twice.
//! - What was wrapped under one label or context opens under no other.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::CustodianError;
use crate::secret::{NoRandomness, SecretBytes, fill_random};

/// Label under which tenant keys wrap part keys.
pub(super) const PART_KEY_LABEL: &[u8] = b"ecluse/1/wrap";
/// Label under which tenant keys seal what clients carry.
pub(super) const TOKEN_LABEL: &[u8] = b"ecluse/1/token";
/// Label under which the file custodian's root key wraps.
pub(super) const ROOT_LABEL: &[u8] = b"ecluse/1/root";
/// Most bytes a custodian wraps.
pub(super) const SECRET_MAX_BYTES: usize = 1024;
/// Bytes that a wrap adds.
pub(super) const OVERHEAD_BYTES: usize = SALT_BYTES + NONCE_BYTES + TAG_BYTES;

const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// Wraps `secret` under `key`: salt ‖ nonce ‖ ciphertext ‖ tag.
pub(super) fn wrap(key: &[u8; 32], label: &[u8], context: &[u8], secret: &[u8]) -> Result<Vec<u8>, CustodianError> {
    if secret.len() > SECRET_MAX_BYTES {
        return Err(CustodianError::TooLong);
    }
    seal(key, label, context, secret)
}

/// The same, of any length.
pub(super) fn seal(key: &[u8; 32], label: &[u8], context: &[u8], secret: &[u8]) -> Result<Vec<u8>, CustodianError> {
    let mut salt = [0; SALT_BYTES];
    let mut nonce = [0; NONCE_BYTES];
    fill_random(&mut salt)?;
    fill_random(&mut nonce)?;
    let cipher = cipher(key, label, &salt).ok_or(NoRandomness)?;
    let mut body = Zeroizing::new(secret.to_vec());
    let tag = cipher
        .encrypt_inout_detached(&nonce.into(), context, body.as_mut_slice().into())
        .map_err(|_cause| CustodianError::TooLong)?;
    Ok([salt.as_slice(), &nonce, &body, &tag].concat())
}

/// Undoes [`wrap`]; `None` when the key, the label, the context or a byte is wrong.
pub(super) fn unwrap(key: &[u8; 32], label: &[u8], context: &[u8], wrapped: &[u8]) -> Option<SecretBytes> {
    if wrapped.len() > SECRET_MAX_BYTES + OVERHEAD_BYTES {
        return None;
    }
    open(key, label, context, wrapped)
}

/// Undoes [`seal`].
pub(super) fn open(key: &[u8; 32], label: &[u8], context: &[u8], wrapped: &[u8]) -> Option<SecretBytes> {
    let (salt, rest) = wrapped.split_first_chunk::<SALT_BYTES>()?;
    let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>()?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
    let mut body = Zeroizing::new(ciphertext.to_vec());
    cipher(key, label, salt)?
        .decrypt_inout_detached(nonce.into(), context, body.as_mut_slice().into(), tag.into())
        .ok()?;
    Some(SecretBytes::new(std::mem::take(&mut *body)))
}

/// AES-256-GCM under HKDF-SHA-256(key, salt, label). Deriving 32 bytes does not fail.
fn cipher(key: &[u8; 32], label: &[u8], salt: &[u8]) -> Option<Aes256Gcm> {
    let mut derived = Zeroizing::new([0_u8; 32]);
    Hkdf::<Sha256>::new(Some(salt), key).expand(label, derived.as_mut_slice()).ok()?;
    Some(Aes256Gcm::new((&*derived).into()))
}

/// `text` with its length in front, as u16be: what follows it cannot be taken for a part of it.
pub(super) fn length_prefixed(text: &str) -> Result<Vec<u8>, CustodianError> {
    let length = u16::try_from(text.len()).map_err(|_cause| CustodianError::TooLong)?;
    Ok([&length.to_be_bytes(), text.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_wrapped_opens_only_under_the_same_key_label_and_context() {
        let wrapped = wrap(&[1; 32], PART_KEY_LABEL, b"context", b"secret").unwrap();
        assert_eq!(wrapped.len(), 6 + OVERHEAD_BYTES);
        let open = |key: u8, label, context: &[u8]| {
            unwrap(&[key; 32], label, context, &wrapped).map(|secret| secret.expose().to_vec())
        };
        assert_eq!(open(1, PART_KEY_LABEL, b"context").as_deref(), Some(b"secret".as_slice()));
        assert_eq!(open(2, PART_KEY_LABEL, b"context"), None);
        assert_eq!(open(1, ROOT_LABEL, b"context"), None);
        assert_eq!(open(1, PART_KEY_LABEL, b"contexts"), None);
    }

    #[test]
    fn two_wraps_of_one_secret_have_nothing_in_common() {
        let first = wrap(&[1; 32], ROOT_LABEL, b"", &[9; 32]).unwrap();
        let second = wrap(&[1; 32], ROOT_LABEL, b"", &[9; 32]).unwrap();
        assert_ne!(first.get(..16), second.get(..16), "salt");
        assert_ne!(first.get(28..), second.get(28..), "ciphertext");
    }

    #[test]
    fn too_long_and_too_short_are_refused() {
        assert!(matches!(wrap(&[1; 32], ROOT_LABEL, b"", &[0; 1025]), Err(CustodianError::TooLong)));
        for length in [0, 1, 27, 43, 44, 1069, 5000] {
            assert!(unwrap(&[1; 32], ROOT_LABEL, b"", &vec![0; length]).is_none(), "{length}");
        }
    }
}
