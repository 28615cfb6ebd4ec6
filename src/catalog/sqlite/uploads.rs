//! Uploads in progress, and their completion.

use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use super::encoding::{self, MOST_PARTS};
use super::objects::{self, Current, Disposal, Origin};
use super::rows::{self, bucket_id, etag, limit, next_content, number, onward, stored};
use super::slices;
use crate::catalog::slices::{Joined, PartSlice};
use crate::catalog::{
    CatalogError, Completed, Completion, Failure, MOST_SLICES, MOST_SLICES_OF_PIECE, NewUpload, NewUploadPart, Refusal,
    Upload, UploadId, UploadPart, Version, VersionId,
};
use crate::model::{BucketRef, ETag, Lease, ObjectKey, Timestamp};

pub(super) fn create(db: &Connection, new: &NewUpload) -> Result<(), CatalogError> {
    let bucket = bucket_id(db, &new.bucket)?;
    let upload = &new.upload;
    let sql = "INSERT INTO upload (bucket_id, key, upload_id, created, metadata, checksum)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    let added = db.prepare_cached(sql)?.execute(params![
        bucket,
        upload.key.as_bytes(),
        upload.id.0,
        upload.created.0,
        encoding::write_metadata(&upload.metadata)?,
        upload.checksum
    ])?;
    if added == 1 { Ok(()) } else { Err(CatalogError::Failed(Failure::Misused("an upload id that was used before"))) }
}

pub(super) fn upload(
    db: &Connection,
    bucket: &BucketRef,
    key: &ObjectKey,
    id: &UploadId,
) -> Result<Upload, CatalogError> {
    let bucket = bucket_id(db, bucket)?;
    let sql = "SELECT key, upload_id, created, metadata, checksum FROM upload
               WHERE bucket_id = ?1 AND key = ?2 AND upload_id = ?3";
    let mut statement = db.prepare_cached(sql)?;
    let mut found = statement.query(params![bucket, key.as_bytes(), id.0])?;
    found.next()?.map_or(Err(CatalogError::Refused(Refusal::NoSuchUpload)), read)
}

/// An upload from the columns key, upload_id, created, metadata, checksum.
pub(super) fn read(row: &Row<'_>) -> Result<Upload, CatalogError> {
    Ok(Upload {
        key: rows::key(row.get(0)?)?,
        id: UploadId(row.get(1)?),
        created: Timestamp(row.get(2)?),
        metadata: encoding::read_metadata(&row.get::<_, String>(3)?)?,
        checksum: row.get(4)?,
    })
}

pub(super) fn put_part(db: &Connection, new: &NewUploadPart, grace_until: Timestamp) -> Result<(), CatalogError> {
    let bucket = bucket_id(db, &new.bucket)?;
    let upload = upload_row(db, bucket, &new.key, &new.upload)?.ok_or(CatalogError::Refused(Refusal::NoSuchUpload))?;
    let part = &new.part;
    if !(1..=MOST_PARTS).contains(&part.number) {
        return Err(CatalogError::Refused(Refusal::InvalidPart { number: part.number }));
    }
    let content = slices::add(db, &new.content, part.length, &new.bucket.tenant)?;
    let old = stored_part(db, upload, part.number)?;
    db.prepare_cached(
        "INSERT OR REPLACE INTO upload_part (upload_row, number, content_id, length, etag, md5, modified, checksums)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        upload,
        part.number,
        content,
        stored(part.length)?,
        part.etag.as_str(),
        part.md5,
        part.modified.0,
        encoding::write_checksums(&part.checksums)?
    ])?;
    match old {
        Some(old) => slices::release(db, old.content, grace_until),
        None => Ok(()),
    }
}

pub(super) fn parts(
    db: &Connection,
    bucket: &BucketRef,
    key: &ObjectKey,
    id: &UploadId,
    after: u32,
    most: usize,
) -> Result<Vec<UploadPart>, CatalogError> {
    let bucket = bucket_id(db, bucket)?;
    let upload = upload_row(db, bucket, key, id)?.ok_or(CatalogError::Refused(Refusal::NoSuchUpload))?;
    let mut statement = db.prepare_cached(
        "SELECT number, length, etag, md5, modified, checksums FROM upload_part
         WHERE upload_row = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
    )?;
    let mut found = statement.query(params![upload, after, limit(most)])?;
    let mut parts = Vec::new();
    while let Some(row) = found.next()? {
        parts.push(UploadPart {
            number: number(row.get(0)?)?,
            length: number(row.get(1)?)?,
            etag: etag(&row.get::<_, String>(2)?)?,
            md5: row.get(3)?,
            modified: Timestamp(row.get(4)?),
            checksums: encoding::read_checksums(&row.get::<_, String>(5)?)?,
        });
    }
    onward(Some(after), parts.iter().map(|part| part.number))?;
    Ok(parts)
}

