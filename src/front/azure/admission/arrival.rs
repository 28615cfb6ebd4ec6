//! A request as it arrives: where it comes from, and its head taken apart.

use std::net::IpAddr;

use http::header::HOST;
use http::{HeaderMap, Method, StatusCode};

use super::address;
use super::house::House;
use crate::front::azure::wire::asked::Asked;
use crate::front::azure::wire::codes::Code;
use crate::front::azure::wire::refusal::Refusal;
use crate::front::exchange::has_too_many;

/// The refusal of a header section that is too large.
pub(in crate::front::azure) fn too_many_headers() -> Refusal {
    let text = "The headers of the request exceed the maximum permissible limit.";
    Refusal::new(StatusCode::BAD_REQUEST, Code::InvalidHeaderValue, text)
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(in crate::front::azure) struct Origin {
    pub(in crate::front::azure) remote: IpAddr,
    pub(in crate::front::azure) tls: bool,
}

/// A request's head as it was asked.
pub(in crate::front::azure) fn asked<'r>(
    house: &House,
    method: &'r Method,
    uri: &'r http::Uri,
    headers: &'r HeaderMap,
    origin: Origin,
) -> Result<Asked<'r>, Refusal> {
    if has_too_many(headers) {
        return Err(too_many_headers());
    }
    // HTTP/2 has the host in the address, HTTP/1.1 in a header; a request that names two hosts is refused.
    let header = headers.get(HOST).and_then(|value| value.to_str().ok());
    let authority = uri.authority().map(http::uri::Authority::as_str);
    if let (Some(one), Some(other)) = (header, authority)
        && !one.eq_ignore_ascii_case(other)
    {
        return Err(address::invalid_uri());
    }
    asked_at(house, method, uri, headers, origin, authority.or(header).unwrap_or_default())
}

/// The same, at a host that is known.
pub(in crate::front::azure) fn asked_at<'r>(
    house: &House,
    method: &'r Method,
    uri: &'r http::Uri,
    headers: &'r HeaderMap,
    origin: Origin,
    host: &str,
) -> Result<Asked<'r>, Refusal> {
    let target = address::target(Some(host), uri.path(), &house.domains)?;
    let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let query = pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let (path, host) = (uri.path(), host.to_owned());
    Ok(Asked { method, path, query, headers, target, host, remote: origin.remote, tls: origin.tls })
}
