//! What must hold of the files of a gateway that has stopped, however it stopped. Read from outside: the catalog's file,
//! the root key, the provider's folder; no protocol, no running gateway.
//!
//! The catalog is read from a copy, so that looking changes nothing.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "each test binary uses a part of these tests' tools"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use ecluse::keys::{FileCustodian, Keyring};
use ecluse::model::{PartId, TenantId, TenantKeyPurpose, WrappedKey, WrappedTenantKey};
use ecluse::seal::chunk_name;
use ecluse::seal::layout::{chunk_count, chunk_plain_length, sealed_length};
use rusqlite::{Connection, Row};

/// How a gateway stopped, and so what may be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Killed: chunks that no part has may be there, if their ids are of an open block or they are queued for deletion.
    Killed,
    /// In order, after the deletion queue had drained: nothing of the kind.
    Drained,
}

/// No part that is killed on its way has more chunks in these tests.
const LARGEST: u32 = 4;

/// What must select nothing. The first column tells the rows apart.
const CHECKS: &[(&str, &str)] = &[
    ("a slice has no part", "SELECT content_id FROM slice LEFT JOIN part USING (part_id) WHERE part.part_id IS NULL"),
    (
        "a part's reference count is wrong",
        "SELECT hex(part_id) FROM part
         WHERE slices <> (SELECT count(*) FROM slice WHERE slice.part_id = part.part_id)",
    ),
    (
        "a part that nothing refers to keeps its wrapped key",
        "SELECT hex(part_id) FROM part WHERE part_id NOT IN (SELECT part_id FROM slice)",
    ),
    (
        "a removed part keeps its wrapped key",
        "SELECT hex(part_id) FROM part WHERE part_id IN (SELECT part_id FROM deletion)",
    ),
    ("a part is nowhere", "SELECT hex(part_id) FROM part WHERE part_id NOT IN (SELECT part_id FROM placement)"),
    ("a placement has no part", "SELECT hex(part_id) FROM placement WHERE part_id NOT IN (SELECT part_id FROM part)"),
    (
        "a client's count of bytes is wrong",
        "SELECT client FROM usage WHERE bytes <>
             (SELECT coalesce(sum(length), 0) FROM version WHERE metadata ->> 'owner' = client)
             + (SELECT coalesce(sum(length), 0) FROM upload_part WHERE upload_row IN
                   (SELECT upload_row FROM upload WHERE metadata ->> 'owner' = client))
             + (SELECT coalesce(sum(length), 0) FROM block WHERE uncommitted_id IN
                   (SELECT uncommitted_id FROM uncommitted WHERE uncommitted.client = usage.client))",
    ),
    (
        "a client's count of objects or uploads is wrong",
        "SELECT client FROM usage WHERE objects <> (SELECT count(*) FROM version WHERE metadata ->> 'owner' = client)
             OR uploads <> (SELECT count(*) FROM upload WHERE metadata ->> 'owner' = client)
                 + (SELECT count(*) FROM uncommitted WHERE uncommitted.client = usage.client)",
    ),
    (
        "what a client has is not counted",
        "SELECT version_id FROM version WHERE metadata ->> 'owner' NOT IN (SELECT client FROM usage)",
    ),
    (
        "a bucket's count is wrong or missing",
        "SELECT bucket_id FROM bucket LEFT JOIN bucket_usage AS mine USING (bucket_id)
         WHERE coalesce(mine.bytes, 0) <>
                 (SELECT coalesce(sum(length), 0) FROM version WHERE version.bucket_id = bucket.bucket_id)
                 + (SELECT coalesce(sum(length), 0) FROM upload_part WHERE upload_row IN
                       (SELECT upload_row FROM upload WHERE upload.bucket_id = bucket.bucket_id))
                 + (SELECT coalesce(sum(length), 0) FROM block WHERE uncommitted_id IN
                       (SELECT uncommitted_id FROM uncommitted WHERE uncommitted.bucket_id = bucket.bucket_id))
             OR coalesce(mine.objects, 0) <>
                 (SELECT count(*) FROM version WHERE version.bucket_id = bucket.bucket_id)
             OR coalesce(mine.uploads, 0) <>
                 (SELECT count(*) FROM upload WHERE upload.bucket_id = bucket.bucket_id)
                 + (SELECT count(*) FROM uncommitted WHERE uncommitted.bucket_id = bucket.bucket_id)",
    ),
    ("a count is of no bucket", "SELECT bucket_id FROM bucket_usage WHERE bucket_id NOT IN (SELECT bucket_id FROM bucket)"),
    (
        "a slice goes beyond its part",
        "SELECT content_id FROM slice JOIN part USING (part_id) WHERE part_offset + slice.length > part.length",
    ),
    (
        "slices do not join",
        "SELECT content_id FROM (SELECT slice.content_id AS content_id, slice.position AS position,
             lag(slice.position + length, 1, 0) OVER (PARTITION BY slice.content_id ORDER BY slice.position) AS begin
             FROM slice LEFT JOIN leftover USING (content_id)
             WHERE leftover.content_id IS NULL OR slice.position < leftover.position)
         WHERE position <> begin",
    ),
    (
        "a content belongs to nothing",
        "SELECT DISTINCT content_id FROM slice
         WHERE content_id NOT IN (SELECT coalesce(shares, version_id) FROM version UNION SELECT content_id FROM upload_part
                                  UNION SELECT content_id FROM block UNION SELECT content_id FROM leftover)",
    ),
    (
        "an object's length is not its content's",
        "SELECT version_id FROM version
         WHERE length <> (SELECT coalesce(sum(slice.length), 0) FROM slice
                          WHERE content_id = coalesce(shares, version_id) AND position < version.length)",
    ),
    (
        "bytes of a content are seen by no version and do not wait to go",
        "SELECT slice.content_id FROM slice
         JOIN (SELECT coalesce(shares, version_id) AS content_id, max(length) AS seen FROM version GROUP BY 1)
             USING (content_id)
         LEFT JOIN leftover USING (content_id)
         WHERE slice.position >= seen AND (leftover.content_id IS NULL OR slice.position < leftover.position)",
    ),
    (
        "an upload part's length is not its content's",
        "SELECT content_id FROM upload_part AS mine
         WHERE length <> (SELECT coalesce(sum(slice.length), 0) FROM slice WHERE slice.content_id = mine.content_id)",
    ),
    (
        "an object and its version differ",
        "SELECT version_id FROM object LEFT JOIN version USING (version_id)
         WHERE version.key IS NOT object.key OR version.bucket_id IS NOT object.bucket_id
            OR version.length IS NOT object.length OR version.etag IS NOT object.etag
            OR version.modified IS NOT object.modified OR version.revision IS NOT object.revision
            OR version.metadata ->> '$.tags' IS NOT object.tags",
    ),
    (
        "a version has no object",
        "SELECT version_id FROM version
         WHERE version_id NOT IN (SELECT version_id FROM object UNION SELECT version_id FROM past)",
    ),
    (
        "a past version and its line differ",
        "SELECT past.version_id FROM past LEFT JOIN version USING (version_id)
         WHERE version.key IS NOT past.key OR version.bucket_id IS NOT past.bucket_id
            OR version.length IS NOT past.length OR version.etag IS NOT past.etag
            OR version.modified IS NOT past.modified OR version.revision IS NOT past.revision",
    ),
    (
        "a version is past twice, or past and current",
        "SELECT version_id FROM (SELECT version_id FROM past UNION ALL SELECT version_id FROM object)
         GROUP BY version_id HAVING count(*) > 1",
    ),
    (
        "a snapshot has no object",
        "SELECT version_id FROM past
         WHERE deleted IS NULL AND (bucket_id, key) NOT IN (SELECT bucket_id, key FROM object)
           AND snapshot > coalesce((SELECT upto FROM ending
                   WHERE ending.bucket_id = past.bucket_id AND ending.key = past.key), -1)
           AND bucket_id NOT IN (SELECT bucket_id FROM bucket WHERE tenant = '')",
    ),
    (
        "a block's length is not its content's",
        "SELECT content_id FROM block AS mine
         WHERE length <> (SELECT coalesce(sum(slice.length), 0) FROM slice WHERE slice.content_id = mine.content_id)",
    ),
    ("two blocks share a content", "SELECT content_id FROM block GROUP BY content_id HAVING count(*) > 1"),
    (
        "a count of uncommitted blocks is wrong",
        "SELECT uncommitted_id FROM uncommitted AS mine
         WHERE blocks = 0 OR blocks <> (SELECT count(*) FROM block WHERE block.uncommitted_id = mine.uncommitted_id)",
    ),
    (
        "a block waits under no name",
        "SELECT content_id FROM block WHERE uncommitted_id NOT IN (SELECT uncommitted_id FROM uncommitted)",
    ),
    (
        "blocks wait where blocks cannot be",
        "SELECT version_id FROM uncommitted JOIN object USING (bucket_id, key) JOIN version USING (version_id)
         WHERE metadata ->> '$.append' IS NOT NULL",
    ),
    (
        "a lease is of nothing",
        "SELECT lease_id FROM lease WHERE key <> x'' AND (bucket_id, key) NOT IN (SELECT bucket_id, key FROM object)",
    ),
    (
        "an object's tags and the index of tags differ",
        "SELECT hex(key) FROM (
             SELECT bucket_id, object.key AS key, each.key AS name, each.value AS value
             FROM object, json_each(object.tags) AS each
             EXCEPT SELECT bucket_id, key, name, value FROM tag)
         UNION ALL SELECT hex(key) FROM (
             SELECT bucket_id, key, name, value FROM tag
             EXCEPT SELECT bucket_id, object.key, each.key, each.value
             FROM object, json_each(object.tags) AS each)",
    ),
    ("an object has no bucket", "SELECT version_id FROM object WHERE bucket_id NOT IN (SELECT bucket_id FROM bucket)"),
    ("an upload has no bucket", "SELECT upload_row FROM upload WHERE bucket_id NOT IN (SELECT bucket_id FROM bucket)"),
    (
        "a part of an upload dangles",
        "SELECT content_id FROM upload_part WHERE upload_row NOT IN (SELECT upload_row FROM upload)",
    ),
    (
        "an upload was completed and is still open",
        "SELECT upload_id FROM upload WHERE upload_id IN (SELECT upload_id FROM version WHERE upload_id IS NOT NULL)",
    ),
    (
        "a content's id is not below the counter",
        "SELECT max(content_id) AS highest FROM (SELECT content_id FROM slice UNION SELECT version_id FROM version
                                              UNION SELECT revision FROM version UNION SELECT content_id FROM block)
         HAVING highest > (SELECT value FROM counter WHERE name = 'content')",
    ),
    ("a foreign key leads nowhere", "SELECT \"table\" || rowid FROM pragma_foreign_key_check"),
    ("the file is damaged", "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'"),
];

