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
    world.raw("PUT", &tagged, &world.headers(&[("content-length", "0")]), b"").await.expect(501, "NotImplemented");
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
    for name in ["acl", "attributes", "legal-hold", "retention", "tagging", "torrent", "policy", "unheard-of"] {
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
        ("x-amz-tagging", "a=b"),
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
