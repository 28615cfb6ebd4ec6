//! What clients have, counted from all that there is.

use std::collections::BTreeMap;

use super::state::{BucketEntry, State};
use crate::catalog::CatalogError;
use crate::model::{ClientId, Usage};

/// What each client has.
pub(super) fn usage(state: &State) -> BTreeMap<ClientId, Usage> {
    let mut all = BTreeMap::new();
    let dropped = state.dropped.iter().map(|dropped| &dropped.entry);
    state.buckets.values().chain(dropped).for_each(|entry| count(entry, &mut all));
    all
}

/// Refuses a change that gave a client more than it may have.
pub(super) fn check(state: &State, before: &BTreeMap<ClientId, Usage>) -> Result<(), CatalogError> {
    let after = usage(state);
    let had = |client| before.get(client).copied().unwrap_or_default();
    let over = after
        .iter()
        .any(|(client, has)| state.quotas.get(client).is_some_and(|quota| quota.refuses(had(client), *has)));
    if over { Err(CatalogError::QuotaExceeded) } else { Ok(()) }
}

fn count(entry: &BucketEntry, all: &mut BTreeMap<ClientId, Usage>) {
    let past = entry.past.values().map(|past| &past.object);
    for object in entry.objects.values().chain(past) {
        let Some(owner) = &object.version.metadata.owner else { continue };
        let usage = all.entry(owner.clone()).or_default();
        usage.bytes += object.version.length;
        usage.objects += 1;
    }
    for upload in entry.uploads.values() {
        let Some(owner) = &upload.upload.metadata.owner else { continue };
        let usage = all.entry(owner.clone()).or_default();
        usage.bytes += upload.parts.values().map(|(part, _)| part.length).sum::<u64>();
        usage.uploads += 1;
    }
    for waiting in entry.uncommitted.values() {
        let Some(owner) = &waiting.owner else { continue };
        let usage = all.entry(owner.clone()).or_default();
        usage.bytes += waiting.blocks.values().map(|(block, _)| block.length).sum::<u64>();
        usage.uploads += 1;
    }
}
