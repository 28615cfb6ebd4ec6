//! Reading and writing notes at providers, and what a look at them tells.

use std::sync::Arc;

use bytes::BytesMut;
use futures::TryStreamExt as _;
use futures::future::try_join_all;

use super::FenceFault;
use super::note::Note;
use crate::model::{CatalogIdentity, EpochEntry, NoteId, ProviderName};
use crate::seal::layout::SEALED_NOTE_BYTES;
use crate::seal::{AwsLc, note_name, open_note, seal_note};
use crate::secret::CatalogSecret;
use crate::store::{Consent, Created, Store, StoreError};

/// A catalog's notes at all of its providers.
pub(super) struct Notes {
    pub(super) identity: CatalogIdentity,
    pub(super) secret: Arc<CatalogSecret>,
    pub(super) store: Arc<Store>,
}

/// What lies in a note's place.
pub(super) enum Found {
    Nothing,
    /// Something that is no note of this catalog with this id.
    Strange,
    Note(Note),
}

impl Notes {
    /// What lies in the place of a note.
    pub(super) async fn read(&self, at: &ProviderName, id: NoteId) -> Result<Found, FenceFault> {
        let name = note_name(&self.secret, id)?;
        let failed = |cause| FenceFault::Store { provider: at.clone(), cause };
        let read = async {
            let mut body = self.store.provider(at)?.get(&name, 0..SEALED_NOTE_BYTES as u64 + 1).await?;
            let mut sealed = BytesMut::new();
            while let Some(piece) = body.try_next().await? {
                sealed.extend_from_slice(&piece);
            }
            Ok(sealed)
        };
        let sealed = match read.await {
            Ok(sealed) => sealed,
            Err(StoreError::NotFound) => return Ok(Found::Nothing),
            Err(cause) => return Err(failed(cause)),
        };
        let note = open_note::<AwsLc>(&self.secret, id, &sealed).ok().and_then(|content| Note::decode(&content));
        Ok(note.filter(|note| note.catalog == self.identity.id).map_or(Found::Strange, Found::Note))
    }

    /// Writes a note unless something lies in its place.
    pub(super) async fn create(&self, at: &ProviderName, id: NoteId, nonce: [u8; 16]) -> Result<Created, FenceFault> {
        let name = note_name(&self.secret, id)?;
        let sealed = seal_note::<AwsLc>(&self.secret, id, &Note::new(self.identity.id, at, nonce).encode())?;
        let created = async { self.store.provider(at)?.create(&name, sealed).await };
        created.await.map_err(|cause| FenceFault::Store { provider: at.clone(), cause })
    }

    /// Deletes a note that this call's own process has just written, and nobody else can know.
    pub(super) async fn delete(&self, at: &ProviderName, id: NoteId) -> Result<(), FenceFault> {
        let name = note_name(&self.secret, id)?;
        let deleted = async { self.store.provider(at)?.delete(&name, &Consent::given()).await };
        deleted.await.map_err(|cause| FenceFault::Store { provider: at.clone(), cause })
    }

    /// Each provider, with what `work` does there; at once.
    pub(super) async fn everywhere<'a, T, F>(
        &'a self,
        work: impl Fn(&'a ProviderName) -> F,
    ) -> Result<Vec<T>, FenceFault>
    where
        F: Future<Output = Result<T, FenceFault>>,
    {
        try_join_all(self.store.providers().map(|(name, _)| work(name))).await
    }

    /// Whether the marker at a provider is this catalog's and the provider's own.
    pub(super) async fn check_marker(&self, at: &ProviderName) -> Result<(), FenceFault> {
        match self.read(at, NoteId::Marker).await? {
            Found::Note(note) if note.provider == *at => Ok(()),
            Found::Note(note) => Err(FenceFault::MarkerWrong { provider: at.clone(), laid_for: Some(note.provider) }),
            Found::Strange => Err(FenceFault::MarkerWrong { provider: at.clone(), laid_for: None }),
            Found::Nothing => Err(FenceFault::MarkerMissing(at.clone())),
        }
    }

    /// Whether the provider knows the catalog's epoch, as the catalog's.
    pub(super) async fn check_own(&self, at: &ProviderName, own: Option<EpochEntry>) -> Result<(), FenceFault> {
        let Some(EpochEntry { epoch, nonce }) = own else { return Ok(()) };
        match self.read(at, NoteId::Epoch(epoch)).await? {
            Found::Note(note) if note.nonce == nonce => Ok(()),
            Found::Nothing => Err(FenceFault::EpochMissing { provider: at.clone(), epoch }),
            // Another process entered the epoch that this catalog says it is in.
            other => Err(occupied(at, epoch, epoch, other)),
        }
    }

    /// Whether nobody has entered the epoch after `ours`.
    pub(super) async fn check_next(&self, at: &ProviderName, ours: u64) -> Result<(), FenceFault> {
        let next = ours.saturating_add(1);
        match self.read(at, NoteId::Epoch(next)).await? {
            Found::Nothing => Ok(()),
            other => Err(occupied(at, ours, next, other)),
        }
    }
}

/// What the note of an epoch in the way means: another process, if it is one; otherwise the provider tells nonsense, or somebody put
/// something there, and only what is authentic ends a gateway for good.
pub(super) fn occupied(at: &ProviderName, ours: u64, found: u64, by: Found) -> FenceFault {
    match by {
        Found::Note(by) => FenceFault::Stale { provider: at.clone(), ours, found, by: Box::new(by) },
        Found::Strange | Found::Nothing => FenceFault::MarkerWrong { provider: at.clone(), laid_for: None },
    }
}
