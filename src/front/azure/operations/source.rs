//! The source that a copy names: in this gateway, or elsewhere.
//!
//! # Invariants
//! - A source within the gateway is read by credentials that may read it: the SAS in its address, the token beside it, or
//!   those of the request, for their own account.
//! - What the source refuses is told as the source's refusal, never as one of the request.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Uri};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::front::azure::admission::admit::Policies;
use crate::front::azure::admission::arrival::{self, Origin};
use crate::front::azure::admission::ask::{self, Ask};
use crate::front::azure::admission::auth::{self, Caller};
use crate::front::azure::wire::asked::Asked;
use crate::front::azure::wire::conditions;
use crate::front::azure::wire::operation::Operation;
use crate::front::azure::wire::refusal::Refusal;
use crate::front::azure::wire::shown::named;
use crate::gateway::{Body, CopySource, Digests, Error};
use crate::model::{Authorized, Conditions, RangeRequest, SnapshotId, SystemMetadata, Timestamp};

/// Longest address of a source, in bytes. Source: "Copy Blob", `x-ms-copy-source`.
const LONGEST_SOURCE_BYTES: usize = 2048;
pub(super) const TAG_OPTION: &str = "x-ms-copy-source-tag-option";
/// What stands in addresses as it is, though RFC 3986 wants it encoded: the service takes it.
const RAW: AsciiSet =
    CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// Where a copy comes from.
pub(super) enum Source {
    /// A blob of this gateway, and the proof that it may be read.
    Here(Box<Authorized<CopySource>>),
    /// A body of another server, and what it says the body is.
    Elsewhere(Box<Fetched>),
}

/// What another server sent.
pub(super) struct Fetched {
    pub(super) body: Body,
    pub(super) length: u64,
    pub(super) system: SystemMetadata,
}

/// Finds the source that a request names, and proves that it may be read. `range`: which bytes of it; `None`: all.
pub(super) async fn source(ask: &Ask<'_>, range: Option<RangeRequest>, most: u64) -> Result<Source, Refusal> {
    let uri = address(ask.asked.header("x-ms-copy-source").unwrap_or_default())?;
    let conditions = conditions::of_source(&ask.asked)?;
    let token = ask.asked.headers.get("x-ms-copy-source-authorization");
    if is_here(ask, &uri) {
        return here(ask, &uri, token, range, conditions).await.map(|proof| Source::Here(Box::new(proof)));
    }
    if conditions != Conditions::default() {
        return Err(Refusal::unsupported_header("x-ms-source-if-match"));
    }
    let fetched = ask.house.outbound.fetch(&uri, token, range, most).await?;
    let digests = Digests::default();
    let claims: crate::gateway::Claims = Box::new(|| Ok(Vec::new()));
    let body = Body { length: Some(fetched.length), stream: fetched.stream, digests, claims };
    Ok(Source::Elsewhere(Box::new(Fetched { body, length: fetched.length, system: fetched.system })))
}

/// The proof that a blob of this gateway may be read as a source.
async fn here(
    ask: &Ask<'_>,
    uri: &Uri,
    token: Option<&HeaderValue>,
    range: Option<RangeRequest>,
    conditions: Conditions,
) -> Result<Authorized<CopySource>, Refusal> {
    let (method, headers) = (Method::GET, headers(ask, uri, token));
    let origin = Origin { remote: ask.asked.remote, tls: ask.asked.tls };
    let asked = arrival::asked(ask.house, &method, uri, &headers, origin).map_err(Refusal::of_source)?;
    if ["comp", "restype", "versionid"].iter().any(|name| asked.parameter(name).is_some()) {
        return Err(invalid());
    }
    if asked.target.dfs {
        return Err(Refusal::no_hierarchy().of_source());
    }
    let (Some(container), Some(blob)) = (&asked.target.container, &asked.target.blob) else { return Err(invalid()) };
    let snapshot = match asked.parameter("snapshot") {
        None => None,
        Some(text) => Some(SnapshotId::parse(text).ok_or_else(invalid)?),
    };
    // From the archive a blob comes back by a copy to a tier that can be read. Source: "Copy Blob", `x-ms-access-tier`.
    let comes_back = ask.operation == Operation::CopyBlob && ask.asked.headers.contains_key("x-ms-access-tier");
    let conditions = Conditions { not_archived: !comes_back, ..conditions };
    let bucket = ask::bucket(container).map_err(Refusal::of_source)?;
    let key = ask::key(blob).map_err(Refusal::of_source)?;
    let op = CopySource { bucket, key, snapshot, range, conditions };
    proven(ask, &asked, op).await.map_err(Refusal::of_source)
}

