//! Tags of objects: GetObjectTagging, PutObjectTagging, DeleteObjectTagging, and `x-amz-tagging`. They are the tags that Azure
//! clients see.
//!
//! Source: S3 "Categorizing your storage using tags", "PutObjectTagging", "CopyObject" (`x-amz-tagging-directive`).

use http::{HeaderMap, HeaderName, StatusCode};

use super::get::version;
use crate::front::reply::Reply;
use crate::front::s3::admission::ask::Ask;
use crate::front::s3::wire::errors::{hidden, invalid};
use crate::front::s3::wire::refusal::Refusal;
use crate::front::s3::wire::{checksums, headers, xml};
use crate::front::server::RequestBody;
use crate::gateway::{ReviseObject, Revision};
use crate::model::{Conditions, TagCharacters, TagFault, Tags, check_bucket_tags, check_tags};

const TAGGING: HeaderName = HeaderName::from_static("x-amz-tagging");
const DIRECTIVE: HeaderName = HeaderName::from_static("x-amz-tagging-directive");

/// GetObjectTagging.
pub(in crate::front::s3) async fn get(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let version = version(ask, Conditions::default()).await?;
    Ok(Reply::xml(xml::document("Tagging", |writer| writer.tag_set(&version.metadata.tags))))
}

/// PutObjectTagging: all tags, in place of those that were.
pub(in crate::front::s3) async fn put(ask: &Ask<'_>, body: RequestBody) -> Result<Reply, Refusal> {
    let tags = ask.read_xml(body, checksums::required, xml::tagging).await?;
    set(ask, checked(once(tags)?)?).await?;
    Ok(Reply::new(StatusCode::OK))
}

/// DeleteObjectTagging.
pub(in crate::front::s3) async fn delete(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    set(ask, Tags::new()).await?;
    Ok(Reply::new(StatusCode::NO_CONTENT))
}

async fn set(ask: &Ask<'_>, tags: Tags) -> Result<(), Refusal> {
    let op = ReviseObject {
        bucket: ask.bucket()?,
        key: ask.key()?,
        snapshot: None,
        revision: Revision::Tags(tags),
        conditions: Conditions::default(),
    };
    let hide = !ask.principal.may_list(&op.bucket, op.key.as_str());
    let revised = ask.house.gateway.revise_object(ask.may(op)?).await;
    revised.map_err(|error| ask.refuse(hidden(error, hide)))?;
    Ok(())
}

/// The tags of `x-amz-tagging`, a query string; `None`: the header is not there.
pub(in crate::front::s3) fn of_header(headers: &HeaderMap) -> Result<Option<Tags>, Refusal> {
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
pub(in crate::front::s3) fn of_copy(headers: &HeaderMap) -> Result<Option<Tags>, Refusal> {
    let replaces = headers.get(&DIRECTIVE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"REPLACE"));
    match (replaces, of_header(headers)?) {
        (true, tags) => Ok(Some(tags.unwrap_or_default())),
        (false, None) => Ok(None),
        (false, Some(_)) => {
            Err(invalid("InvalidArgument", "x-amz-tagging needs x-amz-tagging-directive: REPLACE in a copy."))
        }
    }
}

/// Tags that S3 would take for a bucket; `None`: one is there twice.
pub(in crate::front::s3) fn of_bucket(tags: Option<Tags>) -> Result<Tags, Refusal> {
    let tags = once(tags)?;
    let checked = check_bucket_tags(&tags);
    sound(tags, checked, "Bucket tag count cannot be greater than 50")
}

/// Tags that S3 would take for an object.
fn checked(tags: Tags) -> Result<Tags, Refusal> {
    let checked = check_tags(&tags, TagCharacters::S3);
    sound(tags, checked, "Object tags cannot be greater than 10")
}

fn once(tags: Option<Tags>) -> Result<Tags, Refusal> {
    tags.ok_or_else(|| invalid("InvalidTag", "Cannot provide multiple Tags with the same key"))
}

fn sound(tags: Tags, checked: Result<(), TagFault>, too_many: &'static str) -> Result<Tags, Refusal> {
    let of_the_system = |name: &String| name.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("aws:"));
    match checked {
        Ok(()) if tags.keys().any(of_the_system) => {
            Err(invalid("InvalidTag", "System tags cannot be added/updated by requester"))
        }
        Ok(()) => Ok(tags),
        Err(TagFault::TooMany) => Err(invalid("BadRequest", too_many)),
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

    fn code<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> &'static str {
        outcome.unwrap_err().code
    }

    #[test]
    fn tags_of_a_header_are_a_query_string() {
        fn read(text: &str) -> Result<Option<Tags>, Refusal> {
            of_header(&headers(&[("x-amz-tagging", text)]))
        }
        let expected = Tags::from([("a b".into(), "1/2".into()), ("vide".into(), String::new())]);
        assert_eq!(read("a+b=1%2F2&vide=").unwrap(), Some(expected.clone()));
        assert_eq!(read("a%20b=1/2&vide").unwrap(), Some(expected));
        assert_eq!(read("h%C3%A9l%C3%A8ne=%40accueil").unwrap().unwrap()["hélène"], "@accueil");
        assert_eq!(of_header(&HeaderMap::new()).unwrap(), None);
        assert_eq!(code(read("a=1&a=2")), "InvalidArgument");
        assert_eq!(code(read("=1")), "InvalidTag");
        assert_eq!(code(read("aws%3Acost=1")), "InvalidTag");
        assert_eq!(code(read("AWS%3A=1")), "InvalidTag");
        assert!(read("laws%3A=1").is_ok());
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
