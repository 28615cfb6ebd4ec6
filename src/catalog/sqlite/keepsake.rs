//! The copy that is kept of a catalog before its schema changes.
//!
//! # Invariants
//! - The copy is whole, of mode 0600 and on the disk, under its name, before the first migration begins. What is not
//!   whole yet is called `….partial`.
//! - It is never overwritten, and nothing here removes it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use time::OffsetDateTime;

use crate::catalog::{CatalogError, Failure};

/// Copies the catalog at `path`, which `db` has open and which has the schema `found`, beside itself. Blocks on the
/// disk; needs as much room there as the catalog takes.
pub(super) fn keep(db: &Connection, path: &Path, found: usize) -> Result<PathBuf, CatalogError> {
    let copy =
        free(path, &format!(".schema{found}-{}", stamp(OffsetDateTime::now_utc()))).map_err(CatalogError::from)?;
    let partial = beside(&copy, ".partial");
    // SQLite takes an empty file for none, and so the mode is ours.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial).map_err(CatalogError::from)?;
    let made = fill(db, &partial, found);
    if made.is_err() {
        let _removed = fs::remove_file(&partial);
    }
    made?;
    fs::rename(&partial, &copy).and_then(|()| folder(&copy)?.sync_all()).map_err(CatalogError::from)?;
    Ok(copy)
}

/// A name that nothing has yet: a second copy of the same second gets a number. The catalog's lock keeps others away.
fn free(path: &Path, end: &str) -> io::Result<PathBuf> {
    let mut copy = beside(path, end);
    let mut number = 2;
    while copy.try_exists()? {
        copy = beside(path, &format!("{end}-{number}"));
        number += 1;
    }
    Ok(copy)
}

pub(super) fn fill(db: &Connection, partial: &Path, found: usize) -> Result<(), CatalogError> {
    let name = std::str::from_utf8(partial.as_os_str().as_bytes())
        .map_err(|_no_text| CatalogError::Failed(Failure::Misused("the catalog's path is not UTF-8")))?;
    db.execute("VACUUM INTO ?1", [name])?;
    let copied = Connection::open_with_flags(partial, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let version: i64 = copied.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let sound: String = copied.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    drop(copied);
    if usize::try_from(version) != Ok(found) || sound != "ok" {
        return Err(CatalogError::Failed(Failure::Damaged("its copy is not what it is")));
    }
    File::open(partial).and_then(|file| file.sync_all()).map_err(CatalogError::from)
}

pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

pub(super) fn folder(path: &Path) -> io::Result<File> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder),
        _ => File::open("."),
    }
}

/// The time as it stands in the copy's name: `20260601T123456Z`.
fn stamp(at: OffsetDateTime) -> String {
    let (date, time) = (at.date(), at.time());
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_the_same_second_have_names_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch("CREATE TABLE t (a); PRAGMA user_version = 3;").unwrap();
        let copies: Vec<PathBuf> = (0..5).map(|_| keep(&db, &path, 3).unwrap()).collect();
        for (index, copy) in copies.iter().enumerate() {
            assert!(copy.exists() && !copies[..index].contains(copy), "{copies:?}");
        }
    }
}
