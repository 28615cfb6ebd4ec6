//! Tags of current versions, in an index to find them by.

use rusqlite::{Connection, OptionalExtension, params};

use super::encoding;
use super::rows::{self, bucket_name};
use crate::catalog::{CatalogError, Found, FoundPage, TagQuery};
use crate::model::{BucketName, ObjectKey, TagRange, Tags};

/// Notes the tags of a current version.
pub(super) fn remember(db: &Connection, bucket: i64, key: &[u8], tags: &Tags) -> Result<(), CatalogError> {
    if tags.is_empty() {
        return Ok(());
    }
    let mut add = db.prepare_cached("INSERT INTO tag (bucket_id, name, value, key) VALUES (?1, ?2, ?3, ?4)")?;
    for (name, value) in tags {
        add.execute(params![bucket, name, value, key])?;
    }
    Ok(())
}

/// Forgets the tags of a version that is current no longer, as they lay beside its name.
pub(super) fn forget(db: &Connection, bucket: i64, key: &[u8], stored: Option<&str>) -> Result<(), CatalogError> {
    let Some(stored) = stored else { return Ok(()) };
    let sql = "DELETE FROM tag WHERE bucket_id = ?1 AND name = ?2 AND value = ?3 AND key = ?4";
    let mut remove = db.prepare_cached(sql)?;
    for (name, value) in encoding::read_tags(Some(stored))? {
        remove.execute(params![bucket, name, value, key])?;
    }
    Ok(())
}

/// Objects whose tags fit, by bucket and key.
pub(super) fn find(db: &Connection, query: &TagQuery) -> Result<FoundPage, CatalogError> {
    let mut page = FoundPage { found: Vec::new(), next: None };
    // The narrowest range first: one value.
    let ranges = query.expression.ranges();
    let narrow =
        |range: &&TagRange<'_>| range.below.as_ref().is_some_and(|below| *below == format!("{}\0", range.from));
    let range = ranges.iter().find(narrow).or(ranges.first());
    let first = query.after.as_ref().map(|(bucket, _)| bucket.as_str()).unwrap_or_default();
    for (id, name) in buckets(db, query)? {
        if name.as_str() < first {
            continue;
        }
        let after = query.after.as_ref().filter(|(bucket, _)| *bucket == name).map(|(_, key)| key.as_bytes());
        if !within(db, query, range, (id, &name), after, &mut page)? {
            break;
        }
    }
    Ok(page)
}

/// Adds what a bucket has; `false` when the page is full.
fn within(
    db: &Connection,
    query: &TagQuery,
    range: Option<&TagRange<'_>>,
    (bucket, name): (i64, &BucketName),
    after: Option<&[u8]>,
    page: &mut FoundPage,
) -> Result<bool, CatalogError> {
    let sql = "SELECT DISTINCT key FROM tag WHERE bucket_id = ?1 AND (?2 IS NULL OR name = ?2) AND value >= ?3
        AND (?4 IS NULL OR value < ?4) AND (?5 IS NULL OR key > ?5) ORDER BY key";
    let one = "SELECT key FROM tag WHERE bucket_id = ?1 AND name = ?2 AND value = ?3 AND ?4 IS NOT NULL
        AND key > coalesce(?5, x'') ORDER BY key";
    let (tag, from, below) = match range {
        Some(range) => (Some(range.name), range.from.as_str(), range.below.as_deref()),
        None => (None, "", None),
    };
    let single = below.is_some_and(|below| below.strip_suffix('\0') == Some(from));
    let mut statement = db.prepare_cached(if single { one } else { sql })?;
    let mut rows = statement.query(params![bucket, tag, from, below, after])?;
    while let Some(row) = rows.next()? {
        let key = rows::key(row.get(0)?)?;
        let Some(tags) = tags_of(db, bucket, &key)? else { continue };
        if !query.expression.holds_in(name.as_str(), &tags) {
            continue;
        }
        if page.found.len() == query.limit {
            page.next = page.found.last().map(|last| (last.bucket.clone(), last.key.clone()));
            return Ok(false);
        }
        page.found.push(Found { bucket: name.clone(), key, tags });
    }
    Ok(true)
}

fn tags_of(db: &Connection, bucket: i64, key: &ObjectKey) -> Result<Option<Tags>, CatalogError> {
    let sql = "SELECT tags FROM object WHERE bucket_id = ?1 AND key = ?2";
    let found: Option<Option<String>> =
        db.prepare_cached(sql)?.query_row(params![bucket, key.as_bytes()], |row| row.get(0)).optional()?;
    found.map(|text| encoding::read_tags(text.as_deref())).transpose()
}

fn buckets(db: &Connection, query: &TagQuery) -> Result<Vec<(i64, BucketName)>, CatalogError> {
    let wanted = query.bucket.as_ref().map(BucketName::as_str);
    let named = query.expression.container();
    let sql = "SELECT bucket_id, name FROM bucket WHERE tenant = ?1 AND (?2 IS NULL OR name = ?2)
        AND (?3 IS NULL OR name = ?3) ORDER BY name";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![query.tenant.as_str(), wanted, named])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((row.get(0)?, bucket_name(&row.get::<_, String>(1)?)?));
    }
    Ok(found)
}
