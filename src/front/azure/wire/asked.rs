//! One request as it was asked: where it points to and what it says, nothing checked yet.

use std::net::IpAddr;

use http::{HeaderMap, Method};

pub(in crate::front::azure) use crate::front::exchange::Incoming;

/// What a request's address names.
///
/// Source: "Naming and referencing containers, blobs, and metadata"; path style: "Use the Azurite emulator".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::front::azure) struct Target {
    /// The account, without `-secondary`.
    pub(in crate::front::azure) account: String,
    /// Whether the secondary endpoint was addressed.
    pub(in crate::front::azure) secondary: bool,
    /// `account.blob.domain/container/blob` rather than `host/account/container/blob`.
    pub(in crate::front::azure) host_style: bool,
    /// The host is that of the Data Lake service: `account.dfs.domain`.
    pub(in crate::front::azure) dfs: bool,
    /// The container, decoded; `$root` where a blob is addressed without one.
    pub(in crate::front::azure) container: Option<String>,
    /// The blob's name, decoded.
    pub(in crate::front::azure) blob: Option<String>,
}

/// A request without its body.
pub(in crate::front::azure) struct Asked<'r> {
    /// Its method.
    pub(in crate::front::azure) method: &'r Method,
    /// Its path as it came, percent-encoded, from the first slash.
    pub(in crate::front::azure) path: &'r str,
    /// Its query, decoded, in the order it came.
    pub(in crate::front::azure) query: Vec<(String, String)>,
    /// Its headers.
    pub(in crate::front::azure) headers: &'r HeaderMap,
    /// What its address names.
    pub(in crate::front::azure) target: Target,
    /// The host that it came to, with its port.
    pub(in crate::front::azure) host: String,
    /// The peer.
    pub(in crate::front::azure) remote: IpAddr,
    /// Whether the connection is under TLS.
    pub(in crate::front::azure) tls: bool,
}

impl Asked<'_> {
    /// A parameter of the query; its name is compared without case.
    pub(in crate::front::azure) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A header's value, if it is visible ASCII.
    pub(in crate::front::azure) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Host and port apart; an IPv6 address keeps its brackets.
pub(in crate::front::azure) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// A request for unit tests: what an [`Asked`] borrows, and what of it a test says.
#[cfg(test)]
#[derive(Default)]
pub(in crate::front::azure) struct Sample {
    pub(in crate::front::azure) method: Method,
    /// As in an address.
    pub(in crate::front::azure) query: &'static str,
    pub(in crate::front::azure) headers: HeaderMap,
    pub(in crate::front::azure) target: Target,
}

#[cfg(test)]
impl Sample {
    /// With these headers.
    pub(in crate::front::azure) fn of<V: AsRef<[u8]>>(pairs: &[(&str, V)]) -> Self {
        let mut sample = Self::default();
        for (name, value) in pairs {
            let name = http::HeaderName::try_from(*name).unwrap();
            sample.headers.append(name, http::HeaderValue::from_bytes(value.as_ref()).unwrap());
        }
        sample
    }

    /// As the front hands it on.
    pub(in crate::front::azure) fn asked(&self) -> Asked<'_> {
        Asked {
            method: &self.method,
            path: "/",
            query: url::form_urlencoded::parse(self.query.as_bytes()).into_owned().collect(),
            headers: &self.headers,
            target: self.target.clone(),
            host: String::new(),
            remote: [127, 0, 0, 1].into(),
            tls: true,
        }
    }
}
