//! Provider trouble: a provider of which every tenth call fails in some way is not noticed by any client; one that is gone
//! is refused fast, and comes back by itself. In S3's words and in Azure Blob's (`testing/src/provider/hostile.rs`), and noticed by
//! clients of neither front.
//!
//! `ECLUSE_TROUBLE_STEPS` changes how much each client does (40), `ECLUSE_TROUBLE_SEED` repeats the choices of a run.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::TryStreamExt;
use object_store::aws::AmazonS3;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use testing::client;
use testing::noise::{Noise, content, number, seed};
use testing::process::{GatewayProcess, Options};
use testing::provider::hostile::{Act, Asked, BOTH, Hostile, Protocol, Reply, Then};

const BUCKET: &str = "trouble";
const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const CLIENTS: u64 = 6;
const KEYS: u64 = 5;
/// Of a hundred calls, so many fail.
const SHARE: u64 = 10;

fn options(hostile: &Hostile) -> Options {
    hostile.options().azure().setting("provider", "timeout = \"2s\"").write_setting("grace = \"1s\"")
}

/// The ways to fail, and how often each was taken.
#[derive(Default)]
struct Failures([AtomicUsize; 8]);

impl Failures {
    fn pick(&self, noise: &Mutex<Noise>, asked: &Asked) -> Act {
        let mut noise = noise.lock().unwrap();
        // Questions whether it is there at all are not what this is about.
        if asked.chunk.starts_with("00/00000000") || noise.below(100) >= SHARE {
            return Act::Honest;
        }
        let way = noise.below(8) as usize;
        self.0[way].fetch_add(1, Ordering::Relaxed);
        match way {
            0 => Act::Answer(Reply::status(500)),
            1 => Act::Answer(Reply::status(503)),
            2 => Act::Answer(Reply::status(503).with("retry-after", 1)),
            3 => Act::Answer(Reply::status(429).with("retry-after", 1)),
            4 => Act::Hang,
            5 => {
                let share = noise.below(100) as usize;
                Act::changed(move |reply| {
                    let after = reply.body.len() * share / 100;
                    reply.cut(after, Then::Break)
                })
            }
            6 => Act::Break,
            _ => Act::Lose,
        }
    }
}

