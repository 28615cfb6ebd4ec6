//! SIGHUP, and whom bearer tokens speak for.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use nix::sys::signal::Signal;
use serde_json::json;

use super::support::certificates::write_secret;
use super::support::gateway::{GatewayProcess, Options};
use super::{client, until};

const ISSUER: &str = "https://login.hospital.example/realms/systems";
const RELOADED: &str = "clients and certificates were reloaded";

/// An issuer's key, and its public half as a JSON Web Key Set.
fn issuer() -> (EncodingKey, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let point = key.public_key_raw();
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
    let public = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "one", "alg": "ES256", "use": "sig", "x": x, "y": y }] });
    (EncodingKey::from_ec_der(&key.serialize_der()), public.to_string())
}

fn token(key: &EncodingKey, application: &str) -> String {
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let claims = json!({
        "iss": ISSUER, "aud": "https://storage.azure.com/", "azp": application, "sub": application,
        "nbf": now - 60, "exp": now + 600,
    });
    let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::ES256) };
    encode(&header, &claims, key).unwrap()
}

/// The status of List Containers of an account, by a token.
async fn list(gateway: &GatewayProcess, account: &str, token: &str) -> u16 {
    let url = gateway.azure_endpoint().replace("/pacs", &format!("/{account}?comp=list"));
    let request = client::http(&gateway.authority).get(url).bearer_auth(token).header("x-ms-version", "2025-11-05");
    request.send().await.expect("an answer").status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_tokens_speak_for_changes_with_the_file() {
    let (key, public) = issuer();
    let folder = tempfile::tempdir().unwrap();
    let jwks = folder.path().join("jwks.json");
    fs::write(&jwks, public).unwrap();
    let oidc = format!(
        "[azure.oidc]\nissuer = \"{ISSUER}\"\naudience = \"https://storage.azure.com/\"\njwks = {{ file = {jwks:?} }}\n\
         claim = \"azp\"\n[azure.oidc.clients]\n\"imaging-service\" = \"pacs\""
    );
    let gateway = GatewayProcess::start(Options::folder().azure().setting("azure", &oidc));
    let reload = || {
        let before = gateway.log().matches(RELOADED).count();
        gateway.signal(Signal::SIGHUP);
        until(RELOADED, || gateway.log().matches(RELOADED).count() > before);
    };
    let (imaging, reports) = (token(&key, "imaging-service"), token(&key, "report-service"));
    assert_eq!((list(&gateway, "pacs", &imaging).await, list(&gateway, "pacs", &reports).await), (200, 403));

    // Another application takes over, and a client that comes in needs no entry for tokens with its name.
    let second = gateway.home.join("secrets/second");
    let random = rcgen::KeyPair::generate().unwrap();
    write_secret(&second, STANDARD.encode(&random.public_key_raw()[1..]).as_bytes());
    assert_eq!(list(&gateway, "second", &token(&key, "second")).await, 403);
    gateway.edit(|text| {
        text.replace("\"imaging-service\"", "\"report-service\"")
            + &format!("\n[[client]]\nid = \"second\"\ntenant = \"chum\"\nsecret = {{ file = {second:?} }}\n")
            + "allow = [{ buckets = [\"*\"], actions = [\"list\", \"admin\"] }]\n"
    });
    reload();
    assert_eq!((list(&gateway, "pacs", &imaging).await, list(&gateway, "pacs", &reports).await), (403, 200));
    assert_eq!(list(&gateway, "second", &token(&key, "second")).await, 200);
    assert_eq!(list(&gateway, "second", &reports).await, 403);

    // Without the section, tokens speak for nobody.
    gateway.edit(|text| {
        let (before, rest) = text.split_once("[azure.oidc]").unwrap();
        let (_, after) = rest.split_once("\"report-service\" = \"pacs\"").unwrap();
        format!("{before}{after}")
    });
    reload();
    assert_eq!(
        (list(&gateway, "pacs", &reports).await, list(&gateway, "second", &token(&key, "second")).await),
        (403, 403)
    );
}
