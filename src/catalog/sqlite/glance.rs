//! A look at some rows: what it costs is bounded, however many there are. And a look beside the gateway that works on them.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::holds::Holds;
use super::reader::Readers;
use super::writer::Writer;
use super::{PartKeyRow, SqliteCatalog, audit, parts, rows, schema, whole};
use crate::catalog::{CatalogError, CatalogSettings, Failure, PAGE_SLICES};
use crate::model::PartId;

/// Most rows of a kind that are looked at.
const MOST: usize = 1_000;

/// Some rows of a catalog, from a random one of each kind on.
pub struct Glance {
    /// How many versions were looked at.
    pub versions: usize,
    /// Keys of some parts.
    pub parts: Vec<PartKeyRow>,
    /// A line for each fault of the structure and of those versions.
    pub faults: Vec<String>,
}

impl SqliteCatalog {
    /// Looks at the structure, and at some rows.
    pub async fn glance(&self) -> Result<Glance, CatalogError> {
        self.read(|db| glance(db, MOST)).await
    }

    /// Opens a snapshot of the catalog at `path`, on which a gateway may be at work: all that is read is of the moment at which
    /// it was opened. Nothing is locked but SQLite's log, which grows until the snapshot is closed. Every write fails. Blocks
    /// on the disk.
    pub fn open_snapshot(path: &Path) -> Result<Self, CatalogError> {
        if !path.try_exists().map_err(CatalogError::from)? {
            return Err(CatalogError::Failed(Failure::Absent));
        }
        let (connection, schema) = schema::open_as_it_is(path)?;
        let lock = Arc::new(schema::Lock::none());
        let readers = Readers::open_snapshot(path, Arc::clone(&lock))?;
        let writer = Writer::start(connection, None, lock)?;
        Ok(Self { writer, readers, holds: Holds::default(), settings: CatalogSettings::default(), schema })
    }
}

fn glance(db: &Connection, most: usize) -> Result<Glance, CatalogError> {
    let mut faults = audit::structure(db)?;
    let last: i64 = db.query_row("SELECT coalesce(max(version_id), 0) FROM version", [], |row| row.get(0))?;
    let first: i64 = db.query_row("SELECT (random() & 0x7fffffffffffffff) % (?1 + 1)", [last], |row| row.get(0))?;
    let mut ids = versions(db, first, last, most)?;
    ids.extend(versions(db, 0, first - 1, most.saturating_sub(ids.len()))?);
    for id in &ids {
        faults.extend(whole::version_of_id(db, *id)?);
        faults.extend(length(db, *id)?);
    }
    let from = PartId(db.query_row("SELECT randomblob(16)", [], |row| row.get(0))?);
    let mut parts = parts::keys(db, Some(from), most)?;
    let before = parts::keys(db, None, most.saturating_sub(parts.len()))?;
    parts.extend(before.into_iter().filter(|row| row.part <= from));
    Ok(Glance { versions: ids.len(), parts, faults })
}

/// The ids of versions in a range.
fn versions(db: &Connection, first: i64, last: i64, most: usize) -> Result<Vec<i64>, CatalogError> {
    let mut statement =
        db.prepare("SELECT version_id FROM version WHERE version_id BETWEEN ?1 AND ?2 ORDER BY version_id LIMIT ?3")?;
    let found = statement.query_map(params![first, last, rows::limit(most)], |row| row.get(0))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Whether a version is as long as its slices are, where these are not many.
fn length(db: &Connection, id: i64) -> Result<Option<String>, CatalogError> {
    let sql = "SELECT version.length = coalesce(sum(slice.length), 0) FROM version
        LEFT JOIN (SELECT content_id, position, length FROM slice WHERE content_id =
            (SELECT coalesce(shares, version_id) FROM version WHERE version_id = ?1) ORDER BY position LIMIT ?2) AS slice
            ON slice.position < version.length
        WHERE version_id = ?1 HAVING count(slice.position) < ?2";
    let fits = db.prepare_cached(sql)?.query_row(params![id, rows::limit(PAGE_SLICES)], |row| row.get(0)).optional()?;
    Ok((fits == Some(false)).then(|| format!("a version's length is not its slices': {id}")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::catalog::sqlite::{buckets, objects};
    use crate::catalog::{Content, NewVersion};
    use crate::model::{BucketName, BucketRef, Conditions, ETag, Metadata, ObjectKey, TenantId, Timestamp};

    /// A catalog of `count` names without content, and of as many parts.
    fn catalog(count: u32) -> Connection {
        let db = Connection::open_in_memory().unwrap();
        schema::migrate(&db, 0).unwrap();
        let imaging = BucketName::parse("imaging").unwrap();
        let bucket = BucketRef { tenant: TenantId::parse("chum").unwrap(), name: imaging };
        buckets::create(&db, &bucket, Timestamp(1), &BTreeMap::new()).unwrap();
        for number in 0..count {
            let new = NewVersion {
                bucket: bucket.clone(),
                key: ObjectKey::parse(&format!("record {number}")).unwrap(),
                content: Content::Empty,
                length: 0,
                etag: ETag::of_nothing(),
                modified: Timestamp(5),
                metadata: Metadata::default(),
                conditions: Conditions::default(),
                part_lengths: Vec::new(),
            };
            let gone = objects::Disposal { grace_until: Timestamp(9), retention: None };
            objects::commit(&db, &new, gone).unwrap();
        }
        db.execute(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
             INSERT INTO part (part_id, tenant, length, padded_length, key_version, wrapped_key, slices)
                 SELECT CAST(printf('%016d', i) AS BLOB), 'chum', 10, 1024, 1, zeroblob(76), 1 FROM n WHERE ?1 > 0",
            [count],
        )
        .unwrap();
        db
    }

    #[test]
    fn a_glance_costs_the_same_at_twenty_times_as_many_rows() {
        let taken = [200, 4_000].map(|count| {
            let mut db = catalog(count);
            let steps = Arc::new(AtomicU64::new(0));
            let counter = Arc::clone(&steps);
            let one = move || {
                counter.fetch_add(1, Ordering::Relaxed);
                false
            };
            db.progress_handler(1, Some(one)).unwrap();
            let glance = glance(&db, 100).unwrap();
            assert_eq!((glance.versions, glance.parts.len(), glance.faults), (100, 100, vec![]), "of {count}");
            steps.load(Ordering::Relaxed)
        });
        assert!(taken[1] < taken[0] + taken[0] / 10, "{taken:?} steps");
    }

    #[test]
    fn a_glance_sees_all_of_a_small_catalog_and_what_is_wrong_in_it() {
        let db = catalog(3);
        let glanced = glance(&db, 100).unwrap();
        assert_eq!((glanced.versions, glanced.parts.len(), glanced.faults), (3, 3, vec![]));
        db.execute_batch("UPDATE version SET length = 7 WHERE key = CAST('record 1' AS BLOB); DROP INDEX past_until;")
            .unwrap();
        let faults = glance(&db, 100).unwrap().faults;
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("past_until"), "{faults:?}");
        assert!(faults[1].starts_with("a version's length is not its slices'"), "{faults:?}");
        db.execute_batch("UPDATE version SET metadata = '{\"owner\": 7}' WHERE key = CAST('record 2' AS BLOB)")
            .unwrap();
        let faults = glance(&db, 100).unwrap().faults;
        assert!(faults.iter().any(|fault| fault.starts_with("a version that cannot be read")), "{faults:?}");
        let none = glance(&catalog(0), 100).unwrap();
        assert_eq!((none.versions, none.parts.len(), none.faults), (0, 0, vec![]));
    }
}
