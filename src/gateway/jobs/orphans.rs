//! Compares the names at a provider with the catalog: chunks that nothing accounts for, and files that are no chunks. On an
//! operator's command only ([ADR 5](../../../docs/adr/0005-orphans-are-found-by-asking-for-them.md)): it takes a list of all names.
//!
//! What accounts for a chunk: a part, a queued deletion, a second look, an id of a block that is not closed, a note of the catalog. The id
//! of an upload that is under way is in such a block before its first chunk is sent.
//!
//! # Invariants
//! - Nothing is called an orphan that was written when the catalog at hand may not have known of it: a copy or a backup of a catalog
//!   that is at work elsewhere lacks what came later.
//! - Memory is bounded, whatever a provider tells: a window of names is held against the catalog, page by page.
//! - A list that repeats names, does not end, or holds mostly what is not the catalog's ends the comparison.
//! - Nothing is deleted before the whole list was compared, nor without the fence's consent to each deletion.

use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::catalog::{CatalogError, QueuedDeletion, ScrubPart};
use crate::gateway::{FenceFault, Gateway};
use crate::keys::KeyError;
use crate::model::{ChunkName, PartBlock, PartId, ProviderName, TenantId, Timestamp};
use crate::seal::chunk_name;
use crate::store::StoreError;

/// Parts taken from the catalog at once.
const BATCH: usize = 1_000;
/// Chunks that a part which was never committed may have left: one of 5 GiB has 640.
const MOST_CHUNKS: u32 = 700;
/// Pages without a name, one after another.
const MOST_EMPTY_PAGES: u32 = 1_000;
/// Orphans whose names are kept, to be deleted: some 20 MB. The others are found by another run.
const MOST_KEPT: usize = 1_000_000;
/// Chunks deleted at once.
const PARALLEL: usize = 8;

/// What a comparison goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// What was written later is too young to be judged.
    pub written_before: Timestamp,
    /// Names held against the catalog at once. Each window is one pass through the catalog.
    pub window: usize,
}

impl Comparison {
    /// Names in a window, unless a test wants less: some 80 MB.
    const WINDOW: usize = 2 << 20;

    /// For a catalog that last knew the time at `known`, of a gateway with this `grace`: without a time nothing is judged.
    pub fn of_catalog(known: Option<Timestamp>, grace: std::time::Duration) -> Self {
        let young = i64::try_from(QueuedDeletion::LINGERS.saturating_add(grace).as_millis()).unwrap_or(i64::MAX);
        let written_before = known.map_or(Timestamp(i64::MIN), |known| Timestamp(known.0.saturating_sub(young)));
        Self { written_before, window: Self::WINDOW }
    }
}

/// What was compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// Names at the provider.
    pub names: u64,
    /// Those that the catalog accounts for.
    pub known: u64,
    /// Chunks that nothing accounts for, and that are too young to be judged.
    pub young: u64,
    /// Chunks that nothing accounts for.
    pub orphans: u64,
    /// Files that are no chunks.
    pub foreign: u64,
    /// The orphans' names, the first million of them.
    pub found: Vec<ChunkName>,
}

/// A name that nothing accounts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stray {
    /// A chunk's.
    Orphan(ChunkName),
    /// Of no chunk, as the provider told it: anything may be in it.
    Foreign(String),
}

