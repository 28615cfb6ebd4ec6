//! The bodies of Blob Batch: requests in a `multipart/mixed` body, and their answers in another.
//!
//! # Invariants
//! - Memory: what the body holds, which the caller bounds, and at most [`MOST_PARTS`] requests.
//! - A part that is not one whole request without a body is refused, and the batch with it: nothing is skipped or guessed.
//! - What goes into an answer has no line break of a client's: names and values are checked when they are read.
//!
//! Source: "Blob Batch"; RFC 2046 §5.1. Lines may end without a carriage return.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::codes::Code;
use super::errors;
use super::refusal::Refusal;

/// Most requests of one batch. Source: "Blob Batch", remarks.
const MOST_PARTS: usize = 256;
/// Longest line. A key of 1,024 bytes takes 3,072, and a signature, a token or a list of tags some more.
const MAX_LINE_BYTES: usize = 16 * 1024;
/// Most headers of one request.
const MOST_HEADERS: usize = 64;
/// Longest boundary. Source: RFC 2046 §5.1.1.
const MAX_BOUNDARY_BYTES: usize = 70;
/// Longest `Content-ID`.
const MAX_ID_BYTES: usize = 256;

/// One request of a batch.
#[derive(Debug)]
pub(in crate::front::azure) struct InnerRequest {
    /// `Content-ID`, as the client wrote it; its answer bears the same.
    pub(in crate::front::azure) content_id: Option<String>,
    /// The method.
    pub(in crate::front::azure) method: Method,
    /// Path and query; begins with a slash.
    pub(in crate::front::azure) path_and_query: String,
    /// Its headers.
    pub(in crate::front::azure) headers: HeaderMap,
}

/// The requests in the body of a batch.
pub(in crate::front::azure) fn parse(content_type: &str, body: &[u8]) -> Result<Vec<InnerRequest>, Refusal> {
    let boundary = boundary(content_type).ok_or_else(malformed)?;
    let mut lines = Lines { rest: body, boundary };
    let mut requests = Vec::new();
    // Nothing but empty lines before the first part.
    let mut more = lines.skip_to_delimiter()?;
    while more {
        if requests.len() == MOST_PARTS {
            return Err(errors::plain(400, Code::ExceedsMaxBatchRequestCount, "A batch holds at most 256 requests."));
        }
        requests.push(part(&mut lines)?);
        more = lines.skip_to_delimiter()?;
    }
    if requests.is_empty() || !lines.rest.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
        return Err(malformed());
    }
    Ok(requests)
}

/// The body of a batch's answer: for each request its `Content-ID`, status, headers and body.
pub(in crate::front::azure) fn respond(
    parts: &[(Option<String>, StatusCode, HeaderMap, Bytes)],
    boundary: &str,
) -> Vec<u8> {
    let mut out = Vec::new();
    for (content_id, status, headers, body) in parts {
        line(&mut out, &[b"--", boundary.as_bytes()]);
        line(&mut out, &[b"Content-Type: application/http"]);
        if let Some(id) = content_id {
            line(&mut out, &[b"Content-ID: ", id.as_bytes()]);
        }
        line(&mut out, &[]);
        let reason = status.canonical_reason().unwrap_or_default();
        line(&mut out, &[b"HTTP/1.1 ", status.as_str().as_bytes(), b" ", reason.as_bytes()]);
        for (name, value) in headers {
            line(&mut out, &[name.as_str().as_bytes(), b": ", value.as_bytes()]);
        }
        if !body.is_empty() && !headers.contains_key(CONTENT_LENGTH) {
            line(&mut out, &[b"content-length: ", body.len().to_string().as_bytes()]);
        }
        line(&mut out, &[]);
        // As the service: without a body, the empty line after the headers is all. Some clients count the lines.
        if !body.is_empty() {
            line(&mut out, &[body]);
        }
    }
    line(&mut out, &[b"--", boundary.as_bytes(), b"--"]);
    out
}

