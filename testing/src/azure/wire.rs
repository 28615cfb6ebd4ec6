//! Azure Blob requests over a socket of their own, byte for byte as they were made, and what comes back.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::azure::shared_key::Request;

/// Longest time to wait for an answer.
const DEADLINE: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.find(name).unwrap_or("")
    }

    pub fn find(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Azure's error code: of the header, or of the body.
    pub fn code(&self) -> String {
        match self.header("x-ms-error-code") {
            "" => self.field("Code").filter(|_| self.status >= 300).unwrap_or_default(),
            code => code.to_owned(),
        }
    }

    /// The text of the first XML element of that name.
    pub fn field(&self, name: &str) -> Option<String> {
        let text = self.text();
        let rest = text.split_once(&format!("<{name}>"))?.1;
        Some(rest.split_once('<')?.0.replace("&quot;", "\"").replace("&amp;", "&"))
    }

    /// Status and code.
    pub fn outcome(&self) -> String {
        format!("{} {}", self.status, self.code()).trim_end().to_owned()
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    #[track_caller]
    pub fn expect(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{:?} {}", self.headers, self.text());
        self
    }

    #[track_caller]
    pub fn ok(self, status: u16) -> Self {
        self.expect(status, "")
    }
}

/// Sends a request to `HOST:PORT` as it is.
pub async fn send(host: &str, request: &Request) -> Answer {
    let mut head = format!("{} {} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n", request.method, request.target());
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    raw(host, head.as_bytes(), &request.body).await
}

/// Sends these very bytes and reads what comes back until the end.
pub async fn raw(host: &str, head: &[u8], body: &[u8]) -> Answer {
    tokio::time::timeout(DEADLINE, exchange(host, head, body, false)).await.unwrap_or_else(|_late| {
        panic!("no answer in {DEADLINE:?} to {}", String::from_utf8_lossy(head).lines().next().unwrap_or(""))
    })
}

/// The same, where the other side is told that nothing more will come.
pub async fn raw_and_no_more(host: &str, head: &[u8], body: &[u8]) -> Answer {
    tokio::time::timeout(DEADLINE, exchange(host, head, body, true)).await.unwrap_or_else(|_late| {
        panic!("no answer in {DEADLINE:?} to {}", String::from_utf8_lossy(head).lines().next().unwrap_or(""))
    })
}

async fn exchange(host: &str, head: &[u8], body: &[u8], is_all: bool) -> Answer {
    let mut stream = TcpStream::connect(host).await.expect("a connection");
    // The answer may come before the request was taken: then writing fails, and reading tells.
    let mut whole = head.to_vec();
    whole.extend_from_slice(body);
    let _written = stream.write_all(&whole).await;
    let _flushed = stream.flush().await;
    if is_all {
        let _shut = stream.shutdown().await;
    }
    let mut answer = Vec::new();
    let _read = stream.read_to_end(&mut answer).await;
    parse(&answer)
}

fn parse(bytes: &[u8]) -> Answer {
    let Some(split) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Answer::default() };
    let head = String::from_utf8_lossy(&bytes[..split]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok()).unwrap_or(0);
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut answer = Answer { status, headers, body: bytes[split + 4..].to_vec() };
    if answer.header("transfer-encoding") == "chunked" {
        answer.body = unchunked(&answer.body);
    }
    answer
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let line = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let size = usize::from_str_radix(line.split(';').next().unwrap_or("").trim(), 16).unwrap_or(0);
        let start = end + 2;
        if size == 0 || bytes.len() < start + size + 2 {
            break;
        }
        body.extend_from_slice(&bytes[start..start + size]);
        bytes = &bytes[start + size + 2..];
    }
    body
}
