//! What lists say.

use super::Witness::{Page, Undocumented};
use super::{Known, Met, always, known};

const BLOBS: &[&str] = &["List Blobs"];
const BOTH: &[&str] = &["List Blobs", "List Containers"];
const LIST: super::Witness = Page("List Blobs");

macro_rules! of_blob {
    ($name:literal) => {
        concat!("xml EnumerationResults/Blobs/Blob/Properties/", $name)
    };
}

pub(super) const KNOWN: &[Known] = &[
    known(
        BOTH,
        ["xml EnumerationResults/Prefix", "absent", ";"],
        |met| !met.asks("prefix"),
        "It is told when it was asked for.",
        LIST,
    ),
    known(
        BOTH,
        ["xml EnumerationResults/Marker", "absent", ";"],
        |met| !asks_marker(met),
        "It is told when it was asked for.",
        LIST,
    ),
    known(
        BOTH,
        ["xml EnumerationResults/MaxResults", "absent", "5000;"],
        |met| !met.asks("maxresults"),
        "It is told when it was asked for.",
        LIST,
    ),
    known(
        BLOBS,
        ["xml EnumerationResults/Blobs/Blob/Metadata", ";", "absent"],
        includes_metadata,
        "Where metadata was asked for, an entry without any has an empty element.",
        Undocumented("generated/artifacts/mappers.ts: no element for what is not there"),
    ),
    known(
        &["List Containers"],
        ["xml EnumerationResults/Containers/Container/Metadata", ";", "absent"],
        includes_metadata,
        "Where metadata was asked for, an entry without any has an empty element.",
        Undocumented("generated/artifacts/mappers.ts: no element for what is not there"),
    ),
    known(
        BLOBS,
        [of_blob!("ServerEncrypted"), "true;", "absent"],
        always,
        "All that is kept is encrypted, blocks that wait and what was made of blocks, too.",
        LIST,
    ),
    known(
        BLOBS,
        [of_blob!("AccessTierChangeTime"), "absent", "there;"],
        always,
        "It is told of a tier that was set.",
        Page("Get Blob Properties"),
    ),
    known(
        BLOBS,
        [of_blob!("AccessTierChangeTime"), "there;", "absent"],
        always,
        "It is told of a tier that was set, by Copy Blob or Put Block List as well.",
        Page("Get Blob Properties"),
    ),
    known(
        BLOBS,
        [of_blob!("AccessTier"), "Hot;", "C*;"],
        copies,
        "A copy has the account's tier unless the request names one; Azurite's has the source's.",
        Undocumented("LokiBlobMetadataStore.ts, startCopyFromURL: all properties of the source"),
    ),
    known(
        BLOBS,
        [of_blob!("AccessTierInferred"), "true;", "absent"],
        copies,
        "A copy has the account's tier unless the request names one; Azurite's has the source's.",
        Undocumented("LokiBlobMetadataStore.ts, startCopyFromURL: all properties of the source"),
    ),
    known(
        BLOBS,
        [of_blob!("AccessTierInferred"), "absent", "true;"],
        copies,
        "A tier that the copy's request named is not inferred.",
        Page("Get Blob Properties"),
    ),
    known(
        BLOBS,
        [of_blob!("CopyProgress"), "0/0;", "absent"],
        |met| includes(met, "copy"),
        "A copy of no bytes has its progress, too.",
        LIST,
    ),
    known(
        BLOBS,
        [of_blob!("Copy*"), "absent", "*"],
        |met| !includes(met, "copy"),
        "It is told when it was asked for; Azurite tells it always.",
        LIST,
    ),
    known(
        BLOBS,
        [of_blob!("Copy*"), "absent", "*"],
        |met| met.before.changed_once,
        "Any write but of tags, tier, lease and blocks takes what is said of a copy away.",
        Page("Get Blob Properties"),
    ),
    known(BLOBS, [of_blob!("IncrementalCopy"), "absent", "false;"], always, "It is told of incremental copies.", LIST),
    known(BLOBS, [of_blob!("LeaseState"), "absent", "available;"], snapshots, "A snapshot has no lease.", LIST),
    known(BLOBS, [of_blob!("LeaseStatus"), "absent", "unlocked;"], snapshots, "A snapshot has no lease.", LIST),
    known(
        BLOBS,
        [of_blob!("LeaseState"), "available;", "broken;"],
        |met| met.before.freed,
        "A write without a lease makes a broken one available.",
        Page("Lease Blob: outcomes of use attempts by lease state"),
    ),
    known(
        BLOBS,
        [of_blob!("Sealed"), "absent", "false;"],
        always,
        "It is told when it is so.",
        Page("Append Blob Seal"),
    ),
    known(
        BLOBS,
        [of_blob!("Content-Type"), "application/octet-stream;", "absent"],
        always,
        "A blob without a type has the default one.",
        Page("Get Blob Properties"),
    ),
    known(
        BLOBS,
        ["xml EnumerationResults/Blobs/Blob/Tags*", "absent", ";"],
        |met| includes(met, "tags"),
        "A blob whose tags were all taken away has none, as one that never had any.",
        Undocumented("LokiBlobMetadataStore.ts, setBlobTag: keeps an empty set"),
    ),
    known(
        BLOBS,
        ["xml order", "*BlobPrefix a//*", "*BlobPrefix a/*"],
        |met| {
            plain(met, "delimiter") == Some("//")
                && met
                    .ours
                    .text()
                    .replace("<BlobPrefix><Name>a//<", "<BlobPrefix><Name>a/<")
                    .matches("<Name>a/<")
                    .count()
                    == met.theirs.text().matches("<Name>a/<").count()
        },
        "A delimiter may be a string, and the whole of it ends the prefix; Azurite's prefix ends with its first character.",
        LIST,
    ),
    known(
        BLOBS,
        ["xml EnumerationResults/Blobs/Blob/Properties/C*", "absent", "*"],
        unread,
        "What a Get would tell is for who may read: a signature without r lists names, sizes, tags of state and times.",
        Undocumented("docs/compatibility/azure.md says so; Azure and Azurite tell it to whoever lists"),
    ),
    known(
        BLOBS,
        ["xml EnumerationResults/Blobs/Blob/Properties/TagCount", "absent", "*"],
        unread,
        "What a Get would tell is for who may read: a signature without r lists names, sizes, tags of state and times.",
        Undocumented("docs/compatibility/azure.md says so; Azure and Azurite tell it to whoever lists"),
    ),
    known(
        BLOBS,
        ["xml EnumerationResults/Blobs/Blob/Metadata*", "absent", "*"],
        unread,
        "What a Get would tell is for who may read: a signature without r lists names, sizes, tags of state and times.",
        Undocumented("docs/compatibility/azure.md says so; Azure and Azurite tell it to whoever lists"),
    ),
    known(
        BLOBS,
        ["xml EnumerationResults/Blobs/Blob/Tags*", "absent", "*"],
        unread,
        "What a Get would tell is for who may read: a signature without r lists names, sizes, tags of state and times.",
        Undocumented("docs/compatibility/azure.md says so; Azure and Azurite tell it to whoever lists"),
    ),
    known(
        &["Get Block List"],
        ["xml BlockList/CommittedBlocks", "absent", ";"],
        |met| plain(met, "blocklisttype") == Some("uncommitted"),
        "Only the list that was asked for is there.",
        Page("Get Block List"),
    ),
    known(
        &["Get Block List"],
        ["xml BlockList/UncommittedBlocks", "absent", ";"],
        |met| matches!(plain(met, "blocklisttype"), None | Some("committed")),
        "Only the list that was asked for is there.",
        Page("Get Block List"),
    ),
];

fn plain<'m>(met: &'m Met<'_>, name: &str) -> Option<&'m str> {
    let (_, value) = met.step.query.iter().find(|(other, _)| *other == name)?;
    if let crate::compared::ops::Value::Plain(text) = value { Some(text) } else { None }
}

/// Whether a page after the first was asked for: an empty marker is none.
fn asks_marker(met: &Met<'_>) -> bool {
    met.asks("marker") && met.ours.text().contains("<Marker>")
}

fn includes(met: &Met<'_>, what: &str) -> bool {
    plain(met, "include").is_some_and(|words| words.split(',').any(|word| word == what))
}

fn includes_metadata(met: &Met<'_>) -> bool {
    includes(met, "metadata")
}

/// Whether the signature lists and does not read.
fn unread(met: &Met<'_>) -> bool {
    met.step.sas.is_some_and(|sas| !sas.permissions.contains('r'))
}

/// Whether there are copies in the list.
fn copies(met: &Met<'_>) -> bool {
    met.theirs.text().contains("<CopyId>")
}

fn snapshots(met: &Met<'_>) -> bool {
    includes(met, "snapshots")
}
