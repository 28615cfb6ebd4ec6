//! Writes of every kind of Azure's with their book-keeping ([`crate::workload`]): blobs, uncommitted blocks, lists of
//! blocks, appends, copies, snapshots, leases, deletions that can be undone.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::azure::asking::AzureAsker;
use crate::azure::shared_key::{Request, batch_part};
use crate::noise::{Noise, content};
use crate::workload::{CHUNK, Ledger, Work, success};

/// How many blocks the blobs of a random run have names for: few, so that they meet.
const BLOCKS: u64 = 3;

/// Bytes of a seed from the first on.
pub type Piece = (u64, usize);

/// A blob as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blob {
    pub grows: bool,
    pub pieces: Vec<Piece>,
    /// Committed blocks, by number.
    pub blocks: Vec<(u64, Vec<Piece>)>,
    /// In its metadata, its content type, its tags.
    pub turn: Option<u64>,
    pub content_type: Option<u64>,
    pub tag: Option<u64>,
}

impl Blob {
    pub fn of(pieces: Vec<Piece>) -> Self {
        Self { pieces, ..Self::default() }
    }

    pub fn size(&self) -> usize {
        size(&self.pieces)
    }

    fn copied(&self, grows: bool, turn: Option<u64>) -> Self {
        Self { grows, turn, tag: None, ..self.clone() }
    }
}

/// A snapshot, or what was deleted and is retained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    pub blob: Blob,
    pub deleted: bool,
    /// It was the blob itself, and nothing took its place: Undelete brings it back as the blob.
    pub was_current: bool,
}

/// What a name holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Name {
    pub blob: Option<Blob>,
    /// Uncommitted blocks.
    pub waiting: BTreeMap<u64, Vec<Piece>>,
    pub past: Vec<Past>,
    pub leased: bool,
}

impl Name {
    fn replace(&mut self, blob: Blob, retains: bool) {
        self.past.iter_mut().for_each(|past| past.was_current = false);
        match self.blob.replace(blob) {
            Some(blob) if retains => self.past.push(Past { blob, deleted: true, was_current: false }),
            Some(_) => {}
            None => self.leased = false,
        }
        self.waiting.clear();
    }

    fn delete_snapshots(&mut self, retains: bool) {
        if retains {
            self.past.iter_mut().for_each(|past| past.deleted = true);
        } else {
            self.past.clear();
        }
    }

    fn delete(&mut self, retains: bool) {
        self.delete_snapshots(retains);
        let gone = self.blob.take();
        self.past.extend(gone.filter(|_| retains).map(|blob| Past { blob, deleted: true, was_current: true }));
        self.waiting.clear();
        self.leased = false;
    }

    fn undelete(&mut self) {
        if let Some(at) = self.past.iter().position(|past| past.was_current).filter(|_| self.blob.is_none()) {
            let blob = self.past.remove(at).blob;
            if blob.grows {
                // It has no blocks, and those that came meanwhile go.
                self.waiting.clear();
            }
            self.blob = Some(blob);
        }
        self.past.iter_mut().for_each(|past| past.deleted = false);
    }

    fn block(&self, number: u64, of: Source) -> Option<&Vec<Piece>> {
        let committed = || self.blob.as_ref()?.blocks.iter().rfind(|(other, _)| *other == number).map(|(_, is)| is);
        match of {
            Source::Committed => committed(),
            Source::Uncommitted => self.waiting.get(&number),
            Source::Latest => self.waiting.get(&number).or_else(committed),
        }
    }
}

/// Where a list of blocks takes one from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Committed,
    Uncommitted,
    Latest,
}

/// One operation. The first name is the one that is written.
#[derive(Debug, Clone)]
pub enum Act {
    Put(String, Piece),
    /// Put Blob From URL.
    PutFrom(String, String),
    /// Copy Blob, or Copy Blob From URL.
    Copy(String, String, bool),
    Block(String, u64, Piece),
    /// Put Block From URL: so many bytes of the first piece.
    BlockFrom(String, u64, String, usize),
    Commit(String, Vec<(Source, u64)>),
    /// An empty blob that grows.
    Begin(String),
    Append(String, Piece),
    AppendFrom(String, String),
    Snapshot(String),
    Metadata(String, u64),
    ContentType(String, u64),
    Tags(String, u64),
    Lease(String),
    Release(String),
    Delete(String),
    DeleteSnapshots(String),
    /// Several in one request.
    Batch(Vec<String>),
    Undelete(String),
}

