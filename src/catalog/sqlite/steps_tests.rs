//! How many rows one write changes, whatever an object is made of: no write holds the others up for long.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::ending::Progress;
use super::objects::{self, Disposal};
use super::{SqliteCatalog, blocks, buckets, past, purge, schema, slices};
use crate::catalog::{
    BlockCommit, Catalog as _, Completion, Content, Deletion, NewBlock, NewVersion, ObjectRef, PAGE_SLICES,
    SnapshotRule, UploadId, VersionId, Which,
};
use crate::model::{
    Block, BlockId, BlockPick, BlockSource, BucketName, BucketRef, ByteRange, Conditions, ETag, Metadata, ObjectKey,
    SnapshotId, TenantId, Timestamp,
};

const GRACE: Timestamp = Timestamp(9_000);
const GONE: Disposal = Disposal { grace_until: GRACE, retention: None };
/// Slices of the object, each of a part of its own.
const SLICES: i64 = 50_000;
/// What a write that moves no content may change.
const FEW: u64 = 20;
/// What a step may: its budget, and the last content or set that it took.
const STEP: u64 = 2_000 + 7 * PAGE_SLICES as u64;

fn bucket() -> BucketRef {
    BucketRef { tenant: TenantId::parse("chum").unwrap(), name: BucketName::parse("imaging").unwrap() }
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::parse(name).unwrap()
}

/// A catalog with the object `a`, written row by row.
fn catalog() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    schema::migrate(&db, 0).unwrap();
    db.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    buckets::create(&db, &bucket(), Timestamp(1), &BTreeMap::new()).unwrap();
    let version = put(&db, "a", Content::Empty, 0);
    let numbers = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)";
    let id = "CAST(printf('%016d', i) AS BLOB)";
    for sql in [
        format!(
            "{numbers} INSERT INTO part (part_id, tenant, length, padded_length, key_version, wrapped_key, slices) SELECT {id}, 'chum', 10, 1024, 1, zeroblob(76), 1 FROM n"
        ),
        format!("{numbers} INSERT INTO placement SELECT {id}, 'here' FROM n"),
        format!("{numbers} INSERT INTO slice SELECT ?2, 10 * i, {id}, 0, 10 FROM n WHERE ?2 = ?2"),
    ] {
        let mut statement = db.prepare(&sql).unwrap();
        match statement.parameter_count() {
            1 => statement.execute([SLICES]).unwrap(),
            _ => statement.execute(params![SLICES, version]).unwrap(),
        };
    }
    db.execute("UPDATE version SET length = 10 * ?1", [SLICES]).unwrap();
    db.execute("UPDATE object SET length = 10 * ?1", [SLICES]).unwrap();
    db
}

fn put(db: &Connection, name: &str, content: Content, length: u64) -> i64 {
    let new = NewVersion {
        bucket: bucket(),
        key: key(name),
        content,
        length,
        etag: ETag::of_nothing(),
        modified: Timestamp(5),
        metadata: Metadata::default(),
        conditions: Conditions::default(),
        part_lengths: Vec::new(),
    };
    objects::commit(db, &new, GONE).unwrap().id.0
}

/// What `work` answers, and how many rows it changes.
fn counted<T>(db: &Connection, work: impl FnOnce(&Connection) -> T) -> (T, u64) {
    let before = db.total_changes();
    let answer = work(db);
    (answer, db.total_changes() - before)
}

/// Purges to the end; returns in how many steps.
fn purged(db: &Connection) -> usize {
    for steps in 1.. {
        let (more, rows) = counted(db, |db| {
            let leftovers = slices::leftovers(db, 200).unwrap();
            purge::purge(db, Timestamp(0), 200, &leftovers, GRACE).unwrap()
        });
        assert!(rows <= STEP, "{rows} rows in a step");
        if !more {
            return steps;
        }
    }
    0
}

