//! A refusal in a protocol's own words: status, code, text. What becomes of it on the wire is each front's.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// Why a request gets no answer but an error. The text is fit for the client; that of a 5xx is fixed.
#[derive(Debug, Clone)]
pub(in crate::front) struct Refusal {
    /// The status.
    pub(in crate::front) status: StatusCode,
    /// The protocol's error code.
    pub(in crate::front) code: &'static str,
    /// What to tell people.
    pub(in crate::front) text: Cow<'static, str>,
    /// Further headers.
    pub(in crate::front) headers: HeaderMap,
    /// Further elements of the body, by name.
    pub(in crate::front) details: Vec<(&'static str, String)>,
}

impl Refusal {
    /// A refusal with that status, code and text.
    pub(in crate::front) fn new(status: StatusCode, code: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, text: text.into(), headers: HeaderMap::new(), details: Vec::new() }
    }

    /// With an element in the body.
    pub(in crate::front) fn detail(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// With a header; left out when the value cannot be one.
    pub(in crate::front) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}
