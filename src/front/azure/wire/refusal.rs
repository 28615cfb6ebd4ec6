//! A refusal in Azure's own words: status, code, text.
//!
//! Source: "Status and error codes", "Blob service error codes", "Common REST API error codes".

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// Why a request gets no answer but an error. The text is fit for the client; that of a 5xx is fixed.
#[derive(Debug, Clone)]
pub(in crate::front::azure) struct Refusal {
    /// The status.
    pub(in crate::front::azure) status: StatusCode,
    /// Azure's error code: in `x-ms-error-code` and in the body.
    pub(in crate::front::azure) code: &'static str,
    /// What to tell people.
    pub(in crate::front::azure) text: Cow<'static, str>,
    /// Further headers.
    pub(in crate::front::azure) headers: HeaderMap,
    /// Further elements of the body, by name: `HeaderName`, `QueryParameterName`, `AuthenticationErrorDetail`, …
    pub(in crate::front::azure) details: Vec<(&'static str, String)>,
}

impl Refusal {
    /// A refusal with that status, code and text.
    pub(in crate::front::azure) fn new(
        status: StatusCode,
        code: &'static str,
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code, text: text.into(), headers: HeaderMap::new(), details: Vec::new() }
    }

    /// With an element in the body.
    pub(in crate::front::azure) fn detail(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// With a header; left out when the value cannot be one.
    pub(in crate::front::azure) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// 400: a header's value is not as it must be.
    pub(in crate::front::azure) fn invalid_header(name: &str, value: &str) -> Self {
        let text = "The value for one of the HTTP headers is not in the correct format.";
        Self::new(StatusCode::BAD_REQUEST, "InvalidHeaderValue", text)
            .detail("HeaderName", name)
            .detail("HeaderValue", value)
    }

    /// 400: a required header is not there.
    pub(in crate::front::azure) fn missing_header(name: &str) -> Self {
        let text = "An HTTP header that's mandatory for this request is not specified.";
        Self::new(StatusCode::BAD_REQUEST, "MissingRequiredHeader", text).detail("HeaderName", name)
    }

    /// 400: a header that this service does not support, and does not ignore.
    pub(in crate::front::azure) fn unsupported_header(name: &str) -> Self {
        let text = "One of the HTTP headers specified in the request is not supported.";
        Self::new(StatusCode::BAD_REQUEST, "UnsupportedHeader", text).detail("HeaderName", name)
    }

    /// 400: a query parameter's value is not as it must be.
    pub(in crate::front::azure) fn invalid_parameter(name: &str, value: &str) -> Self {
        let text = "Value for one of the query parameters specified in the request URI is invalid.";
        Self::new(StatusCode::BAD_REQUEST, "InvalidQueryParameterValue", text)
            .detail("QueryParameterName", name)
            .detail("QueryParameterValue", value)
    }

    /// 400: a query parameter lies outside of what is allowed.
    pub(in crate::front::azure) fn parameter_out_of_range(name: &str, value: &str) -> Self {
        let text = "One of the query parameters specified in the request URI is outside the permissible range.";
        Self::new(StatusCode::BAD_REQUEST, "OutOfRangeQueryParameterValue", text)
            .detail("QueryParameterName", name)
            .detail("QueryParameterValue", value)
    }

    /// 400: a body that should be XML is not as it must be.
    pub(in crate::front::azure) fn invalid_xml(reason: &str) -> Self {
        let text = "One of the XML nodes specified in the request body is not supported or malformed.";
        Self::new(StatusCode::BAD_REQUEST, "InvalidXmlDocument", text).detail("Reason", reason)
    }

    /// 403: who asks is known, and may not do that.
    pub(in crate::front::azure) fn not_permitted() -> Self {
        let text = "This request is not authorized to perform this operation using this permission.";
        Self::new(StatusCode::FORBIDDEN, "AuthorizationPermissionMismatch", text)
    }

    /// 501: the operation is not there.
    pub(in crate::front::azure) fn not_implemented() -> Self {
        let text = "The requested operation is not implemented on the specified resource.";
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", text)
    }
}
