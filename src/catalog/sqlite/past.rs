//! Versions that are not current: snapshots, and what was deleted and is retained.
//!
//! # Invariants
//! - Each has a row in `version` and one in `past`. A name has at most one that was deleted as a current version under
//!   [`RANK_OF_DELETED`], and none while it has a current version: whatever is written under the name makes it one more
//!   snapshot that was deleted.
//! - Snapshots that are there have a current version.
//! - What is done to many versions of a name at once is one row and goes on in steps ([`ending`]).

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::ending::{Bounds, Deed, Progress};
use super::objects::{self, Current, Disposal};
use super::purge::Step;
use super::rows::{PAST_VERSION, bucket_id, next_content};
use super::{blocks, ending, leases, slices, tags};
use crate::catalog::order::RANK_OF_DELETED;
use crate::catalog::{CatalogError, Deletion, Failure, ObjectRef, Refusal, SnapshotRule, Version, VersionId, Which};
use crate::model::{BucketRef, Conditions, Lease, ObjectKey, SnapshotId, Timestamp};

pub(super) fn head(db: &Connection, object: &ObjectRef) -> Result<Version, CatalogError> {
    at(db, bucket_id(db, &object.bucket)?, object)
}

/// The version meant: the current one, or a snapshot that is there.
pub(super) fn at(db: &Connection, bucket: i64, object: &ObjectRef) -> Result<Version, CatalogError> {
    match object.which {
        Which::Current => objects::current(db, bucket, &object.key),
        Which::Snapshot(snapshot) => self::snapshot(db, bucket, &object.key, snapshot),
    }
}

fn snapshot(db: &Connection, bucket: i64, key: &ObjectKey, id: SnapshotId) -> Result<Version, CatalogError> {
    let sql = format!(
        "{PAST_VERSION} WHERE version_id = (SELECT version_id FROM past
            WHERE bucket_id = ?1 AND key = ?2 AND snapshot = ?3
                AND (snapshot > ?4 AND deleted IS NULL OR snapshot <= ?5))"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let Bounds { gone, back } = Bounds::of(db, bucket, key.as_bytes())?;
    let mut found = statement.query(params![bucket, key.as_bytes(), id.0, gone, back])?;
    let version = found.next()?.map_or(Err(CatalogError::Refused(Refusal::NoSuchKey)), super::rows::version)?;
    Ok(Version { snapshot: Some(id), ..version })
}

pub(super) fn has_snapshots(db: &Connection, bucket: i64, key: &[u8]) -> Result<bool, CatalogError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM past INDEXED BY past_there
                   WHERE bucket_id = ?1 AND key = ?2 AND snapshot > ?3 AND deleted IS NULL)
               OR EXISTS (SELECT 1 FROM past WHERE bucket_id = ?1 AND key = ?2 AND snapshot <= ?4)";
    let Bounds { gone, back } = Bounds::of(db, bucket, key)?;
    Ok(db.prepare_cached(sql)?.query_row(params![bucket, key, gone, back], |row| row.get(0))?)
}

pub(super) fn take(
    db: &Connection,
    bucket: &BucketRef,
    key: &ObjectKey,
    user: Option<BTreeMap<String, String>>,
    conditions: &Conditions,
    taken: SnapshotId,
) -> Result<Version, CatalogError> {
    let bucket = bucket_id(db, bucket)?;
    let current = objects::current(db, bucket, key)?;
    leases::guard_read(db, bucket, key.as_bytes(), conditions.lease.as_deref())?;
    current.check_write(conditions).map_err(|_unmet| CatalogError::Refused(Refusal::PreconditionFailed))?;
    current.guard_archive(conditions)?;
    let id = next_content(db)?;
    let snapshot = free(db, bucket, key.as_bytes(), taken)?;
    let mut version = Version { id: VersionId(id), snapshot: Some(snapshot), lease: None, ..current.clone() };
    if let Some(user) = user {
        // A state of its own: other metadata.
        version.metadata.created.get_or_insert(current.modified);
        version.metadata.user = user;
        version.modified = snapshot.taken();
        version.revision = id;
    }
    db.prepare_cached(
        "INSERT INTO version (version_id, bucket_id, key, length, etag, modified, metadata, part_lengths, revision, blocks,
             shares)
         SELECT ?2, bucket_id, key, length, etag, modified, metadata, part_lengths, revision, blocks,
             coalesce(shares, version_id)
         FROM version WHERE version_id = ?1",
    )?
    .execute(params![current.id.0, id])?;
    objects::rewrite(db, &version)?;
    insert(db, bucket, key.as_bytes(), snapshot, id, None)?;
    Ok(version)
}

