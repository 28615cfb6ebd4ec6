//! Requests to the Azure front.

use time::Duration;

use super::bodies;
use super::choices::Choices;
use super::s3::{PAGE, PREFLIGHT, Sent, head, shown};
use super::values::{Kind, Seen, instant, value};
use crate::azure::shared_key::{Account, AccountSas, Request, ServiceSas};
use crate::azure::world::AzureWorld;

/// How a request begins, and what its body is.
struct Shape {
    method: &'static str,
    /// 0: the account, 1: a container, 2: a blob.
    depth: usize,
    query: &'static [(&'static str, &'static str)],
    headers: &'static [(&'static str, Kind)],
    more: More,
    body: bodies::Azure,
}

/// Which parameters may be added.
#[derive(Clone, Copy)]
struct More {
    query: &'static [(&'static str, Kind)],
    headers: &'static [(&'static str, Kind)],
}

const CONDITIONS: &[(&str, Kind)] = &[
    ("if-match", Kind::ETag),
    ("if-none-match", Kind::ETag),
    ("if-modified-since", Kind::Date),
    ("if-unmodified-since", Kind::Date),
    ("x-ms-if-tags", Kind::Where),
    ("x-ms-lease-id", Kind::Lease),
];

const READ: More = More {
    query: &[("snapshot", Kind::Snapshot), ("versionid", Kind::Snapshot), ("timeout", Kind::Number)],
    headers: &[
        ("range", Kind::Range),
        ("x-ms-range", Kind::Range),
        ("x-ms-range-get-content-md5", Kind::Of(&["true", "false", "x"])),
        ("x-ms-range-get-content-crc64", Kind::Of(&["true", "false", "x"])),
        ("x-ms-structured-body", Kind::Of(&["XSM/1.0; properties=crc64", "XSM/2.0", ""])),
        ("if-match", Kind::ETag),
        ("if-none-match", Kind::ETag),
        ("if-modified-since", Kind::Date),
        ("x-ms-lease-id", Kind::Lease),
        ("x-ms-if-tags", Kind::Where),
    ],
};

const WRITTEN: More = More {
    query: &[("timeout", Kind::Number), ("snapshot", Kind::Snapshot)],
    headers: &[
        ("content-md5", Kind::Digest),
        ("x-ms-content-crc64", Kind::Digest),
        ("x-ms-blob-content-md5", Kind::Digest),
        ("x-ms-blob-content-type", Kind::Text),
        ("x-ms-blob-content-length", Kind::Number),
        ("x-ms-blob-sequence-number", Kind::Number),
        ("x-ms-structured-body", Kind::Of(&["XSM/1.0; properties=crc64", "XSM/1.0", ""])),
        ("x-ms-structured-content-length", Kind::Number),
        ("x-ms-access-tier", Kind::Of(&["Hot", "Cool", "Archive", "Cold", "P4", "x"])),
        ("x-ms-tags", Kind::Tags),
        ("x-ms-meta-a", Kind::Text),
        ("x-ms-meta-b", Kind::Text),
        ("x-ms-expiry-time", Kind::Number),
        ("x-ms-blob-condition-appendpos", Kind::Number),
        ("x-ms-blob-condition-maxsize", Kind::Number),
        ("x-ms-encryption-key", Kind::Digest),
        ("expect", Kind::Of(&["100-continue"])),
        ("if-match", Kind::ETag),
        ("if-none-match", Kind::ETag),
        ("if-unmodified-since", Kind::Date),
        ("x-ms-lease-id", Kind::Lease),
    ],
};

