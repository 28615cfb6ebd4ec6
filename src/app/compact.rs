//! `ecluse catalog compact`: the catalog's file without the room that nothing needs.

use std::io::Write;

use super::{assemble, faults};
use crate::catalog::SqliteCatalog;
use crate::config::Config;
use crate::text::{OperatorError, Texts};

/// Writes the catalog's file anew, and says how much room it took and takes. The gateway must not run.
pub fn compact(config: &Config, texts: &Texts, out: &mut dyn Write) -> Result<(), OperatorError> {
    let path = assemble::catalog_path(&config.catalog);
    let (before, after) = SqliteCatalog::compact(path).map_err(|error| faults::catalog(&error, path))?;
    let args =
        [("path", path.display().to_string()), ("before", mebibytes(before.bytes)), ("after", mebibytes(after.bytes))];
    writeln!(out, "{}", texts.say("catalog-compacted", &args)).map_err(|error| faults::unwritten(&error))
}

/// Bytes as operators read them: whole MiB, rounded up.
pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}
