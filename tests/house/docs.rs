//! The documents keep to what is there: links resolve, files and tests that are named exist, both languages have the
//! same sections.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Where documents are, besides the root.
const FOLDERS: &[&str] = &["docs", "config", "certs", "fuzz"];
/// Beginnings of what is taken for a path of the repository.
const ROOMS: &[&str] =
    &["src/", "tests/", "testing/", "docs/", "config/", "certs/", "fuzz/", "benches/", "scripts/", ".ci/"];
/// Paths that documents name and that only the reader makes.
const READERS_OWN: &[&str] = &["config/local.toml", "fuzz/corpus/", "fuzz/artifacts/"];
/// Documents in which a long name in code type is a test.
const NAMES_TESTS: &[&str] = &["docs/threat-model.md", "docs/fr/threat-model.md", "docs/testing.md"];

struct Document {
    /// From the root of the repository.
    path: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder`, from the root of the repository; what tools make is left out.
fn files_below(folder: &str, out: &mut BTreeSet<String>) {
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if !entry.file_type().unwrap().is_dir() {
            out.insert(path);
        } else if !["target", ".git", "node_modules", "corpus", "artifacts"].contains(&name.as_str()) {
            files_below(&path, out);
        }
    }
}

fn all_files() -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    files_below("", &mut files);
    files
}

fn documents() -> Vec<Document> {
    let is_document = |path: &String| {
        let folder = path.split_once('/').map_or("", |(folder, _)| folder);
        path.ends_with(".md") && (folder.is_empty() || FOLDERS.contains(&folder))
    };
    let found: Vec<Document> = all_files()
        .into_iter()
        .filter(is_document)
        .map(|path| Document { text: fs::read_to_string(root().join(&path)).unwrap(), path })
        .collect();
    assert!(found.len() > 15, "the documents were not found");
    found
}

/// The lines that are not within a fenced block.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// Level and title of each heading.
fn headings(text: &str) -> Vec<(usize, &str)> {
    let level = |line: &str| line.bytes().take_while(|b| *b == b'#').count();
    prose(text)
        .filter(|line| line.starts_with('#'))
        .filter_map(|line| line[level(line)..].strip_prefix(' ').map(|title| (level(line), title.trim())))
        .collect()
}

/// The anchor that forges make of a heading.
fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase()
}

/// What stands between single backquotes.
fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// `docs/fr/../adr` → `docs/adr`; `None` above the root.
fn normal(path: &Path) -> Option<String> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            Component::ParentDir if clean.pop() => {}
            _ => return None,
        }
    }
    Some(clean.to_string_lossy().into_owned())
}

fn link_faults(document: &Document) -> Vec<String> {
    let mut faults = Vec::new();
    for line in prose(&document.text) {
        for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, wanted) = target.split_once('#').unwrap_or((target, ""));
            let folder = Path::new(&document.path).parent().unwrap();
            let path = normal(&folder.join(file)).filter(|path| root().join(path).exists());
            let Some(path) = path else {
                faults.push(format!("{}: `{target}` leads nowhere", document.path));
                continue;
            };
            let there = if file.is_empty() { Ok(document.text.clone()) } else { fs::read_to_string(root().join(path)) };
            if !wanted.is_empty() && !headings(&there.unwrap()).iter().any(|(_, title)| anchor(title) == wanted) {
                faults.push(format!("{}: `{target}` leads to no heading", document.path));
            }
        }
    }
    faults
}

/// Whether a path in code type is that of something there. `*` stands for any characters.
fn is_there(named: &str, files: &BTreeSet<String>) -> bool {
    if let Some((start, end)) = named.split_once('*') {
        return files.iter().any(|file| file.starts_with(start) && file[start.len()..].ends_with(end));
    }
    let folder = format!("{}/", named.trim_end_matches('/'));
    let suffix = format!("/{named}");
    let file = |file: &String| {
        file == named || file.starts_with(&folder) || (named.ends_with(".rs") && file.ends_with(&suffix))
    };
    files.iter().any(file)
}

fn file_faults(document: &Document, files: &BTreeSet<String>) -> Vec<String> {
    let plain = |span: &&str| span.chars().all(|c| c.is_alphanumeric() || "/._-*".contains(c));
    let is_path = |span: &&str| ROOMS.iter().any(|room| span.starts_with(room)) || span.ends_with(".rs");
    let readers = |span: &&str| READERS_OWN.iter().any(|own| span.starts_with(own));
    prose(&document.text)
        .flat_map(code_spans)
        .filter(|span| plain(span) && is_path(span) && !readers(span))
        .filter(|span| !is_there(span, files))
        .map(|span| format!("{}: there is no `{span}`", document.path))
        .collect()
}

fn test_faults(document: &Document, functions: &BTreeSet<String>) -> Vec<String> {
    let is_name = |span: &&str| {
        span.matches('_').count() >= 3 && span.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let spans = prose(&document.text).flat_map(code_spans).filter(is_name);
    let missing = spans.filter(|span| !functions.contains(*span));
    missing.map(|span| format!("{}: there is no test `{span}`", document.path)).collect()
}

/// Every function of the sources and the tests.
fn functions() -> BTreeSet<String> {
    let rust = all_files().into_iter().filter(|path| path.ends_with(".rs") && !path.starts_with("fuzz/"));
    let mut names = BTreeSet::new();
    for path in rust {
        let text = fs::read_to_string(root().join(path)).unwrap();
        let after = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
        names.extend(after.map(str::to_owned));
    }
    names
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn every_link_leads_somewhere() {
    assert_none(&documents().iter().flat_map(link_faults).collect::<Vec<_>>());
}

#[test]
fn every_file_that_a_document_names_is_there() {
    let files = all_files();
    assert_none(&documents().iter().flat_map(|document| file_faults(document, &files)).collect::<Vec<_>>());
}

#[test]
fn every_test_that_a_document_names_is_there() {
    let functions = functions();
    let found = documents();
    let named: Vec<&Document> = found.iter().filter(|found| NAMES_TESTS.contains(&found.path.as_str())).collect();
    assert_eq!(named.len(), NAMES_TESTS.len());
    assert_none(&named.iter().flat_map(|document| test_faults(document, &functions)).collect::<Vec<_>>());
}

#[test]
fn what_operators_read_has_the_same_sections_in_both_languages() {
    let mut pairs: Vec<(String, String)> = vec![
        ("README.md".into(), "README.fr.md".into()),
        ("docs/threat-model.md".into(), "docs/fr/threat-model.md".into()),
    ];
    let operators = all_files().into_iter().filter(|path| path.starts_with("docs/operators/") && path.ends_with(".md"));
    pairs.extend(operators.map(|path| (path.clone(), path.replacen("docs/", "docs/fr/", 1))));
    assert!(pairs.len() > 4);
    for (english, french) in pairs {
        let levels = |path: &str| -> Vec<usize> {
            let text = fs::read_to_string(root().join(path)).unwrap_or_else(|_| panic!("{path} is missing"));
            headings(&text).into_iter().map(|(level, _)| level).collect()
        };
        assert_eq!(levels(&english), levels(&french), "{english} and {french} have other sections");
    }
}

#[test]
fn every_decision_is_in_the_index_of_decisions() {
    let index = fs::read_to_string(root().join("docs/adr/README.md")).unwrap();
    for path in all_files().into_iter().filter(|path| path.starts_with("docs/adr/0")) {
        let name = path.trim_start_matches("docs/adr/");
        assert!(index.contains(&format!("]({name})")), "{name} is not in the index");
    }
}

#[test]
fn planted_faults_are_caught() {
    let text = "# A title\n[a](b.md) [b](#a-title) [c](#gone) [d](../SECURITY.md) `src/gone.rs` `gone_for_ever_and_ever`\n\
                `gateway/put.rs` `testing/src/*/chunk_store.rs` `docs/adr/`\n```\n[e](f.md) `src/fenced.rs`\n```\n";
    let planted = Document { path: "docs/planted.md".into(), text: text.into() };
    assert_eq!(
        link_faults(&planted),
        ["docs/planted.md: `b.md` leads nowhere", "docs/planted.md: `#gone` leads to no heading"]
    );
    assert_eq!(file_faults(&planted, &all_files()), ["docs/planted.md: there is no `src/gone.rs`"]);
    assert_eq!(test_faults(&planted, &functions()), ["docs/planted.md: there is no test `gone_for_ever_and_ever`"]);
}
