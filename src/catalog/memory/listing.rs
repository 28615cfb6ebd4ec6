//! Pages in memory: every name is looked at, rolled up, and kept or not.

use std::collections::BTreeMap;

use super::past;
use super::state::{BucketEntry, State};
use crate::catalog::order::{first_of_page, rolled_up};
use crate::catalog::{
    CatalogError, ListEntry, ListExtras, ListPage, ListQuery, ListStart, Retained, UploadPage, UploadQuery, Version,
};
use crate::model::{Lease, ObjectKey, SnapshotId, Timestamp};

pub(super) fn list(state: &State, query: &ListQuery) -> Result<ListPage, CatalogError> {
    let bucket = state.bucket(&query.bucket)?;
    let delimiter = query.delimiter.as_deref();
    let mut page = ListPage { entries: Vec::new(), next: None };
    let Some(from) = first_of_page(&query.start, &query.prefix, delimiter) else { return Ok(page) };
    let after = match &query.start {
        ListStart::Within { key, rank } => Some((key.as_str(), *rank)),
        _ => None,
    };
    let (mut last, extra) = (None, query.extras != ListExtras::default());
    for ((key, rank), entry) in rows(bucket, query) {
        let text = key.as_str();
        let before = text.as_bytes() < from.as_slice() || after.is_some_and(|after| (text, rank) <= after);
        if before || !text.starts_with(&query.prefix) {
            continue;
        }
        let (entry, start) = match rolled_up(text, &query.prefix, delimiter) {
            Some(common) => (ListEntry::Prefix(common.to_owned()), ListStart::AfterPrefix(common.to_owned())),
            None if extra => (entry, ListStart::Within { key: text.to_owned(), rank }),
            None => (entry, ListStart::After(text.to_owned())),
        };
        if matches!(entry, ListEntry::Prefix(_)) && page.entries.last() == Some(&entry) {
            continue;
        }
        if page.entries.len() == query.limit {
            page.next = last;
            return Ok(page);
        }
        page.entries.push(entry);
        last = Some(start);
    }
    Ok(page)
}

/// Everything that the query may show, in order.
fn rows(bucket: &BucketEntry, query: &ListQuery) -> BTreeMap<(ObjectKey, i64), ListEntry> {
    let now = Timestamp::now();
    let mut rows = BTreeMap::new();
    for (key, object) in &bucket.objects {
        rows.insert((key.clone(), i64::MAX), entry(query, &object.version, bucket.leases.get(key), None, None));
    }
    for ((key, id), past) in &bucket.past {
        let of_current = *id == past::DELETED;
        let shown = match past.retained {
            None => query.extras.snapshots,
            Some(retained) => query.extras.deleted && retained.until > now && (query.extras.snapshots || of_current),
        };
        if shown {
            let snapshot = (!of_current).then_some(SnapshotId(*id));
            rows.insert((key.clone(), *id), entry(query, &past.object.version, None, snapshot, past.retained));
        }
    }
    for key in bucket.waiting.keys().filter(|_| query.extras.uncommitted) {
        rows.entry((key.clone(), i64::MAX)).or_insert_with(|| ListEntry::Uncommitted { key: key.clone() });
    }
    rows
}

fn entry(
    query: &ListQuery,
    version: &Version,
    lease: Option<&Lease>,
    snapshot: Option<SnapshotId>,
    retained: Option<Retained>,
) -> ListEntry {
    ListEntry::Object {
        key: version.key.clone(),
        version: version.id,
        length: version.length,
        etag: version.etag.clone(),
        modified: version.modified,
        storage_class: version.metadata.system.storage_class.clone(),
        metadata: query.with_metadata.then(|| Box::new(version.metadata.clone())),
        revision: version.revision,
        lease: lease.filter(|_| query.with_metadata).map(|lease| Box::new(lease.clone())),
        snapshot,
        retained,
    }
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
    let mut last = None;
    for ((key, id), entry) in &bucket.uploads {
        let before = matches!(&query.after, Some((k, Some(i))) if k == key.as_str() && id.0 <= *i);
        if before || !key.as_str().starts_with(&query.prefix) || key.as_bytes() < from.as_slice() {
            continue;
        }
        let common = rolled_up(key.as_str(), &query.prefix, delimiter).map(str::to_owned);
        if common.is_some() && common == page.prefixes.last().cloned() {
            continue;
        }
        if page.uploads.len() + page.prefixes.len() == query.limit {
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
