//! A model against the program: random changes by clients of different grants and tenants, over both fronts, to a gateway
//! that is killed at random and whose provider is flaky. What was acknowledged is there, what was refused changed nothing,
//! what had no answer when the gateway was killed is wholly done or not at all; and lists, HEAD and GET, whole and in ranges,
//! of both fronts say so.
//!
//! `ECLUSE_MODEL_ROUNDS` changes the number of rounds, `ECLUSE_MODEL_SEED` repeats the choices of a run.

mod books;
mod clients;
mod looks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use testing::certificates::write_secret;
use testing::client;
use testing::invariants::{self, Stopped};
use testing::noise::{Noise, number, seed};
use testing::notes;
use testing::process::{CLIENT_ID, GatewayProcess, STRANGER_ID};
use testing::provider::hostile::{Act, Asked, Hostile, Protocol, Reply, Then};

use books::{Book, Due, INBOX, Object};
use clients::{BUCKET, Client, tag_of};

/// Both secrets are base64, as an account key must be.
const STRANGER: &str = "bm90LXRoZS1zZWNyZXQtb2YtYW55b25l";
const COURIER: &str = "YW5vdGhlci1zZWNyZXQtb2Ytbm9ib2R5";
/// Keys of each worker.
const KEYS: usize = 6;
/// Longest time until what was deleted is gone and the provider is trusted again.
const PATIENCE: Duration = Duration::from_secs(120);

/// One worker: whose keys are its own, and who asks for it.
#[derive(Clone)]
struct Worker {
    keys: Vec<String>,
    tenant: usize,
    book: Book,
}

#[derive(Default)]
struct Counts {
    done: AtomicUsize,
    refused: AtomicUsize,
    failed: AtomicUsize,
    read: AtomicUsize,
    killed: AtomicBool,
}

/// A provider's bad days: of a hundred calls some fail, some are done and not answered, some answers break off or lie; and
/// now and then it fails for so many calls in a row that no second try helps.
fn flaky(seed: u64) -> impl Fn(&Asked) -> Act + Send + Sync + 'static {
    move |asked| match Noise::new(seed ^ asked.nth as u64).below(100) {
        _ if asked.nth % 240 > 215 => Act::Answer(Reply::status(503)),
        0..=2 => Act::Answer(Reply::status(500)),
        3..=5 => Act::Answer(Reply::status(503)),
        6..=7 => Act::Lose,
        8..=9 => Act::Break,
        10..=11 if asked.method == "GET" => Act::changed(|reply| {
            let half = reply.body.len() / 2;
            reply.cut(half, Then::Break)
        }),
        12 if asked.method == "GET" => Act::changed(|reply| {
            let mut bytes = reply.body.to_vec();
            if let Some(byte) = bytes.last_mut() {
                *byte ^= 1;
            }
            Reply { body: bytes.into(), ..reply }
        }),
        _ => Act::Honest,
    }
}

/// Changes and reads until the gateway is gone.
async fn work(mut worker: Worker, clients: Vec<Client>, mut noise: Noise, counts: Arc<Counts>) -> Worker {
    loop {
        let key = worker.keys[noise.below(worker.keys.len() as u64) as usize].clone();
        let client = &clients[noise.below(clients.len() as u64) as usize];
        if noise.below(4) == 0 {
            if read(&worker.book, &key, &clients[0], &mut noise, &counts).await.is_err() {
                return worker;
            }
            continue;
        }
        let change = worker.book.choose(&key, &worker.keys, &mut noise);
        let due = if client.may(&key, &change) { worker.book.due(&key, &change) } else { Due::Refused(&[403]) };
        match (client.ask(&key, &change, &worker.book).await, due) {
            (Ok(told), Due::Done(object)) if (200..300).contains(&told.status) => {
                counts.done.fetch_add(1, Ordering::Relaxed);
                if matches!(change, books::Change::BlobDelete) {
                    worker.book.blocks.remove(&key);
                }
                worker.book.becomes(&key, object);
                match change {
                    books::Change::Put { .. } | books::Change::PutAbsent(_) | books::Change::PutMatching { .. } => {
                        worker.book.tagged(&key, &tag_of(&told));
                    }
                    // The model does not know the tag any more.
                    _ => drop(worker.book.tags.remove(&key)),
                }
            }
            (Ok(told), Due::Refused(&[404]))
                if matches!(change, books::Change::BlobDelete)
                    && told.status == 202
                    && worker.book.blocks.remove(&key) =>
            {
                counts.done.fetch_add(1, Ordering::Relaxed);
            }
            (Ok(told), Due::Refused(with)) if with.contains(&told.status) => {
                counts.refused.fetch_add(1, Ordering::Relaxed);
            }
            // The provider's failure: refused, and nothing has changed.
            (Ok(told), Due::Done(_) | Due::Refused(_)) if (500..600).contains(&told.status) && told.status != 501 => {
                counts.failed.fetch_add(1, Ordering::Relaxed);
                if matches!(change, books::Change::BlobBlocks(_)) {
                    worker.book.blocks.insert(key);
                }
            }
            (Ok(told), due) => {
                panic!("{key}: {change:?} was answered {} {}; due: {due:?}", told.status, told.text());
            }
            (Err(error), due) => {
                assert!(counts.killed.load(Ordering::SeqCst), "{change:?} without an answer before the kill: {error}");
                if let Due::Done(object) = due {
                    if matches!(change, books::Change::BlobBlocks(_)) {
                        worker.book.blocks.insert(key.clone());
                    }
                    worker.book.in_doubt = Some((key, object));
                }
                return worker;
            }
        }
    }
}