fn rows(db: &Connection, table: &str) -> i64 {
    db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn what_moves_no_byte_changes_few_rows_whatever_the_object_is_made_of() {
    let db = catalog();
    let length = 10 * u64::try_from(SLICES).unwrap();
    let source = VersionId(db.query_row("SELECT version_id FROM object", [], |row| row.get(0)).unwrap());
    let content = Content::Shared { source, range: ByteRange { first: 0, end: length } };
    let (_, copied) = counted(&db, |db| put(db, "b", content.clone(), length));
    let (taken, snapped) =
        counted(&db, |db| past::take(db, &bucket(), &key("a"), None, &Conditions::default(), SnapshotId(7)).unwrap());
    let (_, replaced) = counted(&db, |db| put(db, "a", Content::Empty, 0));
    let (_, onto_itself) = counted(&db, |db| {
        let source = VersionId(past::head(db, &ObjectRef::current(&bucket(), &key("b"))).unwrap().id.0);
        put(db, "b", Content::Shared { source, range: ByteRange { first: 0, end: length } }, length)
    });
    let (_, deleted) =
        counted(&db, |db| objects::delete(db, &bucket(), &key("b"), &Conditions::default(), GONE).unwrap());
    let last = taken.snapshot.unwrap();
    let (_, ended) = counted(&db, |db| past::remove(db, 1, b"a", last, GRACE).unwrap());
    for changed in [copied, snapped, replaced, onto_itself, deleted, ended] {
        assert!((1..=FEW).contains(&changed), "{:?}", [copied, snapped, replaced, onto_itself, deleted, ended]);
    }
    assert_eq!((rows(&db, "slice"), rows(&db, "leftover")), (SLICES, 1));
    assert!(purged(&db) > 50);
    assert_eq!(
        ["slice", "part", "placement", "leftover", "deletion"].map(|table| rows(&db, table)),
        [0, 0, 0, 0, SLICES]
    );
}

#[test]
fn a_dropped_bucket_goes_in_steps_of_rows() {
    let db = catalog();
    // 60,000 blocks that wait, and a thousand small objects, beside the large one.
    db.execute_batch(
        "INSERT INTO uncommitted (uncommitted_id, bucket_id, key, id_bytes, blocks, touched) VALUES (1, 1, x'62', 4, 60000, 7);
         WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 60000)
             INSERT INTO block SELECT 1, printf('%08d', i), 1000000 + i, 10, NULL FROM n;
         WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 60000)
             INSERT INTO slice SELECT 1000000 + i, 0, CAST(printf('%016d', i % 50000) AS BLOB), 0, 10 FROM n;
         UPDATE part SET slices = 2;
         UPDATE part SET slices = 3 WHERE part_id < CAST(printf('%016d', 10000) AS BLOB);",
    )
    .unwrap();
    for number in 0..1_000 {
        put(&db, &format!("n{number}"), Content::Empty, 0);
    }
    let (_, dropped) = counted(&db, |db| buckets::drop_bucket(db, &bucket(), &Conditions::default(), None).unwrap());
    assert!(dropped <= FEW, "{dropped}");
    assert!(purged(&db) > 100);
    let tables = ["slice", "part", "placement", "leftover", "block", "uncommitted", "version", "object", "bucket"];
    assert_eq!(tables.map(|table| rows(&db, table)), [0; 9]);
}

#[test]
fn an_object_with_many_snapshots_is_deleted_in_few_rows_and_they_go_in_steps() {
    for (retention, kept) in [(None, 0), (Some(std::time::Duration::from_secs(60)), 5_001)] {
        let disposal = Disposal { grace_until: GRACE, retention };
        let db = catalog();
        put(&db, "many", Content::Empty, 0);
        for taken in 0..5_000 {
            past::take(&db, &bucket(), &key("many"), None, &Conditions::default(), SnapshotId(taken)).unwrap();
        }
        let object = ObjectRef { bucket: bucket(), key: key("many"), which: Which::Current };
        let (snapshots, for_good) = (SnapshotRule::Include, false);
        let deletion =
            Deletion { object, snapshots, conditions: Conditions::default(), at: Timestamp(8_000), for_good };
        let (_, deleted) = counted(&db, |db| past::delete(db, &deletion, disposal).unwrap());
        assert!((1..=FEW).contains(&deleted), "{deleted} rows");
        assert!(!past::has_snapshots(&db, 1, b"many").unwrap());
        assert_eq!(rows(&db, "past"), 5_000 + i64::from(retention.is_some()), "they wait");
        assert!(purged(&db) >= 5);
        assert_eq!((rows(&db, "past"), rows(&db, "ending")), (kept, 0));
        let open: i64 = db.query_row("SELECT count(*) FROM past WHERE deleted IS NULL", [], |row| row.get(0)).unwrap();
        assert_eq!(open, 0);
    }
}

