//! Which operation a request is: method, what its address names, `restype` and `comp`, and a few headers.
//!
//! # Invariants
//! - A `comp` or `restype` that is not known is refused; so is a method that the resource has not.
//! - A request of the Data Lake service is never taken for one of this: what it asks beside its method would be lost, and a
//!   directory's deletion be a blob's.
//!
//! Source: "Blob service REST API", request lines of each operation.

use http::header::ALLOW;
use http::{Method, StatusCode};

use crate::front::azure::wire::asked::Asked;
use crate::front::azure::wire::codes::Code;
use crate::front::azure::wire::operation::Operation;
use crate::front::azure::wire::refusal::Refusal;

/// The operation that `asked` is.
pub(in crate::front::azure) fn route(asked: &Asked<'_>) -> Result<Operation, Refusal> {
    for name in ["restype", "comp", "snapshot", "versionid", "blockid"] {
        if asked.query.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).nth(1).is_some() {
            return Err(Refusal::invalid_parameter(name, "").detail("Reason", "The parameter comes twice."));
        }
    }
    if *asked.method == Method::OPTIONS {
        return Ok(Operation::PreflightRequest);
    }
    if is_of_data_lake(asked) {
        return Err(Refusal::no_hierarchy());
    }
    let restype = asked.parameter("restype").unwrap_or_default().to_ascii_lowercase();
    let comp = asked.parameter("comp").unwrap_or_default().to_ascii_lowercase();
    if restype == "account" && comp == "properties" {
        return pick(asked, &[(&READS, Operation::GetAccountInformation)]);
    }
    match (&asked.target.container, &asked.target.blob) {
        (None, _) => account(asked, &restype, &comp),
        (Some(_), None) => container(asked, &restype, &comp),
        (Some(_), Some(_)) if restype.is_empty() => blob(asked, &comp),
        (Some(_), Some(_)) => Err(Refusal::invalid_parameter("restype", &restype)),
    }
}

/// Whether a request is one of the Data Lake service (ADLS Gen2): by its host, or by a parameter or header that only
/// operations of that service have.
///
/// Source: "Azure Data Lake Storage Gen2 REST API", URI parameters and headers of Path and Filesystem.
fn is_of_data_lake(asked: &Asked<'_>) -> bool {
    asked.target.dfs
        || DATA_LAKE_PARAMETERS.iter().any(|name| asked.parameter(name).is_some())
        || DATA_LAKE_HEADERS.iter().any(|name| asked.headers.contains_key(*name))
}

fn account(asked: &Asked<'_>, restype: &str, comp: &str) -> Result<Operation, Refusal> {
    match (restype, comp) {
        ("", "list") => pick(asked, &[(&READS, Operation::ListContainers)]),
        // Microsoft's client for JavaScript takes an account in the path for a container.
        ("" | "container", "batch") => pick(asked, &[(&POST, Operation::Batch)]),
        ("", "blobs") => pick(asked, &[(&GET, Operation::FindBlobsByTags)]),
        ("service", "properties") => {
            pick(asked, &[(&READS, Operation::GetServiceProperties), (&PUT, Operation::SetServiceProperties)])
        }
        ("service", "stats") => pick(asked, &[(&GET, Operation::GetServiceStats)]),
        ("service", "userdelegationkey") => pick(asked, &[(&POST, Operation::GetUserDelegationKey)]),
        ("" | "service", other) => Err(Refusal::invalid_parameter("comp", other)),
        (other, _) => Err(Refusal::invalid_parameter("restype", other)),
    }
}

fn container(asked: &Asked<'_>, restype: &str, comp: &str) -> Result<Operation, Refusal> {
    match (restype, comp) {
        ("container", "") => pick(
            asked,
            &[
                (&READS, Operation::GetContainerProperties),
                (&PUT, Operation::CreateContainer),
                (&DELETE, Operation::DeleteContainer),
            ],
        ),
        ("container", "metadata") => {
            pick(asked, &[(&READS, Operation::GetContainerMetadata), (&PUT, Operation::SetContainerMetadata)])
        }
        ("container", "acl") => {
            pick(asked, &[(&READS, Operation::GetContainerAcl), (&PUT, Operation::SetContainerAcl)])
        }
        ("container", "lease") => pick(asked, &[(&PUT, Operation::LeaseContainer)]),
        ("container", "list") => pick(asked, &[(&READS, Operation::ListBlobs)]),
        ("container", "batch") => pick(asked, &[(&POST, Operation::Batch)]),
        ("container", "blobs") => pick(asked, &[(&GET, Operation::FindBlobsByTags)]),
        ("container", "undelete") => pick(asked, &[(&PUT, Operation::RestoreContainer)]),
        ("container", "rename") => pick(asked, &[(&PUT, Operation::RenameContainer)]),
        ("container", other) => Err(Refusal::invalid_parameter("comp", other)),
        // A blob of the container `$root`, which is not there.
        ("", "") => Err(Refusal::new(
            StatusCode::NOT_FOUND,
            Code::ResourceNotFound,
            "The specified resource does not exist. There is no root container; a request for a container says \
             restype=container.",
        )),
        ("", other) => Err(Refusal::invalid_parameter("comp", other)),
        (other, _) => Err(Refusal::invalid_parameter("restype", other)),
    }
}

