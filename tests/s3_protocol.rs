//! The S3 front, spoken to by hand over real sockets: what no well-behaved client sends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

#[path = "support/s3_world.rs"]
mod s3_world;
#[path = "support/sigv4.rs"]
mod sigv4;

use ecluse::front::s3::S3Settings;
use s3_world::{Answer, World};
use sigv4::{Signer, sha256, target};
use time::Duration;

const KEY: &str = "/imaging/patients/Hélène (1).dcm";

// --- who asks ---------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_wrong_signature_is_refused_and_every_answer_has_an_id() {
    let world = World::start().await;
    let wrong = Signer { secret: "other".into(), ..world.signer.clone() };
    let answer = world.send_as(&wrong, "GET", "/imaging", &[], &[], b"").await.expect(403, "SignatureDoesNotMatch");
    assert!(!answer.header("x-amz-request-id").is_empty());
    assert!(answer.text().contains(&format!("<RequestId>{}</RequestId>", answer.header("x-amz-request-id"))));
    let nobody = Signer { id: "nobody".into(), ..world.signer.clone() };
    world.send_as(&nobody, "GET", "/imaging", &[], &[], b"").await.expect(403, "InvalidAccessKeyId");
}

#[tokio::test]
async fn anonymous_and_old_signatures_are_refused() {
    let world = World::start().await;
    let anonymous = world.headers(&[]);
    world.raw("GET", "/imaging", &anonymous, b"").await.expect(403, "AccessDenied");
    world.raw("GET", &target(KEY, &[]), &anonymous, b"").await.expect(403, "AccessDenied");
    let old = world.headers(&[("authorization", "AWS pacs:c2lnbmF0dXJl"), ("date", "Wed, 21 Oct 2015 07:28:00 GMT")]);
    world.raw("GET", "/imaging", &old, b"").await.expect(400, "InvalidRequest");
    let presigned = "/imaging/k?AWSAccessKeyId=pacs&Expires=99999999999&Signature=c2ln";
    world.raw("GET", presigned, &anonymous, b"").await.expect(400, "InvalidRequest");
    let form = world.headers(&[("content-type", "multipart/form-data; boundary=x"), ("content-length", "0")]);
    world.raw("POST", "/imaging", &form, b"").await.expect(501, "NotImplemented");
}

#[tokio::test]
async fn a_clock_that_is_off_by_more_than_a_quarter_of_an_hour_is_refused() {
    let world = World::start().await;
    for minutes in [-16, 16] {
        let late = world.signer.shifted(Duration::minutes(minutes));
        world.send_as(&late, "GET", "/imaging", &[], &[], b"").await.expect(403, "RequestTimeTooSkewed");
    }
    let fine = world.signer.shifted(Duration::minutes(-14));
    assert_eq!(world.send_as(&fine, "GET", "/imaging", &[], &[], b"").await.status, 200);
    let other_day = Signer { scope_date: Some("20200101".into()), ..world.signer.clone() };
    world.send_as(&other_day, "GET", "/imaging", &[], &[], b"").await.expect(403, "SignatureDoesNotMatch");
}

#[tokio::test]
async fn a_presigned_url_works_until_it_expires() {
    let world = World::start().await;
    assert_eq!(world.send("PUT", "/imaging/k", &[], &[], b"abc").await.status, 200);
    let get = async |signer: &Signer, expires: &str, more: &[(&str, &str)]| {
        let url = signer.presign("GET", &world.host(), "/imaging/k", expires, more);
        world.raw("GET", &url, &world.headers(&[]), b"").await
    };
    let answer = get(&world.signer, "60", &[("response-content-type", "application/dicom")]).await;
    assert_eq!(
        (answer.status, answer.header("content-type"), answer.text().as_str()),
        (200, "application/dicom", "abc")
    );
    let old = world.signer.shifted(Duration::minutes(-2));
    get(&old, "60", &[]).await.expect(403, "AccessDenied");
    get(&world.signer, "604801", &[]).await.expect(400, "AuthorizationQueryParametersError");
    let early = world.signer.shifted(Duration::minutes(20));
    get(&early, "60", &[]).await.expect(403, "RequestTimeTooSkewed");
}

