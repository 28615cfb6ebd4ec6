//! How much room the catalog's file takes, and how it gets smaller.
//!
//! SQLite keeps the pages of deleted rows for new ones; the file never shrinks by itself.
//!
//! # Invariants
//! - [`SqliteCatalog::compact`] changes nothing in the file: it writes another one beside it, looks at it, and gives it the name.
//!   Before that instant the old file is the catalog, whole and with an empty log; after it the new one is.
//! - A log never lies beside a file that it is not of: it is emptied, and its name is gone from the disk, before the name changes.
//! - Nobody else has the catalog meanwhile: the lock by its name is held from before the first look until the end.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rusqlite::Connection;

use super::{SqliteCatalog, keepsake, schema};
use crate::catalog::{CatalogError, Failure};

/// What a file with another name as well is refused with.
const SECOND_NAME: &str =
    "the file has a second name, a hard link, which would go on leading to the old one: remove that";

/// How much room a catalog takes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// All pages of the file.
    pub bytes: u64,
    /// Those of them that hold nothing and wait for new rows.
    pub free: u64,
}

impl Room {
    /// Free room that is worth an interruption: a quarter of the file, and 64 MiB.
    pub fn is_worth_compacting(self) -> bool {
        const MIB: u64 = 1 << 20;
        self.free >= 64 * MIB && self.free >= self.bytes / 4
    }

    pub(super) fn of(db: &Connection) -> Result<Self, CatalogError> {
        let number = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map(i64::cast_unsigned);
        let page = number("page_size")?;
        Ok(Self { bytes: page * number("page_count")?, free: page * number("freelist_count")? })
    }

    /// Tells the metrics.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; beyond 2^53 bytes it is rounded")]
    pub(super) fn tell(self) {
        metrics::gauge!("ecluse_catalog_bytes").set(self.bytes as f64);
        metrics::gauge!("ecluse_catalog_free_bytes").set(self.free as f64);
    }
}

impl SqliteCatalog {
    /// How much room the file takes.
    pub async fn room(&self) -> Result<Room, CatalogError> {
        self.read(Room::of).await
    }

    /// Writes the catalog at `path` anew without its free pages; returns the room it took before and takes now. Blocks on the disk,
    /// and needs as much room on it as the new file takes. Whatever happens meanwhile, the catalog is whole.
    ///
    /// Fails with [`Failure::InUse`] while anybody has it open, and as [`open_existing`](Self::open_existing) does. A file
    /// with a second name (a hard link) is refused: that name would lead to the old file for ever.
    pub fn compact(path: &Path) -> Result<(Room, Room), CatalogError> {
        if !path.try_exists().map_err(CatalogError::from)? {
            return Err(CatalogError::Failed(Failure::Absent));
        }
        // The name that is given to the new file is the file's own, not that of a link to it.
        let path = &path.canonicalize().map_err(CatalogError::from)?;
        let lock = schema::lock(path)?;
        let (db, found) = schema::open_as_it_is(path)?;
        drop(db);
        match found.found {
            0 => return Err(CatalogError::Failed(Failure::Absent)),
            _ if !found.has_identity() => return Err(CatalogError::Failed(Failure::Unmarked)),
            _ => {}
        }
        let old = fs::metadata(path).map_err(CatalogError::from)?;
        if old.nlink() > 1 {
            return Err(CatalogError::Failed(Failure::Io(io::Error::new(io::ErrorKind::InvalidInput, SECOND_NAME))));
        }
        let partial = keepsake::beside(path, ".compact.partial");
        // What an earlier run left when it was killed.
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(CatalogError::Failed(Failure::Io(error)));
            }
            Ok(()) | Err(_) => {}
        }
        let made = rewrite(path, &partial, found.found, &old);
        if made.is_err() {
            let _removed = fs::remove_file(&partial);
        }
        let rooms = made?;
        fs::rename(&partial, path).and_then(|()| keepsake::folder(path)?.sync_all()).map_err(CatalogError::from)?;
        drop(lock);
        Ok(rooms)
    }
}

/// Makes the new file, whole and on the disk, and takes the log away from the old one.
fn rewrite(path: &Path, partial: &Path, schema: usize, old: &fs::Metadata) -> Result<(Room, Room), CatalogError> {
    // SQLite takes an empty file for none, and so owner and mode are ours.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(partial).map_err(CatalogError::from)?;
    like(&file, old).map_err(CatalogError::from)?;
    drop(file);
    let db = schema::open_for_log(path)?;
    let before = Room::of(&db)?;
    keepsake::fill(&db, partial, schema)?;
    let copy = schema::open_reader(partial)?;
    if counts(&db)? != counts(&copy)? {
        return Err(CatalogError::Failed(Failure::Damaged("its copy does not hold the same rows")));
    }
    let after = Room::of(&copy)?;
    drop(copy);
    let busy: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy != 0 {
        return Err(CatalogError::Failed(Failure::InUse));
    }
    // The last connection takes the log's files with it.
    db.close().map_err(|(_db, error)| error)?;
    for end in ["-wal", "-shm"] {
        if keepsake::beside(path, end).try_exists().map_err(CatalogError::from)? {
            return Err(CatalogError::Failed(Failure::InUse));
        }
    }
    keepsake::folder(path).and_then(|folder| folder.sync_all()).map_err(CatalogError::from)?;
    Ok((before, after))
}

