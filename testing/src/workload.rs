//! Writes of every kind with their book-keeping: what each name must hold after what was acknowledged, and what it may
//! hold after what was not. The books serve every protocol ([`Work`]); the steps here are those of S3, Azure's are in
//! `azure_workload.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use crate::noise::content;
use crate::s3::asking::Asker;
use crate::told::Told;

pub const MIB: usize = 1 << 20;
/// Largest plaintext of a chunk, in bytes.
pub const CHUNK: usize = 8 * MIB;
/// The metadata that a rewrite changes.
const TURN: &str = "x-amz-meta-turn";

/// What a name holds: content in parts with a seed each, and a metadata value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Held {
    pub parts: Vec<(u64, usize)>,
    pub turn: Option<u64>,
}

impl Held {
    pub fn bytes(&self) -> Vec<u8> {
        self.parts.iter().flat_map(|&(seed, size)| content(seed, size)).collect()
    }

    pub fn size(&self) -> usize {
        self.parts.iter().map(|part| part.1).sum()
    }
}

/// A name's state; `None`: it does not exist.
pub type State = Option<Held>;

/// One name's book-keeping. One writer touches it, one operation at a time.
#[derive(Clone, Default)]
pub struct Entry<S = State> {
    /// As last acknowledged.
    pub acknowledged: S,
    /// What an operation without an answer would have made of it.
    pub unanswered: Option<S>,
}

impl<S> Entry<S> {
    /// What it may be now: as acknowledged, or as what had no answer would have left it.
    pub fn allowed(&mut self) -> impl Iterator<Item = S> + use<S>
    where
        S: Default,
    {
        [Some(std::mem::take(&mut self.acknowledged)), self.unanswered.take()].into_iter().flatten()
    }
}

pub type Ledger<S = State> = BTreeMap<String, Entry<S>>;

/// One operation of a protocol.
pub trait Work: Debug + Clone + Send + Sync {
    /// What a name holds.
    type State: Clone + Default + Send + Sync;
    /// Who asks.
    type Asker: Clone + Send + Sync;

    /// What each name holds when it was done.
    fn effects(&self, ledger: &Ledger<Self::State>) -> Vec<(String, Self::State)>;

    /// Does it; the error: it was not acknowledged.
    fn perform(
        &self,
        asker: &Self::Asker,
        bucket: &str,
        ledger: &Ledger<Self::State>,
    ) -> impl Future<Output = Result<(), String>> + Send;
}

/// One operation.
#[derive(Debug, Clone)]
pub enum Step {
    Put(String, u64, usize),
    /// An upload of these parts.
    Multipart(String, Vec<(u64, usize)>),
    /// An upload of a part (5 MiB) and of a copy of another object.
    PartCopy(String, u64, String),
    /// An upload that is aborted after its first part.
    Abort(String, u64),
    Copy(String, String),
    /// Other metadata, the same content.
    Rewrite(String, u64),
    Delete(String),
    DeleteAll(Vec<String>),
}

impl Work for Step {
    type State = State;
    type Asker = Asker;

    fn effects(&self, ledger: &Ledger) -> Vec<(String, State)> {
        let held = |key: &String| ledger.get(key).and_then(|entry| entry.acknowledged.clone());
        match self {
            Self::Put(key, seed, size) => {
                vec![(key.clone(), Some(Held { parts: vec![(*seed, *size)], turn: None }))]
            }
            Self::Multipart(key, parts) => vec![(key.clone(), Some(Held { parts: parts.clone(), turn: None }))],
            Self::PartCopy(key, seed, from) => {
                let mut parts = vec![(*seed, 5 * MIB)];
                parts.extend(held(from).expect("a source").parts);
                vec![(key.clone(), Some(Held { parts, turn: None }))]
            }
            Self::Abort(..) => Vec::new(),
            Self::Copy(from, to) => vec![(to.clone(), held(from))],
            Self::Rewrite(key, turn) => {
                vec![(key.clone(), held(key).map(|held| Held { turn: Some(*turn), ..held }))]
            }
            Self::Delete(key) => vec![(key.clone(), None)],
            Self::DeleteAll(keys) => keys.iter().map(|key| (key.clone(), None)).collect(),
        }
    }

    async fn perform(&self, asker: &Asker, bucket: &str, _: &Ledger) -> Result<(), String> {
        let path = |key: &String| format!("/{bucket}/{key}");
        let told = match self {
            Self::Put(key, seed, size) => asker.put(&path(key), content(*seed, *size)).await,
            Self::Copy(from, to) => asker.copy(&path(from), &path(to)).await,
            Self::Rewrite(key, turn) => asker.rewrite(&path(key), TURN, &turn.to_string()).await,
            Self::Delete(key) => asker.delete(&path(key)).await,
            Self::DeleteAll(keys) => asker.delete_all(bucket, keys).await,
            Self::Abort(key, seed) => {
                let upload = begun(asker.begin(&path(key)).await)?;
                success(asker.part(&path(key), &upload, "1", content(*seed, 5 * MIB)).await)?;
                asker.abort(&path(key), &upload).await
            }
            Self::Multipart(key, parts) => {
                let upload = begun(asker.begin(&path(key)).await)?;
                let mut tags = Vec::new();
                for (index, &(seed, size)) in parts.iter().enumerate() {
                    let number = (index + 1).to_string();
                    let told = success(asker.part(&path(key), &upload, &number, content(seed, size)).await)?;
                    tags.push((number, tag(&told)));
                }
                let tags: Vec<(&str, String)> =
                    tags.iter().map(|(number, tag)| (number.as_str(), tag.clone())).collect();
                asker.complete(&path(key), &upload, &tags).await
            }
            Self::PartCopy(key, seed, from) => {
                let upload = begun(asker.begin(&path(key)).await)?;
                let first = success(asker.part(&path(key), &upload, "1", content(*seed, 5 * MIB)).await)?;
                let second = success(asker.part_copy(&path(key), &upload, "2", &path(from)).await)?;
                let second = second.field("ETag").ok_or("a copy without a tag")?;
                asker.complete(&path(key), &upload, &[("1", tag(&first)), ("2", second)]).await
            }
        };
        // A completion and a copy may fail inside of a 200: S3 has it so.
        success(told).and_then(|told| match told.field("Code") {
            Some(code) => Err(code),
            None => Ok(()),
        })
    }
}

