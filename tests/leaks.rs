//! What a gateway leaves in its memory, and who may look: after the requests no plaintext and no key of a part, in the
//! sealed state no key at all, after a crash no core image. (What a provider sees: `tests/clients/blind.rs`; log and metrics:
//! `tests/silence/`.)

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ecluse::catalog::{Catalog, ObjectRef, Select, SqliteCatalog};
use ecluse::keys::{Custodian, FileCustodian, Keyring};
use ecluse::model::{BucketName, BucketRef, ObjectKey, TenantId, TenantKeyPurpose};
use futures::TryStreamExt;
use nix::sys::signal::Signal;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use testing::azure::asking::AzureAsker;
use testing::azure::shared_key::Request;
use testing::client;
use testing::memory_image::memory_image;
use testing::needles::Needles;
use testing::noise::content;
use testing::process::{GatewayProcess, Options};

const BUCKET: &str = "leaks";
const MIB: usize = 1 << 20;
/// Longest time for connections to end and for a state to be reached.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is written: name, content, and whether in parts.
fn contents() -> Vec<(&'static str, Vec<u8>, bool)> {
    vec![
        ("tiny", content(1, 40), false),
        ("small", content(2, 4_000), false),
        ("medium", content(3, 300_001), false),
        ("large", content(4, 9 * MIB + 17), false),
        ("parts", content(5, 12 * MIB), true),
    ]
}

/// The names of the same contents, written through the Azure front.
fn azure_name(name: &str) -> String {
    format!("azure-{name}")
}

/// Writes and reads along all paths, and what fails, too. The clients' connections are closed at the end.
async fn traffic(gateway: &GatewayProcess) -> Needles {
    let store = client::store(gateway, BUCKET);
    let mut needles = Needles::default();
    contents().iter().for_each(|(name, body, _)| needles.windows(name, body));
    through(&store, str::to_owned).await;
    // A body whose digest is not what was said, one that stops, and a download that nobody reads to its end.
    let refused = content(6, 500_000);
    needles.windows("refused", &refused);
    let url = client::presigned(gateway, BUCKET, http::Method::PUT, "refused").await;
    let http = client::http(&gateway.authority);
    let answer = http.put(url.clone()).header("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==").body(refused).send().await;
    assert_eq!(answer.unwrap().status(), 400);
    let stopped = content(7, 3 * MIB);
    needles.windows("stopped", &stopped);
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        vec![Ok(stopped), Err(std::io::Error::other("the client goes away"))];
    let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    assert!(http.put(url).header("content-length", 9 * MIB).body(body).send().await.is_err());
    let mut unread = store.get(&Path::from("large")).await.unwrap().into_stream();
    assert!(unread.try_next().await.unwrap().is_some());
    needles
}

/// Every content, whole and in part, through one front.
async fn through(store: &impl ObjectStore, named: fn(&str) -> String) {
    for (name, body, in_parts) in contents() {
        let name = named(name);
        let path = Path::from(name.as_str());
        if in_parts {
            let mut upload = store.put_multipart(&path).await.unwrap();
            for part in body.chunks(5 * MIB) {
                upload.put_part(PutPayload::from(part.to_vec())).await.unwrap();
            }
            upload.complete().await.unwrap();
        } else {
            store.put(&path, PutPayload::from(body.clone())).await.unwrap();
        }
        assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), body);
        let end = body.len() as u64;
        assert_eq!(store.get_range(&path, end / 2..end).await.unwrap(), body[body.len() / 2..]);
        store.copy(&path, &Path::from(format!("copy-of-{name}"))).await.unwrap();
    }
}

