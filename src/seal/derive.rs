//! Keys and names of chunks. `docs/format.md` §3 and §5.
//!
//! # Invariants
//! - Different places give different inputs to the derivation: the encoding is injective.
//! - A chunk key exists in memory only while its chunk is sealed or opened.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::SealError;
use super::layout::{CHUNK_SALT, COMMITMENT_BYTES, FORMAT, HEADER_BYTES, KEY_BYTES, MAGIC, NAME_BYTES, SUITE};
use crate::model::{ChunkName, PartId, TenantId};
use crate::secret::{NamingKey, PartKey};

/// Where a chunk belongs: bound into its key.
#[derive(Debug, Clone, Copy)]
pub struct ChunkPlace<'a> {
    /// Whose.
    pub tenant: &'a TenantId,
    /// The part.
    pub part: PartId,
    /// Which chunk of it, from 0.
    pub index: u32,
}

/// A chunk's AES key and commitment. Zeroed on drop.
pub struct ChunkKey {
    aes: Box<[u8; KEY_BYTES]>,
    commitment: [u8; COMMITMENT_BYTES],
}

impl ChunkKey {
    /// Derives the key of the chunk at `place` (RFC 5869).
    pub fn derive(key: &PartKey, place: &ChunkPlace<'_>) -> Result<Self, SealError> {
        let tenant = place.tenant.as_str().as_bytes();
        let tenant_length = u16::try_from(tenant.len()).map_err(|_cause| SealError::TooLong)?;
        let info: [&[u8]; 5] =
            [&[SUITE], &tenant_length.to_be_bytes(), tenant, &place.part.0, &place.index.to_be_bytes()];
        let mut derived = Zeroizing::new([0; KEY_BYTES + COMMITMENT_BYTES]);
        Hkdf::<Sha256>::new(Some(CHUNK_SALT), key.expose())
            .expand_multi_info(&info, derived.as_mut_slice())
            .map_err(|_cause| SealError::Cipher)?;
        let mut chunk_key = Self { aes: Box::new([0; KEY_BYTES]), commitment: [0; COMMITMENT_BYTES] };
        let (aes, commitment) = derived.split_at(KEY_BYTES);
        chunk_key.aes.copy_from_slice(aes);
        chunk_key.commitment.copy_from_slice(commitment);
        Ok(chunk_key)
    }

    /// A key that was derived elsewhere, with what its header carries in the place of a commitment.
    pub(super) fn from_parts(aes: &[u8; KEY_BYTES], commitment: [u8; COMMITMENT_BYTES]) -> Self {
        let mut key = Self { aes: Box::new([0; KEY_BYTES]), commitment };
        key.aes.copy_from_slice(aes);
        key
    }

    /// The AES-256 key.
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.aes
    }

    /// The header of the chunk: it follows wholly from the key. No secret.
    pub fn header(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        let (fixed, commitment) = header.split_at_mut(HEADER_BYTES - COMMITMENT_BYTES);
        let [m, a, g, i] = MAGIC;
        fixed.copy_from_slice(&[m, a, g, i, FORMAT, SUITE, 0, 0]);
        commitment.copy_from_slice(&self.commitment);
        header
    }
}

impl Drop for ChunkKey {
    fn drop(&mut self) {
        self.aes.as_mut_slice().zeroize();
    }
}

/// The chunk's name at a provider: pseudorandom, so names group nothing (`docs/format.md` §5).
pub fn chunk_name(key: &NamingKey, part: PartId, index: u32) -> ChunkName {
    // RFC 2104 §2: a key shorter than the hash's block is padded with zeros.
    let mut block = Zeroizing::new([0; 64]);
    block.iter_mut().zip(key.expose()).for_each(|(to, from)| *to = *from);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    mac.update(&part.0);
    mac.update(&index.to_be_bytes());
    let tag = mac.finalize().into_bytes();
    let mut name = [0; NAME_BYTES];
    name.iter_mut().zip(tag).for_each(|(to, from)| *to = from);
    ChunkName(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derive(key: u8, tenant: &str, part: u8, index: u32) -> [u8; 32] {
        let tenant = TenantId::parse(tenant).unwrap();
        let place = ChunkPlace { tenant: &tenant, part: PartId([part; 16]), index };
        *ChunkKey::derive(&PartKey::from_slice(&[key; 32]).unwrap(), &place).unwrap().expose()
    }

    #[test]
    fn each_of_part_key_tenant_part_and_index_changes_the_chunk_key() {
        let base = derive(7, "chum", 1, 0);
        assert_eq!(base, derive(7, "chum", 1, 0));
        for other in
            [derive(8, "chum", 1, 0), derive(7, "chun", 1, 0), derive(7, "chum", 2, 0), derive(7, "chum", 1, 1)]
        {
            assert_ne!(base, other);
        }
    }
}
