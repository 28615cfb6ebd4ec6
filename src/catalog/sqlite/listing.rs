//! Pages of names.
//!
//! # Invariants
//! - A page is read from one run of neighbouring rows (one of each kind that is asked for), and from one further seek for each common prefix. What a
//!   prefix rolls up is never read, nor anything behind the entry that follows the page.
//! - A page is full or the last, or it looked at as many rows as it may; `next` is there only if a row follows.
//! - Rows that are not shown are left out here, not in SQL: each is counted.

use rusqlite::{CachedStatement, Connection, Row, params};

use super::rows::{self, bucket_id, etag, number};
use super::{encoding, leases, uploads};
use crate::catalog::order::{
    RANK_OF_CURRENT, RANK_OF_DELETED, end_of_page, first_of_page, rank_of_page, rolled_up, successor,
};
use crate::catalog::{
    CatalogError, Failure, ListEntry, ListExtras, ListPage, ListQuery, ListStart, Retained, Upload, UploadPage,
    UploadQuery, VersionId, weight,
};
use crate::model::{Lease, ObjectKey, SnapshotId, Timestamp};

/// Names with the columns that [`entry`] reads, between two names. The rank of each is that of a current version.
const NAMES: &str = "SELECT key, 9223372036854775807, version_id, length, etag, modified, storage_class, revision,
        NULL, NULL, NULL
    FROM object WHERE bucket_id = ?1 AND key >= ?2 AND key < ?3 ORDER BY key";

/// With metadata: a seek in `version` for each entry, as it is read.
const NAMES_WITH_METADATA: &str = "SELECT key, 9223372036854775807, version_id, length, etag, modified, storage_class,
        revision, NULL, NULL, (SELECT metadata FROM version WHERE version.version_id = object.version_id)
    FROM object WHERE bucket_id = ?1 AND key >= ?2 AND key < ?3 ORDER BY key";

/// With extras: three runs of rows, merged as they are read. ?4: the rank that rows of the first name are above; ?5, ?6:
/// whether past versions and names of uncommitted blocks may be shown at all. The last column: whether the name of some
/// blocks has a current version, too. What was done at once to many past versions ([`super::ending`]) counts before their own rows.
const MIXED: &str = "SELECT key, 9223372036854775807, version_id, length, etag, modified, storage_class, revision,
        NULL, NULL, (SELECT metadata FROM version WHERE version.version_id = object.version_id), 0
    FROM object WHERE bucket_id = ?1 AND key >= ?2 AND key < ?3 AND (key > ?2 OR ?4 < 9223372036854775807)
    UNION ALL
    SELECT past.key, snapshot, version_id, length, etag, modified, storage_class, revision,
        CASE what WHEN 'restore' THEN NULL WHEN 'delete' THEN coalesce(deleted, at) ELSE deleted END,
        CASE what WHEN 'restore' THEN NULL WHEN 'forget' THEN NULL WHEN 'delete' THEN coalesce(past.until, ending.until)
            ELSE past.until END,
        (SELECT metadata FROM version WHERE version.version_id = past.version_id), 0
    FROM past LEFT JOIN ending ON ending.bucket_id = past.bucket_id AND ending.key = past.key
        AND ending.upto >= past.snapshot
    WHERE ?5 AND past.bucket_id = ?1 AND past.key >= ?2 AND past.key < ?3 AND (past.key > ?2 OR snapshot > ?4)
    UNION ALL
    SELECT key, 9223372036854775807, NULL, NULL, NULL, touched, NULL, NULL, NULL, NULL, NULL,
        EXISTS (SELECT 1 FROM object WHERE object.bucket_id = ?1 AND object.key = uncommitted.key)
    FROM uncommitted WHERE ?6 AND bucket_id = ?1 AND key >= ?2 AND key < ?3 AND (key > ?2 OR ?4 < 9223372036854775807)
    ORDER BY 1, 2";

const UPLOADS: &str = "SELECT key, upload_id, created, metadata, checksum FROM upload
    WHERE bucket_id = ?1 AND (key, upload_id) > (?2, ?3) AND key < ?4 ORDER BY key, upload_id";

/// A page of names, of at most `most` rows.
pub(super) fn list(db: &Connection, query: &ListQuery, most: usize) -> Result<ListPage, CatalogError> {
    let bucket = bucket_id(db, &query.bucket)?;
    let delimiter = query.delimiter.as_deref();
    let mut page = ListPage { entries: Vec::new(), next: None };
    if query.limit == 0 {
        return Ok(page);
    }
    let end = end_of_page(&query.prefix);
    let mut from = first_of_page(&query.start, &query.prefix, delimiter);
    let leases = if query.with_metadata { Leases::of(db, bucket)? } else { Leases::None };
    let mut statement = db.prepare_cached(match (query.extras == ListExtras::default(), query.with_metadata) {
        (false, _) => MIXED,
        (true, true) => NAMES_WITH_METADATA,
        (true, false) => NAMES,
    })?;
    let (mut last, mut bytes) = (None, 0_usize);
    let mut looked_at = 0;
    while let Some(first) = from.take() {
        let mut found = rows_from(&mut statement, bucket, &first, &end, query)?;
        while let Some(row) = found.next()? {
            if looked_at == most.max(1) {
                page.next = last;
                return Ok(page);
            }
            looked_at += 1;
            let key = rows::key(row.get(0)?)?;
            if query.extras != ListExtras::default() && !is_shown(row, query)? {
                last = Some(start_after(&key, row.get(1)?, query));
                continue;
            }
            if page.entries.len() == query.limit {
                page.next = last;
                return Ok(page);
            }
            if let Some(common) = rolled_up(key.as_str(), &query.prefix, delimiter) {
                let entry = ListEntry::Prefix(common.to_owned());
                bytes = bytes.saturating_add(entry.weight());
                if bytes > query.most_bytes && !page.entries.is_empty() {
                    page.next = last;
                    return Ok(page);
                }
                from = successor(common.as_bytes());
                last = Some(ListStart::AfterPrefix(common.to_owned()));
                page.entries.push(entry);
                break;
            }
            let behind = start_after(&key, row.get(1)?, query);
            let entry = entry(row, key, query, &leases)?;
            bytes = bytes.saturating_add(entry.weight());
            if bytes > query.most_bytes && !page.entries.is_empty() {
                page.next = last;
                return Ok(page);
            }
            last = Some(behind);
            page.entries.push(entry);
        }
    }
    Ok(page)
}

