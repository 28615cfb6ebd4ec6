//! ListObjects (version 1) and ListObjectsV2.

use s3s::dto::{
    CommonPrefix, EncodingType, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Object,
    ObjectStorageClass, Owner,
};
use s3s::{S3Error, S3Request, S3Response, S3Result};

use super::access::Caller;
use super::errors::invalid;
use super::{buckets, headers, put, xml};
use crate::front::token;
use crate::gateway::{Gateway, ListEntry, ListExtras, ListObjects, ListPage, ListStart};

/// Most entries in a page. Source: S3 `ListObjectsV2`.
const MAX_KEYS: i32 = 1000;
/// What continuation tokens of objects are sealed for.
const OBJECTS: &str = "s3/objects";

/// How names are shown.
#[derive(Clone, Copy)]
pub(super) struct Encoding {
    url: bool,
}

/// The entries of a page, split as S3 shows them.
struct Shown {
    objects: Vec<Object>,
    prefixes: Vec<CommonPrefix>,
}

/// ListObjects (version 1).
pub(super) async fn version_1(
    gateway: &Gateway,
    req: S3Request<ListObjectsInput>,
) -> S3Result<S3Response<ListObjectsOutput>> {
    let caller = Caller::of(&req)?;
    let input = req.input;
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let limit = limit(input.max_keys, MAX_KEYS)?;
    let delimiter = input.delimiter.filter(|text| !text.is_empty());
    let marker = input.marker.unwrap_or_default();
    let prefix = input.prefix.unwrap_or_default();
    let start = if marker.is_empty() { ListStart::First } else { ListStart::After(marker.clone()) };
    let page = page(gateway, &caller, &input.bucket, &prefix, delimiter.clone(), start, limit).await?;
    // Without a delimiter the last key is the next marker, as S3 has it.
    let next = page.next.as_ref().filter(|_| delimiter.is_some()).map(|next| next_name(next, &page));
    let truncated = page.next.is_some();
    let Shown { objects, prefixes } = encoding.entries(page, Some(buckets::owner(&caller.principal)))?;
    Ok(S3Response::new(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(encoding.show(&prefix)?),
        marker: Some(encoding.show(&marker)?),
        max_keys: i32::try_from(limit).ok(),
        is_truncated: Some(truncated),
        contents: Some(objects),
        common_prefixes: Some(prefixes),
        delimiter: delimiter.map(|text| encoding.show(&text)).transpose()?,
        next_marker: next.map(|text| encoding.show(&text)).transpose()?,
        encoding_type: encoding.shown(),
        ..ListObjectsOutput::default()
    }))
}

/// ListObjectsV2.
pub(super) async fn version_2(
    gateway: &Gateway,
    req: S3Request<ListObjectsV2Input>,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    let caller = Caller::of(&req)?;
    let input = req.input;
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let limit = limit(input.max_keys, MAX_KEYS)?;
    let delimiter = input.delimiter.filter(|text| !text.is_empty());
    let prefix = input.prefix.unwrap_or_default();
    let list = [OBJECTS, input.bucket.as_str()];
    let start = match (input.continuation_token.as_deref(), input.start_after.as_deref()) {
        (Some(text), _) => {
            let start = caller.read_token(gateway, &list, text)?.and_then(|start| token::parse_start(&start));
            start.ok_or_else(bad_token)?
        }
        (None, Some(after)) if !after.is_empty() => ListStart::After(after.to_owned()),
        (None, _) => ListStart::First,
    };
    let page = page(gateway, &caller, &input.bucket, &prefix, delimiter.clone(), start, limit).await?;
    let next = page.next.as_ref().map(|next| caller.token(gateway, &list, &token::start_bytes(next))).transpose()?;
    let owner = input.fetch_owner.unwrap_or(false).then(|| buckets::owner(&caller.principal));
    let count = page.entries.len();
    let Shown { objects, prefixes } = encoding.entries(page, owner)?;
    Ok(S3Response::new(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encoding.show(&prefix)?),
        max_keys: i32::try_from(limit).ok(),
        key_count: i32::try_from(count).ok(),
        continuation_token: input.continuation_token,
        is_truncated: Some(next.is_some()),
        next_continuation_token: next,
        contents: Some(objects),
        common_prefixes: Some(prefixes),
        delimiter: delimiter.map(|text| encoding.show(&text)).transpose()?,
        encoding_type: encoding.shown(),
        start_after: input.start_after.map(|text| encoding.show(&text)).transpose()?,
        ..ListObjectsV2Output::default()
    }))
}

