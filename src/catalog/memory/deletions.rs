//! The queue of chunks to delete, in memory.

use super::state::{State, Waiting};
use crate::catalog::{DeletionQueue, QueuedDeletion};
use crate::model::{ProviderName, Timestamp};

pub(super) fn due(state: &State, provider: &ProviderName, now: Timestamp, most: usize) -> Vec<QueuedDeletion> {
    let mut due: Vec<&Waiting> =
        state.deletions.values().filter(|waiting| waiting.part.provider == *provider && waiting.due <= now).collect();
    due.sort_by_key(|waiting| (waiting.due, waiting.part.part));
    due.into_iter().take(most).map(|waiting| waiting.part.clone()).collect()
}

pub(super) fn queue(state: &mut State, parts: Vec<QueuedDeletion>, due: Timestamp) {
    let doubtful = parts.iter().filter(|part| part.in_doubt).cloned().collect();
    look_again(state, doubtful, due.plus(QueuedDeletion::LINGERS));
    parts.into_iter().for_each(|part| state.queue(QueuedDeletion { in_doubt: false, ..part }, due));
}

pub(super) fn look_again(state: &mut State, parts: Vec<QueuedDeletion>, at: Timestamp) {
    for part in parts {
        let part = QueuedDeletion { in_doubt: false, ..part };
        let chunks = part.chunks;
        let (look, when) = state.looks.entry((part.part, part.provider.clone())).or_insert((part, at));
        (look.chunks, *when) = (chunks.max(look.chunks), at.max(*when));
    }
}

pub(super) fn requeue_looks(state: &mut State, now: Timestamp, most: usize) -> usize {
    let mut due: Vec<_> =
        state.looks.iter().filter(|(_, (_, at))| *at <= now).map(|(name, (_, at))| (*at, name.clone())).collect();
    due.sort();
    due.truncate(most);
    for (_, name) in &due {
        let Some((part, _)) = state.looks.remove(name) else { continue };
        if !state.parts.contains_key(&part.part) && !state.deletions.contains_key(name) {
            state.queue(part, now);
        }
    }
    due.len()
}

pub(super) fn hasten(state: &mut State, latest: Timestamp) {
    for waiting in state.deletions.values_mut() {
        let bound = if waiting.attempts == 0 { latest } else { QueuedDeletion::latest_of_failed(latest) };
        if waiting.due > bound {
            (waiting.due, waiting.since) = (latest, latest.min(waiting.since));
        }
    }
    let again = latest.plus(QueuedDeletion::LINGERS);
    state.looks.values_mut().for_each(|(_, at)| *at = again.min(*at));
    state.aside.iter_mut().for_each(|(_, at)| *at = again.min(*at));
}

pub(super) fn postpone(state: &mut State, failed: &[QueuedDeletion], now: Timestamp) {
    for part in failed {
        if let Some(waiting) = state.deletions.get_mut(&(part.part, part.provider.clone())) {
            waiting.attempts = waiting.attempts.saturating_add(1);
            waiting.due = now.plus(QueuedDeletion::pause(waiting.attempts));
        }
    }
}

pub(super) fn queue_state(state: &State) -> DeletionQueue {
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    DeletionQueue {
        waiting: count(state.deletions.len()),
        failing: count(state.deletions.values().filter(|waiting| waiting.attempts > 0).count()),
        oldest: state.deletions.values().map(|waiting| waiting.since).min(),
    }
}
