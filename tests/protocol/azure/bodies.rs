//! Bodies: malformed XML, block names, digests, lengths; nothing of what is refused is stored.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest as _, Md5};

use super::assert_refused;
use testing::azure::shared_key::{Request, batch_part};
use testing::azure::wire as azure_wire;
use testing::azure::world::AzureWorld;

const BLOB: &str = "/imaging/a";

fn id(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}

fn block(world: &AzureWorld, name: &str, body: &[u8]) -> Request {
    world.request("PUT", BLOB).query("comp", "block").query("blockid", name).body(body)
}

fn commit(world: &AzureWorld, xml: impl Into<Vec<u8>>) -> Request {
    world.request("PUT", BLOB).query("comp", "blocklist").body(xml)
}

async fn waiting(world: &AzureWorld) -> String {
    let list = world.request("GET", BLOB).query("comp", "blocklist").query("blocklisttype", "all");
    world.send(list).await.ok(200).text()
}

#[tokio::test]
async fn block_lists_that_are_none_commit_nothing() {
    let world = AzureWorld::start().await;
    world.send(block(&world, &id("0001"), b"one")).await.ok(201);
    let before = waiting(&world).await;
    let one = id("0001");
    let deep = format!("<BlockList>{}{}</BlockList>", "<a>".repeat(5000), "</a>".repeat(5000));
    let laughs = "<!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">]><BlockList><Latest>&b;</Latest></BlockList>";
    let outside = format!(
        "<!DOCTYPE l [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><BlockList><Latest>&x;</Latest><Latest>{one}</Latest></BlockList>"
    );
    let lists: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("no XML", b"MDAwMQ==".to_vec()),
        ("an end that is missing", b"<BlockList><Latest>MDAwMQ==</Latest>".to_vec()),
        ("an end that is another's", b"<BlockList><Latest>MDAwMQ==</Committed></BlockList>".to_vec()),
        ("another root", b"<Blocks><Latest>MDAwMQ==</Latest></Blocks>".to_vec()),
        ("two roots", b"<BlockList/><BlockList><Latest>MDAwMQ==</Latest></BlockList>".to_vec()),
        ("text after the end", b"<BlockList><Latest>MDAwMQ==</Latest></BlockList>x".to_vec()),
        ("an unknown element", b"<BlockList><Newest>MDAwMQ==</Newest></BlockList>".to_vec()),
        ("text between", b"<BlockList>x<Latest>MDAwMQ==</Latest></BlockList>".to_vec()),
        ("elements within a name", b"<BlockList><Latest><b>MDAwMQ==</b></Latest></BlockList>".to_vec()),
        ("a name that is not base64", b"<BlockList><Latest>***</Latest></BlockList>".to_vec()),
        ("an empty name", b"<BlockList><Latest></Latest></BlockList>".to_vec()),
        ("a name of 65 bytes", format!("<BlockList><Latest>{}</Latest></BlockList>", id(&"x".repeat(65))).into_bytes()),
        ("an unknown block", format!("<BlockList><Latest>{}</Latest></BlockList>", id("9999")).into_bytes()),
        ("a block that is not committed", format!("<BlockList><Committed>{one}</Committed></BlockList>").into_bytes()),
        ("bytes that are no UTF-8", b"<BlockList><Latest>\xff\xfe</Latest></BlockList>".to_vec()),
        ("a control character", b"<BlockList><Latest>\x00</Latest></BlockList>".to_vec()),
        ("UTF-16", [0xff, 0xfe].into_iter().chain("<BlockList/>".encode_utf16().flat_map(u16::to_le_bytes)).collect()),
        ("an entity that is not known", b"<BlockList><Latest>&nbsp;</Latest></BlockList>".to_vec()),
        ("entities in entities", laughs.into()),
        ("an entity from outside", outside.into_bytes()),
        ("depth", deep.into_bytes()),
    ];
    for (what, list) in lists {
        let answer = world.send(commit(&world, list)).await;
        assert_refused(&answer, what);
        assert_eq!(answer.status, 400, "{what} {}", answer.text());
        world.head(BLOB).await.expect(404, "BlobNotFound");
    }
    assert_eq!(waiting(&world).await, before);
    // As it should be, with all that XML may have around it.
    let fine = format!(
        "\u{feff}<?xml version='1.0' encoding='utf-8'?>\n<!-- two -->\n<BlockList>\n  <Latest>{one}</Latest>\n</BlockList>\n"
    );
    world.send(commit(&world, fine)).await.ok(201);
    assert_eq!(world.get(BLOB).await.ok(200).text(), "one");
}

