//! Blocks: parts that a client names itself, uploads in any order, and joins by a list of their names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A block's name as the client sent it: base64 of 1 to 64 bytes. Names of one object's uncommitted blocks all decode to
/// the same number of bytes.
///
/// Source: Azure "Put Block", `blockid`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(String);

impl BlockId {
    /// Most bytes that a name decodes to. Source: Azure "Put Block".
    const MOST_BYTES: usize = 64;
    /// So many characters of base64.
    const MOST_CHARACTERS: usize = 88;

    /// Checks that `text` is base64, with padding, of 1 to 64 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > Self::MOST_CHARACTERS {
            return None;
        }
        let bytes = STANDARD.decode(text).ok()?;
        (1..=Self::MOST_BYTES).contains(&bytes.len()).then(|| Self(text.to_owned()))
    }

    /// The name as the client sent it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How many bytes it decodes to.
    pub fn decoded_length(&self) -> usize {
        let padding = self.0.bytes().rev().take_while(|byte| *byte == b'=').count();
        (self.0.len() / 4 * 3).saturating_sub(padding)
    }
}

/// A block of an object, committed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its name.
    pub id: BlockId,
    /// Plaintext length in bytes.
    pub length: u64,
    /// MD5 of its plaintext, where it is known.
    pub md5: Option<[u8; 16]>,
}

/// Where a list of blocks wants a block from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockSource {
    /// Among those of the current version.
    Committed,
    /// Among those that were uploaded since.
    Uncommitted,
    /// Uploaded since if there is one, of the current version otherwise.
    Latest,
}

/// One entry of a list of blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockPick {
    /// Its name.
    pub id: BlockId,
    /// Where from.
    pub source: BlockSource,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_base64_of_1_to_64_bytes() {
        for length in 1..=64 {
            let text = STANDARD.encode(vec![0xfb; length]);
            let id = BlockId::parse(&text).unwrap();
            assert_eq!((id.as_str(), id.decoded_length()), (text.as_str(), length));
        }
        let long = STANDARD.encode([0; 65]);
        for wrong in ["", "====", "AA", "AA=", "A===", "A A=", "AA==AA==", "-_A=", "é", "AB==", long.as_str()] {
            assert_eq!(BlockId::parse(wrong), None, "{wrong}");
        }
    }
}
