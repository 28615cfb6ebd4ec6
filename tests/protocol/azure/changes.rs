//! Changes of a blob that depend on what it is: archived, or a copy.

use testing::azure::world::AzureWorld;

const BLOB: &str = "/imaging/a";

async fn world() -> AzureWorld {
    let world = AzureWorld::start().await;
    world.put(BLOB, b"abc").await.ok(201);
    world
}

#[tokio::test]
async fn what_is_archived_is_neither_read_nor_changed() {
    let world = world().await;
    let comp = |comp: &str| world.request("PUT", BLOB).query("comp", comp).body("");
    let source = |to: &str| {
        let address = format!("http://{}{}", world.host, world.request("GET", BLOB).path);
        world.request("PUT", to).header("x-ms-copy-source", &address).body("")
    };
    let block = |body: &'static str| comp("block").query("blockid", "MDAwMQ==").body(body);
    world.send(block("x")).await.ok(201);
    world.send(comp("tier").header("x-ms-access-tier", "Archive")).await.ok(200);
    for request in [
        world.request("GET", BLOB),
        world.put_blob(BLOB, b"gone"),
        block("gone"),
        comp("blocklist").body("<BlockList><Latest>MDAwMQ==</Latest></BlockList>"),
        comp("metadata").header("x-ms-meta-a", "1"),
        comp("properties").header("x-ms-blob-content-type", "text/plain"),
        comp("snapshot"),
        source("/imaging/copy"),
        source("/imaging/copy").header("x-ms-requires-sync", "true"),
        source("/imaging/copy").header("x-ms-blob-type", "BlockBlob"),
        source("/imaging/copy").query("comp", "block").query("blockid", "MDAwMQ=="),
    ] {
        world.send(request).await.expect(409, "BlobArchived");
    }
    world.head("/imaging/copy").await.expect(404, "BlobNotFound");
    // What the archive allows: a look, its tags, a copy to a tier that can be read, another tier, its end.
    world.head(BLOB).await.ok(200);
    world
        .send(comp("tags").body("<Tags><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tags>"))
        .await
        .ok(204);
    world.send(source("/imaging/copy").header("x-ms-access-tier", "Hot")).await.ok(202);
    assert_eq!(world.get("/imaging/copy").await.ok(200).text(), "abc");
    world.send(comp("tier").header("x-ms-access-tier", "Cool")).await.ok(202);
    assert_eq!(world.get(BLOB).await.ok(200).text(), "abc");
    world.send(comp("tier").header("x-ms-access-tier", "Archive")).await.ok(200);
    world.delete(BLOB).await.ok(202);
}

#[tokio::test]
async fn a_blob_that_was_changed_is_no_copy_any_more() {
    let world = world().await;
    let address = format!("http://{}{}", world.host, world.request("GET", BLOB).path);
    let comp = |comp: &str| world.request("PUT", "/imaging/copy").query("comp", comp).body("");
    let shown = async || world.head("/imaging/copy").await.ok(200).find("x-ms-copy-id").is_some();
    for (change, stays) in [("tier", true), ("tags", true), ("metadata", false), ("properties", false)] {
        let copy = world.request("PUT", "/imaging/copy").header("x-ms-copy-source", &address).body("");
        world.send(copy).await.ok(202);
        assert!(shown().await);
        let request = match change {
            "tier" => comp(change).header("x-ms-access-tier", "Cool"),
            "tags" => comp(change).body("<Tags><TagSet/></Tags>"),
            _ => comp(change),
        };
        assert!(world.send(request).await.is_success());
        assert_eq!(shown().await, stays, "{change}");
    }
}