fn rows_from<'s>(
    statement: &'s mut CachedStatement<'_>,
    bucket: i64,
    first: &[u8],
    end: &[u8],
    query: &ListQuery,
) -> Result<rusqlite::Rows<'s>, CatalogError> {
    if query.extras == ListExtras::default() {
        return Ok(statement.query(params![bucket, first, end])?);
    }
    let ListExtras { snapshots, uncommitted, deleted } = query.extras;
    let above = rank_of_page(&query.start, first);
    Ok(statement.query(params![bucket, first, end, above, snapshots || deleted, uncommitted])?)
}

/// Whether a query with extras shows a row.
fn is_shown(row: &Row<'_>, query: &ListQuery) -> Result<bool, CatalogError> {
    let ListExtras { snapshots, deleted, uncommitted: _ } = query.extras;
    let rank: i64 = row.get(1)?;
    Ok(match row.get::<_, Option<i64>>(8)? {
        // What is not retained is going.
        Some(_) if row.get::<_, Option<i64>>(9)?.is_none() => false,
        Some(_) => deleted && (snapshots || rank == RANK_OF_DELETED),
        None if rank < RANK_OF_DELETED => snapshots,
        None => !row.get::<_, bool>(11)?,
    })
}

fn start_after(key: &ObjectKey, rank: i64, query: &ListQuery) -> ListStart {
    let key = key.as_str().to_owned();
    if query.extras == ListExtras::default() { ListStart::After(key) } else { ListStart::Within { key, rank } }
}

fn entry(row: &Row<'_>, key: ObjectKey, query: &ListQuery, leases: &Leases<'_>) -> Result<ListEntry, CatalogError> {
    let rank: i64 = row.get(1)?;
    let Some(version) = row.get(2)? else {
        return Ok(ListEntry::Uncommitted { key, touched: Timestamp(row.get(5)?) });
    };
    let retained = row.get::<_, Option<i64>>(8)?.zip(row.get::<_, Option<i64>>(9)?);
    let lease = if rank == RANK_OF_CURRENT { leases.find(&key)?.map(Box::new) } else { None };
    Ok(ListEntry::Object {
        version: VersionId(version),
        length: number(row.get(3)?)?,
        etag: etag(&row.get::<_, String>(4)?)?,
        modified: Timestamp(row.get(5)?),
        storage_class: row.get(6)?,
        metadata: if query.with_metadata { Some(Box::new(metadata(row, query)?)) } else { None },
        revision: row.get(7)?,
        lease,
        snapshot: (rank < RANK_OF_DELETED).then_some(SnapshotId(rank)),
        retained: retained.map(|(deleted, until)| Retained { deleted: Timestamp(deleted), until: Timestamp(until) }),
        key,
    })
}

/// The leases of a bucket's objects. Nearly always there are none: a page looks once.
enum Leases<'a> {
    None,
    Some { db: &'a Connection, bucket: i64 },
}

impl<'a> Leases<'a> {
    fn of(db: &'a Connection, bucket: i64) -> Result<Self, CatalogError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM lease WHERE bucket_id = ?1 AND key > x'')";
        let any: bool = db.prepare_cached(sql)?.query_row([bucket], |row| row.get(0))?;
        Ok(if any { Self::Some { db, bucket } } else { Self::None })
    }

    fn find(&self, key: &ObjectKey) -> Result<Option<Lease>, CatalogError> {
        match self {
            Self::None => Ok(None),
            Self::Some { db, bucket } => leases::of(db, *bucket, key.as_bytes()),
        }
    }
}

pub(super) fn list_uploads(db: &Connection, query: &UploadQuery) -> Result<UploadPage, CatalogError> {
    let bucket = bucket_id(db, &query.bucket)?;
    let mut page = UploadPage { uploads: Vec::new(), prefixes: Vec::new(), next: None };
    if query.limit == 0 {
        return Ok(page);
    }
    let delimiter = query.delimiter.as_deref();
    let (mut last, mut bytes) = (None, 0_usize);
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
            let common = rolled_up(upload.key.as_str(), &query.prefix, delimiter).map(str::to_owned);
            bytes = bytes.saturating_add(match &common {
                Some(common) => weight(common, None),
                None => weight(upload.key.as_str(), Some(&upload.metadata)),
            });
            if bytes > query.most_bytes && last.is_some() {
                page.next = last;
                return Ok(page);
            }
            if let Some(common) = common {
                from = successor(common.as_bytes()).map(|key| (key, String::new()));
                last = Some((common.clone(), None));
                page.prefixes.push(common);
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

fn metadata(row: &Row<'_>, query: &ListQuery) -> Result<crate::model::Metadata, CatalogError> {
    let text: Option<String> = row.get(10)?;
    let mut metadata =
        encoding::read_metadata(&text.ok_or(CatalogError::Failed(Failure::Damaged("a name without its version")))?)?;
    if !query.with_user_metadata {
        metadata.user.clear();
    }
    Ok(metadata)
}

#[cfg(test)]
#[path = "listing_tests.rs"]
mod tests;
