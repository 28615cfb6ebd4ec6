//! A request as it arrives: its head taken apart.

use http::header::HOST;
use http::request::Parts;

use super::house::House;
use crate::front::exchange::has_too_many;
use crate::front::s3::wire::asked::Asked;
use crate::front::s3::wire::errors::invalid;
use crate::front::s3::wire::refusal::Refusal;

/// The refusal of a header section that is too large. S3's own limit is 8 KiB for those of a PUT.
pub(in crate::front::s3) fn too_many_headers() -> Refusal {
    invalid("RequestHeaderSectionTooLarge", "Your request header section exceeds the maximum allowed size")
}

/// A request's head as it was asked.
pub(in crate::front::s3) fn asked<'r>(house: &House, parts: &'r mut Parts) -> Result<Asked<'r>, Refusal> {
    let headers = std::mem::take(&mut parts.headers);
    let parts = &*parts;
    if has_too_many(&headers) {
        return Err(too_many_headers());
    }
    // The authority of the target (`:authority` under HTTP/2) and the host header name one place: the header is what was
    // signed and what names the bucket, the other is what a proxy on the way may have looked at.
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    let header = headers.get(HOST).map(|value| value.as_bytes());
    if let (Some(authority), Some(header)) = (authority, header)
        && !authority.as_bytes().eq_ignore_ascii_case(header)
    {
        return Err(invalid("InvalidRequest", "The host header is not the authority of the request."));
    }
    let host = header.and_then(|header| std::str::from_utf8(header).ok()).or(authority).unwrap_or_default().to_owned();
    let path = parts.uri.path();
    let target = house.domains.target(&host, path)?;
    let pairs = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let query = pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    Ok(Asked { method: &parts.method, path, query, headers, host, target })
}
