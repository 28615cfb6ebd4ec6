//! A refusal in S3's own words: status, code, text.
//!
//! Source: S3 API reference, "Error responses".

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// Why a request gets no answer but an error. The text is fit for the client; that of a 5xx is fixed.
#[derive(Debug, Clone)]
pub(in crate::front::s3) struct Refusal {
    /// The status.
    pub(in crate::front::s3) status: StatusCode,
    /// S3's error code.
    pub(in crate::front::s3) code: &'static str,
    /// What to tell people.
    pub(in crate::front::s3) text: Cow<'static, str>,
    /// Further headers.
    pub(in crate::front::s3) headers: HeaderMap,
    /// Further elements of the body, by name.
    pub(in crate::front::s3) details: Vec<(&'static str, String)>,
}

impl Refusal {
    /// A refusal with that status, code and text.
    pub(in crate::front::s3) fn new(
        status: StatusCode,
        code: &'static str,
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code, text: text.into(), headers: HeaderMap::new(), details: Vec::new() }
    }

    /// With an element in the body.
    pub(in crate::front::s3) fn detail(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// With a header; left out when the value cannot be one.
    pub(in crate::front::s3) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}
