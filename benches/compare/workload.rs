//! What is asked of a system, and what must come back.

use bytes::Bytes;

use crate::client::{Ask, Call, Expected};
use crate::signer::block_id;

/// The bucket that reads are from.
pub const READS: &str = "bench";
/// The bucket that writes go to.
pub const WRITES: &str = "puts";
/// The object of the ranged reads.
const LARGE: &str = "large";

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
/// Length of the object that ranges are read from.
const LARGE_BYTES: u64 = 1 << 30;
/// Length of a block.
const BLOCK_BYTES: u64 = 8 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Put,
    /// A put in blocks of [`BLOCK_BYTES`] and their list; of Azure only.
    Blocks,
    Get,
    /// A GET of what [`Kind::Put`] put.
    Back,
    Range,
    Head,
    List,
}

/// One line of the tables.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    pub name: &'static str,
    pub kind: Kind,
    /// Bytes of an object, or of the range.
    pub size: u64,
    pub connections: usize,
    /// How many objects there are to read.
    pub objects: u64,
}

const fn workload(name: &'static str, kind: Kind, size: u64, connections: usize, objects: u64) -> Workload {
    Workload { name, kind, size, connections, objects }
}

pub const WORKLOADS: &[Workload] = &[
    workload("put-4k", Kind::Put, 4 * KIB, 16, 0),
    workload("put-512k", Kind::Put, 512 * KIB, 16, 0),
    workload("put-1m", Kind::Put, MIB, 8, 0),
    workload("put-64m", Kind::Put, 64 * MIB, 2, 0),
    workload("blocks-64m", Kind::Blocks, 64 * MIB, 2, 0),
    workload("get-4k", Kind::Get, 4 * KIB, 16, 256),
    workload("get-512k", Kind::Get, 512 * KIB, 16, 128),
    workload("get-1m", Kind::Get, MIB, 8, 64),
    workload("get-64m", Kind::Get, 64 * MIB, 2, 4),
    workload("range-64k", Kind::Range, 64 * KIB, 16, 1),
    workload("head", Kind::Head, 4 * KIB, 16, 1_000),
    workload("list", Kind::List, 4 * KIB, 4, 1_000),
];

/// A study as it comes from a modality, and as a workstation reads it.
pub const STUDY_IN: Workload = workload("study-in", Kind::Put, 512 * KIB, 16, 0);
pub const STUDY_OUT: Workload = workload("study-out", Kind::Back, 512 * KIB, 16, 0);

/// The workload called `name`.
pub fn named(name: &str) -> &'static Workload {
    WORKLOADS.iter().find(|workload| workload.name == name).unwrap()
}

impl Workload {
    /// The calls that put there what is to be read.
    pub fn filling(&self, content: &Content) -> Vec<Call> {
        match self.kind {
            Kind::Put | Kind::Blocks | Kind::Back => Vec::new(),
            Kind::Range => vec![content.put(READS, LARGE, LARGE_BYTES)],
            Kind::Get | Kind::Head | Kind::List => {
                (0..self.objects).map(|index| content.put(READS, &object(index), self.size)).collect()
            }
        }
    }

    /// What is measured as number `index`. Writes of different `series` have different names.
    pub fn calls(&self, content: &Content, series: &str, index: u64) -> Vec<Call> {
        match self.kind {
            Kind::Blocks => content.blocks(WRITES, &written(series, index), self.size),
            _ => vec![self.call(content, series, index)],
        }
    }

    fn call(&self, content: &Content, series: &str, index: u64) -> Call {
        match self.kind {
            Kind::Blocks | Kind::Put => content.put(WRITES, &written(series, index), self.size),
            Kind::Back => Call::get(WRITES, &written(series, index), self.size),
            Kind::Get => Call::get(READS, &object(index % self.objects), self.size),
            Kind::Head => Call::head(READS, &object(index % self.objects), self.size),
            Kind::List => Call::list(READS, self.objects),
            Kind::Range => Call::range(READS, LARGE, mixed(index) % (LARGE_BYTES - self.size), self.size),
        }
    }

