//! List, HEAD and GET agree on name, size, tag, time and content, after any run of operations: a generated history
//! through the S3 front and the Azure front (`one_truth/azure.rs`), held against a model in memory, seen through both.

mod azure;

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use testing::azure::world::AzureWorld;
use testing::s3::world::Answer;
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

const OPERATIONS: usize = 400;
/// Operations between two looks at everything.
const STRIDE: usize = 16;
const SMALLEST_PART: u64 = 100;
/// Names that sort, roll up and escape in every way.
const KEYS: [&str; 14] =
    ["a", "a/", "a//", "a/b", "a/b/c", "a/é", "a0", "b c", "b+c", "b&<c>", "b%2F", "é/x", "z\u{1}", "\u{10FFFD}/y"];

/// What the model knows of an object.
#[derive(Clone, PartialEq, Debug)]
struct Object {
    content: Vec<u8>,
    etag: String,
    content_type: String,
    meta: String,
}

/// A stream of numbers from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }

    fn content(&mut self) -> Vec<u8> {
        let length = [0, 1, 99, 100, 1024, 65_535, 65_536, 65_537][self.below(8)];
        (0..length).map(|_| self.below(256) as u8).collect()
    }

    fn key(&mut self) -> &'static str {
        KEYS[self.below(KEYS.len())]
    }
}

struct Run {
    azure: AzureWorld,
    model: BTreeMap<String, Object>,
    dice: Dice,
}

#[tokio::test]
async fn list_head_and_get_agree_after_any_history() {
    // To see a failure again, put its seed in the place of the clock.
    let seed = OffsetDateTime::now_utc().unix_timestamp_nanos() as u64;
    println!("seed {seed}");
    let mut run = Run { azure: AzureWorld::start().await, model: BTreeMap::new(), dice: Dice(seed) };
    for count in 1..=OPERATIONS {
        run.step().await;
        if count % STRIDE == 0 {
            run.agrees().await;
            run.azure_agrees().await;
        }
    }
}

impl Run {
    async fn step(&mut self) {
        let key = self.dice.key();
        match self.dice.below(14) {
            0..=2 => self.put(key).await,
            3..=4 => self.upload(key).await,
            5 => self.copy(key).await,
            6 => self.replace_metadata(key).await,
            7 => self.put_if_absent(key).await,
            8 => {
                assert_eq!(self.send("DELETE", key, &[], &[], b"").await.status, 204);
                self.model.remove(key);
            }
            9..=12 => self.azure_step(key).await,
            _ => self.delete_many().await,
        }
    }

    async fn put(&mut self, key: &str) {
        let (content, meta) = (self.dice.content(), format!("m{}", self.dice.below(1000)));
        let sent = [("content-type", "application/dicom"), ("x-amz-meta-m", meta.as_str())];
        let answer = self.send("PUT", key, &[], &sent, &content).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let etag = answer.header("etag").to_owned();
        self.model.insert(key.into(), Object { content, etag, content_type: "application/dicom".into(), meta });
    }

    async fn put_if_absent(&mut self, key: &str) {
        let content = self.dice.content();
        let answer = self.send("PUT", key, &[], &[("if-none-match", "*")], &content).await;
        if self.model.contains_key(key) {
            answer.expect(412, "PreconditionFailed");
            return;
        }
        assert_eq!(answer.status, 200, "{}", answer.text());
        let etag = answer.header("etag").to_owned();
        let content_type = "binary/octet-stream".into();
        self.model.insert(key.into(), Object { content, etag, content_type, meta: String::new() });
    }

