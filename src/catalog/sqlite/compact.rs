//! The size of the catalog's file: what of it is used, and how it is made small again.
//!
//! The file is made small where it is (`VACUUM`), not written beside itself and renamed: so it keeps its owner, its mode, its links
//! and its lock, and no log of another file can ever lie beside it. Source: sqlite.org/lang_vacuum.html.
//!
//! # Invariants
//! - The new pages go through the write-ahead log as one transaction. Whatever happens before its commit, a kill or a full disk, leaves
//!   the file as it was; after it the log has everything, and whoever opens the file next takes it from there.
//! - Temporary files lie in the catalog's own folder, never where others may read, and have no name: a kill leaves none.
//! - A file that is damaged is not touched. Every row is compared with what it was.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::{Lock, SqliteCatalog, schema};
use crate::catalog::{CatalogError, Failure};

/// How large the catalog's file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileRoom {
    /// Bytes of pages that hold something.
    pub used_bytes: u64,
    /// Bytes of pages that nothing is in: new rows fill them before the file grows.
    pub free_bytes: u64,
}

impl FileRoom {
    /// The whole file.
    pub fn bytes(self) -> u64 {
        self.used_bytes.saturating_add(self.free_bytes)
    }
}

/// What became of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// Before.
    pub before: FileRoom,
    /// After.
    pub after: FileRoom,
    /// Rows that were compared, in all tables.
    pub rows: u64,
}

impl SqliteCatalog {
    /// How large the file is.
    pub async fn file_room(&self) -> Result<FileRoom, CatalogError> {
        self.look_up(room).await
    }

    /// Gives the free pages of the file at `path` back to the disk. Needs room for twice the used bytes meanwhile. Blocks on the
    /// disk.
    ///
    /// Fails as [`open_existing`](Self::open_existing) does; with [`Failure::InUse`] also when somebody else reads the file for
    /// longer than some seconds. For the operator's command, which has a process of its own: SQLite keeps one folder for temporary
    /// files in each.
    pub fn compact(path: &Path) -> Result<Compacted, CatalogError> {
        if !path.try_exists().map_err(CatalogError::from)? {
            return Err(CatalogError::Failed(Failure::Absent));
        }
        let lock: Lock = schema::lock(path)?;
        let (looked, schema) = schema::open_as_it_is(path)?;
        match schema.found {
            0 => return Err(CatalogError::Failed(Failure::Absent)),
            _ if !schema.has_identity() => return Err(CatalogError::Failed(Failure::Unmarked)),
            _ => {}
        }
        drop(looked);
        let db = schema::open_for_log(path)?;
        let compacted = compact(&db, path);
        // Before the lock is given back.
        let closed = db.close().map_err(|(_db, error)| error);
        drop(lock);
        let compacted = compacted?;
        closed?;
        Ok(compacted)
    }
}

/// How large the file is that a connection has open.
pub(super) fn room(db: &Connection) -> Result<FileRoom, CatalogError> {
    let number = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (pages, free, size) = (number("page_count")?, number("freelist_count")?, number("page_size")?);
    let bytes = |pages: i64| u64::try_from(pages.saturating_mul(size)).unwrap_or_default();
    Ok(FileRoom { used_bytes: bytes(pages.saturating_sub(free)), free_bytes: bytes(free) })
}

fn compact(db: &Connection, path: &Path) -> Result<Compacted, CatalogError> {
    db.pragma_update(None, "secure_delete", true)?;
    // What an earlier process left in the log belongs to the file.
    empty_log(db)?;
    sound(db)?;
    let (before, was) = (room(db)?, contents(db)?);
    let folder = path.canonicalize().map_err(CatalogError::from)?;
    let folder = folder.parent().and_then(Path::to_str);
    let folder = folder.ok_or(CatalogError::Failed(Failure::Misused("the catalog's path is not UTF-8")))?;
    db.pragma_update(None, "temp_store", "file")?;
    db.pragma_update(None, "temp_store_directory", folder)?;
    let vacuumed = db.execute_batch("VACUUM");
    db.pragma_update(None, "temp_store_directory", "")?;
    vacuumed?;
    empty_log(db)?;
    sound(db)?;
    let is = contents(db)?;
    if is != was {
        return Err(CatalogError::Failed(Failure::Damaged("its rows are not what they were before it was made small")));
    }
    Ok(Compacted { before, after: room(db)?, rows: was.rows })
}

/// Moves the log to the file and empties it; [`Failure::InUse`] when a reader is in the way.
fn empty_log(db: &Connection) -> Result<(), CatalogError> {
    let busy: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy == 0 { Ok(()) } else { Err(CatalogError::Failed(Failure::InUse)) }
}

fn sound(db: &Connection) -> Result<(), CatalogError> {
    let found: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        Ok(())
    } else {
        Err(CatalogError::Failed(Failure::Damaged("the file is damaged; ecluse check says more")))
    }
}

/// What the file says, but for where in it.
#[derive(PartialEq, Eq)]
struct Contents {
    /// `application_id` and `user_version`, the schema, and every row of every table.
    digest: u64,
    rows: u64,
}

fn contents(db: &Connection) -> Result<Contents, CatalogError> {
    let (mut hasher, mut rows) = (DefaultHasher::new(), 0);
    for name in ["application_id", "user_version"] {
        db.pragma_query_value(None, name, |row| row.get::<_, i64>(0))?.hash(&mut hasher);
    }
    let schema = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name";
    digest(db, schema, &mut hasher)?;
    let mut statement = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
    let tables: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for table in tables {
        // In the order of the primary key, which is how every table lies.
        let all = format!("SELECT * FROM \"{}\" NOT INDEXED", table.replace('"', "\"\""));
        rows += digest(db, &all, &mut hasher)?;
    }
    Ok(Contents { digest: hasher.finish(), rows })
}

/// Takes in every row; how many there are.
fn digest(db: &Connection, sql: &str, hasher: &mut DefaultHasher) -> Result<u64, CatalogError> {
    let mut statement = db.prepare(sql)?;
    let columns = statement.column_count();
    let (mut rows, mut count) = (statement.query([])?, 0_u64);
    while let Some(row) = rows.next()? {
        count += 1;
        for column in 0..columns {
            let value = row.get_ref(column)?;
            (value.data_type() as i32).hash(hasher);
            match value {
                ValueRef::Null => {}
                ValueRef::Integer(number) => number.hash(hasher),
                ValueRef::Real(number) => number.to_bits().hash(hasher),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.hash(hasher),
            }
        }
    }
    count.hash(hasher);
    Ok(count)
}
