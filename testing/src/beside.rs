//! One client that takes all it can get on many connections, or lets the gateway wait on all of them, and polite clients
//! beside it: of its tenant and of another one, one request at a time, on both fronts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::load::{Answer, Clients, Connection, Pace};
use crate::process::{GatewayProcess, Options};

/// The polite client of the greedy one's tenant.
pub const NEIGHBOUR_ID: &str = "neighbour";
/// The polite client of another tenant.
pub const OTHER_ID: &str = "other";
/// A bucket of each tenant.
pub const BUCKET: &str = "/imaging";
/// The greedy client's connections, half of them to each front.
pub const CONNECTIONS: usize = 64;

/// The secret of both polite clients, base64.
const SECRET: &str = "cG9saXRlLWNsaWVudHMtc2F5LXBsZWFzZQ==";
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
/// Names in the greedy client's folder, besides what it writes: a list shows so many.
const NAMES: u64 = 1000;
/// The object that everybody downloads.
const LARGE: (&str, u64, u64) = ("/imaging/large", 7, 10 * MIB + 333);
/// What half-sent XML announces, and what comes of it.
const XML_BYTES: (u64, u64) = (8 * MIB, MIB / 2);
/// How many of the slow client's connections send XML, and how many an upload.
const XML: usize = 8;
const UPLOADS: usize = 16;
/// What a slow reader's system takes in before it reads.
const SMALL_WINDOW: u32 = 192 * 1024;

/// A gateway that knows all of them.
pub fn options(options: Options) -> Options {
    options.azure().client(NEIGHBOUR_ID, "chum", SECRET).client(OTHER_ID, "chus", SECRET)
}

/// Both fronts as the greedy client meets them.
pub fn greedy(gateway: &GatewayProcess) -> [Clients; 2] {
    [Clients::of(gateway), Clients::of_azure(gateway)]
}

/// Buckets, a large object, and names to list.
pub async fn furnish(gateway: &GatewayProcess) {
    let [clients, _] = greedy(gateway);
    for clients in [clients.clone(), Clients::known_as(gateway, OTHER_ID, SECRET)] {
        let mut stream = clients.connect().await.unwrap();
        assert!(clients.create(&mut stream, BUCKET).await.unwrap().is_done());
        let (path, seed, length) = LARGE;
        assert!(clients.put(&mut stream, path, seed, length, Pace::FAST).await.unwrap().is_done());
    }
    let next = Arc::new(AtomicU64::new(0));
    let mut writers = JoinSet::new();
    for _ in 0..16 {
        let (clients, next) = (clients.clone(), Arc::clone(&next));
        writers.spawn(async move {
            let mut stream = clients.connect().await.unwrap();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= NAMES {
                    return;
                }
                let put = clients.put(&mut stream, &format!("{BUCKET}/names/{n:04}"), n, 0, Pace::FAST).await;
                assert!(put.unwrap().is_done());
            }
        });
    }
    writers.join_all().await;
}

/// What a greedy connection does without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Objects of 8 MiB, in.
    Upload,
    /// The large object, out.
    Download,
    /// A page of a thousand names.
    List,
    /// Objects of 1 KiB, in.
    Write,
}

/// The greedy client at work.
pub struct Greedy {
    answered: Arc<AtomicU64>,
    work: JoinSet<()>,
}