    /// An upload of some parts, of which one may come twice and one may be a copy of bytes of an object.
    async fn upload(&mut self, key: &str) {
        let key = if key.contains('\u{1}') { "a/b" } else { key };
        let meta = format!("u{}", self.dice.below(1000));
        let sent = [("content-type", "text/plain"), ("x-amz-meta-m", meta.as_str())];
        let created = self.send("POST", key, &[("uploads", "")], &sent, b"").await;
        let id = inside(&created.text(), "UploadId").expect("an upload");
        let last = self.dice.below(4);
        let (mut content, mut xml) = (Vec::new(), String::new());
        for number in 0..=last {
            let text = (number * 3 + 1).to_string();
            let query = [("partNumber", text.as_str()), ("uploadId", id.as_str())];
            if self.dice.below(4) == 0 {
                assert_eq!(self.send("PUT", key, &query, &[], b"replaced by what follows").await.status, 200);
            }
            let source = self.model.iter().find(|(_, object)| object.content.len() > 600);
            let source = source.map(|(name, object)| (name.clone(), object.content[50..550].to_vec()));
            let (piece, etag) = match source.filter(|_| self.dice.below(3) == 0) {
                Some((name, piece)) => {
                    let from = source_of(&name);
                    let headers = [("x-amz-copy-source", from.as_str()), ("x-amz-copy-source-range", "bytes=50-549")];
                    let answer = self.send("PUT", key, &query, &headers, b"").await;
                    (piece, inside(&answer.text(), "ETag").expect("a copied part").replace("&quot;", "\""))
                }
                None => {
                    let mut piece = self.dice.content();
                    piece.resize(piece.len().max(SMALLEST_PART as usize), b'p');
                    let answer = self.send("PUT", key, &query, &[], &piece).await;
                    (piece, answer.header("etag").to_owned())
                }
            };
            content.extend_from_slice(&piece);
            xml.push_str(&format!("<Part><PartNumber>{text}</PartNumber><ETag>{etag}</ETag></Part>"));
        }
        if self.dice.below(5) == 0 {
            assert_eq!(self.send("DELETE", key, &[("uploadId", &id)], &[], b"").await.status, 204);
            return;
        }
        let xml = format!("<CompleteMultipartUpload>{xml}</CompleteMultipartUpload>");
        let done = self.send("POST", key, &[("uploadId", &id)], &[], xml.as_bytes()).await;
        assert_eq!(done.status, 200, "{}", done.text());
        let etag = inside(&done.text(), "ETag").unwrap().replace("&quot;", "\"");
        self.model.insert(key.into(), Object { content, etag, content_type: "text/plain".into(), meta });
    }

    async fn copy(&mut self, key: &str) {
        let from = self.dice.key();
        let answer = self.send("PUT", key, &[], &[("x-amz-copy-source", &source_of(from))], b"").await;
        match self.model.get(from).cloned() {
            _ if from == key => assert_eq!(answer.code(), "InvalidRequest"),
            None => assert_eq!(answer.code(), "NoSuchKey"),
            Some(object) => {
                assert_eq!(answer.status, 200, "{}", answer.text());
                assert_eq!(inside(&answer.text(), "ETag").unwrap().replace("&quot;", "\""), object.etag);
                self.model.insert(key.into(), object);
            }
        }
    }

    async fn replace_metadata(&mut self, key: &str) {
        let (from, meta) = (source_of(key), format!("r{}", self.dice.below(1000)));
        let sent = [
            ("x-amz-copy-source", from.as_str()),
            ("x-amz-metadata-directive", "REPLACE"),
            ("content-type", "image/png"),
            ("x-amz-meta-m", &meta),
        ];
        let answer = self.send("PUT", key, &[], &sent, b"").await;
        let Some(object) = self.model.get_mut(key) else { return assert_eq!(answer.code(), "NoSuchKey") };
        assert_eq!(answer.status, 200, "{}", answer.text());
        object.content_type = "image/png".into();
        object.meta = meta;
    }

    async fn delete_many(&mut self) {
        // What XML cannot carry cannot be named in it.
        let keys: Vec<&str> = (0..3).map(|_| self.dice.key()).filter(|key| !key.contains('\u{1}')).collect();
        if keys.is_empty() {
            return;
        }
        let escaped = |key: &str| key.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let objects: String = keys.iter().map(|key| format!("<Object><Key>{}</Key></Object>", escaped(key))).collect();
        let xml = format!("<Delete><Quiet>true</Quiet>{objects}</Delete>");
        let digest = {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD
                .encode(hex::decode(testing::s3::sigv4::sha256(xml.as_bytes())).unwrap())
        };
        let sums = [("x-amz-checksum-sha256", digest.as_str())];
        let answer = self.azure.s3.send("POST", "/imaging", &[("delete", "")], &sums, xml.as_bytes()).await;
        assert!(answer.status == 200 && !answer.text().contains("<Error>"), "{}", answer.text());
        for key in keys {
            self.model.remove(key);
        }
    }

