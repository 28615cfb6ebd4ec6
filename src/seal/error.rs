//! Why sealed bytes were not opened, or plaintext not sealed.

/// One class of failure for everything that a provider could cause: it learns nothing from the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The sealed bytes are not those that were sealed here: header, commitment, tag, length or end is wrong.
    #[error("sealed bytes do not open")]
    NotAuthentic,
    /// The part has more chunks than the format can number.
    #[error("a part is too long for the format")]
    TooLong,
    /// The cipher refused to seal.
    #[error("the cipher failed")]
    Cipher,
}
