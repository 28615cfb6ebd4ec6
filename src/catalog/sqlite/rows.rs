//! From columns to values and back. A column that holds what was never written there is damage, not a default.

use rusqlite::{Connection, OptionalExtension, Row};

use super::encoding;
use crate::catalog::{CatalogError, Failure, Refusal, Version, VersionId};
use crate::model::{BucketName, BucketRef, ETag, Lease, ObjectKey, PartId, ProviderName, TenantId, Timestamp};

/// The first byte of the key that waiting blocks have which are going, as an SQL literal (`blocks::discard`).
/// No client's key begins so: keys are UTF-8 ([`ObjectKey`]), in which this byte does not occur (RFC 3629 §1), and a row whose
/// key is none is never read as one ([`key`]). It is above every key.
macro_rules! going {
    () => {
        "x'ff'"
    };
}
pub(super) use going;

/// The same, as a byte.
pub(super) const GOING: u8 = 0xff;

/// What [`version`] reads, of a current version: a seek in `lease` finds that there is none.
/// Begins a statement that goes on with `WHERE`.
pub(super) const CURRENT_VERSION: &str = "SELECT version.version_id, version.key, version.length, version.etag,
        version.modified, version.metadata, version.part_lengths, version.revision,
        lease.lease_id, lease.duration, lease.expires, lease.breaks, version.upload_id, version.completion
    FROM version LEFT JOIN lease ON lease.bucket_id = version.bucket_id AND lease.key = version.key";

/// What [`version`] reads, of one that is not current: it has no lease. Begins a statement that goes on with `WHERE`.
pub(super) const PAST_VERSION: &str =
    "SELECT version_id, key, length, etag, modified, metadata, part_lengths, revision,
        NULL, NULL, NULL, NULL FROM version";

pub(super) fn version(row: &Row<'_>) -> Result<Version, CatalogError> {
    Ok(Version {
        id: VersionId(row.get(0)?),
        key: key(row.get(1)?)?,
        length: number(row.get(2)?)?,
        etag: etag(&row.get::<_, String>(3)?)?,
        modified: Timestamp(row.get(4)?),
        metadata: encoding::read_metadata(&row.get::<_, String>(5)?)?,
        part_lengths: encoding::read_lengths(&row.get::<_, String>(6)?)?,
        revision: row.get(7)?,
        snapshot: None,
        lease: lease(row, 8)?,
    })
}

/// A lease from the columns lease_id, duration, expires, breaks.
pub(super) fn lease(row: &Row<'_>, first: usize) -> Result<Option<Lease>, CatalogError> {
    let Some(id) = row.get::<_, Option<String>>(first)? else { return Ok(None) };
    Ok(Some(Lease {
        id,
        duration_seconds: row.get::<_, Option<i64>>(first + 1)?.map(number).transpose()?,
        expires: row.get::<_, Option<i64>>(first + 2)?.map(Timestamp),
        breaks: row.get::<_, Option<i64>>(first + 3)?.map(Timestamp),
    }))
}

/// A number to store.
pub(super) fn stored(number: u64) -> Result<i64, CatalogError> {
    i64::try_from(number)
        .map_err(|_too_large| CatalogError::Failed(Failure::Misused("a number beyond what can be stored")))
}

/// A limit to give to SQLite.
pub(super) fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Fails when what a page shows is not behind the place where the page begins, each behind the one before. Whoever pages through
/// a damaged index would go round for ever otherwise.
pub(super) fn onward<K: PartialOrd>(after: Option<K>, keys: impl IntoIterator<Item = K>) -> Result<(), CatalogError> {
    let mut last = after;
    for key in keys {
        if last.is_some_and(|last| last >= key) {
            return Err(CatalogError::Failed(Failure::Damaged("rows that are not in their order")));
        }
        last = Some(key);
    }
    Ok(())
}

