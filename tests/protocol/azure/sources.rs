//! Sources of copies outside the gateway, which the configuration names: another gateway, by a signature of its own, and a
//! server that breaks its promises.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ecluse::front::azure::AzureSettings;
use md5::{Digest, Md5};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use testing::azure::shared_key::{Request, ServiceSas, encoded};
use testing::azure::wire::Answer;
use testing::azure::world::AzureWorld;

const TEXT: &[u8] = b"what the other hospital keeps";

/// A gateway that reads from that host.
async fn reading_from(host: &str) -> AzureWorld {
    AzureWorld::with(AzureSettings { copy_sources: vec![host.to_owned()], ..AzureSettings::default() }).await
}

/// Another gateway, and the address of a blob in it with a signature that reads it.
async fn elsewhere() -> (AzureWorld, String) {
    let other = AzureWorld::start().await;
    let put = other.put_blob("/imaging/away", TEXT).header("x-ms-blob-content-type", "text/plain");
    other.send(put).await.ok(201);
    let sas = other.pacs.service_sas(&ServiceSas::new("r", "imaging/away"));
    let query: Vec<String> = sas.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let source = format!("http://{}/pacs/imaging/away?{}", other.host, query.join("&"));
    (other, source)
}

/// The five operations that read a source, onto `path`, with headers besides.
fn copies(world: &AzureWorld, path: &str, source: &str) -> [(&'static str, Request); 5] {
    let copy = |query: &[(&str, &str)], headers: &[(&str, &str)]| {
        let request = world.request("PUT", path).queries(query).header("x-ms-copy-source", source);
        request.headers(headers).body("")
    };
    [
        ("Copy Blob", copy(&[], &[])),
        ("Copy Blob From URL", copy(&[], &[("x-ms-requires-sync", "true")])),
        ("Put Blob From URL", copy(&[], &[("x-ms-blob-type", "BlockBlob")])),
        ("Put Block From URL", copy(&[("comp", "block"), ("blockid", "MDAwMQ==")], &[])),
        ("Append Block From URL", copy(&[("comp", "appendblock")], &[])),
    ]
}

/// Clears the way for an operation: nothing is there but what an append needs.
async fn prepare(world: &AzureWorld, operation: &str, path: &str) {
    world.delete(path).await;
    if operation == "Append Block From URL" {
        let append = world.request("PUT", path).header("x-ms-blob-type", "AppendBlob").body("");
        world.send(append).await.ok(201);
    }
}

/// Block lists hold what no Get Blob shows.
async fn commit(world: &AzureWorld, path: &str) {
    let list = "<BlockList><Latest>MDAwMQ==</Latest></BlockList>";
    world.send(world.request("PUT", path).query("comp", "blocklist").body(list)).await.ok(201);
}

#[tokio::test]
async fn a_source_that_the_configuration_names_is_read_by_its_signature() {
    let (other, source) = elsewhere().await;
    let world = reading_from(&other.host).await;
    for (what, request) in copies(&world, "/imaging/copy", &source) {
        prepare(&world, what, "/imaging/copy").await;
        let answer = world.send(request).await;
        assert!(answer.is_success(), "{what}: {} {}", answer.status, answer.text());
        if what == "Put Block From URL" {
            commit(&world, "/imaging/copy").await;
        }
        let read = world.get("/imaging/copy").await.ok(200);
        assert_eq!(read.body, TEXT, "{what}");
        if matches!(what, "Copy Blob" | "Copy Blob From URL" | "Put Blob From URL") {
            assert_eq!(read.header("content-type"), "text/plain", "{what}");
        }
    }
    // A part of it, into a block and into an append.
    for (what, request) in &copies(&world, "/imaging/part", &source)[3..] {
        prepare(&world, what, "/imaging/part").await;
        let answer = world.send(request.clone().header("x-ms-source-range", "bytes=5-12")).await;
        assert!(answer.is_success(), "{what}: {} {}", answer.status, answer.text());
        if *what == "Put Block From URL" {
            commit(&world, "/imaging/part").await;
        }
        assert_eq!(world.get("/imaging/part").await.ok(200).body, &TEXT[5..=12], "{what}");
        let beyond = format!("bytes=5-{}", TEXT.len());
        world.send(request.clone().header("x-ms-source-range", &beyond)).await.expect(416, "InvalidRange");
    }
    // Of a source in this gateway, too: all that was named, or nothing.
    world.send(world.put_blob("/imaging/away", TEXT)).await.ok(201);
    let here = format!("http://{}/pacs/imaging/away", world.host);
    for (what, request) in &copies(&world, "/imaging/part", &here)[3..] {
        prepare(&world, what, "/imaging/part").await;
        let beyond = format!("bytes=5-{}", TEXT.len());
        world.send(request.clone().header("x-ms-source-range", &beyond)).await.expect(416, "InvalidRange");
        let answer = world.send(request.clone().header("x-ms-source-range", "bytes=5-12")).await;
        assert!(answer.is_success(), "{what}: {} {}", answer.status, answer.text());
    }
}

#[tokio::test]
async fn what_is_claimed_of_a_source_elsewhere_is_held_against_its_bytes() {
    let (other, source) = elsewhere().await;
    let world = reading_from(&other.host).await;
    let right = STANDARD.encode(Md5::digest(TEXT));
    let wrong = STANDARD.encode(Md5::digest(b"another"));
    for (what, request) in copies(&world, "/imaging/copy", &source) {
        if what == "Copy Blob" {
            continue; // It has no such header.
        }
        prepare(&world, what, "/imaging/copy").await;
        let claiming = |md5: &str| request.clone().header("x-ms-source-content-md5", md5);
        world.send(claiming(&wrong)).await.expect(400, "Md5Mismatch");
        assert_nothing(&world, what).await;
        let answer = world.send(claiming(&right)).await;
        assert!(answer.is_success(), "{what}: {} {}", answer.status, answer.text());
    }
}

/// That no byte of a source that failed is there.
async fn assert_nothing(world: &AzureWorld, what: &str) {
    let read = world.get("/imaging/copy").await;
    match what {
        "Append Block From URL" => assert_eq!((read.status, read.body.len()), (200, 0), "{what}"),
        _ => assert_eq!(read.status, 404, "{what}"),
    }
}

/// A refusal by the source: with its status, told once more beside its code.
#[track_caller]
fn assert_of_source(answer: &Answer, status: u16, code: &str, what: &str) {
    let told = format!("{what}: {} {:?} {}", answer.status, answer.headers, answer.text());
    assert_eq!((answer.status, answer.code().as_str()), (status, "CannotVerifyCopySource"), "{told}");
    assert_eq!(answer.field("Code").as_deref(), Some("CannotVerifyCopySource"), "{told}");
    assert_eq!(answer.header("x-ms-copy-source-status-code"), status.to_string(), "{told}");
    assert_eq!(answer.header("x-ms-copy-source-error-code"), code, "{told}");
    assert_eq!(answer.field("CopySourceStatusCode"), Some(status.to_string()), "{told}");
    assert_eq!(answer.field("CopySourceErrorCode").as_deref(), Some(code), "{told}");
    assert!(answer.field("CopySourceErrorMessage").is_some_and(|text| !text.is_empty()), "{told}");
}

#[tokio::test]
async fn what_a_source_s_server_refuses_is_told_as_the_source_s_refusal() {
    let (other, source) = elsewhere().await;
    let world = reading_from(&other.host).await;
    let (address, _) = source.split_once('?').unwrap();
    for (refused, status, code) in [
        (address.to_owned(), 401, "NoAuthenticationInformation"),
        (source.replace("sig=", "sig=A"), 403, "AuthenticationFailed"),
        (source.replace("imaging/away", "imaging/other"), 403, "AuthenticationFailed"),
        (source.replace("pacs/", "nobody/"), 403, "AuthenticationFailed"),
    ] {
        for (what, request) in copies(&world, "/imaging/copy", &refused) {
            prepare(&world, what, "/imaging/copy").await;
            assert_of_source(&world.send(request).await, status, code, what);
            assert_nothing(&world, what).await;
        }
    }
}

#[tokio::test]
async fn what_a_source_of_this_gateway_refuses_is_told_as_the_source_s_refusal() {
    let world = AzureWorld::start().await;
    world.put("/imaging/from", TEXT).await.ok(201);
    let base = format!("http://{}/pacs", world.host);
    let signed = |permissions: &str, resource: &str| {
        let sas = world.pacs.service_sas(&ServiceSas::new(permissions, resource));
        sas.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
    };
    let elsewhere = format!("http://{}/viewer/imaging/from", world.host);
    for (source, status, code) in [
        (format!("{base}/imaging/none"), 404, "BlobNotFound"),
        (format!("{base}/nowhere/from"), 404, "ContainerNotFound"),
        (format!("{base}/imaging/from?{}", signed("w", "imaging/from")), 403, "AuthorizationPermissionMismatch"),
        (format!("{base}/imaging/from?{}x", signed("r", "imaging/from")), 403, "AuthenticationFailed"),
        (format!("{base}/imaging/none?{}", signed("r", "imaging/none")), 404, "BlobNotFound"),
        (elsewhere, 401, "NoAuthenticationInformation"),
    ] {
        for (what, request) in copies(&world, "/imaging/copy", &source) {
            prepare(&world, what, "/imaging/copy").await;
            assert_of_source(&world.send(request).await, status, code, what);
            assert_nothing(&world, what).await;
        }
    }
    // What is wrong with the destination is the request's own.
    let from = format!("{base}/imaging/from");
    for (what, request) in &copies(&world, "/nowhere/copy", &from) {
        world.send(request.clone()).await.expect(404, "ContainerNotFound");
        assert!(world.send(request.clone()).await.find("x-ms-copy-source-status-code").is_none(), "{what}");
    }
}

#[tokio::test]
async fn of_what_a_strange_server_refuses_only_status_and_code_are_told() {
    let answers = [
        ("503 Service Unavailable\r\nx-ms-error-code: ServerBusy", 503, "503", "ServerBusy"),
        ("404 Not Found", 404, "404", ""),
        ("418 I'm a teapot\r\nx-ms-error-code: <b>words</b>", 418, "418", ""),
        ("307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/", 404, "307", ""),
        ("204 No Content", 404, "204", ""),
    ];
    for (answer, status, told, code) in answers {
        let body = "<Error><Code>Secret</Code><Message>of the server</Message></Error>";
        let length = if status == 404 && told == "204" { 0 } else { body.len() };
        let (host, _) =
            answering(format!("HTTP/1.1 {answer}\r\ncontent-length: {length}\r\n\r\n{}", &body[..length])).await;
        let world = reading_from(&host).await;
        for (what, request) in copies(&world, "/imaging/copy", &format!("http://{host}/a")) {
            prepare(&world, what, "/imaging/copy").await;
            let answer = world.send(request).await.expect(status, "CannotVerifyCopySource");
            assert_eq!(answer.header("x-ms-copy-source-status-code"), told, "{what}");
            assert_eq!(answer.header("x-ms-copy-source-error-code"), code, "{what}");
            assert!(!answer.text().contains("Secret") && !answer.text().contains("of the server"), "{}", answer.text());
            assert_nothing(&world, what).await;
        }
    }
}

/// A server that answers each request with the same bytes and closes; and how many it had.
async fn answering(answer: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let mut head = vec![0; 16 * 1024];
            let _read = stream.read(&mut head).await;
            let _written = stream.write_all(answer.as_bytes()).await;
            let _closed = stream.shutdown().await;
        }
    });
    (host, asked)
}

