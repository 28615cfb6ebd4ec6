//! Differences between Écluse and Azurite that are as they should be, each with the page of Microsoft's that bears witness.
//!
//! The patterns are those of [`Known`]: `*` is anything, `?` one character.

#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test binary uses a part")]

use crate::azure_run::Known;

const fn known(
    [kind, odd, what]: [&'static str; 3],
    ours: &'static str,
    theirs: &'static str,
    why: &'static str,
    page: &'static str,
) -> Known {
    Known { kind, odd, what, ours, theirs, why, page }
}

/// What every known difference is.
pub const KNOWN: &[Known] = &[
    // --- every answer
    known(
        ["*", "*", "header x-ms-version"],
        "there",
        "absent",
        "Azurite's errors, and some of its answers, do not say the version.",
        "Status and error codes",
    ),
    known(
        ["*", "*", "status"],
        "4?? *",
        "400",
        "What Azurite cannot read it refuses without a code, whatever else is wrong with it.",
        "Common REST API error codes",
    ),
    known(
        ["nothing", "*", "status"],
        "*",
        "400",
        "A method or parameter that is none is refused; Azurite says 400 of everything.",
        "Common REST API error codes",
    ),
    known(
        ["*", "*", "header x-ms-content-crc64"],
        "there",
        "absent",
        "The CRC64 that was computed is told; Azurite knows none.",
        "Put Block",
    ),
    // --- digests
    known(
        ["*", "*MD5*", "status"],
        "400 Md5Mismatch",
        "400 InvalidOperation",
        "Azurite's code for a digest that does not fit is another.",
        "Common REST API error codes",
    ),
    known(
        ["*", "*MD5*", "status"],
        "400 InvalidMd5",
        "400 InvalidOperation",
        "So is that of a digest that is none.",
        "Common REST API error codes",
    ),
    known(
        ["Append Block", "*MD5*", "status"],
        "400 InvalidMd5",
        "400 Md5Mismatch",
        "So is that of a digest that is none.",
        "Common REST API error codes",
    ),
    known(
        ["Put Block List", "*wrong MD5*", "status"],
        "400 Md5Mismatch",
        "*",
        "The list's digest is compared; Azurite does not.",
        "Put Block List",
    ),
    known(
        ["Set Blob Properties", "*no MD5*", "status"],
        "400 *",
        "200",
        "Azurite keeps what is no MD5.",
        "Set Blob Properties",
    ),
    known(
        ["Append Block", "*", "header content-md5"],
        "absent",
        "*",
        "With a CRC64 in the answer no MD5 is told.",
        "Append Block",
    ),
    known(
        ["Put Block", "*", "header content-md5"],
        "*",
        "absent",
        "The MD5 that the client sent is told back; Azurite never does.",
        "Put Block",
    ),
    // --- metadata and tags
    known(
        ["*", "*an empty metadata name*", "status"],
        "400 *",
        "*",
        "A name has at least one character.",
        "Setting and retrieving properties and metadata for Blob resources",
    ),
    known(
        ["*", "*too much metadata*", "status"],
        "400 MetadataTooLarge",
        "*",
        "8 KiB at most; Azurite does not count.",
        "Setting and retrieving properties and metadata for Blob resources",
    ),
    known(["*", "*one tag twice*", "status"], "400 *", "2*", "Azurite takes the last.", "Set Blob Tags"),
    known(
        ["*", "*a character that tags have not*", "status"],
        "400 *",
        "400 DuplicateTagNames",
        "Azurite's code speaks of something else.",
        "Blob service error codes",
    ),
    known(
        ["Set Blob Tags", "*another root*", "status"],
        "400 *",
        "204",
        "A document that is none clears the tags in Azurite.",
        "Set Blob Tags",
    ),
    // --- containers
    known(
        ["Set Container ACL", "*another root*", "status"],
        "400 *",
        "200",
        "A document that is none clears the policies in Azurite.",
        "Set Container ACL",
    ),
    known(["Set Container ACL", "*six policies*", "status"], "400 *", "200", "Five at most.", "Set Container ACL"),
    known(
        ["Set Container ACL", "*unknown permission*", "status"],
        "400 *",
        "200",
        "Azurite does not look at them.",
        "Set Container ACL",
    ),
    known(
        ["Set Container ACL", "*one id twice*", "status"],
        "400 *",
        "200",
        "An id is unique within its container.",
        "Set Container ACL",
    ),
    known(
        ["Get Container Metadata", "*", "header x-ms-*"],
        "absent",
        "*",
        "Azurite answers the properties as well.",
        "Get Container Metadata",
    ),
    known(
        ["Lease Container", "*", "status"],
        "4*",
        "409 ContainerAlreadyExists",
        "A lease action that Azurite cannot read it takes for Create Container.",
        "Lease Container",
    ),
    // --- blobs
    known(
        ["Put Blob (append)", "*a body*", "status"],
        "400 InvalidHeaderValue",
        "400 InvalidOperation",
        "Content-Length must be 0.",
        "Put Blob",
    ),
    known(
        ["Set Blob Tier", "*unknown tier*", "status"],
        "400 InvalidHeaderValue",
        "400 AccessTierNotSupportedForBlobType",
        "A tier that no blob has is a wrong value.",
        "Set Blob Tier",
    ),
    known(
        ["Get Blob", "*", "status"],
        "416 InvalidRange",
        "206",
        "A range that begins at the end is not satisfiable; Azurite gives 0 bytes.",
        "Specifying the range header for Blob service operations",
    ),
    known(
        ["Get Blob*", "*", "status"],
        "400 InvalidHeaderValue",
        "200",
        "A digest of a range needs a range.",
        "Get Blob",
    ),
    known(
        ["Get Blob Metadata", "*", "header *"],
        "absent",
        "*",
        "Azurite answers the properties as well.",
        "Get Blob Metadata",
    ),
    // --- blocks
    known(
        ["Put Block", "*no bytes*", "status"],
        "400 InvalidHeaderValue",
        "*",
        "A block has at least one byte.",
        "Put Block",
    ),
    known(
        ["Put Block", "*empty name*", "status"],
        "400 *",
        "400 InvalidBlobOrBlock",
        "An empty name is a wrong value of the parameter.",
        "Put Block",
    ),
    known(
        ["Put Block", "*65 bytes*", "status"],
        "400 *",
        "400 OutOfRangeInput",
        "So is one that is too long.",
        "Put Block",
    ),
    known(
        ["Put Block List", "*broken XML*", "status"],
        "400 *",
        "*",
        "A list that is none commits nothing.",
        "Put Block List",
    ),
    known(
        ["Put Block List", "*another root*", "status"],
        "400 *",
        "201",
        "Azurite takes it for an empty list, and empties the blob.",
        "Put Block List",
    ),
    known(
        ["Put Block List", "*an unknown element*", "status"],
        "400 *",
        "400 InvalidBlockList",
        "The document is malformed, not the list.",
        "Common REST API error codes",
    ),
    known(
        ["Delete Blob", "*", "status"],
        "404 BlobNotFound",
        "202",
        "A blob of uncommitted blocks alone does not exist.",
        "Put Block",
    ),
    known(
        ["Get Block List", "*", "header *"],
        "absent",
        "there",
        "ETag and Last-Modified are told when there is a committed blob.",
        "Get Block List",
    ),
    // --- conditions
    known(
        ["*", "*If-Match two*", "status"],
        "*",
        "412 ConditionNotMet",
        "Reads take several tags; Azurite compares the whole text.",
        "Specifying conditional headers for Blob service operations",
    ),
    known(
        ["*", "*If-Match *", "status"],
        "412 ConditionNotMet",
        "201",
        "If-Match: * is not met by what does not exist.",
        "Specifying conditional headers for Blob service operations",
    ),
    // --- copies
    known(
        ["Copy Blob", "*a source condition*", "status"],
        "412 SourceConditionNotMet",
        "* ConditionNotMet",
        "The condition was on the source.",
        "Copy Blob",
    ),
    known(
        ["Copy Blob", "*", "status"],
        "404 CannotVerifyCopySource",
        "404 *NotFound",
        "What is missing is the source.",
        "Copy Blob",
    ),
    // --- lists
    known(
        ["List *", "*", "xml EnumerationResults/MaxResults"],
        "absent",
        "5000;",
        "It is told when it was asked for.",
        "List Blobs",
    ),
    known(
        ["List *", "*maxresults 6000*", "status"],
        "400 OutOfRangeQueryParameterValue",
        "200",
        "5,000 at most.",
        "List Blobs",
    ),
];
