//! A signer of Azure Blob requests, written from Microsoft's pages for hand-made requests: Shared Key, Shared Key Lite,
//! and shared access signatures of an account and of a service. It shares no code with the gateway.
//!
//! Source: "Authorize with Shared Key", "Create an account SAS", "Create a service SAS".

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;
use time::{Duration, OffsetDateTime};

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const WITH_SLASH: &AsciiSet = &UNRESERVED.remove(b'/');

/// The version that tests ask for where it does not matter.
pub const VERSION: &str = "2025-11-05";
/// The standard headers of the string to sign, in its order.
pub const SIGNED_HEADERS: [&str; 11] = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

/// A request to sign: its path as it is sent, encoded, with the account where the style has it; its query decoded.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// `path` is decoded and begins with a slash; the account comes before it.
    pub fn new(account: &Account, method: &str, path: &str) -> Self {
        let path = format!("/{}{}", account.name, utf8_percent_encode(path, WITH_SLASH));
        Self { method: method.into(), path, ..Self::default() }
    }

    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    pub fn queries(mut self, query: &[(&str, &str)]) -> Self {
        self.query.extend(query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    pub fn headers(mut self, headers: &[(&str, &str)]) -> Self {
        self.headers.extend(headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), (*value).to_owned())));
        self
    }

    /// With a body and its length.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.headers.retain(|(name, _)| name != "content-length");
        self.header("content-length", &length)
    }

    /// Without a header.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    /// With another value of a header, signed or not.
    pub fn replaced(self, name: &str, value: &str) -> Self {
        self.without(name).header(name, value)
    }

    pub fn value(&self, name: &str) -> &str {
        self.headers.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value.as_str())
    }

    /// What stands in the request line.
    pub fn target(&self) -> String {
        let query: Vec<String> =
            self.query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        if query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, query.join("&")) }
    }
}

/// Who signs, and at what time.
#[derive(Clone)]
pub struct Account {
    pub name: String,
    key: Vec<u8>,
    /// Moves the clock.
    pub shift: Duration,
}

impl Account {
    /// `key` as in a connection string.
    pub fn new(name: &str, key: &str) -> Self {
        Self { name: name.into(), key: BASE64_STANDARD.decode(key).expect("base64"), shift: Duration::ZERO }
    }

    /// The same with its clock moved.
    pub fn shifted(&self, shift: Duration) -> Self {
        Self { shift, ..self.clone() }
    }

    /// The same name with another key.
    pub fn with_other_key(&self) -> Self {
        Self { key: b"not the key of anyone".to_vec(), ..self.clone() }
    }

