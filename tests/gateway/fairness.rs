//! Nobody keeps others out by taking much: memory goes by fair parts, and a body that is read whole holds what has come of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ecluse::catalog::CommitFault;
use ecluse::gateway::{
    Body, BodyError, CreateBucket, DeleteObject, Error, GetObject, ListExtras, ListObjects, ListStart, Payer,
    PutObject, ReadSmall, RestoreBucket, Select, Settings,
};
use ecluse::model::{Action, ClientId, Conditions, Grant, Metadata, Operation, Principal};
use ecluse::store::{Call, Fault, When};
use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::BoxStream;
use tokio::task::JoinSet;

use super::memory::small;
use testing::in_process::*;

fn client_of(owner: &str, name: &str) -> Principal {
    let everything = vec![Action::Read, Action::Write, Action::Delete, Action::List, Action::Admin];
    let grants = vec![Grant::new(&["*".to_owned()], Vec::new(), everything)];
    Principal::new(ClientId::parse(name).unwrap(), tenant(owner), grants)
}

async fn put_as(house: &House, who: &Principal, name: &str, body: Body) -> Result<(), Error> {
    let (metadata, conditions) = (Metadata::default(), Conditions::default());
    let op = PutObject { bucket: bucket(BUCKET), key: key(name), metadata, conditions };
    house.gateway.put_object(who.authorize(op).unwrap(), body).await.map(|_stored| ())
}

/// A body that never ends after its first byte.
fn endless(length: u64) -> Body {
    let first = futures::stream::iter([Ok(Bytes::from_static(b"x"))]);
    Body { length: Some(length), stream: first.chain(futures::stream::pending()).boxed(), ..body(b"") }
}

/// A client that reads nothing holds small shares for as long as it likes: others get theirs nevertheless.
#[tokio::test(start_paused = true)]
async fn downloads_that_nobody_reads_leave_memory_to_other_clients_and_tenants() {
    let house = House::with(small()).await;
    house.put("record", &noise(1, CHUNK)).await.unwrap();
    let mut held = Vec::new();
    // Until it has to wait.
    while let Ok(got) = tokio::time::timeout(Duration::from_secs(5), house.get("record", Select::All)).await {
        held.push(got.unwrap());
    }
    assert!(held.len() > 10, "{} downloads", held.len());
    let polite = client_of("chum", "polite");
    let op = GetObject {
        bucket: bucket(BUCKET),
        key: key("record"),
        snapshot: None,
        select: Select::All,
        conditions: Conditions::default(),
        if_range: None,
    };
    let got = tokio::time::timeout(Duration::from_secs(5), house.gateway.get_object(polite.authorize(op).unwrap()));
    let (bytes, error) = drain(got.await.expect("it holds nothing yet").unwrap()).await;
    assert!(error.is_none(), "{error:?}");
    assert_same(&bytes, &noise(1, CHUNK), "the polite client's");
    let other = client_of("chus", "other");
    let made = CreateBucket { bucket: bucket(BUCKET), user: std::collections::BTreeMap::default() };
    house.gateway.create_bucket(other.authorize(made).unwrap()).await.unwrap();
    let put = put_as(&house, &other, "theirs", body(&noise(2, 100 * KIB)));
    tokio::time::timeout(Duration::from_secs(5), put).await.expect("another tenant has its part").unwrap();
}

/// Who waits is served in turn of clients, not of requests.
#[tokio::test(start_paused = true)]
async fn a_client_with_64_uploads_under_way_does_not_come_before_one_with_its_first() {
    let house = House::with(Settings { memory: 64 * MIB as u64, ..settings() }).await;
    let (greedy, polite) = (client_of("chum", "greedy"), client_of("chum", "polite"));
    let names: Vec<String> = (0..64).map(|n| n.to_string()).collect();
    let flood = join_all(names.iter().map(|name| put_as(&house, &greedy, name, endless(CHUNK as u64))));
    let calm = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(house.gateway.budget().is_wanted(), "nobody waits: the test is too easy");
        // No spool: what the greedy one holds does not come back.
        for n in 0..20 {
            put_as(&house, &polite, &format!("polite {n}"), body(&noise(n, 300 * KIB))).await.unwrap();
        }
    };
    tokio::select! {
        _ = flood => panic!("endless bodies ended"),
        () = calm => {}
        () = tokio::time::sleep(Duration::from_secs(30)) => panic!("the polite client waited behind the flood"),
    }
}

