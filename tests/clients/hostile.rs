//! The hostile provider (promise P2): it swaps, truncates, flips, replays, substitutes, extends and deletes, on full and
//! on ranged reads. No client ever gets a wrong byte in a complete success.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use object_store::{ObjectStoreExt, PutPayload};
use testing::client;
use testing::noise::content;
use testing::process::{CLIENT_ID, GatewayProcess, Options, files_below};
use testing::provider::place::{Place, Provision};
use testing::provider::recorder::{Recorder, Tamper};
use testing::tools;

const BUCKET: &str = "hostile";
const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// Bytes of a chunk's header and of a sealed segment (`docs/format.md`).
const HEADER: usize = 40;
const SEALED_SEGMENT: usize = (64 * KIB) + 16;
const INCIDENTS: &str = "ecluse_integrity_incidents_total";

/// How a read ended.
#[derive(Debug, PartialEq)]
enum End {
    /// An error, before or in the body.
    Failed(String),
    /// A success, and these bytes.
    Complete(Vec<u8>),
}

/// A reader of one bucket with hand-made requests.
struct Reader<'a> {
    gateway: &'a GatewayProcess,
    http: reqwest::Client,
}

impl<'a> Reader<'a> {
    fn new(gateway: &'a GatewayProcess) -> Self {
        Self { gateway, http: client::http(&gateway.authority) }
    }

    async fn put(&self, key: &str, body: &[u8]) {
        let payload = PutPayload::from(Bytes::copy_from_slice(body));
        client::store(self.gateway, BUCKET).put(&key.into(), payload).await.expect("a put");
    }

    /// One GET; `range` in bytes, end excluded.
    async fn get(&self, key: &str, range: Option<(usize, usize)>) -> End {
        let url = client::presigned(self.gateway, BUCKET, http::Method::GET, key).await;
        let mut request = self.http.get(url);
        if let Some((begin, end)) = range {
            request = request.header("range", format!("bytes={begin}-{}", end - 1));
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return End::Failed(format!("{error:?}")),
        };
        let status = answer.status();
        let body = answer.bytes().await;
        match body {
            Ok(body) if status.is_success() => End::Complete(body.to_vec()),
            Ok(body) => End::Failed(format!("{status} {}", String::from_utf8_lossy(&body))),
            Err(error) => End::Failed(format!("{status}, then {error:?}")),
        }
    }
}

/// The ranges that every damage is tried with, for an object of `size` bytes; `None`: the whole.
fn reads(size: usize) -> Vec<Option<(usize, usize)>> {
    let mut reads = vec![None, Some((0, 1)), Some((size - 1, size)), Some((size / 2, size / 2 + 10))];
    if size > 64 * KIB {
        reads.push(Some((64 * KIB - 1, 64 * KIB + 1)));
    }
    reads.push(Some((0, size)));
    reads
}

/// Reads in every way: the whole must fail, a range may be right where it does not touch the damage. Never wrong bytes.
async fn assert_never_wrong(reader: &Reader<'_>, key: &str, body: &[u8], damage: &str, whole_must_fail: bool) {
    for range in reads(body.len()) {
        let (begin, end) = range.unwrap_or((0, body.len()));
        match reader.get(key, range).await {
            End::Failed(_) => {}
            End::Complete(got) => {
                assert!(got == body[begin..end], "{damage}: wrong bytes as a success for {range:?}");
                let whole = end - begin == body.len();
                assert!(!(whole && whole_must_fail), "{damage}: the whole was served as if nothing had been done");
            }
        }
    }
}

