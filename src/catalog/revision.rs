//! Changes of what is there: properties, appended bytes, snapshots, deletions with rules.

use std::collections::BTreeMap;

use super::query::weight_of_texts;
use super::{CatalogError, ENTRY_BYTES, MOST_BLOCKS, Refusal, Version, VersionId};
use crate::model::{
    BucketName, BucketRef, ByteRange, ClientId, Conditions, ETag, ObjectKey, Part, PartId, ShownMd5, Sight, SnapshotId,
    SystemMetadata, TagExpression, Tags, TenantId, Tier, Timestamp,
};

/// A change of a version that leaves its bytes as they are.
#[derive(Debug, Clone)]
pub enum Revision {
    /// Other user metadata. Raises the revision, and so the state tag and the time.
    User(BTreeMap<String, String>),
    /// Other headers. Raises the revision. What Azure has no header for (`expires`, `website_redirect`,
    /// `storage_class`) stays as it was.
    Headers {
        /// The headers.
        system: Box<SystemMetadata>,
        /// The MD5 to show.
        shown_md5: ShownMd5,
    },
    /// Other tags. The revision stays: tags are no part of what a state tag stands for.
    Tags(Tags),
    /// Another tier. The revision stays.
    Tier(Option<Tier>),
    /// Nothing may be appended any more ([`AppendState::closed`](crate::model::AppendState)). Raises the revision.
    /// [`Refusal::WrongKind`] when nothing could be.
    Close {
        /// The length that the object must have ([`Refusal::AppendPosition`]
        /// otherwise).
        length: Option<u64>,
    },
}

impl Revision {
    /// Changes `version`; returns whether its revision rises.
    pub(super) fn apply(&self, version: &mut Version) -> Result<bool, CatalogError> {
        if version.snapshot.is_some() && !matches!(self, Self::Tags(_) | Self::Tier(_)) {
            return Err(CatalogError::Refused(Refusal::WrongKind));
        }
        let metadata = &mut version.metadata;
        match self {
            Self::User(user) => metadata.user = user.clone(),
            Self::Headers { system, shown_md5 } => {
                metadata.shown_md5 = *shown_md5;
                let before = std::mem::replace(&mut metadata.system, (**system).clone());
                metadata.system.expires = before.expires;
                metadata.system.website_redirect = before.website_redirect;
                metadata.system.storage_class = before.storage_class;
            }
            Self::Close { length } => {
                let state = metadata.append.as_mut().ok_or(CatalogError::Refused(Refusal::WrongKind))?;
                if length.is_some_and(|length| length != version.length) {
                    return Err(CatalogError::Refused(Refusal::AppendPosition));
                }
                state.closed = true;
            }
            Self::Tags(tags) => {
                metadata.tags = tags.clone();
                return Ok(false);
            }
            Self::Tier(tier) => {
                metadata.tier = tier.clone();
                return Ok(false);
            }
        }
        // A copy that was changed is none any more.
        metadata.copied = None;
        Ok(true)
    }
}

/// Which version of an object is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Which {
    /// The current one.
    Current,
    /// A snapshot.
    Snapshot(SnapshotId),
}

impl From<Option<SnapshotId>> for Which {
    /// As clients say it: who names no snapshot means the current version.
    fn from(snapshot: Option<SnapshotId>) -> Self {
        snapshot.map_or(Self::Current, Self::Snapshot)
    }
}

/// A version of an object, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRef {
    /// Where.
    pub bucket: BucketRef,
    /// Under which key.
    pub key: ObjectKey,
    /// Which of its versions.
    pub which: Which,
}

impl ObjectRef {
    /// The current version under a name.
    pub fn current(bucket: &BucketRef, key: &ObjectKey) -> Self {
        Self { bucket: bucket.clone(), key: key.clone(), which: Which::Current }
    }
}

/// A part to append to an object that may grow.
#[derive(Debug, Clone)]
pub struct NewAppend {
    /// Where.
    pub bucket: BucketRef,
    /// To which object.
    pub key: ObjectKey,
    /// What, all of it.
    pub part: Part,
    /// The object must have this length before; [`Refusal::AppendPosition`] otherwise.
    pub position: Option<u64>,
    /// The object must not be longer than this after; [`Refusal::AppendLength`] otherwise.
    pub most_bytes: Option<u64>,
    /// The version's new tag.
    pub etag: ETag,
    /// When.
    pub modified: Timestamp,
    /// Decided against the current version, in the transaction.
    pub conditions: Conditions,
}

