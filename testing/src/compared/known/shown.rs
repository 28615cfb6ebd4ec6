//! What answers say in their headers and bodies.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest as _, Md5};

use super::Witness::{Page, Undocumented};
use super::{Known, Met, always, known};

const PROPERTIES: &[&str] = &["Get Blob Properties"];
const READS: &[&str] = &["Get Blob", "Get Blob Properties"];
const ALL_READS: &[&str] = &["Get Blob", "Get Blob Properties", "Get Blob Metadata"];
const HEADERS: super::Witness = Page("Get Blob Properties");
const METADATA: super::Witness = Page("Get Blob Metadata");

/// A header is there on one side alone.
const fn only_ours(name: &'static str, value: &'static str) -> [&'static str; 3] {
    [name, value, "absent"]
}

const fn only_theirs(name: &'static str, value: &'static str) -> [&'static str; 3] {
    [name, "absent", value]
}

pub(super) const KNOWN: &[Known] = &[
    // --- every answer
    known(
        &[],
        only_ours("header x-ms-version", "there"),
        |met| !met.theirs.is_success(),
        "Azurite's errors do not say the version.",
        Page("Versioning for the Azure Storage services"),
    ),
    known(
        &[],
        only_ours("header x-ms-client-request-id", "step"),
        |met| !met.theirs.is_success(),
        "It is given back with errors, too.",
        Page("the response headers of each operation"),
    ),
    known(
        &["Get Container Properties", "Get Container Metadata", "Get Account Information"],
        only_ours("header content-length", "0"),
        |met| met.ours.body.is_empty() && met.theirs.body.is_empty(),
        "An answer without a body says so (RFC 9110 §8.6).",
        Undocumented("generated/utils/serializer.ts: no length where the answer has no body"),
    ),
    known(
        &["Set Container Metadata"],
        only_ours("header x-ms-version", "there"),
        |met| met.theirs.is_success(),
        "Azurite leaves it out of this answer.",
        Page("Set Container Metadata"),
    ),
    // --- digests
    known(
        &["Put Blob", "Put Block", "Append Block"],
        only_ours("header x-ms-content-crc64", "there"),
        |met| !met.sends("content-md5") && met.ours.is_success(),
        "The CRC64 that was computed is told where the request has no Content-MD5; Azurite computes none.",
        Page("Put Blob; Put Block; Append Block"),
    ),
    known(
        &["Put Block"],
        only_ours("header content-md5", "*"),
        |met| met.sends("content-md5") && met.ours.is_success(),
        "The MD5 is told back to who sent one; Azurite never does.",
        Page("Put Block"),
    ),
    known(
        &["Copy Blob From URL"],
        only_ours("header content-md5", "*"),
        |met| met.ours.status == 202,
        "The MD5 of the source, where it has one.",
        Page("Copy Blob From URL"),
    ),
    known(
        &["Get Blob"],
        only_theirs("header content-md5", "*"),
        |met| met.theirs.status == 200 && met.before.place.find("content-md5").is_none(),
        "An MD5 is told where the blob has one, as HEAD tells it; Azurite computes one for whole reads.",
        Page("Get Blob"),
    ),
    known(
        &["Get Blob"],
        only_theirs("header content-md5", "*"),
        |met| met.theirs.status == 206 && met.odd("a digest that is not wanted"),
        "A digest that is not wanted is not told; Azurite takes any value for a yes.",
        Page("Get Blob"),
    ),
    known(
        &["Get Blob"],
        only_theirs("header x-ms-blob-content-md5", "*"),
        |met| met.theirs.status == 200 && met.ours.header("content-md5") == met.theirs.header("x-ms-blob-content-md5"),
        "It is for ranges; of the whole, Content-MD5 tells it.",
        Page("Get Blob"),
    ),
    known(
        &["Get Blob"],
        ["header content-md5", "*", "*"],
        |met| {
            let own = BASE64_STANDARD.encode(Md5::digest(&met.ours.body));
            met.ours.status == 206 && met.sends("x-ms-range-get-content-md5") && met.ours.header("content-md5") == own
        },
        "The MD5 of the range was asked for; Azurite tells the blob's where the range is all of it.",
        Page("Get Blob"),
    ),
    // --- tiers
    known(
        PROPERTIES,
        only_theirs("header x-ms-access-tier-change-time", "there"),
        |met| {
            met.ours.header("x-ms-access-tier-inferred") == "true" || met.ours.header("x-ms-blob-type") == "AppendBlob"
        },
        "It is told of a tier that was set.",
        HEADERS,
    ),
    known(
        PROPERTIES,
        only_ours("header x-ms-access-tier-change-time", "there"),
        |met| met.ours.find("x-ms-access-tier-inferred").is_none(),
        "It is told of a tier that was set, by Copy Blob or Put Block List as well.",
        HEADERS,
    ),
    known(
        &["Get Account Information"],
        only_ours("header x-ms-is-hns-enabled", "false"),
        |met| met.ours.status == 200,
        "It is told whatever is asked about.",
        Page("Get Account Information"),
    ),
    known(
        PROPERTIES,
        only_theirs("header x-ms-access-tier-inferred", "true"),
        |met| {
            let copy = met.theirs.find("x-ms-copy-id").is_some();
            copy && met.ours.find("x-ms-access-tier-change-time").is_some()
        },
        "A tier that the copy's request named is not inferred.",
        HEADERS,
    ),
    known(
        PROPERTIES,
        only_theirs("header x-ms-access-tier-inferred", "false"),
        |met| met.ours.find("x-ms-access-tier-change-time").is_some(),
        "It is told when it is so: Microsoft's recordings of the service have no other.",
        HEADERS,
    ),
    known(
        PROPERTIES,
        ["header x-ms-access-tier", "Hot", "C*"],
        is_copy_without_tier,
        "A copy has the account's tier unless the request names one; Azurite's has the source's.",
        Undocumented("LokiBlobMetadataStore.ts, startCopyFromURL: all properties of the source"),
    ),
    known(
        PROPERTIES,
        ["header x-ms-access-tier-inferred", "true", "false"],
        is_copy_without_tier,
        "A copy has the account's tier unless the request names one; Azurite's has the source's.",
        Undocumented("LokiBlobMetadataStore.ts, startCopyFromURL: all properties of the source"),
    ),
    // --- kinds of blobs and copies
    known(
        READS,
        only_theirs("header x-ms-blob-sealed", "false"),
        |met| met.ours.header("x-ms-blob-type") == "AppendBlob",
        "It is told when it is so.",
        Page("Append Blob Seal"),
    ),
    known(
        READS,
        only_ours("header x-ms-copy-progress", "0/0"),
        |met| met.ours.find("x-ms-copy-id").is_some() && met.theirs.find("x-ms-copy-id").is_some(),
        "A copy of no bytes has its progress, too.",
        HEADERS,
    ),
    known(
        READS,
        only_theirs("header x-ms-incremental-copy", "false"),
        |met| met.theirs.find("x-ms-copy-id").is_some(),
        "It is told of incremental copies.",
        HEADERS,
    ),
    known(
        READS,
        only_theirs("header x-ms-copy-*", "*"),
        |met| {
            let changed = if met.asks("snapshot") { met.before.changed_once } else { met.before.changed };
            changed && met.ours.find("x-ms-copy-id").is_none()
        },
        "Any write but of tags, tier, lease and blocks takes x-ms-copy-* away.",
        HEADERS,
    ),
    known(
        READS,
        ["header content-type", "application/octet-stream", "absent"],
        always,
        "A blob without a type has the default one.",
        HEADERS,
    ),
    known(
        &["Get Blob", "Get Blob Properties", "Append Block"],
        ["header x-ms-blob-committed-block-count", "*", "*"],
        |met| met.before.shared,
        "A copy grows by itself; in Azurite it has its list of blocks together with its source.",
        Undocumented("LokiBlobMetadataStore.ts, startCopyFromURL: one array for both"),
    ),
    // --- leases
    known(
        READS,
        only_theirs("header x-ms-lease-*", "*"),
        |met| met.asks("snapshot") && matches!(met.theirs.header("x-ms-lease-state"), "available"),
        "A snapshot has no lease.",
        Page("Lease Blob; Snapshot Blob"),
    ),
    known(
        READS,
        ["header x-ms-lease-state", "available", "broken"],
        |met| met.before.freed,
        "A write without a lease makes a broken one available.",
        Page("Lease Blob: outcomes of use attempts by lease state"),
    ),
    known(
        READS,
        ["header x-ms-lease-state", "available", "expired"],
        |met| met.before.freed,
        "A write without a lease makes an expired one available.",
        Page("Lease Blob: outcomes of use attempts by lease state"),
    ),
    // --- 304
    known(
        ALL_READS,
        only_ours("header etag", "there"),
        |met| met.ours.status == 304,
        "An answer 304 has what a 200 would have (RFC 9110 §15.4.5).",
        Page("Specifying conditional headers for Blob service operations: HTTP/1.1"),
    ),
    known(
        ALL_READS,
        only_ours("header last-modified", "there"),
        |met| met.ours.status == 304,
        "An answer 304 has what a 200 would have (RFC 9110 §15.4.5).",
        Page("Specifying conditional headers for Blob service operations: HTTP/1.1"),
    ),
    known(
        ALL_READS,
        only_ours("header cache-control", "*"),
        |met| met.ours.status == 304,
        "An answer 304 has what a 200 would have (RFC 9110 §15.4.5).",
        Page("Specifying conditional headers for Blob service operations: HTTP/1.1"),
    ),
    // --- metadata
    known(
        &["Get Blob Metadata"],
        ["body", "0 bytes", "*"],
        |met| met.step.method == "GET",
        "Azurite sends the blob with its metadata.",
        METADATA,
    ),
    known(
        &["Get Blob Metadata"],
        ["header content-length", "0", "*"],
        always,
        "Azurite sends the blob with its metadata.",
        METADATA,
    ),
    known(
        &["Get Blob Metadata"],
        only_theirs("header *", "*"),
        |met| met.ours.status == 200,
        "Azurite answers the properties as well: ETag, Last-Modified and the metadata are the page's.",
        METADATA,
    ),
    known(
        &["Get Container Metadata"],
        only_theirs("header x-ms-*", "*"),
        |met| met.ours.status == 200,
        "Azurite answers the properties as well.",
        Page("Get Container Metadata"),
    ),
    // --- snapshots
    known(
        &["Snapshot Blob"],
        only_ours("header x-ms-request-server-encrypted", "true"),
        |met| met.ours.status == 201,
        "What is stored is encrypted; Azurite leaves it out of its answer.",
        Page("azure-rest-api-specs: Blob_CreateSnapshot"),
    ),
    // --- lists of blocks
    known(
        &["Get Block List"],
        only_theirs("header etag", "there"),
        |met| !met.was_there(),
        "It is told when there are committed blocks.",
        Page("Get Block List"),
    ),
    known(
        &["Get Block List"],
        only_theirs("header last-modified", "there"),
        |met| !met.was_there(),
        "It is told when there are committed blocks.",
        Page("Get Block List"),
    ),
];

/// A copy keeps no tier of its source: Azurite's does.
fn is_copy_without_tier(met: &Met<'_>) -> bool {
    met.theirs.find("x-ms-copy-id").is_some() && met.ours.header("x-ms-access-tier-inferred") == "true"
}
