//! The body of a Blob Batch: requests in `multipart/mixed`, and answers in the same form.
//!
//! Source: "Blob Batch"; RFC 2046 §5.1.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::errors::plain;
use super::refusal::Refusal;

/// Most requests of a batch. Source: "Blob Batch", remarks.
const MOST_REQUESTS: usize = 256;
/// Most headers of one request.
const MOST_HEADERS: usize = 64;
/// Longest line, in bytes.
const LONGEST_LINE_BYTES: usize = 16 * 1024;
/// Longest boundary. Source: RFC 2046 §5.1.1.
const LONGEST_BOUNDARY_BYTES: usize = 70;

/// One request of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InnerRequest {
    /// Names it in the answer.
    pub(super) content_id: Option<String>,
    /// Its method.
    pub(super) method: Method,
    /// What it is for, percent-encoded, from the first slash.
    pub(super) path_and_query: String,
    /// Its headers.
    pub(super) headers: HeaderMap,
}

/// The requests of a batch of that `Content-Type`.
pub(super) fn parse(content_type: &str, body: &[u8]) -> Result<Vec<InnerRequest>, Refusal> {
    let boundary = boundary(content_type).ok_or_else(malformed)?;
    let mut requests = Vec::new();
    for part in parts(body, &boundary)? {
        if requests.len() == MOST_REQUESTS {
            let text = "The batch operation exceeds the maximum number of allowed subrequests.";
            return Err(plain(400, "ExceedsMaxBatchRequestCount", text));
        }
        requests.push(request(part).ok_or_else(malformed)?);
    }
    if requests.is_empty() { Err(malformed()) } else { Ok(requests) }
}

/// Answers in the form of a batch: id, status, headers, body of each.
pub(super) fn respond(parts: &[(Option<String>, StatusCode, HeaderMap, Bytes)], boundary: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (id, status, headers, body) in parts {
        out.extend_from_slice(format!("--{boundary}\r\nContent-Type: application/http\r\n").as_bytes());
        if let Some(id) = id {
            out.extend_from_slice(format!("Content-ID: {id}\r\n").as_bytes());
        }
        let reason = status.canonical_reason().unwrap_or("Status");
        out.extend_from_slice(format!("\r\nHTTP/1.1 {} {reason}\r\n", status.as_u16()).as_bytes());
        for (name, value) in headers {
            out.extend_from_slice(name.as_str().as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        if !body.is_empty() {
            out.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    out
}

/// How many requests a batch has, for fuzzing.
pub fn count_requests(content_type: &str, body: &[u8]) -> Option<usize> {
    parse(content_type, body).ok().map(|requests| requests.len())
}

fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/mixed") {
        return None;
    }
    let mut found = parameters.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = found.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    let value = value.trim();
    let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    (!bare.is_empty() && bare.len() <= LONGEST_BOUNDARY_BYTES).then(|| bare.to_owned())
}

/// The lines of each part.
fn parts<'b>(body: &'b [u8], boundary: &str) -> Result<Vec<Vec<&'b [u8]>>, Refusal> {
    let (begin, end) = (format!("--{boundary}"), format!("--{boundary}--"));
    let mut parts: Vec<Vec<&[u8]>> = Vec::new();
    let mut open = false;
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > LONGEST_LINE_BYTES {
            return Err(malformed());
        }
        if line.trim_ascii_end() == end.as_bytes() {
            return Ok(parts);
        }
        if line.trim_ascii_end() == begin.as_bytes() {
            if parts.len() > MOST_REQUESTS {
                return Ok(parts);
            }
            open = true;
            parts.push(Vec::new());
        } else if open && let Some(part) = parts.last_mut() {
            part.push(line);
        }
    }
    // Without its last boundary a batch may be cut.
    Err(malformed())
}

fn request(lines: Vec<&[u8]>) -> Option<InnerRequest> {
    let mut lines = lines.into_iter();
    let envelope = headers(&mut lines)?;
    let kind = envelope.get("content-type")?.to_str().ok()?;
    if !kind.split(';').next()?.trim().eq_ignore_ascii_case("application/http") {
        return None;
    }
    let content_id = match envelope.get("content-id") {
        None => None,
        Some(id) => Some(id.to_str().ok()?.to_owned()),
    };
    let first = std::str::from_utf8(lines.find(|line| !line.is_empty())?).ok()?;
    let mut words = first.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || version != "HTTP/1.1" {
        return None;
    }
    let headers = headers(&mut lines)?;
    // Neither a deletion nor a change of tier has a body.
    if lines.any(|line| !line.is_empty()) || headers.get("content-length").is_some_and(|length| length != "0") {
        return None;
    }
    Some(InnerRequest { content_id, method: method.parse().ok()?, path_and_query: target_of(target)?, headers })
}