/// An object `many` with so many snapshots, all of them deleted and retained.
fn with_retained(db: &Connection, snapshots: i64) -> ObjectRef {
    put(db, "many", Content::Empty, 0);
    for taken in 0..snapshots {
        past::take(db, &bucket(), &key("many"), None, &Conditions::default(), SnapshotId(taken)).unwrap();
    }
    db.execute("UPDATE past SET deleted = 5, until = 6", []).unwrap();
    ObjectRef { bucket: bucket(), key: key("many"), which: Which::Current }
}

#[test]
fn very_many_versions_come_back_or_go_for_good_in_few_rows_and_then_in_steps() {
    let db = catalog();
    let object = with_retained(&db, 5_000);
    let restore = |db: &Connection| past::restore(db, &object.bucket, &object.key, GRACE).unwrap();
    let (made, back) = counted(&db, restore);
    assert!(made == Progress::Made && (1..=FEW).contains(&back), "{back} rows");
    assert!(past::has_snapshots(&db, 1, b"many").unwrap());
    // Their time would be over, but they are back.
    assert!(purged(&db) >= 5);
    let there = |db: &Connection| -> i64 {
        db.query_row("SELECT count(*) FROM past WHERE deleted IS NULL", [], |row| row.get(0)).unwrap()
    };
    assert_eq!((there(&db), rows(&db, "ending")), (5_000, 0));

    db.execute("UPDATE past SET deleted = 5, until = 6", []).unwrap();
    assert_eq!(restore(&db), Progress::Made);
    // What cannot be said beside it waits, a step at a time.
    let (conditions, at) = (Conditions::default(), Timestamp(8_000));
    let for_good = Deletion { object, snapshots: SnapshotRule::MustBeNone, conditions, at, for_good: true };
    let forgotten = |db: &Connection| counted(db, |db| past::delete(db, &for_good, GONE));
    for _ in 0..2 {
        let (waits, rows) = forgotten(&db);
        assert!(waits.unwrap() == Progress::Waits && rows <= STEP, "{rows} rows");
    }
    while let (Ok(Progress::Waits), rows) = forgotten(&db) {
        assert!(rows <= STEP, "{rows} rows");
    }
    db.execute("UPDATE past SET deleted = 5, until = 6", []).unwrap();
    let (made, rows_of_it) = forgotten(&db);
    assert!(made.unwrap() == Progress::Made && (1..=FEW).contains(&rows_of_it), "{rows_of_it} rows");
    assert_eq!(rows(&db, "past"), 5_000, "they wait");
    assert!(purged(&db) >= 5);
    assert_eq!((rows(&db, "past"), rows(&db, "ending"), rows(&db, "version")), (0, 0, 2));
}

#[test]
fn a_few_versions_of_large_contents_go_in_steps_of_rows() {
    for for_good in [false, true] {
        let db = catalog();
        let object = with_retained(&db, 200);
        // Each with a content of its own, of as many slices as go at once.
        db.execute_batch(
            "UPDATE version SET shares = NULL, length = 2000 WHERE version_id IN (SELECT version_id FROM past);
             UPDATE past SET length = 2000;
             WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 40000)
                 INSERT INTO slice SELECT (SELECT version_id FROM past WHERE snapshot = i / 200), 10 * (i % 200),
                     CAST(printf('%016d', i) AS BLOB), 0, 10 FROM n;
             UPDATE part SET slices = 2 WHERE part_id < CAST(printf('%016d', 40000) AS BLOB);",
        )
        .unwrap();
        if !for_good {
            db.execute("UPDATE past SET deleted = NULL, until = NULL", []).unwrap();
        }
        let (snapshots, conditions, at) = (SnapshotRule::Include, Conditions::default(), Timestamp(8_000));
        let deletion = Deletion { object, snapshots, conditions, at, for_good };
        let (made, changed) = counted(&db, |db| past::delete(db, &deletion, GONE).unwrap());
        assert!(made == Progress::Made && changed <= STEP, "{changed} rows");
        assert!(purged(&db) > 10);
        assert_eq!((rows(&db, "past"), rows(&db, "ending"), rows(&db, "slice")), (0, 0, SLICES));
    }
}