/// How many requests a body holds; `None` when it is refused. For fuzzing.
pub fn count_parts(content_type: &str, body: &[u8]) -> Option<usize> {
    parse(content_type, body).ok().map(|requests| requests.len())
}

fn line(out: &mut Vec<u8>, pieces: &[&[u8]]) {
    for piece in pieces {
        out.extend_from_slice(piece);
    }
    out.extend_from_slice(b"\r\n");
}

/// The boundary that a `multipart/mixed` type names.
fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/mixed") {
        return None;
    }
    let mut found = None;
    // A boundary has no semicolon, quoted or not.
    for parameter in parameters.split(';') {
        let (name, value) = parameter.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("boundary") && found.replace(value.trim()).is_some() {
            return None;
        }
    }
    let value = found?;
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"')?,
        None => value,
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    let fits = (1..=MAX_BOUNDARY_BYTES).contains(&value.len()) && !value.ends_with(' ');
    (fits && value.bytes().all(allowed)).then_some(value)
}

/// What is left of a body.
struct Lines<'a> {
    rest: &'a [u8],
    boundary: &'a str,
}

/// A line, without its end.
enum Line<'a> {
    Text(&'a [u8]),
    /// A part begins.
    Delimiter,
    /// The last part has ended.
    End,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<Line<'a>, Refusal> {
        if self.rest.is_empty() {
            return Err(malformed());
        }
        let (text, rest) = match self.rest.iter().position(|&byte| byte == b'\n') {
            Some(end) => {
                let (text, rest) = self.rest.split_at_checked(end).ok_or_else(malformed)?;
                (text.strip_suffix(b"\r").unwrap_or(text), rest.strip_prefix(b"\n").unwrap_or(rest))
            }
            None => (self.rest, &[][..]),
        };
        self.rest = rest;
        if text.len() > MAX_LINE_BYTES {
            return Err(malformed());
        }
        let after = text.strip_prefix(b"--").and_then(|text| text.strip_prefix(self.boundary.as_bytes()));
        // Spaces may follow. Source: RFC 2046 §5.1.1, "transport padding".
        Ok(match after.map(<[u8]>::trim_ascii_end) {
            Some(b"") => Line::Delimiter,
            Some(b"--") => Line::End,
            _ => Line::Text(text),
        })
    }

    /// A line within a part.
    fn text(&mut self) -> Result<&'a [u8], Refusal> {
        match self.next()? {
            Line::Text(text) => Ok(text),
            Line::Delimiter | Line::End => Err(malformed()),
        }
    }

    /// Passes empty lines and the delimiter after them. Returns whether a part follows.
    fn skip_to_delimiter(&mut self) -> Result<bool, Refusal> {
        loop {
            match self.next()? {
                Line::Text(b"") => {}
                Line::Text(_) => return Err(malformed()),
                Line::Delimiter => return Ok(true),
                Line::End => return Ok(false),
            }
        }
    }

    /// Headers, and the empty line after them.
    fn headers(&mut self) -> Result<HeaderMap, Refusal> {
        let mut headers = HeaderMap::new();
        loop {
            let text = self.text()?;
            if text.is_empty() {
                return Ok(headers);
            }
            if headers.len() == MOST_HEADERS {
                return Err(malformed());
            }
            let colon = text.iter().position(|&byte| byte == b':').ok_or_else(malformed)?;
            let (name, value) = text.split_at_checked(colon).ok_or_else(malformed)?;
            let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
            // Neither takes a control character; a name takes no space, so that no line continues another.
            let name = HeaderName::from_bytes(name).map_err(|_cause| malformed())?;
            let value = HeaderValue::from_bytes(value).map_err(|_cause| malformed())?;
            headers.append(name, value);
        }
    }
}

