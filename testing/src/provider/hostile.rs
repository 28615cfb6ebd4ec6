//! A provider made for attacks: one small HTTP/1.1 server on loopback that speaks enough of S3 or of Azure Blob for the
//! gateway, keeps every byte that it is sent, and answers any call with anything: other bytes, other headers, a length that
//! is a lie, half an answer, none, or what is no HTTP at all.
//!
//! It checks no signature; `recorder.rs`, which stands before real servers, is for that.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use md5::Digest as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::process::{Options, Provider};

/// Which protocol the double speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// S3.
    S3,
    /// Azure Blob.
    Azure,
}

/// Both.
pub const BOTH: [Protocol; 2] = [Protocol::S3, Protocol::Azure];

/// One call, as it arrived.
#[derive(Clone)]
pub struct Asked {
    /// GET, PUT, HEAD, DELETE; POST for a batch of deletions at Azure.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The chunk's name; empty where there is none.
    pub chunk: String,
    /// Header lines, as they were.
    pub head: String,
    /// The body.
    pub body: Bytes,
    /// First byte and one past the last that was asked for.
    pub range: Option<(usize, usize)>,
    /// How many calls came before.
    pub nth: usize,
    /// Whether it is about a note of the catalog (create-only writes tell): answered honestly, and not counted.
    note: bool,
}

/// What follows the last byte of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The next call.
    Go,
    /// The line breaks.
    Break,
    /// Nothing, for ever.
    Hang,
}

/// An answer, true or not.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Headers without the length.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// The length that is claimed, where it is not the body's.
    pub length: Option<usize>,
    /// What comes behind.
    pub then: Then,
}

impl Reply {
    /// Nothing but a status.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new(), length: None, then: Then::Go }
    }

    /// With a header.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.without(name);
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// Takes a header out.
    pub fn without(&mut self, name: &str) {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    }

    /// With a body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The whole is promised, and the line breaks (or hangs) after so many bytes of it.
    pub fn cut(mut self, after: usize, then: Then) -> Self {
        self.length = Some(self.body.len());
        self.body.truncate(after);
        self.then = then;
        self
    }
}

type Change = Arc<dyn Fn(Reply) -> Reply + Send + Sync>;

/// What the provider does with a call.
#[derive(Clone)]
pub enum Act {
    /// What it should.
    Honest,
    /// Nothing, and answers this.
    Answer(Reply),
    /// What it should, and answers what this makes of the honest answer.
    Changed(Change),
    /// It keeps the first half, and answers as if that had been sent.
    KeepHalf,
    /// What it should, but the line breaks before the answer.
    Lose,
    /// Nothing; the line breaks.
    Break,
    /// Nothing, and never answers.
    Hang,
    /// Nothing, and sends these bytes, which need not be HTTP.
    Raw(Bytes),
}

impl Act {
    /// [`Act::Changed`].
    pub fn changed(change: impl Fn(Reply) -> Reply + Send + Sync + 'static) -> Self {
        Self::Changed(Arc::new(change))
    }
}

type Rule = Arc<dyn Fn(&Asked) -> Act + Send + Sync>;

struct State {
    protocol: Protocol,
    calls: Vec<Asked>,
    stored: BTreeMap<String, Bytes>,
    /// What was written create-only.
    notes: BTreeMap<String, Bytes>,
    writes: BTreeMap<String, usize>,
    rule: Option<Rule>,
    lies: usize,
}

/// The provider. It has its own thread and runtime, and ends when dropped.
pub struct Hostile {
    /// Which protocol it speaks.
    pub protocol: Protocol,
    /// Its port on 127.0.0.1.
    pub port: u16,
    state: Arc<Mutex<State>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// The bucket or container in every address.
const SEALED: &str = "sealed";
const ACCOUNT: &str = "hostile";
/// Bytes of a catalog's note, sealed.
const NOTE_BYTES: usize = ecluse::seal::layout::SEALED_NOTE_BYTES;

impl Hostile {
    /// Starts one, empty.
    pub fn start(protocol: Protocol) -> Self {
        let state = State {
            protocol,
            calls: Vec::new(),
            stored: BTreeMap::new(),
            notes: BTreeMap::new(),
            writes: BTreeMap::new(),
            rule: None,
            lies: 0,
        };
        let mut hostile = Self { protocol, port: 0, state: Arc::new(Mutex::new(state)), stop: None, thread: None };
        hostile.listen();
        hostile
    }

