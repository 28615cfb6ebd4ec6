//! Everything too large, too long, too deep or too many: refused for what it is, nothing of it is stored, and the next
//! request is served.

use super::assert_refused;
use testing::azure::shared_key::{Request, batch_part};
use testing::azure::world::AzureWorld;

const BLOB: &str = "/imaging/a";
const KIB: usize = 1024;

/// Requests with a body of XML, by name: which operation, and the element that its documents begin with.
fn documents(world: &AzureWorld) -> [(&'static str, Request, &'static str); 4] {
    let put = |path: &str, query: &[(&str, &str)]| world.request("PUT", path).queries(query);
    [
        ("Put Block List", put(BLOB, &[("comp", "blocklist")]), "BlockList"),
        ("Set Blob Tags", put(BLOB, &[("comp", "tags")]), "Tags"),
        ("Set Container ACL", put("/imaging", &[("restype", "container"), ("comp", "acl")]), "SignedIdentifiers"),
        (
            "Set Service Properties",
            put("/", &[("restype", "service"), ("comp", "properties")]),
            "StorageServiceProperties",
        ),
    ]
}

async fn is_served_as_before(world: &AzureWorld, what: &str) {
    let answer = world.get(BLOB).await.ok(200);
    assert_eq!(answer.text(), "abc", "{what}");
    assert_eq!(answer.find("x-ms-tag-count"), None, "{what}");
}

#[tokio::test]
async fn documents_that_are_too_deep_too_long_or_refer_to_others_are_refused_by_every_operation() {
    let world = AzureWorld::start().await;
    world.put(BLOB, b"abc").await.ok(201);
    for (what, request, root) in documents(&world) {
        let within = |inner: String| format!("<{root}>{inner}</{root}>");
        let attributes: String = (0..20_000).map(|n| format!(" a{n}=\"x\"")).collect();
        let documents = [
            ("depth", within(format!("{}{}", "<a>".repeat(20_000), "</a>".repeat(20_000)))),
            ("its own element in itself", within(format!("<{root}>").repeat(200) + &format!("</{root}>").repeat(200))),
            ("a long name", within(format!("<{0}></{0}>", "n".repeat(60 * KIB)))),
            ("many attributes", format!("<{root}{attributes}></{root}>")),
            ("a long comment that does not end", format!("<{root}><!--{}", "-".repeat(60 * KIB))),
            ("an entity of its own", format!("<!DOCTYPE a [<!ENTITY b \"c\">]>{}", within("&b;".into()))),
            ("an entity from outside", format!("<!DOCTYPE a SYSTEM \"file:///etc/passwd\">{}", within("&b;".into()))),
            ("a reference to no character", within("&#0;".into())),
            ("text without end", within("x".repeat(60 * KIB))),
            ("far more than there can be", within(" ".repeat(9 * KIB * KIB))),
        ];
        for (how, document) in documents {
            let answer = world.send(request.clone().body(document)).await;
            let what = format!("{what}, {how}");
            assert!(matches!(answer.status, 400 | 413), "{what}: {} {}", answer.status, answer.text());
            assert_refused(&answer, &what);
            is_served_as_before(&world, &what).await;
        }
    }
}