/// The blocks of part ids that are open in the catalog of a gateway, be it running: its own, and those of earlier processes
/// whose leftovers it has not looked for yet.
pub fn open_blocks(data: &Path) -> BTreeSet<String> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let db = Connection::open_with_flags(data.join("catalog.db"), flags).expect("the catalog");
    let mut blocks = db.prepare("SELECT hex(prefix) FROM part_block").expect("a query");
    blocks.query_map([], |row| row.get(0)).expect("rows").map(Result::unwrap).collect()
}

/// Every violation, a line each. `data`: the folder with `catalog.db` and `root.key`; `provider`: the folder that holds
/// the chunks as `aa/bb…`.
pub fn violations(data: &Path, provider: &Path, stopped: Stopped) -> Vec<String> {
    let (_copy, db) = copied(data);
    let mut found = Vec::new();
    for (what, sql) in CHECKS {
        let mut statement = db.prepare(sql).unwrap_or_else(|error| panic!("{what}: {error}"));
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            found.push(format!("{what}: {}", text(row)));
        }
    }
    let keyring = keyring(&db, &data.join("root.key"));
    if stopped == Stopped::Drained {
        for (what, sql) in [
            ("a deletion waits", "SELECT hex(part_id) FROM deletion"),
            ("a block of part ids is open", "SELECT hex(prefix) FROM part_block"),
        ] {
            let mut statement = db.prepare(sql).unwrap();
            let rows: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
            found.extend(rows.into_iter().map(|which| format!("{what}: {which}")));
        }
    }
    chunks(&db, &keyring, (data, provider), stopped, &mut found);
    found
}

