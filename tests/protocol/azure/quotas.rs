//! What a client may have at most, through both fronts.

use ecluse::model::{ClientId, Quota};
use testing::azure::world::AzureWorld;

async fn world(quota: Quota) -> AzureWorld {
    let world = AzureWorld::start().await;
    world.s3.gateway.set_quotas(vec![(ClientId::parse("pacs").unwrap(), quota)]).await.unwrap();
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