#[tokio::test]
async fn a_presigned_url_means_what_was_signed() {
    let world = World::start().await;
    let url = world.signer.presign("PUT", &world.host(), "/imaging/k", "60", &[]);
    let added = world.headers(&[("x-amz-copy-source", "/imaging/secret"), ("content-length", "0")]);
    world.raw("PUT", &url, &added, b"").await.expect(403, "AccessDenied");
    let tagged = world.signer.presign("PUT", &world.host(), "/imaging/k", "60", &[("x-amz-tagging", "a=b")]);
    world.raw("PUT", &tagged, &world.headers(&[("content-length", "0")]), b"").await.expect(200, "");
    assert_eq!(world.send("HEAD", "/imaging/k", &[], &[], b"").await.header("x-amz-tagging-count"), "1");
}

#[tokio::test]
async fn doubled_authorization_is_refused() {
    let world = World::start().await;
    let mut headers = world.headers(&[]);
    world.signer.sign("GET", "/imaging", &[], &mut headers, &sha256(b""));
    let authorization = headers.last().unwrap().clone();
    let mut twice = headers.clone();
    twice.push(authorization);
    world.raw("GET", "/imaging", &twice, b"").await.expect(400, "InvalidRequest");
    let url = world.signer.presign("GET", &world.host(), "/imaging/k", "60", &[]);
    world.raw("GET", &url, &headers, b"").await.expect(400, "InvalidArgument");
    let doubled = format!("{url}&X-Amz-Expires=60");
    let answer = world.raw("GET", &doubled, &world.headers(&[]), b"").await;
    answer.expect(400, "AuthorizationQueryParametersError");
}

#[tokio::test]
async fn what_comes_twice_is_refused_and_never_read_as_absent() {
    let world = World::start().await;
    assert_eq!(world.send("PUT", "/imaging/k", &[], &[], b"abc").await.status, 200);
    assert_eq!(world.send("PUT", "/imaging/other", &[], &[], b"other").await.status, 200);
    // Taken for absent, it would make a copy an empty object.
    for name in ["x-amz-copy-source", "x-amz-metadata-directive", "x-amz-checksum-crc32", "x-amz-meta-a"] {
        let mut headers = world.headers(&[]);
        headers.push((name.into(), "/imaging/other".into()));
        world.signer.sign("PUT", "/imaging/k", &[], &mut headers, &sha256(b""));
        headers.push((name.into(), "/imaging/k".into()));
        headers.push(("content-length".into(), "0".into()));
        world.raw("PUT", "/imaging/k", &headers, b"").await.expect(400, "InvalidRequest");
    }
    for query in [[("uploadId", "1"), ("uploadId", "2")], [("versionId", "null"), ("versionId", "null")]] {
        world.send("DELETE", "/imaging/k", &query, &[], b"").await.expect(400, "InvalidArgument");
    }
    let list = [("list-type", "2"), ("prefix", "a"), ("prefix", "b")];
    world.send("GET", "/imaging", &list, &[], b"").await.expect(400, "InvalidArgument");
    let twice = [("response-content-type", "a/b"), ("response-content-type", "c/d")];
    world.send("GET", "/imaging/k", &twice, &[], b"").await.expect(400, "InvalidArgument");
    assert_eq!(world.send("GET", "/imaging/k", &[], &[], b"").await.text(), "abc");
}

#[tokio::test]
async fn a_presigned_url_that_names_a_body_takes_no_other() {
    let world = World::start().await;
    let put = async |hash: &str, body: &[u8], more: &[(&str, &str)]| {
        let named = [("X-Amz-Content-Sha256", hash)];
        let url = world.signer.presign("PUT", &world.host(), "/imaging/k", "60", &named);
        let mut headers = world.headers(more);
        headers.push(("content-length".into(), body.len().to_string()));
        world.raw("PUT", &url, &headers, body).await
    };
    put(&sha256(b"abc"), b"abd", &[]).await.expect(400, "XAmzContentSHA256Mismatch");
    let unsigned = [("x-amz-content-sha256", "UNSIGNED-PAYLOAD")];
    put(&sha256(b"abc"), b"abd", &unsigned).await.expect(400, "InvalidArgument");
    put("STREAMING-UNSIGNED-PAYLOAD-TRAILER", b"0\r\n\r\n", &[]).await.expect(501, "NotImplemented");
    world.send("GET", "/imaging/k", &[], &[], b"").await.expect(404, "NoSuchKey");
    assert_eq!(put(&sha256(b"abc"), b"abc", &[]).await.status, 200);
    assert_eq!(put("UNSIGNED-PAYLOAD", b"abd", &unsigned).await.status, 200);
}

