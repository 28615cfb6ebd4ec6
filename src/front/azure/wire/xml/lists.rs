//! Lists of containers and of blobs, and what a search by tags found.
//!
//! Source: "List Containers", "List Blobs" (the order of elements is its), "Find Blobs by Tags".

use super::super::shown::{ShownLease, written};
use super::write::name;
use crate::front::http_date;
use crate::front::xml::Writer;
use crate::gateway::Found;
use crate::model::{CopyRecord, Tags};

/// A page of containers.
pub(in crate::front::azure) struct ContainersPage<'p> {
    /// The account's address.
    pub(in crate::front::azure) endpoint: &'p str,
    /// What was asked.
    pub(in crate::front::azure) prefix: Option<&'p str>,
    /// What was asked.
    pub(in crate::front::azure) marker: Option<&'p str>,
    /// What was asked.
    pub(in crate::front::azure) max_results: Option<usize>,
    /// The containers.
    pub(in crate::front::azure) containers: Vec<ListedContainer>,
    /// Where the next page begins.
    pub(in crate::front::azure) next: Option<String>,
}

/// A container in a list.
pub(in crate::front::azure) struct ListedContainer {
    /// Its name.
    pub(in crate::front::azure) name: String,
    /// When it changed, as HTTP writes it.
    pub(in crate::front::azure) modified: String,
    /// Its tag; the quotes are written here.
    pub(in crate::front::azure) etag: String,
    /// Its lease.
    pub(in crate::front::azure) lease: ShownLease,
    /// Its metadata, when asked for.
    pub(in crate::front::azure) user: Option<Vec<(String, String)>>,
    /// Present when it was deleted and is kept.
    pub(in crate::front::azure) gone: Option<GoneContainer>,
}

/// What a list says of a container that was deleted.
pub(in crate::front::azure) struct GoneContainer {
    /// Which of those that had the name.
    pub(in crate::front::azure) version: String,
    /// When it was deleted, as HTTP writes it.
    pub(in crate::front::azure) deleted: String,
    /// For how many days it is kept yet.
    pub(in crate::front::azure) remaining_days: i64,
}

/// A page of blobs.
pub(in crate::front::azure) struct BlobsPage<'p> {
    /// The account's address.
    pub(in crate::front::azure) endpoint: &'p str,
    /// The container's name.
    pub(in crate::front::azure) container: &'p str,
    /// What was asked.
    pub(in crate::front::azure) prefix: Option<&'p str>,
    /// What was asked.
    pub(in crate::front::azure) marker: Option<&'p str>,
    /// What was asked.
    pub(in crate::front::azure) max_results: Option<usize>,
    /// What was asked.
    pub(in crate::front::azure) delimiter: Option<&'p str>,
    /// Blobs and prefixes, in order.
    pub(in crate::front::azure) entries: Vec<BlobEntry>,
    /// Where the next page begins.
    pub(in crate::front::azure) next: Option<String>,
}

/// What a page of blobs is made of.
pub(in crate::front::azure) enum BlobEntry {
    /// A blob.
    Blob(Box<ListedBlob>),
    /// What the names of several blobs begin with.
    Prefix(String),
}