#[tokio::test]
async fn block_lists_have_50_000_entries_at_most() {
    let world = AzureWorld::start().await;
    world.send(block(&world, &id("0001"), b"x")).await.ok(201);
    let entry = format!("<Latest>{}</Latest>", id("0001"));
    let list = |count| format!("<BlockList>{}</BlockList>", entry.repeat(count));
    world.send(commit(&world, list(50_001))).await.expect(400, "BlockListTooLong");
    world.head(BLOB).await.expect(404, "BlobNotFound");
    // Far more than can be meant is not read to its end.
    let answer = world.send(commit(&world, list(400_000))).await;
    assert!(matches!(answer.status, 400 | 413), "{}", answer.status);
    world.send(commit(&world, list(1000))).await.ok(201);
    assert_eq!(world.head(BLOB).await.header("content-length"), "1000");
}

#[tokio::test]
async fn names_of_blocks_are_base64_of_1_to_64_bytes_and_all_of_one_length() {
    let world = AzureWorld::start().await;
    let names = [
        "".to_owned(),
        "***".into(),
        "MDAwMQ".into(),
        "MDAwMQ=".into(),
        "MDAwMQ===".into(),
        "MDAwMQ== ".into(),
        "MDAw MQ==".into(),
        "MDAwMR==".into(),
        "MDAwMQ==\0".into(),
        "é".into(),
        id(&"x".repeat(65)),
        id(&"x".repeat(5000)),
    ];
    for name in &names {
        let answer = world.send(block(&world, name, b"x")).await;
        assert_refused(&answer, name);
        assert_eq!(answer.status, 400, "{name:?}");
    }
    let none = world.request("PUT", BLOB).query("comp", "block").body("x");
    assert_refused(&world.send(none).await, "no name");
    let list = world.request("GET", BLOB).query("comp", "blocklist").query("blocklisttype", "all");
    world.send(list).await.expect(404, "BlobNotFound");
    world.send(block(&world, &id("0001"), b"one")).await.ok(201);
    world.send(block(&world, &id("00001"), b"x")).await.expect(400, "InvalidBlobOrBlock");
    world.send(block(&world, &id("1"), b"x")).await.expect(400, "InvalidBlobOrBlock");
    // The last of a name counts.
    world.send(block(&world, &id("0001"), b"two")).await.ok(201);
    assert_eq!(waiting(&world).await.matches("<Block>").count(), 1);
    let twice = format!("<BlockList><Latest>{0}</Latest><Latest>{0}</Latest></BlockList>", id("0001"));
    world.send(commit(&world, twice)).await.ok(201);
    assert_eq!(world.get(BLOB).await.text(), "twotwo");
    // A name of 64 bytes serves, and committed ones say nothing of the length.
    world.send(block(&world, &id(&"y".repeat(64)), b"x")).await.ok(201);
}

#[tokio::test]
async fn blocks_that_wait_are_dropped_when_the_blob_is_replaced() {
    let world = AzureWorld::start().await;
    world.send(block(&world, &id("0001"), b"one")).await.ok(201);
    assert_eq!(waiting(&world).await.matches("<Block>").count(), 1);
    world.put(BLOB, b"abc").await.ok(201);
    assert_eq!(waiting(&world).await.matches("<Block>").count(), 0);
    let list = format!("<BlockList><Latest>{}</Latest></BlockList>", id("0001"));
    world.send(commit(&world, list)).await.expect(400, "InvalidBlockList");
    // What only waits is no blob, for anybody but who asks for its blocks.
    world
        .send(world.request("PUT", "/imaging/w").query("comp", "block").query("blockid", "MDAwMQ==").body("x"))
        .await
        .ok(201);
    for method in ["GET", "HEAD"] {
        world.send(world.request(method, "/imaging/w")).await.expect(404, "BlobNotFound");
    }
    let of_blocks = world.request("GET", "/imaging/w").query("comp", "blocklist").query("blocklisttype", "all");
    let named = of_blocks.clone().header("x-ms-lease-id", "11111111-1111-4111-8111-111111111111");
    world.send(named).await.expect(412, "LeaseNotPresentWithBlobOperation");
    world.send(of_blocks).await.ok(200);
    let abort = world.request("PUT", "/imaging/w").query("comp", "copy").query("copyid", "1").body("");
    world.send(abort.header("x-ms-copy-action", "abort")).await.expect(404, "BlobNotFound");
    // A deletion takes it away ("Delete Blob", remarks).
    let named = world.request("DELETE", "/imaging/w").header("x-ms-lease-id", "11111111-1111-4111-8111-111111111111");
    world.send(named).await.expect(412, "LeaseNotPresentWithBlobOperation");
    world.delete("/imaging/w").await.ok(202);
    world.delete("/imaging/w").await.expect(404, "BlobNotFound");
    let list = world.request("GET", "/imaging/w").query("comp", "blocklist").query("blocklisttype", "all");
    world.send(list).await.expect(404, "BlobNotFound");
}

