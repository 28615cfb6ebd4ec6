//! `ecluse catalog compact`: gives the free pages of the catalog's file back to the disk.

use std::io::Write;

use super::{assemble, faults};
use crate::catalog::{CatalogError, Compacted, Failure, FileRoom, SqliteCatalog};
use crate::config::Config;
use crate::text::{Exit, OperatorError, Texts};

/// A file of which less is free is not told: 16 MiB.
const LITTLE: u64 = 16 << 20;
/// What part of a file is much when it is free: a quarter.
const MUCH: u64 = 4;

/// Makes the catalog's file as small as what is in it, and says how large it was and is. The gateway must not run.
pub fn compact(config: &Config, texts: &Texts, out: &mut dyn Write) -> Result<(), OperatorError> {
    assemble::data_folder(&config.data_dir)?;
    let path = assemble::catalog_path(&config.catalog);
    let Compacted { before, after, rows } = SqliteCatalog::compact(path).map_err(|error| match error {
        CatalogError::Failed(Failure::Engine(_) | Failure::Io(_)) => {
            let error = OperatorError::new("catalog-not-compacted", Exit::Unavailable).because(&error);
            error.arg("path", path.display().to_string())
        }
        other => faults::catalog(&other, path),
    })?;
    let args = [
        ("path", path.display().to_string()),
        ("before", mebibytes(before.bytes())),
        ("free", mebibytes(before.free_bytes)),
        ("after", mebibytes(after.bytes())),
        ("rows", rows.to_string()),
    ];
    writeln!(out, "{}", texts.say("catalog-compacted", &args)).map_err(|error| faults::unwritten(&error))
}

/// What `check` has to say of the file, if much of it is free.
pub(super) fn much_is_free(room: FileRoom) -> Option<[(&'static str, String); 2]> {
    let much = room.free_bytes >= LITTLE && room.free_bytes >= room.bytes() / MUCH;
    much.then(|| [("size", mebibytes(room.bytes())), ("free", mebibytes(room.free_bytes))])
}

/// In MiB, rounded up.
fn mebibytes(bytes: u64) -> String {
    bytes.div_ceil(1 << 20).to_string()
}