/// Positions in a sealed chunk: one in each kind of field.
fn positions(chunk: usize) -> BTreeMap<&'static str, usize> {
    let mut positions = BTreeMap::from([
        ("the magic", 0),
        ("the format", 4),
        ("the suite", 5),
        ("the reserved bytes", 7),
        ("the commitment", 8),
        ("the commitment's end", HEADER - 1),
        ("the first segment", HEADER),
        ("the last byte", chunk - 1),
        ("the middle", chunk / 2),
        ("the last tag", chunk - 16),
    ]);
    if chunk > HEADER + SEALED_SEGMENT {
        positions.insert("the first tag", HEADER + SEALED_SEGMENT - 1);
        positions.insert("the second segment", HEADER + SEALED_SEGMENT);
    }
    positions
}

/// The files that a put adds to the provider's folder.
async fn put_and_find(reader: &Reader<'_>, key: &str, body: &[u8]) -> Vec<PathBuf> {
    let folder = reader.gateway.folder();
    let before = files_below(&folder);
    reader.put(key, body).await;
    files_below(&folder).into_iter().filter(|file| !before.contains(file)).map(|(_, path)| path).collect()
}

/// Writes over a file of the provider as somebody with its password would.
fn overwrite(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("the damage is done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_file_is_never_served() {
    let mut gateway = GatewayProcess::start(Options::folder());
    client::create_bucket(&gateway, BUCKET).await;
    let reader = Reader::new(&gateway);
    // Three segments. Without padding to a power, the last byte of the chunk is the last tag in any case.
    let body = content(1, 150_000);
    let [file] = &put_and_find(&reader, "victim", &body).await[..] else { panic!("one chunk expected") };
    let other_body = content(2, 150_000);
    let [other] = &put_and_find(&reader, "other", &other_body).await[..] else { panic!("one chunk expected") };
    let (sealed, other) = (fs::read(file).expect("the chunk"), fs::read(other).expect("the other chunk"));

    for (what, at) in positions(sealed.len()) {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        overwrite(file, &changed);
        assert_never_wrong(&reader, "victim", &body, &format!("a bit flipped in {what}"), true).await;
    }
    let cuts = [0, 1, HEADER - 1, HEADER, HEADER + 1, HEADER + SEALED_SEGMENT, sealed.len() / 2, sealed.len() - 16];
    for cut in cuts.into_iter().chain([sealed.len() - 1]) {
        overwrite(file, &sealed[..cut]);
        assert_never_wrong(&reader, "victim", &body, &format!("cut to {cut} bytes"), true).await;
    }
    let (first, second) = (HEADER..HEADER + SEALED_SEGMENT, HEADER + SEALED_SEGMENT..HEADER + 2 * SEALED_SEGMENT);
    let reordered = [&sealed[..HEADER], &sealed[second.clone()], &sealed[first], &sealed[second.end..]].concat();
    overwrite(file, &reordered);
    assert_never_wrong(&reader, "victim", &body, "two segments in the other order", true).await;
    overwrite(file, &[&sealed[..HEADER], &other[HEADER..]].concat());
    assert_never_wrong(&reader, "victim", &body, "another chunk under this header", true).await;
    overwrite(file, &other);
    assert_never_wrong(&reader, "victim", &body, "another object's chunk", true).await;
    overwrite(file, &body);
    assert_never_wrong(&reader, "victim", &body, "the plaintext itself", true).await;
    overwrite(file, &content(3, sealed.len()));
    assert_never_wrong(&reader, "victim", &body, "noise", true).await;
    // Bytes after the chunk's end may go unseen: the gateway asks for those that it needs.
    overwrite(file, &[&sealed[..], &sealed[HEADER..]].concat());
    assert_never_wrong(&reader, "victim", &body, "bytes added", false).await;
    fs::remove_file(file).expect("the file is removed");
    assert_never_wrong(&reader, "victim", &body, "deleted", true).await;

    assert!(gateway.metric(INCIDENTS) > 0.0, "no incident was counted");
    assert_eq!(reader.get("other", None).await, End::Complete(other_body), "other objects are served as before");
    overwrite(file, &sealed);
    assert_eq!(reader.get("victim", None).await, End::Complete(body), "the true chunk is served again");
    assert!(gateway.is_running() && gateway.is_ready());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_of_one_object_that_change_places_are_never_served() {
    let gateway = GatewayProcess::start(Options::folder());
    client::create_bucket(&gateway, BUCKET).await;
    let reader = Reader::new(&gateway);
    let body = content(4, 24 * MIB);
    let files = put_and_find(&reader, "large", &body).await;
    assert_eq!(files.len(), 3, "24 MiB are three chunks");
    let sealed: Vec<_> = files.iter().map(|file| fs::read(file).expect("a chunk")).collect();
    for (one, two) in [(0, 1), (1, 2), (0, 2)] {
        overwrite(&files[one], &sealed[two]);
        overwrite(&files[two], &sealed[one]);
        assert_never_wrong(&reader, "large", &body, &format!("chunks {one} and {two} swapped"), true).await;
        overwrite(&files[one], &sealed[one]);
        overwrite(&files[two], &sealed[two]);
    }
    // The same chunk twice.
    overwrite(&files[1], &sealed[0]);
    assert_never_wrong(&reader, "large", &body, "one chunk in two places", true).await;
    overwrite(&files[1], &sealed[1]);
    assert_eq!(reader.get("large", None).await, End::Complete(body));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bytes_of_an_overwritten_version_do_not_come_back() {
    let gateway = GatewayProcess::start(Options::folder());
    client::create_bucket(&gateway, BUCKET).await;
    let reader = Reader::new(&gateway);
    let (old, new) = (content(5, 100_000), content(6, 100_000));
    let [before] = &put_and_find(&reader, "replayed", &old).await[..] else { panic!("one chunk expected") };
    let old_sealed = fs::read(before).expect("the old chunk");
    let [after] = &put_and_find(&reader, "replayed", &new).await[..] else { panic!("one chunk expected") };
    overwrite(after, &old_sealed);
    assert_never_wrong(&reader, "replayed", &new, "the old version's chunk in the new one's place", true).await;
    assert!(gateway.metric(INCIDENTS) > 0.0, "no incident was counted");
}

/// From now on, answers about one path are this lie.
fn tell(recorder: &Recorder, path: &str, lie: Tamper) {
    let path = path.to_owned();
    recorder.tamper(move |asked| (asked == path).then(|| lie.clone()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_s3_server_that_lies_is_never_believed() {
    let provision = Provision::make(Place::S3).await;
    let recorder = Recorder::start(provision.endpoint());
    let mut gateway = GatewayProcess::start(provision.options_through(&recorder.endpoint));
    client::create_bucket(&gateway, BUCKET).await;
    let reader = Reader::new(&gateway);
    let (body, other_body) = (content(7, 150_000), content(8, 150_000));
    reader.put("victim", &body).await;
    reader.put("other", &other_body).await;
    reader.put("bystander", &other_body).await;
    let notes = testing::notes::names(gateway.data());
    let mut stored = recorder.stored();
    stored.retain(|(path, _)| !notes.iter().any(|note| path.ends_with(note.as_str())));
    let (victim, other) = (stored[0].0.clone(), stored[1].0.clone());
    let sealed = stored[0].1.clone();

    // False content: an incident each time, and everything else is served at once.
    let mut lies: Vec<(String, Tamper)> = Vec::new();
    for (what, at) in [("the begin", 0), ("the header", 20), ("a segment", 40), ("the end", -1), ("the last tag", -10)]
    {
        lies.push((format!("a bit flipped in {what} of each answer"), Tamper::Flip(at)));
    }
    lies.push(("another object's chunk".into(), Tamper::Swap(other)));
    lies.push(("the plaintext".into(), Tamper::Substitute(body.clone().into())));
    lies.push(("noise".into(), Tamper::Substitute(content(9, sealed.len()).into())));
    for (what, lie) in lies {
        let incidents = gateway.metric(INCIDENTS);
        tell(&recorder, &victim, lie);
        assert_never_wrong(&reader, "victim", &body, &what, true).await;
        assert!(gateway.metric(INCIDENTS) > incidents, "{what}: no incident was counted");
        assert_eq!(reader.get("bystander", None).await, End::Complete(other_body.clone()), "{what}: another object");
    }

    // Answers that are not whole: whether the provider or the line is at fault, nobody can tell. The gateway may hold
    // off a provider that fails so often, but not for long.
    let mut faults: Vec<(String, Tamper)> = Vec::new();
    for cut in [0, HEADER, HEADER + SEALED_SEGMENT, sealed.len() - 1] {
        faults.push((format!("answers cut to {cut} bytes"), Tamper::Truncate(cut)));
        faults.push((format!("the line broken after {cut} bytes"), Tamper::Cut(cut)));
    }
    faults.push(("nothing".into(), Tamper::Substitute(Bytes::new())));
    faults.push(("not found".into(), Tamper::Status(404)));
    faults.push(("server errors".into(), Tamper::Status(500)));
    for (what, fault) in faults {
        let lies = recorder.lies();
        // A line that breaks behind whole segments is taken up where it broke: the truth may come through, piece by piece.
        let hopeless = !matches!(fault, Tamper::Cut(bytes) if bytes >= HEADER + SEALED_SEGMENT);
        tell(&recorder, &victim, fault);
        assert_never_wrong(&reader, "victim", &body, &what, hopeless).await;
        assert!(recorder.lies() > lies, "{what}: the gateway never asked");
        recorder.honest();
        assert_served_again(&reader, "victim", &body, &what).await;
    }

    tell(&recorder, &victim, Tamper::Extend(Bytes::from_static(&[7; 99])));
    assert_never_wrong(&reader, "victim", &body, "bytes added", false).await;
    tell(&recorder, &victim, Tamper::Hang(Duration::from_millis(700)));
    assert_eq!(reader.get("victim", None).await, End::Complete(body.clone()), "slow, but true");
    recorder.honest();
    assert_eq!(reader.get("victim", None).await, End::Complete(body), "the truth is served again");
    assert!(gateway.is_running() && gateway.is_ready());
}

/// An object is served, from its first byte on: at once, or when the breaker, which a provider that breaks off again and again opens, has
/// tried the provider again.
async fn assert_served_again(reader: &Reader<'_>, key: &str, expected: &[u8], what: &str) {
    let mut last = None;
    for _ in 0..120 {
        match reader.get(key, Some((0, expected.len()))).await {
            End::Complete(got) => {
                assert_eq!(got, expected, "{what}: {key} has other bytes");
                return;
            }
            other => last = Some(other),
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("{what}: {key} is not served: {last:?}");
}

/// Runs `hostile_reads.py`, and gives how each of its reads ended.
fn reads_of_real_clients(gateway: &GatewayProcess, key: &str) -> BTreeMap<String, String> {
    let home = tempfile::tempdir().expect("a home");
    tools::tool("aws");
    let mut command = tools::command(tools::python(), home.path());
    command
        .arg(tools::script("hostile_reads.py"))
        .args([BUCKET, key])
        .env("ECLUSE_ENDPOINT", &gateway.endpoint)
        .env("ECLUSE_CA", &gateway.authority)
        .env("AWS_ACCESS_KEY_ID", CLIENT_ID)
        .env("AWS_SECRET_ACCESS_KEY", &gateway.secret)
        .env("ECLUSE_AZURE_ENDPOINT", gateway.azure_endpoint())
        .env("AZURE_STORAGE_ACCOUNT", CLIENT_ID)
        .env("AZURE_STORAGE_KEY", &gateway.secret)
        // Fewer tries than the default five: the lie stays the same, and the test is shorter.
        .env("AWS_MAX_ATTEMPTS", "2");
    serde_json::from_str(&tools::succeed(command)).expect("JSON of the reads")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_in_mid_body_is_a_failure_for_real_clients() {
    let mut gateway = GatewayProcess::start(Options::folder().azure());
    client::create_bucket(&gateway, BUCKET).await;
    let reader = Reader::new(&gateway);
    let body = content(10, 20 * MIB);
    let files = put_and_find(&reader, "large", &body).await;
    assert_eq!(files.len(), 3, "20 MiB are three chunks");
    let right = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &body));

    // First the proof that these reads can succeed.
    let ends = reads_of_real_clients(&gateway, "large");
    assert!(ends.len() == 9 && ends.values().all(|end| *end == format!("complete: {right}")), "{ends:#?}");

    // The last chunk is the smallest: 4 MiB, with its padding. Its very last tag is damaged.
    let last = files.iter().min_by_key(|file| fs::metadata(file).expect("a chunk").len()).expect("a chunk");
    let mut sealed = fs::read(last).expect("the last chunk");
    *sealed.last_mut().expect("a byte") ^= 1;
    overwrite(last, &sealed);
    let incidents = gateway.metric(INCIDENTS);
    let ends = reads_of_real_clients(&gateway, "large");
    assert!(ends.len() == 9 && ends.values().all(|end| end.starts_with("failed: ")), "{ends:#?}");
    assert!(gateway.metric(INCIDENTS) > incidents, "no incident was counted");

    // The begin had already gone out: the transfer was broken off, not refused.
    match reader.get("large", None).await {
        End::Failed(how) => assert!(how.starts_with("200 OK, then"), "{how}"),
        End::Complete(_) => panic!("a complete success"),
    }
    assert!(gateway.is_running() && gateway.is_ready());
}

/// The test's own tool: without the gateway between, each lie reaches the reader, and honesty is honest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_recorder_lies_as_it_is_told() {
    for place in [Place::S3, Place::Azurite] {
        let provision = Provision::make(place).await;
        let recorder = Recorder::start(provision.endpoint());
        let store = provision.direct(&recorder.endpoint);
        let body = content(11, 100_000);
        for (name, body) in [("one", &body), ("two", &content(12, 100_000))] {
            store.put(&name.into(), PutPayload::from(body.clone())).await.expect("a put through the recorder");
        }
        let stored = recorder.stored();
        assert_eq!(stored.len(), 2, "{place:?}");
        assert_eq!(stored[0].1, body, "{place:?}: the body is kept as it was sent");
        let get = async || store.get_range(&"one".into(), 10..99_990).await;
        assert_eq!(get().await.expect("the truth"), body[10..99_990], "{place:?}");

        let mut flipped = body[10..99_990].to_vec();
        flipped[5] ^= 0x20;
        let two = stored[1].0.clone();
        let complete: [(Tamper, &[u8]); 4] = [
            (Tamper::Flip(5), &flipped),
            (Tamper::Swap(two), &content(12, 100_000)[10..99_990]),
            (Tamper::Substitute(vec![3; 100_000].into()), &[3; 99_980]),
            (Tamper::Hang(Duration::from_millis(10)), &body[10..99_990]),
        ];
        for (lie, wanted) in complete {
            recorder.tamper(move |_| Some(lie.clone()));
            assert!(get().await.expect("an answer") == wanted, "{place:?}");
        }
        for lie in [Tamper::Cut(50), Tamper::Cut(0), Tamper::Status(500), Tamper::Status(404)] {
            recorder.tamper(move |_| Some(lie.clone()));
            get().await.expect_err("an answer that fails");
        }
        recorder.tamper(|_| Some(Tamper::Truncate(7)));
        assert!(get().await.map_or(true, |bytes| bytes.len() == 7), "{place:?}");
        recorder.honest();
        assert_eq!(get().await.expect("the truth"), body[10..99_990], "{place:?}");
        assert!(recorder.forget().is_some_and(|fault| fault.contains("is not for a chunk")), "no gateway sent that");
    }
}