/// The same, where deletions are retained or not.
#[derive(Clone)]
pub struct AzureStep {
    pub act: Act,
    pub retains: bool,
}

impl std::fmt::Debug for AzureStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.act)
    }
}

impl Work for AzureStep {
    type State = Name;
    type Asker = AzureAsker;

    fn effects(&self, ledger: &Ledger<Name>) -> Vec<(String, Name)> {
        let now = |key: &String| ledger.get(key).map(|entry| entry.acknowledged.clone()).unwrap_or_default();
        let blob = |key: &String| now(key).blob.expect("a blob to begin with");
        let with = |key: &String, change: &dyn Fn(&mut Name)| {
            let mut name = now(key);
            change(&mut name);
            vec![(key.clone(), name)]
        };
        let replaced = |key: &String, blob: Blob| with(key, &|name| name.replace(blob.clone(), self.retains));
        let changed = |key: &String, change: &dyn Fn(&mut Blob)| {
            with(key, &|name| change(name.blob.as_mut().expect("a blob to change")))
        };
        match &self.act {
            Act::Put(key, piece) => replaced(key, Blob::of(vec![*piece])),
            Act::PutFrom(key, from) => replaced(key, blob(from).copied(false, None)),
            Act::Copy(key, from, _) => {
                let from = blob(from);
                replaced(key, from.copied(from.grows, from.turn))
            }
            Act::Block(key, number, piece) => with(key, &|name| {
                name.waiting.insert(*number, vec![*piece]);
            }),
            Act::BlockFrom(key, number, from, bytes) => with(key, &|name| {
                name.waiting.insert(*number, vec![(blob(from).pieces[0].0, *bytes)]);
            }),
            Act::Commit(key, picks) => {
                let before = now(key);
                let taken =
                    |(of, number): &(Source, u64)| (*number, before.block(*number, *of).expect("a block").clone());
                let blocks: Vec<_> = picks.iter().map(taken).collect();
                let pieces = blocks.iter().flat_map(|(_, pieces)| pieces.clone()).collect();
                replaced(key, Blob { pieces, blocks, ..Blob::default() })
            }
            Act::Begin(key) => replaced(key, Blob { grows: true, ..Blob::default() }),
            Act::Append(key, piece) => changed(key, &|blob| blob.pieces.push(*piece)),
            Act::AppendFrom(key, from) => {
                let more = blob(from).pieces;
                changed(key, &|blob| blob.pieces.extend(more.clone()))
            }
            Act::Snapshot(key) => {
                let past = Past { blob: blob(key), deleted: false, was_current: false };
                with(key, &|name| name.past.push(past.clone()))
            }
            Act::Metadata(key, turn) => changed(key, &|blob| blob.turn = Some(*turn)),
            Act::ContentType(key, number) => changed(key, &|blob| blob.content_type = Some(*number)),
            Act::Tags(key, tag) => changed(key, &|blob| blob.tag = Some(*tag)),
            Act::Lease(key) => with(key, &|name| name.leased = true),
            Act::Release(key) => with(key, &|name| name.leased = false),
            Act::Delete(key) => with(key, &|name| name.delete(self.retains)),
            Act::DeleteSnapshots(key) => with(key, &|name| name.delete_snapshots(self.retains)),
            Act::Batch(keys) => keys.iter().flat_map(|key| with(key, &|name| name.delete(self.retains))).collect(),
            Act::Undelete(key) => with(key, &Name::undelete),
        }
    }

    async fn perform(&self, asker: &AzureAsker, container: &str, ledger: &Ledger<Name>) -> Result<(), String> {
        let told = success(asker.send(self.request(asker, container, ledger)).await)?;
        let refused = ["HTTP/1.1 4", "HTTP/1.1 5"].iter().any(|status| told.text().contains(status));
        match &self.act {
            Act::Batch(_) if refused => Err(told.text()),
            _ => Ok(()),
        }
    }
}

