//! What a signature confines beside what may be done: from when to when, from where, over what.
//!
//! Source: "Create a service SAS", specify an IP address or IP range, specify the HTTP protocol.

use std::net::IpAddr;

use super::super::failure::{self, not_authorized};
use super::instant;
use crate::front::azure::wire::codes::Code;
use crate::front::azure::wire::refusal::Refusal;
use crate::model::Timestamp;

/// From `start`, where there is one, until before `expiry`.
pub(super) fn check_time(start: &str, expiry: &str, now: Timestamp) -> Result<(), Refusal> {
    let begins = if start.is_empty() { Some(now) } else { instant::iso8601(start) };
    let begins = begins.ok_or_else(|| failure::sas("the start is not a time"))?;
    let ends = instant::iso8601(expiry).ok_or_else(|| failure::sas("the expiry is missing or is not a time"))?;
    if begins > now || ends <= now {
        let (start, expiry) = (shown(start), shown(expiry));
        let detail = format!("Signature not valid in the specified time frame: Start [{start}] - Expiry [{expiry}].");
        return Err(failure::detailed(&detail));
    }
    Ok(())
}

/// What was read as a time is short and plain; nothing else is told.
fn shown(text: &str) -> &str {
    if instant::iso8601(text).is_some() { text } else { "" }
}

/// `a.b.c.d` or `a.b.c.d-e.f.g.h`, ends included. Empty: from anywhere.
pub(super) fn check_address(allowed: &str, remote: IpAddr) -> Result<(), Refusal> {
    if allowed.is_empty() {
        return Ok(());
    }
    let (first, last) = allowed.split_once('-').unwrap_or((allowed, allowed));
    let (Ok(first), Ok(last)) = (first.parse::<IpAddr>(), last.parse::<IpAddr>()) else {
        return Err(failure::sas("the IP range is neither an address nor two"));
    };
    let remote = remote.to_canonical();
    let same_family = first.is_ipv4() == remote.is_ipv4() && last.is_ipv4() == remote.is_ipv4();
    if same_family && first <= remote && remote <= last {
        return Ok(());
    }
    Err(not_authorized(Code::AuthorizationSourceIPMismatch, " using this source IP"))
}

/// `https`, or `https,http`. Empty: both.
pub(super) fn check_protocol(allowed: &str, tls: bool) -> Result<(), Refusal> {
    match allowed {
        "" | "https,http" | "http,https" => Ok(()),
        "https" if tls => Ok(()),
        "https" => Err(not_authorized(Code::AuthorizationProtocolMismatch, " using this protocol")),
        _ => Err(failure::sas("the protocol is neither https nor https,http")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_within_its_range_and_of_its_family() {
        let code = |allowed, remote: &str| match check_address(allowed, remote.parse().unwrap()) {
            Ok(()) => "",
            Err(refusal) => refusal.code,
        };
        const ELSEWHERE: &str = "AuthorizationSourceIPMismatch";
        let cases = [
            ("", "10.0.0.1", ""),
            ("10.0.0.1", "10.0.0.1", ""),
            ("10.0.0.1", "::ffff:10.0.0.1", ""),
            ("10.0.0.1", "10.0.0.2", ELSEWHERE),
            ("10.0.0.1-10.0.1.0", "10.0.0.255", ""),
            ("10.0.0.1-10.0.1.0", "10.0.1.0", ""),
            ("10.0.0.1-10.0.1.0", "10.0.1.1", ELSEWHERE),
            ("10.0.1.0-10.0.0.1", "10.0.0.255", ELSEWHERE),
            ("0.0.0.0-255.255.255.255", "::1", ELSEWHERE),
            ("::1-::9", "::5", ""),
            ("10.0.0.0/8", "10.0.0.1", "AuthenticationFailed"),
            ("10.0.0.1-", "10.0.0.1", "AuthenticationFailed"),
            ("10.0.0.1-10.0.0.2-10.0.0.3", "10.0.0.1", "AuthenticationFailed"),
        ];
        for (allowed, remote, wanted) in cases {
            assert_eq!(code(allowed, remote), wanted, "{allowed} {remote}");
        }
    }

    #[test]
    fn https_alone_needs_tls() {
        for (allowed, tls, wanted) in [
            ("", false, true),
            ("https", true, true),
            ("https", false, false),
            ("https,http", false, true),
            ("http", true, false),
        ] {
            assert_eq!(check_protocol(allowed, tls).is_ok(), wanted, "{allowed} {tls}");
        }
    }

    #[test]
    fn a_signature_lives_from_its_start_until_before_its_expiry() {
        let now = instant::iso8601("2026-06-01T12:00:00Z").unwrap();
        let valid = |start, expiry| check_time(start, expiry, now).is_ok();
        assert!(valid("", "2026-06-01T12:00:01Z") && valid("2026-06-01T12:00Z", "2026-06-02"));
        assert!(!valid("", "2026-06-01T12:00:00Z") && !valid("2026-06-01T12:00:01Z", "2026-06-02"));
        assert!(!valid("", "") && !valid("soon", "2026-06-02") && !valid("", "later"));
    }
}
