//! Azurite, Microsoft's own emulator of Azure Blob Storage, as a child process on a loopback port.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ecluse::secret::SecretText;
use ecluse::store::ProviderSpec;
use hmac::{Hmac, KeyInit as _, Mac as _};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use sha2::Sha256;
use time::OffsetDateTime;
use tokio::process::{Child, Command};

/// The container that is there from the start.
pub const CONTAINER: &str = "sealed";
/// Azurite's published development account.
pub const ACCOUNT: &str = "devstoreaccount1";
/// Its published key.
pub const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

const VERSION: &str = "2023-11-03";

/// Runs until dropped. Keeps everything in memory.
pub struct Azurite {
    /// With the account in the path, as `endpoint` of the configuration.
    pub endpoint: String,
    child: Child,
    _workspace: tempfile::TempDir,
}

impl Azurite {
    /// Starts it, waits until it answers and creates [`CONTAINER`].
    pub async fn start() -> Self {
        let tool = tool();
        assert!(
            tool.exists(),
            "azurite-blob is not installed at {}: run scripts/test, or scripts/install-test-tools",
            tool.display()
        );
        // The port may be taken between our look and its start; another try gets another one.
        for _ in 0..5 {
            if let Some(azurite) = Self::try_start(&tool).await {
                azurite.create_container(CONTAINER).await;
                return azurite;
            }
        }
        panic!("Azurite does not answer");
    }

    async fn try_start(tool: &Path) -> Option<Self> {
        let workspace = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(tool)
            .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
            .args(["--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--disableTelemetry"])
            .current_dir(workspace.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let endpoint = format!("http://127.0.0.1:{port}/{ACCOUNT}");
        let mut azurite = Self { endpoint, child, _workspace: workspace };
        for _ in 0..600 {
            if azurite.child.try_wait().unwrap().is_some() {
                return None;
            }
            if reqwest::get(&azurite.endpoint).await.is_ok() {
                return Some(azurite);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        None
    }

    /// Creates a container with a request signed by Shared Key.
    /// Source: Azure Storage REST, "Authorize with Shared Key".
    pub async fn create_container(&self, name: &str) {
        let rfc1123 = time::format_description::parse_borrowed::<2>(
            "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT",
        )
        .unwrap();
        let date = OffsetDateTime::now_utc().format(&rfc1123).unwrap();
        // The verb, eleven empty standard headers, ours, and the resource; with the account in the path it comes twice.
        let to_sign = format!(
            "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:{VERSION}\n/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
        );
        let mut mac = Hmac::<Sha256>::new_from_slice(&BASE64_STANDARD.decode(KEY).unwrap()).unwrap();
        mac.update(to_sign.as_bytes());
        let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        let response = reqwest::Client::new()
            .put(format!("{}/{name}?restype=container", self.endpoint))
            .header("x-ms-date", date)
            .header("x-ms-version", VERSION)
            .header("authorization", format!("SharedKey {ACCOUNT}:{signature}"))
            .send()
            .await
            .unwrap();
        let status = response.status();
        assert!(status.is_success(), "creating a container: {status} {}", response.text().await.unwrap_or_default());
    }

    /// How to reach `container` here.
    pub fn spec(&self, container: &str) -> ProviderSpec {
        ProviderSpec::Azure {
            account: ACCOUNT.to_owned(),
            container: container.to_owned(),
            key: SecretText::new(KEY.to_owned()),
            endpoint: Some(self.endpoint.clone()),
            ca: None,
        }
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        // The command is a script that may have children of its own.
        if let Some(id) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            let _gone = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }
}

fn tool() -> PathBuf {
    crate::tools::directory().join("node_modules/.bin/azurite-blob")
}
