//! The house keeps its shape: imports go down only, files stay small, every room says what it holds to.
//!
//! The table below is the one of `docs/architecture.md`. Code under `#[cfg(test)]` and files called `tests.rs` or `…_tests.rs` may
//! import what they need; nothing else may.

use std::fs;
use std::path::Path;

use super::rust_paths::{NamedPath, named_paths};

/// A room of the house, and the rooms that it may import.
struct Room {
    name: &'static str,
    imports: &'static [&'static str],
    reason: &'static str,
}

const fn room(name: &'static str, imports: &'static [&'static str], reason: &'static str) -> Room {
    Room { name, imports, reason }
}

const LEAF: &str = "the leaves import model and secret, and never one another: they meet in the gateway";
const GROUND: &str = "the ground floor imports nothing of ours";

const TABLE: &[Room] = &[
    room("main", &["cli"], "main is start-up order and exit codes; everything else is behind cli"),
    room(
        "cli",
        &["app", "demo", "config", "keys", "text", "model", "secret", "redact", "telemetry"],
        "commands are thin: what they do is in app or demo, and in keys for `keys init`",
    ),
    room(
        "demo",
        &["app", "config", "keys", "text", "model", "secret", "redact", "telemetry"],
        "the demo uses the gateway as a hospital would: from outside, through app; keys for `keys init`",
    ),
    room(
        "app",
        &[
            "config",
            "front",
            "gateway",
            "audit",
            "catalog",
            "keys",
            "seal",
            "store",
            "text",
            "model",
            "secret",
            "redact",
            "telemetry",
        ],
        "app does the wiring and knows no command",
    ),
    room("config", &["model", "secret"], "configuration is values; app turns them into parts"),
    room(
        "front",
        &["gateway", "audit", "model", "secret", "redact", "telemetry"],
        "a front speaks to the gateway only; the catalog's values come through crate::gateway",
    ),
    room(
        "gateway",
        &["catalog", "keys", "seal", "store", "model", "secret", "redact", "telemetry"],
        "the gateway is below the fronts and the wiring",
    ),
    room("audit", &["model", "secret"], LEAF),
    room("catalog", &["model", "secret"], LEAF),
    room("keys", &["model", "secret"], LEAF),
    room("seal", &["model", "secret"], LEAF),
    room("store", &["model", "secret"], LEAF),
    room("model", &[], GROUND),
    room("secret", &[], GROUND),
    room("redact", &[], GROUND),
    room("telemetry", &[], GROUND),
    room("text", &[], GROUND),
];

/// Fronts that share `front/server.rs` and `front/tls.rs`, and nothing of each other.
const PROTOCOLS: &[&str] = &["s3", "azure", "admin"];

/// Libraries that belong to some rooms only.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("rusqlite", &["catalog"]),
    ("object_store", &["store", "demo"]),
    ("s3s", &[]),
    ("fluent_bundle", &["text"]),
    ("aes_gcm", &["seal", "keys"]),
    ("hkdf", &["seal", "keys"]),
];

/// Rooms of synchronous code: no runtime, no files, no network.
const SYNCHRONOUS: &[&str] = &["seal", "model", "secret", "redact", "text"];

const LONGEST_FILE_LINES: usize = 600;
const LONGEST_MAIN_LINES: usize = 80;

/// A file under `src`, by its path from there (`gateway/put.rs`).
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// `gateway/put.rs` → `["gateway", "put"]`; `gateway/mod.rs` → `["gateway"]`; `lib.rs` → `[]`.
    fn module(&self) -> Vec<String> {
        let mut module: Vec<String> = self.path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
            module.pop();
        }
        module
    }

    fn is_tests(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.ends_with("_tests.rs") || self.path.contains("/tests/")
    }
}

/// The path from the crate's root, or `None` when it leads elsewhere.
fn resolve(path: &NamedPath, module: &[String]) -> Option<Vec<String>> {
    let mut here = [module, &path.inline_modules].concat();
    let mut rest = path.segments.as_slice();
    match rest.first().map(String::as_str)? {
        "crate" | "ecluse" => here.clear(),
        "self" | "super" => {}
        _ => return None,
    }
    while let Some((head, tail)) = rest.split_first() {
        match head.as_str() {
            "crate" | "ecluse" | "self" => {}
            "super" => {
                here.pop();
            }
            _ => break,
        }
        rest = tail;
    }
    Some([here.as_slice(), rest].concat())
}

