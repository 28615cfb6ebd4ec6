//! Buckets, and the current versions in them.

use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{VERSION_COLUMNS, bucket_id, bucket_name, etag, stored, version};
use super::{encoding, slices};
use crate::catalog::{Bucket, CatalogError, NewVersion, OpenedVersion, Select, Version, VersionId};
use crate::model::{BucketRef, Conditions, CurrentState, ETag, ObjectKey, TenantId, Timestamp};

pub(super) fn create_bucket(db: &Connection, bucket: &BucketRef, created: Timestamp) -> Result<(), CatalogError> {
    let added = db
        .prepare_cached("INSERT INTO bucket (tenant, name, created) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
        .execute(params![bucket.tenant.as_str(), bucket.name.as_str(), created.0])?;
    if added == 1 { Ok(()) } else { Err(CatalogError::BucketExists) }
}

pub(super) fn delete_bucket(db: &Connection, bucket: &BucketRef) -> Result<(), CatalogError> {
    let id = bucket_id(db, bucket)?;
    let used = "SELECT EXISTS (SELECT 1 FROM object WHERE bucket_id = ?1) OR EXISTS (SELECT 1 FROM upload WHERE bucket_id = ?1)";
    if db.prepare_cached(used)?.query_row([id], |row| row.get::<_, bool>(0))? {
        return Err(CatalogError::BucketNotEmpty);
    }
    db.prepare_cached("DELETE FROM bucket WHERE bucket_id = ?1")?.execute([id])?;
    Ok(())
}

pub(super) fn bucket(db: &Connection, bucket: &BucketRef) -> Result<Bucket, CatalogError> {
    let created = db
        .prepare_cached("SELECT created FROM bucket WHERE tenant = ?1 AND name = ?2")?
        .query_row([bucket.tenant.as_str(), bucket.name.as_str()], |row| row.get(0))
        .optional()?;
    Ok(Bucket { name: bucket.name.clone(), created: Timestamp(created.ok_or(CatalogError::NoSuchBucket)?) })
}

pub(super) fn buckets(db: &Connection, tenant: &TenantId) -> Result<Vec<Bucket>, CatalogError> {
    let mut statement = db.prepare_cached("SELECT name, created FROM bucket WHERE tenant = ?1 ORDER BY name")?;
    let mut rows = statement.query([tenant.as_str()])?;
    let mut buckets = Vec::new();
    while let Some(row) = rows.next()? {
        buckets.push(Bucket { name: bucket_name(&row.get::<_, String>(0)?)?, created: Timestamp(row.get(1)?) });
    }
    Ok(buckets)
}

pub(super) fn commit(db: &Connection, new: &NewVersion, grace_until: Timestamp) -> Result<Version, CatalogError> {
    let bucket = bucket_id(db, &new.bucket)?;
    let current = Current::of(db, bucket, &new.key)?;
    Current::check(current.as_ref(), &new.conditions)?;
    // The new content first: it may share with the version that it replaces.
    let id = slices::add(db, &new.content, new.length, &new.bucket.tenant)?;
    let version = Version {
        id: VersionId(id),
        key: new.key.clone(),
        length: new.length,
        etag: new.etag.clone(),
        modified: new.modified,
        metadata: new.metadata.clone(),
        part_lengths: new.part_lengths.clone(),
    };
    replace(db, bucket, current, &version, None, grace_until)?;
    Ok(version)
}

/// Makes `version`, whose content is stored, the current one. `origin`: the upload that it comes from, and the digest
/// of what its completion named.
pub(super) fn replace(
    db: &Connection,
    bucket: i64,
    current: Option<Current>,
    version: &Version,
    origin: Option<(&str, &[u8])>,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let lengths: u64 = version.part_lengths.iter().sum();
    if !version.part_lengths.is_empty() && lengths != version.length {
        return Err(CatalogError::Damaged("parts' lengths that do not add up"));
    }
    db.prepare_cached(
        "INSERT INTO version (version_id, bucket_id, key, length, etag, modified, metadata, part_lengths, upload_id, completion)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        version.id.0,
        bucket,
        version.key.as_bytes(),
        stored(version.length)?,
        version.etag.as_str(),
        version.modified.0,
        encoding::write_metadata(&version.metadata)?,
        encoding::write_lengths(&version.part_lengths)?,
        origin.map(|(upload, _)| upload),
        origin.map(|(_, digest)| digest),
    ])?;
    db.prepare_cached(
        "INSERT INTO object (bucket_id, key, version_id, length, etag, modified, storage_class)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (bucket_id, key) DO UPDATE SET version_id = excluded.version_id, length = excluded.length,
             etag = excluded.etag, modified = excluded.modified, storage_class = excluded.storage_class",
    )?
    .execute(params![
        bucket,
        version.key.as_bytes(),
        version.id.0,
        stored(version.length)?,
        version.etag.as_str(),
        version.modified.0,
        version.metadata.system.storage_class
    ])?;
    match current {
        Some(old) => drop_version(db, old.version, grace_until),
        None => Ok(()),
    }
}

