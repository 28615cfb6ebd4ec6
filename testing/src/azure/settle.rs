//! What an Azure container holds, read back in every way and held against the ledgers of its writers.

use std::collections::BTreeMap;

use crate::azure::asking::AzureAsker;
use crate::azure::workload::{Blob, Name, Past, block_id, bytes, content_type, size};
use crate::told::Told;
use crate::workload::Ledger;

/// Headers in which HEAD and GET must agree.
const SHOWN: [&str; 8] = [
    "etag",
    "content-length",
    "last-modified",
    "content-type",
    "x-ms-meta-turn",
    "x-ms-blob-type",
    "x-ms-lease-state",
    "x-ms-tag-count",
];

/// A line of a list.
#[derive(Debug, Clone)]
struct Line {
    snapshot: Option<String>,
    deleted: bool,
    length: usize,
    etag: String,
    turn: Option<u64>,
}

/// A blob or a snapshot, as it was read.
struct Read {
    bytes: Vec<u8>,
    headers: http::HeaderMap,
    tag: Option<u64>,
}

/// A name, as it was read.
struct Seen {
    blob: Option<Read>,
    committed: Vec<(String, usize)>,
    waiting: Vec<(String, usize)>,
    /// Snapshots with their bytes, and what is deleted.
    past: Vec<(Line, Option<Read>)>,
}

/// Compares the ledgers with what the gateway serves (all that is acknowledged exactly, all else whole or absent; lists as
/// HEAD as GET), and settles what had no answer.
pub async fn settle(asker: &AzureAsker, container: &str, ledgers: &mut [Ledger<Name>]) {
    let mut listed = list(asker, container).await;
    for (key, entry) in ledgers.iter_mut().flatten() {
        let lines = listed.remove(key).unwrap_or_default();
        let seen = look(asker, &format!("/{container}/{key}"), lines).await;
        let (acknowledged, unanswered) = (entry.acknowledged.clone(), entry.unanswered.clone());
        entry.acknowledged = entry.allowed().find(|name| is(name, &seen)).unwrap_or_else(|| {
            panic!("{key}: acknowledged {acknowledged:?}\nunanswered {unanswered:?}\ngot {}", described(&seen))
        });
    }
    assert!(listed.is_empty(), "listed, never written: {listed:?}");
}

/// All lines of a container, by name.
async fn list(asker: &AzureAsker, container: &str) -> BTreeMap<String, Vec<Line>> {
    let include = "snapshots,metadata,uncommittedblobs,deleted";
    let request = asker.request("GET", &format!("/{container}"));
    let request = request.queries(&[("restype", "container"), ("comp", "list"), ("include", include)]);
    let told = asker.send(request).await.expect("a list");
    assert_eq!(told.status, 200, "{}", told.text());
    assert_eq!(told.field("NextMarker").unwrap_or_default(), "", "one page");
    let mut lines: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for text in told.text().split("<Blob>").skip(1) {
        let field = |name: &str| text.split_once(&format!("<{name}>")).and_then(|(_, rest)| rest.split('<').next());
        lines.entry(field("Name").expect("a name").to_owned()).or_default().push(Line {
            snapshot: field("Snapshot").map(str::to_owned),
            deleted: field("Deleted") == Some("true"),
            length: field("Content-Length").expect("a length").parse().expect("a number"),
            etag: field("Etag").unwrap_or_default().to_owned(),
            turn: field("turn").map(|turn| turn.parse().expect("a number")),
        });
    }
    lines
}

/// Reads a name in every way; lists, HEAD and GET must agree.
async fn look(asker: &AzureAsker, path: &str, lines: Vec<Line>) -> Seen {
    let (blocks, blob) = (lists(asker, path).await, read(asker, path, None).await);
    let (current, past): (Vec<Line>, Vec<Line>) =
        lines.into_iter().partition(|line| line.snapshot.is_none() && !line.deleted);
    assert!(current.len() <= 1, "{path}: listed twice");
    let [committed, waiting] = blocks;
    match (&blob, current.first()) {
        (None, None) => assert!(waiting.is_empty(), "{path}: blocks that wait are not listed"),
        (None, Some(line)) => assert!(line.length == 0 && !waiting.is_empty(), "{path}: listed, and not there"),
        (Some(read), line) => agree(path, read, line.expect("a blob is listed")),
    }
    let mut seen = Seen { blob, committed, waiting, past: Vec::new() };
    for line in past {
        let read = match &line.snapshot {
            Some(snapshot) => read(asker, path, Some(snapshot)).await,
            None => None,
        };
        assert_eq!(read.is_none(), line.deleted, "{path}: {line:?}");
        if let Some(read) = &read {
            agree(path, read, &line);
        }
        seen.past.push((line, read));
    }
    seen
}

fn agree(path: &str, read: &Read, line: &Line) {
    assert_eq!(read.bytes.len(), line.length, "{path}: LIST and GET");
    assert_eq!(text(read, "etag").trim_matches('"'), line.etag.trim_matches('"'), "{path}: LIST and GET");
    assert_eq!(text(read, "x-ms-meta-turn"), line.turn.map(|turn| turn.to_string()).unwrap_or_default(), "{path}");
}