/// Every import of `source` that the table forbids.
fn forbidden_imports(source: &Source) -> Vec<String> {
    let module = source.module();
    let Some(room_name) = module.first() else { return Vec::new() };
    if source.is_tests() {
        return Vec::new();
    }
    let Some(room) = TABLE.iter().find(|room| room.name == room_name) else {
        return vec![format!(
            "src/{}: `{room_name}` is no room of the table in tests/house/architecture.rs",
            source.path
        )];
    };
    named_paths(&source.text)
        .iter()
        .filter_map(|path| {
            let rule = match resolve(path, &module) {
                Some(target) => forbidden_room(room, &module, &target),
                None => forbidden_library(room, path),
            }?;
            Some(format!("src/{}:{}: `{}`: {rule}", source.path, path.line, path.segments.join("::")))
        })
        .collect()
}

fn forbidden_room(room: &Room, module: &[String], target: &[String]) -> Option<String> {
    let Some(wanted) = target.first().filter(|name| *name != "*") else {
        return Some("name the room: importing the whole crate hides what is used".to_owned());
    };
    if wanted == room.name {
        let protocol = target.get(1).filter(|name| room.name == "front" && PROTOCOLS.contains(&name.as_str()))?;
        let within = module.get(1).is_none_or(|name| name == protocol);
        return (!within).then(|| format!("fronts never import one another: only `front/{protocol}` may"));
    }
    if room.imports.contains(&wanted.as_str()) {
        return None;
    }
    let allowed = if room.imports.is_empty() { "nothing".to_owned() } else { room.imports.join(", ") };
    Some(format!("`{}` may import {allowed}: {}", room.name, room.reason))
}

fn forbidden_library(room: &Room, path: &NamedPath) -> Option<String> {
    let name = path.segments.first()?.as_str();
    if let Some((_, rooms)) = LIBRARIES.iter().find(|(library, _)| *library == name)
        && !rooms.contains(&room.name)
    {
        return Some(format!("the library `{name}` belongs to {}", rooms.join(", ")));
    }
    let part = |index: usize| path.segments.get(index).map_or("", String::as_str);
    let asynchronous = matches!(name, "tokio" | "tokio_util" | "hyper" | "futures")
        || (name == "std" && part(1) == "fs")
        || (name == "std" && part(1) == "net" && matches!(part(2), "TcpStream" | "TcpListener" | "UdpSocket"));
    (asynchronous && SYNCHRONOUS.contains(&room.name))
        .then(|| format!("`{}` is synchronous and touches no file and no network", room.name))
}

