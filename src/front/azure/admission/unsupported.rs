//! Headers and parameters of features that are not here. They are refused: to ignore one would promise what is not kept.

use http::StatusCode;

use crate::front::azure::wire::asked::Asked;
use crate::front::azure::wire::codes::Code;
use crate::front::azure::wire::errors;
use crate::front::azure::wire::operation::Operation;
use crate::front::azure::wire::refusal::Refusal;

/// Refuses what asks for a feature that is not here.
pub(in crate::front::azure) fn check(operation: Operation, asked: &Asked<'_>) -> Result<(), Refusal> {
    if operation == Operation::SetBlobExpiry {
        return Err(Refusal::no_hierarchy());
    }
    if ABSENT.contains(&operation) {
        return Err(Refusal::not_implemented());
    }
    if matches!(operation, Operation::PutBlob | Operation::PutBlobFromUrl)
        && asked.header("x-ms-blob-type") == Some("PageBlob")
    {
        return Err(errors::no_page_blobs());
    }
    if asked.headers.contains_key("x-ms-blob-public-access") {
        let text = "Public access is not permitted on this storage account.";
        return Err(Refusal::new(StatusCode::CONFLICT, Code::PublicAccessNotPermitted, text));
    }
    for name in asked.headers.keys() {
        let name = name.as_str();
        if REFUSED.contains(&name) || REFUSED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            return Err(Refusal::unsupported_header(name));
        }
    }
    if asked.header("x-ms-legal-hold").is_some_and(|value| !value.eq_ignore_ascii_case("false")) {
        return Err(Refusal::unsupported_header("x-ms-legal-hold"));
    }
    for name in ["versionid", "prevsnapshot"] {
        if let Some(value) = asked.parameter(name) {
            return Err(Refusal::invalid_parameter(name, value).detail("Reason", "Versions are not kept."));
        }
    }
    if asked.parameter("snapshot").is_some() && !SNAPSHOTS.contains(&operation) {
        let text = asked.parameter("snapshot").unwrap_or_default();
        return Err(Refusal::invalid_parameter("snapshot", text));
    }
    if is_write(operation) && asked.target.secondary {
        let text = "Write operations are not allowed on the secondary endpoint.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, Code::InsufficientAccountPermissions, text));
    }
    Ok(())
}

/// Operations that change something.
fn is_write(operation: Operation) -> bool {
    use Operation as Op;
    !matches!(
        operation,
        Op::ListContainers
            | Op::GetServiceProperties
            | Op::GetServiceStats
            | Op::PreflightRequest
            | Op::GetAccountInformation
            | Op::GetUserDelegationKey
            | Op::FindBlobsByTags
            | Op::GetContainerProperties
            | Op::GetContainerMetadata
            | Op::GetContainerAcl
            | Op::ListBlobs
            | Op::GetBlob
            | Op::GetBlobProperties
            | Op::GetBlobMetadata
            | Op::GetBlobTags
            | Op::GetBlockList
            | Op::GetPageRanges
            | Op::QueryBlobContents
    )
}

/// Operations that are not here, whatever else they say.
const ABSENT: [Operation; 9] = [
    Operation::RenameContainer,
    Operation::SetImmutabilityPolicy,
    Operation::DeleteImmutabilityPolicy,
    Operation::SetLegalHold,
    Operation::QueryBlobContents,
    Operation::PutPage,
    Operation::PutPageFromUrl,
    Operation::GetPageRanges,
    Operation::IncrementalCopyBlob,
];

/// Operations on a snapshot.
const SNAPSHOTS: [Operation; 7] = [
    Operation::GetBlob,
    Operation::GetBlobProperties,
    Operation::GetBlobMetadata,
    Operation::GetBlobTags,
    Operation::GetBlockList,
    Operation::SetBlobTier,
    Operation::DeleteBlob,
];

/// Customer-provided keys and scopes (keys are held in Quebec, and by nobody else), immutability, expiry, ordering of pages,
/// conditions on tiers.
const REFUSED_PREFIXES: [&str; 6] = [
    "x-ms-encryption-",
    "x-ms-source-encryption-",
    "x-ms-immutability-policy-",
    "x-ms-expiry-",
    "x-ms-if-sequence-number-",
    "x-ms-access-tier-if-",
];

const REFUSED: [&str; 5] = [
    "x-ms-default-encryption-scope",
    "x-ms-deny-encryption-scope-override",
    "x-ms-blob-content-length",
    "x-ms-blob-sequence-number",
    "x-ms-sequence-number-action",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::azure::wire::asked::{Sample, Target};

    fn check_with(operation: Operation, header: &str, query: &'static str, secondary: bool) -> Result<(), Refusal> {
        let target = Target { secondary, ..Target::default() };
        check(operation, &Sample { query, target, ..Sample::of(&[(header, "x")]) }.asked())
    }

    #[test]
    fn customer_provided_keys_are_refused_and_never_ignored() {
        for name in [
            "x-ms-encryption-key",
            "x-ms-encryption-key-sha256",
            "x-ms-encryption-algorithm",
            "x-ms-encryption-scope",
            "x-ms-source-encryption-key",
        ] {
            assert_eq!(check_with(Operation::PutBlob, name, "", false).unwrap_err().code, "UnsupportedHeader");
            assert_eq!(check_with(Operation::GetBlob, name, "", false).unwrap_err().code, "UnsupportedHeader");
        }
    }

    #[test]
    fn a_snapshot_is_not_written_to_and_neither_is_the_secondary() {
        assert!(check_with(Operation::PutBlob, "x-ms-meta-a", "snapshot=2026", false).is_err());
        assert!(check_with(Operation::GetBlob, "x-ms-meta-a", "snapshot=2026", true).is_ok());
        assert!(check_with(Operation::PutBlob, "x-ms-meta-a", "", true).is_err());
        assert!(check_with(Operation::GetBlob, "x-ms-meta-a", "versionid=2026", false).is_err());
    }
}