    /// Listens: at the start on any port, later on the same one.
    fn listen(&mut self) {
        let listener = std::net::TcpListener::bind(("127.0.0.1", self.port)).expect("a port");
        listener.set_nonblocking(true).expect("a non-blocking listener");
        self.port = listener.local_addr().expect("its address").port();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let state = Arc::clone(&self.state);
        self.stop = Some(stop);
        self.thread = Some(std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                tokio::select! { () = accept(listener, state) => {}, _ = stopped => {} }
            });
        }));
    }

    /// Nobody answers at its address any more; connections that were open break.
    pub fn go(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the provider's thread");
        }
    }

    /// It is back, with all that it stored.
    pub fn come_back(&mut self) {
        self.listen();
    }

    /// Options of a gateway whose chunks go there.
    pub fn options(&self) -> Options {
        let origin = format!("http://127.0.0.1:{}", self.port);
        Options::with(match self.protocol {
            Protocol::S3 => Provider::S3 {
                endpoint: origin,
                bucket: SEALED.into(),
                access_key: "provider-key".into(),
                secret_key: "provider-secret".into(),
            },
            Protocol::Azure => Provider::Azure {
                endpoint: format!("{origin}/{ACCOUNT}"),
                container: SEALED.into(),
                account: ACCOUNT.into(),
                key: "bm90LWEtc2VjcmV0LW9mLWFueW9uZQ==".into(),
            },
        })
    }

    /// From now on, calls are answered by `rule`.
    pub fn rule(&self, rule: impl Fn(&Asked) -> Act + Send + Sync + 'static) {
        self.lock().rule = Some(Arc::new(rule));
    }

    /// From now on, reads of one chunk are answered so.
    pub fn reads_of(&self, chunk: &str, act: Act) {
        let chunk = chunk.to_owned();
        self.rule(move |asked| if asked.method == "GET" && asked.chunk == chunk { act.clone() } else { Act::Honest });
    }

    /// From now on, nothing but the truth.
    pub fn honest(&self) {
        self.lock().rule = None;
    }

    /// How many calls were not answered honestly.
    pub fn lies(&self) -> usize {
        self.lock().lies
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Asked> {
        self.lock().calls.clone()
    }

    /// Forgets the calls, so that a long test does not keep them.
    pub fn forget_calls(&self) {
        self.lock().calls.clear();
    }

    /// The chunks that it has, in the order of their first writing.
    pub fn chunks(&self) -> Vec<String> {
        let state = self.lock();
        let mut chunks: Vec<_> = state.stored.keys().map(|name| (state.writes.get(name), name)).collect();
        chunks.sort();
        chunks.into_iter().map(|(_, name)| name.clone()).collect()
    }

    /// Everything that it has.
    pub fn stored(&self) -> BTreeMap<String, Bytes> {
        self.lock().stored.clone()
    }

    /// One chunk.
    pub fn chunk(&self, name: &str) -> Bytes {
        self.lock().stored.get(name).cloned().expect("a chunk")
    }

    /// Puts other bytes in a chunk's place: answers about it are consistent with them, and false.
    pub fn replace(&self, name: &str, bytes: impl Into<Bytes>) {
        self.lock().stored.insert(name.to_owned(), bytes.into());
    }

    /// Takes a chunk away.
    pub fn remove(&self, name: &str) {
        self.lock().stored.remove(name);
    }

    /// Everything is as it was then.
    pub fn roll_back(&self, stored: BTreeMap<String, Bytes>) {
        self.lock().stored = stored;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: std::net::TcpListener, state: Arc<Mutex<State>>) {
    let listener = TcpListener::from_std(listener).expect("the listener");
    // Connections end with the provider.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        socket.set_nodelay(true).ok();
        let state = Arc::clone(&state);
        connections.spawn(async move { talk(socket, &state).await });
        while connections.try_join_next().is_some() {}
    }
}

/// One connection, call after call. An error is the end of it, and nobody's business.
async fn talk(mut socket: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut unread = BytesMut::new();
    loop {
        let Some(asked) = call(&mut socket, &mut unread, state).await? else { return Ok(()) };
        let rule = lock(state).rule.clone();
        let act = match rule.map_or(Act::Honest, |rule| rule(&asked)) {
            // Who never answers answers nothing; of lies, the catalog's notes are left alone.
            Act::Hang => Act::Hang,
            _ if asked.note => Act::Honest,
            act => act,
        };
        if !matches!(act, Act::Honest) {
            lock(state).lies += 1;
        }
        let reply = match act {
            Act::Honest => truth(&asked, state),
            Act::Answer(reply) => reply,
            Act::Changed(change) => change(truth(&asked, state)),
            Act::KeepHalf => {
                let half = asked.body.slice(..asked.body.len() / 2);
                truth(&Asked { body: half, ..asked.clone() }, state)
            }
            Act::Lose => {
                truth(&asked, state);
                return Ok(());
            }
            Act::Break => return Ok(()),
            Act::Hang => return silence(&mut socket).await,
            Act::Raw(bytes) => return socket.write_all(&bytes).await,
        };
        let length = reply.length.unwrap_or(reply.body.len());
        let mut head = format!("HTTP/1.1 {} Said\r\ncontent-length: {length}\r\n", reply.status);
        for (name, value) in &reply.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        socket.write_all(head.as_bytes()).await?;
        if asked.method != "HEAD" {
            socket.write_all(&reply.body).await?;
        }
        match reply.then {
            Then::Go => {}
            Then::Break => {
                socket.flush().await?;
                // What was sent arrives before the end does.
                tokio::time::sleep(Duration::from_millis(20)).await;
                return Ok(());
            }
            Then::Hang => return silence(&mut socket).await,
        }
    }
}

