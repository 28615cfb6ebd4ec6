//! What is at a provider, by name: a page at a time.
//!
//! # Invariants
//! - At most [`FOLDER_PAGE`] names of a folder are in memory, however many it holds.
//! - Only a file that lies where a chunk would is told under a chunk's name.

use std::collections::BinaryHeap;
use std::fs::DirEntry;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::folder::{STAGING, is_hex, is_staged_beside};
use crate::model::Timestamp;

/// A name at a provider, of a chunk or of anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// As the provider tells it.
    pub name: String,
    /// When it was last written, by the provider's clock.
    pub modified: Timestamp,
}

/// A page of names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamePage {
    /// In any order.
    pub names: Vec<Listed>,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<String>,
}

/// Most names in a page of a folder. A page is a look through one of 256 folders, so that most need one.
const FOLDER_PAGE: usize = 65_536;

/// A page of what lies in a folder of chunks: first what lies in the folder itself, then `00` to `ff`. `after` is
/// `folder/file`: the last file that was told of the folder, or none of it yet.
pub(super) fn of_folder(root: &Path, after: Option<&str>) -> io::Result<NamePage> {
    page(root, after, FOLDER_PAGE)
}

fn page(root: &Path, after: Option<&str>, most: usize) -> io::Result<NamePage> {
    let (folder, last) = after.and_then(|after| after.split_once('/')).unwrap_or_default();
    let entries = match std::fs::read_dir(root.join(folder)) {
        Err(error) if error.kind() == ErrorKind::NotFound && !folder.is_empty() => None,
        entries => Some(entries?),
    };
    // Where staged files have a folder of their own, nobody looks for them beside the chunks: what is there is told.
    let apart = root.join(STAGING).try_exists()?;
    // The smallest names behind `last`.
    let mut found: BinaryHeap<String> = BinaryHeap::new();
    let mut left_out = false;
    for entry in entries.into_iter().flatten() {
        let entry = entry?;
        let file = told_as(&entry)?;
        // A chunk on its way is no chunk yet, and the folders of chunks have pages of their own.
        let passed = (!apart && is_staged_beside(&file)) || (folder.is_empty() && is_folder_of_ours(&file));
        if passed || file.as_str() <= last {
            continue;
        }
        found.push(file);
        if found.len() > most {
            found.pop();
            left_out = true;
        }
    }
    let files = found.into_sorted_vec();
    let next = match files.last() {
        Some(last) if left_out => Some(format!("{folder}/{last}")),
        _ => following(folder).map(|folder| format!("{folder}/")),
    };
    let mut names = Vec::with_capacity(files.len());
    for file in files {
        let name = if folder.is_empty() { file } else { format!("{folder}/{file}") };
        match std::fs::symlink_metadata(root.join(&name)) {
            Ok(found) => names.push(Listed { name, modified: written(&found) }),
            // It went meanwhile, or its name is no text: then it is told, and is young for ever.
            Err(error) if error.kind() == ErrorKind::NotFound && !name.contains('\u{fffd}') => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                names.push(Listed { name, modified: Timestamp(i64::MAX) });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(NamePage { names, next })
}

/// A file by its name; what is no file, with a slash behind it, so that it cannot be taken for a chunk.
fn told_as(entry: &DirEntry) -> io::Result<String> {
    let name = entry.file_name().to_string_lossy().into_owned();
    Ok(if entry.file_type()?.is_file() { name } else { name + "/" })
}

fn is_folder_of_ours(told: &str) -> bool {
    told.strip_suffix('/').is_some_and(|name| is_hex(name, 2) || name == STAGING)
}

/// The folder after this one; the first is the root, which has no name.
fn following(folder: &str) -> Option<String> {
    if folder.is_empty() {
        return Some(hex::encode([0]));
    }
    let number = u8::from_str_radix(folder, 16).ok()?;
    number.checked_add(1).map(|next| hex::encode([next]))
}

fn written(found: &std::fs::Metadata) -> Timestamp {
    let since = found.modified().ok().and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
    // What has no time is young for ever.
    Timestamp(since.and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_told_once_and_whole_however_small_the_pages_are() {
        let root = tempfile::tempdir().unwrap();
        let chunk = |number: u8| format!("{}/{}", hex::encode([number]), "0".repeat(38));
        let mut expected = vec!["readme.txt".to_owned(), "other/".to_owned()];
        std::fs::create_dir(root.path().join("other")).unwrap();
        std::fs::write(root.path().join("readme.txt"), "x").unwrap();
        for folder in ["00", "7f", "ff"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
            for number in 0..5 {
                let name = format!("{folder}/{number}{}", "a".repeat(37));
                std::fs::write(root.path().join(&name), "x").unwrap();
                expected.push(name);
            }
        }
        // On its way, and a folder in the place of a chunk.
        std::fs::write(root.path().join(format!("{}#3", chunk(0xff))), "x").unwrap();
        std::fs::create_dir(root.path().join(chunk(0xff))).unwrap();
        expected.push(format!("{}/", chunk(0xff)));
        all_is_told(root.path(), expected.clone());
        // Once staged files have a folder of their own, one beside a chunk is nobody's: version 0.1 was here again.
        std::fs::create_dir(root.path().join("staging")).unwrap();
        std::fs::write(root.path().join("staging").join(format!("{}#1", "0".repeat(40))), "x").unwrap();
        expected.push(format!("{}#3", chunk(0xff)));
        all_is_told(root.path(), expected);
    }

    fn all_is_told(root: &Path, mut expected: Vec<String>) {
        expected.sort();
        for most in [1, 2, 3, 1000] {
            let (mut told, mut after, mut pages) = (Vec::new(), None, 0);
            loop {
                let page = page(root, after.as_deref(), most).unwrap();
                assert!(page.names.len() <= most);
                told.extend(page.names.into_iter().map(|listed| listed.name));
                pages += 1;
                assert!(pages < 400, "it ends");
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            told.sort();
            assert_eq!(told, expected, "{most}");
        }
    }
}