/// What is wrong with a file's shape.
fn shape_faults(source: &Source) -> Vec<String> {
    let Source { path, text } = source;
    let mut faults = Vec::new();
    let lines = text.lines().count();
    let longest = if path == "main.rs" { LONGEST_MAIN_LINES } else { LONGEST_FILE_LINES };
    if lines > longest {
        faults.push(format!("src/{path}: {lines} lines; {longest} at most"));
    }
    if !text.starts_with("//!") {
        faults.push(format!("src/{path}:1: begins without `//!`: say what the file is for"));
    }
    let is_room = path.ends_with("/mod.rs") && path.matches('/').count() == 1;
    let documented = text.lines().take_while(|line| line.starts_with("//!")).any(|line| line == "//! # Invariants");
    if is_room && !documented {
        faults.push(format!("src/{path}: its doc has no `# Invariants`"));
    }
    for (number, line) in text.lines().enumerate() {
        // `testing::`: the library of the tests stands on this crate, and nothing here may stand on it, unit tests included.
        for word in ["todo!(", "unimplemented!(", "FIXME", "XXX", "#[path", "testing::"] {
            let names_tests = word == "#[path" && line.ends_with("_tests.rs\"]");
            if line.contains(word) && !names_tests {
                faults.push(format!("src/{path}:{}: `{word}`", number + 1));
            }
        }
    }
    faults
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let parts: Vec<_> = path.strip_prefix(&root).unwrap().iter().map(|p| p.to_string_lossy()).collect();
                found.push(Source { path: parts.join("/"), text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 20, "the sources were not found");
    found
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn imports_go_down_only() {
    let faults: Vec<String> = sources().iter().flat_map(forbidden_imports).collect();
    assert_none(&faults);
}

#[test]
fn files_are_small_documented_and_finished() {
    let faults: Vec<String> = sources().iter().flat_map(shape_faults).collect();
    assert_none(&faults);
}

#[test]
fn the_table_itself_goes_down_only() {
    for (index, room) in TABLE.iter().enumerate() {
        for import in room.imports {
            let below = TABLE.iter().position(|other| other.name == *import).expect("an import that is a room");
            assert!(below > index, "`{}` stands above `{import}` and below it", room.name);
        }
    }
}

/// Libraries that would be a second TLS stack or a second bulk crypto library. `deny.toml` says the same; this needs no
/// `cargo-deny`, and sees what is built rather than what `Cargo.lock` merely mentions (`ring` is an option of others).
const SECOND_STACKS: &[&str] = &["openssl", "openssl-sys", "native-tls", "boring", "boring-sys", "ring"];

fn crates_in(tree: &str) -> Vec<&str> {
    tree.lines().filter_map(|line| line.split(' ').next()).collect()
}

#[test]
fn what_is_built_holds_one_tls_stack_and_one_bulk_crypto_library() {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal,build", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let crates = crates_in(&tree);
    for wanted in ["rustls", "aws-lc-rs"] {
        assert!(crates.contains(&wanted), "`{wanted}` is not in the tree: is the list read rightly?");
    }
    let second: Vec<_> = SECOND_STACKS.iter().filter(|name| crates.contains(name)).collect();
    assert!(second.is_empty(), "{second:?} entered the tree; see `cargo tree -i`");
}

// --- the checker can fail ------------------------------------------------------------------------------------------

fn faults_of(path: &str, text: &str) -> Vec<String> {
    forbidden_imports(&Source::new(path, text))
}

#[test]
fn a_planted_import_is_caught_in_every_form() {
    for planted in [
        "use crate::catalog::Version;",
        "use crate::{model::Slice, catalog::{Version, Upload}};",
        "use crate::{\n    model::Slice,\n    catalog,\n};",
        "use {crate::catalog as other};",
        "pub(crate) use crate::catalog::*;",
        "use super::super::catalog;",
        "use super::super::{model::Slice, catalog::Version};",
        "fn f() -> crate::catalog::Version { unreachable() }",
        "fn f() { let x = super::super::catalog::x(); }",
        "mod inner { use super::super::super::catalog::Version; }",
        "use ecluse::catalog::Version;",
        "use crate::r#catalog::Version;",
        "use crate::{model::r#type, catalog::Version};",
        "fn f<'a>(x: &'a u8) -> impl Sized + use<'a> { crate::catalog::x(x) }",
        "use crate::*;",
        "use crate as all;",
        "use super::super::*;",
        "use crate::nowhere::X;",
        "const QUOTE: char = '\"'; use crate::catalog::Version; const END: char = '\"';",
        "const RAW: &str = r#\"a\"b\"#; use crate::catalog::Version;",
        "impl<'a> X<'a> for crate::catalog::Y<'a> {}",
        "#[cfg(test)]\nmod tests { use crate::store::Store; }\nuse crate::catalog::Version;",
        "#[cfg(test)]\nuse crate::store::Store;\nuse crate::catalog::Version;",
    ] {
        let faults = faults_of("seal/planted.rs", planted);
        assert_eq!(faults.len(), 1 + usize::from(planted.contains("Upload")), "{planted}\n{faults:?}");
    }
}

#[test]
fn allowed_imports_comments_strings_and_tests_pass() {
    for harmless in [
        "use crate::{model::{Slice, Part}, secret::PartKey};",
        "use super::layout;",
        "use super::{SealError, derive::ChunkKey};",
        "use crate::seal::Opener;",
        "pub(crate) fn f() {} pub(super) fn g() {} pub(in crate::seal) fn h() {}",
        "//! See [`Catalog`](crate::catalog::Catalog).\n/* crate::catalog /* crate::store */ crate::keys */",
        "const TEXT: &str = \"crate::catalog::Version \\\" crate::store\";",
        "const RAW: &str = r#\"use crate::catalog::Version; \"quoted\" \"#;",
        "#[cfg(test)]\nmod tests {\n    use crate::catalog::Version;\n}",
        "mod inner { use super::super::layout; }",
    ] {
        assert_none(&faults_of("seal/planted.rs", harmless));
    }
    assert_none(&faults_of("seal/opener/tests.rs", "use crate::catalog::Version;"));
}

#[test]
fn a_fault_names_file_line_import_and_rule() {
    let faults = faults_of("store/guard.rs", "//! Doc.\n\nuse std::fmt;\nuse crate::keys::Keyring;\n");
    assert_eq!(
        faults,
        [format!("src/store/guard.rs:4: `crate::keys::Keyring`: `store` may import model, secret: {LEAF}")]
    );
}

#[test]
fn fronts_that_import_one_another_are_caught() {
    assert_eq!(faults_of("front/s3/get.rs", "use crate::front::azure::Header;").len(), 1);
    assert_eq!(faults_of("front/admin.rs", "use super::s3::Header;").len(), 1);
    assert_eq!(faults_of("front/server.rs", "use super::s3::service;").len(), 1);
    assert_eq!(faults_of("front/s3/get.rs", "use crate::catalog::Version;").len(), 1);
    assert_none(&faults_of("front/s3/get.rs", "use crate::front::{server::Limits, tls, s3::errors};"));
    assert_none(&faults_of("front/mod.rs", "pub use s3::service; pub use self::admin::Health;"));
}

#[test]
fn libraries_outside_their_rooms_are_caught() {
    assert_eq!(faults_of("gateway/put.rs", "fn f(c: rusqlite::Connection) {}").len(), 1);
    assert_eq!(faults_of("seal/opener.rs", "use tokio::sync::Mutex;").len(), 1);
    assert_eq!(faults_of("model/names.rs", "use std::{fmt, fs::File};").len(), 1);
    assert_none(&faults_of("catalog/sqlite/mod.rs", "use rusqlite::Connection; use tokio::sync::mpsc;"));
}

#[test]
fn rooms_outside_the_table_are_caught() {
    assert_eq!(faults_of("helpers/mod.rs", "//! No.").len(), 1);
    assert_eq!(faults_of("main.rs", "use ecluse::app;").len(), 1);
    assert_none(&faults_of("main.rs", "use ecluse::cli;"));
}

#[test]
fn shapes_that_are_wrong_are_caught() {
    let faults = |path: &str, text: &str| shape_faults(&Source::new(path, text));
    assert_eq!(faults("seal/a.rs", "use x;\n"), ["src/seal/a.rs:1: begins without `//!`: say what the file is for"]);
    assert_eq!(faults("seal/a.rs", &format!("//! A.\n{}", "\n".repeat(600))).len(), 1);
    assert_eq!(faults("seal/a.rs", &format!("//! A.\n{}", "\n".repeat(599))).len(), 0);
    assert_eq!(faults("main.rs", &format!("//! A.\n{}", "\n".repeat(80))).len(), 1);
    assert_eq!(faults("seal/mod.rs", "//! A.\n").len(), 1);
    assert_eq!(faults("seal/mod.rs", "//! A.\n//!\n//! # Invariants\n//! - One.\n").len(), 0);
    assert_eq!(faults("catalog/sqlite/mod.rs", "//! A.\n").len(), 0);
    assert_eq!(faults("seal/a.rs", "//! A.\n#[path = \"a_tests.rs\"]\n").len(), 0);
    let planted =
        ["todo!()", "unimplemented!(\"later\")", "// FIXME", "// XXX", "#[path = \"x.rs\"]", "use testing::noise;"];
    for word in planted {
        assert_eq!(faults("seal/a.rs", &format!("//! A.\n{word}\n")).len(), 1, "{word}");
    }
}