/// Gives a file the owner and the mode of another. Only the administrator can give files away; whoever owns the old one need not.
fn like(file: &File, old: &fs::Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid()))?;
    }
    file.set_permissions(Permissions::from_mode(old.mode() & 0o777))
}

/// How many rows each table has.
fn counts(db: &Connection) -> Result<Vec<(String, i64)>, CatalogError> {
    let mut statement = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
    let tables = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let count = |table: String| {
        let sql = format!("SELECT count(*) FROM \"{table}\"");
        let rows = db.query_row(&sql, [], |row| row.get(0))?;
        Ok((table, rows))
    };
    tables.into_iter().map(count).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use crate::catalog::{Belonging as _, Catalog as _, CatalogSettings, Refusal};
    use crate::model::{BucketName, BucketRef, TenantId, Timestamp};

    fn bucket(number: usize) -> BucketRef {
        let name = BucketName::parse(&format!("bucket-{number}")).unwrap();
        BucketRef { tenant: TenantId::parse("chum").unwrap(), name }
    }

    /// A catalog of 400 buckets, and room for as many again.
    async fn catalog(folder: &Path) -> PathBuf {
        let path = folder.join("catalog.db");
        let catalog = SqliteCatalog::open(&path).unwrap();
        catalog
            .put_identity(crate::model::CatalogIdentity {
                id: crate::model::CatalogId([7; 16]),
                wrapped_secret: vec![1],
            })
            .await
            .unwrap();
        let long = BTreeMap::from([("note".to_owned(), "x".repeat(2_000))]);
        for number in 0..800 {
            catalog.create_bucket(&bucket(number), Timestamp(1), &long).await.unwrap();
        }
        for number in 400..800 {
            catalog.delete_bucket(&bucket(number)).await.unwrap();
        }
        while catalog.purge(Timestamp(2), 1_000, Timestamp(2)).await.unwrap() {}
        catalog.close().await;
        path
    }

    #[tokio::test]
    async fn a_compacted_catalog_is_smaller_and_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = catalog(folder.path()).await;
        // What a run left that was killed, and another name for the file.
        fs::write(keepsake::beside(&path, ".compact.partial"), b"half").unwrap();
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let (before, after) = SqliteCatalog::compact(&link).unwrap();
        assert!(before.free > before.bytes / 3, "{before:?}");
        assert!(after.free == 0 && after.bytes < before.bytes * 2 / 3, "{before:?} {after:?}");
        let file = fs::metadata(&path).unwrap();
        assert_eq!((file.len(), file.mode() & 0o777), (after.bytes, 0o600));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["catalog.db", "catalog.db.lock", "link.db"]);
        let again = SqliteCatalog::open_existing(&path, CatalogSettings::default()).unwrap();
        assert_eq!(again.audit().await.unwrap(), Vec::<String>::new());
        assert_eq!(again.bucket(&bucket(399)).await.unwrap().user.len(), 1);
        assert!(matches!(again.bucket(&bucket(400)).await, Err(CatalogError::Refused(Refusal::NoSuchBucket))));
        assert_eq!(again.room().await.unwrap().free, 0);
        again.close().await;
    }

    #[tokio::test]
    async fn a_catalog_in_use_one_of_two_names_and_one_that_is_none_are_left_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = catalog(folder.path()).await;
        let bytes = fs::read(&path).unwrap();
        let open = SqliteCatalog::open(&path).unwrap();
        assert!(matches!(SqliteCatalog::compact(&path), Err(CatalogError::Failed(Failure::InUse))));
        open.close().await;
        drop(open);
        let second = folder.path().join("second.db");
        fs::hard_link(&path, &second).unwrap();
        assert!(matches!(SqliteCatalog::compact(&path), Err(CatalogError::Failed(Failure::Io(_)))));
        fs::remove_file(&second).unwrap();
        assert!(matches!(SqliteCatalog::compact(&second), Err(CatalogError::Failed(Failure::Absent))));
        fs::write(&second, b"no database").unwrap();
        assert!(SqliteCatalog::compact(&second).is_err());
        assert_eq!(fs::read(&second).unwrap(), b"no database");
        assert_eq!(fs::read(&path).unwrap().len(), bytes.len());
    }

    /// Somebody reads it with a program of their own: the log is theirs too.
    #[tokio::test]
    async fn a_catalog_that_somebody_reads_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = catalog(folder.path()).await;
        let reader = Connection::open(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM bucket").unwrap();
        let inode = fs::metadata(&path).unwrap().ino();
        assert!(SqliteCatalog::compact(&path).is_err());
        assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
        assert!(!keepsake::beside(&path, ".compact.partial").exists());
        drop(reader);
        SqliteCatalog::compact(&path).unwrap();
    }
}
