//! Blocks in memory.

use super::objects;
use super::state::{ObjectEntry, State, Uncommitted, cut};
use crate::catalog::blocks::BlockPlace;
use crate::catalog::slices::{Joined, PartSlice};
use crate::catalog::{
    BlockCommit, BlockCursor, BlockLists, BlockPage, CatalogError, Content, Failure, MOST_BLOCKS, MOST_SLICES,
    MOST_SLICES_OF_PIECE, MOST_UNCOMMITTED_BLOCKS, NewBlock, ObjectRef, PAGE_BLOCKS, Refusal, Version, Which,
};
use crate::model::{Block, BlockId, BlockPick, BlockSource, BucketRef, ByteRange, ObjectKey, Timestamp};

pub(super) fn put(state: &mut State, new: NewBlock, grace_until: Timestamp) -> Result<(), CatalogError> {
    let entry = state.bucket(&new.bucket)?;
    let current = entry.objects.get(&new.key).map(|object| &object.version);
    let lease = objects::guard(current.and_then(|version| version.lease.as_ref()), &new.conditions)?;
    current.map_or(Ok(()), |version| version.guard_archive(&new.conditions))?;
    refuse_appendable(current)?;
    if new.content == Content::Empty {
        return Err(CatalogError::Failed(Failure::Misused("a block without bytes")));
    }
    if let Some(waiting) = entry.uncommitted.get(&new.key) {
        let length = new.block.id.decoded_length();
        if waiting.blocks.keys().any(|id| id.decoded_length() != length) {
            return Err(CatalogError::Refused(Refusal::InvalidBlock));
        }
        if waiting.blocks.len() == MOST_UNCOMMITTED_BLOCKS && !waiting.blocks.contains_key(&new.block.id) {
            return Err(CatalogError::Refused(Refusal::TooManyBlocks));
        }
    }
    let slices = state.add(new.content, new.block.length, &new.bucket.tenant, MOST_SLICES_OF_PIECE)?;
    let entry = state.bucket_mut(&new.bucket)?;
    if let Some(object) = entry.objects.get_mut(&new.key) {
        object.version.lease = lease;
    }
    let first = || Uncommitted { owner: new.owner.clone(), ..Uncommitted::default() };
    let waiting = entry.uncommitted.entry(new.key).or_insert_with(first);
    waiting.touched = Some(new.uploaded);
    if let Some((_, old)) = waiting.blocks.insert(new.block.id.clone(), (new.block, slices)) {
        state.release(old, grace_until);
    }
    Ok(())
}

pub(super) fn lists(state: &State, object: &ObjectRef) -> Result<BlockLists, CatalogError> {
    let waiting = state.bucket(&object.bucket)?.uncommitted.get(&object.key).filter(|_| object.which == Which::Current);
    let found = match objects::find(state, object) {
        Ok(found) => Some(found),
        Err(CatalogError::Refused(Refusal::NoSuchKey)) if waiting.is_some() => None,
        Err(error) => return Err(error),
    };
    let cursor = |place| BlockCursor { object: object.clone(), place };
    let listed = found.filter(|found| !found.blocks.is_empty());
    Ok(BlockLists {
        version: found.map(|found| found.version.clone()),
        committed: listed
            .map(|found| cursor(BlockPlace::Committed { version: found.version.id, from: 0, position: 0 })),
        uncommitted: waiting.map(|_| cursor(BlockPlace::Uncommitted { set: 0, after: None })),
    })
}

pub(super) fn more(state: &State, cursor: BlockCursor) -> Result<BlockPage, CatalogError> {
    let object = cursor.object;
    let (mut blocks, next): (Vec<Block>, _) = match cursor.place {
        BlockPlace::Committed { version, from, position } => {
            let (_, found) = state.version(version).ok_or(CatalogError::Refused(Refusal::SourceChanged))?;
            let first = usize::try_from(from).unwrap_or(usize::MAX);
            let page = found.blocks.iter().skip(first).take(PAGE_BLOCKS + 1).cloned();
            (page.collect(), BlockPlace::Committed { version, from: from + PAGE_BLOCKS as u64, position })
        }
        BlockPlace::Uncommitted { set, after } => {
            let waiting = state.bucket(&object.bucket)?.uncommitted.get(&object.key);
            let waiting = waiting.ok_or(CatalogError::Refused(Refusal::SourceChanged))?;
            let behind = waiting.blocks.iter().filter(|(id, _)| after.as_ref().is_none_or(|after| *id > after));
            let page: Vec<Block> = behind.take(PAGE_BLOCKS + 1).map(|(_, (block, _))| block.clone()).collect();
            let after = page.get(PAGE_BLOCKS - 1).map(|block| block.id.clone());
            (page, BlockPlace::Uncommitted { set, after })
        }
    };
    let more = blocks.len() > PAGE_BLOCKS;
    blocks.truncate(PAGE_BLOCKS);
    Ok(BlockPage { blocks, next: more.then_some(BlockCursor { object, place: next }) })
}

