//! The audit: every count taken again, and every row read whole ([`whole`]). What it says of a fault names no object.

use rusqlite::Connection;

use super::{block_list, schema, whole};
use crate::catalog::CatalogError;

/// What must select nothing, and what it means when it does. The first column is a text that tells the rows apart.
const CHECKS: &[(&str, &str)] = &[
    (
        "a part's count of slices is wrong",
        "SELECT hex(part.part_id) FROM part
         LEFT JOIN (SELECT part_id, count(*) AS found FROM slice GROUP BY part_id) AS counted USING (part_id)
         WHERE coalesce(found, 0) <> slices",
    ),
    ("a part has no slice", "SELECT hex(part_id) FROM part WHERE slices <= 0"),
    (
        "a part has no placement",
        "SELECT hex(part_id) FROM part WHERE NOT EXISTS (SELECT 1 FROM placement WHERE placement.part_id = part.part_id)",
    ),
    (
        "a part waits for deletion",
        "SELECT DISTINCT hex(part_id) FROM deletion WHERE EXISTS (SELECT 1 FROM part WHERE part.part_id = deletion.part_id)",
    ),
    (
        "the deletions that wait are counted wrong",
        "SELECT 'the count' WHERE (SELECT waiting FROM deletion_count) IS NOT (SELECT count(*) FROM deletion)
             OR (SELECT failing FROM deletion_count) IS NOT (SELECT count(nullif(attempts, 0)) FROM deletion)",
    ),
    (
        "a placement has no part",
        "SELECT hex(part_id) FROM placement WHERE NOT EXISTS (SELECT 1 FROM part WHERE part.part_id = placement.part_id)",
    ),
    (
        "a slice has no part",
        "SELECT content_id || ' at ' || position FROM slice
         WHERE NOT EXISTS (SELECT 1 FROM part WHERE part.part_id = slice.part_id)",
    ),
    (
        "a slice goes beyond its part",
        "SELECT content_id || ' at ' || position FROM slice JOIN part USING (part_id)
         WHERE slice.part_offset + slice.length > part.length",
    ),
    (
        "a slice does not begin where the one before ends",
        "SELECT content_id || ' at ' || position FROM (
             SELECT content_id, position, lag(position + length, 1, 0) OVER (PARTITION BY content_id ORDER BY position) AS due
             FROM slice WHERE NOT EXISTS (SELECT 1 FROM leftover
                 WHERE leftover.content_id = slice.content_id AND leftover.position <= slice.position))
         WHERE position <> due",
    ),
    (
        "a content belongs to nothing",
        "SELECT DISTINCT content_id || '' FROM slice
         WHERE content_id NOT IN (SELECT coalesce(shares, version_id) FROM version)
             AND content_id NOT IN (SELECT content_id FROM upload_part)
             AND content_id NOT IN (SELECT content_id FROM block) AND content_id NOT IN (SELECT content_id FROM leftover)",
    ),
    (
        "a slice is behind all that versions see of its content",
        "SELECT content_id || ' at ' || slice.position FROM slice
         JOIN (SELECT coalesce(shares, version_id) AS content_id, max(length) AS seen FROM version GROUP BY 1)
             USING (content_id)
         LEFT JOIN leftover USING (content_id)
         WHERE slice.position >= seen AND slice.position < coalesce(leftover.position, 9223372036854775807)",
    ),
    (
        "a version's length is not its slices'",
        "SELECT version_id || '' FROM version
         WHERE length <> (SELECT coalesce(sum(slice.length), 0) FROM slice
             WHERE content_id = coalesce(shares, version_id) AND slice.position < version.length)",
    ),
    (
        "a name's line in lists is not its version's",
        "SELECT object.version_id || '' FROM object JOIN version USING (version_id)
         WHERE object.length <> version.length OR object.etag <> version.etag OR object.modified <> version.modified
            OR object.storage_class IS NOT version.metadata ->> '$.storage_class'
            OR object.revision <> version.revision OR object.created IS NOT version.metadata ->> '$.created'
            OR object.tags IS NOT version.metadata ->> '$.tags'",
    ),
    (
        "an upload part's length is not its slices'",
        "SELECT content_id || '' FROM upload_part
         WHERE length <> (SELECT coalesce(sum(slice.length), 0) FROM slice WHERE slice.content_id = upload_part.content_id)",
    ),
    (
        "a name's version is missing or another's",
        "SELECT object.version_id || '' FROM object LEFT JOIN version USING (version_id)
         WHERE (version.bucket_id, version.key, version.length, version.etag, version.modified)
             IS NOT (object.bucket_id, object.key, object.length, object.etag, object.modified)",
    ),
    (
        "a version is neither current nor past",
        "SELECT version_id || '' FROM version
         WHERE version_id IS NOT (SELECT object.version_id FROM object
                                  WHERE object.bucket_id = version.bucket_id AND object.key = version.key)
             AND NOT EXISTS (SELECT 1 FROM past WHERE past.bucket_id = version.bucket_id AND past.key = version.key
                                                  AND past.version_id = version.version_id)",
    ),
    (
        "a past version's line in lists is not its version's",
        "SELECT past.version_id || '' FROM past LEFT JOIN version USING (version_id)
         WHERE (version.bucket_id, version.key, version.length, version.etag, version.modified, version.revision)
             IS NOT (past.bucket_id, past.key, past.length, past.etag, past.modified, past.revision)
            OR past.storage_class IS NOT version.metadata ->> '$.storage_class'",
    ),
    (
        "a version is past twice, or current and past",
        "SELECT version_id || '' FROM (SELECT version_id FROM past UNION ALL SELECT version_id FROM object)
         GROUP BY version_id HAVING count(*) > 1",
    ),
    (
        "a snapshot has no current version",
        "SELECT version_id || '' FROM past LEFT JOIN ending ON ending.bucket_id = past.bucket_id
                 AND ending.key = past.key AND ending.upto >= past.snapshot
             WHERE CASE what WHEN 'delete' THEN 0 WHEN 'restore' THEN 1 ELSE deleted IS NULL END
             AND NOT EXISTS (SELECT 1 FROM object WHERE object.bucket_id = past.bucket_id AND object.key = past.key)
             AND past.bucket_id NOT IN (SELECT bucket_id FROM bucket WHERE tenant = '')",
    ),
    (
        "what was deleted is current",
        "SELECT version_id || '' FROM past WHERE snapshot >= 9223372036854775806 AND (deleted IS NULL
             OR EXISTS (SELECT 1 FROM object WHERE object.bucket_id = past.bucket_id AND object.key = past.key))",
    ),
    (
        "a lease is of nothing",
        "SELECT lease_id FROM lease WHERE key > x''
             AND NOT EXISTS (SELECT 1 FROM object WHERE object.bucket_id = lease.bucket_id AND object.key = lease.key)",
    ),
    (
        "a block's length is not its slices'",
        "SELECT content_id || '' FROM block
         WHERE length <> (SELECT coalesce(sum(slice.length), 0) FROM slice WHERE slice.content_id = block.content_id)",
    ),
    (
        "a count of uncommitted blocks is wrong",
        "SELECT uncommitted_id || '' FROM uncommitted
         WHERE blocks <= 0 OR blocks <> (SELECT count(*) FROM block WHERE block.uncommitted_id = uncommitted.uncommitted_id)",
    ),
    ("a block has no name that it waits under", "SELECT content_id || '' FROM block WHERE uncommitted_id NOT IN (SELECT uncommitted_id FROM uncommitted)"),
    (
        "a tag is not in the index",
        "SELECT object.version_id || '' FROM object JOIN json_each(object.tags) AS tag
         WHERE NOT EXISTS (SELECT 1 FROM tag AS entry WHERE entry.bucket_id = object.bucket_id
             AND entry.name = tag.key AND entry.value = tag.value AND entry.key = object.key)",
    ),
    (
        "the index has a tag that no object has",
        "SELECT 'in bucket ' || bucket_id FROM tag AS entry WHERE NOT EXISTS (
             SELECT 1 FROM object JOIN json_each(object.tags) AS tag
             WHERE object.bucket_id = entry.bucket_id AND object.key = entry.key
                 AND tag.key = entry.name AND tag.value = entry.value)",
    ),
    (
        "an object has no bucket",
        "SELECT version_id || '' FROM object WHERE bucket_id NOT IN (SELECT bucket_id FROM bucket)",
    ),
    (
        "rules of CORS have no bucket",
        "SELECT bucket_id || '' FROM bucket_cors WHERE bucket_id NOT IN (SELECT bucket_id FROM bucket)",
    ),
    (
        "tags of a bucket have no bucket",
        "SELECT bucket_id || '' FROM bucket_tags WHERE bucket_id NOT IN (SELECT bucket_id FROM bucket)",
    ),
    ("an upload has no bucket", "SELECT upload_id FROM upload WHERE bucket_id NOT IN (SELECT bucket_id FROM bucket)"),
    (
        "an upload part has no upload",
        "SELECT content_id || '' FROM upload_part WHERE upload_row NOT IN (SELECT upload_row FROM upload)",
    ),
    (
        "what a client has is counted wrong",
        "SELECT coalesce(counted.client, usage.client) FROM (
             SELECT client, sum(bytes) AS bytes, sum(objects) AS objects, sum(uploads) AS uploads FROM (
                 SELECT metadata ->> '$.owner' AS client, length AS bytes, 1 AS objects, 0 AS uploads FROM version
                 UNION ALL SELECT metadata ->> '$.owner', 0, 0, 1 FROM upload
                 UNION ALL SELECT upload.metadata ->> '$.owner', upload_part.length, 0, 0
                     FROM upload_part JOIN upload USING (upload_row)
                 UNION ALL SELECT client, 0, 0, 1 FROM uncommitted
                 UNION ALL SELECT client, block.length, 0, 0 FROM block JOIN uncommitted USING (uncommitted_id))
             WHERE client IS NOT NULL GROUP BY client) AS counted
         FULL JOIN usage ON usage.client = counted.client
         WHERE coalesce(counted.bytes, 0) <> coalesce(usage.bytes, 0)
            OR coalesce(counted.objects, 0) <> coalesce(usage.objects, 0)
            OR coalesce(counted.uploads, 0) <> coalesce(usage.uploads, 0)",
    ),
    (
        "an upload's count of bytes is wrong",
        "SELECT upload_id FROM upload WHERE bytes IS NULL
             OR bytes <> (SELECT coalesce(sum(length), 0) FROM upload_part WHERE upload_part.upload_row = upload.upload_row)",
    ),
    (
        "what a bucket holds is counted wrong",
        "SELECT 'bucket ' || coalesce(counted.bucket_id, bucket_usage.bucket_id) FROM (
             SELECT bucket_id, sum(bytes) AS bytes, sum(objects) AS objects, sum(uploads) AS uploads FROM (
                 SELECT bucket_id, length AS bytes, 1 AS objects, 0 AS uploads FROM version
                 UNION ALL SELECT bucket_id, 0, 0, 1 FROM upload
                 UNION ALL SELECT bucket_id, upload_part.length, 0, 0 FROM upload_part JOIN upload USING (upload_row)
                 UNION ALL SELECT bucket_id, 0, 0, 1 FROM uncommitted
                 UNION ALL SELECT bucket_id, block.length, 0, 0 FROM block JOIN uncommitted USING (uncommitted_id))
             GROUP BY bucket_id) AS counted
         FULL JOIN bucket_usage ON bucket_usage.bucket_id = counted.bucket_id
         WHERE coalesce(counted.bytes, 0) <> coalesce(bucket_usage.bytes, 0)
            OR coalesce(counted.objects, 0) <> coalesce(bucket_usage.objects, 0)
            OR coalesce(counted.uploads, 0) <> coalesce(bucket_usage.uploads, 0)",
    ),
    (
        "a slice is of another tenant's part",
        "SELECT content_id || ' at ' || position FROM slice JOIN part USING (part_id)
             JOIN version ON version.version_id = slice.content_id JOIN bucket USING (bucket_id)
         WHERE bucket.tenant > '' AND bucket.tenant <> part.tenant",
    ),
    (
        "the counter of contents is behind, or is not there",
        "SELECT 'content' WHERE coalesce((SELECT value FROM counter WHERE name = 'content'), -1) <
             (SELECT coalesce(max(used), 0) FROM (SELECT max(version_id) AS used FROM version
                  UNION ALL SELECT max(revision) FROM version UNION ALL SELECT max(revision) FROM bucket
                  UNION ALL SELECT max(content_id) FROM upload_part UNION ALL SELECT max(content_id) FROM block))",
    ),
    (
        "a sequence of ids is of nothing, or is missing",
        "SELECT name FROM sqlite_sequence WHERE name NOT IN (SELECT name FROM sqlite_schema WHERE type = 'table')
         UNION ALL SELECT 'bucket' WHERE coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'bucket'), 0)
             < (SELECT coalesce(max(bucket_id), 0) FROM bucket)
         UNION ALL SELECT 'upload' WHERE coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'upload'), 0)
             < (SELECT coalesce(max(upload_row), 0) FROM upload)
         UNION ALL SELECT 'uncommitted' WHERE coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'uncommitted'), 0)
             < (SELECT coalesce(max(uncommitted_id), 0) FROM uncommitted)",
    ),
    // With its indexes, whose order decides what is found.
    ("the file's structure is damaged", "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'"),
];

