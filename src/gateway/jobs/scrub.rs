//! Looks at every chunk of every part, again and again: it must be there, with the length that it was stored with; of a
//! sample every byte is read and must open. What a provider lost is known before a client asks for it.
//!
//! # Invariants
//! - A round is spread over the time that is set. What it did is in the catalog, so a restart goes on where it was.
//! - A look that a provider did not answer is no finding: it is repeated.
//! - A finding is an incident once, and again only after it was gone or became another.
//! - Clients come first: while they wait for memory, nothing is looked at.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use crate::catalog::{CatalogError, ScrubFault, ScrubPart, ScrubRound};
use crate::gateway::Gateway;
use crate::keys::KeyError;
use crate::model::{PartId, ProviderName, Timestamp};
use crate::seal::{ChunkPlace, ChunkRead, Opener, chunk_name, layout};
use crate::secret::{NamingKey, PartKey, fill_random};
use crate::store::{ChunkStore, StoreError};

/// Parts looked at between two writes of how far it is.
const BATCH: usize = 16;
/// Parts looked at at once, at one provider.
const PARALLEL: usize = 4;
/// Least pause between two batches, however far behind a round is.
const LEAST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause: so late a part that is written now may be looked at if there was none.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// Pause while clients wait for memory, or the keys are away.
const PAUSE_FOR_OTHERS: Duration = Duration::from_secs(1);
/// Pause after a provider or the catalog failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(30);
/// A round takes so much of the time that is set, in hundredths: the rest is for failures and restarts.
const SHARE: u32 = 80;

/// What the operator decides about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScrubSettings {
    /// Within this time every chunk is looked at.
    pub within: Duration,
    /// Of so many chunks in a hundred every byte is read.
    pub sample: u8,
}