impl NewAppend {
    /// Changes `version`, all but its revision, unless it must not grow so.
    pub(super) fn apply(&self, version: &mut Version) -> Result<(), CatalogError> {
        let metadata = &mut version.metadata;
        let state = metadata.append.as_mut().ok_or(CatalogError::Refused(Refusal::WrongKind))?;
        if state.closed {
            return Err(CatalogError::Refused(Refusal::AppendClosed));
        }
        if self.position.is_some_and(|position| position != version.length) {
            return Err(CatalogError::Refused(Refusal::AppendPosition));
        }
        let length = version.length.saturating_add(self.part.length);
        if self.most_bytes.is_some_and(|most| length > most) {
            return Err(CatalogError::Refused(Refusal::AppendLength));
        }
        if usize::try_from(state.blocks).is_ok_and(|blocks| blocks >= MOST_BLOCKS) {
            return Err(CatalogError::Refused(Refusal::TooManyBlocks));
        }
        state.blocks += 1;
        // They were of the bytes that were there before.
        metadata.content_md5 = None;
        metadata.checksums.clear();
        metadata.copied = None;
        metadata.created.get_or_insert(version.modified);
        version.length = length;
        version.etag = self.etag.clone();
        version.modified = version.modified.max(self.modified);
        Ok(())
    }
}

/// What an append did.
#[derive(Debug, Clone)]
pub struct Appended {
    /// The version as it is now.
    pub version: Version,
    /// Where the part begins in it, in bytes.
    pub offset: u64,
    /// Slices that it has now.
    pub slices: usize,
}

/// A run of a version's slices that one new part, with the same bytes, takes the place of.
#[derive(Debug, Clone)]
pub struct RunMerge {
    /// Where.
    pub bucket: BucketRef,
    /// Which object.
    pub key: ObjectKey,
    /// The version that was read.
    pub version: VersionId,
    /// The bytes of the run: whole slices.
    pub range: ByteRange,
    /// The parts that the run's slices were of, in order.
    pub parts: Vec<PartId>,
    /// The part with all of the bytes.
    pub part: Part,
}

/// What a deletion does about snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotRule {
    /// [`Refusal::SnapshotsPresent`] when there are any.
    MustBeNone,
    /// They go, too.
    Include,
    /// They alone go.
    Only,
}

/// An object or a snapshot to delete.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// Which.
    pub object: ObjectRef,
    /// For a current version; not looked at for a snapshot.
    pub snapshots: SnapshotRule,
    /// Decided against the version that goes.
    pub conditions: Conditions,
    /// When.
    pub at: Timestamp,
    /// What was deleted before and is retained goes for good ([`Catalog::restore`](super::Catalog::restore) finds nothing of it).
    pub for_good: bool,
}

/// What is said of a bucket beside its name.
#[derive(Debug, Clone)]
pub enum BucketRevision {
    /// Other user metadata.
    User(BTreeMap<String, String>),
    /// Other stored access policies.
    Policies(Vec<AccessPolicy>),
}

/// A stored access policy of a bucket: what shared access signatures that name it take from it.
///
/// Source: Azure "Define a stored access policy". All fields as the client wrote them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessPolicy {
    /// Its name: 1 to 64 characters.
    pub id: String,
    /// When it begins (ISO 8601).
    pub start: Option<String>,
    /// When it ends (ISO 8601).
    pub expiry: Option<String>,
    /// Letters of permissions.
    pub permissions: Option<String>,
    /// The client that set it so; `None`: set before this was noted.
    pub set_by: Option<ClientId>,
}

impl AccessPolicy {
    /// Whether it says what `other` says, whoever set it.
    pub fn says_as(&self, other: &Self) -> bool {
        let said = |policy: &Self| (policy.id.clone(), policy.start.clone(), policy.expiry.clone());
        said(self) == said(other) && self.permissions == other.permissions
    }
}

/// A search by tags.
#[derive(Debug, Clone)]
pub struct TagQuery {
    /// Whose objects.
    pub tenant: TenantId,
    /// In which bucket; `None`: in all.
    pub bucket: Option<BucketName>,
    /// Which tags.
    pub expression: TagExpression,
    /// Which names may be found: a page is cut after the others were left out.
    pub sight: Sight,
    /// Begin after this one.
    pub after: Option<(BucketName, ObjectKey)>,
    /// At most so many.
    pub limit: usize,
    /// A page ends before it has more bytes than this, but not before its first object.
    pub most_bytes: usize,
}

/// An object that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub bucket: BucketName,
    /// Its key.
    pub key: ObjectKey,
    /// Its tags.
    pub tags: Tags,
}

impl Found {
    /// What it counts for in a page.
    pub fn weight(&self) -> usize {
        let tags = self.tags.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        ENTRY_BYTES + weight_of_texts([self.bucket.as_str(), self.key.as_str()].into_iter().chain(tags))
    }
}

/// A page of what was found, by bucket and key. It may hold less than was asked for, and even nothing, though others follow:
/// then it has looked at as many rows as a page may
/// ([`CatalogSettings::page_rows`](super::CatalogSettings::page_rows)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPage {
    /// The objects.
    pub found: Vec<Found>,
    /// Where the next page begins; `None` when this is the last. It may name an object that was not found: no client may be
    /// told.
    pub next: Option<(BucketName, ObjectKey)>,
}

impl FoundPage {
    /// Whether the query asks for no more, when one more makes `bytes` of it.
    pub(super) fn is_full(&self, bytes: usize, query: &TagQuery) -> bool {
        self.found.len() == query.limit || !self.found.is_empty() && bytes > query.most_bytes
    }

    /// What its objects count for.
    pub fn weight(&self) -> usize {
        self.found.iter().map(Found::weight).sum()
    }
}
