//! The commands, beside a gateway that runs and alone.

use std::net::TcpListener;

use super::address;
use testing::process::{GatewayProcess, Options, free_port};

const FRENCH: &str = "fr_CA.UTF-8";
const ENGLISH: &str = "C.UTF-8";

#[test]
fn commands_say_what_they_found_in_the_operators_language() {
    let mut gateway = GatewayProcess::start(Options::folder());
    // The catalog belongs to the gateway that runs.
    for arguments in [&["serve"][..], &["scrub"]] {
        let (code, said) = gateway.run(arguments, ENGLISH);
        assert_eq!(code, 69, "{arguments:?}: {said}");
        assert!(said.contains("error: The catalog is in use: "), "{arguments:?}: {said}");
        assert!(said.contains("see: docs/operators/errors.md#catalog-in-use"), "{arguments:?}: {said}");
    }
    let (code, said) = gateway.run(&["scrub"], FRENCH);
    assert_eq!(code, 69, "{said}");
    assert!(said.contains("Le catalogue est déjà employé"), "{said}");
    assert!(gateway.is_ready(), "the running gateway was disturbed");
    gateway.terminate();

    let (code, said) = gateway.run(&["check"], ENGLISH);
    assert_eq!((code, said.lines().filter(|line| line.starts_with("ok ")).count()), (0, 8), "{said}");
    let (code, said) = gateway.run(&["check", "--offline"], ENGLISH);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("skipped  provider: abroad"), "{said}");
    let (code, said) = gateway.run(&["check"], FRENCH);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("bon      fournisseur\u{a0}: abroad"), "{said}");

    let (code, said) = gateway.run(&["scrub"], ENGLISH);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("ok       provider abroad: 0 parts looked at, 0 with a fault"), "{said}");

    // A port that is taken.
    let taken = TcpListener::bind(address(&gateway)).unwrap();
    let (code, said) = gateway.run(&["serve"], ENGLISH);
    assert_eq!(code, 69, "{said}");
    assert!(said.contains(&format!("error: Cannot listen on {}", address(&gateway))), "{said}");
    drop(taken);

    // A provider that is not there; a configuration with two mistakes.
    std::fs::rename(gateway.folder(), gateway.home.join("elsewhere")).unwrap();
    std::fs::write(gateway.folder(), "not a folder").unwrap();
    let (code, said) = gateway.run(&["check"], ENGLISH);
    assert!(code == 69 || code == 78, "{code} {said}");
    assert!(said.contains("error: The provider abroad does not answer"), "{said}");
    gateway.edit(|text| {
        text.replace("version = 1", "version = 1\nsurprise = 1").replace("min_copies = 1", "min_copies = 9")
    });
    let (code, said) = gateway.run(&["check"], ENGLISH);
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("surprise") && said.contains("write.min_copies"), "{said}");
    let (code, said) = gateway.run(&["check"], FRENCH);
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("problèmes"), "{said}");
}

#[test]
fn clients_that_fit_one_front_only_are_named_by_check_and_in_the_log() {
    let mut gateway = GatewayProcess::start(Options::folder().with_stranger("c3RyYW5nZXItYW5kLWJhc2U2NA=="));
    gateway.terminate();
    let (code, said) = gateway.run(&["check"], ENGLISH);
    assert!(code == 0 && !said.contains("Azure"), "{said}");

    // The stranger's id has a hyphen.
    let port = free_port();
    gateway.edit(|text| text.replace("[admin]", &format!("[azure]\nlisten = \"127.0.0.1:{port}\"\n[admin]")));
    let (code, said) = gateway.run(&["check"], ENGLISH);
    assert_eq!(code, 0, "{said}");
    let named = "warning  client chus-pacs: not through the Azure front, because its id is not 3 to 24";
    assert!(said.contains(named) && !said.contains("client pacs"), "{said}");
    let (_, said) = gateway.run(&["check"], FRENCH);
    assert!(said.contains("attention client chus-pacs\u{a0}: pas par la façade Azure, car son identifiant"), "{said}");

    gateway.restart();
    let log = gateway.log();
    assert_eq!(log.matches("not a client of the Azure front").count(), 1, "{log}");
    assert!(log.contains("client=\"chus-pacs\"") && log.contains("unfit=\"id\""), "{log}");
    gateway.terminate();

    // Two listeners of one address are a mistake of the file; an address that another process has is not.
    gateway.edit(|text| text.replace(&format!("127.0.0.1:{port}"), &address(&gateway).to_string()));
    let (code, said) = gateway.run(&["check"], ENGLISH);
    assert!(code == 78 && said.contains("#config-address-twice"), "{code} {said}");
}

