//! Chunks in a local folder.
//!
//! Writing goes as in `object_store`: a staged file, flushed, renamed, the folder of its name flushed; here in one visit to
//! a blocking thread. Staged files have a folder of their own, `staging`, so that a start need not look through all chunks
//! for what a crash left. What the page cache holds is read where it is asked for, if the file system is one that answers by
//! itself: both ways to another thread cost more than the read. Otherwise a blocking thread reads, one piece ahead.
//! Pieces end where segments of a chunk do, so that the opener need not put any together.
//!
//! # Invariants
//! - A chunk under its name is whole and on the disk.
//! - What a crash leaves behind is a staged file; [`Folder::tidy`] deletes it. One gateway uses a folder at a time ([`Root`] sees to it).
//! - While there is a folder `staging`, staged files lie nowhere else. [`Folder::tidy`] makes it, after it has looked beside all
//!   chunks: there they lie as long as there is none, as in version 0.1.
//! - At most two pieces of a stream are in memory, one where the page cache answers.
//! - Nothing waits for a disk or a network but on a blocking thread, except for an inode that has to be read first.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, ReadDir};
use std::io::{self, ErrorKind, IoSliceMut, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::StreamExt as _;
use rustix::fs::{CWD, RenameFlags};
use rustix::io::ReadWriteFlags;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::error::{Cause, StoreError};
use super::names::{self, NamePage};
use super::object::{FolderAccess, OpenError};
use super::root::Root;
use super::{ChunkStream, Created, memory};
use crate::model::ChunkName;

/// A folder of chunks, as `aa/bb…`.
pub(super) struct Folder {
    root: Arc<Root>,
    /// Whether a file can be opened without asking anybody else: not so on a network file system.
    quick: bool,
    /// Numbers of staged files.
    staged: AtomicU64,
}

impl Folder {
    /// Takes the folder, unless it is only looked at.
    pub(super) fn open(path: &Path, access: FolderAccess) -> Result<Self, OpenError> {
        let root = Root::open(path, access)?;
        if access == FolderAccess::Make {
            prepare(root.path()).map_err(OpenError::Folder)?;
        }
        let system = rustix::fs::statfs(root.path()).map_err(|error| OpenError::Folder(error.into()))?;
        let quick = LOCAL_FILE_SYSTEMS.contains(&system.f_type);
        Ok(Self { root: Arc::new(root), quick, staged: AtomicU64::new(0) })
    }

    pub(super) async fn put(&self, name: &ChunkName, sealed: Bytes) -> Result<(), StoreError> {
        self.write(name, sealed, |staged, path| std::fs::rename(staged, path)).await
    }

    pub(super) async fn create(&self, name: &ChunkName, sealed: Bytes) -> Result<Created, StoreError> {
        let path = self.path(name);
        // What is there already needs no staged file.
        if self.length(name).await?.is_some() {
            return Ok(Created::Exists);
        }
        match self.write(name, sealed, rename_unless_there).await {
            Ok(()) => Ok(Created::Made),
            Err(error) => match blocking(move || path.try_exists()).await {
                Ok(true) => Ok(Created::Exists),
                Ok(false) | Err(_) => Err(error),
            },
        }
    }

    /// Deletes staged files.
    pub(super) async fn tidy(&self) -> Result<(), StoreError> {
        let root = Arc::clone(&self.root);
        let tidied = blocking(move || {
            root.check_writable()?;
            sweep(root.path())
        });
        tidied.await.map_err(|error| local(&error))
    }

    async fn write(
        &self,
        name: &ChunkName,
        sealed: Bytes,
        rename: impl Fn(&Path, &Path) -> io::Result<()> + Send + 'static,
    ) -> Result<(), StoreError> {
        let path = self.path(name);
        let number = self.staged.fetch_add(1, Ordering::Relaxed) + 1;
        let root = Arc::clone(&self.root);
        let written = blocking(move || {
            root.check_writable()?;
            write(root.path(), &path, number, &sealed, rename)
        });
        match written.await {
            Ok(()) => Ok(()),
            // A folder that is not there is created below the root only: never in place of a disk that is not mounted.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(self.present().await.err().unwrap_or_else(|| StoreError::unavailable(words(&error))))
            }
            Err(error) => Err(local(&error)),
        }
    }

    pub(super) async fn get(&self, name: &ChunkName, range: Range<u64>) -> Result<ChunkStream, StoreError> {
        let path = self.path(name);
        let opened = if self.quick {
            Reading::open(&path, &range, true)
        } else {
            blocking(move || Reading::open(&path, &range, false)).await
        };
        let mut reading = match opened {
            Ok(reading) => reading,
            Err(error) => return Err(self.missing_or(error).await),
        };
        let first = reading.next().await.map_err(|error| local(&error))?;
        if reading.is_over() {
            return Ok(memory::whole(first));
        }
        let rest = futures::stream::unfold(Some(reading), |reading| async move {
            let mut reading = reading.filter(|reading| !reading.is_over())?;
            match reading.next().await {
                Ok(piece) => Some((Ok(piece), Some(reading))),
                Err(error) => Some((Err(StoreError::Interrupted(Box::new(words(&error)))), None)),
            }
        });
        Ok(futures::stream::iter([Ok(first)]).chain(rest).boxed())
    }

    pub(super) async fn delete(&self, name: &ChunkName) -> Result<(), StoreError> {
        let (root, path) = (Arc::clone(&self.root), self.path(name));
        let deleted = blocking(move || {
            root.check_writable()?;
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

    /// The chunk's length in bytes, if it is there.
    pub(super) async fn length(&self, name: &ChunkName) -> Result<Option<u64>, StoreError> {
        let path = self.path(name);
        match blocking(move || std::fs::metadata(&path)).await {
            Ok(found) => Ok(Some(found.len())),
            Err(error) => match self.missing_or(error).await {
                StoreError::NotFound => Ok(None),
                other => Err(other),
            },
        }
    }

    /// A page of what lies in it.
    pub(super) async fn names(&self, after: Option<&str>) -> Result<NamePage, StoreError> {
        let (root, after) = (Arc::clone(&self.root), after.map(str::to_owned));
        let page = blocking(move || {
            root.check()?;
            names::of_folder(root.path(), after.as_deref())
        });
        page.await.map_err(|error| local(&error))
    }

    /// Whether the folder itself is there: a disk that is not mounted is not a missing chunk.
    pub(super) async fn present(&self) -> Result<(), StoreError> {
        let root = Arc::clone(&self.root);
        match blocking(move || root.check()).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(StoreError::Refused(Box::new(Cause::new("the folder does not exist"))))
            }
            Err(error) => Err(local(&error)),
            Ok(()) => Ok(()),
        }
    }

    fn path(&self, name: &ChunkName) -> PathBuf {
        self.root.path().join(name.to_string())
    }

    async fn missing_or(&self, error: io::Error) -> StoreError {
        if error.kind() != ErrorKind::NotFound {
            return local(&error);
        }
        self.present().await.err().unwrap_or(StoreError::NotFound)
    }
}

/// Makes a chunk durable under its name, or leaves nothing.
fn write(
    root: &Path,
    path: &Path,
    number: u64,
    sealed: &[u8],
    rename: impl Fn(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    let (staged, mut file) = stage(root, path, number)?;
    let written = file.write_all(sealed).and_then(|()| file.sync_all());
    let renamed = written.and_then(|()| match rename(&staged, path) {
        // Somebody has deleted its folder since [`prepare`].
        Err(error) if error.kind() == ErrorKind::NotFound => {
            create_folder_again(folder)?;
            rename(&staged, path)
        }
        done => done,
    });
    if renamed.is_err() {
        // What cannot be removed now is swept at the next start.
        let _removed = std::fs::remove_file(&staged);
    }
    renamed?;
    File::open(folder)?.sync_all()
}

/// Creates a staged file: `staging/aabb…#n`, or `aa/bb…#n` where there is no folder for them.
fn stage(root: &Path, path: &Path, number: u64) -> io::Result<(PathBuf, File)> {
    let create = |staged: PathBuf| -> io::Result<(PathBuf, File)> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&staged)?;
        Ok((staged, file))
    };
    let (folder, name) =
        path.parent().and_then(Path::file_name).zip(path.file_name()).ok_or(ErrorKind::InvalidInput)?;
    let [mut apart, mut beside] = [OsString::from(folder), OsString::from(path)];
    apart.push(name);
    for staged in [&mut apart, &mut beside] {
        staged.push(format!("#{number}"));
    }
    match create(root.join(STAGING).join(apart)) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        done => return done,
    }
    match create(PathBuf::from(&beside)) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        done => return done,
    }
    create_folder_again(path.parent().ok_or(ErrorKind::InvalidInput)?)?;
    create(PathBuf::from(beside))
}

