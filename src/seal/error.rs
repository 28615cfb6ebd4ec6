//! Why sealed bytes were not opened, or plaintext not sealed.

/// What goes wrong when sealing and opening.
///
/// Everything that a provider can cause is one class, [`NotAuthentic`](Self::NotAuthentic): nothing is to be learnt
/// from the difference. The others are faults of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The sealed bytes are not those that were sealed here: header, commitment, tag, length or end is wrong.
    #[error("sealed bytes do not open")]
    NotAuthentic,
    /// The part has more chunks than the format can number.
    #[error("a part is too long for the format")]
    TooLong,
    /// The bytes asked for lie outside of the chunk, or there are none.
    #[error("the range lies outside of the chunk")]
    OutOfRange,
    /// The cipher refused to seal, or the sealer failed before.
    #[error("the cipher failed")]
    Cipher,
}
