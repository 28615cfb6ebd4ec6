//! A catalog and its providers belong together, and one process at a time works on a catalog.

use std::fs;
use std::time::Duration;

use http::Method;
use object_store::ObjectStoreExt as _;
use testing::client;
use testing::process::{GatewayProcess, Options, root_key_of};
use testing::provider::place::{Place, Provision};

use super::operating::{Answer, BUCKET, ask, until};

const TAKE_OVER: &[&str] = &["epoch", "take-over", "--other-gateway-is-stopped"];

async fn furnished(options: Options) -> GatewayProcess {
    let gateway = GatewayProcess::start(options);
    client::create_bucket(&gateway, BUCKET).await;
    assert_eq!(ask(&gateway, Method::PUT, "first", "first").await.status, 200);
    gateway
}

/// `serve` and `check` end by themselves with this code, and say this.
fn refuses(gateway: &GatewayProcess, code: &str, word: &str) {
    for command in ["serve", "check"] {
        let (exit, said) = gateway.run(&[command], "C.UTF-8");
        assert_eq!(exit, 78, "{command}: {said}");
        assert!(said.contains(&format!("errors.md#{code}")) && said.contains(word), "{command}: {said}");
    }
    let (exit, said) = gateway.run(&["serve"], "fr_CA.UTF-8");
    assert!(exit == 78 && said.contains(&format!("#{code}")), "{said}");
}

fn does(gateway: &GatewayProcess, arguments: &[&str]) -> String {
    let (exit, said) = gateway.run(arguments, "C.UTF-8");
    assert_eq!(exit, 0, "{arguments:?}: {said}");
    said
}

async fn put(gateway: &GatewayProcess, key: &str) -> Answer {
    ask(gateway, Method::PUT, key, key.to_owned()).await
}

async fn holds(gateway: &GatewayProcess, keys: impl Iterator<Item = String>) {
    for key in keys {
        let read = ask(gateway, Method::GET, &key, "").await;
        assert_eq!((read.status, read.body.as_str()), (200, key.as_str()), "{key}");
    }
}