/// Gives a staged file its name unless that is taken. Where the file system cannot do that in one step (NFS), a second link does,
/// which fails as well when the name is taken.
fn rename_unless_there(staged: &Path, path: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, staged, CWD, path, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            std::fs::hard_link(staged, path)?;
            std::fs::remove_file(staged)
        }
        Err(error) => Err(error.into()),
    }
}

/// Creates the folders `00` to `ff`, durably: a chunk is not durable before the name of its folder is.
fn prepare(root: &Path) -> io::Result<()> {
    for number in 0..=u8::MAX {
        create_folder(&root.join(hex::encode([number])))?;
    }
    File::open(root)?.sync_all()
}

fn create_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Creates a folder of chunks that somebody has deleted since [`prepare`], durably.
fn create_folder_again(folder: &Path) -> io::Result<()> {
    create_folder(folder)?;
    File::open(folder.parent().ok_or(ErrorKind::InvalidInput)?)?.sync_all()
}

/// A range of a file that is being read.
struct Reading {
    file: Arc<File>,
    rest: Range<u64>,
    /// Whether to ask the page cache first.
    quick: bool,
    ahead: Option<JoinHandle<io::Result<Bytes>>>,
}

impl Reading {
    fn open(path: &Path, range: &Range<u64>, quick: bool) -> io::Result<Self> {
        let file = File::open(path)?;
        let end = range.end.min(file.metadata()?.len());
        Ok(Self { file: Arc::new(file), rest: range.start.min(end)..end, quick, ahead: None })
    }

    fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next piece; empty only if nothing is left.
    async fn next(&mut self) -> io::Result<Bytes> {
        let wanted = piece(&self.rest);
        let cached = if self.quick && self.ahead.is_none() { read_cached(&self.file, &wanted) } else { None };
        let (bytes, from_cache) = match (cached, self.ahead.take()) {
            (Some(bytes), _) => (bytes, true),
            (None, Some(ahead)) => (ahead.await.unwrap_or_else(|join| Err(lost(join)))?, false),
            (None, None) => (self.read(wanted.clone()).await.unwrap_or_else(|join| Err(lost(join)))?, false),
        };
        // A file that ends early has shrunk under us; the opener sees that bytes are missing.
        let whole = bytes.len() as u64 == wanted.end - wanted.start;
        self.rest.start = if whole { wanted.end } else { self.rest.end };
        if !from_cache && !self.is_over() {
            self.ahead = Some(self.read(piece(&self.rest)));
        }
        Ok(bytes)
    }

    /// Reads a piece on a blocking thread.
    fn read(&self, wanted: Range<u64>) -> JoinHandle<io::Result<Bytes>> {
        let file = Arc::clone(&self.file);
        let length = wanted.end - wanted.start;
        // Made by whoever will free it: allocators keep for a thread what another one freed for it, and there are many
        // blocking threads.
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        spawn_blocking(move || {
            let mut file = file.as_ref();
            file.seek(SeekFrom::Start(wanted.start))?;
            file.take(length).read_to_end(&mut bytes)?;
            Ok(bytes.into())
        })
    }
}

/// The first of what is left that is read at once.
fn piece(rest: &Range<u64>) -> Range<u64> {
    let most = rest.start.saturating_add(PIECE_BYTES);
    let end = most - most.saturating_sub(PIECE_ORIGIN_BYTES) % PIECE_UNIT_BYTES;
    let end = if end > rest.start { end } else { most };
    rest.start..end.min(rest.end)
}

