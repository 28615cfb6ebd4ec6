//! A catalog's notes at its providers: nobody who lacks the catalog and the root key can tell them from chunks.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ecluse::keys::{FileCustodian, Keyring};
use ecluse::model::{CatalogId, CatalogIdentity, NoteId};
use ecluse::seal::note_name;
use ecluse::secret::CatalogSecret;
use rusqlite::{Connection, OpenFlags};

use super::process::files_below;

/// Epochs beyond the catalog's own that are looked for.
const AHEAD: u64 = 16;

/// The outcome of a future that asks a file's custodian only.
///
/// Unconstrained: in a task of tokio's that has spent its budget it would be told to wait, and woken at once, for ever.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(tokio::task::unconstrained(future))
}

/// The secret of the catalog in a data folder, with its epoch; none while there is no catalog with an identity, or no root key.
pub fn secret(data: &Path) -> Option<(Arc<CatalogSecret>, u64)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(data.join("catalog.db"), flags).ok()?;
    let identity = db.query_row("SELECT catalog_id, wrapped_secret FROM identity", [], |row| {
        Ok(CatalogIdentity { id: CatalogId(row.get(0)?), wrapped_secret: row.get(1)? })
    });
    let epoch = db.query_row("SELECT coalesce(max(number), 0) FROM epoch", [], |row| row.get::<_, i64>(0)).ok()?;
    let keyring = Keyring::new(Arc::new(FileCustodian::open(&data.join("root.key")).ok()?));
    at_once(keyring.open_catalog(&identity.ok()?)).ok()?;
    Some((keyring.catalog_secret().ok()?, epoch.cast_unsigned()))
}

/// Where one of its notes lies: `aa/bb…`.
pub fn name(data: &Path, id: NoteId) -> String {
    let (secret, _epoch) = secret(data).expect("a catalog with an identity");
    note_name(&secret, id).expect("a name").to_string()
}

/// The names of all notes that it may have left.
pub fn names(data: &Path) -> HashSet<String> {
    let Some((secret, epoch)) = secret(data) else { return HashSet::new() };
    let numbered = (1..=epoch + AHEAD).flat_map(|number| [NoteId::Epoch(number), NoteId::Objection(number)]);
    let all = std::iter::once(NoteId::Marker).chain(numbered);
    all.map(|id| note_name(&secret, id).expect("a name").to_string()).collect()
}

/// The files below a provider's folder that are not notes of the catalog in `data`, each with its path relative to the folder, in
/// order.
pub fn chunks_below(data: &Path, folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let notes = names(data);
    let mut files = files_below(folder);
    files.retain(|(name, _)| !notes.contains(&name.display().to_string()));
    files
}
