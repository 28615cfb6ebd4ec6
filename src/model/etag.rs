//! Entity tags (RFC 9110 §8.8.3): always strong, always made by us.

use std::fmt;
use std::sync::Arc;

use md5::{Digest as _, Md5};

use super::Timestamp;

/// A strong entity tag without its quotes: 1 to 128 characters of `[0-9A-Za-z-]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ETag(Arc<str>);

impl ETag {
    /// Takes `text` without quotes; refuses what could not be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let fine = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        fine.then(|| Self(text.into()))
    }

    /// The tag of a simple object: MD5 of its plaintext, 32 hex digits.
    pub fn md5(digest: [u8; 16]) -> Self {
        Self(hex::encode(digest).into())
    }

    /// The tag of an object without bytes.
    pub fn of_nothing() -> Self {
        Self::md5(Md5::digest([]).into())
    }

    /// The tag of a multipart object: MD5 of the parts' MD5s, and how many (S3's form).
    pub fn multipart(digest: [u8; 16], parts: usize) -> Self {
        Self(format!("{}-{parts}", hex::encode(digest)).into())
    }

    /// The tag of an object made of parts: MD5 of what each counts with, its MD5 where it is known, and how many they are.
    pub fn of_parts<'p>(parts: impl ExactSizeIterator<Item = &'p [u8]>) -> Self {
        let count = parts.len();
        let mut md5 = Md5::new();
        parts.for_each(|part| md5.update(part));
        Self::multipart(md5.finalize().into(), count)
    }

    /// A tag that says nothing of the content: 32 random hex digits and `-o`, so that no client takes it for an MD5.
    pub fn opaque(random: [u8; 16]) -> Self {
        Self(format!("{}-o", hex::encode(random)).into())
    }

    /// The tag of an object's state, as Azure shows it: `0x` and 16 hex digits made of the time in milliseconds and the
    /// low 20 bits of the revision. Another one after each change, and not repeated by a catalog restored from an older copy.
    pub fn of_state(modified: Timestamp, revision: i64) -> Self {
        let mixed = (modified.0 << 20) | (revision & 0xF_FFFF);
        Self(format!("0x{mixed:016X}").into())
    }

    /// The tag, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