    /// Lists in pages of random size, in both versions, rolled up and not; then HEAD and GET of every name.
    async fn agrees(&mut self) {
        let prefix = ["", "a", "a/", "b", "é/", "none"][self.dice.below(6)];
        let delimiter = ["", "/", "b", "//"][self.dice.below(4)];
        for version_2 in [true, false] {
            let page = (self.dice.below(4) + 1).to_string();
            let (shown, prefixes) = self.listed(prefix, delimiter, &page, version_2).await;
            let (mut names, mut rolled) = (BTreeSet::new(), BTreeSet::new());
            for key in self.model.keys().filter(|key| key.starts_with(prefix)) {
                let rest = &key[prefix.len()..];
                match rest.find(delimiter).filter(|_| !delimiter.is_empty()) {
                    Some(at) => rolled.insert(format!("{prefix}{}", &rest[..at + delimiter.len()])),
                    None => names.insert(key.clone()),
                };
            }
            assert_eq!(shown.iter().map(|entry| entry.key.clone()).collect::<Vec<_>>(), Vec::from_iter(names));
            assert_eq!(prefixes, Vec::from_iter(rolled));
        }
        let (all, _) = self.listed("", "", "1000", true).await;
        assert_eq!(all.len(), self.model.len());
        for entry in all {
            let object = &self.model[&entry.key];
            assert_eq!((entry.size, &entry.etag), (object.content.len(), &object.etag), "{:?}", entry.key);
            let head = self.send("HEAD", &entry.key, &[], &[], b"").await;
            let get = self.send("GET", &entry.key, &[], &[], b"").await;
            assert!(get.body == object.content, "{:?}: other bytes", entry.key);
            for answer in [&head, &get] {
                assert_eq!(answer.status, 200);
                assert_eq!(answer.header("content-length"), entry.size.to_string());
                assert_eq!(answer.header("etag"), object.etag);
                assert_eq!(answer.header("content-type"), object.content_type);
                assert_eq!(answer.header("x-amz-meta-m"), object.meta);
                let modified = OffsetDateTime::parse(answer.header("last-modified"), &Rfc2822).unwrap();
                assert_eq!(modified, entry.modified, "{:?}", entry.key);
            }
        }
        for key in KEYS.iter().filter(|key| !self.model.contains_key(**key)) {
            assert_eq!(self.send("HEAD", key, &[], &[], b"").await.status, 404, "{key:?}");
        }
    }

    /// All pages of a list, in order; common prefixes apart.
    async fn listed(&self, prefix: &str, delimiter: &str, page: &str, version_2: bool) -> (Vec<Entry>, Vec<String>) {
        let (mut entries, mut prefixes) = (Vec::new(), Vec::new());
        let mut marker = String::new();
        loop {
            let mut query = vec![("prefix", prefix), ("max-keys", page), ("encoding-type", "url")];
            if !delimiter.is_empty() {
                query.push(("delimiter", delimiter));
            }
            if version_2 {
                query.push(("list-type", "2"));
            }
            if !marker.is_empty() {
                query.push((if version_2 { "continuation-token" } else { "marker" }, &marker));
            }
            let answer = self.azure.s3.send("GET", "/imaging", &query, &[], b"").await;
            let text = answer.text();
            assert_eq!(answer.status, 200, "{text}");
            let found: Vec<Entry> = text.split("<Contents>").skip(1).map(Entry::of).collect();
            let rolled: Vec<String> = text
                .split("<CommonPrefixes>")
                .skip(1)
                .map(|part| decoded(&inside(part, "Prefix").expect("a prefix")))
                .collect();
            let last = found.last().map(|entry| entry.key.clone());
            assert!(found.len() + rolled.len() <= page.parse().unwrap(), "a page that is too long");
            entries.extend(found);
            prefixes.extend(rolled);
            if inside(&text, "IsTruncated").as_deref() != Some("true") {
                return (entries, prefixes);
            }
            let next = if version_2 { "NextContinuationToken" } else { "NextMarker" };
            marker = match inside(&text, next) {
                Some(token) if version_2 => token,
                Some(name) => decoded(&name),
                None => last.expect("a page that is truncated and empty"),
            };
        }
    }

    async fn send(
        &self,
        method: &str,
        key: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.azure.s3.send(method, &format!("/imaging/{key}"), query, headers, body).await
    }
}

/// An object as a list shows it.
struct Entry {
    key: String,
    size: usize,
    etag: String,
    modified: OffsetDateTime,
}

impl Entry {
    fn of(xml: &str) -> Self {
        let field = |name| inside(xml, name).expect(name);
        Self {
            key: decoded(&field("Key")),
            size: field("Size").parse().unwrap(),
            etag: field("ETag").replace("&quot;", "\""),
            modified: OffsetDateTime::parse(&field("LastModified"), &Rfc3339).unwrap(),
        }
    }
}

fn inside(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once("</")?.0.to_owned())
}

fn decoded(name: &str) -> String {
    percent_decode_str(name).decode_utf8().unwrap().into_owned()
}

fn source_of(key: &str) -> String {
    format!("imaging/{}", utf8_percent_encode(key, NON_ALPHANUMERIC))
}
