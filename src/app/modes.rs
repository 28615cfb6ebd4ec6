//! Who may read and write what the gateway keeps: the data folder, and the catalog with the files beside it. Names of objects
//! are in them, and whoever may write to them decides what is served.
//!
//! # Invariants
//! - What belongs to the gateway's account is mended, and the log says so. What does not, and others may write to, is refused.
//! - Nothing is changed of a folder that is made to be shared (sticky): it is refused.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::assemble;
use crate::config::Config;
use crate::text::{Exit, OperatorError};

/// What others than the owner may do.
const OTHERS: u32 = 0o077;
/// What others may do to change it.
const OTHERS_WRITE: u32 = 0o022;
/// What anybody may do to change it.
const ANYBODY_WRITES: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// What is found of a file's or folder's mode.
enum Found {
    Private,
    /// Others may do something; it belongs to this process's account.
    Ours(u32),
    /// Others may do something, and it is not ours to mend.
    Foreign(u32),
}

/// Takes from others what they may do with the data folder and the catalog's files, or refuses.
pub(super) fn mend(config: &Config) -> Result<(), OperatorError> {
    for path in places(config) {
        let fault = || OperatorError::new("file-exposed", Exit::Configuration).arg("path", path.display().to_string());
        let mode = |mode: u32| format!("{mode:04o}");
        match found(&path).map_err(|error| fault().arg("mode", "?").because(&error))? {
            Found::Private => {}
            Found::Ours(exposed) if exposed & STICKY == 0 => {
                let closed = Permissions::from_mode(exposed & !OTHERS);
                std::fs::set_permissions(&path, closed)
                    .map_err(|error| fault().arg("mode", mode(exposed)).because(&error))?;
                tracing::warn!(path = %path.display(), mode = mode(exposed), "others could read or write it; mended");
            }
            Found::Foreign(exposed) if exposed & ANYBODY_WRITES == 0 => {
                tracing::warn!(path = %path.display(), mode = mode(exposed), "it is not the gateway's own, and others may use it");
            }
            Found::Ours(exposed) | Found::Foreign(exposed) => return Err(fault().arg("mode", mode(exposed))),
        }
    }
    Ok(())
}

/// The paths that others may read or write, with their modes, for a look that changes nothing.
pub(super) fn exposed(config: &Config) -> Vec<(PathBuf, String)> {
    let mut all = Vec::new();
    for path in places(config) {
        if let Ok(Found::Ours(mode) | Found::Foreign(mode)) = found(&path) {
            all.push((path, format!("{mode:04o}")));
        }
    }
    all
}

/// Refuses a file that is believed, if others may write to it.
pub(super) fn refuse_writable(path: &Path) -> io::Result<()> {
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode & OTHERS_WRITE == 0 {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("others may write to it (mode {:04o})", mode & 0o7777)))
}

fn places(config: &Config) -> Vec<PathBuf> {
    let catalog = assemble::catalog_path(&config.catalog);
    let beside = ["", "-wal", "-shm", ".lock"].into_iter().map(|end| {
        let mut name = catalog.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    });
    [config.data_dir.clone()].into_iter().chain(beside).collect()
}

/// What is not there yet is made private later.
fn found(path: &Path) -> io::Result<Found> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Private),
        Err(error) => return Err(error),
    };
    let mode = metadata.permissions().mode() & 0o7777;
    Ok(match mode & OTHERS {
        0 => Found::Private,
        _ if metadata.uid() == rustix::process::geteuid().as_raw() => Found::Ours(mode),
        _ => Found::Foreign(mode),
    })
}
