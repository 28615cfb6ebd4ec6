//! One does what the other refuses.

use super::Witness::{Page, Undocumented};
use super::{Known, known};

const CONDITIONS: super::Witness = Page("Specifying conditional headers for Blob service operations");

/// Why conditions on a snapshot's tag and time may go another way.
const RETAGGED: &str =
    "A snapshot with metadata of its own has a tag and a time of its own; in Azurite it has the blob's.";

pub(super) const KNOWN: &[Known] = &[
    known(
        &[],
        ["status", "400 *", "2*"],
        |met| met.oddities().any(|odd| odd.ours == met.ours.outcome() && odd.theirs.contains(&"done")),
        "Azurite takes no notice: see the table of oddities for each.",
        Page("of each oddity"),
    ),
    known(
        &[],
        ["status", "403 AuthorizationSourceIPMismatch", "*"],
        |met| met.odd("a signature for another address"),
        "A signature serves from the addresses that it names; Azurite does not look.",
        Page("Create an account SAS; Create a service SAS: sip"),
    ),
    known(
        &["Copy Blob From URL"],
        ["status", "412 SourceConditionNotMet", "202"],
        |met| met.odd("a source condition"),
        "Azurite does not look at conditions on the source here.",
        Page("Copy Blob From URL"),
    ),
    known(
        &["Copy Blob"],
        ["status", "412 SourceConditionNotMet", "202"],
        |met| met.before.retagged && met.odd("a source condition"),
        RETAGGED,
        Page("Snapshot Blob"),
    ),
    known(
        &["Copy Blob"],
        ["status", "202", "304 ConditionNotMet"],
        |met| met.before.retagged && met.odd("a source condition"),
        RETAGGED,
        Page("Snapshot Blob"),
    ),
    known(
        &["Get Blob", "Get Blob Properties", "Delete Blob"],
        ["status", "412 ConditionNotMet", "20?"],
        |met| met.before.retagged && met.asks("snapshot") && met.conditional(),
        RETAGGED,
        Page("Snapshot Blob"),
    ),
    known(
        &["Get Blob", "Get Blob Properties"],
        ["status", "20?", "304 ConditionNotMet"],
        |met| met.before.retagged && met.asks("snapshot") && met.conditional(),
        RETAGGED,
        Page("Snapshot Blob"),
    ),
    known(
        &["Append Blob Seal"],
        ["status", "412 ConditionNotMet", "200"],
        |met| met.odd("x-ms-if-tags"),
        "Azurite does not look at tags here.",
        CONDITIONS,
    ),
    known(
        &["Put Blob", "Put Blob (append)", "Put Block List", "Copy Blob", "Copy Blob From URL"],
        ["status", "412 ConditionNotMet", "20?"],
        |met| !met.was_there() && (met.odd("x-ms-if-tags") || met.odd("If-Match *")),
        "A blob that is not there has neither a tag nor tags that fit. Azurite 3.36 has it for If-Match.",
        CONDITIONS,
    ),
    known(
        &["Put Blob", "Put Blob (append)", "Put Block List", "Put Block"],
        ["status", "412 LeaseNotPresentWithBlobOperation", "201"],
        |met| !met.was_there() && met.names_lease(),
        "A blob that is not there has no lease to name.",
        Page("Put Block; Lease Blob: outcomes of use attempts, available"),
    ),
    known(
        &["Copy Blob", "Copy Blob From URL"],
        ["status", "412 LeaseNotPresentWithBlobOperation", "202"],
        |met| !met.was_there() && met.names_lease(),
        "A blob that is not there has no lease to name.",
        Page("Copy Blob, Copying a leased blob"),
    ),
    known(
        &["Put Block"],
        ["status", "201", "412 LeaseNotPresentWithBlobOperation"],
        |met| {
            let elsewhere = met.before.waiting || !met.before.snapshots_of.is_empty();
            met.was_locked() && met.names_lease() && elsewhere
        },
        "Azurite looks for the lease at another entry of that name: one of blocks that wait, or a snapshot.",
        Page("Put Block"),
    ),
    known(
        &["Put Block"],
        ["status", "412 LeaseIdM*", "201"],
        |met| met.was_locked() && !met.before.snapshots_of.is_empty(),
        "Azurite looks for the lease at another entry of that name: one of blocks that wait, or a snapshot.",
        Page("Put Block"),
    ),
    known(
        &["Put Block"],
        ["status", "201", "409 InvalidBlobType"],
        |met| !met.was("AppendBlob") && met.has_snapshot_of("AppendBlob"),
        "Snapshots are not what blocks are put to; Azurite takes the first entry of that name for the blob.",
        Undocumented("LokiBlobMetadataStore.ts, stageBlock: findOne without a snapshot"),
    ),
    known(
        &["Put Block"],
        ["status", "409 InvalidBlobType", "201"],
        |met| met.was("AppendBlob") && met.has_snapshot_of("BlockBlob"),
        "Snapshots are not what blocks are put to; Azurite takes the first entry of that name for the blob.",
        Undocumented("LokiBlobMetadataStore.ts, stageBlock: findOne without a snapshot"),
    ),
    known(
        &["Lease Blob"],
        ["status", "404 BlobNotFound", "20?"],
        |met| !met.was_there() && met.before.waiting,
        "A blob that has only blocks that wait is not there.",
        Undocumented("LokiBlobMetadataStore.ts, acquireBlobLease"),
    ),
    known(
        &["Lease Blob"],
        ["status", "404 BlobNotFound", "409 *"],
        |met| !met.was_there() && met.before.waiting,
        "A blob that has only blocks that wait is not there.",
        Undocumented("LokiBlobMetadataStore.ts, acquireBlobLease"),
    ),
    known(
        &["Lease Blob", "Set Blob Properties", "Set Blob Metadata", "Delete Blob", "Append Block", "Append Blob Seal"],
        ["status", "412 ConditionNotMet", "20?"],
        |met| met.odd("If-None-Match *") && met.was_there(),
        "If-None-Match: * fails where there is a blob; Azurite has a note that it does not know.",
        CONDITIONS,
    ),
    known(
        &["Snapshot Blob"],
        ["status", "412 ConditionNotMet", "201"],
        |met| met.odd("If-None-Match and If-Modified-Since past"),
        "Of this pair the condition on the tag decides, but for Get Blob and Get Blob Properties.",
        CONDITIONS,
    ),
    known(
        &["Snapshot Blob"],
        ["status", "201", "412 ConditionNotMet"],
        |met| met.odd("If-Match and If-Unmodified-Since past"),
        "Of this pair the condition on the tag decides, but for Get Blob and Get Blob Properties.",
        CONDITIONS,
    ),
    known(
        &["Put Block", "Put Block List", "Set Blob Properties", "Set Blob Metadata", "Snapshot Blob"],
        ["status", "409 BlobArchived", "20?"],
        |met| met.was_archived(),
        "What is in the archive is not modified, its metadata is read-only, and it has no snapshots.",
        Page("Access tiers for blob data, Archive access tier"),
    ),
    known(
        &["Get Blob Metadata"],
        ["status", "200", "409 BlobArchived"],
        |met| met.was_archived(),
        "Metadata of an archived blob can be read; Azurite gives the blob with it.",
        Page("Access tiers for blob data, Archive access tier"),
    ),
    known(
        &["Get Blob"],
        ["status", "416 InvalidRange", "206"],
        |met| met.theirs.body.is_empty(),
        "A range that begins at the end is not satisfiable; Azurite gives 0 bytes.",
        Page("Specifying the range header for Blob service operations"),
    ),
    known(
        &["Get Blob", "Get Blob Properties", "Get Blob Metadata"],
        ["status", "*", "412 ConditionNotMet"],
        |met| met.odd("If-Match two") && met.was_there() && matches!(met.ours.status, 200 | 206 | 416),
        "Reads take several tags; Azurite compares the whole text.",
        CONDITIONS,
    ),
];
