//! List Containers, List Blobs.

use http::StatusCode;

use crate::front::azure::admission::ask::Ask;
use crate::front::azure::wire::asked::Asked;
use crate::front::azure::wire::codes::Code;
use crate::front::azure::wire::refusal::Refusal;
use crate::front::azure::wire::shown::{self, DEFAULT_CONTENT_TYPE, ShownLease};
use crate::front::azure::wire::tokens;
use crate::front::azure::wire::xml::{
    self, BlobEntry, BlobsPage, ContainersPage, GoneContainer, ListedBlob, ListedContainer,
};
use crate::front::http_date;
use crate::front::reply::Reply;
use crate::front::token;
use crate::gateway::{
    Bucket, BucketLine, GoneBucket, ListBuckets, ListEntry, ListExtras, ListObjects, ListStart, Retained,
};
use crate::model::{BucketName, ETag, Lease, Metadata, Timestamp};

/// Most entries of a page. Source: "List Blobs", "List Containers".
const MOST_RESULTS: usize = 5000;
const DAY_MS: i64 = 86_400_000;
/// What markers of containers and of blobs are sealed for.
const CONTAINERS: &str = "azure/containers";
const BLOBS: &str = "azure/blobs";

/// What `include` asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Include {
    snapshots: bool,
    metadata: bool,
    uncommitted: bool,
    copy: bool,
    deleted: bool,
    tags: bool,
}

/// List Containers.
pub(in crate::front::azure) async fn containers(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let include = include(&ask.asked, &["metadata", "deleted", "system"])?;
    let limit = limit(&ask.asked)?;
    let prefix = ask.asked.parameter("prefix").filter(|text| !text.is_empty());
    let marker = ask.asked.parameter("marker").filter(|text| !text.is_empty());
    let after = match marker {
        None => None,
        Some(text) => {
            let place = ask.read_marker(&[CONTAINERS], text)?.and_then(|place| tokens::parse_place(&place));
            Some(place.ok_or_else(|| bad_marker(text))?)
        }
    };
    let op = ListBuckets {
        prefix: prefix.unwrap_or_default().to_owned(),
        after,
        limit: Some(limit),
        with_user_metadata: include.metadata,
        gone: include.deleted,
    };
    let (page, share) = ask.house.gateway.list_buckets(ask.may(op)?).await.map_err(|error| ask.refuse(error))?;
    let next = page.next.map(|place| ask.marker(&[CONTAINERS], &tokens::place_bytes(&place))).transpose()?;
    let shown = page.entries.into_iter().map(|entry| match entry {
        BucketLine::There(bucket) => container(bucket, include),
        BucketLine::Gone(gone) => gone_container(gone, include),
    });
    let text = xml::containers(&ContainersPage {
        endpoint: &ask.endpoint(),
        prefix,
        marker,
        max_results: ask.asked.parameter("maxresults").map(|_| limit),
        containers: shown.collect(),
        next,
    });
    Ok(Reply::xml(text).holding(share))
}

fn container(bucket: Bucket, include: Include) -> ListedContainer {
    ListedContainer {
        modified: http_date::written(bucket.modified),
        etag: format!("\"{}\"", bucket.state_tag()),
        lease: ShownLease::of(bucket.lease.as_ref()),
        user: include.metadata.then(|| bucket.user.into_iter().collect()),
        name: bucket.name.as_str().to_owned(),
        gone: None,
    }
}

fn gone_container(gone: GoneBucket, include: Include) -> ListedContainer {
    let shown = GoneContainer {
        version: shown::gone(gone.id),
        deleted: http_date::written(gone.retained.deleted),
        remaining_days: remaining_days(gone.retained),
    };
    ListedContainer { gone: Some(shown), ..container(gone.bucket, include) }
}

/// For how many days something is retained yet.
fn remaining_days(retained: Retained) -> i64 {
    retained.until.0.saturating_sub(Timestamp::steady().0).max(0) / DAY_MS
}

