//! What a client may, and what it is not told.

use testing::s3::sigv4::Signer;
use testing::s3::world::World;

#[tokio::test]
async fn a_copy_does_not_tell_what_is_there_to_those_who_may_not_list() {
    let world = World::start().await;
    assert_eq!(world.send("PUT", "/imaging/public/a", &[], &[], b"a").await.status, 200);
    let copy = async |signer: &Signer, source: &str| {
        world.send_as(signer, "PUT", "/imaging/inbox/a", &[], &[("x-amz-copy-source", source)], b"").await
    };
    assert_eq!(copy(&world.courier, "/imaging/public/a").await.status, 200);
    copy(&world.courier, "/imaging/public/missing").await.expect(403, "AccessDenied");
    copy(&world.courier, "/imaging/private/a").await.expect(403, "AccessDenied");
    copy(&world.viewer, "/imaging/public/a").await.expect(403, "AccessDenied");
    copy(&world.signer, "/imaging/public/missing").await.expect(404, "NoSuchKey");
}

#[tokio::test]
async fn an_upload_is_known_by_its_bucket_its_key_and_its_tenant() {
    let world = World::start().await;
    assert_eq!(world.send("PUT", "/other", &[], &[], b"").await.status, 200);
    let created = world.send("POST", "/imaging/big", &[("uploads", "")], &[], b"").await.text();
    let id = created.split_once("<UploadId>").unwrap().1.split_once('<').unwrap().0;
    assert_eq!(world.send_as(&world.stranger, "PUT", "/imaging", &[], &[], b"").await.status, 200);
    let part = [("partNumber", "1"), ("uploadId", id)];
    let xml =
        b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>";
    for (signer, path) in
        [(&world.signer, "/other/big"), (&world.signer, "/imaging/small"), (&world.stranger, "/imaging/big")]
    {
        let ask = async |method: &str, query: &[(&str, &str)], body: &[u8]| {
            world.send_as(signer, method, path, query, &[], body).await.expect(404, "NoSuchUpload");
        };
        ask("PUT", &part, b"x").await;
        ask("GET", &[("uploadId", id)], b"").await;
        ask("POST", &[("uploadId", id)], xml).await;
        ask("DELETE", &[("uploadId", id)], b"").await;
    }
    assert_eq!(world.send("PUT", "/imaging/big", &part, &[], b"x").await.status, 200);
    let theirs = world.send_as(&world.stranger, "GET", "/imaging", &[("uploads", "")], &[], b"").await;
    assert!(theirs.status == 200 && !theirs.text().contains("<Upload>"), "{}", theirs.text());
}

#[tokio::test]
async fn lists_show_nothing_outside_of_the_prefix_that_was_granted() {
    let world = World::start().await;
    for key in ["a", "inbox/1", "inbox/2", "inboxes", "z"] {
        assert_eq!(world.send("PUT", &format!("/imaging/{key}"), &[], &[], b"x").await.status, 200);
    }
    let created = world.send("POST", "/imaging/zoo", &[("uploads", "")], &[], b"").await;
    assert_eq!(created.status, 200);
    let list = async |query: &[(&str, &str)]| world.send_as(&world.courier, "GET", "/imaging", query, &[], b"").await;
    for refused in [
        &[("list-type", "2")][..],
        &[("list-type", "2"), ("prefix", "inbox")],
        &[("prefix", "")],
        &[("prefix", "z"), ("delimiter", "/")],
        &[("uploads", "")],
        &[("uploads", ""), ("prefix", "z")],
    ] {
        list(refused).await.expect(403, "AccessDenied");
    }
    // Tokens and markers from elsewhere do not widen a page.
    let page = world.send("GET", "/imaging", &[("list-type", "2"), ("max-keys", "1")], &[], b"").await.text();
    let token = page.split_once("<NextContinuationToken>").unwrap().1.split_once('<').unwrap().0;
    for within in [
        &[("list-type", "2"), ("prefix", "inbox/"), ("continuation-token", token)][..],
        &[("prefix", "inbox/"), ("marker", "a"), ("delimiter", "/")],
        &[("prefix", "inbox/"), ("marker", "inboa"), ("delimiter", "x")],
        &[("list-type", "2"), ("prefix", "inbox/"), ("start-after", "")],
    ] {
        let text = list(within).await.text();
        assert!(text.contains("<Key>inbox/1<") && text.contains("<Key>inbox/2<"), "{text}");
        assert_eq!(text.matches("<Key>").count(), 2, "{text}");
    }
    for beyond in [&[("prefix", "inbox/"), ("marker", "inboxes")][..], &[("prefix", "inbox/"), ("marker", "z")]] {
        let text = list(beyond).await.text();
        assert!(!text.contains("<Key>"), "{text}");
    }
    let keys = ["inbox/1", "a", "z"].map(|key| format!("<Object><Key>{key}</Key></Object>")).concat();
    let xml = format!("<Delete>{keys}</Delete>");
    let digest = super::base64_sha256(xml.as_bytes());
    let sums = [("x-amz-checksum-sha256", digest.as_str())];
    let text = world.send_as(&world.courier, "POST", "/imaging", &[("delete", "")], &sums, xml.as_bytes()).await.text();
    assert_eq!(text.matches("<Code>AccessDenied</Code>").count(), 2, "{text}");
    assert!(text.contains("<Deleted><Key>inbox/1</Key></Deleted>"), "{text}");
    assert_eq!(world.send("HEAD", "/imaging/a", &[], &[], b"").await.status, 200);
}