/// Deletes, unless what was done to many versions of the name before is to be finished first.
pub(super) fn delete(db: &Connection, deletion: &Deletion, disposal: Disposal) -> Result<Progress, CatalogError> {
    let object = &deletion.object;
    let (bucket, key) = (bucket_id(db, &object.bucket)?, &object.key);
    if deletion.for_good {
        return forget(db, bucket, key.as_bytes(), object.which, disposal);
    }
    if let Which::Snapshot(id) = object.which {
        let version = snapshot(db, bucket, key, id)?;
        if ending::delayed_for_one(db, (bucket, key.as_bytes()), disposal.grace_until)? {
            return Ok(Progress::Waits);
        }
        Lease::guard_write(None, deletion.conditions.lease.as_deref(), Timestamp(0))?;
        version
            .check_write(&deletion.conditions)
            .map_err(|_unmet| CatalogError::Refused(Refusal::PreconditionFailed))?;
        return end(db, bucket, key.as_bytes(), id, deletion.at, disposal).map(|()| Progress::Made);
    }
    let Some(current) = Current::of(db, bucket, key)? else {
        if !blocks::wait(db, bucket, key.as_bytes())? {
            return Err(CatalogError::Refused(Refusal::NoSuchKey));
        }
        // Blocks alone: nothing but they can go.
        Current::guard_write(db, bucket, key, None, &deletion.conditions)?;
        if deletion.snapshots != SnapshotRule::Only {
            blocks::discard_of(db, bucket, key.as_bytes(), disposal.grace_until)?;
        }
        return Ok(Progress::Made);
    };
    Current::guard_write(db, bucket, key, Some(&current), &deletion.conditions)?;
    if has_snapshots(db, bucket, key.as_bytes())? {
        if deletion.snapshots == SnapshotRule::MustBeNone {
            return Err(CatalogError::Refused(Refusal::SnapshotsPresent));
        }
        let until = disposal.retention.map(|retention| Timestamp::steady().plus(retention).0);
        let (name, deed) = ((bucket, key.as_bytes()), Deed::Delete { at: deletion.at.0, until });
        if ending::delayed(db, name, deed, disposal.grace_until)? {
            return Ok(Progress::Waits);
        }
        ending::begin(db, name, deed, disposal.grace_until)?;
    }
    if deletion.snapshots != SnapshotRule::Only {
        objects::take_away(db, bucket, key, &current, deletion.at, disposal)?;
    }
    Ok(Progress::Made)
}

/// Undoes deletions, unless what was done to many versions of the name before is to be finished first.
pub(super) fn restore(
    db: &Connection,
    bucket: &BucketRef,
    key: &ObjectKey,
    grace_until: Timestamp,
) -> Result<Progress, CatalogError> {
    let bucket = bucket_id(db, bucket)?;
    let name = (bucket, key.as_bytes());
    if ending::delayed(db, name, Deed::Restore, grace_until)? {
        return Ok(Progress::Waits);
    }
    if Current::of(db, bucket, key)?.is_none() {
        let sql = "DELETE FROM past WHERE bucket_id = ?1 AND key = ?2 AND snapshot = ?3 RETURNING version_id";
        let row = params![bucket, key.as_bytes(), RANK_OF_DELETED];
        let id: Option<i64> = db.prepare_cached(sql)?.query_row(row, |row| row.get(0)).optional()?;
        let id = id.ok_or(CatalogError::Refused(Refusal::NoSuchKey))?;
        let sql = format!("{PAST_VERSION} WHERE version_id = ?1");
        let mut statement = db.prepare_cached(&sql)?;
        let mut found = statement.query([id])?;
        let version = found
            .next()?
            .map_or(Err(CatalogError::Failed(Failure::Damaged("a name without its version"))), super::rows::version)?;
        objects::show(db, bucket, &version)?;
        tags::remember(db, bucket, key.as_bytes(), &version.metadata.tags)?;
        if version.metadata.append.is_some() {
            blocks::discard_of(db, bucket, key.as_bytes(), grace_until)?;
        }
    }
    ending::begin(db, name, Deed::Restore, grace_until)?;
    Ok(Progress::Made)
}

