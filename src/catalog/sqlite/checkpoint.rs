//! The write-ahead log is emptied, on a thread of its own.
//!
//! # Invariants
//! - What is moved from the log to the file holds up neither the writer nor a reader (a passive checkpoint).
//! - Only when little is left to move is the log begun anew or emptied. The writer waits for that between two transactions
//!   ([`Turns`]), and it waits [`PATIENCE`] at the longest for those who read. A reader that stays longer (a backup) delays it,
//!   and no write.
//! - After each of these the size of the file is told to the metrics.
//! - A log that nobody reads from is empty at the latest [`ERASE_WITHIN`] after a commit, so that erased keys do not linger in it.

use std::os::raw::c_int;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::schema::BUSY;
use super::{Lock, compact};
use crate::catalog::CatalogError;

/// The log is emptied so long after a commit.
pub(super) const ERASE_WITHIN: Duration = Duration::from_secs(60);
/// Pages that come into the log before they are moved.
const MOVED_TOGETHER: usize = 1_000;
/// A log of more pages is begun anew though writes go on: 16 MiB.
const LONG: usize = 4_000;
/// What may be left to move when the writer is held up.
const FEW: usize = 1_000;
/// How long the writer is held up for those who read.
const PATIENCE: Duration = Duration::from_millis(40);
/// Pause after an attempt that somebody's reading was in the way of.
const PAUSE: Duration = Duration::from_secs(1);

/// The thread. Dropped, it empties the log once more and ends.
pub(super) struct Checkpoints {
    notes: Arc<Notes>,
    turns: Arc<Turns>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Starts the thread, which works with `own` and hears of each commit of `writer`. It holds `lock` until it has ended.
    pub(super) fn start(
        writer: &mut Connection,
        own: Connection,
        lock: Arc<Lock>,
        erase_within: Duration,
    ) -> Result<Self, CatalogError> {
        own.busy_timeout(PATIENCE)?;
        let notes = Arc::new(Notes::default());
        let told = Arc::clone(&notes);
        // In place of SQLite's own hook, with which the writer moves pages itself.
        writer.wal_hook(Some(move |_: &mut Wal, pages: c_int| {
            told.committed(usize::try_from(pages).unwrap_or_default());
            Ok(())
        }))?;
        let turns = Arc::new(Turns::default());
        let keeper =
            Keeper { db: own, notes: Arc::clone(&notes), turns: Arc::clone(&turns), erase_within, delayed: None };
        let body = move || {
            keeper.serve();
            drop(lock);
        };
        let thread = thread::Builder::new().name("catalog-log".into()).spawn(body).map_err(CatalogError::from)?;
        Ok(Self { notes, turns, thread: Some(thread) })
    }

    /// The writer's turn, until it is dropped: the log is neither begun anew nor emptied meanwhile.
    pub(super) fn writers_turn(&self) -> impl Drop + '_ {
        self.turns.writer()
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.notes.state().ended = true;
        self.notes.told.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// What the writer has told, and what was done about it.
#[derive(Default)]
struct Notes {
    state: Mutex<State>,
    told: Condvar,
}

#[derive(Default)]
struct State {
    /// Pages in the log.
    pages: usize,
    /// How many there were when they were moved last.
    moved: usize,
    /// Since when the log holds something.
    unclean: Option<Instant>,
    ended: bool,
}

impl State {
    fn has_grown(&self) -> bool {
        self.pages >= self.moved.saturating_add(MOVED_TOGETHER)
    }
}

/// What is to be done.
enum Task {
    Move,
    Empty,
    End,
}

impl Notes {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn committed(&self, pages: usize) {
        let mut state = self.state();
        if pages < state.pages {
            // The log began anew.
            state.moved = 0;
        }
        state.pages = pages;
        // The thread sleeps until something is due; it has to learn of the first commit and of growth.
        if state.unclean.is_none() || state.has_grown() {
            self.told.notify_all();
        }
        state.unclean.get_or_insert_with(Instant::now);
    }

