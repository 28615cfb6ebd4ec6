//! What a provider may see at all, as a grammar: whatever else reaches one, in any test, is a leak.
//!
//! It needs no knowledge of what a test wrote, so it is held against everything that any test's provider received, when
//! the provider's stand-in is dropped. (What is sought by content: [`crate::needles`], in `tests/clients/blind.rs`.)

/// Bytes of a header, of a segment and of its tag: `docs/format.md` §2 and §3.
const HEADER: usize = 40;
const SEGMENT: usize = 64 << 10;
const TAG: usize = 16;
/// Segments of a chunk.
const SEGMENTS: usize = 128;
/// Statistics of fewer bytes say little.
const ENOUGH: usize = 1024;
/// Chi-squared of 256 classes has a mean of 255 and a deviation of 22.6: random bytes exceed this with a probability below
/// 10⁻¹⁵.
const UNEVEN: f64 = 450.0;

/// Whether `name` is a chunk's: two hex digits, a slash, 38 hex digits.
pub fn is_chunk_name(name: &str) -> bool {
    let hex = |text: &str, digits| text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    name.split_once('/').is_some_and(|(folder, rest)| hex(folder, 2) && hex(rest, 38))
}

/// Says what is wrong with `bytes` as a whole chunk; nothing if nothing is.
pub fn chunk_fault(bytes: &[u8]) -> Option<String> {
    if !bytes.starts_with(b"ECLU\x01\x01\x00\x00") {
        return Some(format!("begins with {:02x?}", bytes.get(..8).unwrap_or(bytes)));
    }
    let sealed = bytes.len().saturating_sub(HEADER);
    let (full, rest) = (sealed / (SEGMENT + TAG), sealed % (SEGMENT + TAG));
    if sealed == 0 || (rest != 0 && rest <= TAG) || full + usize::from(rest > 0) > SEGMENTS {
        return Some(format!("has {} bytes, which no chunk has", bytes.len()));
    }
    uneven(&bytes[8..]).map(|measure| format!("is not noise (chi-squared {measure:.0})"))
}

/// Says what is wrong with `bytes` as the begin of a chunk that was cut off.
pub fn begin_fault(bytes: &[u8]) -> Option<String> {
    let header = b"ECLU\x01\x01\x00\x00";
    let begins = bytes.starts_with(header) || header.starts_with(bytes);
    if !begins {
        return Some(format!("begins with {:02x?}", bytes.get(..8).unwrap_or(bytes)));
    }
    uneven(bytes.get(8..).unwrap_or_default()).map(|measure| format!("is not noise (chi-squared {measure:.0})"))
}

/// How unevenly byte values are spread, if it is more than chance explains.
fn uneven(bytes: &[u8]) -> Option<f64> {
    if bytes.len() < ENOUGH {
        return None;
    }
    let mut counts = [0_u32; 256];
    for &byte in bytes {
        counts[usize::from(byte)] += 1;
    }
    let expected = bytes.len() as f64 / 256.0;
    let measure = counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum();
    (measure > UNEVEN).then_some(measure)
}

/// Says what is wrong with a request to a provider: its method, its target, the names of its headers, its body.
pub fn request_fault(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<String> {
    let path = target.split('?').next().unwrap_or(target);
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let name = segments.len().checked_sub(2).map(|at| segments[at..].join("/")).unwrap_or_default();
    for (header, value) in headers {
        if !HEADERS.contains(header) {
            return Some(format!("{method} {path} has the header {header}: {value}"));
        }
        if header.ends_with("content-type")
            && *value != "application/octet-stream"
            && !value.starts_with("multipart/mixed")
        {
            return Some(format!("{method} {path} has the content type {value}"));
        }
    }
    let digest = headers.iter().find(|(header, _)| *header == "content-md5").map(|(_, value)| *value);
    let wrong = match method {
        // The digest is of the sealed bytes that came with it, of nothing else.
        _ if digest.is_some_and(|digest| method != "PUT" || digest != digest_of(body)) => {
            Some("has a digest that is not its body's".to_owned())
        }
        "PUT" if is_chunk_name(&name) => chunk_fault(body),
        "GET" | "DELETE" if is_chunk_name(&name) && body.is_empty() => None,
        // Azure's deletion: a batch of requests, each for a chunk.
        "POST" if target.contains("comp=batch") => batch_fault(body),
        _ => Some("is not for a chunk".to_owned()),
    };
    wrong.map(|fault| format!("{method} {target} {fault}"))
}

/// `Content-MD5` of a body.
fn digest_of(body: &[u8]) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(<md5::Md5 as md5::Digest>::digest(body))
}

fn batch_fault(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let mut deletions = text.lines().filter_map(|line| line.strip_prefix("DELETE "));
    deletions.find_map(|target| {
        let path = target.split(' ').next().unwrap_or_default();
        let at = path.rmatch_indices('/').nth(1).map_or(0, |(at, _)| at + 1);
        (!is_chunk_name(&path[at..])).then(|| format!("deletes {path}"))
    })
}

/// Headers that a provider may see: of HTTP, and of the two protocols for what the provider itself needs.
const HEADERS: &[&str] = &[
    "accept",
    "accept-encoding",
    "authorization",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "host",
    "if-none-match",
    "range",
    "user-agent",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-ms-blob-content-type",
    "x-ms-blob-type",
    "x-ms-date",
    "x-ms-version",
];
