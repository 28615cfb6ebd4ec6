//! Lists of a tenant's buckets, in pages, and the tags of one.

use std::iter::Peekable;

use async_trait::async_trait;

use super::query::weight_of_texts;
use super::{Bucket, CatalogError, Retained};
use crate::model::{BucketName, BucketRef, Sight, Tags, TenantId};

/// The tags of buckets: a part of [`Catalog`](super::Catalog), whose invariants hold here, too. They go with their bucket, and
/// come back with it. They are not searched by, and no list shows them.
#[async_trait]
pub trait BucketTagging: Send + Sync + 'static {
    /// The tags; none, where none were set. [`NoSuchBucket`](super::Refusal::NoSuchBucket) of a bucket that is not there.
    async fn bucket_tags(&self, bucket: &BucketRef) -> Result<Tags, CatalogError>;

    /// Puts these tags in the place of all that were there. [`NoSuchBucket`](super::Refusal::NoSuchBucket) of a bucket that is not there.
    async fn set_bucket_tags(&self, bucket: &BucketRef, tags: Tags) -> Result<(), CatalogError>;
}

/// Where a bucket stands in a list: its name, and, behind the bucket that has the name now, which deletion it was.
pub type BucketPlace = (String, Option<i64>);

/// A page of a tenant's buckets to ask for.
#[derive(Debug, Clone)]
pub struct BucketQuery {
    /// Whose.
    pub tenant: TenantId,
    /// Only names that begin so; may be empty.
    pub prefix: String,
    /// Which buckets may be shown: a page is cut after the others were left out.
    pub sight: Sight,
    /// Begin after this place.
    pub after: Option<BucketPlace>,
    /// At most so many.
    pub limit: usize,
    /// A page ends before it has more bytes than this, but not before its first entry.
    pub most_bytes: usize,
    /// Whether entries carry their user metadata. Their policies they never do.
    pub with_user_metadata: bool,
    /// Whether those that were deleted and can be had back are listed, too.
    pub gone: bool,
}

/// A bucket that was deleted and can be had back ([`Catalog::restore_bucket`](super::Catalog::restore_bucket)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoneBucket {
    /// Which deletion it was. Grows, is never reused.
    pub id: i64,
    /// As it was, without its lease.
    pub bucket: Bucket,
    /// When it was deleted, and until when it is retained.
    pub retained: Retained,
}

/// An entry of a page of buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketLine {
    /// A bucket that is there.
    There(Bucket),
    /// One that was deleted and can be had back.
    Gone(GoneBucket),
}

/// A page of buckets: by name, and those of one name that were deleted by when they went. It may hold less than was asked
/// for, and even nothing, though others follow: then it has looked at as many rows as a page may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketPage {
    /// The entries.
    pub entries: Vec<BucketLine>,
    /// Where the next page begins; `None` when this is the last. It may name a bucket that is not shown: no client may be told.
    pub next: Option<BucketPlace>,
}

impl BucketLine {
    /// The bucket, as it is or was.
    pub fn bucket(&self) -> &Bucket {
        match self {
            Self::There(bucket) | Self::Gone(GoneBucket { bucket, .. }) => bucket,
        }
    }

    /// The same, to be changed before it is shown.
    pub fn bucket_mut(&mut self) -> &mut Bucket {
        match self {
            Self::There(bucket) | Self::Gone(GoneBucket { bucket, .. }) => bucket,
        }
    }

    /// Where it stands.
    pub fn place(&self) -> BucketPlace {
        let gone = match self {
            Self::There(_) => None,
            Self::Gone(gone) => Some(gone.id),
        };
        (self.name().as_str().to_owned(), gone)
    }

    /// What it counts for in a page.
    pub fn weight(&self) -> usize {
        let user = &self.bucket().user;
        weight_of_texts(user.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]))
            .saturating_add(weight_of_texts([self.name().as_str()]))
            .saturating_add(super::ENTRY_BYTES)
    }

    fn name(&self) -> &BucketName {
        &self.bucket().name
    }
}

impl BucketPage {
    /// What its entries count for.
    pub fn weight(&self) -> usize {
        self.entries.iter().map(BucketLine::weight).sum()
    }

    /// The page that `query` asks for, of at most `most` rows. Both kinds come in order, from the first name that begins with
    /// the prefix or any before it on.
    pub(super) fn of(
        there: impl Iterator<Item = Result<BucketLine, CatalogError>>,
        gone: impl Iterator<Item = Result<BucketLine, CatalogError>>,
        query: &BucketQuery,
        most: usize,
    ) -> Result<Self, CatalogError> {
        let mut page = Self::default();
        if query.limit == 0 {
            return Ok(page);
        }
        let (mut there, mut gone) = (there.peekable(), gone.peekable());
        let (mut last, mut bytes, mut looked_at) = (None, 0_usize, 0);
        while let Some(entry) = first_of(&mut there, &mut gone) {
            let entry = entry?;
            let (name, place) = (entry.name(), entry.place());
            if name.as_str() < query.prefix.as_str() || query.after.as_ref().is_some_and(|after| place <= *after) {
                continue;
            }
            if !name.as_str().starts_with(&query.prefix) {
                return Ok(page);
            }
            if looked_at >= most.max(1) {
                page.next = last;
                return Ok(page);
            }
            looked_at += 1;
            if query.sight.sees(name) {
                bytes = bytes.saturating_add(entry.weight());
                let full = bytes > query.most_bytes && !page.entries.is_empty();
                if full || page.entries.len() == query.limit {
                    page.next = last;
                    return Ok(page);
                }
                page.entries.push(entry);
            }
            last = Some(place);
        }
        Ok(page)
    }
}

/// The entry that comes next of the two; a fault comes first.
fn first_of<I, J>(there: &mut Peekable<I>, gone: &mut Peekable<J>) -> Option<Result<BucketLine, CatalogError>>
where
    I: Iterator<Item = Result<BucketLine, CatalogError>>,
    J: Iterator<Item = Result<BucketLine, CatalogError>>,
{
    match (there.peek(), gone.peek()) {
        (Some(Ok(mine)), Some(Ok(other))) if other.place() < mine.place() => gone.next(),
        (None, _) => gone.next(),
        _ => there.next(),
    }
}
