//! Clients of both fronts: changes asked for, and what the answers say.

use http::Method;
use testing::azure::asking::AzureAsker;
use testing::azure::shared_key::Account;
use testing::noise::content;
use testing::process::GatewayProcess;
use testing::s3::asking::Asker;
use testing::s3::sigv4::Signer;
use testing::told::Told;

use super::books::{Book, Change, INBOX};

/// The bucket of each tenant.
pub const BUCKET: &str = "model";

/// A client, at both fronts.
#[derive(Clone)]
pub struct Client {
    pub s3: Asker,
    pub azure: AzureAsker,
    /// Only what is below [`INBOX`].
    pub narrow: bool,
}

impl Client {
    pub fn new(gateway: &GatewayProcess, id: &str, secret: &str, narrow: bool) -> Self {
        let (mut s3, mut azure) = (Asker::new(gateway), AzureAsker::new(gateway));
        s3.signer = Signer::new(id, secret);
        azure.account = Account::new(id, secret);
        Self { s3, azure, narrow }
    }

    /// Whether its grants let it do this.
    pub fn may(&self, key: &str, change: &Change) -> bool {
        let of_it = |key: &str| !self.narrow || key.starts_with(INBOX);
        match change {
            Change::Copy { from } | Change::BlobCopy { from } => of_it(key) && of_it(from),
            _ => of_it(key),
        }
    }

    /// Asks for a change: the answer that decides. An error: there was none.
    pub async fn ask(&self, key: &str, change: &Change, book: &Book) -> reqwest::Result<Told> {
        let path = format!("/{BUCKET}/{key}");
        let of = |piece: &(u64, usize)| content(piece.0, piece.1);
        let noted = |name: &'static str, note: &Option<String>| note.clone().map(|note| (name, note));
        match change {
            Change::Put { piece, note } => {
                let note = noted("x-amz-meta-note", note);
                let headers: Vec<(&str, &str)> = note.iter().map(|(name, value)| (*name, value.as_str())).collect();
                self.s3.ask(Method::PUT, &path, &[], &headers, of(piece)).await
            }
            Change::PutAbsent(piece) => {
                self.s3.ask(Method::PUT, &path, &[], &[("if-none-match", "*")], of(piece)).await
            }
            Change::PutMatching { piece, right } => {
                let (current, before) = &book.tags[key];
                let tag = if *right { current } else { before.as_ref().expect("an older tag") };
                self.s3.ask(Method::PUT, &path, &[], &[("if-match", tag)], of(piece)).await
            }
            Change::Upload(pieces) => self.upload(&path, pieces).await,
            Change::Copy { from } => self.s3.copy(&format!("/{BUCKET}/{from}"), &path).await,
            Change::Delete => self.s3.delete(&path).await,
            Change::BlobPut { piece, note } => {
                let mut request = self.azure.put(&path, of(piece)).header("x-ms-blob-type", "BlockBlob");
                if let Some(note) = note {
                    request = request.header("x-ms-meta-note", note);
                }
                self.azure.send(request).await
            }
            Change::BlobBlocks(pieces) => self.blocks(&path, pieces).await,
            Change::BlobBegin => {
                self.azure.send(self.azure.put(&path, "").header("x-ms-blob-type", "AppendBlob")).await
            }
            Change::BlobAppend(piece) => {
                self.azure.send(self.azure.put(&path, of(piece)).query("comp", "appendblock")).await
            }
            Change::BlobNote(note) => {
                let request = self.azure.put(&path, "").query("comp", "metadata").header("x-ms-meta-note", note);
                self.azure.send(request).await
            }
            Change::BlobCopy { from } => {
                let source = self.azure.address(&format!("/{BUCKET}/{from}"));
                let request = self.azure.put(&path, "").header("x-ms-copy-source", &source);
                self.azure.send(request.header("x-ms-requires-sync", "true")).await
            }
            Change::BlobDelete => self.azure.send(self.azure.request("DELETE", &path)).await,
        }
    }

    async fn upload(&self, path: &str, pieces: &[(u64, usize)]) -> reqwest::Result<Told> {
        let upload = match self.s3.begin(path).await? {
            Ok(upload) => upload,
            Err(told) => return Ok(told),
        };
        let mut parts = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            let number = (index + 1).to_string();
            let told = self.s3.part(path, &upload, &number, content(piece.0, piece.1)).await?;
            if told.status != 200 {
                return Ok(told);
            }
            parts.push((number, tag_of(&told)));
        }
        let parts: Vec<(&str, String)> = parts.iter().map(|(number, tag)| (number.as_str(), tag.clone())).collect();
        let told = self.s3.complete(path, &upload, &parts).await?;
        // The status goes out before the end is known: an error may follow it.
        let failed = told.status == 200 && told.field("Code").is_some();
        Ok(if failed { Told { status: 500, ..told } } else { told })
    }

    async fn blocks(&self, path: &str, pieces: &[(u64, usize)]) -> reqwest::Result<Told> {
        let mut list = String::from("<BlockList>");
        for (index, piece) in pieces.iter().enumerate() {
            let id = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("block-{index:04}"));
            let request = self.azure.put(path, content(piece.0, piece.1)).query("comp", "block").query("blockid", &id);
            let told = self.azure.send(request).await?;
            if told.status != 201 {
                return Ok(told);
            }
            list.push_str(&format!("<Latest>{id}</Latest>"));
        }
        list.push_str("</BlockList>");
        self.azure.send(self.azure.put(path, list).query("comp", "blocklist")).await
    }
}

/// The answer's tag, in quotes, or nothing.
pub fn tag_of(told: &Told) -> String {
    told.headers.get("etag").and_then(|tag| tag.to_str().ok()).unwrap_or_default().to_owned()
}
