//! The spool: sealed bytes of chunks whose clients are slow, on the gateway's disk until the chunk is full.
//!
//! # Invariants
//! - Only sealed bytes get here: what a provider would get. Plaintext is never written to a disk.
//! - A file has no name: it is unlinked before its first byte is written, so it goes with the process whatever happens.
//!   What a crash leaves between creating and unlinking is empty, and [`Spool::open`] deletes it.
//! - No more than the limit is in use. Room for a whole chunk is taken before its first byte.

use std::fs::{DirBuilder, DirEntry, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::task::spawn_blocking;

/// A folder for sealed bytes of slow clients. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Spool {
    folder: Arc<Path>,
    used: Arc<AtomicU64>,
    limit: u64,
}

impl Spool {
    /// Creates the folder if it is missing (mode 0700) and removes what an earlier process left in it. At most `limit` bytes are
    /// used of it. A link in its place is refused, and what it points to is not touched; nor is a file that is not the spool's.
    pub fn open(folder: PathBuf, limit: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        if !std::fs::symlink_metadata(&folder)?.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is a link, and must be a folder"));
        }
        for left in std::fs::read_dir(&folder)? {
            let left = left?;
            if is_ours(&left)? {
                std::fs::remove_file(left.path())?;
            } else {
                tracing::warn!("the spool's folder holds something that is not the spool's; it is left alone");
            }
        }
        Ok(Self { folder: folder.into(), used: Arc::default(), limit })
    }

    /// Bytes in use, or kept for chunks that are being filled.
    pub fn used_bytes(&self) -> u64 {
        self.used.load(Ordering::Acquire)
    }

    /// A file for a chunk of at most `bytes`, unless there is no room for it.
    pub(in crate::gateway) async fn begin(&self, bytes: u64) -> io::Result<Option<Spooled>> {
        let fits = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.limit);
        if self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).is_err() {
            return Ok(None);
        }
        let room = Room { used: Arc::clone(&self.used), bytes };
        let folder = Arc::clone(&self.folder);
        let file = blocking(move || nameless(&folder)).await?;
        Ok(Some(Spooled { file: Some(file), written: 0, _room: room }))
    }
}

/// What is in the spool of one chunk. Gone when dropped.
pub(in crate::gateway) struct Spooled {
    /// Absent while it is written to, and after an error.
    file: Option<File>,
    written: u64,
    _room: Room,
}

impl Spooled {
    /// Adds sealed bytes. After an error, or when this was cancelled, nothing can be read any more.
    pub(in crate::gateway) async fn append(&mut self, sealed: Bytes) -> io::Result<()> {
        if sealed.is_empty() {
            return Ok(());
        }
        let mut file = self.file.take().ok_or_else(lost)?;
        let added = sealed.len() as u64;
        // The bytes come back to be freed: allocators keep for a thread what another one freed for it.
        let (file, written) = blocking(move || file.write_all(&sealed).map(|()| (file, sealed))).await?;
        drop(written);
        self.file = Some(file);
        self.written += added;
        Ok(())
    }

    /// Bytes that were added.
    pub(in crate::gateway) fn written(&self) -> u64 {
        self.written
    }

    /// All that was added, and `tail` behind it.
    pub(in crate::gateway) async fn read_back(mut self, tail: Bytes) -> io::Result<Bytes> {
        let mut file = self.file.take().ok_or_else(lost)?;
        let written = usize::try_from(self.written).map_err(|_too_long| lost())?;
        // All of its memory at once: it is counted, and must not be taken twice in growing. Not on the other thread, see
        // above.
        let mut whole = Vec::with_capacity(written + tail.len());
        blocking(move || {
            whole.resize(written, 0);
            file.rewind()?;
            file.read_exact(&mut whole)?;
            whole.extend_from_slice(&tail);
            Ok(whole.into())
        })
        .await
    }
}

/// Room that is taken in the spool.
struct Room {
    used: Arc<AtomicU64>,
    bytes: u64,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// Whether an entry of the folder is a file that a process died with: 32 hexadecimal digits, and no link.
fn is_ours(entry: &DirEntry) -> io::Result<bool> {
    let name = entry.file_name();
    let ours = name.len() == 32 && name.as_encoded_bytes().iter().all(u8::is_ascii_hexdigit);
    // Of the entry itself, not of what a link points to.
    Ok(ours && entry.file_type()?.is_file())
}

/// A new file that only this process can reach.
fn nameless(folder: &Path) -> io::Result<File> {
    let mut random = [0_u8; 16];
    crate::secret::fill_random(&mut random).map_err(io::Error::other)?;
    let path = folder.join(hex::encode(random));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

fn lost() -> io::Error {
    io::Error::other("what was spooled before is lost")
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    // Without the panic's own words: they may be about anything.
    spawn_blocking(work).await.unwrap_or_else(|_join| Err(io::Error::other("the task that works on the file panicked")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_goes_in_comes_out_and_leaves_no_name_behind() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("0123456789abcdef0123456789abcdef"), "").unwrap();
        let spool = Spool::open(folder.path().to_owned(), 100).unwrap();
        let mut one = spool.begin(60).await.unwrap().unwrap();
        one.append(Bytes::from_static(b"sealed ")).await.unwrap();
        one.append(Bytes::from_static(b"bytes")).await.unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!((one.written(), spool.used_bytes()), (12, 60));
        assert_eq!(one.read_back(Bytes::from_static(b", and the tail")).await.unwrap(), "sealed bytes, and the tail");
        assert_eq!(spool.used_bytes(), 0);
    }

    #[test]
    fn what_a_link_points_to_and_what_is_not_the_spools_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let (elsewhere, spool) = (home.path().join("elsewhere"), home.path().join("spool"));
        let name = "0123456789abcdef0123456789abcdef";
        std::fs::create_dir(&elsewhere).unwrap();
        std::fs::write(elsewhere.join(name), "precious").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &spool).unwrap();
        assert!(Spool::open(spool.clone(), 100).is_err(), "a link in the place of the folder");
        assert_eq!(std::fs::read(elsewhere.join(name)).unwrap(), b"precious");

        std::fs::remove_file(&spool).unwrap();
        std::fs::create_dir(&spool).unwrap();
        std::fs::write(spool.join("notes.txt"), "precious").unwrap();
        std::os::unix::fs::symlink(elsewhere.join(name), spool.join("fedcba9876543210fedcba9876543210")).unwrap();
        std::fs::write(spool.join(name), "").unwrap();
        Spool::open(spool.clone(), 100).unwrap();
        assert_eq!(std::fs::read(elsewhere.join(name)).unwrap(), b"precious");
        assert_eq!(std::fs::read(spool.join("notes.txt")).unwrap(), b"precious");
        assert_eq!(std::fs::read_dir(&spool).unwrap().count(), 2, "only the spool's own file went");
    }

    #[tokio::test]
    async fn no_more_than_the_limit_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path().to_owned(), 100).unwrap();
        let one = spool.begin(60).await.unwrap();
        assert!(spool.begin(41).await.unwrap().is_none());
        assert!(spool.begin(40).await.unwrap().is_some());
        assert!(one.is_some());
        drop(one);
        assert!(spool.begin(100).await.unwrap().is_some());
        assert_eq!(spool.used_bytes(), 0);
    }
}