/// Says nothing when all is well.
///
/// # Panics
/// With every violation.
#[track_caller]
pub fn hold(data: &Path, provider: &Path, stopped: Stopped, when: &str) {
    let found = violations(data, provider, stopped);
    assert!(found.is_empty(), "{when}: {} violations\n{}", found.len(), found.join("\n"));
}

/// Each chunk that a part needs is there with its exact length; each that is there is needed, or may be left.
fn chunks(
    db: &Connection,
    keyring: &Keyring,
    (data, provider): (&Path, &Path),
    stopped: Stopped,
    found: &mut Vec<String>,
) {
    let (mut there, foreign) = stored(provider);
    let notes = super::notes::names(data);
    there.retain(|name, _| !notes.contains(name));
    if stopped == Stopped::Drained {
        found.extend(foreign.into_iter().map(|path| format!("a file that is no chunk: {path}")));
    }
    let mut statement =
        db.prepare("SELECT part_id, tenant, padded_length, key_version, wrapped_key FROM part").unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (part, tenant, padded) =
            (PartId(row.get(0).unwrap()), tenant(row, 1), row.get::<_, i64>(2).unwrap().cast_unsigned());
        let wrapped = WrappedKey { key_version: row.get(3).unwrap(), bytes: row.get(4).unwrap() };
        if keyring.open_part_key(&tenant, part, &wrapped).is_err() {
            found.push(format!("a wrapped key does not open: {part}"));
        }
        for index in 0..chunk_count(padded) {
            let name = chunk_name(&keyring.naming_key(&tenant).unwrap(), part, index).to_string();
            let wanted = sealed_length(chunk_plain_length(padded, index));
            match there.remove(&name) {
                None => found.push(format!("a chunk is missing: {part} chunk {index}")),
                Some(bytes) if bytes != wanted => {
                    found.push(format!("a chunk has {bytes} bytes, not {wanted}: {part} chunk {index}"));
                }
                Some(_) => {}
            }
        }
    }
    if stopped == Stopped::Killed && !there.is_empty() {
        let excused = excused(db, keyring);
        there.retain(|name, _| !excused.contains(name));
    }
    found.extend(there.into_keys().map(|name| format!("a chunk is orphaned: {name}")));
}

