//! Answers that could be large end by bytes, and hold their share of the memory until they have gone out.

use std::time::Duration;

use base64::Engine as _;
use testing::azure::shared_key::Request;
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

/// Containers with much metadata, and blobs with many tags.
async fn with_containers_and_tags() -> AzureWorld {
    let world = AzureWorld::start().await;
    let note = "x".repeat(7 * 1024);
    for number in 0..CONTAINERS {
        let path = format!("/wards-{number:04}");
        let create = world.request("PUT", &path).query("restype", "container").header("x-ms-meta-note", &note);
        world.send(create.body("")).await.ok(201);
    }
    let tags: String = (0..9).map(|tag| format!("&t{tag}={}", "v".repeat(256))).collect();
    for number in 0..TAGGED {
        let put = world.put_blob(&format!("/imaging/{number:04}"), b"x").header("x-ms-tags", &format!("a=1{tags}"));
        world.send(put).await.ok(201);
    }
    world
}

const CONTAINERS: usize = 500;
const TAGGED: usize = 600;

/// The names in all pages of a list, and the largest page, in bytes.
async fn walk(world: &AzureWorld, path: &str, query: &[(&str, &str)]) -> (Vec<String>, usize, usize) {
    let (mut marker, mut names, mut pages, mut largest) = (String::new(), Vec::new(), 0, 0);
    loop {
        let list = world.request("GET", path).queries(query).query("marker", &marker);
        let text = world.send(list).await.ok(200).text();
        largest = largest.max(text.len());
        names.extend(text.split("<Name>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()));
        pages += 1;
        marker = text.split_once("<NextMarker>").map_or("", |(_, rest)| rest.split('<').next().unwrap()).to_owned();
        if marker.is_empty() {
            return (names, pages, largest);
        }
    }
}

#[tokio::test]
async fn lists_of_containers_and_what_tags_find_end_by_bytes_and_go_on() {
    let world = with_containers_and_tags().await;
    let list = [("comp", "list"), ("include", "metadata"), ("prefix", "wards-")];
    let (names, pages, largest) = walk(&world, "/", &list).await;
    assert_eq!(names, (0..CONTAINERS).map(|number| format!("wards-{number:04}")).collect::<Vec<_>>());
    assert!(pages > 1 && largest < 3_600_000, "{pages} pages, the largest of {largest} bytes");
    // What is not asked for is not in the way.
    let (names, pages, _) = walk(&world, "/", &[("comp", "list"), ("prefix", "wards-")]).await;
    assert_eq!((names.len(), pages), (CONTAINERS, 1));

    let all: Vec<String> = (0..9).map(|tag| format!("t{tag} > ''")).collect();
    let search = format!("a = '1' AND {}", all.join(" AND "));
    let (names, pages, largest) = walk(&world, "/", &[("comp", "blobs"), ("where", &search)]).await;
    assert_eq!(names, (0..TAGGED).map(|number| format!("{number:04}")).collect::<Vec<_>>());
    assert!(pages > 1 && largest < 2 * 1024 * 1024, "{pages} pages, the largest of {largest} bytes");

    let list = world.request("GET", "/").query("comp", "list").query("include", "metadata");
    assert!(held_by(&world, list).await > 1024 * 1024);
    let find = world.request("GET", "/").query("comp", "blobs").query("where", &search);
    assert!(held_by(&world, find).await > 1024 * 1024);
}

#[tokio::test]
async fn the_other_protocols_list_of_buckets_goes_on_where_its_page_ended() {
    let world = AzureWorld::start().await;
    for number in 0..9 {
        let path = format!("/b-{number}");
        world.s3.send("PUT", &path, &[], &[], b"").await.expect(200, "");
    }
    let (mut token, mut names, mut pages) = (String::new(), Vec::new(), 0);
    loop {
        let mut query = vec![("max-buckets", "4"), ("prefix", "b-")];
        if !token.is_empty() {
            query.push(("continuation-token", token.as_str()));
        }
        let text = world.s3.send("GET", "/", &query, &[], b"").await.expect(200, "").text();
        names.extend(text.split("<Name>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()));
        pages += 1;
        match text.split_once("<ContinuationToken>") {
            Some((_, rest)) => token = rest.split('<').next().unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!((names, pages), ((0..9).map(|number| format!("b-{number}")).collect::<Vec<_>>(), 3));
}

#[tokio::test]
async fn an_answer_that_nobody_reads_counts_in_the_memory_budget() {
    let world = furnished().await;
    let list = world.request("GET", "/imaging").queries(&[
        ("restype", "container"),
        ("comp", "list"),
        ("include", "metadata"),
    ]);
    assert!(held_by(&world, list).await > 1024 * 1024);
}

/// How much memory is held for the answers to a request that nobody reads: not for a moment only, and until they go.
async fn held_by(world: &AzureWorld, request: Request) -> u64 {
    held_by_at_least(world, request, 1024 * 1024).await
}

/// The same of answers that hold less.
///
/// What the system and the connection take in may end within the last piece of an answer, whose share is gone then: what they
/// take in differs from one look to the next.
async fn held_by_at_least(world: &AzureWorld, request: Request, least: u64) -> u64 {
    let mut most = 0;
    for window in [4_096, 300_000, 600_000] {
        most = most.max(held_behind(world, request.clone(), least, window).await);
    }
    most
}

/// The same for a client whose system takes in about `window` bytes.
async fn held_behind(world: &AzureWorld, request: Request, least: u64, window: u32) -> u64 {
    let request = world.pacs.sign(request);
    let mut head = format!("GET {} HTTP/1.1\r\nhost: {}\r\n", request.target(), world.host);
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(window).unwrap();
    let mut stream: TcpStream = socket.connect(world.host.parse().unwrap()).await.unwrap();
    // One after the other: more than the system takes in for a client that does not read.
    stream.write_all(head.repeat(16).as_bytes()).await.unwrap();
    let budget = world.s3.gateway.budget();
    let held = async {
        while budget.used_bytes() < least {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // It is not a moment's: nobody reads.
        tokio::time::sleep(Duration::from_millis(500)).await;
        budget.used_bytes()
    };
    let held = tokio::time::timeout(Duration::from_secs(30), held).await.expect("the answer in hand counts");
    drop(stream);
    let freed = async {
        while budget.used_bytes() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), freed).await.expect("it goes with the answer");
    held
}

#[tokio::test]
async fn a_long_list_of_blocks_goes_out_by_the_page_within_a_small_share() {
    const BLOCKS: usize = 2_300;
    let world = AzureWorld::start().await;
    // The longest names that there may be.
    let id = |number: usize| base64::engine::general_purpose::STANDARD.encode(format!("{number:064}"));
    let put = async |number: usize| {
        let put = world.request("PUT", "/imaging/study").query("comp", "block").query("blockid", &id(number));
        world.send(put.body("x")).await.ok(201);
    };
    for number in 0..BLOCKS {
        put(number).await;
    }
    let list: String = (0..BLOCKS).map(|number| format!("<Latest>{}</Latest>", id(number))).collect();
    let commit = world.request("PUT", "/imaging/study").query("comp", "blocklist");
    world.send(commit.body(format!("<BlockList>{list}</BlockList>"))).await.ok(201);
    for number in 0..1_001 {
        put(number).await;
    }
    let ask = || {
        let list = [("comp", "blocklist"), ("blocklisttype", "all")];
        world.request("GET", "/imaging/study").queries(&list)
    };
    let answer = world.send(ask()).await.ok(200);
    assert_eq!(answer.header("x-ms-blob-content-length"), BLOCKS.to_string());
    let text = answer.text();
    let ids = |count: usize| -> Vec<String> { (0..count).map(id).collect() };
    let blocks = |ids: &[String]| -> String {
        ids.iter().map(|id| format!("<Block><Name>{id}</Name><Size>1</Size></Block>")).collect()
    };
    // Those that wait come by name.
    let mut waiting = ids(1_001);
    waiting.sort();
    let expected = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList><CommittedBlocks>{}</CommittedBlocks>\
         <UncommittedBlocks>{}</UncommittedBlocks></BlockList>",
        blocks(&ids(BLOCKS)),
        blocks(&waiting)
    );
    assert!(text == expected, "{} bytes, not {}", text.len(), expected.len());
    // Who does not read holds a page of it, however long it is: built whole it would be three times as much.
    let held = held_by_at_least(&world, ask(), 400 * 1024).await;
    assert!(held <= 600 * 1024, "{held} bytes are held");
}
