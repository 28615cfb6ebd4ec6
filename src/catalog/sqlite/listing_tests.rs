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
    let page = list(db, query).unwrap();
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
