//! The audit in memory.

use std::collections::BTreeMap;

use super::state::{BucketEntry, ObjectEntry, State};
use crate::catalog::order::RANK_OF_DELETED;
use crate::catalog::slices::PartSlice;

pub(super) fn audit(state: &State) -> Vec<String> {
    let mut faults = Vec::new();
    let mut counts = BTreeMap::new();
    for bucket in state.buckets.values().chain(state.dropped.iter().map(|dropped| &dropped.entry)) {
        let objects = bucket.objects.values().chain(bucket.past.values().map(|past| &past.object));
        for object in objects {
            check_object(object, &mut faults);
            check_content(state, object.version.length, &object.slices, &mut faults);
            object.slices.iter().for_each(|slice| *counts.entry(slice.part).or_insert(0_u64) += 1);
        }
        let parts = bucket.uploads.values().flat_map(|upload| upload.parts.values());
        let parts = parts.map(|(part, slices)| (part.length, slices));
        let blocks = bucket.uncommitted.values().flat_map(|waiting| waiting.blocks.values());
        for (length, slices) in parts.chain(blocks.map(|(block, slices)| (block.length, slices))) {
            check_content(state, length, slices, &mut faults);
            slices.iter().for_each(|slice| *counts.entry(slice.part).or_insert(0_u64) += 1);
        }
    }
    // What a dropped bucket held goes in any order.
    state.buckets.values().for_each(|bucket| check_past(bucket, &mut faults));
    for (id, entry) in &state.parts {
        if entry.slices == 0 || counts.get(id) != Some(&entry.slices) {
            faults.push(format!("a part's count of slices is wrong: {id}"));
        }
        if state.is_queued(id) {
            faults.push(format!("a part waits for deletion: {id}"));
        }
    }
    faults
}

/// Its blocks must add up.
fn check_object(object: &ObjectEntry, faults: &mut Vec<String>) {
    let version = &object.version;
    let length: u64 = object.blocks.iter().map(|block| block.length).sum();
    if !object.blocks.is_empty() && length != version.length {
        faults.push(format!("a version's blocks do not add up: {}", version.id.0));
    }
}

fn check_past(bucket: &BucketEntry, faults: &mut Vec<String>) {
    for ((key, rank), past) in &bucket.past {
        let id = past.object.version.id.0;
        let current = bucket.objects.contains_key(key);
        if past.retained.is_none() && !current {
            faults.push(format!("a snapshot has no current version: {id}"));
        }
        if *rank == RANK_OF_DELETED && (current || past.retained.is_none()) {
            faults.push(format!("what was deleted is current: {id}"));
        }
        if past.object.version.lease.is_some() {
            faults.push(format!("a version that is not current has a lease: {id}"));
        }
    }
}

fn check_content(state: &State, length: u64, slices: &[PartSlice], faults: &mut Vec<String>) {
    let mut position = 0;
    for slice in slices {
        if slice.position != position {
            faults.push(format!("a slice does not begin where the one before ends: {}", slice.part));
        }
        match state.parts.get(&slice.part) {
            None => faults.push(format!("a slice has no part: {}", slice.part)),
            Some(entry) if slice.offset + slice.length > entry.part.length => {
                faults.push(format!("a slice goes beyond its part: {}", slice.part));
            }
            Some(_) => {}
        }
        position = slice.end();
    }
    if position != length {
        faults.push(format!("a length is not its slices': {length} against {position}"));
    }
}