fn blob(asked: &Asked<'_>, comp: &str) -> Result<Operation, Refusal> {
    let copies = asked.headers.contains_key("x-ms-copy-source");
    let either = |plain, from_url| if copies { from_url } else { plain };
    match comp {
        "" => {
            let put = match (copies, asked.headers.contains_key("x-ms-blob-type"), asked.header("x-ms-requires-sync")) {
                (false, ..) => Operation::PutBlob,
                (true, true, _) => Operation::PutBlobFromUrl,
                (true, false, Some(sync)) if sync.eq_ignore_ascii_case("true") => Operation::CopyBlobFromUrl,
                (true, false, _) => Operation::CopyBlob,
            };
            pick(
                asked,
                &[
                    (&GET, Operation::GetBlob),
                    (&HEAD, Operation::GetBlobProperties),
                    (&PUT, put),
                    (&DELETE, Operation::DeleteBlob),
                ],
            )
        }
        "metadata" => pick(asked, &[(&READS, Operation::GetBlobMetadata), (&PUT, Operation::SetBlobMetadata)]),
        "properties" => pick(asked, &[(&PUT, Operation::SetBlobProperties)]),
        "tags" => pick(asked, &[(&GET, Operation::GetBlobTags), (&PUT, Operation::SetBlobTags)]),
        "tier" => pick(asked, &[(&PUT, Operation::SetBlobTier)]),
        "lease" => pick(asked, &[(&PUT, Operation::LeaseBlob)]),
        "snapshot" => pick(asked, &[(&PUT, Operation::SnapshotBlob)]),
        "copy" => pick(asked, &[(&PUT, Operation::AbortCopyBlob)]),
        "undelete" => pick(asked, &[(&PUT, Operation::UndeleteBlob)]),
        "block" => pick(asked, &[(&PUT, either(Operation::PutBlock, Operation::PutBlockFromUrl))]),
        "blocklist" => pick(asked, &[(&GET, Operation::GetBlockList), (&PUT, Operation::PutBlockList)]),
        "appendblock" => pick(asked, &[(&PUT, either(Operation::AppendBlock, Operation::AppendBlockFromUrl))]),
        "seal" => pick(asked, &[(&PUT, Operation::SealAppendBlob)]),
        "page" => pick(asked, &[(&PUT, either(Operation::PutPage, Operation::PutPageFromUrl))]),
        "pagelist" => pick(asked, &[(&READS, Operation::GetPageRanges)]),
        "incrementalcopy" => pick(asked, &[(&PUT, Operation::IncrementalCopyBlob)]),
        "query" => pick(asked, &[(&POST, Operation::QueryBlobContents)]),
        "expiry" => pick(asked, &[(&PUT, Operation::SetBlobExpiry)]),
        "immutabilitypolicies" => {
            pick(asked, &[(&PUT, Operation::SetImmutabilityPolicy), (&DELETE, Operation::DeleteImmutabilityPolicy)])
        }
        "legalhold" => pick(asked, &[(&PUT, Operation::SetLegalHold)]),
        other => Err(Refusal::invalid_parameter("comp", other)),
    }
}

/// The operation of the request's method, or 405 with those that there are.
fn pick(asked: &Asked<'_>, operations: &[(&[Method], Operation)]) -> Result<Operation, Refusal> {
    if let Some((_, found)) = operations.iter().find(|(methods, _)| methods.contains(asked.method)) {
        return Ok(*found);
    }
    let allowed: Vec<&str> = operations.iter().flat_map(|(methods, _)| methods.iter().map(Method::as_str)).collect();
    let text = "The resource doesn't support the specified HTTP verb.";
    Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::UnsupportedHttpVerb, text)
        .header(ALLOW, &allowed.join(", ")))
}

