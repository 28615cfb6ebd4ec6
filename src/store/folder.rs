//! Chunks in a local folder.
//!
//! Writing is `object_store`'s: a staged file `name#1`, flushed, renamed, its folder flushed. Reading is ours, because
//! a chunk is best read in large pieces, with the next one on its way.
//!
//! # Invariants
//! - A chunk under its name is whole and on the disk.
//! - What a crash leaves behind is a staged file; [`Folder::open`] deletes it. One gateway uses a folder at a time.
//! - At most two pieces of a stream are in memory.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::StreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::{ObjectStoreExt as _, PutPayload};
use tokio::task::{JoinHandle, spawn_blocking};

use super::error::{Cause, StoreError};
use super::{ChunkStream, memory};
use crate::model::ChunkName;

/// A folder of chunks, as `aa/bb…`.
pub(super) struct Folder {
    root: PathBuf,
    files: LocalFileSystem,
}

impl Folder {
    /// Creates the folder if it is missing (mode 0700) and deletes what a crash left half written.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let root = path.canonicalize()?;
        sweep(&root)?;
        let files = LocalFileSystem::new_with_prefix(&root).map_err(io::Error::from)?;
        Ok(Self { root, files: files.with_fsync(true).with_automatic_cleanup(false) })
    }

    pub(super) async fn put(&self, name: &ChunkName, sealed: Bytes) -> Result<(), StoreError> {
        self.present().await?;
        let location = object_store::path::Path::from(name.to_string());
        match self.files.put(&location, PutPayload::from_bytes(sealed)).await {
            Ok(_) => Ok(()),
            Err(error) => Err(local(&deepest_io(&error))),
        }
    }

    pub(super) async fn get(&self, name: &ChunkName, range: Range<u64>) -> Result<ChunkStream, StoreError> {
        let path = self.path(name);
        let buffer = buffer(range.end.saturating_sub(range.start));
        let opened = blocking(move || {
            let mut file = File::open(&path)?;
            let end = range.end.min(file.metadata()?.len());
            let rest = end.saturating_sub(range.start);
            file.seek(SeekFrom::Start(range.start.min(end)))?;
            read_piece(file, rest, buffer)
        });
        match opened.await {
            Ok(first) => Ok(pieces(first)),
            Err(error) => Err(self.missing_or(error).await),
        }
    }

    pub(super) async fn delete(&self, name: &ChunkName) -> Result<(), StoreError> {
        let path = self.path(name);
        let deleted = blocking(move || {
            std::fs::remove_file(&path)?;
            // A deleted chunk must not come back after a power cut: its folder is flushed too.
            path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
        });
        match deleted.await {
            Ok(()) => Ok(()),
            Err(error) => match self.missing_or(error).await {
                StoreError::NotFound => Ok(()),
                other => Err(other),
            },
        }
    }

    pub(super) async fn exists(&self, name: &ChunkName) -> Result<bool, StoreError> {
        let path = self.path(name);
        match blocking(move || std::fs::metadata(&path)).await {
            Ok(_) => Ok(true),
            Err(error) => match self.missing_or(error).await {
                StoreError::NotFound => Ok(false),
                other => Err(other),
            },
        }
    }

    /// Whether the folder itself is there: a disk that is not mounted is not a missing chunk.
    pub(super) async fn present(&self) -> Result<(), StoreError> {
        let root = self.root.clone();
        match blocking(move || std::fs::metadata(&root)).await {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(StoreError::Refused(Box::new(Cause::new("the folder is a file")))),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(StoreError::Refused(Box::new(Cause::new("the folder does not exist"))))
            }
            Err(error) => Err(local(&error)),
        }
    }

    fn path(&self, name: &ChunkName) -> PathBuf {
        self.root.join(name.to_string())
    }

    async fn missing_or(&self, error: io::Error) -> StoreError {
        if error.kind() != ErrorKind::NotFound {
            return local(&error);
        }
        self.present().await.err().unwrap_or(StoreError::NotFound)
    }
}

/// A piece that has been read, and what is left.
struct Piece {
    file: File,
    bytes: Bytes,
    rest: u64,
}

/// Room for a piece of what is left. Made by whoever will free it: allocators keep for a thread what another one freed
/// for it, and there are many blocking threads.
fn buffer(rest: u64) -> Vec<u8> {
    Vec::with_capacity(usize::try_from(rest.min(PIECE_BYTES)).unwrap_or_default())
}

fn read_piece(mut file: File, rest: u64, mut bytes: Vec<u8>) -> io::Result<Piece> {
    let wanted = rest.min(PIECE_BYTES);
    (&mut file).take(wanted).read_to_end(&mut bytes)?;
    // A file that ends early has shrunk under us; the opener sees that bytes are missing.
    let rest = if bytes.is_empty() { 0 } else { rest - wanted };
    Ok(Piece { file, bytes: bytes.into(), rest })
}

enum Next {
    Read(Piece),
    Reading(JoinHandle<io::Result<Piece>>),
    End,
}

/// Gives `first` and then the rest, one piece ahead of the reader.
fn pieces(first: Piece) -> ChunkStream {
    if first.rest == 0 {
        return memory::whole(first.bytes);
    }
    let stream = futures::stream::unfold(Next::Read(first), |next| async move {
        let read = match next {
            Next::End => return None,
            Next::Read(piece) => Ok(piece),
            Next::Reading(task) => task.await.unwrap_or_else(|join| Err(io::Error::other(join))),
        };
        match read {
            Err(error) => Some((Err(StoreError::Interrupted(Box::new(words(&error)))), Next::End)),
            Ok(Piece { bytes, .. }) if bytes.is_empty() => None,
            Ok(Piece { bytes, rest: 0, .. }) => Some((Ok(bytes), Next::End)),
            Ok(Piece { file, bytes, rest }) => {
                let buffer = buffer(rest);
                Some((Ok(bytes), Next::Reading(spawn_blocking(move || read_piece(file, rest, buffer)))))
            }
        }
    });
    stream.boxed()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|join| Err(io::Error::other(join)))
}

fn local(error: &io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::NotFound => StoreError::NotFound,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory => {
            StoreError::Refused(Box::new(words(error)))
        }
        _ => StoreError::unavailable(words(error)),
    }
}

/// The system's words without a path.
fn words(error: &io::Error) -> Cause {
    Cause::new(match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code).to_string(),
        None => error.kind().to_string(),
    })
}

fn deepest_io(error: &object_store::Error) -> io::Error {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut found = None;
    while let Some(error) = next {
        found = error.downcast_ref::<io::Error>().or(found);
        next = error.source();
    }
    match found.map(|e| (e.raw_os_error(), e.kind())) {
        Some((Some(code), _)) => io::Error::from_raw_os_error(code),
        Some((None, kind)) => kind.into(),
        None => ErrorKind::Other.into(),
    }
}

/// Deletes staged files: `aa/bb…#n`. Nothing else is touched.
fn sweep(root: &Path) -> io::Result<()> {
    for folder in std::fs::read_dir(root)? {
        let folder = folder?;
        if !is_hex(&folder.file_name().to_string_lossy(), 2) || !folder.file_type()?.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(folder.path())? {
            let file = file?;
            if is_staged(&file.file_name().to_string_lossy()) {
                std::fs::remove_file(file.path())?;
            }
        }
    }
    Ok(())
}

fn is_staged(file: &str) -> bool {
    file.split_once('#').is_some_and(|(name, number)| {
        is_hex(name, 38) && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    })
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// How much is read at a time, in bytes. A client that does not read pins one piece, for as long as it is connected.
const PIECE_BYTES: u64 = 1 << 18;