fn text<'r>(read: &'r Read, name: &str) -> &'r str {
    read.headers.get(name).map_or("", |value| value.to_str().expect("text"))
}

async fn read(asker: &AzureAsker, path: &str, snapshot: Option<&str>) -> Option<Read> {
    let ask = async |method: &str, query: &[(&str, &str)]| -> Told {
        let request = asker.request(method, path).queries(query);
        let request = request.queries(&snapshot.map(|snapshot| ("snapshot", snapshot)).into_iter().collect::<Vec<_>>());
        asker.send(request).await.unwrap_or_else(|error| panic!("{path}: {method}: {error:?}"))
    };
    let (head, got) = (ask("HEAD", &[]).await, ask("GET", &[]).await);
    match (head.status, got.status) {
        (404, 404) => return None,
        (200, 200) => {}
        other => panic!("{path}: HEAD and GET {other:?} {}", got.text()),
    }
    for name in SHOWN {
        assert_eq!(head.headers.get(name), got.headers.get(name), "{path}: HEAD and GET: {name}");
    }
    assert_eq!(got.headers["content-length"], got.body.len().to_string(), "{path}: size");
    let tag = match head.headers.get("x-ms-tag-count") {
        Some(_) if snapshot.is_none() => {
            let tags = ask("GET", &[("comp", "tags")]).await;
            Some(tags.field("Value").expect("a tag").parse().expect("a number"))
        }
        _ => None,
    };
    Some(Read { bytes: got.body, headers: got.headers, tag })
}

/// Committed and uncommitted blocks: names and sizes.
async fn lists(asker: &AzureAsker, path: &str) -> [Vec<(String, usize)>; 2] {
    let request = asker.request("GET", path).queries(&[("comp", "blocklist"), ("blocklisttype", "all")]);
    let told = asker.send(request).await.expect("an answer");
    // There is nothing, or what is there has no blocks.
    if told.status == 404 || told.text().contains("InvalidBlobType") {
        return [Vec::new(), Vec::new()];
    }
    assert_eq!(told.status, 200, "{}", told.text());
    let whole = told.text();
    ["CommittedBlocks", "UncommittedBlocks"].map(|kind| {
        let inner = whole.split(&format!("<{kind}>")).nth(1).and_then(|rest| rest.split(&format!("</{kind}>")).next());
        let blocks = inner.unwrap_or_default().split("<Block>").skip(1).map(|block| {
            let field = |name: &str| block.split(&format!("<{name}>")).nth(1).and_then(|rest| rest.split('<').next());
            (field("Name").expect("a name").to_owned(), field("Size").expect("a size").parse().expect("a number"))
        });
        blocks.collect()
    })
}

/// Whether a name is what was seen.
fn is(name: &Name, seen: &Seen) -> bool {
    let listed = |number: &u64, pieces: &Vec<(u64, usize)>| (block_id(*number), size(pieces));
    let waiting: Vec<_> = name.waiting.iter().map(|(number, pieces)| listed(number, pieces)).collect();
    let blocks = name.blob.iter().flat_map(|blob| &blob.blocks);
    let committed: Vec<_> = blocks.map(|(number, pieces)| listed(number, pieces)).collect();
    let current = match (&name.blob, &seen.blob) {
        (None, None) => true,
        (Some(blob), Some(read)) => {
            let state = if name.leased { "leased" } else { "available" };
            is_blob(blob, read) && blob.tag == read.tag && text(read, "x-ms-lease-state") == state
        }
        _ => false,
    };
    current && waiting == seen.waiting && committed == seen.committed && are_past(&name.past, &seen.past)
}

fn is_blob(blob: &Blob, read: &Read) -> bool {
    let kind = if blob.grows { "AppendBlob" } else { "BlockBlob" };
    text(read, "x-ms-meta-turn") == blob.turn.map(|turn| turn.to_string()).unwrap_or_default()
        && text(read, "x-ms-blob-type") == kind
        && text(read, "content-type") == content_type(blob.content_type)
        && read.bytes.len() == blob.size()
        && read.bytes == bytes(&blob.pieces)
}

/// The same, in whatever order: two may be of one moment.
fn are_past(held: &[Past], seen: &[(Line, Option<Read>)]) -> bool {
    let mut left: Vec<&Past> = held.iter().collect();
    for (line, read) in seen {
        let same = |past: &&Past| {
            past.deleted == line.deleted
                && past.was_current == line.snapshot.is_none()
                && past.blob.size() == line.length
                && past.blob.turn == line.turn
                && read.as_ref().is_none_or(|read| is_blob(&past.blob, read))
        };
        match left.iter().position(same) {
            Some(at) => drop(left.remove(at)),
            None => return false,
        }
    }
    left.is_empty()
}

fn described(seen: &Seen) -> String {
    let blob = seen.blob.as_ref().map(|read| (read.bytes.len(), read.tag, &read.headers));
    let past: Vec<&Line> = seen.past.iter().map(|(line, _)| line).collect();
    format!("{blob:?}\ncommitted {:?}\nwaiting {:?}\npast {past:?}", seen.committed, seen.waiting)
}