impl AzureStep {
    /// Whether all that it stands on is there: after a crash something may be missing.
    pub fn is_possible(&self, ledger: &Ledger<Name>) -> bool {
        let name = |key: &String| ledger.get(key).map(|entry| &entry.acknowledged);
        let blob = |key: &String| name(key).and_then(|name| name.blob.as_ref());
        let grows = |key: &String| blob(key).is_some_and(|blob| blob.grows);
        match &self.act {
            Act::Put(..) | Act::Begin(_) => true,
            Act::PutFrom(_, from) | Act::Copy(_, from, _) => blob(from).is_some(),
            Act::Block(key, ..) => !grows(key),
            Act::BlockFrom(key, _, from, bytes) => {
                let first = blob(from).and_then(|blob| blob.pieces.first());
                !grows(key) && first.is_some_and(|piece| piece.1 >= *bytes)
            }
            Act::Commit(key, picks) => {
                let known =
                    |(of, number): &(Source, u64)| name(key).and_then(|name| name.block(*number, *of)).is_some();
                !grows(key) && picks.iter().all(known)
            }
            Act::Append(key, _) => grows(key),
            Act::AppendFrom(key, from) => grows(key) && blob(from).is_some_and(|blob| blob.size() > 0),
            Act::Snapshot(key) | Act::Metadata(key, _) | Act::ContentType(key, _) | Act::Tags(key, _) => {
                blob(key).is_some()
            }
            Act::Lease(key) | Act::Delete(key) | Act::DeleteSnapshots(key) => blob(key).is_some(),
            Act::Release(key) => name(key).is_some_and(|name| name.leased),
            Act::Batch(keys) => keys.iter().all(|key| blob(key).is_some()),
            Act::Undelete(key) => name(key).is_some_and(|name| name.past.iter().any(|past| past.deleted)),
        }
    }

    /// The one request that it is, not signed yet.
    pub fn request(&self, asker: &AzureAsker, container: &str, ledger: &Ledger<Name>) -> Request {
        let path = |key: &str| format!("/{container}/{key}");
        let acknowledged = |key: &str| ledger.get(key).map(|entry| &entry.acknowledged);
        let of = |key: &str, method: &str, query: &[(&str, &str)], body: Vec<u8>| {
            let request = asker.request(method, &path(key)).queries(query).body(body);
            match acknowledged(key) {
                Some(name) if name.leased => request.header("x-ms-lease-id", &lease_id(key)),
                _ => request,
            }
        };
        let put = |key: &str, comp: &[(&str, &str)], body: Vec<u8>| of(key, "PUT", comp, body);
        let bytes = |piece: &Piece| content(piece.0, piece.1);
        let from = |key: &str| asker.address(&path(key));
        let lease = |key: &str, headers: &[(&str, &str)]| {
            asker.request("PUT", &path(key)).query("comp", "lease").headers(headers).body("")
        };
        let delete = |key: &str, rule: &str| of(key, "DELETE", &[], Vec::new()).header("x-ms-delete-snapshots", rule);
        match &self.act {
            Act::Put(key, piece) => put(key, &[], bytes(piece)).header("x-ms-blob-type", "BlockBlob"),
            Act::PutFrom(key, source) => {
                let headers = [("x-ms-blob-type", "BlockBlob"), ("x-ms-copy-source", &from(source))];
                put(key, &[], Vec::new()).headers(&headers)
            }
            Act::Copy(key, source, synchronous) => {
                let request = put(key, &[], Vec::new()).header("x-ms-copy-source", &from(source));
                if *synchronous { request.header("x-ms-requires-sync", "true") } else { request }
            }
            Act::Block(key, number, piece) => {
                put(key, &[("comp", "block"), ("blockid", &block_id(*number))], bytes(piece))
            }
            Act::BlockFrom(key, number, source, bytes) => {
                let request = put(key, &[("comp", "block"), ("blockid", &block_id(*number))], Vec::new());
                let range = format!("bytes=0-{}", bytes - 1);
                request.headers(&[("x-ms-copy-source", &from(source)), ("x-ms-source-range", &range)])
            }
            Act::Commit(key, picks) => {
                let entry = |(of, number): &(Source, u64)| format!("<{of:?}>{}</{of:?}>", block_id(*number));
                let list: String = picks.iter().map(entry).collect();
                put(key, &[("comp", "blocklist")], format!("<BlockList>{list}</BlockList>").into_bytes())
            }
            Act::Begin(key) => put(key, &[], Vec::new()).header("x-ms-blob-type", "AppendBlob"),
            Act::Append(key, piece) => {
                let length = acknowledged(key).and_then(|name| name.blob.as_ref()).map_or(0, Blob::size);
                let request = put(key, &[("comp", "appendblock")], bytes(piece));
                request.header("x-ms-blob-condition-appendpos", &length.to_string())
            }
            Act::AppendFrom(key, source) => {
                put(key, &[("comp", "appendblock")], Vec::new()).header("x-ms-copy-source", &from(source))
            }
            Act::Snapshot(key) => put(key, &[("comp", "snapshot")], Vec::new()),
            Act::Metadata(key, turn) => {
                put(key, &[("comp", "metadata")], Vec::new()).header("x-ms-meta-turn", &turn.to_string())
            }
            Act::ContentType(key, number) => put(key, &[("comp", "properties")], Vec::new())
                .header("x-ms-blob-content-type", &content_type(Some(*number))),
            Act::Tags(key, tag) => {
                let set = format!("<Tags><TagSet><Tag><Key>turn</Key><Value>{tag}</Value></Tag></TagSet></Tags>");
                put(key, &[("comp", "tags")], set.into_bytes())
            }
            Act::Lease(key) => {
                let id = lease_id(key);
                let headers = [("x-ms-lease-duration", "-1"), ("x-ms-proposed-lease-id", &*id)];
                lease(key, &headers).header("x-ms-lease-action", "acquire")
            }
            Act::Release(key) => lease(key, &[("x-ms-lease-action", "release"), ("x-ms-lease-id", &lease_id(key))]),
            Act::Delete(key) => delete(key, "include"),
            Act::DeleteSnapshots(key) => delete(key, "only"),
            Act::Batch(keys) => {
                let part =
                    |(number, key): (usize, &String)| batch_part(number, &asker.account.sign(delete(key, "include")));
                let body: String = keys.iter().enumerate().map(part).collect();
                let request = asker.request("POST", "/").query("comp", "batch");
                request.header("content-type", "multipart/mixed; boundary=b").body(format!("{body}--b--\r\n"))
            }
            Act::Undelete(key) => asker.request("PUT", &path(key)).query("comp", "undelete").body(""),
        }
    }
}