/// Why names were not compared or deleted to the end.
#[derive(Debug, thiserror::Error)]
pub enum OrphanError {
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The provider failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys are away.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The catalog's notes cannot be named.
    #[error(transparent)]
    Fence(#[from] FenceFault),
    /// The provider's list cannot be one.
    #[error("the provider lists the same name twice")]
    Repeats,
    /// The provider's list may have no end.
    #[error("the provider's list goes on and on without a name")]
    Endless,
    /// The provider's list may have no end, or is of another catalog's chunks.
    #[error("of {names} names listed so far, the catalog accounts for {known} only")]
    Strangers {
        /// Names so far.
        names: u64,
        /// Those that are the catalog's.
        known: u64,
    },
    /// The fence does not allow deletions.
    #[error("the providers may not be this catalog's alone")]
    Forbidden,
}

/// Compares all names at a provider. `tell` is given each that nothing accounts for.
pub async fn compare_names(
    gateway: &Gateway,
    provider: &ProviderName,
    by: Comparison,
    mut tell: impl FnMut(Stray),
) -> Result<Compared, OrphanError> {
    let chunks_at = gateway.store.provider(provider)?;
    let notes = gateway.note_names().await?;
    let (mut compared, mut window, mut after, mut empty_pages) = (Compared::default(), Window::default(), None, 0);
    loop {
        let page = chunks_at.names(after.as_deref()).await?;
        empty_pages = if page.names.is_empty() { empty_pages + 1 } else { 0 };
        if empty_pages > MOST_EMPTY_PAGES {
            return Err(OrphanError::Endless);
        }
        for listed in page.names {
            compared.names += 1;
            match ChunkName::parse(&listed.name) {
                Some(name) => window.names.push(Found { name, modified: listed.modified, known: false }),
                None => {
                    compared.foreign += 1;
                    tell(Stray::Foreign(listed.name));
                }
            }
        }
        let ended = page.next.is_none();
        if ended || window.names.len() >= by.window {
            window.compare(gateway, provider, &notes).await?;
            window.count(&mut compared, by.written_before, &mut tell);
        }
        if ended {
            return Ok(compared);
        }
        // The first window may hold what it likes.
        let Compared { names, known, .. } = compared;
        let pending = window.names.len() as u64;
        if names - pending > known.saturating_mul(2).saturating_add(by.window as u64) {
            return Err(OrphanError::Strangers { names, known });
        }
        after = page.next;
    }
}

/// Deletes orphans that were found. Returns how many the provider refused to delete.
pub async fn delete_orphans(
    gateway: &Gateway,
    provider: &ProviderName,
    found: &[ChunkName],
) -> Result<u64, OrphanError> {
    let chunks_at = gateway.store.provider(provider)?;
    stream::iter(found)
        .map(|name| async move {
            let consent = gateway.consent().await.ok_or(OrphanError::Forbidden)?;
            match chunks_at.delete(name, &consent).await {
                Ok(()) => Ok(0),
                // The others would fail as well.
                Err(error) if error.is_transient() => Err(error.into()),
                Err(error) => {
                    tracing::warn!(%error, %provider, chunk = %name, "an orphan was not deleted");
                    Ok(1)
                }
            }
        })
        .buffer_unordered(PARALLEL)
        .try_fold(0, |refused, one| async move { Ok(refused + one) })
        .await
}

/// A chunk in a provider's list.
struct Found {
    name: ChunkName,
    modified: Timestamp,
    known: bool,
}

/// Names that are held against the catalog.
#[derive(Default)]
struct Window {
    names: Vec<Found>,
    /// How many of them nothing accounts for so far.
    unknown: usize,
}

impl Window {
    /// Marks what the catalog accounts for. It is asked after the names were listed.
    async fn compare(
        &mut self,
        gateway: &Gateway,
        provider: &ProviderName,
        notes: &[ChunkName],
    ) -> Result<(), OrphanError> {
        self.names.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        if self.names.iter().zip(self.names.iter().skip(1)).any(|(one, next)| one.name == next.name) {
            return Err(OrphanError::Repeats);
        }
        self.unknown = self.names.len();
        for name in notes {
            self.mark(name);
        }
        // In the order in which an id goes on: one that moves meanwhile is met later.
        let aside = gateway.catalog.blocks_aside(Timestamp(i64::MAX)).await?;
        let blocks: Vec<PartBlock> = gateway.catalog.open_blocks().await?.into_iter().chain(aside).collect();
        let mut after = None;
        loop {
            let parts = gateway.catalog.parts_at(provider, after, BATCH).await?;
            let Some(last) = parts.last() else { break };
            after = Some(last.part.id);
            for ScrubPart { tenant, part } in &parts {
                self.mark_part(gateway, tenant, part.id, part.chunks())?;
            }
        }
        let mut after = None;
        loop {
            let doomed = gateway.catalog.doomed_at(provider, after, BATCH).await?;
            let Some(last) = doomed.last() else { break };
            after = Some(last.part);
            for part in &doomed {
                self.mark_part(gateway, &part.tenant, part.part, part.chunks)?;
            }
        }
        // Of an id of a block it is not known how many chunks it has left, if any: each costs hundreds of names. They are made only
        // as long as a name is left that nothing else accounts for.
        for block in &blocks {
            for id in (0..block.count).filter_map(|number| block.id(number)) {
                if self.unknown == 0 {
                    return Ok(());
                }
                self.mark_part(gateway, &block.tenant, id, MOST_CHUNKS)?;
            }
            // A block's names take a moment.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn mark_part(
        &mut self,
        gateway: &Gateway,
        tenant: &TenantId,
        part: PartId,
        chunks: u32,
    ) -> Result<(), OrphanError> {
        let key = gateway.keyring.naming_key(tenant)?;
        for index in 0..chunks {
            self.mark(&chunk_name(&key, part, index));
        }
        Ok(())
    }

    fn mark(&mut self, name: &ChunkName) {
        let found = self.names.binary_search_by(|found| found.name.cmp(name));
        if let Some(found) = found.ok().and_then(|at| self.names.get_mut(at)) {
            self.unknown -= usize::from(!found.known);
            found.known = true;
        }
    }

    /// Counts what was found, and empties the window.
    fn count(&mut self, compared: &mut Compared, written_before: Timestamp, tell: &mut impl FnMut(Stray)) {
        for Found { name, modified, known } in self.names.drain(..) {
            if known {
                compared.known += 1;
            } else if modified >= written_before {
                compared.young += 1;
            } else {
                compared.orphans += 1;
                if compared.found.len() < MOST_KEPT {
                    compared.found.push(name.clone());
                }
                tell(Stray::Orphan(name));
            }
        }
    }
}
