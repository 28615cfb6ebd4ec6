//! The Azure front's part of the history, and its view of everything: what it writes both fronts show, and what it shows
//! is what both wrote.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;

use super::{KEYS, Object, Run};
use testing::azure::shared_key::Request;
use testing::azure::wire::Answer;

/// A blob as a list shows it.
struct Line {
    name: String,
    length: usize,
    etag: String,
    modified: String,
    content_type: String,
    kind: String,
}

impl Run {
    fn ask(&self, method: &str, key: &str) -> Request {
        self.azure.request(method, &format!("/imaging/{key}"))
    }

    fn put_of(&self, key: &str, comp: &str, body: &[u8]) -> Request {
        let request = self.ask("PUT", key).body(body);
        if comp.is_empty() { request } else { request.query("comp", comp) }
    }

    /// What S3 calls the state that an Azure write made.
    async fn note(&mut self, key: &str, content: Vec<u8>, content_type: &str, meta: &str) {
        let head = self.send("HEAD", key, &[], &[], b"").await;
        assert_eq!(head.status, 200, "{key:?}: written through Azure");
        let (etag, content_type, meta) = (head.header("etag").into(), content_type.into(), meta.into());
        self.model.insert(key.into(), Object { content, etag, content_type, meta });
    }

    pub(crate) async fn azure_step(&mut self, key: &str) {
        let meta = format!("z{}", self.dice.below(1000));
        let described = [("x-ms-blob-content-type", "application/dicom"), ("x-ms-meta-m", meta.as_str())];
        match self.dice.below(6) {
            0 => {
                let content = self.dice.content();
                let put = self.put_of(key, "", &content).header("x-ms-blob-type", "BlockBlob").headers(&described);
                self.azure.send(put).await.ok(201);
                self.note(key, content, "application/dicom", &meta).await;
            }
            1 => self.blocks(key, &described, &meta).await,
            2 => {
                let begin = self.put_of(key, "", b"").header("x-ms-blob-type", "AppendBlob").headers(&described);
                self.azure.send(begin).await.ok(201);
                let mut content = Vec::new();
                for _ in 0..self.dice.below(4) {
                    let piece = [self.dice.content(), vec![b'+']].concat();
                    self.azure.send(self.put_of(key, "appendblock", &piece)).await.ok(201);
                    content.extend(piece);
                }
                self.note(key, content, "application/dicom", &meta).await;
            }
            3 => {
                let from = self.dice.key();
                let address = format!("http://{}{}", self.azure.host, self.ask("GET", from).path);
                let copy = self.put_of(key, "", b"").header("x-ms-copy-source", &address);
                let answer = self.azure.send(copy).await;
                let Some(object) = self.model.get(from).cloned() else {
                    drop(answer.expect(404, "CannotVerifyCopySource"));
                    return;
                };
                answer.ok(202);
                self.note(key, object.content, &object.content_type, &object.meta).await;
            }
            4 => {
                let request = self.put_of(key, "metadata", b"").header("x-ms-meta-m", &meta);
                let answer = self.azure.send(request).await;
                let Some(object) = self.model.get(key).cloned() else {
                    drop(answer.expect(404, "BlobNotFound"));
                    return;
                };
                answer.ok(200);
                self.note(key, object.content, &object.content_type, &meta).await;
            }
            _ => {
                // A snapshot, which holds its object, goes with it.
                let taken = self.azure.send(self.put_of(key, "snapshot", b"")).await;
                let request = self.ask("DELETE", key).header("x-ms-delete-snapshots", "include");
                let answer = self.azure.send(request).await;
                if self.model.remove(key).is_none() {
                    taken.expect(404, "BlobNotFound");
                    drop(answer.expect(404, "BlobNotFound"));
                    return;
                }
                taken.ok(201);
                answer.ok(202);
            }
        }
    }