/// The current version was deleted. It is retained, or goes.
pub(super) fn deleted(
    db: &Connection,
    bucket: i64,
    key: &[u8],
    version: i64,
    at: Timestamp,
    disposal: Disposal,
) -> Result<(), CatalogError> {
    match disposal.retention {
        None => slices::release_version(db, version, disposal.grace_until),
        Some(retention) => insert(db, bucket, key, SnapshotId(RANK_OF_DELETED), version, Some((at, retention))),
    }
}

/// The current version was replaced. It is retained as a snapshot that was deleted, or goes.
pub(super) fn replaced(
    db: &Connection,
    bucket: i64,
    key: &[u8],
    version: i64,
    at: Timestamp,
    disposal: Disposal,
) -> Result<(), CatalogError> {
    match disposal.retention {
        None => slices::release_version(db, version, disposal.grace_until),
        Some(retention) => {
            let id = free(db, bucket, key, SnapshotId::at(at))?;
            insert(db, bucket, key, id, version, Some((at, retention)))
        }
    }
}

/// A name gets a current version: what was deleted under it becomes a snapshot that was deleted.
pub(super) fn make_way(db: &Connection, bucket: i64, key: &[u8]) -> Result<(), CatalogError> {
    let sql = "SELECT deleted FROM past WHERE bucket_id = ?1 AND key = ?2 AND snapshot = ?3";
    let row = params![bucket, key, RANK_OF_DELETED];
    let Some(at) = db.prepare_cached(sql)?.query_row(row, |row| row.get(0)).optional()? else { return Ok(()) };
    let id = free(db, bucket, key, SnapshotId::at(Timestamp(at)))?;
    db.prepare_cached("UPDATE past SET snapshot = ?4 WHERE bucket_id = ?1 AND key = ?2 AND snapshot = ?3")?
        .execute(params![bucket, key, RANK_OF_DELETED, id.0])?;
    Ok(())
}

/// When the last of what is not current under a name was modified.
pub(super) fn last_modified(db: &Connection, bucket: i64, key: &[u8]) -> Result<Option<Timestamp>, CatalogError> {
    let sql = "SELECT modified FROM past WHERE bucket_id = ?1 AND key = ?2 ORDER BY snapshot DESC LIMIT 1";
    let last = db.prepare_cached(sql)?.query_row(params![bucket, key], |row| row.get(0)).optional()?;
    Ok(last.map(Timestamp))
}

/// Removes what was retained until before `now`, oldest first, as far as the step goes.
pub(super) fn purge(
    db: &Connection,
    now: Timestamp,
    step: &mut Step<'_>,
    grace: Timestamp,
) -> Result<(), CatalogError> {
    let sql = "SELECT bucket_id, key, snapshot FROM past WHERE until IS NOT NULL AND until < ?1 ORDER BY until LIMIT 1";
    let mut oldest = db.prepare_cached(sql)?;
    let read =
        |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, SnapshotId(row.get(2)?)));
    while !step.is_over() {
        let Some((bucket, key, snapshot)) = oldest.query_row([now.0], read).optional()? else { break };
        step.takes();
        remove(db, bucket, &key, snapshot, grace)?;
    }
    Ok(())
}

/// Removes one for good.
pub(super) fn remove(
    db: &Connection,
    bucket: i64,
    key: &[u8],
    id: SnapshotId,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let sql = "DELETE FROM past WHERE bucket_id = ?1 AND key = ?2 AND snapshot = ?3 RETURNING version_id";
    let version = db.prepare_cached(sql)?.query_row(params![bucket, key, id.0], |row| row.get(0))?;
    slices::release_version(db, version, grace_until)
}

/// Ends a snapshot: it is retained, or goes.
fn end(
    db: &Connection,
    bucket: i64,
    key: &[u8],
    id: SnapshotId,
    at: Timestamp,
    disposal: Disposal,
) -> Result<(), CatalogError> {
    let Some(retention) = disposal.retention else { return remove(db, bucket, key, id, disposal.grace_until) };
    db.prepare_cached("UPDATE past SET deleted = ?4, until = ?5 WHERE bucket_id = ?1 AND key = ?2 AND snapshot = ?3")?
        .execute(params![bucket, key, id.0, at.0, Timestamp::steady().plus(retention).0])?;
    Ok(())
}

