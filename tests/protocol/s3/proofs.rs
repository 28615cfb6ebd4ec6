//! Who asks: signatures in headers and in the URL, the place that was signed, and what another parser might take for it.

use ecluse::front::s3::S3Settings;
use testing::s3::sigv4::{Signer, sha256, target};
use testing::s3::world::{Answer, World};
use time::Duration;

use super::KEY;

#[tokio::test]
async fn a_wrong_signature_is_refused_and_every_answer_has_an_id() {
    let world = World::start().await;
    let wrong = Signer { secret: "other".into(), ..world.signer.clone() };
    let answer = world.send_as(&wrong, "GET", "/imaging", &[], &[], b"").await.expect(403, "SignatureDoesNotMatch");
    assert!(!answer.header("x-amz-request-id").is_empty());
    assert!(answer.text().contains(&format!("<RequestId>{}</RequestId>", answer.header("x-amz-request-id"))));
    let nobody = Signer { id: "nobody".into(), ..world.signer.clone() };
    let unknown = world.send_as(&nobody, "GET", "/imaging", &[], &[], b"").await.expect(403, "SignatureDoesNotMatch");
    let told = |answer: &Answer| {
        let id = answer.header("x-amz-request-id").to_owned();
        let names: std::collections::BTreeSet<String> = answer.headers.keys().cloned().collect();
        (answer.status, answer.text().replace(&id, "ID"), names)
    };
    assert_eq!(told(&unknown), told(&answer), "an unknown client is told what a known one is told");
    // With a body, and with an id that nobody can have.
    for id in ["nobody", "No_Body!such"] {
        let stranger = Signer { id: id.into(), ..world.signer.clone() };
        let refused = world.send_as(&stranger, "PUT", "/imaging/a", &[], &[], b"body").await;
        let known = world.send_as(&wrong, "PUT", "/imaging/a", &[], &[], b"body").await;
        assert_eq!((refused.status, told(&refused)), (403, told(&known)), "{id}");
    }
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