pub(super) fn complete(
    db: &Connection,
    completion: &Completion,
    disposal: Disposal,
) -> Result<Completed, CatalogError> {
    let bucket = bucket_id(db, &completion.bucket)?;
    let digest = digest(&completion.parts);
    let Some(upload) = upload_row(db, bucket, &completion.key, &completion.upload)? else {
        return repeated(db, bucket, completion, &digest);
    };
    let (current, lease) = admit(db, bucket, completion)?;
    let chosen = choose(db, upload, &completion.parts)?;
    let id = next_content(db)?;
    slices::replace(db, id, &chosen.slices, &chosen.contents, disposal.grace_until)?;
    drop_upload(db, upload, disposal.grace_until)?;
    let version = version_of(completion, id, chosen.lengths, lease);
    finish(db, bucket, current, version, (completion, &digest), None, disposal)
}

/// What a completion names, and of what that was found.
pub(super) struct Plan {
    chosen: Chosen,
    /// The upload, how many parts it had, and which came last.
    basis: (i64, i64, Option<i64>),
}

impl Plan {
    pub(super) fn take_slices(&mut self) -> Vec<PartSlice> {
        std::mem::take(&mut self.chosen.slices)
    }
}

/// Looks the parts of a completion up.
pub(super) fn plan(db: &Connection, completion: &Completion) -> Result<Plan, CatalogError> {
    let bucket = bucket_id(db, &completion.bucket)?;
    let upload = upload_row(db, bucket, &completion.key, &completion.upload)?
        .ok_or(CatalogError::Refused(Refusal::NoSuchUpload))?;
    Ok(Plan { basis: basis(db, upload)?, chosen: choose(db, upload, &completion.parts)? })
}

/// Completes an upload whose slices were written as `content`; `None` when they were looked up in what is no longer there.
pub(super) fn complete_planned(
    db: &Connection,
    completion: &Completion,
    plan: &Plan,
    content: i64,
    disposal: Disposal,
) -> Result<Option<Completed>, CatalogError> {
    let bucket = bucket_id(db, &completion.bucket)?;
    let upload = upload_row(db, bucket, &completion.key, &completion.upload)?;
    let unchanged = upload.map(|upload| basis(db, upload)).transpose()? == Some(plan.basis);
    let Some(upload) = upload.filter(|_| unchanged) else { return Ok(None) };
    let (current, lease) = admit(db, bucket, completion)?;
    slices::claim(db, content)?;
    drop_upload(db, upload, disposal.grace_until)?;
    let version = version_of(completion, next_content(db)?, plan.chosen.lengths.clone(), lease);
    let digest = digest(&completion.parts);
    finish(db, bucket, current, version, (completion, &digest), Some(content), disposal).map(Some)
}

fn basis(db: &Connection, upload: i64) -> Result<(i64, i64, Option<i64>), CatalogError> {
    let sql = "SELECT count(*), max(content_id) FROM upload_part WHERE upload_row = ?1";
    Ok(db.prepare_cached(sql)?.query_row([upload], |row| Ok((upload, row.get(0)?, row.get(1)?)))?)
}

/// Holds a completion's conditions against what is there.
fn admit(
    db: &Connection,
    bucket: i64,
    completion: &Completion,
) -> Result<(Option<Current>, Option<Lease>), CatalogError> {
    let current = Current::of(db, bucket, &completion.key)?;
    let lease = Current::guard_write(db, bucket, &completion.key, current.as_ref(), &completion.conditions)?;
    Ok((current, lease))
}

fn version_of(completion: &Completion, id: i64, part_lengths: Vec<u64>, lease: Option<Lease>) -> Version {
    Version {
        id: VersionId(id),
        key: completion.key.clone(),
        length: part_lengths.iter().sum(),
        etag: completion.etag.clone(),
        modified: completion.modified,
        metadata: completion.metadata.clone(),
        part_lengths,
        revision: id,
        snapshot: None,
        lease,
    }
}

fn finish(
    db: &Connection,
    bucket: i64,
    current: Option<Current>,
    mut version: Version,
    (completion, digest): (&Completion, &[u8]),
    shares: Option<i64>,
    disposal: Disposal,
) -> Result<Completed, CatalogError> {
    let origin = Origin { upload: Some((&completion.upload.0, digest)), blocks: None, shares };
    objects::replace(db, bucket, current, &mut version, origin, disposal)?;
    Ok(Completed { version, repeated: false })
}

