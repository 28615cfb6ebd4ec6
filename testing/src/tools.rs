//! The clients that tests drive: where they are, and how they are run.
//!
//! A tool that is not there fails the test, with a word about `scripts/test`; nothing is skipped.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longest time that one client command may take.
const DEADLINE: Duration = Duration::from_secs(300);

/// The folder with the tools of this checkout. `scripts/install-test-tools` fills it, and says where it is.
///
/// # Panics
/// When the script does not run.
pub fn directory() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/install-test-tools");
    let told = Command::new(&script).arg("--where").output().unwrap_or_else(|error| panic!("{script:?}: {error}"));
    assert!(told.status.success(), "{script:?}: {}", String::from_utf8_lossy(&told.stderr));
    PathBuf::from(String::from_utf8(told.stdout).expect("a path").trim_end())
}

/// The path of a tool: from the Python environment, from npm, or from the system.
///
/// # Panics
/// When it is not installed.
pub fn tool(name: &str) -> PathBuf {
    let tools = directory();
    let system = std::env::var_os("PATH").unwrap_or_default();
    places(&tools)
        .into_iter()
        .chain(std::env::split_paths(&system))
        .map(|place| place.join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed: run scripts/test, or scripts/install-test-tools"))
}

/// Where programs are in the directory of tools.
fn places(tools: &Path) -> [PathBuf; 4] {
    ["venv/bin", "azcli/bin", "node_modules/.bin", "bin"].map(|place| tools.join(place))
}

/// The Python of the tools' environment, which knows boto3.
///
/// # Panics
/// When it is not installed.
pub fn python() -> PathBuf {
    let path = directory().join("venv/bin/python");
    assert!(path.is_file(), "no Python with boto3 in {path:?}: run scripts/test, or scripts/install-test-tools");
    path
}

/// A script of `tests/clients`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients").join(name)
}

/// A command with a clean environment: nothing of the machine's own configuration reaches the client.
pub fn command(program: impl AsRef<OsStr>, home: &Path) -> Command {
    let mut path = places(&directory()).to_vec();
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::join_paths(path).expect("a path list"))
        .env("HOME", home)
        .env("TMPDIR", home)
        .env("LANG", "C.UTF-8")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(home)
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end, and gives what it wrote.
///
/// # Panics
/// When it does not start, or does not end in five minutes.
pub fn run(mut command: Command) -> Output {
    let what = format!("{command:?}");
    // Into files, not pipes: a client that writes much must not block on us.
    let (stdout, stderr) = (tempfile::tempfile().expect("a file"), tempfile::tempfile().expect("a file"));
    command.stdout(stdout.try_clone().expect("a handle")).stderr(stderr.try_clone().expect("a handle"));
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{what} did not start: {error}; run scripts/test"));
    let end = Instant::now() + DEADLINE;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child's state") {
            break status;
        }
        if Instant::now() > end {
            child.kill().ok();
            child.wait().ok();
            panic!("{what} did not end in {DEADLINE:?}\n{}\n{}", read(stdout), read(stderr));
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    Output { status, stdout: read(stdout).into_bytes(), stderr: read(stderr).into_bytes() }
}

/// Runs a command that must succeed, and gives its standard output.
///
/// # Panics
/// When it fails, with everything it said.
pub fn succeed(command: Command) -> String {
    let what = format!("{command:?}");
    let output = run(command);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}\n{}\n--- output\n{stdout}\n--- errors\n{stderr}", output.status);
    stdout
}

fn read(mut file: std::fs::File) -> String {
    use std::io::{Read, Seek};
    let mut bytes = Vec::new();
    file.rewind().expect("a rewind");
    file.read_to_end(&mut bytes).expect("what the client wrote");
    String::from_utf8_lossy(&bytes).into_owned()
}
