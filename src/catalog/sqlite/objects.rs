//! Objects: their current versions.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{CURRENT_VERSION, bucket_id, etag, stored, version};
use super::{blocks, encoding, leases, past, slices, tags};
use crate::catalog::{CatalogError, Content, Failure, NewVersion, Refusal, Select, Version, VersionId};
use crate::model::{
    BucketRef, ByteRange, Conditions, CurrentState, ETag, Lease, ObjectKey, Slice, Tier, Timestamp, Unsatisfiable,
};

/// What becomes of versions that are deleted or replaced.
#[derive(Clone, Copy)]
pub(super) struct Disposal {
    /// Chunks that nothing refers to any more wait until then.
    pub(super) grace_until: Timestamp,
    /// How long a version can be had back; `None`: it goes at once.
    pub(super) retention: Option<Duration>,
}

/// What a version has that nobody is shown.
#[derive(Default)]
pub(super) struct Origin<'o> {
    /// The upload that was completed into it, and the digest of what its completion named.
    pub(super) upload: Option<(&'o str, &'o [u8])>,
    /// Its committed blocks, as they are stored.
    pub(super) blocks: Option<Vec<u8>>,
    /// The content that it shares with other versions.
    pub(super) shares: Option<i64>,
}

pub(super) fn commit(db: &Connection, new: &NewVersion, disposal: Disposal) -> Result<Version, CatalogError> {
    let bucket = bucket_id(db, &new.bucket)?;
    let current = Current::of(db, bucket, &new.key)?;
    let lease = Current::guard_write(db, bucket, &new.key, current.as_ref(), &new.conditions)?;
    let blocks = shared_blocks(db, &new.content)?;
    // The new content first: it may share with the version that it replaces.
    let (id, shares) = slices::add_version(db, &new.content, new.length, &new.bucket.tenant)?;
    let mut version = Version {
        id: VersionId(id),
        key: new.key.clone(),
        length: new.length,
        etag: new.etag.clone(),
        modified: new.modified,
        metadata: new.metadata.clone(),
        part_lengths: new.part_lengths.clone(),
        revision: id,
        snapshot: None,
        lease,
    };
    replace(db, bucket, current, &mut version, Origin { upload: None, blocks, shares }, disposal)?;
    Ok(version)
}

/// Makes `version`, whose content is stored, the current one. It takes over when the object was created, and is not older than
/// what it replaces, or was deleted under its name and is retained: times go forward within a name, whatever the clock does.
pub(super) fn replace(
    db: &Connection,
    bucket: i64,
    current: Option<Current>,
    version: &mut Version,
    origin: Origin<'_>,
    disposal: Disposal,
) -> Result<(), CatalogError> {
    let lengths: u64 = version.part_lengths.iter().sum();
    if !version.part_lengths.is_empty() && lengths != version.length {
        return Err(CatalogError::Failed(Failure::Misused("parts' lengths that do not add up")));
    }
    version.metadata.created = current.as_ref().map(|old| old.created.unwrap_or(old.modified));
    let before = match &current {
        Some(old) => Some(old.modified),
        None => past::last_modified(db, bucket, version.key.as_bytes())?,
    };
    version.modified = before.map_or(version.modified, |before| version.modified.max(before));
    let key = version.key.as_bytes();
    db.prepare_cached(
        "INSERT INTO version (version_id, bucket_id, key, length, etag, modified, metadata, part_lengths, upload_id,
             completion, revision, blocks, shares)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?
    .execute(params![
        version.id.0,
        bucket,
        key,
        stored(version.length)?,
        version.etag.as_str(),
        version.modified.0,
        encoding::write_metadata(&version.metadata)?,
        encoding::write_lengths(&version.part_lengths)?,
        origin.upload.map(|(upload, _)| upload),
        origin.upload.map(|(_, digest)| digest),
        version.revision,
        origin.blocks,
        origin.shares,
    ])?;
    show(db, bucket, version)?;
    match current {
        Some(old) => {
            tags::forget(db, bucket, key, old.tags.as_deref())?;
            let at = version.modified;
            past::replaced(db, bucket, key, old.version, at, disposal)?;
        }
        None => past::make_way(db, bucket, key)?,
    }
    tags::remember(db, bucket, key, &version.metadata.tags)?;
    blocks::discard_of(db, bucket, key, disposal.grace_until)
}