impl Greedy {
    /// All connections ask for what `wants` says in turn, again as soon as they are answered.
    pub fn start(gateway: &GatewayProcess, wants: &'static [Want]) -> Self {
        let (fronts, answered) = (greedy(gateway), Arc::<AtomicU64>::default());
        let mut work = JoinSet::new();
        for n in 0..CONNECTIONS {
            let (clients, answered) = (fronts[n % 2].clone(), Arc::clone(&answered));
            let want = wants[n / 2 % wants.len()];
            work.spawn(async move {
                loop {
                    // Told to slow down it tries again at once; a connection that was closed is opened anew.
                    let Ok(mut stream) = clients.connect().await else { continue };
                    while ask(&clients, &mut stream, want, n).await.is_ok_and(|answer| answer.status < 300) {
                        answered.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        Self { answered, work }
    }

    /// Requests that were answered as they should be.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::SeqCst)
    }

    /// Waits until so many more were answered.
    pub async fn is_at_work(&self, requests: u64) {
        let before = self.answered();
        while self.answered() < before + requests {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Breaks everything off.
    pub async fn stop(mut self) {
        self.work.shutdown().await;
    }
}

async fn ask(clients: &Clients, stream: &mut Connection, want: Want, n: usize) -> std::io::Result<Answer> {
    match want {
        Want::Upload => clients.put(stream, &format!("{BUCKET}/greedy/{n}"), 1, 8 * MIB, Pace::FAST).await,
        Want::Download => {
            let (path, seed, length) = LARGE;
            clients.get(stream, path, seed, 0..length, Pace::FAST).await
        }
        Want::List => clients.list(stream, BUCKET, 1000).await.map(|(answer, _)| answer),
        Want::Write => clients.put(stream, &format!("{BUCKET}/small/{n}"), 2, KIB, Pace::FAST).await,
    }
}

/// The slow client: nothing that it began goes on until this is dropped.
pub struct Slow {
    _hold: watch::Sender<()>,
    _work: JoinSet<()>,
}

impl Slow {
    /// Of the connections, eight have sent half a megabyte of the XML that they announced, sixteen half of an upload, and the
    /// others read nothing of their download. Returns when that has gone out.
    pub async fn start(gateway: &GatewayProcess) -> Self {
        let fronts = greedy(gateway);
        let (hold, held) = watch::channel(());
        let (sent, mut sends) = mpsc::channel(1);
        let mut work = JoinSet::new();
        for n in 0..CONNECTIONS {
            let (clients, mut held, sent) = (fronts[n % 2].clone(), held.clone(), sent.clone());
            work.spawn(async move {
                let mut stream = clients.connect_with(Some(SMALL_WINDOW)).await.unwrap();
                let path = format!("{BUCKET}/slow/{n}");
                if n < XML {
                    clients.begin_xml(&mut stream, &path, XML_BYTES.0).await.unwrap();
                    clients.send(&mut stream, 3, 0..XML_BYTES.1, Pace::FAST).await.unwrap();
                } else if n < XML + UPLOADS {
                    clients.begin_put(&mut stream, &path, MIB).await.unwrap();
                    // As much as the socket takes, should it not be asked for.
                    clients.send(&mut stream, 4, 0..64 * KIB, Pace::FAST).await.unwrap();
                } else {
                    let (path, _, length) = LARGE;
                    clients.want(&mut stream, path, &(0..length), &[]).await.unwrap();
                }
                sent.send(()).await.unwrap();
                // Neither reads nor writes from here on.
                let _ended = held.changed().await;
            });
            // One after the other: each finds what those before it left.
            sends.recv().await.unwrap();
        }
        Self { _hold: hold, _work: work }
    }
}

/// What a polite client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wish {
    Put,
    Get,
    Head,
    List,
    Small,
    Delete,
}

impl Wish {
    /// What it is, for a table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Put => "PUT of 600 KiB",
            Self::Get => "GET of 600 KiB",
            Self::Head => "HEAD",
            Self::List => "LIST of 50 names",
            Self::Small => "PUT of 1 KiB",
            Self::Delete => "DELETE",
        }
    }
}

/// All of them, in the order of a round.
pub const WISHES: [Wish; 6] = [Wish::Put, Wish::Get, Wish::Head, Wish::List, Wish::Small, Wish::Delete];

/// A polite client of one front: one connection, one request at a time.
pub struct Polite {
    clients: Clients,
    stream: Connection,
    name: String,
}

impl Polite {
    /// One of each tenant on each front.
    pub async fn all(gateway: &GatewayProcess) -> Vec<Self> {
        let mut all = Vec::new();
        for id in [NEIGHBOUR_ID, OTHER_ID] {
            let fronts = [
                ("s3", Clients::known_as(gateway, id, SECRET)),
                ("azure", Clients::known_to_azure_as(gateway, id, SECRET)),
            ];
            for (front, clients) in fronts {
                let stream = clients.connect().await.unwrap();
                all.push(Self { clients, stream, name: format!("{BUCKET}/0-{id}-{front}") });
            }
        }
        all
    }

    /// One request of a round, and how long its answer took.
    ///
    /// # Panics
    /// When it is refused, or a byte is not what was written.
    pub async fn asks(&mut self, wish: Wish) -> Duration {
        const LENGTH: u64 = 600 * KIB;
        let (clients, stream, name) = (&self.clients, &mut self.stream, &self.name);
        let began = Instant::now();
        let answer = match wish {
            Wish::Put => clients.put(stream, name, 5, LENGTH, Pace::FAST).await,
            Wish::Get => clients.get(stream, name, 5, 0..LENGTH, Pace::FAST).await,
            Wish::Head => clients.ask(stream, "HEAD", name).await,
            Wish::List => clients.list(stream, BUCKET, 50).await.map(|(answer, names)| {
                assert!(names > 0, "an empty list");
                answer
            }),
            Wish::Small => clients.put(stream, &format!("{name}-small"), 6, KIB, Pace::FAST).await,
            Wish::Delete => clients.ask(stream, "DELETE", name).await,
        };
        let took = began.elapsed();
        let answer = answer.unwrap_or_else(|error| panic!("{wish:?} of {name}: {error}"));
        assert!(answer.status < 300, "{wish:?} of {name}: {answer:?}");
        took
    }
}