/// One client: every answer is a success, and every byte right.
async fn work(store: impl ObjectStore + MultipartStore, client: u64, steps: usize, mut noise: Noise) {
    let mut ledger: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for step in 0..steps {
        let key = format!("client{client}/object{}", noise.below(KEYS));
        let path = Path::from(key.as_str());
        let what = format!("client {client}, step {step}, {key}");
        match noise.below(10) {
            0..=3 => {
                let size = if noise.below(12) == 0 { 9 * MIB } else { noise.below(300 * KIB as u64) as usize };
                let bytes = content(noise.next(), size);
                let put = store.put(&path, PutPayload::from(bytes.clone())).await;
                put.unwrap_or_else(|error| panic!("{what}: put: {error}"));
                ledger.insert(key, bytes);
            }
            4 => {
                let id = store.create_multipart(&path).await.unwrap_or_else(|error| panic!("{what}: {error}"));
                let parts = [content(noise.next(), 5 * MIB), content(noise.next(), 70 * KIB)];
                let mut stored = Vec::new();
                for (number, part) in parts.iter().enumerate() {
                    let put = store.put_part(&path, &id, number, part.clone().into()).await;
                    stored.push(put.unwrap_or_else(|error| panic!("{what}: part {number}: {error}")));
                }
                if noise.below(3) == 0 {
                    store.abort_multipart(&path, &id).await.unwrap_or_else(|error| panic!("{what}: abort: {error}"));
                } else {
                    let done = store.complete_multipart(&path, &id, stored).await;
                    done.unwrap_or_else(|error| panic!("{what}: complete: {error}"));
                    ledger.insert(key, parts.concat());
                }
            }
            5 => {
                if ledger.remove(&key).is_some() {
                    store.delete(&path).await.unwrap_or_else(|error| panic!("{what}: delete: {error}"));
                }
            }
            6 => {
                let prefix = Path::from(format!("client{client}"));
                let listed: Vec<_> = store.list(Some(&prefix)).try_collect().await.expect("a list");
                let listed: Vec<_> = listed.iter().map(|meta| (meta.location.to_string(), meta.size)).collect();
                let expected: Vec<_> = ledger.iter().map(|(key, bytes)| (key.clone(), bytes.len() as u64)).collect();
                assert_eq!(listed, expected, "{what}");
            }
            way => {
                let Some(bytes) = ledger.get(&key) else { continue };
                let size = bytes.len() as u64;
                if way == 7 && size > 0 {
                    let first = noise.below(size);
                    let end = first + 1 + noise.below(size - first);
                    let got = store.get_range(&path, first..end).await;
                    let got = got.unwrap_or_else(|error| panic!("{what}: {first}..{end} of {size}: {error}"));
                    assert!(got == bytes[first as usize..end as usize], "{what}: wrong bytes in a range");
                } else {
                    let got = store.get(&path).await.unwrap_or_else(|error| panic!("{what}: get: {error}"));
                    let got = got.bytes().await.unwrap_or_else(|error| panic!("{what}: {size} bytes: {error}"));
                    assert!(got == bytes[..], "{what}: wrong bytes");
                }
            }
        }
    }
    for (key, bytes) in ledger {
        let path = Path::from(key.as_str());
        let got = store.get(&path).await.unwrap_or_else(|error| panic!("{key}: at last: {error}"));
        assert!(got.bytes().await.expect("its bytes") == bytes[..], "{key}: wrong bytes at last");
        store.delete(&path).await.unwrap_or_else(|error| panic!("{key}: delete: {error}"));
    }
}

async fn every_tenth_call_fails(protocol: Protocol) {
    let steps = number("ECLUSE_TROUBLE_STEPS", 40);
    let seed = seed("ECLUSE_TROUBLE_SEED");
    println!("{protocol:?}: ECLUSE_TROUBLE_SEED={seed}");
    let hostile = Hostile::start(protocol);
    let gateway = GatewayProcess::start(options(&hostile));
    client::create_bucket(&gateway, BUCKET).await;
    let failures = std::sync::Arc::new(Failures::default());
    let (noise, picked) = (Mutex::new(Noise::new(seed)), std::sync::Arc::clone(&failures));
    hostile.rule(move |asked| picked.pick(&noise, asked));

    let mut clients = tokio::task::JoinSet::new();
    for number in 0..CLIENTS {
        let noise = Noise::new(seed ^ (number + 1) << 32);
        // Every second through the Azure front, in the same bucket: its multipart uploads are blocks and lists of them.
        if number % 2 == 0 {
            clients.spawn(work(client::store(&gateway, BUCKET), number, steps, noise));
        } else {
            let store = client::azure_builder(&gateway, BUCKET).with_retry(client::once());
            clients.spawn(work(store.build().expect("a client"), number, steps, noise));
        }
    }
    while let Some(done) = clients.join_next().await {
        done.expect("a client that saw no error");
    }
    // A way that was never taken shows nothing.
    let taken: Vec<usize> = failures.0.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    println!("{protocol:?}: {} calls, failures {taken:?}", hostile.calls().len());
    assert!(taken.iter().filter(|count| **count > 0).count() >= 6, "{taken:?}");
    assert!(gateway.metric("ecluse_provider_retries_total") > 0.0);
    assert_eq!(gateway.metric("ecluse_integrity_incidents_total"), 0.0, "trouble is no incident");
    // There is no aborting of blocks: those that nobody committed go with their container.
    testing::azure::asking::AzureAsker::new(&gateway).drop_container(BUCKET).await;
    until("the queue is empty, and nothing is left at the provider", || hostile.stored().is_empty()).await;
}

