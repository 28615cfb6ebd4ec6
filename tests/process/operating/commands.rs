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
    for arguments in [&["check"][..], &["check", "--offline"], &["serve"], &["scrub"]] {
        let (code, said) = gateway.run(arguments, ENGLISH);
        assert_eq!(code, 69, "{arguments:?}: {said}");
        assert!(said.contains("error: The catalog is in use: "), "{arguments:?}: {said}");
        assert!(said.contains("see: docs/operators/errors.md#catalog-in-use"), "{arguments:?}: {said}");
    }
    let (code, said) = gateway.run(&["check"], FRENCH);
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
