//! What the catalog answers when it does not do what was asked.

/// Why a catalog call did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// It was decided: nothing was changed, and asking again is answered alike as long as nothing else changes.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It was not decided. Of a write nobody knows whether it happened, unless the failure says so.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// What the rules answer: a client may be told.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The tenant has no such bucket.
    #[error("no such bucket")]
    NoSuchBucket,
    /// The tenant has the bucket already.
    #[error("the bucket exists")]
    BucketExists,
    /// The bucket has objects or uploads.
    #[error("the bucket is not empty")]
    BucketNotEmpty,
    /// The bucket has no such object.
    #[error("no such key")]
    NoSuchKey,
    /// There is no such upload for that bucket and key.
    #[error("no such upload")]
    NoSuchUpload,
    /// A part of a completion does not exist or has another tag now.
    #[error("part {number} does not exist or was replaced")]
    InvalidPart {
        /// Which.
        number: u32,
    },
    /// The conditions do not hold.
    #[error("precondition failed")]
    PreconditionFailed,
    /// The condition is on the tag of an object, and there is none.
    #[error("precondition on what is not there")]
    NothingToMatch,
    /// The version to share from is no longer there.
    #[error("the source changed")]
    SourceChanged,
    /// A lease forbids it, or a lease action was refused.
    #[error("lease: {0}")]
    Lease(#[from] crate::model::LeaseFault),
    /// The object is in the archive, and the operation must not change it there.
    #[error("the object is in the archive")]
    Archived,
    /// The object has snapshots, and the deletion said nothing of them.
    #[error("the object has snapshots")]
    SnapshotsPresent,
    /// The object is not of the kind that the operation is for: it grows by appending and should not, or the reverse;
    /// or it is a snapshot.
    #[error("the object is of another kind")]
    WrongKind,
    /// Nothing may be appended any more.
    #[error("the object is closed to appending")]
    AppendClosed,
    /// The object has not the length that the append named.
    #[error("the object has another length than the append expects")]
    AppendPosition,
    /// The object would become longer than the append allows.
    #[error("the object would be longer than the append allows")]
    AppendLength,
    /// A block is not there, or its name has another length than the others'.
    #[error("a block is not there, or its name does not fit")]
    InvalidBlock,
    /// More blocks than an object may have.
    #[error("too many blocks")]
    TooManyBlocks,
    /// The client would have, or the bucket would hold, more than its quota allows.
    #[error("a quota is exceeded")]
    QuotaExceeded,
    /// A content would be made of more slices than one may have ([`MOST_SLICES`](super::MOST_SLICES)).
    #[error("too many slices")]
    TooManySlices,
    /// The part is committed: its chunks belong to somebody, and must not be queued for deletion.
    #[error("the part is committed")]
    Committed,
}

/// What the engine, the files or our own code suffered: an operator is told.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The work ended in a panic: a fault of ours. Nothing of it is there.
    #[error("the catalog's work ended in a panic")]
    Panicked,
    /// The catalog was closed.
    #[error("the catalog is closed")]
    Closed,
    /// There is no catalog.
    #[error("there is no catalog")]
    Absent,
    /// Version 0.1 made the catalog, and nothing of it is at its providers but chunks.
    #[error("the catalog has no identity: version 0.1 made it")]
    Unmarked,
    /// Another process has the catalog open.
    #[error("the catalog is in use by another process")]
    InUse,
    /// The catalog was written by a later version of this program.
    #[error("the catalog has schema {found}, this program knows {known}")]
    TooNew {
        /// The schema found.
        found: i64,
        /// The highest one known.
        known: i64,
    },
    /// The call itself breaks the catalog's contract: a fault of ours, and no row is in doubt. Nothing was changed.
    #[error("the catalog was asked what nobody may ask: {0}")]
    Misused(&'static str),
    /// What is stored breaks an invariant. Never served.
    #[error("the catalog is damaged: {0}")]
    Damaged(&'static str),
    /// The database engine failed.
    #[error("the catalog's database failed")]
    Engine(#[source] rusqlite::Error),
    /// The file system failed.
    #[error("the catalog's files could not be used")]
    Io(#[source] std::io::Error),
}

impl From<std::io::Error> for CatalogError {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(Failure::Io(error))
    }
}

impl From<crate::model::LeaseFault> for CatalogError {
    fn from(fault: crate::model::LeaseFault) -> Self {
        Self::Refused(Refusal::Lease(fault))
    }
}

impl From<rusqlite::Error> for CatalogError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(Failure::Engine(error))
    }
}

impl From<crate::model::Unmet> for CatalogError {
    /// Of a write.
    fn from(unmet: crate::model::Unmet) -> Self {
        Self::Refused(match unmet {
            crate::model::Unmet::PreconditionFailed | crate::model::Unmet::NotModified => Refusal::PreconditionFailed,
            crate::model::Unmet::Absent => Refusal::NothingToMatch,
        })
    }
}
