//! What can be wrong with a request, and what each server says of that alone.

use super::Met;
use super::Witness::{self, Page, Undocumented};

/// One thing that is wrong with a request.
pub struct Oddity {
    /// As the generator calls it.
    pub odd: &'static str,
    /// Operations; empty: any.
    pub on: &'static [&'static str],
    /// What we answer.
    pub ours: &'static str,
    /// What Azurite answers: `done` when it takes no notice.
    pub theirs: &'static [&'static str],
    pub witness: Witness,
}

const fn oddity(
    odd: &'static str,
    on: &'static [&'static str],
    ours: &'static str,
    theirs: &'static [&'static str],
    witness: Witness,
) -> Oddity {
    Oddity { odd, on, ours, theirs, witness }
}

/// What Azurite cannot parse it refuses without a code.
const SPEECHLESS: &str = "400";
const DONE: &str = "done";

const COMMON: Witness = Page("Common REST API error codes");
const NAMES: Witness = Page("Naming and referencing containers, blobs, and metadata");
const CONDITIONS: Witness = Page("Specifying conditional headers for Blob service operations");
const TAGS: Witness = Page("Set Blob Tags");

pub const ODDITIES: &[Oddity] = &[
    // --- digests
    oddity("wrong MD5", &["Put Block List"], "400 Md5Mismatch", &[DONE], Page("Put Block List")),
    oddity("wrong MD5", &["Append Block"], "400 Md5Mismatch", &["400 Md5Mismatch"], COMMON),
    oddity("wrong MD5", &[], "400 Md5Mismatch", &["400 InvalidOperation"], COMMON),
    oddity("no MD5", &["Set Blob Properties"], "400 InvalidMd5", &[DONE], COMMON),
    oddity("no MD5", &["Append Block"], "400 InvalidMd5", &["400 Md5Mismatch"], COMMON),
    oddity("no MD5", &[], "400 InvalidMd5", &["400 InvalidOperation"], COMMON),
    oddity("short MD5", &["Append Block"], "400 InvalidMd5", &["400 Md5Mismatch"], COMMON),
    oddity("short MD5", &[], "400 InvalidMd5", &["400 InvalidOperation"], COMMON),
    oddity("another x-ms-blob-content-md5", &[], "400 Md5Mismatch", &["400 InvalidOperation"], COMMON),
    // --- metadata and tags
    oddity("a metadata name with a hyphen", &[], "400 InvalidMetadata", &["400 InvalidMetadata"], NAMES),
    oddity("too much metadata", &[], "400 MetadataTooLarge", &[DONE], COMMON),
    oddity("an empty metadata name", &[], "400 EmptyMetadataKey", &[DONE], COMMON),
    oddity("one tag twice", &[], "400 DuplicateTagNames", &[DONE], TAGS),
    oddity("eleven tags", &[], "400 TagsTooLarge", &["400 TagsTooLarge"], TAGS),
    oddity("a long tag", &[], "400 TagsTooLarge", &["400 TagsTooLarge"], TAGS),
    oddity("a character that tags have not", &[], "400 InvalidInput", &["400 DuplicateTagNames"], TAGS),
    oddity("a tag without a name", &[], "400 EmptyTagName", &["400 EmptyTagName"], TAGS),
    oddity("another root", &["Set Blob Tags"], "400 InvalidXmlDocument", &[DONE], TAGS),
    oddity("broken XML", &[], "400 InvalidXmlDocument", &[SPEECHLESS], COMMON),
    // --- tiers
    oddity("no tier", &[], "400 MissingRequiredHeader", &[SPEECHLESS], Page("Set Blob Tier")),
    oddity(
        "unknown tier",
        &["Set Blob Tier"],
        "400 InvalidHeaderValue",
        &["400 AccessTierNotSupportedForBlobType"],
        Page("Set Blob Tier"),
    ),
    oddity("unknown tier", &[], "400 InvalidHeaderValue", &["400 InvalidHeaderValue"], Page("Put Blob")),
    oddity(
        "a tier of disks",
        &[],
        "400 InvalidHeaderValue",
        &["400 AccessTierNotSupportedForBlobType"],
        Undocumented("LokiBlobMetadataStore.ts, setTier: the page has no codes for each kind of tier"),
    ),
    // --- blobs
    oddity("no type", &[], "400 MissingRequiredHeader", &[SPEECHLESS], Page("Put Blob")),
    oddity("an unknown type", &["Put Blob"], "400 InvalidHeaderValue", &[SPEECHLESS], Page("Put Blob")),
    oddity("a body", &[], "400 InvalidHeaderValue", &["400 InvalidOperation"], Page("Put Blob")),
    oddity("a length", &[], "400 UnsupportedHeader", &["400 InvalidOperation"], Page("Set Blob Properties")),
    oddity(
        "a rule for snapshots and a snapshot",
        &[],
        "400 InvalidHeaderValue",
        &["400 InvalidOperation"],
        Page("Delete Blob"),
    ),
    oddity("an unknown rule", &[], "400 InvalidHeaderValue", &[SPEECHLESS], Page("Delete Blob")),
    oddity(
        "a source that is no address",
        &[],
        "400 InvalidHeaderValue",
        &["400 InvalidHeaderValue"],
        Page("Copy Blob"),
    ),
    oddity("a position that is no number", &[], "400 InvalidHeaderValue", &[SPEECHLESS], COMMON),
    oddity("no bytes", &["Append Block"], "400 InvalidHeaderValue", &["400 InvalidHeaderValue"], Page("Append Block")),
    // A range that is none is ignored; a digest of no range cannot be had.
    oddity("a digest without a range", &[], "400 InvalidHeaderValue", &[DONE], Page("Get Blob")),
    // --- blocks
    oddity(
        "no bytes",
        &["Put Block"],
        "400 InvalidHeaderValue",
        &[DONE],
        Undocumented("BlockBlobHandler.ts, stageBlock"),
    ),
    oddity(
        "an empty name",
        &["Put Block"],
        "400 InvalidQueryParameterValue",
        &["400 InvalidBlobOrBlock", DONE],
        Page("Put Block"),
    ),
    oddity(
        "a name of 65 bytes",
        &["Put Block"],
        "400 InvalidQueryParameterValue",
        &["400 OutOfRangeInput"],
        Page("Put Block"),
    ),
    oddity(
        "a name that is not base64",
        &["Put Block"],
        "400 InvalidQueryParameterValue",
        &["400 InvalidQueryParameterValue"],
        Page("Put Block"),
    ),
    oddity(
        "a name without padding",
        &["Put Block"],
        "400 InvalidQueryParameterValue",
        &["400 InvalidQueryParameterValue"],
        Page("Put Block"),
    ),
    oddity(
        "a name of another length",
        &["Put Block"],
        "400 InvalidBlobOrBlock",
        &["400 InvalidBlobOrBlock"],
        Page("Put Block"),
    ),
    oddity("no name", &["Put Block"], "400 MissingRequiredQueryParameter", &[SPEECHLESS], Page("Put Block")),
    oddity("another root", &["Put Block List"], "400 InvalidXmlDocument", &[DONE], Page("Put Block List")),
    oddity("an unknown element", &["Put Block List"], "400 InvalidXmlDocument", &["400 InvalidBlockList"], COMMON),
    oddity(
        "a name that is not base64",
        &["Put Block List"],
        "400 InvalidBlockList",
        &["400 InvalidBlockList"],
        Page("Put Block List"),
    ),
    oddity(
        "an unknown block",
        &["Put Block List"],
        "400 InvalidBlockList",
        &["400 InvalidBlockList"],
        Page("Put Block List"),
    ),
    oddity(
        "an unknown type",
        &["Get Block List"],
        "400 InvalidQueryParameterValue",
        &[SPEECHLESS],
        Page("Get Block List"),
    ),
    // --- containers
    oddity("another root", &["Set Container ACL"], "400 InvalidXmlDocument", &[DONE], Page("Set Container ACL")),
    oddity("six policies", &[], "400 InvalidXmlDocument", &[DONE], Page("Set Container ACL")),
    oddity("unknown permission", &[], "400 InvalidXmlNodeValue", &[DONE], Page("Set Container ACL")),
    oddity("one id twice", &[], "400 InvalidXmlNodeValue", &[DONE], Page("Set Container ACL")),
    oddity(
        "an expression that is none",
        &[],
        "400 InvalidQueryParameterValue",
        &["400 InvalidQueryParameterValue"],
        Page("Find Blobs by Tags"),
    ),
    // --- what is no operation
    oddity("an unknown comp", &["nothing"], "400 InvalidQueryParameterValue", &[DONE], COMMON),
    // --- leases
    oddity("acquire for a wrong time", &[], "400 InvalidHeaderValue", &["400 InvalidHeaderValue"], Page("Lease Blob")),
    oddity(
        "break after a wrong time",
        &[],
        "400 InvalidHeaderValue",
        &["400 InvalidHeaderValue", DONE],
        Page("Lease Blob"),
    ),
    oddity(
        "renew without an id",
        &["Lease Container"],
        "400 MissingRequiredHeader",
        &["409 ContainerAlreadyExists", "404 ContainerNotFound", DONE],
        Page("Lease Container"),
    ),
    oddity("renew without an id", &[], "400 MissingRequiredHeader", &[SPEECHLESS], Page("Lease Blob")),
    // Azurite takes a lease action that it cannot read for Create Container.
    oddity(
        "an unknown action",
        &["Lease Container"],
        "400 InvalidHeaderValue",
        &["409 ContainerAlreadyExists", "404 ContainerNotFound", DONE],
        Page("Lease Container"),
    ),
    oddity("an unknown action", &[], "400 InvalidHeaderValue", &[SPEECHLESS], Page("Lease Blob")),
    // --- conditions
    oddity("If-Match and If-None-Match", &[], SEVERAL, &[SEVERAL], CONDITIONS),
    oddity("If-Modified-Since and If-Unmodified-Since", &[], SEVERAL, &[SEVERAL], CONDITIONS),
    oddity("If-Match two", &[], SEVERAL, &[SEVERAL], CONDITIONS),
    oddity(
        "If-None-Match *",
        &[],
        "400 UnsatisfiableCondition",
        &["400 UnsatisfiableCondition"],
        Undocumented("ReadConditionalHeadersValidator.ts"),
    ),
];

const SEVERAL: &str = "400 MultipleConditionHeadersNotSupported";

impl Met<'_> {
    /// What is wrong with the request.
    pub fn oddities(&self) -> impl Iterator<Item = &'static Oddity> {
        let kind = self.step.kind;
        let mut found: Vec<&'static Oddity> = Vec::new();
        for oddity in ODDITIES {
            let meant = oddity.on.is_empty() || oddity.on.contains(&kind);
            // The more particular comes first.
            if meant && self.is_odd(oddity.odd) && found.iter().all(|other| other.odd != oddity.odd) {
                found.push(oddity);
            }
        }
        found.into_iter()
    }

    fn is_odd(&self, what: &str) -> bool {
        if what == "a digest without a range" {
            let range = self.odd("a range that ends before it begins") || self.odd("two ranges");
            return range && self.sends("x-ms-range-get-content-md5") && !self.odd("a digest that is not wanted");
        }
        self.odd(what)
    }
}