/// One step of every kind; names repeat, so that most replace something. `turn` makes the contents new.
pub fn script(turn: u64) -> Vec<AzureStep> {
    let name = |name: &str| format!("azure/{name}");
    let piece = |n: u64, size: usize| (turn * 100 + 50 + n, size);
    let acts = vec![
        Act::Put(name("small"), piece(1, 3_000)),
        Act::Put(name("large"), piece(2, CHUNK + 1_000)),
        Act::Copy(name("copy"), name("small"), turn.is_multiple_of(2)),
        Act::PutFrom(name("joined"), name("large")),
        Act::Block(name("study"), 1, piece(3, 40_000)),
        Act::Block(name("study"), 2, piece(4, CHUNK + 10)),
        Act::BlockFrom(name("study"), 3, name("small"), 1_000),
        Act::Commit(name("study"), vec![(Source::Latest, 1), (Source::Uncommitted, 2), (Source::Latest, 3)]),
        Act::Block(name("study"), 2, piece(5, 30_000)),
        Act::Commit(name("study"), vec![(Source::Committed, 3), (Source::Uncommitted, 2), (Source::Committed, 1)]),
        Act::Block(name("study"), 1, piece(6, 20_000)),
        Act::Begin(name("log")),
        Act::Append(name("log"), piece(7, 700)),
        Act::Append(name("log"), piece(8, 50_000)),
        Act::AppendFrom(name("log"), name("small")),
        Act::Snapshot(name("small")),
        Act::Metadata(name("small"), turn),
        Act::ContentType(name("small"), turn),
        Act::Tags(name("small"), turn),
        Act::Lease(name("small")),
        Act::Put(name("small"), piece(9, 5_000)),
        Act::Release(name("small")),
        Act::DeleteSnapshots(name("small")),
        Act::Snapshot(name("study")),
        Act::Batch(vec![name("copy"), name("joined")]),
        Act::Delete(name("large")),
        Act::Put(name("large"), piece(10, 70_000)),
    ];
    acts.into_iter().map(|act| AzureStep { act, retains: false }).collect()
}

/// The chunks that must be at the provider after [`script`]s: what is shared counts once; each append is a part of its own.
pub fn chunks_needed(ledger: &Ledger<Name>) -> usize {
    let (mut shared, mut chunks) = (BTreeMap::new(), 0);
    for name in ledger.values().map(|entry| &entry.acknowledged) {
        let past = name.past.iter().map(|past| &past.blob);
        for blob in name.blob.iter().chain(past) {
            if blob.grows {
                chunks += blob.pieces.iter().map(|piece| piece.1.div_ceil(CHUNK)).sum::<usize>();
            } else {
                shared.extend(blob.pieces.iter().copied());
            }
        }
        let waiting = name.waiting.values().flatten().copied();
        waiting.for_each(|(seed, size)| {
            shared.entry(seed).or_insert(size);
        });
    }
    chunks + shared.values().map(|size| size.div_ceil(CHUNK)).sum::<usize>()
}

