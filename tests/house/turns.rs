//! Nobody changes much or reads much of the catalog for a client before it is the client's turn: fairness holds in every
//! operation, or in none.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The gateway's own work, which no client can multiply: it takes no turn.
const OWN_WORK: &[&str] = &["fence", "jobs", "mod.rs", "readiness.rs", "settling", "unlock.rs"];

/// What the catalog may read in its lane for lists, and what asks for it takes no turn.
const FEW_ROWS: &[(&str, &str)] =
    &[("open", "a page of slices, and only of an object that has more than a few"), ("open_at", "as above")];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The methods in a file whose bodies hold `mark`.
fn methods_with(path: &str, mark: &str) -> BTreeSet<String> {
    let text = read(path);
    let methods = text.split("    async fn ").skip(1);
    let marked = methods.filter(|method| method.contains(mark));
    marked.map(|method| method.split(['(', '<']).next().unwrap().to_owned()).collect()
}

/// The files that act for clients.
fn files(folder: &Path, out: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if OWN_WORK.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            files(&path, out);
        } else if !name.ends_with("_tests.rs") {
            out.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Calls of the catalog's `methods` before which, in their function, none of `turns` stands.
fn calls_without(text: &str, methods: &BTreeSet<String>, turns: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("catalog.") {
        let name: String =
            text[at + "catalog.".len()..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let function = text[..at].rfind("fn ").map_or(0, |start| start);
        if methods.contains(&name) && !turns.iter().any(|turn| text[function..at].contains(turn)) {
            found.push(name);
        }
    }
    found
}

#[test]
fn whatever_changes_or_reads_much_of_the_catalog_for_a_client_waits_for_its_turn() {
    let writes = methods_with("src/catalog/fault.rs", "faults.meet(");
    let mut scans = methods_with("src/catalog/sqlite/mod.rs", "self.read(");
    scans.retain(|name| !FEW_ROWS.iter().any(|(few, _)| few == name) && !writes.contains(name));
    for expected in ["commit", "restore_bucket", "complete_upload", "put_block", "lease"] {
        assert!(writes.contains(expected), "{expected} is not found among the writes: {writes:?}");
    }
    for expected in ["list", "find_by_tags", "upload_parts", "more_slices"] {
        assert!(scans.contains(expected), "{expected} is not found among the reads of much: {scans:?}");
    }
    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gateway"), &mut all);
    let mut faults = Vec::new();
    for (name, text) in &all {
        let written = calls_without(text, &writes, &["turn_to_write(", ".change("]);
        faults.extend(written.into_iter().map(|method| format!("{name}: {method} without a turn to write")));
        let scanned = calls_without(text, &scans, &["turn_to_scan(", "scans.take("]);
        faults.extend(scanned.into_iter().map(|method| format!("{name}: {method} without a turn to read")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