#[tokio::test]
async fn what_does_not_have_the_digest_it_was_sent_with_is_not_stored() {
    let world = AzureWorld::start().await;
    let crc = |bytes: &[u8]| {
        let sum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes);
        BASE64_STANDARD.encode(sum.to_le_bytes())
    };
    let md5 = |bytes: &[u8]| BASE64_STANDARD.encode(Md5::digest(bytes));
    let append = world.request("PUT", "/imaging/log").header("x-ms-blob-type", "AppendBlob").body("");
    world.send(append).await.ok(201);
    let writes = [
        ("Put Blob", world.put_blob(BLOB, b"abc")),
        ("Put Block", block(&world, &id("0001"), b"abc")),
        ("Append Block", world.request("PUT", "/imaging/log").query("comp", "appendblock").body("abc")),
    ];
    for (what, write) in &writes {
        let with = async |name: &str, value: &str| world.send(write.clone().header(name, value)).await;
        with("content-md5", &md5(b"abd")).await.expect(400, "Md5Mismatch");
        with("x-ms-content-crc64", &crc(b"abd")).await.expect(400, "Crc64Mismatch");
        for junk in ["junk", "YWJj", "", "é"] {
            let answer = with("x-ms-content-crc64", junk).await;
            assert!(
                answer.status == 400 || (junk.is_empty() && answer.status == 201),
                "{what} {junk:?} {}",
                answer.status
            );
        }
        assert_eq!(with("content-md5", "junk").await.status, 400, "{what}");
        assert_eq!(with("content-md5", "YWJj").await.status, 400, "{what}");
        let both = write.clone().header("content-md5", &md5(b"abc")).header("x-ms-content-crc64", &crc(b"abc"));
        assert_refused(&world.send(both).await, what);
    }
    assert_eq!(world.head("/imaging/log").await.header("content-length"), "0");
    let list = format!("<BlockList><Latest>{}</Latest></BlockList>", id("0001"));
    for (what, write) in &writes {
        let right = world.send(write.clone().header("x-ms-content-crc64", &crc(b"abc"))).await.ok(201);
        assert_eq!(right.header("x-ms-content-crc64"), crc(b"abc"), "{what}");
        world.send(write.clone().header("content-md5", &md5(b"abc"))).await.ok(201);
    }
    let wrong = commit(&world, list).header("content-md5", &md5(b"something else"));
    world.send(wrong).await.expect(400, "Md5Mismatch");
}

