//! User delegation keys: what a bearer signs shared access signatures with.
//!
//! Source: "Get User Delegation Key".
//!
//! # Invariants
//! - A key is derived from the account's and never stored: it dies with the account's key, at its own expiry (a week from when
//!   it was made at most), and with the mapping of the claim by which its bearer spoke for the account.
//! - Every field of a key is in what it is derived from, with its length before it, so none can be changed or moved.

use http::StatusCode;

use super::bearer::Subject;
use super::key::{self, AccountKey};
use super::sas::instant;
use crate::front::azure::wire::codes::Code;
use crate::front::azure::wire::refusal::Refusal;
use crate::model::Timestamp;
use crate::secret::SecretText;

/// The answer to Get User Delegation Key.
pub(in crate::front::azure) struct DelegationKey {
    /// `SignedOid`
    pub(in crate::front::azure) oid: String,
    /// `SignedTid`
    pub(in crate::front::azure) tid: String,
    /// `SignedStart`
    pub(in crate::front::azure) start: String,
    /// `SignedExpiry`
    pub(in crate::front::azure) expiry: String,
    /// `SignedService`
    pub(in crate::front::azure) service: &'static str,
    /// `SignedVersion`
    pub(in crate::front::azure) version: String,
    /// `Value`
    pub(in crate::front::azure) value: SecretText,
}

/// Makes the key of `subject` from `start` (or now) until `expiry`, for as long as `value` of its claim is mapped.
pub(super) fn issue(
    account: &AccountKey,
    subject: &Subject,
    value: &str,
    [start, expiry]: [Option<&str>; 2],
    version: &str,
    now: Timestamp,
) -> Result<DelegationKey, Refusal> {
    let begins = start.filter(|text| !text.is_empty()).map_or(Some(now), instant::iso8601);
    let begins = begins.ok_or_else(|| out_of_range("Start"))?;
    let ends = expiry.and_then(instant::iso8601).ok_or_else(|| out_of_range("Expiry"))?;
    // From now on, however far ahead it begins.
    if ends <= begins || ends <= now || ends.0 > now.0.saturating_add(MAX_LIFE_MS) {
        return Err(out_of_range("Expiry"));
    }
    let (Some(start), Some(expiry)) = (instant::written(begins), instant::written(ends)) else {
        return Err(out_of_range("Expiry"));
    };
    let tag = mac(account, [&subject.oid, &subject.tid, &start, &expiry, SERVICE, version, value]);
    Ok(DelegationKey {
        oid: subject.oid.clone(),
        tid: subject.tid.clone(),
        start,
        expiry,
        service: SERVICE,
        version: version.to_owned(),
        value: SecretText::new(key::encoded(tag.as_ref())),
    })
}

/// The key again, by what a signature says of it. `None` when such a key was never made.
pub(super) fn derive(
    account: &AccountKey,
    [oid, tid]: [&str; 2],
    [start, expiry]: [&str; 2],
    service: &str,
    version: &str,
    value: &str,
) -> Option<AccountKey> {
    let (begins, ends) = (instant::iso8601(start)?, instant::iso8601(expiry)?);
    if service != SERVICE || oid.is_empty() || tid.is_empty() || ends <= begins {
        return None;
    }
    // SDKs write the times anew: it is the moment that counts.
    let (start, expiry) = (instant::written(begins)?, instant::written(ends)?);
    AccountKey::new(mac(account, [oid, tid, &start, &expiry, service, version, value]).as_ref().to_vec())
}

fn mac(account: &AccountKey, fields: [&str; 7]) -> aws_lc_rs::hmac::Tag {
    let mut text = Vec::new();
    for field in [LABEL].into_iter().chain(fields) {
        // Lengths are those of parameters and claims: far below the limit of the prefix.
        text.extend_from_slice(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        text.extend_from_slice(field.as_bytes());
    }
    account.sign(&text)
}

fn out_of_range(node: &str) -> Refusal {
    let text = "The value specified for one of the XML nodes in the request body is not within the allowed range.";
    Refusal::new(StatusCode::BAD_REQUEST, Code::InvalidXmlNodeValue, text).detail("XmlNodeName", node)
}

const LABEL: &str = "ecluse/user-delegation/2";
/// The Blob service.
const SERVICE: &str = "b";
const MAX_LIFE_MS: i64 = 7 * 24 * 3600 * 1000;

#[cfg(test)]
#[path = "delegation_tests.rs"]
mod tests;
