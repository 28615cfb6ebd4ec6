//! `ecluse catalog compact`: the catalog's file grows, and is made small again, whatever comes between.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};

use super::{BUCKET, ask, until};
use testing::client;
use testing::process::{GatewayProcess, Options, program};

const ENGLISH: &str = "C.UTF-8";
const MIB: u64 = 1 << 20;

/// Every row of every table as SQLite prints it, with what the file says of itself; from a copy, so that the files stay as they are.
fn contents(data: &Path) -> BTreeMap<String, Vec<String>> {
    let copy = tempfile::tempdir().unwrap();
    for end in ["", "-wal"] {
        let file = format!("catalog.db{end}");
        if data.join(&file).exists() {
            fs::copy(data.join(&file), copy.path().join(&file)).unwrap();
        }
    }
    let db = rusqlite::Connection::open(copy.path().join("catalog.db")).unwrap();
    let lines = |sql: &str| -> Vec<String> {
        let mut statement = db.prepare(sql).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            Ok((0..columns).map(|at| format!("{:?} ", row.get_ref(at).unwrap())).collect::<String>())
        });
        rows.unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(lines("PRAGMA integrity_check").join(""), "Text([111, 107]) ", "the file is damaged");
    let mut found = BTreeMap::new();
    for pragma in ["application_id", "user_version", "journal_mode", "page_size", "foreign_key_check"] {
        found.insert(pragma.to_owned(), lines(&format!("PRAGMA {pragma}")));
    }
    found.insert("schema".into(), lines("SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2"));
    let mut tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for table in tables {
        let mut rows = lines(&format!("SELECT * FROM \"{table}\""));
        rows.sort();
        found.insert(table, rows);
    }
    found
}

/// Rows come and go, and their pages stay.
fn bloat(data: &Path) {
    let db = rusqlite::Connection::open(data.join("catalog.db")).unwrap();
    let sql = "CREATE TABLE ballast (bytes BLOB);
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
        INSERT INTO ballast SELECT zeroblob(1048576) FROM n;
        DROP TABLE ballast; PRAGMA wal_checkpoint(TRUNCATE);";
    db.execute_batch(sql).unwrap();
}

fn size(data: &Path) -> u64 {
    fs::metadata(data.join("catalog.db")).unwrap().len()
}

/// A stopped gateway with some objects, and a catalog most of which is free.
async fn grown() -> GatewayProcess {
    let mut gateway = GatewayProcess::start(Options::folder());
    client::create_bucket(&gateway, BUCKET).await;
    for number in 0..30 {
        let key = format!("record/{number}");
        assert_eq!(ask(&gateway, http::Method::PUT, &key, key.clone()).await.status, 200);
    }
    gateway.terminate();
    bloat(gateway.data());
    assert!(size(gateway.data()) > 40 * MIB);
    gateway
}

