//! The gateway as an administrator runs it: the real binary, a configuration file, a data directory, signals.

mod configuration;
mod copied;

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use configuration::configuration;
pub use copied::root_key_of;

use crate::certificates::{Certificates, write_secret};
use crate::provider::shape;

/// The client's id in every test.
pub const CLIENT_ID: &str = "pacs";
/// The client of another tenant, where there is one.
pub const STRANGER_ID: &str = "chus-pacs";
/// Longest time until the gateway is ready, in a debug build on a busy machine.
const READY: Duration = Duration::from_secs(60);
/// Longest time from SIGTERM to the end.
const DRAIN: Duration = Duration::from_secs(40);

/// Where chunks go.
pub enum Provider {
    /// A folder beside the data directory: see [`GatewayProcess::folder`].
    Folder,
    /// An S3 server.
    S3 {
        /// `http://127.0.0.1:PORT`.
        endpoint: String,
        /// An existing bucket.
        bucket: String,
        /// Access key id.
        access_key: String,
        /// Its secret.
        secret_key: String,
    },
    /// An Azure Blob account.
    Azure {
        /// `http://127.0.0.1:PORT/ACCOUNT`.
        endpoint: String,
        /// An existing container.
        container: String,
        /// The account's name.
        account: String,
        /// Its key, base64.
        key: String,
    },
}

/// How a gateway is to run.
pub struct Options {
    provider: Provider,
    write: Vec<String>,
    others: Vec<(&'static str, String)>,
    /// Further clients: id, tenant, secret.
    clients: Vec<(String, String, String)>,
    environment: Vec<(String, String)>,
    data: Option<PathBuf>,
    open_files: Option<u32>,
    plain: bool,
    azure: bool,
}

impl Options {
    /// Chunks go to `provider`.
    pub fn with(provider: Provider) -> Self {
        Self {
            provider,
            write: vec!["min_copies = 1".into(), "memory = \"256 MiB\"".into(), "late = \"0s\"".into()],
            others: Vec::new(),
            clients: Vec::new(),
            environment: Vec::new(),
            data: None,
            open_files: None,
            plain: false,
            azure: false,
        }
    }

    /// With the Azure front beside the S3 front: see [`GatewayProcess::azure_endpoint`].
    pub fn azure(mut self) -> Self {
        self.azure = true;
        self
    }

    /// The process begins with this soft limit of open files.
    pub fn open_files(mut self, soft: u32) -> Self {
        self.open_files = Some(soft);
        self
    }

    /// Memory for bodies, instead of 256 MiB.
    pub fn memory(mut self, size: &str) -> Self {
        self.write.retain(|line| !line.starts_with("memory"));
        self.write_setting(&format!("memory = \"{size}\""))
    }

    /// Chunks go to a folder.
    pub fn folder() -> Self {
        Self::with(Provider::Folder)
    }

    /// Adds a line to `[write]`.
    pub fn write_setting(mut self, line: &str) -> Self {
        self.write.push(line.into());
        self
    }

    /// Adds a line to another section: `s3`, `azure`, `tls`, `keys`, `limits` or `provider` (S3 or Azure). `HOME` in it is the test's own directory.
    pub fn setting(mut self, section: &'static str, line: &str) -> Self {
        self.others.push((section, line.into()));
        self
    }

    /// Runs the gateway with a variable in its environment.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The data directory is on another file system, which is there already.
    pub fn data(mut self, folder: &Path) -> Self {
        self.data = Some(folder.to_owned());
        self
    }

    /// A second client, [`STRANGER_ID`], of another tenant, with this secret.
    pub fn with_stranger(self, secret: &str) -> Self {
        self.client(STRANGER_ID, "chus", secret)
    }

    /// A further client with all rights in its tenant. [`CLIENT_ID`]'s tenant is `chum`.
    pub fn client(mut self, id: &str, tenant: &str, secret: &str) -> Self {
        self.clients.push((id.into(), tenant.into(), secret.into()));
        self
    }

