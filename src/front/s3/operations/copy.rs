//! CopyObject and UploadPartCopy.

use http::{HeaderMap, HeaderName, StatusCode};
use percent_encoding::percent_decode_str;

use super::{tagging, uploads};
use crate::front::reply::Reply;
use crate::front::s3::admission::ask::{self, Ask};
use crate::front::s3::wire::errors::{self, hidden, invalid};
use crate::front::s3::wire::ranges::parse_copy_range;
use crate::front::s3::wire::refusal::Refusal;
use crate::front::s3::wire::{checksums, conditions, headers, xml};
use crate::gateway::{Copied, CopyObject, CopyUploadPart, Error, MetadataDirective};
use crate::model::{BucketName, ObjectKey};

const SOURCE: HeaderName = HeaderName::from_static("x-amz-copy-source");
const SOURCE_RANGE: HeaderName = HeaderName::from_static("x-amz-copy-source-range");
const DIRECTIVE: HeaderName = HeaderName::from_static("x-amz-metadata-directive");
/// What a copy onto itself may change beside metadata. Everything is sealed anew by the words of S3, whatever was.
const CHANGES: [&str; 3] = ["x-amz-storage-class", "x-amz-website-redirect-location", "x-amz-server-side-encryption"];

/// CopyObject.
pub(in crate::front::s3) async fn object(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let asked = &ask.asked.headers;
    let (source_bucket, source_key) = source(asked)?;
    let (bucket, key) = (ask.bucket()?, ask.key()?);
    let directive = match headers::claim(asked, &DIRECTIVE)? {
        None | Some("COPY") => {
            let same = source_bucket == bucket && source_key == key;
            if same && !CHANGES.iter().any(|name| asked.get(*name).is_some_and(|value| !value.is_empty())) {
                return Err(invalid(
                    "InvalidRequest",
                    "This copy request is illegal because it is trying to copy an object to itself without changing the \
                     object's metadata, storage class, website redirect location or encryption attributes.",
                ));
            }
            MetadataDirective::Copy {
                storage_class: headers::storage_class(asked)?,
                website_redirect: headers::website_redirect(asked)?,
            }
        }
        Some("REPLACE") => {
            MetadataDirective::Replace(Box::new(headers::metadata(asked, crate::model::Tags::default())?))
        }
        Some(_) => return Err(invalid("InvalidArgument", "Unknown metadata directive.")),
    };
    let op = CopyObject {
        source_bucket,
        source_key,
        source_conditions: conditions::for_read(asked, &conditions::COPY_SOURCE),
        bucket,
        key,
        directive,
        tags: tagging::of_copy(asked)?,
        conditions: conditions::for_write(asked),
        checksum: checksums::named(asked)?,
    };
    let hide = !ask.principal.may_list(&op.source_bucket, op.source_key.as_str());
    let bucket = op.bucket.clone();
    let copied = ask.house.gateway.copy_object(ask.may(op)?).await;
    let copied = copied.map_err(|error| ask.refuse_change(of_source(error, hide), &bucket, ask.key_name()))?;
    Ok(answer("CopyObjectResult", &copied, true))
}

/// UploadPartCopy.
pub(in crate::front::s3) async fn part(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let asked = &ask.asked.headers;
    let (source_bucket, source_key) = source(asked)?;
    let source_range = match headers::claim(asked, &SOURCE_RANGE)? {
        None => None,
        Some(text) => Some(parse_copy_range(text).ok_or_else(|| {
            invalid(
                "InvalidArgument",
                "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
                 zero-based offsets of the first and last bytes to copy",
            )
        })?),
    };
    let op = CopyUploadPart {
        source_bucket,
        source_key,
        source_range,
        source_conditions: conditions::for_read(asked, &conditions::COPY_SOURCE),
        bucket: ask.bucket()?,
        key: ask.key()?,
        upload: ask.upload(),
        number: uploads::part_number(&ask.asked)?,
    };
    let hide = !ask.principal.may_list(&op.source_bucket, op.source_key.as_str());
    let copied = ask.house.gateway.copy_upload_part(ask.may(op)?).await;
    let copied = copied.map_err(|error| match error {
        Error::RangeNotSatisfiable { length } => {
            let text = format!("Range specified is not valid for source object of size: {length}");
            Refusal::new(StatusCode::BAD_REQUEST, "InvalidArgument", text)
        }
        error => ask.refuse(of_source(error, hide)),
    })?;
    Ok(answer("CopyPartResult", &copied, false))
}

/// Bucket and key of `x-amz-copy-source`, which is decoded as forms are: `+` is a space.
fn source(headers: &HeaderMap) -> Result<(BucketName, ObjectKey), Refusal> {
    let wrong =
        || invalid("InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
    let text = headers::claim(headers, &SOURCE)?.ok_or_else(wrong)?;
    let (text, version) = match text.rsplit_once("?versionId=") {
        Some((text, version)) => (text, Some(version)),
        None => (text, None),
    };
    if version.is_some_and(|version| version != "null" && !version.is_empty()) {
        return Err(errors::no_such_version());
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_cause| wrong())?;
    if decoded.starts_with("arn:") {
        return Err(errors::not_implemented("access points"));
    }
    let (bucket, key) = decoded.strip_prefix('/').unwrap_or(&decoded).split_once('/').ok_or_else(wrong)?;
    Ok((ask::bucket(bucket)?, ask::key(key)?))
}

/// For a copy, an unmet condition on the source is 412 whichever it is (S3 `CopyObject`). `hide`: the client may not
/// list the source.
fn of_source(error: Error, hide: bool) -> Error {
    match error {
        Error::NotModified { .. } => Error::PreconditionFailed,
        error => hidden(error, hide),
    }
}

fn answer(name: &str, copied: &Copied, typed: bool) -> Reply {
    let text = xml::document(name, |writer| {
        writer.text("LastModified", &headers::iso8601(copied.modified));
        writer.text("ETag", &headers::quoted(&copied.etag));
        if typed {
            checksums::typed_elements(writer, &copied.checksums);
        } else {
            checksums::elements(writer, &copied.checksums);
        }
    });
    Reply::xml(text).with(headers::ENCRYPTION, headers::SEALED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<(BucketName, ObjectKey), Refusal> {
        let mut map = HeaderMap::new();
        map.insert(SOURCE, text.parse().unwrap());
        source(&map)
    }

    #[test]
    fn sources_come_with_and_without_slash_and_encoded_as_forms_are() {
        for text in [
            "/bucket/a/b c",
            "bucket/a/b%20c",
            "bucket/a/b+c",
            "bucket%2Fa%2Fb+c",
            "%2Fbucket/a/b c",
            "bucket/a/b%20c?versionId=null",
        ] {
            let (bucket, key) = parsed(text).unwrap();
            assert_eq!((bucket.as_str(), key.as_str()), ("bucket", "a/b c"), "{text}");
        }
        assert_eq!(parsed("bucket/a%2Bb").unwrap().1.as_str(), "a+b");
        assert_eq!(parsed("bucket/a%3Fb?c").unwrap().1.as_str(), "a?b?c");
    }

    #[test]
    fn versions_and_access_points_are_refused() {
        assert_eq!(parsed("bucket/k?versionId=3").unwrap_err().code, "NoSuchVersion");
        let point = "arn:aws:s3:ca-central-1:1:accesspoint/ap/object/k";
        assert_eq!(parsed(point).unwrap_err().code, "NotImplemented");
        for text in ["", "bucket", "bucket/%FF"] {
            assert_eq!(parsed(text).unwrap_err().code, "InvalidArgument", "{text}");
        }
    }
}