/// The piece, if all of it is in the page cache.
fn read_cached(file: &File, wanted: &Range<u64>) -> Option<Bytes> {
    let mut bytes = vec![0; usize::try_from(wanted.end - wanted.start).ok()?];
    let read = rustix::io::preadv2(file, &mut [IoSliceMut::new(&mut bytes)], wanted.start, ReadWriteFlags::NOWAIT);
    (read == Ok(bytes.len())).then(|| bytes.into())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|join| Err(lost(join)))
}

/// The work did not end: [`local`] tells that from what a disk says.
fn lost(join: JoinError) -> io::Error {
    io::Error::other(join)
}

fn local(error: &io::Error) -> StoreError {
    let join = error.get_ref().and_then(|cause| cause.downcast_ref::<JoinError>());
    if join.is_some_and(JoinError::is_panic) {
        return StoreError::Panicked;
    }
    match error.kind() {
        ErrorKind::NotFound => StoreError::NotFound,
        ErrorKind::StaleNetworkFileHandle => {
            StoreError::Refused(Box::new(Cause::new("another folder is in the place of the provider's")))
        }
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

/// Deletes staged files. Nothing else is touched.
fn sweep(root: &Path) -> io::Result<()> {
    let staging = root.join(STAGING);
    match std::fs::read_dir(&staging) {
        Ok(entries) => return remove(entries, |name| is_staged(name, CHUNK_DIGITS)).map(drop),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    for folder in std::fs::read_dir(root)? {
        let folder = folder?;
        if is_hex(&folder.file_name().to_string_lossy(), 2)
            && folder.file_type()?.is_dir()
            && remove(std::fs::read_dir(folder.path())?, is_staged_beside)?
        {
            // They are gone for good before nobody looks here any more.
            File::open(folder.path())?.sync_all()?;
        }
    }
    create_folder_again(&staging)
}

/// Removes the files of such names; whether there were any.
fn remove(entries: ReadDir, what: impl Fn(&str) -> bool) -> io::Result<bool> {
    let mut found = false;
    for entry in entries {
        let entry = entry?;
        if !what(&entry.file_name().to_string_lossy()) || !entry.file_type()?.is_file() {
            continue;
        }
        match std::fs::remove_file(entry.path()) {
            // A look whose caller went away may still be at it.
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => found = true,
        }
    }
    Ok(found)
}

/// Whether a file of a folder of chunks is a staged one, `bb…#n`.
pub(super) fn is_staged_beside(file: &str) -> bool {
    is_staged(file, CHUNK_DIGITS - 2)
}

fn is_staged(file: &str, digits: usize) -> bool {
    file.split_once('#').is_some_and(|(name, number)| {
        is_hex(name, digits) && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    })
}

pub(super) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Where staged files lie, below the folder of chunks.
pub(super) const STAGING: &str = "staging";
/// Hex digits of a chunk's name, both parts of it.
const CHUNK_DIGITS: usize = 40;

/// Most that is read at a time, in bytes: four segments and what is left of a fifth. A client that does not read pins one
/// piece, for as long as it is connected.
const PIECE_BYTES: u64 = 4 * PIECE_UNIT_BYTES + PIECE_ORIGIN_BYTES;
/// A piece ends at a multiple of this after [`PIECE_ORIGIN_BYTES`]: the length of a sealed segment.
pub(crate) const PIECE_UNIT_BYTES: u64 = 65_552;
/// The length of a chunk's header.
pub(crate) const PIECE_ORIGIN_BYTES: u64 = 40;
/// File systems whose `open` asks no other machine and no other process. Source: statfs(2).
const LOCAL_FILE_SYSTEMS: [i64; 5] = [
    0xef53,      // ext2, ext3, ext4
    0x5846_5342, // XFS
    0x9123_683e, // Btrfs
    0x2fc1_2fc1, // ZFS
    0x0102_1994, // tmpfs
];
