//! One request as it was asked: where it points to and what it says, nothing checked yet.

use std::net::IpAddr;

use http::{HeaderMap, Method};

/// What a request's address names.
///
/// Source: "Naming and referencing containers, blobs, and metadata"; path style: "Use the Azurite emulator".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Target {
    /// The account, without `-secondary`.
    pub(super) account: String,
    /// Whether the secondary endpoint was addressed.
    pub(super) secondary: bool,
    /// `account.blob.domain/container/blob` rather than `host/account/container/blob`.
    pub(super) host_style: bool,
    /// The container, decoded; `$root` where a blob is addressed without one.
    pub(super) container: Option<String>,
    /// The blob's name, decoded.
    pub(super) blob: Option<String>,
}

/// A request without its body.
pub(super) struct Asked<'r> {
    /// Its method.
    pub(super) method: &'r Method,
    /// Its path as it came, percent-encoded, from the first slash.
    pub(super) path: &'r str,
    /// Its query, decoded, in the order it came.
    pub(super) query: Vec<(String, String)>,
    /// Its headers.
    pub(super) headers: &'r HeaderMap,
    /// What its address names.
    pub(super) target: Target,
    /// The host that it came to, with its port.
    pub(super) host: String,
    /// The peer.
    pub(super) remote: IpAddr,
    /// Whether the connection is under TLS.
    pub(super) tls: bool,
}

impl Asked<'_> {
    /// A parameter of the query; its name is compared without case.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A header's value, if it is visible ASCII.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A request for unit tests: what an [`Asked`] borrows, and what of it a test says.
#[cfg(test)]
#[derive(Default)]
pub(super) struct Sample {
    pub(super) method: Method,
    /// As in an address.
    pub(super) query: &'static str,
    pub(super) headers: HeaderMap,
    pub(super) target: Target,
}

#[cfg(test)]
impl Sample {
    /// With these headers.
    pub(super) fn of<V: AsRef<[u8]>>(pairs: &[(&str, V)]) -> Self {
        let mut sample = Self::default();
        for (name, value) in pairs {
            let name = http::HeaderName::try_from(*name).unwrap();
            sample.headers.append(name, http::HeaderValue::from_bytes(value.as_ref()).unwrap());
        }
        sample
    }

    /// As the front hands it on.
    pub(super) fn asked(&self) -> Asked<'_> {
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
