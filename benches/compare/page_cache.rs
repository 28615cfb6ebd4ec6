//! The machine as it is after a long life: its memory full of cached files, so that whoever writes takes over pages of
//! others.
//!
//! On a fresh virtual machine a page that nobody has used yet has to be got from the host first, which takes longer than
//! all that is measured here (2.7 s for each GB on the machine of docs/performance.md), and falls on whoever
//! happens to be the first.

use std::fs::{File, read_to_string};
use std::io::Write as _;
use std::path::Path;

/// Memory that is left free for the processes themselves, in bytes.
const LEFT: u64 = 2 << 30;
/// Disk that is left free, in bytes.
const DISK_LEFT: u64 = 12 << 30;

/// Writes a file as large as the memory that is free, below `folder`, and leaves it there.
pub fn fill(folder: &Path) {
    let text = read_to_string("/proc/meminfo").expect("the state of the memory");
    let free = text.lines().find_map(|line| line.strip_prefix("MemFree:")?.trim().strip_suffix(" kB")?.parse().ok());
    let disk = rustix::fs::statvfs(folder).expect("the state of the disk");
    let room = (disk.f_bavail * disk.f_frsize).saturating_sub(DISK_LEFT);
    let bytes = free.map_or(0, |kib: u64| (kib * 1024).saturating_sub(LEFT)).min(room);
    println!("filling the page cache with {} MiB", bytes >> 20);
    let mut file = File::create(folder.join("page-cache")).expect("a file");
    let block = vec![0; 1 << 20];
    for _ in 0..bytes >> 20 {
        file.write_all(&block).expect("room for it");
    }
    file.sync_all().expect("a file on the disk");
}