#[test]
fn scrub_finds_what_the_provider_lost_and_says_it_in_the_operators_language() {
    let mut gateway = GatewayProcess::start(Options::folder());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(testing::client::create_bucket(&gateway, super::BUCKET));
    for key in ["kept", "lost"] {
        assert_eq!(runtime.block_on(super::ask(&gateway, http::Method::PUT, key, "content")).status, 200);
    }
    gateway.terminate();
    let (code, said) = gateway.run(&["scrub"], ENGLISH);
    assert_eq!(code, 0, "{said}");
    let _entered = runtime.enter();
    let chunks = testing::notes::chunks_below(gateway.data(), &gateway.folder());
    std::fs::remove_file(&chunks[0].1).unwrap();
    let (code, said) = gateway.run(&["scrub"], ENGLISH);
    assert_eq!(code, 70, "{said}");
    assert!(said.contains("2 parts looked at, 1 with a fault"), "{said}");
    assert!(said.contains("see: docs/operators/errors.md#scrub-faults"), "{said}");
    let (code, said) = gateway.run(&["scrub"], FRENCH);
    assert_eq!(code, 70, "{said}");
    assert!(said.contains("Des fragments manquent ou sont abîmés\u{a0}: 1 parties"), "{said}");
}

/// What the check reads is of one moment, and the gateway goes on.
#[tokio::test(flavor = "multi_thread")]
async fn check_looks_at_a_snapshot_of_a_catalog_that_a_gateway_has_open() {
    let gateway = std::sync::Arc::new(GatewayProcess::start(Options::folder()));
    testing::client::create_bucket(&gateway, super::BUCKET).await;
    let writes = std::sync::Arc::clone(&gateway);
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let (begun, begins) = tokio::sync::oneshot::channel::<()>();
    let writer = tokio::spawn(async move {
        let (mut ended, mut begun) = (ended, Some(begun));
        for number in 0.. {
            let key = format!("record-{}", number % 7);
            assert_eq!(super::ask(&writes, http::Method::PUT, &key, "content").await.status, 200);
            if let Some(begun) = begun.take() {
                begun.send(()).unwrap();
            }
            if ended.try_recv().is_ok() {
                return;
            }
        }
    });
    begins.await.unwrap();
    let provider = || testing::notes::chunks_below(gateway.data(), &gateway.folder()).len();
    let runs = std::sync::Arc::clone(&gateway);
    let checks = move || {
        for (arguments, language, words) in [
            (&["check"][..], ENGLISH, "is open in a gateway; a snapshot of this moment is looked at"),
            (&["check", "--quick"], ENGLISH, "versions and"),
            (&["check", "--offline"], ENGLISH, "is open in a gateway"),
            (&["check", "--quick"], FRENCH, "est ouvert par une passerelle"),
        ] {
            let (code, said) = runs.run(arguments, language);
            assert_eq!(code, 0, "{arguments:?}: {said}");
            assert!(said.contains(words), "{arguments:?}: {said}");
        }
    };
    tokio::task::spawn_blocking(checks).await.unwrap();
    end.send(()).unwrap();
    writer.await.unwrap();
    assert!(provider() > 0 && gateway.is_ready(), "the running gateway was disturbed");

    // What is wrong in the running catalog is found.
    let db = rusqlite::Connection::open(gateway.data().join("catalog.db")).unwrap();
    db.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    db.execute_batch("UPDATE version SET length = length + 1").unwrap();
    for arguments in [&["check"][..], &["check", "--quick"]] {
        let (code, said) = gateway.run(arguments, ENGLISH);
        assert!(code == 70 && said.contains("a version's length is not its slices'"), "{arguments:?}: {code} {said}");
    }
}