#[tokio::test]
async fn the_key_that_is_used_is_the_key_that_was_signed() {
    let world = World::start().await;
    let keys = ["a//b", "/a", "a/", "./a", "../billing/a", "a/../b", "a%2Fb", "a\0b", "a?b", "a#b", "a+b", "é", "%"];
    for key in keys {
        let path = format!("/imaging/{key}");
        assert_eq!(world.send("PUT", &path, &[], &[], key.as_bytes()).await.status, 200, "{key:?}");
    }
    for key in keys {
        let path = format!("/imaging/{key}");
        assert_eq!(world.send("GET", &path, &[], &[], b"").await.text(), key, "{key:?}");
        let length = world.send("HEAD", &path, &[], &[], b"").await.header("content-length").to_owned();
        assert_eq!(length, key.len().to_string());
        // A prefix that is granted is one of the key, not of a path that dots could leave.
        let sneaky = format!("/imaging/public/../{key}");
        world.send_as(&world.viewer, "GET", &sneaky, &[], &[], b"").await.expect(403, "AccessDenied");
    }
    let listed = world.send("GET", "/imaging", &[("encoding-type", "url")], &[], b"").await;
    assert_eq!(listed.text().matches("<Key>").count(), keys.len());
    // Copies name their source percent-encoded: the same keys.
    for key in keys {
        use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
        let source = format!("imaging/{}", utf8_percent_encode(key, NON_ALPHANUMERIC));
        let copy = world.send("PUT", "/imaging/copy", &[], &[("x-amz-copy-source", &source)], b"").await;
        assert_eq!(copy.status, 200, "{key:?} {}", copy.text());
        assert_eq!(world.send("GET", "/imaging/copy", &[], &[], b"").await.text(), key, "{key:?}");
    }
    // What is no UTF-8 is no key, and the empty bucket is no bucket.
    for path in ["/imaging/%FF", "/imaging/%C0%AF", "//imaging/a", "/%2e%2e/a"] {
        let mut headers = world.headers(&[]);
        world.signer.sign("GET", "/imaging/a", &[], &mut headers, &sha256(b""));
        let answer = world.raw("GET", path, &headers, b"").await;
        assert!((400..404).contains(&answer.status), "{path} {}", answer.status);
    }
}

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
    let digest = base64_sha256(xml.as_bytes());
    let sums = [("x-amz-checksum-sha256", digest.as_str())];
    let text = world.send_as(&world.courier, "POST", "/imaging", &[("delete", "")], &sums, xml.as_bytes()).await.text();
    assert_eq!(text.matches("<Code>AccessDenied</Code>").count(), 2, "{text}");
    assert!(text.contains("<Deleted><Key>inbox/1</Key></Deleted>"), "{text}");
    assert_eq!(world.send("HEAD", "/imaging/a", &[], &[], b"").await.status, 200);
}

#[tokio::test]
async fn the_target_and_the_host_name_one_place() {
    let world = World::start().await;
    let mut headers = world.headers(&[]);
    world.signer.sign("GET", "/imaging", &[], &mut headers, &sha256(b""));
    let there = format!("http://{}/imaging", world.host());
    assert_eq!(world.raw("GET", &there, &headers, b"").await.status, 200);
    world.raw("GET", "http://elsewhere/imaging", &headers, b"").await.expect(400, "InvalidRequest");
    let mut twice = headers.clone();
    twice.push(("host".into(), "elsewhere".into()));
    world.raw("GET", "/imaging", &twice, b"").await.expect(400, "InvalidRequest");
}

