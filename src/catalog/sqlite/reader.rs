//! Connections that read.
//!
//! # Invariants
//! - A query sees one moment of the catalog, and everything that was committed before it began.
//! - At most [`READERS`] queries run; further ones wait. A cancelled caller's query still ends and gives its
//!   connection back.
//! - A lookup of one name runs where it is asked for: its pages are nearly always in memory, and then it takes less time
//!   than the way to another thread and back. At worst it waits for the disk to read a few pages. What may read many
//!   rows goes to a blocking thread.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::schema;
use crate::catalog::CatalogError;

/// How many queries run at a time.
const READERS: usize = 4;

pub(super) struct Readers {
    free: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self, CatalogError> {
        let free = (0..READERS).map(|_| schema::open_reader(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { free: Arc::new(Mutex::new(free)), places: Arc::new(Semaphore::new(READERS)) })
    }

    /// Runs `query` on a free connection, within one read transaction.
    pub(super) async fn run<T, F>(&self, query: F) -> Result<T, CatalogError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, CatalogError> + Send + 'static,
    {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_closed| CatalogError::Closed)?;
        let free = Arc::clone(&self.free);
        let work = move || on_a_connection(&free, place, query);
        tokio::task::spawn_blocking(work).await.map_err(|_ended| CatalogError::Closed)?
    }

    /// Runs `lookup`, which reads a few rows by their keys, on this thread if a connection is free, as [`run`](Self::run)
    /// otherwise.
    pub(super) async fn look_up<T, F>(&self, lookup: F) -> Result<T, CatalogError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, CatalogError> + Send + 'static,
    {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return self.run(lookup).await };
        on_a_connection(&self.free, place, lookup)
    }

    /// Refuses further queries and closes the connections that are free.
    pub(super) fn close(&self) {
        self.places.close();
        self.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Whoever has a place finds a connection, unless the catalog was closed.
fn on_a_connection<T>(
    free: &Mutex<Vec<Connection>>,
    place: OwnedSemaphorePermit,
    query: impl FnOnce(&Connection) -> Result<T, CatalogError>,
) -> Result<T, CatalogError> {
    let db = free.lock().unwrap_or_else(PoisonError::into_inner).pop().ok_or(CatalogError::Closed)?;
    let answer = within_transaction(&db, query);
    free.lock().unwrap_or_else(PoisonError::into_inner).push(db);
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