#[tokio::test]
async fn structured_bodies_that_do_not_fit_are_refused_and_never_stored_as_they_came() {
    let world = AzureWorld::start().await;
    let message = |content: &[u8], length: u64, version: u8, segments: u16, crc_of: &[u8]| {
        let sum = |bytes: &[u8]| crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes).to_le_bytes();
        let mut body = vec![version];
        body.extend_from_slice(&length.to_le_bytes());
        body.extend_from_slice(&1_u16.to_le_bytes());
        body.extend_from_slice(&segments.to_le_bytes());
        body.extend_from_slice(&1_u16.to_le_bytes());
        body.extend_from_slice(&(content.len() as u64).to_le_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(&sum(crc_of));
        body.extend_from_slice(&sum(crc_of));
        body
    };
    let of = |content: &[u8], crc_of: &[u8]| message(content, 13 + 10 + content.len() as u64 + 16, 1, 1, crc_of);
    let put = |body: Vec<u8>, length: &str, kind: &str| {
        let request = world.put_blob(BLOB, &body).header("x-ms-structured-body", kind);
        request.header("x-ms-structured-content-length", length)
    };
    const KIND: &str = "XSM/1.0; properties=crc64";
    let right = of(b"abcdef", b"abcdef");
    let mut longer = right.clone();
    longer.push(0);
    let bad = [
        ("another checksum", put(of(b"abcdef", b"abcdeg"), "6", KIND)),
        ("another version", put(message(b"abcdef", 45, 2, 1, b"abcdef"), "6", KIND)),
        ("another length", put(message(b"abcdef", 44, 1, 1, b"abcdef"), "6", KIND)),
        ("more segments", put(message(b"abcdef", 45, 1, 2, b"abcdef"), "6", KIND)),
        ("no segments", put(message(b"abcdef", 45, 1, 0, b"abcdef"), "6", KIND)),
        ("another content length", put(right.clone(), "7", KIND)),
        ("no content length", put(right.clone(), "6", KIND).without("x-ms-structured-content-length")),
        ("more bytes", put(longer, "6", KIND)),
        ("fewer bytes", put(right[..right.len() - 1].to_vec(), "6", KIND)),
        ("a head alone", put(right[..13].to_vec(), "6", KIND)),
        ("nothing", put(Vec::new(), "6", KIND)),
        ("another kind", put(right.clone(), "6", "XSM/2.0; properties=crc64")),
        ("junk", put(right.clone(), "6", "junk")),
    ];
    for (what, request) in bad {
        let answer = world.send(request).await;
        assert_eq!(answer.status, 400, "{what} {} {}", answer.status, answer.text());
        // As .NET's client expects it (`AssertWriteChecksumMismatch` in its tests).
        assert_eq!(answer.code() == "Crc64Mismatch", what == "another checksum", "{what} {}", answer.code());
        world.head(BLOB).await.expect(404, "BlobNotFound");
    }
    // A block has at least one byte within its frame, and so has what is appended.
    for name in ["block", "appendblock"] {
        let empty = world.request("PUT", BLOB).query("comp", name).query("blockid", "MDAwMQ==").body(of(b"", b""));
        let empty = empty.header("x-ms-structured-body", KIND).header("x-ms-structured-content-length", "0");
        world.send(empty).await.expect(400, "InvalidHeaderValue");
    }
    world.send(put(right.clone(), "6", KIND)).await.ok(201);
    assert_eq!(world.get(BLOB).await.ok(200).text(), "abcdef");
    // Whoever understood a structured body says so: clients fail a write that is not acknowledged.
    let append = world.request("PUT", "/imaging/log").header("x-ms-blob-type", "AppendBlob").body("");
    world.send(append).await.ok(201);
    let append = world.request("PUT", "/imaging/log").query("comp", "appendblock").body(right.as_slice());
    for request in [world.put_blob(BLOB, &right), block(&world, &id("0001"), &right), append] {
        let plain = world.send(request.clone()).await.ok(201);
        assert_eq!(plain.find("x-ms-structured-body"), None);
        let framed = request.header("x-ms-structured-body", KIND).header("x-ms-structured-content-length", "6");
        assert_eq!(world.send(framed).await.ok(201).header("x-ms-structured-body"), KIND);
    }
}

#[tokio::test]
async fn bodies_end_where_they_say() {
    let world = AzureWorld::start().await;
    // Announced longer than it is: the connection ends first.
    let short = world.pacs.sign(world.put_blob(BLOB, b"abc").replaced("content-length", "10"));
    let answer = world.raw(&Request { body: b"abc".to_vec(), ..short.clone() }).await;
    assert!(!answer.is_success(), "{}", answer.status);
    world.head(BLOB).await.expect(404, "BlobNotFound");
    // Without a length.
    let none = world.put_blob(BLOB, b"").without("content-length");
    let answer = world.send(none).await;
    assert!(matches!(answer.status, 400 | 411), "{}", answer.status);
    let chunked = world.put_blob(BLOB, b"").without("content-length").header("transfer-encoding", "chunked");
    let chunked = Request { body: b"3\r\nabc\r\n0\r\n\r\n".to_vec(), ..world.pacs.sign(chunked) };
    let answer = world.raw(&chunked).await;
    assert!(matches!(answer.status, 400 | 411), "{} {}", answer.status, answer.text());
    // Two framings at once are no request.
    let both = world.pacs.sign(world.put_blob(BLOB, b"abc").header("transfer-encoding", "chunked"));
    let answer = world.raw(&both).await;
    assert!(!answer.is_success(), "{}", answer.status);
    for length in ["-1", "abc", "3, 4", "99999999999999999999999", "0x3", "+3"] {
        let odd = world.pacs.sign(world.put_blob(BLOB, b"abc").replaced("content-length", length));
        let answer = world.raw(&odd).await;
        assert!(!answer.is_success(), "{length} {}", answer.status);
    }
    world.head(BLOB).await.expect(404, "BlobNotFound");
    // Operations without a body, with one.
    for (method, query) in [("GET", ""), ("DELETE", ""), ("PUT", "metadata"), ("PUT", "snapshot"), ("PUT", "lease")] {
        let request = world.request(method, BLOB).body("unexpected");
        let request = if query.is_empty() { request } else { request.query("comp", query) };
        let answer = world.send(request).await;
        assert!(!answer.is_success() && answer.status < 500, "{method} {query} {}", answer.status);
    }
}