    /// Waits until something is to be done, but for the end not before `not_before`.
    fn next(&self, not_before: Instant, erase_within: Duration) -> Task {
        let mut state = self.state();
        loop {
            if state.ended {
                return Task::End;
            }
            let now = Instant::now();
            let erase_at = state.unclean.map(|since| since + erase_within);
            let due = if state.has_grown() { Some(now) } else { erase_at }.map(|due| due.max(not_before));
            match due {
                Some(due) if due <= now && erase_at.is_some_and(|at| at <= now) => return Task::Empty,
                Some(due) if due <= now => return Task::Move,
                Some(due) => {
                    let waited = self.told.wait_timeout(state, due - now).unwrap_or_else(PoisonError::into_inner);
                    state = waited.0;
                }
                None => state = self.told.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// Whose turn it is with what SQLite lets only one do at a time. Its own lock is asked for again and again, and a writer that
/// begins anew at once would nearly always have it.
#[derive(Default)]
struct Turns {
    state: Mutex<TurnsTaken>,
    changed: Condvar,
}

#[derive(Default)]
struct TurnsTaken {
    writes: bool,
    /// The log's turn has begun, or is the next.
    wanted: bool,
}

impl Turns {
    fn state(&self) -> MutexGuard<'_, TurnsTaken> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> Turn<'_> {
        let wait = self.changed.wait_while(self.state(), |taken| taken.wanted);
        wait.unwrap_or_else(PoisonError::into_inner).writes = true;
        Turn { turns: self, end: |taken| taken.writes = false }
    }

    fn log(&self) -> Turn<'_> {
        let mut taken = self.state();
        taken.wanted = true;
        drop(self.changed.wait_while(taken, |taken| taken.writes).unwrap_or_else(PoisonError::into_inner));
        Turn { turns: self, end: |taken| taken.wanted = false }
    }
}

struct Turn<'a> {
    turns: &'a Turns,
    end: fn(&mut TurnsTaken),
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        (self.end)(&mut self.turns.state());
        self.turns.changed.notify_all();
    }
}

/// What the thread owns.
struct Keeper {
    db: Connection,
    notes: Arc<Notes>,
    turns: Arc<Turns>,
    erase_within: Duration,
    /// Since when emptying has failed, or when that was counted last.
    delayed: Option<Instant>,
}

impl Keeper {
    fn serve(mut self) {
        let mut not_before = Instant::now();
        loop {
            self.tell_size();
            let done = match self.notes.next(not_before, self.erase_within) {
                Task::Move => self.move_pages(),
                Task::Empty => self.empty(),
                Task::End => break,
            };
            if !done {
                not_before = Instant::now() + PAUSE;
            }
        }
        // Nothing is written any more: who reads may be waited for.
        let _patient = self.db.busy_timeout(BUSY);
        if !self.alone("TRUNCATE") {
            metrics::counter!("ecluse_catalog_checkpoint_failures_total").increment(1);
        }
    }

    /// Moves what may be moved. A log that has become long begins anew.
    fn move_pages(&self) -> bool {
        let pages = {
            let mut state = self.notes.state();
            state.moved = state.pages;
            state.pages
        };
        let left = self.checkpoint("PASSIVE");
        if pages < LONG {
            return true;
        }
        left.is_some_and(|left| left <= FEW) && self.alone("RESTART")
    }

    /// Moves everything to the file, and empties the log.
    fn empty(&mut self) -> bool {
        // Before: a commit meanwhile says so itself.
        let unclean = self.notes.state().unclean.take();
        let done = self.checkpoint("PASSIVE").is_some_and(|left| left <= FEW) && self.alone("TRUNCATE");
        if done {
            self.delayed = None;
            return true;
        }
        self.notes.state().unclean = unclean;
        let delayed = *self.delayed.get_or_insert_with(Instant::now);
        if delayed.elapsed() >= self.erase_within {
            self.delayed = Some(Instant::now());
            metrics::counter!("ecluse_catalog_checkpoint_failures_total").increment(1);
        }
        false
    }

    /// Says how large the file is, with what the log will add to it.
    #[expect(clippy::cast_precision_loss, reason = "gauges; petabytes are exact enough")]
    fn tell_size(&self) {
        match compact::room(&self.db) {
            Ok(room) => {
                metrics::gauge!("ecluse_catalog_used_bytes").set(room.used_bytes as f64);
                metrics::gauge!("ecluse_catalog_free_bytes").set(room.free_bytes as f64);
            }
            Err(error) => tracing::debug!(%error, "the size of the catalog's file is not known"),
        }
    }

    /// Runs a checkpoint while the writer waits; whether nothing is left of the log then.
    fn alone(&self, mode: &str) -> bool {
        let _turn = self.turns.log();
        self.checkpoint(mode) == Some(0)
    }

    /// Runs a checkpoint; how many pages are left to move, or nothing when it did not come to its end.
    fn checkpoint(&self, mode: &str) -> Option<usize> {
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let found: Result<(i64, i64, i64), _> = self.db.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], read);
        match found {
            Ok((0, pages, moved)) => usize::try_from(pages.saturating_sub(moved)).ok(),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(%error, "the catalog's log could not be moved to its file");
                None
            }
        }
    }
}

#[cfg(test)]
#[path = "checkpoint_tests.rs"]
mod tests;
