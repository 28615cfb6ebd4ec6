//! What a look at a long queue costs, and in how small steps it is hastened.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::catalog::sqlite::schema;

/// A queue of `count` deletions at each of two providers, due from 1,000,000 on.
fn queue(count: i64) -> Connection {
    let db = Connection::open_in_memory().unwrap();
    schema::migrate(&db, 0).unwrap();
    db.execute(
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
         INSERT INTO deletion (part_id, provider, tenant, chunks, due, since)
             SELECT CAST(printf('%016d', i) AS BLOB), value, 'chum', 1, 1000000 + i, 1000000 + i
             FROM n, json_each('[\"here\", \"there\"]')",
        [count],
    )
    .unwrap();
    db
}

/// What `work` answers, and how many steps of SQLite's virtual machine it takes.
fn steps<T>(db: &mut Connection, work: impl FnOnce(&Connection) -> T) -> (T, u64) {
    let taken = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&taken);
    let one = move || {
        counter.fetch_add(1, Ordering::Relaxed);
        false
    };
    db.progress_handler(1, Some(one)).unwrap();
    let answer = work(db);
    db.progress_handler(0, None::<fn() -> bool>).unwrap();
    (answer, taken.load(Ordering::Relaxed))
}

/// Hastens as the catalog does, and says how many rows each step has changed.
fn hastened(db: &Connection, latest: i64) -> Vec<u64> {
    let (mut from, mut changed) = (Some(Place::default()), Vec::new());
    while let Some(place) = from {
        let before = db.total_changes();
        from = hasten(db, Timestamp(latest), place).unwrap();
        changed.push(db.total_changes() - before);
    }
    changed
}

#[test]
fn the_state_of_the_queue_costs_the_same_however_long_it_is() {
    let taken = [500, 20_000].map(|count| {
        let mut db = queue(count);
        db.execute_batch("UPDATE deletion SET attempts = 3, due = due + 5000000 WHERE due % 2 = 0").unwrap();
        let (state, taken) = steps(&mut db, |db| queue_state(db).unwrap());
        let (waiting, failing) = (2 * count.unsigned_abs(), count.unsigned_abs());
        assert_eq!(state, DeletionQueue { waiting, failing, oldest: Some(Timestamp(1_000_000)) });
        taken
    });
    assert!(taken[1] < taken[0] + taken[0] / 10, "{taken:?} steps");
}

#[test]
fn a_long_queue_is_hastened_in_steps_of_rows() {
    let db = queue(5_000);
    // Of those that failed, these wait an hour at most: they stay where they are.
    db.execute_batch("UPDATE deletion SET attempts = 1 WHERE due < 1002000").unwrap();
    let changed = hastened(&db, 900_000);
    assert!(changed.len() > 10 && changed.iter().all(|rows| *rows <= STEP as u64), "{changed:?}");
    assert_eq!(changed.iter().sum::<u64>(), 2 * 3_000);
    let count = |sql| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM deletion WHERE due = 900000 AND since = 900000 AND attempts = 0"), 6_000);
    assert_eq!(count("SELECT count(*) FROM deletion WHERE due >= 1000000 AND attempts = 1"), 4_000);
    assert_eq!(hastened(&db, 900_000).iter().sum::<u64>(), 0, "once");
}

#[test]
fn a_start_with_nothing_to_hasten_looks_at_no_row_that_waits() {
    let taken = [500, 20_000].map(|count| {
        let mut db = queue(count);
        let (changed, taken) = steps(&mut db, |db| hastened(db, 2_000_000));
        assert_eq!(changed.iter().sum::<u64>(), 0);
        taken
    });
    assert!(taken[1] < taken[0] + taken[0] / 10, "{taken:?} steps");
}
