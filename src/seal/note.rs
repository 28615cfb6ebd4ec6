//! Notes that a catalog leaves at its providers: marker, epochs. `docs/format.md` §11.
//!
//! # Invariants
//! - A note has the form of a sealed chunk of the smallest class, under the name of one: a provider cannot tell them apart.
//! - Each note has a key of its own: 32 fresh random bytes go into it, in the place of the commitment. So no key meets a nonce
//!   twice, though several notes have the same id (one for each provider, one for each who tries).

use bytes::Bytes;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::derive::{ChunkKey, chunk_name};
use super::layout::{COMMITMENT_BYTES, HEADER_BYTES, KEY_BYTES, NOTE_BYTES, NOTE_SALT, SEALED_NOTE_BYTES, TAG_BYTES};
use super::{SealError, SegmentCipher, segment_nonce};
use crate::model::{ChunkName, NoteId, PartId};
use crate::secret::{CatalogSecret, NamingKey, fill_random};

/// Where a note lies at every provider.
pub fn note_name(secret: &CatalogSecret, id: NoteId) -> Result<ChunkName, SealError> {
    let derived = derive(secret, NOTE_SALT, &[b"name"])?;
    let key = NamingKey::from_slice(derived.as_slice()).ok_or(SealError::Cipher)?;
    Ok(chunk_name(&key, PartId(id.bytes()), 0))
}

/// Seals a note of at most [`NOTE_BYTES`] bytes; zeros follow them.
pub fn seal_note<C: SegmentCipher>(secret: &CatalogSecret, id: NoteId, content: &[u8]) -> Result<Bytes, SealError> {
    if content.len() > NOTE_BYTES {
        return Err(SealError::TooLong);
    }
    let mut salt = [0; COMMITMENT_BYTES];
    fill_random(&mut salt).map_err(|_cause| SealError::Cipher)?;
    let key = note_key(secret, id, salt)?;
    let header = key.header();
    let mut segment = Zeroizing::new(content.to_vec());
    segment.resize(NOTE_BYTES, 0);
    let tag = C::new(&key)?.seal(segment_nonce(0, true), &header, &mut segment)?;
    Ok([header.as_slice(), &segment, &tag].concat().into())
}

/// Opens a note: its content with the zeros after it.
pub fn open_note<C: SegmentCipher>(secret: &CatalogSecret, id: NoteId, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    if sealed.len() != SEALED_NOTE_BYTES {
        return Err(SealError::NotAuthentic);
    }
    let (header, rest) = sealed.split_first_chunk::<HEADER_BYTES>().ok_or(SealError::NotAuthentic)?;
    let (segment, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(SealError::NotAuthentic)?;
    let (_fixed, salt) = header.split_last_chunk::<COMMITMENT_BYTES>().ok_or(SealError::NotAuthentic)?;
    let key = note_key(secret, id, *salt)?;
    if key.header() != *header {
        return Err(SealError::NotAuthentic);
    }
    let mut content = segment.to_vec();
    C::new(&key)?.open(segment_nonce(0, true), header, &mut content, tag)?;
    Ok(content)
}

/// A chunk key whose header carries the salt.
fn note_key(secret: &CatalogSecret, id: NoteId, salt: [u8; COMMITMENT_BYTES]) -> Result<ChunkKey, SealError> {
    let aes = derive(secret, &salt, &[NOTE_SALT, &id.bytes()])?;
    Ok(ChunkKey::from_parts(&aes, salt))
}

fn derive(secret: &CatalogSecret, salt: &[u8], info: &[&[u8]]) -> Result<Zeroizing<[u8; KEY_BYTES]>, SealError> {
    let mut derived = Zeroizing::new([0; KEY_BYTES]);
    Hkdf::<Sha256>::new(Some(salt), secret.expose())
        .expand_multi_info(info, derived.as_mut_slice())
        .map_err(|_cause| SealError::Cipher)?;
    Ok(derived)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{AwsLc, RustCrypto};

    fn secret(byte: u8) -> CatalogSecret {
        CatalogSecret::from_slice(&[byte; 32]).unwrap()
    }

    #[test]
    fn a_note_opens_under_its_own_secret_and_id_only_and_by_both_implementations() {
        let sealed = seal_note::<AwsLc>(&secret(1), NoteId::Epoch(7), b"mine").unwrap();
        assert_eq!(sealed.len(), SEALED_NOTE_BYTES);
        for opened in [
            open_note::<AwsLc>(&secret(1), NoteId::Epoch(7), &sealed).unwrap(),
            open_note::<RustCrypto>(&secret(1), NoteId::Epoch(7), &sealed).unwrap(),
        ] {
            assert_eq!(opened.len(), NOTE_BYTES);
            assert!(opened.starts_with(b"mine\0") && opened[4..].iter().all(|byte| *byte == 0));
        }
        for (byte, id) in [(2, NoteId::Epoch(7)), (1, NoteId::Epoch(8)), (1, NoteId::Objection(7)), (1, NoteId::Marker)]
        {
            assert!(open_note::<AwsLc>(&secret(byte), id, &sealed).is_err(), "{byte} {id:?}");
        }
        for at in 0..sealed.len() {
            let mut changed = sealed.to_vec();
            changed[at] ^= 1;
            assert_eq!(
                open_note::<AwsLc>(&secret(1), NoteId::Epoch(7), &changed),
                Err(SealError::NotAuthentic),
                "{at}"
            );
        }
        for length in [0, 1, 40, 1079, 1081] {
            let mut changed = sealed.to_vec();
            changed.resize(length, 0);
            assert!(open_note::<AwsLc>(&secret(1), NoteId::Epoch(7), &changed).is_err(), "{length}");
        }
    }

    #[test]
    fn two_notes_of_one_id_have_nothing_in_common_and_lie_in_one_place() {
        let note = || seal_note::<AwsLc>(&secret(1), NoteId::Marker, b"").unwrap();
        let (first, second) = (note(), note());
        assert_eq!(first[..8], second[..8]);
        assert_ne!(first[8..40], second[8..40], "salt");
        assert_ne!(first[40..72], second[40..72], "ciphertext");
        let name = |byte, id| note_name(&secret(byte), id).unwrap();
        assert_eq!(name(1, NoteId::Marker), name(1, NoteId::Marker));
        for (byte, id) in [(2, NoteId::Marker), (1, NoteId::Epoch(0)), (1, NoteId::Objection(0)), (1, NoteId::Probe(0))]
        {
            assert_ne!(name(1, NoteId::Marker), name(byte, id), "{byte} {id:?}");
        }
    }

    #[test]
    fn a_note_that_is_too_long_is_refused() {
        assert!(seal_note::<AwsLc>(&secret(1), NoteId::Marker, &[0; NOTE_BYTES]).is_ok());
        assert_eq!(seal_note::<AwsLc>(&secret(1), NoteId::Marker, &[0; NOTE_BYTES + 1]), Err(SealError::TooLong));
    }
}
