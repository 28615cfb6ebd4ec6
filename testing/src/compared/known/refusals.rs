//! Both refuse, for different reasons that are both true. No page of Microsoft's lays down which is told first.

use super::Witness::{Page, Undocumented};
use super::oddities::Oddity;
use super::{Known, Met, known};

const ORDER: super::Witness = Undocumented("which of several refusals is told first is in no page");
const BLOB_WRITES_THAT_CHANGE: &[&str] =
    &["Lease Blob", "Set Blob Properties", "Set Blob Metadata", "Delete Blob", "Append Block", "Append Blob Seal"];

pub(super) const KNOWN: &[Known] = &[
    known(
        &[],
        ["status", "400 *", "4*"],
        |met| {
            met.oddities()
                .any(|odd| odd.ours == met.ours.outcome() && odd.theirs.contains(&met.theirs.outcome().as_str()))
        },
        "Azurite says it in another code: see the table of oddities for each.",
        Page("of each oddity"),
    ),
    known(
        &[],
        ["status", "400 *", "4*"],
        |met| met.oddities().any(|odd| odd.ours == met.ours.outcome()) && is_true(met, &met.theirs.outcome()),
        "We look at what a request says before what it is about.",
        ORDER,
    ),
    known(
        &[],
        ["status", "4*", "400 *"],
        |met| {
            let theirs = met.theirs.outcome();
            let told = met.oddities().any(|odd| odd.theirs.contains(&theirs.as_str()))
                || met.step.kind == "Put Block List" && theirs == "400 InvalidBlockList";
            told && is_true(met, &met.ours.outcome())
        },
        "We look at conditions, lease and archive before the body.",
        ORDER,
    ),
    known(
        &[],
        ["status", "400 *", "400 *"],
        |met| {
            let (ours, theirs) = (met.ours.outcome(), met.theirs.outcome());
            let another = |odd: &Oddity| odd.ours != ours && odd.theirs.contains(&theirs.as_str());
            met.oddities().any(|odd| odd.ours == ours)
                && (met.oddities().any(another)
                    || met.step.kind == "Put Block List" && theirs == "400 InvalidBlockList")
        },
        "Of several mistakes another one is told.",
        ORDER,
    ),
    known(
        &[],
        ["status", "4*", "4*"],
        |met| {
            is_of_state(&met.ours.outcome())
                && is_of_state(&met.theirs.outcome())
                && is_true(met, &met.ours.outcome())
                && is_true(met, &met.theirs.outcome())
        },
        "Of several things that stand against it another one is told.",
        ORDER,
    ),
    known(
        &[],
        ["status", "412 Lease*", "304 ConditionNotMet"],
        |met| met.names_lease() && met.conditional() && is_true(met, &met.ours.outcome()),
        "The lease is told before the condition; Azurite looks at conditions first.",
        Undocumented("LokiBlobMetadataStore.ts, downloadBlob and createSnapshot"),
    ),
    known(
        &[],
        ["status", "412 LeaseLost", "412 LeaseNotPresentWith*Operation"],
        |met| met.lease_had_ended(),
        "A lease that has ended is told as lost. The page says so of those that expired; of broken ones nothing is said.",
        Page("Blob service error codes"),
    ),
    known(
        &["Copy Blob", "Copy Blob From URL"],
        ["status", "412 SourceConditionNotMet", "* ConditionNotMet"],
        |met| met.odd("a source condition") && matches!(met.theirs.status, 304 | 412),
        "The condition was on the source, and a copy is no read.",
        Page("Copy Blob; Blob service error codes"),
    ),
    known(
        &[],
        ["status", "400 *", "304 ConditionNotMet"],
        |met| met.conditional() && met.oddities().any(|odd| odd.ours == met.ours.outcome()),
        "We look at what a request says before what it is about.",
        ORDER,
    ),
    known(
        &["Snapshot Blob"],
        ["status", "412 ConditionNotMet", "304 ConditionNotMet"],
        |met| met.conditional(),
        "A snapshot that is not to be taken is 412.",
        Page("Snapshot Blob"),
    ),
    known(
        &["Snapshot Blob"],
        ["status", "412 ConditionNotMet", "400 UnsatisfiableCondition"],
        |met| met.odd("If-None-Match *") && met.was_there(),
        "If-None-Match takes a tag here; Azurite looks at conditions as of a read.",
        Undocumented("LokiBlobMetadataStore.ts, createSnapshot"),
    ),
    known(
        &["Snapshot Blob"],
        ["status", "404 BlobNotFound", "400 UnsatisfiableCondition"],
        |met| met.odd("If-None-Match *") && !met.was_there(),
        "What is not there is not found, whatever is asked of it.",
        Undocumented("LokiBlobMetadataStore.ts, createSnapshot"),
    ),
    known(
        &["Snapshot Blob"],
        ["status", "400 MultipleConditionHeadersNotSupported", "*"],
        |met| {
            met.oddities().any(|odd| odd.ours == met.ours.outcome())
                && matches!(met.theirs.status, 201 | 304 | 404 | 412)
        },
        "Several conditions are for Get Blob and Get Blob Properties.",
        Page("Specifying conditional headers for Blob service operations"),
    ),
    known(
        BLOB_WRITES_THAT_CHANGE,
        ["status", "412 ConditionNotMet", "409 *"],
        |met| met.odd("If-None-Match *") && met.was_there(),
        "If-None-Match: * fails where there is a blob.",
        Page("Specifying conditional headers for Blob service operations"),
    ),
    known(
        &[],
        ["status", "403 AuthenticationFailed", "403 AuthorizationFailure"],
        |met| {
            let flaws = [
                "a signature that ended",
                "a signature that has not begun",
                "a signature of other permissions",
                "a signature for elsewhere",
            ];
            flaws.into_iter().any(|flaw| met.odd(flaw))
        },
        "A signature that proves nothing is a failed authentication; Azurite has one code for all.",
        Page("Common REST API error codes"),
    ),
    known(
        &["Put Blob"],
        ["status", "403 UnauthorizedBlobOverwrite", "403 AuthorizationPermissionMismatch"],
        |met| met.was_there() && met.step.sas.is_some_and(|sas| !sas.permissions.contains('w')),
        "Who may create may not overwrite.",
        Page("Blob service error codes"),
    ),
    known(
        &["Abort Copy Blob"],
        ["status", "409 NoPendingCopyOperation", "409 CopyIdMismatch"],
        |met| met.odd("abort"),
        "There is no pending copy to have an id.",
        Page("Blob service error codes"),
    ),
    known(
        &["nothing"],
        ["status", "405 UnsupportedHttpVerb", "400"],
        |met| met.odd("POST") || met.odd("PATCH"),
        "A method that no operation has; Azurite's router knows no other answer.",
        Page("Common REST API error codes"),
    ),
];