    /// Without TLS.
    pub fn plain(mut self) -> Self {
        self.plain = true;
        self
    }
}

/// A running gateway. It is killed, and its files go, when dropped.
pub struct GatewayProcess {
    /// `https://127.0.0.1:PORT`, or `http://…` when plain.
    pub endpoint: String,
    /// The client's secret, in base64: it serves both fronts.
    pub secret: String,
    /// The certificate authority, PEM.
    pub authority: PathBuf,
    /// The test's own directory: data, provider's folder, log.
    pub home: PathBuf,
    admin_port: u16,
    azure_port: Option<u16>,
    awaited: &'static str,
    environment: Vec<(String, String)>,
    data: PathBuf,
    /// What runs the program: nothing, or a tracer with its arguments.
    under: Vec<String>,
    open_files: Option<u32>,
    arguments: Vec<String>,
    child: Option<Child>,
    folder_lies: bool,
    _files: TempDir,
}

impl GatewayProcess {
    /// Starts the binary with a fresh data directory and waits until it is ready.
    ///
    /// # Panics
    /// When it is not ready in a minute, with its log.
    pub fn start(options: Options) -> Self {
        let files = tempfile::tempdir().expect("a directory");
        let home = files.path().to_owned();
        let certificates = Certificates::make(&home.join("tls"));
        let random: [u8; 30] = random();
        let secret = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, random);
        let (s3_port, admin_port) = (free_port(), free_port());
        let azure_port = options.azure.then(free_port);
        let data = options.data.clone().unwrap_or_else(|| home.join("data"));
        fs::create_dir_all(&data).expect("a data directory");
        fs::create_dir_all(home.join("sealed")).expect("the provider's folder");
        write_secret(&home.join("secrets/pacs"), secret.as_bytes());
        let text = configuration(&home, &data, [Some(s3_port), azure_port, Some(admin_port)], &options, &certificates);
        fs::write(home.join("ecluse.toml"), text).expect("the configuration is written");

        let mut gateway = Self {
            endpoint: format!("{}://127.0.0.1:{s3_port}", if options.plain { "http" } else { "https" }),
            secret,
            authority: certificates.authority,
            home,
            admin_port,
            azure_port,
            awaited: "/readyz",
            environment: options.environment,
            data,
            under: Vec::new(),
            open_files: options.open_files,
            arguments: vec!["serve".into()],
            child: None,
            folder_lies: false,
            _files: files,
        };
        gateway.keys_init();
        gateway.spawn();
        gateway
    }

    /// `https://127.0.0.1:PORT/pacs`: the Azure front, with the client as its account.
    ///
    /// # Panics
    /// When it was not asked for: see [`Options::azure`].
    pub fn azure_endpoint(&self) -> String {
        let port = self.azure_port.expect("a gateway with the Azure front");
        let scheme = self.endpoint.split(':').next().unwrap_or_default();
        format!("{scheme}://127.0.0.1:{port}/{CLIENT_ID}")
    }

    /// The data directory: catalog and root key.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// From the next start on, another program runs the gateway: `strace` and its arguments. Nothing: as before.
    pub fn run_under(&mut self, program: &[&str]) {
        self.under = program.iter().map(|&word| word.to_owned()).collect();
    }

    /// From the next start on, started is when it lives: its provider may be away.
    pub fn starts_without_its_provider(&mut self) {
        self.awaited = "/healthz";
    }

    /// The folder that is the provider ([`Provider::Folder`]).
    pub fn folder(&self) -> PathBuf {
        self.home.join("sealed")
    }