/// rclone and cloud37 on Backblaze (3 % of writes): a 503 of the provider becomes the client's error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_provider_that_fails_every_tenth_call_no_client_sees_an_error() {
    let [s3, azure] = BOTH;
    futures::join!(every_tenth_call_fails(s3), every_tenth_call_fails(azure));
}

async fn until(what: &str, so: impl Fn() -> bool) {
    for _ in 0..900 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what}: never");
}

/// A PUT by hand: its status, and what it says of when to come back.
async fn put(gateway: &GatewayProcess, http: &reqwest::Client, key: &str) -> (u16, Option<u64>) {
    let url = client::presigned(gateway, BUCKET, http::Method::PUT, key).await;
    let answer = http.put(url).body("content").send().await.expect("an answer");
    let later = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    (answer.status().as_u16(), later)
}

async fn is_refused_and_the_catalog_served(gateway: &GatewayProcess, http: &reqwest::Client, store: &AmazonS3) {
    // Enough failures in a row open the breaker.
    until_open(gateway, http).await;
    // Its last answer counts for a moment.
    until("it is not ready, and says so", || !gateway.is_ready()).await;
    let (_, why) = gateway.admin("/readyz").expect("the admin listener");
    assert!(why.contains("abroad"), "which provider: {why}");
    let tried = || -> f64 {
        let put = |outcome| {
            format!("ecluse_provider_calls_total{{provider=\"abroad\",operation=\"put\",outcome=\"{outcome}\"}}")
        };
        ["unavailable", "deadline", "interrupted"].map(|outcome| gateway.metric(&put(outcome))).iter().sum()
    };
    let before = tried();
    for number in 0..20 {
        let (status, later) = put(gateway, http, &format!("refused{number}")).await;
        assert_eq!(status, 503);
        assert!(later.is_some_and(|seconds| seconds > 0), "with Retry-After");
    }
    assert!(tried() - before <= 5.0, "hardly any of them waited for the provider");
    assert_eq!(store.head(&"kept".into()).await.expect("HEAD needs no provider").size, 7);
    assert_eq!(store.list(None).try_collect::<Vec<_>>().await.expect("a list needs no provider").len(), 1);
}

async fn until_open(gateway: &GatewayProcess, http: &reqwest::Client) {
    for number in 0..20 {
        if gateway.metric("ecluse_provider_breaker_open") > 0.0 {
            return;
        }
        assert_eq!(put(gateway, http, &format!("first{number}")).await.0, 503);
    }
    panic!("the breaker never opened");
}

async fn is_served_again(gateway: &GatewayProcess, http: &reqwest::Client, store: &AmazonS3) {
    for _ in 0..600 {
        if put(gateway, http, "kept").await.0 == 200 {
            assert_eq!(store.get(&"kept".into()).await.expect("a get").bytes().await.expect("its bytes"), "content");
            until("it is ready", || gateway.is_ready()).await;
            assert_eq!(gateway.metric("ecluse_provider_breaker_open"), 0.0);
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it does not serve again");
}

async fn goes_and_comes_back(protocol: Protocol) {
    let mut hostile = Hostile::start(protocol);
    let mut gateway = GatewayProcess::start(options(&hostile));
    client::create_bucket(&gateway, BUCKET).await;
    let (http, store) = (client::http(&gateway.authority), client::store(&gateway, BUCKET));
    assert_eq!(put(&gateway, &http, "kept").await.0, 200);

    // Nobody listens.
    hostile.go();
    is_refused_and_the_catalog_served(&gateway, &http, &store).await;
    hostile.come_back();
    is_served_again(&gateway, &http, &store).await;

    // It listens, and never answers.
    hostile.rule(|_| Act::Hang);
    is_refused_and_the_catalog_served(&gateway, &http, &store).await;
    hostile.honest();
    is_served_again(&gateway, &http, &store).await;
    assert!(gateway.is_running(), "the same process all the time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_gone_is_refused_fast_and_is_back_without_a_restart() {
    let [s3, azure] = BOTH;
    futures::join!(goes_and_comes_back(s3), goes_and_comes_back(azure));
}
