//! Broken configuration: one fixture for each mistake, with the exact message; and what a good one means.
//!
//! `tests/fixtures/config/NAME.toml` is read in a folder of its own; `NAME.txt` is what the operator reads, with the
//! folder written as `DIR`. `ECLUSE_BLESS=1 cargo test --test rooms config::` writes the texts anew, for review.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ecluse::cli;
use ecluse::config::{CatalogUrl, Config, Custodian, Etag, JwksSource, Padding, Problem, ProviderKind, S3Only, Tls};
use ecluse::model::BucketName;
use ecluse::text::{Exit, Language, Texts};

/// Stands wherever a fixture or a file holds a secret; must never be read by anyone.
const NEVER_SHOWN: &str = "hunter2-never-shown";
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/config");

struct House {
    folder: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secrets = folder.path().join("secrets");
        fs::create_dir(&secrets).unwrap();
        let files: [(&str, &[u8], u32); 8] = [
            ("pacs", b"hunter2-never-shown-pacs\n", 0o600),
            ("ris", b"hunter2-never-shown-ris\r\n", 0o400),
            ("azure", b"aHVudGVyMi1uZXZlci1zaG93bg==\n", 0o600),
            ("open", b"hunter2-never-shown-open", 0o644),
            ("binary", b"\xff\xfehunter2-never-shown", 0o600),
            ("empty", b"\n", 0o600),
            ("short", b"hunter2", 0o600),
            ("s3", b"hunter2-never-shown-s3", 0o600),
        ];
        for (name, content, mode) in files {
            let path = secrets.join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, text: &str) -> PathBuf {
        let path = self.path().join("ecluse.toml");
        fs::write(&path, text).unwrap();
        path
    }

    fn load(&self, text: &str, environment: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
        Config::load(&self.write(text), &variables(environment))
    }

    /// What `ecluse check` prints, and how it ends.
    fn check(&self, text: &str, language: &str) -> (String, Exit) {
        let path = self.write(text);
        self.run(&["check", "--offline", "--lang", language, "--config", path.to_str().unwrap()])
    }

    fn run(&self, arguments: &[&str]) -> (String, Exit) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let arguments: Vec<OsString> =
            std::iter::once("ecluse").chain(arguments.iter().copied()).map(Into::into).collect();
        let exit = cli::run(&arguments, &variables(&[("LANG", "C")]), &mut out, &mut err);
        out.extend(err);
        (String::from_utf8(out).unwrap().replace(self.path().to_str().unwrap(), "DIR"), exit)
    }
}

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn fixtures() -> Vec<(String, String, PathBuf)> {
    let mut fixtures: Vec<_> = fs::read_dir(FIXTURES)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).unwrap(), path.with_extension("txt"))
        })
        .collect();
    fixtures.sort();
    fixtures
}

const GOOD: &str = r#"
version = 1
data_dir = "data"
[s3]
listen = "127.0.0.1:9000"
[tls]
mode = "off"
[[provider]]
name = "local"
kind = "dir"
path = "/srv/sealed"
[[client]]
id = "pacs"
tenant = "chum"
secret = { file = "../secrets/pacs" }
allow = [{ buckets = ["imaging*"], actions = ["read"] }]
"#;

