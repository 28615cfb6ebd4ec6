//! The catalog's backup, as the operators' guide has it, while clients write.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{BUCKET, ask};
use testing::client;
use testing::process::{GatewayProcess, Options};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_made_while_clients_wrote_brings_back_all_that_was_there() {
    let mut gateway = GatewayProcess::start(Options::folder());
    client::create_bucket(&gateway, BUCKET).await;
    for number in 0..20 {
        let key = format!("before/{number}");
        assert_eq!(ask(&gateway, http::Method::PUT, &key, key.clone()).await.status, 200);
    }
    let (catalog, backup) = (gateway.home.join("data/catalog.db"), gateway.home.join("backup.db"));
    let copy = {
        let (catalog, backup) = (catalog.clone(), backup.clone());
        tokio::task::spawn_blocking(move || {
            // What the sqlite3 program does with this text.
            let db = rusqlite::Connection::open(catalog)?;
            db.execute_batch(&format!("VACUUM INTO '{}'", backup.display()))
        })
    };
    for number in 0..20 {
        let key = format!("during/{number}");
        assert_eq!(ask(&gateway, http::Method::PUT, &key, key.clone()).await.status, 200, "the copy is in the way");
    }
    copy.await.unwrap().unwrap();
    assert_eq!(gateway.metric("ecluse_catalog_commit_failures_total"), 0.0);

    gateway.kill9();
    for end in ["", "-wal", "-shm"] {
        let _not_there = fs::remove_file(gateway.home.join(format!("data/catalog.db{end}")));
    }
    fs::copy(&backup, &catalog).unwrap();
    fs::set_permissions(&catalog, fs::Permissions::from_mode(0o600)).unwrap();
    let (code, said) = gateway.run(&["check"], "C.UTF-8");
    assert_eq!(code, 0, "{said}");
    gateway.restart();
    for number in 0..20 {
        let key = format!("before/{number}");
        assert_eq!(ask(&gateway, http::Method::GET, &key, "").await.body, key);
        // What came after the copy began is there or is not; it is never something else.
        let key = format!("during/{number}");
        let read = ask(&gateway, http::Method::GET, &key, "").await;
        assert!(read.status == 404 || (read.status == 200 && read.body == key), "{} {}", read.status, read.body);
    }
    assert_eq!(ask(&gateway, http::Method::PUT, "after", "after").await.status, 200);
}

/// The commands of the operators' guide that write a copy of the catalog, as they are printed.
fn documented(page: &str) -> Vec<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| line.contains("VACUUM INTO")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_backup_is_readable_by_its_owner_only() {
    let gateway = GatewayProcess::start(Options::folder());
    client::create_bucket(&gateway, BUCKET).await;
    for page in ["docs/operators/quick-start.md", "docs/fr/operators/quick-start.md"] {
        let commands = documented(page);
        assert_eq!(commands.len(), 1, "{page}");
        let folder = tempfile::tempdir().unwrap();
        // Everybody may look into this one: the file itself has to keep them out.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let command = commands[0]
            .replace("sudo -u ecluse ", "")
            .replace("/var/lib/ecluse", &gateway.data().display().to_string())
            .replace("/backup", &folder.path().display().to_string());
        let output = Command::new("/bin/sh").args(["-c", &format!("umask 022; {command}")]).output().unwrap();
        assert!(output.status.success(), "{command}\n{}", String::from_utf8_lossy(&output.stderr));
        let copies: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(copies.len(), 1, "{copies:?}");
        let mode = fs::metadata(&copies[0]).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{page}: {mode:o}");
        let db = rusqlite::Connection::open(&copies[0]).unwrap();
        let buckets: i64 = db.query_row("SELECT count(*) FROM bucket", [], |row| row.get(0)).unwrap();
        assert_eq!(buckets, 1, "{page}");
    }
}