const COPIED: More = More {
    query: &[("timeout", Kind::Number)],
    headers: &[
        ("x-ms-source-range", Kind::Range),
        ("x-ms-source-if-match", Kind::ETag),
        ("x-ms-source-if-none-match", Kind::ETag),
        ("x-ms-source-if-modified-since", Kind::Date),
        ("x-ms-source-if-tags", Kind::Where),
        ("x-ms-source-content-md5", Kind::Digest),
        ("x-ms-source-content-crc64", Kind::Digest),
        ("x-ms-source-lease-id", Kind::Lease),
        ("x-ms-copy-source-tag-option", Kind::Of(&["COPY", "REPLACE", "x"])),
        ("x-ms-copy-source-blob-properties", Kind::Of(&["true", "false"])),
        ("x-ms-copy-source-authorization", Kind::Text),
        ("x-ms-tags", Kind::Tags),
        ("x-ms-meta-a", Kind::Text),
        ("x-ms-blob-condition-appendpos", Kind::Number),
        ("x-ms-lease-id", Kind::Lease),
        ("if-none-match", Kind::ETag),
    ],
};

const LISTED: More = More {
    query: &[
        ("prefix", Kind::Key),
        ("delimiter", Kind::Text),
        ("marker", Kind::Token),
        ("maxresults", Kind::Number),
        (
            "include",
            Kind::Of(&["snapshots,metadata,tags,uncommittedblobs,deleted,copy", "", "x", "versions", "tags,,tags"]),
        ),
        ("showonly", Kind::Of(&["files", "deleted", "x"])),
        ("startFrom", Kind::Key),
        ("where", Kind::Where),
        ("timeout", Kind::Number),
    ],
    headers: CONDITIONS,
};

const LEASED: More = More {
    query: &[("timeout", Kind::Number)],
    headers: &[
        ("x-ms-lease-duration", Kind::Number),
        ("x-ms-lease-break-period", Kind::Number),
        ("x-ms-proposed-lease-id", Kind::Lease),
        ("x-ms-lease-id", Kind::Lease),
        ("if-match", Kind::ETag),
        ("if-modified-since", Kind::Date),
        ("x-ms-if-tags", Kind::Where),
    ],
};

const ACTION: Kind = Kind::Of(&["acquire", "renew", "change", "release", "break", "acquire", "x", ""]);
const SOURCE: &[(&str, Kind)] = &[("x-ms-copy-source", Kind::Source)];
const BLOB_TYPE: Kind = Kind::Of(&["BlockBlob", "BlockBlob", "AppendBlob", "PageBlob", "x"]);
const NONE: &[(&str, Kind)] = &[];

const fn shape(
    method: &'static str,
    depth: usize,
    query: &'static [(&'static str, &'static str)],
    headers: &'static [(&'static str, Kind)],
    more: More,
    body: bodies::Azure,
) -> Shape {
    Shape { method, depth, query, headers, more, body }
}

use bodies::Azure as Body;

