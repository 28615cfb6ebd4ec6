//! The recipes: what a page of `docs/recipes` says is done as it stands there, its files written, its commands run in order. The
//! French page holds the same files and commands.
//!
//! In a page the gateway is `ecluse.hospital.example`, the client `pacs` with the secret `CLIENT_SECRET`; here it is a gateway of the
//! test's own. A page finds a folder `archive` with some files in it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use testing::client;
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

/// What a page finds beside `archive`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kitchen {
    /// Nothing else.
    Plain,
    /// A PostgreSQL server, whose user does the page: the server refuses to be root's. And a bucket `backups`.
    Postgres,
    /// A container image in the folder `image`.
    Image,
    /// Orthanc, whose Python finds boto3 as that of a machine does that has Debian's package.
    Orthanc,
}

impl Kitchen {
    /// Makes what the page finds.
    fn prelude(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Orthanc => {
                r#"
                export PATH="$PATH:/usr/sbin"
                export PYTHONPATH="$(python -c 'import boto3, os; print(os.path.dirname(os.path.dirname(boto3.__file__)))')"
                mkdir db-v6
                "#
            }
            Self::Image => {
                r#"
                add() { name=$(sha256sum "$1" | cut -c1-64); size=$(stat -c %s "$1"); mv "$1" image/blobs/sha256/$name; }
                mkdir -p image/blobs/sha256
                echo '{"imageLayoutVersion":"1.0.0"}' >image/oci-layout
                tar -cf layer archive; add layer; layer=$name layer_size=$size
                printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' $layer >config
                add config
                kind=application/vnd.oci.image
                printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":{"mediaType":"%s.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"%s.layer.v1.tar","digest":"sha256:%s","size":%s}]}' \
                    $kind $kind $name $size $kind $layer $layer_size >manifest
                add manifest
                printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"1"}}]}' \
                    $kind $name $size >image/index.json
                "#
            }
            Self::Postgres => {
                r#"
                PATH="$(ls -d /usr/lib/postgresql/*/bin | tail -n 1):$PATH"
                export PGHOST="$PWD" PGUSER=postgres PGDATABASE=postgres PGBACKREST_PG1_SOCKET_PATH="$PWD"
                export PGBACKREST_LOCK_PATH="$PWD" PGBACKREST_LOG_LEVEL_FILE=off
                initdb --username=postgres --auth=trust "$PWD/main" >/dev/null
                echo "unix_socket_directories = '$PWD'" >>main/postgresql.conf
                echo "listen_addresses = ''" >>main/postgresql.conf
                trap 'pg_ctl -D main -m immediate stop >/dev/null 2>&1 || true' EXIT
                pg_ctl -D main -l server.log start >/dev/null
                "#
            }
        }
    }
}

/// What was written for `ecluse.hospital.example` and its client, for this gateway, and below this home.
fn made_real(text: &str, gateway: &GatewayProcess, home: &Path) -> String {
    // A name, as hospitals have: pgBackRest finds no address in a certificate.
    let named = |url: &str| url.split_once("//").expect("a URL").1.replace("127.0.0.1", "localhost");
    let azure = gateway.azure_endpoint();
    let below = |path: &str| home.join(path).display().to_string();
    text.replace("https://ecluse.hospital.example:10000/pacs", &azure)
        .replace("ecluse.hospital.example:10000", named(&azure).split('/').next().expect("a host"))
        .replace("ecluse.hospital.example:9000", &named(&gateway.endpoint))
        .replace("/etc/ssl/certs/ecluse-ca.pem", &below("ecluse-ca.pem"))
        .replace("/var/lib/postgresql/15/main", &below("main"))
        .replace("/etc/pgbackrest/pgbackrest.conf", &below("pgbackrest.conf"))
        .replace("/etc/docker/registry/config.yml", &below("registry.yml"))
        .replace("/etc/orthanc/", &format!("{}/", home.display()))
        .replace("/var/lib/orthanc/db-v6", &below("db-v6"))
        .replace("8042", &testing::process::free_port().to_string())
        .replace("4242", &testing::process::free_port().to_string())
        .replace("127.0.0.1:5000", &format!("127.0.0.1:{}", testing::process::free_port()))
        .replace("CLIENT_SECRET", &gateway.secret)
}

