//! One segment: AES-256-GCM, by two implementations that open each other's output. `docs/format.md` §3.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::layout::{HEADER_BYTES, NONCE_BYTES, TAG_BYTES};
use super::{ChunkKey, SealError};

/// Seals and opens segments in place under one chunk key. The caller never seals twice with one nonce.
pub trait SegmentCipher: Sized + Send + Sync + 'static {
    /// Takes the chunk's key.
    fn new(key: &ChunkKey) -> Result<Self, SealError>;

    /// Encrypts `segment` in place and returns its tag. `header` is the additional data.
    fn seal(
        &self,
        nonce: [u8; NONCE_BYTES],
        header: &[u8; HEADER_BYTES],
        segment: &mut [u8],
    ) -> Result<[u8; TAG_BYTES], SealError>;

    /// Checks the tag and decrypts `segment` in place. On error what `segment` holds is unspecified: drop it.
    fn open(
        &self,
        nonce: [u8; NONCE_BYTES],
        header: &[u8; HEADER_BYTES],
        segment: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Result<(), SealError>;
}

/// The nonce of segment `number`: u32be(number) ‖ 7 zero bytes ‖ 1 for the last segment of the chunk, else 0.
pub fn segment_nonce(number: u32, last: bool) -> [u8; NONCE_BYTES] {
    let [a, b, c, d] = number.to_be_bytes();
    [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, u8::from(last)]
}

/// AES-256-GCM of aws-lc-rs: the bulk path.
pub struct AwsLc(LessSafeKey);

impl SegmentCipher for AwsLc {
    fn new(key: &ChunkKey) -> Result<Self, SealError> {
        let key = UnboundKey::new(&AES_256_GCM, key.expose()).map_err(|_cause| SealError::Cipher)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    fn seal(
        &self,
        nonce: [u8; NONCE_BYTES],
        header: &[u8; HEADER_BYTES],
        segment: &mut [u8],
    ) -> Result<[u8; TAG_BYTES], SealError> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(header), segment);
        tag.ok().and_then(|tag| tag.as_ref().try_into().ok()).ok_or(SealError::Cipher)
    }

    fn open(
        &self,
        nonce: [u8; NONCE_BYTES],
        header: &[u8; HEADER_BYTES],
        segment: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Result<(), SealError> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = self.0.open_in_place_separate_tag(nonce, Aad::from(header), tag, segment);
        opened.map(|_plaintext| ()).map_err(|_cause| SealError::NotAuthentic)
    }
}

/// AES-256-GCM of RustCrypto: the witness.
pub struct RustCrypto(Aes256Gcm);

impl SegmentCipher for RustCrypto {
    fn new(key: &ChunkKey) -> Result<Self, SealError> {
        Ok(Self(Aes256Gcm::new(key.expose().into())))
    }

    fn seal(
        &self,
        nonce: [u8; NONCE_BYTES],
        header: &[u8; HEADER_BYTES],
        segment: &mut [u8],
    ) -> Result<[u8; TAG_BYTES], SealError> {
        let tag = self.0.encrypt_inout_detached(&nonce.into(), header, segment.into());
        tag.map(Into::into).map_err(|_cause| SealError::Cipher)
    }

    fn open(
        &self,
        nonce: [u8; NONCE_BYTES],
        header: &[u8; HEADER_BYTES],
        segment: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Result<(), SealError> {
        let opened = self.0.decrypt_inout_detached(&nonce.into(), header, segment.into(), tag.into());
        opened.map_err(|_cause| SealError::NotAuthentic)
    }
}