/// Reads a key while the provider is flaky: the bytes, a part of them, or an error; never others. An error: it is gone.
async fn read(book: &Book, key: &str, client: &Client, noise: &mut Noise, counts: &Counts) -> Result<(), ()> {
    let path = format!("/{BUCKET}/{key}");
    let bytes = book.held.get(key).map(Object::bytes);
    let size = bytes.as_ref().map_or(0, Vec::len);
    let first = noise.below(size.max(1) as u64) as usize;
    let range = format!("bytes={first}-{}", first + noise.below(100_000) as usize);
    let told = match noise.below(4) {
        0 => client.s3.get(&path).await,
        1 => client.s3.ask(http::Method::GET, &path, &[], &[("range", &range)], Vec::new()).await,
        2 => client.azure.send(client.azure.request("GET", &path)).await,
        _ => client.azure.send(client.azure.request("GET", &path).header("range", &range)).await,
    };
    let Ok(told) = told else {
        // A body that cannot be given to its end is broken off, and so is one whose gateway was killed.
        return if counts.killed.load(Ordering::SeqCst) { Err(()) } else { Ok(()) };
    };
    counts.read.fetch_add(1, Ordering::Relaxed);
    match (told.status, bytes) {
        (200, Some(bytes)) => assert!(told.body == bytes, "{key}: wrong bytes"),
        (206, Some(bytes)) => {
            let end = bytes.len().min(first + told.body.len());
            assert!(!told.body.is_empty() && told.body == bytes[first..end], "{key}: wrong bytes in {range}");
        }
        (404, None) | (416 | 500 | 503, _) => {}
        (status, bytes) => {
            panic!("{key}: {status} {}; {:?} bytes are due", told.text(), bytes.map(|bytes| bytes.len()))
        }
    }
    Ok(())
}

/// What had no answer was done wholly or not at all.
async fn settle(worker: &mut Worker, client: &Client) {
    let Some((key, done)) = worker.book.in_doubt.take() else { return };
    let told = client.s3.get(&format!("/{BUCKET}/{key}")).await.expect("an answer");
    let note = told.headers.get("x-amz-meta-note").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let found = match told.status {
        200 => Some((told.body, note)),
        404 => None,
        other => panic!("{key} in doubt: {other} {}", String::from_utf8_lossy(&told.body)),
    };
    let as_shown = |object: &Option<Object>| object.as_ref().map(|object| (object.bytes(), object.note.clone()));
    let before = worker.book.held.get(&key).cloned();
    if found == as_shown(&done) {
        // Both may look alike; then the model knows less of it.
        let alike = found == as_shown(&before);
        let growth =
            |object: Object| Object { growth: if alike { books::Growth::Unknown } else { object.growth }, ..object };
        worker.book.becomes(&key, done.map(growth));
    } else {
        assert!(found == as_shown(&before), "{key} in doubt is neither as before nor as asked");
    }
    worker.book.tags.remove(&key);
}

/// Puts what the provider holds where the invariants look for it.
fn lay_out(provider: &Hostile, gateway: &GatewayProcess) {
    let folder = gateway.folder();
    std::fs::remove_dir_all(&folder).ok();
    for (name, bytes) in provider.stored() {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a chunk");
    }
}

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Clients of each tenant, the one that sees everything first.
fn clients(gateway: &GatewayProcess) -> [Vec<Client>; 2] {
    let pacs = Client::new(gateway, CLIENT_ID, &gateway.secret, false);
    let courier = Client::new(gateway, "courier", COURIER, true);
    [vec![pacs, courier], vec![Client::new(gateway, STRANGER_ID, STRANGER, false)]]
}

