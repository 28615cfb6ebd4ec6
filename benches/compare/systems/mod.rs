//! The systems of the race: each a process of its own on a free loopback port, killed when dropped.

mod ecluse;
mod nginx;
mod rclone;

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::client::{Target, connector};
use crate::signer::Signer;
use testing::certificates::Certificates;
use testing::process::GatewayProcess;
use testing::tools;

pub use ecluse::{before_provider, on_folder, through_azure};

/// Longest time until a system answers.
const READY: Duration = Duration::from_secs(30);
/// Who asks rclone and the provider.
pub const CLIENT: &str = "bench";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    EcluseMd5,
    EcluseOpaque,
    /// As with MD5, through the Azure Blob front.
    EcluseAzure,
    Rclone,
    Nginx,
    /// The S3 server alone.
    Provider,
    /// Écluse before that server.
    EcluseBefore,
}

impl System {
    pub fn title(self) -> &'static str {
        match self {
            Self::EcluseMd5 => "Écluse, MD5",
            Self::EcluseOpaque => "Écluse, opaque",
            Self::EcluseAzure => "Écluse, Azure",
            Self::Rclone => "rclone crypt",
            Self::Nginx => "nginx, plain",
            Self::Provider => "provider alone",
            Self::EcluseBefore => "Écluse before it",
        }
    }

    /// Starts it, with TLS or without.
    pub fn start(self, tls: bool) -> Running {
        match self {
            Self::EcluseMd5 => on_folder("md5", tls),
            Self::EcluseOpaque => on_folder("opaque", tls),
            Self::EcluseAzure => through_azure(tls),
            Self::Rclone => rclone::start(tls),
            Self::Nginx => nginx::start(tls),
            Self::Provider | Self::EcluseBefore => unreachable!("not in the race"),
        }
    }
}

/// A system that answers.
pub struct Running {
    pub target: Arc<Target>,
    /// Its process, or the first of them.
    pub id: u32,
    hold: Box<dyn Hold>,
}

/// A process and its files: it is killed and they are removed with this.
pub trait Hold: Send {
    /// Ends the process and leaves the files.
    fn end(&mut self);
}

impl Hold for GatewayProcess {
    fn end(&mut self) {
        self.kill9();
    }
}

impl Hold for Started {
    fn end(&mut self) {
        terminate(&mut self.child);
    }
}

impl Running {
    fn new(target: Target, id: u32, hold: impl Hold + 'static) -> Self {
        Self { target: Arc::new(target), id, hold: Box::new(hold) }
    }

    /// Ends the process; its files stay as long as what this gives.
    pub fn end(mut self) -> Box<dyn Hold> {
        self.hold.end();
        self.hold
    }
}

/// A process of ours in a folder of its own.
struct Started {
    child: Child,
    home: TempDir,
}

impl Started {
    /// Runs `command`, which listens on `port`, with nothing of the machine's configuration.
    fn spawn(mut command: Command, home: TempDir, port: u16) -> Self {
        let log = std::fs::File::create(home.path().join("log")).unwrap();
        let also = log.try_clone().unwrap();
        command.stdin(Stdio::null()).stdout(log).stderr(also);
        let mut started = Self { child: command.spawn().unwrap(), home };
        let end = Instant::now() + READY;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = started.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < end, "{command:?} {ended:?}\n{}", started.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        started
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- end of the log\n{}", lines[lines.len().saturating_sub(20)..].join("\n"));
        }
        terminate(&mut self.child);
    }
}

/// SIGTERM, so that it ends its own children; SIGKILL after a while.
fn terminate(child: &mut Child) {
    use nix::sys::signal::{Signal, kill};
    kill(nix::unistd::Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).ok();
    let end = Instant::now() + Duration::from_secs(5);
    while child.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().ok();
    child.wait().ok();
}

fn target(port: u16, tls: bool, certificates: &Certificates, id: &str, secret: &str) -> Target {
    target_of(Signer::s3(id, secret), port, tls, certificates)
}

fn target_of(signer: Signer, port: u16, tls: bool, certificates: &Certificates) -> Target {
    Target {
        address: SocketAddr::from(([127, 0, 0, 1], port)),
        host: format!("localhost:{port}"),
        tls: tls.then(|| connector(&certificates.authority)),
        signer,
    }
}

/// A random text.
pub fn random_text() -> String {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes).unwrap();
    hex::encode(bytes)
}

fn tool(name: &str) -> std::path::PathBuf {
    let unpacked = tools::directory().join("nginx/usr/sbin").join(name);
    if unpacked.is_file() { unpacked } else { tools::tool(name) }
}
