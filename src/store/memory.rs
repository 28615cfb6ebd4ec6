//! Chunks in memory: the reference.
//!
//! # Invariants
//! - A chunk is whole or absent, at every moment.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::{Bound, Range};
use std::sync::{PoisonError, RwLock};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;

use super::{Attempts, ChunkStore, ChunkStream, Consent, Created, Listed, NamePage, StoreError};
use crate::model::{ChunkName, Timestamp};

/// Chunks in memory. Durable as long as the process.
#[derive(Default)]
pub struct MemoryChunks {
    chunks: RwLock<BTreeMap<ChunkName, Bytes>>,
    put_bytes_at_once: Option<u64>,
}

impl MemoryChunks {
    /// None yet; a place that takes care of so many bytes at once, as a disk does.
    pub fn narrow(put_bytes_at_once: u64) -> Self {
        Self { put_bytes_at_once: Some(put_bytes_at_once), ..Self::default() }
    }

    /// All that is stored, by name: what a curious provider sees.
    pub fn snapshot(&self) -> BTreeMap<ChunkName, Bytes> {
        self.chunks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces a chunk's bytes, as a hostile provider would.
    pub fn replace(&self, name: &ChunkName, bytes: Bytes) {
        self.chunks.write().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), bytes);
    }
}

#[async_trait]
impl ChunkStore for MemoryChunks {
    async fn put(&self, name: &ChunkName, sealed: Bytes) -> Result<Attempts, StoreError> {
        self.replace(name, sealed);
        Ok(Attempts::Answered)
    }

    async fn create(&self, name: &ChunkName, sealed: Bytes) -> Result<Created, StoreError> {
        match self.chunks.write().unwrap_or_else(PoisonError::into_inner).entry(name.clone()) {
            Entry::Occupied(_) => Ok(Created::Exists),
            Entry::Vacant(free) => {
                free.insert(sealed);
                Ok(Created::Made)
            }
        }
    }

    async fn get(&self, name: &ChunkName, range: Range<u64>) -> Result<ChunkStream, StoreError> {
        let chunks = self.chunks.read().unwrap_or_else(PoisonError::into_inner);
        let bytes = within(chunks.get(name).ok_or(StoreError::NotFound)?, &range);
        Ok(whole(bytes))
    }

    async fn delete(&self, name: &ChunkName, _consent: &Consent) -> Result<(), StoreError> {
        self.chunks.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        Ok(())
    }

    async fn length(&self, name: &ChunkName) -> Result<Option<u64>, StoreError> {
        let chunks = self.chunks.read().unwrap_or_else(PoisonError::into_inner);
        Ok(chunks.get(name).map(|bytes| bytes.len() as u64))
    }

    async fn exists(&self, name: &ChunkName) -> Result<bool, StoreError> {
        Ok(self.chunks.read().unwrap_or_else(PoisonError::into_inner).contains_key(name))
    }

    /// Tells all as if it was written long ago: nothing here keeps a time.
    async fn names(&self, after: Option<&str>) -> Result<NamePage, StoreError> {
        let after = after.and_then(ChunkName::parse).map_or(Bound::Unbounded, Bound::Excluded);
        let chunks = self.chunks.read().unwrap_or_else(PoisonError::into_inner);
        let found = chunks.range((after, Bound::Unbounded)).take(PAGE);
        let names: Vec<_> = found.map(|(name, _)| Listed { name: name.to_string(), modified: Timestamp(0) }).collect();
        let next = names.last().filter(|_| names.len() == PAGE).map(|last| last.name.clone());
        Ok(NamePage { names, next })
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn put_bytes_at_once(&self) -> u64 {
        self.put_bytes_at_once.unwrap_or(u64::MAX)
    }
}

/// Names in a page.
const PAGE: usize = 1_000;

/// What `bytes` has of `range`.
pub(super) fn within(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    let clip = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    let (start, end) = (clip(range.start), clip(range.end));
    bytes.slice(start..end.max(start))
}

/// A stream of one piece; of none, if it is empty.
pub(super) fn whole(bytes: Bytes) -> ChunkStream {
    let piece = (!bytes.is_empty()).then_some(Ok(bytes));
    futures::stream::iter(piece).boxed()
}
