//! Padding of a part's last chunk. `docs/format.md` §4.

/// How the last chunk of a part is padded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Padding {
    /// Padmé, and at least 1 KiB.
    #[default]
    Padme,
    /// None: exact sizes show.
    None,
}
