//! Looks at all chunks, in memory.

use std::collections::BTreeMap;

use super::state::State;
use crate::catalog::{QueuedDeletion, ScrubFault, ScrubPart, ScrubResult, ScrubRound};
use crate::model::{Part, PartId, ProviderName};

pub(super) fn parts(state: &State, provider: &ProviderName, after: Option<PartId>, most: usize) -> Vec<ScrubPart> {
    let held = state.parts.values().filter(|entry| entry.part.placements.contains(provider));
    held.filter(|entry| after.is_none_or(|after| entry.part.id > after))
        .take(most)
        .map(|entry| {
            let part = Part { placements: vec![provider.clone()], ..entry.part.clone() };
            ScrubPart { tenant: entry.tenant.clone(), part }
        })
        .collect()
}

pub(super) fn doomed(
    state: &State,
    provider: &ProviderName,
    after: Option<PartId>,
    most: usize,
) -> Vec<QueuedDeletion> {
    let mut parts: BTreeMap<PartId, QueuedDeletion> = BTreeMap::new();
    let looks = state.looks.values().map(|(part, _)| part);
    for part in state.deletions.values().map(|waiting| &waiting.part).chain(looks) {
        if part.provider == *provider && after.is_none_or(|after| part.part > after) {
            let known = parts.entry(part.part).or_insert_with(|| part.clone());
            known.chunks = known.chunks.max(part.chunks);
        }
    }
    parts.into_values().take(most).collect()
}

pub(super) fn count(state: &State, provider: &ProviderName) -> u64 {
    let held = state.parts.values().filter(|entry| entry.part.placements.contains(provider)).count();
    u64::try_from(held).unwrap_or(u64::MAX)
}

pub(super) fn save(
    state: &mut State,
    provider: &ProviderName,
    round: &ScrubRound,
    from: Option<PartId>,
    faults: Vec<(PartId, ScrubFault)>,
) -> ScrubResult {
    state.rounds.insert(provider.clone(), round.clone());
    let findings = state.findings.entry(provider.clone()).or_default();
    let new = faults.iter().filter(|(part, fault)| findings.get(part) != Some(fault)).copied().collect();
    let looked_at = |part: &PartId| from.is_none_or(|from| *part > from) && round.after.is_none_or(|end| *part <= end);
    findings.retain(|part, _| !looked_at(part));
    findings.extend(faults);
    ScrubResult { new, faulty: u64::try_from(findings.len()).unwrap_or(u64::MAX) }
}
