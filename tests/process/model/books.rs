//! What must be there: an independent model of names and contents, of what each client may do, and of what an answer means.

use std::collections::{BTreeMap, BTreeSet};

use testing::noise::{Noise, content};

/// Keys below this are the courier's, too.
pub const INBOX: &str = "inbox/";

/// Whether an object can be appended to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    No,
    Yes,
    /// A copy: the model does not say.
    Unknown,
}

/// One object: contents by their seeds, and a note in its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub pieces: Vec<(u64, usize)>,
    pub note: Option<String>,
    pub growth: Growth,
}

impl Object {
    fn new(pieces: Vec<(u64, usize)>) -> Self {
        Self { pieces, note: None, growth: Growth::No }
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(|&(seed, size)| content(seed, size)).collect()
    }

    pub fn size(&self) -> usize {
        self.pieces.iter().map(|(_, size)| size).sum()
    }
}

/// One change of one key.
#[derive(Debug, Clone)]
pub enum Change {
    Put {
        piece: (u64, usize),
        note: Option<String>,
    },
    /// Only if there is none.
    PutAbsent((u64, usize)),
    /// Only if it is what was seen last (or, `false`: what was seen before).
    PutMatching {
        piece: (u64, usize),
        right: bool,
    },
    Upload(Vec<(u64, usize)>),
    Copy {
        from: String,
    },
    Delete,
    BlobPut {
        piece: (u64, usize),
        note: Option<String>,
    },
    BlobBlocks(Vec<(u64, usize)>),
    BlobBegin,
    BlobAppend((u64, usize)),
    BlobNote(String),
    BlobCopy {
        from: String,
    },
    BlobDelete,
}

/// What a change must come to.
#[derive(Debug, Clone)]
pub enum Due {
    /// It is done, and this is what the key holds then.
    Done(Option<Object>),
    /// It is refused with one of these, and nothing changes.
    Refused(&'static [u16]),
}

/// What one worker knows of its keys. `None`: deleted, or never there.
#[derive(Debug, Clone, Default)]
pub struct Book {
    pub held: BTreeMap<String, Object>,
    /// What was asked when the gateway was killed: the key, and what it holds if it was done.
    pub in_doubt: Option<(String, Option<Object>)>,
    /// Tags of the S3 front: the current one, and the one before.
    pub tags: BTreeMap<String, (String, Option<String>)>,
    /// Names under which blocks of a list that was never committed may wait. Deleting the blob takes them, too, and says so where
    /// there is nothing else.
    pub blocks: BTreeSet<String>,
}

impl Book {
    /// What a change by a client who may do it must come to.
    pub fn due(&self, key: &str, change: &Change) -> Due {
        let current = self.held.get(key);
        let done = |object: Object| Due::Done(Some(object));
        let noted = |object: Object, note: &Option<String>| Object { note: note.clone(), ..object };
        match change {
            Change::Put { piece, note } | Change::BlobPut { piece, note } => {
                done(noted(Object::new(vec![*piece]), note))
            }
            Change::PutAbsent(_) if current.is_some() => Due::Refused(&[412]),
            Change::PutAbsent(piece) => done(Object::new(vec![*piece])),
            Change::PutMatching { .. } if current.is_none() => Due::Refused(&[404, 412]),
            Change::PutMatching { right: false, .. } => Due::Refused(&[412]),
            Change::PutMatching { piece, .. } => done(Object::new(vec![*piece])),
            Change::Upload(pieces) | Change::BlobBlocks(pieces) => done(Object::new(pieces.clone())),
            Change::Copy { from } | Change::BlobCopy { from } => match self.held.get(from) {
                None => Due::Refused(&[404]),
                Some(source) => done(Object { growth: Growth::Unknown, ..source.clone() }),
            },
            Change::Delete => Due::Done(None),
            Change::BlobDelete | Change::BlobNote(_) | Change::BlobAppend(_) if current.is_none() => {
                Due::Refused(&[404])
            }
            Change::BlobDelete => Due::Done(None),
            Change::BlobBegin => done(Object { growth: Growth::Yes, ..Object::new(Vec::new()) }),
            Change::BlobNote(note) => {
                Due::Done(current.map(|object| Object { note: Some(note.clone()), ..object.clone() }))
            }
            Change::BlobAppend(_) if current.is_some_and(|object| object.growth == Growth::No) => Due::Refused(&[409]),
            Change::BlobAppend(piece) => Due::Done(current.map(|object| {
                let mut object = object.clone();
                object.pieces.push(*piece);
                object
            })),
        }
    }

