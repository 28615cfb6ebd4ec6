//! Padding of a part's last chunk. `docs/format.md` §4.

use super::layout::{CHUNK_BYTES, PADDED_MINIMUM_BYTES};

/// How the last chunk of a part is padded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Padding {
    /// Padmé, and at least 1 KiB.
    #[default]
    Padme,
    /// None: exact sizes show.
    None,
}

impl Padding {
    /// The length in bytes of a part of `length` bytes with its padding: full chunks stay as they are, what is left
    /// over is padded. 0 stays 0: an empty part has no chunk.
    pub fn padded_length(self, length: u64) -> u64 {
        let rest = length % CHUNK_BYTES;
        match self {
            Self::Padme if rest > 0 => (length - rest).saturating_add(padme(rest.max(PADDED_MINIMUM_BYTES))),
            Self::Padme | Self::None => length,
        }
    }
}

/// Rounds `length` (1 to [`CHUNK_BYTES`]) up so that its low bits are zero.
///
/// Source: Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs" (PETS 2019),
/// algorithm 1.
fn padme(length: u64) -> u64 {
    let exponent = length.ilog2();
    let kept_bits = exponent.checked_ilog2().map_or(0, |bits| bits + 1);
    let mask = (1_u64 << (exponent - kept_bits)) - 1;
    (length + mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_never_shrinks_and_adds_at_most_twelve_percent() {
        for length in (1..200_000).chain((CHUNK_BYTES - 2_000)..CHUNK_BYTES) {
            let padded = Padding::Padme.padded_length(length);
            assert!(padded >= length.max(1024) && padded <= CHUNK_BYTES, "{length} became {padded}");
            assert!(length < 1024 || (padded - length) * 100 <= length * 12, "{length} became {padded}");
            assert_eq!(Padding::Padme.padded_length(padded), padded, "padding is stable");
            assert_eq!(Padding::None.padded_length(length), length);
        }
    }

    #[test]
    fn only_what_follows_full_chunks_is_padded() {
        for full in [0, CHUNK_BYTES, 7 * CHUNK_BYTES] {
            assert_eq!(Padding::Padme.padded_length(full), full);
            assert_eq!(Padding::Padme.padded_length(full + 1), full + 1024);
            assert_eq!(Padding::Padme.padded_length(full + CHUNK_BYTES - 1), full + CHUNK_BYTES);
        }
        assert!(Padding::Padme.padded_length(u64::MAX) >= u64::MAX - CHUNK_BYTES);
    }

    #[test]
    fn lengths_fall_into_few_classes() {
        let classes: std::collections::BTreeSet<_> =
            (1..=1_u64 << 20).map(|l| Padding::Padme.padded_length(l)).collect();
        assert!(classes.len() < 250, "{} classes", classes.len());
    }
}
