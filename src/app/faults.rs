//! What goes wrong at start-up, in the operator's words.

use std::path::Path;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::catalog::{CatalogError, Failure};
use crate::front::tls::TlsError;
use crate::gateway::{FenceFault, Note, UnlockError};
use crate::keys::{CustodianError, KeyError};
use crate::model::{ProviderName, Timestamp};
use crate::store::OpenError;
use crate::text::{Exit, OperatorError};

/// Output that could not be written.
pub(super) fn unwritten(error: &std::io::Error) -> OperatorError {
    OperatorError::new("output", Exit::Internal).because(error)
}

/// A custodian that does not serve.
pub(super) fn custodian(error: &CustodianError) -> OperatorError {
    let (code, exit) = match error {
        CustodianError::Unavailable(_) => ("root-key-unavailable", Exit::Unavailable),
        CustodianError::Unacceptable(_) => ("root-key-unacceptable", Exit::Configuration),
        CustodianError::Refused => ("root-key-wrong", Exit::Configuration),
        CustodianError::AlreadyThere | CustodianError::TooLong | CustodianError::NoRandomness(_) => {
            ("internal", Exit::Internal)
        }
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
        CatalogError::Failed(Failure::Absent) => {
            return OperatorError::new("catalog-absent", Exit::Configuration).arg("path", path.display().to_string());
        }
        CatalogError::Failed(Failure::Unmarked) => {
            let error = OperatorError::new("catalog-not-adopted", Exit::Configuration);
            return error.arg("path", path.display().to_string());
        }
        CatalogError::Failed(Failure::InUse) => "catalog-in-use",
        CatalogError::Failed(Failure::TooNew { .. }) => "catalog-too-new",
        CatalogError::Refused(_)
        | CatalogError::Failed(
            Failure::Panicked
            | Failure::Closed
            | Failure::Misused(_)
            | Failure::Damaged(_)
            | Failure::Engine(_)
            | Failure::Io(_),
        ) => "catalog-unusable",
    };
    OperatorError::new(code, Exit::Unavailable).arg("path", path.display().to_string()).because(error)
}

/// A provider that cannot be used as configured.
pub(super) fn provider(error: &OpenError, name: &ProviderName) -> OperatorError {
    let (code, exit) = match error {
        OpenError::InUse => ("provider-in-use", Exit::Unavailable),
        OpenError::Endpoint
        | OpenError::PlainHttp
        | OpenError::Certificate
        | OpenError::Credentials(_)
        | OpenError::Folder(_)
        | OpenError::Client => ("provider-unavailable", Exit::Configuration),
    };
    OperatorError::new(code, exit).arg("name", name.as_str()).because(error)
}

/// A catalog and providers that do not go together, or could not be asked. `path`: the catalog.
pub(super) fn fence(fault: &FenceFault, path: &Path) -> OperatorError {
    let told = |code: &'static str| OperatorError::new(code, Exit::Configuration);
    let at = |code, provider: &ProviderName| told(code).arg("name", provider.as_str());
    let whose =
        |error: OperatorError, note: &Note| error.arg("host", note.host.clone()).arg("time", moment(note.written));
    match fault {
        FenceFault::NoIdentity => told("catalog-no-identity").arg("path", path.display().to_string()),
        FenceFault::NotAdopted => told("catalog-not-adopted").arg("path", path.display().to_string()),
        FenceFault::NotConfigured(provider) => at("provider-not-configured", provider),
        FenceFault::MarkerMissing(provider) => at("marker-missing", provider),
        FenceFault::MarkerWrong { provider, laid_for } => {
            let laid_for = laid_for.as_ref().map_or("none", ProviderName::as_str);
            at("marker-wrong", provider).arg("other", laid_for)
        }
        FenceFault::EpochMissing { provider, epoch } => at("epoch-missing", provider).arg("epoch", epoch.to_string()),
        FenceFault::Stale { provider, ours, found, by } => {
            let error = at("epoch-stale", provider).arg("ours", ours.to_string()).arg("found", found.to_string());
            whose(error, by)
        }
        FenceFault::Contested { provider, epoch, by } => {
            whose(at("epoch-contested", provider).arg("ours", epoch.to_string()), by)
        }
        FenceFault::Overwrites(provider) => at("provider-overwrites", provider),
        FenceFault::ClaimsAll(provider) => at("provider-claims-all", provider),
        FenceFault::Sample { provider, looked, missing } => {
            at("adoption-sample", provider).arg("looked", looked.to_string()).arg("missing", missing.to_string())
        }
        FenceFault::Store { provider, cause } => {
            OperatorError::new("provider-unavailable", Exit::Unavailable).arg("name", provider.as_str()).because(cause)
        }
        FenceFault::Catalog(error) => catalog(error, path),
        FenceFault::Keys(KeyError::Custodian(error)) => custodian(error),
        FenceFault::Keys(KeyError::Refused | KeyError::WrongRootKey | KeyError::UnknownKey) => {
            OperatorError::new("root-key-wrong", Exit::Configuration).because(fault)
        }
        FenceFault::NotLooked | FenceFault::Keys(_) | FenceFault::Seal(_) => {
            OperatorError::new("internal", Exit::Internal).because(fault)
        }
    }
}

/// A time as operators read it, in UTC.
fn moment(at: Timestamp) -> String {
    let whole = OffsetDateTime::from_unix_timestamp(at.seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    whole.format(&Rfc3339).unwrap_or_default()
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
