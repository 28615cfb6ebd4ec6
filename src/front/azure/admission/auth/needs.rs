//! What an operation needs of a shared access signature.
//!
//! Sources: "Create an account SAS", account SAS permissions by operation; "Create a service SAS", permissions for a
//! directory, container, or blob; "Create a user delegation SAS".
//!
//! # Invariants
//! - [`needs`] is one total match: an operation that is new does not compile until it is said what it needs.
//! - What a request does beside its operation (tags, breaking a lease, deleting for good) is found in the request itself by
//!   [`Particulars`], so no operation can forget to ask.

use super::failure::not_authorized;
use super::particulars::Particulars;
use super::sas::{Delegated, Letters, Reach};
use crate::front::azure::wire::codes::Code;
use crate::front::azure::wire::operation::Operation;
use crate::front::azure::wire::refusal::Refusal;

/// What an operation needs of a SAS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Needs {
    /// Of an account SAS: one of these resource types, and one of these letters.
    account: Option<(&'static [u8], &'static [u8])>,
    /// Of a service or user delegation SAS.
    service: Service,
}

/// What an operation needs of a service or user delegation SAS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    /// It does not serve.
    Never,
    /// That it is for the container, with one of these letters.
    Container(&'static [u8]),
    /// That it is for the container or the blob, with one of these letters.
    Blob(&'static [u8]),
}

/// Whether a SAS serves for `operation`.
pub(super) fn permits(sas: &Delegated, operation: Operation, particulars: &Particulars) -> Result<(), Refusal> {
    let needs = needs(operation, particulars);
    let letters = match (sas.reach, needs.account, needs.service) {
        (Reach::Account { types, blob_service }, Some((wanted, letters)), _) => {
            if !blob_service {
                return Err(not_authorized(Code::AuthorizationServiceMismatch, " using this service"));
            }
            if !types.has_any(wanted) {
                return Err(not_authorized(Code::AuthorizationResourceTypeMismatch, " using this resource type"));
            }
            letters
        }
        (Reach::Container, _, Service::Container(letters) | Service::Blob(letters)) => letters,
        (Reach::Blob, _, Service::Blob(letters)) => letters,
        (Reach::Account { .. }, None, _) | (Reach::Container | Reach::Blob, _, _) => {
            return Err(not_authorized(Code::AuthorizationFailure, ""));
        }
    };
    let also = beside(operation, particulars).into_iter().all(|letter| sas.letters.has(letter));
    if sas.letters.has_any(letters) && also { Ok(()) } else { Err(Refusal::not_permitted()) }
}

/// Letters that the request needs in addition, all of them.
fn beside(operation: Operation, particulars: &Particulars) -> Vec<u8> {
    let mut letters = Vec::new();
    if particulars.tags {
        letters.push(b't');
    }
    if particulars.retention {
        letters.push(b'i');
    }
    if operation == Operation::DeleteBlob && particulars.for_good {
        letters.push(b'y');
    }
    if operation == Operation::DeleteBlob && particulars.version {
        letters.push(b'x');
    }
    letters
}

const ANY: &[u8] = Letters::KNOWN;
const SERVICE: &[u8] = b"s";
const CONTAINER: &[u8] = b"c";
const OBJECT: &[u8] = b"o";

fn needs(operation: Operation, particulars: &Particulars) -> Needs {
    use Operation as Op;
    let service = |letters| Needs { account: Some((SERVICE, letters)), service: Service::Never };
    let container = |letters| Needs { account: Some((CONTAINER, letters)), service: Service::Never };
    let within = |letters| Needs { account: Some((CONTAINER, letters)), service: Service::Container(letters) };
    let blob = |letters| Needs { account: Some((OBJECT, letters)), service: Service::Blob(letters) };
    let never = Needs { account: None, service: Service::Never };
    // Whoever may break a lease only may not take one.
    let lease: &[u8] = if particulars.breaks_lease { b"wd" } else { b"w" };
    match operation {
        Op::ListContainers => service(b"l"),
        Op::GetServiceProperties | Op::GetServiceStats => service(b"r"),
        Op::SetServiceProperties => service(b"w"),
        // Tells nothing that a holder of any SAS does not know.
        Op::PreflightRequest | Op::GetAccountInformation => {
            Needs { account: Some((b"sco", ANY)), service: Service::Blob(ANY) }
        }
        Op::GetUserDelegationKey | Op::GetContainerAcl | Op::SetContainerAcl => never,
        // The parts of a batch bring a proof each; the batch itself does nothing.
        Op::Batch if particulars.in_container => {
            Needs { account: Some((b"sco", ANY)), service: Service::Container(ANY) }
        }
        Op::Batch => Needs { account: Some((b"sco", ANY)), service: Service::Never },
        Op::FindBlobsByTags if particulars.in_container => within(b"f"),
        Op::FindBlobsByTags => Needs { account: Some((b"so", b"f")), service: Service::Never },
        Op::CreateContainer => container(b"cw"),
        Op::GetContainerProperties | Op::GetContainerMetadata => container(b"r"),
        Op::SetContainerMetadata | Op::RestoreContainer | Op::RenameContainer => container(b"w"),
        Op::LeaseContainer => container(lease),
        Op::DeleteContainer => container(b"d"),
        Op::ListBlobs => within(b"l"),
        Op::GetBlob
        | Op::GetBlobProperties
        | Op::GetBlobMetadata
        | Op::GetBlockList
        | Op::GetPageRanges
        | Op::QueryBlobContents => blob(b"r"),
        // With `c` alone what is there stays: see `Caller::may_overwrite`.
        Op::PutBlob
        | Op::PutBlobFromUrl
        | Op::CopyBlob
        | Op::CopyBlobFromUrl
        | Op::SnapshotBlob
        | Op::IncrementalCopyBlob => blob(b"cw"),
        Op::SetBlobProperties
        | Op::SetBlobMetadata
        | Op::SetBlobTier
        | Op::SetBlobExpiry
        | Op::UndeleteBlob
        | Op::AbortCopyBlob
        | Op::PutBlock
        | Op::PutBlockFromUrl
        | Op::PutBlockList
        | Op::PutPage
        | Op::PutPageFromUrl => blob(b"w"),
        Op::AppendBlock | Op::AppendBlockFromUrl | Op::SealAppendBlob => blob(b"aw"),
        Op::GetBlobTags | Op::SetBlobTags => blob(b"t"),
        Op::LeaseBlob => blob(lease),
        Op::DeleteBlob => blob(b"d"),
        Op::SetImmutabilityPolicy | Op::DeleteImmutabilityPolicy | Op::SetLegalHold => blob(b"i"),
    }
}

#[cfg(test)]
#[path = "needs_tests.rs"]
mod tests;
