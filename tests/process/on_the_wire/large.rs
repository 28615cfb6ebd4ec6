//! A corrupted last segment of a large object: what came before it is right, and the end is never clean.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::StreamExt;
use object_store::ObjectStoreExt;

use super::world::*;
use testing::client;
use testing::noise::{content, number};
use testing::process::{CLIENT_ID, GatewayProcess};
use testing::provider::hostile::Protocol;
use testing::tools;

const KEY: &str = "large";

/// The object's bytes: noise of one MiB over and over, each time with its number in its first eight bytes.
struct Pattern {
    block: Bytes,
    blocks: usize,
}

impl Pattern {
    fn new(mib: usize) -> Self {
        Self { block: content(1, MIB).into(), blocks: mib }
    }

    fn length(&self) -> usize {
        self.blocks * MIB
    }

    fn number(number: usize) -> Bytes {
        Bytes::copy_from_slice(&(number as u64).to_be_bytes())
    }

    fn stream(&self) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static {
        let (block, blocks) = (self.block.clone(), self.blocks);
        futures::stream::iter((0..blocks).flat_map(move |number| [Self::number(number), block.slice(8..)]).map(Ok))
    }

    /// Whether `piece` is what lies at `at`.
    fn is_at(&self, mut at: usize, mut piece: &[u8]) -> bool {
        while !piece.is_empty() {
            let within = at % MIB;
            let number = Self::number(at / MIB);
            let right = if within < 8 { &number[within..] } else { &self.block[within..] };
            let length = right.len().min(piece.len());
            if at >= self.length() || piece[..length] != right[..length] {
                return false;
            }
            (at, piece) = (at + length, &piece[length..]);
        }
        true
    }
}

/// Reads all of it, and holds every byte against what it must be: how many came, and how it ended.
async fn download(http: &reqwest::Client, url: url::Url, pattern: &Pattern) -> (usize, Option<String>) {
    let answer = http.get(url).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.content_length(), Some(pattern.length() as u64));
    let (mut pieces, mut came) = (answer.bytes_stream(), 0);
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => {
                assert!(pattern.is_at(came, &piece), "wrong bytes at {came}");
                came += piece.len();
            }
            Err(error) => return (came, Some(format!("{error:?}"))),
        }
    }
    (came, None)
}

/// Runs `hostile_reads.py`, and gives how each of its reads ended.
async fn reads_of_real_clients(gateway: &GatewayProcess) -> BTreeMap<String, String> {
    let home = tempfile::tempdir().expect("a home");
    tools::tool("aws");
    let mut command = tools::command(tools::python(), home.path());
    command
        .arg(tools::script("hostile_reads.py"))
        .args([BUCKET, KEY])
        .env("ECLUSE_ENDPOINT", &gateway.endpoint)
        .env("ECLUSE_CA", &gateway.authority)
        .env("AWS_ACCESS_KEY_ID", CLIENT_ID)
        .env("AWS_SECRET_ACCESS_KEY", &gateway.secret)
        .env("ECLUSE_AZURE_ENDPOINT", gateway.azure_endpoint())
        .env("AZURE_STORAGE_ACCOUNT", CLIENT_ID)
        .env("AZURE_STORAGE_KEY", &gateway.secret)
        // One try: the lie stays the same.
        .env("AWS_MAX_ATTEMPTS", "1");
    let said = tokio::task::spawn_blocking(move || tools::succeed(command)).await.expect("the clients ran");
    serde_json::from_str(&said).expect("JSON of the reads")
}

/// AWS S3 Encryption Client, delayed authentication and ranged mode: corruption is noticed after what is corrupt was
/// delivered, or the end looks like any other. With HTTP/1.1, HTTP/2, `object_store`, boto3, aws-cli and Microsoft's client for Python.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_large_object_whose_last_segment_is_corrupt_the_rest_is_right_and_the_end_is_an_abort() {
    // Real clients read the smaller one: they take long to give up.
    let smaller = number("ECLUSE_HOSTILE_MIB", 96);
    for (protocol, mib) in [(Protocol::S3, 1024), (Protocol::Azure, smaller)] {
        let pattern = Pattern::new(mib);
        let world = World::start(protocol).await;
        let url = world.url(CLIENT_ID, BUCKET, KEY, http::Method::PUT).await;
        let body = reqwest::Body::wrap_stream(pattern.stream());
        let put = world.http().put(url).header("content-length", pattern.length()).body(body).send().await;
        assert_eq!(put.expect("an answer").status(), 200);
        world.hostile.forget_calls();
        let get = world.url(CLIENT_ID, BUCKET, KEY, http::Method::GET).await;
        let (came, end) = download(world.http(), get.clone(), &pattern).await;
        assert_eq!((came, end), (pattern.length(), None), "the truth, first");

        let (last, mut sealed) = last_chunk(&world, pattern.length()).await;
        *sealed.last_mut().expect("a byte") ^= 1;
        world.hostile.replace(&last, sealed);
        let http1 = client::http1(&world.gateway.authority);
        for (http, cut) in [(world.http(), &["Reset("][..]), (&http1, &["ConnectionReset", "IncompleteMessage"])] {
            let incidents = world.incidents();
            let (came, end) = download(http, get.clone(), &pattern).await;
            let end = end.expect("never a clean end");
            assert!(cut.iter().any(|word| end.contains(word)), "{cut:?}: {end}");
            assert!(came <= pattern.length() - SEGMENT, "{cut:?}: {came}: bytes of the corrupt segment");
            // A reset may overtake what lies in the sockets' buffers.
            assert!(came + 16 * MIB >= pattern.length(), "{cut:?}: {came}: much less than was right");
            assert_eq!(world.incidents() - incidents, 1, "{cut:?}");
        }
        let store = client::store(&world.gateway, BUCKET);
        let got = store.get(&KEY.into()).await.expect("its begin");
        let mut pieces = got.into_stream();
        let mut failed = false;
        while let Some(piece) = pieces.next().await {
            failed |= piece.is_err();
            if failed {
                break;
            }
        }
        assert!(failed, "object_store ends without an error");
        if protocol == Protocol::Azure {
            let ends = reads_of_real_clients(&world.gateway).await;
            assert!(ends.len() == 9 && ends.values().all(|end| end.starts_with("failed: ")), "{ends:#?}");
        }
    }
}

/// Which chunk holds the last byte, and what it is: the one that is asked for.
async fn last_chunk(world: &World, length: usize) -> (String, Vec<u8>) {
    let get = world.url(CLIENT_ID, BUCKET, KEY, http::Method::GET).await;
    world.hostile.forget_calls();
    let read = read_with(world.http(), get, Some((length - 1, length))).await;
    assert!(read.complete && read.got.len() == 1);
    let asked = world.hostile.calls().into_iter().rfind(|asked| asked.method == "GET").expect("a read").chunk;
    let sealed = world.hostile.chunk(&asked).to_vec();
    (asked, sealed)
}
