//! Pages in memory: every name is looked at, rolled up, and kept or not.

use super::state::State;
use crate::catalog::order::{first_of_page, rolled_up};
use crate::catalog::{CatalogError, ListEntry, ListPage, ListQuery, ListStart, UploadPage, UploadQuery};

pub(super) fn list(state: &State, query: &ListQuery) -> Result<ListPage, CatalogError> {
    let bucket = state.bucket(&query.bucket)?;
    let delimiter = query.delimiter.as_deref();
    let mut page = ListPage { entries: Vec::new(), next: None };
    let Some(from) = first_of_page(&query.start, &query.prefix, delimiter) else { return Ok(page) };
    for (key, object) in &bucket.objects {
        if !key.as_str().starts_with(&query.prefix) || key.as_bytes() < from.as_slice() {
            continue;
        }
        let version = &object.version;
        let entry = match rolled_up(key.as_str(), &query.prefix, delimiter) {
            Some(common) => ListEntry::Prefix(common.to_owned()),
            None => ListEntry::Object {
                key: key.clone(),
                version: version.id,
                length: version.length,
                etag: version.etag.clone(),
                modified: version.modified,
                storage_class: version.metadata.system.storage_class.clone(),
                metadata: query.with_metadata.then(|| Box::new(version.metadata.clone())),
            },
        };
        if page.entries.last() != Some(&entry) {
            page.entries.push(entry);
        }
    }
    if query.limit < page.entries.len() {
        page.entries.truncate(query.limit);
        page.next = page.entries.last().map(|last| match last {
            ListEntry::Object { key, .. } => ListStart::After(key.as_str().to_owned()),
            ListEntry::Prefix(prefix) => ListStart::AfterPrefix(prefix.clone()),
        });
    }
    Ok(page)
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
