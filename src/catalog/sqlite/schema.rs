//! The file: its lock, its identity, its schema.
//!
//! # Invariants
//! - The file itself is locked (`flock`), so that another process finds it taken by whatever name it comes: a symbolic link, a
//!   hard link, a bind mount. SQLite's own locks are of another kind (POSIX, of byte ranges) and are not touched by it.
//! - Closing any descriptor of a file drops all POSIX locks that the process has on it. So the descriptor that holds the lock is
//!   opened before SQLite opens the file and closed after SQLite's last connection; nothing else opens the file in between.
//! - Nothing is written to a file that is not a catalog, or that a later version wrote.
//! - Each migration is one transaction, which also raises `user_version`.
//! - Before the first migration of a file that holds something, a copy of it is kept ([`keepsake`]).
//! - A file that is opened as it is is not changed, whatever its schema.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::keepsake;
use crate::catalog::{CatalogError, Failure};

/// "ECLU", as SQLite's `application_id`.
const APPLICATION_ID: i64 = 0x4543_4c55;

/// All migrations; the schema's version is how many were applied.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_start.sql"),
    include_str!("../migrations/0002_storage_class.sql"),
    include_str!("../migrations/0003_azure.sql"),
    include_str!("../migrations/0004_edges.sql"),
    include_str!("../migrations/0005_bulk.sql"),
    include_str!("../migrations/0006_queue.sql"),
    include_str!("../migrations/0007_bucket_tags.sql"),
];

/// The first schema with an identity.
const FIRST_WITH_IDENTITY: usize = 4;

/// Statements each connection keeps prepared.
const PREPARED: usize = 192;

/// Most memory for pages that a connection keeps, in KiB: the inner pages of a catalog of a million names. SQLite's own
/// 2 MiB hold those of a tenth of that. With the readers and the writer, 80 MiB at most.
const CACHE_KIB: i64 = 16 << 10;

/// How long a connection waits for a lock within SQLite. Only recovery and checkpoints ever hold one that matters.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// How old a catalog's structure is: how many migrations it has had, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// Of the file; 0: nothing is in it yet.
    pub found: usize,
    /// Of this program.
    pub known: usize,
}

impl Schema {
    /// Whether the next start changes it.
    pub fn is_behind(self) -> bool {
        self.found < self.known
    }

    /// Whether a catalog of this schema can have an identity: version 0.1 made none.
    pub fn has_identity(self) -> bool {
        self.found >= FIRST_WITH_IDENTITY
    }
}

/// Holds the catalog for this process; releases it when dropped. Dropped after every connection: see `schema`.
pub(super) struct Lock {
    _files: Vec<File>,
}

impl Lock {
    /// Keeps nobody out: for who only looks on.
    pub(super) fn none() -> Self {
        Self { _files: Vec::new() }
    }
}

/// Takes the catalog for this process.
///
/// First by its name, which keeps out version 0.1 and another value of this process, before the file is touched; then the file
/// itself.
pub(super) fn lock(path: &Path) -> Result<Lock, CatalogError> {
    let mut name = real_path(path).map_err(CatalogError::from)?.into_os_string();
    name.push(".lock");
    let name = locked(private(&PathBuf::from(name)))?;
    let file = locked(OpenOptions::new().read(true).write(true).open(path))?;
    Ok(Lock { _files: vec![file, name] })
}

fn locked(file: io::Result<File>) -> Result<File, CatalogError> {
    let file = file.map_err(CatalogError::from)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(CatalogError::Failed(Failure::InUse)),
        Err(TryLockError::Error(error)) => Err(CatalogError::Failed(Failure::Io(error))),
    }
}

/// Where the file is, links followed; `path` as it is while there is no file.
fn real_path(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
        found => found,
    }
}

