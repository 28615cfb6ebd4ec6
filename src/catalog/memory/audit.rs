//! The audit in memory.

use std::collections::BTreeMap;

use super::state::{PartSlice, State};

pub(super) fn audit(state: &State) -> Vec<String> {
    let mut faults = Vec::new();
    let mut counts = BTreeMap::new();
    for bucket in state.buckets.values().chain(&state.dropped) {
        let past = bucket.past.values().map(|past| &past.object);
        let versions = bucket.objects.values().chain(past).map(|object| (object.version.length, &object.slices));
        let waiting = bucket.waiting.values().flat_map(|waiting| waiting.blocks.values());
        for (block, slices) in waiting {
            check_content(state, block.length, slices, &mut faults);
            slices.iter().for_each(|slice| *counts.entry(slice.part).or_insert(0_u64) += 1);
        }
        let parts = bucket.uploads.values().flat_map(|upload| upload.parts.values());
        for (length, slices) in versions.chain(parts.map(|(part, slices)| (part.length, slices))) {
            check_content(state, length, slices, &mut faults);
            slices.iter().for_each(|slice| *counts.entry(slice.part).or_insert(0_u64) += 1);
        }
    }
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