/// A blob in a list. What is `None` is left out.
#[derive(Default)]
pub(in crate::front::azure) struct ListedBlob {
    /// Its name.
    pub(in crate::front::azure) name: String,
    /// Of which snapshot.
    pub(in crate::front::azure) snapshot: Option<String>,
    /// Whether it was deleted, and is kept.
    pub(in crate::front::azure) deleted: bool,
    /// When it came to be, as HTTP writes it.
    pub(in crate::front::azure) created: Option<String>,
    /// When it changed, as HTTP writes it.
    pub(in crate::front::azure) modified: Option<String>,
    /// Its tag, without quotes.
    pub(in crate::front::azure) etag: Option<String>,
    /// Its length.
    pub(in crate::front::azure) length: u64,
    /// As the client set it.
    pub(in crate::front::azure) content_type: Option<String>,
    /// As the client set it.
    pub(in crate::front::azure) content_encoding: Option<String>,
    /// As the client set it.
    pub(in crate::front::azure) content_language: Option<String>,
    /// Base64.
    pub(in crate::front::azure) content_md5: Option<String>,
    /// As the client set it.
    pub(in crate::front::azure) content_disposition: Option<String>,
    /// As the client set it.
    pub(in crate::front::azure) cache_control: Option<String>,
    /// `BlockBlob` or `AppendBlob`.
    pub(in crate::front::azure) blob_type: Option<&'static str>,
    /// Its tier.
    pub(in crate::front::azure) tier: Option<String>,
    /// Whether nobody chose the tier.
    pub(in crate::front::azure) tier_inferred: bool,
    /// When the tier was chosen, as HTTP writes it.
    pub(in crate::front::azure) tier_changed: Option<String>,
    /// Its lease.
    pub(in crate::front::azure) lease: Option<ShownLease>,
    /// The copy that made it, when asked for.
    pub(in crate::front::azure) copied: Option<Box<CopyRecord>>,
    /// How many tags it has.
    pub(in crate::front::azure) tag_count: usize,
    /// Whether it takes no more appends.
    pub(in crate::front::azure) sealed: bool,
    /// When it was deleted, as HTTP writes it.
    pub(in crate::front::azure) deleted_time: Option<String>,
    /// For how many days it is kept yet.
    pub(in crate::front::azure) remaining_days: Option<i64>,
    /// Its metadata, when asked for.
    pub(in crate::front::azure) user: Option<Vec<(String, String)>>,
    /// Its tags, when asked for.
    pub(in crate::front::azure) tags: Option<Tags>,
}

/// List Containers.
pub(in crate::front::azure) fn containers(page: &ContainersPage<'_>) -> String {
    let mut writer = Writer::new();
    writer.with("EnumerationResults", &[("ServiceEndpoint", page.endpoint)], |writer| {
        asked(writer, page.prefix, page.marker, page.max_results);
        writer.within("Containers", |writer| {
            for listed in &page.containers {
                writer.within("Container", |writer| container(writer, listed));
            }
        });
        writer.text("NextMarker", page.next.as_deref().unwrap_or_default());
    });
    writer.done()
}

fn container(writer: &mut Writer, listed: &ListedContainer) {
    writer.text("Name", &listed.name);
    if let Some(gone) = &listed.gone {
        writer.text("Version", &gone.version);
        writer.text("Deleted", "true");
    }
    writer.within("Properties", |writer| {
        writer.text("Last-Modified", &listed.modified);
        writer.text("Etag", &format!("\"{}\"", listed.etag.trim_matches('"')));
        lease(writer, &listed.lease);
        writer.text("HasImmutabilityPolicy", "false");
        writer.text("HasLegalHold", "false");
        if let Some(gone) = &listed.gone {
            writer.text("DeletedTime", &gone.deleted);
            writer.text("RemainingRetentionDays", &gone.remaining_days.to_string());
        }
    });
    user(writer, listed.user.as_deref());
}

/// List Blobs.
pub(in crate::front::azure) fn blobs(page: &BlobsPage<'_>) -> String {
    let mut writer = Writer::new();
    let attributes = [("ServiceEndpoint", page.endpoint), ("ContainerName", page.container)];
    writer.with("EnumerationResults", &attributes, |writer| {
        asked(writer, page.prefix, page.marker, page.max_results);
        writer.optional("Delimiter", page.delimiter);
        writer.within("Blobs", |writer| {
            for entry in &page.entries {
                match entry {
                    BlobEntry::Blob(listed) => writer.within("Blob", |writer| blob(writer, listed)),
                    BlobEntry::Prefix(prefix) => writer.within("BlobPrefix", |writer| name(writer, prefix)),
                }
            }
        });
        writer.text("NextMarker", page.next.as_deref().unwrap_or_default());
    });
    writer.done()
}

