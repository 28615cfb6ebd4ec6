//! Azurite, Microsoft's stand-in for Azure Blob Storage, as a process of the test.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::tools;

/// The account that Azurite knows without being told, and its published key
/// (<https://learn.microsoft.com/azure/storage/common/storage-use-azurite>).
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A running Azurite with an empty account; it ends, and its files go, when dropped.
pub struct Azurite {
    /// `http://127.0.0.1:PORT/devstoreaccount1`.
    pub endpoint: String,
    /// The account's name.
    pub account: String,
    /// The account's key, base64.
    pub key: String,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Azurite {
    /// Starts it and waits until it answers.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let mut command = tools::command(tools::tool("azurite-blob"), folder.path());
        command.args(["--silent", "--skipApiVersionCheck", "--disableTelemetry", "--blobHost", "127.0.0.1"]);
        command.args(["--blobPort", &port.to_string(), "--location"]).arg(folder.path());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("azurite-blob starts");
        let end = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "Azurite did not listen within a minute");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let endpoint = format!("http://127.0.0.1:{port}/{ACCOUNT}");
        Self { endpoint, account: ACCOUNT.into(), key: KEY.into(), child, _folder: folder }
    }

    /// Makes a container (Create Container, signed with Shared Key).
    pub async fn create_container(&self, name: &str) {
        let form = "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT";
        let form = time::format_description::parse_borrowed::<2>(form).expect("a format");
        let date = time::OffsetDateTime::now_utc().format(&form).expect("a date");
        let headers = format!("x-ms-date:{date}\nx-ms-version:2021-12-02\n");
        let resource = format!("/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container");
        let text = format!("PUT\n\n\n\n\n\n\n\n\n\n\n\n{headers}{resource}");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &BASE64_STANDARD.decode(KEY).expect("base64"));
        let signature = BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        let answer = reqwest::Client::new()
            .put(format!("{}/{name}?restype=container", self.endpoint))
            .header("x-ms-date", date)
            .header("x-ms-version", "2021-12-02")
            .header("authorization", format!("SharedKey {ACCOUNT}:{signature}"))
            .send()
            .await
            .expect("Azurite answers");
        let status = answer.status();
        assert!(status.is_success(), "create container: {status} {}", answer.text().await.unwrap_or_default());
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