pub(super) fn abort(
    db: &Connection,
    bucket: &BucketRef,
    key: &ObjectKey,
    id: &UploadId,
    grace_until: Timestamp,
) -> Result<(), CatalogError> {
    let bucket = bucket_id(db, bucket)?;
    let upload = upload_row(db, bucket, key, id)?.ok_or(CatalogError::Refused(Refusal::NoSuchUpload))?;
    drop_upload(db, upload, grace_until)
}

/// The parts that a completion names.
#[derive(Default)]
struct Chosen {
    lengths: Vec<u64>,
    contents: Vec<i64>,
    /// What the object will be made of.
    slices: Vec<PartSlice>,
}

/// Checks the parts, and counts their slices, before anything is written.
fn choose(db: &Connection, upload: i64, parts: &[(u32, ETag)]) -> Result<Chosen, CatalogError> {
    if parts.is_empty() {
        return Err(CatalogError::Refused(Refusal::InvalidPart { number: 0 }));
    }
    let mut chosen = Chosen::default();
    let mut joined = Joined::up_to(MOST_SLICES);
    let mut before = 0;
    for (number, etag) in parts {
        let invalid = CatalogError::Refused(Refusal::InvalidPart { number: *number });
        let Some(part) = stored_part(db, upload, *number)? else { return Err(invalid) };
        if *number <= before || part.etag != etag.as_str() {
            return Err(invalid);
        }
        slices::all(db, part.content, MOST_SLICES_OF_PIECE)?.into_iter().try_for_each(|slice| joined.add(slice))?;
        chosen.lengths.push(part.length);
        chosen.contents.push(part.content);
        before = *number;
    }
    chosen.slices = joined.into_slices();
    Ok(chosen)
}

/// The upload is gone: fine if the current version came from it, by an equal request.
fn repeated(db: &Connection, bucket: i64, completion: &Completion, digest: &[u8]) -> Result<Completed, CatalogError> {
    let sql = format!(
        "{} WHERE version_id = (SELECT version_id FROM object WHERE bucket_id = ?1 AND key = ?2)",
        rows::CURRENT_VERSION
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut found = statement.query(params![bucket, completion.key.as_bytes()])?;
    let row = found.next()?.ok_or(CatalogError::Refused(Refusal::NoSuchUpload))?;
    let upload: Option<String> = row.get(12)?;
    let stored: Option<Vec<u8>> = row.get(13)?;
    if upload.as_ref() == Some(&completion.upload.0) && stored.as_deref() == Some(digest) {
        Ok(Completed { version: rows::version(row)?, repeated: true })
    } else {
        Err(CatalogError::Refused(Refusal::NoSuchUpload))
    }
}

/// A part of an upload as completing needs it.
struct StoredPart {
    content: i64,
    length: u64,
    etag: String,
}

fn upload_row(db: &Connection, bucket: i64, key: &ObjectKey, id: &UploadId) -> Result<Option<i64>, CatalogError> {
    let sql = "SELECT upload_row FROM upload WHERE bucket_id = ?1 AND key = ?2 AND upload_id = ?3";
    Ok(db.prepare_cached(sql)?.query_row(params![bucket, key.as_bytes(), id.0], |row| row.get(0)).optional()?)
}

fn stored_part(db: &Connection, upload: i64, part: u32) -> Result<Option<StoredPart>, CatalogError> {
    let sql = "SELECT content_id, length, etag FROM upload_part WHERE upload_row = ?1 AND number = ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut found = statement.query(params![upload, part])?;
    let Some(row) = found.next()? else { return Ok(None) };
    Ok(Some(StoredPart { content: row.get(0)?, length: number(row.get(1)?)?, etag: row.get(2)? }))
}

/// Drops an upload with its parts.
pub(super) fn drop_upload(db: &Connection, upload: i64, grace_until: Timestamp) -> Result<(), CatalogError> {
    // Its parts count no more, all at once.
    db.prepare_cached("UPDATE upload SET bytes = NULL WHERE upload_row = ?1")?.execute([upload])?;
    let contents = {
        let mut statement = db.prepare_cached("DELETE FROM upload_part WHERE upload_row = ?1 RETURNING content_id")?;
        statement.query_map([upload], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?
    };
    slices::release_all(db, &contents, grace_until)?;
    db.prepare_cached("DELETE FROM upload WHERE upload_row = ?1")?.execute([upload])?;
    Ok(())
}

/// What a completion named, in 32 bytes: to know an equal request again. A tag has at most 128 bytes, so one byte
/// holds its length and the encoding is injective.
fn digest(parts: &[(u32, ETag)]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (number, etag) in parts {
        hash.update(number.to_be_bytes());
        hash.update([u8::try_from(etag.as_str().len()).unwrap_or(u8::MAX)]);
        hash.update(etag.as_str());
    }
    hash.finalize().into()
}
