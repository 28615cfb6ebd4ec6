//! SIGHUP: clients and certificates change while the gateway runs, or nothing does.

use std::fs;

use nix::sys::signal::Signal;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::{BUCKET, until};
use testing::certificates::{Certificates, write_secret};
use testing::client;
use testing::process::{GatewayProcess, Options};

const SECOND: &str = "second-client-of-the-test";
const RELOADED: &str = "clients and certificates were reloaded";
const REFUSED: &str = "reload refused; nothing changed";

fn times(gateway: &GatewayProcess, line: &str) -> usize {
    gateway.log().matches(line).count()
}

/// SIGHUP, and the wait for the line that must follow.
fn reload(gateway: &GatewayProcess, line: &str) {
    let before = times(gateway, line);
    gateway.signal(Signal::SIGHUP);
    until(line, || times(gateway, line) > before);
}

fn second(gateway: &GatewayProcess) -> impl ObjectStore {
    let builder = client::builder(gateway, BUCKET).with_access_key_id("second").with_secret_access_key(SECOND);
    builder.build().unwrap()
}

fn with_second(text: String, home: &std::path::Path) -> String {
    let secret = home.join("secrets/second");
    text + &format!("[[client]]\nid = \"second\"\ntenant = \"chum\"\nsecret = {{ file = {secret:?} }}\n")
        + "allow = [{ buckets = [\"*\"], actions = [\"read\", \"write\", \"list\"] }]\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_come_and_go_and_a_bad_file_changes_nothing() {
    let gateway = GatewayProcess::start(Options::folder());
    client::create_bucket(&gateway, BUCKET).await;
    let key = Path::from("a");
    client::store(&gateway, BUCKET).put(&key, "first".into()).await.unwrap();
    assert!(second(&gateway).get(&key).await.is_err(), "an unknown client is let in");

    write_secret(&gateway.home.join("secrets/second"), SECOND.as_bytes());
    gateway.edit(|text| with_second(text, &gateway.home));
    reload(&gateway, RELOADED);
    assert_eq!(second(&gateway).get(&key).await.unwrap().bytes().await.unwrap(), "first");

    // A mistake in the file, a secret that others may read, one that is too short: each keeps both clients.
    let good = fs::read_to_string(gateway.home.join("ecluse.toml")).unwrap();
    gateway.edit(|text| text.replace("version = 1", "version = 1\nsurprise = \"swordfish-of-the-operator\""));
    reload(&gateway, REFUSED);
    gateway.edit(|_| "this is = no [TOML".into());
    reload(&gateway, REFUSED);
    gateway.edit(|_| good.clone());
    write_secret(&gateway.home.join("secrets/second"), b"short");
    reload(&gateway, REFUSED);
    fs::remove_file(gateway.home.join("secrets/second")).unwrap();
    reload(&gateway, REFUSED);
    assert_eq!(second(&gateway).get(&key).await.unwrap().bytes().await.unwrap(), "first");
    assert_eq!(client::store(&gateway, BUCKET).get(&key).await.unwrap().bytes().await.unwrap(), "first");

    // Without its entry, the client is refused; the other one is not.
    gateway.edit(|text| text.split("[[client]]\nid = \"second\"").next().unwrap().to_owned());
    reload(&gateway, RELOADED);
    assert!(second(&gateway).get(&key).await.is_err(), "a removed client is let in");
    assert_eq!(client::store(&gateway, BUCKET).get(&key).await.unwrap().bytes().await.unwrap(), "first");

    let log = gateway.log();
    for secret in [SECOND, gateway.secret.as_str(), "swordfish-of-the-operator"] {
        assert!(!log.contains(secret), "a secret is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_served_to_new_connections_and_a_bad_one_changes_nothing() {
    let gateway = GatewayProcess::start(Options::folder());
    client::create_bucket(&gateway, BUCKET).await;
    let old = client::http(&gateway.authority);
    let url = client::presigned(&gateway, BUCKET, http::Method::PUT, "before").await;
    assert_eq!(old.put(url).body("x").send().await.unwrap().status(), 200);

    // Half a renewal: the certificate is new, its key is not. Not even a new client gets in with it.
    let (tls, other) = (gateway.home.join("tls"), gateway.home.join("renewed"));
    let renewed = Certificates::make(&other);
    fs::copy(&renewed.certificate, tls.join("server.pem")).unwrap();
    write_secret(&gateway.home.join("secrets/second"), SECOND.as_bytes());
    let before = fs::read_to_string(gateway.home.join("ecluse.toml")).unwrap();
    gateway.edit(|text| with_second(text, &gateway.home));
    reload(&gateway, REFUSED);
    assert!(second(&gateway).head(&Path::from("before")).await.is_err(), "half of the reload was done");
    let url = client::presigned(&gateway, BUCKET, http::Method::GET, "before").await;
    let fresh = client::http(&gateway.authority);
    assert_eq!(fresh.get(url.clone()).send().await.unwrap().status(), 200, "the old certificate is gone");
    fs::write(tls.join("server.pem"), "no certificate").unwrap();
    reload(&gateway, REFUSED);
    assert_eq!(client::http(&gateway.authority).get(url.clone()).send().await.unwrap().status(), 200);

    gateway.edit(|_| before);
    fs::copy(&renewed.certificate, tls.join("server.pem")).unwrap();
    write_secret(&tls.join("server.key"), &fs::read(&renewed.private_key).unwrap());
    reload(&gateway, RELOADED);
    assert_eq!(client::http(&renewed.authority).get(url.clone()).send().await.unwrap().status(), 200);
    assert!(client::http(&gateway.authority).get(url.clone()).send().await.is_err(), "the old certificate is served");
    // Connections that were open go on.
    assert_eq!(old.get(url).send().await.unwrap().status(), 200);

    // The file may also name other files.
    let elsewhere = Certificates::make(&gateway.home.join("elsewhere"));
    gateway.edit(|text| text.replace("/tls/server.", "/elsewhere/server."));
    reload(&gateway, RELOADED);
    let url = client::presigned(&gateway, BUCKET, http::Method::GET, "before").await;
    assert_eq!(client::http(&elsewhere.authority).get(url).send().await.unwrap().status(), 200);
}

#[test]
fn a_signal_to_reload_that_comes_during_the_start_does_not_end_the_gateway() {
    let mut gateway = GatewayProcess::start(Options::folder());
    for _ in 0..5 {
        gateway.terminate();
        let before = times(&gateway, "told to stop");
        gateway.start_under_signals(Signal::SIGHUP, "custodian=");
        assert!(gateway.is_running());
        assert_eq!(times(&gateway, "told to stop"), before);
    }
}