/// One part: its headers, and the request in it.
fn part(lines: &mut Lines<'_>) -> Result<InnerRequest, Refusal> {
    let content_id = of_part(&lines.headers()?)?;
    let text = std::str::from_utf8(lines.text()?).map_err(|_cause| malformed())?;
    let mut words = text.split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1"), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(malformed());
    };
    let method = Method::from_bytes(method.as_bytes()).map_err(|_cause| malformed())?;
    let path_and_query = path_and_query(target).ok_or_else(malformed)?;
    let headers = lines.headers()?;
    // The requests of a batch have no bodies.
    let empty = headers.get_all(CONTENT_LENGTH).iter().all(|value| value.as_bytes() == b"0");
    if !empty || headers.contains_key(TRANSFER_ENCODING) {
        return Err(malformed());
    }
    Ok(InnerRequest { content_id, method, path_and_query, headers })
}

/// Checks the headers of a part, and takes the `Content-ID` from them.
fn of_part(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut content_id = None;
    let mut is_http = false;
    if headers.len() != headers.keys_len() {
        return Err(malformed());
    }
    for (name, value) in headers {
        let value = value.to_str().map_err(|_cause| malformed())?;
        let essence = value.split(';').next().unwrap_or_default().trim();
        match name.as_str() {
            "content-type" if essence.eq_ignore_ascii_case("application/http") => is_http = true,
            "content-transfer-encoding" if value.eq_ignore_ascii_case("binary") => {}
            "content-id" if value.len() <= MAX_ID_BYTES => content_id = Some(value.to_owned()),
            _ => return Err(malformed()),
        }
    }
    if is_http { Ok(content_id) } else { Err(malformed()) }
}

/// Path and query of a request's target, in whichever form it is.
fn path_and_query(target: &str) -> Option<String> {
    if !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return None;
    }
    if target.starts_with('/') {
        return Some(target.to_owned());
    }
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let rest = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?.1;
    Some(if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") })
}

