//! Heads that never become a request: both fronts answer them in their own words, over a real socket.

use std::net::SocketAddr;
use std::time::Duration;

use testing::azure::world::AzureWorld;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The bytes of an answer, taken apart.
#[derive(Debug)]
struct Told {
    status: u16,
    head: String,
    body: String,
}

impl Told {
    fn header(&self, name: &str) -> &str {
        let mut lines = self.head.split("\r\n").filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| *found == name).map_or("", |(_, value)| value)
    }

    fn element(&self, name: &str) -> &str {
        let inside = self.body.split_once(&format!("<{name}>")).and_then(|(_, rest)| rest.split_once('<'));
        inside.map_or("", |(text, _)| text)
    }
}

/// Sends the bytes, reads to the end, and gives the answers there were.
async fn told(address: SocketAddr, sent: &[u8]) -> Vec<Told> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), reading.read_to_end(&mut bytes));
    let (written, read) = tokio::join!(writing.write_all(sent), read);
    written.expect("the rest is read away, so that the answer is found");
    read.expect("the connection ends").expect("it ends in order");
    let mut rest = String::from_utf8(bytes).expect("text");
    let mut answers = Vec::new();
    while !rest.is_empty() {
        let (head, after) = rest.split_once("\r\n\r\n").expect("a whole head");
        let mut answer = Told { status: head[9..12].parse().unwrap(), head: head.to_owned(), body: String::new() };
        let length: usize = answer.header("content-length").parse().unwrap_or(0);
        let (body, after) = after.split_at(length);
        answer.body = body.to_owned();
        rest = after.to_owned();
        answers.push(answer);
    }
    answers
}

/// Heads that hyper does not read, and what S3 and Azure call them.
fn unreadable() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let head = |target: &str, fields: &str| format!("GET {target} HTTP/1.1\r\nhost: x\r\n{fields}\r\n").into_bytes();
    let lines: String = (0..600).map(|number| format!("x-amz-meta-{number}: v\r\n")).collect();
    let (large, huge) = ("a".repeat(100_000), "a".repeat(700_000));
    let (headers, values) = ("RequestHeaderSectionTooLarge", "InvalidHeaderValue");
    vec![
        ("more bytes than are read", head("/", &format!("x-long: {large}\r\n")), headers, values),
        ("many more", head("/", &format!("x-long: {huge}\r\n")), headers, values),
        ("more lines than are read", head("/", &lines), headers, values),
        ("a long target", head(&format!("/{}", "a".repeat(65_535)), ""), headers, values),
        (
            "no HTTP",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n".to_vec(),
            "BadRequest",
            "InvalidInput",
        ),
        ("a header without a colon", head("/", "x\r\n"), "BadRequest", "InvalidInput"),
    ]
}

fn check(what: &str, answer: &Told, id_header: &str, id_element: Option<&str>, code: &str) {
    assert_eq!((answer.status, answer.element("Code")), (400, code), "{what}: {answer:?}");
    let id = answer.header(id_header);
    assert!(id.len() >= 32, "{what}: {answer:?}");
    match id_element {
        Some(name) => assert_eq!(answer.element(name), id, "{what}"),
        None => assert!(answer.element("Message").contains(&format!("RequestId:{id}")), "{what}: {answer:?}"),
    }
    assert_eq!(answer.header("connection"), "close", "{what}");
    assert_eq!(answer.header("content-type"), "application/xml", "{what}");
    assert!(!answer.header("date").is_empty(), "{what}");
}

#[tokio::test]
async fn a_head_that_cannot_be_read_is_answered_in_the_words_of_its_protocol() {
    let world = AzureWorld::start().await;
    let azure: SocketAddr = world.host.parse().unwrap();
    for (what, sent, s3_code, azure_code) in unreadable() {
        let answers = told(world.s3.address, &sent).await;
        assert_eq!(answers.len(), 1, "{what}");
        check(what, &answers[0], "x-amz-request-id", Some("RequestId"), s3_code);
        let answers = told(azure, &sent).await;
        assert_eq!(answers.len(), 1, "{what}");
        check(what, &answers[0], "x-ms-request-id", None, azure_code);
        assert_eq!(answers[0].header("x-ms-error-code"), azure_code);
        assert!(!answers[0].header("x-ms-version").is_empty());
    }
}

/// What is written for requests is never taken for such an answer: refusals with a body and without, one after the other.
#[tokio::test]
async fn requests_before_such_a_head_have_their_own_answers() {
    let world = AzureWorld::start().await;
    let azure: SocketAddr = world.host.parse().unwrap();
    for (address, id_header, code) in [
        (world.s3.address, "x-amz-request-id", "RequestHeaderSectionTooLarge"),
        (azure, "x-ms-request-id", "InvalidHeaderValue"),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut ids = std::collections::BTreeSet::new();
        for method in ["HEAD", "GET", "HEAD", "HEAD", "DELETE"] {
            let request = format!("{method} /imaging/k HTTP/1.1\r\nhost: {address}\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let mut answer = Told {
                status: String::from_utf8_lossy(&head[9..12]).parse().unwrap(),
                head: String::from_utf8(head).unwrap(),
                body: String::new(),
            };
            assert!((401..404).contains(&answer.status), "{answer:?}");
            assert_eq!(answer.header("connection"), "", "{answer:?}");
            if method != "HEAD" {
                let mut body = vec![0; answer.header("content-length").parse().unwrap()];
                stream.read_exact(&mut body).await.unwrap();
                answer.body = String::from_utf8(body).unwrap();
                assert!(!answer.element("Code").is_empty() && answer.element("Code") != code, "{answer:?}");
            }
            ids.insert(answer.header(id_header).to_owned());
        }
        assert_eq!(ids.len(), 5, "each request has its own id");
        // Up to twice its limit hyper may still read at one go; the front refuses that, and goes on.
        let long = format!("GET / HTTP/1.1\r\nx-long: {}\r\n\r\n", "a".repeat(200_000));
        stream.write_all(long.as_bytes()).await.unwrap();
        let mut rest = String::new();
        let end = tokio::time::timeout(Duration::from_secs(30), stream.read_to_string(&mut rest)).await;
        end.expect("the connection ends").unwrap();
        assert!(rest.starts_with("HTTP/1.1 400") && rest.contains(code), "{rest}");
    }
}

#[tokio::test]
async fn a_request_with_more_headers_than_a_front_takes_is_answered_under_http_2_too() {
    let world = AzureWorld::start().await;
    let azure: SocketAddr = world.host.parse().unwrap();
    let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    for (address, id_header, code) in [
        (world.s3.address, "x-amz-request-id", "RequestHeaderSectionTooLarge"),
        (azure, "x-ms-request-id", "InvalidHeaderValue"),
    ] {
        let ask = async |bytes: usize| {
            client.get(format!("http://{address}/imaging/k")).header("x-long", "a".repeat(bytes)).send().await
        };
        let answer = ask(40_000).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (400, http::Version::HTTP_2));
        let id = answer.headers()[id_header].to_str().unwrap().to_owned();
        let text = answer.text().await.unwrap();
        assert!(text.contains(&format!("<Code>{code}</Code>")) && text.contains(&id), "{text}");
        // The client was told beforehand how much is read: it does not send more, or is told so without a body.
        let beyond = ask(200_000).await;
        assert!(beyond.is_err() || beyond.unwrap().status() == 431);
        // And the connection goes on.
        assert_eq!(ask(10).await.unwrap().status(), if id_header == "x-ms-request-id" { 401 } else { 403 });
    }
}