/// Everything of every tenant is as the books say.
async fn look(gateway: &GatewayProcess, workers: &[Worker], noise: &mut Noise) {
    let clients = clients(gateway);
    for (tenant, of_it) in clients.iter().enumerate() {
        let mine = || workers.iter().filter(|worker| worker.tenant == tenant);
        let held: BTreeMap<String, Object> = mine().flat_map(|worker| worker.book.held.clone()).collect();
        let keys = mine().flat_map(|worker| worker.keys.iter()).filter(|key| !held.contains_key(*key));
        let absent: Vec<String> = keys.cloned().collect();
        looks::everything(&of_it[0], &held, &absent, noise).await;
        for client in of_it.iter().filter(|client| client.narrow) {
            looks::the_inbox(client, &held, noise).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_clients_do_and_whenever_it_is_killed_the_gateway_is_what_its_answers_said() {
    let (rounds, seed) = (number("ECLUSE_MODEL_ROUNDS", 8), seed("ECLUSE_MODEL_SEED"));
    println!("ECLUSE_MODEL_SEED={seed} ({rounds} rounds)");
    let mut noise = Noise::new(seed);
    let provider = Hostile::start(if noise.below(2) == 0 { Protocol::S3 } else { Protocol::Azure });
    let options = provider.options().azure().with_stranger(STRANGER).write_setting("grace = \"1s\"");
    let mut gateway = GatewayProcess::start(options);
    gateway.terminate();
    let secret = gateway.home.join("secrets/courier");
    write_secret(&secret, COURIER.as_bytes());
    gateway.edit(|text| {
        format!(
            "{text}\n[[client]]\nid = \"courier\"\ntenant = \"chum\"\nsecret = {{ file = {secret:?} }}\nallow = [{{ buckets = \
             [\"*\"], prefixes = [\"{INBOX}\"], actions = [\"read\", \"write\", \"delete\", \"list\"] }}]\n"
        )
    });
    gateway.restart();
    client::create_bucket(&gateway, BUCKET).await;
    let told = clients(&gateway)[1][0].s3.put(&format!("/{BUCKET}"), Vec::new()).await.expect("an answer");
    assert_eq!(told.status, 200, "{}", told.text());

    // Of the same names in both tenants, and below the courier's prefix and beside it.
    let named = |folder: &str, worker: usize| (0..KEYS).map(|key| format!("{folder}w{worker}-{key}")).collect();
    let worker = |folder: &str, number, tenant| Worker { keys: named(folder, number), tenant, book: Book::default() };
    let mut workers = vec![
        worker(INBOX, 0, 0),
        worker("archive/", 1, 0),
        worker(INBOX, 2, 0),
        worker(INBOX, 0, 1),
        worker("archive/", 1, 1),
    ];
    let (mut totals, mut left) = ([0; 4], BTreeSet::new());
    for round in 0..rounds {
        provider.forget_calls();
        provider.rule(flaky(noise.next()));
        let counts = Arc::new(Counts::default());
        let of_tenant = clients(&gateway);
        let lives: Vec<_> = std::mem::take(&mut workers)
            .into_iter()
            .map(|worker| {
                let clients = of_tenant[worker.tenant].clone();
                tokio::spawn(work(worker, clients, Noise::new(noise.next()), Arc::clone(&counts)))
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(500 + noise.below(2_500))).await;
        assert!(gateway.is_running(), "round {round}: the gateway died by itself\n{}", gateway.log());
        counts.killed.store(true, Ordering::SeqCst);
        gateway.kill9();
        for life in lives {
            workers.push(life.await.expect("a worker"));
        }
        provider.honest();
        lay_out(&provider, &gateway);
        invariants::hold(gateway.data(), &gateway.folder(), Stopped::Killed, &format!("round {round}"));
        left = invariants::open_blocks(gateway.data());
        gateway.restart();
        let of_tenant = clients(&gateway);
        for worker in &mut workers {
            settle(worker, &of_tenant[worker.tenant][0]).await;
        }
        look(&gateway, &workers, &mut noise).await;
        let count =
            [&counts.done, &counts.refused, &counts.failed, &counts.read].map(|count| count.load(Ordering::Relaxed));
        println!(
            "round {round}: {count:?} done, refused, failed, read; {} lies of the provider so far",
            provider.lies()
        );
        totals.iter_mut().zip(count).for_each(|(total, count)| *total += count);
    }
    println!("{totals:?} done, refused, failed, read in {rounds} rounds");
    assert!(totals[0] > 5 * rounds && totals[1] > rounds && totals[3] > rounds, "this was no load: {totals:?}");
    assert!(provider.lies() > rounds, "the provider was not flaky: {} lies", provider.lies());

    clients(&gateway)[0][0].s3.abort_all(BUCKET).await;
    clients(&gateway)[1][0].s3.abort_all(BUCKET).await;
    until("leftovers of the lives before were looked for", || {
        invariants::open_blocks(gateway.data()).is_disjoint(&left)
    })
    .await;
    until("nothing waits to be deleted", || {
        let waiting = gateway.metric("ecluse_deletions_waiting");
        let notes = notes::names(gateway.data());
        let chunks = provider.stored().keys().filter(|name| !notes.contains(*name)).count();
        waiting == 0.0 && invariants::chunks_of_parts(gateway.data()) == Some(chunks)
    })
    .await;
    look(&gateway, &workers, &mut noise).await;
    gateway.terminate();
    lay_out(&provider, &gateway);
    invariants::hold(gateway.data(), &gateway.folder(), Stopped::Drained, "at the end");
}
