//! Paths as they are meant: absolute, and without `.` and `..`.

use std::path::{Component, Path, PathBuf};

/// Takes `.` and `..` out of an absolute path, without asking the file system.
pub(super) fn lexically_clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}