const SHAPES: &[Shape] = &[
    shape("GET", 0, &[("comp", "list")], NONE, LISTED, Body::Nothing),
    shape("GET", 0, &[("comp", "blobs"), ("where", "?")], NONE, LISTED, Body::Nothing),
    shape(
        "POST",
        0,
        &[("comp", "batch")],
        &[("content-type", Kind::Of(&["multipart/mixed; boundary=batch", "multipart/mixed", "x"]))],
        READ,
        Body::Batch,
    ),
    shape("POST", 0, &[("restype", "service"), ("comp", "userdelegationkey")], NONE, READ, Body::DelegationKey),
    shape("GET", 0, &[("restype", "service"), ("comp", "properties")], NONE, READ, Body::Nothing),
    shape("PUT", 0, &[("restype", "service"), ("comp", "properties")], NONE, WRITTEN, Body::Properties),
    shape("GET", 0, &[("restype", "account"), ("comp", "properties")], NONE, READ, Body::Nothing),
    shape("PUT", 1, &[("restype", "container")], NONE, WRITTEN, Body::Nothing),
    shape("GET", 1, &[("restype", "container")], NONE, READ, Body::Nothing),
    shape("DELETE", 1, &[("restype", "container")], NONE, WRITTEN, Body::Nothing),
    shape("PUT", 1, &[("restype", "container"), ("comp", "metadata")], NONE, WRITTEN, Body::Nothing),
    shape("PUT", 1, &[("restype", "container"), ("comp", "acl")], NONE, WRITTEN, Body::Policies),
    shape("GET", 1, &[("restype", "container"), ("comp", "acl")], NONE, READ, Body::Nothing),
    shape(
        "PUT",
        1,
        &[("restype", "container"), ("comp", "lease")],
        &[("x-ms-lease-action", ACTION)],
        LEASED,
        Body::Nothing,
    ),
    shape("GET", 1, &[("restype", "container"), ("comp", "list")], NONE, LISTED, Body::Nothing),
    shape("GET", 1, &[("restype", "container"), ("comp", "list")], NONE, LISTED, Body::Nothing),
    shape("GET", 1, &[("restype", "container"), ("comp", "blobs"), ("where", "?")], NONE, LISTED, Body::Nothing),
    shape(
        "POST",
        1,
        &[("restype", "container"), ("comp", "batch")],
        &[("content-type", Kind::Of(&["multipart/mixed; boundary=batch"]))],
        READ,
        Body::Batch,
    ),
    shape(
        "PUT",
        1,
        &[("restype", "container"), ("comp", "undelete")],
        &[("x-ms-deleted-container-name", Kind::Bucket), ("x-ms-deleted-container-version", Kind::Token)],
        READ,
        Body::Nothing,
    ),
    shape("PUT", 2, &[], &[("x-ms-blob-type", BLOB_TYPE)], WRITTEN, Body::Content),
    shape("PUT", 2, &[], &[("x-ms-blob-type", BLOB_TYPE)], WRITTEN, Body::Content),
    shape("PUT", 2, &[], &[("x-ms-blob-type", Kind::Of(&["AppendBlob"]))], WRITTEN, Body::Nothing),
    shape("PUT", 2, &[], &[("x-ms-blob-type", BLOB_TYPE), ("x-ms-copy-source", Kind::Source)], COPIED, Body::Nothing),
    shape(
        "PUT",
        2,
        &[],
        &[("x-ms-requires-sync", Kind::Of(&["true", "false"])), ("x-ms-copy-source", Kind::Source)],
        COPIED,
        Body::Nothing,
    ),
    shape("PUT", 2, &[], SOURCE, COPIED, Body::Nothing),
    shape("GET", 2, &[], NONE, READ, Body::Nothing),
    shape("GET", 2, &[], &[("x-ms-range", Kind::Range)], READ, Body::Nothing),
    shape("HEAD", 2, &[], NONE, READ, Body::Nothing),
    shape("DELETE", 2, &[], &[("x-ms-delete-snapshots", Kind::Of(&["include", "only", "x"]))], READ, Body::Nothing),
    shape("DELETE", 2, &[("deletetype", "permanent")], NONE, READ, Body::Nothing),
    shape("PUT", 2, &[("comp", "undelete")], NONE, WRITTEN, Body::Nothing),
    shape("GET", 2, &[("comp", "metadata")], NONE, READ, Body::Nothing),
    shape("PUT", 2, &[("comp", "metadata")], NONE, WRITTEN, Body::Nothing),
    shape("PUT", 2, &[("comp", "properties")], &[("x-ms-blob-cache-control", Kind::Text)], WRITTEN, Body::Nothing),
    shape("GET", 2, &[("comp", "tags")], NONE, READ, Body::Nothing),
    shape("PUT", 2, &[("comp", "tags")], NONE, WRITTEN, Body::Tags),
    shape(
        "PUT",
        2,
        &[("comp", "tier")],
        &[("x-ms-access-tier", Kind::Of(&["Hot", "Cool", "Archive", "Cold", "x"]))],
        WRITTEN,
        Body::Nothing,
    ),
    shape("PUT", 2, &[("comp", "lease")], &[("x-ms-lease-action", ACTION)], LEASED, Body::Nothing),
    shape(
        "PUT",
        2,
        &[("comp", "lease")],
        &[("x-ms-lease-action", ACTION), ("x-ms-lease-duration", Kind::Of(&["15", "60", "-1", "14", "61"]))],
        LEASED,
        Body::Nothing,
    ),
    shape("PUT", 2, &[("comp", "snapshot")], NONE, WRITTEN, Body::Nothing),
    shape(
        "PUT",
        2,
        &[("comp", "copy"), ("copyid", "?")],
        &[("x-ms-copy-action", Kind::Of(&["abort", "x"]))],
        READ,
        Body::Nothing,
    ),
    shape("PUT", 2, &[("comp", "block"), ("blockid", "?")], NONE, WRITTEN, Body::Content),
    shape("PUT", 2, &[("comp", "block"), ("blockid", "?")], NONE, WRITTEN, Body::Content),
    shape("PUT", 2, &[("comp", "block"), ("blockid", "?")], SOURCE, COPIED, Body::Nothing),
    shape("PUT", 2, &[("comp", "blocklist")], NONE, WRITTEN, Body::Blocks),
    shape("PUT", 2, &[("comp", "blocklist")], NONE, WRITTEN, Body::Blocks),
    shape("GET", 2, &[("comp", "blocklist"), ("blocklisttype", "?")], NONE, READ, Body::Nothing),
    shape("PUT", 2, &[("comp", "appendblock")], NONE, WRITTEN, Body::Content),
    shape("PUT", 2, &[("comp", "appendblock")], SOURCE, COPIED, Body::Nothing),
    shape("PUT", 2, &[("comp", "seal")], NONE, WRITTEN, Body::Nothing),
    shape(
        "PUT",
        2,
        &[("comp", "expiry")],
        &[
            ("x-ms-expiry-option", Kind::Of(&["Absolute", "RelativeToNow", "NeverExpire"])),
            ("x-ms-expiry-time", Kind::Date),
        ],
        READ,
        Body::Nothing,
    ),
    shape(
        "PUT",
        2,
        &[("comp", "page")],
        &[("x-ms-range", Kind::Range), ("x-ms-page-write", Kind::Of(&["update", "clear"]))],
        WRITTEN,
        Body::Content,
    ),
    shape("GET", 2, &[("comp", "pagelist")], NONE, READ, Body::Nothing),
    shape("OPTIONS", 2, &[], PREFLIGHT, READ, Body::Nothing),
    shape("OPTIONS", 1, &[("restype", "container")], PREFLIGHT, READ, Body::Nothing),
    shape("OPTIONS", 0, &[], NONE, More { query: &[("timeout", Kind::Number)], headers: PREFLIGHT }, Body::Nothing),
    shape("GET", 2, &[], PAGE, READ, Body::Nothing),
    shape("PUT", 2, &[("comp", "metadata")], PAGE, WRITTEN, Body::Nothing),
];

