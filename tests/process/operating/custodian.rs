//! The root key goes away and comes back; another one is none.

use std::fs;

use super::{BUCKET, ask, until};
use testing::client;
use testing::process::{GatewayProcess, Options};

#[tokio::test(flavor = "multi_thread")]
async fn without_its_custodian_the_gateway_is_sealed_and_opens_by_itself() {
    let mut gateway = GatewayProcess::start(Options::folder().setting("keys", "ttl = \"1s\""));
    client::create_bucket(&gateway, BUCKET).await;
    assert_eq!(ask(&gateway, http::Method::PUT, "a", "content").await.status, 200);
    // There from the start, so that an alarm sees the first incident as an increase.
    for line in [
        "\necluse_sealed 0",
        "\necluse_integrity_incidents_total{provider=\"abroad\"} 0",
        "\necluse_memory_budget_bytes 268435456",
    ] {
        until(line, || gateway.admin("/metrics").unwrap().1.contains(line));
    }

    let (key, away) = (gateway.home.join("data/root.key"), gateway.home.join("root.key.away"));
    fs::rename(&key, &away).unwrap();
    until("not ready", || !gateway.is_ready());
    let (status, body) = gateway.admin("/readyz").unwrap();
    assert_eq!(status, 503);
    assert!(body.contains("\"keys\":false"), "{body}");
    assert_eq!(gateway.admin("/healthz").unwrap().0, 200, "it lives");
    for (method, has_body) in [(http::Method::GET, true), (http::Method::HEAD, false), (http::Method::DELETE, true)] {
        ask(&gateway, method, "a", "").await.is_unavailable(has_body);
    }
    ask(&gateway, http::Method::PUT, "b", "content").await.is_unavailable(true);
    until("the metric says sealed", || gateway.metric("ecluse_sealed") > 0.5);

    fs::rename(&away, &key).unwrap();
    until("open again", || gateway.is_ready());
    assert_eq!(ask(&gateway, http::Method::GET, "a", "").await.body, "content");
    assert_eq!(ask(&gateway, http::Method::GET, "b", "").await.status, 404);
    until("the metric says open", || gateway.metric("ecluse_sealed") < 0.5);

    // At a start, too: no root key, another root key, the right one.
    gateway.terminate();
    fs::rename(&key, &away).unwrap();
    let (code, said) = gateway.run(&["serve"], "C.UTF-8");
    assert_eq!(code, 69, "{said}");
    assert!(said.contains("error: The root key cannot be reached"), "{said}");
    let (code, said) = gateway.run(&["keys", "init"], "C.UTF-8");
    assert!(code == 78 && said.contains("errors.md#root-key-gone"), "{code} {said}");
    ecluse::keys::FileCustodian::create(&key).unwrap();
    for command in ["serve", "check"] {
        let (code, said) = gateway.run(&[command], "C.UTF-8");
        assert_eq!(code, 78, "{command}: {said}");
        assert!(said.contains("error: This root key is not the catalog's"), "{command}: {said}");
    }
    fs::rename(&away, &key).unwrap();
    gateway.restart();
    assert_eq!(ask(&gateway, http::Method::GET, "a", "").await.body, "content");
}
