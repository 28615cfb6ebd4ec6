//! What a client may have and a bucket may hold at most, through both fronts.

use std::sync::Arc;

use ecluse::gateway::jobs;
use ecluse::model::{BucketName, BucketRef, ClientId, Quota, Quotas, TenantId};
use testing::azure::world::AzureWorld;
use tokio_util::sync::CancellationToken;

async fn world(quota: Quota) -> AzureWorld {
    let world = AzureWorld::start().await;
    world
        .s3
        .gateway
        .set_quotas(Quotas { clients: vec![(ClientId::parse("pacs").unwrap(), quota)], ..Quotas::default() })
        .await
        .unwrap();
    world
}

#[tokio::test]
async fn a_client_that_has_its_share_is_refused_what_grows_and_served_all_else() {
    let world = world(Quota { bytes: Some(10), objects: Some(2), uploads: Some(1) }).await;
    let s3 = async |method: &str, path: &str, query: &[(&str, &str)], body: &[u8]| {
        world.s3.send(method, path, query, &[], body).await
    };
    s3("PUT", "/imaging/a", &[], b"12345").await.expect(200, "");
    s3("PUT", "/imaging/b", &[], b"123456").await.expect(403, "QuotaExceeded");
    world.put("/imaging/b", b"123456").await.expect(409, "QuotaExceeded");
    s3("GET", "/imaging/b", &[], b"").await.expect(404, "NoSuchKey");
    world.put("/imaging/b", b"12345").await.ok(201);
    // A copy shares its source's bytes and counts all the same.
    let copy = [("x-amz-copy-source", "imaging/a")];
    world.s3.send("PUT", "/imaging/c", &[], &copy, b"").await.expect(403, "QuotaExceeded");
    let snapshot = world.request("PUT", "/imaging/a").query("comp", "snapshot").body("");
    world.send(snapshot).await.expect(409, "QuotaExceeded");
    // Less, and as much in another place, is written; what another client has does not matter.
    s3("PUT", "/imaging/a", &[], b"1").await.expect(200, "");
    s3("DELETE", "/imaging/b", &[], b"").await.expect(204, "");
    assert_eq!(s3("GET", "/imaging/a", &[], b"").await.expect(200, "").text(), "1");

    let begun = s3("POST", "/imaging/up", &[("uploads", "")], b"").await.expect(200, "").text();
    let upload = begun.split("<UploadId>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    s3("POST", "/imaging/other", &[("uploads", "")], b"").await.expect(403, "QuotaExceeded");
    let block = || {
        let request = world.request("PUT", "/imaging/blocks").query("comp", "block").query("blockid", "MDAwMQ==");
        request.body("1")
    };
    world.send(block()).await.expect(409, "QuotaExceeded");
    let part = [("partNumber", "1"), ("uploadId", upload.as_str())];
    s3("PUT", "/imaging/up", &part, b"1234567890").await.expect(403, "QuotaExceeded");
    s3("PUT", "/imaging/up", &part, b"123456789").await.expect(200, "");
    s3("DELETE", "/imaging/up", &[("uploadId", &upload)], b"").await.expect(204, "");
    world.send(block()).await.ok(201);
}

#[tokio::test]
async fn a_full_bucket_refuses_what_grows_from_anybody_and_no_other_does() {
    let world = AzureWorld::start().await;
    let imaging = BucketRef { tenant: TenantId::parse("chum").unwrap(), name: BucketName::parse("imaging").unwrap() };
    let quota = Quota { bytes: Some(10), ..Quota::default() };
    let quotas = Quotas { buckets: vec![(imaging, quota)], ..Quotas::default() };
    world.s3.gateway.set_quotas(quotas).await.unwrap();
    world.put("/imaging/a", b"12345678").await.ok(201);
    world.s3.send("PUT", "/imaging/b", &[], &[], b"123").await.expect(403, "QuotaExceeded");
    world.put("/imaging/b", b"123").await.expect(409, "QuotaExceeded");
    world.s3.send("PUT", "/other", &[], &[], b"").await.expect(200, "");
    world.put("/other/b", b"12345678901").await.ok(201);
    // A copy into it grows it, whatever it shares.
    world
        .s3
        .send("PUT", "/imaging/c", &[], &[("x-amz-copy-source", "other/b")], b"")
        .await
        .expect(403, "QuotaExceeded");
    world.s3.send("DELETE", "/imaging/a", &[], &[], b"").await.expect(204, "");
    world.put("/imaging/b", b"1234567890").await.ok(201);
    // What it holds, and what the client has in all, is shown.
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _local = metrics::set_default_local_recorder(&recorder);
    let once = CancellationToken::new();
    once.cancel();
    jobs::watch_usage(Arc::clone(&world.s3.gateway), once).await;
    let text = recorder.handle().render();
    for line in [
        r#"ecluse_bucket_bytes{tenant="chum",bucket="imaging"} 10"#,
        r#"ecluse_bucket_objects{tenant="chum",bucket="imaging"} 1"#,
        r#"ecluse_bucket_uploads{tenant="chum",bucket="imaging"} 0"#,
        r#"ecluse_client_bytes{client="pacs"} 21"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("other"), "buckets without a limit are not named");
}
