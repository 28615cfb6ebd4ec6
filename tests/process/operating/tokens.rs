//! SIGHUP, and whom bearer tokens speak for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::Signal;

use super::until;
use testing::certificates::write_secret;
use testing::client;
use testing::issuer::{APPLICATION, AUDIENCE, ISSUER, Issuer};
use testing::process::{GatewayProcess, Options};

const RELOADED: &str = "clients and certificates were reloaded";

/// The status of List Containers of an account, by a token.
async fn list(gateway: &GatewayProcess, account: &str, token: &str) -> u16 {
    let url = gateway.azure_endpoint().replace("/pacs", &format!("/{account}?comp=list"));
    let request = client::http(&gateway.authority).get(url).bearer_auth(token).header("x-ms-version", "2025-11-05");
    request.send().await.expect("an answer").status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_tokens_speak_for_changes_with_the_file() {
    let issuer = Issuer::new();
    let oidc = format!(
        "[azure.oidc]\nissuer = \"{ISSUER}\"\naudience = \"{AUDIENCE}\"\njwks = {{ file = {:?} }}\nclaim = \"azp\"\n\
         [azure.oidc.clients]\n\"{APPLICATION}\" = \"pacs\"",
        issuer.keys()
    );
    let gateway = GatewayProcess::start(Options::folder().azure().setting("azure", &oidc));
    let reload = || {
        let before = gateway.log().matches(RELOADED).count();
        gateway.signal(Signal::SIGHUP);
        until(RELOADED, || gateway.log().matches(RELOADED).count() > before);
    };
    let (imaging, reports) = (issuer.token(), issuer.token_of("report-service"));
    assert_eq!((list(&gateway, "pacs", &imaging).await, list(&gateway, "pacs", &reports).await), (200, 403));

    // Another application takes over, and a client that comes in needs no entry for tokens with its name.
    let second = gateway.home.join("secrets/second");
    let random = rcgen::KeyPair::generate().unwrap();
    write_secret(&second, STANDARD.encode(&random.public_key_raw()[1..]).as_bytes());
    assert_eq!(list(&gateway, "second", &issuer.token_of("second")).await, 403);
    gateway.edit(|text| {
        text.replace(&format!("\"{APPLICATION}\""), "\"report-service\"")
            + &format!("\n[[client]]\nid = \"second\"\ntenant = \"chum\"\nsecret = {{ file = {second:?} }}\n")
            + "allow = [{ buckets = [\"*\"], actions = [\"list\", \"admin\"] }]\n"
    });
    reload();
    assert_eq!((list(&gateway, "pacs", &imaging).await, list(&gateway, "pacs", &reports).await), (403, 200));
    assert_eq!(list(&gateway, "second", &issuer.token_of("second")).await, 200);
    assert_eq!(list(&gateway, "second", &reports).await, 403);

    // Without the section, tokens speak for nobody.
    gateway.edit(|text| {
        let (before, rest) = text.split_once("[azure.oidc]").unwrap();
        let (_, after) = rest.split_once("\"report-service\" = \"pacs\"").unwrap();
        format!("{before}{after}")
    });
    reload();
    assert_eq!(
        (list(&gateway, "pacs", &reports).await, list(&gateway, "second", &issuer.token_of("second")).await),
        (403, 403)
    );
}

#[test]
fn a_start_refuses_a_key_set_that_others_may_write_to() {
    use std::os::unix::fs::PermissionsExt as _;
    let issuer = Issuer::new();
    let oidc = format!(
        "[azure.oidc]\nissuer = \"{ISSUER}\"\naudience = \"{AUDIENCE}\"\njwks = {{ file = {:?} }}\nclaim = \"azp\"\n\
         [azure.oidc.clients]\n\"{APPLICATION}\" = \"pacs\"",
        issuer.keys()
    );
    let mut gateway = GatewayProcess::start(Options::folder().azure().setting("azure", &oidc));
    gateway.terminate();
    std::fs::set_permissions(issuer.keys(), std::fs::Permissions::from_mode(0o646)).unwrap();
    assert!(!gateway.restarts());
    assert!(gateway.log().contains("others may write to it (mode 0646)"), "{}", gateway.log());
}
