//! What the catalog in memory holds, and how parts are counted.
//!
//! # Invariants
//! - `PartEntry::slices` is the number of slices that name the part, over all objects and upload parts.

use std::collections::{BTreeMap, HashMap};

use crate::catalog::slices::{Joined, PartSlice};
use crate::catalog::{
    Bucket, CatalogError, CatalogSettings, Content, Failure, QueuedDeletion, Refusal, Retained, ScrubFault, ScrubRound,
    Upload, UploadId, UploadPart, Version, VersionId,
};
use crate::model::{
    Block, BlockId, BucketRef, ByteRange, ClientId, CorsRule, ETag, ObjectKey, Part, PartBlock, PartId, ProviderName,
    Quota, Slice, Tags, TenantId, Timestamp, WrappedTenantKey,
};

#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) canary: Option<Vec<u8>>,
    pub(super) itself: super::belonging::Itself,
    pub(super) tenant_keys: BTreeMap<(TenantId, &'static str, u32), WrappedTenantKey>,
    pub(super) buckets: BTreeMap<BucketRef, BucketEntry>,
    /// Rules for the pages of other origins, of accounts.
    pub(super) cors: BTreeMap<TenantId, Vec<CorsRule>>,
    pub(super) parts: BTreeMap<PartId, PartEntry>,
    pub(super) blocks: Vec<PartBlock>,
    pub(super) deletions: BTreeMap<(PartId, ProviderName), Waiting>,
    /// Second looks, and when.
    pub(super) looks: BTreeMap<(PartId, ProviderName), (QueuedDeletion, Timestamp)>,
    /// Blocks that were looked through once, and when they are again.
    pub(super) aside: Vec<(PartBlock, Timestamp)>,
    /// How far the looks at all parts are, and what they found, by provider.
    pub(super) rounds: BTreeMap<ProviderName, ScrubRound>,
    pub(super) findings: BTreeMap<ProviderName, BTreeMap<PartId, ScrubFault>>,
    /// Where each version is.
    pub(super) versions: HashMap<VersionId, (BucketRef, ObjectKey)>,
    pub(super) last_version: i64,
    /// What was dropped, in the order in which it went.
    pub(super) dropped: Vec<Dropped>,
    pub(super) quotas: BTreeMap<ClientId, Quota>,
    pub(super) bucket_quotas: BTreeMap<BucketRef, Quota>,
    /// The last time that was kept.
    pub(super) time: Option<Timestamp>,
    pub(super) settings: CatalogSettings,
    pub(super) closed: bool,
}

/// A deletion in the queue.
#[derive(Clone)]
pub(super) struct Waiting {
    pub(super) part: QueuedDeletion,
    /// When it is tried next.
    pub(super) due: Timestamp,
    /// When it was due first.
    pub(super) since: Timestamp,
    /// How often it failed.
    pub(super) attempts: u32,
}

#[derive(Clone)]
pub(super) struct BucketEntry {
    pub(super) bucket: Bucket,
    pub(super) cors: Vec<CorsRule>,
    pub(super) tags: Tags,
    pub(super) objects: BTreeMap<ObjectKey, ObjectEntry>,
    /// Snapshots, and what was deleted and is retained, by name and rank.
    pub(super) past: BTreeMap<(ObjectKey, i64), PastEntry>,
    pub(super) uncommitted: BTreeMap<ObjectKey, Uncommitted>,
    pub(super) uploads: BTreeMap<(ObjectKey, UploadId), UploadEntry>,
}

/// A bucket that was dropped.
#[derive(Clone)]
pub(super) struct Dropped {
    pub(super) id: i64,
    pub(super) was: BucketRef,
    pub(super) entry: BucketEntry,
    /// Until when it can be had back; `None`: it goes at once.
    pub(super) retained: Option<Retained>,
    /// All that it holds is retained. If not, what is not is being removed.
    pub(super) whole: bool,
}

#[derive(Clone)]
pub(super) struct PastEntry {
    pub(super) object: ObjectEntry,
    pub(super) retained: Option<Retained>,
}

