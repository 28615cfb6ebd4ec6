//! Secrets: `{ file = … }` or `{ env = … }` → [`SecretText`].
//!
//! # Invariants
//! - A file that others may read is refused, not warned about.
//! - What was read is in a [`SecretText`] or wiped.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use zeroize::{Zeroize as _, Zeroizing};

use super::paths::lexically_clean;
use super::{Problem, typed};
use crate::secret::SecretText;

/// What surrounds a configuration: where it lies, the environment, the files of secrets.
pub(super) struct Surroundings<'a> {
    pub(super) folder: &'a Path,
    pub(super) environment: &'a BTreeMap<String, String>,
    pub(super) read_file: &'a dyn Fn(&Path) -> Result<SecretText, SecretRefused>,
}

/// Why the file of a secret was not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRefused {
    /// It cannot be read.
    Unreadable(std::io::ErrorKind),
    /// Its mode (the last four octal digits) lets others read or write it.
    Exposed(u32),
    /// It is not UTF-8, or longer than 64 KiB.
    NotText,
}

/// Longest secret, in bytes: a service account's JSON fits many times.
const MAX_BYTES: u64 = 65_536;

/// Reads a secret from a file that only its owner may open.
pub(super) fn read_private_file(path: &Path) -> Result<SecretText, SecretRefused> {
    let unreadable = |error: std::io::Error| SecretRefused::Unreadable(error.kind());
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(SecretRefused::Exposed(mode));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_BYTES) {
        return Err(SecretRefused::NotText);
    }
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(SecretText::new(text)),
        Err(error) => {
            error.into_bytes().zeroize();
            Err(SecretRefused::NotText)
        }
    }
}

/// Finds the secret that `typed` points to; the trailing line break is not part of it.
pub(super) fn find(
    key: &str,
    typed: &typed::Secret,
    data_dir: &Path,
    surroundings: &Surroundings<'_>,
) -> Result<SecretText, Problem> {
    let found = match (&typed.file, &typed.env) {
        (Some(file), None) => {
            let path = lexically_clean(&data_dir.join(file));
            (surroundings.read_file)(&path).map_err(|refused| refusal(&format!("{key}.file"), file, &path, &refused))?
        }
        (None, Some(name)) => match surroundings.environment.get(name) {
            Some(text) => SecretText::new(text.clone()),
            None => return Err(Problem::new("config-secret-unset", format!("{key}.env")).value(name)),
        },
        _ => return Err(Problem::new("config-secret-source", key)),
    };
    let text = found.expose().trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(Problem::new("config-secret-empty", key));
    }
    Ok(SecretText::new(text.to_owned()))
}

fn refusal(key: &str, file: &str, path: &Path, refused: &SecretRefused) -> Problem {
    let path = path.display().to_string();
    match refused {
        SecretRefused::Unreadable(kind) => {
            Problem::new("config-secret-unreadable", key).value(file).arg("path", path).arg("reason", reason(*kind))
        }
        SecretRefused::Exposed(mode) => {
            Problem::new("config-secret-exposed", key).value(file).arg("path", path).arg("mode", format!("{mode:04o}"))
        }
        SecretRefused::NotText => Problem::new("config-secret-text", key).value(file).arg("path", path),
    }
}

/// The word that the texts choose by.
pub(super) fn reason(kind: std::io::ErrorKind) -> &'static str {
    use std::io::ErrorKind;
    match kind {
        ErrorKind::NotFound => "absent",
        ErrorKind::PermissionDenied => "denied",
        ErrorKind::IsADirectory => "folder",
        ErrorKind::InvalidData => "encoding",
        _ => "other",
    }
}