/// List Blobs, flat or by hierarchy.
pub(in crate::front::azure) async fn blobs(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let include = include(
        &ask.asked,
        &[
            "snapshots",
            "metadata",
            "uncommittedblobs",
            "copy",
            "deleted",
            "tags",
            "versions",
            "deletedwithversions",
            "immutabilitypolicy",
            "legalhold",
        ],
    )?;
    let limit = limit(&ask.asked)?;
    let value = |name| ask.asked.parameter(name).filter(|text| !text.is_empty());
    let (prefix, delimiter, marker) = (value("prefix"), value("delimiter"), value("marker"));
    let bucket = ask.bucket()?;
    let list = [BLOBS, bucket.as_str()];
    let start = match (marker, value("startfrom")) {
        (Some(text), _) => {
            let start = ask.read_marker(&list, text)?.and_then(|start| token::parse_start(&start));
            start.ok_or_else(|| bad_marker(text))?
        }
        (None, Some(text)) => ListStart::At(text.to_owned()),
        (None, None) => ListStart::First,
    };
    if let Some(text) = value("endbefore") {
        return Err(Refusal::invalid_parameter("endbefore", text));
    }
    if let Some(only) = value("showonly") {
        return Err(Refusal::invalid_parameter("showonly", only));
    }
    let op = ask.may(ListObjects {
        bucket: bucket.clone(),
        prefix: prefix.unwrap_or_default().to_owned(),
        delimiter: delimiter.map(str::to_owned),
        start,
        limit,
        with_metadata: true,
        with_user_metadata: include.metadata,
        extras: ListExtras { snapshots: include.snapshots, uncommitted: include.uncommitted, deleted: include.deleted },
    })?;
    let (page, share) = ask.house.gateway.list_objects(op).await.map_err(|error| ask.refuse(error))?;
    let next = page.next.as_ref().map(|next| ask.marker(&list, &token::start_bytes(next))).transpose()?;
    let entries = page.entries.into_iter().map(|entry| shown_entry(entry, include, ask, &bucket)).collect();
    let text = xml::blobs(&BlobsPage {
        endpoint: &ask.endpoint(),
        container: ask.asked.target.container.as_deref().unwrap_or_default(),
        prefix,
        marker,
        max_results: ask.asked.parameter("maxresults").map(|_| limit),
        delimiter,
        entries,
        next,
    });
    Ok(Reply::xml(text).holding(share))
}

/// The size of a page.
pub(in crate::front::azure) fn limit(asked: &Asked<'_>) -> Result<usize, Refusal> {
    let Some(text) = asked.parameter("maxresults") else { return Ok(MOST_RESULTS) };
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<usize>() {
        Ok(0) => Err(Refusal::parameter_out_of_range("maxresults", text)),
        Ok(limit) if digits => Ok(limit.min(MOST_RESULTS)),
        Err(_) if digits => Err(Refusal::parameter_out_of_range("maxresults", text)),
        _ if text
            .strip_prefix('-')
            .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()) && !rest.is_empty()) =>
        {
            Err(Refusal::parameter_out_of_range("maxresults", text))
        }
        _ => Err(Refusal::invalid_parameter("maxresults", text)),
    }
}

/// 400: a marker that was not given out.
pub(in crate::front::azure) fn bad_marker(text: &str) -> Refusal {
    let said = "One of the request inputs is out of range.";
    Refusal::new(StatusCode::BAD_REQUEST, Code::OutOfRangeInput, said)
        .detail("QueryParameterName", "marker")
        .detail("QueryParameterValue", text)
}

fn include(asked: &Asked<'_>, known: &[&str]) -> Result<Include, Refusal> {
    let mut include = Include::default();
    let text = asked.parameter("include").unwrap_or_default();
    for word in text.split(',').filter(|word| !word.is_empty()) {
        let word = word.to_ascii_lowercase();
        if !known.contains(&word.as_str()) {
            return Err(Refusal::invalid_parameter("include", text));
        }
        match word.as_str() {
            "snapshots" => include.snapshots = true,
            "metadata" => include.metadata = true,
            "uncommittedblobs" => include.uncommitted = true,
            "copy" => include.copy = true,
            "deleted" => include.deleted = true,
            "tags" => include.tags = true,
            // There are no versions, policies or holds to show.
            _ => {}
        }
    }
    Ok(include)
}

