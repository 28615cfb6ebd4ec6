//! Versions that are not current: snapshots, and what was deleted or replaced and is retained.
//!
//! # Invariants
//! - A row of `past` owns its version, as a row of `object` does.
//! - What was deleted as a current version lies under [`DELETED`]; there is at most one of a name.

use rusqlite::{Connection, OptionalExtension, params};

use super::objects::{self, Disposal};
use super::rows::{PAST_VERSION, bucket_id, limit, version};
use super::{blocks, buckets, encoding, slices, tags, uploads};
use crate::catalog::{CatalogError, Content, Version, VersionId};
use crate::model::{BucketRef, ByteRange, Conditions, ObjectKey, SnapshotId, Timestamp};

/// Where what was deleted as a current version lies among the snapshots of its name.
pub(super) const DELETED: i64 = i64::MAX - 1;

/// Whether there are snapshots of a name.
pub(super) fn has_snapshots(db: &Connection, bucket: i64, key: &[u8]) -> Result<bool, CatalogError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM past WHERE bucket_id = ?1 AND key = ?2 AND deleted IS NULL)";
    Ok(db.prepare_cached(sql)?.query_row(params![bucket, key], |row| row.get(0))?)
}

/// A current version was replaced: it goes, or is retained as a deleted snapshot.
pub(super) fn replaced(
    db: &Connection,
    bucket: i64,
    key: &[u8],
    version: i64,
    at: Timestamp,
    disposal: Disposal,
) -> Result<(), CatalogError> {
    if disposal.retention.is_none() {
        return erase(db, version, disposal.grace_until);
    }
    let id = free_id(db, bucket, key, SnapshotId::at(at))?;
    keep(db, bucket, key, id.0, version, at, disposal)
}

/// A current version was deleted: it goes, or is retained.
pub(super) fn deleted(
    db: &Connection,
    bucket: i64,
    key: &[u8],
    version: i64,
    at: Timestamp,
    disposal: Disposal,
) -> Result<(), CatalogError> {
    if disposal.retention.is_none() {
        return erase(db, version, disposal.grace_until);
    }
    keep(db, bucket, key, DELETED, version, at, disposal)
}

/// A name gets a new object: one that was deleted before and is retained lies among the snapshots from now on.
pub(super) fn make_way(db: &Connection, bucket: i64, key: &[u8]) -> Result<(), CatalogError> {
    let sql = "SELECT deleted FROM past WHERE bucket_id = ?1 AND key = ?2 AND snapshot = ?3";
    let found: Option<i64> =
        db.prepare_cached(sql)?.query_row(params![bucket, key, DELETED], |row| row.get(0)).optional()?;
    let Some(at) = found else { return Ok(()) };
    let id = free_id(db, bucket, key, SnapshotId::at(Timestamp(at)))?;
    db.prepare_cached("UPDATE past SET snapshot = ?4 WHERE bucket_id = ?1 AND key = ?2 AND snapshot = ?3")?
        .execute(params![bucket, key, DELETED, id.0])?;
    Ok(())
}

/// A snapshot that is there.
pub(super) fn head(db: &Connection, bucket: i64, key: &ObjectKey, id: SnapshotId) -> Result<Version, CatalogError> {
    let sql = format!(
        "{PAST_VERSION} WHERE version_id = (SELECT version_id FROM past WHERE bucket_id = ?1 AND key = ?2
             AND snapshot = ?3 AND deleted IS NULL)"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params![bucket, key.as_bytes(), id.0])?;
    let found = rows.next()?.map_or(Err(CatalogError::NoSuchKey), version)?;
    Ok(Version { snapshot: Some(id), ..found })
}

/// Takes a snapshot of the current version `of`.
pub(super) fn snapshot(
    db: &Connection,
    bucket: &BucketRef,
    of: &Version,
    taken: SnapshotId,
) -> Result<Version, CatalogError> {
    let row = bucket_id(db, bucket)?;
    let key = of.key.as_bytes();
    let whole = (of.length > 0).then_some(ByteRange { first: 0, end: of.length });
    let content = whole.map_or(Content::Empty, |range| Content::Shared { source: of.id, range });
    let id = slices::add(db, &content, of.length, &bucket.tenant)?;
    db.prepare_cached(
        "INSERT INTO version (version_id, bucket_id, key, length, etag, modified, metadata, part_lengths, revision, blocks)
         SELECT ?1, bucket_id, key, length, etag, modified, ?2, part_lengths, revision, blocks FROM version
         WHERE version_id = ?3",
    )?
    .execute(params![id, encoding::write_metadata(&of.metadata)?, of.id.0])?;
    let taken = free_id(db, row, key, taken)?;
    insert(db, row, key, taken.0, id, None)?;
    Ok(Version { id: VersionId(id), snapshot: Some(taken), lease: None, ..of.clone() })
}