pub fn success(told: reqwest::Result<Told>) -> Result<Told, String> {
    match told {
        Ok(told) if told.status < 300 => Ok(told),
        Ok(told) => Err(format!("{} {}", told.status, told.text())),
        Err(error) => Err(format!("{error:?}")),
    }
}

fn begun(told: reqwest::Result<Result<String, Told>>) -> Result<String, String> {
    match told {
        Ok(Ok(upload)) => Ok(upload),
        Ok(Err(told)) => Err(format!("{} {}", told.status, told.text())),
        Err(error) => Err(format!("{error:?}")),
    }
}

fn tag(told: &Told) -> String {
    told.headers["etag"].to_str().expect("a tag").to_owned()
}

/// Does a step and keeps the books.
pub async fn take<W: Work>(
    step: W,
    asker: &W::Asker,
    bucket: &str,
    ledger: &mut Ledger<W::State>,
) -> Result<(), String> {
    let effects = step.effects(ledger);
    let outcome = step.perform(asker, bucket, ledger).await;
    for (key, state) in effects {
        let entry = ledger.entry(key).or_default();
        match outcome {
            Ok(()) => entry.acknowledged = state,
            Err(_) => entry.unanswered = Some(state),
        }
    }
    outcome
}

/// Reads a name back; HEAD and GET must agree.
pub async fn read_back(asker: &Asker, path: &str) -> Option<(Vec<u8>, Option<u64>)> {
    let head = asker.ask(http::Method::HEAD, path, &[], &[], Vec::new()).await.expect("an answer to HEAD");
    let got = asker.get(path).await.unwrap_or_else(|error| panic!("{path}: listed but not readable: {error:?}"));
    match (head.status, got.status) {
        (404, 404) => None,
        (200, 200) => {
            for name in ["etag", "content-length", "last-modified", TURN] {
                assert_eq!(head.headers.get(name), got.headers.get(name), "{path}: HEAD and GET: {name}");
            }
            assert_eq!(head.headers["content-length"], got.body.len().to_string(), "{path}: size");
            let turn = got.headers.get(TURN).map(|turn| turn.to_str().expect("text").parse().expect("a number"));
            Some((got.body, turn))
        }
        other => panic!("{path}: HEAD and GET {other:?} {}", String::from_utf8_lossy(&got.body)),
    }
}

/// Compares the ledgers with what the gateway serves (all that is acknowledged exactly, all else whole or absent, lists
/// as reads), and settles what had no answer.
pub async fn settle(asker: &Asker, bucket: &str, ledgers: &mut [Ledger]) {
    let listed = asker.ask(http::Method::GET, &format!("/{bucket}"), &[("list-type", "2")], &[], Vec::new()).await;
    let listed = listed.expect("a list");
    assert_eq!(listed.status, 200, "{}", listed.text());
    let mut listed: BTreeMap<String, usize> = listed
        .text()
        .split("<Contents>")
        .skip(1)
        .map(|entry| {
            let field = |name: &str| entry.split(&format!("<{name}>")).nth(1).and_then(|rest| rest.split('<').next());
            (field("Key").expect("a key").to_owned(), field("Size").expect("a size").parse().expect("a number"))
        })
        .collect();
    for (key, entry) in ledgers.iter_mut().flatten() {
        let got = read_back(asker, &format!("/{bucket}/{key}")).await;
        assert_eq!(listed.remove(key), got.as_ref().map(|(bytes, _)| bytes.len()), "{key}: LIST and GET");
        let acknowledged = entry.acknowledged.as_ref().map(Held::size);
        let held = entry.allowed().find(|state| match (state, &got) {
            (None, None) => true,
            (Some(held), Some((bytes, turn))) => held.turn == *turn && held.bytes() == *bytes,
            _ => false,
        });
        entry.acknowledged = held.unwrap_or_else(|| {
            let got = got.as_ref().map(|(bytes, turn)| (bytes.len(), turn));
            panic!("{key}: acknowledged {acknowledged:?} bytes, got {got:?}, and not what was written")
        });
    }
    assert!(listed.is_empty(), "listed, never written: {listed:?}");
}

/// The chunks that must be at the provider: a copy shares its source's parts, each part counts once.
pub fn chunks_needed(ledgers: &[Ledger]) -> usize {
    let held = ledgers.iter().flatten().filter_map(|(_, entry)| entry.acknowledged.as_ref());
    let parts: BTreeSet<(u64, usize)> = held.flat_map(|held| held.parts.iter().copied()).collect();
    parts.into_iter().map(|(_, size)| size.div_ceil(CHUNK)).sum()
}