fn shown_entry(entry: ListEntry, include: Include, ask: &Ask<'_>, bucket: &BucketName) -> BlobEntry {
    match entry {
        ListEntry::Prefix(prefix) => BlobEntry::Prefix(prefix),
        ListEntry::Uncommitted { key, touched } => BlobEntry::Blob(Box::new(ListedBlob {
            name: key.as_str().to_owned(),
            created: Some(http_date::written(touched)),
            modified: Some(http_date::written(touched)),
            etag: Some(ETag::of_state(touched, 0).to_string()),
            blob_type: Some("BlockBlob"),
            lease: Some(lease_of(None)),
            ..ListedBlob::default()
        })),
        ListEntry::Object { key, length, modified, revision, metadata, lease, snapshot, retained, .. } => {
            let metadata = metadata.map_or_else(Metadata::default, |metadata| *metadata);
            let blob = listed(&metadata, modified);
            let mut blob = match ask.caller.reads(bucket, &key) {
                true => read(blob, metadata, include),
                false => blob,
            };
            blob.name = key.as_str().to_owned();
            blob.length = length;
            blob.modified = Some(http_date::written(modified));
            blob.etag = Some(ETag::of_state(modified, revision).to_string());
            blob.snapshot = snapshot.map(|id| id.to_string());
            blob.lease = (snapshot.is_none() && retained.is_none()).then(|| lease_of(lease.as_deref()));
            if let Some(retained) = retained {
                blob.deleted = true;
                blob.deleted_time = Some(http_date::written(retained.deleted));
                blob.remaining_days = Some(remaining_days(retained));
            }
            BlobEntry::Blob(Box::new(blob))
        }
    }
}

fn lease_of(lease: Option<&Lease>) -> ShownLease {
    ShownLease::of(lease)
}

/// What everybody may know who may list.
fn listed(metadata: &Metadata, modified: Timestamp) -> ListedBlob {
    let block_blob = metadata.append.is_none();
    ListedBlob {
        created: Some(http_date::written(metadata.created.unwrap_or(modified))),
        blob_type: Some(shown::blob_type(metadata)),
        tier: block_blob.then(|| shown::tier_of(metadata).to_owned()),
        tier_inferred: block_blob && metadata.tier.is_none(),
        tier_changed: metadata.tier.as_ref().filter(|_| block_blob).map(|tier| http_date::written(tier.changed)),
        sealed: metadata.append.as_ref().is_some_and(|state| state.closed),
        ..ListedBlob::default()
    }
}

/// The same with what only a reader may know.
fn read(blob: ListedBlob, metadata: Metadata, include: Include) -> ListedBlob {
    let content_md5 = shown::md5_of(&metadata);
    let Metadata { system, copied, tags, user, .. } = metadata;
    ListedBlob {
        content_type: Some(system.content_type.unwrap_or_else(|| DEFAULT_CONTENT_TYPE.to_owned())),
        content_encoding: system.content_encoding,
        content_language: system.content_language,
        content_disposition: system.content_disposition,
        cache_control: system.cache_control,
        content_md5,
        copied: copied.filter(|_| include.copy),
        tag_count: tags.len(),
        user: include.metadata.then(|| user.into_iter().collect()),
        tags: Some(tags).filter(|tags| include.tags && !tags.is_empty()),
        ..blob
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::azure::wire::asked::Sample;

    fn with<T>(query: &'static str, ask: impl FnOnce(&Asked<'_>) -> T) -> T {
        ask(&Sample { query, ..Sample::default() }.asked())
    }

    #[test]
    fn a_page_has_at_least_one_entry_and_at_most_five_thousand() {
        let code = |query: &'static str| with(query, limit).map_err(|refusal| refusal.code);
        assert_eq!(code(""), Ok(5000));
        assert_eq!(code("maxresults=1"), Ok(1));
        assert_eq!(code("maxresults=6000"), Ok(5000));
        assert_eq!(code("maxresults=99999999999999999999999"), Err("OutOfRangeQueryParameterValue"));
        assert_eq!(code("maxresults=0"), Err("OutOfRangeQueryParameterValue"));
        assert_eq!(code("maxresults=-1"), Err("OutOfRangeQueryParameterValue"));
        assert_eq!(code("maxresults=abc"), Err("InvalidQueryParameterValue"));
        assert_eq!(code("maxresults="), Err("InvalidQueryParameterValue"));
    }

    #[test]
    fn what_is_to_be_included_is_known_or_refused() {
        let known = ["metadata", "tags"];
        let both = with("include=metadata,TAGS", |asked| include(asked, &known)).unwrap();
        assert!(both.metadata && both.tags && !both.copy);
        assert!(with("include=", |asked| include(asked, &known)).is_ok());
        assert!(with("include=foo", |asked| include(asked, &known)).is_err());
    }
}
