//! Values that are stored as JSON. The model's types know nothing of it.
//!
//! # Invariants
//! - Each document says its version; one that was never written is damage.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::{AccessPolicy, CatalogError, Failure};
use crate::model::{
    AppendState, Checksum, ChecksumAlgorithm, ClientId, CopyRecord, CorsRule, Metadata, ShownMd5, SystemMetadata, Tags,
    Tier, Timestamp, check_bucket_tags,
};

const METADATA_VERSION: u32 = 1;

/// Most parts of an upload. Source: S3 "Multipart upload limits".
pub(super) const MOST_PARTS: u32 = 10_000;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredMetadata {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_encoding: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_disposition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cache_control: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    website_redirect: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    storage_class: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    user: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_md5: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<StoredChecksum>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: Tags,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    append: Option<StoredAppend>,
    /// Absent: that of the content. Empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shown_md5: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tier: Option<StoredTier>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    copied: Option<StoredCopy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredAppend {
    blocks: u32,
    #[serde(default)]
    closed: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredTier {
    name: String,
    changed: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredCopy {
    id: String,
    source: String,
    finished: i64,
    length: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredPolicy {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expiry: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    permissions: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    set_by: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    origins: Vec<String>,
    methods: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exposed: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredChecksum {
    algorithm: String,
    value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parts: Option<u32>,
}

/// A run of parts of equal length: how long, how many.
#[derive(Serialize, Deserialize)]
struct Run(u64, u32);

pub(super) fn write_metadata(metadata: &Metadata) -> Result<String, CatalogError> {
    let Metadata { system, user, content_md5, checksums, tags, append, shown_md5, tier, created, copied, owner } =
        metadata.clone();
    write(&StoredMetadata {
        v: METADATA_VERSION,
        content_type: system.content_type,
        content_encoding: system.content_encoding,
        content_language: system.content_language,
        content_disposition: system.content_disposition,
        cache_control: system.cache_control,
        expires: system.expires,
        website_redirect: system.website_redirect,
        storage_class: system.storage_class,
        user,
        content_md5: content_md5.map(hex::encode),
        checksums: checksums.iter().map(StoredChecksum::of).collect(),
        tags,
        append: append.map(|AppendState { blocks, closed }| StoredAppend { blocks, closed }),
        shown_md5: match shown_md5 {
            ShownMd5::OfContent => None,
            ShownMd5::Given(md5) => Some(md5.map(hex::encode).unwrap_or_default()),
        },
        tier: tier.map(|Tier { name, changed }| StoredTier { name, changed: changed.0 }),
        created: created.map(|at| at.0),
        owner: owner.as_ref().map(|owner| owner.as_str().to_owned()),
        copied: copied.map(|copy| StoredCopy {
            id: copy.id,
            source: copy.source,
            finished: copy.finished.0,
            length: copy.length,
        }),
    })
}

pub(super) fn read_metadata(text: &str) -> Result<Metadata, CatalogError> {
    let stored: StoredMetadata = read(text)?;
    if stored.v != METADATA_VERSION {
        return Err(CatalogError::Failed(Failure::Damaged("metadata of an unknown version")));
    }
    Ok(Metadata {
        system: SystemMetadata {
            content_type: stored.content_type,
            content_encoding: stored.content_encoding,
            content_language: stored.content_language,
            content_disposition: stored.content_disposition,
            cache_control: stored.cache_control,
            expires: stored.expires,
            website_redirect: stored.website_redirect,
            storage_class: stored.storage_class,
        },
        user: stored.user,
        content_md5: stored.content_md5.map(|text| read_md5(&text)).transpose()?,
        checksums: stored.checksums.iter().map(StoredChecksum::value).collect::<Result<_, _>>()?,
        tags: stored.tags,
        append: stored.append.map(|StoredAppend { blocks, closed }| AppendState { blocks, closed }),
        shown_md5: match stored.shown_md5.as_deref() {
            None => ShownMd5::OfContent,
            Some("") => ShownMd5::Given(None),
            Some(text) => ShownMd5::Given(Some(read_md5(text)?)),
        },
        tier: stored.tier.map(|StoredTier { name, changed }| Tier { name, changed: Timestamp(changed) }),
        created: stored.created.map(Timestamp),
        owner: stored
            .owner
            .map(|owner| ClientId::parse(&owner))
            .transpose()
            .map_err(|_invalid| CatalogError::Failed(Failure::Damaged("an invalid client")))?,
        copied: stored.copied.map(|StoredCopy { id, source, finished, length }| {
            Box::new(CopyRecord { id, source, finished: Timestamp(finished), length })
        }),
    })
}

/// Tags as they lie beside a name: nothing where there are none.
pub(super) fn write_tags(tags: &Tags) -> Result<Option<String>, CatalogError> {
    if tags.is_empty() { Ok(None) } else { write(tags).map(Some) }
}

pub(super) fn read_tags(text: Option<&str>) -> Result<Tags, CatalogError> {
    text.map_or_else(|| Ok(Tags::new()), read)
}

/// Tags of a bucket.
pub(super) fn write_bucket_tags(tags: &Tags) -> Result<String, CatalogError> {
    write(tags)
}

pub(super) fn read_bucket_tags(text: &str) -> Result<Tags, CatalogError> {
    let tags = read(text)?;
    check_bucket_tags(&tags)
        .map_err(|_fault| CatalogError::Failed(Failure::Damaged("tags that no bucket may have")))?;
    Ok(tags)
}

/// User metadata of a bucket.
pub(super) fn write_user(user: &BTreeMap<String, String>) -> Result<String, CatalogError> {
    write(user)
}

pub(super) fn read_user(text: &str) -> Result<BTreeMap<String, String>, CatalogError> {
    read(text)
}

pub(super) fn write_policies(policies: &[AccessPolicy]) -> Result<String, CatalogError> {
    let stored = |policy: AccessPolicy| {
        let AccessPolicy { id, start, expiry, permissions, set_by } = policy;
        StoredPolicy { id, start, expiry, permissions, set_by: set_by.map(|client| client.as_str().to_owned()) }
    };
    write(&policies.iter().cloned().map(stored).collect::<Vec<_>>())
}

pub(super) fn read_policies(text: &str) -> Result<Vec<AccessPolicy>, CatalogError> {
    let value = |stored: StoredPolicy| {
        let StoredPolicy { id, start, expiry, permissions, set_by } = stored;
        let client = |text: String| {
            ClientId::parse(&text).map_err(|_cause| CatalogError::Failed(Failure::Damaged("a client's id")))
        };
        Ok(AccessPolicy { id, start, expiry, permissions, set_by: set_by.map(client).transpose()? })
    };
    read::<Vec<StoredPolicy>>(text)?.into_iter().map(value).collect()
}

/// Rules for the pages of other origins.
pub(super) fn write_cors(rules: &[CorsRule]) -> Result<String, CatalogError> {
    let stored = |rule: CorsRule| {
        let CorsRule { id, origins, methods, headers, exposed, max_age } = rule;
        StoredRule { id, origins, methods, headers, exposed, max_age }
    };
    write(&rules.iter().cloned().map(stored).collect::<Vec<_>>())
}

pub(super) fn read_cors(text: &str) -> Result<Vec<CorsRule>, CatalogError> {
    let value = |stored: StoredRule| {
        let StoredRule { id, origins, methods, headers, exposed, max_age } = stored;
        let rule = CorsRule { id, origins, methods, headers, exposed, max_age };
        if rule.is_sound() {
            Ok(rule)
        } else {
            Err(CatalogError::Failed(Failure::Damaged("a rule of CORS that is none")))
        }
    };
    read::<Vec<StoredRule>>(text)?.into_iter().map(value).collect()
}

pub(super) fn write_checksums(checksums: &[Checksum]) -> Result<String, CatalogError> {
    write(&checksums.iter().map(StoredChecksum::of).collect::<Vec<_>>())
}

pub(super) fn read_checksums(text: &str) -> Result<Vec<Checksum>, CatalogError> {
    read::<Vec<StoredChecksum>>(text)?.iter().map(StoredChecksum::value).collect()
}

/// Parts' lengths as runs, since nearly all are equal: `[[8388608,9999],[17,1]]`.
pub(super) fn write_lengths(lengths: &[u64]) -> Result<String, CatalogError> {
    let mut runs: Vec<Run> = Vec::new();
    for length in lengths {
        match runs.last_mut() {
            Some(Run(same, count)) if same == length => *count += 1,
            _ => runs.push(Run(*length, 1)),
        }
    }
    write(&runs)
}

pub(super) fn read_lengths(text: &str) -> Result<Vec<u64>, CatalogError> {
    let runs: Vec<Run> = read(text)?;
    if runs.iter().fold(0_u32, |sum, Run(_, count)| sum.saturating_add(*count)) > MOST_PARTS {
        return Err(CatalogError::Failed(Failure::Damaged("a version of more parts than an upload may have")));
    }
    Ok(runs.iter().flat_map(|Run(length, count)| (0..*count).map(|_| *length)).collect())
}

impl StoredChecksum {
    fn of(checksum: &Checksum) -> Self {
        Self {
            algorithm: checksum.algorithm.as_str().to_owned(),
            value: hex::encode(&checksum.value),
            parts: checksum.parts,
        }
    }

    fn value(&self) -> Result<Checksum, CatalogError> {
        Ok(Checksum {
            algorithm: ChecksumAlgorithm::parse(&self.algorithm)
                .ok_or(CatalogError::Failed(Failure::Damaged("a checksum of unknown algorithm")))?,
            value: hex::decode(&self.value)
                .map_err(|_text| CatalogError::Failed(Failure::Damaged("a checksum that is not hex")))?,
            parts: self.parts,
        })
    }
}

fn read_md5(text: &str) -> Result<[u8; 16], CatalogError> {
    let mut digest = [0; 16];
    hex::decode_to_slice(text, &mut digest)
        .map_err(|_text| CatalogError::Failed(Failure::Damaged("an MD5 that is not one")))?;
    Ok(digest)
}

fn write<T: Serialize>(value: &T) -> Result<String, CatalogError> {
    serde_json::to_string(value)
        .map_err(|_error| CatalogError::Failed(Failure::Misused("a value that cannot be stored")))
}

fn read<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, CatalogError> {
    serde_json::from_str(text)
        .map_err(|_error| CatalogError::Failed(Failure::Damaged("a stored value that cannot be read")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_come_back_and_take_little_room() {
        let mut lengths = vec![8 << 20; 9_999];
        lengths.push(17);
        let text = write_lengths(&lengths).unwrap();
        assert_eq!(text, "[[8388608,9999],[17,1]]");
        assert_eq!(read_lengths(&text).unwrap(), lengths);
        assert!(read_lengths("[[1,4000000000]]").is_err());
    }

    #[test]
    fn metadata_of_a_version_never_written_is_refused() {
        assert!(read_metadata(r#"{"v":2}"#).is_err());
        assert!(read_metadata(r#"{"v":1,"other":1}"#).is_err());
        assert_eq!(read_metadata(r#"{"v":1}"#).unwrap(), Metadata::default());
    }
}