async fn page(
    gateway: &Gateway,
    caller: &Caller,
    bucket: &str,
    prefix: &str,
    delimiter: Option<String>,
    start: ListStart,
    limit: usize,
) -> S3Result<ListPage> {
    let op = ListObjects {
        bucket: put::bucket(bucket)?,
        prefix: prefix.to_owned(),
        delimiter,
        start,
        limit,
        with_metadata: false,
        with_user_metadata: false,
        extras: ListExtras::default(),
    };
    let op = caller.may(op)?;
    let (page, share) = gateway.list_objects(op).await.map_err(|error| caller.error(error))?;
    caller.context.hold(share);
    Ok(page)
}

/// Where the next page of version 1 begins, as a name.
fn next_name(next: &ListStart, page: &ListPage) -> String {
    match next {
        ListStart::After(text) | ListStart::AfterPrefix(text) | ListStart::Within { key: text, .. } => text.clone(),
        ListStart::First | ListStart::At(_) => match page.entries.last() {
            Some(ListEntry::Object { key, .. } | ListEntry::Uncommitted { key, .. }) => key.as_str().to_owned(),
            Some(ListEntry::Prefix(text)) => text.clone(),
            None => String::new(),
        },
    }
}

/// 400: a token that was not given out for this list.
pub(super) fn bad_token() -> S3Error {
    invalid("InvalidArgument", "The continuation token provided is incorrect")
}

/// A page size: absent means `most`, more than that means that too, as S3 has it.
pub(super) fn limit(asked: Option<i32>, most: i32) -> S3Result<usize> {
    match usize::try_from(asked.unwrap_or(most).min(most)) {
        Ok(limit) => Ok(limit),
        Err(_negative) => Err(invalid("InvalidArgument", "A page size must be an integer between 0 and 2147483647")),
    }
}

impl Encoding {
    /// What `encoding-type` asks for.
    pub(super) fn of(asked: Option<&EncodingType>) -> S3Result<Self> {
        match asked.map(EncodingType::as_str) {
            None | Some("") => Ok(Self { url: false }),
            Some("url") => Ok(Self { url: true }),
            Some(_) => Err(invalid("InvalidArgument", "Invalid Encoding Method specified in Request")),
        }
    }

    /// What the answer says of it.
    pub(super) fn shown(self) -> Option<EncodingType> {
        self.url.then(|| EncodingType::from_static(EncodingType::URL))
    }

    /// A name as the answer shows it. Without an encoding, a name that XML cannot carry is refused: the answer would be
    /// broken, or the client would read another name.
    pub(super) fn show(self, name: &str) -> S3Result<String> {
        if self.url {
            Ok(xml::url_encode(name))
        } else if xml::can_carry(name) {
            Ok(name.to_owned())
        } else {
            Err(invalid("InvalidArgument", "The answer has names that XML cannot carry. Ask with encoding-type=url."))
        }
    }

    fn entries(self, page: ListPage, owner: Option<Owner>) -> S3Result<Shown> {
        let mut shown = Shown { objects: Vec::new(), prefixes: Vec::new() };
        for entry in page.entries {
            match entry {
                ListEntry::Object { key, length, etag, modified, storage_class, .. } => {
                    let class = storage_class.unwrap_or_else(|| "STANDARD".to_owned());
                    shown.objects.push(Object {
                        key: Some(self.show(key.as_str())?),
                        size: i64::try_from(length).ok(),
                        e_tag: Some(headers::dto_etag(&etag)),
                        last_modified: Some(headers::dto_time(modified)),
                        storage_class: Some(ObjectStorageClass::from(class)),
                        owner: owner.clone(),
                        ..Object::default()
                    });
                }
                // S3 shows parts of uploads elsewhere, and does not ask for these.
                ListEntry::Uncommitted { .. } => {}
                ListEntry::Prefix(text) => {
                    shown.prefixes.push(CommonPrefix { prefix: Some(self.show(&text)?) });
                }
            }
        }
        Ok(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_sizes_are_capped_and_never_negative() {
        assert_eq!(limit(None, 1000).unwrap(), 1000);
        assert_eq!(limit(Some(0), 1000).unwrap(), 0);
        assert_eq!(limit(Some(5000), 1000).unwrap(), 1000);
        assert!(limit(Some(-1), 1000).is_err());
    }

    #[test]
    fn names_that_xml_cannot_carry_need_an_encoding() {
        let url = Encoding::of(Some(&EncodingType::from_static("url"))).unwrap();
        assert_eq!(url.show("a\u{1}b").unwrap(), "a%01b");
        assert!(Encoding::of(None).unwrap().show("a\u{1}b").is_err());
        assert!(Encoding::of(Some(&EncodingType::from_static("zip"))).is_err());
    }
}
