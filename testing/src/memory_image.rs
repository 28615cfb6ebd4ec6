//! The memory of a running process: what a core image of it would hold, and the parts of it that no core image has.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

/// Everything that the process `id` has in memory and that it could write to: heap, stacks, data, anonymous mappings.
/// One region after the other.
///
/// # Panics
/// When it may not be read: the gateway hides its memory, so only root reads it.
pub fn memory_image(id: u32) -> Vec<u8> {
    let maps = fs::read_to_string(format!("/proc/{id}/maps")).expect("the process's mappings");
    let memory = File::open(format!("/proc/{id}/mem"));
    let memory = memory.expect("the gateway hides its memory from its own user: this test must run as root");
    let mut image = Vec::new();
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (Some(range), Some(rights)) = (fields.next(), fields.next()) else { continue };
        if !rights.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').expect("a range");
        let (start, end) = (address(start), address(end));
        let length = usize::try_from(end - start).expect("a length");
        let mut region = vec![0; length];
        // A region may go while the process lives on.
        if memory.read_exact_at(&mut region, start).is_ok() {
            image.extend_from_slice(&region);
        }
    }
    image
}

fn address(hex: &str) -> u64 {
    u64::from_str_radix(hex, 16).expect("an address")
}