/// Blocks that wait under `b`, each of a part of its own, and parts of an upload under `u`.
fn fill(db: &Connection, blocks: u32, parts: u32) {
    db.execute_batch("BEGIN; UPDATE counter SET value = 1000000").unwrap();
    db.execute("INSERT INTO uncommitted (uncommitted_id, bucket_id, key, id_bytes, blocks, touched) VALUES (1, 1, x'62', 6, ?1, 7)", [blocks]).unwrap();
    db.execute("INSERT INTO upload VALUES (1, 1, x'75', 'u', 1, '{\"v\":1}', NULL, 0)", []).unwrap();
    for number in 0..blocks + parts {
        let (part, content) = (u128::from(number).to_be_bytes(), 100 + number);
        let run = |sql: &str, row: &[&dyn rusqlite::ToSql]| db.prepare_cached(sql).unwrap().execute(row).unwrap();
        run(
            "INSERT INTO part (part_id, tenant, length, padded_length, key_version, wrapped_key, slices) VALUES (?1, 'chum', 10, 1024, 1, zeroblob(76), 1)",
            &[&part],
        );
        run("INSERT INTO placement VALUES (?1, 'here')", &[&part]);
        run("INSERT INTO slice VALUES (?1, 0, ?2, 0, 10)", &[&content, &part]);
        if number < blocks {
            run("INSERT INTO block VALUES (1, ?1, ?2, 10, NULL)", &[&name(number).as_str(), &content]);
        } else {
            let number = number - blocks + 1;
            run("INSERT INTO upload_part VALUES (1, ?1, ?2, 10, 'e', NULL, 1, '[]')", &[&number, &content]);
        }
    }
    db.execute_batch("COMMIT").unwrap();
}

fn name(number: u32) -> BlockId {
    BlockId::parse(&format!("{number:08}")).unwrap()
}

#[tokio::test]
async fn a_long_list_of_blocks_and_a_completion_of_many_parts_are_written_in_steps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let catalog = SqliteCatalog::open(&path).unwrap();
    catalog.create_bucket(&bucket(), Timestamp(1), &BTreeMap::new()).await.unwrap();
    fill(&schema::open(&path).unwrap(), 50_000, 10_000);
    let list = BlockCommit {
        bucket: bucket(),
        key: key("b"),
        picks: (0..50_000).map(|number| BlockPick { id: name(number), source: BlockSource::Latest }).collect(),
        etag: ETag::of_nothing(),
        tag_of_blocks: true,
        modified: Timestamp(5),
        metadata: Metadata::default(),
        conditions: Conditions::default(),
    };
    let version = catalog.commit_blocks(list.clone(), GRACE).await.unwrap();
    assert_eq!(version.length, 500_000);
    assert!(catalog.rows_of_largest_write() <= 2_010, "{}", catalog.rows_of_largest_write());
    // Again, of the blocks that are committed: what waited goes meanwhile, and the bucket can go.
    let again = catalog.commit_blocks(list, GRACE).await.unwrap();
    assert!(again.id > version.id && again.length == version.length);
    assert!(catalog.rows_of_largest_write() <= 2_010, "{}", catalog.rows_of_largest_write());
    assert_eq!(catalog.audit().await.unwrap(), Vec::<String>::new());
    while catalog.drop_stale_blocks(Timestamp(0), 200, GRACE).await.unwrap() == 200 {}
    while catalog.purge(Timestamp(0), 200, GRACE).await.unwrap() {}
    assert!(catalog.rows_of_largest_write() <= STEP, "{}", catalog.rows_of_largest_write());
    assert_eq!(catalog.audit().await.unwrap(), Vec::<String>::new());

    let completion = Completion {
        bucket: bucket(),
        key: key("u"),
        upload: UploadId("u".into()),
        parts: (1..=10_000).map(|number| (number, ETag::parse("e").unwrap())).collect(),
        etag: ETag::of_nothing(),
        modified: Timestamp(5),
        metadata: Metadata::default(),
        conditions: Conditions::default(),
    };
    let completed = catalog.complete_upload(completion.clone(), GRACE).await.unwrap();
    assert_eq!((completed.version.length, completed.repeated), (100_000, false));
    // A row for each part goes, and one for its content waits to go.
    assert!(catalog.rows_of_largest_write() <= 20_010, "{}", catalog.rows_of_largest_write());
    assert!(catalog.complete_upload(completion, GRACE).await.unwrap().repeated);
    while catalog.purge(Timestamp(0), 200, GRACE).await.unwrap() {}
    assert_eq!(catalog.audit().await.unwrap(), Vec::<String>::new());
    assert_eq!(catalog.deletions_waiting().await.unwrap(), 0);
}

