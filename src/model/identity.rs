//! Who a catalog is, and which of its epochs it is in.

use std::fmt;

/// Identifies a catalog: 16 random bytes, made once, the same in every copy and backup of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CatalogId(pub [u8; 16]);

impl fmt::Debug for CatalogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CatalogId({self})")
    }
}

impl fmt::Display for CatalogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// What a catalog knows itself by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogIdentity {
    /// Its id.
    pub id: CatalogId,
    /// The secret that names and seals its notes at providers, wrapped by the custodian. `docs/format.md` §11.
    pub wrapped_secret: Vec<u8>,
}

/// An epoch with the nonce of whoever entered it, or means to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochEntry {
    /// Which epoch, from 1. 0: none was entered yet.
    pub epoch: u64,
    /// Random: tells two processes apart that enter the same epoch.
    pub nonce: [u8; 16],
}

/// How far a catalog has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Epochs {
    /// The epoch that it is in.
    pub entered: Option<EpochEntry>,
    /// The one that it was about to enter. A process that dies between saying so at the providers and writing it down finds its
    /// own nonce there, and goes on.
    pub intended: Option<EpochEntry>,
}

impl Epochs {
    /// The number of the epoch entered; 0 when there is none.
    pub fn current(&self) -> u64 {
        self.entered.map_or(0, |entered| entered.epoch)
    }
}

/// What a catalog's note at a provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoteId {
    /// That the provider belongs to the catalog.
    Marker,
    /// That somebody entered this epoch.
    Epoch(u64),
    /// That somebody in an earlier epoch was still at work when this one was entered.
    Objection(u64),
    /// Nothing: a trial of whether the provider honours create-only writes. Random.
    Probe(u64),
}

impl NoteId {
    /// The id's bytes: kind and number, both u64be. They take the place of a part id (`docs/format.md` §11).
    pub fn bytes(self) -> [u8; 16] {
        let (kind, number) = match self {
            Self::Marker => (1_u64, 0),
            Self::Epoch(number) => (2, number),
            Self::Objection(number) => (3, number),
            Self::Probe(number) => (4, number),
        };
        ((u128::from(kind) << 64) | u128::from(number)).to_be_bytes()
    }
}