/// Makes the line beside the name say what `version` is.
pub(super) fn show(db: &Connection, bucket: i64, version: &Version) -> Result<(), CatalogError> {
    db.prepare_cached(
        "INSERT INTO object (bucket_id, key, version_id, length, etag, modified, storage_class, revision, created, tags)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (bucket_id, key) DO UPDATE SET version_id = excluded.version_id, length = excluded.length,
             etag = excluded.etag, modified = excluded.modified, storage_class = excluded.storage_class,
             revision = excluded.revision, created = excluded.created, tags = excluded.tags",
    )?
    .execute(params![
        bucket,
        version.key.as_bytes(),
        version.id.0,
        stored(version.length)?,
        version.etag.as_str(),
        version.modified.0,
        version.metadata.system.storage_class,
        version.revision,
        version.metadata.created.map(|at| at.0),
        encoding::write_tags(&version.metadata.tags)?,
    ])?;
    Ok(())
}

/// Writes what may change of a version that stays where it is.
pub(super) fn rewrite(db: &Connection, version: &Version) -> Result<(), CatalogError> {
    db.prepare_cached(
        "UPDATE version SET length = ?2, etag = ?3, modified = ?4, metadata = ?5, revision = ?6 WHERE version_id = ?1",
    )?
    .execute(params![
        version.id.0,
        stored(version.length)?,
        version.etag.as_str(),
        version.modified.0,
        encoding::write_metadata(&version.metadata)?,
        version.revision,
    ])?;
    Ok(())
}

/// The current version.
pub(super) fn current(db: &Connection, bucket: i64, key: &ObjectKey) -> Result<Version, CatalogError> {
    let sql = format!(
        "{CURRENT_VERSION} WHERE version_id = (SELECT version_id FROM object WHERE bucket_id = ?1 AND key = ?2)"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params![bucket, key.as_bytes()])?;
    rows.next()?.map_or(Err(CatalogError::Refused(Refusal::NoSuchKey)), version)
}

/// A version with the first slices of what is asked for.
pub(super) struct Opened {
    pub(super) version: Version,
    pub(super) range: Result<Option<ByteRange>, Unsatisfiable>,
    /// At most as many as were asked for.
    pub(super) slices: Vec<Slice>,
    /// The content that further ones are of, and where they begin in it, in bytes.
    pub(super) more: Option<(i64, u64)>,
}

pub(super) fn open(db: &Connection, version: Version, select: Select, most: usize) -> Result<Opened, CatalogError> {
    let range = select.resolve(&version);
    let Ok(Some(bytes)) = range else { return Ok(Opened { version, range, slices: Vec::new(), more: None }) };
    let content = slices::content_of(db, version.id.0)?;
    let (slices, next) = slices::page(db, content, bytes, most)?;
    Ok(Opened { version, range, slices, more: next.map(|next| (content, next)) })
}

pub(super) fn delete(
    db: &Connection,
    bucket: &BucketRef,
    key: &ObjectKey,
    conditions: &Conditions,
    disposal: Disposal,
) -> Result<bool, CatalogError> {
    let bucket = bucket_id(db, bucket)?;
    let current = Current::of(db, bucket, key)?;
    Current::guard_write(db, bucket, key, current.as_ref(), conditions)?;
    let Some(current) = current else { return Ok(false) };
    if past::has_snapshots(db, bucket, key.as_bytes())? {
        return Err(CatalogError::Refused(Refusal::SnapshotsPresent));
    }
    take_away(db, bucket, key, &current, Timestamp::now(), disposal)?;
    Ok(true)
}

