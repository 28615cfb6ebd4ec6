//! The parsers of proofs as pure functions, for the fuzz targets.

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::{sas, screen, shared_key};
use crate::front::azure::wire::asked::{Asked, Target};

/// What a shared key signs of `GET path?query` with these headers, in each order that clients use. `None` when the request
/// is refused before.
pub fn canonical_request(
    path: &str,
    query: &[(String, String)],
    headers: &[(String, String)],
    lite: bool,
) -> Option<Vec<Vec<u8>>> {
    let headers = header_map(headers)?;
    let asked = asked(path, query, &headers);
    screen(&asked).ok()?;
    shared_key::unambiguous(&asked).ok()?;
    Some(shared_key::texts(&asked, lite))
}

/// What the signature of this token is over, for the blob `container/blob`. `None` when the token is refused.
pub fn parse_sas(query: &[(String, String)]) -> Option<String> {
    let headers = HeaderMap::new();
    sas::Token::parse(query).ok()?.probe(&asked("/account/container/blob", query, &headers))
}

fn header_map(headers: &[(String, String)]) -> Option<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?);
    }
    Some(map)
}

fn asked<'r>(path: &'r str, query: &[(String, String)], headers: &'r HeaderMap) -> Asked<'r> {
    Asked {
        method: &Method::GET,
        path,
        query: query.to_vec(),
        headers,
        target: Target {
            dfs: false,
            account: "account".to_owned(),
            secondary: true,
            host_style: false,
            container: Some("container".to_owned()),
            blob: Some("blob".to_owned()),
        },
        host: String::new(),
        remote: IpAddr::V4(Ipv4Addr::LOCALHOST),
        tls: true,
    }
}
