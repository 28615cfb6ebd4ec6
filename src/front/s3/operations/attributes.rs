//! GetObjectAttributes.
//!
//! Source: S3 "GetObjectAttributes".

use http::HeaderName;
use http::header::LAST_MODIFIED;

use super::get::version;
use crate::front::http_date;
use crate::front::reply::Reply;
use crate::front::s3::admission::ask::Ask;
use crate::front::s3::wire::errors::invalid;
use crate::front::s3::wire::refusal::Refusal;
use crate::front::s3::wire::{checksums, conditions, headers, xml};
use crate::front::xml::Writer;
use crate::gateway::Version;

const WANTED: HeaderName = HeaderName::from_static("x-amz-object-attributes");
static MOST_PARTS: HeaderName = HeaderName::from_static("x-amz-max-parts");
static MARKER: HeaderName = HeaderName::from_static("x-amz-part-number-marker");
/// What can be asked for.
const KNOWN: [&str; 5] = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];
/// Most parts in an answer.
const PAGE: usize = 1000;
/// Bytes of the lengths of 10,000 parts, and of what the answer says besides.
const MOST_LENGTHS_BYTES: u64 = 96 * 1024;
/// Most bytes of a part in an answer.
const PART_BYTES: u64 = 80;

/// GetObjectAttributes.
pub(in crate::front::s3) async fn get(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let asked = &ask.asked.headers;
    let wrong = || invalid("InvalidArgument", "Invalid attribute name specified.");
    let mut wanted = Vec::new();
    for value in asked.get_all(WANTED) {
        for name in value.to_str().unwrap_or_default().split(',').map(str::trim) {
            wanted.push(*KNOWN.iter().find(|known| **known == name).ok_or_else(wrong)?);
        }
    }
    if wanted.is_empty() {
        return Err(invalid("InvalidRequest", "Missing required header for this request: x-amz-object-attributes"));
    }
    let number = |name: &HeaderName| {
        let text = headers::claim(asked, name)?;
        let wrong = || invalid("InvalidArgument", "A number of parts must be an integer between 0 and 2147483647");
        text.map(|text| text.parse::<u32>().map_err(|_cause| wrong())).transpose()
    };
    let limit =
        number(&MOST_PARTS)?.and_then(|limit| usize::try_from(limit).ok()).map_or(PAGE, |limit| limit.min(PAGE));
    let marker = number(&MARKER)?.and_then(|marker| usize::try_from(marker).ok()).unwrap_or(0);
    // The lengths of all parts, and those that the answer has.
    let room = if wanted.contains(&"ObjectParts") {
        Some(ask.room(None, MOST_LENGTHS_BYTES + limit as u64 * PART_BYTES).await?)
    } else {
        None
    };
    let version = version(ask, conditions::for_read(asked, &conditions::TARGET)).await?;
    let text = xml::document("GetObjectAttributesResponse", |writer| {
        for name in KNOWN.iter().filter(|name| wanted.contains(*name)) {
            match *name {
                "ETag" => writer.text("ETag", version.etag.as_str()),
                "Checksum" if version.metadata.checksums.is_empty() => {}
                "Checksum" => {
                    writer.within("Checksum", |writer| checksums::typed_elements(writer, &version.metadata.checksums))
                }
                "ObjectParts" if version.part_lengths.is_empty() => {}
                "ObjectParts" => parts(writer, &version, marker, limit),
                "StorageClass" => {
                    let class = version.metadata.system.storage_class.as_deref();
                    writer.text("StorageClass", class.unwrap_or("STANDARD"));
                }
                _ => writer.number("ObjectSize", version.length),
            }
        }
    });
    let reply = Reply::xml(text).with(LAST_MODIFIED, &http_date::written(version.modified));
    Ok(match room {
        Some(share) => reply.holding(share),
        None => reply,
    })
}

/// The parts that an object was uploaded in.
fn parts(writer: &mut Writer, version: &Version, marker: usize, limit: usize) {
    let all = &version.part_lengths;
    let page: Vec<(usize, u64)> =
        all.iter().enumerate().map(|(index, length)| (index + 1, *length)).skip(marker).take(limit).collect();
    let last = page.last().map_or(marker, |(number, _)| *number);
    writer.within("ObjectParts", |writer| {
        writer.number("PartsCount", all.len() as u64);
        writer.number("PartNumberMarker", marker as u64);
        writer.number("NextPartNumberMarker", last as u64);
        writer.number("MaxParts", limit as u64);
        writer.boolean("IsTruncated", last < all.len());
        for (number, length) in &page {
            writer.within("Part", |writer| {
                writer.number("PartNumber", *number as u64);
                writer.number("Size", *length);
            });
        }
    });
}
