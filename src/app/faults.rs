//! What goes wrong at start-up, in the operator's words.

use std::path::Path;

use crate::catalog::CatalogError;
use crate::front::tls::TlsError;
use crate::gateway::UnlockError;
use crate::keys::{CustodianError, KeyError};
use crate::model::ProviderName;
use crate::store::OpenError;
use crate::text::{Exit, OperatorError};

/// A custodian that does not serve.
pub(super) fn custodian(error: &CustodianError) -> OperatorError {
    let (code, exit) = match error {
        CustodianError::Unavailable(_) => ("root-key-unavailable", Exit::Unavailable),
        CustodianError::Unacceptable(_) => ("root-key-unacceptable", Exit::Configuration),
        CustodianError::Refused => ("root-key-wrong", Exit::Configuration),
        CustodianError::AlreadyThere => ("root-key-exists", Exit::Configuration),
        CustodianError::TooLong | CustodianError::NoRandomness(_) => ("internal", Exit::Internal),
    };
    OperatorError::new(code, exit).because(error)
}

/// A gateway that does not open. `path`: the catalog.
pub(super) fn unlock(error: &UnlockError, path: &Path) -> OperatorError {
    match error {
        UnlockError::Keys(KeyError::Custodian(error)) => custodian(error),
        UnlockError::Keys(KeyError::WrongRootKey | KeyError::Refused | KeyError::UnknownKey) => {
            OperatorError::new("root-key-wrong", Exit::Configuration).because(error)
        }
        UnlockError::Keys(KeyError::Sealed | KeyError::NoRandomness(_)) => {
            OperatorError::new("internal", Exit::Internal).because(error)
        }
        UnlockError::Catalog(error) => catalog(error, path),
    }
}

/// A catalog that does not open.
pub(super) fn catalog(error: &CatalogError, path: &Path) -> OperatorError {
    let code = match error {
        CatalogError::InUse => "catalog-in-use",
        CatalogError::TooNew { .. } => "catalog-too-new",
        CatalogError::NoSuchBucket
        | CatalogError::BucketExists
        | CatalogError::BucketNotEmpty
        | CatalogError::NoSuchKey
        | CatalogError::NoSuchUpload
        | CatalogError::InvalidPart { .. }
        | CatalogError::PreconditionFailed
        | CatalogError::QuotaExceeded
        | CatalogError::SourceChanged
        | CatalogError::Lease(_)
        | CatalogError::Archived
        | CatalogError::SnapshotsPresent
        | CatalogError::WrongKind
        | CatalogError::AppendClosed
        | CatalogError::AppendPosition
        | CatalogError::AppendLength
        | CatalogError::InvalidBlock
        | CatalogError::TooManyBlocks
        | CatalogError::TooManySlices
        | CatalogError::Panicked
        | CatalogError::Closed
        | CatalogError::Damaged(_)
        | CatalogError::Engine(_)
        | CatalogError::Io(_) => "catalog-unusable",
    };
    OperatorError::new(code, Exit::Unavailable).arg("path", path.display().to_string()).because(error)
}

/// A provider that cannot be used as configured.
pub(super) fn provider(error: &OpenError, name: &ProviderName) -> OperatorError {
    OperatorError::new("provider-unavailable", Exit::Configuration).arg("name", name.as_str()).because(error)
}

/// Public keys of the issuer of tokens that cannot be used.
pub(super) fn oidc_keys(error: &dyn std::error::Error, place: String) -> OperatorError {
    OperatorError::new("oidc-keys", Exit::Configuration).arg("place", place).because(error)
}

/// A certificate that cannot be used.
pub(super) fn tls(error: &TlsError) -> OperatorError {
    let fault = match error {
        TlsError::Mismatch { certificate, private_key } => {
            OperatorError::new("certificate-mismatch", Exit::Configuration)
                .arg("certificate", certificate.display().to_string())
                .arg("key", private_key.display().to_string())
        }
        TlsError::Read { path, .. }
        | TlsError::Permissions { path, .. }
        | TlsError::Pem { path, .. }
        | TlsError::Certificate { path }
        | TlsError::Expired { path, .. }
        | TlsError::NotYetValid { path, .. }
        | TlsError::Unusable { path, .. } => {
            OperatorError::new("certificate-unusable", Exit::Configuration).arg("path", path.display().to_string())
        }
    };
    fault.because(error)
}
