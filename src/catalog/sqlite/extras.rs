//! Pages of names with what lies beside current versions: snapshots, deletions that are retained, blocks that wait.
//!
//! One statement reads the tables side by side, each in the order of names, so a page still costs what the page costs.

use rusqlite::{Connection, Row, params};

use super::rows::{self, etag, number};
use super::{encoding, past};
use crate::catalog::order::{end_of_page, first_of_page, rolled_up, successor};
use crate::catalog::{CatalogError, ListEntry, ListPage, ListQuery, ListStart, Retained, VersionId};
use crate::model::{SnapshotId, Timestamp};

/// The rank of current versions, and of names with waiting blocks only: after all snapshots of the name.
const CURRENT: i64 = i64::MAX;

/// ?1 bucket, ?2 and ?3 name and rank that entries are above (`>=` where the rank is none), ?4 end, ?5 to ?7 snapshots,
/// waiting blocks, deletions, ?8 now.
const ROWS: &str = "SELECT key, rank, version_id, length, etag, modified, storage_class, revision,
        (SELECT metadata FROM version WHERE version.version_id = found.version_id), deleted, until,
        lease_id, duration, expires, breaks
    FROM (
        SELECT key, snapshot AS rank, version_id, length, etag, modified, storage_class, revision, deleted, until,
               NULL AS lease_id, NULL AS duration, NULL AS expires, NULL AS breaks
        FROM past WHERE bucket_id = ?1 AND (key, snapshot) > (?2, ?3) AND key < ?4
            AND CASE WHEN deleted IS NULL THEN ?5 ELSE ?7 AND until > ?8 AND (?5 OR snapshot = ?9) END
        UNION ALL
        SELECT object.key, 9223372036854775807, version_id, length, etag, modified, storage_class, revision, NULL, NULL,
               lease_id, duration, expires, breaks
        FROM object LEFT JOIN lease ON lease.bucket_id = object.bucket_id AND lease.key = object.key
        WHERE object.bucket_id = ?1 AND (object.key, 9223372036854775807) > (?2, ?3) AND object.key < ?4
        UNION ALL
        SELECT key, 9223372036854775807, NULL, 0, '', 0, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL
        FROM uncommitted WHERE ?6 AND bucket_id = ?1 AND (key, 9223372036854775807) > (?2, ?3) AND key < ?4
            AND NOT EXISTS (SELECT 1 FROM object WHERE object.bucket_id = ?1 AND object.key = uncommitted.key)
        ORDER BY 1, 2
    ) AS found";

pub(super) fn list(db: &Connection, bucket: i64, query: &ListQuery) -> Result<ListPage, CatalogError> {
    let delimiter = query.delimiter.as_deref();
    let mut page = ListPage { entries: Vec::new(), next: None };
    let end = end_of_page(&query.prefix);
    let mut rank = match &query.start {
        ListStart::Within { rank, .. } => *rank,
        _ => i64::MIN,
    };
    let mut last = None;
    let mut from = first_of_page(&query.start, &query.prefix, delimiter);
    let mut statement = db.prepare_cached(ROWS)?;
    let shown = query.extras;
    let now = Timestamp::now().0;
    while let Some(first) = from.take() {
        let values =
            params![bucket, first, rank, end, shown.snapshots, shown.uncommitted, shown.deleted, now, past::DELETED];
        let mut found = statement.query(values)?;
        while let Some(row) = found.next()? {
            if page.entries.len() == query.limit {
                page.next = last;
                return Ok(page);
            }
            let key = rows::key(row.get(0)?)?;
            if let Some(common) = rolled_up(key.as_str(), &query.prefix, delimiter) {
                from = successor(common.as_bytes());
                rank = i64::MIN;
                last = Some(ListStart::AfterPrefix(common.to_owned()));
                page.entries.push(ListEntry::Prefix(common.to_owned()));
                break;
            }
            last = Some(ListStart::Within { key: key.as_str().to_owned(), rank: row.get(1)? });
            page.entries.push(entry(row, key, query.with_metadata)?);
        }
    }
    Ok(page)
}

fn entry(row: &Row<'_>, key: crate::model::ObjectKey, with_metadata: bool) -> Result<ListEntry, CatalogError> {
    let Some(version) = row.get::<_, Option<i64>>(2)? else { return Ok(ListEntry::Uncommitted { key }) };
    let rank: i64 = row.get(1)?;
    let metadata = if with_metadata {
        let text: Option<String> = row.get(8)?;
        let text = text.ok_or(CatalogError::Damaged("a name without its version"))?;
        Some(Box::new(encoding::read_metadata(&text)?))
    } else {
        None
    };
    let (deleted, until): (Option<i64>, Option<i64>) = (row.get(9)?, row.get(10)?);
    let retained =
        deleted.zip(until).map(|(deleted, until)| Retained { deleted: Timestamp(deleted), until: Timestamp(until) });
    Ok(ListEntry::Object {
        key,
        version: VersionId(version),
        length: number(row.get(3)?)?,
        etag: etag(&row.get::<_, String>(4)?)?,
        modified: Timestamp(row.get(5)?),
        storage_class: row.get(6)?,
        metadata,
        revision: row.get(7)?,
        lease: if with_metadata { rows::lease(row, 11)?.map(Box::new) } else { None },
        snapshot: (rank != CURRENT && rank != past::DELETED).then_some(SnapshotId(rank)),
        retained,
    })
}