/// Does what a page says, in a home of its own.
async fn cook(name: &str, kitchen: Kitchen) {
    let page = fs::read_to_string(folder("").join(name)).unwrap();
    let mut gateway = GatewayProcess::start(Options::folder().azure());
    if kitchen == Kitchen::Postgres {
        client::create_bucket(&gateway, "backups").await;
    }
    let home = tempfile::tempdir().unwrap();
    let archive = home.path().join("archive");
    fs::create_dir_all(archive.join("patient é")).unwrap();
    fs::write(archive.join("large.dcm"), content(1, 12_582_921)).unwrap();
    for number in 0..20 {
        fs::write(archive.join(format!("patient é/{number}.hl7")), content(number, 3_000)).unwrap();
    }
    fs::copy(&gateway.authority, home.path().join("ecluse-ca.pem")).unwrap();
    let mut script = format!("set -euo pipefail\n{}", kitchen.prelude());
    for step in steps(&made_real(&page, &gateway, home.path())) {
        match step {
            Step::File(path, text) => {
                let path = path.strip_prefix("~/").map_or_else(|| PathBuf::from(&path), |path| home.path().join(path));
                assert!(path.starts_with(home.path()), "a file outside of the test's own home: {path:?}");
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, text).unwrap();
            }
            Step::Shell(commands) => script.push_str(&commands),
            Step::Python(program) => script.push_str(&format!("python - <<'PROGRAM'\n{program}PROGRAM\n")),
        }
    }
    fs::write(home.path().join("recipe.sh"), script).unwrap();
    let as_postgres = kitchen == Kitchen::Postgres && fs::metadata(home.path()).unwrap().uid() == 0;
    let command = if as_postgres {
        let mut give = tools::command("chown", home.path());
        give.args(["-R", "postgres:postgres", "."]);
        tools::succeed(give);
        let mut command = tools::command("setpriv", home.path());
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "bash", "recipe.sh"]);
        command
    } else {
        let mut command = tools::command("bash", home.path());
        command.arg("recipe.sh");
        command
    };
    println!("{}", tools::succeed(command));
    assert!(gateway.metric("ecluse_integrity_incidents_total") == 0.0, "integrity incidents");
    gateway.terminate();
}

macro_rules! recipes {
    ($($(#[$attribute:meta])? $name:ident: $page:literal, $kitchen:ident;)+) => {
        const COOKED: &[&str] = &[$($page),+];
        $(
            $(#[$attribute])?
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                cook($page, Kitchen::$kitchen).await;
            }
        )+
    };
}

recipes! {
    the_page_of_analytics_is_done_as_it_stands: "analytics.md", Plain;
    the_page_of_aws_is_done_as_it_stands: "aws.md", Plain;
    the_page_of_azure_is_done_as_it_stands: "azure.md", Plain;
    the_page_of_barman_is_done_as_it_stands: "barman.md", Postgres;
    the_page_of_docker_registry_is_done_as_it_stands: "docker-registry.md", Image;
    the_page_of_orthanc_is_done_as_it_stands: "orthanc.md", Orthanc;
    the_page_of_pgbackrest_is_done_as_it_stands: "pgbackrest.md", Postgres;
    the_page_of_pgbackrest_through_azure_is_done_as_it_stands: "pgbackrest-azure.md", Postgres;
    the_page_of_rclone_is_done_as_it_stands: "rclone.md", Plain;
    the_page_of_restic_is_done_as_it_stands: "restic.md", Plain;
    #[ignore = "mounts a file system, which containers seldom may: `just night`"]
    the_page_of_s3fs_is_done_as_it_stands: "s3fs.md", Plain;
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