    pub fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + self.shift
    }

    /// Adds `x-ms-date`, `x-ms-version` if they are not there, and `authorization`.
    pub fn sign(&self, request: Request) -> Request {
        let request = self.dated(request);
        let signature = self.signature(&self.string_to_sign(&request));
        request.header("authorization", &format!("SharedKey {}:{signature}", self.name))
    }

    /// The same with Shared Key Lite.
    pub fn sign_lite(&self, request: Request) -> Request {
        let request = self.dated(request);
        let mut text = format!("{}\n", request.method);
        // With x-ms-date, the line of the date is empty.
        for name in ["content-md5", "content-type"] {
            text.push_str(&format!("{}\n", request.value(name)));
        }
        text.push_str(&format!("\n{}", canonical_headers(&request)));
        text.push_str(&format!("/{}{}", self.name, request.path));
        if let Some((_, comp)) = request.query.iter().find(|(name, _)| name == "comp") {
            text.push_str(&format!("?comp={comp}"));
        }
        let signature = self.signature(&text);
        request.header("authorization", &format!("SharedKeyLite {}:{signature}", self.name))
    }

    /// The date and the version, where the request has none.
    pub fn dated(&self, mut request: Request) -> Request {
        if request.value("x-ms-date").is_empty() && request.value("date").is_empty() {
            request = request.header("x-ms-date", &rfc1123(self.now()));
        }
        if request.headers.iter().all(|(name, _)| name != "x-ms-version") {
            request = request.header("x-ms-version", VERSION);
        }
        request
    }

    /// What Shared Key signs.
    pub fn string_to_sign(&self, request: &Request) -> String {
        let mut text = format!("{}\n", request.method);
        for name in SIGNED_HEADERS {
            let value = request.value(name);
            let empty = (name == "content-length" && value == "0")
                || (name == "date" && !request.value("x-ms-date").is_empty());
            text.push_str(if empty { "" } else { value });
            text.push('\n');
        }
        text.push_str(&canonical_headers(request));
        text.push_str(&format!("/{}{}", self.name, request.path));
        let mut query: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (name, value) in &request.query {
            query.entry(name.to_ascii_lowercase()).or_default().push(value);
        }
        for (name, mut values) in query {
            values.sort_unstable();
            text.push_str(&format!("\n{name}:{}", values.join(",")));
        }
        text
    }

    /// HMAC-SHA-256 in base64.
    pub fn signature(&self, text: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any key");
        mac.update(text.as_bytes());
        BASE64_STANDARD.encode(mac.finalize().into_bytes())
    }

    /// The parameters of an account SAS. Fields that are empty are left out.
    pub fn account_sas(&self, sas: &AccountSas) -> Vec<(String, String)> {
        let lines = [
            &self.name,
            &sas.permissions,
            &sas.services,
            &sas.types,
            &sas.start,
            &sas.expiry,
            &sas.ip,
            &sas.protocol,
            &sas.version,
        ];
        let mut text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        // The encryption scope, from this version on.
        if sas.version.as_str() >= "2020-12-06" {
            text.push('\n');
        }
        present([
            ("sv", &sas.version),
            ("ss", &sas.services),
            ("srt", &sas.types),
            ("sp", &sas.permissions),
            ("st", &sas.start),
            ("se", &sas.expiry),
            ("sip", &sas.ip),
            ("spr", &sas.protocol),
            ("sig", &self.signature(&text)),
        ])
    }

    /// The parameters of a service SAS.
    pub fn service_sas(&self, sas: &ServiceSas) -> Vec<(String, String)> {
        let resource = format!("/blob/{}/{}", self.name, sas.resource);
        let mut lines = vec![
            &sas.permissions,
            &sas.start,
            &sas.expiry,
            &resource,
            &sas.policy,
            &sas.ip,
            &sas.protocol,
            &sas.version,
        ];
        let empty = String::new();
        if sas.version.as_str() >= "2018-11-09" {
            lines.extend([&sas.kind, &sas.snapshot]);
        }
        if sas.version.as_str() >= "2020-12-06" {
            lines.push(&empty);
        }
        lines.extend(sas.response.iter().map(|(_, value)| value));
        let text = lines.iter().map(|line| line.as_str()).collect::<Vec<_>>().join("\n");
        let mut query = present([
            ("sv", &sas.version),
            ("sr", &sas.kind),
            ("sp", &sas.permissions),
            ("st", &sas.start),
            ("se", &sas.expiry),
            ("si", &sas.policy),
            ("sip", &sas.ip),
            ("spr", &sas.protocol),
            ("sig", &self.signature(&text)),
        ]);
        query.extend(sas.response.iter().filter(|(_, value)| !value.is_empty()).cloned());
        query
    }
}

/// An account SAS before it is signed.
#[derive(Debug, Clone)]
pub struct AccountSas {
    pub permissions: String,
    pub services: String,
    pub types: String,
    pub start: String,
    pub expiry: String,
    pub ip: String,
    pub protocol: String,
    pub version: String,
}

impl AccountSas {
    /// For an hour, on blobs, with these permissions.
    pub fn new(permissions: &str, types: &str) -> Self {
        Self {
            permissions: permissions.into(),
            services: "b".into(),
            types: types.into(),
            start: String::new(),
            expiry: iso8601(OffsetDateTime::now_utc() + Duration::HOUR),
            ip: String::new(),
            protocol: String::new(),
            version: VERSION.into(),
        }
    }
}

/// A service SAS before it is signed.
#[derive(Debug, Clone)]
pub struct ServiceSas {
    pub permissions: String,
    /// `CONTAINER` or `CONTAINER/BLOB`, decoded.
    pub resource: String,
    /// `c`, `b`, `bs`.
    pub kind: String,
    pub start: String,
    pub expiry: String,
    /// A stored access policy.
    pub policy: String,
    pub snapshot: String,
    pub ip: String,
    pub protocol: String,
    pub version: String,
    /// `rscc`, `rscd`, `rsce`, `rscl`, `rsct`, in this order.
    pub response: [(String, String); 5],
}