/// Removes one snapshot, or retains it as deleted. `for_good`: one that is deleted already, for good.
pub(super) fn remove_snapshot(
    db: &Connection,
    bucket: i64,
    key: &ObjectKey,
    id: SnapshotId,
    conditions: &Conditions,
    (at, disposal): (Timestamp, Disposal),
    for_good: bool,
) -> Result<(), CatalogError> {
    if for_good {
        return erase_retained(db, bucket, key, id.0, disposal.grace_until);
    }
    let found = head(db, bucket, key, id)?;
    found.check_write(conditions).map_err(|_unmet| CatalogError::PreconditionFailed)?;
    retire(db, bucket, key.as_bytes(), id.0, found.id.0, at, disposal)
}

/// Removes for good what is retained of a deletion.
pub(super) fn erase_retained(
    db: &Connection,
    bucket: i64,
    key: &ObjectKey,
    id: i64,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let sql = "DELETE FROM past WHERE bucket_id = ?1 AND key = ?2 AND snapshot = ?3 AND deleted IS NOT NULL
               RETURNING version_id";
    let gone = db.prepare_cached(sql)?.query_row(params![bucket, key.as_bytes(), id], |row| row.get(0)).optional()?;
    erase(db, gone.ok_or(CatalogError::NoSuchKey)?, grace_until)
}