pub(super) fn head(db: &Connection, bucket: &BucketRef, key: &ObjectKey) -> Result<Version, CatalogError> {
    let bucket = bucket_id(db, bucket)?;
    let sql = format!(
        "SELECT {VERSION_COLUMNS} FROM version
         WHERE version_id = (SELECT version_id FROM object WHERE bucket_id = ?1 AND key = ?2)"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params![bucket, key.as_bytes()])?;
    rows.next()?.map_or(Err(CatalogError::NoSuchKey), version)
}

/// `None` when what is asked for has more than `most` slices.
pub(super) fn open(
    db: &Connection,
    bucket: &BucketRef,
    key: &ObjectKey,
    select: Select,
    most: usize,
) -> Result<Option<OpenedVersion>, CatalogError> {
    let version = head(db, bucket, key)?;
    let range = select.resolve(&version);
    let slices = match range {
        Ok(Some(range)) => slices::overlapping(db, version.id.0, range, most)?,
        Ok(None) | Err(_) => Some(Vec::new()),
    };
    Ok(slices.map(|slices| OpenedVersion { version, range, slices }))
}

pub(super) fn delete(
    db: &Connection,
    bucket: &BucketRef,
    key: &ObjectKey,
    conditions: &Conditions,
    grace_until: Timestamp,
) -> Result<bool, CatalogError> {
    let bucket = bucket_id(db, bucket)?;
    let current = Current::of(db, bucket, key)?;
    Current::check(current.as_ref(), conditions)?;
    let Some(current) = current else { return Ok(false) };
    db.prepare_cached("DELETE FROM object WHERE bucket_id = ?1 AND key = ?2")?
        .execute(params![bucket, key.as_bytes()])?;
    drop_version(db, current.version, grace_until)?;
    Ok(true)
}

/// What conditions are held against.
pub(super) struct Current {
    pub(super) version: i64,
    etag: ETag,
    modified: Timestamp,
}

impl Current {
    pub(super) fn of(db: &Connection, bucket: i64, key: &ObjectKey) -> Result<Option<Self>, CatalogError> {
        let sql = "SELECT version_id, etag, modified FROM object WHERE bucket_id = ?1 AND key = ?2";
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query(params![bucket, key.as_bytes()])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let etag = etag(&row.get::<_, String>(1)?)?;
        Ok(Some(Self { version: row.get(0)?, etag, modified: Timestamp(row.get(2)?) }))
    }

    pub(super) fn check(current: Option<&Self>, conditions: &Conditions) -> Result<(), CatalogError> {
        let state = current.map(|current| CurrentState { etag: &current.etag, modified: current.modified });
        conditions.check_write(state).map_err(|_unmet| CatalogError::PreconditionFailed)
    }
}

fn drop_version(db: &Connection, id: i64, grace_until: Timestamp) -> Result<(), CatalogError> {
    db.prepare_cached("DELETE FROM version WHERE version_id = ?1")?.execute([id])?;
    slices::release(db, id, grace_until)
}