/// Takes the current version away, with all that goes with it.
pub(super) fn take_away(
    db: &Connection,
    bucket: i64,
    key: &ObjectKey,
    current: &Current,
    at: Timestamp,
    disposal: Disposal,
) -> Result<(), CatalogError> {
    let key = key.as_bytes();
    db.prepare_cached("DELETE FROM object WHERE bucket_id = ?1 AND key = ?2")?.execute(params![bucket, key])?;
    leases::remove(db, bucket, key)?;
    tags::forget(db, bucket, key, current.tags.as_deref())?;
    blocks::discard_of(db, bucket, key, disposal.grace_until)?;
    past::deleted(db, bucket, key, current.version, at, disposal)
}

/// What is known of the current version before it is replaced, from the line beside its name.
pub(super) struct Current {
    pub(super) version: i64,
    etag: ETag,
    modified: Timestamp,
    revision: i64,
    created: Option<Timestamp>,
    pub(super) tags: Option<String>,
}

impl Current {
    pub(super) fn of(db: &Connection, bucket: i64, key: &ObjectKey) -> Result<Option<Self>, CatalogError> {
        let sql = "SELECT version_id, etag, modified, revision, created, tags FROM object
                   WHERE bucket_id = ?1 AND key = ?2";
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query(params![bucket, key.as_bytes()])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(Some(Self {
            version: row.get(0)?,
            etag: etag(&row.get::<_, String>(1)?)?,
            modified: Timestamp(row.get(2)?),
            revision: row.get(3)?,
            created: row.get::<_, Option<i64>>(4)?.map(Timestamp),
            tags: row.get(5)?,
        }))
    }

    /// Holds lease and conditions against the current version, the lease first; returns the lease that goes on.
    pub(super) fn guard_write(
        db: &Connection,
        bucket: i64,
        key: &ObjectKey,
        current: Option<&Self>,
        conditions: &Conditions,
    ) -> Result<Option<Lease>, CatalogError> {
        let given = conditions.lease.as_deref();
        let lease = match current {
            Some(_) => leases::guard_write(db, bucket, key.as_bytes(), given)?,
            // Without an object there is no lease.
            None => {
                Lease::guard_write(None, given, Timestamp(0))?;
                None
            }
        };
        if !conditions.is_empty() {
            Self::check(current, conditions)?;
        }
        current.map_or(Ok(()), |current| current.guard_archive(db, conditions))?;
        Ok(lease)
    }

    fn guard_archive(&self, db: &Connection, conditions: &Conditions) -> Result<(), CatalogError> {
        if !conditions.not_archived {
            return Ok(());
        }
        let sql = "SELECT metadata ->> '$.tier.name' FROM version WHERE version_id = ?1";
        let tier: Option<String> = db.prepare_cached(sql)?.query_row([self.version], |row| row.get(0))?;
        if tier.as_deref() == Some(Tier::ARCHIVE) { Err(CatalogError::Refused(Refusal::Archived)) } else { Ok(()) }
    }

    fn check(current: Option<&Self>, conditions: &Conditions) -> Result<(), CatalogError> {
        let outcome = match current {
            None => conditions.check_write(None),
            Some(current) => {
                let state_tag = ETag::of_state(current.modified, current.revision);
                let tags = encoding::read_tags(current.tags.as_deref())?;
                let state = CurrentState::new(&current.etag, &state_tag, current.modified, Some(&tags));
                conditions.check_write(Some(state))
            }
        };
        Ok(outcome?)
    }
}

/// The committed blocks of the version that all bytes come from, if they do.
fn shared_blocks(db: &Connection, content: &Content) -> Result<Option<Vec<u8>>, CatalogError> {
    let Content::Shared { source, range } = content else { return Ok(None) };
    let sql = "SELECT blocks FROM version WHERE version_id = ?1 AND ?2 = 0 AND length = ?3";
    let row = params![source.0, stored(range.first)?, stored(range.end)?];
    Ok(db.prepare_cached(sql)?.query_row(row, |row| row.get(0)).optional()?.flatten())
}
