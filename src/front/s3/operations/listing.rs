//! ListObjects (version 1), ListObjectsV2 and ListObjectVersions.

use super::paging::{self, bad_token, encoding, limit};
use crate::front::reply::Reply;
use crate::front::s3::admission::ask::Ask;
use crate::front::s3::wire::errors::invalid;
use crate::front::s3::wire::headers;
use crate::front::s3::wire::refusal::Refusal;
use crate::front::s3::wire::xml::{self, Encoding};
use crate::front::token;
use crate::front::xml::Writer;
use crate::gateway::{ListEntry, ListExtras, ListObjects, ListPage, ListStart, Share};

/// Most entries in a page. Source: S3 `ListObjectsV2`.
const MOST_KEYS: usize = 1000;
/// What continuation tokens of objects are sealed for.
const OBJECTS: &str = "s3/objects";

/// What lists of objects have in common.
struct List<'a> {
    encoding: Encoding,
    limit: usize,
    prefix: &'a str,
    delimiter: Option<&'a str>,
}

impl<'a> List<'a> {
    fn of(ask: &'a Ask<'_>) -> Result<Self, Refusal> {
        let asked = &ask.asked;
        Ok(Self {
            encoding: encoding(asked)?,
            limit: limit(asked, "max-keys", MOST_KEYS)?,
            prefix: asked.parameter("prefix").unwrap_or_default(),
            delimiter: asked.said("delimiter"),
        })
    }

    async fn page(&self, ask: &Ask<'_>, start: ListStart) -> Result<(ListPage, Share), Refusal> {
        let op = ask.may(ListObjects {
            bucket: ask.bucket()?,
            prefix: self.prefix.to_owned(),
            delimiter: self.delimiter.map(str::to_owned),
            start,
            limit: self.limit,
            with_metadata: false,
            with_user_metadata: false,
            extras: ListExtras::default(),
        })?;
        ask.house.gateway.list_objects(op).await.map_err(|error| ask.refuse(error))
    }

    /// What stands before the entries of every list.
    fn head(&self, writer: &mut Writer, ask: &Ask<'_>, truncated: bool) {
        writer.text("Name", ask.bucket_name());
        self.encoding.write(writer, "Prefix", self.prefix);
        writer.number("MaxKeys", self.limit as u64);
        if let Some(delimiter) = self.delimiter {
            self.encoding.write(writer, "Delimiter", delimiter);
        }
        self.encoding.tell(writer);
        writer.boolean("IsTruncated", truncated);
    }

    /// The entries, split as S3 shows them. `element`: what an object is called; `more`: what is told of each beside.
    fn entries(&self, writer: &mut Writer, page: &ListPage, element: &str, more: impl Fn(&mut Writer)) {
        for entry in &page.entries {
            match entry {
                ListEntry::Object { key, length, etag, modified, storage_class, .. } => {
                    writer.within(element, |writer| {
                        self.encoding.write(writer, "Key", key.as_str());
                        writer.text("LastModified", &headers::iso8601(*modified));
                        writer.text("ETag", &headers::quoted(etag));
                        writer.number("Size", *length);
                        writer.text("StorageClass", storage_class.as_deref().unwrap_or("STANDARD"));
                        more(writer);
                    });
                }
                // S3 shows parts of uploads elsewhere, and does not ask for these.
                ListEntry::Uncommitted { .. } | ListEntry::Prefix(_) => {}
            }
        }
        for entry in &page.entries {
            if let ListEntry::Prefix(text) = entry {
                writer.within("CommonPrefixes", |writer| self.encoding.write(writer, "Prefix", text));
            }
        }
    }
}

/// ListObjects (version 1).
pub(in crate::front::s3) async fn version_1(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let list = List::of(ask)?;
    let marker = ask.asked.parameter("marker").unwrap_or_default();
    let (page, share) = list.page(ask, after(marker)).await?;
    // Without a delimiter the last key is the next marker, as S3 has it.
    let next = page.next.as_ref().filter(|_| list.delimiter.is_some()).map(|next| next_name(next, &page));
    let text = xml::document("ListBucketResult", |writer| {
        list.head(writer, ask, page.next.is_some());
        list.encoding.write(writer, "Marker", marker);
        if let Some(next) = &next {
            list.encoding.write(writer, "NextMarker", next);
        }
        list.entries(writer, &page, "Contents", |writer| paging::owner(writer, "Owner", &ask.principal));
    });
    Ok(Reply::xml(text).holding(share))
}

/// ListObjectsV2.
pub(in crate::front::s3) async fn version_2(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let list = List::of(ask)?;
    let of = [OBJECTS, ask.bucket_name()];
    let (token, start_after) = (ask.asked.parameter("continuation-token"), ask.asked.parameter("start-after"));
    let start = match token {
        Some(text) => ask.read_token(&of, text)?.and_then(|start| token::parse_start(&start)).ok_or_else(bad_token)?,
        None => after(start_after.unwrap_or_default()),
    };
    let (page, share) = list.page(ask, start).await?;
    let next = page.next.as_ref().map(|next| ask.token(&of, &token::start_bytes(next))).transpose()?;
    let with_owner = ask.asked.said("fetch-owner").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let text = xml::document("ListBucketResult", |writer| {
        list.head(writer, ask, next.is_some());
        writer.number("KeyCount", page.entries.len() as u64);
        writer.optional("ContinuationToken", token);
        writer.optional("NextContinuationToken", next.as_deref());
        if let Some(text) = start_after {
            list.encoding.write(writer, "StartAfter", text);
        }
        list.entries(writer, &page, "Contents", |writer| {
            if with_owner {
                paging::owner(writer, "Owner", &ask.principal);
            }
        });
    });
    Ok(Reply::xml(text).holding(share))
}

/// ListObjectVersions: versioning was never on, so each object is its one version, `null`.
pub(in crate::front::s3) async fn versions(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let list = List::of(ask)?;
    let marker = ask.asked.parameter("key-marker").unwrap_or_default();
    let version = ask.asked.said("version-id-marker");
    if version.is_some() && marker.is_empty() {
        return Err(invalid("InvalidArgument", "A version-id marker cannot be specified without a key marker."));
    }
    let (page, share) = list.page(ask, after(marker)).await?;
    let next = page.next.as_ref().map(|next| next_name(next, &page));
    let text = xml::document("ListVersionsResult", |writer| {
        list.head(writer, ask, next.is_some());
        list.encoding.write(writer, "KeyMarker", marker);
        writer.text("VersionIdMarker", version.unwrap_or_default());
        if let Some(next) = &next {
            list.encoding.write(writer, "NextKeyMarker", next);
            writer.text("NextVersionIdMarker", "null");
        }
        list.entries(writer, &page, "Version", |writer| {
            writer.text("VersionId", "null");
            writer.boolean("IsLatest", true);
            paging::owner(writer, "Owner", &ask.principal);
        });
    });
    Ok(Reply::xml(text).holding(share))
}

fn after(name: &str) -> ListStart {
    if name.is_empty() { ListStart::First } else { ListStart::After(name.to_owned()) }
}

/// Where the next page begins, as a name.
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