/// Most lines for one kind of fault.
const MOST_LINES: usize = 100;

/// A line for each fault; none when the catalog is sound.
pub(super) fn audit(db: &Connection) -> Result<Vec<String>, CatalogError> {
    let mut faults = block_lists(db)?;
    faults.extend(whole::rows(db)?);
    faults.extend(structure(db)?);
    for (fault, sql) in CHECKS {
        let mut statement = db.prepare(sql)?;
        for which in statement.query_map([], |row| row.get::<_, String>(0))?.take(MOST_LINES) {
            faults.push(format!("{fault}: {}", which?));
        }
    }
    Ok(faults)
}

/// Tables and indexes must be what the migrations make.
pub(super) fn structure(db: &Connection) -> Result<Vec<String>, CatalogError> {
    let strange = |name| format!("the structure is not what this version makes: {name}");
    Ok(schema::strangers(db)?.into_iter().map(strange).collect())
}

/// Committed blocks must be readable and add up to their version.
fn block_lists(db: &Connection) -> Result<Vec<String>, CatalogError> {
    let mut statement = db.prepare("SELECT version_id, length, blocks FROM version WHERE blocks IS NOT NULL")?;
    let mut found = statement.query([])?;
    let mut faults = Vec::new();
    while let Some(row) = found.next()? {
        let (id, length): (i64, i64) = (row.get(0)?, row.get(1)?);
        let blocks = block_list::read(&row.get::<_, Vec<u8>>(2)?);
        let sum =
            blocks.map_or(None, |blocks| blocks.iter().try_fold(0_u64, |sum, block| sum.checked_add(block.length)));
        if sum.and_then(|sum| i64::try_from(sum).ok()) != Some(length) && faults.len() < MOST_LINES {
            faults.push(format!("a version's blocks do not add up: {id}"));
        }
    }
    Ok(faults)
}