/// Removes what is retained: one snapshot that was deleted, or all of a name.
fn forget(db: &Connection, bucket: i64, key: &[u8], only: Which, disposal: Disposal) -> Result<Progress, CatalogError> {
    let grace_until = disposal.grace_until;
    if ending::delayed(db, (bucket, key), Deed::Forget, grace_until)? {
        return Ok(Progress::Waits);
    }
    if let Which::Snapshot(id) = only {
        let sql = "SELECT EXISTS (SELECT 1 FROM past WHERE bucket_id = ?1 AND key = ?2 AND snapshot = ?3
                       AND deleted IS NOT NULL)";
        if !db.prepare_cached(sql)?.query_row(params![bucket, key, id.0], |row| row.get(0))? {
            return Err(CatalogError::Refused(Refusal::NoSuchKey));
        }
        return remove(db, bucket, key, id, grace_until).map(|()| Progress::Made);
    }
    // Among very many snapshots that are there it is not looked for to the end whether any was deleted: they are gone through.
    let sql = "SELECT count(*) = ?3 OR total(deleted IS NOT NULL) > 0
               FROM (SELECT deleted FROM past WHERE bucket_id = ?1 AND key = ?2 ORDER BY snapshot DESC LIMIT ?3)";
    if !db.prepare_cached(sql)?.query_row(params![bucket, key, FORGOTTEN_UNSEEN], |row| row.get(0))? {
        return Err(CatalogError::Refused(Refusal::NoSuchKey));
    }
    // It comes after all that the steps go through.
    let sql = "SELECT EXISTS (SELECT 1 FROM past WHERE bucket_id = ?1 AND key = ?2 AND snapshot = ?3)";
    if db.prepare_cached(sql)?.query_row(params![bucket, key, RANK_OF_DELETED], |row| row.get(0))? {
        remove(db, bucket, key, SnapshotId(RANK_OF_DELETED), grace_until)?;
    }
    ending::begin(db, (bucket, key), Deed::Forget, grace_until)?;
    Ok(Progress::Made)
}

/// The first id from `wanted` on that no version of the name has.
fn free(db: &Connection, bucket: i64, key: &[u8], wanted: SnapshotId) -> Result<SnapshotId, CatalogError> {
    let mut used = db.prepare_cached(
        "SELECT snapshot FROM past WHERE bucket_id = ?1 AND key = ?2 AND snapshot >= ?3 ORDER BY snapshot",
    )?;
    let mut free = wanted.0.max(ending::last(db, bucket, key)?.saturating_add(1));
    let mut found = used.query(params![bucket, key, free])?;
    while let Some(row) = found.next()? {
        if row.get::<_, i64>(0)? != free {
            break;
        }
        free = free.saturating_add(1);
    }
    if free < RANK_OF_DELETED {
        Ok(SnapshotId(free))
    } else {
        Err(CatalogError::Failed(Failure::Damaged("a snapshot beyond all time")))
    }
}

/// Adds the line of a version that is not current.
fn insert(
    db: &Connection,
    bucket: i64,
    key: &[u8],
    snapshot: SnapshotId,
    version: i64,
    retained: Option<(Timestamp, Duration)>,
) -> Result<(), CatalogError> {
    let added = db
        .prepare_cached(
            "INSERT INTO past (bucket_id, key, snapshot, version_id, length, etag, modified, storage_class, revision,
                 deleted, until)
             SELECT ?1, ?2, ?3, version_id, length, etag, modified, metadata ->> '$.storage_class', revision, ?5, ?6
             FROM version WHERE version_id = ?4",
        )?
        .execute(params![
            bucket,
            key,
            snapshot.0,
            version,
            retained.map(|(at, _)| at.0),
            retained.map(|(_, retention)| Timestamp::steady().plus(retention).0)
        ])?;
    if added == 1 { Ok(()) } else { Err(CatalogError::Failed(Failure::Damaged("a name without its version"))) }
}

/// A name with so many snapshots may be told that what was deleted of it was forgotten where nothing was.
const FORGOTTEN_UNSEEN: i64 = 10_000;