#[tokio::test]
async fn a_source_that_breaks_its_promises_leaves_nothing() {
    let (other, source) = elsewhere().await;
    let answers = [
        ("a redirect", format!("HTTP/1.1 302 Found\r\nlocation: {source}\r\ncontent-length: 0\r\n\r\n")),
        ("less than its length", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort".to_owned()),
        ("no length", "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nendless".to_owned()),
        ("chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_owned()),
        ("too much", format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\nx", u64::MAX)),
        ("a part unasked", "HTTP/1.1 206 Partial Content\r\ncontent-length: 1\r\n\r\nx".to_owned()),
        ("not HTTP", "220 ftp.hospital.example ready\r\n".to_owned()),
    ];
    for (what, answer) in answers {
        let (host, asked) = answering(answer).await;
        let world = AzureWorld::with(AzureSettings {
            copy_sources: vec![host.clone(), other.host.clone()],
            ..AzureSettings::default()
        })
        .await;
        for (operation, request) in copies(&world, "/imaging/copy", &format!("http://{host}/a")) {
            prepare(&world, operation, "/imaging/copy").await;
            let answer: Answer = world.send(request).await;
            assert!((400..500).contains(&answer.status), "{what}, {operation}: {} {}", answer.status, answer.text());
            assert_nothing(&world, operation).await;
        }
        assert!(asked.load(Ordering::SeqCst) >= 5, "{what}: each operation asked");
    }
}

#[tokio::test]
async fn nothing_is_fetched_for_who_may_not_write() {
    let (host, asked) = answering("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx".to_owned()).await;
    let world = reading_from(&host).await;
    for (what, request) in copies(&world, "/imaging/copy", &format!("http://{host}/a")) {
        let path = request.path.replacen("/pacs/", "/viewer/", 1);
        let request = Request { path, ..request };
        let answer = world.raw(&world.viewer.sign(request)).await;
        assert_eq!(answer.status, 403, "{what}: {}", answer.text());
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    world.send(copies(&world, "/imaging/copy", &format!("http://{host}/a"))[0].1.clone()).await.ok(202);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}
