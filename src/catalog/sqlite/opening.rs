//! The ways to open a catalog: to make it, to work on one that is there, to look at it.

use std::path::Path;
use std::sync::Arc;

use super::SqliteCatalog;
use super::checkpoint::{Checkpoints, ERASE_WITHIN};
use super::holds::Holds;
use super::reader::Readers;
use super::writer::Writer;
use super::{quotas, schema};
use crate::catalog::{CatalogError, CatalogSettings, Failure};

impl SqliteCatalog {
    /// Opens the catalog at `path`, with the default settings. See [`open_with`](Self::open_with).
    pub fn open(path: &Path) -> Result<Self, CatalogError> {
        Self::open_with(path, CatalogSettings::default())
    }

    /// Opens the catalog at `path`, or makes it there (mode 0600; the directory must exist). Brings an older schema up
    /// to date, after a copy of the file was kept beside it (`catalog.db.schema3-20260601T123456Z`). Blocks on the disk.
    ///
    /// Fails with [`Failure::InUse`] while another process (or another value) has it open, and with
    /// [`Failure::TooNew`] when a later version of this program wrote it.
    pub fn open_with(path: &Path, settings: CatalogSettings) -> Result<Self, CatalogError> {
        if !path.try_exists().map_err(CatalogError::from)? {
            schema::create(path).map_err(CatalogError::from)?;
        }
        Self::open_file(path, settings, true)
    }

    /// Opens the catalog at `path`, as [`open_with`](Self::open_with); [`Failure::Absent`] when there is none, or an empty file,
    /// [`Failure::Unmarked`] when version 0.1 made it.
    pub fn open_existing(path: &Path, settings: CatalogSettings) -> Result<Self, CatalogError> {
        if !path.try_exists().map_err(CatalogError::from)? {
            return Err(CatalogError::Failed(Failure::Absent));
        }
        Self::open_file(path, settings, false)
    }

    fn open_file(path: &Path, settings: CatalogSettings, make: bool) -> Result<Self, CatalogError> {
        let lock = Arc::new(schema::lock(path)?);
        if !make {
            // Before anything is changed in it.
            let (_, schema) = schema::open_as_it_is(path)?;
            match schema.found {
                0 => return Err(CatalogError::Failed(Failure::Absent)),
                _ if !schema.has_identity() => return Err(CatalogError::Failed(Failure::Unmarked)),
                _ => {}
            }
        }
        let mut connection = schema::open(path)?;
        let (_, schema) = schema::open_as_it_is(path)?;
        quotas::prepare(&connection)?;
        let readers = Readers::open(path, Arc::clone(&lock))?;
        let log = schema::open_for_log(path)?;
        let checkpoints = Checkpoints::start(&mut connection, log, Arc::clone(&lock), ERASE_WITHIN)?;
        let writer = Writer::start(connection, Some(checkpoints), lock)?;
        Ok(Self { writer, readers, holds: Holds::default(), settings, schema })
    }

    /// Opens the catalog at `path` to look at it: nothing is written to it, and an older schema stays as it is (see
    /// [`schema`](Self::schema); what reads an older one may fail). Every write fails. Blocks on the disk.
    ///
    /// Fails as [`open_existing`](Self::open_existing) does.
    pub fn open_as_it_is(path: &Path) -> Result<Self, CatalogError> {
        if !path.try_exists().map_err(CatalogError::from)? {
            return Err(CatalogError::Failed(Failure::Absent));
        }
        let lock = Arc::new(schema::lock(path)?);
        let (connection, schema) = schema::open_as_it_is(path)?;
        let readers = Readers::open(path, Arc::clone(&lock))?;
        let writer = Writer::start(connection, None, lock)?;
        Ok(Self { writer, readers, holds: Holds::default(), settings: CatalogSettings::default(), schema })
    }
}
