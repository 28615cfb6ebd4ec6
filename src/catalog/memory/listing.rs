//! Pages in memory: every name is looked at, rolled up, and kept or not.

use std::collections::BTreeMap;

use super::state::{BucketEntry, ObjectEntry, State};
use crate::catalog::order::{RANK_OF_CURRENT, RANK_OF_DELETED, first_of_page, rank_of_page, rolled_up};
use crate::catalog::{
    CatalogError, ListEntry, ListExtras, ListPage, ListQuery, ListStart, Retained, UploadPage, UploadQuery, Version,
    weight,
};
use crate::model::{Metadata, ObjectKey, SnapshotId, Timestamp};

pub(super) fn list(state: &State, query: &ListQuery) -> Result<ListPage, CatalogError> {
    let bucket = state.bucket(&query.bucket)?;
    let delimiter = query.delimiter.as_deref();
    let mut page = ListPage { entries: Vec::new(), next: None };
    let Some(from) = first_of_page(&query.start, &query.prefix, delimiter) else { return Ok(page) };
    let above = rank_of_page(&query.start, &from);
    let (mut next, mut bytes, mut looked_at) = (None, 0_usize, 0);
    for ((key, rank), entry) in all(bucket, query) {
        let first = key.as_bytes() == from.as_slice() && rank <= above;
        if !key.as_str().starts_with(&query.prefix) || key.as_bytes() < from.as_slice() || first {
            continue;
        }
        if looked_at == state.settings.page_rows.max(1) {
            page.next = next;
            break;
        }
        looked_at += 1;
        let common = rolled_up(key.as_str(), &query.prefix, delimiter);
        if let (Some(common), Some(ListEntry::Prefix(shown))) = (common, page.entries.last())
            && common == shown
        {
            continue;
        }
        let Some(entry) = entry else {
            next = Some(ListStart::Within { key: key.as_str().to_owned(), rank });
            continue;
        };
        let (entry, behind) = match common {
            Some(common) => (ListEntry::Prefix(common.to_owned()), ListStart::AfterPrefix(common.to_owned())),
            None if query.extras == ListExtras::default() => (entry, ListStart::After(key.as_str().to_owned())),
            None => (entry, ListStart::Within { key: key.as_str().to_owned(), rank }),
        };
        bytes = bytes.saturating_add(entry.weight());
        let is_heavy = bytes > query.most_bytes && !page.entries.is_empty();
        if page.entries.len() == query.limit || is_heavy {
            page.next = next;
            break;
        }
        page.entries.push(entry);
        next = Some(behind);
    }
    Ok(page)
}

/// All that the query looks at, by name and rank; `None`: it is not shown.
fn all(bucket: &BucketEntry, query: &ListQuery) -> BTreeMap<(ObjectKey, i64), Option<ListEntry>> {
    let ListExtras { snapshots, uncommitted, deleted } = query.extras;
    let mut all = BTreeMap::new();
    for (key, blocks) in bucket.uncommitted.iter().filter(|_| uncommitted) {
        let touched = blocks.touched.unwrap_or(Timestamp(0));
        all.insert((key.clone(), RANK_OF_CURRENT), Some(ListEntry::Uncommitted { key: key.clone(), touched }));
    }
    for (key, object) in &bucket.objects {
        all.insert((key.clone(), RANK_OF_CURRENT), Some(shown(object, RANK_OF_CURRENT, None, query)));
    }
    for ((key, rank), past) in &bucket.past {
        let fits = match past.retained {
            None => snapshots,
            Some(_) => deleted && (snapshots || *rank == RANK_OF_DELETED),
        };
        if snapshots || deleted {
            let entry = fits.then(|| shown(&past.object, *rank, past.retained, query));
            all.insert((key.clone(), *rank), entry);
        }
    }
    all
}

fn shown(object: &ObjectEntry, rank: i64, retained: Option<Retained>, query: &ListQuery) -> ListEntry {
    let version = &object.version;
    ListEntry::Object {
        key: version.key.clone(),
        version: version.id,
        length: version.length,
        etag: version.etag.clone(),
        modified: version.modified,
        storage_class: version.metadata.system.storage_class.clone(),
        metadata: query.with_metadata.then(|| Box::new(metadata_of(version, query))),
        revision: version.revision,
        lease: version.lease.clone().filter(|_| query.with_metadata).map(Box::new),
        snapshot: (rank < RANK_OF_DELETED).then_some(SnapshotId(rank)),
        retained,
    }
}

fn metadata_of(version: &Version, query: &ListQuery) -> Metadata {
    let mut metadata = version.metadata.clone();
    if !query.with_user_metadata {
        metadata.user.clear();
    }
    metadata
}

pub(super) fn list_uploads(state: &State, query: &UploadQuery) -> Result<UploadPage, CatalogError> {
    let bucket = state.bucket(&query.bucket)?;
    let delimiter = query.delimiter.as_deref();
    let mut page = UploadPage { uploads: Vec::new(), prefixes: Vec::new(), next: None };
    let start = match &query.after {
        None => ListStart::First,
        Some((key, None)) => ListStart::After(key.clone()),
        Some((key, Some(_))) => ListStart::At(key.clone()),
    };
    let Some(from) = first_of_page(&start, &query.prefix, delimiter) else { return Ok(page) };
    let (mut last, mut bytes) = (None, 0_usize);
    for ((key, id), entry) in &bucket.uploads {
        let before = matches!(&query.after, Some((k, Some(i))) if k == key.as_str() && id.0 <= *i);
        if before || !key.as_str().starts_with(&query.prefix) || key.as_bytes() < from.as_slice() {
            continue;
        }
        let common = rolled_up(key.as_str(), &query.prefix, delimiter).map(str::to_owned);
        if common.is_some() && common == page.prefixes.last().cloned() {
            continue;
        }
        bytes = bytes.saturating_add(match &common {
            Some(common) => weight(common, None),
            None => weight(key.as_str(), Some(&entry.upload.metadata)),
        });
        let is_heavy = bytes > query.most_bytes && last.is_some();
        if page.uploads.len() + page.prefixes.len() == query.limit || is_heavy {
            page.next = last;
            break;
        }
        match common {
            Some(common) => {
                last = Some((common.clone(), None));
                page.prefixes.push(common);
            }
            None => {
                last = Some((key.as_str().to_owned(), Some(id.0.clone())));
                page.uploads.push(entry.upload.clone());
            }
        }
    }
    Ok(page)
}
