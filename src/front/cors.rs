//! What answers tell browsers of the rules for the pages of other origins.
//!
//! Source: Fetch, "CORS protocol".

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName};

use super::reply::put;
use crate::model::{CorsMatch, CrossOrigin};

/// What a preflight asks; `None` when it lacks what each has.
pub(in crate::front) fn preflight(headers: &HeaderMap) -> Option<CrossOrigin<'_>> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let asked = text(&ACCESS_CONTROL_REQUEST_HEADERS);
    if asked.is_none() && headers.contains_key(ACCESS_CONTROL_REQUEST_HEADERS) {
        return None;
    }
    let (origin, method) = (text(&ORIGIN)?, text(&ACCESS_CONTROL_REQUEST_METHOD)?);
    Some(CrossOrigin { origin, method, headers: asked.unwrap_or_default() })
}

/// The origin of a page that asks.
pub(in crate::front) fn origin(headers: &HeaderMap) -> Option<String> {
    headers.get(ORIGIN).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Allows what a preflight asks.
pub(in crate::front) fn allow(headers: &mut HeaderMap, found: &CorsMatch<'_>, asked: &CrossOrigin<'_>) {
    share_origin(headers, found, asked.origin);
    put(headers, ACCESS_CONTROL_ALLOW_METHODS, &found.rule.methods.join(", "));
    if !asked.headers.is_empty() {
        put(headers, ACCESS_CONTROL_ALLOW_HEADERS, asked.headers);
    }
    if let Some(seconds) = found.rule.max_age {
        put(headers, ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
    }
    vary_by_all(headers);
}

/// Lets a page read an answer that has all its headers. Patterns are told as the headers that are there.
pub(in crate::front) fn share(headers: &mut HeaderMap, found: &CorsMatch<'_>, origin: &str) {
    let exposed = &found.rule.exposed;
    let exact = exposed.iter().filter(|name| !name.contains('*')).map(String::as_str);
    let like = headers
        .keys()
        .map(HeaderName::as_str)
        .filter(|name| found.rule.exposes(name) && !exposed.iter().any(|exact| exact.eq_ignore_ascii_case(name)));
    let names = exact.chain(like).collect::<Vec<_>>().join(", ");
    if !names.is_empty() {
        put(headers, ACCESS_CONTROL_EXPOSE_HEADERS, &names);
    }
    share_origin(headers, found, origin);
}

/// Says that the answer is another one for another origin.
pub(in crate::front) fn vary(headers: &mut HeaderMap) {
    put(headers, VARY, "Origin");
}

/// Says all of what a preflight's answer, and S3's to any page that a rule allows, depends on.
pub(in crate::front) fn vary_by_all(headers: &mut HeaderMap) {
    put(headers, VARY, "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
}

fn share_origin(headers: &mut HeaderMap, found: &CorsMatch<'_>, origin: &str) {
    if found.any_origin {
        put(headers, ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        return;
    }
    put(headers, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    put(headers, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
}