const DATA_LAKE_PARAMETERS: [&str; 14] = [
    "action",
    "close",
    "continuation",
    "directory",
    "flush",
    "forceflag",
    "maxrecords",
    "mode",
    "paginated",
    "position",
    "recursive",
    "resource",
    "retainuncommitteddata",
    "upn",
];
const DATA_LAKE_HEADERS: [&str; 8] = [
    "x-ms-acl",
    "x-ms-group",
    "x-ms-owner",
    "x-ms-permissions",
    "x-ms-properties",
    "x-ms-rename-source",
    "x-ms-umask",
    "x-ms-undelete-source",
];
const READS: [Method; 2] = [Method::GET, Method::HEAD];
const GET: [Method; 1] = [Method::GET];
const HEAD: [Method; 1] = [Method::HEAD];
const PUT: [Method; 1] = [Method::PUT];
const POST: [Method; 1] = [Method::POST];
const DELETE: [Method; 1] = [Method::DELETE];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::azure::wire::asked::{Sample, Target};

    fn ask(
        method: Method,
        names: u8,
        query: &'static str,
        header: Option<(&'static str, &str)>,
    ) -> Result<Operation, Refusal> {
        let target = Target {
            account: "pacs".into(),
            container: (names > 0).then(|| "c".into()),
            blob: (names > 1).then(|| "b".into()),
            ..Target::default()
        };
        let headers: Vec<_> = header.into_iter().collect();
        route(&Sample { method, query, target, ..Sample::of(&headers) }.asked())
    }

    #[test]
    fn the_forms_of_put_are_told_apart() {
        let source = Some(("x-ms-copy-source", "https://x/y"));
        assert_eq!(ask(Method::PUT, 2, "", None).unwrap(), Operation::PutBlob);
        assert_eq!(ask(Method::PUT, 2, "", source).unwrap(), Operation::CopyBlob);
        assert_eq!(ask(Method::PUT, 2, "comp=block&blockid=x", source).unwrap(), Operation::PutBlockFromUrl);
        assert_eq!(ask(Method::PUT, 2, "COMP=BlockList", None).unwrap(), Operation::PutBlockList);
        assert_eq!(ask(Method::PUT, 1, "restype=container", None).unwrap(), Operation::CreateContainer);
    }

    #[test]
    fn requests_of_the_data_lake_service_are_not_taken_for_others() {
        let none = "HierarchicalNamespaceNotEnabled";
        for (method, names, query) in [
            (Method::DELETE, 2, "recursive=true"),
            (Method::DELETE, 2, "recursive=false&continuation="),
            (Method::HEAD, 2, "action=getStatus"),
            (Method::HEAD, 1, "action=getAccessControl&upn=false"),
            (Method::PUT, 2, "resource=directory"),
            (Method::PUT, 2, "Resource=file"),
            (Method::PUT, 1, "resource=filesystem"),
            (Method::GET, 0, "resource=account"),
            (Method::GET, 1, "resource=filesystem&recursive=true"),
            (Method::PATCH, 2, "action=append&position=0"),
            (Method::PUT, 2, "mode=legacy"),
        ] {
            assert_eq!(ask(method, names, query, None).unwrap_err().code, none, "{query}");
        }
        for name in DATA_LAKE_HEADERS {
            assert_eq!(ask(Method::PUT, 2, "", Some((name, "/c/b"))).unwrap_err().code, none, "{name}");
        }
        let target = Target { account: "pacs".into(), container: Some("c".into()), dfs: true, ..Target::default() };
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
            let sample = Sample { method, target: target.clone(), ..Sample::default() };
            assert_eq!(route(&sample.asked()).unwrap_err().code, none);
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let code = |method, names, query| ask(method, names, query, None).unwrap_err().code;
        assert_eq!(code(Method::PUT, 2, "comp=foo"), "InvalidQueryParameterValue");
        assert_eq!(code(Method::GET, 1, "restype=container&comp=foo"), "InvalidQueryParameterValue");
        assert_eq!(code(Method::GET, 1, "restype=bucket"), "InvalidQueryParameterValue");
        assert_eq!(code(Method::GET, 2, "restype=container"), "InvalidQueryParameterValue");
        assert_eq!(code(Method::GET, 0, ""), "InvalidQueryParameterValue");
        assert_eq!(code(Method::GET, 2, "comp=tags&comp=metadata"), "InvalidQueryParameterValue");
        assert_eq!(code(Method::PATCH, 2, ""), "UnsupportedHttpVerb");
        assert_eq!(code(Method::POST, 1, "restype=container"), "UnsupportedHttpVerb");
        assert_eq!(code(Method::GET, 1, ""), "ResourceNotFound");
    }
}
