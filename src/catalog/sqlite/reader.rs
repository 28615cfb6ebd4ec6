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
use crate::catalog::{CatalogError, Failure};

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
        Ok(Self::with(connections, lock))
    }

    /// One connection, whose transaction has begun: every query sees the same moment.
    pub(super) fn open_snapshot(path: &Path, lock: Arc<Lock>) -> Result<Self, CatalogError> {
        let db = schema::open_reader(path)?;
        db.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")?;
        Ok(Self::with(vec![db], lock))
    }

    fn with(connections: Vec<Connection>, lock: Arc<Lock>) -> Self {
        let places = Arc::new(Semaphore::new(connections.len()));
        let scans = Arc::new(Semaphore::new(MOST_SCANS as usize));
        Self { pool: Arc::new(Pool(Mutex::new(Some(Idle { connections, lock })))), places, scans }
    }

    /// Runs `query` on a free connection, within one read transaction.
    pub(super) async fn run<T, F>(&self, query: F) -> Result<T, CatalogError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, CatalogError> + Send + 'static,
    {
        // Kept by the work: a query whose caller has left still reads.
        let scan =
            Arc::clone(&self.scans).acquire_owned().await.map_err(|_closed| CatalogError::Failed(Failure::Closed))?;
        self.on_another_thread(query, Some(scan)).await
    }

    async fn on_another_thread<T, F>(&self, query: F, scan: Option<OwnedSemaphorePermit>) -> Result<T, CatalogError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, CatalogError> + Send + 'static,
    {
        let place =
            Arc::clone(&self.places).acquire_owned().await.map_err(|_closed| CatalogError::Failed(Failure::Closed))?;
        let pool = Arc::clone(&self.pool);
        let work = move || {
            let answer = on_a_connection(&pool, place, query);
            drop(scan);
            answer
        };
        // The runtime is ending: it began no more work.
        tokio::task::spawn_blocking(work).await.map_err(|_ended| CatalogError::Failed(Failure::Closed))?
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
    let (db, lock) = pool.take().ok_or(CatalogError::Failed(Failure::Closed))?;
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
    // A snapshot's has begun already.
    let _transaction = db.is_autocommit().then(|| Reading::begin(db)).transpose()?;
    query(db)
}

/// A read transaction; ends when it is dropped, in a panic too. Its two statements are prepared once: they are a part of each
/// look-up that one can measure.
struct Reading<'db>(&'db Connection);

impl<'db> Reading<'db> {
    fn begin(db: &'db Connection) -> Result<Self, CatalogError> {
        db.prepare_cached("BEGIN")?.execute([])?;
        Ok(Self(db))
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let ended = self.0.prepare_cached("COMMIT").and_then(|mut end| end.execute([]));
        if ended.is_err() {
            // There is nothing to lose, and giving up what was read does not fail.
            let _rolled_back = self.0.execute_batch("ROLLBACK");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use tokio::sync::watch;

    use super::*;
    use crate::catalog::{Catalog as _, ObjectRef, Refusal, Select, SqliteCatalog, UploadId, Which};
    use crate::model::{BucketName, BucketRef, ObjectKey, TenantId, Timestamp};

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
        schema::create(&path).unwrap();
        let lock = Arc::new(schema::lock(&path).unwrap());
        drop(schema::open(&path).unwrap());
        let readers = Readers::open(&path, lock).unwrap();
        for _ in 0..2 * READERS {
            assert!(matches!(readers.run(panics).await, Err(CatalogError::Failed(Failure::Panicked))));
            assert!(matches!(readers.look_up(panics).await, Err(CatalogError::Failed(Failure::Panicked))));
        }
        for _ in 0..2 * READERS {
            assert_eq!(readers.run(one).await.unwrap(), 1);
            assert_eq!(readers.look_up(one).await.unwrap(), 1);
        }
    }

    /// Lists that do not end, as many as like to: a look-up of one name does not wait for any of them.
    #[tokio::test]
    async fn lists_that_do_not_end_hold_up_no_look_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        schema::create(&path).unwrap();
        let catalog = Arc::new(SqliteCatalog::open(&path).unwrap());
        let imaging = BucketName::parse("imaging").unwrap();
        let bucket = BucketRef { tenant: TenantId::parse("chum").unwrap(), name: imaging };
        catalog.create_bucket(&bucket, Timestamp(0), &BTreeMap::new()).await.unwrap();
        let (begins, mut begun) = tokio::sync::mpsc::channel(3 * READERS);
        let (end, ends) = watch::channel(false);
        let lists: Vec<_> = (0..3 * READERS)
            .map(|_| {
                let (catalog, begins, ends) = (Arc::clone(&catalog), begins.clone(), ends.clone());
                tokio::spawn(async move {
                    let runtime = tokio::runtime::Handle::current();
                    let list = move |_db: &Connection| {
                        begins.try_send(()).unwrap();
                        runtime.block_on(ends.clone().wait_for(|end| *end)).unwrap();
                        Ok(())
                    };
                    catalog.readers.run(list).await
                })
            })
            .collect();
        for _ in 0..MOST_SCANS {
            begun.recv().await.unwrap();
        }
        // Each of them has asked for its place: one that would get a fourth has it.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let key = ObjectKey::parse("record").unwrap();
        let object = ObjectRef { bucket: bucket.clone(), key: key.clone(), which: Which::Current };
        let look_ups = async {
            assert_eq!(catalog.bucket(&bucket).await.unwrap().name, bucket.name);
            assert!(matches!(
                catalog.head(&ObjectRef::current(&bucket, &key)).await,
                Err(CatalogError::Refused(Refusal::NoSuchKey))
            ));
            assert!(matches!(catalog.head(&object).await, Err(CatalogError::Refused(Refusal::NoSuchKey))));
            assert!(matches!(
                catalog.open(&ObjectRef::current(&bucket, &key), Select::All).await,
                Err(CatalogError::Refused(Refusal::NoSuchKey))
            ));
            let upload = UploadId("none".to_owned());
            assert!(matches!(
                catalog.upload(&bucket, &key, &upload).await,
                Err(CatalogError::Refused(Refusal::NoSuchUpload))
            ));
        };
        tokio::time::timeout(Duration::from_secs(60), look_ups).await.expect("a look-up waits for lists");
        assert!(begun.try_recv().is_err(), "more lists than may run at once");
        end.send(true).unwrap();
        for list in lists {
            list.await.unwrap().unwrap();
        }
    }
}