impl ServiceSas {
    /// For an hour, on `CONTAINER` or `CONTAINER/BLOB`, with these permissions.
    pub fn new(permissions: &str, resource: &str) -> Self {
        Self {
            permissions: permissions.into(),
            resource: resource.into(),
            kind: if resource.contains('/') { "b".into() } else { "c".into() },
            start: String::new(),
            expiry: iso8601(OffsetDateTime::now_utc() + Duration::HOUR),
            policy: String::new(),
            snapshot: String::new(),
            ip: String::new(),
            protocol: String::new(),
            version: VERSION.into(),
            response: ["rscc", "rscd", "rsce", "rscl", "rsct"].map(|name| (name.to_owned(), String::new())),
        }
    }
}

/// What Get User Delegation Key answered: the fields that a signature repeats, and the key.
#[derive(Debug, Clone)]
pub struct DelegationKey {
    pub fields: [(&'static str, String); 6],
    pub value: String,
}

impl DelegationKey {
    /// `field`: the text of an element of the answer.
    pub fn read(field: impl Fn(&str) -> Option<String>) -> Self {
        let named = [
            ("skoid", "SignedOid"),
            ("sktid", "SignedTid"),
            ("skt", "SignedStart"),
            ("ske", "SignedExpiry"),
            ("sks", "SignedService"),
            ("skv", "SignedVersion"),
        ];
        let fields = named.map(|(parameter, element)| (parameter, field(element).expect(element)));
        Self { fields, value: field("Value").expect("a key") }
    }

    /// The parameters of a user delegation SAS for `CONTAINER/BLOB`, for an hour. Source: "Create a user delegation SAS".
    pub fn sas(&self, account: &str, permissions: &str, resource: &str) -> Vec<(String, String)> {
        const OF: &str = "2020-12-06";
        let expiry = iso8601(OffsetDateTime::now_utc() + Duration::HOUR);
        let place = format!("/blob/{account}/{resource}");
        let mut lines = vec![permissions, "", &expiry, &place];
        lines.extend(self.fields.iter().map(|(_, value)| value.as_str()));
        // Agents, address, protocol; the kind; snapshot, scope and headers of the answer.
        lines.extend(["", "", "", "", "", OF, "b", "", "", "", "", "", "", ""]);
        let signature = Account::new(account, &self.value).signature(&lines.join("\n"));
        let ours = [("sv", OF), ("sr", "b"), ("sp", permissions), ("se", &expiry), ("sig", &signature)];
        let fields = self.fields.iter().map(|(name, value)| (*name, value.as_str()));
        ours.into_iter().chain(fields).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

/// A request as part `number` of a batch whose boundary is `b`. Source: "Blob Batch".
pub fn batch_part(number: usize, request: &Request) -> String {
    let head: String = request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!(
        "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {number}\r\n\r\n\
         {} {} HTTP/1.1\r\n{head}\r\n",
        request.method,
        request.target()
    )
}

/// `Wed, 25 Nov 2026 15:02:16 GMT`
pub fn rfc1123(at: OffsetDateTime) -> String {
    let day = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][usize::from(at.weekday().number_days_from_monday())];
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months[usize::from(u8::from(at.month())) - 1];
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    format!("{day}, {:02} {month} {:04} {hour:02}:{minute:02}:{second:02} GMT", at.day(), at.year())
}

/// `2026-11-25T15:02:16Z`
pub fn iso8601(at: OffsetDateTime) -> String {
    let (month, day) = (u8::from(at.month()), at.day());
    format!("{:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", at.year(), at.hour(), at.minute(), at.second())
}

/// A value as it stands in a query.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

fn canonical_headers(request: &Request) -> String {
    let mut ours: Vec<(&str, &str)> = request
        .headers
        .iter()
        .filter(|(name, _)| name.starts_with("x-ms-"))
        .map(|(name, value)| (name.as_str(), value.trim()))
        .collect();
    ours.sort_by_key(|(name, _)| *name);
    ours.iter().map(|(name, value)| format!("{name}:{value}\n")).collect()
}

fn present<const N: usize>(pairs: [(&str, &String); N]) -> Vec<(String, String)> {
    let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    pairs.map(|(name, value)| (name.to_owned(), value.clone())).collect()
}
