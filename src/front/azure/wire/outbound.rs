//! Sources of copies outside the gateway.
//!
//! # Invariants
//! - Only hosts that the configuration names are asked, over TLS (plain HTTP on loopback addresses only), and no redirect is
//!   followed: nobody can make the gateway read what it can reach and they cannot.
//! - An answer is taken only with a length, within the limit, and never decompressed.
//! - Addresses of sources are not logged: they hold names and signatures.

use std::net::IpAddr;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE,
    CONTENT_LENGTH, CONTENT_TYPE, RANGE,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};

use super::asked::{Incoming, without_port};
use super::codes::Code;
use super::errors;
use super::refusal::Refusal;
use crate::gateway::BodyError;
use crate::model::{RangeRequest, SystemMetadata};

const UNREADABLE: &str = "The copy source could not be read.";
/// Longest error code that is passed on.
const LONGEST_CODE_BYTES: usize = 64;
/// Time to connect, and longest pause within an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What may be asked, and by whom.
pub(in crate::front::azure) struct Outbound {
    hosts: Vec<String>,
}

/// An answer.
pub(in crate::front::azure) struct Answer {
    /// How many bytes come.
    pub(in crate::front::azure) length: u64,
    /// The bytes.
    pub(in crate::front::azure) stream: Incoming,
    /// What the server says they are.
    pub(in crate::front::azure) system: SystemMetadata,
}

impl Outbound {
    /// `hosts`: with a port if it is not the scheme's.
    pub(in crate::front::azure) fn new(hosts: Vec<String>) -> Self {
        Self { hosts: hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect() }
    }

    /// Reads an address, if it may be read.
    pub(in crate::front::azure) async fn fetch(
        &self,
        uri: &Uri,
        token: Option<&HeaderValue>,
        range: Option<RangeRequest>,
        most_bytes: u64,
    ) -> Result<Answer, Refusal> {
        self.check(uri)?;
        // Made for the request: none is kept where no source is configured, and a source is a rare thing.
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(PATIENCE)
            .read_timeout(PATIENCE)
            .no_proxy()
            .build()
            .map_err(|_cause| errors::plain(500, Code::InternalError, "The server encountered an internal error."))?;
        let mut request = client.get(uri.to_string()).header(ACCEPT_ENCODING, "identity");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, token);
        }
        if let Some(range) = range {
            request = request.header(RANGE, written(range));
        }
        let response = request.send().await.map_err(|_cause| unreadable())?;
        let expected = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
        match response.status() {
            status if status == expected => {}
            StatusCode::RANGE_NOT_SATISFIABLE => return Err(outside()),
            status => return Err(refused(status, response.headers())),
        }
        let headers = response.headers();
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let length: u64 = text(CONTENT_LENGTH).and_then(|text| text.parse().ok()).ok_or_else(unreadable)?;
        if length > most_bytes {
            return Err(errors::too_large());
        }
        // A server may answer with less than was asked for; a copy is of all of it.
        if let Some(RangeRequest::Between { first, last }) = range
            && length != (last - first).saturating_add(1)
        {
            return Err(outside());
        }
        let system = SystemMetadata {
            content_type: text(CONTENT_TYPE),
            content_encoding: text(CONTENT_ENCODING),
            content_language: text(CONTENT_LANGUAGE),
            content_disposition: text(CONTENT_DISPOSITION),
            cache_control: text(CACHE_CONTROL),
            ..SystemMetadata::default()
        };
        let stream = response.bytes_stream().map_err(|_cause| BodyError::Incomplete).boxed();
        Ok(Answer { length, stream, system })
    }

    fn check(&self, uri: &Uri) -> Result<(), Refusal> {
        let authority = uri.authority().map_or("", http::uri::Authority::as_str).to_ascii_lowercase();
        let host = without_port(&authority).trim_matches(['[', ']']);
        let loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let scheme = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => loopback,
            _ => false,
        };
        let authority = match uri.scheme_str() {
            Some("https") => authority.strip_suffix(":443").unwrap_or(&authority).to_owned(),
            _ => authority.clone(),
        };
        // User and password in an address make another authority: it is not among the hosts.
        if scheme && self.hosts.contains(&authority) { Ok(()) } else { Err(not_allowed()) }
    }
}

/// 403: the source is not one that the configuration names.
fn not_allowed() -> Refusal {
    let text = "The copy source is not one that this service reads from.";
    Refusal::new(StatusCode::FORBIDDEN, Code::CannotVerifyCopySource, text)
}

/// The source's server answered, but not with the source: its status is told, and its code where it is one of Azure's shape.
/// Nothing else of the answer is.
fn refused(told: StatusCode, headers: &HeaderMap) -> Refusal {
    let code = headers.get("x-ms-error-code").and_then(|code| code.to_str().ok());
    let code = code.filter(|code| code.len() <= LONGEST_CODE_BYTES && code.bytes().all(|b| b.is_ascii_alphanumeric()));
    let failed = told.is_client_error() || told.is_server_error();
    let status = if failed { told } else { StatusCode::NOT_FOUND };
    Refusal::unverified_source(status, told, code.filter(|code| !code.is_empty()), UNREADABLE)
}

/// 404: the source's server gave no answer that could be used. Which of the many reasons it had is not told.
fn unreadable() -> Refusal {
    errors::plain(404, Code::CannotVerifyCopySource, UNREADABLE)
}

fn outside() -> Refusal {
    errors::plain(416, Code::InvalidRange, "The range specified is invalid for the source.")
}

fn written(range: RangeRequest) -> String {
    match range {
        RangeRequest::Between { first, last } => format!("bytes={first}-{last}"),
        RangeRequest::From { first } => format!("bytes={first}-"),
        RangeRequest::Suffix { length } => format!("bytes=-{length}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_hosts_are_read_and_plain_http_on_loopback_only() {
        let outbound = Outbound::new(vec!["Files.example.org".into(), "127.0.0.1:8000".into(), "10.0.0.1:80".into()]);
        let may = |text: &str| outbound.check(&text.parse().unwrap()).is_ok();
        assert!(may("https://files.example.org/x?sig=y"));
        assert!(may("https://files.example.org:443/x"));
        assert!(may("http://127.0.0.1:8000/x"));
        for refused in [
            "http://files.example.org/x",
            "https://files.example.org:8443/x",
            "https://files.example.org@evil.example/x",
            "https://user:pw@files.example.org/x",
            "https://evil.example/files.example.org",
            "http://127.0.0.1:9000/x",
            "http://10.0.0.1:80/x",
            "https://169.254.169.254/metadata",
        ] {
            assert!(!may(refused), "{refused}");
        }
    }
}
