//! The index of tags: a row for each tag of each current version.
//!
//! # Invariants
//! - A search reads the rows of the tag, among those asked for, that the fewest objects have. Which one that is is found
//!   by counting no further than to twice the least, nor further than a page may look.
//! - A page looks at a bounded number of rows, found or not, in the order of names. What would have to be sorted is read
//!   only where it is little; otherwise the names themselves are gone through.

use rusqlite::{CachedStatement, Connection, Rows, params};

use super::encoding;
use super::rows::{self, bucket_name, limit};
use crate::catalog::{CatalogError, Found, FoundPage, TagQuery};
use crate::model::{TagRange, Tags};

/// In the order of the index: no row behind the page is read.
const OF_ONE_VALUE: &str = "SELECT tag.key, object.tags FROM tag CROSS JOIN object USING (bucket_id, key)
    WHERE tag.bucket_id = ?1 AND tag.key > ?2 AND tag.name = ?3 AND tag.value = ?4 ORDER BY tag.key";

const OF_A_RANGE: &str = "SELECT tag.key, object.tags FROM tag CROSS JOIN object USING (bucket_id, key)
    WHERE tag.bucket_id = ?1 AND tag.key > ?2 AND tag.name = ?3 AND tag.value >= ?4 AND tag.value < ?5 ORDER BY tag.key";

const COUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM tag WHERE bucket_id = ?1 AND name = ?2 AND value >= ?3 AND value < ?4 LIMIT ?5)";

/// Every name, whether it has tags or not: all are counted.
const OF_EVERY_NAME: &str = "SELECT key, tags FROM object WHERE bucket_id = ?1 AND key > ?2 ORDER BY key";

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