fn blob(writer: &mut Writer, listed: &ListedBlob) {
    name(writer, &listed.name);
    writer.optional("Deleted", listed.deleted.then_some("true"));
    writer.optional("Snapshot", listed.snapshot.as_deref());
    writer.within("Properties", |writer| properties(writer, listed));
    user(writer, listed.user.as_deref());
    if let Some(tags) = listed.tags.as_ref().filter(|tags| !tags.is_empty()) {
        writer.within("Tags", |writer| writer.tag_set(tags));
    }
}

fn properties(writer: &mut Writer, listed: &ListedBlob) {
    writer.optional("Creation-Time", listed.created.as_deref());
    writer.optional("Last-Modified", listed.modified.as_deref());
    writer.optional("Etag", listed.etag.as_deref());
    writer.text("Content-Length", &listed.length.to_string());
    writer.optional("Content-Type", listed.content_type.as_deref());
    writer.optional("Content-Encoding", listed.content_encoding.as_deref());
    writer.optional("Content-Language", listed.content_language.as_deref());
    writer.optional("Content-MD5", listed.content_md5.as_deref());
    writer.optional("Cache-Control", listed.cache_control.as_deref());
    writer.optional("Content-Disposition", listed.content_disposition.as_deref());
    writer.optional("BlobType", listed.blob_type);
    writer.optional("AccessTier", listed.tier.as_deref());
    writer.optional("AccessTierInferred", listed.tier_inferred.then_some("true"));
    writer.optional("AccessTierChangeTime", listed.tier_changed.as_deref());
    if let Some(shown) = &listed.lease {
        lease(writer, shown);
    }
    if let Some(record) = &listed.copied {
        writer.text("CopyId", &record.id);
        writer.text("CopyStatus", "success");
        writer.text("CopySource", &record.source);
        writer.text("CopyProgress", &format!("{0}/{0}", record.length));
        writer.text("CopyCompletionTime", &http_date::written(record.finished));
    }
    writer.text("ServerEncrypted", "true");
    writer.optional("Sealed", listed.sealed.then_some("true"));
    if listed.tag_count > 0 {
        writer.text("TagCount", &listed.tag_count.to_string());
    }
    writer.optional("DeletedTime", listed.deleted_time.as_deref());
    if let Some(days) = listed.remaining_days {
        writer.text("RemainingRetentionDays", &days.to_string());
    }
}

/// What was asked, in every list.
fn asked(writer: &mut Writer, prefix: Option<&str>, marker: Option<&str>, max_results: Option<usize>) {
    writer.optional("Prefix", prefix);
    writer.optional("Marker", marker);
    if let Some(most) = max_results {
        writer.text("MaxResults", &most.to_string());
    }
}

fn lease(writer: &mut Writer, shown: &ShownLease) {
    writer.text("LeaseStatus", shown.status);
    writer.text("LeaseState", shown.state);
    writer.optional("LeaseDuration", shown.duration);
}

/// Metadata. A name that cannot be an element's is left out, as one that cannot be a header's is elsewhere.
fn user(writer: &mut Writer, user: Option<&[(String, String)]>) {
    let Some(user) = user else { return };
    writer.within("Metadata", |writer| {
        for (name, value) in user.iter().filter(|(name, _)| is_name(name)) {
            writer.text(name, &written(value));
        }
    });
}

/// Whether XML has such a name: of ASCII, as names of headers are.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// Find Blobs by Tags: what `expression` found.
pub(in crate::front::azure) fn found(endpoint: &str, expression: &str, found: &[Found], next: Option<&str>) -> String {
    let mut writer = Writer::new();
    writer.with("EnumerationResults", &[("ServiceEndpoint", endpoint)], |writer| {
        writer.text("Where", expression);
        writer.within("Blobs", |writer| {
            for one in found {
                writer.within("Blob", |writer| {
                    name(writer, one.key.as_str());
                    writer.text("ContainerName", one.bucket.as_str());
                    writer.within("Tags", |writer| writer.tag_set(&one.tags));
                });
            }
        });
        writer.text("NextMarker", next.unwrap_or_default());
    });
    writer.done()
}

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