/// One request.
pub(super) fn request(choices: &mut Choices<'_>, seen: &Seen, world: &AzureWorld) -> Sent {
    let shape = choices.of(SHAPES);
    let account = account(choices, world);
    let container = value(Kind::Bucket, choices, seen);
    let key =
        if choices.once_in(4) { value(Kind::Key, choices, seen) } else { (choices.text(&["a", "b", "grown"])).into() };
    let path = match shape.depth {
        0 => "/".to_owned(),
        1 => format!("/{container}"),
        _ => format!("/{container}/{key}"),
    };
    let mut request = Request::new(&account, shape.method, &path);
    for (name, given) in shape.query {
        let given = match (*name, *given) {
            ("blockid", "?") => value(Kind::Block, choices, seen),
            ("where", "?") => value(Kind::Where, choices, seen),
            ("blocklisttype", "?") => value(Kind::Of(&["all", "committed", "uncommitted", "x"]), choices, seen),
            (_, "?") => value(Kind::Token, choices, seen),
            (_, fixed) => fixed.to_owned(),
        };
        request = request.query(name, &given);
    }
    for (name, kind) in shape.headers {
        request = with_header(request, name, *kind, choices, seen, world);
    }
    for _ in 0..*choices.of(&[0, 0, 0, 0, 1, 1, 2, 3]) {
        let (name, kind) = choices.of(shape.more.query);
        request = request.query(name, &value(*kind, choices, seen));
    }
    for _ in 0..*choices.of(&[0, 0, 0, 0, 1, 1, 2, 3]) {
        let (name, kind) = choices.of(shape.more.headers);
        request = with_header(request, name, *kind, choices, seen, world);
    }
    if choices.once_in(8) {
        request = with_header(request, "x-ms-version", Kind::Version, choices, seen, world);
    }
    let body = bodies::azure(shape.body, choices, seen, &account);
    let mut request = proven(request.body(body), choices, &account, &container, &key);
    let lies = choices.once_in(40);
    if lies {
        request = request.replaced("content-length", &value(Kind::Number, choices, seen));
    }
    let mut headers = vec![("host".to_owned(), world.host.clone())];
    headers.extend(request.headers.iter().cloned());
    Sent {
        head: head(&request.method, &request.target(), &headers),
        body: request.body.clone(),
        lies,
        is_head: request.method == "HEAD",
    }
}

