//! To the letter: what clients send in forms that are rare, and what they must not be taken for.

use testing::s3::sigv4::{Signer, sha256, target};
use testing::s3::world::{Answer, World};

use super::base64_sha256;

async fn put(world: &World, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    world.send("PUT", path, &[], headers, body).await
}

async fn delete_many(world: &World, xml: &str) -> Answer {
    let digest = base64_sha256(xml.as_bytes());
    let headers = [("x-amz-checksum-sha256", digest.as_str())];
    world.send("POST", "/imaging", &[("delete", "")], &headers, xml.as_bytes()).await
}

/// Keys in a list, as they are written.
async fn listed(world: &World, query: &[(&str, &str)]) -> Vec<String> {
    let text = world.send("GET", "/imaging", query, &[], b"").await.expect(200, "").text();
    text.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_deletion_is_of_the_key_that_was_named_whatever_its_section() {
    let world = World::start().await;
    for key in ["a", "ab", "b", "a&b", "c", "cd"] {
        assert_eq!(put(&world, &format!("/imaging/{key}"), &[], b"x").await.status, 200);
    }
    // What stands in the section is as much of the name as the rest: neither `a` nor `c` is meant.
    let xml = "<Delete><Object><Key>a<![CDATA[b]]></Key></Object><Object><Key><![CDATA[a&b]]></Key></Object>\
               <Object><Key>c<![CDATA[]]>d</Key></Object></Delete>";
    let text = delete_many(&world, xml).await.expect(200, "").text();
    assert_eq!(text.matches("<Deleted>").count(), 3, "{text}");
    assert_eq!(listed(&world, &[]).await, ["a", "b", "c"]);
    // A tag in one is a tag.
    let unlike = "<Delete><Object><Key>b</Key><ETag><![CDATA[\"0\"]]></ETag></Object></Delete>";
    assert_eq!(delete_many(&world, unlike).await.code(), "PreconditionFailed");
    let tags = "<Tagging><TagSet><Tag><Key><![CDATA[k]]></Key><Value>1<![CDATA[2]]></Value></Tag></TagSet></Tagging>";
    let sum = base64_sha256(tags.as_bytes());
    let sums = [("x-amz-checksum-sha256", sum.as_str())];
    world.send("PUT", "/imaging/a", &[("tagging", "")], &sums, tags.as_bytes()).await.expect(200, "");
    let told = world.send("GET", "/imaging/a", &[("tagging", "")], &[], b"").await.text();
    assert!(told.contains("<Key>k</Key><Value>12</Value>"), "{told}");
}

#[tokio::test]
async fn names_with_carriage_returns_and_what_xml_cannot_carry_spoil_neither_page_nor_batch() {
    let world = World::start().await;
    for key in ["Icon\r", "a", "b\u{1}", "z"] {
        assert_eq!(put(&world, &format!("/imaging/{key}"), &[], b"x").await.status, 200, "{key:?}");
    }
    for query in [&[][..], &[("list-type", "2")], &[("versions", "")]] {
        assert_eq!(listed(&world, query).await, ["Icon&#xD;", "a", "b\u{FFFD}", "z"], "{query:?}");
    }
    assert_eq!(listed(&world, &[("encoding-type", "url")]).await, ["Icon%0D", "a", "b%01", "z"]);
    let created = world.send("POST", "/imaging/Icon\r", &[("uploads", "")], &[], b"").await.expect(200, "");
    assert!(created.text().contains("<Key>Icon&#xD;</Key>"), "{}", created.text());
    let uploads = world.send("GET", "/imaging", &[("uploads", "")], &[], b"").await.expect(200, "").text();
    assert!(uploads.contains("<Key>Icon&#xD;</Key>"), "{uploads}");
    let xml = "<Delete><Object><Key>Icon&#13;</Key></Object><Object><Key>b\u{1}</Key></Object>\
               <Object><Key>a</Key></Object></Delete>";
    let text = delete_many(&world, xml).await.expect(200, "").text();
    assert!(text.contains("<Key>Icon&#xD;</Key>") && text.contains("<Key>b\u{FFFD}</Key>"), "{text}");
    assert_eq!(listed(&world, &[]).await, ["z"]);
}

#[tokio::test]
async fn a_plus_is_a_space_in_the_source_of_a_copy_and_itself_in_a_path() {
    let world = World::start().await;
    assert_eq!(put(&world, "/imaging/a b", &[], b"space").await.status, 200);
    assert_eq!(put(&world, "/imaging/a+b", &[], b"plus").await.status, 200);
    for (source, text) in [("imaging/a+b", "space"), ("imaging/a%20b", "space"), ("imaging/a%2Bb", "plus")] {
        put(&world, "/imaging/copy", &[("x-amz-copy-source", source)], b"").await.expect(200, "");
        assert_eq!(world.send("GET", "/imaging/copy", &[], &[], b"").await.text(), text, "{source}");
    }
    let mut headers = world.headers(&[]);
    world.signer.sign("GET", "/imaging/a+b", &[], &mut headers, &sha256(b""));
    assert_eq!(world.raw("GET", "/imaging/a+b", &headers, b"").await.text(), "plus");
}

#[tokio::test]
async fn a_presigned_put_is_not_held_to_the_checksum_of_the_body_that_its_maker_had_not() {
    let world = World::start().await;
    let put = async |more: &[(&str, &str)], body: &[u8]| {
        let url = world.signer.presign("PUT", &world.host(), "/imaging/k", "60", more);
        let length = body.len().to_string();
        world.raw("PUT", &url, &world.headers(&[("content-length", &length)]), body).await
    };
    let default = [("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-sdk-checksum-algorithm", "CRC32")];
    put(&default, b"123456789").await.expect(200, "");
    let asked = [("x-amz-checksum-mode", "ENABLED")];
    let got = world.send("GET", "/imaging/k", &[], &asked, b"").await;
    assert_eq!((got.text().as_str(), got.header("x-amz-checksum-crc32")), ("123456789", "y/Q5Jg=="));
    let named = [("x-amz-checksum-crc32", "y/Q5Jg==")];
    put(&named, b"123456789").await.expect(200, "");
    put(&named, b"other").await.expect(400, "BadDigest");
}

#[tokio::test]
async fn what_clients_send_by_default_is_taken() {
    let world = World::start().await;
    assert_eq!(put(&world, "/imaging/k", &[], b"x").await.status, 200);
    let asked = [("x-amz-optional-object-attributes", "RestoreStatus")];
    world.send("GET", "/imaging", &[("list-type", "2")], &asked, b"").await.expect(200, "");
    let other = [("x-amz-optional-object-attributes", "Other")];
    world.send("GET", "/imaging", &[("list-type", "2")], &other, b"").await.expect(501, "NotImplemented");
    world.send("GET", "/imaging/k", &[], &[("x-amz-security-token", "")], b"").await.expect(200, "");
    world.send("GET", "/imaging/k", &[], &[("x-amz-security-token", "t")], b"").await.expect(400, "InvalidToken");
    for region in ["US", "RegionOne", "ca_east.1"] {
        let there = Signer { region: region.into(), ..world.signer.clone() };
        world.send_as(&there, "GET", "/imaging/k", &[], &[], b"").await.expect(200, "");
    }
}

#[tokio::test]
async fn headers_are_limited_by_bytes_and_not_by_lines() {
    let world = World::start().await;
    let names: Vec<String> = (0..400).map(|number| format!("x-amz-meta-{number}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
    put(&world, "/imaging/k", &many, b"x").await.expect(200, "");
    let head = world.send("HEAD", "/imaging/k", &[], &[], b"").await;
    assert_eq!(head.headers.keys().filter(|name| name.starts_with("x-amz-meta-")).count(), 400);
    let long = "v".repeat(40 * 1024);
    let refused = put(&world, "/imaging/k", &[("x-padding", &long)], b"x").await;
    let refused = refused.expect(400, "RequestHeaderSectionTooLarge");
    assert!(refused.text().contains(&format!("<RequestId>{}</RequestId>", refused.header("x-amz-request-id"))));
}

#[tokio::test]
async fn dates_are_read_in_every_form_and_expires_is_kept_as_it_came() {
    let world = World::start().await;
    assert_eq!(put(&world, "/imaging/k", &[("expires", "never")], b"x").await.status, 200);
    let before = [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ];
    for date in before {
        let get = async |name: &str| world.send("GET", "/imaging/k", &[], &[(name, date)], b"").await;
        assert_eq!(get("if-modified-since").await.expect(200, "").header("expires"), "never");
        get("if-unmodified-since").await.expect(412, "PreconditionFailed");
        let copy = [("x-amz-copy-source", "imaging/k"), ("x-amz-copy-source-if-unmodified-since", date)];
        put(&world, "/imaging/copy", &copy, b"").await.expect(412, "PreconditionFailed");
        assert_eq!(put(&world, "/imaging/dated", &[("expires", date)], b"x").await.status, 200);
        assert_eq!(world.send("HEAD", "/imaging/dated", &[], &[], b"").await.header("expires"), date);
    }
    // What is no date is no condition, wherever it stands.
    for name in ["if-modified-since", "if-unmodified-since"] {
        world.send("GET", "/imaging/k", &[], &[(name, "yesterday")], b"").await.expect(200, "");
    }
}

#[tokio::test]
async fn a_copy_onto_itself_that_names_class_or_encryption_is_done() {
    let world = World::start().await;
    assert_eq!(put(&world, "/imaging/k", &[("x-amz-meta-a", "b")], b"x").await.status, 200);
    let copy =
        async |more: (&str, &str)| put(&world, "/imaging/k", &[("x-amz-copy-source", "imaging/k"), more], b"").await;
    copy(("x-amz-metadata-directive", "COPY")).await.expect(400, "InvalidRequest");
    copy(("x-amz-server-side-encryption", "AES256")).await.expect(200, "");
    copy(("x-amz-storage-class", "STANDARD")).await.expect(200, "");
    copy(("x-amz-storage-class", "STANDARD_IA")).await.expect(200, "");
    let head = world.send("HEAD", "/imaging/k", &[], &[], b"").await;
    assert_eq!((head.header("x-amz-meta-a"), head.header("x-amz-storage-class")), ("b", "STANDARD_IA"));
    copy(("x-amz-storage-class", "COLD")).await.expect(400, "InvalidStorageClass");
}

#[tokio::test]
async fn a_copy_has_its_own_storage_class_and_redirect_and_the_rest_of_its_source() {
    let world = World::start().await;
    let sent = [
        ("x-amz-storage-class", "STANDARD_IA"),
        ("x-amz-website-redirect-location", "/there"),
        ("cache-control", "no-store"),
    ];
    assert_eq!(put(&world, "/imaging/k", &sent, b"x").await.status, 200);
    let source = ("x-amz-copy-source", "imaging/k");
    for (number, (headers, class, redirect)) in [
        (vec![], "", ""),
        (vec![("x-amz-metadata-directive", "COPY")], "", ""),
        (vec![("x-amz-storage-class", "STANDARD")], "", ""),
        (vec![("x-amz-storage-class", "ONEZONE_IA")], "ONEZONE_IA", ""),
        (vec![("x-amz-website-redirect-location", "/here")], "", "/here"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/imaging/copy{number}");
        put(&world, &path, &[vec![source], headers].concat(), b"").await.expect(200, "");
        let head = world.send("HEAD", &path, &[], &[], b"").await;
        let told = (head.header("x-amz-storage-class"), head.header("x-amz-website-redirect-location"));
        assert_eq!(told, (class, redirect), "{path}");
        assert_eq!(head.header("cache-control"), "no-store", "{path}");
    }
}

#[tokio::test]
async fn the_range_of_a_copy_is_exact() {
    let world = World::start().await;
    assert_eq!(put(&world, "/imaging/k", &[], b"0123456789").await.status, 200);
    let created = world.send("POST", "/imaging/big", &[("uploads", "")], &[], b"").await.text();
    let id = created.split_once("<UploadId>").unwrap().1.split_once('<').unwrap().0;
    let part = async |range: &str| {
        let headers = [("x-amz-copy-source", "imaging/k"), ("x-amz-copy-source-range", range)];
        world.send("PUT", "/imaging/big", &[("partNumber", "1"), ("uploadId", id)], &headers, b"").await
    };
    for range in ["bytes=5-10", "bytes=0-99", "bytes=10-11", "bytes=5-", "bytes=-5", "", "bytes=3-2"] {
        part(range).await.expect(400, "InvalidArgument");
    }
    part("bytes=5-9").await.expect(200, "");
    let parts = world.send("GET", "/imaging/big", &[("uploadId", id)], &[], b"").await.text();
    assert!(parts.contains("<Size>5</Size>"), "{parts}");
    // Only what is read may be less than what was asked for.
    assert_eq!(world.send("GET", "/imaging/k", &[], &[("range", "bytes=5-99")], b"").await.text(), "56789");
}

#[tokio::test]
async fn a_condition_on_a_key_that_is_not_there_finds_no_key() {
    let world = World::start().await;
    for tag in ["*", "\"0123\""] {
        let matches = [("if-match", tag)];
        put(&world, "/imaging/none", &matches, b"x").await.expect(404, "NoSuchKey");
        world.send("DELETE", "/imaging/none", &[], &matches, b"").await.expect(404, "NoSuchKey");
        assert_eq!(put(&world, "/imaging/k", &[], b"x").await.status, 200);
        let copy = [("x-amz-copy-source", "imaging/k"), ("if-match", tag)];
        put(&world, "/imaging/none", &copy, b"").await.expect(404, "NoSuchKey");
        let created = world.send("POST", "/imaging/none", &[("uploads", "")], &[], b"").await.text();
        let id = created.split_once("<UploadId>").unwrap().1.split_once('<').unwrap().0;
        let part = world.send("PUT", "/imaging/none", &[("partNumber", "1"), ("uploadId", id)], &[], b"x").await;
        let xml = format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
            part.header("etag")
        );
        let done = world.send("POST", "/imaging/none", &[("uploadId", id)], &matches, xml.as_bytes()).await;
        done.expect(404, "NoSuchKey");
        let xml = format!("<Delete><Object><Key>none</Key><ETag>{tag}</ETag></Object></Delete>");
        assert_eq!(delete_many(&world, &xml).await.code(), "NoSuchKey");
    }
    put(&world, "/imaging/k", &[("if-match", "\"0123\"")], b"x").await.expect(412, "PreconditionFailed");
    put(&world, "/imaging/k", &[("if-none-match", "*")], b"x").await.expect(412, "PreconditionFailed");
    // Who may not list learns nothing of it.
    let blind = world.send_as(&world.writer, "PUT", "/imaging/none", &[], &[("if-match", "*")], b"x").await;
    blind.expect(412, "PreconditionFailed");
}

#[tokio::test]
async fn an_empty_header_that_claims_is_not_an_absent_one() {
    let world = World::start().await;
    put(&world, "/imaging/k", &[("content-md5", "")], b"x").await.expect(400, "InvalidDigest");
    for name in ["x-amz-checksum-crc32", "x-amz-checksum-sha256", "x-amz-sdk-checksum-algorithm"] {
        put(&world, "/imaging/k", &[(name, "")], b"x").await.expect(400, "InvalidRequest");
    }
    world.send("GET", "/imaging/k", &[], &[], b"").await.expect(404, "NoSuchKey");
    assert_eq!(put(&world, "/imaging/k", &[], b"x").await.status, 200);
    for name in ["x-amz-metadata-directive", "x-amz-tagging-directive"] {
        let copy = [("x-amz-copy-source", "imaging/k"), (name, "")];
        put(&world, "/imaging/copy", &copy, b"").await.expect(400, "InvalidArgument");
    }
    put(&world, "/imaging/copy", &[("x-amz-copy-source", "")], b"").await.expect(400, "InvalidArgument");
}

#[tokio::test]
async fn codings_part_numbers_and_names_are_kept_to_the_letter() {
    let world = World::start().await;
    let coding = async |sent: &str| {
        assert_eq!(put(&world, "/imaging/k", &[("content-encoding", sent)], b"x").await.status, 200);
        world.send("HEAD", "/imaging/k", &[], &[], b"").await.header("content-encoding").to_owned()
    };
    for kept in ["gzip, br", "gzip,br", "x-my coding"] {
        assert_eq!(coding(kept).await, kept);
    }
    let past = [("partNumber", "2")];
    world.send("GET", "/imaging/k", &past, &[], b"").await.expect(416, "InvalidPartNumber");
    assert_eq!(world.send("HEAD", "/imaging/k", &past, &[], b"").await.status, 416);
    for name in ["sthree-a", "amzn-s3-demo-a", "a-s3alias", "a--ol-s3", "a.mrap", "a--x-s3", "a--table-s3"] {
        put(&world, &format!("/{name}"), &[], b"").await.expect(400, "InvalidBucketName");
    }
}

#[tokio::test]
async fn an_old_signature_is_told_its_cure() {
    let world = World::start().await;
    let url = "/imaging/k?AWSAccessKeyId=pacs&Expires=99999999999&Signature=c2ln";
    let refused = world.raw("GET", url, &world.headers(&[]), b"").await.expect(400, "InvalidRequest");
    assert!(refused.text().contains("signature_version"), "{}", refused.text());
}

#[tokio::test]
async fn every_error_has_its_message() {
    let world = World::start().await;
    let mut seen = 0;
    for (method, path, query, headers) in [
        ("GET", "/imaging/none", &[][..], &[][..]),
        ("GET", "/none", &[], &[]),
        ("GET", "/imaging", &[("policy", "")], &[]),
        ("PUT", "/imaging", &[("policy", "")], &[]),
        ("PATCH", "/imaging/k", &[], &[]),
        ("POST", "/imaging/k", &[], &[]),
        ("POST", "/imaging", &[("delete", "")], &[]),
        ("PUT", "/imaging/k", &[], &[("x-amz-copy-source", "x")]),
        ("PUT", "/imaging/k", &[("uploadId", "x"), ("partNumber", "1")], &[]),
        ("GET", "/imaging/k", &[("versionId", "x")], &[]),
        ("PUT", "/IMAGING", &[], &[]),
        ("DELETE", "/imaging/none", &[], &[("if-match", "*")]),
        ("GET", "/imaging", &[("continuation-token", "x"), ("list-type", "2")], &[]),
    ] {
        let answer = world.send(method, path, query, headers, b"").await;
        assert!(answer.status >= 400, "{method} {path} {query:?}");
        let text = answer.text();
        let message = text.split_once("<Message>").and_then(|(_, rest)| rest.split_once("</Message>"));
        assert!(message.is_some_and(|(message, _)| message.len() > 5), "{method} {path} {query:?}: {text}");
        seen += 1;
    }
    assert_eq!(seen, 13);
    let mut unsigned = world.headers(&[]);
    world.signer.sign("GET", "/imaging", &[], &mut unsigned, &sha256(b""));
    let answer = world.raw("GET", &target("/imaging", &[("x", "y")]), &unsigned, b"").await;
    assert!(answer.expect(403, "SignatureDoesNotMatch").text().contains("<Message>The request signature"));
}
