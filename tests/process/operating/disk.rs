//! A disk that is full under the catalog.

use std::process::Command;

use super::{BUCKET, ask};
use testing::client;
use testing::process::{GatewayProcess, Options};

/// Limits the size of every file that the gateway writes, or lifts the limit: for SQLite the same as a full disk.
fn limit_files(gateway: &GatewayProcess, bytes: &str) {
    let pid = gateway.id().to_string();
    let done = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:")]).status().unwrap();
    assert!(done.success(), "prlimit (util-linux): {done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_loses_nothing_and_is_got_over() {
    let mut gateway = GatewayProcess::start(Options::folder());
    client::create_bucket(&gateway, BUCKET).await;
    let mut acknowledged = Vec::new();
    let log_bytes = std::fs::metadata(gateway.home.join("data/catalog.db-wal")).map_or(0, |file| file.len());
    limit_files(&gateway, &(log_bytes + 64 * 1024).to_string());
    let mut refused = 0;
    for number in 0..400 {
        let key = format!("k{number}");
        let answer = ask(&gateway, http::Method::PUT, &key, key.clone()).await;
        match answer.status {
            200 => acknowledged.push(key),
            500..=599 => refused += 1,
            other => panic!("{other}: {}", answer.body),
        }
        if refused == 5 {
            break;
        }
    }
    assert!(refused == 5 && !acknowledged.is_empty(), "{refused} refused, {} stored", acknowledged.len());
    assert!(gateway.is_running(), "{}", gateway.log());
    assert!(gateway.metric("ecluse_catalog_commit_failures_total") > 0.0);
    for key in &acknowledged {
        assert_eq!(&ask(&gateway, http::Method::GET, key, "").await.body, key, "while the disk is full");
    }

    limit_files(&gateway, "unlimited");
    assert_eq!(ask(&gateway, http::Method::PUT, "after", "after").await.status, 200, "it does not get over it");
    acknowledged.push("after".into());
    gateway.kill9();
    gateway.restart();
    for key in &acknowledged {
        assert_eq!(&ask(&gateway, http::Method::GET, key, "").await.body, key, "after a crash");
    }
}