/// A file at the provider, as if it was written so many days ago.
fn aged(gateway: &GatewayProcess, name: &str, days: u64) {
    let path = gateway.folder().join(name);
    std::fs::write(&path, "what is this").unwrap();
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(days * 86_400)).unwrap();
}

#[test]
fn scrub_lists_what_belongs_to_nothing_and_deletes_it_when_told_to() {
    let mut gateway = GatewayProcess::start(Options::folder());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(testing::client::create_bucket(&gateway, super::BUCKET));
    for key in ["one", "two", "three"] {
        assert_eq!(runtime.block_on(super::ask(&gateway, http::Method::PUT, key, "content")).status, 200);
    }
    let (code, said) = gateway.run(&["scrub", "--orphans"], ENGLISH);
    assert!(code == 69 && said.contains("#catalog-in-use"), "beside the gateway: {code} {said}");
    gateway.terminate();
    let (code, said) = gateway.run(&["scrub", "--delete"], ENGLISH);
    assert_eq!(code, 64, "{said}");

    // Marker, epoch and three chunks.
    let (code, said) = gateway.run(&["scrub", "--orphans"], ENGLISH);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("ok       provider abroad: 5 names listed: the catalog knows 5, 0 are too young"), "{said}");

    let stray = |number: u8| format!("ab/{}", hex::encode([[number; 19]].concat()));
    for number in 1..=3 {
        aged(&gateway, &stray(number), 30);
    }
    aged(&gateway, &stray(4), 0);
    aged(&gateway, "readme\u{1b}[2J.txt", 30);
    let before = testing::process::files_below(&gateway.folder());
    let (code, said) = gateway.run(&["scrub", "--orphans"], ENGLISH);
    assert_eq!(code, 0, "{said}");
    for number in 1..=3 {
        assert!(said.contains(&format!("chunk of nothing: {}\n", stray(number))), "{said}");
    }
    assert!(said.contains("no chunk: readme\\u{1b}[2J.txt\n") && !said.contains('\u{1b}'), "{said}");
    assert!(said.contains("10 names listed: the catalog knows 5, 1 are too young to be judged, 3 chunks"), "{said}");
    assert_eq!(testing::process::files_below(&gateway.folder()), before, "nothing is changed");
    let (code, said) = gateway.run(&["scrub", "--orphans"], FRENCH);
    assert!(code == 0 && said.contains("3 fragments n'appartiennent à rien"), "{code} {said}");

    let (code, said) = gateway.run(&["scrub", "--orphans", "--delete"], ENGLISH);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("3 chunks of nothing deleted, 0 left"), "{said}");
    let there = |name: &str| gateway.folder().join(name).exists();
    assert!((1..=3).all(|number| !there(&stray(number))), "{said}");
    assert!(there(&stray(4)) && there("readme\u{1b}[2J.txt"), "what is young, and what is no chunk, stays");
    // The epoch of that command is a note more.
    let (code, said) = gateway.run(&["scrub", "--orphans"], ENGLISH);
    assert!(code == 0 && said.contains("8 names listed: the catalog knows 6, 1 are too young"), "{code} {said}");

    // A container that is mostly another's.
    for number in 10..=20 {
        aged(&gateway, &stray(number), 30);
    }
    let (code, said) = gateway.run(&["scrub", "--orphans", "--delete"], ENGLISH);
    assert!(code == 78 && said.contains("see: docs/operators/errors.md#orphans-most"), "{code} {said}");
    assert!((10..=20).all(|number| there(&stray(number))), "nothing was deleted");
    let (code, said) = gateway.run(&["scrub", "--orphans", "--delete"], FRENCH);
    assert!(code == 78 && said.contains("rien n'a été supprimé"), "{code} {said}");

    for foreign in (10..=20).chain([4]).map(stray).chain(["readme\u{1b}[2J.txt".to_owned()]) {
        std::fs::remove_file(gateway.folder().join(foreign)).unwrap();
    }
    // The catalog goes on, and what it has is whole.
    gateway.restart();
    for key in ["one", "two", "three"] {
        assert_eq!(runtime.block_on(super::ask(&gateway, http::Method::GET, key, "")).status, 200);
    }
}
