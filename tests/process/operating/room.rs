//! `ecluse catalog compact`, from outside: beside a gateway that runs, killed at any call, on a disk that is full.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use super::{BUCKET, ask};
use testing::client;
use testing::process::{GatewayProcess, Options, program};

/// A gateway with some objects that is stopped, and free room in its catalog.
async fn stopped() -> GatewayProcess {
    let mut gateway = GatewayProcess::start(Options::folder());
    client::create_bucket(&gateway, BUCKET).await;
    for number in 0..20 {
        let key = format!("kept/{number}");
        assert_eq!(ask(&gateway, http::Method::PUT, &key, key.clone()).await.status, 200);
    }
    for number in 0..60 {
        let key = format!("gone/{}/{number}", "x".repeat(800));
        assert_eq!(ask(&gateway, http::Method::PUT, &key, "").await.status, 200);
    }
    for number in 0..60 {
        let key = format!("gone/{}/{number}", "x".repeat(800));
        assert_eq!(ask(&gateway, http::Method::DELETE, &key, "").await.status, 204);
    }
    let (code, said) = gateway.run(&["catalog", "compact"], "C.UTF-8");
    assert!(code == 69 && said.contains("catalog-in-use"), "beside a gateway that runs: {code} {said}");
    gateway.terminate();
    gateway
}

/// All that was kept reads back, and the catalog is sound.
async fn all_is_there(gateway: &mut GatewayProcess, when: &str) {
    let (code, said) = gateway.run(&["check", "--offline"], "C.UTF-8");
    assert_eq!(code, 0, "{when}: {said}");
    gateway.restart();
    for number in 0..20 {
        let key = format!("kept/{number}");
        assert_eq!(ask(gateway, http::Method::GET, &key, "").await.body, key, "{when}");
    }
    assert_eq!(ask(gateway, http::Method::PUT, "after", "after").await.status, 200, "{when}");
    gateway.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compacted_catalog_is_smaller_and_serves_all_that_was_there() {
    let mut gateway = stopped().await;
    let file = gateway.data().join("catalog.db");
    let before = fs::metadata(&file).unwrap().len();
    let (code, said) = gateway.run(&["catalog", "compact"], "fr_CA.UTF-8");
    assert!(code == 0 && said.contains("prenait"), "{code} {said}");
    let after = fs::metadata(&file).unwrap().len();
    assert!(after < before, "{before} {after}");
    all_is_there(&mut gateway, "after it").await;
    gateway.restart();
    assert_eq!(gateway.metric("ecluse_catalog_free_bytes"), 0.0);
    assert!(gateway.metric("ecluse_catalog_bytes") >= 4096.0);
}

/// Killed at the nth call of each kind by which something comes to the disk, until it comes to its end without one.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_call_it_leaves_a_whole_catalog() {
    let mut gateway = stopped().await;
    let (file, config) = (gateway.data().join("catalog.db"), gateway.home.join("ecluse.toml"));
    let original = fs::read(&file).unwrap();
    let mut kills = 0;
    for call in ["pwrite64", "fsync", "fdatasync", "ftruncate", "unlink", "rename"] {
        // Writes are many and alike: each seventh.
        let step = if call == "pwrite64" { 7 } else { 1 };
        for nth in (1..).step_by(step) {
            // With room in it to begin with.
            fs::write(&file, &original).unwrap();
            let mut strace = Command::new("strace");
            strace.args(["-f", "-qq", "-o", "/dev/null", "-e"]).arg(format!("trace={call}"));
            strace.arg("-e").arg(format!("inject={call}:signal=SIGKILL:when={nth}"));
            strace.arg(program()).args(["catalog", "compact", "--config"]).arg(&config);
            let output = strace.output().unwrap();
            if output.status.success() {
                break;
            }
            assert_eq!(output.status.signal(), Some(9), "{}", String::from_utf8_lossy(&output.stderr));
            kills += 1;
            let (code, said) = gateway.run(&["check", "--offline"], "C.UTF-8");
            assert_eq!(code, 0, "killed at {call} {nth}: {said}");
            assert!(nth < 1_000, "it never comes to its end");
        }
    }
    assert!(kills >= 10, "{kills} kills are none");
    let (code, said) = gateway.run(&["catalog", "compact"], "C.UTF-8");
    assert_eq!(code, 0, "{said}");
    let left: Vec<_> = fs::read_dir(gateway.data()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("partial")), "{left:?}");
    all_is_there(&mut gateway, "after all kills").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_leaves_the_old_file_and_nothing_else() {
    let mut gateway = stopped().await;
    let (file, config) = (gateway.data().join("catalog.db"), gateway.home.join("ecluse.toml"));
    let before = fs::read(&file).unwrap();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64", "-e", "inject=pwrite64:error=ENOSPC:when=5+"]);
    let output = strace.arg(program()).args(["catalog", "compact", "--config"]).arg(&config).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(69) && said.contains("catalog-unusable"), "{said}");
    assert!(fs::read(&file).unwrap() == before, "the old file was written to");
    let left: Vec<_> = fs::read_dir(gateway.data()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("partial")), "{left:?}");
    all_is_there(&mut gateway, "after a full disk").await;
}
