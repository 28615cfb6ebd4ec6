//! The index of tags: a row for each tag of each current version.
//!
//! # Invariants
//! - A search reads the rows of the tag, among those asked for, that the fewest objects have. Which one that is is found
//!   by counting no further than to twice the least.

use rusqlite::{CachedStatement, Connection, Rows, params};

use super::encoding;
use super::rows::{self, bucket_name};
use crate::catalog::{CatalogError, Found, FoundPage, TagQuery};
use crate::model::{TagRange, Tags};

/// In the order of the index: no row behind the page is read.
const OF_ONE_VALUE: &str = "SELECT tag.key, object.tags FROM tag CROSS JOIN object USING (bucket_id, key)
    WHERE tag.bucket_id = ?1 AND tag.key > ?2 AND tag.name = ?3 AND tag.value = ?4 ORDER BY tag.key";

const OF_A_RANGE: &str = "SELECT tag.key, object.tags FROM tag CROSS JOIN object USING (bucket_id, key)
    WHERE tag.bucket_id = ?1 AND tag.key > ?2 AND tag.name = ?3 AND tag.value >= ?4 AND tag.value < ?5 ORDER BY tag.key";

const OF_ANY_TAG: &str = "SELECT DISTINCT tag.key, object.tags FROM tag CROSS JOIN object USING (bucket_id, key)
    WHERE tag.bucket_id = ?1 AND tag.key > ?2 ORDER BY tag.key";

/// Enters the tags of a current version.
pub(super) fn remember(db: &Connection, bucket: i64, key: &[u8], tags: &Tags) -> Result<(), CatalogError> {
    if tags.is_empty() {
        return Ok(());
    }
    let mut insert = db.prepare_cached("INSERT INTO tag (bucket_id, name, value, key) VALUES (?1, ?2, ?3, ?4)")?;
    for (name, value) in tags {
        insert.execute(params![bucket, name, value, key])?;
    }
    Ok(())
}

/// Takes out the tags of a version that is no longer current; `tags` as they lay beside its name.
pub(super) fn forget(db: &Connection, bucket: i64, key: &[u8], tags: Option<&str>) -> Result<(), CatalogError> {
    if tags.is_none() {
        return Ok(());
    }
    let sql = "DELETE FROM tag WHERE bucket_id = ?1 AND name = ?2 AND value = ?3 AND key = ?4";
    let mut delete = db.prepare_cached(sql)?;
    for (name, value) in encoding::read_tags(tags)? {
        delete.execute(params![bucket, name, value, key])?;
    }
    Ok(())
}

pub(super) fn find(db: &Connection, query: &TagQuery) -> Result<FoundPage, CatalogError> {
    let mut page = FoundPage { found: Vec::new(), next: None };
    if query.limit == 0 {
        return Ok(page);
    }
    for (id, name) in buckets(db, query)? {
        let after = query.after.as_ref().filter(|(bucket, _)| bucket.as_str() == name);
        let after = after.map_or(&[][..], |(_, key)| key.as_bytes());
        let bucket = bucket_name(&name)?;
        if !query.sight.reaches(&bucket) {
            continue;
        }
        let mut search = Search::of(db, id, query)?;
        let mut rows = search.rows(id, after)?;
        while let Some(row) = rows.next()? {
            let tags = encoding::read_tags(row.get::<_, Option<String>>(1)?.as_deref())?;
            if !query.expression.holds_in(&name, &tags) {
                continue;
            }
            let key = rows::key(row.get(0)?)?;
            if !query.sight.covers(&bucket, key.as_str()) {
                continue;
            }
            if page.found.len() == query.limit {
                page.next = page.found.last().map(|last| (last.bucket.clone(), last.key.clone()));
                return Ok(page);
            }
            page.found.push(Found { bucket: bucket.clone(), key, tags });
        }
    }
    Ok(page)
}

/// The buckets to search, in order of their names.
fn buckets(db: &Connection, query: &TagQuery) -> Result<Vec<(i64, String)>, CatalogError> {
    let first = query.after.as_ref().map_or("", |(bucket, _)| bucket.as_str());
    let mut statement =
        db.prepare_cached("SELECT bucket_id, name FROM bucket WHERE tenant = ?1 AND name >= ?2 ORDER BY name")?;
    let found = statement.query_map(params![query.tenant.as_str(), first], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut buckets = found.collect::<Result<Vec<(i64, String)>, _>>()?;
    let only = [query.bucket.as_ref().map(|bucket| bucket.as_str()), query.expression.container()];
    buckets.retain(|(_, name)| only.iter().flatten().all(|only| only == name));
    Ok(buckets)
}

/// Which rows of the index to read, in one bucket.
struct Search<'q> {
    statement: CachedStatement<'q>,
    range: Option<TagRange<'q>>,
}