/// A page of what the query finds, of at most `most` rows, and one of each bucket.
pub(super) fn find(db: &Connection, query: &TagQuery, most: usize) -> Result<FoundPage, CatalogError> {
    let mut page = FoundPage { found: Vec::new(), next: None };
    if query.limit == 0 {
        return Ok(page);
    }
    let (mut looked_at, mut bytes) = (0, 0_usize);
    for (id, name) in buckets(db, query)? {
        let after = query.after.as_ref().filter(|(bucket, _)| bucket.as_str() == name);
        let after = after.map_or(&[][..], |(_, key)| key.as_bytes());
        let bucket = bucket_name(&name)?;
        if !query.sight.reaches(&bucket) {
            continue;
        }
        let mut search = Search::of(db, id, query, most.saturating_sub(looked_at))?;
        let mut rows = search.rows(id, after)?;
        let mut last = None;
        while let Some(row) = rows.next()? {
            let key = rows::key(row.get(0)?)?;
            let tags = encoding::read_tags(row.get::<_, Option<String>>(1)?.as_deref())?;
            let holds = !tags.is_empty() && query.expression.holds_in(&name, &tags);
            let fits = holds && query.sight.covers(&bucket, key.as_str());
            let found = Found { bucket: bucket.clone(), key: key.clone(), tags };
            bytes = bytes.saturating_add(if fits { found.weight() } else { 0 });
            if fits && page.is_full(bytes, query) {
                page.next = page.found.last().map(|last| (last.bucket.clone(), last.key.clone()));
                return Ok(page);
            }
            if let Some(last) = last.take_if(|_| looked_at >= most) {
                page.next = Some((bucket, last));
                return Ok(page);
            }
            looked_at += 1;
            if fits {
                page.found.push(found);
            }
            last = Some(key);
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
    /// Of a page that may look at `most` rows yet.
    fn of(db: &'q Connection, bucket: i64, query: &'q TagQuery, most: usize) -> Result<Self, CatalogError> {
        let range = narrowest(db, bucket, query.expression.ranges(), limit(most))?;
        let statement = match &range {
            Some(range) if is_one_value(range) => OF_ONE_VALUE,
            Some(_) => OF_A_RANGE,
            None => OF_EVERY_NAME,
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

/// Fewer rows than this are sorted whatever a page has done before.
const FEW: i64 = 64;

/// The range that the fewest tags lie in; one value, when all hold as many as `most` or more; `None` where that is not among
/// them, so that every name is to be looked at.
fn narrowest<'q>(
    db: &Connection,
    bucket: i64,
    ranges: Vec<TagRange<'q>>,
    most: i64,
) -> Result<Option<TagRange<'q>>, CatalogError> {
    let mut count = db.prepare_cached(COUNT)?;
    if let [only] = ranges.as_slice()
        && is_one_value(only)
    {
        return Ok(Some(only.clone()));
    }
    let mut least = FEW;
    loop {
        for range in &ranges {
            let found: i64 =
                count.query_row(params![bucket, range.name, range.from, end(range), least], |row| row.get(0))?;
            if found < least {
                return Ok(Some(range.clone()));
            }
        }
        if least >= most {
            break;
        }
        least = least.saturating_mul(2);
    }
    Ok(ranges.into_iter().find(is_one_value))
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

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
            ("all = 'x' AND few > '3'", Some("few")),
            ("few > '3' AND all = 'x'", Some("few")),
            ("all = 'x' AND none = 'x' AND few > ''", Some("none")),
            ("all = 'x'", Some("all")),
            ("all > 'a'", Some("all")),
        ] {
            let expression = TagExpression::parse_search(text).unwrap();
            let chosen = narrowest(&db, 1, expression.ranges(), 10_000).unwrap().map(|range| range.name.to_owned());
            // One that no object has is as good as one that few have.
            let fine = chosen.as_deref() == name || (name == Some("none") && chosen.as_deref() == Some("few"));
            assert!(fine, "{text}: {chosen:?}");
        }
        // More than a page may look at: one value is read in order, a range is not sorted.
        for (text, name) in [("all > 'a'", None), ("all > 'a' AND all = 'x'", Some("x"))] {
            let expression = TagExpression::parse_search(text).unwrap();
            let chosen = narrowest(&db, 1, expression.ranges(), 500).unwrap();
            assert_eq!(chosen.map(|range| range.from), name.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn a_page_looks_at_a_bounded_number_of_rows_whether_it_finds_something_or_not() {
        let db = catalog();
        // Two frequent tags that never meet, but once.
        db.execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 20000)
                 INSERT INTO object (bucket_id, key, version_id, length, etag, modified, tags)
                 SELECT 1, CAST(printf('b%06d', i) AS BLOB), 7, 1, 'e', 0,
                     CASE WHEN i = 15000 THEN '{\"p\":\"1\",\"q\":\"1\"}' WHEN i % 2 THEN '{\"p\":\"1\"}' ELSE '{\"q\":\"1\"}' END
                 FROM n;
             INSERT INTO tag SELECT 1, json_each.key, json_each.value, object.key FROM object, json_each(object.tags);",
        )
        .unwrap();
        for text in ["p = '1' AND q = '1'", "p > '' AND q > ''", "p >= '1' AND q = '1'", "p = '1' AND q < '2'"] {
            let expression = TagExpression::parse_search(text).unwrap();
            let tenant = crate::model::TenantId::parse("chum").unwrap();
            let sight = crate::model::Sight::of_everything();
            let mut query =
                TagQuery { tenant, bucket: None, expression, sight, after: None, limit: 10, most_bytes: usize::MAX };
            let (mut found, mut pages) = (Vec::new(), 0);
            loop {
                let mut steps = 0;
                let all = [OF_ONE_VALUE, OF_A_RANGE, OF_EVERY_NAME, COUNT];
                let count = || all.map(|sql| db.prepare_cached(sql).unwrap().reset_status(StatementStatus::VmStep));
                count();
                let page = find(&db, &query, 500).unwrap();
                steps += count().iter().sum::<i32>();
                assert!(steps < 60_000, "{text}: {steps} steps for 500 rows");
                found.extend(page.found.into_iter().map(|found| found.key.as_str().to_owned()));
                pages += 1;
                match page.next {
                    Some(next) => query.after = Some(next),
                    None => break,
                }
            }
            assert_eq!(found, ["b015000"], "{text}");
            assert!(pages > 10, "{text}: {pages} pages");
        }
    }

    #[test]
    fn no_search_reads_a_whole_table_and_what_may_be_much_is_read_in_order() {
        let db = catalog();
        for sql in [OF_ONE_VALUE, OF_A_RANGE, OF_EVERY_NAME] {
            let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let mut found = explain.raw_query();
            let mut plan = Vec::new();
            while let Some(row) = found.next().unwrap() {
                plan.push(row.get::<_, String>(3).unwrap());
            }
            assert!(!plan.iter().any(|step| step.contains("SCAN ")), "{plan:?}");
            assert!(sql == OF_A_RANGE || !plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:?}");
        }
    }
}
