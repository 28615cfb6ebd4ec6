//! The audit's second half: every row is read whole, as it is when it is needed, and must be what would be written.
//!
//! A text that was stored is written again from what was read of it: what differs was changed by another hand. What this
//! cannot know is a change from one value to another that is as good: a name, a value of metadata, a time. That takes a
//! row that is authenticated.

use rusqlite::{Connection, Row};

use super::blocks::SINCE_EVER;
use super::{block_list, encoding, rows};
use crate::catalog::{CatalogError, Failure};
use crate::model::BlockId;

/// Most lines for one kind of row.
const MOST_LINES: usize = 100;

/// Bytes of a wrapped part key, see `docs/format.md`.
const WRAPPED_BYTES: usize = 76;

/// The last moment of the year 9999, in milliseconds: no clock has been there.
const LAST_TIME: i64 = 253_402_300_799_999;

const VERSIONS: &str =
    "SELECT version_id || '', key, length, etag, modified, metadata, part_lengths, revision, upload_id,
    completion, blocks FROM version";

type Look = fn(&Row<'_>) -> Result<(), CatalogError>;

/// What is wrong with a row, what it is of (its first column, a text that is no name), and how it is looked at.
const TABLES: &[(&str, &str, Look)] = &[
    (
        "a bucket that cannot be read",
        "SELECT bucket_id || '', tenant, name, created, modified, revision, metadata, policies FROM bucket",
        bucket,
    ),
    ("rules of a bucket that cannot be read", "SELECT bucket_id || '', rules FROM bucket_cors", cors),
    ("tags of a bucket that cannot be read", "SELECT bucket_id || '', tags FROM bucket_tags", bucket_tags),
    (
        "rules of an account that cannot be read",
        "SELECT 'of ' || length(rules) || ' bytes', rules, tenant FROM account_cors",
        account_cors,
    ),
    ("a version that cannot be read", VERSIONS, version),
    (
        "a name's line that cannot be read",
        "SELECT version_id || '', key, length, etag, modified, tags, created FROM object",
        object,
    ),
    (
        "a past version's line that cannot be read",
        "SELECT version_id || '', key, length, etag, modified, NULL, deleted FROM past",
        object,
    ),
    ("an upload that cannot be read", "SELECT upload_row || '', key, created, metadata, checksum FROM upload", upload),
    (
        "an upload part that cannot be read",
        "SELECT content_id || '', length, etag, md5, modified, checksums FROM upload_part",
        upload_part,
    ),
    (
        "a part that cannot be read",
        "SELECT hex(part_id), tenant, length, padded_length, key_version, wrapped_key FROM part",
        part,
    ),
    ("a placement that cannot be read", "SELECT hex(part_id), provider FROM placement", placement),
    (
        "a block of part ids that cannot be read",
        "SELECT hex(prefix), tenant, count, reserved FROM part_block",
        part_block,
    ),
    (
        "a deletion that cannot be read",
        "SELECT hex(part_id), provider, tenant, chunks, due, length(part_id) FROM deletion",
        deletion,
    ),
    ("a lease that cannot be read", "SELECT lease_id, key, lease_id, duration, expires, breaks FROM lease", lease),
    (
        "waiting blocks that cannot be read",
        "SELECT uncommitted_id || '', key, id_bytes, touched FROM uncommitted",
        waiting,
    ),
    ("a block that cannot be read", "SELECT content_id || '', block_id, length, md5 FROM block", block),
    ("a counter that cannot be read", "SELECT 'of value ' || value, name, value FROM counter", counter),
];

/// A line for each row that is not what would be written.
pub(super) fn rows(db: &Connection) -> Result<Vec<String>, CatalogError> {
    let mut faults = Vec::new();
    for (fault, sql, look) in TABLES {
        let mut statement = db.prepare(sql)?;
        let mut found = statement.query([])?;
        let mut lines = 0;
        while let Some(row) = found.next()? {
            if let Err(error) = look(row)
                && lines < MOST_LINES
            {
                lines += 1;
                let which: String = row.get(0)?;
                faults.push(format!("{fault}: {which}: {error}"));
            }
        }
    }
    Ok(faults)
}

/// A line if this version is not what would be written.
pub(super) fn version_of_id(db: &Connection, id: i64) -> Result<Option<String>, CatalogError> {
    let mut statement = db.prepare_cached(&format!("{VERSIONS} WHERE version_id = ?1"))?;
    let mut found = statement.query([id])?;
    let Some(row) = found.next()? else { return Ok(None) };
    Ok(version(row).err().map(|error| format!("a version that cannot be read: {id}: {error}")))
}

/// `Err` unless it holds.
fn must(holds: bool, otherwise: &'static str) -> Result<(), CatalogError> {
    if holds { Ok(()) } else { Err(CatalogError::Failed(Failure::Damaged(otherwise))) }
}

fn text(row: &Row<'_>, column: usize) -> Result<String, CatalogError> {
    Ok(row.get(column)?)
}

fn count(row: &Row<'_>, column: usize) -> Result<u64, CatalogError> {
    rows::number(row.get(column)?)
}

fn time(row: &Row<'_>, column: usize) -> Result<(), CatalogError> {
    let time: Option<i64> = row.get(column)?;
    must(time.is_none_or(|time| (0..=LAST_TIME).contains(&time)), "a time that no clock shows")
}

fn key(row: &Row<'_>, column: usize) -> Result<(), CatalogError> {
    rows::key(row.get(column)?).map(drop)
}

fn etag(row: &Row<'_>, column: usize) -> Result<(), CatalogError> {
    let text = text(row, column)?;
    must(rows::etag(&text)?.as_str() == text, "a tag that was not written so")
}

fn digest(row: &Row<'_>, column: usize, bytes: usize) -> Result<(), CatalogError> {
    let digest: Option<Vec<u8>> = row.get(column)?;
    must(digest.is_none_or(|digest| digest.len() == bytes), "a digest of another length")
}

fn cors(row: &Row<'_>) -> Result<(), CatalogError> {
    let rules = same(&text(row, 1)?, encoding::read_cors, |rules| encoding::write_cors(rules))?;
    must(!rules.is_empty(), "a row without a rule")
}

fn bucket_tags(row: &Row<'_>) -> Result<(), CatalogError> {
    let tags = same(&text(row, 1)?, encoding::read_bucket_tags, encoding::write_bucket_tags)?;
    must(!tags.is_empty(), "a row without a tag")
}

fn account_cors(row: &Row<'_>) -> Result<(), CatalogError> {
    rows::tenant(&text(row, 2)?)?;
    cors(row)
}

/// A text that was stored must be what is written of what is read of it.
fn same<T>(
    text: &str,
    read: impl FnOnce(&str) -> Result<T, CatalogError>,
    write: impl FnOnce(&T) -> Result<String, CatalogError>,
) -> Result<T, CatalogError> {
    let value = read(text)?;
    must(write(&value)? == text, "a value that was not written so")?;
    Ok(value)
}

fn bucket(row: &Row<'_>) -> Result<(), CatalogError> {
    let (tenant, name) = (text(row, 1)?, text(row, 2)?);
    // What was dropped has no tenant, and its id for a name.
    if tenant.is_empty() {
        must(name == text(row, 0)?, "a dropped bucket that is called otherwise than its id")?;
    } else {
        rows::tenant(&tenant)?;
        rows::bucket_name(&name)?;
    }
    time(row, 3)?;
    time(row, 4)?;
    count(row, 5)?;
    same(&text(row, 6)?, encoding::read_user, encoding::write_user)?;
    same(&text(row, 7)?, encoding::read_policies, |policies| encoding::write_policies(policies))?;
    Ok(())
}

fn version(row: &Row<'_>) -> Result<(), CatalogError> {
    key(row, 1)?;
    let length = count(row, 2)?;
    etag(row, 3)?;
    time(row, 4)?;
    same(&text(row, 5)?, encoding::read_metadata, encoding::write_metadata)?;
    let lengths = same(&text(row, 6)?, encoding::read_lengths, |lengths| encoding::write_lengths(lengths))?;
    let sum = lengths.iter().try_fold(0_u64, |sum, length| sum.checked_add(*length));
    must(lengths.is_empty() || sum == Some(length), "parts' lengths that do not add up")?;
    count(row, 7)?;
    let (upload, completion): (Option<String>, Option<Vec<u8>>) = (row.get(8)?, row.get(9)?);
    must(upload.is_some() == completion.is_some(), "an upload without its completion")?;
    digest(row, 9, 32)?;
    if let Some(stored) = row.get::<_, Option<Vec<u8>>>(10)? {
        must(block_list::write(&block_list::read(&stored)?) == stored, "a list of blocks that was not written so")?;
    }
    Ok(())
}

fn object(row: &Row<'_>) -> Result<(), CatalogError> {
    key(row, 1)?;
    count(row, 2)?;
    etag(row, 3)?;
    time(row, 4)?;
    if let Some(tags) = row.get::<_, Option<String>>(5)? {
        let written = |tags: &_| encoding::write_tags(tags).map(Option::unwrap_or_default);
        same(&tags, |text| encoding::read_tags(Some(text)), written)?;
    }
    time(row, 6)
}

fn upload(row: &Row<'_>) -> Result<(), CatalogError> {
    key(row, 1)?;
    time(row, 2)?;
    same(&text(row, 3)?, encoding::read_metadata, encoding::write_metadata)?;
    row.get::<_, Option<String>>(4)?;
    Ok(())
}

fn upload_part(row: &Row<'_>) -> Result<(), CatalogError> {
    count(row, 1)?;
    etag(row, 2)?;
    digest(row, 3, 16)?;
    time(row, 4)?;
    same(&text(row, 5)?, encoding::read_checksums, |checksums| encoding::write_checksums(checksums))?;
    Ok(())
}

fn part(row: &Row<'_>) -> Result<(), CatalogError> {
    rows::tenant(&text(row, 1)?)?;
    must(count(row, 2)? <= count(row, 3)?, "a part that is longer than its chunks")?;
    rows::number::<u32>(row.get(4)?)?;
    digest(row, 5, WRAPPED_BYTES)
}

fn placement(row: &Row<'_>) -> Result<(), CatalogError> {
    rows::provider(&text(row, 1)?).map(drop)
}

fn part_block(row: &Row<'_>) -> Result<(), CatalogError> {
    rows::tenant(&text(row, 1)?)?;
    must(rows::number::<u32>(row.get(2)?)? > 0, "a block without ids")?;
    time(row, 3)
}

fn deletion(row: &Row<'_>) -> Result<(), CatalogError> {
    rows::provider(&text(row, 1)?)?;
    rows::tenant(&text(row, 2)?)?;
    must(rows::number::<u32>(row.get(3)?)? > 0, "a deletion without chunks")?;
    time(row, 4)?;
    must(count(row, 5)? == 16, "a part id of another length")
}

fn lease(row: &Row<'_>) -> Result<(), CatalogError> {
    // An empty key: of the bucket itself.
    let key: Vec<u8> = row.get(1)?;
    if !key.is_empty() {
        rows::key(key)?;
    }
    must(!text(row, 2)?.is_empty(), "a lease without an id")?;
    row.get::<_, Option<i64>>(3)?.map(rows::number::<u64>).transpose()?;
    // Its times are computed, and may lie anywhere.
    row.get::<_, Option<i64>>(4)?;
    row.get::<_, Option<i64>>(5)?;
    Ok(())
}

fn waiting(row: &Row<'_>) -> Result<(), CatalogError> {
    count(row, 2)?;
    let stored: Vec<u8> = row.get(1)?;
    if let Some((&rows::GOING, which)) = stored.split_first() {
        must(which == text(row, 0)?.as_bytes(), "a key of what is going that is not its id's")?;
        return must(row.get::<_, i64>(3)? == SINCE_EVER, "what is going and has a time");
    }
    rows::key(stored)?;
    time(row, 3)
}

fn block(row: &Row<'_>) -> Result<(), CatalogError> {
    must(BlockId::parse(&text(row, 1)?).is_some(), "a block's name that is none")?;
    count(row, 2)?;
    digest(row, 3, 16)
}

fn counter(row: &Row<'_>) -> Result<(), CatalogError> {
    must(["content", "probe", "time"].contains(&text(row, 1)?.as_str()), "a counter of nothing")?;
    count(row, 2).map(drop)
}