/// Removes all snapshots of a name, or retains them as deleted.
pub(super) fn remove_snapshots(
    db: &Connection,
    bucket: i64,
    key: &[u8],
    at: Timestamp,
    disposal: Disposal,
) -> Result<(), CatalogError> {
    let snapshots = {
        let sql = "SELECT snapshot, version_id FROM past WHERE bucket_id = ?1 AND key = ?2 AND deleted IS NULL";
        let mut statement = db.prepare_cached(sql)?;
        let rows = statement.query_map(params![bucket, key], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<Vec<(i64, i64)>, _>>()?
    };
    for (snapshot, version) in snapshots {
        retire(db, bucket, key, snapshot, version, at, disposal)?;
    }
    Ok(())
}

/// Undoes deletions of a name that are retained.
pub(super) fn restore(db: &Connection, bucket: &BucketRef, key: &ObjectKey) -> Result<(), CatalogError> {
    let id = bucket_id(db, bucket)?;
    let bytes = key.as_bytes();
    let now = Timestamp::now();
    if objects::Current::of(db, id, key)?.is_none() {
        let sql =
            "DELETE FROM past WHERE bucket_id = ?1 AND key = ?2 AND snapshot = ?3 AND until > ?4 RETURNING version_id";
        let back: Option<i64> =
            db.prepare_cached(sql)?.query_row(params![id, bytes, DELETED, now.0], |row| row.get(0)).optional()?;
        let back = back.ok_or(CatalogError::NoSuchKey)?;
        let mut statement = db.prepare_cached(&format!("{PAST_VERSION} WHERE version_id = ?1"))?;
        let mut rows = statement.query([back])?;
        let found = rows.next()?.map_or(Err(CatalogError::Damaged("a name without its version")), version)?;
        objects::show(db, id, &found)?;
        tags::remember(db, id, bytes, &found.metadata.tags)?;
    }
    db.prepare_cached("UPDATE past SET deleted = NULL, until = NULL WHERE bucket_id = ?1 AND key = ?2 AND until > ?3")?
        .execute(params![id, bytes, now.0])?;
    Ok(())
}

/// Removes up to `most` of what is retained no longer, or lay in a bucket that was dropped. Whether there may be more.
pub(super) fn purge(
    db: &Connection,
    now: Timestamp,
    most: usize,
    grace_until: Timestamp,
) -> Result<bool, CatalogError> {
    let sql = "DELETE FROM past WHERE (bucket_id, key, snapshot) IN
        (SELECT bucket_id, key, snapshot FROM past WHERE until <= ?1 ORDER BY until LIMIT ?2) RETURNING version_id";
    let gone = ids(db, sql, params![now.0, limit(most)])?;
    let mut done = gone.len();
    erase_all(db, &gone, grace_until)?;
    if done >= most {
        return Ok(true);
    }
    let Some(bucket) = buckets::dropped(db)? else { return Ok(false) };
    let rest = most - done;
    let sql = "DELETE FROM object WHERE bucket_id = ?1 AND key IN
        (SELECT key FROM object WHERE bucket_id = ?1 ORDER BY key LIMIT ?2) RETURNING version_id";
    let objects = ids(db, sql, params![bucket, limit(rest)])?;
    let sql = "DELETE FROM past WHERE (bucket_id, key, snapshot) IN
        (SELECT bucket_id, key, snapshot FROM past WHERE bucket_id = ?1 LIMIT ?2) RETURNING version_id";
    let past = ids(db, sql, params![bucket, limit(rest)])?;
    erase_all(db, &objects, grace_until)?;
    erase_all(db, &past, grace_until)?;
    done = objects.len() + past.len() + blocks::discard_in(db, bucket, rest, grace_until)?;
    done += uploads::abort_in(db, bucket, rest, grace_until)?;
    if done == 0 {
        db.prepare_cached("DELETE FROM tag WHERE bucket_id = ?1")?.execute([bucket])?;
        buckets::remove(db, bucket)?;
    }
    Ok(true)
}

fn retire(
    db: &Connection,
    bucket: i64,
    key: &[u8],
    snapshot: i64,
    version: i64,
    at: Timestamp,
    disposal: Disposal,
) -> Result<(), CatalogError> {
    match disposal.retention {
        Some(retention) => {
            let sql = "UPDATE past SET deleted = ?4, until = ?5 WHERE bucket_id = ?1 AND key = ?2 AND snapshot = ?3";
            db.prepare_cached(sql)?.execute(params![bucket, key, snapshot, at.0, at.plus(retention).0])?;
            Ok(())
        }
        None => {
            db.prepare_cached("DELETE FROM past WHERE bucket_id = ?1 AND key = ?2 AND snapshot = ?3")?
                .execute(params![bucket, key, snapshot])?;
            erase(db, version, disposal.grace_until)
        }
    }
}

fn keep(
    db: &Connection,
    bucket: i64,
    key: &[u8],
    snapshot: i64,
    version: i64,
    at: Timestamp,
    disposal: Disposal,
) -> Result<(), CatalogError> {
    let until = disposal.retention.map(|retention| (at, at.plus(retention)));
    insert(db, bucket, key, snapshot, version, until)
}

fn insert(
    db: &Connection,
    bucket: i64,
    key: &[u8],
    snapshot: i64,
    version: i64,
    retained: Option<(Timestamp, Timestamp)>,
) -> Result<(), CatalogError> {
    db.prepare_cached(
        "INSERT INTO past (bucket_id, key, snapshot, version_id, length, etag, modified, storage_class, revision, deleted,
             until)
         SELECT ?1, ?2, ?3, version_id, length, etag, modified, metadata ->> '$.storage_class', revision, ?5, ?6
         FROM version WHERE version_id = ?4",
    )?
    .execute(params![bucket, key, snapshot, version, retained.map(|(at, _)| at.0), retained.map(|(_, until)| until.0)])?;
    Ok(())
}

/// The first id from `wanted` on that no snapshot of the name has, deleted or not.
fn free_id(db: &Connection, bucket: i64, key: &[u8], wanted: SnapshotId) -> Result<SnapshotId, CatalogError> {
    let sql = "SELECT max(snapshot) FROM past WHERE bucket_id = ?1 AND key = ?2 AND snapshot < ?3";
    let last: Option<i64> = db.prepare_cached(sql)?.query_row(params![bucket, key, DELETED], |row| row.get(0))?;
    Ok(last.map_or(wanted, |last| SnapshotId(wanted.0.max(last.saturating_add(1)))))
}

/// Removes a version that no name has any more.
fn erase(db: &Connection, version: i64, grace_until: Timestamp) -> Result<(), CatalogError> {
    db.prepare_cached("DELETE FROM version WHERE version_id = ?1")?.execute([version])?;
    slices::release(db, version, grace_until)
}

fn erase_all(db: &Connection, versions: &[i64], grace_until: Timestamp) -> Result<(), CatalogError> {
    versions.iter().try_for_each(|version| erase(db, *version, grace_until))
}

fn ids(db: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<Vec<i64>, CatalogError> {
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement.query_map(values, |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?)
}