    /// Everything that the gateway wrote to its output and log so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.home.join("gateway.log")).unwrap_or_default()).into_owned()
    }

    /// The root key's file, as it is.
    pub fn root_key_file(&self) -> Vec<u8> {
        fs::read(self.data.join("root.key")).expect("the root key's file")
    }

    /// The sum of a metric's samples over all labels; 0 when it has none yet.
    pub fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.admin("/metrics").expect("the admin listener answers");
        text.lines()
            .filter_map(|line| line.strip_prefix(name))
            .filter(|rest| rest.starts_with('{') || rest.starts_with(' '))
            .filter_map(|rest| rest.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()))
            .sum()
    }

    /// Whether it says that it is ready.
    pub fn is_ready(&self) -> bool {
        self.admin("/readyz").is_some_and(|(status, _)| status == 200)
    }

    /// Whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().expect("its state").is_none())
    }

    /// SIGTERM, and the wait for its end.
    ///
    /// # Panics
    /// When it does not end in time, or not with code 0.
    pub fn terminate(&mut self) {
        self.signal(Signal::SIGTERM);
        self.wait_for_its_end();
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.id().cast_signed()), signal).expect("a signal");
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("a running gateway").id()
    }

    /// A figure of `/proc/PID/status` in bytes: `VmHWM` is the most memory so far, `VmRSS` what it has now.
    ///
    /// # Panics
    /// When the system does not tell.
    pub fn memory(&self, figure: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("the process's status");
        let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.expect("a figure") * 1024
    }

    /// Waits until it has ended, after a signal.
    ///
    /// # Panics
    /// When it does not end in time, or not with code 0.
    pub fn wait_for_its_end(&mut self) {
        let child = self.child.as_mut().expect("a running gateway");
        let end = Instant::now() + DRAIN;
        let status = loop {
            if let Some(status) = child.try_wait().expect("its state") {
                break status;
            }
            assert!(Instant::now() < end, "no end {DRAIN:?} after the signal\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        };
        self.child = None;
        assert!(status.success(), "{status} after the signal\n{}", self.log());
    }

    /// The test itself changes what lies in the folder: it holds more than chunks at the end.
    pub fn folder_lies(&mut self) {
        self.folder_lies = true;
    }

    fn assert_log_without_secrets(&self) {
        let log = self.log();
        let root = fs::read_to_string(self.home.join("data/root.key")).unwrap_or_default();
        let words = root.split_whitespace().filter(|word| word.len() >= 40);
        let signatures = ["AWS4-HMAC-SHA256 Credential", "X-Amz-Signature=", "SharedKey pacs:", "&sig="];
        for secret in words.chain([self.secret.as_str()]).chain(signatures) {
            assert!(!log.contains(secret), "a secret in the gateway's log");
        }
    }

    /// Waits until it has ended, however.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.take().expect("a running gateway").wait().expect("its end")
    }

    /// `kill -9`.
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("SIGKILL");
            child.wait().expect("its end");
        }
    }

    /// Starts it again, on the same data and ports, and waits until it is ready.
    pub fn restart(&mut self) {
        assert!(self.child.is_none(), "still running");
        self.spawn();
    }

    /// Starts it again; `false` when it ended before it was ready.
    pub fn restarts(&mut self) -> bool {
        assert!(self.child.is_none(), "still running");
        match self.try_spawn() {
            Ok(child) => {
                self.child = Some(child);
                true
            }
            Err(Some(_ended)) => false,
            Err(None) => panic!("the gateway is not ready\n{}", self.log()),
        }
    }

    /// Whether it was started and its end was not waited for.
    pub fn is_started(&self) -> bool {
        self.child.is_some()
    }

    /// Waits until it has ended by itself, and says how.
    ///
    /// # Panics
    /// When it does not end in a minute.
    pub fn end(&mut self) -> ExitStatus {
        let end = Instant::now() + READY;
        while self.is_running() {
            assert!(Instant::now() < end, "it does not end\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        self.child.take().expect("a gateway").wait().expect("its end")
    }

    /// Starts it again, sending `signal` over and over from the moment that `line` is in its log until it is ready.
    ///
    /// # Panics
    /// When it ends meanwhile.
    pub fn start_under_signals(&mut self, signal: Signal, line: &str) {
        let before = self.log().matches(line).count();
        self.child = Some(self.begin());
        let end = Instant::now() + READY;
        while !self.is_ready() {
            assert!(self.is_running() && Instant::now() < end, "ended or not ready\n{}", self.log());
            if self.log().matches(line).count() > before {
                self.signal(signal);
            }
        }
    }

    /// Runs another command on the same configuration and in the same environment, in a language: its exit code and what it printed.
    ///
    /// # Panics
    /// When it has not ended in a minute.
    pub fn run(&self, arguments: &[&str], language: &str) -> (i32, String) {
        self.run_on(&self.home.join("ecluse.toml"), arguments, language)
    }

    /// The same, on another configuration file.
    ///
    /// # Panics
    /// When it has not ended in a minute.
    pub fn run_on(&self, config: &Path, arguments: &[&str], language: &str) -> (i32, String) {
        let printed = tempfile::NamedTempFile::new().expect("a file");
        // One offset for both: neither writes over the other.
        let handle = || printed.as_file().try_clone().expect("a handle");
        let mut command = self.command(config, arguments, &[]);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.env("LANG", language).stdin(Stdio::null()).stdout(handle()).stderr(handle());
        let mut child = command.spawn().expect("ecluse");
        let end = Instant::now() + READY;
        let status = loop {
            if let Some(status) = child.try_wait().expect("its state") {
                break Some(status);
            }
            if Instant::now() > end {
                child.kill().ok();
                child.wait().ok();
                break None;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let text = fs::read_to_string(printed.path()).expect("what it printed");
        (status.unwrap_or_else(|| panic!("{arguments:?} does not end\n{text}")).code().unwrap_or(-1), text)
    }

    /// Changes the configuration file.
    pub fn edit(&self, change: impl FnOnce(String) -> String) {
        let path = self.home.join("ecluse.toml");
        let text = fs::read_to_string(&path).expect("the configuration");
        fs::write(path, change(text)).expect("the configuration is written");
    }

    fn keys_init(&self) {
        let (code, said) = self.run(&["keys", "init"], "C.UTF-8");
        assert_eq!(code, 0, "ecluse keys init\n{said}");
    }

    fn begin(&self) -> Child {
        let log = OpenOptions::new().create(true).append(true).open(self.home.join("gateway.log")).expect("a log");
        let also: File = log.try_clone().expect("a handle");
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let mut command = self.command(&self.home.join("ecluse.toml"), &arguments, &self.under);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log).stderr(also).spawn().expect("ecluse serve")
    }

    fn spawn(&mut self) {
        match self.try_spawn() {
            Ok(child) => self.child = Some(child),
            Err(ended) => panic!("the gateway is not ready: {ended:?}\n{}", self.log()),
        }
    }

    /// The error: how it ended before it was ready, or that it did not get ready in time.
    fn try_spawn(&self) -> Result<Child, Option<ExitStatus>> {
        let mut child = self.begin();
        let end = Instant::now() + READY;
        while self.admin(self.awaited).is_none_or(|(status, _)| status != 200) {
            let ended: Option<ExitStatus> = child.try_wait().expect("its state");
            let late = Instant::now() > end;
            if ended.is_some() || late {
                child.kill().ok();
                child.wait().ok();
                return Err(ended);
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        Ok(child)
    }

    fn command(&self, config: &Path, arguments: &[&str], under: &[String]) -> Command {
        // A limit on file sizes, which a test may set, is an error for the process and not its end.
        let mut command = Command::new("/bin/sh");
        let limit = self.open_files.map(|soft| format!("ulimit -Sn {soft}; ")).unwrap_or_default();
        let script = format!("trap '' XFSZ; {limit}exec \"$@\"");
        command.args(["-c", &script, "sh"]).args(under).arg(program());
        command.args(arguments).arg("--config").arg(config);
        // Nothing of the developer's environment changes what is tested: the defaults are.
        command.env_clear().env("HOME", &self.home).env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8");
        command
    }

    /// A plain `GET` on the admin listener: status and body.
    pub fn admin(&self, path: &str) -> Option<(u16, String)> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.admin_port)).ok()?;
        socket.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        write!(socket, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
    }
}

impl Drop for GatewayProcess {
    /// What every gateway of every test leaves is looked at: a folder holds sealed chunks only, the log no secret.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().take(40).collect();
            eprintln!("--- end of the gateway's log");
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
        self.kill9();
        if !std::thread::panicking() {
            self.assert_log_without_secrets();
            if !self.folder_lies && self.folder().is_dir() {
                assert_sealed(&self.folder());
            }
        }
    }
}

/// Most bytes of a folder that are looked at.
const LOOKED_AT: u64 = 128 << 20;

/// Asserts that a folder holds chunks, and what a kill left of some, and nothing else.
fn assert_sealed(folder: &Path) {
    let mut left = LOOKED_AT;
    for (name, path) in files_below(folder) {
        let name = name.display().to_string();
        let (chunk, staged) = name.split_once('#').map_or((name.as_str(), false), |(chunk, _)| (chunk, true));
        let apart = chunk.strip_prefix("staging/").filter(|chunk| staged && chunk.is_ascii());
        let named = apart.map_or(chunk.to_owned(), |chunk| {
            chunk.chars().take(2).chain(['/']).chain(chunk.chars().skip(2)).collect()
        });
        assert!(shape::is_chunk_name(&named), "{name} is in the provider's folder");
        let bytes = fs::read(&path).expect("a file of the provider");
        let fault = if staged { shape::begin_fault(&bytes) } else { shape::chunk_fault(&bytes) };
        assert_eq!(fault, None, "{name} in the provider's folder");
        left = left.saturating_sub(bytes.len() as u64);
        if left == 0 {
            return;
        }
    }
}

/// Every file below a folder, with its path relative to it, in order.
pub fn files_below(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(&next).expect("a readable folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                found.push((path.strip_prefix(folder).expect("below the folder").to_owned(), path));
            }
        }
    }
    found.sort();
    found
}

/// The program under test, as cargo built it for this run: beside the folder that test programs and benchmarks are in.
///
/// # Panics
/// When it is not there.
pub fn program() -> PathBuf {
    let own = std::env::current_exe().expect("the path of this program");
    let folder = own.ancestors().nth(2).expect("a target folder");
    let program = folder.join(format!("ecluse{}", std::env::consts::EXE_SUFFIX));
    assert!(program.is_file(), "there is no {program:?}: cargo builds it for `cargo test` and `cargo bench`");
    program
}

/// A port that nobody listens on now. Below the range that the system gives to outgoing connections (32,768 and up on
/// Linux), so that it is still free when a killed gateway comes back to it.
pub fn free_port() -> u16 {
    for _ in 0..1_000 {
        let port = 15_000 + u16::from_le_bytes(random()) % 17_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port");
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("randomness");
    bytes
}