#[test]
fn each_mistake_gives_its_exact_message() {
    let fixtures = fixtures();
    assert!(fixtures.len() > 50);
    let bless = std::env::vars().any(|(name, _)| name == "ECLUSE_BLESS");
    let mut wrong = Vec::new();
    for (name, text, expected) in fixtures {
        let (printed, exit) = House::new().check(&text, "en");
        assert_eq!(exit, Exit::Configuration, "{name} is accepted: {printed}");
        if bless {
            fs::write(&expected, &printed).unwrap();
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        if printed != expected {
            wrong.push(format!("{name}\n--- expected\n{expected}\n--- printed\n{printed}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_mistake_is_said_in_french_as_well() {
    for (name, text, _) in fixtures() {
        let (printed, exit) = House::new().check(&text, "fr");
        assert_eq!(exit, Exit::Configuration);
        for line in
            ["erreur\u{a0}: ", "cause\u{a0}: ", "conseil\u{a0}: ", "voir\u{a0}: docs/fr/operators/errors.md#config-"]
        {
            assert!(printed.contains(line), "{name} lacks {line:?}: {printed}");
        }
        for slip in ["error-", "cause-", "hint-", "error:", "{$", "{ $", "\u{2068}"] {
            assert!(!printed.contains(slip), "{name} shows {slip:?}: {printed}");
        }
    }
    let (printed, _) = House::new().check(&GOOD.replace("\"off\"", "\"of\""), "fr");
    assert!(printed.contains("tls.mode = \"of\"\u{a0}: ce n'est pas l'une des valeurs possibles"), "{printed}");
    assert!(printed.contains("Un problème dans DIR/ecluse.toml") || printed.contains("problèmes dans"), "{printed}");
}

#[test]
fn no_secret_is_ever_shown() {
    let mut seen = 0;
    for (name, text, expected) in fixtures() {
        for language in ["en", "fr"] {
            let (printed, _) = House::new().check(&text, language);
            assert!(!printed.contains("hunter2"), "{name} in {language} shows a secret: {printed}");
        }
        let problems = House::new().load(&text, &[]).unwrap_err();
        assert!(!format!("{problems:?}").contains("hunter2"), "{name}: a problem holds a secret");
        assert!(!fs::read_to_string(expected).unwrap().contains("hunter2"));
        seen += usize::from(text.contains(NEVER_SHOWN));
    }
    assert!(seen >= 6, "too few fixtures hold a secret in plain sight");
    let config = House::new().load(GOOD, &[]).unwrap();
    assert!(config.clients[0].secret.expose().contains(NEVER_SHOWN));
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn every_mistake_of_a_file_is_reported_at_once() {
    let text = fs::read_to_string(Path::new(FIXTURES).join("several-mistakes.toml")).unwrap();
    let problems = House::new().load(&text, &[]).unwrap_err();
    let mut keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "client[0].allow[0].actions[1]",
            "provider[0].kind",
            "s3.listen",
            "version",
            "write.colour",
            "write.grace",
            "write.memory",
            "write.min_copies",
        ]
    );
}

#[test]
fn a_small_file_means_the_defaults() {
    let house = House::new();
    let config = house.load(GOOD, &[]).unwrap();
    let data = house.path().join("data");
    assert_eq!(config.data_dir, data);
    assert_eq!(config.tls, Tls::Off);
    assert_eq!(config.admin, None);
    assert_eq!(config.azure, None);
    assert_eq!(config.catalog, CatalogUrl::Sqlite(data.join("catalog.db")));
    assert_eq!(config.keys.custodian, Custodian::File { path: data.join("root.key") });
    assert_eq!(config.keys.ttl, Duration::from_secs(60));
    assert!(matches!(&config.providers[0].kind, ProviderKind::Dir { path } if path == Path::new("/srv/sealed")));
    assert_eq!((config.write.min_copies, config.write.parallel_chunks), (1, 4));
    assert_eq!((config.write.etag, config.write.padding), (Etag::Md5, Padding::Padme));
    assert_eq!(config.write.memory, 512 << 20);
    assert_eq!(config.write.grace, Duration::from_secs(86_400));
    assert_eq!(config.write.late, Duration::from_secs(300));
    assert_eq!((config.scrub.within, config.scrub.sample), (Duration::from_secs(30 * 86_400), 1));
    assert_eq!(config.limits.connections, 1024);
    assert_eq!(config.limits.drain_timeout, Duration::from_secs(30));
    // The trailing line break is not part of the secret.
    assert_eq!(config.clients[0].secret.expose(), "hunter2-never-shown-pacs");
}

#[test]
fn the_example_loads_with_every_key() {
    let house = House::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config/ecluse.example.toml");
    let text = fs::read_to_string(example).unwrap().replace("/var/lib/ecluse", house.path().to_str().unwrap());
    let text = text.replace("secrets/pacs", "secrets/azure");
    let text = text.replacen("\n# region", "\nregion", 1).replace("# client_ca", "client_ca");
    let config = house.load(&text, &[]).unwrap();
    let s3 = config.s3.unwrap();
    assert_eq!(s3.listen, "0.0.0.0:9000".parse().unwrap());
    assert_eq!(s3.domains, ["s3.hospital.example"]);
    assert_eq!(s3.region.as_deref(), Some("ca-central-1"));
    let azure = config.azure.unwrap();
    assert_eq!(azure.listen, "0.0.0.0:10000".parse().unwrap());
    assert_eq!(azure.domains, ["azure.hospital.example"]);
    assert_eq!(azure.soft_delete, Some(Duration::from_secs(7 * 86_400)));
    assert_eq!(azure.copy_sources, ["archive.hospital.example"]);
    let oidc = azure.oidc.unwrap();
    assert_eq!(oidc.issuer, "https://login.hospital.example/realms/systems");
    assert_eq!((oidc.audiences, oidc.claim.as_str()), (vec!["https://storage.azure.com/".to_owned()], "azp"));
    assert_eq!(oidc.jwks, JwksSource::File(house.path().join("tls/jwks.json")));
    assert_eq!(oidc.clients.len(), 2);
    for value in ["imaging-service", "pacs"] {
        assert_eq!(oidc.clients[value].as_str(), "pacs");
    }
    assert_eq!(config.admin.unwrap().listen, "127.0.0.1:9600".parse().unwrap());
    let Tls::Files { certificate, private_key, client_ca } = config.tls else { panic!("TLS is off") };
    assert_eq!(certificate, house.path().join("tls/server.pem"));
    assert_eq!(private_key, house.path().join("tls/server.key"));
    assert_eq!(client_ca, Some(house.path().join("tls/clients.pem")));
    let ProviderKind::Azure { account, container, key, endpoint } = &config.providers[0].kind else { panic!() };
    assert_eq!((account.as_str(), container.as_str()), ("hospitalstorage", "sealed"));
    assert_eq!(key.expose(), "aHVudGVyMi1uZXZlci1zaG93bg==");
    assert!(endpoint.is_none());
    assert_eq!(config.clients[0].allow.len(), 2);
    let (bucket, quota) = &config.buckets[0];
    assert_eq!((bucket.tenant.as_str(), bucket.name.as_str()), ("chum", "imaging"));
    assert_eq!((quota.bytes, quota.objects, quota.uploads), (Some(50 << 40), Some(50_000_000), Some(5_000)));
    let principal = ecluse::model::Principal::new(
        config.clients[0].id.clone(),
        config.clients[0].tenant.clone(),
        config.clients[0].allow.clone(),
    );
    assert!(principal.may_see(&BucketName::parse("imaging-2026").unwrap()));
    assert!(!principal.may_see(&BucketName::parse("payroll").unwrap()));
}

#[test]
fn the_azure_front_may_stand_alone_and_means_its_defaults() {
    let house = House::new();
    let azure = GOOD.replace("[s3]", "[azure]").replace("secrets/pacs", "secrets/azure");
    let config = house.load(&azure, &[]).unwrap();
    assert_eq!(config.s3, None);
    let azure_only = config.azure.unwrap();
    assert_eq!(azure_only.listen, "127.0.0.1:9000".parse().unwrap());
    assert_eq!((azure_only.soft_delete, azure_only.oidc), (None, None));
    assert!(azure_only.domains.is_empty() && azure_only.copy_sources.is_empty());
    assert_eq!(config.clients[0].s3_only(), None);

    let least = "[azure.oidc]\nissuer = \"https://a.example/\"\njwks = { file = \"k\" }\n[tls]";
    let least = house.load(&azure.replace("[tls]", least), &[]).unwrap().azure.unwrap().oidc.unwrap();
    assert_eq!(least.audiences, ["https://storage.azure.com/", "https://storage.azure.com"]);
    assert_eq!((least.issuer.as_str(), least.claim.as_str()), ("https://a.example/", "azp"));
    assert_eq!(least.clients.len(), 1);
    assert_eq!(least.clients["pacs"].as_str(), "pacs");

    let oidc = "[azure.oidc]\nissuer = \"http://localhost:8080/realms/a\"\naudience = [\"a\", \"b\"]\n\
                jwks = { url = \"http://127.0.0.1:8080/certs\", ca = \"ca.pem\" }\nclaim = \"appid\"\n[tls]";
    let oidc = house.load(&azure.replace("[tls]", oidc), &[]).unwrap().azure.unwrap().oidc.unwrap();
    assert_eq!((oidc.audiences, oidc.claim), (vec!["a".to_owned(), "b".to_owned()], "appid".to_owned()));
    let JwksSource::Url { url, ca } = oidc.jwks else { panic!() };
    assert_eq!((url.as_str(), ca), ("http://127.0.0.1:8080/certs", Some(house.path().join("data/ca.pem"))));
}

#[test]
fn a_client_that_fits_s3_only_is_no_mistake_beside_one_that_fits_both() {
    let house = House::new();
    let second = "[[client]]\nid = \"chum-ris\"\ntenant = \"chum\"\nsecret = { file = \"../secrets/azure\" }\n\
                  allow = [{ buckets = [\"ris\"], actions = [\"read\"] }]\n";
    let third = second.replace("chum-ris", "lab").replace("secrets/azure", "secrets/ris");
    let both = GOOD.replace("[tls]", "[azure]\nlisten = \"127.0.0.1:10000\"\n[tls]");
    let text = format!("{}{second}{third}", both.replace("secrets/pacs", "secrets/azure"));
    let config = house.load(&text, &[]).unwrap();
    let why: Vec<_> = config.clients.iter().map(ecluse::config::Client::s3_only).collect();
    assert_eq!(why, [None, Some(S3Only::Id), Some(S3Only::Secret)]);
}

#[test]
fn the_other_kinds_of_provider_load() {
    let house = House::new();
    let s3 = "kind = \"s3\"\nbucket = \"b\"\nregion = \"r\"\naccess_key_id = \"a\"\nendpoint = \"http://127.0.0.1:9100\"\n\
              secret_access_key = { file = \"../secrets/s3\" }\n";
    let dir = "kind = \"dir\"\npath = \"/srv/sealed\"\n";
    let config = house.load(&GOOD.replace(dir, s3), &[]).unwrap();
    let ProviderKind::S3 { endpoint, secret_access_key, .. } = &config.providers[0].kind else { panic!() };
    assert_eq!(endpoint.as_ref().unwrap().as_str(), "http://127.0.0.1:9100/");
    assert_eq!(secret_access_key.expose(), "hunter2-never-shown-s3");
    let gcs = "kind = \"gcs\"\nbucket = \"b\"\ncredentials = { env = \"GCS\" }\ntimeout = \"5s\"\nconnections = 7\n";
    let config = house.load(&GOOD.replace(dir, gcs), &[("GCS", "{}")]).unwrap();
    let provider = &config.providers[0];
    assert!(matches!(&provider.kind, ProviderKind::Gcs { credentials, .. } if credentials.expose() == "{}"));
    assert_eq!((provider.timeout, provider.connections), (Duration::from_secs(5), 7));
}

#[test]
fn the_environment_overrides_the_file() {
    let house = House::new();
    let environment = [
        ("ECLUSE__WRITE__MEMORY", "64 MiB"),
        ("ECLUSE__WRITE__PARALLEL_CHUNKS", "2"),
        ("ECLUSE__S3__LISTEN", "127.0.0.1:0"),
        ("ECLUSE__CLIENT__0__ID", "ris"),
        ("ECLUSE__CLIENT__0__SECRET__FILE", "../secrets/ris"),
        ("ECLUSE_LANG", "fr"),
        ("UNRELATED", "1"),
    ];
    let config = house.load(GOOD, &environment).unwrap();
    assert_eq!(config.write.memory, 64 << 20);
    assert_eq!(config.write.parallel_chunks, 2);
    assert_eq!(config.s3.unwrap().listen.port(), 0);
    assert_eq!(config.clients[0].id.as_str(), "ris");
    assert_eq!(config.clients[0].secret.expose(), "hunter2-never-shown-ris");

    let wrong = [("ECLUSE__WRITE__MEMROY", "1"), ("ECLUSE__CLIENT__0__SECRET", NEVER_SHOWN), ("ECLUSE__", "x")];
    let problems = house.load(GOOD, &wrong).unwrap_err();
    let mut codes: Vec<&str> = problems.iter().map(|problem| problem.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["config-environment", "config-secret-inline", "config-unknown-key"]);
    assert!(!format!("{problems:?}").contains("hunter2"));
}

#[test]
fn both_documents_explain_every_key() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/src/config/keys.rs");
    let source = fs::read_to_string(example).unwrap();
    let keys: Vec<&str> =
        source.lines().filter_map(|line| line.trim().strip_prefix("(\"")?.split('"').next()).collect();
    assert!(keys.len() > 50);
    for document in ["docs/operators/configuration.md", "docs/fr/operators/configuration.md"] {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap();
        for key in &keys {
            assert!(text.contains(&format!("`{key}`")), "{document} does not explain {key}");
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_said_so() {
    let (printed, exit) = House::new().run(&["serve", "--config", "/nowhere/ecluse.toml"]);
    assert_eq!(exit, Exit::Configuration);
    assert!(printed.contains("error: the configuration file cannot be read"), "{printed}");
}

#[test]
fn keys_init_makes_what_is_missing_and_replaces_nothing() {
    let house = House::new();
    let path = house.write(GOOD);
    let arguments = ["keys", "init", "--config", path.to_str().unwrap()];
    let (printed, exit) = house.run(&arguments);
    assert_eq!(exit, Exit::Fine, "{printed}");
    assert!(printed.contains("The root key was written to DIR/data/root.key."), "{printed}");
    let key = house.path().join("data/root.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read(&key).unwrap();
    for line in ["The catalog was made: DIR/data/catalog.db.", "The catalog's marker was laid at the provider"] {
        assert!(printed.contains(line), "{printed}");
    }
    let (printed, exit) = house.run(&arguments);
    assert_eq!(exit, Exit::Fine, "{printed}");
    for line in
        ["The root key is there already", "The catalog is there already", "The catalog's marker is at the provider"]
    {
        assert!(printed.contains(line), "{printed}");
    }
    assert_eq!(fs::read(&key).unwrap(), before);
}

#[test]
fn help_and_usage_errors_are_in_the_operators_language() {
    let house = House::new();
    for (arguments, words) in [
        (
            &["--help", "--lang", "fr"][..],
            &["Utilisation\u{a0}: ecluse", "Commandes:", "COMMANDE", "Met la passerelle"][..],
        ),
        (
            &["--lang=fr", "serve", "--help"][..],
            &["Utilisation\u{a0}: ecluse serve", "Le fichier de configuration"][..],
        ),
        (&["serve", "--help"][..], &["Usage: ecluse serve", "--config <FILE>", "The configuration file"][..]),
        (&["keys", "--help"][..], &["init", "Makes the root key"][..]),
        (&["--version"][..], &["ecluse 0.1.0"][..]),
    ] {
        let (printed, exit) = house.run(arguments);
        assert_eq!(exit, Exit::Fine, "{printed}");
        for word in words {
            assert!(printed.contains(word), "{arguments:?} lacks {word:?}: {printed}");
        }
        assert!(!printed.contains("help-"), "{printed}");
        if arguments.iter().any(|argument| argument.contains("fr")) || arguments.ends_with(&["fr"]) {
            assert!(!printed.contains("Usage") && !printed.contains("Print"), "{printed}");
        }
    }
    for (arguments, start) in [
        (&[][..], "error: Which command?"),
        (&["srve"][..], "error: The command srve is not known"),
        (&["serve"][..], "error: Something is missing: --config <FILE>"),
        (&["serve", "--colour"][..], "error: The argument --colour is not known"),
        (&["demo", "--listen", "here"][..], "error: The value \"here\" does not fit --listen <ADDRESS>"),
        (&["keys"][..], "error: Which command?"),
        (&["check", "--config", "a", "--config", "b"][..], "error: The command line is not understood"),
        (&["serve", "--lang", "fr"][..], "erreur\u{a0}: Il manque quelque chose\u{a0}: --config <FICHIER>"),
    ] {
        let (printed, exit) = house.run(arguments);
        assert_eq!(exit, Exit::Usage, "{printed}");
        assert!(printed.starts_with(start), "{arguments:?}: {printed}");
    }
    assert_eq!(Texts::new(Language::French).language(), Language::French);
}
