//! The catalog's backup, as the operators' guide has it, while clients write.

use std::fs;
use std::os::unix::fs::PermissionsExt;

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
