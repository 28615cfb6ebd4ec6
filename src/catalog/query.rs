//! Questions to the catalog that answer in pages.

use super::{Upload, VersionId};
use crate::model::{BucketRef, ETag, Lease, Metadata, ObjectKey, SnapshotId, Timestamp};

/// Where a page of names begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListStart {
    /// At the first name.
    First,
    /// At the first name greater than this text (S3 `start-after`, `marker`).
    After(String),
    /// At the first name equal to or greater than this text (Azure markers).
    At(String),
    /// Past every name that begins so: the page before ended with this common prefix.
    AfterPrefix(String),
    /// Within the rows of one name: after its entry of that `rank`. Only for queries with [`ListExtras`].
    Within {
        /// The name.
        key: String,
        /// The snapshot's id; `i64::MAX` for the current version or a name of blocks only.
        rank: i64,
    },
}

/// What a page shows beside current versions. The default is nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListExtras {
    /// Snapshots, each before the current version.
    pub snapshots: bool,
    /// Names that have uncommitted blocks only.
    pub uncommitted: bool,
    /// What was deleted and is retained: versions, and snapshots where `snapshots` is set, too.
    pub deleted: bool,
}

/// How long a deleted version is retained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retained {
    /// When it was deleted, by the system's clock.
    pub deleted: Timestamp,
    /// Until when it can be had back, by the steady clock.
    pub until: Timestamp,
}

/// A page of names to ask for.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// Of which bucket.
    pub bucket: BucketRef,
    /// Only names that begin so; may be empty.
    pub prefix: String,
    /// Names are rolled up to the first occurrence of this after the prefix. Not empty.
    pub delimiter: Option<String>,
    /// Where to begin. A common prefix that `After` equals is skipped whole, as S3 does. One that `After` only lies
    /// within is listed while it has a name greater than the marker.
    pub start: ListStart,
    /// At most so many entries, objects and common prefixes together. 0 gives an empty page that is not truncated.
    pub limit: usize,
    /// A page ends before it has more bytes than this ([`weight`] says what counts), but not before its first entry.
    pub most_bytes: usize,
    /// Whether entries carry their metadata.
    pub with_metadata: bool,
    /// Whether that has what users named; otherwise it is left out.
    pub with_user_metadata: bool,
    /// What else is shown.
    pub extras: ListExtras,
}

/// Bytes that an entry of a page counts for: its name, what it carries, and [`ENTRY_BYTES`].
pub fn weight(name: &str, metadata: Option<&Metadata>) -> usize {
    ENTRY_BYTES + name.len() + metadata.map_or(0, Metadata::text_bytes)
}

/// Bytes of these texts together.
pub(super) fn weight_of_texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> usize {
    texts.into_iter().map(str::len).sum()
}

/// Bytes of an entry beside its texts: numbers, tags, times.
pub const ENTRY_BYTES: usize = 256;

/// One entry of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListEntry {
    /// An object.
    Object {
        /// Its key.
        key: ObjectKey,
        /// Its current version.
        version: VersionId,
        /// Plaintext length in bytes.
        length: u64,
        /// Its tag.
        etag: ETag,
        /// When it was committed.
        modified: Timestamp,
        /// The storage class that was asked for when it was written.
        storage_class: Option<String>,
        /// Where the query asked for it.
        metadata: Option<Box<Metadata>>,
        /// See [`Version::revision`](super::Version::revision).
        revision: i64,
        /// The object's lease; only where the query asked for metadata.
        lease: Option<Box<Lease>>,
        /// Present when this is a snapshot.
        snapshot: Option<SnapshotId>,
        /// Present when this was deleted.
        retained: Option<Retained>,
    },
    /// A name that has uncommitted blocks only.
    Uncommitted {
        /// The name.
        key: ObjectKey,
        /// When the last block came.
        touched: Timestamp,
    },
    /// All names that begin so, rolled up.
    Prefix(String),
}

/// A page of names, in byte order. One that has fewer entries than were asked for, though others follow, has looked at as
/// many rows as a page may ([`CatalogSettings::page_rows`](super::CatalogSettings::page_rows)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// The entries.
    pub entries: Vec<ListEntry>,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<ListStart>,
}

/// A page of uploads to ask for.
#[derive(Debug, Clone)]
pub struct UploadQuery {
    /// Of which bucket.
    pub bucket: BucketRef,
    /// Only keys that begin so.
    pub prefix: String,
    /// Keys are rolled up to the first occurrence of this after the prefix.
    pub delimiter: Option<String>,
    /// Begin after this key, or, with an id, after that upload of this key.
    pub after: Option<(String, Option<String>)>,
    /// At most so many.
    pub limit: usize,
    /// A page ends before it has more bytes than this, but not before its first entry.
    pub most_bytes: usize,
}

/// A page of uploads, by key then id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPage {
    /// The uploads.
    pub uploads: Vec<Upload>,
    /// Rolled-up prefixes.
    pub prefixes: Vec<String>,
    /// Where the next page begins (as `UploadQuery::after`); `None` when this is the last.
    pub next: Option<(String, Option<String>)>,
}

impl ListEntry {
    /// What it counts for in a page.
    pub fn weight(&self) -> usize {
        match self {
            Self::Object { key, metadata, .. } => weight(key.as_str(), metadata.as_deref()),
            Self::Uncommitted { key, .. } => weight(key.as_str(), None),
            Self::Prefix(text) => weight(text, None),
        }
    }
}

impl ListPage {
    /// What its entries count for.
    pub fn weight(&self) -> usize {
        self.entries.iter().map(ListEntry::weight).sum()
    }
}

impl UploadPage {
    /// What its entries count for.
    pub fn weight(&self) -> usize {
        let uploads = self.uploads.iter().map(|upload| weight(upload.key.as_str(), Some(&upload.metadata)));
        uploads.sum::<usize>() + self.prefixes.iter().map(|text| weight(text, None)).sum::<usize>()
    }
}