/// The same through the Azure front, and what only Azure has: appends, digests of ranges, structured bodies, copies that
/// read, blocks that wait, refusals.
async fn traffic_of_azure(gateway: &GatewayProcess) -> Needles {
    let mut needles = Needles::default();
    through(&client::azure_builder(gateway, BUCKET).build().unwrap(), azure_name).await;
    let asker = AzureAsker::new(gateway);
    let path = |name: &str| format!("/{BUCKET}/{name}");
    let send = async |request: Request, status: u16| {
        let told = asker.send(request).await.unwrap();
        assert_eq!(told.status, status, "{}", told.text());
        told.body
    };
    send(asker.put(&path("azure-grown"), "").header("x-ms-blob-type", "AppendBlob"), 201).await;
    let mut grown = Vec::new();
    for seed in 10..13 {
        let piece = content(seed, 200_000);
        needles.windows("appended", &piece);
        send(asker.put(&path("azure-grown"), piece.clone()).query("comp", "appendblock"), 201).await;
        grown.extend(piece);
    }
    let waits = content(13, 100_000);
    needles.windows("a block that waits", &waits);
    send(asker.put(&path("azure-waits"), waits).queries(&[("comp", "block"), ("blockid", "MDAwMQ==")]), 201).await;
    let get = || asker.request("GET", &path("azure-grown"));
    let digest = |name: &str| get().header("x-ms-range", "bytes=1000-400000").header(name, "true");
    for request in [digest("x-ms-range-get-content-md5"), digest("x-ms-range-get-content-crc64")] {
        assert_eq!(send(request, 206).await, grown[1_000..=400_000]);
    }
    send(get().header("x-ms-structured-body", "XSM/1.0; properties=crc64"), 200).await;
    // Its bytes are held against a digest, which takes reading them.
    let source = asker.address(&path("azure-grown"));
    let copy = asker.put(&path("azure-copy"), "").header("x-ms-copy-source", &source);
    let copy = copy.header("x-ms-source-content-md5", "AAAAAAAAAAAAAAAAAAAAAA==").header("x-ms-requires-sync", "true");
    send(copy, 400).await;
    let refused = content(14, 300_000);
    needles.windows("refused through Azure", &refused);
    let put = asker.put(&path("azure-refused"), refused).header("x-ms-blob-type", "BlockBlob");
    send(put.header("x-ms-content-crc64", "AAAAAAAAAAA="), 400).await;
    needles
}

/// Waits until the gateway has nothing to do and nobody is connected but whoever asks.
fn wait_until_quiet(gateway: &GatewayProcess) {
    until("quiet", || {
        let connections = gateway.admin("/metrics").unwrap().1;
        ["s3", "azure"].iter().all(|name| {
            // A listener that nobody has come to yet counts nothing.
            let line = format!("ecluse_connections{{listener=\"{name}\"}} ");
            connections.contains(&format!("{line}0")) || !connections.contains(&line)
        }) && gateway.metric("ecluse_memory_used_bytes") < 1.0
    });
    // Buffers of threads that sleep now were freed before they went to sleep; what is flushed late is the log.
    std::thread::sleep(Duration::from_millis(200));
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "not {what} in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn found(needles: &Needles, image: &[u8]) -> Vec<String> {
    assert!(needles.count() > 0);
    needles.search(image)
}

fn needle(what: &str, bytes: &[u8]) -> Needles {
    let mut needles = Needles::default();
    needles.secret(what, bytes);
    needles
}

fn root_key(gateway: &GatewayProcess) -> Needles {
    let mut needles = Needles::default();
    needles.root_key(&gateway.root_key_file());
    // The file, its text, and the key itself, each in several forms.
    assert!(needles.count() > 20);
    needles
}

/// What a stopped gateway's catalog and root key give together.
struct Opened {
    tenant_keys: Vec<Vec<u8>>,
    part_keys: Needles,
}

