//! A gateway before a hostile provider, some objects, and what must come of reading them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::StreamExt;
use object_store::path::Path;
use object_store::signer::Signer;
use url::Url;

use testing::azure::asking::AzureAsker;
use testing::client;
use testing::noise::content;
use testing::process::{CLIENT_ID, GatewayProcess, STRANGER_ID};
use testing::provider::hostile::{BOTH, Hostile, Protocol};

pub const KIB: usize = 1 << 10;
pub const MIB: usize = 1 << 20;
pub const CHUNK: usize = 8 * MIB;
/// Bytes of a chunk's header, of a segment, and of a sealed one (`docs/format.md`).
pub const HEADER: usize = 40;
pub const SEGMENT: usize = 64 * KIB;
pub const SEALED_SEGMENT: usize = SEGMENT + 16;
pub const BUCKET: &str = "imaging";

/// What the attack is, in the client's eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What came is not what was stored: 500, counted and logged.
    Incident,
    /// Nothing that can be judged came: 503 with Retry-After.
    Trouble,
}

/// The front that a client reads through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    S3,
    Azure,
}

pub const FRONTS: [Front; 2] = [Front::S3, Front::Azure];

/// The status of an answer that was cut before it was seen.
const ABORTED: u16 = 0;
/// What a client receives for [`Kind::Incident`], whatever was done: status, headers and body; dates and ids left out.
const INCIDENT: &str = "500 content-type: application/xml\n<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>InternalError</Code>\
    <Message>We encountered an internal error. Please try again.</Message><RequestId>ID</RequestId></Error>";
/// The same for [`Kind::Trouble`]; the seconds of Retry-After are left out.
const TROUBLE: &str = "503 content-type: application/xml\nretry-after: SECONDS\n<?xml version=\"1.0\" encoding=\"utf-8\"?><Error>\
    <Code>ServiceUnavailable</Code><Message>Service is unable to handle request. Please try again later.</Message>\
    <RequestId>ID</RequestId></Error>";
/// The same through the Azure front.
const AZURE_INCIDENT: &str = "500 content-type: application/xml\nx-ms-error-code: InternalError\nx-ms-version: 2025-11-05\n\
    <?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>InternalError</Code><Message>The server encountered an internal error. \
    Please retry the request.\nRequestId:ID\nTime:ID</Message></Error>";
const AZURE_TROUBLE: &str = "503 content-type: application/xml\nretry-after: SECONDS\nx-ms-error-code: ServerBusy\n\
    x-ms-version: 2025-11-05\n<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>ServerBusy</Code>\
    <Message>The server is currently unable to receive requests. Please retry your request.\nRequestId:ID\nTime:ID</Message></Error>";

impl Kind {
    /// What the client receives, to the letter.
    pub fn said(self, front: Front) -> &'static str {
        match (self, front) {
            (Self::Incident, Front::S3) => INCIDENT,
            (Self::Trouble, Front::S3) => TROUBLE,
            (Self::Incident, Front::Azure) => AZURE_INCIDENT,
            (Self::Trouble, Front::Azure) => AZURE_TROUBLE,
        }
    }
}

/// An object, and where its bytes are.
#[derive(Clone)]
pub struct Object {
    pub bucket: &'static str,
    pub key: &'static str,
    /// Which client's.
    pub who: &'static str,
    pub bytes: Vec<u8>,
    /// Its chunks at the provider; the first ones of parts and objects are the larger ones.
    pub chunks: Vec<String>,
}

/// How one read went.
pub struct Read {
    pub status: u16,
    /// What came before the end or the break.
    pub got: Vec<u8>,
    /// Whether it ended as it should.
    pub complete: bool,
    /// Status, headers and text, without what differs from request to request.
    pub said: String,
    pub how: String,
}

pub struct World {
    pub hostile: Hostile,
    pub gateway: GatewayProcess,
    http: reqwest::Client,
    stranger_secret: String,
    /// The first client at the Azure front. (The stranger's id is no account's name there.)
    azure: AzureAsker,
    turn: AtomicUsize,
    urls: Mutex<HashMap<String, Url>>,
    bystander: Option<Object>,
    honest: BTreeMap<String, Bytes>,
}

