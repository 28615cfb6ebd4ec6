//! The file custodian: a root key in a file of mode 0600.
//!
//! # Invariants
//! - The key is in memory only while a call lasts; the file is read again for each, so taking it away takes the key
//!   away.
//! - A file that others may read is refused, whatever is in it. A file that exists is never overwritten.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::wrap::{ROOT_LABEL, unwrap, wrap};
use super::{Custodian, CustodianError, root_file};
use crate::secret::{RootKey, SecretBytes};

/// Mode of a root key file; any bit beyond it is refused.
const MODE: u32 = 0o600;
/// More than any root key file has.
const FILE_MAX_BYTES: u64 = 512;

/// Holds the root key in a file.
#[derive(Debug)]
pub struct FileCustodian {
    path: PathBuf,
}

impl FileCustodian {
    /// Makes a new root key in a new file, and sees that both are on the disk before it returns.
    ///
    /// [`CustodianError::AlreadyThere`] when the file exists.
    pub fn create(path: &Path) -> Result<Self, CustodianError> {
        let text = root_file::encode(&RootKey::generate()?);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path).map_err(|cause| {
            if cause.kind() == io::ErrorKind::AlreadyExists {
                CustodianError::AlreadyThere
            } else {
                unavailable(&cause)
            }
        })?;
        let written = file
            .write_all(text.expose().as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| File::open(directory_of(path))?.sync_all());
        if let Err(cause) = written {
            // The file is ours, made a moment ago, and no key that anything was wrapped under.
            let _removed = std::fs::remove_file(path);
            return Err(unavailable(&cause));
        }
        Self::open(path)
    }

    /// Uses the root key in the file at `path`, after checking that it can be read and is acceptable.
    pub fn open(path: &Path) -> Result<Self, CustodianError> {
        read(path)?;
        Ok(Self { path: path.to_owned() })
    }

    /// Reads the key away from the async threads (the file may lie on a network mount) and uses it there.
    async fn with_key<T: Send + 'static>(
        &self,
        work: impl FnOnce(&RootKey) -> Result<T, CustodianError> + Send + 'static,
    ) -> Result<T, CustodianError> {
        let path = self.path.clone();
        match tokio::task::spawn_blocking(move || work(&read(&path)?)).await {
            Ok(result) => result,
            Err(cause) => Err(CustodianError::Unavailable(cause.to_string())),
        }
    }
}

#[async_trait]
impl Custodian for FileCustodian {
    fn describe(&self) -> String {
        format!("file {}", self.path.display())
    }

    async fn wrap(&self, context: &[u8], secret: &[u8]) -> Result<Vec<u8>, CustodianError> {
        let (context, secret) = (context.to_vec(), Zeroizing::new(secret.to_vec()));
        self.with_key(move |key| wrap(key.expose(), ROOT_LABEL, &context, &secret)).await
    }

    async fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<SecretBytes, CustodianError> {
        let (context, wrapped) = (context.to_vec(), wrapped.to_vec());
        self.with_key(move |key| unwrap(key.expose(), ROOT_LABEL, &context, &wrapped).ok_or(CustodianError::Refused))
            .await
    }
}

/// Reads the key, and checks the permissions of the very file that is read.
fn read(path: &Path) -> Result<RootKey, CustodianError> {
    let file = File::open(path).map_err(|cause| unavailable(&cause))?;
    let metadata = file.metadata().map_err(|cause| unavailable(&cause))?;
    if !metadata.is_file() {
        return Err(CustodianError::Unacceptable("it is not a file"));
    }
    if metadata.permissions().mode() & 0o7777 & !MODE != 0 {
        return Err(CustodianError::Unacceptable("its permissions go beyond 0600 (chmod 600)"));
    }
    let capacity = usize::try_from(FILE_MAX_BYTES).unwrap_or_default() + 64;
    let mut text = Zeroizing::new(Vec::with_capacity(capacity));
    file.take(FILE_MAX_BYTES).read_to_end(&mut text).map_err(|cause| unavailable(&cause))?;
    root_file::decode(&text)
}

/// The directory that holds the entry of `path`.
fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn unavailable(cause: &io::Error) -> CustodianError {
    CustodianError::Unavailable(cause.to_string())
}
