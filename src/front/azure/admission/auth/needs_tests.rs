//! Which letters serve for what.

use super::super::tests::{Request, ask, changed, signed, signed_account};
use super::*;

async fn permitted(request: &Request, operation: Operation) -> &'static str {
    ask(request).await.ok().unwrap().permits(operation).map_or_else(|refusal| refusal.code, |()| "")
}

#[tokio::test]
async fn letters_types_and_services_decide_what_a_token_is_for() {
    use Operation as Op;
    const LETTERS: &str = "AuthorizationPermissionMismatch";
    const TYPES: &str = "AuthorizationResourceTypeMismatch";
    let account = |services, types, letters| {
        signed_account(&[("sv", "2021-08-06"), ("se", "2026-06-02"), ("ss", services), ("srt", types), ("sp", letters)])
    };
    let of_blob = |letters| signed(&changed(&[("sp", letters)]));
    let of_container = |letters| signed(&changed(&[("sr", "c"), ("sp", letters)]));
    let cases = [
        (account("b", "o", "r"), Op::GetBlob, ""),
        (account("q", "o", "r"), Op::GetBlob, "AuthorizationServiceMismatch"),
        (account("b", "c", "r"), Op::GetBlob, TYPES),
        (account("b", "o", "w"), Op::GetBlob, LETTERS),
        (account("b", "o", "c"), Op::PutBlob, ""),
        (account("b", "o", "c"), Op::PutBlock, LETTERS),
        (account("b", "o", "a"), Op::AppendBlock, ""),
        (account("b", "s", "l"), Op::ListContainers, ""),
        (account("b", "c", "l"), Op::ListContainers, TYPES),
        (account("b", "c", "l"), Op::ListBlobs, ""),
        (account("b", "c", "c"), Op::CreateContainer, ""),
        (account("b", "o", "d"), Op::DeleteContainer, TYPES),
        (account("b", "c", "w"), Op::RestoreContainer, ""),
        (account("b", "c", "cd"), Op::RestoreContainer, LETTERS),
        (of_container("racwdl"), Op::RestoreContainer, "AuthorizationFailure"),
        (account("b", "o", "r"), Op::GetAccountInformation, ""),
        (account("b", "sco", "rwdlacuptfi"), Op::SetContainerAcl, "AuthorizationFailure"),
        (account("b", "sco", "rwdlacuptfi"), Op::GetUserDelegationKey, "AuthorizationFailure"),
        (account("b", "o", "f"), Op::FindBlobsByTags, TYPES),
        (account("b", "c", "f"), Op::FindBlobsByTags, ""),
        (of_blob("r"), Op::GetBlob, ""),
        (of_blob("r"), Op::PutBlob, LETTERS),
        (of_blob("d"), Op::DeleteBlob, ""),
        (of_blob("i"), Op::SetLegalHold, ""),
        (of_blob("racwd"), Op::SetLegalHold, LETTERS),
        (of_blob("l"), Op::ListBlobs, "AuthorizationFailure"),
        (of_container("l"), Op::ListBlobs, ""),
        (of_container("racwdl"), Op::GetContainerProperties, "AuthorizationFailure"),
        (of_container("racwdl"), Op::DeleteContainer, "AuthorizationFailure"),
        (of_container("r"), Op::Batch, ""),
        (of_container("r"), Op::ListContainers, "AuthorizationFailure"),
    ];
    for (at, (request, operation, wanted)) in cases.iter().enumerate() {
        assert_eq!(permitted(request, *operation).await, *wanted, "{at} {operation:?}");
    }
}

#[tokio::test]
async fn what_a_request_does_beside_its_operation_needs_letters_too() {
    use Operation as Op;
    let token = |letters| signed(&changed(&[("sp", letters)]));
    let with = |letters, name, value| token(letters).header(name, value);
    let asking = |letters, name: &str, value: &str| {
        let mut request = token(letters);
        request.query.push((name.to_owned(), value.to_owned()));
        request
    };
    let cases = [
        (with("w", "x-ms-tags", "a=1"), Op::PutBlob, false),
        (with("wt", "x-ms-tags", "a=1"), Op::PutBlob, true),
        (with("r", "x-ms-if-tags", "a='1'"), Op::GetBlob, false),
        (with("w", "x-ms-copy-source-tag-option", "COPY"), Op::CopyBlobFromUrl, false),
        (with("w", "x-ms-copy-source-tag-option", "REPLACE"), Op::CopyBlobFromUrl, true),
        (with("w", "x-ms-legal-hold", "true"), Op::PutBlob, false),
        (with("d", "x-ms-lease-action", "break"), Op::LeaseBlob, true),
        (with("d", "x-ms-lease-action", "acquire"), Op::LeaseBlob, false),
        (with("w", "x-ms-lease-action", "acquire"), Op::LeaseBlob, true),
        (asking("d", "deletetype", "permanent"), Op::DeleteBlob, false),
        (asking("dy", "deletetype", "permanent"), Op::DeleteBlob, true),
        (asking("d", "versionid", "1"), Op::DeleteBlob, false),
        (asking("dx", "versionid", "1"), Op::DeleteBlob, true),
    ];
    for (at, (request, operation, wanted)) in cases.iter().enumerate() {
        assert_eq!(permitted(request, *operation).await.is_empty(), *wanted, "{at}");
    }
    for (letters, wanted) in [("c", false), ("cw", true), ("w", true), ("a", false)] {
        assert_eq!(ask(&token(letters)).await.ok().unwrap().may_overwrite(), wanted, "{letters}");
    }
    let list = |letters, include: &str| {
        let mut request = signed(&changed(&[("sr", "c"), ("sp", letters)]));
        request.query.push(("include".to_owned(), include.to_owned()));
        request
    };
    assert_eq!(permitted(&list("l", "metadata"), Op::ListBlobs).await, "");
    assert_eq!(permitted(&list("l", "metadata,Tags"), Op::ListBlobs).await, "AuthorizationPermissionMismatch");
    assert_eq!(permitted(&list("lt", "metadata,tags"), Op::ListBlobs).await, "");
}