    /// Some blocks, some of them twice, one perhaps a range of another blob, in any order.
    async fn blocks(&mut self, key: &str, described: &[(&str, &str)], meta: &str) {
        // What grows has no blocks.
        let clear = self.put_of(key, "", b"").header("x-ms-blob-type", "BlockBlob");
        self.azure.send(clear).await.ok(201);
        let id = |number: usize| BASE64_STANDARD.encode(format!("{number:03}"));
        let mut pieces = Vec::new();
        for number in 0..=self.dice.below(3) {
            let source = self.model.iter().find(|(name, object)| *name != key && object.content.len() > 600);
            let source =
                source.filter(|_| number == 1).map(|(name, object)| (name.clone(), object.content[50..550].to_vec()));
            let (request, piece) = match source {
                Some((name, piece)) => {
                    let address = format!("http://{}{}", self.azure.host, self.ask("GET", &name).path);
                    let request = self.put_of(key, "block", b"").header("x-ms-copy-source", &address);
                    (request.header("x-ms-source-range", "bytes=50-549"), piece)
                }
                None => {
                    let piece = [self.dice.content(), vec![b'|']].concat();
                    (self.put_of(key, "block", &piece), piece)
                }
            };
            self.azure.send(request.query("blockid", &id(number))).await.ok(201);
            pieces.push(piece);
        }
        let picks: Vec<usize> = (0..self.dice.below(5)).map(|_| self.dice.below(pieces.len())).collect();
        let list: String = picks.iter().map(|pick| format!("<Latest>{}</Latest>", id(*pick))).collect();
        let list = format!("<BlockList>{list}</BlockList>");
        self.azure.send(self.put_of(key, "blocklist", list.as_bytes()).headers(described)).await.ok(201);
        let content = picks.iter().flat_map(|pick| pieces[*pick].clone()).collect();
        self.note(key, content, "application/dicom", meta).await;
    }

    /// Lists of the Azure front, in pages, rolled up and not; then HEAD and GET of every name.
    pub(crate) async fn azure_agrees(&mut self) {
        let page = (self.dice.below(4) + 1).to_string();
        let lines = self.azure_lines(&page).await;
        let names: Vec<&String> = lines.iter().map(|line| &line.name).collect();
        assert_eq!(names, Vec::from_iter(self.model.keys()), "Azure's list");
        for line in &lines {
            let object = &self.model[&line.name];
            assert_eq!(line.length, object.content.len(), "{:?}", line.name);
            let [head, get] = [
                self.azure.send(self.ask("HEAD", &line.name)).await,
                self.azure.send(self.ask("GET", &line.name)).await,
            ];
            assert!(get.body == object.content, "{:?}: other bytes through Azure", line.name);
            for answer in [head, get] {
                let shown = |name: &str| Answer::header(&answer, name).to_owned();
                assert_eq!(answer.status, 200, "{:?}", line.name);
                assert_eq!(shown("content-length"), line.length.to_string());
                assert_eq!(shown("etag").trim_matches('"'), line.etag.trim_matches('"'), "{:?}", line.name);
                assert_eq!(
                    (shown("last-modified"), shown("content-type")),
                    (line.modified.clone(), line.content_type.clone())
                );
                assert_eq!((shown("x-ms-blob-type"), shown("x-ms-meta-m")), (line.kind.clone(), object.meta.clone()));
            }
        }
        for key in KEYS.iter().filter(|key| !self.model.contains_key(**key)) {
            self.azure.send(self.ask("HEAD", key)).await.expect(404, "BlobNotFound");
        }
    }

    async fn azure_lines(&self, page: &str) -> Vec<Line> {
        let (mut lines, mut marker) = (Vec::new(), String::new());
        loop {
            let query = [("restype", "container"), ("comp", "list"), ("maxresults", page), ("marker", &marker)];
            let answer = self.azure.send(self.azure.request("GET", "/imaging").queries(&query)).await.ok(200);
            let text = answer.text();
            let found = text.split("<Blob>").skip(1).map(|xml| {
                let field = |name: &str| {
                    let (_, rest) = xml.split_once(&format!("<{name}")).unwrap_or_default();
                    let (attributes, rest) = rest.split_once('>').unwrap_or_default();
                    let value = rest.split("</").next().unwrap_or_default();
                    let value = value.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
                    let encoded = attributes.contains("Encoded=\"true\"");
                    if encoded { percent_decode_str(&value).decode_utf8().unwrap().into_owned() } else { value }
                };
                Line {
                    name: field("Name"),
                    length: field("Content-Length").parse().unwrap(),
                    etag: field("Etag"),
                    modified: field("Last-Modified"),
                    content_type: field("Content-Type"),
                    kind: field("BlobType"),
                }
            });
            let before = lines.len();
            lines.extend(found);
            assert!(lines.len() - before <= page.parse().unwrap(), "a page that is too long");
            marker = answer.field("NextMarker").unwrap_or_default();
            if marker.is_empty() {
                return lines;
            }
        }
    }
}