/// Runs the command under `strace`, which does `what` at those calls.
fn compact_under(gateway: &GatewayProcess, calls: &str, what: &str) -> (ExitStatus, String) {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "signal=none", "-e", &format!("trace={calls}")]);
    command.args(["-e", &format!("inject={calls}:{what}")]);
    command.arg(program()).args(["catalog", "compact", "--config"]).arg(gateway.home.join("ecluse.toml"));
    let output = command.env_clear().env("PATH", "/usr/bin:/bin").env("LANG", ENGLISH).output().unwrap();
    (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn files(data: &Path) -> Vec<String> {
    let names = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("catalog") || name.contains("etilqs")).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_is_mostly_free_is_told_and_made_small_and_keeps_every_row() {
    let mut gateway = grown().await;
    let data = gateway.data().to_owned();
    let (code, said) = gateway.run(&["check"], ENGLISH);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("MiB of its file are free") && said.contains("ecluse catalog compact"), "{said}");
    let before = contents(&data);

    gateway.restart();
    until("the size is told", || gateway.metric("ecluse_catalog_free_bytes") > (40 * MIB) as f64);
    assert!(gateway.metric("ecluse_catalog_used_bytes") > 0.0);
    let (code, said) = gateway.run(&["catalog", "compact"], ENGLISH);
    assert_eq!(code, 69, "{said}");
    assert!(said.contains("error: The catalog is in use: ") && said.contains("End that gateway first"), "{said}");
    let (code, said) = gateway.run(&["catalog", "compact"], "fr_CA.UTF-8");
    assert_eq!(code, 69, "{said}");
    assert!(said.contains("Le catalogue est déjà employé"), "{said}");
    assert!(gateway.is_ready() && size(&data) > 40 * MIB, "the running gateway was disturbed");
    assert_eq!(ask(&gateway, http::Method::GET, "record/7", "").await.body, "record/7");
    gateway.terminate();

    let before = {
        // The start has entered an epoch and kept the time.
        let now = contents(&data);
        assert_eq!(now["part"], before["part"]);
        now
    };
    let (code, said) = gateway.run(&["catalog", "compact"], ENGLISH);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("of them free, and now has 1 MiB"), "{said}");
    assert!(size(&data) < MIB, "{} bytes", size(&data));
    assert_eq!(fs::metadata(data.join("catalog.db")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(contents(&data), before);
    assert_eq!(files(&data), ["catalog.db", "catalog.db.lock"]);
    let (code, said) = gateway.run(&["catalog", "compact"], "fr_CA.UTF-8");
    assert_eq!(code, 0, "again: {said}");
    assert!(said.contains("dont 0 libres") && said.contains("toutes telles qu'elles étaient"), "{said}");
    let (code, said) = gateway.run(&["check"], ENGLISH);
    assert!(code == 0 && !said.contains("are free"), "{said}");

    gateway.restart();
    for number in 0..30 {
        let key = format!("record/{number}");
        assert_eq!(ask(&gateway, http::Method::GET, &key, "").await.body, key);
    }
    until("the size is told", || gateway.metric("ecluse_catalog_free_bytes") < MIB as f64);
    gateway.terminate();
    fs::remove_file(data.join("catalog.db")).unwrap();
    let (code, said) = gateway.run(&["catalog", "compact"], ENGLISH);
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("error: There is no catalog: ") && !data.join("catalog.db").exists(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_write_while_a_catalog_is_made_small_loses_nothing() {
    crate::points::must_trace();
    let gateway = grown().await;
    let data = gateway.data().to_owned();
    let before = contents(&data);
    for calls in ["pwrite64", "fsync,fdatasync", "ftruncate", "unlink"] {
        // Each time twice as late, and then one more: the first writes, and some of the last.
        let (mut nth, mut killed) = (1_u32, 0);
        loop {
            let (status, said) = compact_under(&gateway, calls, &format!("signal=SIGKILL:when={nth}"));
            assert_eq!(contents(&data), before, "killed at {calls} {nth}");
            assert!(files(&data).iter().all(|name| !name.contains("etilqs")), "{:?}", files(&data));
            if status.success() {
                break;
            }
            assert_eq!(status.signal(), Some(9), "{calls} {nth}: {status:?} {said}");
            killed += 1;
            if size(&data) < 40 * MIB {
                bloat(&data);
            }
            nth = if nth < 4 { nth + 1 } else { nth * 3 / 2 };
        }
        println!("killed {killed} times at {calls}");
        assert!(killed > 0 || calls == "unlink", "never at {calls}: does strace trace here?");
        assert!(size(&data) < MIB);
        let (code, said) = gateway.run(&["check"], ENGLISH);
        assert_eq!(code, 0, "{said}");
        bloat(&data);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_while_a_catalog_is_made_small_costs_nothing_but_the_try() {
    crate::points::must_trace();
    let gateway = grown().await;
    let data = gateway.data().to_owned();
    let before = contents(&data);
    let (mut nth, mut refused) = (1_u32, 0);
    loop {
        let (status, said) = compact_under(&gateway, "pwrite64", &format!("error=ENOSPC:when={nth}+"));
        assert_eq!(contents(&data), before, "full at write {nth}");
        if status.success() {
            break;
        }
        refused += 1;
        assert_eq!(status.code(), Some(69), "{nth}: {said}");
        assert!(said.contains("error: The catalog could not be made smaller: "), "{nth}: {said}");
        assert!(said.contains("see: docs/operators/errors.md#catalog-not-compacted"), "{said}");
        if size(&data) < 40 * MIB {
            bloat(&data);
        }
        nth = if nth < 4 { nth + 1 } else { nth * 3 / 2 };
    }
    println!("refused {refused} times");
    assert!(refused > 3, "the disk never filled: does strace trace here?");
    assert!(size(&data) < MIB);
}
