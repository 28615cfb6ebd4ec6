//! Signatures for the client's requests, made as cheaply as can be: SigV4 with the key of the day, or Azure's Shared Key.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::client::{Ask, Call};

/// What every S3 request says of its payload. Servers check TLS records or TCP, not a hash, as with most clients.
const PAYLOAD: &str = "UNSIGNED-PAYLOAD";
/// The version of Azure's protocol that is spoken.
const AZURE_VERSION: &str = "2023-11-03";
/// Most names on a page.
const PAGE: &str = "1000";

/// Says a call in its protocol, and signs it.
pub enum Signer {
    S3(SigV4),
    Azure(SharedKey),
}

/// What goes on the wire beside the body.
pub struct Signed {
    /// Path and query.
    pub target: String,
    pub headers: Vec<(&'static str, String)>,
}

impl Signer {
    pub fn s3(id: &str, secret: &str) -> Self {
        Self::S3(SigV4::new(id, secret))
    }

    pub fn azure(account: &str, key: &str) -> Self {
        let key = BASE64_STANDARD.decode(key).unwrap();
        Self::Azure(SharedKey { account: account.to_owned(), key: Key::new(HMAC_SHA256, &key) })
    }

    pub fn sign(&self, call: &Call, host: &str) -> Signed {
        match self {
            Self::S3(signer) => signer.sign(call, host),
            Self::Azure(signer) => signer.sign(call),
        }
    }

    /// The element that has the name of an object in a page of names.
    pub fn name_element(&self) -> &'static str {
        match self {
            Self::S3(_) => "<Key>",
            Self::Azure(_) => "<Name>",
        }
    }
}

/// Two HMACs and a hash for each request.
pub struct SigV4 {
    id: String,
    scope: String,
    key: Key,
}

impl SigV4 {
    fn new(id: &str, secret: &str) -> Self {
        let date = &timestamp()[..8];
        let mut key = format!("AWS4{secret}").into_bytes();
        for field in [date, "us-east-1", "s3", "aws4_request"] {
            key = sign(&Key::new(HMAC_SHA256, &key), field.as_bytes()).as_ref().to_vec();
        }
        Self { id: id.to_owned(), scope: format!("{date}/us-east-1/s3/aws4_request"), key: Key::new(HMAC_SHA256, &key) }
    }

    /// The path is sent as it is given.
    fn sign(&self, call: &Call, host: &str) -> Signed {
        let (method, path, at) = (call.method, &call.path, timestamp());
        let query = match call.ask {
            Ask::Names => format!("list-type=2&max-keys={PAGE}"),
            Ask::Bucket | Ask::Object => String::new(),
            Ask::Block(_) | Ask::BlockList => unreachable!("a block for S3"),
        };
        let names = "host;x-amz-content-sha256;x-amz-date";
        let canonical = format!(
            "{method}\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:{PAYLOAD}\nx-amz-date:{at}\n\n{names}\n{PAYLOAD}"
        );
        let hash = hex::encode(digest(&SHA256, canonical.as_bytes()));
        let text = format!("AWS4-HMAC-SHA256\n{at}\n{}\n{hash}", self.scope);
        let signature = hex::encode(sign(&self.key, text.as_bytes()));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={names}, Signature={signature}",
            self.id, self.scope
        );
        let mut headers =
            vec![("x-amz-content-sha256", PAYLOAD.to_owned()), ("x-amz-date", at), ("authorization", authorization)];
        headers.extend(call.range.clone().map(|range| ("range", range)));
        Signed { target: with_query(path, &query), headers }
    }
}

/// One HMAC for each request. Source: Azure "Authorize with Shared Key".
pub struct SharedKey {
    account: String,
    key: Key,
}

impl SharedKey {
    /// The account goes before the path: the path style of emulators.
    fn sign(&self, call: &Call) -> Signed {
        let path = format!("/{}{}", self.account, call.path);
        // Sorted by name, as they are signed.
        let parameters: Vec<(&str, String)> = match call.ask {
            Ask::Object => Vec::new(),
            Ask::Bucket => vec![("restype", "container".to_owned())],
            Ask::Names => {
                vec![("comp", "list".to_owned()), ("maxresults", PAGE.to_owned()), ("restype", "container".to_owned())]
            }
            Ask::Block(number) => vec![("blockid", block_id(number)), ("comp", "block".to_owned())],
            Ask::BlockList => vec![("comp", "blocklist".to_owned())],
        };
        let mut headers = Vec::new();
        if call.method == "PUT" && call.ask == Ask::Object {
            headers.push(("x-ms-blob-type", "BlockBlob".to_owned()));
        }
        let at = OffsetDateTime::now_utc().format(&Rfc2822).unwrap().replace("+0000", "GMT");
        headers.extend([("x-ms-date", at), ("x-ms-version", AZURE_VERSION.to_owned())]);
        let length = match call.length() {
            0 => String::new(),
            length => length.to_string(),
        };
        let range = call.range.as_deref().unwrap_or_default();
        let mut text = format!("{}\n\n\n{length}\n\n\n\n\n\n\n\n{range}\n", call.method);
        for (name, value) in &headers {
            text += &format!("{name}:{value}\n");
        }
        text += &format!("/{}{path}", self.account);
        for (name, value) in &parameters {
            text += &format!("\n{name}:{value}");
        }
        let signature = BASE64_STANDARD.encode(sign(&self.key, text.as_bytes()));
        headers.push(("authorization", format!("SharedKey {}:{signature}", self.account)));
        headers.extend(call.range.clone().map(|range| ("range", range)));
        let query: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Signed { target: with_query(&path, &query.join("&")), headers }
    }
}

/// The name of a block. All have one length, and nothing in them must be escaped in a query.
pub fn block_id(number: usize) -> String {
    BASE64_STANDARD.encode(format!("{number:06}"))
}

fn with_query(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

fn timestamp() -> String {
    let at = OffsetDateTime::now_utc();
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}
