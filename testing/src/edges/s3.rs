//! Requests to the S3 front.

use time::Duration;

use super::bodies;
use super::choices::Choices;
use super::values::{Kind, Seen, value};
use crate::s3::sigv4::{Signer, sha256, target};
use crate::s3::world::{SECRET, World};

/// How a request begins, and what may be added to it.
struct Shape {
    method: &'static str,
    /// 0: the service, 1: a bucket, 2: an object.
    depth: usize,
    query: &'static [(&'static str, Kind)],
    headers: &'static [(&'static str, Kind)],
    /// Parameters of which some are added.
    more_query: &'static [(&'static str, Kind)],
    more_headers: &'static [(&'static str, Kind)],
    body: bodies::S3,
}

const FLAG: Kind = Kind::Of(&[""]);
const YES_NO: Kind = Kind::Of(&["true", "false", "", "TRUE", "1"]);

const CONDITIONS: &[(&str, Kind)] = &[
    ("if-match", Kind::ETag),
    ("if-none-match", Kind::ETag),
    ("if-modified-since", Kind::Date),
    ("if-unmodified-since", Kind::Date),
    ("range", Kind::Range),
    ("if-range", Kind::ETag),
    ("if-range", Kind::Date),
    ("x-amz-checksum-mode", Kind::Of(&["ENABLED", "x"])),
    ("x-amz-expected-bucket-owner", Kind::Text),
];

const LISTED: &[(&str, Kind)] = &[
    ("prefix", Kind::Key),
    ("delimiter", Kind::Text),
    ("max-keys", Kind::Number),
    ("encoding-type", Kind::Of(&["url", "URL", ""])),
    ("marker", Kind::Token),
    ("marker", Kind::Key),
    ("start-after", Kind::Key),
    ("continuation-token", Kind::Token),
    ("fetch-owner", YES_NO),
    ("max-uploads", Kind::Number),
    ("key-marker", Kind::Key),
    ("upload-id-marker", Kind::Upload),
    ("versions", FLAG),
];

const WRITTEN: &[(&str, Kind)] = &[
    ("content-md5", Kind::Digest),
    ("content-type", Kind::Text),
    ("content-encoding", Kind::Text),
    ("cache-control", Kind::Text),
    ("expires", Kind::Date),
    ("if-match", Kind::ETag),
    ("if-none-match", Kind::ETag),
    ("x-amz-meta-a", Kind::Text),
    ("x-amz-meta-b", Kind::Text),
    ("x-amz-tagging", Kind::Tags),
    ("x-amz-storage-class", Kind::Of(&["STANDARD", "COLD", "GLACIER", "", "x"])),
    ("x-amz-checksum-crc32", Kind::Digest),
    ("x-amz-checksum-crc64nvme", Kind::Digest),
    ("x-amz-checksum-sha256", Kind::Digest),
    ("x-amz-sdk-checksum-algorithm", Kind::Of(&["CRC32", "SHA256", "CRC64NVME", "MD5", ""])),
    ("x-amz-checksum-algorithm", Kind::Of(&["CRC32", "SHA256", "CRC64NVME", "MD5", ""])),
    ("x-amz-checksum-type", Kind::Of(&["FULL_OBJECT", "COMPOSITE", ""])),
    ("x-amz-mp-object-size", Kind::Number),
    ("x-amz-write-offset-bytes", Kind::Number),
    ("x-amz-acl", Kind::Of(&["private", "public-read"])),
    ("x-amz-server-side-encryption", Kind::Of(&["AES256", "aws:kms"])),
    ("expect", Kind::Of(&["100-continue"])),
];

const COPIED: &[(&str, Kind)] = &[
    ("x-amz-copy-source-if-match", Kind::ETag),
    ("x-amz-copy-source-if-none-match", Kind::ETag),
    ("x-amz-copy-source-if-modified-since", Kind::Date),
    ("x-amz-copy-source-if-unmodified-since", Kind::Date),
    ("x-amz-copy-source-range", Kind::Range),
    ("x-amz-metadata-directive", Kind::Of(&["COPY", "REPLACE", "x"])),
    ("x-amz-tagging-directive", Kind::Of(&["COPY", "REPLACE", "x"])),
    ("x-amz-meta-a", Kind::Text),
    ("if-none-match", Kind::ETag),
];

const READ: &[(&str, Kind)] = &[
    ("partNumber", Kind::Number),
    ("versionId", Kind::Of(&["null", "", "x"])),
    ("response-content-type", Kind::Text),
    ("response-expires", Kind::Date),
    ("response-content-disposition", Kind::Text),
    ("attributes", FLAG),
];

/// What a browser asks beforehand, and what it says in a page's request.
pub(super) const PREFLIGHT: &[(&str, Kind)] = &[
    ("origin", ORIGIN),
    ("access-control-request-method", Kind::Of(&["GET", "PUT", "get", "", "TRACE"])),
    ("access-control-request-headers", Kind::Of(&["x-amz-meta-a", "", ",,", "x-ms-meta-a, Range", "a b"])),
];
pub(super) const PAGE: &[(&str, Kind)] = &[("origin", ORIGIN)];
const ORIGIN: Kind = Kind::Of(&["https://viewer.example", "null", "", "*", "https://a.viewer.example"]);

