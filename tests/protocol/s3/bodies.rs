//! Bodies: lengths, digests, chunked signatures, and the memory that they take.

use testing::s3::sigv4::{sha256, target};
use testing::s3::world::{Answer, World};

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
