//! What only an operator's command does: makes the identity, lays markers, adopts what version 0.1 wrote, takes over, inspects.

use std::iter;
use std::sync::Arc;

use futures::TryStreamExt as _;

use super::look::{Found, Notes};
use super::note::nonce;
use super::{FenceFault, epoch};
use crate::gateway::Gateway;
use crate::keys::KeyError;
use crate::model::{ChunkName, EpochEntry, NoteId, Part, ProviderName, TenantId};
use crate::seal::layout::{chunk_count, chunk_plain_length};
use crate::seal::{ChunkPlace, ChunkRead, Opener, chunk_name, note_name};
use crate::store::{Created, StoreError};

/// What was done at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Laid {
    /// The marker lies there since now.
    New,
    /// It was there.
    Before,
    /// It lies there since now, after this many of the catalog's parts were found there and opened.
    Adopted(usize),
}

/// How many parts of each provider are looked at before what version 0.1 wrote is adopted.
const SAMPLE: usize = 16;

impl Gateway {
    /// Gives the catalog an identity, if it has none, and lays its marker at every provider where it is not. Repeatable; the
    /// gateway must be open. A catalog of version 0.1 only with `adopt`, after a look at some of its chunks.
    pub async fn lay_markers(&self, adopt: bool) -> Result<Vec<(ProviderName, Laid)>, FenceFault> {
        let in_use = self.catalog.providers_in_use().await?;
        if let Some(name) = in_use.iter().find(|name| self.store.provider(name).is_err()) {
            return Err(FenceFault::NotConfigured(name.clone()));
        }
        let marked = self.catalog.marked_providers().await?;
        let unmarked = in_use.iter().any(|name| !marked.contains(name));
        if unmarked && !adopt {
            return Err(FenceFault::NotAdopted);
        }
        let mut looked = Vec::new();
        for name in in_use.iter().filter(|name| !marked.contains(name)) {
            looked.push((name.clone(), self.check_sample(name).await?));
        }
        if self.catalog.identity().await?.is_none() {
            let identity = self.catalog.put_identity(self.keyring.new_identity().await?).await?;
            self.keyring.open_catalog(&identity).await?;
        }
        let notes = self.notes().await?;
        let mut laid = Vec::new();
        for (name, _) in self.store.providers() {
            let adopted = looked.iter().find(|(found, _)| found == name).map(|(_, parts)| *parts);
            let expected = adopted.is_none() && marked.contains(name) && in_use.contains(name);
            laid.push((name.clone(), self.lay(&notes, name, adopted, expected).await?));
        }
        Ok(laid)
    }

    /// `expected`: the marker was laid, and there are parts; its absence is a loss or another place.
    async fn lay(
        &self,
        notes: &Notes,
        name: &ProviderName,
        adopted: Option<usize>,
        expected: bool,
    ) -> Result<Laid, FenceFault> {
        let before = match notes.check_marker(name).await {
            Ok(()) => true,
            Err(FenceFault::MarkerMissing(_)) if !expected => false,
            Err(other) => return Err(other),
        };
        if !before {
            try_create_only(notes, name).await?;
            if notes.create(name, NoteId::Marker, [0; 16]).await? == Created::Exists {
                notes.check_marker(name).await?;
            }
        }
        self.catalog.mark_provider(name).await?;
        Ok(match (before, adopted) {
            (true, _) => Laid::Before,
            (false, None) => Laid::New,
            (false, Some(parts)) => Laid::Adopted(parts),
        })
    }

    /// How many parts of a sample were found at a provider and opened: all, or it is an error.
    async fn check_sample(&self, name: &ProviderName) -> Result<usize, FenceFault> {
        let sample = self.catalog.sample_at(name, SAMPLE).await?;
        let (looked, mut missing) = (sample.len(), 0);
        for (tenant, part) in &sample {
            match self.opens(name, tenant, part).await {
                Ok(true) => {}
                Ok(false) => missing += 1,
                Err(fault) => return Err(fault),
            }
        }
        let provider = name.clone();
        if missing > 0 { Err(FenceFault::Sample { provider, looked, missing }) } else { Ok(looked) }
    }