    /// Notes that a key holds this now.
    pub fn becomes(&mut self, key: &str, object: Option<Object>) {
        match object {
            Some(object) => {
                self.blocks.remove(key);
                self.held.insert(key.to_owned(), object)
            }
            None => self.held.remove(key),
        };
    }

    /// Notes the S3 front's tag of a key.
    pub fn tagged(&mut self, key: &str, tag: &str) {
        let before = self.tags.get(key).map(|(current, _)| current.clone()).filter(|before| before != tag);
        self.tags.insert(key.to_owned(), (tag.to_owned(), before));
    }

    /// A change that says something of the key as it is.
    pub fn choose(&self, key: &str, others: &[String], noise: &mut Noise) -> Change {
        let current = self.held.get(key);
        let note = |noise: &mut Noise| (noise.below(3) == 0).then(|| format!("note-{}", noise.below(1_000)));
        let piece = |noise: &mut Noise| (noise.next(), size(noise));
        let from = |noise: &mut Noise| others[noise.below(others.len() as u64) as usize].clone();
        match noise.below(26) {
            0..=2 => Change::Put { piece: piece(noise), note: note(noise) },
            3..=4 => Change::PutAbsent(piece(noise)),
            5..=6 if self.tags.contains_key(key) && current.is_some() => {
                let right = noise.below(2) == 0 || self.tags[key].1.is_none();
                Change::PutMatching { piece: piece(noise), right }
            }
            7 if noise.below(4) == 0 => Change::Upload(vec![(noise.next(), 5 << 20), piece(noise)]),
            7..=8 => Change::Upload(vec![(noise.next(), 1 + size(noise))]),
            // S3 refuses a copy onto itself that changes nothing.
            9..=10 => match from(noise) {
                other if other == key => Change::Delete,
                other => Change::Copy { from: other },
            },
            11..=12 => Change::Delete,
            13..=14 => Change::BlobPut { piece: piece(noise), note: note(noise) },
            15..=16 if current.is_none_or(|object| object.growth == Growth::No) => {
                let count = 1 + noise.below(4);
                Change::BlobBlocks((0..count).map(|_| (noise.next(), 1 + size(noise) % 70_000)).collect())
            }
            17 if current.is_none_or(|object| object.growth != Growth::Yes) => Change::BlobBegin,
            17..=20 if current.is_none_or(|object| object.growth != Growth::Unknown && object.pieces.len() < 40) => {
                Change::BlobAppend((noise.next(), 1 + size(noise) % 70_000))
            }
            21..=22 => Change::BlobNote(format!("note-{}", noise.below(1_000))),
            23 => match from(noise) {
                other if other == key => Change::BlobDelete,
                other => Change::BlobCopy { from: other },
            },
            24 => Change::BlobDelete,
            _ => Change::BlobPut { piece: piece(noise), note: None },
        }
    }
}

/// Sizes around segments and, seldom, around a chunk.
fn size(noise: &mut Noise) -> usize {
    let near = |middle: usize, noise: &mut Noise| middle - 1 + noise.below(3) as usize;
    match noise.below(30) {
        0..=2 => 0,
        3..=5 => 1,
        6..=8 => near(65_536, noise),
        9..=10 => near(131_072, noise),
        11 if noise.below(3) == 0 => near(8 << 20, noise),
        _ => noise.below(150_000) as usize,
    }
}