impl World {
    /// A gateway with two tenants, and one object that nobody touches.
    pub async fn start(protocol: Protocol) -> Self {
        let hostile = Hostile::start(protocol);
        let stranger_secret = "the-secret-of-another-establishment".to_owned();
        let options = hostile
            .options()
            .azure()
            .with_stranger(&stranger_secret)
            .write_setting("grace = \"1s\"")
            .setting("provider", "timeout = \"2s\"");
        let gateway = GatewayProcess::start(options);
        let http = client::http(&gateway.authority);
        let azure = AzureAsker::new(&gateway);
        let mut world = Self {
            hostile,
            gateway,
            http,
            stranger_secret,
            azure,
            turn: AtomicUsize::new(0),
            urls: Mutex::default(),
            bystander: None,
            honest: BTreeMap::new(),
        };
        for (who, bucket) in [(CLIENT_ID, BUCKET), (CLIENT_ID, "laboratory"), (STRANGER_ID, BUCKET)] {
            let url = world.url(who, bucket, "", http::Method::PUT).await;
            let answer = world.http.put(url).send().await.expect("an answer");
            assert!(answer.status().is_success(), "creating {bucket}: {}", answer.status());
        }
        world.bystander = Some(world.put("bystander", content(99, 70_000)).await);
        world
    }

    /// Puts an object of the first client.
    pub async fn put(&mut self, key: &'static str, bytes: Vec<u8>) -> Object {
        self.put_as(CLIENT_ID, BUCKET, key, bytes).await
    }

    /// The same bytes and name, in another tenant's bucket of the same name.
    pub async fn put_of_stranger(&mut self, key: &'static str, bytes: Vec<u8>) -> Object {
        self.put_as(STRANGER_ID, BUCKET, key, bytes).await
    }

    pub async fn put_as(
        &mut self,
        who: &'static str,
        bucket: &'static str,
        key: &'static str,
        bytes: Vec<u8>,
    ) -> Object {
        let before = self.hostile.stored();
        let url = self.url(who, bucket, key, http::Method::PUT).await;
        let answer = self.http.put(url).body(bytes.clone()).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{key} is not stored");
        let chunks = self.added(&before);
        self.honest = self.hostile.stored();
        Object { bucket, key, who, bytes, chunks }
    }

    /// Chunks that were not there before: the largest first, otherwise in the order of writing.
    pub fn added(&self, before: &BTreeMap<String, Bytes>) -> Vec<String> {
        let mut chunks: Vec<_> =
            self.hostile.chunks().into_iter().filter(|chunk| !before.contains_key(chunk)).collect();
        chunks.sort_by_key(|chunk| std::cmp::Reverse(self.hostile.chunk(chunk).len()));
        chunks
    }

    /// What is there now is what is true.
    pub fn settle(&mut self) {
        self.honest = self.hostile.stored();
    }

    /// The truth again; others are served in any case.
    pub async fn restore(&self, attack: &str) {
        self.hostile.honest();
        self.bystander_is_served(attack).await;
        self.hostile.roll_back(self.honest.clone());
    }

    pub async fn bystander_is_served(&self, attack: &str) {
        let bystander = self.bystander.as_ref().expect("a bystander");
        for front in FRONTS {
            let read = self.read_through(front, bystander, None).await;
            assert_complete(&read, &bystander.bytes, &format!("{attack}: another object, {front:?}"));
        }
    }

    pub async fn url(&self, who: &str, bucket: &str, key: &str, method: http::Method) -> Url {
        let name = format!("{who} {method} {bucket}/{key}");
        let known = self.urls.lock().expect("the URLs").get(&name).cloned();
        if let Some(url) = known {
            return url;
        }
        let secret = if who == CLIENT_ID { &self.gateway.secret } else { &self.stranger_secret };
        let signer = client::builder(&self.gateway, bucket).with_access_key_id(who).with_secret_access_key(secret);
        let hour = std::time::Duration::from_secs(3600);
        let url = signer.build().expect("a signer").signed_url(method, &Path::from(key), hour).await.expect("a URL");
        self.urls.lock().expect("the URLs").insert(name, url.clone());
        url
    }

    /// One GET with HTTP/2; the range's end is excluded.
    pub async fn read(&self, object: &Object, range: Option<(usize, usize)>) -> Read {
        let url = self.url(object.who, object.bucket, object.key, http::Method::GET).await;
        read_with(&self.http, url, range).await
    }

