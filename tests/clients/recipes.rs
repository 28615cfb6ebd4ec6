//! The recipes: what a page of `docs/recipes` says is done as it stands there, its files written, its commands run in order. The
//! French page holds the same files and commands.
//!
//! In a page the gateway is `ecluse.hospital.example`, the client `pacs` with the secret `CLIENT_SECRET`; here it is a gateway of the
//! test's own. A page finds a folder `archive` with some files in it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use testing::noise::content;
use testing::process::{GatewayProcess, Options};
use testing::tools;

/// A piece of a page that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A file: where it lies, and what is in it.
    File(String, String),
    /// Commands for a shell.
    Shell(String),
    /// A program.
    Python(String),
}

fn folder(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(language).join("recipes")
}

/// The steps of a page. A block is a file when a path follows its language.
fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else { continue };
        let block: String = lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        steps.push(match kind.split_once(' ') {
            Some((_language, path)) => Step::File(path.to_owned(), block),
            None if kind == "sh" => Step::Shell(block),
            None if kind == "python" => Step::Python(block),
            None => panic!("a block that is neither done nor a file: ```{kind}"),
        });
    }
    assert!(!steps.is_empty(), "a page without steps");
    steps
}

/// What was written for `ecluse.hospital.example` and its client, for this gateway.
fn for_gateway(text: &str, gateway: &GatewayProcess) -> String {
    let authority = |endpoint: &str| endpoint.split_once("//").expect("a URL").1.to_owned();
    text.replace("https://ecluse.hospital.example:10000/pacs", &gateway.azure_endpoint())
        .replace("ecluse.hospital.example:9000", &authority(&gateway.endpoint))
        .replace("/etc/ssl/certs/ecluse-ca.pem", &gateway.authority.display().to_string())
        .replace("CLIENT_SECRET", &gateway.secret)
}

/// Does what a page says, in a home of its own.
fn cook(name: &str) {
    let page = fs::read_to_string(folder("").join(name)).unwrap();
    let mut gateway = GatewayProcess::start(Options::folder().azure());
    let home = tempfile::tempdir().unwrap();
    let archive = home.path().join("archive");
    fs::create_dir_all(archive.join("patient é")).unwrap();
    fs::write(archive.join("large.dcm"), content(1, 12_582_921)).unwrap();
    for number in 0..20 {
        fs::write(archive.join(format!("patient é/{number}.hl7")), content(number, 3_000)).unwrap();
    }
    let mut script = String::from("set -euo pipefail\n");
    for step in steps(&for_gateway(&page, &gateway)) {
        match step {
            Step::File(path, text) => {
                let path = home.path().join(path.strip_prefix("~/").expect("a file of the client's own"));
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, text).unwrap();
            }
            Step::Shell(commands) => script.push_str(&commands),
            Step::Python(program) => script.push_str(&format!("python - <<'PROGRAM'\n{program}PROGRAM\n")),
        }
    }
    let path = home.path().join("recipe.sh");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = tools::command("bash", home.path());
    command.arg(&path);
    println!("{}", tools::succeed(command));
    assert!(gateway.metric("ecluse_integrity_incidents_total") == 0.0, "integrity incidents");
    gateway.terminate();
}

macro_rules! recipes {
    ($($name:ident: $page:literal;)+) => {
        const COOKED: &[&str] = &[$($page),+];
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                cook($page);
            }
        )+
    };
}

recipes! {
    the_page_of_aws_is_done_as_it_stands: "aws.md";
    the_page_of_azure_is_done_as_it_stands: "azure.md";
    the_page_of_analytics_is_done_as_it_stands: "analytics.md";
    the_page_of_rclone_is_done_as_it_stands: "rclone.md";
    the_page_of_restic_is_done_as_it_stands: "restic.md";
}

#[test]
fn each_page_is_done_by_a_test_and_has_its_steps_in_french_too() {
    let pages = |language: &str| -> BTreeSet<String> {
        let names = fs::read_dir(folder(language)).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).filter(|name| name != "README.md").collect()
    };
    let cooked: BTreeSet<String> = COOKED.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(pages(""), cooked);
    assert_eq!(pages("fr"), cooked);
    for page in COOKED {
        let read = |language| fs::read_to_string(folder(language).join(page)).unwrap();
        assert_eq!(steps(&read("")), steps(&read("fr")), "{page}");
        for language in ["", "fr"] {
            let list = fs::read_to_string(folder(language).join("README.md")).unwrap();
            assert!(list.contains(&format!("({page})")), "{page} is in no list: docs/{language}/recipes/README.md");
        }
    }
}