/// Today's worst case before there was a fence: 60 of 60 objects were deleted by the copy.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_started_beside_the_running_gateway_deletes_nothing_and_both_stop_writing() {
    let provision = Provision::make(Place::S3).await;
    let grace = Duration::from_secs(12);
    let mut gateway = furnished(provision.options().write_setting("grace = \"12s\"")).await;
    // The block of part ids that the copy knows to be open is the one that these objects take theirs from.
    let mut copy = gateway.copied();
    for number in 0..60 {
        assert_eq!(put(&gateway, &format!("study/{number}")).await.status, 200);
    }
    assert!(copy.restarts(), "{}", copy.log());

    until("the one that was there is stale", || gateway.standing() == "stale");
    until("the copy knows of it", || copy.standing() == "contested");
    for one in [&gateway, &copy] {
        put(one, "refused").await.is_unavailable(true);
        ask(one, Method::DELETE, "first", "").await.is_unavailable(true);
        assert_eq!(ask(one, Method::GET, "first", "").await.body, "first", "reads go on");
        until("the metric says stale", || one.metric("ecluse_stale") == 1.0);
        assert_eq!(one.metric("ecluse_writes_refused"), 1.0);
    }
    assert!(gateway.log().contains("STALE: ") && copy.log().contains("CONTESTED: "));
    // Long enough for what the copy would have found and queued to be deleted.
    tokio::time::sleep(2 * grace).await;
    copy.terminate();
    gateway.terminate();

    refuses(&gateway, "epoch-stale", "Another gateway works on a copy");
    does(&gateway, TAKE_OVER);
    gateway.restart();
    holds(&gateway, (0..60).map(|number| format!("study/{number}"))).await;
    assert_eq!(put(&gateway, "after").await.status, 200);
    refuses(&copy, "epoch-stale", "Another gateway works on a copy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_that_was_started_first_keeps_the_original_from_starting() {
    let provision = Provision::make(Place::Azurite).await;
    let mut gateway = furnished(provision.options()).await;
    gateway.terminate();
    let mut clone = gateway.copied();
    clone.restart();
    assert_eq!(put(&clone, "of the clone").await.status, 200);
    refuses(&gateway, "epoch-stale", "Another gateway works on a copy");
    // Nothing confirms it: nothing happens.
    let (exit, said) = gateway.run(&["epoch", "take-over"], "C.UTF-8");
    assert!(exit == 64 && said.contains("--other-gateway-is-stopped"), "{exit} {said}");
    does(&gateway, TAKE_OVER);
    gateway.restart();
    until("the clone is stale", || clone.standing() == "stale");
    put(&clone, "late").await.is_unavailable(true);
    assert_eq!(put(&gateway, "first").await.status, 200);
    assert_eq!(gateway.standing(), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_reads_beside_the_running_gateway_and_changes_nothing() {
    // On one folder, which the gateway that runs has locked.
    let gateway = furnished(Options::folder().azure()).await;
    let mut drill = gateway.copied();
    drill.read_only();
    let before = testing::process::files_below(&gateway.folder());
    drill.restart();
    assert_eq!(ask(&drill, Method::GET, "first", "").await.body, "first");
    for (method, key) in [(Method::PUT, "new"), (Method::DELETE, "first")] {
        ask(&drill, method, key, "x").await.is_unavailable(true);
    }
    let (status, ready) = drill.admin("/readyz").unwrap();
    assert!(status == 200 && ready.contains("\"read_only\":true"), "{status} {ready}");
    drill.terminate();
    assert_eq!(testing::process::files_below(&gateway.folder()), before, "the drill wrote to the provider");
    assert_eq!(put(&gateway, "after").await.status, 200);
    assert_eq!(gateway.standing(), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_restored_by_taking_over() {
    let mut gateway = furnished(Options::folder()).await;
    let backup = gateway.home.join("backup.db");
    gateway.back_up(&backup);
    gateway.terminate();
    gateway.restart();
    assert_eq!(put(&gateway, "later").await.status, 200);
    gateway.terminate();
    gateway.restore_from(&backup);
    refuses(&gateway, "epoch-stale", "take-over");
    does(&gateway, TAKE_OVER);
    does(&gateway, &["check"]);
    gateway.restart();
    assert_eq!(ask(&gateway, Method::GET, "first", "").await.body, "first");
    assert_eq!(put(&gateway, "after").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_not_mounted_any_more_takes_nothing_and_loses_nothing() {
    let mut gateway = furnished(Options::folder().write_setting("grace = \"1s\"")).await;
    let (folder, mounted) = (gateway.folder(), gateway.home.join("mounted"));
    fs::rename(&folder, &mounted).unwrap();
    fs::create_dir_all(folder.join("00")).unwrap();
    put(&gateway, "lost").await.is_unavailable(true);
    let _queued_or_refused = ask(&gateway, Method::DELETE, "first", "").await;
    until("it is not ready", || !gateway.is_ready());
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "it was written to");
    fs::remove_dir_all(&folder).unwrap();
    fs::rename(&mounted, &folder).unwrap();
    until("ready again", || gateway.is_ready());
    until("writes are taken again", || gateway.metric("ecluse_writes_refused") == 0.0);
    assert_eq!(put(&gateway, "kept").await.status, 200);
    gateway.terminate();

    // At a start, too; and nothing is made in its place.
    fs::rename(&folder, &mounted).unwrap();
    fs::create_dir(&folder).unwrap();
    refuses(&gateway, "marker-missing", "abroad");
    let (exit, said) = gateway.run(&["keys", "init"], "C.UTF-8");
    assert!(exit == 78 && said.contains("#marker-missing"), "{exit} {said}");
    fs::remove_dir_all(&folder).unwrap();
    let (exit, said) = gateway.run(&["serve"], "C.UTF-8");
    assert!(exit == 78 && said.contains("#provider-unavailable"), "{exit} {said}");
    assert!(!folder.exists());
    fs::rename(&mounted, &folder).unwrap();
    gateway.restart();
    holds(&gateway, ["kept".to_owned()].into_iter()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_bucket_another_name_and_a_lost_catalog_are_refused_at_the_start() {
    let Provision::S3(server, folder) = Provision::make(Place::S3).await else { unreachable!() };
    server.create_bucket("other");
    let provision = Provision::S3(server, folder);
    let mut gateway = furnished(provision.options()).await;
    gateway.terminate();
    does(&gateway, &["check"]);

    gateway.edit(|text| text.replace("bucket = \"sealed\"", "bucket = \"other\""));
    refuses(&gateway, "marker-missing", "abroad");
    let (exit, said) = gateway.run(&["keys", "init"], "C.UTF-8");
    assert!(exit == 78 && said.contains("#marker-missing"), "{exit} {said}");
    gateway.edit(|text| text.replace("bucket = \"other\"", "bucket = \"sealed\""));

    gateway.edit(|text| text.replace("name = \"abroad\"", "name = \"overseas\""));
    refuses(&gateway, "provider-not-configured", "abroad");
    gateway.edit(|text| text.replace("name = \"overseas\"", "name = \"abroad\""));

    let (catalog, away) = (gateway.data().join("catalog.db"), gateway.home.join("away.db"));
    fs::rename(&catalog, &away).unwrap();
    refuses(&gateway, "catalog-absent", "backup");
    fs::write(&catalog, "").unwrap();
    refuses(&gateway, "catalog-absent", "backup");
    fs::remove_file(&catalog).unwrap();
    let (exit, said) = gateway.run(&["keys", "init"], "C.UTF-8");
    assert!(exit == 78 && said.contains("#catalog-gone"), "{exit} {said}");
    assert!(!catalog.exists(), "an empty catalog was made");
    fs::rename(&away, &catalog).unwrap();

    does(&gateway, &["keys", "init"]);
    gateway.restart();
    holds(&gateway, ["first".to_owned()].into_iter()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_killed_while_it_enters_an_epoch_enters_it_at_the_next() {
    let mut gateway = furnished(Options::folder()).await;
    gateway.terminate();
    // At each call that makes something durable: notes of the catalog, files of the provider, names of both.
    for number in 1..=4 {
        let inject = format!("inject=fsync,fdatasync:signal=KILL:when={number}");
        gateway.run_under(&["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", &inject]);
        assert!(!gateway.restarts(), "it was not killed at {number}");
        gateway.run_under(&[]);
        gateway.restart();
        assert_eq!(gateway.standing(), "ok", "killed at {number}");
        assert_eq!(put(&gateway, "after").await.status, 200, "killed at {number}");
        gateway.terminate();
    }
}

/// What the released version 0.1 wrote: `tests/fixtures/catalog-0.1/README.md`.
#[tokio::test(flavor = "multi_thread")]
async fn what_version_0_1_wrote_is_refused_until_it_is_adopted_and_then_reads_back_through_both_fronts() {
    let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/catalog-0.1");
    let mut gateway = GatewayProcess::start(Options::folder().azure());
    gateway.terminate();
    let sentence = "The root key of the fixture of version 0.1 of Ecluse is public: it protects invented records only.";
    let readme = fs::read_to_string(fixture.join("README.md")).unwrap();
    assert!(readme.contains(sentence));
    fs::write(gateway.data().join("root.key"), root_key_of(sentence)).unwrap();
    gateway.restore_from(&fixture.join("catalog.sqlite"));
    let empty = testing::process::files_below(&gateway.folder());
    let before = fs::read(gateway.data().join("catalog.db")).unwrap();

    // Not by a start, not by a plain init, not on a folder that does not hold its chunks.
    for arguments in [&["serve"][..], &["keys", "init"]] {
        let (exit, said) = gateway.run(arguments, "C.UTF-8");
        assert!(exit == 78 && said.contains("#catalog-not-adopted") && said.contains("--adopt"), "{exit} {said}");
    }
    let (exit, said) = gateway.run(&["check"], "C.UTF-8");
    assert!(exit == 0 && said.contains("warning  version 0.1 made this catalog"), "{exit} {said}");
    let (exit, said) = gateway.run(&["keys", "init", "--adopt"], "C.UTF-8");
    assert!(exit == 78 && said.contains("#adoption-sample"), "{exit} {said}");
    assert_eq!(testing::process::files_below(&gateway.folder()), empty, "something was laid");

    let sealed = fixture.join("sealed");
    for (name, path) in testing::process::files_below(&sealed) {
        fs::create_dir_all(gateway.folder().join(&name).parent().unwrap()).unwrap();
        fs::copy(path, gateway.folder().join(name)).unwrap();
    }
    gateway.restore_from(&fixture.join("catalog.sqlite"));
    assert_eq!(fs::read(gateway.data().join("catalog.db")).unwrap(), before);
    let said = does(&gateway, &["keys", "init", "--adopt"]);
    assert!(said.contains("after 10 of its parts were found there and opened"), "{said}");
    does(&gateway, &["check"]);
    gateway.restart();

    let azure = client::azure_builder(&gateway, BUCKET).build().unwrap();
    let mut wanted: Vec<(String, String)> =
        (0..5).map(|n| (format!("s3/{n}"), format!("object {n} of S3").repeat(n + 1))).collect();
    wanted.push(("s3/empty".into(), String::new()));
    wanted.push(("azure/blocks".into(), "block 0 of Azure;block 1 of Azure;block 2 of Azure;".into()));
    wanted.push(("azure/append".into(), "append 0;append 1;".into()));
    for (key, content) in wanted {
        let read = ask(&gateway, Method::GET, &key, "").await;
        assert_eq!((read.status, &read.body), (200, &content), "{key} through S3");
        let read = azure.get(&key.as_str().into()).await.unwrap().bytes().await.unwrap();
        assert_eq!(read, content.as_bytes(), "{key} through Azure Blob");
    }
    assert_eq!(ask(&gateway, Method::GET, "s3/5", "").await.status, 404);
    assert_eq!(put(&gateway, "after").await.status, 200);
}
