//! The file custodian: a root key in a file of mode 0600.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::CustodianError;
use crate::secret::RootKey;

/// Holds the root key in a file.
pub struct FileCustodian;

impl FileCustodian {
    /// Makes the root key. Stand-in that the merge replaces.
    pub fn create(path: &Path) -> Result<Self, CustodianError> {
        let key = RootKey::generate()?;
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .and_then(|mut file| file.write_all(key.expose()))
            .map_err(|error| CustodianError::Unavailable(error.to_string()))?;
        Ok(Self)
    }
}