async fn open_everything(gateway: &GatewayProcess, names: &[&str]) -> Opened {
    let catalog = SqliteCatalog::open(&gateway.home.join("data/catalog.db")).unwrap();
    let custodian = Arc::new(FileCustodian::open(&gateway.home.join("data/root.key")).unwrap());
    let wrapped = catalog.tenant_keys().await.unwrap();
    let mut tenant_keys = Vec::new();
    for key in wrapped.iter().filter(|key| key.purpose == TenantKeyPurpose::Wrap) {
        // `docs/format.md` §6: lp("tenant key") ‖ lp(tenant) ‖ lp(purpose) ‖ u32be(version).
        let mut context = Vec::new();
        for field in ["tenant key", key.tenant.as_str(), key.purpose.as_str()] {
            context.extend_from_slice(&u16::try_from(field.len()).unwrap().to_be_bytes());
            context.extend_from_slice(field.as_bytes());
        }
        context.extend_from_slice(&key.version.to_be_bytes());
        tenant_keys.push(custodian.unwrap(&context, &key.bytes).await.unwrap().expose().to_vec());
    }
    let keyring = Keyring::new(custodian);
    keyring.unlock(&wrapped).await.unwrap();
    let tenant = TenantId::parse("chum").unwrap();
    let bucket = BucketRef { tenant: tenant.clone(), name: BucketName::parse(BUCKET).unwrap() };
    let mut part_keys = Needles::default();
    for name in names {
        let opened =
            catalog.open(&ObjectRef::current(&bucket, &ObjectKey::parse(name).unwrap()), Select::All).await.unwrap();
        for slice in opened.slices {
            let key = keyring.open_part_key(&tenant, slice.part.id, &slice.part.wrapped_key).unwrap();
            part_keys.secret(&format!("a part key of {name}"), key.expose());
        }
    }
    catalog.close().await;
    Opened { tenant_keys, part_keys }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_holds_no_plaintext_and_no_key_of_a_part_once_the_requests_are_over() {
    let mut gateway = GatewayProcess::start(Options::folder().azure());
    client::create_bucket(&gateway, BUCKET).await;
    let plaintext = traffic(&gateway).await;
    let through_azure = traffic_of_azure(&gateway).await;
    wait_until_quiet(&gateway);
    let image = memory_image(gateway.id());
    // What it needs for the next request is there: the search can find.
    assert!(!found(&needle("client secret", gateway.secret.as_bytes()), &image).is_empty(), "an image of nothing");
    let root = root_key(&gateway);
    gateway.terminate();
    let names: Vec<&str> = contents().into_iter().map(|(name, ..)| name).collect();
    let opened = open_everything(&gateway, &names).await;
    assert_eq!(opened.tenant_keys.len(), 1);
    assert!(!found(&needle("tenant key", &opened.tenant_keys[0]), &image).is_empty(), "the tenant key is in use");

    assert_eq!(found(&plaintext, &image), Vec::<String>::new(), "plaintext");
    assert_eq!(found(&through_azure, &image), Vec::<String>::new(), "plaintext of the Azure front");
    assert!(opened.part_keys.count() > names.len());
    assert_eq!(found(&opened.part_keys, &image), Vec::<String>::new(), "part keys");
    assert_eq!(found(&root, &image), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sealed_gateway_holds_no_key_in_its_memory() {
    let mut gateway = GatewayProcess::start(Options::folder().azure().setting("keys", "ttl = \"1s\""));
    client::create_bucket(&gateway, BUCKET).await;
    traffic(&gateway).await;
    traffic_of_azure(&gateway).await;
    let (key, away) = (gateway.home.join("data/root.key"), gateway.home.join("root.key.away"));
    let root = root_key(&gateway);
    fs::rename(&key, &away).unwrap();
    until("sealed", || gateway.metric("ecluse_sealed") > 0.5);
    wait_until_quiet(&gateway);
    let image = memory_image(gateway.id());
    fs::rename(&away, &key).unwrap();
    gateway.terminate();
    let opened = open_everything(&gateway, &["medium", "parts", "azure-parts", "azure-grown"]).await;
    assert!(!found(&needle("client secret", gateway.secret.as_bytes()), &image).is_empty(), "an image of nothing");
    for tenant_key in &opened.tenant_keys {
        assert_eq!(found(&needle("tenant key", tenant_key), &image), Vec::<String>::new());
    }
    assert_eq!(found(&opened.part_keys, &image), Vec::<String>::new(), "part keys");
    assert_eq!(found(&root, &image), Vec::<String>::new());
}

#[test]
fn a_crash_leaves_no_core_image() {
    let mut gateway = GatewayProcess::start(Options::folder());
    let limits = fs::read_to_string(format!("/proc/{}/limits", gateway.id())).unwrap();
    let core: Vec<&str> = limits.lines().filter(|line| line.starts_with("Max core file size")).collect();
    let words: Vec<&str> = core[0].split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{core:?}");
    gateway.signal(Signal::SIGABRT);
    let status = gateway.wait();
    assert_eq!(status.signal(), Some(Signal::SIGABRT as i32));
    assert!(!status.core_dumped());
}