    /// The same through either front.
    pub async fn read_through(&self, front: Front, object: &Object, range: Option<(usize, usize)>) -> Read {
        if front == Front::S3 || object.who != CLIENT_ID {
            return self.read(object, range).await;
        }
        let asker = &self.azure;
        let request = asker.request("GET", &format!("/{}/{}", object.bucket, object.key));
        let request = match range {
            Some((first, end)) => request.header("x-ms-range", &format!("bytes={first}-{}", end - 1)),
            None => request,
        };
        told(asker.begin(request).await).await
    }

    /// The first client at the Azure front.
    pub fn azure(&self) -> &AzureAsker {
        &self.azure
    }

    /// A complete success of the right bytes.
    pub async fn assert_right(&self, object: &Object, range: Option<(usize, usize)>, what: &str) {
        let (first, end) = range.unwrap_or((0, object.bytes.len()));
        let read = self.read_through(self.next_front(), object, range).await;
        assert_complete(&read, &object.bytes[first..end], what);
    }

    /// One front after the other.
    pub fn next_front(&self) -> Front {
        FRONTS[self.turn.fetch_add(1, Ordering::Relaxed) % 2]
    }

    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Deletes an object of the first client.
    pub async fn delete(&self, key: &str) {
        let url = self.url(CLIENT_ID, BUCKET, key, http::Method::DELETE).await;
        let answer = self.http.delete(url).send().await.expect("an answer");
        assert_eq!(answer.status(), 204, "{key} is not deleted");
    }

    /// Waits until something is so.
    ///
    /// # Panics
    /// When it is not so in a minute.
    pub async fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        for _ in 0..600 {
            if so(self) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("{what}: not in a minute");
    }

    pub fn incidents(&self) -> usize {
        self.gateway.metric("ecluse_integrity_incidents_total") as usize
    }

    /// Reads, and holds what came against what must. Gives back how many right bytes came before the end, at most.
    ///
    /// What can be judged is read through both fronts. What cannot is tried again and again, so it is read through one
    /// after the other: twice in a row would be the breaker's business.
    pub async fn assert_refused(
        &self,
        attack: &str,
        object: &Object,
        range: Option<(usize, usize)>,
        kind: Kind,
    ) -> usize {
        if kind == Kind::Trouble {
            return self.assert_refused_through(self.next_front(), attack, object, range, kind).await;
        }
        let mut most = 0;
        for front in FRONTS {
            most = most.max(self.assert_refused_through(front, attack, object, range, kind).await);
        }
        most
    }

    /// The same through one front.
    pub async fn assert_refused_through(
        &self,
        front: Front,
        attack: &str,
        object: &Object,
        range: Option<(usize, usize)>,
        kind: Kind,
    ) -> usize {
        let (first, end) = range.unwrap_or((0, object.bytes.len()));
        let front = if object.who == CLIENT_ID { front } else { Front::S3 };
        let what = format!("{:?}, {attack}, range {range:?} through {front:?}", self.hostile.protocol);
        let read = async || self.read_through(front, object, range).await;
        let names = [object.key, object.bucket];
        self.assert_read_refused(&what, front, kind, &object.bytes[first..end], &names, read).await
    }

    /// One read, whatever its way, of what should be `bytes`.
    pub async fn assert_read_refused(
        &self,
        what: &str,
        front: Front,
        kind: Kind,
        bytes: &[u8],
        names: &[&str],
        read: impl AsyncFnOnce() -> Read,
    ) -> usize {
        let (counted, logged) = (self.incidents(), self.logged());
        let read = read().await;
        assert!(bytes.starts_with(&read.got) || read.status >= 300, "{what}: wrong bytes");
        match read.status {
            200 | 206 | ABORTED => assert!(!read.complete, "{what}: a complete success of {} bytes", read.got.len()),
            _ => assert_eq!(read.said, kind.said(front), "{what}: every error says the same"),
        }
        let incidents = usize::from(kind == Kind::Incident);
        assert_eq!(self.incidents() - counted, incidents, "{what}: incidents counted");
        let new = self.logged().split_off(logged.len());
        assert_eq!(new.len(), incidents, "{what}: incidents in the log");
        for line in new {
            let told = ["part=", "chunk=", "provider=\"abroad\"", "what="].iter().all(|word| line.contains(word));
            assert!(told, "{what}: where it was: {line}");
            assert!(names.iter().all(|name| !line.contains(name)), "{what}: a name: {line}");
        }
        if read.status < 300 { read.got.len() } else { 0 }
    }

