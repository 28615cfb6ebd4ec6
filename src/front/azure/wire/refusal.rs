//! A refusal in Azure's own words: status, code, text.
//!
//! Source: "Status and error codes", "Blob service error codes", "Common REST API error codes".

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::codes::Code;
use crate::front::xml;

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

impl From<xml::Fault> for Refusal {
    fn from(fault: xml::Fault) -> Self {
        Self::invalid_xml(fault.0)
    }
}

impl Refusal {
    /// A refusal with that status, code and text. In debug builds the status must be one that the code is published with.
    pub(in crate::front::azure) fn new(status: StatusCode, code: Code, text: impl Into<Cow<'static, str>>) -> Self {
        debug_assert!(code.comes_with(status), "{} never comes with {status}", code.name());
        Self { status, code: code.name(), text: text.into(), headers: HeaderMap::new(), details: Vec::new() }
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

    /// The refusal of a copy whose source refuses like this: with the source's status, which is told once more beside its
    /// code. A failure of our own (5xx) stays what it is.
    ///
    /// Source: `Error` in `models.tsp` of azure-rest-api-specs; what the service answered is in AzCopy's `policy_token_reauth.go`.
    pub(in crate::front::azure) fn of_source(self) -> Self {
        if !self.status.is_client_error() {
            return self;
        }
        Self::unverified_source(self.status, self.status, Some(self.code), self.text)
    }

    /// A copy's source answered with `told`, and in Azure's words with `code`.
    pub(in crate::front::azure) fn unverified_source(
        status: StatusCode,
        told: StatusCode,
        code: Option<&str>,
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (text, told) = (text.into(), told.as_str());
        let refusal = Self::new(status, Code::CannotVerifyCopySource, text.clone())
            .header(SOURCE_STATUS, told)
            .detail("CopySourceStatusCode", told);
        let Some(code) = code else { return refusal };
        refusal
            .header(SOURCE_CODE, code)
            .detail("CopySourceErrorCode", code)
            .detail("CopySourceErrorMessage", text.into_owned())
    }

    /// 400: a header's value is not as it must be.
    pub(in crate::front::azure) fn invalid_header(name: &str, value: &str) -> Self {
        let text = "The value for one of the HTTP headers is not in the correct format.";
        Self::new(StatusCode::BAD_REQUEST, Code::InvalidHeaderValue, text)
            .detail("HeaderName", name)
            .detail("HeaderValue", value)
    }

    /// 400: a required header is not there.
    pub(in crate::front::azure) fn missing_header(name: &str) -> Self {
        let text = "An HTTP header that's mandatory for this request is not specified.";
        Self::new(StatusCode::BAD_REQUEST, Code::MissingRequiredHeader, text).detail("HeaderName", name)
    }

    /// 400: a header that this service does not support, and does not ignore.
    pub(in crate::front::azure) fn unsupported_header(name: &str) -> Self {
        let text = "One of the HTTP headers specified in the request is not supported.";
        Self::new(StatusCode::BAD_REQUEST, Code::UnsupportedHeader, text).detail("HeaderName", name)
    }

    /// 400: a query parameter's value is not as it must be.
    pub(in crate::front::azure) fn invalid_parameter(name: &str, value: &str) -> Self {
        let text = "Value for one of the query parameters specified in the request URI is invalid.";
        Self::new(StatusCode::BAD_REQUEST, Code::InvalidQueryParameterValue, text)
            .detail("QueryParameterName", name)
            .detail("QueryParameterValue", value)
    }

    /// 400: a query parameter lies outside of what is allowed.
    pub(in crate::front::azure) fn parameter_out_of_range(name: &str, value: &str) -> Self {
        let text = "One of the query parameters specified in the request URI is outside the permissible range.";
        Self::new(StatusCode::BAD_REQUEST, Code::OutOfRangeQueryParameterValue, text)
            .detail("QueryParameterName", name)
            .detail("QueryParameterValue", value)
    }

    /// 400: a body that should be XML is not as it must be.
    pub(in crate::front::azure) fn invalid_xml(reason: &str) -> Self {
        let text = "One of the XML nodes specified in the request body is not supported or malformed.";
        Self::new(StatusCode::BAD_REQUEST, Code::InvalidXmlDocument, text).detail("Reason", reason)
    }

    /// 403: who asks is known, and may not do that.
    pub(in crate::front::azure) fn not_permitted() -> Self {
        let text = "This request is not authorized to perform this operation using this permission.";
        Self::new(StatusCode::FORBIDDEN, Code::AuthorizationPermissionMismatch, text)
    }

    /// 400: the operation is one of accounts with a hierarchical namespace, in the words of those without.
    pub(in crate::front::azure) fn no_hierarchy() -> Self {
        let text = "This operation is only supported on a hierarchical namespace account.";
        Self::new(StatusCode::BAD_REQUEST, Code::HierarchicalNamespaceNotEnabled, text)
    }

    /// 501: the operation is not there.
    pub(in crate::front::azure) fn not_implemented() -> Self {
        let text = "The requested operation is not implemented on the specified resource.";
        Self::new(StatusCode::NOT_IMPLEMENTED, Code::NotImplemented, text)
    }
}

const SOURCE_STATUS: HeaderName = HeaderName::from_static("x-ms-copy-source-status-code");
const SOURCE_CODE: HeaderName = HeaderName::from_static("x-ms-copy-source-error-code");
