//! What a page costs.

use rusqlite::StatementStatus;

use super::*;
use crate::catalog::sqlite::schema;
use crate::model::{BucketName, BucketRef, TenantId};

fn bucket() -> BucketRef {
    BucketRef { tenant: TenantId::parse("chum").unwrap(), name: BucketName::parse("images").unwrap() }
}

/// A bucket of `count` names in folders of 100.
fn catalog(count: u32) -> Connection {
    let db = Connection::open_in_memory().unwrap();
    schema::migrate(&db, 0).unwrap();
    db.execute("INSERT INTO bucket (bucket_id, tenant, name, created) VALUES (1, 'chum', 'images', 0)", []).unwrap();
    let all = db.unchecked_transaction().unwrap();
    let sql = "INSERT INTO object (bucket_id, key, version_id, length, etag, modified) VALUES (1, ?1, ?2, 1, 'e', 0)";
    let mut insert = db.prepare(sql).unwrap();
    for number in 0..count {
        let key = format!("{:06}/{:02}", number / 100, number % 100);
        insert.execute(params![key.as_bytes(), number]).unwrap();
    }
    drop(insert);
    all.commit().unwrap();
    db
}

fn query(delimiter: Option<&str>, start: ListStart, limit: usize) -> ListQuery {
    let delimiter = delimiter.map(str::to_owned);
    ListQuery {
        bucket: bucket(),
        prefix: String::new(),
        delimiter,
        start,
        limit,
        most_bytes: usize::MAX,
        with_metadata: false,
        with_user_metadata: true,
        extras: ListExtras::default(),
    }
}

/// Steps of SQLite's virtual machine that a page takes.
fn steps(db: &Connection, query: &ListQuery) -> i32 {
    let count = || db.prepare_cached(NAMES).unwrap().reset_status(StatementStatus::VmStep);
    count();
    let page = list(db, query, 10_000).unwrap();
    assert_eq!(page.entries.len(), query.limit);
    assert!(page.next.is_some());
    let taken = count();
    assert!(taken > 0);
    taken
}

#[test]
fn a_page_costs_the_same_in_a_bucket_fifty_times_as_large() {
    let (small, large) = (catalog(1_000), catalog(50_000));
    for (delimiter, limit) in [(None, 500), (Some("/"), 8)] {
        for start in [ListStart::First, ListStart::After("000000/50".into())] {
            let query = query(delimiter, start, limit);
            let (few, many) = (steps(&small, &query), steps(&large, &query));
            assert!(many <= few + few / 10 + 10, "{many} steps against {few}");
        }
    }
}

#[test]
fn a_common_prefix_costs_a_seek_and_not_what_it_rolls_up() {
    let db = catalog(50_000);
    let taken = steps(&db, &query(Some("/"), ListStart::First, 100));
    // 100 prefixes stand for 10,000 names.
    assert!(taken < 100 * 60, "{taken} steps");
}

#[test]
fn a_page_looks_at_a_bounded_number_of_rows_that_it_does_not_show() {
    let db = catalog(1);
    // Between the only two names that are shown lie past versions, and names of blocks that have a version.
    db.execute_batch(
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 20000)
             INSERT INTO past SELECT 1, CAST('a/x' AS BLOB), i, 7, 1, 'e', 0, NULL, 1, 5, 6 FROM n;
         WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 2000)
             INSERT INTO uncommitted (uncommitted_id, bucket_id, key, id_bytes, blocks, touched) SELECT i + 1, 1, CAST(printf('b/%05d', i) AS BLOB), 4, 1, 7 FROM n;
         INSERT INTO object (bucket_id, key, version_id, length, etag, modified)
             SELECT 1, key, 100 + uncommitted_id, 1, 'e', 0 FROM uncommitted;
         INSERT INTO object (bucket_id, key, version_id, length, etag, modified) VALUES (1, CAST('z' AS BLOB), 9, 1, 'e', 0);",
    )
    .unwrap();
    let all = |snapshots, uncommitted, deleted| ListExtras { snapshots, uncommitted, deleted };
    for extras in [all(true, false, false), all(false, false, true), all(true, true, false)] {
        for delimiter in [None, Some("/")] {
            let mut query = ListQuery { extras, ..query(delimiter, ListStart::First, 5_000) };
            let (mut names, mut pages) = (Vec::new(), 0);
            loop {
                let count = || db.prepare_cached(MIXED).unwrap().reset_status(StatementStatus::VmStep);
                count();
                let page = list(&db, &query, 500).unwrap();
                let taken = count();
                // Of all 22,000 rows it would be some three million.
                assert!(taken < 200_000, "{taken} steps for 500 rows");
                assert!(page.entries.len() <= 500);
                pages += 1;
                names.extend(page.entries.into_iter().map(|entry| match entry {
                    ListEntry::Object { key, .. } => key.as_str().to_owned(),
                    ListEntry::Prefix(prefix) => prefix,
                    ListEntry::Uncommitted { key, .. } => panic!("{}", key.as_str()),
                }));
                match page.next {
                    Some(next) => query.start = next,
                    None => break,
                }
            }
            let expected = if delimiter.is_some() { 3 } else { 2_002 };
            assert_eq!(
                (names.len(), names.first().unwrap().as_str()),
                (expected, if delimiter.is_some() { "000000/" } else { "000000/00" })
            );
            assert!(pages > 40, "{pages} pages");
            names.dedup();
            assert_eq!(names.len(), expected, "each once");
        }
    }
}

#[test]
fn no_listing_scans_or_sorts() {
    let db = catalog(10);
    for sql in [NAMES, NAMES_WITH_METADATA, MIXED, UPLOADS] {
        let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut found = explain.raw_query();
        let mut plan = Vec::new();
        while let Some(row) = found.next().unwrap() {
            plan.push(row.get::<_, String>(3).unwrap());
        }
        assert!(plan.iter().any(|step| step.starts_with("SEARCH")), "{plan:?}");
        assert!(!plan.iter().any(|step| step.contains("SCAN ") || step.contains("TEMP B-TREE")), "{plan:?}");
    }
}