/// The path of a target, also of one that is a whole address, and of one without its first slash.
fn target_of(target: &str) -> Option<String> {
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.get(rest.find('/')?..)?,
        None => target,
    };
    Some(if path.starts_with('/') { path.to_owned() } else { format!("/{path}") })
}

/// Headers up to an empty line or the end.
fn headers<'l>(lines: &mut impl Iterator<Item = &'l [u8]>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in lines.by_ref() {
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at(colon);
        let name = HeaderName::from_bytes(name.trim_ascii()).ok()?;
        let value = HeaderValue::from_bytes(value.get(1..)?.trim_ascii()).ok()?;
        headers.append(name, value);
        if headers.len() > MOST_HEADERS {
            return None;
        }
    }
    Some(headers)
}

fn malformed() -> Refusal {
    plain(400, "InvalidInput", "One of the request inputs is not valid: the batch is malformed.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/mixed; boundary=batch_a+/b";

    /// As Microsoft's SDK for Python writes it.
    const PYTHON: &str = "--batch_a+/b\r\nContent-Type: application/http\r\nContent-ID: 0\r\n\
        Content-Transfer-Encoding: binary\r\n\r\nDELETE /pacs/c/a%20b/%C3%A9? HTTP/1.1\r\nx-ms-date: now\r\n\
        Authorization: SharedKey pacs:x\r\nContent-Length: 0\r\n\r\n\r\n--batch_a+/b\r\n\
        Content-Type: application/http\r\nContent-ID: 1\r\nContent-Transfer-Encoding: binary\r\n\r\n\
        DELETE /pacs/c/b HTTP/1.1\r\n\r\n\r\n--batch_a+/b--\r\n";

    #[test]
    fn requests_come_out_as_they_went_in() {
        let requests = parse(KIND, PYTHON.as_bytes()).unwrap();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0].content_id.as_deref(), Some("0"));
        assert_eq!(requests[0].method, Method::DELETE);
        assert_eq!(requests[0].path_and_query, "/pacs/c/a%20b/%C3%A9?");
        assert_eq!(requests[0].headers["authorization"], "SharedKey pacs:x");
        assert_eq!(parse("multipart/mixed; boundary=\"batch_a+/b\"", PYTHON.as_bytes()).unwrap(), requests);
        assert_eq!(parse(KIND, PYTHON.replace("\r\n", "\n").as_bytes()).unwrap(), requests);
        let absolute = PYTHON.replace("/pacs/c/b", "https://host:1/pacs/c/b");
        assert_eq!(parse(KIND, absolute.as_bytes()).unwrap()[1].path_and_query, "/pacs/c/b");
    }

    #[test]
    fn what_is_no_batch_is_refused() {
        for (kind, body) in [
            ("multipart/mixed", PYTHON.to_owned()),
            ("text/plain; boundary=batch_a+/b", PYTHON.to_owned()),
            ("multipart/mixed; boundary=other", PYTHON.to_owned()),
            (KIND, PYTHON.replace("--batch_a+/b--", "")),
            (KIND, PYTHON.replace("application/http", "text/plain")),
            (KIND, PYTHON.replace("HTTP/1.1", "HTTP/2")),
            (KIND, PYTHON.replace("Content-Length: 0\r\n\r\n", "Content-Length: 3\r\n\r\nabc\r\n")),
            (KIND, "--batch_a+/b--\r\n".to_owned()),
        ] {
            assert_eq!(parse(kind, body.as_bytes()).unwrap_err().code, "InvalidInput", "{kind}\n{body}");
        }
        let one = "--batch_a+/b\r\nContent-Type: application/http\r\n\r\nDELETE /x HTTP/1.1\r\n\r\n";
        let many = format!("{}--batch_a+/b--", one.repeat(257));
        assert_eq!(parse(KIND, many.as_bytes()).unwrap_err().code, "ExceedsMaxBatchRequestCount");
    }

    #[test]
    fn answers_are_parts_with_their_ids() {
        let headers = HeaderMap::from_iter([(HeaderName::from_static("x-ms-version"), HeaderValue::from_static("v"))]);
        let parts = [(Some("0".to_owned()), StatusCode::ACCEPTED, headers, Bytes::new())];
        let text = String::from_utf8(respond(&parts, "b")).unwrap();
        let expected = "--b\r\nContent-Type: application/http\r\nContent-ID: 0\r\n\r\nHTTP/1.1 202 Accepted\r\n\
            x-ms-version: v\r\n\r\n\r\n--b--\r\n";
        assert_eq!(text, expected);
    }
}
