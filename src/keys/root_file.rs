//! The text of a root key file, and which keys are too weak. `docs/format.md` §6.5.
//!
//! # Invariants
//! - One key has one text: anything else is refused, so a damaged or mistyped file is never a different key.
//! - A key that no random source gives is refused: all zero, repeated, counted.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::CustodianError;
use crate::secret::{RootKey, SecretText};

const LABEL: &str = "ecluse-root-key-1";
const CHECKSUM_LABEL: &[u8] = b"ecluse/1/root-key-checksum";
const CHECKSUM_BYTES: usize = 4;

/// `ecluse-root-key-1 <base64 of the key> <checksum in hex>` and a newline.
pub(super) fn encode(key: &RootKey) -> SecretText {
    let encoded = Zeroizing::new(STANDARD.encode(key.expose()));
    SecretText::new(format!("{LABEL} {} {}\n", encoded.as_str(), checksum(key)))
}

/// Undoes [`encode`]. The newline at the end may be missing; nothing else may differ.
pub(super) fn decode(text: &[u8]) -> Result<RootKey, CustodianError> {
    let refused = CustodianError::Unacceptable;
    let text = std::str::from_utf8(text).map_err(|_cause| refused("the file is not a root key file"))?;
    let mut words = text.strip_suffix('\n').unwrap_or(text).split(' ');
    if words.next() != Some(LABEL) {
        return Err(refused("the file does not begin with ecluse-root-key-1"));
    }
    let (Some(encoded), Some(sum), None) = (words.next(), words.next(), words.next()) else {
        return Err(refused("the file is not one line of three words"));
    };
    let bytes = STANDARD.decode(encoded).map(Zeroizing::new).map_err(|_cause| refused("the key is not base64"))?;
    let key = RootKey::from_slice(&bytes).ok_or(refused("the key does not have 32 bytes"))?;
    if checksum(&key) != sum {
        return Err(refused("the checksum does not fit the key: the file is damaged or mistyped"));
    }
    refuse_weak(key.expose())?;
    Ok(key)
}

/// Refuses keys that a person made, not a random source.
pub(super) fn refuse_weak(key: &[u8; RootKey::BYTES]) -> Result<(), CustodianError> {
    if key.iter().all(|byte| *byte == 0) {
        return Err(CustodianError::Unacceptable("the key is all zero"));
    }
    let repeats = |period: usize| key.iter().zip(key.iter().skip(period)).all(|(first, second)| first == second);
    if (1..=RootKey::BYTES / 2).any(repeats) {
        return Err(CustodianError::Unacceptable("the key is a repeated pattern"));
    }
    let mut steps = key.iter().zip(key.iter().skip(1)).map(|(first, second)| second.wrapping_sub(*first));
    let step = steps.next();
    if steps.all(|next| Some(next) == step) {
        return Err(CustodianError::Unacceptable("the key counts from one byte to the next"));
    }
    Ok(())
}

fn checksum(key: &RootKey) -> String {
    let digest = Sha256::new().chain_update(CHECKSUM_LABEL).chain_update(key.expose()).finalize();
    hex::encode(digest.get(..CHECKSUM_BYTES).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_from_its_text() {
        let key = RootKey::generate().unwrap();
        let text = encode(&key);
        assert!(decode(text.expose().as_bytes()).is_ok_and(|read| read.expose() == key.expose()));
        assert!(decode(text.expose().trim_end().as_bytes()).is_ok_and(|read| read.expose() == key.expose()));
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let key = RootKey::generate().unwrap();
        let text = encode(&key).expose().trim_end().to_owned();
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut changed = text.clone().into_bytes();
                changed[at] ^= 1 << bit;
                assert!(decode(&changed).is_err(), "{at} {bit}");
            }
            assert!(decode(&text.as_bytes()[..at]).is_err(), "cut at {at}");
        }
        for added in ["\n\n", "\r\n", " ", "x"] {
            assert!(decode(format!("{text}{added}").as_bytes()).is_err(), "{added:?}");
        }
    }

    #[test]
    fn weak_keys_are_refused_even_with_a_fitting_checksum() {
        let patterns: [fn(u8) -> u8; 6] =
            [|_| 0, |_| 0x41, |i| i % 2, |i| (i % 16).wrapping_mul(37), |i| i, |i| 255 - i.wrapping_mul(3)];
        for pattern in patterns {
            let key = RootKey::from_slice(&(0..32).map(pattern).collect::<Vec<_>>()).unwrap();
            let refused = decode(encode(&key).expose().as_bytes());
            assert!(matches!(refused, Err(CustodianError::Unacceptable(_))), "{:?}", key.expose());
        }
    }
}