    /// Reads what is no provider's fault, through both fronts: the client is told the same as of one that is.
    pub async fn assert_refused_as_incident_elsewhere(&self, attack: &str, object: &Object) {
        let counted = self.incidents();
        for front in FRONTS {
            let read = self.read_through(front, object, None).await;
            assert_eq!(read.said, Kind::Incident.said(front), "{attack}: every error says the same");
        }
        assert_eq!(self.incidents(), counted, "{attack}: no provider is blamed");
    }

    /// The lines of the log that tell of incidents.
    pub fn logged(&self) -> Vec<String> {
        self.gateway.log().lines().filter(|line| line.contains("integrity incident part=")).map(str::to_owned).collect()
    }
}

/// In both protocols at once: for what mostly waits.
pub async fn both(attack: impl AsyncFn(Protocol)) {
    let [s3, azure] = BOTH;
    futures::join!(attack(s3), attack(azure));
}

/// One GET.
pub async fn read_with(http: &reqwest::Client, url: Url, range: Option<(usize, usize)>) -> Read {
    let mut request = http.get(url);
    if let Some((first, end)) = range {
        request = request.header("range", format!("bytes={first}-{}", end - 1));
    }
    told(request.send().await).await
}

fn assert_complete(read: &Read, bytes: &[u8], what: &str) {
    assert!(read.complete && read.status < 300, "{what}: {} {}", read.said, read.how);
    assert!(read.got == bytes, "{what}: wrong bytes");
}

/// What came of a request, to its end or its break.
pub async fn told(answer: reqwest::Result<reqwest::Response>) -> Read {
    let answer = match answer {
        Ok(answer) => answer,
        // HTTP/2: the reset overtook the headers.
        Err(error) => {
            let (how, said) = (format!("{error:?}"), "no answer".to_owned());
            return Read { status: ABORTED, got: Vec::new(), complete: false, said, how };
        }
    };
    let status = answer.status().as_u16();
    let mut headers: Vec<String> = answer
        .headers()
        .iter()
        .filter(|(name, _)| !["date", "x-amz-request-id", "x-ms-request-id", "content-length"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or("?")))
        .map(|line| if line.starts_with("retry-after: ") { "retry-after: SECONDS".to_owned() } else { line })
        .collect();
    headers.sort();
    let mut pieces = answer.bytes_stream();
    let (mut got, mut complete, mut how) = (Vec::new(), true, String::new());
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => got.extend_from_slice(&piece),
            Err(error) => {
                (complete, how) = (false, format!("{error:?}"));
                break;
            }
        }
    }
    let said = if status < 300 { String::new() } else { without_id(&String::from_utf8_lossy(&got)) };
    Read { status, got, complete, said: format!("{status} {}\n{said}", headers.join("\n")), how }
}

/// Both fronts' ids are left out, and the time in Azure's message.
fn without_id(text: &str) -> String {
    let blank = |text: String, begin: &str, end: &str| match text.split_once(begin) {
        Some((before, rest)) => {
            let behind = rest.split_once(end).map_or("", |(_, behind)| behind);
            format!("{before}{begin}ID{end}{behind}")
        }
        None => text,
    };
    let text = blank(text.to_owned(), "<RequestId>", "</RequestId>");
    blank(blank(text, "RequestId:", "\n"), "Time:", "</Message>")
}

/// Where a sealed chunk of so many bytes has its borders: header, segments, tags.
pub fn borders(sealed: usize) -> Vec<usize> {
    let mut borders = vec![0, HEADER];
    let mut at = HEADER;
    while at < sealed {
        at = (at + SEALED_SEGMENT).min(sealed);
        borders.extend([at - 16, at]);
    }
    borders
}

/// Segment `number` of a sealed chunk.
pub fn segment(number: usize, sealed: &[u8]) -> std::ops::Range<usize> {
    let begin = HEADER + number * SEALED_SEGMENT;
    begin..(begin + SEALED_SEGMENT).min(sealed.len())
}
