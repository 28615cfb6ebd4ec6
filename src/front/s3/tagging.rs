//! Tags of objects: GetObjectTagging, PutObjectTagging, DeleteObjectTagging, and `x-amz-tagging`. They are the tags that Azure
//! clients see.
//!
//! Source: S3 "Categorizing your storage using tags", "PutObjectTagging", "CopyObject" (`x-amz-tagging-directive`).

use http::{HeaderMap, HeaderName};
use s3s::dto::{
    DeleteObjectTaggingInput, DeleteObjectTaggingOutput, GetObjectTaggingInput, GetObjectTaggingOutput,
    PutObjectTaggingInput, PutObjectTaggingOutput, Tag,
};
use s3s::{S3Request, S3Response, S3Result};

use super::access::Caller;
use super::errors::{hidden, invalid};
use super::{checksums, headers, put};
use crate::gateway::{Gateway, HeadObject, ReviseObject, Revision, Select};
use crate::model::{Conditions, TagCharacters, TagFault, Tags, check_tags};

const TAGGING: HeaderName = HeaderName::from_static("x-amz-tagging");
const DIRECTIVE: HeaderName = HeaderName::from_static("x-amz-tagging-directive");

/// GetObjectTagging.
pub(super) async fn get(
    gateway: &Gateway,
    req: S3Request<GetObjectTaggingInput>,
) -> S3Result<S3Response<GetObjectTaggingOutput>> {
    let caller = Caller::of(&req)?;
    let op = HeadObject {
        bucket: put::bucket(&req.input.bucket)?,
        key: put::key(&req.input.key)?,
        snapshot: None,
        select: Select::All,
        conditions: Conditions::default(),
    };
    let hide = !caller.principal.may_list(&op.bucket, op.key.as_str());
    let found = gateway.head_object(caller.may(op)?).await;
    let (version, _) = found.map_err(|error| caller.error(hidden(error, hide)))?;
    let pair = |(key, value)| Tag { key: Some(key), value: Some(value) };
    let tag_set = version.metadata.tags.into_iter().map(pair).collect();
    Ok(S3Response::new(GetObjectTaggingOutput { tag_set, version_id: None }))
}

/// PutObjectTagging: all tags, in place of those that were.
pub(super) async fn put(
    gateway: &Gateway,
    req: S3Request<PutObjectTaggingInput>,
) -> S3Result<S3Response<PutObjectTaggingOutput>> {
    let caller = Caller::of(&req)?;
    let body = caller.context.take_kept().unwrap_or_default();
    checksums::verify_whole(&req.headers, &body)?;
    let mut tags = Tags::new();
    for tag in req.input.tagging.tag_set {
        if tags.insert(tag.key.unwrap_or_default(), tag.value.unwrap_or_default()).is_some() {
            return Err(invalid("InvalidTag", "Cannot provide multiple Tags with the same key"));
        }
    }
    set(gateway, &caller, &req.input.bucket, &req.input.key, checked(tags)?).await?;
    Ok(S3Response::new(PutObjectTaggingOutput::default()))
}

/// DeleteObjectTagging.
pub(super) async fn delete(
    gateway: &Gateway,
    req: S3Request<DeleteObjectTaggingInput>,
) -> S3Result<S3Response<DeleteObjectTaggingOutput>> {
    let caller = Caller::of(&req)?;
    set(gateway, &caller, &req.input.bucket, &req.input.key, Tags::new()).await?;
    Ok(S3Response::new(DeleteObjectTaggingOutput::default()))
}

async fn set(gateway: &Gateway, caller: &Caller, bucket: &str, key: &str, tags: Tags) -> S3Result<()> {
    let op = ReviseObject {
        bucket: put::bucket(bucket)?,
        key: put::key(key)?,
        snapshot: None,
        revision: Revision::Tags(tags),
        conditions: Conditions::default(),
    };
    let hide = !caller.principal.may_list(&op.bucket, op.key.as_str());
    gateway.revise_object(caller.may(op)?).await.map_err(|error| caller.error(hidden(error, hide)))?;
    Ok(())
}

