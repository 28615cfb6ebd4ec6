//! Connections that read.
//!
//! # Invariants
//! - A query sees one moment of the catalog, and everything that was committed before it began.
//! - At most [`READERS`] queries run, and of those that may read many rows at most [`MOST_SCANS`]; further ones wait. So a
//!   lookup never waits for them. A cancelled caller's query still ends and gives its
//!   connection back. So does one that ends in a panic.
//! - A lookup of one name runs where it is asked for: its pages are nearly always in memory, and then it takes less time
//!   than the way to another thread and back. At worst it waits for the disk to read a few pages. What may read many
//!   rows goes to a blocking thread.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Lock, panics, schema};
use crate::catalog::CatalogError;

/// How many queries run at a time.
const READERS: usize = 4;
/// How many of them may read many rows.
pub const MOST_SCANS: u32 = 3;

const _: () = assert!((MOST_SCANS as usize) < READERS);

pub(super) struct Readers {
    pool: Arc<Pool>,
    places: Arc<Semaphore>,
    scans: Arc<Semaphore>,
}

/// Connections that are free; `None` once the catalog is closed.
struct Pool(Mutex<Option<Idle>>);

/// With the catalog's lock, which a query that runs holds as well: it is given back after the last connection.
struct Idle {
    connections: Vec<Connection>,
    lock: Arc<Lock>,
}

impl Pool {
    fn idle(&self) -> MutexGuard<'_, Option<Idle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<(Connection, Arc<Lock>)> {
        let mut idle = self.idle();
        let idle = idle.as_mut()?;
        Some((idle.connections.pop()?, Arc::clone(&idle.lock)))
    }

    fn give_back(&self, db: Connection) {
        // A connection that comes back too late is closed here, before its caller lets go of the lock.
        if let Some(idle) = self.idle().as_mut() {
            idle.connections.push(db);
        }
    }
}

impl Readers {
    pub(super) fn open(path: &Path, lock: Arc<Lock>) -> Result<Self, CatalogError> {
        let connections = (0..READERS).map(|_| schema::open_reader(path)).collect::<Result<Vec<_>, _>>()?;
        let pool = Pool(Mutex::new(Some(Idle { connections, lock })));
        let (places, scans) = (Arc::new(Semaphore::new(READERS)), Arc::new(Semaphore::new(MOST_SCANS as usize)));
        Ok(Self { pool: Arc::new(pool), places, scans })
    }

    /// Runs `query` on a free connection, within one read transaction.
    pub(super) async fn run<T, F>(&self, query: F) -> Result<T, CatalogError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, CatalogError> + Send + 'static,
    {
        // Kept by the work: a query whose caller has left still reads.
        let scan = Arc::clone(&self.scans).acquire_owned().await.map_err(|_closed| CatalogError::Closed)?;
        self.on_another_thread(query, Some(scan)).await
    }

    async fn on_another_thread<T, F>(&self, query: F, scan: Option<OwnedSemaphorePermit>) -> Result<T, CatalogError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, CatalogError> + Send + 'static,
    {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_closed| CatalogError::Closed)?;
        let pool = Arc::clone(&self.pool);
        let work = move || {
            let answer = on_a_connection(&pool, place, query);
            drop(scan);
            answer
        };
        // The runtime is ending: it began no more work.
        tokio::task::spawn_blocking(work).await.map_err(|_ended| CatalogError::Closed)?
    }

    /// Runs `lookup`, which reads a few rows by their keys, on this thread if a connection is free, on another one when one
    /// becomes so otherwise.
    pub(super) async fn look_up<T, F>(&self, lookup: F) -> Result<T, CatalogError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, CatalogError> + Send + 'static,
    {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return self.on_another_thread(lookup, None).await;
        };
        on_a_connection(&self.pool, place, lookup)
    }

    /// Refuses further queries and closes the connections that are free.
    pub(super) fn close(&self) {
        self.places.close();
        self.scans.close();
        drop(self.pool.idle().take());
    }
}

/// Whoever has a place finds a connection, unless the catalog was closed.
fn on_a_connection<T>(
    pool: &Pool,
    place: OwnedSemaphorePermit,
    query: impl FnOnce(&Connection) -> Result<T, CatalogError>,
) -> Result<T, CatalogError> {
    let (db, lock) = pool.take().ok_or(CatalogError::Closed)?;
    let answer = panics::caught(|| within_transaction(&db, query));
    pool.give_back(db);
    drop(lock);
    drop(place);
    answer
}

fn within_transaction<T>(
    db: &Connection,
    query: impl FnOnce(&Connection) -> Result<T, CatalogError>,
) -> Result<T, CatalogError> {
    // Dropping it rolls back, which for a reader is as good as committing.
    let _transaction = db.unchecked_transaction()?;
    query(db)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panics(_db: &Connection) -> Result<i64, CatalogError> {
        panic!("of the test");
    }

    fn one(db: &Connection) -> Result<i64, CatalogError> {
        Ok(db.query_row("SELECT 1", [], |row| row.get(0))?)
    }

    #[tokio::test]
    async fn a_query_that_panics_fails_alone_and_gives_its_connection_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        let lock = Arc::new(schema::lock(&path).unwrap());
        drop(schema::open(&path).unwrap());
        let readers = Readers::open(&path, lock).unwrap();
        for _ in 0..2 * READERS {
            assert!(matches!(readers.run(panics).await, Err(CatalogError::Panicked)));
            assert!(matches!(readers.look_up(panics).await, Err(CatalogError::Panicked)));
        }
        for _ in 0..2 * READERS {
            assert_eq!(readers.run(one).await.unwrap(), 1);
            assert_eq!(readers.look_up(one).await.unwrap(), 1);
        }
    }
}
