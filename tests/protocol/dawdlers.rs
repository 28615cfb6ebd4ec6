//! Requests that are sent half, through real sockets: who may not do it is refused before its body is read, and who dawdles
//! keeps nobody out.
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use testing::azure::shared_key;
use testing::azure::world::AzureWorld;
use testing::s3::sigv4::{Signer, sha256, target};
use testing::s3::world::World;

const MIB: usize = 1024 * 1024;
/// A guard: what is answered is answered long before.
const LONG: Duration = Duration::from_secs(30);

/// A request whose body is announced as 8 MiB and begins with `begin`.
async fn half(
    world: &World,
    signer: &Signer,
    method: &str,
    path: &str,
    query: &[(&str, &str)],
    begin: &str,
) -> TcpStream {
    let mut headers = world.headers(&[]);
    signer.sign(method, path, query, &mut headers, &sha256(b""));
    headers.push(("content-length".into(), (8 * MIB).to_string()));
    let head: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let text = format!("{method} {} HTTP/1.1\r\nconnection: close\r\n{head}\r\n{begin}", target(path, query));
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

async fn answer(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _read = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn half_sent_xml_keeps_nobody_out_and_ends_in_time() {
    let world = World::start().await;
    let mut open = Vec::new();
    // Sixty-four of 8 MiB; four times that were taken for each once.
    for _ in 0..64 {
        open.push(half(&world, &world.writer, "PUT", "/imaging/k", &[("tagging", "")], "<Tagging>").await);
    }
    let bytes = vec![7; 3 * MIB];
    let put = world.send("PUT", "/imaging/k", &[], &[], &bytes);
    assert_eq!(tokio::time::timeout(LONG, put).await.expect("there is memory").status, 200);
    assert!(world.gateway.budget().used_bytes() <= 64 * 4096 * 16, "{}", world.gateway.budget().used_bytes());
    for stream in open {
        let told = tokio::time::timeout(LONG, answer(stream)).await.expect("one deadline for the whole body");
        assert!(told.contains(" 400 ") && told.contains("RequestTimeout"), "{told}");
    }
    assert_eq!(world.gateway.budget().used_bytes(), 0);
}

#[tokio::test]
async fn xml_of_who_may_not_is_refused_before_it_is_read() {
    let world = World::start().await;
    let requests = [
        ("POST", "/imaging", ("delete", "")),
        ("POST", "/imaging/k", ("uploadId", "abc")),
        ("PUT", "/imaging/k", ("tagging", "")),
    ];
    for (method, path, query) in requests {
        let stream = half(&world, &world.viewer, method, path, &[query], "").await;
        let told = tokio::time::timeout(LONG, answer(stream)).await.expect("nobody waits for the body");
        assert!(told.contains(" 403 ") && told.contains("AccessDenied"), "{method} {query:?}: {told}");
    }
    let stream = half(&world, &world.viewer, "PUT", "/another", &[], "").await;
    let told = tokio::time::timeout(LONG, answer(stream)).await.expect("nobody waits for the body");
    assert!(told.contains(" 403 ") && told.contains("AccessDenied"), "{told}");
}

#[tokio::test]
async fn azures_small_bodies_are_refused_before_they_are_read_and_keep_nobody_out() {
    let world = AzureWorld::start().await;
    let half = |account: &shared_key::Account, query: &[(&str, &str)], begin: &'static str| {
        let mut request = shared_key::Request::new(account, "PUT", "/imaging/k");
        for (name, value) in query {
            request = request.query(name, value);
        }
        let request = account.sign(request.header("content-length", &MIB.to_string()));
        let host = world.host.clone();
        let mut head = format!("PUT {} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n", request.target());
        for (name, value) in &request.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        async move {
            let mut stream = TcpStream::connect(&host).await.unwrap();
            stream.write_all(format!("{head}{begin}").as_bytes()).await.unwrap();
            stream
        }
    };
    let stream = half(&world.viewer, &[("comp", "blocklist")], "").await;
    let told = tokio::time::timeout(LONG, answer(stream)).await.expect("nobody waits for the body");
    assert!(told.contains(" 403 "), "{told}");
    let mut open = Vec::new();
    for _ in 0..64 {
        open.push(half(&world.writer, &[("comp", "blocklist")], "<BlockList>").await);
    }
    let bytes = vec![7; 3 * MIB];
    let put = world.put("/imaging/other", &bytes);
    assert_eq!(tokio::time::timeout(LONG, put).await.expect("there is memory").status, 201);
    for stream in open {
        let told = tokio::time::timeout(LONG, answer(stream)).await.expect("one deadline for the whole body");
        assert!(told.contains("OperationTimedOut"), "{told}");
    }
}