/// The tags of `x-amz-tagging`, a query string; `None`: the header is not there.
pub(super) fn of_header(headers: &HeaderMap) -> S3Result<Option<Tags>> {
    let Some(text) = headers::text(headers, &TAGGING)? else { return Ok(None) };
    let mut tags = Tags::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        if tags.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err(invalid(
                "InvalidArgument",
                "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag \
                 name duplicates.",
            ));
        }
    }
    checked(tags).map(Some)
}

/// The tags of a copy; `None`: the source's. Tags that the directive would ignore are refused.
pub(super) fn of_copy(headers: &HeaderMap) -> S3Result<Option<Tags>> {
    let replaces = headers.get(&DIRECTIVE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"REPLACE"));
    match (replaces, of_header(headers)?) {
        (true, tags) => Ok(Some(tags.unwrap_or_default())),
        (false, None) => Ok(None),
        (false, Some(_)) => {
            Err(invalid("InvalidArgument", "x-amz-tagging needs x-amz-tagging-directive: REPLACE in a copy."))
        }
    }
}

/// Tags that S3 would take.
fn checked(tags: Tags) -> S3Result<Tags> {
    match check_tags(&tags, TagCharacters::S3) {
        Ok(()) => Ok(tags),
        Err(TagFault::TooMany) => Err(invalid("BadRequest", "Object tags cannot be greater than 10")),
        Err(TagFault::ValueLength) => Err(invalid("InvalidTag", "The TagValue you have provided is invalid")),
        Err(TagFault::Character) => Err(invalid("InvalidTag", "A tag has characters that are not allowed")),
        Err(TagFault::NameLength | TagFault::TooLarge | TagFault::Malformed) => {
            Err(invalid("InvalidTag", "The TagKey you have provided is invalid"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn code<T: std::fmt::Debug>(outcome: S3Result<T>) -> String {
        outcome.unwrap_err().code().as_str().to_owned()
    }

    #[test]
    fn tags_of_a_header_are_a_query_string() {
        fn read(text: &str) -> S3Result<Option<Tags>> {
            of_header(&headers(&[("x-amz-tagging", text)]))
        }
        let expected = Tags::from([("a b".into(), "1/2".into()), ("vide".into(), String::new())]);
        assert_eq!(read("a+b=1%2F2&vide=").unwrap(), Some(expected.clone()));
        assert_eq!(read("a%20b=1/2&vide").unwrap(), Some(expected));
        assert_eq!(read("h%C3%A9l%C3%A8ne=%40accueil").unwrap().unwrap()["hélène"], "@accueil");
        assert_eq!(of_header(&HeaderMap::new()).unwrap(), None);
        assert_eq!(code(read("a=1&a=2")), "InvalidArgument");
        assert_eq!(code(read("=1")), "InvalidTag");
        assert_eq!(code(read("a=%00")), "InvalidTag");
        assert_eq!(code(read("a=%3Cb%3E")), "InvalidTag");
        assert_eq!(code(read(&format!("{}=1", "n".repeat(129)))), "InvalidTag");
        assert_eq!(code(read(&format!("a={}", "v".repeat(257)))), "InvalidTag");
        let eleven: Vec<String> = (0..11).map(|n| format!("t{n}=1")).collect();
        assert_eq!(code(read(&eleven.join("&"))), "BadRequest");
    }

    #[test]
    fn a_copy_takes_the_source_s_tags_unless_it_replaces_them() {
        let one = Tags::from([("a".into(), "1".into())]);
        assert_eq!(of_copy(&HeaderMap::new()).unwrap(), None);
        assert_eq!(of_copy(&headers(&[("x-amz-tagging-directive", "COPY")])).unwrap(), None);
        let replaced = of_copy(&headers(&[("x-amz-tagging-directive", "REPLACE"), ("x-amz-tagging", "a=1")])).unwrap();
        assert_eq!(replaced, Some(one));
        assert_eq!(of_copy(&headers(&[("x-amz-tagging-directive", "REPLACE")])).unwrap(), Some(Tags::new()));
        assert_eq!(code(of_copy(&headers(&[("x-amz-tagging", "a=1")]))), "InvalidArgument");
    }
}
