//! The one thread that writes.
//!
//! # Invariants
//! - Writes that wait together are committed together, with one fsync. Nothing waits for a timer.
//! - Each write has its own savepoint: when it fails, or ends in a panic, it alone is rolled back.
//! - No write is answered before the transaction that holds it is committed. When that fails, all of its group fail.
//! - A transaction takes no further write once it has changed [`GROUP_ROWS`] rows: who waits does not wait for long ones.
//! - At most [`QUEUE`] writes wait; further callers wait for a place.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::checkpoint::Checkpoints;
use super::{Lock, panics};
use crate::catalog::{CatalogError, Failure};

/// Most writes that wait, and most that share a transaction.
const QUEUE: usize = 256;

/// Rows that a transaction changes before it is committed, though more writes wait: some ten milliseconds.
const GROUP_ROWS: u64 = 4_000;

pub(super) struct Writer {
    queue: Mutex<Option<SyncSender<Waiting>>>,
    places: Arc<Semaphore>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    commits: Arc<AtomicU64>,
    most_rows: Arc<AtomicU64>,
}

/// A write with its place in the queue.
struct Waiting {
    write: Box<dyn Write>,
    place: OwnedSemaphorePermit,
}

/// A write, seen by the thread. The type of its answer is hidden in it.
trait Write: Send {
    /// Does it; `false` when its savepoint must be rolled back.
    fn run(&mut self, db: &Connection) -> bool;
    /// Tells the caller. `group` is what became of the transaction.
    fn answer(self: Box<Self>, group: Result<(), CatalogError>);
}

struct Pending<T, F> {
    job: Option<F>,
    result: Result<T, CatalogError>,
    caller: oneshot::Sender<Result<T, CatalogError>>,
}

impl<T, F> Write for Pending<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, CatalogError> + Send,
{
    fn run(&mut self, db: &Connection) -> bool {
        if let Some(job) = self.job.take() {
            self.result = panics::caught(|| job(db));
        }
        self.result.is_ok()
    }

    fn answer(self: Box<Self>, group: Result<(), CatalogError>) {
        // An answer that nobody waits for any more is no fault: the caller was cancelled.
        let _unheard = self.caller.send(group.and(self.result));
    }
}

impl Writer {
    /// Starts the thread. It holds `lock` until it has ended. `checkpoints` end before its connection does; a file that is only
    /// looked at has none.
    pub(super) fn start(
        db: Connection,
        checkpoints: Option<Checkpoints>,
        lock: Arc<Lock>,
    ) -> Result<Self, CatalogError> {
        let (queue, waiting) = sync_channel(QUEUE);
        let commits = Arc::new(AtomicU64::new(0));
        let most_rows = Arc::new(AtomicU64::new(0));
        let scribe = Scribe { db, commits: Arc::clone(&commits), most_rows: Arc::clone(&most_rows), checkpoints };
        let body = move || {
            scribe.serve(&waiting);
            // The log is emptied before the connection is closed.
            drop(scribe.checkpoints);
            drop(scribe.db);
            drop(lock);
        };
        let thread = thread::Builder::new().name("catalog".into()).spawn(body).map_err(CatalogError::from)?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            places: Arc::new(Semaphore::new(QUEUE)),
            thread: Arc::new(Mutex::new(Some(thread))),
            commits,
            most_rows,
        })
    }

    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// How many rows the largest write has changed.
    pub(super) fn most_rows(&self) -> u64 {
        self.most_rows.load(Ordering::Relaxed)
    }

    /// Runs `job` within a transaction and returns when that is on disk.
    pub(super) async fn run<T, F>(&self, job: F) -> Result<T, CatalogError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, CatalogError> + Send + 'static,
    {
        let place =
            Arc::clone(&self.places).acquire_owned().await.map_err(|_closed| CatalogError::Failed(Failure::Closed))?;
        let (caller, answer) = oneshot::channel();
        let write = Box::new(Pending { job: Some(job), result: Err(CatalogError::Failed(Failure::Closed)), caller });
        self.send(Waiting { write, place })?;
        answer.await.map_err(|_ended| CatalogError::Failed(Failure::Closed))?
    }

    /// Refuses further writes, waits for those accepted, and for the thread.
    pub(super) async fn close(&self) {
        self.places.close();
        drop(self.take_queue());
        let thread = Arc::clone(&self.thread);
        // Joined under the lock, so that a second call waits as well.
        let join = move || {
            if let Some(thread) = thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
                let _ended = thread.join();
            }
        };
        let _joined = tokio::task::spawn_blocking(join).await;
    }

    fn send(&self, waiting: Waiting) -> Result<(), CatalogError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        // As many places as the queue is long: it is never full.
        queue
            .as_ref()
            .ok_or(CatalogError::Failed(Failure::Closed))?
            .try_send(waiting)
            .map_err(|_ended| CatalogError::Failed(Failure::Closed))
    }

    fn take_queue(&self) -> Option<SyncSender<Waiting>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Writer {
    /// Waits for what was accepted, so that the catalog can be opened again at once.
    fn drop(&mut self) {
        drop(self.take_queue());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ended = thread.join();
        }
    }
}