pub(super) fn commit(state: &mut State, commit: BlockCommit, grace_until: Timestamp) -> Result<Version, CatalogError> {
    let lease = objects::check(state, &commit.bucket, &commit.key, &commit.conditions)?;
    let entry = state.bucket(&commit.bucket)?;
    refuse_appendable(entry.objects.get(&commit.key).map(|object| &object.version))?;
    if commit.picks.len() > MOST_BLOCKS {
        return Err(CatalogError::Refused(Refusal::TooManyBlocks));
    }
    let (mut blocks, mut joined) = (Vec::new(), Joined::up_to(MOST_SLICES));
    for pick in &commit.picks {
        let (block, slices) = find(state, &commit, pick)?;
        slices.into_iter().try_for_each(|slice| joined.add(slice))?;
        blocks.push(block);
    }
    let (length, slices) = (joined.length(), joined.into_slices());
    // They are shared with the blocks that they are of, which go.
    state.count(&slices);
    let id = state.next_version();
    let etag = commit.tag(&blocks);
    let version = Version {
        id,
        key: commit.key,
        length,
        etag,
        modified: commit.modified,
        metadata: commit.metadata,
        part_lengths: Vec::new(),
        revision: id.0,
        snapshot: None,
        lease,
    };
    objects::replace(state, &commit.bucket, ObjectEntry { version, slices, blocks, origin: None }, grace_until)
}

/// Drops the uncommitted blocks of a name.
pub(super) fn discard(
    state: &mut State,
    bucket: &BucketRef,
    key: &ObjectKey,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    if let Some(waiting) = state.bucket_mut(bucket)?.uncommitted.remove(key) {
        waiting.blocks.into_values().for_each(|(_, slices)| state.release(slices, grace_until));
    }
    Ok(())
}

pub(super) fn drop_stale(
    state: &mut State,
    before: Timestamp,
    limit: usize,
    grace_until: Timestamp,
) -> Result<usize, CatalogError> {
    let mut stale = Vec::new();
    for (bucket, entry) in &state.buckets {
        let old = entry.uncommitted.iter().filter(|(_, waiting)| waiting.touched < Some(before));
        stale.extend(old.map(|(key, waiting)| (waiting.touched, bucket.clone(), key.clone())));
    }
    stale.sort();
    stale.truncate(limit);
    stale.iter().try_for_each(|(_, bucket, key)| discard(state, bucket, key, grace_until))?;
    Ok(stale.len())
}

/// A block that a list names, with its slices.
fn find(state: &State, commit: &BlockCommit, pick: &BlockPick) -> Result<(Block, Vec<PartSlice>), CatalogError> {
    let entry = state.bucket(&commit.bucket)?;
    let uncommitted = || entry.uncommitted.get(&commit.key)?.blocks.get(&pick.id).cloned().map(Ok);
    let committed = || of_version(entry.objects.get(&commit.key)?, &pick.id);
    let found = match pick.source {
        BlockSource::Committed => committed(),
        BlockSource::Uncommitted => uncommitted(),
        BlockSource::Latest => uncommitted().or_else(committed),
    };
    found.unwrap_or(Err(CatalogError::Refused(Refusal::InvalidBlock)))
}

/// Of several committed blocks of one name the last counts.
fn of_version(object: &ObjectEntry, id: &BlockId) -> Option<Result<(Block, Vec<PartSlice>), CatalogError>> {
    let (mut position, mut found) = (0, None);
    for block in &object.blocks {
        let range = ByteRange { first: position, end: position + block.length };
        position = range.end;
        found = if block.id == *id { Some((block, range)) } else { found };
    }
    found.map(|(block, range)| Ok((block.clone(), cut(&object.slices, range, MOST_SLICES)?)))
}

/// Blocks are not for an object that grows by appending.
fn refuse_appendable(current: Option<&Version>) -> Result<(), CatalogError> {
    let appendable = current.is_some_and(|version| version.metadata.append.is_some());
    if appendable { Err(CatalogError::Refused(Refusal::WrongKind)) } else { Ok(()) }
}
