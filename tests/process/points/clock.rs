//! The system's clock jumps, between requests and during them. `libfaketime` moves the wall clock of the process; the
//! monotonic clock goes on, as the kernel's does.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::leaving::{address, greeted};
use super::{
    Asker, AzureAsker, BUCKET, Books, CHUNK, CONTAINER, Clients, chunks_below, drains, ends_well, one_step, run_script,
    settle, started, until,
};
use testing::azure::workload::{Act, AzureStep};
use testing::noise::content;
use testing::process::{GatewayProcess, Options};
use testing::s3::sigv4::Signer;

/// A wall clock that a test sets.
struct Clock {
    folder: tempfile::TempDir,
}

impl Clock {
    fn new() -> Self {
        let clock = Self { folder: tempfile::tempdir().unwrap() };
        clock.set(0);
        clock
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    /// Days before or after the true time.
    fn set(&self, days: i64) {
        let next = self.folder.path().join("next");
        std::fs::write(&next, format!("{}{}d\n", if days < 0 { "" } else { "+" }, days)).unwrap();
        std::fs::rename(next, self.file()).unwrap();
    }

    /// A gateway that lives by it.
    fn options(&self, grace: &str) -> Options {
        Options::folder()
            .write_setting(&format!("grace = \"{grace}\""))
            .environment("LD_PRELOAD", &library())
            .environment("FAKETIME_TIMESTAMP_FILE", &self.file().display().to_string())
            .environment("FAKETIME_NO_CACHE", "1")
            .environment("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .environment("DONT_FAKE_MONOTONIC", "1")
    }
}

/// # Panics
/// When it is not installed.
fn library() -> String {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let paths = folders.iter().map(|folder| format!("{folder}/faketime/libfaketimeMT.so.1"));
    let mut found = paths.filter(|path| Path::new(path).exists());
    found.next().expect("libfaketime is not installed: scripts/install-test-tools")
}

fn shifted(gateway: &GatewayProcess, days: i64) -> Clients {
    let mut clients = Clients::of(gateway);
    clients.s3.signer = clients.s3.signer.shifted(time::Duration::days(days));
    clients.azure.account = clients.azure.account.shifted(time::Duration::days(days));
    clients
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jumps_of_the_clock_lose_nothing_and_only_clients_whose_clock_is_off_are_refused() {
    let clock = Clock::new();
    let mut gateway = started(clock.options("1s")).await;
    let mut books = Books::default();
    run_script(&Clients::of(&gateway), 0, &mut books).await.unwrap();
    for (turn, days) in [-1, 1, 3_650, -3_650, 0].into_iter().enumerate() {
        // In the middle of an upload, and of a body.
        let before = Asker::new(&gateway);
        let path = format!("/{BUCKET}/across");
        let now = if turn == 0 { before.clone() } else { shifted(&gateway, [-1, 1, 3_650, -3_650, 0][turn - 1]).s3 };
        let upload = now.begin(&path).await.unwrap().unwrap();
        let part = now.part(&path, &upload, "1", content(turn as u64, 40_000)).await.unwrap();
        clock.set(days);
        let clients = shifted(&gateway, days);
        let asker = &clients.s3;
        let tag = part.headers["etag"].to_str().unwrap().to_owned();
        let told = asker.complete(&path, &upload, &[("1", tag)]).await.unwrap();
        assert_eq!(told.status, 200, "{days} days: {}", told.text());
        let got = asker.get(&path).await.unwrap();
        assert_eq!(got.body, content(turn as u64, 40_000));
        let modified = got.headers["last-modified"].to_str().unwrap();
        let year = (time::OffsetDateTime::now_utc() + time::Duration::days(days)).year().to_string();
        assert!(modified.contains(&year), "{days} days: {modified}");
        assert_eq!(asker.delete(&path).await.unwrap().status, 204);

        run_script(&clients, turn as u64 + 1, &mut books).await.unwrap_or_else(|error| panic!("{days} days: {error}"));
        settle(&clients, &mut books).await;
        // Blocks that wait are dropped after a week: none waits when the clock jumps.
        let commit = AzureStep { act: Act::Put("azure/study".into(), (turn as u64 + 9_000, 4_000)), retains: false };
        one_step(commit, &clients.azure, CONTAINER, &mut books.azure).await.unwrap();
        // Chunks go, whatever the clock says.
        drains(&gateway, &gateway.folder(), &books, &format!("{days} days")).await;
        if days != 0 {
            let told = Asker::new(&gateway).get(&path).await.unwrap();
            assert_eq!(
                (told.status, told.field("Code").as_deref()),
                (403, Some("RequestTimeTooSkewed")),
                "{days} days"
            );
            let azure = AzureAsker::new(&gateway);
            let told = azure.send(azure.request("GET", &format!("/{CONTAINER}/azure/small"))).await.unwrap();
            let code = told.headers["x-ms-error-code"].to_str().unwrap();
            assert_eq!((told.status, code), (403, "AuthenticationFailed"), "{days} days");
        }
    }
    let folder = gateway.folder();
    ends_well(&mut gateway, &folder, &mut books, "after the clock jumped").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jump_of_the_clock_takes_no_chunk_from_a_read_that_has_begun_and_none_waits_for_years() {
    let clock = Clock::new();
    let mut gateway = started(clock.options("1h")).await;
    // More than the sockets and the chunks asked for ahead can hold.
    let bytes = content(1, 6 * CHUNK);
    let path = format!("/{BUCKET}/large");
    assert_eq!(Asker::new(&gateway).put(&path, bytes.clone()).await.unwrap().status, 200);
    let signer = Signer::new(testing::process::CLIENT_ID, &gateway.secret);
    let target = signer.presign("GET", &address(&gateway.endpoint).to_string(), &path, "3600", &[]);
    let mut reader = greeted(&gateway, TcpStream::connect(address(&gateway.endpoint)).unwrap());
    write!(reader, "GET {target} HTTP/1.1\r\nhost: {}\r\n\r\n", address(&gateway.endpoint)).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        reader.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
    assert_eq!(Asker::new(&gateway).delete(&path).await.unwrap().status, 204);
    for days in [3_650, -3_650, 1] {
        clock.set(days);
        // Several looks of the collector.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
    }
    assert_eq!(chunks_below(gateway.data(), &gateway.folder()), 6, "chunks went before their grace was over");
    let mut read = vec![0; bytes.len()];
    reader.read_exact(&mut read).expect("the read that had begun ends");
    assert!(read == bytes, "the bytes of a read that had begun");
    drop(reader);

    // Queued while the clock was ahead by ten years, and still there when it is right again: a new process, which has no
    // reads from before, does not wait for that.
    gateway.kill9();
    clock.set(3_650);
    gateway.restart();
    let ahead = shifted(&gateway, 3_650);
    assert_eq!(ahead.s3.put(&path, content(2, 50_000)).await.unwrap().status, 200);
    assert_eq!(ahead.s3.delete(&path).await.unwrap().status, 204);
    gateway.kill9();
    clock.set(0);
    gateway.edit(|text| text.replace("grace = \"1h\"", "grace = \"1s\""));
    gateway.restart();
    until("nothing waits", || {
        gateway.metric("ecluse_deletions_waiting") == 0.0 && chunks_below(gateway.data(), &gateway.folder()) == 0
    });
    let folder = gateway.folder();
    ends_well(&mut gateway, &folder, &mut Books::default(), "after the clock was right again").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_eight_days_ahead_ends_nothing_that_is_kept_until_an_operator_says_that_it_is_right() {
    let clock = Clock::new();
    let mut gateway = started(clock.options("1s").setting("azure", "soft_delete = \"7 days\"")).await;
    let clients = Clients::of(&gateway);
    let kept = format!("/{BUCKET}/kept");
    assert_eq!(clients.s3.put(&kept, content(1, 40_000)).await.unwrap().status, 200);
    assert_eq!(clients.s3.delete(&kept).await.unwrap().status, 204);
    let waits = format!("/{CONTAINER}/waits");
    let block = clients.azure.put(&waits, content(2, 5_000)).query("comp", "block").query("blockid", "MDAwMQ==");
    assert_eq!(clients.azure.send(block).await.unwrap().status, 201);
    clients.azure.create("dropped").await;
    let held = clients.azure.put("/dropped/blob", content(3, 5_000)).header("x-ms-blob-type", "BlockBlob");
    assert_eq!(clients.azure.send(held).await.unwrap().status, 201);
    clients.azure.drop_container("dropped").await;

    // While it runs, for more than one look at what is over; and at a start.
    for turn in ["running", "started"] {
        if turn == "started" {
            gateway.kill9();
            gateway.restart();
        }
        clock.set(8);
        tokio::time::sleep(Duration::from_secs(12)).await;
        let ahead = shifted(&gateway, 8);
        let undelete = ahead.azure.put(&kept, "").query("comp", "undelete");
        assert_eq!(ahead.azure.send(undelete).await.unwrap().status, 200, "{turn}");
        assert_eq!(ahead.s3.get(&kept).await.unwrap().body, content(1, 40_000), "{turn}");
        assert_eq!(ahead.s3.delete(&kept).await.unwrap().status, 204);
        let list = ahead.azure.request("GET", &waits).query("comp", "blocklist").query("blocklisttype", "all");
        let told = ahead.azure.send(list).await.unwrap();
        assert!(told.status == 200 && told.text().contains("MDAwMQ=="), "{turn}: {}", told.text());
        assert_eq!(chunks_below(gateway.data(), &gateway.folder()), 3, "{turn}");
    }
    assert!(gateway.metric("ecluse_clock_ahead_seconds") > 7.0 * 86_400.0);
    let (status, detail) = gateway.admin("/readyz").unwrap();
    assert!(status == 200 && detail.contains("\"clock_off_seconds\":69"), "{detail}");
    assert!(gateway.log().contains("the system's clock is far from the time that is known"));

    gateway.terminate();
    for (command, language, said) in
        [("check", "C.UTF-8", "nothing ends early"), ("clock", "fr_CA.UTF-8", "rien ne finit trop tôt")]
    {
        let (code, printed) = gateway.run(&[command], language);
        assert!(code == 0 && printed.contains(said), "{printed}");
    }
    let (code, printed) = gateway.run(&["clock", "--believe"], "C.UTF-8");
    assert!(code == 0 && printed.contains("is believed from the next start on"), "{printed}");
    gateway.restart();
    until("what was kept is gone, and nothing else was there", || {
        gateway.metric("ecluse_deletions_waiting") == 0.0 && chunks_below(gateway.data(), &gateway.folder()) == 0
    });
    assert_eq!(gateway.metric("ecluse_clock_ahead_seconds"), 0.0);
    clock.set(0);
    let folder = gateway.folder();
    ends_well(&mut gateway, &folder, &mut Books::default(), "after the clock was believed").await;
}