/// What the thread owns.
struct Scribe {
    db: Connection,
    commits: Arc<AtomicU64>,
    most_rows: Arc<AtomicU64>,
    checkpoints: Option<Checkpoints>,
}

impl Scribe {
    fn serve(&self, waiting: &Receiver<Waiting>) {
        while let Ok(first) = waiting.recv() {
            self.group(first, waiting);
        }
    }

    fn group(&self, first: Waiting, waiting: &Receiver<Waiting>) {
        let mut group = Vec::new();
        let began = Instant::now();
        let turn = self.checkpoints.as_ref().map(Checkpoints::writers_turn);
        let outcome = self.commit(first, waiting, &mut group);
        drop(turn);
        if outcome.is_ok() {
            self.commits.fetch_add(1, Ordering::Relaxed);
            metrics::counter!("ecluse_catalog_commits_total").increment(1);
        } else {
            metrics::counter!("ecluse_catalog_commit_failures_total").increment(1);
        }
        metrics::histogram!("ecluse_catalog_commit_seconds").record(began.elapsed().as_secs_f64());
        metrics::histogram!("ecluse_catalog_group_size").record(u32::try_from(group.len()).unwrap_or(u32::MAX));
        match outcome {
            Ok(()) => group.into_iter().for_each(|write| write.answer(Ok(()))),
            Err(error) => group
                .into_iter()
                .for_each(|write| write.answer(Err(CatalogError::Failed(Failure::Engine(again(&error)))))),
        }
    }

    /// Does the first write and those that wait, each of which is in `group` then, in one transaction.
    fn commit(
        &self,
        first: Waiting,
        waiting: &Receiver<Waiting>,
        group: &mut Vec<Box<dyn Write>>,
    ) -> Result<(), rusqlite::Error> {
        let begun = self.db.execute_batch("BEGIN IMMEDIATE");
        let end = self.db.total_changes().saturating_add(GROUP_ROWS);
        let mut next = Some(first);
        let mut outcome = begun;
        while let Some(Waiting { mut write, place }) = next.take() {
            drop(place);
            outcome = outcome.and_then(|()| self.step(write.as_mut()));
            group.push(write);
            if outcome.is_ok() && group.len() < QUEUE && self.db.total_changes() < end {
                next = waiting.try_recv().ok();
            }
        }
        let outcome = outcome.and_then(|()| self.db.execute_batch("COMMIT"));
        if outcome.is_err() && !self.db.is_autocommit() {
            // When even this fails, the next BEGIN does, and its group learns of it.
            let _rolled_back = self.db.execute_batch("ROLLBACK");
        }
        outcome
    }

    /// One write in its savepoint. An error here is the whole group's: SQLite may have given up the transaction.
    fn step(&self, write: &mut dyn Write) -> Result<(), rusqlite::Error> {
        let run = |sql| self.db.prepare_cached(sql)?.execute([]);
        let before = self.db.total_changes();
        run("SAVEPOINT job")?;
        if !write.run(&self.db) {
            run("ROLLBACK TO job")?;
        }
        run("RELEASE job")?;
        self.most_rows.fetch_max(self.db.total_changes().saturating_sub(before), Ordering::Relaxed);
        Ok(())
    }
}

/// The same error once more: each write of a failed group is told.
fn again(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, text) => rusqlite::Error::SqliteFailure(*code, text.clone()),
        other => rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ERROR),
            Some(other.to_string()),
        ),
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
