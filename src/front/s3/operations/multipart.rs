//! The lists of uploads in parts: ListParts and ListMultipartUploads.

use super::paging::{self, encoding, limit};
use super::uploads::split_note;
use crate::front::reply::Reply;
use crate::front::s3::admission::ask::Ask;
use crate::front::s3::wire::errors::invalid;
use crate::front::s3::wire::refusal::Refusal;
use crate::front::s3::wire::{checksums, headers, xml};
use crate::front::xml::Writer;
use crate::gateway::{ListUploadParts, ListUploads, Upload};
use crate::model::Principal;

/// Most parts or uploads in a page.
const PAGE: usize = 1000;

/// ListParts.
pub(in crate::front::s3) async fn parts(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let asked = &ask.asked;
    let limit = limit(asked, "max-parts", PAGE)?;
    let marker = match asked.said("part-number-marker").map(str::parse::<i32>) {
        None => 0,
        Some(Ok(marker)) => marker,
        Some(Err(_no_number)) => return Err(invalid("InvalidArgument", "A part number marker is a number.")),
    };
    let after = u32::try_from(marker).unwrap_or(0);
    let op = ListUploadParts { bucket: ask.bucket()?, key: ask.key()?, upload: ask.upload(), after, limit };
    let (page, share) = ask.house.gateway.list_upload_parts(ask.may(op)?).await.map_err(|error| ask.refuse(error))?;
    let last = page.parts.last().map_or(after, |part| part.number);
    let text = xml::document("ListPartsResult", |writer| {
        writer.text("Bucket", ask.bucket_name());
        writer.text("Key", ask.key_name());
        writer.text("UploadId", &page.upload.id.0);
        belonging(writer, &page.upload, &ask.principal);
        writer.text("PartNumberMarker", &marker.to_string());
        writer.number("NextPartNumberMarker", u64::from(last));
        writer.number("MaxParts", limit as u64);
        writer.boolean("IsTruncated", page.truncated);
        for part in &page.parts {
            writer.within("Part", |writer| {
                writer.number("PartNumber", u64::from(part.number));
                writer.text("LastModified", &headers::iso8601(part.modified));
                writer.text("ETag", &headers::quoted(&part.etag));
                writer.number("Size", part.length);
                checksums::elements(writer, &part.checksums);
            });
        }
    });
    Ok(Reply::xml(text).holding(share))
}

/// ListMultipartUploads.
pub(in crate::front::s3) async fn uploads(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let asked = &ask.asked;
    let encoding = encoding(asked)?;
    let limit = limit(asked, "max-uploads", PAGE)?;
    let prefix = asked.parameter("prefix").unwrap_or_default();
    let delimiter = asked.said("delimiter");
    let key_marker = asked.parameter("key-marker").unwrap_or_default();
    // Without a key marker the id marker is ignored. Source: S3 `ListMultipartUploads`.
    let id_marker = asked.said("upload-id-marker").filter(|_| !key_marker.is_empty());
    let op = ListUploads {
        bucket: ask.bucket()?,
        prefix: prefix.to_owned(),
        delimiter: delimiter.map(str::to_owned),
        after: (!key_marker.is_empty()).then(|| (key_marker.to_owned(), id_marker.map(str::to_owned))),
        limit,
    };
    let (page, share) = ask.house.gateway.list_uploads(ask.may(op)?).await.map_err(|error| ask.refuse(error))?;
    let text = xml::document("ListMultipartUploadsResult", |writer| {
        writer.text("Bucket", ask.bucket_name());
        encoding.write(writer, "KeyMarker", key_marker);
        writer.text("UploadIdMarker", id_marker.unwrap_or_default());
        if let Some((key, id)) = &page.next {
            encoding.write(writer, "NextKeyMarker", key);
            writer.optional("NextUploadIdMarker", id.as_deref());
        }
        encoding.write(writer, "Prefix", prefix);
        if let Some(delimiter) = delimiter {
            encoding.write(writer, "Delimiter", delimiter);
        }
        encoding.tell(writer);
        writer.number("MaxUploads", limit as u64);
        writer.boolean("IsTruncated", page.next.is_some());
        for upload in &page.uploads {
            writer.within("Upload", |writer| {
                encoding.write(writer, "Key", upload.key.as_str());
                writer.text("UploadId", &upload.id.0);
                belonging(writer, upload, &ask.principal);
                writer.text("Initiated", &headers::iso8601(upload.created));
            });
        }
        for prefix in &page.prefixes {
            writer.within("CommonPrefixes", |writer| encoding.write(writer, "Prefix", prefix));
        }
    });
    Ok(Reply::xml(text).holding(share))
}

/// Whose an upload is, and what it will be.
fn belonging(writer: &mut Writer, upload: &Upload, principal: &Principal) {
    paging::owner(writer, "Initiator", principal);
    paging::owner(writer, "Owner", principal);
    writer.text("StorageClass", upload.metadata.system.storage_class.as_deref().unwrap_or("STANDARD"));
    let (algorithm, kind) = split_note(upload.checksum.as_deref());
    writer.optional("ChecksumAlgorithm", algorithm);
    writer.optional("ChecksumType", kind);
}
