//! Only the fence says that something may be deleted at a provider.

use std::fs;
use std::path::{Path, PathBuf};

/// Where consent to deletions may be given: the fence, after a look at the providers; and where the type is.
const GIVERS: [&str; 3] = ["gateway/fence/consent.rs", "gateway/fence/look.rs", "store/mod.rs"];

fn files_below(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}

/// Files below `src/` that give consent, or could make one of their own.
fn givers(text: impl Fn(&Path) -> String) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    files_below(&root, &mut files);
    assert!(files.len() > 100, "the sources are there");
    let mut found = Vec::new();
    for file in files {
        let text = text(&file);
        // Unit tests stand at the end of a file.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        if code.contains("Consent::") || code.contains("Consent(()") || code.contains("Consent as") {
            found.push(file.strip_prefix(&root).unwrap().to_string_lossy().into_owned());
        }
    }
    found.sort();
    found
}

#[test]
fn only_the_fence_consents_to_deletions_at_a_provider() {
    assert_eq!(givers(|file| fs::read_to_string(file).unwrap()), GIVERS);
    let planted = |file: &Path| {
        let text = fs::read_to_string(file).unwrap();
        if file.ends_with("gateway/jobs/collect.rs") { text + "fn f() { Consent::given() }" } else { text }
    };
    assert_eq!(givers(planted).len(), GIVERS.len() + 1, "one that is planted is caught");
}
