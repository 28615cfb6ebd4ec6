//! Pages of names.
//!
//! # Invariants
//! - A page is read from one run of neighbouring rows, and from one further seek for each common prefix. What a
//!   prefix rolls up is never read, nor anything behind the entry that follows the page.
//! - A page is full or the last; `next` is there only if an entry follows.

use rusqlite::{CachedStatement, Connection, Row, params};

use super::rows::{self, bucket_id, etag, number};
use super::{encoding, extras, uploads};
use crate::catalog::order::{end_of_page, first_of_page, rolled_up, successor};
use crate::catalog::{
    CatalogError, ListEntry, ListExtras, ListPage, ListQuery, ListStart, Upload, UploadPage, UploadQuery, VersionId,
};
use crate::model::{ObjectKey, Timestamp};

const NAMES: &str = "SELECT key, version_id, length, etag, modified, storage_class, revision FROM object
    WHERE bucket_id = ?1 AND key >= ?2 AND key < ?3 ORDER BY key";

/// With metadata: a seek in `version`, and one in `lease`, for each entry, as it is read.
const NAMES_WITH_METADATA: &str = "SELECT object.key, object.version_id, object.length, object.etag, object.modified,
        object.storage_class, object.revision,
        (SELECT metadata FROM version WHERE version.version_id = object.version_id),
        lease.lease_id, lease.duration, lease.expires, lease.breaks
    FROM object LEFT JOIN lease ON lease.bucket_id = object.bucket_id AND lease.key = object.key
    WHERE object.bucket_id = ?1 AND object.key >= ?2 AND object.key < ?3 ORDER BY object.key";

const UPLOADS: &str = "SELECT key, upload_id, created, metadata, checksum FROM upload
    WHERE bucket_id = ?1 AND (key, upload_id) > (?2, ?3) AND key < ?4 ORDER BY key, upload_id";

pub(super) fn list(db: &Connection, query: &ListQuery) -> Result<ListPage, CatalogError> {
    let bucket = bucket_id(db, &query.bucket)?;
    let delimiter = query.delimiter.as_deref();
    let mut page = ListPage { entries: Vec::new(), next: None };
    if query.limit == 0 {
        return Ok(page);
    }
    if query.extras != ListExtras::default() {
        return extras::list(db, bucket, query);
    }
    let end = end_of_page(&query.prefix);
    let mut from = first_of_page(&query.start, &query.prefix, delimiter);
    let mut statement = db.prepare_cached(if query.with_metadata { NAMES_WITH_METADATA } else { NAMES })?;
    while let Some(first) = from.take() {
        let mut found = statement.query(params![bucket, first, end])?;
        while let Some(row) = found.next()? {
            if page.entries.len() == query.limit {
                page.next = page.entries.last().map(start_after);
                return Ok(page);
            }
            let key = rows::key(row.get(0)?)?;
            if let Some(common) = rolled_up(key.as_str(), &query.prefix, delimiter) {
                from = successor(common.as_bytes());
                page.entries.push(ListEntry::Prefix(common.to_owned()));
                break;
            }
            page.entries.push(object(row, key, query.with_metadata)?);
        }
    }
    Ok(page)
}

pub(super) fn list_uploads(db: &Connection, query: &UploadQuery) -> Result<UploadPage, CatalogError> {
    let bucket = bucket_id(db, &query.bucket)?;
    let mut page = UploadPage { uploads: Vec::new(), prefixes: Vec::new(), next: None };
    if query.limit == 0 {
        return Ok(page);
    }
    let delimiter = query.delimiter.as_deref();
    let mut last = None;
    let mut from = first_upload(query);
    let mut statement = db.prepare_cached(UPLOADS)?;
    while let Some((key, id)) = from.take() {
        let mut found = uploads_from(&mut statement, bucket, (&key, &id), &query.prefix)?;
        while let Some(row) = found.next()? {
            if page.uploads.len() + page.prefixes.len() == query.limit {
                page.next = last;
                return Ok(page);
            }
            let upload: Upload = uploads::read(row)?;
            if let Some(common) = rolled_up(upload.key.as_str(), &query.prefix, delimiter) {
                from = successor(common.as_bytes()).map(|key| (key, String::new()));
                last = Some((common.to_owned(), None));
                page.prefixes.push(common.to_owned());
                break;
            }
            last = Some((upload.key.as_str().to_owned(), Some(upload.id.0.clone())));
            page.uploads.push(upload);
        }
    }
    Ok(page)
}

fn uploads_from<'s>(
    statement: &'s mut CachedStatement<'_>,
    bucket: i64,
    (key, id): (&[u8], &str),
    prefix: &str,
) -> Result<rusqlite::Rows<'s>, CatalogError> {
    Ok(statement.query(params![bucket, key, id, end_of_page(prefix)])?)
}

/// The key and the id that every upload of the page is above. No id is empty, so an empty one means "all of the key".
fn first_upload(query: &UploadQuery) -> Option<(Vec<u8>, String)> {
    let (start, id) = match &query.after {
        None => (ListStart::First, None),
        Some((key, None)) => (ListStart::After(key.clone()), None),
        Some((key, Some(id))) => (ListStart::At(key.clone()), Some((key.as_bytes(), id))),
    };
    let from = first_of_page(&start, &query.prefix, query.delimiter.as_deref())?;
    // A marker before the prefix says nothing of the uploads within it.
    let id = id.filter(|(key, _)| *key == from).map(|(_, id)| id.clone()).unwrap_or_default();
    Some((from, id))
}

fn start_after(entry: &ListEntry) -> ListStart {
    match entry {
        ListEntry::Object { key, .. } | ListEntry::Uncommitted { key, .. } => ListStart::After(key.as_str().to_owned()),
        ListEntry::Prefix(prefix) => ListStart::AfterPrefix(prefix.clone()),
    }
}

/// An entry from the columns of [`NAMES`] or [`NAMES_WITH_METADATA`].
fn object(row: &Row<'_>, key: ObjectKey, with_metadata: bool) -> Result<ListEntry, CatalogError> {
    Ok(ListEntry::Object {
        key,
        version: VersionId(row.get(1)?),
        length: number(row.get(2)?)?,
        etag: etag(&row.get::<_, String>(3)?)?,
        modified: Timestamp(row.get(4)?),
        storage_class: row.get(5)?,
        revision: row.get(6)?,
        metadata: if with_metadata { Some(Box::new(metadata(row)?)) } else { None },
        lease: if with_metadata { rows::lease(row, 8)?.map(Box::new) } else { None },
        snapshot: None,
        retained: None,
    })
}

fn metadata(row: &Row<'_>) -> Result<crate::model::Metadata, CatalogError> {
    let text: Option<String> = row.get(7)?;
    encoding::read_metadata(&text.ok_or(CatalogError::Damaged("a name without its version"))?)
}

#[cfg(test)]
#[path = "listing_tests.rs"]
mod tests;