fn malformed() -> Refusal {
    errors::plain(400, Code::InvalidInput, "One of the request inputs is not valid: the batch is not well formed.")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `object_store` 0.14 makes it.
    const OBJECT_STORE: &str = "--batch_a+b/c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\
        Content-ID: 0\r\n\r\nDELETE /scans/a%20b HTTP/1.1\r\nContent-Length: 0\r\n\
        Date: Tue, 05 Nov 2024 15:01:15 GMT\r\nX-Ms-Version: 2023-11-03\r\nAuthorization: Bearer token\r\n\r\n\r\n\
        --batch_a+b/c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: 1\r\n\r\n\
        DELETE /scans/c?snapshot=2026-06-01T12%3A00%3A00.0000000Z HTTP/1.1\r\nContent-Length: 0\r\n\r\n\r\n\
        --batch_a+b/c--\r\n";

    /// As azure-storage-blob for Python 12.31 makes it.
    const PYTHON: &str = "--batch_65d4e15a\r\nContent-Type: application/http\r\nContent-ID: 0\r\n\
        Content-Transfer-Encoding: binary\r\n\r\nPUT /scans/a?comp=tier HTTP/1.1\r\nx-ms-access-tier: Cool\r\n\
        x-ms-date: Mon, 01 Jun 2026 12:00:00 GMT\r\nAuthorization: SharedKey pacs:AAAA=\r\nContent-Length: 0\r\n\r\n\r\n\
        --batch_65d4e15a--\r\n";

    fn refused(content_type: &str, body: &str) -> &'static str {
        let refusal = parse(content_type, body.as_bytes()).unwrap_err();
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
        refusal.code
    }

    /// A batch of one part, from the line after the delimiter to the empty line after its headers.
    fn one(part: &str) -> String {
        format!("--b\r\n{part}--b--\r\n")
    }

    const TYPE: &str = "multipart/mixed; boundary=b";
    const HEAD: &str = "Content-Type: application/http\r\n\r\n";

    #[test]
    fn a_batch_of_object_store_is_read() {
        let requests = parse("multipart/mixed; boundary=batch_a+b/c", OBJECT_STORE.as_bytes()).unwrap();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0].content_id.as_deref(), Some("0"));
        assert_eq!(requests[0].method, Method::DELETE);
        assert_eq!(requests[0].path_and_query, "/scans/a%20b");
        assert_eq!(requests[0].headers["authorization"], "Bearer token");
        assert_eq!(requests[0].headers.len(), 4);
        assert_eq!(requests[1].content_id.as_deref(), Some("1"));
        assert_eq!(requests[1].path_and_query, "/scans/c?snapshot=2026-06-01T12%3A00%3A00.0000000Z");
    }

    #[test]
    fn a_batch_of_the_python_sdk_is_read() {
        let requests = parse("multipart/mixed; boundary=batch_65d4e15a", PYTHON.as_bytes()).unwrap();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].method, Method::PUT);
        assert_eq!(requests[0].path_and_query, "/scans/a?comp=tier");
        assert_eq!(requests[0].headers["x-ms-access-tier"], "Cool");
    }

    #[test]
    fn lines_may_end_without_a_carriage_return() {
        let body = PYTHON.replace("\r\n", "\n");
        assert_eq!(count_parts("multipart/mixed; boundary=batch_65d4e15a", body.as_bytes()), Some(1));
        assert_eq!(count_parts("multipart/mixed; boundary=batch_65d4e15a", body.trim_end().as_bytes()), Some(1));
    }

    #[test]
    fn a_boundary_is_taken_from_the_type() {
        for content_type in [
            "multipart/mixed; boundary=b",
            "Multipart/Mixed;BOUNDARY=\"b\"",
            "multipart/mixed ; charset=utf-8; boundary = b ",
        ] {
            assert_eq!(boundary(content_type), Some("b"), "{content_type}");
        }
        let long = format!("multipart/mixed; boundary={}", "b".repeat(71));
        for content_type in [
            "",
            "multipart/mixed",
            "multipart/form-data; boundary=b",
            "multipart/mixed; boundary=",
            "multipart/mixed; boundary=\"\"",
            "multipart/mixed; boundary=\"b",
            "multipart/mixed; boundary=b\"",
            "multipart/mixed; boundary=\"b \"",
            "multipart/mixed; boundary=b\r\nx",
            "multipart/mixed; boundary=b; boundary=c",
            "multipart/mixed; boundary=b; c",
            &long,
        ] {
            assert_eq!(boundary(content_type), None, "{content_type}");
            assert_eq!(refused(content_type, PYTHON), "InvalidInput");
        }
    }

    #[test]
    fn a_target_becomes_path_and_query() {
        for (target, path) in [
            ("/a/b?c=d", "/a/b?c=d"),
            ("https://pacs.blob.example.org/a/b?c=http://x/", "/a/b?c=http://x/"),
            ("HTTP://127.0.0.1:10000/pacs/a", "/pacs/a"),
            ("https://host?comp=x", "/?comp=x"),
            ("https://host", "/"),
        ] {
            assert_eq!(path_and_query(target).as_deref(), Some(path), "{target}");
        }
        for target in ["", "a/b", "*", "ftp://host/a", "/a#b", "/a\tb", "/é", "?a"] {
            assert_eq!(path_and_query(target), None, "{target}");
        }
    }

    #[test]
    fn a_batch_has_one_to_256_requests() {
        let part = format!("--b\r\n{HEAD}DELETE /a HTTP/1.1\r\n\r\n");
        let batch = |count: usize| format!("{}--b--\r\n", part.repeat(count));
        assert_eq!(refused(TYPE, &batch(0)), "InvalidInput");
        assert_eq!(count_parts(TYPE, batch(1).as_bytes()), Some(1));
        assert_eq!(count_parts(TYPE, batch(256).as_bytes()), Some(256));
        assert_eq!(refused(TYPE, &batch(257)), "ExceedsMaxBatchRequestCount");
    }

    #[test]
    fn what_is_not_one_whole_request_is_refused() {
        let whole = "DELETE /a HTTP/1.1\r\n\r\n";
        let header = |text: &str| format!("{HEAD}DELETE /a HTTP/1.1\r\n{text}\r\n\r\n");
        assert_eq!(count_parts(TYPE, one(&header("a: b")).as_bytes()), Some(1));
        for part in [
            String::new(),
            HEAD.to_owned(),
            format!("\r\n{whole}"),
            format!("Content-Type: text/plain\r\n\r\n{whole}"),
            format!("Content-Type: application/http\r\nContent-Type: application/http\r\n\r\n{whole}"),
            format!("Content-ID: 1\r\nContent-ID: 2\r\n{HEAD}{whole}"),
            format!("Content-ID: {}\r\n{HEAD}{whole}", "1".repeat(257)),
            format!("Content-Transfer-Encoding: base64\r\n{HEAD}{whole}"),
            format!("Other: 1\r\n{HEAD}{whole}"),
            format!("{HEAD}DELETE /a HTTP/1.1\r\n"),
            format!("{HEAD}DELETE /a HTTP/1.0\r\n\r\n"),
            format!("{HEAD}DELETE /a\r\n\r\n"),
            format!("{HEAD}DELETE  /a HTTP/1.1\r\n\r\n"),
            format!("{HEAD}DELETE /a b HTTP/1.1\r\n\r\n"),
            format!("{HEAD}DEL(TE /a HTTP/1.1\r\n\r\n"),
            format!("{HEAD}DELETE /a HTTP/1.1\r\n\r\nbody\r\n"),
            format!("{HEAD}{whole}{whole}"),
            header("Content-Length: 1"),
            header("Content-Length: 0\r\nContent-Length: 4"),
            header("Transfer-Encoding: chunked"),
            header("no colon"),
            header("a : b"),
            header("a: b\r\n c"),
            header("a: b\rc"),
            header("a: b\0"),
            header(&format!("a: {}", "b".repeat(MAX_LINE_BYTES))),
            header(&vec!["a: b"; 65].join("\r\n")),
        ] {
            assert_eq!(refused(TYPE, &one(&part)), "InvalidInput", "{part}");
        }
    }

    #[test]
    fn a_batch_that_is_cut_or_has_more_around_it_is_refused() {
        let body = one(&format!("{HEAD}DELETE /a HTTP/1.1\r\n\r\n"));
        assert_eq!(count_parts(TYPE, format!("\r\n{body}\r\n").as_bytes()), Some(1));
        for end in 0..body.len() - "\r\n".len() {
            assert_eq!(refused(TYPE, &body[..end]), "InvalidInput", "{end}");
        }
        assert_eq!(refused(TYPE, &format!("before\r\n{body}")), "InvalidInput");
        assert_eq!(refused(TYPE, &format!("{body}after")), "InvalidInput");
        assert_eq!(refused(TYPE, &body.replace("--b--", "--bb--")), "InvalidInput");
    }

    #[test]
    fn an_answer_is_of_the_service_s_shape() {
        let mut headers = HeaderMap::new();
        headers.insert("x-ms-version", HeaderValue::from_static("2018-11-09"));
        let gone = Bytes::from_static(b"<Error/>");
        let parts = [
            (Some("0".to_owned()), StatusCode::ACCEPTED, headers.clone(), Bytes::new()),
            (None, StatusCode::NOT_FOUND, headers, gone),
        ];
        let expected = "--batchresponse_1\r\nContent-Type: application/http\r\nContent-ID: 0\r\n\r\n\
            HTTP/1.1 202 Accepted\r\nx-ms-version: 2018-11-09\r\n\r\n\
            --batchresponse_1\r\nContent-Type: application/http\r\n\r\n\
            HTTP/1.1 404 Not Found\r\nx-ms-version: 2018-11-09\r\ncontent-length: 8\r\n\r\n<Error/>\r\n\
            --batchresponse_1--\r\n";
        assert_eq!(String::from_utf8(respond(&parts, "batchresponse_1")).unwrap(), expected);
    }
}
