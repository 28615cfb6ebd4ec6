//! What is known of the looks at all chunks.

use crate::model::{Part, PartId, TenantId, Timestamp};

/// A round of looks at every part that a provider holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrubRound {
    /// When it began, by the system's clock.
    pub began: Timestamp,
    /// When the last round began that came to its end: since then every chunk was seen.
    pub whole: Option<Timestamp>,
    /// The last part that was looked at; parts are looked at in the order of their ids.
    pub after: Option<PartId>,
    /// How many parts were looked at.
    pub looked: u64,
    /// How many there were when it began.
    pub parts: u64,
}

/// What is wrong with a part at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScrubFault {
    /// A chunk is not there.
    Missing,
    /// A chunk has another length than it was stored with.
    Length,
    /// A chunk does not open.
    Content,
    /// The part's key in the catalog does not open.
    Key,
}

impl ScrubFault {
    /// As it is stored and shown in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Length => "length",
            Self::Content => "content",
            Self::Key => "key",
        }
    }
}

/// A part to look at, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrubPart {
    /// Whose it is: names its chunks and opens its key.
    pub tenant: TenantId,
    /// The part. Of its placements only the one that was asked for.
    pub part: Part,
}

/// What a step of a round brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScrubResult {
    /// What was not known before.
    pub new: Vec<(PartId, ScrubFault)>,
    /// How many parts have a fault now, those of earlier rounds too.
    pub faulty: u64,
}