pub fn size(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| piece.1).sum()
}

pub fn bytes(pieces: &[Piece]) -> Vec<u8> {
    pieces.iter().flat_map(|(seed, size)| content(*seed, *size)).collect()
}

/// The id of block `number`; all are of one length.
pub fn block_id(number: u64) -> String {
    BASE64_STANDARD.encode(format!("{number:06}"))
}

pub fn content_type(number: Option<u64>) -> String {
    number.map_or_else(|| "application/octet-stream".to_owned(), |number| format!("application/x-{number}"))
}

/// The id of every lease of a name.
fn lease_id(key: &str) -> String {
    let sum = key.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % (1 << 48);
    format!("11111111-2222-4333-8444-{sum:012x}")
}

/// What a writer of one folder does next.
pub fn choose(folder: &str, keys: u64, noise: &mut Noise, ledger: &Ledger<Name>, retains: bool) -> AzureStep {
    let mut any = || format!("{folder}/k{}", noise.below(keys));
    let (key, other) = (any(), any());
    let now = |key: &String| ledger.get(key).map(|entry| entry.acknowledged.clone()).unwrap_or_default();
    let (name, source) = (now(&key), now(&other).blob.filter(|_| key != other));
    let (there, grows) = (name.blob.is_some(), name.blob.as_ref().is_some_and(|blob| blob.grows));
    // A copy of a copy of a copy must not grow without bound.
    let small = |blob: &Blob| (1..2 * CHUNK).contains(&blob.size());
    let large = name.blob.as_ref().is_some_and(|blob| blob.size() > 3 * CHUNK);
    let mut piece = |most: u64| (noise.next(), 1 + usize::try_from(noise.below(most)).expect("small"));
    let (more, less) = (piece(200_000), piece(20_000));
    let large_piece = (more.0, CHUNK + more.1);
    let number = noise.below(BLOCKS);
    let act = match noise.below(36) {
        0..=1 => Act::Put(key, more),
        2 => Act::Put(key, large_piece),
        3..=7 if !grows => Act::Block(key, number, more),
        8 if !grows => Act::Block(key, number, large_piece),
        9..=13 if !grows && !large => {
            let known = |of: Source| (0..BLOCKS).map(move |n| (of, n));
            let of = [Source::Latest, Source::Committed, Source::Latest, Source::Uncommitted];
            let all = of.into_iter().flat_map(known);
            let all: Vec<_> = all.filter(|(of, n)| name.block(*n, *of).is_some()).collect();
            let count = if all.is_empty() { 0 } else { noise.below(6) };
            let mut pick = || all[usize::try_from(noise.below(all.len() as u64)).expect("small")];
            Act::Commit(key, (0..count).map(|_| pick()).collect())
        }
        14 => Act::Begin(key),
        15..=19 if grows && !large => Act::Append(key, less),
        15..=16 => Act::Begin(key),
        20..=21 if source.is_some() => Act::Copy(key, other, number < 1),
        22 if source.is_some() => Act::PutFrom(key, other),
        23 if !grows && source.as_ref().is_some_and(small) => {
            let first = source.map_or(1, |blob| blob.pieces[0].1);
            Act::BlockFrom(key, number, other, 1 + usize::try_from(noise.below(first as u64)).expect("small"))
        }
        24 if grows && !large && source.as_ref().is_some_and(small) => Act::AppendFrom(key, other),
        25..=26 if there && name.past.len() < 12 => Act::Snapshot(key),
        27 if there => Act::Metadata(key, noise.below(1_000)),
        28 if there => Act::Tags(key, noise.below(1_000)),
        29 if there => Act::ContentType(key, noise.below(1_000)),
        30 if there && !name.leased => Act::Lease(key),
        30..=31 if name.leased => Act::Release(key),
        32 if there => Act::Delete(key),
        33 if there => Act::DeleteSnapshots(key),
        34 if there && source.is_some() => Act::Batch(vec![key, other]),
        35 if retains && !name.leased && (there || name.past.iter().any(|past| past.was_current)) => Act::Undelete(key),
        // Where nothing else can be done: what a list or a copy needs.
        _ if grows => Act::Append(key, less),
        _ => Act::Block(key, number, less),
    };
    AzureStep { act, retains }
}