#[tokio::test]
async fn what_is_announced_too_large_is_refused_before_it_is_read() {
    let world = AzureWorld::start().await;
    let mib = 1024 * 1024_u64;
    let announced =
        |request: Request, length: u64| world.pacs.sign(request.replaced("content-length", &length.to_string()));
    let append = world.request("PUT", "/imaging/log").header("x-ms-blob-type", "AppendBlob").body("");
    world.send(append).await.ok(201);
    let large = [
        ("Put Blob", announced(world.put_blob(BLOB, b""), 5000 * mib + 1)),
        ("Put Block", announced(block(&world, &id("0001"), b""), 4000 * mib + 1)),
        (
            "Append Block",
            announced(world.request("PUT", "/imaging/log").query("comp", "appendblock").body(""), 100 * mib + 1),
        ),
        ("Put Block List", announced(commit(&world, ""), 64 * mib)),
        ("Set Blob Tags", announced(world.request("PUT", BLOB).query("comp", "tags").body(""), 8 * mib)),
        (
            "Set Container ACL",
            announced(
                world.request("PUT", "/imaging").query("restype", "container").query("comp", "acl").body(""),
                8 * mib,
            ),
        ),
        (
            "Batch",
            announced(
                world
                    .request("POST", "/")
                    .query("comp", "batch")
                    .header("content-type", "multipart/mixed; boundary=b")
                    .body(""),
                5 * mib,
            ),
        ),
    ];
    for (what, request) in large {
        let answer = tokio::time::timeout(std::time::Duration::from_secs(10), azure_wire::send(&world.host, &request));
        let answer = answer.await.unwrap_or_else(|_late| panic!("{what} waits for a body that it cannot take"));
        assert!(matches!(answer.status, 400 | 404 | 413), "{what} {} {}", answer.status, answer.text());
        assert_refused(&answer, what);
    }
}

#[tokio::test]
async fn policies_and_tags_that_are_none_change_nothing() {
    let world = AzureWorld::start().await;
    world.put(BLOB, b"abc").await.ok(201);
    let acl =
        |xml: String| world.request("PUT", "/imaging").queries(&[("restype", "container"), ("comp", "acl")]).body(xml);
    let policy = |id: &str, start: &str, permission: &str| {
        format!(
            "<SignedIdentifier><Id>{id}</Id><AccessPolicy><Start>{start}</Start><Permission>{permission}</Permission></AccessPolicy></SignedIdentifier>"
        )
    };
    let within = |inner: &str| format!("<SignedIdentifiers>{inner}</SignedIdentifiers>");
    let day = "2026-01-01T00:00:00Z";
    world.send(acl(within(&policy("one", day, "r")))).await.ok(200);
    let six: String = (0..6).map(|n| policy(&format!("p{n}"), day, "r")).collect();
    for (what, xml) in [
        ("broken XML", "<SignedIdentifiers><SignedIdentifier>".to_owned()),
        ("another root", "<Other/>".into()),
        ("six", within(&six)),
        ("one id twice", within(&format!("{0}{0}", policy("a", day, "r")))),
        ("no id", within(&policy("", day, "r"))),
        ("a long id", within(&policy(&"x".repeat(65), day, "r"))),
        ("no time", within(&policy("a", "soon", "r"))),
        ("unknown letters", within(&policy("a", day, "zz"))),
        ("an unknown element", within("<Other/>")),
        ("an entity", format!("<!DOCTYPE x [<!ENTITY y \"z\">]>{}", within(&policy("&y;", day, "r")))),
    ] {
        let answer = world.send(acl(xml)).await;
        assert_eq!(answer.status, 400, "{what} {}", answer.text());
    }
    for public in ["blob", "container", "junk"] {
        let answer = world.send(acl(within("")).header("x-ms-blob-public-access", public)).await;
        assert_refused(&answer, public);
        let create =
            world.request("PUT", "/public").query("restype", "container").header("x-ms-blob-public-access", public);
        assert_refused(&world.send(create.body("")).await, public);
    }
    let kept = world.send(world.request("GET", "/imaging").queries(&[("restype", "container"), ("comp", "acl")])).await;
    assert_eq!(kept.field("Id").as_deref(), Some("one"), "{}", kept.text());

    let tags = |xml: String| world.request("PUT", BLOB).query("comp", "tags").body(xml);
    let tag = |name: &str, value: &str| format!("<Tag><Key>{name}</Key><Value>{value}</Value></Tag>");
    let set = |inner: &str| format!("<Tags><TagSet>{inner}</TagSet></Tags>");
    world.send(tags(set(&tag("ward", "7")))).await.ok(204);
    let eleven: String = (0..11).map(|n| tag(&format!("k{n}"), "1")).collect();
    for (what, xml) in [
        ("nothing", String::new()),
        ("broken XML", "<Tags><".into()),
        ("another root", "<Other/>".into()),
        ("eleven", set(&eleven)),
        ("one twice", set(&format!("{}{}", tag("a", "1"), tag("a", "2")))),
        ("no name", set(&tag("", "1"))),
        ("a long name", set(&tag(&"k".repeat(129), "1"))),
        ("a long value", set(&tag("k", &"v".repeat(257)))),
        ("a character that tags have not", set(&tag("a!", "1"))),
        ("no value", set("<Tag><Key>a</Key></Tag>")),
    ] {
        let answer = world.send(tags(xml)).await;
        assert_eq!(answer.status, 400, "{what} {}", answer.text());
    }
    let kept = world.send(world.request("GET", BLOB).query("comp", "tags")).await;
    assert_eq!((kept.field("Key").as_deref(), kept.field("Value").as_deref()), (Some("ward"), Some("7")));
}