const NONE: &[(&str, Kind)] = &[];
const PART: &[(&str, Kind)] = &[("partNumber", Kind::Number), ("uploadId", Kind::Upload)];
const UPLOAD: &[(&str, Kind)] = &[("uploadId", Kind::Upload)];

const fn shape(method: &'static str, depth: usize, query: &'static [(&'static str, Kind)]) -> Shape {
    Shape { method, depth, query, headers: NONE, more_query: NONE, more_headers: NONE, body: bodies::S3::Nothing }
}

const SHAPES: &[Shape] = &[
    Shape {
        more_query: &[("max-buckets", Kind::Number), ("continuation-token", Kind::Token), ("prefix", Kind::Text)],
        ..shape("GET", 0, NONE)
    },
    Shape { more_query: LISTED, ..shape("GET", 1, NONE) },
    Shape { more_query: LISTED, ..shape("GET", 1, &[("list-type", Kind::Of(&["2", "2", "2", "1", "3", ""]))]) },
    Shape { more_query: LISTED, ..shape("GET", 1, &[("uploads", FLAG)]) },
    Shape { body: bodies::S3::Location, ..shape("PUT", 1, NONE) },
    shape("DELETE", 1, NONE),
    shape("HEAD", 1, NONE),
    shape("GET", 1, &[("location", FLAG)]),
    shape("GET", 1, &[("versioning", FLAG)]),
    Shape { more_query: READ, more_headers: CONDITIONS, ..shape("GET", 2, NONE) },
    Shape { more_query: READ, more_headers: CONDITIONS, headers: &[("range", Kind::Range)], ..shape("GET", 2, NONE) },
    Shape { more_query: READ, more_headers: CONDITIONS, ..shape("HEAD", 2, NONE) },
    Shape { more_headers: WRITTEN, body: bodies::S3::Content, ..shape("PUT", 2, NONE) },
    Shape { more_headers: WRITTEN, body: bodies::S3::Content, ..shape("PUT", 2, NONE) },
    Shape { headers: &[("x-amz-copy-source", Kind::Source)], more_headers: COPIED, ..shape("PUT", 2, NONE) },
    Shape { more_headers: WRITTEN, ..shape("DELETE", 2, NONE) },
    Shape { more_headers: WRITTEN, body: bodies::S3::Deletions, ..shape("POST", 1, &[("delete", FLAG)]) },
    shape("GET", 2, &[("tagging", FLAG)]),
    Shape { more_headers: WRITTEN, body: bodies::S3::Tagging, ..shape("PUT", 2, &[("tagging", FLAG)]) },
    shape("DELETE", 2, &[("tagging", FLAG)]),
    Shape { more_headers: WRITTEN, ..shape("POST", 2, &[("uploads", FLAG)]) },
    Shape { more_headers: WRITTEN, body: bodies::S3::Content, ..shape("PUT", 2, PART) },
    Shape {
        more_headers: WRITTEN,
        body: bodies::S3::Content,
        ..shape("PUT", 2, &[("partNumber", Kind::Of(&["1", "2", "10000"])), ("uploadId", Kind::Upload)])
    },
    Shape { headers: &[("x-amz-copy-source", Kind::Source)], more_headers: COPIED, ..shape("PUT", 2, PART) },
    Shape { more_headers: WRITTEN, body: bodies::S3::Completion, ..shape("POST", 2, UPLOAD) },
    shape("DELETE", 2, UPLOAD),
    Shape {
        more_query: &[("max-parts", Kind::Number), ("part-number-marker", Kind::Number), ("encoding-type", Kind::Text)],
        ..shape("GET", 2, UPLOAD)
    },
    shape("GET", 2, &[("acl", FLAG)]),
    Shape { body: bodies::S3::Content, ..shape("POST", 1, NONE) },
    shape("GET", 1, &[("cors", FLAG)]),
    Shape { more_headers: WRITTEN, body: bodies::S3::Cors, ..shape("PUT", 1, &[("cors", FLAG)]) },
    shape("DELETE", 1, &[("cors", FLAG)]),
    shape("GET", 1, &[("tagging", FLAG)]),
    Shape { more_headers: WRITTEN, body: bodies::S3::Tagging, ..shape("PUT", 1, &[("tagging", FLAG)]) },
    shape("DELETE", 1, &[("tagging", FLAG)]),
    Shape { headers: PREFLIGHT, ..shape("OPTIONS", 2, NONE) },
    Shape { headers: PREFLIGHT, ..shape("OPTIONS", 1, NONE) },
    Shape { more_headers: PREFLIGHT, ..shape("OPTIONS", 0, NONE) },
    Shape { headers: PAGE, more_query: READ, more_headers: CONDITIONS, ..shape("GET", 2, NONE) },
];

/// What is sent: head and body.
pub(super) struct Sent {
    pub(super) head: Vec<u8>,
    pub(super) body: Vec<u8>,
    /// The announced length is not the body's.
    pub(super) lies: bool,
    pub(super) is_head: bool,
}

/// One request.
pub(super) fn request(choices: &mut Choices<'_>, seen: &Seen, world: &World) -> Sent {
    let shape = choices.of(SHAPES);
    let host = world.host();
    let mut path = String::from("/");
    if shape.depth > 0 {
        path.push_str(&value(Kind::Bucket, choices, seen));
    }
    if shape.depth > 1 {
        path.push('/');
        path.push_str(&value(Kind::Key, choices, seen));
    }
    let mut query: Vec<(&str, String)> = Vec::new();
    let mut headers: Vec<(String, String)> = vec![("host".into(), host.clone())];
    for (name, kind) in shape.query {
        query.push((name, value(*kind, choices, seen)));
    }
    for (name, kind) in shape.headers {
        headers.push(((*name).into(), shown(&value(*kind, choices, seen), &host)));
    }
    for _ in 0..*choices.of(&[0, 0, 0, 0, 1, 1, 2, 3]) {
        if shape.more_query.is_empty() {
            break;
        }
        let (name, kind) = choices.of(shape.more_query);
        query.push((name, value(*kind, choices, seen)));
    }
    for _ in 0..*choices.of(&[0, 0, 0, 0, 1, 1, 2, 3]) {
        let (name, kind) = choices.of(if shape.more_headers.is_empty() { WRITTEN } else { shape.more_headers });
        let twice = headers.iter().any(|(other, _)| other == name);
        if !twice {
            headers.push(((*name).into(), shown(&value(*kind, choices, seen), &host)));
        }
    }
    let body = bodies::s3(shape.body, choices, seen);
    proven(choices, seen, shape.method, &path, &query, headers, body, world)
}

/// The request with a proof, most often a good one.
#[expect(clippy::too_many_arguments, reason = "the parts of a request")]
fn proven(
    choices: &mut Choices<'_>,
    seen: &Seen,
    method: &str,
    path: &str,
    query: &[(&str, String)],
    mut headers: Vec<(String, String)>,
    mut body: Vec<u8>,
    world: &World,
) -> Sent {
    let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let signer = signer(choices, world);
    let mut line = target(path, &query);
    match choices.below(12) {
        0 => {
            let expires = value(Kind::Number, choices, seen);
            line = signer.presign(method, &world.host(), path, &expires, &query);
        }
        1 => {
            let decoded = if choices.once_in(3) { value(Kind::Number, choices, seen) } else { body.len().to_string() };
            headers.push(("x-amz-decoded-content-length".into(), decoded));
            headers.push(("content-encoding".into(), "aws-chunked".into()));
            let seed = signer.sign(method, path, &query, &mut headers, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
            body = bodies::chunked(choices, &signer, &seed, &body);
        }
        2 => {
            headers.push(("x-amz-decoded-content-length".into(), body.len().to_string()));
            headers.push(("x-amz-trailer".into(), (choices.text(&["x-amz-checksum-crc32", "", "a,b"])).into()));
            signer.sign(method, path, &query, &mut headers, "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
            body = bodies::unsigned_chunks(choices, &body);
        }
        3 => {
            signer.sign(method, path, &query, &mut headers, "UNSIGNED-PAYLOAD");
        }
        4 if choices.once_in(4) => {
            signer.sign(method, path, &query, &mut headers, "not-a-digest");
        }
        _ => {
            signer.sign(method, path, &query, &mut headers, &sha256(&body));
        }
    }
    let lies = choices.once_in(40);
    let length = if lies { value(Kind::Number, choices, seen) } else { body.len().to_string() };
    headers.push(("content-length".into(), length));
    Sent { head: head(method, &line, &headers), body, lies, is_head: method == "HEAD" }
}

fn signer(choices: &mut Choices<'_>, world: &World) -> Signer {
    let signer = match choices.below(16) {
        0 => &world.viewer,
        1 => &world.courier,
        2 => &world.writer,
        3 => &world.stranger,
        _ => &world.signer,
    };
    match choices.below(24) {
        0 => signer.shifted(Duration::minutes(*choices.of(&[-16, -15, -14, 14, 15, 16, 1_000_000, -1_000_000]))),
        1 => Signer {
            scope_date: Some((choices.text(&["20261301", "", "00000000", "99991231"])).into()),
            ..signer.clone()
        },
        2 => Signer { region: (choices.text(&["", "x/y", "us-east-1"])).into(), ..signer.clone() },
        3 => Signer::new(choices.text(&["nobody", "", "a/b"]), SECRET),
        _ => signer.clone(),
    }
}

/// A header's value as it can be sent: no line ends in it.
pub(super) fn shown(value: &str, host: &str) -> String {
    value.replace("HOST", host).replace(|letter: char| letter.is_control(), "")
}

/// The head of a request, as it goes over the wire.
pub(super) fn head(method: &str, target: &str, headers: &[(String, String)]) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}