/// The uncommitted blocks of a name.
#[derive(Clone, Default)]
pub(super) struct Uncommitted {
    pub(super) blocks: BTreeMap<BlockId, (Block, Vec<PartSlice>)>,
    pub(super) touched: Option<Timestamp>,
    pub(super) owner: Option<ClientId>,
}

#[derive(Clone)]
pub(super) struct ObjectEntry {
    /// With its lease.
    pub(super) version: Version,
    pub(super) slices: Vec<PartSlice>,
    /// Its committed blocks.
    pub(super) blocks: Vec<Block>,
    /// The upload that it comes from, and what its completion named.
    pub(super) origin: Option<(UploadId, Vec<(u32, ETag)>)>,
}

#[derive(Clone)]
pub(super) struct UploadEntry {
    pub(super) upload: Upload,
    pub(super) parts: BTreeMap<u32, StoredPart>,
}

pub(super) type StoredPart = (UploadPart, Vec<PartSlice>);

#[derive(Clone)]
pub(super) struct PartEntry {
    pub(super) part: Part,
    pub(super) tenant: TenantId,
    pub(super) slices: u64,
}

impl State {
    pub(super) fn all_tenant_keys(&self) -> Vec<WrappedTenantKey> {
        let mut keys: Vec<_> = self.tenant_keys.values().cloned().collect();
        keys.sort_by(|a, b| {
            (&a.tenant, a.purpose.as_str(), a.version).cmp(&(&b.tenant, b.purpose.as_str(), b.version))
        });
        keys
    }

    pub(super) fn bucket(&self, bucket: &BucketRef) -> Result<&BucketEntry, CatalogError> {
        self.buckets.get(bucket).ok_or(CatalogError::Refused(Refusal::NoSuchBucket))
    }

    pub(super) fn bucket_mut(&mut self, bucket: &BucketRef) -> Result<&mut BucketEntry, CatalogError> {
        self.buckets.get_mut(bucket).ok_or(CatalogError::Refused(Refusal::NoSuchBucket))
    }

    pub(super) fn object(&self, bucket: &BucketRef, key: &ObjectKey) -> Result<&ObjectEntry, CatalogError> {
        self.bucket(bucket)?.objects.get(key).ok_or(CatalogError::Refused(Refusal::NoSuchKey))
    }

    pub(super) fn upload(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        id: &UploadId,
    ) -> Result<&UploadEntry, CatalogError> {
        self.bucket(bucket)?.uploads.get(&(key.clone(), id.clone())).ok_or(CatalogError::Refused(Refusal::NoSuchUpload))
    }

    pub(super) fn next_version(&mut self) -> VersionId {
        self.last_version += 1;
        VersionId(self.last_version)
    }

    /// The object of a version that is current or past.
    pub(super) fn version(&self, id: VersionId) -> Option<(&BucketRef, &ObjectEntry)> {
        let (bucket, key) = self.versions.get(&id)?;
        let entry = self.buckets.get(bucket)?;
        let past = entry.past.range((key.clone(), i64::MIN)..=(key.clone(), i64::MAX)).map(|(_, past)| &past.object);
        let found = entry.objects.get(key).into_iter().chain(past).find(|object| object.version.id == id)?;
        Some((bucket, found))
    }

    /// The slices of new content, counted, at most `most`. Everything is checked before anything changes.
    pub(super) fn add(
        &mut self,
        content: Content,
        length: u64,
        tenant: &TenantId,
        most: usize,
    ) -> Result<Vec<PartSlice>, CatalogError> {
        let slices = match &content {
            Content::Empty => Vec::new(),
            Content::Part(part) => {
                self.check(part)?;
                vec![PartSlice { position: 0, part: part.id, offset: 0, length: part.length }]
            }
            Content::Shared { source, range } => self.share(*source, *range, tenant, most)?,
        };
        if slices.iter().map(|slice| slice.length).sum::<u64>() != length {
            return Err(CatalogError::Failed(Failure::Misused("a length that is not its content's")));
        }
        if let Content::Part(mut part) = content {
            part.placements.sort();
            self.parts.insert(part.id, PartEntry { part, tenant: tenant.clone(), slices: 0 });
        }
        self.count(&slices);
        Ok(slices)
    }

