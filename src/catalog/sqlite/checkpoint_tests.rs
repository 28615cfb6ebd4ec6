//! A reader that stays long, and writes that never pause.

use std::path::{Path, PathBuf};

use super::*;
use crate::catalog::sqlite::schema;
use crate::catalog::sqlite::writer::Writer;

/// A catalog whose log is emptied at once.
fn writer(path: &Path, erase_within: Duration) -> Writer {
    schema::create(path).unwrap();
    let lock = Arc::new(schema::lock(path).unwrap());
    let mut db = schema::open(path).unwrap();
    let own = schema::open_for_log(path).unwrap();
    let checkpoints = Checkpoints::start(&mut db, own, Arc::clone(&lock), erase_within).unwrap();
    Writer::start(db, Some(checkpoints), lock).unwrap()
}

async fn put(writer: &Writer, number: i64, bytes: i64) {
    let write = move |db: &Connection| {
        db.execute("INSERT INTO setting (name, value) VALUES (?1, zeroblob(?2))", (format!("test-{number}"), bytes))?;
        Ok(())
    };
    writer.run(write).await.unwrap();
}

fn log_bytes(path: &Path) -> u64 {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(PathBuf::from(log)).map_or(0, |found| found.len())
}

async fn until_empty(path: &Path) {
    let emptied = async {
        while log_bytes(path) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), emptied).await.expect("the log is not emptied");
}

/// `VACUUM INTO`, the backup that the operator's documents describe, reads within one transaction until it has ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_holds_up_no_write_and_the_log_is_emptied_once_it_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let writer = writer(&path, Duration::from_millis(10));
    put(&writer, 0, 10).await;
    let backup = Connection::open(&path).unwrap();
    backup.execute_batch("BEGIN; SELECT count(*) FROM setting;").unwrap();
    let (began, mut longest, mut number) = (Instant::now(), Duration::ZERO, 0);
    // Attempts to empty the log come each second.
    while began.elapsed() < 3 * PAUSE {
        number += 1;
        let sent = Instant::now();
        put(&writer, number, 10_000).await;
        longest = longest.max(sent.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(longest < BUSY / 2, "a write waited {longest:?} for a reader");
    assert!(log_bytes(&path) > 0, "the log was emptied under a reader");
    let seen: i64 =
        backup.query_row("SELECT count(*) FROM setting WHERE name LIKE 'test-%'", [], |row| row.get(0)).unwrap();
    assert_eq!(seen, 1, "the backup sees one moment");
    backup.execute_batch("END").unwrap();
    until_empty(&path).await;
    writer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_short_while_writes_never_pause_and_others_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let writer = Arc::new(writer(&path, ERASE_WITHIN));
    let end = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (file, ended) = (path.clone(), Arc::clone(&end));
    let reads = thread::spawn(move || {
        let reader = schema::open_reader(&file).unwrap();
        while !ended.load(std::sync::atomic::Ordering::Relaxed) {
            let _: i64 = reader.query_row("SELECT count(*) FROM bucket", [], |row| row.get(0)).unwrap();
        }
    });
    const TASKS: i64 = 4;
    const WRITES: i64 = 80;
    const BYTES: i64 = 250_000;
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let writer = Arc::clone(&writer);
            tokio::spawn(async move {
                for number in 0..WRITES {
                    put(&writer, task * WRITES + number, BYTES).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    end.store(true, std::sync::atomic::Ordering::Relaxed);
    reads.join().unwrap();
    let (all, most) =
        (TASKS.unsigned_abs() * WRITES.unsigned_abs() * BYTES.unsigned_abs(), 3 * (LONG as u64) * 4096 / 2);
    assert!(all > 3 * most, "too little was written to show anything");
    assert!(log_bytes(&path) < most, "{} bytes of log", log_bytes(&path));
    writer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_empties_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let writer = writer(&path, ERASE_WITHIN);
    put(&writer, 1, 10_000).await;
    assert!(log_bytes(&path) > 0);
    // Another connection keeps SQLite from doing it when its last one is closed.
    let other = schema::open_reader(&path).unwrap();
    let _: i64 = other.query_row("SELECT count(*) FROM setting", [], |row| row.get(0)).unwrap();
    writer.close().await;
    assert_eq!(log_bytes(&path), 0);
    drop(other);
}
