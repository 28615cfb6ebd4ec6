//! A catalog of an earlier schema: looked at, and brought up to date.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use testing::client;
use testing::process::{GatewayProcess, Options};

use super::{BUCKET, ask};

/// The catalog's tables, with what they hold, as SQLite writes them down.
fn schema_of(path: &Path) -> (i64, Vec<String>) {
    let db = rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let version = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    let mut statement = db.prepare("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name").unwrap();
    let texts = statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    (version, texts)
}

/// Copies that an upgrade kept.
fn copies(data: &Path) -> Vec<PathBuf> {
    let named = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("catalog.db.schema");
    fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path()).filter(named).collect()
}

/// Puts an empty catalog of schema 3, with the canary and the keys of the one at `path`, in its place.
fn put_schema_3(path: &Path) {
    let older = path.with_extension("older");
    let db = rusqlite::Connection::open(&older).unwrap();
    for migration in [
        include_str!("../../../src/catalog/migrations/0001_start.sql"),
        include_str!("../../../src/catalog/migrations/0002_storage_class.sql"),
        include_str!("../../../src/catalog/migrations/0003_azure.sql"),
    ] {
        db.execute_batch(migration).unwrap();
    }
    db.execute_batch(&format!(
        "PRAGMA application_id = 0x45434c55; PRAGMA user_version = 3; ATTACH '{}' AS newer;
         INSERT INTO setting SELECT * FROM newer.setting;
         INSERT INTO tenant_key SELECT * FROM newer.tenant_key;
         INSERT INTO bucket (bucket_id, tenant, name, created, modified) VALUES (1, 'chum', '{BUCKET}', 1000, 1000);",
        path.display()
    ))
    .unwrap();
    drop(db);
    for end in ["", "-wal", "-shm"] {
        let _not_there = fs::remove_file(format!("{}{end}", path.display()));
    }
    fs::rename(&older, path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_keeps_a_copy_for_its_owner_and_check_only_announces_it() {
    let mut gateway = GatewayProcess::start(Options::folder());
    gateway.terminate();
    let catalog = gateway.data().join("catalog.db");
    put_schema_3(&catalog);
    let before = (fs::read(&catalog).unwrap(), schema_of(&catalog));
    assert_eq!(before.1.0, 3);

    for (locale, announced) in [("C.UTF-8", "has schema 3"), ("fr_CA.UTF-8", "a le schéma 3")] {
        let (code, said) = gateway.run(&["check"], locale);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains(announced) && said.contains("7"), "{said}");
    }
    assert_eq!(fs::read(&catalog).unwrap(), before.0, "check changed the catalog");
    assert_eq!(copies(gateway.data()), Vec::<PathBuf>::new());

    // The start does not touch it; the command that gives it an identity does.
    let (code, said) = gateway.run(&["serve"], "C.UTF-8");
    assert!(code == 78 && said.contains("errors.md#catalog-not-adopted"), "{code} {said}");
    assert_eq!(fs::read(&catalog).unwrap(), before.0, "the refused start changed the catalog");
    let (code, said) = gateway.run(&["keys", "init"], "C.UTF-8");
    assert_eq!(code, 0, "{said}");
    gateway.restart();
    assert_eq!(ask(&gateway, http::Method::PUT, "a", "content").await.status, 200);
    let kept = copies(gateway.data());
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(fs::metadata(&kept[0]).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(schema_of(&kept[0]), before.1, "the copy is what was there");
    assert!(schema_of(&catalog).0 > 3);

    // The next start has nothing to keep, and check nothing to announce.
    gateway.terminate();
    let (code, said) = gateway.run(&["check"], "C.UTF-8");
    assert!(code == 0 && !said.contains("has schema"), "{code} {said}");
    gateway.restart();
    assert_eq!(copies(gateway.data()), kept);
    assert_eq!(ask(&gateway, http::Method::GET, "a", "").await.body, "content");

    // Back: the copy serves as the catalog of schema 3 that it is.
    gateway.terminate();
    for end in ["-wal", "-shm"] {
        let _not_there = fs::remove_file(format!("{}{end}", catalog.display()));
    }
    fs::rename(&kept[0], &catalog).unwrap();
    let (code, said) = gateway.run(&["check"], "C.UTF-8");
    assert!(code == 0 && said.contains("has schema 3"), "{code} {said}");
    let (code, said) = gateway.run(&["keys", "init"], "C.UTF-8");
    assert_eq!(code, 0, "{said}");
    gateway.restart();
    client::create_bucket(&gateway, "another").await;
}
