//! What a note says. `docs/format.md` §11.

use crate::model::{CatalogId, ProviderName, Timestamp};
use crate::secret::NoRandomness;
use crate::secret::fill_random;

/// The content of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whose it is.
    pub catalog: CatalogId,
    /// For which provider it was written.
    pub provider: ProviderName,
    /// Random: whose process wrote it. Zero in a marker.
    pub nonce: [u8; 16],
    /// When, by the writer's clock.
    pub written: Timestamp,
    /// The name of the writer's machine, cut to 255 bytes.
    pub host: String,
}

/// Longest name of a machine, in bytes.
const HOST_BYTES: usize = 255;

impl Note {
    /// A note of this machine, now.
    pub fn new(catalog: CatalogId, provider: &ProviderName, nonce: [u8; 16]) -> Self {
        // Without it the note says when, and not where.
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let mut host = host.trim_end().to_owned();
        while host.len() > HOST_BYTES {
            host.pop();
        }
        Self { catalog, provider: provider.clone(), nonce, written: Timestamp::now(), host }
    }

    /// Its bytes: catalog id (16) ‖ nonce (16) ‖ time (i64be) ‖ lp(provider) ‖ lp(host).
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = [self.catalog.0.as_slice(), &self.nonce, &self.written.0.to_be_bytes()].concat();
        for text in [self.provider.as_str(), &self.host] {
            // Both are far shorter than 64 KiB.
            bytes.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }

    /// Undoes [`encode`](Self::encode); what follows is not looked at.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (catalog, rest) = bytes.split_first_chunk::<16>()?;
        let (nonce, rest) = rest.split_first_chunk::<16>()?;
        let (written, rest) = rest.split_first_chunk::<8>()?;
        let (provider, rest) = text(rest)?;
        let (host, _padding) = text(rest)?;
        Some(Self {
            catalog: CatalogId(*catalog),
            provider: ProviderName::parse(&provider).ok()?,
            nonce: *nonce,
            written: Timestamp(i64::from_be_bytes(*written)),
            host,
        })
    }
}

fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((String::from_utf8(text.to_vec()).ok()?, rest))
}

/// A nonce for a new entry.
pub(super) fn nonce() -> Result<[u8; 16], NoRandomness> {
    let mut nonce = [0; 16];
    fill_random(&mut nonce)?;
    Ok(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back_with_whatever_follows_and_not_when_it_is_cut() {
        let provider = ProviderName::parse("abroad").unwrap();
        let note = Note::new(CatalogId([7; 16]), &provider, nonce().unwrap());
        let mut bytes = note.encode();
        let length = bytes.len();
        bytes.resize(1024, 0);
        assert_eq!(Note::decode(&bytes), Some(note));
        for cut in 0..length {
            assert_eq!(Note::decode(&bytes[..cut]), None, "{cut}");
        }
    }
}
