//! What clients have and buckets hold, counted from all that there is.

use std::collections::BTreeMap;

use super::state::{BucketEntry, State};
use crate::catalog::{CatalogError, Refusal};
use crate::model::{BucketRef, ClientId, Usage};

/// What each client has.
pub(super) fn usage(state: &State) -> BTreeMap<ClientId, Usage> {
    let mut all = BTreeMap::new();
    let dropped = state.dropped.iter().map(|dropped| &dropped.entry);
    state.buckets.values().chain(dropped).for_each(|entry| count(entry, &mut all));
    all
}

/// What all had before a change.
pub(super) struct Before {
    clients: BTreeMap<ClientId, Usage>,
    buckets: BTreeMap<BucketRef, Usage>,
}

impl Before {
    pub(super) fn of(state: &State) -> Self {
        Self {
            clients: usage(state),
            buckets: state.buckets.keys().map(|name| (name.clone(), held(state, name))).collect(),
        }
    }

    /// Refuses a change that gave a client or a bucket more than it may have. A bucket that was not there came back.
    pub(super) fn check(&self, state: &State) -> Result<(), CatalogError> {
        let had = |client: &ClientId| self.clients.get(client).copied().unwrap_or_default();
        let mut clients = usage(state).into_iter();
        let over = clients
            .any(|(client, has)| state.quotas.get(&client).is_some_and(|quota| quota.refuses(had(&client), has)))
            || state.bucket_quotas.iter().any(|(bucket, quota)| {
                self.buckets.get(bucket).is_some_and(|had| quota.refuses(*had, held(state, bucket)))
            });
        if over { Err(CatalogError::Refused(Refusal::QuotaExceeded)) } else { Ok(()) }
    }
}

/// What a bucket holds.
pub(super) fn held(state: &State, bucket: &BucketRef) -> Usage {
    let Some(entry) = state.buckets.get(bucket) else { return Usage::default() };
    let mut held = Usage::default();
    for_each(entry, |_owner, more| add(&mut held, more));
    held
}

fn add(usage: &mut Usage, more: Usage) {
    usage.bytes += more.bytes;
    usage.objects += more.objects;
    usage.uploads += more.uploads;
}

fn count(entry: &BucketEntry, all: &mut BTreeMap<ClientId, Usage>) {
    for_each(entry, |owner, more| {
        if let Some(owner) = owner {
            add(all.entry(owner.clone()).or_default(), more);
        }
    });
}

/// Tells of each thing in a bucket whose it is, and what it counts for.
fn for_each(entry: &BucketEntry, mut tell: impl FnMut(Option<&ClientId>, Usage)) {
    let past = entry.past.values().map(|past| &past.object);
    for object in entry.objects.values().chain(past) {
        let version = &object.version;
        tell(version.metadata.owner.as_ref(), Usage { bytes: version.length, objects: 1, uploads: 0 });
    }
    for upload in entry.uploads.values() {
        let bytes = upload.parts.values().map(|(part, _)| part.length).sum();
        tell(upload.upload.metadata.owner.as_ref(), Usage { bytes, objects: 0, uploads: 1 });
    }
    for waiting in entry.uncommitted.values() {
        let bytes = waiting.blocks.values().map(|(block, _)| block.length).sum();
        tell(waiting.owner.as_ref(), Usage { bytes, objects: 0, uploads: 1 });
    }
}