/// Until the other side has had enough.
async fn silence(socket: &mut TcpStream) -> std::io::Result<()> {
    socket.read(&mut [0; 1]).await.map(|_| ())
}

async fn call(socket: &mut TcpStream, unread: &mut BytesMut, state: &Mutex<State>) -> std::io::Result<Option<Asked>> {
    let end = loop {
        if let Some(end) = unread.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if socket.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&unread.split_to(end)).into_owned();
    let header = |name: &str| {
        head.lines().skip(1).find_map(|line| {
            let (this, value) = line.split_once(':')?;
            this.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let length: usize = header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    unread.reserve(length.saturating_sub(unread.len()));
    while unread.len() < length {
        if socket.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    }
    let body = unread.split_to(length).freeze();
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let range = header("range").or_else(|| header("x-ms-range")).and_then(|text| {
        let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
        Some((first.parse().ok()?, last.parse::<usize>().ok()? + 1))
    });
    let named = if method == "POST" { String::from_utf8_lossy(&body).into_owned() } else { target.to_owned() };
    let mut state = lock(state);
    let asked = Asked {
        method: method.to_owned(),
        target: target.to_owned(),
        chunk: chunk_in(&named).to_owned(),
        head: head.clone(),
        body,
        range,
        nth: state.calls.len(),
        note: false,
    };
    let create_only = method == "PUT" && header("if-none-match").is_some();
    // A look for an epoch that nobody has entered: a note is asked for whole.
    let looks = asked.range == Some((0, NOTE_BYTES + 1)) && !state.stored.contains_key(&asked.chunk);
    let note = create_only || looks || state.notes.contains_key(&asked.chunk);
    if !note {
        state.calls.push(asked.clone());
    }
    Ok(Some(Asked { note, ..asked }))
}

/// `aa/bb…` behind the bucket's name.
fn chunk_in(text: &str) -> &str {
    let behind = text.split_once(&format!("/{SEALED}/")).map_or("", |(_, behind)| behind);
    behind.split([' ', '?', '\r']).next().unwrap_or_default()
}

/// Does what was asked, and gives the honest answer.
fn truth(asked: &Asked, state: &Mutex<State>) -> Reply {
    let mut state = lock(state);
    let State { protocol, stored, notes, writes, .. } = &mut *state;
    let azure = *protocol == Protocol::Azure;
    let stored = if asked.note { notes } else { stored };
    let common = |reply: Reply, write: usize| {
        reply.with("etag", format!("\"0x{write:016X}\"")).with("last-modified", "Tue, 03 Nov 2026 10:00:00 GMT")
    };
    let refused = |status: u16, code: &str| {
        let xml = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code></Error>");
        let reply = Reply::status(status).with("content-type", "application/xml").body(xml);
        if azure { reply.with("x-ms-error-code", code) } else { reply }
    };
    match asked.method.as_str() {
        "PUT" => {
            let write = asked.nth;
            if asked.note && stored.contains_key(&asked.chunk) {
                return if azure { refused(409, "BlobAlreadyExists") } else { refused(412, "PreconditionFailed") };
            }
            stored.insert(asked.chunk.clone(), asked.body.clone());
            writes.entry(asked.chunk.clone()).or_insert(write);
            let digest = md5::Md5::digest(&asked.body);
            match azure {
                true => common(Reply::status(201), write).with("content-md5", BASE64_STANDARD.encode(digest)),
                false => common(Reply::status(200), write).with("etag", format!("\"{}\"", hex::encode(digest))),
            }
        }
        "GET" | "HEAD" => {
            let Some(bytes) = stored.get(&asked.chunk) else {
                return refused(404, if azure { "BlobNotFound" } else { "NoSuchKey" });
            };
            let reply = common(Reply::status(206), writes.get(&asked.chunk).copied().unwrap_or(0))
                .with("content-type", "application/octet-stream");
            let Some((first, end)) = asked.range else { return Reply { status: 200, ..reply.body(bytes.clone()) } };
            if first >= bytes.len() {
                return refused(416, "InvalidRange");
            }
            let end = end.min(bytes.len());
            let range = format!("bytes {first}-{}/{}", end - 1, bytes.len());
            reply.with("content-range", range).body(bytes.slice(first..end))
        }
        "DELETE" => {
            stored.remove(&asked.chunk);
            Reply::status(204)
        }
        "POST" => {
            let line = match stored.remove(&asked.chunk) {
                Some(_) => "202 Accepted",
                None => "404 The specified blob does not exist.",
            };
            batch_answer(0, line)
        }
        _ => Reply::status(501),
    }
}

/// The answer to a batch of one deletion, as Azure writes it.
pub fn batch_answer(id: usize, status: &str) -> Reply {
    let body = format!(
        "--answer\r\nContent-Type: application/http\r\nContent-ID: {id}\r\n\r\nHTTP/1.1 {status}\r\nx-ms-version: \
         2023-11-03\r\n\r\n--answer--\r\n"
    );
    Reply::status(202).with("content-type", "multipart/mixed; boundary=answer").body(body)
}