    /// Counts slices that are new.
    pub(super) fn count(&mut self, slices: &[PartSlice]) {
        for slice in slices {
            if let Some(entry) = self.parts.get_mut(&slice.part) {
                entry.slices += 1;
            }
        }
    }

    /// Takes slices away. A part that loses its last one goes, and its chunks are queued.
    pub(super) fn release(&mut self, slices: Vec<PartSlice>, grace_until: Timestamp) {
        for slice in slices {
            let Some(entry) = self.parts.get_mut(&slice.part) else { continue };
            entry.slices -= 1;
            if entry.slices > 0 {
                continue;
            }
            if let Some(PartEntry { part, tenant, .. }) = self.parts.remove(&slice.part) {
                let chunks = part.chunks();
                for provider in part.placements {
                    let (part, tenant) = (part.id, tenant.clone());
                    self.queue(QueuedDeletion { part, tenant, chunks, provider, in_doubt: false }, grace_until);
                }
            }
        }
    }

    /// Queues a deletion; one that is queued already keeps the earlier time.
    pub(super) fn queue(&mut self, part: QueuedDeletion, due: Timestamp) {
        let name = (part.part, part.provider.clone());
        let waiting = self.deletions.entry(name).or_insert(Waiting { part, due, since: due, attempts: 0 });
        (waiting.due, waiting.since) = (due.min(waiting.due), due.min(waiting.since));
    }

    pub(super) fn is_queued(&self, id: &PartId) -> bool {
        self.deletions.keys().any(|(part, _)| part == id)
    }

    /// The slices that overlap `range`, with their parts.
    pub(super) fn overlapping(&self, slices: &[PartSlice], range: ByteRange) -> Result<Vec<Slice>, CatalogError> {
        let within = slices.iter().filter(|slice| slice.position < range.end && slice.end() > range.first);
        let whole = |slice: &PartSlice| {
            let entry = self
                .parts
                .get(&slice.part)
                .ok_or(CatalogError::Failed(Failure::Damaged("a slice without its part")))?;
            let PartSlice { position, offset, length, .. } = *slice;
            Ok(Slice { position, part: entry.part.clone(), offset, length })
        };
        within.map(whole).collect()
    }

    fn check(&self, part: &Part) -> Result<(), CatalogError> {
        if part.length == 0 || part.padded_length < part.length {
            return Err(CatalogError::Failed(Failure::Misused("a part of impossible length")));
        }
        if part.placements.is_empty() {
            return Err(CatalogError::Failed(Failure::Misused("a part that no provider holds")));
        }
        if self.parts.contains_key(&part.id) || self.is_queued(&part.id) {
            return Err(CatalogError::Failed(Failure::Misused("a part id that was used before")));
        }
        Ok(())
    }

    fn share(
        &self,
        source: VersionId,
        range: ByteRange,
        tenant: &TenantId,
        most: usize,
    ) -> Result<Vec<PartSlice>, CatalogError> {
        let (bucket, object) = self.version(source).ok_or(CatalogError::Refused(Refusal::SourceChanged))?;
        if bucket.tenant != *tenant {
            return Err(CatalogError::Refused(Refusal::SourceChanged));
        }
        if range.first >= range.end || range.end > object.version.length {
            return Err(CatalogError::Failed(Failure::Misused("a range outside of its source")));
        }
        cut(&object.slices, range, most)
    }
}

/// Bytes `range` of a content, from position 0 on.
pub(super) fn cut(slices: &[PartSlice], range: ByteRange, most: usize) -> Result<Vec<PartSlice>, CatalogError> {
    let mut joined = Joined::up_to(most);
    slices.iter().filter_map(|slice| slice.cut(range, 0)).try_for_each(|slice| joined.add(slice))?;
    Ok(joined.into_slices())
}
