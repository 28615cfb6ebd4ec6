//! Tests are in few programs, and each file of tests is part of one: what no program names is never run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The programs. Each is compiled and linked by itself, so a new one has to have a reason: state of the process that others
/// would meddle with. Tests go into the program of their tier.
const PROGRAMS: &[(&str, &str)] = &[
    ("clients", "the programs that hospitals use, before or behind a gateway"),
    ("gateway", "the core in process, in no protocol's words"),
    ("house", "the repository itself; builds without the library"),
    ("leaks.rs", "waits until a gateway is quiet and reads its memory: nothing may run beside it"),
    ("load.rs", "measures memory, and raises the limit of open files"),
    ("process", "the real binary, from outside"),
    ("protocol", "the fronts in process, by hand"),
    ("rooms", "each room by itself"),
    ("silence", "takes the only subscriber and the only recorder that a process has"),
];

/// Folders under `tests/` that hold no programs.
const MATERIAL: &[&str] = &["fixtures", "vectors"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The modules of a folder that its `main.rs`, `mod.rs` or `lib.rs` does not name, from `root`.
fn unnamed_modules(root: &Path, folder: &str) -> Vec<String> {
    let here = root.join(folder);
    let names = names_in(&here);
    let holder = ["main.rs", "mod.rs", "lib.rs"].into_iter().find(|name| names.contains(*name));
    let text = holder.map(|name| fs::read_to_string(here.join(name)).unwrap()).unwrap_or_default();
    let mut faults = Vec::new();
    for name in names.iter().filter(|name| Some(name.as_str()) != holder) {
        let module = name.trim_end_matches(".rs");
        if here.join(name).is_dir() {
            faults.extend(unnamed_modules(root, &format!("{folder}/{name}")));
        } else if !name.ends_with(".rs") {
            continue;
        } else if !text.lines().any(|line| line.trim_start_matches("pub ") == format!("mod {module};")) {
            faults.push(format!("{folder}/{name} is in no program: name it in {folder}/"));
        }
    }
    faults
}

#[test]
fn tests_are_in_the_programs_that_are_listed_and_no_others() {
    let listed = PROGRAMS.iter().map(|(name, _)| (*name).to_owned());
    let expected: BTreeSet<String> = listed.chain(MATERIAL.iter().map(|name| (*name).to_owned())).collect();
    let there = names_in(&root());
    let added: Vec<_> = there.difference(&expected).collect();
    assert!(
        added.is_empty(),
        "{added:?} under tests/: put tests into the program of their tier, what they share into testing/"
    );
    let gone: Vec<_> = expected.difference(&there).collect();
    assert!(gone.is_empty(), "{gone:?} is not there any more: correct the list in tests/house/programs.rs");
}

#[test]
fn every_file_of_tests_is_part_of_a_program() {
    let folders = PROGRAMS.iter().map(|(name, _)| *name).filter(|name| !name.ends_with(".rs"));
    let mut faults: Vec<String> = folders.flat_map(|folder| unnamed_modules(&root(), folder)).collect();
    faults.extend(unnamed_modules(&root().join("../testing"), "src"));
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn a_file_that_no_program_names_is_caught() {
    let folder = std::env::temp_dir().join(format!("ecluse-programs-{}", std::process::id()));
    fs::create_dir_all(folder.join("tier/subject")).unwrap();
    for (name, text) in
        [("main.rs", "mod named;\nmod subject;\n"), ("named.rs", ""), ("added.rs", ""), ("script.sh", "")]
    {
        fs::write(folder.join("tier").join(name), text).unwrap();
    }
    fs::write(folder.join("tier/subject/mod.rs"), "pub mod named;\n").unwrap();
    fs::write(folder.join("tier/subject/named.rs"), "").unwrap();
    fs::write(folder.join("tier/subject/other.rs"), "").unwrap();
    let faults = unnamed_modules(&folder, "tier");
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(
        faults,
        [
            "tier/added.rs is in no program: name it in tier/",
            "tier/subject/other.rs is in no program: name it in tier/subject/"
        ]
    );
}