/// Opens the file for writing, with the current schema in it.
pub(super) fn open(path: &Path) -> Result<Connection, CatalogError> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    configure(&db)?;
    let found = version(&db)?;
    if found > 0 && found < MIGRATIONS.len() {
        let copy = keepsake::keep(&db, path, found)?;
        tracing::warn!(from = found, to = MIGRATIONS.len(), copy = %copy.display(), "the catalog's schema changes; a copy of it was kept");
    }
    db.pragma_update(None, "secure_delete", true)?;
    db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))?;
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update(None, "foreign_keys", true)?;
    migrate(&db, found)?;
    Ok(db)
}

/// Opens the file to empty its log.
pub(super) fn open_for_log(path: &Path) -> Result<Connection, CatalogError> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    configure(&db)?;
    db.pragma_update(None, "synchronous", "full")?;
    Ok(db)
}

/// Opens the file to look at it, with its schema's version. It must be there.
pub(super) fn open_as_it_is(path: &Path) -> Result<(Connection, Schema), CatalogError> {
    let db = open_reader(path)?;
    let found = version(&db)?;
    Ok((db, Schema { found, known: MIGRATIONS.len() }))
}

/// Opens the file for reading.
pub(super) fn open_reader(path: &Path) -> Result<Connection, CatalogError> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    configure(&db)?;
    Ok(db)
}

/// Applies the migrations after the first `found`.
pub(super) fn migrate(db: &Connection, found: usize) -> Result<(), CatalogError> {
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(found) {
        let transaction = db.unchecked_transaction()?;
        db.execute_batch(migration)?;
        db.pragma_update(None, "application_id", APPLICATION_ID)?;
        db.pragma_update(None, "user_version", i64::try_from(index + 1).unwrap_or(i64::MAX))?;
        transaction.commit()?;
    }
    Ok(())
}

/// What the tables and indexes of a file say that are not what the migrations make, by name; none when they are.
pub(super) fn strangers(db: &Connection) -> Result<Vec<String>, CatalogError> {
    let made = Connection::open_in_memory()?;
    migrate(&made, 0)?;
    let (found, made) = (structure(db)?, structure(&made)?);
    Ok(made.symmetric_difference(&found).map(|(name, _)| name.clone()).collect())
}

/// The tables and indexes with the statements that made them, but for SQLite's own.
fn structure(db: &Connection) -> Result<BTreeSet<(String, String)>, CatalogError> {
    let sql = "SELECT type || ' ' || name || ' of ' || tbl_name, coalesce(sql, '') FROM sqlite_schema
               WHERE name NOT LIKE 'sqlite_stat%'";
    let mut statement = db.prepare(sql)?;
    Ok(statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}

fn configure(db: &Connection) -> Result<(), CatalogError> {
    db.busy_timeout(BUSY)?;
    db.set_prepared_statement_cache_capacity(PREPARED);
    // Otherwise a statement is planned anew for each value that is compared, which takes longer than most of ours run.
    // Source: sqlite.org/queryplanner-ng.html, "Query Planner Stability Guarantee".
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Negative: KiB rather than pages.
    db.pragma_update(None, "cache_size", -CACHE_KIB)?;
    db.pragma_update(None, "trusted_schema", false)?;
    Ok(())
}

/// How many migrations the file has had.
fn version(db: &Connection) -> Result<usize, CatalogError> {
    let number = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let found = number("user_version")?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let fresh = found == 0 && tables == 0;
    if !fresh && number("application_id")? != APPLICATION_ID {
        return Err(CatalogError::Failed(Failure::Damaged("the file is a database, but not a catalog")));
    }
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(CatalogError::Failed(Failure::TooNew { found, known }));
    }
    usize::try_from(found).map_err(|_negative| CatalogError::Failed(Failure::Damaged("a schema below zero")))
}

/// Makes the file if there is none, and its name durable.
pub(super) fn create(path: &Path) -> io::Result<()> {
    if path.try_exists()? {
        return Ok(());
    }
    private(path)?.sync_all()?;
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => File::open(directory)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}