/// Why a step failed; it can be repeated.
#[derive(Debug, thiserror::Error)]
pub enum ScrubError {
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The provider failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys are away.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

/// Looks at everything, round after round, until `stop`.
pub async fn scrub(gateway: Arc<Gateway>, settings: ScrubSettings, stop: CancellationToken) {
    let providers: Vec<ProviderName> = gateway.store.providers().map(|(name, _)| name.clone()).collect();
    join_all(providers.iter().map(|provider| keep_looking(&gateway, provider, settings, &stop))).await;
}

async fn keep_looking(gateway: &Gateway, provider: &ProviderName, settings: ScrubSettings, stop: &CancellationToken) {
    loop {
        let pause = match stop.run_until_cancelled(paced_step(gateway, provider, settings)).await {
            None => return,
            Some(Ok(pause)) => pause,
            Some(Err(error)) => {
                tracing::warn!(%error, %provider, "chunks could not be looked at; it is tried again");
                PAUSE_AFTER_FAILURE
            }
        };
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

/// Looks at everything at a provider once, without pauses. Returns how many parts it looked at and how many have a fault.
pub async fn scrub_now(gateway: &Gateway, provider: &ProviderName, sample: u8) -> Result<(u64, u64), ScrubError> {
    let whole = gateway.catalog.scrub_round(provider).await?.and_then(|round| round.whole);
    let mut round = begin(gateway, provider, whole).await?;
    loop {
        let step = step(gateway, provider, &round, sample).await?;
        if step.ended {
            return Ok((round.looked, step.faulty));
        }
        round = step.round;
    }
}

/// One step, unless others need the gateway more; returns how long to pause.
async fn paced_step(
    gateway: &Gateway,
    provider: &ProviderName,
    settings: ScrubSettings,
) -> Result<Duration, ScrubError> {
    if gateway.is_sealed() || gateway.budget.is_wanted() {
        return Ok(PAUSE_FOR_OTHERS);
    }
    let round = match gateway.catalog.scrub_round(provider).await? {
        Some(round) => round,
        None => begin(gateway, provider, None).await?,
    };
    let Step { round, faulty, .. } = step(gateway, provider, &round, settings.sample).await?;
    let since = Timestamp::now().0.saturating_sub(round.whole.unwrap_or(round.began).0).max(0);
    #[expect(clippy::cast_precision_loss, reason = "gauges; 2^52 milliseconds and parts will do")]
    {
        metrics::gauge!("ecluse_scrub_age_seconds", "provider" => provider.to_string()).set(since as f64 / 1000.0);
        metrics::gauge!("ecluse_scrub_faulty_parts", "provider" => provider.to_string()).set(faulty as f64);
    }
    Ok(pause(&round, settings.within, Timestamp::now()))
}

/// How long until the next batch is due.
fn pause(round: &ScrubRound, within: Duration, now: Timestamp) -> Duration {
    let length = within.saturating_mul(SHARE) / 100;
    #[expect(clippy::cast_precision_loss, reason = "a pause; 2^52 parts will do")]
    let part = if round.parts == 0 { 1.0 } else { (round.looked as f64 / round.parts as f64).min(1.0) };
    let due = round.began.plus(length.mul_f64(part));
    let wait = u64::try_from(due.0.saturating_sub(now.0)).unwrap_or_default();
    Duration::from_millis(wait).clamp(LEAST_PAUSE, LONGEST_PAUSE)
}

async fn begin(gateway: &Gateway, provider: &ProviderName, whole: Option<Timestamp>) -> Result<ScrubRound, ScrubError> {
    let parts = gateway.catalog.count_parts_at(provider).await?;
    Ok(ScrubRound { began: Timestamp::now(), whole, after: None, looked: 0, parts })
}

struct Step {
    round: ScrubRound,
    /// Parts with a fault.
    faulty: u64,
    /// The round came to its end, and the next one begins.
    ended: bool,
}

/// Looks at the next parts, and writes down what was found.
async fn step(gateway: &Gateway, provider: &ProviderName, round: &ScrubRound, sample: u8) -> Result<Step, ScrubError> {
    let chunks_at = gateway.store.provider(provider)?;
    let parts = gateway.catalog.parts_at(provider, round.after, BATCH).await?;
    let looks: Vec<_> = parts.iter().map(|part| look(gateway, chunks_at.as_ref(), part, sample)).collect();
    let looked: Vec<Option<ScrubFault>> = stream::iter(looks).buffered(PARALLEL).try_collect().await?;
    let mut faults = Vec::new();
    for (part, fault) in parts.iter().map(|found| found.part.id).zip(looked) {
        // One that was deleted meanwhile may miss what it likes.
        if let Some(fault) = fault
            && lives(gateway, provider, part).await?
        {
            faults.push((part, fault));
        }
    }
    let ended = parts.is_empty();
    let next = match parts.last() {
        Some(last) => ScrubRound {
            after: Some(last.part.id),
            looked: round.looked.saturating_add(parts.len() as u64),
            ..round.clone()
        },
        None => begin(gateway, provider, Some(round.began)).await?,
    };
    let result = gateway.catalog.save_scrub(provider, &next, round.after, faults).await?;
    for (part, fault) in result.new {
        tracing::error!(%part, %provider, what = fault.as_str(), "integrity incident found by looking");
        metrics::counter!("ecluse_integrity_incidents_total", "provider" => provider.to_string()).increment(1);
    }
    metrics::counter!("ecluse_scrub_parts_total", "provider" => provider.to_string()).increment(parts.len() as u64);
    Ok(Step { round: next, faulty: result.faulty, ended })
}

/// Whether the part is still in the catalog.
async fn lives(gateway: &Gateway, provider: &ProviderName, part: PartId) -> Result<bool, CatalogError> {
    let before = u128::from_be_bytes(part.0).checked_sub(1).map(|before| PartId(before.to_be_bytes()));
    let found = gateway.catalog.parts_at(provider, before, 1).await?;
    Ok(found.first().is_some_and(|found| found.part.id == part))
}

/// What is wrong with a part, if anything is.
async fn look(
    gateway: &Gateway,
    chunks_at: &dyn ChunkStore,
    ScrubPart { tenant, part }: &ScrubPart,
    sample: u8,
) -> Result<Option<ScrubFault>, ScrubError> {
    let age = Timestamp::now().0.saturating_sub(part.stored.0).unsigned_abs();
    if u128::from(age) < gateway.settings.late.as_millis() {
        return Ok(None);
    }
    let naming_key = gateway.keyring.naming_key(tenant)?;
    let key = match gateway.keyring.open_part_key(tenant, part.id, &part.wrapped_key) {
        Ok(key) => key,
        Err(KeyError::Refused | KeyError::UnknownKey) => return Ok(Some(ScrubFault::Key)),
        Err(error) => return Err(error.into()),
    };
    for index in 0..part.chunks() {
        let plain_length = layout::chunk_plain_length(part.padded_length, index);
        let read = ChunkRead { plain_length, wanted: 0..plain_length };
        let name = chunk_name(&naming_key, part.id, index);
        match chunks_at.length(&name).await? {
            None => return Ok(Some(ScrubFault::Missing)),
            Some(length) if length != read.sealed_range().end => return Ok(Some(ScrubFault::Length)),
            Some(_) => {}
        }
        let place = ChunkPlace { tenant, part: part.id, index };
        if is_sampled(sample) && !opens(chunks_at, &naming_key, &key, &place, read).await? {
            return Ok(Some(ScrubFault::Content));
        }
    }
    Ok(None)
}

/// Whether all of a chunk can be read and opens.
async fn opens(
    chunks_at: &dyn ChunkStore,
    naming_key: &NamingKey,
    key: &PartKey,
    place: &ChunkPlace<'_>,
    read: ChunkRead,
) -> Result<bool, ScrubError> {
    let name = chunk_name(naming_key, place.part, place.index);
    let sealed = read.sealed_range();
    let Ok(mut opener) = Opener::new(key, place, read) else { return Ok(false) };
    let mut pieces = match chunks_at.get(&name, sealed).await {
        Ok(pieces) => pieces,
        Err(StoreError::NotFound) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    while let Some(piece) = pieces.next().await {
        if opener.push(piece?).is_err() {
            return Ok(false);
        }
        // What was opened is not for anybody: it is wiped as it is dropped.
        while opener.pop().is_some() {}
    }
    Ok(opener.finish().is_ok())
}

/// Chance, so that a provider cannot know which chunks are never read.
fn is_sampled(percent: u8) -> bool {
    let mut random = [0; 4];
    let drawn = fill_random(&mut random).map_or(0, |()| u32::from_le_bytes(random));
    drawn % 100 < u32::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_spread_over_its_time_and_catches_up_when_it_is_late() {
        let within = Duration::from_secs(1000);
        let round = |looked| ScrubRound { began: Timestamp(0), whole: None, after: None, looked, parts: 100 };
        assert_eq!(pause(&round(50), within, Timestamp(0)), Duration::from_secs(400));
        assert_eq!(pause(&round(50), within, Timestamp(399_000)), Duration::from_secs(1));
        assert_eq!(pause(&round(50), within, Timestamp(900_000)), LEAST_PAUSE);
        // Parts that came meanwhile, and none at all.
        assert_eq!(pause(&round(500), within, Timestamp(700_000)), Duration::from_secs(100));
        assert_eq!(pause(&ScrubRound { parts: 0, ..round(0) }, within, Timestamp(0)), LONGEST_PAUSE);
    }

    #[test]
    fn a_sample_of_all_is_all_and_of_none_none() {
        assert!((0..200).all(|_| is_sampled(100) && !is_sampled(0)));
    }
}