/// The headers of a read of the source. What is taken from it beside its bytes is asked of its proof, too: its tags,
/// compared or copied.
fn headers(ask: &Ask<'_>, uri: &Uri, token: Option<&HeaderValue>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        headers.insert(AUTHORIZATION, token.clone());
    }
    if let Ok(host) = HeaderValue::from_str(uri.authority().map_or("", http::uri::Authority::as_str)) {
        headers.insert(http::header::HOST, host);
    }
    let passed = [("x-ms-version", "x-ms-version"), ("x-ms-source-if-tags", "x-ms-if-tags"), (TAG_OPTION, TAG_OPTION)];
    for (from, to) in passed {
        if let Some(value) = ask.asked.headers.get(from) {
            headers.insert(named(to), value.clone());
        }
    }
    headers
}

async fn proven(ask: &Ask<'_>, asked: &Asked<'_>, op: CopySource) -> Result<Authorized<CopySource>, Refusal> {
    let reader = reader(ask, asked).await?;
    let principal = match &reader {
        Some(caller) => {
            caller.permits(Operation::GetBlob)?;
            &caller.principal
        }
        None => {
            ask.caller.permits_as(Operation::GetBlob, asked)?;
            &ask.caller.principal
        }
    };
    principal.authorize(op).map_err(|_denied| ask.refuse(Error::AccessDenied))
}

/// Who reads the source by credentials of its own; `None`: the request's caller, whose account it is. Without any
/// credentials another account's source is as closed as it is to a GET.
async fn reader(ask: &Ask<'_>, asked: &Asked<'_>) -> Result<Option<Caller>, Refusal> {
    let bare = asked.parameter("sig").is_none() && !asked.headers.contains_key(AUTHORIZATION);
    if bare && asked.target.account == ask.asked.target.account {
        return Ok(None);
    }
    let policies = Policies { gateway: &ask.house.gateway, operation: ask.operation, context: &ask.context };
    let (clients, bearer) = (ask.house.gateway.clients(), ask.house.bearer.as_ref());
    auth::authenticate(asked, clients, &policies, bearer, Timestamp::now()).await.map(Some)
}

/// The address of a source. It may stand there with spaces and the like in it.
fn address(text: &str) -> Result<Uri, Refusal> {
    if text.len() > LONGEST_SOURCE_BYTES {
        return Err(invalid());
    }
    let uri: Uri = utf8_percent_encode(text, &RAW).to_string().parse().map_err(|_cause| invalid())?;
    if uri.authority().is_none() || !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(invalid());
    }
    Ok(uri)
}

/// The address may hold a signature: it is not given back.
fn invalid() -> Refusal {
    Refusal::invalid_header("x-ms-copy-source", "")
}

/// The address as it is kept and shown: as it was written, but without its query, which may hold a signature; with the
/// snapshot that it names.
pub(super) fn shown(text: &str) -> String {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let is_snapshot = |pair: &&str| pair.split_once('=').is_some_and(|(name, _)| name.eq_ignore_ascii_case("snapshot"));
    query.split('&').find(is_snapshot).map_or_else(|| path.to_owned(), |taken| format!("{path}?{taken}"))
}

/// Whether an address is of this gateway: it has the host of the request, or one under the configured domains.
fn is_here(ask: &Ask<'_>, uri: &Uri) -> bool {
    let Some(authority) = uri.authority().map(http::uri::Authority::as_str) else { return false };
    authority.eq_ignore_ascii_case(&ask.asked.host) || ask.house.domains.hold(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_what_azure_lets_stand() {
        let uri = address("https://h/a/c/two words {1}?sig=x%2By&snapshot=2026 01").unwrap();
        assert_eq!((uri.path(), uri.query()), ("/a/c/two%20words%20%7B1%7D", Some("sig=x%2By&snapshot=2026%2001")));
        let encoded = "https://h/a/c/two%20words?sig=x%2By";
        assert_eq!(address(encoded).unwrap().to_string(), encoded);
        for text in ["", "a/c/b", "/a/c/b", "ftp://h/b", "https:///b", &format!("https://h/{}", "x".repeat(2048))] {
            assert_eq!(address(text).unwrap_err().code, "InvalidHeaderValue", "{text}");
        }
    }

    #[test]
    fn an_address_is_shown_as_it_was_written_and_never_with_a_signature() {
        assert_eq!(shown("https://H/a/c/two words%21"), "https://H/a/c/two words%21");
        assert_eq!(shown("https://h/c/b?sv=2026&sig=secret"), "https://h/c/b");
        assert_eq!(shown("https://h/c/b?sig=s&Snapshot=2026%3A01&se=x"), "https://h/c/b?Snapshot=2026%3A01");
    }
}