#[tokio::test]
async fn grants_decide_and_do_not_tell_what_exists() {
    let world = World::start().await;
    assert_eq!(world.send("PUT", "/imaging/public/a", &[], &[], b"a").await.status, 200);
    let as_viewer = async |method: &str, path: &str| world.send_as(&world.viewer, method, path, &[], &[], b"").await;
    assert_eq!(as_viewer("GET", "/imaging/public/a").await.status, 200);
    as_viewer("GET", "/imaging/public/missing").await.expect(403, "AccessDenied");
    as_viewer("GET", "/imaging/private/a").await.expect(403, "AccessDenied");
    as_viewer("PUT", "/imaging/public/b").await.expect(403, "AccessDenied");
    as_viewer("DELETE", "/imaging/public/a").await.expect(403, "AccessDenied");
    as_viewer("GET", "/imaging").await.expect(403, "AccessDenied");
    world.send("GET", "/imaging/public/missing", &[], &[], b"").await.expect(404, "NoSuchKey");
}

/// Codefinger (January 2025): with stolen credentials, objects were encrypted anew under the thief's key (SSE-C) and set to
/// be deleted by a lifecycle rule. Here the thief has a client that may only write.
#[tokio::test]
async fn who_stole_a_client_that_may_write_deletes_nothing_sets_no_rule_and_brings_no_key() {
    let world = World::start().await;
    assert_eq!(world.send("PUT", "/imaging/k", &[], &[], b"abc").await.status, 200);
    let steal = async |method: &str, path: &str, query: &[(&str, &str)], headers: &[(&str, &str)], body: &[u8]| {
        world.send_as(&world.writer, method, path, query, headers, body).await
    };
    steal("DELETE", "/imaging/k", &[], &[], b"").await.expect(403, "AccessDenied");
    steal("DELETE", "/imaging/k", &[("versionId", "null")], &[], b"").await.expect(403, "AccessDenied");
    steal("DELETE", "/imaging", &[], &[], b"").await.expect(403, "AccessDenied");
    steal("GET", "/imaging/k", &[], &[], b"").await.expect(403, "AccessDenied");
    steal("GET", "/imaging", &[], &[], b"").await.expect(403, "AccessDenied");
    let xml = b"<Delete><Object><Key>k</Key></Object></Delete>";
    let digest = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, <md5::Md5 as sha2::Digest>::digest(xml));
    let many = steal("POST", "/imaging", &[("delete", "")], &[("content-md5", &digest)], xml).await;
    assert!(many.text().contains("AccessDenied") && !many.text().contains("<Deleted>"), "{}", many.text());
    let key = ("x-amz-server-side-encryption-customer-key", "a2V5");
    let algorithm = ("x-amz-server-side-encryption-customer-algorithm", "AES256");
    steal("PUT", "/imaging/k", &[], &[algorithm, key], b"x").await.expect(501, "NotImplemented");
    let copy = [("x-amz-copy-source", "/imaging/k"), ("x-amz-metadata-directive", "REPLACE"), algorithm, key];
    steal("PUT", "/imaging/k", &[], &copy, b"").await.expect(501, "NotImplemented");
    for rule in ["lifecycle", "policy", "versioning", "replication", "encryption", "object-lock"] {
        let answer = steal("PUT", "/imaging", &[(rule, "")], &[], b"<a/>").await;
        assert!([403, 501].contains(&answer.status), "{rule}: {}", answer.status);
        let answer = steal("DELETE", "/imaging", &[(rule, "")], &[], b"").await;
        assert!([403, 501].contains(&answer.status), "{rule}: {}", answer.status);
    }
    assert_eq!(world.send("GET", "/imaging/k", &[], &[], b"").await.text(), "abc");
}
