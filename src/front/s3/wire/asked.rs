//! One request as it was asked: where it points to and what it says, nothing checked yet.

use http::{HeaderMap, HeaderName, Method};

/// What a request's address names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::front::s3) struct Target {
    /// The bucket, decoded.
    pub(in crate::front::s3) bucket: Option<String>,
    /// The object's key, decoded.
    pub(in crate::front::s3) key: Option<String>,
}

/// A request without its body.
pub(in crate::front::s3) struct Asked<'r> {
    /// Its method.
    pub(in crate::front::s3) method: &'r Method,
    /// Its path as it came, percent-encoded.
    pub(in crate::front::s3) path: &'r str,
    /// Its query, decoded, in the order it came.
    pub(in crate::front::s3) query: Vec<(String, String)>,
    /// Its headers; those that a presigned URL has in its query are among them once it is proven.
    pub(in crate::front::s3) headers: HeaderMap,
    /// The host that it came to, with its port.
    pub(in crate::front::s3) host: String,
    /// What its address names.
    pub(in crate::front::s3) target: Target,
}

impl Asked<'_> {
    /// A parameter of the query; names are compared as they are.
    pub(in crate::front::s3) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that says something.
    pub(in crate::front::s3) fn said(&self, name: &str) -> Option<&str> {
        self.parameter(name).filter(|text| !text.is_empty())
    }

    /// Whether the query names it.
    pub(in crate::front::s3) fn names(&self, name: &str) -> bool {
        self.parameter(name).is_some()
    }

    /// A header's value, if it is visible ASCII.
    pub(in crate::front::s3) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A request for unit tests: what an [`Asked`] borrows, and what of it a test says.
#[cfg(test)]
#[derive(Default)]
pub(in crate::front::s3) struct Sample {
    pub(in crate::front::s3) method: Method,
    /// As in an address.
    pub(in crate::front::s3) query: &'static str,
    pub(in crate::front::s3) headers: HeaderMap,
    pub(in crate::front::s3) target: Target,
}

#[cfg(test)]
impl Sample {
    /// A GET with these headers.
    pub(in crate::front::s3) fn of(pairs: &[(&'static str, &str)]) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        Self { headers, ..Self::default() }
    }

    /// The request.
    pub(in crate::front::s3) fn asked(&self) -> Asked<'_> {
        self.asked_with(self.query)
    }

    /// The request with another query.
    pub(in crate::front::s3) fn asked_with(&self, query: &str) -> Asked<'_> {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        Asked {
            method: &self.method,
            path: "/",
            query: pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
            headers: self.headers.clone(),
            host: "localhost".to_owned(),
            target: self.target.clone(),
        }
    }
}