/// A number that was stored.
pub(super) fn number<N: TryFrom<i64>>(stored: i64) -> Result<N, CatalogError> {
    N::try_from(stored).map_err(|_outside| CatalogError::Failed(Failure::Damaged("a number out of range")))
}

pub(super) fn key(bytes: Vec<u8>) -> Result<ObjectKey, CatalogError> {
    let text =
        String::from_utf8(bytes).map_err(|_bytes| CatalogError::Failed(Failure::Damaged("a key that is not UTF-8")))?;
    ObjectKey::parse(&text).map_err(|_invalid| CatalogError::Failed(Failure::Damaged("an invalid key")))
}

pub(super) fn etag(text: &str) -> Result<ETag, CatalogError> {
    ETag::parse(text).ok_or(CatalogError::Failed(Failure::Damaged("an invalid tag")))
}

pub(super) fn tenant(text: &str) -> Result<TenantId, CatalogError> {
    TenantId::parse(text).map_err(|_invalid| CatalogError::Failed(Failure::Damaged("an invalid tenant")))
}

pub(super) fn bucket_name(text: &str) -> Result<BucketName, CatalogError> {
    BucketName::parse(text).map_err(|_invalid| CatalogError::Failed(Failure::Damaged("an invalid bucket name")))
}

pub(super) fn provider(text: &str) -> Result<ProviderName, CatalogError> {
    ProviderName::parse(text).map_err(|_invalid| CatalogError::Failed(Failure::Damaged("an invalid provider name")))
}

pub(super) fn part_id(row: &Row<'_>, column: usize) -> Result<PartId, CatalogError> {
    Ok(PartId(row.get(column)?))
}

/// The bucket's row id.
pub(super) fn bucket_id(db: &Connection, bucket: &BucketRef) -> Result<i64, CatalogError> {
    db.prepare_cached("SELECT bucket_id FROM bucket WHERE tenant = ?1 AND name = ?2")?
        .query_row([bucket.tenant.as_str(), bucket.name.as_str()], |row| row.get(0))
        .optional()?
        .ok_or(CatalogError::Refused(Refusal::NoSuchBucket))
}

/// A fresh id for a version or a content.
pub(super) fn next_content(db: &Connection) -> Result<i64, CatalogError> {
    let sql = "UPDATE counter SET value = value + 1 WHERE name = 'content' RETURNING value";
    Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_leads_back_is_damage() {
        for (after, keys) in [(None, vec![]), (None, vec![1, 2, 9]), (Some(3), vec![4, 5]), (Some(3), vec![])] {
            assert!(onward(after, keys.clone()).is_ok(), "{after:?} {keys:?}");
        }
        for (after, keys) in [(None, vec![2, 1]), (None, vec![1, 1]), (Some(3), vec![3]), (Some(3), vec![9, 1])] {
            let told = onward(after, keys.clone());
            assert!(matches!(told, Err(CatalogError::Failed(Failure::Damaged(_)))), "{after:?} {keys:?}");
        }
    }

    #[test]
    fn no_name_of_an_object_begins_as_the_key_of_what_is_going_nor_is_such_a_key_read_as_one() {
        // A key is made of a text, which is UTF-8.
        let _parses: fn(&str) -> _ = ObjectKey::parse;
        for char in '\0'..=char::MAX {
            let mut bytes = [0; 4];
            let text = char.encode_utf8(&mut bytes);
            assert!(!text.as_bytes().contains(&GOING), "{char:?}");
            if let Ok(name) = ObjectKey::parse(text) {
                assert!(name.as_bytes() < &[GOING][..]);
            }
        }
        for rest in [&b""[..], b"1", b"1234567890", b"a/b"] {
            assert!(key([&[GOING], rest].concat()).is_err());
        }
        let db = Connection::open_in_memory().unwrap();
        let literal: Vec<u8> = db.query_row(concat!("SELECT ", going!()), [], |row| row.get(0)).unwrap();
        assert_eq!(literal, [GOING]);
    }
}
