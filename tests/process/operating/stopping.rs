//! SIGTERM and SIGINT: what is under way ends well within the deadline, or is cut and leaves nothing behind.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nix::sys::signal::Signal;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{BUCKET, address, ask, until};
use testing::client;
use testing::notes;
use testing::process::{GatewayProcess, Options};

const MIB: usize = 1 << 20;

/// A PUT whose body the test feeds.
struct Slow {
    body: mpsc::Sender<Result<Bytes, std::io::Error>>,
    answer: JoinHandle<reqwest::Result<reqwest::Response>>,
}

impl Slow {
    async fn begin(gateway: &GatewayProcess, http: reqwest::Client, key: &str, length: usize) -> Self {
        let (body, pieces) = mpsc::channel(1);
        let url = client::presigned(gateway, BUCKET, http::Method::PUT, key).await;
        let pieces = futures::stream::unfold(pieces, |mut pieces| async { Some((pieces.recv().await?, pieces)) });
        let request = http.put(url).header("content-length", length).body(reqwest::Body::wrap_stream(pieces));
        Self { body, answer: tokio::spawn(request.send()) }
    }

    async fn feed(&self, bytes: usize) {
        for piece in vec![7_u8; bytes].chunks(64 * 1024) {
            self.body.send(Ok(Bytes::copy_from_slice(piece))).await.unwrap();
        }
    }
}

fn one(gateway: &GatewayProcess) -> reqwest::ClientBuilder {
    let authority = reqwest::Certificate::from_pem(&std::fs::read(&gateway.authority).unwrap()).unwrap();
    reqwest::Client::builder().tls_certs_only([authority])
}

/// Waits until the gateway holds more memory for bodies than before, and says how much.
fn taken(gateway: &GatewayProcess, before: f64) -> f64 {
    until("the request holds memory", || gateway.metric("ecluse_memory_used_bytes") > before);
    gateway.metric("ecluse_memory_used_bytes")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_ends_well_and_nothing_new_is_taken() {
    let mut gateway = GatewayProcess::start(Options::folder());
    client::create_bucket(&gateway, BUCKET).await;
    let first = Slow::begin(&gateway, one(&gateway).http1_only().build().unwrap(), "one", 3 * MIB).await;
    first.feed(MIB).await;
    let used = taken(&gateway, 0.0);
    let second = Slow::begin(&gateway, one(&gateway).build().unwrap(), "two", 3 * MIB).await;
    second.feed(MIB).await;
    taken(&gateway, used);

    gateway.signal(Signal::SIGTERM);
    until("new connections are refused", || TcpStream::connect(address(&gateway)).is_err());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(gateway.is_running(), "it did not wait\n{}", gateway.log());
    for slow in [first, second] {
        slow.feed(2 * MIB).await;
        drop(slow.body);
        let answer = slow.answer.await.unwrap().unwrap();
        assert_eq!(answer.status(), 200);
    }
    gateway.wait_for_its_end();

    gateway.restart();
    for key in ["one", "two"] {
        let read = ask(&gateway, http::Method::GET, key, "").await;
        assert_eq!((read.status, read.body.len()), (200, 3 * MIB), "{key}");
        assert!(read.body.bytes().all(|byte| byte == 7), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_slower_than_the_deadline_is_cut_and_leaves_nothing_behind() {
    let options = Options::folder().setting("limits", "drain_timeout = \"1s\"").write_setting("grace = \"1s\"");
    let mut gateway = GatewayProcess::start(options);
    client::create_bucket(&gateway, BUCKET).await;
    let slow = Slow::begin(&gateway, one(&gateway).build().unwrap(), "slow", 40 * MIB).await;
    slow.feed(18 * MIB).await;
    until("a chunk is at the provider", || !notes::chunks_below(gateway.data(), &gateway.folder()).is_empty());

    let told = Instant::now();
    gateway.signal(Signal::SIGTERM);
    gateway.wait_for_its_end();
    assert!(told.elapsed() < Duration::from_secs(20), "it took {:?}", told.elapsed());
    let answer = slow.answer.await.unwrap();
    assert!(!answer.is_ok_and(|answer| answer.status().is_success()), "a body that did not end was acknowledged");

    gateway.restart();
    assert_eq!(ask(&gateway, http::Method::GET, "slow", "").await.status, 404);
    until("nothing is left at the provider", || notes::chunks_below(gateway.data(), &gateway.folder()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_it_as_well() {
    let mut gateway = GatewayProcess::start(Options::folder());
    gateway.signal(Signal::SIGINT);
    gateway.wait_for_its_end();
    assert!(gateway.log().contains("ecluse has stopped"), "{}", gateway.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_cuts_what_the_first_one_waits_for() {
    let mut gateway = GatewayProcess::start(Options::folder().write_setting("grace = \"1s\""));
    client::create_bucket(&gateway, BUCKET).await;
    let slow = Slow::begin(&gateway, one(&gateway).build().unwrap(), "slow", 40 * MIB).await;
    slow.feed(18 * MIB).await;
    until("a chunk is at the provider", || !notes::chunks_below(gateway.data(), &gateway.folder()).is_empty());
    gateway.signal(Signal::SIGTERM);
    until("it drains", || gateway.log().contains("draining"));
    gateway.signal(Signal::SIGTERM);
    gateway.wait_for_its_end();
    assert!(gateway.log().contains("told to stop again"), "{}", gateway.log());
    let answer = slow.answer.await.unwrap();
    assert!(!answer.is_ok_and(|answer| answer.status().is_success()), "a body that did not end was acknowledged");

    gateway.restart();
    assert_eq!(ask(&gateway, http::Method::GET, "slow", "").await.status, 404);
    until("nothing is left at the provider", || notes::chunks_below(gateway.data(), &gateway.folder()).is_empty());
}