#[tokio::test]
async fn over_http_2_the_authority_is_the_host_that_was_signed() {
    let world = World::with(S3Settings { domains: vec!["s3.chum.test".into()], ..S3Settings::default() }).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let send = async |method: reqwest::Method, signed: &str, more: &[(&str, &str)], body: &[u8]| {
        let mut headers = vec![("host".to_owned(), signed.to_owned())];
        headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let streaming = more.iter().any(|(name, _)| *name == "x-amz-trailer");
        let payload = if streaming { "STREAMING-UNSIGNED-PAYLOAD-TRAILER".into() } else { sha256(body) };
        world.signer.sign(method.as_str(), "/imaging/h2", &[], &mut headers, &payload);
        let mut request = client.request(method, format!("http://{}/imaging/h2", world.host())).body(body.to_vec());
        // Where it is the authority, HTTP/2 has no host header.
        for (name, value) in headers.iter().filter(|(name, _)| name != "host" || signed != world.host()) {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.version(), reqwest::Version::HTTP_2);
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (get, put, host) = (reqwest::Method::GET, reqwest::Method::PUT, world.host());
    let trailer = [("x-amz-trailer", "x-amz-checksum-crc32"), ("x-amz-decoded-content-length", "9")];
    let chunked = b"9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n";
    assert_eq!(send(put, &host, &trailer, chunked).await.0, 200);
    assert_eq!(send(get.clone(), &host, &[], b"").await, (200, "123456789".to_owned()));
    for other in ["elsewhere", "imaging.s3.chum.test"] {
        let (status, text) = send(get.clone(), other, &[], b"").await;
        assert!(status == 400 && text.contains("InvalidRequest"), "{status} {text}");
    }
}

#[tokio::test]
async fn what_a_request_might_be_taken_for_by_another_parser_is_refused() {
    let world = World::start().await;
    let mut headers = world.headers(&[]);
    world.signer.sign("PUT", "/imaging/k", &[], &mut headers, &sha256(b"abc"));
    for framing in [
        &[("content-length", "3"), ("content-length", "4")][..],
        &[("content-length", "+3")],
        &[("content-length", "3, 4")],
        &[("transfer-encoding", "identity, chunked, gzip")],
        &[("transfer-encoding", "xchunked")],
    ] {
        let mut sent = headers.clone();
        sent.extend(framing.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let answer = world.raw("PUT", "/imaging/k", &sent, b"abc").await;
        assert_eq!(answer.status, 400, "{framing:?}");
    }
    // Both lengths at once: the coding counts (RFC 9112 §6.1), and without one length of ours there is no PUT.
    let mut both = headers.clone();
    both.push(("content-length".into(), "3".into()));
    both.push(("transfer-encoding".into(), "chunked".into()));
    let answer = world.raw("PUT", "/imaging/k", &both, b"3\r\nabc\r\n0\r\n\r\n").await;
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    world.send("GET", "/imaging/k", &[], &[], b"").await.expect(404, "NoSuchKey");
}

#[tokio::test]
async fn a_region_that_is_set_is_held_to() {
    let world = World::with(S3Settings { region: Some("ca-east-1".into()), ..S3Settings::default() }).await;
    let elsewhere = Signer { region: "us-east-1".into(), ..world.signer.clone() };
    world.send_as(&elsewhere, "GET", "/", &[], &[], b"").await.expect(400, "AuthorizationHeaderMalformed");
    let answer = world.send("GET", "/imaging", &[("location", "")], &[], b"").await;
    assert!(answer.text().contains(">ca-east-1<"), "{}", answer.text());
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

// --- what is not there ------------------------------------------------------------------------------------------------

#[tokio::test]
async fn what_is_not_implemented_says_so_and_never_succeeds() {
    let world = World::start().await;
    assert_eq!(world.send("PUT", "/imaging/k", &[], &[], b"abc").await.status, 200);
    let bucket = [
        "accelerate",
        "acl",
        "cors",
        "encryption",
        "lifecycle",
        "logging",
        "notification",
        "object-lock",
        "ownershipControls",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "tagging",
        "versions",
        "website",
        "unheard-of",
    ];
    for name in bucket {
        world.send("GET", "/imaging", &[(name, "")], &[], b"").await.expect(501, "NotImplemented");
    }
    for name in ["acl", "attributes", "legal-hold", "retention", "torrent", "policy", "unheard-of"] {
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
    for name in ["acl", "versioning", "location", "logging"] {
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

// --- bodies -----------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_body_without_a_length_is_refused() {
    let world = World::start().await;
    let mut headers = world.headers(&[]);
    world.signer.sign("PUT", "/imaging/k", &[], &mut headers, "UNSIGNED-PAYLOAD");
    headers.push(("transfer-encoding".into(), "chunked".into()));
    let answer = world.raw("PUT", "/imaging/k", &headers, b"1\r\nx\r\n0\r\n\r\n").await;
    answer.expect(411, "MissingContentLength");
}

#[tokio::test]
async fn a_body_that_is_not_what_its_digests_say_is_refused_and_not_stored() {
    let world = World::start().await;
    let put = async |header: (&str, &str)| world.send("PUT", "/imaging/k", &[], &[header], b"123456789").await;
    put(("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")).await.expect(400, "BadDigest");
    put(("content-md5", "AAAA")).await.expect(400, "InvalidDigest");
    put(("x-amz-checksum-crc32", "AAAAAA==")).await.expect(400, "BadDigest");
    put(("x-amz-checksum-crc32", "AAAA")).await.expect(400, "InvalidRequest");
    let two = [("x-amz-checksum-crc32", "y/Q5Jg=="), ("x-amz-checksum-crc32c", "4waSgw==")];
    world.send("PUT", "/imaging/k", &[], &two, b"123456789").await.expect(400, "InvalidRequest");
    let mut headers = world.headers(&[]);
    world.signer.sign("PUT", "/imaging/k", &[], &mut headers, &sha256(b"other"));
    headers.push(("content-length".into(), "9".into()));
    world.raw("PUT", "/imaging/k", &headers, b"123456789").await.expect(400, "XAmzContentSHA256Mismatch");
    world.send("GET", "/imaging/k", &[], &[], b"").await.expect(404, "NoSuchKey");
    assert_eq!(put(("x-amz-checksum-crc32", "y/Q5Jg==")).await.header("x-amz-checksum-crc32"), "y/Q5Jg==");
}

/// How to break an aws-chunked upload.
#[derive(Clone, Copy, PartialEq)]
enum Break {
    Nothing,
    Data,
    ChunkSignature,
    TrailerValue,
    TrailerSignature,
    NoTrailer,
    NoEnd,
    Length,
}

/// A PUT of `123456789` in two signed chunks with a signed CRC-32 in the trailer.
async fn put_chunked(world: &World, broken: Break) -> Answer {
    let length = if broken == Break::Length { "10" } else { "9" };
    let mut headers = world.headers(&[
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", length),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
    ]);
    let payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
    let mut signature = world.signer.sign("PUT", "/imaging/k", &[], &mut headers, payload);
    let mut body = Vec::new();
    for data in [&b"12345"[..], b"6789", b""] {
        if data.is_empty() && broken == Break::NoEnd {
            break;
        }
        signature = world.signer.chunk(&signature, data);
        let shown = if broken == Break::ChunkSignature { "0".repeat(64) } else { signature.clone() };
        body.extend_from_slice(format!("{:x};chunk-signature={shown}\r\n", data.len()).as_bytes());
        let sent = if broken == Break::Data { data.iter().map(|b| b ^ 1).collect() } else { data.to_vec() };
        body.extend_from_slice(&sent);
        if !data.is_empty() {
            body.extend_from_slice(b"\r\n");
        }
    }
    if broken != Break::NoTrailer && broken != Break::NoEnd {
        let value = if broken == Break::TrailerValue { "AAAAAA==" } else { "y/Q5Jg==" };
        let mut last = world.signer.trailer(&signature, &format!("x-amz-checksum-crc32:{value}\n"));
        if broken == Break::TrailerSignature {
            last = "0".repeat(64);
        }
        body.extend_from_slice(
            format!("x-amz-checksum-crc32:{value}\r\nx-amz-trailer-signature:{last}\r\n").as_bytes(),
        );
    }
    body.extend_from_slice(b"\r\n");
    headers.push(("content-length".into(), body.len().to_string()));
    world.raw("PUT", "/imaging/k", &headers, &body).await
}

#[tokio::test]
async fn every_byte_of_a_chunked_upload_is_held_to_its_signatures() {
    let world = World::start().await;
    put_chunked(&world, Break::Data).await.expect(403, "SignatureDoesNotMatch");
    put_chunked(&world, Break::ChunkSignature).await.expect(403, "SignatureDoesNotMatch");
    put_chunked(&world, Break::TrailerSignature).await.expect(403, "SignatureDoesNotMatch");
    put_chunked(&world, Break::TrailerValue).await.expect(400, "BadDigest");
    put_chunked(&world, Break::NoTrailer).await.expect(400, "InvalidRequest");
    assert_eq!(put_chunked(&world, Break::NoEnd).await.status, 400);
    put_chunked(&world, Break::Length).await.expect(400, "IncompleteBody");
    world.send("GET", "/imaging/k", &[], &[], b"").await.expect(404, "NoSuchKey");

    assert_eq!(put_chunked(&world, Break::Nothing).await.status, 200);
    let answer = world.send("GET", "/imaging/k", &[], &[("x-amz-checksum-mode", "ENABLED")], b"").await;
    assert_eq!(answer.text(), "123456789");
    assert_eq!(answer.header("content-encoding"), "");
    assert_eq!(answer.header("x-amz-checksum-crc32"), "y/Q5Jg==");
}

#[tokio::test]
async fn a_chunk_is_stored_as_it_arrives_however_large_it_is() {
    let world = World::start().await;
    let length = 64 * 1024 * 1024;
    let decoded = length.to_string();
    for signed in [false, true] {
        let mut headers =
            world.headers(&[("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", &decoded)]);
        let payload = if signed {
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
        } else {
            headers.push(("x-amz-trailer".into(), "x-amz-checksum-crc32".into()));
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        };
        world.signer.sign("PUT", "/imaging/k", &[], &mut headers, payload);
        let extension = if signed { format!(";chunk-signature={}", "0".repeat(64)) } else { String::new() };
        let begin = format!("{length:x}{extension}\r\n");
        headers.push(("content-length".into(), (length + 200).to_string()));
        let before = world.chunks.snapshot().len();
        // Three sealed chunks' worth of one signed chunk, and then silence.
        let body = [begin.as_bytes(), &vec![b'a'; 24 * 1024 * 1024]].concat();
        let raw = world.raw("PUT", "/imaging/k", &headers, &body);
        let stored = async {
            while world.chunks.snapshot().len() < before + 2 {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let first = async {
            tokio::select! { answer = raw => panic!("answered before its end: {answer:?}"), () = stored => {} }
        };
        let patience = std::time::Duration::from_secs(20);
        assert!(tokio::time::timeout(patience, first).await.is_ok(), "kept in memory, signed: {signed}");
    }
    world.send("GET", "/imaging/k", &[], &[], b"").await.expect(404, "NoSuchKey");
}

#[tokio::test]
async fn bytes_after_the_end_of_a_chunked_body_are_refused() {
    let world = World::start().await;
    let put = async |body: &[u8], length: &str| {
        let mut headers = world.headers(&[
            ("content-encoding", "aws-chunked"),
            ("x-amz-decoded-content-length", length),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
        ]);
        world.signer.sign("PUT", "/imaging/k", &[], &mut headers, "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
        headers.push(("content-length".into(), body.len().to_string()));
        world.raw("PUT", "/imaging/k", &headers, body).await
    };
    let end = "0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n";
    put(format!("9\r\n123456789\r\n{end}more").as_bytes(), "9").await.expect(400, "InvalidRequest");
    put(format!("9\r\n123456789\r\n{end}").as_bytes(), "8").await.expect(400, "InvalidRequest");
    put(format!("9\r\n123456789\r\n{end}").as_bytes(), "10").await.expect(400, "IncompleteBody");
    world.send("GET", "/imaging/k", &[], &[], b"").await.expect(404, "NoSuchKey");
    assert_eq!(put(format!("9\r\n123456789\r\n{end}").as_bytes(), "9").await.status, 200);
    // A body that s3s would read whole, as chunks.
    let mut headers =
        world.headers(&[("x-amz-decoded-content-length", "9"), ("x-amz-trailer", "x-amz-checksum-crc32")]);
    let query = [("delete", "")];
    world.signer.sign("POST", "/imaging", &query, &mut headers, "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    headers.push(("content-length".into(), "9".into()));
    let answer = world.raw("POST", &target("/imaging", &query), &headers, b"fffffff\r\n").await;
    answer.expect(501, "NotImplemented");
}

#[tokio::test]
async fn framing_that_is_not_announced_is_not_stored() {
    let world = World::start().await;
    let framed = [("content-encoding", "aws-chunked")];
    world.send("PUT", "/imaging/k", &[], &framed, b"0\r\n\r\n").await.expect(400, "InvalidRequest");
}

// --- reading ----------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn ranges_and_conditions_are_answered_as_http_has_it() {
    let world = World::start().await;
    let put = world.send(
        "PUT",
        KEY,
        &[],
        &[("content-type", "application/dicom"), ("x-amz-meta-unit", "a b")],
        b"0123456789",
    );
    let etag = put.await.header("etag").to_owned();
    let get = async |headers: &[(&str, &str)]| world.send("GET", KEY, &[], headers, b"").await;
    for (range, status, text) in [
        ("bytes=0-0", 206, "0"),
        ("bytes=5-", 206, "56789"),
        ("bytes=-3", 206, "789"),
        ("bytes=-99", 206, "0123456789"),
        ("bytes=8-99", 206, "89"),
        ("bytes=0-1,3-4", 200, "0123456789"),
        ("bytes=2-1", 200, "0123456789"),
        ("nonsense", 200, "0123456789"),
    ] {
        let answer = get(&[("range", range)]).await;
        assert_eq!((answer.status, answer.text().as_str()), (status, text), "{range}");
    }
    let outside = get(&[("range", "bytes=10-")]).await.expect(416, "InvalidRange");
    assert_eq!(outside.header("content-range"), "bytes */10");
    assert_eq!(get(&[("range", "bytes=0-0"), ("if-range", "\"other\"")]).await.status, 200);
    assert_eq!(get(&[("range", "bytes=0-0"), ("if-range", &etag)]).await.status, 206);
    let same = get(&[("if-none-match", &format!("\"other\", W/{etag}"))]).await;
    assert_eq!((same.status, same.header("etag"), same.body.len()), (304, etag.as_str(), 0));
    get(&[("if-match", "\"other\"")]).await.expect(412, "PreconditionFailed");
    assert_eq!(get(&[("if-match", &format!("\"other\", {etag}"))]).await.status, 200);
}

#[tokio::test]
async fn head_has_the_headers_of_get() {
    let world = World::start().await;
    let sent = [
        ("content-type", "application/dicom"),
        ("cache-control", "no-store"),
        ("expires", "Wed, 21 Oct 2015 07:28:00 GMT"),
        ("x-amz-meta-nom", "=?UTF-8?B?SMOpbMOobmU=?="),
        ("x-amz-storage-class", "STANDARD_IA"),
    ];
    assert_eq!(world.send("PUT", KEY, &[], &sent, b"0123456789").await.status, 200);
    for asked in [vec![], vec![("range", "bytes=2-4")], vec![("range", "bytes=99-")], vec![("if-match", "\"x\"")]] {
        let get = world.send("GET", KEY, &[], &asked, b"").await;
        let head = world.send("HEAD", KEY, &[], &asked, b"").await;
        let tidy = |answer: &Answer| {
            let mut headers = answer.headers.clone();
            headers.remove("date");
            headers.remove("x-amz-request-id");
            if answer.status >= 400 {
                headers.remove("content-length");
                headers.remove("content-type");
            }
            (answer.status, headers)
        };
        assert_eq!(tidy(&get), tidy(&head), "{asked:?}");
        assert!(head.body.is_empty());
    }
    let whole = world.send("GET", KEY, &[], &[], b"").await;
    for (name, value) in sent {
        assert_eq!(whole.header(name), value);
    }
}

// --- XML and lists ----------------------------------------------------------------------------------------------------

#[tokio::test]
async fn xml_that_is_too_large_or_broken_is_refused() {
    let world = World::start().await;
    let delete = async |body: &[u8]| {
        let digest = base64_sha256(body);
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
    list(&[]).await.expect(400, "InvalidArgument");
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

#[tokio::test]
async fn buckets_are_host_names_under_the_configured_domains() {
    let world = World::with(S3Settings { domains: vec!["s3.chum.test".into()], ..S3Settings::default() }).await;
    let mut headers = vec![("host".to_owned(), "imaging.s3.chum.test".to_owned())];
    world.signer.sign("PUT", "/a/b", &[], &mut headers, &sha256(b"x"));
    headers.push(("content-length".into(), "1".into()));
    assert_eq!(world.raw("PUT", "/a/b", &headers, b"x").await.status, 200);
    assert_eq!(world.send("GET", "/imaging/a/b", &[], &[], b"").await.text(), "x");
    let mut headers = vec![("host".to_owned(), "imaging.s3.chum.test".to_owned())];
    world.signer.sign("GET", "/a/b", &[], &mut headers, &sha256(b""));
    assert_eq!(world.raw("GET", "/a/b", &headers, b"").await.text(), "x");
}

fn base64_sha256(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(hex::decode(sha256(bytes)).unwrap())
}