#[tokio::test]
async fn batches_are_bounded_and_their_parts_prove_themselves() {
    let world = AzureWorld::start().await;
    for number in 0..3 {
        world.put(&format!("/imaging/b{number}"), b"x").await.ok(201);
    }
    let batch = |body: String| {
        let request = world.request("POST", "/").query("comp", "batch");
        request.header("content-type", "multipart/mixed; boundary=b").body(body)
    };
    let delete = |path: &str| world.request("DELETE", path).header("content-length", "0");
    let right = world.pacs.sign(delete("/imaging/b0"));
    let forged = world.pacs.with_other_key().sign(delete("/imaging/b1"));
    let bare = delete("/imaging/b2").header("x-ms-date", &testing::azure::shared_key::rfc1123(world.pacs.now()));
    let body = format!("{}{}{}--b--\r\n", batch_part(0, &right), batch_part(1, &forged), batch_part(2, &bare));
    let answer = world.send(batch(body)).await.ok(202);
    let text = answer.text();
    assert!(
        text.contains("HTTP/1.1 202") && text.contains("HTTP/1.1 403") && text.matches("HTTP/1.1 ").count() == 3,
        "{text}"
    );
    world.head("/imaging/b0").await.expect(404, "BlobNotFound");
    for kept in ["/imaging/b1", "/imaging/b2"] {
        world.head(kept).await.ok(200);
    }
    // More than 256 parts, no parts, other operations, parts within parts.
    let many: String = (0..257).map(|number| batch_part(number, &right)).collect();
    let answer = world.send(batch(format!("{many}--b--\r\n"))).await;
    assert!(
        !answer.text().contains("HTTP/1.1 202") && (answer.status == 400 || answer.status == 202),
        "{}",
        answer.text()
    );
    for body in ["", "--b--", "--c\r\n\r\n", "junk", "--b\r\n\r\n\r\n--b--"] {
        let answer = world.send(batch(body.into())).await;
        assert!(answer.status == 400 || !answer.text().contains("HTTP/1.1 20"), "{body:?} {}", answer.text());
    }
    for other in [
        world.pacs.sign(world.put_blob("/imaging/new", b"")),
        world.pacs.sign(world.request("GET", "/imaging/b1")),
        world.pacs.sign(world.request("DELETE", "/imaging").query("restype", "container")),
        world.pacs.sign(world.request("POST", "/").query("comp", "batch")),
        world.pacs.sign(delete("/imaging/b1").query("recursive", "true")),
    ] {
        let answer = world.send(batch(format!("{}--b--\r\n", batch_part(0, &other)))).await;
        assert!(!answer.text().contains("HTTP/1.1 20"), "{}", answer.text());
    }
    world.head("/imaging/b1").await.ok(200);
    world.head("/imaging/new").await.expect(404, "BlobNotFound");
}
