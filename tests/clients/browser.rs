//! A real browser, with pages of other origins than the gateway's: what CORS is for.

use std::process::Command;

use testing::process::{CLIENT_ID, GatewayProcess, Options};
use testing::tools;

/// Processes that have this folder in their command line.
fn processes_of(folder: &std::path::Path) -> usize {
    let needle = folder.display().to_string();
    let lines = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let line = std::fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).into_owned())
    });
    lines.filter(|line| line.contains(&needle)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_reads_and_writes_for_pages_that_the_rules_allow_and_for_no_others() {
    let browser = tools::tool("chromium-headless-shell");
    let mut gateway = GatewayProcess::start(Options::folder().azure());
    let home = tempfile::tempdir().unwrap();
    let mut command: Command = tools::command(tools::python(), home.path());
    command
        .arg(tools::script("browser.py"))
        .env("ECLUSE_BROWSER", browser)
        .env("ECLUSE_CA", &gateway.authority)
        .env("ECLUSE_ENDPOINT", &gateway.endpoint)
        .env("AWS_ACCESS_KEY_ID", CLIENT_ID)
        .env("AWS_SECRET_ACCESS_KEY", &gateway.secret)
        .env("ECLUSE_AZURE_ENDPOINT", gateway.azure_endpoint())
        .env("AZURE_STORAGE_ACCOUNT", CLIENT_ID)
        .env("AZURE_STORAGE_KEY", &gateway.secret);
    println!("{}", tools::succeed(command));
    assert_eq!(processes_of(home.path()), 0, "a browser is still there");
    assert!(gateway.metric("ecluse_integrity_incidents_total") == 0.0, "integrity incidents");
    gateway.terminate();
}
