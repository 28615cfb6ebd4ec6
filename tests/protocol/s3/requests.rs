//! What is asked: operations, metadata, XML, lists, uploads in parts; and what is not implemented.

use testing::s3::sigv4::{sha256, target};
use testing::s3::world::World;

#[tokio::test]
async fn metadata_has_its_limits() {
    let world = World::start().await;
    let put = async |name: &str, bytes: usize| {
        let value = "a".repeat(bytes);
        world.send("PUT", "/imaging/k", &[], &[(name, &value)], b"").await
    };
    assert_eq!(put("x-amz-meta-a", 2047).await.status, 200);
    put("x-amz-meta-a", 2048).await.expect(400, "MetadataTooLarge");
    assert_eq!(put("content-disposition", 8192).await.status, 200);
    put("content-disposition", 8193).await.expect(400, "MetadataTooLarge");
}

#[tokio::test]
async fn what_is_not_implemented_says_so_and_never_succeeds() {
    let world = World::start().await;
    assert_eq!(world.send("PUT", "/imaging/k", &[], &[], b"abc").await.status, 200);
    for name in ["analytics", "inventory", "metrics", "intelligent-tiering", "unheard-of"] {
        world.send("GET", "/imaging", &[(name, "")], &[], b"").await.expect(501, "NotImplemented");
    }
    for name in ["accelerate", "logging", "notification", "replication", "requestPayment", "website", "policy"] {
        world.send("PUT", "/imaging", &[(name, "")], &[], b"<a/>").await.expect(501, "NotImplemented");
    }
    for name in ["legal-hold", "retention", "torrent", "policy", "unheard-of"] {
        world.send("GET", "/imaging/k", &[(name, "")], &[], b"").await.expect(501, "NotImplemented");
    }
    for name in ["renameObject", "encryption", "append", "versioning"] {
        world.send("PUT", "/imaging/k", &[(name, "")], &[], b"x").await.expect(501, "NotImplemented");
    }
    for name in ["acl", "retention", "legal-hold", "torrent", "uploads"] {
        world.send("DELETE", "/imaging/k", &[(name, "")], &[], b"").await.expect(501, "NotImplemented");
    }
    world.send("PUT", "/imaging/k", &[("uploadId", "x")], &[], b"x").await.expect(501, "NotImplemented");
    assert_eq!(world.send("PUT", "/empty", &[], &[], b"").await.status, 200);
    for name in ["acl", "versioning", "location", "logging", "website", "replication"] {
        world.send("DELETE", "/empty", &[(name, "")], &[], b"").await.expect(501, "NotImplemented");
    }
    assert_eq!(world.send("HEAD", "/empty", &[], &[], b"").await.status, 200);
    let xml = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    world.send("PUT", "/imaging", &[("versioning", "")], &[], xml).await.expect(501, "NotImplemented");
    assert_eq!(world.send("GET", "/imaging/k", &[], &[], b"").await.text(), "abc");
    let answer = world.send("GET", "/imaging", &[("versioning", "")], &[], b"").await;
    assert!(answer.status == 200 && !answer.text().contains("Enabled"));
}

#[tokio::test]
async fn headers_for_what_is_not_there_are_refused() {
    let world = World::start().await;
    for header in [
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-server-side-encryption-customer-key", "a2V5"),
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-tagging-directive", "MOVE"),
        ("x-amz-object-lock-mode", "COMPLIANCE"),
        ("x-amz-acl", "public-read"),
        ("x-amz-grant-read", "id=x"),
    ] {
        world.send("PUT", "/imaging/k", &[], &[header], b"x").await.expect(501, "NotImplemented");
        let answer = world.send("HEAD", "/imaging/k", &[], &[header], b"").await;
        assert_eq!((answer.status, answer.body.len()), (501, 0), "{header:?}");
    }
    let fine = [("x-amz-server-side-encryption", "AES256"), ("x-amz-acl", "private")];
    let answer = world.send("PUT", "/imaging/k", &[], &fine, b"x").await;
    assert_eq!((answer.status, answer.header("x-amz-server-side-encryption")), (200, "AES256"));
    world.send("GET", "/imaging/k", &[("versionId", "3")], &[], b"").await.expect(404, "NoSuchVersion");
}

#[tokio::test]
async fn xml_that_is_too_large_or_broken_is_refused() {
    let world = World::start().await;
    let delete = async |body: &[u8]| {
        let digest = super::base64_sha256(body);
        let headers = [("x-amz-checksum-sha256", digest.as_str())];
        world.send("POST", "/imaging", &[("delete", "")], &headers, body).await
    };
    delete(b"<Delete><Object><Key>a</Key></Object>").await.expect(400, "MalformedXML");
    delete(b"<Delete></Delete>").await.expect(400, "MalformedXML");
    let many = format!("<Delete>{}</Delete>", "<Object><Key>a</Key></Object>".repeat(1001));
    delete(many.as_bytes()).await.expect(400, "MalformedXML");
    let large = vec![b' '; 9 * 1024 * 1024];
    let answer = delete(&large).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "MaxMessageLengthExceeded"));
    let fine = b"<Delete><Object><Key>a</Key></Object></Delete>";
    let unsummed = world.send("POST", "/imaging", &[("delete", "")], &[], fine).await;
    unsummed.expect(400, "InvalidRequest");
    let wrong = [("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")];
    world.send("POST", "/imaging", &[("delete", "")], &wrong, fine).await.expect(400, "BadDigest");
    let mut headers = world.headers(&[]);
    world.signer.sign("POST", "/imaging", &[("delete", "")], &mut headers, &sha256(b"other"));
    headers.push(("content-length".into(), fine.len().to_string()));
    let answer = world.raw("POST", &target("/imaging", &[("delete", "")]), &headers, fine).await;
    answer.expect(400, "XAmzContentSHA256Mismatch");
    assert!(delete(fine).await.text().contains("<Deleted><Key>a</Key></Deleted>"));
}

