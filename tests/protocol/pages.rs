//! Answers that could be large end by bytes, and hold their share of the memory until they have gone out.

use std::time::Duration;

use testing::azure::world::AzureWorld;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

const BLOBS: usize = 250;

async fn furnished() -> AzureWorld {
    let world = AzureWorld::start().await;
    let note = "x".repeat(7 * 1024);
    for number in 0..BLOBS {
        let put = world.put_blob(&format!("/imaging/{number:04}"), b"x").header("x-ms-meta-note", &note);
        world.send(put).await.ok(201);
    }
    world
}

#[tokio::test]
async fn a_page_of_names_with_much_metadata_ends_by_bytes_and_goes_on() {
    let world = furnished().await;
    let (mut marker, mut names, mut pages) = (String::new(), Vec::new(), 0);
    loop {
        let list = world.request("GET", "/imaging").queries(&[
            ("restype", "container"),
            ("comp", "list"),
            ("include", "metadata"),
            ("marker", &marker),
        ]);
        let text = world.send(list).await.ok(200).text();
        assert!(text.len() < 2 * 1024 * 1024, "{} bytes", text.len());
        names.extend(text.split("<Name>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()));
        pages += 1;
        marker = text.split_once("<NextMarker>").map_or("", |(_, rest)| rest.split('<').next().unwrap()).to_owned();
        if marker.is_empty() {
            break;
        }
    }
    assert!(pages > 1, "all of it in one answer");
    assert_eq!(names, (0..BLOBS).map(|number| format!("{number:04}")).collect::<Vec<_>>());
    // What is not asked for is not in the way.
    let list = world.request("GET", "/imaging").queries(&[("restype", "container"), ("comp", "list")]);
    let text = world.send(list).await.ok(200).text();
    assert_eq!(text.matches("<Name>").count(), BLOBS);
}

#[tokio::test]
async fn an_answer_that_nobody_reads_counts_in_the_memory_budget() {
    let world = furnished().await;
    let list = world.request("GET", "/imaging").queries(&[
        ("restype", "container"),
        ("comp", "list"),
        ("include", "metadata"),
    ]);
    let request = world.pacs.sign(list);
    let mut head = format!("GET {} HTTP/1.1\r\nhost: {}\r\n", request.target(), world.host);
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream: TcpStream = socket.connect(world.host.parse().unwrap()).await.unwrap();
    // One after the other: more than the system takes in for a client that does not read.
    stream.write_all(head.repeat(16).as_bytes()).await.unwrap();
    let budget = world.s3.gateway.budget();
    let held = async {
        while budget.used_bytes() < 1024 * 1024 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // It is not a moment's: nobody reads.
        tokio::time::sleep(Duration::from_millis(500)).await;
        budget.used_bytes()
    };
    let held = tokio::time::timeout(Duration::from_secs(30), held).await.expect("the answer in hand counts");
    assert!(held > 1024 * 1024, "{held} bytes are held");
    drop(stream);
    let freed = async {
        while budget.used_bytes() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), freed).await.expect("it goes with the answer");
}