fn whole_bucket() -> ListObjects {
    ListObjects {
        bucket: bucket(BUCKET),
        prefix: String::new(),
        delimiter: None,
        start: ListStart::First,
        limit: 1000,
        with_metadata: false,
        with_user_metadata: false,
        extras: ListExtras::default(),
    }
}

/// Turns go by client: while 64 connections of one list without end, another's list is answered after a few of theirs, not
/// after one of each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_64_lists_under_way_does_not_come_before_each_list_of_another() {
    let house = House::sqlite(settings()).await;
    for n in 0..1000 {
        house.put(&format!("{n:04}"), b"").await.unwrap();
    }
    let (greedy, polite) = (client_of("chum", "greedy"), client_of("chum", "polite"));
    let answered = Arc::new(AtomicU64::new(0));
    let mut flood = JoinSet::new();
    for _ in 0..64 {
        let (gateway, greedy, answered) = (Arc::clone(&house.gateway), greedy.clone(), Arc::clone(&answered));
        flood.spawn(async move {
            loop {
                gateway.list_objects(greedy.authorize(whole_bucket()).unwrap()).await.unwrap();
                answered.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    while answered.load(Ordering::SeqCst) < 128 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let before = answered.load(Ordering::SeqCst);
    const LISTS: u64 = 30;
    for _ in 0..LISTS {
        let (page, _share) = house.gateway.list_objects(polite.authorize(whole_bucket()).unwrap()).await.unwrap();
        assert_eq!(page.entries.len(), 1000);
    }
    let meanwhile = answered.load(Ordering::SeqCst) - before;
    assert!(meanwhile < LISTS * 24, "{meanwhile} lists of the greedy client for {LISTS} of the polite one");
    flood.shutdown().await;
}

/// A page is given its share by what it might hold. Where that is not to be had it holds less, and the next begins there.
#[tokio::test(start_paused = true)]
async fn a_list_that_finds_memory_short_has_short_pages_and_waits_for_nobody() {
    let house = House::with(small()).await;
    const NAMES: usize = 300;
    for n in 0..NAMES {
        house.put(&format!("{n:04}{}", "x".repeat(500)), b"").await.unwrap();
    }
    let held = house.gateway.budget().total_bytes() / 2 - 600 * KIB as u64;
    let held = house.gateway.budget().take(&Payer::of(&client_of("chum", "greedy")), held).await.unwrap();
    let (mut start, mut names, mut pages) = (ListStart::First, 0, 0);
    loop {
        let op = house.may(ListObjects { with_metadata: true, start, ..whole_bucket() });
        let listed = tokio::time::timeout(Duration::from_secs(1), house.gateway.list_objects(op));
        let (page, _share) = listed.await.expect("a list waits").unwrap();
        assert!(!page.entries.is_empty());
        (names, pages) = (names + page.entries.len(), pages + 1);
        let Some(next) = page.next else { break };
        start = next;
    }
    assert!(names == NAMES && pages > 1, "{names} names on {pages} pages");
    drop(held);
    let (page, _share) = house.gateway.list_objects(house.may(whole_bucket())).await.unwrap();
    assert_eq!((page.entries.len(), page.next), (NAMES, None), "with memory a page is whole");
}

/// While all turns to write are out, what changes the catalog waits before it, repeated completions and restored buckets too.
#[tokio::test]
async fn every_change_of_the_catalog_waits_for_its_turn() {
    let (house, faults) = House::faulty(settings()).await;
    let upload = house.begin_upload("study", None).await;
    let part = house.put_part(&upload, 1, b"part").await.unwrap();
    let version = house.complete(&upload, &[(1, &part.etag)]).await.unwrap();
    let before = faults.writes();
    (1..=32).for_each(|nth| faults.on(nth, CommitFault::Stall));
    let mut flood = JoinSet::new();
    // A greedy client leaves some; others take them.
    for (name, count) in [("greedy", 40), ("one", 1), ("two", 1), ("three", 1)] {
        for n in 0..count {
            let (gateway, who) = (Arc::clone(&house.gateway), client_of("chum", name));
            let (key, conditions) = (key(&n.to_string()), Conditions::default());
            let op = who.authorize(DeleteObject { bucket: bucket(BUCKET), key, conditions }).unwrap();
            flood.spawn(async move { gateway.delete_object(op).await.unwrap() });
        }
    }
    while faults.writes() < before + 32 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let tags = [(1, &part.etag)];
    let repeated = std::pin::pin!(house.complete(&upload, &tags));
    let restore = house.may(RestoreBucket { bucket: bucket("gone"), id: 1 });
    let restored = std::pin::pin!(house.gateway.restore_bucket(restore));
    let both = futures::future::join(repeated, restored);
    let mut both = std::pin::pin!(both);
    let early = tokio::time::timeout(Duration::from_millis(200), &mut both).await;
    assert!(early.is_err() && faults.writes() == before + 32, "a change did not wait");
    faults.release();
    let (repeated, restored) = both.await;
    assert_eq!(repeated.unwrap().etag, version.etag);
    assert!(matches!(restored, Err(Error::NoSuchBucket)), "{restored:?}");
    while let Some(deleted) = flood.join_next().await {
        deleted.unwrap();
    }
}

/// A disk has few chunks at a time. Whose is next is decided by what clients have under way, not by who came first.
#[tokio::test]
async fn chunks_of_a_crowd_do_not_all_go_before_one_of_another_client() {
    let house = House::narrow(2 * MIB as u64).await;
    house.plan.on(Call::Put, When::Always, Fault::Stall);
    let put = |name: &'static str, n: usize| {
        let (gateway, who) = (Arc::clone(&house.gateway), client_of("chum", name));
        let (metadata, conditions) = (Metadata::default(), Conditions::default());
        let op = PutObject { bucket: bucket(BUCKET), key: key(&format!("{name}/{n}")), metadata, conditions };
        let op = who.authorize(op).unwrap();
        tokio::spawn(async move { gateway.put_object(op, body(b"chunk")).await.map(|_stored| ()).unwrap() })
    };
    let comes = async |nth: u64| {
        while house.plan.calls(Call::Put) < nth {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let crowd: Vec<_> = (0..8).map(|n| put("greedy", n)).collect();
    comes(2).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(house.plan.calls(Call::Put), 2, "two at a time");
    let polite = put("polite", 0);
    // Until it stands in its line.
    tokio::time::sleep(Duration::from_millis(50)).await;
    house.plan.release();
    comes(4).await;
    house.plan.release();
    polite.await.unwrap();
    assert!(crowd.iter().filter(|put| put.is_finished()).count() <= 3);
    house.plan.clear();
    house.plan.release();
    for put in crowd {
        put.await.unwrap();
    }
}

fn read_small(
    house: &House,
    announced: u64,
    stream: BoxStream<'static, Result<Bytes, BodyError>>,
) -> impl Future<Output = Result<usize, Error>> + use<> {
    let needs = Some((Action::Write, bucket(BUCKET), Some(key("record"))));
    let op = house.may(ReadSmall { needs, announced: Some(announced), most_bytes: 8 * MIB as u64 });
    let gateway = Arc::clone(&house.gateway);
    async move { gateway.read_small(op, stream).await.map(|small| small.bytes.len()) }
}

#[tokio::test(start_paused = true)]
async fn a_small_body_holds_what_has_come_of_it_and_no_more() {
    let house = House::with(small()).await;
    let (send, come) = tokio::sync::mpsc::channel::<Bytes>(1);
    let stream = futures::stream::unfold(come, |mut come| async move { Some((Ok(come.recv().await?), come)) });
    let reading = tokio::spawn(read_small(&house, 100_000, stream.boxed()));
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(house.gateway.budget().used_bytes(), 0, "nothing has come");
    for (come, held) in [(10_000, 40_960), (20_000, 122_880), (70_000, 401_408)] {
        send.send(Bytes::from(vec![b'x'; come])).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(house.gateway.budget().used_bytes(), held, "four times what has come");
    }
    drop(send);
    assert_eq!(reading.await.unwrap().unwrap(), 100_000);
    assert_eq!(house.gateway.budget().used_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn half_a_thousand_small_bodies_that_stop_half_way_keep_nobody_out() {
    let house = House::with(small()).await;
    let dawdling = join_all((0..500).map(|_| {
        let first = futures::stream::iter([Ok(Bytes::from_static(b"<Delete>"))]);
        read_small(&house, 8 * MIB as u64, first.chain(futures::stream::pending()).boxed())
    }));
    let others = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!house.gateway.budget().is_wanted());
        house.put("record", &noise(1, 3 * MIB)).await.unwrap();
    };
    let (ends, ()) = futures::join!(dawdling, others);
    assert!(ends.iter().all(|end| matches!(end, Err(Error::Body(BodyError::Timeout)))), "one deadline for all of it");
    assert_eq!(house.gateway.budget().used_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_small_body_that_trickles_has_one_deadline_as_a_whole() {
    let house = House::with(Settings { small_body: Duration::from_secs(30), ..settings() }).await;
    let trickle = futures::stream::iter(0..1000).then(|_| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(Bytes::from_static(b"x"))
    });
    let outcome = tokio::time::timeout(Duration::from_secs(60), read_small(&house, 1000, trickle.boxed())).await;
    assert!(matches!(outcome, Ok(Err(Error::Body(BodyError::Timeout)))), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_small_body_that_finds_no_memory_is_given_up_and_its_share_goes_back() {
    let house = House::with(small()).await;
    let all = house.gateway.budget().clone();
    let payer = Payer::own_work(tenant("chum"));
    let all = all.take(&payer, u64::MAX).await.unwrap();
    let stream = futures::stream::iter((0..2).map(|_| Ok(Bytes::from(vec![b'x'; 50_000]))));
    let outcome = read_small(&house, 100_000, stream.boxed()).await;
    assert!(matches!(outcome, Err(Error::Busy)), "{outcome:?}");
    drop(all);
    assert_eq!(house.gateway.budget().used_bytes(), 0);
}

#[tokio::test]
async fn a_small_body_of_another_length_than_announced_is_refused() {
    let house = House::new().await;
    let pieces = |count: usize| futures::stream::iter((0..count).map(|_| Ok(Bytes::from(vec![b'x'; 100])))).boxed();
    assert!(matches!(read_small(&house, 300, pieces(2)).await, Err(Error::Body(BodyError::Incomplete))));
    assert!(matches!(read_small(&house, 300, pieces(4)).await, Err(Error::Body(BodyError::Malformed))));
    assert!(matches!(read_small(&house, 9 * MIB as u64, pieces(1)).await, Err(Error::TooLarge)));
    assert_eq!(read_small(&house, 300, pieces(3)).await.unwrap(), 300);
}

#[test]
fn a_small_body_needs_what_its_operation_needs() {
    let grants = vec![Grant::new(&["inbox".to_owned()], vec!["a/".into()], vec![Action::Write, Action::Delete])];
    let client = Principal::new(ClientId::parse("pacs").unwrap(), tenant("chum"), grants);
    let may = |action, bucket_name: &str, name: Option<&str>| {
        let needs = Some((action, bucket(bucket_name), name.map(key)));
        let op = ReadSmall { needs, announced: None, most_bytes: 1 };
        assert_eq!(op.requirements().len(), 1);
        client.authorize(op).is_ok()
    };
    assert!(may(Action::Write, "inbox", Some("a/1")) && may(Action::Delete, "inbox", None));
    assert!(!may(Action::Write, "inbox", Some("b/1")) && !may(Action::Write, "other", Some("a/1")));
    assert!(!may(Action::Admin, "inbox", None) && !may(Action::Delete, "other", None));
}