fn with_header(
    request: Request,
    name: &str,
    kind: Kind,
    choices: &mut Choices<'_>,
    seen: &Seen,
    world: &AzureWorld,
) -> Request {
    // What comes twice is refused at once; a little of that is enough.
    if !request.value(name).is_empty() && !choices.once_in(16) {
        return request;
    }
    let value = shown(&value(kind, choices, seen), &world.host);
    request.header(name, value.trim())
}

fn account(choices: &mut Choices<'_>, world: &AzureWorld) -> Account {
    let account = match choices.below(16) {
        0 => &world.viewer,
        1 => &world.courier,
        2 => &world.writer,
        3 => &world.stranger,
        _ => &world.pacs,
    };
    match choices.below(24) {
        0 => account.shifted(Duration::minutes(*choices.of(&[-16, -15, -14, 14, 15, 16, 1_000_000, -1_000_000]))),
        1 => account.with_other_key(),
        _ => account.clone(),
    }
}

/// The request with a proof, most often a good one.
fn proven(request: Request, choices: &mut Choices<'_>, account: &Account, container: &str, key: &str) -> Request {
    let permissions = ["racwdxltfmei", "r", "w", "rl", "", "x", "rr", "cba"];
    match choices.below(12) {
        0 => account.sign_lite(request),
        1 => {
            let mut sas = AccountSas::new(choices.text(&permissions), choices.text(&["sco", "s", "o", "", "x"]));
            sas.start = maybe(choices);
            if choices.once_in(3) {
                sas.expiry = instant(choices);
            }
            sas.ip = (choices.text(&["", "127.0.0.1", "127.0.0.0-127.0.0.255", "255.255.255.255-0.0.0.0", "x", "::1"]))
                .into();
            sas.protocol = (choices.text(&["", "https,http", "https", "http"])).into();
            with_query(account.dated(request), account.account_sas(&sas))
        }
        2 => {
            let resource = if choices.once_in(2) { format!("{container}/{key}") } else { container.to_owned() };
            let mut sas = ServiceSas::new(choices.text(&permissions), &resource);
            sas.kind = (choices.text(&["c", "b", "bs", "d", ""])).into();
            sas.start = maybe(choices);
            if choices.once_in(3) {
                sas.expiry = instant(choices);
            }
            sas.policy = (choices.text(&["", "a", "x"])).into();
            with_query(account.dated(request), account.service_sas(&sas))
        }
        3 if choices.once_in(4) => account
            .dated(request)
            .header("authorization", choices.text(&["Bearer x.y.z", "Bearer", "", "SharedKey", "SharedKey a:b:c"])),
        _ => account.sign(request),
    }
}

fn maybe(choices: &mut Choices<'_>) -> String {
    if choices.once_in(3) { instant(choices) } else { String::new() }
}

fn with_query(mut request: Request, query: Vec<(String, String)>) -> Request {
    request.query.extend(query);
    request
}
