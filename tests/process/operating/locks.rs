//! A second gateway comes to the same catalog or to the same provider's folder by another name.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{BUCKET, ask};
use testing::client;
use testing::process::{GatewayProcess, Options, free_port};

/// A second gateway's home beside that of `gateway`: a data folder with the same root key, another configuration file that
/// differs in its ports, its data folder, and the folder of its provider.
fn second(gateway: &GatewayProcess, folder: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let data = gateway.home.join("second");
    fs::create_dir(&data).unwrap();
    fs::copy(gateway.data().join("root.key"), data.join("root.key")).unwrap();
    let mut text = fs::read_to_string(gateway.home.join("ecluse.toml")).unwrap();
    for line in text.clone().lines().filter(|line| line.starts_with("listen = ")) {
        text = text.replace(line, &format!("listen = \"127.0.0.1:{}\"", free_port()));
    }
    text = text.replace(&gateway.data().display().to_string(), &data.display().to_string());
    text = text.replace(&gateway.folder().display().to_string(), &folder.display().to_string());
    let path = gateway.home.join("second.toml");
    fs::write(&path, text).unwrap();
    (data, path)
}

/// What the second gateway says: `serve` must end by itself, and `check` sees that another has the catalog.
fn refused(gateway: &GatewayProcess, config: &Path, code: &str) {
    for command in ["serve", "scrub"] {
        let (exit, said) = gateway.run_on(config, &[command], "C.UTF-8");
        assert_eq!(exit, 69, "{command}: {said}");
        assert!(said.contains(&format!("errors.md#{code}")), "{command}: {said}");
    }
    let (_, said) = gateway.run_on(config, &["check", "--offline"], "C.UTF-8");
    assert!(said.contains("is open in a gateway"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_gateway_finds_the_catalog_taken_by_whatever_name_it_comes() {
    let mut gateway = GatewayProcess::start(Options::folder());
    client::create_bucket(&gateway, BUCKET).await;
    assert_eq!(ask(&gateway, http::Method::PUT, "one", "one").await.status, 200);
    let (data, config) = second(&gateway, &gateway.home.join("elsewhere"));
    let (original, name) = (gateway.data().join("catalog.db"), data.join("catalog.db"));

    symlink(&original, &name).unwrap();
    refused(&gateway, &config, "catalog-in-use");
    fs::remove_file(&name).unwrap();
    fs::hard_link(&original, &name).unwrap();
    refused(&gateway, &config, "catalog-in-use");
    fs::remove_file(&name).unwrap();
    // The folder that holds it, under another name.
    fs::remove_file(data.join("root.key")).unwrap();
    let _lock = fs::remove_file(data.join("catalog.db.lock"));
    fs::remove_dir_all(&data).unwrap();
    symlink(gateway.data(), &data).unwrap();
    refused(&gateway, &config, "catalog-in-use");

    // SQLite's own locks of the running gateway still hold: its catalog is whole and goes on.
    assert_eq!(ask(&gateway, http::Method::PUT, "two", "two").await.status, 200);
    for key in ["one", "two"] {
        assert_eq!(ask(&gateway, http::Method::GET, key, "").await.body, key);
    }
    gateway.kill9();
    gateway.restart();
    assert_eq!(ask(&gateway, http::Method::GET, "two", "").await.body, "two");
    gateway.terminate();
    let (code, said) = gateway.run(&["check"], "C.UTF-8");
    assert_eq!(code, 0, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_gateway_finds_the_providers_folder_taken_by_whatever_name_it_comes() {
    let gateway = GatewayProcess::start(Options::folder());
    let link = gateway.home.join("link");
    symlink(gateway.folder(), &link).unwrap();
    let (_data, config) = second(&gateway, &link);
    for arguments in [&["keys", "init", "--new-catalog"][..], &["serve"]] {
        let (code, said) = gateway.run_on(&config, arguments, "C.UTF-8");
        assert_eq!(code, 69, "{arguments:?}: {said}");
        assert!(said.contains("errors.md#provider-in-use"), "{arguments:?}: {said}");
    }
    assert!(gateway.is_ready(), "the running gateway was disturbed");
}