    /// Whether the last chunk of a part is at a provider, whole, and opens.
    async fn opens(&self, name: &ProviderName, tenant: &TenantId, part: &Part) -> Result<bool, FenceFault> {
        let index = chunk_count(part.padded_length).saturating_sub(1);
        let plain = chunk_plain_length(part.padded_length, index);
        let key = self.keyring.open_part_key(tenant, part.id, &part.wrapped_key)?;
        let place = ChunkPlace { tenant, part: part.id, index };
        let read = ChunkRead { plain_length: plain, wanted: 0..plain };
        let chunk = chunk_name(self.keyring.naming_key(tenant)?.as_ref(), part.id, index);
        let range = read.sealed_range();
        let mut opener = Opener::new(&key, &place, read)?;
        let opened = async {
            let mut body = self.store.provider(name)?.get(&chunk, range).await?;
            while let Some(piece) = body.try_next().await? {
                if opener.push(piece).is_err() {
                    return Ok(false);
                }
                while opener.pop().is_some() {}
            }
            Ok(opener.finish().is_ok())
        };
        match opened.await {
            Ok(opened) => Ok(opened),
            Err(StoreError::NotFound) => Ok(false),
            Err(cause) => Err(FenceFault::Store { provider: name.clone(), cause }),
        }
    }

    /// Enters an epoch beyond all that the providers know: this catalog may live, whoever else works on a copy of it is stale.
    pub async fn take_over(&self) -> Result<EpochEntry, FenceFault> {
        self.check_configured().await?;
        epoch::take_over(self.catalog.as_ref(), &self.notes().await?).await
    }

    /// Looks at everything that a start looks at, and tries whether the providers honour create-only writes; enters no epoch.
    pub async fn inspect(&self) -> Result<(), Arc<FenceFault>> {
        self.compare_notes(true).await
    }

    /// Looks at everything that a start looks at; writes nothing.
    pub async fn look_on(&self) -> Result<(), Arc<FenceFault>> {
        self.compare_notes(false).await
    }

    /// The names of all notes that the catalog may have left at a provider, those of the epoch after its own too.
    pub(in crate::gateway) async fn note_names(&self) -> Result<Vec<ChunkName>, FenceFault> {
        if self.catalog.identity().await?.is_none() {
            return Ok(Vec::new());
        }
        let (secret, epochs) = (self.keyring.catalog_secret()?, self.catalog.epochs().await?);
        let last = epochs.intended.map_or(0, |entry| entry.epoch).max(epochs.current()).saturating_add(1);
        let numbered = (0..=last).flat_map(|number| [NoteId::Epoch(number), NoteId::Objection(number)]);
        Ok(iter::once(NoteId::Marker).chain(numbered).map(|id| note_name(&secret, id)).collect::<Result<_, _>>()?)
    }

    async fn compare_notes(&self, tries_to_create: bool) -> Result<(), Arc<FenceFault>> {
        let inspected = async {
            self.check_configured().await?;
            let notes = self.notes().await?;
            let epochs = self.catalog.epochs().await?;
            // What this catalog was about to enter is its own, if it is there.
            let intended = epochs.intended.filter(|entry| entry.epoch == epochs.current().saturating_add(1));
            notes
                .everywhere(async |at| {
                    notes.check_marker(at).await?;
                    notes.check_own(at, epochs.entered).await?;
                    if !self.is_intended(&notes, at, intended).await? {
                        notes.check_next(at, epochs.current()).await?;
                    }
                    if tries_to_create { try_create_only(&notes, at).await } else { Ok(()) }
                })
                .await
                .map(|_inspected| ())
        };
        inspected.await.map_err(Arc::new)
    }

    async fn is_intended(
        &self,
        notes: &Notes,
        at: &ProviderName,
        intended: Option<EpochEntry>,
    ) -> Result<bool, FenceFault> {
        let Some(entry) = intended else { return Ok(false) };
        let found = notes.read(at, NoteId::Epoch(entry.epoch)).await?;
        Ok(matches!(found, Found::Note(note) if note.nonce == entry.nonce))
    }
}

/// Writes a note of no meaning twice, create-only: the second time must be refused.
async fn try_create_only(notes: &Notes, at: &ProviderName) -> Result<(), FenceFault> {
    let [a, b, c, d, e, f, g, h, ..] = nonce().map_err(KeyError::from)?;
    let id = NoteId::Probe(u64::from_be_bytes([a, b, c, d, e, f, g, h]));
    notes.create(at, id, [1; 16]).await?;
    let second = notes.create(at, id, [2; 16]).await?;
    notes.delete(at, id).await?;
    if second == Created::Made { Err(FenceFault::Overwrites(at.clone())) } else { Ok(()) }
}
