//! Blocks in memory.

use std::collections::BTreeMap;

use super::state::{ObjectEntry, PartSlice, State, Waiting, cut};
use super::{objects, past};
use crate::catalog::{
    BlockCommit, BlockLists, CatalogError, MOST_BLOCKS, MOST_UNCOMMITTED_BLOCKS, NewBlock, ObjectRef, Version,
};
use crate::model::{Block, BlockPick, BlockSource, BucketRef, ByteRange, Conditions, ETag, ObjectKey, Timestamp};

pub(super) fn put(state: &mut State, new: NewBlock, grace_until: Timestamp) -> Result<(), CatalogError> {
    let lease = Conditions { lease: new.conditions.lease.clone(), ..Conditions::default() };
    objects::guard_write(state, &new.bucket, &new.key, &lease)?;
    refuse_growing(state, &new.bucket, &new.key)?;
    let id_bytes = new.block.id.decoded_length();
    if let Some(waiting) = state.bucket(&new.bucket)?.waiting.get(&new.key) {
        if waiting.id_bytes != id_bytes {
            return Err(CatalogError::InvalidBlock);
        }
        if waiting.blocks.len() >= MOST_UNCOMMITTED_BLOCKS && !waiting.blocks.contains_key(&new.block.id) {
            return Err(CatalogError::TooManyBlocks);
        }
    }
    let slices = state.add(new.content, new.block.length, &new.bucket.tenant)?;
    objects::forget_ended_lease(state, &new.bucket, &new.key)?;
    let empty = || Waiting { id_bytes, touched: new.uploaded, blocks: BTreeMap::new() };
    let waiting = state.bucket_mut(&new.bucket)?.waiting.entry(new.key).or_insert_with(empty);
    waiting.touched = new.uploaded;
    if let Some((_, old)) = waiting.blocks.insert(new.block.id.clone(), (new.block, slices)) {
        state.release(old, grace_until);
    }
    Ok(())
}

pub(super) fn lists(state: &State, object: &ObjectRef) -> Result<BlockLists, CatalogError> {
    let entry = state.bucket(&object.bucket)?;
    let (found, version) = match object.snapshot {
        Some(id) => {
            past::find(state, &object.bucket, &object.key, id).map(|(found, version)| (Some(found), Some(version)))?
        }
        None => (entry.objects.get(&object.key), objects::current(state, &object.bucket, &object.key).ok()),
    };
    if version.as_ref().is_some_and(|version| version.metadata.append.is_some()) {
        return Err(CatalogError::WrongKind);
    }
    let committed = found.and_then(|found| found.blocks.clone()).unwrap_or_default();
    let waiting = entry.waiting.get(&object.key).filter(|_| object.snapshot.is_none());
    let uncommitted: Vec<Block> =
        waiting.into_iter().flat_map(|waiting| waiting.blocks.values().map(|(block, _)| block.clone())).collect();
    if version.is_none() && uncommitted.is_empty() {
        return Err(CatalogError::NoSuchKey);
    }
    Ok(BlockLists { version, committed, uncommitted })
}

pub(super) fn commit(state: &mut State, list: BlockCommit, grace_until: Timestamp) -> Result<Version, CatalogError> {
    if list.picks.len() > MOST_BLOCKS {
        return Err(CatalogError::TooManyBlocks);
    }
    let lease = objects::guard_write(state, &list.bucket, &list.key, &list.conditions)?;
    refuse_growing(state, &list.bucket, &list.key)?;
    let (mut slices, mut blocks, mut position) = (Vec::new(), Vec::new(), 0);
    for pick in &list.picks {
        let (block, of_block) = find(state, &list.bucket, &list.key, pick).ok_or(CatalogError::InvalidBlock)?;
        slices.extend(of_block.into_iter().map(|slice| PartSlice { position: slice.position + position, ..slice }));
        position += block.length;
        blocks.push(block);
    }
    state.raise(&slices);
    let digest = |block: &Block| block.md5.map_or_else(|| block.id.as_str().as_bytes().to_vec(), Vec::from);
    let digests: Vec<Vec<u8>> = blocks.iter().map(digest).collect();
    let id = state.next_version();
    let version = Version {
        id,
        key: list.key,
        length: position,
        etag: list.etag.unwrap_or_else(|| ETag::of_parts(digests.iter().map(Vec::as_slice))),
        modified: list.modified,
        metadata: list.metadata,
        part_lengths: Vec::new(),
        revision: id.0,
        snapshot: None,
        lease,
    };
    let object = ObjectEntry { version, slices, origin: None, blocks: Some(blocks) };
    objects::replace(state, &list.bucket, object, grace_until)
}

pub(super) fn drop_stale(state: &mut State, before: Timestamp, limit: usize, grace_until: Timestamp) -> usize {
    let mut gone = Vec::new();
    for entry in state.buckets.values_mut() {
        let stale = |waiting: &Waiting| waiting.touched < before;
        let names: Vec<_> = entry.waiting.iter().filter(|(_, w)| stale(w)).map(|(name, _)| name.clone()).collect();
        gone.extend(names.into_iter().take(limit - gone.len()).filter_map(|name| entry.waiting.remove(&name)));
    }
    let count = gone.len();
    for (_, slices) in gone.into_iter().flat_map(|waiting| waiting.blocks.into_values()) {
        state.release(slices, grace_until);
    }
    count
}

fn find(state: &State, bucket: &BucketRef, key: &ObjectKey, pick: &BlockPick) -> Option<(Block, Vec<PartSlice>)> {
    let entry = state.bucket(bucket).ok()?;
    let waiting = || entry.waiting.get(key)?.blocks.get(&pick.id).cloned();
    let committed = || {
        let object = entry.objects.get(key)?;
        let mut first = 0;
        for block in object.blocks.as_ref()? {
            let range = ByteRange { first, end: first + block.length };
            if block.id == pick.id {
                return Some((block.clone(), cut(&object.slices, range)));
            }
            first = range.end;
        }
        None
    };
    match pick.source {
        BlockSource::Committed => committed(),
        BlockSource::Uncommitted => waiting(),
        BlockSource::Latest => waiting().or_else(committed),
    }
}

fn refuse_growing(state: &State, bucket: &BucketRef, key: &ObjectKey) -> Result<(), CatalogError> {
    let grows = state.bucket(bucket)?.objects.get(key).is_some_and(|object| object.version.metadata.append.is_some());
    if grows { Err(CatalogError::WrongKind) } else { Ok(()) }
}