/// Names of chunks that the deletion queue or the next sweep will find.
fn excused(db: &Connection, keyring: &Keyring) -> HashSet<String> {
    let mut names = HashSet::new();
    let mut statement = db.prepare("SELECT part_id, tenant, chunks FROM deletion").unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let key = keyring.naming_key(&tenant(row, 1)).unwrap();
        let part = PartId(row.get(0).unwrap());
        names.extend((0..row.get::<_, u32>(2).unwrap()).map(|index| chunk_name(&key, part, index).to_string()));
    }
    let mut statement = db.prepare("SELECT prefix, tenant, count FROM part_block").unwrap();
    let mut rows = statement.query([]).unwrap();
    let living: HashSet<[u8; 16]> = {
        let mut parts = db.prepare("SELECT part_id FROM part").unwrap();
        parts.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    while let Some(row) = rows.next().unwrap() {
        let key = keyring.naming_key(&tenant(row, 1)).unwrap();
        let prefix: [u8; 12] = row.get(0).unwrap();
        for counter in 0..row.get::<_, u32>(2).unwrap() {
            let mut id = [0; 16];
            id[..12].copy_from_slice(&prefix);
            id[12..].copy_from_slice(&counter.to_be_bytes());
            if !living.contains(&id) {
                // More than the largest part of these tests has.
                names.extend((0..LARGEST).map(|index| chunk_name(&key, PartId(id), index).to_string()));
            }
        }
    }
    names
}

