//! That both languages say the same, that every id in the code exists, and that every error is explained.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fluent_bundle::FluentResource;

use super::*;

/// Id → the variables it mentions.
fn messages(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    assert!(FluentResource::try_new(source.to_owned()).is_ok(), "the file parses whole");
    let mut messages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut current = String::new();
    for line in source.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with(|c: char| c.is_ascii_lowercase()) {
            current = line.split(" =").next().unwrap().to_owned();
            assert!(messages.insert(current.clone(), BTreeSet::new()).is_none(), "{current} stands twice");
        }
        for rest in line.split('$').skip(1) {
            let name = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            messages.get_mut(&current).unwrap().insert(name);
        }
    }
    messages
}

fn sources(folder: &Path, out: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("text/tests.rs") {
            out.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn literals_after(code: &str, call: &str) -> BTreeSet<String> {
    let after = code.split(call).skip(1);
    after.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned)).collect()
}

fn codes_in_the_code() -> BTreeSet<String> {
    let mut code = String::new();
    sources(&root().join("src"), &mut code);
    let mut codes = literals_after(&code, "OperatorError::new(");
    codes.extend(literals_after(&code, "Problem::new("));
    codes
}

#[test]
fn both_languages_define_the_same_messages_with_the_same_variables() {
    let (english, french) = (messages(ENGLISH), messages(FRENCH));
    assert!(english.len() > 100);
    assert_eq!(english, french);
}

#[test]
fn every_id_in_the_code_exists() {
    let mut code = String::new();
    sources(&root().join("src"), &mut code);
    let english = messages(ENGLISH);
    let mut ids = literals_after(&code, "say(");
    for kind in ["help-", "keys-init-"] {
        let begin = format!("\"{kind}");
        let found = code.split(&begin).skip(1).filter_map(|rest| rest.split('"').next());
        ids.extend(found.map(|rest| format!("{kind}{rest}")));
    }
    assert!(ids.contains("help-serve"));
    assert!(ids.contains("keys-init-done"));
    for id in ids.iter().filter(|id| !id.contains('{')) {
        assert!(english.contains_key(id), "{id} has no text");
    }
    let codes = codes_in_the_code();
    assert!(codes.contains("config-missing") && codes.contains("root-key-gone"));
    for code in codes {
        for kind in ["error", "cause", "hint"] {
            assert!(english.contains_key(&format!("{kind}-{code}")), "{kind}-{code} has no text");
        }
    }
}

#[test]
fn every_error_has_its_section_in_both_documents() {
    let codes: Vec<String> =
        messages(ENGLISH).keys().filter_map(|id| id.strip_prefix("error-").map(str::to_owned)).collect();
    for language in [Language::English, Language::French] {
        let document = Texts::new(language).say("errors-document", &[]);
        let text = std::fs::read_to_string(root().join(&document)).unwrap();
        for code in &codes {
            assert!(text.lines().any(|line| line == format!("### {code}")), "{document} does not explain {code}");
        }
    }
}

#[test]
fn the_language_follows_the_environment_in_order() {
    let environment = |pairs: &[(&str, &str)]| {
        Language::from_environment(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    };
    assert_eq!(environment(&[]), Language::English);
    assert_eq!(environment(&[("LANG", "fr_CA.UTF-8")]), Language::French);
    assert_eq!(environment(&[("LANG", "fr_CA.UTF-8"), ("LC_ALL", "C")]), Language::English);
    assert_eq!(environment(&[("LANG", "en_CA"), ("LC_ALL", ""), ("LC_MESSAGES", "fr")]), Language::French);
    assert_eq!(environment(&[("LC_ALL", "en_CA"), ("ECLUSE_LANG", "fr")]), Language::French);
    assert_eq!(environment(&[("LANG", "frisian")]), Language::English);
}

#[test]
fn an_error_is_four_lines_with_its_causes_between() {
    let cause = std::io::Error::other("disk gone");
    let error =
        OperatorError::new("catalog-gone", Exit::Configuration).arg("path", "/c").arg("key", "/k").because(&cause);
    assert_eq!(
        error.render(&Texts::new(Language::English)),
        "error: There is a root key but no catalog: /c\n\
         cause: The root key /k is there, so there may have been a catalog. An empty one in its place would hide everything \
         that was stored.\n\
         cause: disk gone\n\
         hint: Restore the catalog from its backup. If there never was one, run “ecluse keys init --new-catalog --config \
         FILE”.\n\
         see: docs/operators/errors.md#catalog-gone"
    );
    let french = error.render(&Texts::new(Language::French));
    assert!(french.starts_with("erreur\u{a0}: Il y a une clé racine, mais pas de catalogue\u{a0}: /c\n"), "{french}");
    assert!(french.ends_with("voir\u{a0}: docs/fr/operators/errors.md#catalog-gone"), "{french}");
}
