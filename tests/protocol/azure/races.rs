//! Many clients at once on real sockets: of a lease, of a name that is to be new, of a position in a blob that grows, one
//! wins, and the others hear why. At the level of the gateway, with faults: `tests/gateway/azure_races.rs`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::future::join_all;

use testing::azure::shared_key::Request;
use testing::azure::wire::Answer;
use testing::azure::world::AzureWorld;

const CLIENTS: usize = 12;
const BLOB: &str = "/imaging/raced";

fn id(number: usize) -> String {
    BASE64_STANDARD.encode(format!("{number:04}"))
}

fn list(numbers: impl Iterator<Item = usize>) -> String {
    let entries: String = numbers.map(|number| format!("<Latest>{}</Latest>", id(number))).collect();
    format!("<BlockList>{entries}</BlockList>")
}

/// Sends all at once: which ones succeeded, and what the others were told.
async fn race(world: &AzureWorld, requests: Vec<Request>) -> (Vec<usize>, Vec<Answer>) {
    let answers = join_all(requests.into_iter().map(|request| world.send(request))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().enumerate().partition(|(_, answer)| answer.is_success());
    (won.into_iter().map(|(at, _)| at).collect(), lost.into_iter().map(|(_, answer)| answer).collect())
}

#[track_caller]
fn assert_all_told(lost: Vec<Answer>, status: u16, code: &str) {
    assert_eq!(lost.len(), CLIENTS - 1, "one wins");
    lost.into_iter().for_each(|answer| drop(answer.expect(status, code)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_acquire_a_lease_one_wins_and_only_it_writes() {
    let world = AzureWorld::start().await;
    world.put(BLOB, b"before").await.ok(201);
    let guid = |n: usize| format!("11111111-1111-4111-8111-{n:012}");
    for (path, query) in [(BLOB, None), ("/imaging", Some(("restype", "container")))] {
        let acquire = |n: usize| {
            let headers = [("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "-1")];
            let request = world.request("PUT", path).query("comp", "lease").headers(&headers);
            let request = query.iter().fold(request, |request, (name, value)| request.query(name, value));
            request.header("x-ms-proposed-lease-id", &guid(n)).body("")
        };
        let (won, lost) = race(&world, (0..CLIENTS).map(acquire).collect()).await;
        assert_all_told(lost, 409, "LeaseAlreadyPresent");
        if query.is_some() {
            continue;
        }
        let put = |n: usize| world.put_blob(BLOB, format!("by {n}").as_bytes()).header("x-ms-lease-id", &guid(n));
        let (wrote, lost) = race(&world, (0..CLIENTS).map(put).collect()).await;
        assert_eq!(wrote, won, "who holds the lease");
        assert_all_told(lost, 412, "LeaseIdMismatchWithBlobOperation");
        assert_eq!(world.get(BLOB).await.text(), format!("by {}", won[0]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_create_a_name_in_any_way_one_wins() {
    let world = AzureWorld::start().await;
    world.put("/imaging/source", b"a copy").await.ok(201);
    for n in 0..CLIENTS {
        let block = world.request("PUT", BLOB).query("comp", "block").query("blockid", &id(n));
        world.send(block.body(format!("list {n}"))).await.ok(201);
    }
    let source = format!("http://{}/pacs/imaging/source", world.host);
    let create = |n: usize| {
        let request = match n % 4 {
            0 => world.put_blob(BLOB, format!("put {n}").as_bytes()),
            1 => world.request("PUT", BLOB).query("comp", "blocklist").body(list([n].into_iter())),
            2 => world.request("PUT", BLOB).header("x-ms-copy-source", &source).body(""),
            _ => world.put_blob(BLOB, b"").replaced("x-ms-blob-type", "AppendBlob"),
        };
        request.header("if-none-match", "*")
    };
    let (won, lost) = race(&world, (0..CLIENTS).map(create).collect()).await;
    assert_all_told(lost, 409, "BlobAlreadyExists");
    let wanted = [format!("put {}", won[0]), format!("list {}", won[0]), "a copy".into(), String::new()];
    assert_eq!(world.get(BLOB).await.ok(200).text(), wanted[won[0] % 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_appends_at_one_position_one_wins_each_time() {
    let world = AzureWorld::start().await;
    world.send(world.put_blob(BLOB, b"").replaced("x-ms-blob-type", "AppendBlob")).await.ok(201);
    let mut wanted = String::new();
    for round in 0..4 {
        let text = |n: usize| format!("[{round}.{n}]");
        let append = |n: usize| {
            let request = world.request("PUT", BLOB).query("comp", "appendblock").body(text(n));
            request.header("x-ms-blob-condition-appendpos", &wanted.len().to_string())
        };
        let (won, lost) = race(&world, (0..CLIENTS).map(append).collect()).await;
        assert_all_told(lost, 412, "AppendPositionConditionNotMet");
        wanted += &text(won[0]);
    }
    assert_eq!(world.get(BLOB).await.text(), wanted);
    // Without the condition each lands once, whole.
    let append = |n: usize| world.request("PUT", BLOB).query("comp", "appendblock").body(format!("<{n}>"));
    let (won, _) = race(&world, (0..CLIENTS).map(append).collect()).await;
    assert_eq!(won.len(), CLIENTS);
    let whole = world.get(BLOB).await.text();
    let (before, more) = whole.split_at(wanted.len());
    assert_eq!(before, wanted);
    assert!((0..CLIENTS).all(|n| more.matches(&format!("<{n}>")).count() == 1), "{more}");
    assert_eq!(more.len(), (0..CLIENTS).map(|n| format!("<{n}>").len()).sum::<usize>());
}

/// A list takes each block as it was before or as it is now; what came too late for it waits, or went with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_that_race_with_their_blocks_commit_whole_blocks_of_one_moment() {
    let world = AzureWorld::start().await;
    let block =
        |n: usize, text: String| world.request("PUT", BLOB).query("comp", "block").query("blockid", &id(n)).body(text);
    let commit = || world.request("PUT", BLOB).query("comp", "blocklist").body(list(0..3));
    for n in 0..3 {
        world.send(block(n, format!("{n}old "))).await.ok(201);
    }
    world.send(commit()).await.ok(201);
    for round in 0..6 {
        let puts = (0..3).map(|n| block(n, format!("{n}r{round}  ")));
        let answers = join_all(puts.chain([commit(), commit()]).map(|request| world.send(request))).await;
        answers.into_iter().for_each(|answer| drop(answer.ok(201)));
        let text = world.get(BLOB).await.ok(200).text();
        let pieces: Vec<&str> = text.split_whitespace().collect();
        assert_eq!(pieces.len(), 3, "{text}");
        for (n, piece) in pieces.iter().enumerate() {
            let known = (0..=round).map(|round| format!("{n}r{round}")).chain([format!("{n}old")]);
            assert!(known.into_iter().any(|known| known == *piece), "{text}");
        }
    }
}