/// Chunks by name with their lengths, and files that are none.
fn stored(provider: &Path) -> (BTreeMap<String, u64>, BTreeSet<String>) {
    let (mut chunks, mut foreign) = (BTreeMap::new(), BTreeSet::new());
    let mut waiting = vec![provider.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                waiting.push(entry.path());
                continue;
            }
            let name = entry.path().strip_prefix(provider).unwrap().to_string_lossy().into_owned();
            let hex = |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
            if name.split_once('/').is_some_and(|(head, tail)| hex(head, 2) && hex(tail, 38)) {
                chunks.insert(name, entry.metadata().unwrap().len());
            } else {
                foreign.insert(name);
            }
        }
    }
    (chunks, foreign)
}

/// The keys of every tenant, opened with the root key's file.
fn keyring(db: &Connection, root: &Path) -> Keyring {
    let mut statement = db.prepare("SELECT tenant, purpose, version, wrapped FROM tenant_key").unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut keys = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let purpose =
            if row.get::<_, String>(1).unwrap() == "wrap" { TenantKeyPurpose::Wrap } else { TenantKeyPurpose::Name };
        let (version, bytes) = (row.get(2).unwrap(), row.get(3).unwrap());
        keys.push(WrappedTenantKey { tenant: tenant(row, 0), purpose, version, bytes });
    }
    let keyring = Keyring::new(Arc::new(FileCustodian::open(root).unwrap()));
    super::notes::at_once(keyring.unlock(&keys)).unwrap();
    keyring
}

/// What the catalog counts, by table: for tests that want to see that there was something to check.
pub fn rows(data: &Path) -> HashMap<&'static str, i64> {
    let (_copy, db) = copied(data);
    let tables = ["object", "version", "past", "part", "slice", "upload", "upload_part", "uncommitted", "block"];
    let others = ["lease", "tag", "deletion", "part_block"];
    tables
        .into_iter()
        .chain(others)
        .map(|table| (table, db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()))
        .collect()
}

/// How many chunks the parts of a catalog have together. Of one that is written meanwhile, `None`: it is read again later.
pub fn chunks_of_parts(data: &Path) -> Option<usize> {
    let (_copy, db) = copied(data);
    let mut statement = db.prepare("SELECT padded_length FROM part").ok()?;
    let lengths = statement.query_map([], |row| row.get::<_, i64>(0)).ok()?;
    lengths.map(|length| Some(chunk_count(length.ok()?.cast_unsigned()) as usize)).sum()
}

/// A catalog, opened from a copy; the copy goes with the folder.
fn copied(data: &Path) -> (tempfile::TempDir, Connection) {
    let copy = tempfile::tempdir().unwrap();
    for name in ["catalog.db", "catalog.db-wal"] {
        if data.join(name).exists() {
            std::fs::copy(data.join(name), copy.path().join(name)).unwrap();
        }
    }
    let db = Connection::open(copy.path().join("catalog.db")).unwrap();
    (copy, db)
}

fn tenant(row: &Row<'_>, column: usize) -> TenantId {
    TenantId::parse(&row.get::<_, String>(column).unwrap()).unwrap()
}

fn text(row: &Row<'_>) -> String {
    match row.get_ref(0).unwrap() {
        rusqlite::types::ValueRef::Integer(number) => number.to_string(),
        rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        other => format!("{other:?}"),
    }
}