impl<'q> Search<'q> {
    fn of(db: &'q Connection, bucket: i64, query: &'q TagQuery) -> Result<Self, CatalogError> {
        let range = rarest(db, bucket, query.expression.ranges())?;
        let statement = match &range {
            Some(range) if is_one_value(range) => OF_ONE_VALUE,
            Some(_) => OF_A_RANGE,
            None => OF_ANY_TAG,
        };
        Ok(Self { statement: db.prepare_cached(statement)?, range })
    }

    fn rows(&mut self, bucket: i64, after: &[u8]) -> Result<Rows<'_>, CatalogError> {
        Ok(match &self.range {
            None => self.statement.query(params![bucket, after])?,
            Some(range) if is_one_value(range) => {
                self.statement.query(params![bucket, after, range.name, range.from])?
            }
            Some(range) => self.statement.query(params![bucket, after, range.name, range.from, end(range)])?,
        })
    }
}

fn is_one_value(range: &TagRange<'_>) -> bool {
    range.below.as_ref().and_then(|below| below.strip_suffix('\0')) == Some(range.from.as_str())
}

/// What every value of the range is below. SQLite holds any text to be below any bytes.
fn end(range: &TagRange<'_>) -> rusqlite::types::Value {
    range.below.clone().map_or_else(|| Vec::new().into(), Into::into)
}

/// The range that the fewest tags lie in.
fn rarest<'q>(db: &Connection, bucket: i64, ranges: Vec<TagRange<'q>>) -> Result<Option<TagRange<'q>>, CatalogError> {
    let mut count = db.prepare_cached(
        "SELECT count(*) FROM (SELECT 1 FROM tag WHERE bucket_id = ?1 AND name = ?2 AND value >= ?3 AND value < ?4 LIMIT ?5)",
    )?;
    let mut most: i64 = 64;
    while ranges.len() > 1 {
        for range in &ranges {
            let found: i64 =
                count.query_row(params![bucket, range.name, range.from, end(range), most], |row| row.get(0))?;
            if found < most {
                return Ok(Some(range.clone()));
            }
        }
        most = most.saturating_mul(2);
    }
    Ok(ranges.into_iter().next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::sqlite::schema;
    use crate::model::TagExpression;

    fn catalog() -> Connection {
        let db = Connection::open_in_memory().unwrap();
        schema::migrate(&db, 0).unwrap();
        db.execute("INSERT INTO bucket (bucket_id, tenant, name, created) VALUES (1, 'chum', 'images', 0)", [])
            .unwrap();
        for number in 0..1_000 {
            let mut tags = Tags::from([("all".to_owned(), "x".to_owned())]);
            if number % 100 == 0 {
                tags.insert("few".to_owned(), number.to_string());
            }
            remember(&db, 1, format!("{number:04}").as_bytes(), &tags).unwrap();
        }
        db
    }

    #[test]
    fn a_search_reads_the_rarest_of_the_tags_asked_for() {
        let db = catalog();
        for (text, name) in [
            ("all = 'x' AND few > '3'", "few"),
            ("few > '3' AND all = 'x'", "few"),
            ("all = 'x' AND none = 'x' AND few > ''", "none"),
            ("all = 'x'", "all"),
        ] {
            let expression = TagExpression::parse_search(text).unwrap();
            let chosen = rarest(&db, 1, expression.ranges()).unwrap().unwrap();
            // One that no object has is as good as one that few have.
            let fine = chosen.name == name || (name == "none" && chosen.name == "few");
            assert!(fine, "{text}: {chosen:?}");
        }
    }

    #[test]
    fn no_search_reads_a_whole_table_and_one_value_is_read_in_order() {
        let db = catalog();
        for sql in [OF_ONE_VALUE, OF_A_RANGE, OF_ANY_TAG] {
            let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let mut found = explain.raw_query();
            let mut plan = Vec::new();
            while let Some(row) = found.next().unwrap() {
                plan.push(row.get::<_, String>(3).unwrap());
            }
            assert!(!plan.iter().any(|step| step.contains("SCAN ")), "{plan:?}");
            assert!(sql != OF_ONE_VALUE || !plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:?}");
        }
    }
}