    /// A call whose answer's content is known, after [`Self::calls`] number 0 of the series.
    pub fn checked(&self, content: &Content, series: &str) -> (Call, Option<Bytes>) {
        let call = self.call(content, series, 0);
        match self.kind {
            Kind::Put | Kind::Blocks => {
                let back = Call::get(WRITES, &written(series, 0), self.size);
                (back, Some(content.bytes(self.size)))
            }
            Kind::Get | Kind::Back => (call, Some(content.bytes(self.size))),
            // The large object repeats the content.
            Kind::Range => (Call::range(READS, LARGE, content.length(), self.size), Some(content.bytes(self.size))),
            Kind::Head | Kind::List => (call, None),
        }
    }

    /// Whether it stores something.
    pub fn writes(&self) -> bool {
        matches!(self.kind, Kind::Put | Kind::Blocks)
    }

    /// Bytes that one call moves, where that is what it is about.
    pub fn moved(&self) -> u64 {
        if matches!(self.kind, Kind::Head | Kind::List) { 0 } else { self.size }
    }
}

/// The bytes of every object: random once, then shared.
pub struct Content(Bytes);

impl Content {
    pub fn new() -> Self {
        let mut bytes = vec![0; 64 << 20];
        getrandom::fill(&mut bytes).unwrap();
        Self(bytes.into())
    }

    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn bytes(&self, length: u64) -> Bytes {
        self.0.slice(..usize::try_from(length).unwrap())
    }

    fn put(&self, bucket: &str, name: &str, length: u64) -> Call {
        let repeats = length.div_ceil(self.length());
        let piece = self.bytes(length / repeats);
        Call::put(bucket, name, piece, repeats)
    }
}

impl Content {
    /// The blocks of an object, and their list.
    fn blocks(&self, bucket: &str, name: &str, length: u64) -> Vec<Call> {
        let object = || Call::new("PUT", format!("/{bucket}/{name}"), Expected::Nothing);
        let numbers = 0..usize::try_from(length / BLOCK_BYTES).unwrap();
        let list: String = numbers.clone().map(|number| format!("<Latest>{}</Latest>", block_id(number))).collect();
        let list = Call {
            ask: Ask::BlockList,
            piece: Bytes::from(format!("<BlockList>{list}</BlockList>")),
            repeats: 1,
            ..object()
        };
        let block = |number| {
            let begin = number * usize::try_from(BLOCK_BYTES).unwrap();
            let piece = self.0.slice(begin..begin + usize::try_from(BLOCK_BYTES).unwrap());
            Call { ask: Ask::Block(number), piece, repeats: 1, ..object() }
        };
        numbers.map(block).chain([list]).collect()
    }
}

/// Images of a series: objects whose names are in one folder.
pub const IN_A_FOLDER: usize = 100;

/// What is read has names as a PACS gives them.
fn object(index: u64) -> String {
    let study = "1.2.840.113619.2.55";
    format!("{study}/{study}.{0}/{study}.{0}.{index}.dcm", index / IN_A_FOLDER as u64)
}

/// What is written lies in one folder: rclone answers 500 when two writes are the first of a folder.
fn written(series: &str, index: u64) -> String {
    format!("{series}-{index}.dcm")
}

/// A number that looks nothing like `number`.
fn mixed(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_add(1).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 31)
}

impl Call {
    fn get(bucket: &str, name: &str, length: u64) -> Self {
        Self::new("GET", format!("/{bucket}/{name}"), Expected::Length(length))
    }

    fn head(bucket: &str, name: &str, length: u64) -> Self {
        Self::new("HEAD", format!("/{bucket}/{name}"), Expected::Announced(length))
    }

    fn range(bucket: &str, name: &str, from: u64, length: u64) -> Self {
        let call = Self::new("GET", format!("/{bucket}/{name}"), Expected::Length(length));
        Self { range: Some(format!("bytes={from}-{}", from + length - 1)), ..call }
    }

    fn list(bucket: &str, names: u64) -> Self {
        Self { ask: Ask::Names, ..Self::new("GET", format!("/{bucket}"), Expected::Names(names)) }
    }

    fn put(bucket: &str, name: &str, piece: Bytes, repeats: u64) -> Self {
        Self { piece, repeats, ..Self::new("PUT", format!("/{bucket}/{name}"), Expected::Nothing) }
    }

    /// Creates a bucket.
    pub fn bucket(name: &str) -> Self {
        Self { ask: Ask::Bucket, ..Self::new("PUT", format!("/{name}"), Expected::Nothing) }
    }
}