/// Whether that refusal is for what is there, and not for what the request says.
fn is_of_state(outcome: &str) -> bool {
    !outcome.starts_with("400") || outcome == "400 AccessTierNotSupportedForBlobType"
}

/// Whether that refusal is true of the step, as far as can be seen from outside.
fn is_true(met: &Met<'_>, outcome: &str) -> bool {
    let copy = met.step.kind.starts_with("Copy Blob");
    let code = outcome.split_once(' ').map_or("", |(_, code)| code);
    match code {
        "BlobNotFound" | "CannotVerifyCopySource" => {
            if copy {
                !met.before.source.is_success()
            } else {
                !met.was_there()
            }
        }
        "ContainerNotFound" => {
            let gone = |answer: &crate::azure::wire::Answer| answer.code() == "ContainerNotFound";
            gone(&met.before.place) || copy && gone(&met.before.source)
        }
        "ContainerAlreadyExists" => met.step.kind == "Create Container" && met.was_there(),
        "BlobAlreadyExists" => met.odd("If-None-Match *") && met.was_there(),
        "ConditionNotMet" | "SourceConditionNotMet" => met.conditional(),
        "LeaseIdMissing" => met.was_locked() && !met.names_lease(),
        "LeaseIdMismatchWithBlobOperation" | "LeaseIdMismatchWithContainerOperation" => {
            met.was_locked() && met.names_lease()
        }
        // Azurite forgets the lease of a blob that has blocks that wait.
        "LeaseNotPresentWithBlobOperation" | "LeaseNotPresentWithContainerOperation" => {
            met.names_lease() && (!met.was_locked() || met.before.waiting || !met.before.snapshots_of.is_empty())
        }
        "LeaseLost" => met.names_lease() && met.lease_had_ended(),
        "InvalidBlobType" => match met.step.kind {
            "Append Block" | "Append Blob Seal" => met.was("BlockBlob") || met.before.waiting,
            // Azurite takes a snapshot for the blob.
            "Put Block" => met.was("AppendBlob") || met.has_snapshot_of("AppendBlob"),
            _ => met.was("AppendBlob"),
        },
        "AccessTierNotSupportedForBlobType" => met.was("AppendBlob"),
        "BlobArchived" => met.was_archived() || met.before.source.header("x-ms-access-tier") == "Archive",
        "SnapshotsPresent" => met.step.kind == "Delete Blob",
        "InvalidRange" => met.step.kind == "Get Blob" && (met.sends("range") || met.sends("x-ms-range")),
        "BlobIsSealed" => met.before.place.header("x-ms-blob-sealed") == "true",
        "AppendPositionConditionNotMet" => met.sends("x-ms-blob-condition-appendpos"),
        "MaxBlobSizeConditionNotMet" => met.sends("x-ms-blob-condition-maxsize"),
        _ => code.starts_with("Lease") && met.step.kind.starts_with("Lease "),
    }
}
