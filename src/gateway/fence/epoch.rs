//! Entering an epoch: create-only, at every provider.
//!
//! # Invariants
//! - What is about to be written at providers is noted in the catalog before: a process that dies in between finds its own nonce.
//! - An epoch counts as entered when the note of it is ours at every provider and the catalog has it.

use super::FenceFault;
use super::look::{Found, Notes, occupied};
use super::note::nonce;
use crate::catalog::Catalog;
use crate::model::{EpochEntry, Epochs, NoteId, ProviderName};
use crate::store::Created;

/// Enters the epoch after the one that the catalog is in.
pub(super) async fn enter(catalog: &dyn Catalog, notes: &Notes) -> Result<EpochEntry, FenceFault> {
    let epochs = catalog.epochs().await?;
    notes
        .everywhere(async |at| {
            notes.check_marker(at).await?;
            notes.check_own(at, epochs.entered).await
        })
        .await?;
    raise(catalog, notes, epochs, epochs.current().saturating_add(1)).await
}

/// Enters the epoch after the highest that any provider knows, whoever entered that.
pub(super) async fn take_over(catalog: &dyn Catalog, notes: &Notes) -> Result<EpochEntry, FenceFault> {
    let epochs = catalog.epochs().await?;
    let ours = epochs.current();
    let found = notes
        .everywhere(async |at| {
            notes.check_marker(at).await?;
            highest(notes, at, ours).await
        })
        .await?;
    let highest = found.into_iter().fold(ours, u64::max);
    raise(catalog, notes, epochs, highest.saturating_add(1)).await
}

async fn raise(catalog: &dyn Catalog, notes: &Notes, epochs: Epochs, next: u64) -> Result<EpochEntry, FenceFault> {
    let entry = match epochs.intended {
        Some(intended) if intended.epoch == next => intended,
        _ => {
            let nonce = nonce().map_err(crate::keys::KeyError::from)?;
            let entry = EpochEntry { epoch: next, nonce };
            catalog.intend_epoch(entry).await?;
            entry
        }
    };
    notes.everywhere(async |at| claim(notes, at, epochs.current(), entry).await).await?;
    catalog.enter_epoch(entry).await?;
    Ok(entry)
}

async fn claim(notes: &Notes, at: &ProviderName, ours: u64, entry: EpochEntry) -> Result<(), FenceFault> {
    let id = NoteId::Epoch(entry.epoch);
    if notes.create(at, id, entry.nonce).await? == Created::Made {
        return Ok(());
    }
    match notes.read(at, id).await? {
        Found::Note(note) if note.nonce == entry.nonce => Ok(()),
        other => Err(occupied(at, ours, entry.epoch, other)),
    }
}

/// The highest epoch that a provider knows, `ours` or above. They follow each other without a gap: looked for in steps that
/// double, then halve.
async fn highest(notes: &Notes, at: &ProviderName, ours: u64) -> Result<u64, FenceFault> {
    let there =
        async |epoch| Ok::<_, FenceFault>(!matches!(notes.read(at, NoteId::Epoch(epoch)).await?, Found::Nothing));
    let (mut known, mut step) = (ours, 1_u64);
    while there(known.saturating_add(step)).await? {
        if step >= MOST_AHEAD {
            return Err(FenceFault::ClaimsAll(at.clone()));
        }
        known = known.saturating_add(step);
        step = step.saturating_mul(2);
    }
    while step > 1 {
        step /= 2;
        if there(known.saturating_add(step)).await? {
            known = known.saturating_add(step);
        }
    }
    Ok(known)
}

/// Each start enters one epoch: so many have not been.
const MOST_AHEAD: u64 = 1 << 40;