#[test]
fn a_list_that_was_looked_up_is_not_committed_over_what_came_since() {
    let db = catalog();
    fill(&db, 2_000, 1);
    let list = BlockCommit {
        bucket: bucket(),
        key: key("b"),
        picks: (0..2_000).map(|number| BlockPick { id: name(number), source: BlockSource::Latest }).collect(),
        etag: ETag::of_nothing(),
        tag_of_blocks: true,
        modified: Timestamp(5),
        metadata: Metadata::default(),
        conditions: Conditions::default(),
    };
    let prepared = || {
        let mut plan = blocks::plan(&db, &list).unwrap();
        let content = slices::begin(&db).unwrap();
        slices::add_shared(&db, content, &plan.take_slices()).unwrap();
        (plan, content)
    };
    let (plan, content) = prepared();
    let source = VersionId(db.query_row("SELECT version_id FROM object", [], |row| row.get(0)).unwrap());
    let block = NewBlock {
        bucket: bucket(),
        key: key("b"),
        block: Block { id: name(7), length: 5, md5: None },
        content: Content::Shared { source, range: ByteRange { first: 0, end: 5 } },
        conditions: Conditions::default(),
        uploaded: Timestamp(7),
        owner: None,
    };
    blocks::put(&db, &block, GRACE).unwrap();
    assert!(blocks::commit_planned(&db, &list, &plan, content, GONE).unwrap().is_none(), "a block was replaced");
    let (plan, content) = prepared();
    put(&db, "b", Content::Empty, 0);
    assert!(blocks::commit_planned(&db, &list, &plan, content, GONE).unwrap().is_none(), "the object was written");
    // What was prepared in vain goes.
    purged(&db);
    while blocks::drop_stale(&db, Timestamp(0), 200, GRACE).unwrap() == 200 {}
    purged(&db);
    assert_eq!((rows(&db, "leftover"), rows(&db, "block"), rows(&db, "slice")), (0, 0, SLICES + 1));
}

#[test]
fn blocks_that_are_going_have_the_key_of_their_own_id_and_no_time() {
    let db = catalog();
    fill(&db, 2_000, 0);
    put(&db, "b", Content::Empty, 0);
    let going: Vec<u8> = db.query_row("SELECT key FROM uncommitted", [], |row| row.get(0)).unwrap();
    assert_eq!(going, [&[super::rows::GOING], &b"1"[..]].concat());
    let faults = || super::whole::rows(&db).unwrap();
    assert_eq!(faults(), Vec::<String>::new());
    for changed in ["key = x'ff32'", "key = x'ff'", "touched = 7"] {
        db.execute_batch(&format!("SAVEPOINT before; UPDATE uncommitted SET {changed}")).unwrap();
        let found = faults();
        assert!(found.len() == 1 && found[0].starts_with("waiting blocks that cannot be read: 1: "), "{found:?}");
        db.execute_batch("ROLLBACK TO before; RELEASE before").unwrap();
    }
}

#[test]
fn blocks_that_nobody_commits_go_in_steps_of_rows() {
    let db = catalog();
    db.execute_batch(
        "INSERT INTO uncommitted (uncommitted_id, bucket_id, key, id_bytes, blocks, touched) VALUES (1, 1, x'62', 4, 60000, 7);
         WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 60000)
             INSERT INTO block SELECT 1, printf('%08d', i), 1000000 + i, 10, NULL FROM n;",
    )
    .unwrap();
    loop {
        let (dropped, rows) = counted(&db, |db| blocks::drop_stale(db, Timestamp(8), 200, GRACE).unwrap());
        assert!(rows <= STEP, "{rows} rows in a step");
        if dropped < 200 {
            break;
        }
    }
    assert_eq!((rows(&db, "block"), rows(&db, "uncommitted")), (0, 0));
}