#[tokio::test]
async fn xml_of_very_many_elements_is_refused_before_it_is_parsed() {
    let world = World::start().await;
    let complete = async |part: &str, count: usize| {
        let xml = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", part.repeat(count));
        world.send("POST", "/imaging/big", &[("uploadId", "x")], &[], xml.as_bytes()).await
    };
    complete("<Part/>", 300_000).await.expect(400, "MaxMessageLengthExceeded");
    let sums: String = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]
        .map(|name| format!("<Checksum{name}>AAAAAA==</Checksum{name}>"))
        .concat();
    let part = format!("<Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag>{sums}</Part>");
    // As many as there may be are read, and judged by what they say.
    complete(&part, 10_000).await.expect(400, "InvalidPartOrder");
}

#[tokio::test]
async fn lists_page_by_tokens_that_cannot_be_made_up() {
    let world = World::start().await;
    for key in ["a/1", "a/2", "b", "c\u{1}d"] {
        assert_eq!(world.send("PUT", &format!("/imaging/{key}"), &[], &[], b"x").await.status, 200);
    }
    let list = async |query: &[(&str, &str)]| {
        let query: Vec<_> = [("list-type", "2")].into_iter().chain(query.iter().copied()).collect();
        world.send("GET", "/imaging", &query, &[], b"").await
    };
    let first = list(&[("max-keys", "1"), ("delimiter", "/")]).await;
    assert!(first.text().contains("<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>"), "{}", first.text());
    let text = first.text();
    let token = text.split_once("<NextContinuationToken>").unwrap().1.split_once('<').unwrap().0;
    let second = list(&[("max-keys", "1"), ("delimiter", "/"), ("continuation-token", token)]).await;
    assert!(second.text().contains("<Key>b</Key>") && !second.text().contains("a/"), "{}", second.text());
    for bad in ["x", "AQEAAAAAYQ", &token[1..]] {
        list(&[("continuation-token", bad)]).await.expect(400, "InvalidArgument");
    }
    list(&[("max-keys", "-1")]).await.expect(400, "InvalidArgument");
    // What XML cannot carry spoils no page.
    let plain = list(&[]).await.expect(200, "").text();
    assert!(plain.contains("<Key>c\u{FFFD}d</Key>") && plain.contains("<Key>b</Key>"), "{plain}");
    assert!(list(&[("encoding-type", "url")]).await.text().contains("<Key>c%01d</Key>"));
}

#[tokio::test]
async fn a_copy_onto_itself_must_change_something() {
    let world = World::start().await;
    assert_eq!(world.send("PUT", "/imaging/k", &[], &[], b"abc").await.status, 200);
    let copy = async |headers: &[(&str, &str)]| world.send("PUT", "/imaging/k", &[], headers, b"").await;
    copy(&[("x-amz-copy-source", "/imaging/k")]).await.expect(400, "InvalidRequest");
    let replace = [("x-amz-copy-source", "imaging/k"), ("x-amz-metadata-directive", "REPLACE"), ("x-amz-meta-a", "b")];
    assert_eq!(copy(&replace).await.status, 200);
    let answer = world.send("GET", "/imaging/k", &[], &[], b"").await;
    assert_eq!((answer.header("x-amz-meta-a"), answer.text().as_str()), ("b", "abc"));
    copy(&[("x-amz-copy-source", "imaging/k?versionId=7")]).await.expect(404, "NoSuchVersion");
}

#[tokio::test]
async fn an_upload_in_parts_becomes_an_object() {
    let world = World::start().await;
    let created = world.send("POST", "/imaging/big", &[("uploads", "")], &[], b"").await;
    let text = created.text();
    let id = text.split_once("<UploadId>").unwrap().1.split_once('<').unwrap().0;
    let mut parts = String::new();
    for (number, body) in [("1", vec![b'a'; 5 * 1024 * 1024]), ("2", b"end".to_vec())] {
        let put = world.send("PUT", "/imaging/big", &[("partNumber", number), ("uploadId", id)], &[], &body).await;
        assert_eq!(put.status, 200, "{}", put.text());
        parts.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>", put.header("etag")));
    }
    let listed = world.send("GET", "/imaging/big", &[("uploadId", id)], &[], b"").await;
    assert!(listed.text().contains("<Size>3</Size>"), "{}", listed.text());
    let xml = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    let done = world.send("POST", "/imaging/big", &[("uploadId", id)], &[], xml.as_bytes()).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let part = world.send("GET", "/imaging/big", &[("partNumber", "2")], &[], b"").await;
    assert_eq!((part.status, part.text().as_str(), part.header("x-amz-mp-parts-count")), (206, "end", "2"));
    let none = world.send("GET", "/imaging", &[("uploads", "")], &[], b"").await;
    assert!(none.status == 200 && !none.text().contains("<Upload>"));
    world.send("DELETE", "/imaging/big", &[("uploadId", "x")], &[], b"").await.expect(404, "NoSuchUpload");
}
