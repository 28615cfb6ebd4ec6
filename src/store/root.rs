//! The folder that chunks lie in: that it is there, that it is still the same one, and that nobody else uses it.
//!
//! # Invariants
//! - The directory itself is locked (`flock`), by whatever name a process came to it: a symbolic link or a bind mount leads to
//!   the same lock. Nothing is added to the folder for it, and the lock ends with the process.
//! - Another directory in its place (the disk is not mounted any more, or another one is) is neither written nor believed.

use std::fs::{DirBuilder, File, Metadata, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::object::{FolderAccess, OpenError};

/// A folder, held open.
pub(super) struct Root {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
    access: FolderAccess,
    /// Holds the lock, and keeps the inode's number from being given to another directory.
    _held: File,
}

impl Root {
    pub(super) fn open(path: &Path, access: FolderAccess) -> Result<Self, OpenError> {
        if access == FolderAccess::Make {
            DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(OpenError::Folder)?;
        }
        let path = path.canonicalize().map_err(OpenError::Folder)?;
        let held = File::open(&path).map_err(OpenError::Folder)?;
        let found = held.metadata().map_err(OpenError::Folder)?;
        if !found.is_dir() {
            return Err(OpenError::Folder(ErrorKind::NotADirectory.into()));
        }
        if access != FolderAccess::Look {
            lock(&held)?;
        }
        Ok(Self { path, identity: identity(&found), access, _held: held })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// [`ErrorKind::StaleNetworkFileHandle`] when another folder is in its place, [`ErrorKind::NotFound`] when none is.
    pub(super) fn check(&self) -> io::Result<()> {
        let found = std::fs::metadata(&self.path)?;
        if identity(&found) == self.identity { Ok(()) } else { Err(ErrorKind::StaleNetworkFileHandle.into()) }
    }

    /// [`Self::check`], and that the folder is not only looked at.
    pub(super) fn check_writable(&self) -> io::Result<()> {
        if self.access == FolderAccess::Look { Err(ErrorKind::ReadOnlyFilesystem.into()) } else { self.check() }
    }
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

fn lock(folder: &File) -> Result<(), OpenError> {
    match folder.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse),
        // Some network file systems lock no directories. What lies in the folder tells whose it is.
        Err(TryLockError::Error(error)) => {
            tracing::warn!(%error, "the file system does not lock the provider's folder");
            Ok(())
        }
    }
}