#[tokio::test]
async fn addresses_and_headers_that_are_too_long_are_refused_and_never_cut() {
    let world = AzureWorld::start().await;
    world.put(BLOB, b"abc").await.ok(201);
    let put = || world.put_blob("/imaging/new", b"x");
    let long = |count: usize| "n".repeat(count);
    let list = || world.request("GET", "/imaging").queries(&[("restype", "container"), ("comp", "list")]);
    let block = |id: &str| world.request("PUT", "/imaging/new").query("comp", "block").query("blockid", id).body("x");
    let source = format!("http://{}/pacs/imaging/{}", world.host, long(2 * KIB));
    let many_tags: String = (0..11).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join("&");
    for (what, request) in [
        ("a name", world.put_blob(&format!("/imaging/{}", long(1025)), b"x")),
        ("a name of many bytes", world.put_blob(&format!("/imaging/{}", "é".repeat(600)), b"x")),
        ("a container's name", world.request("PUT", &format!("/{}", long(64))).query("restype", "container").body("")),
        ("an operation", world.request("GET", BLOB).query("comp", &long(8 * KIB))),
        ("a block's id", block(&long(8 * KIB))),
        ("a block's id, one more than there may be", block(&long(92))),
        ("a lease's id", put().header("x-ms-lease-id", &long(8 * KIB))),
        ("a version", world.request("GET", BLOB).header("x-ms-version", &long(8 * KIB))),
        ("a snapshot", world.request("GET", BLOB).query("snapshot", &long(8 * KIB))),
        ("metadata", put().header("x-ms-meta-a", &long(8 * KIB + 1))),
        ("tags", put().header("x-ms-tags", &format!("k={}", long(257)))),
        ("many tags", put().header("x-ms-tags", &many_tags)),
        ("a source", put().header("x-ms-copy-source", &source).body("")),
        ("a condition", put().header("if-match", &format!("\"{}\"", long(8 * KIB)))),
        ("a condition on tags", put().header("x-ms-if-tags", &format!("\"a\"='{}'", long(8 * KIB)))),
        ("a prefix", list().query("prefix", &long(8 * KIB))),
        ("a marker", list().query("marker", &long(8 * KIB))),
        ("an MD5", put().header("content-md5", &long(8 * KIB))),
        ("a time", world.request("GET", BLOB).header("x-ms-date", &long(8 * KIB))),
        (
            "an authorization",
            world.request("GET", BLOB).header("x-ms-date", "x").header("authorization", &long(8 * KIB)),
        ),
    ] {
        let answer = world.send(request).await;
        // A list may be of nothing.
        let empty = answer.status == 200 && !answer.text().contains("<Name>");
        let refused = (400..500).contains(&answer.status);
        assert!(refused || what == "a prefix" && empty, "{what}: {} {}", answer.status, answer.text());
        // What was wrong may come back in the error, once.
        assert!(answer.body.len() < 10 * KIB, "{what}: {} bytes", answer.body.len());
        is_served_as_before(&world, what).await;
    }
    world.head("/imaging/new").await.expect(404, "BlobNotFound");
}

#[tokio::test]
async fn batches_that_are_too_large_in_any_way_delete_nothing() {
    let world = AzureWorld::start().await;
    world.put(BLOB, b"abc").await.ok(201);
    let delete = || world.pacs.sign(world.request("DELETE", BLOB).header("content-length", "0"));
    let right = batch_part(0, &delete());
    let line = batch_part(1, &delete().header("x-ms-meta-a", &"x".repeat(17 * KIB)));
    let headers = (0..65).fold(delete(), |request, n| request.header(&format!("x-ms-a{n}"), "x"));
    let nested = right.replace("DELETE ", "POST ").replace("/imaging/a", "?comp=batch");
    for (what, body) in [
        ("257 requests", (0..257).map(|n| batch_part(n, &delete())).collect::<String>() + "--b--\r\n"),
        ("more than 4 MiB", format!("{right}{}--b--\r\n", "\r\n".repeat(2 * KIB * KIB + KIB))),
        ("a long line", format!("{right}{line}--b--\r\n")),
        ("many headers", format!("{right}{}--b--\r\n", batch_part(1, &headers))),
        (
            "a long id",
            format!("{}--b--\r\n", right.replace("Content-ID: 0", &format!("Content-ID: {}", "1".repeat(300)))),
        ),
        ("no end", right.clone()),
        ("a batch in a batch", format!("{right}{nested}--b--\r\n")),
    ] {
        let request = world.request("POST", "/").query("comp", "batch");
        let answer = world.send(request.header("content-type", "multipart/mixed; boundary=b").body(body)).await;
        assert!(matches!(answer.status, 400 | 413), "{what}: {} {}", answer.status, answer.text());
        assert_refused(&answer, what);
        is_served_as_before(&world, what).await;
    }
    for boundary in ["b".repeat(71), String::new(), "a b\"".into()] {
        let request = world.request("POST", "/").query("comp", "batch");
        let kind = format!("multipart/mixed; boundary={boundary}");
        let answer = world.send(request.header("content-type", &kind).body(format!("{right}--b--\r\n"))).await;
        assert_refused(&answer, &kind);
        is_served_as_before(&world, &kind).await;
    }
}
