//! Single bits of a catalog flipped at random: `ecluse check` finds what can be found, and what it calls sound never serves
//! wrong bytes.
//!
//! A row carries no seal yet, so a bit that turns one good value into another (a letter of a name, of a tag, of a value of
//! metadata, a time) is not found; each of these is told by table and column. `ECLUSE_FLIPS` changes how many bits are
//! flipped, `ECLUSE_FLIPS_SEED` repeats the choices of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use testing::azure::asking::AzureAsker;
use testing::client;
use testing::noise::{Noise, content, number, seed};
use testing::process::{GatewayProcess, Options, files_below};
use testing::s3::asking::Asker;

const BUCKET: &str = "flips";

/// What a bit may change unseen, because nothing else in the catalog says what was there: names, and values that clients
/// gave or that are as good as others.
const UNKNOWN: &[&str] = &[
    "bucket.name",
    "bucket.created",
    "bucket.modified",
    "bucket.revision",
    "bucket.metadata",
    "bucket.policies",
    "block.block_id",
    "block.md5",
    "deletion.part_id",
    "deletion.provider",
    "deletion.tenant",
    "deletion.chunks",
    "deletion.due",
    "deletion.since",
    "deletion.attempts",
    "lease.lease_id",
    "lease.duration",
    "lease.expires",
    "lease.breaks",
    // Of a part whose end no object has any more (a range of it was copied), within what its padding allows.
    "part.length",
    "part_block.prefix",
    "part_block.tenant",
    "part_block.count",
    "part_block.reserved",
    "past.snapshot",
    "past.deleted",
    "past.until",
    "setting.name",
    "setting.value",
    "slice.part_offset",
    "sqlite_sequence.seq",
    "bucket.gone",
    "bucket.gone_tenant",
    "bucket.gone_name",
    "bucket.deleted",
    "bucket.until",
    "bucket.whole",
    "leftover.*",
    "epoch.*",
    "marked.*",
    "part.stored",
    "scrub.*",
    "scrub_finding.*",
    "second_look.*",
    "swept_block.*",
    "time.*",
    "uncommitted.client",
    "uncommitted.key",
    "uncommitted.id_bytes",
    "uncommitted.touched",
    "upload.key",
    "upload.upload_id",
    "upload.created",
    "upload.metadata",
    "upload.checksum",
    "upload_part.number",
    "upload_part.etag",
    "upload_part.md5",
    "upload_part.modified",
    "upload_part.checksums",
    "counter.value",
    "version.metadata",
    "version.blocks",
    "version.upload_id",
    "version.completion",
    "version.part_lengths",
];

/// Every cell of every table, as text; `None`: it cannot be read.
fn cells(path: &Path) -> Option<BTreeMap<String, Vec<String>>> {
    let read = || -> rusqlite::Result<BTreeMap<String, Vec<String>>> {
        let db = rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
        let tables: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut cells = BTreeMap::<String, Vec<String>>::new();
        for table in tables {
            let mut rows = db.prepare(&format!("SELECT * FROM {table}"))?;
            let columns: Vec<String> = rows.column_names().map(str::to_owned).collect();
            let mut found = rows.query([])?;
            while let Some(row) = found.next()? {
                for (index, column) in columns.iter().enumerate() {
                    let cell = format!("{:?}", row.get_ref(index)?);
                    cells.entry(format!("{table}.{column}")).or_default().push(cell);
                }
            }
        }
        Ok(cells)
    };
    read().ok()
}

/// The columns in which two catalogs differ.
fn differences(one: &BTreeMap<String, Vec<String>>, other: &BTreeMap<String, Vec<String>>) -> BTreeSet<String> {
    one.keys().chain(other.keys()).filter(|column| one.get(*column) != other.get(*column)).cloned().collect()
}

/// Objects of every kind. Gives back what each name must read as.
async fn fill(gateway: &GatewayProcess) -> BTreeMap<String, Vec<u8>> {
    client::create_bucket(gateway, BUCKET).await;
    let (s3, azure) = (Asker::new(gateway), AzureAsker::new(gateway));
    let mut held = BTreeMap::new();
    let path = |key: &str| format!("/{BUCKET}/{key}");
    for (number, size) in [0, 1, 100, 70_000, 140_000, 100, 300].into_iter().enumerate() {
        let (key, bytes) = (format!("patient-{number}/record"), content(number as u64, size));
        let headers = [("x-amz-meta-number", "12345"), ("x-amz-tagging", "kind=mri&year=2026")];
        let told = s3.ask(http::Method::PUT, &path(&key), &[], &headers, bytes.clone()).await.unwrap();
        assert_eq!(told.status, 200, "{}", told.text());
        held.insert(key, bytes);
    }
    // Some that are deleted, copied, waiting, made of blocks, grown, kept as they were.
    assert_eq!(s3.delete(&path("patient-5/record")).await.unwrap().status, 204);
    held.remove("patient-5/record");
    assert_eq!(s3.copy(&path("patient-3/record"), &path("copy")).await.unwrap().status, 200);
    held.insert("copy".to_owned(), held["patient-3/record"].clone());
    let upload = s3.begin(&path("waiting")).await.unwrap().unwrap();
    assert_eq!(s3.part(&path("waiting"), &upload, "1", content(20, 500)).await.unwrap().status, 200);
    let mut list = String::from("<BlockList>");
    for number in 0..3_u64 {
        let id = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("block-{number}"));
        let block =
            azure.put(&path("blocks"), content(30 + number, 1_000)).query("comp", "block").query("blockid", &id);
        assert_eq!(azure.send(block).await.unwrap().status, 201);
        list.push_str(&format!("<Latest>{id}</Latest>"));
    }
    let committed = azure.put(&path("blocks"), list + "</BlockList>").query("comp", "blocklist");
    assert_eq!(azure.send(committed).await.unwrap().status, 201);
    held.insert("blocks".to_owned(), (30..33).flat_map(|seed| content(seed, 1_000)).collect());
    let begun = azure.put(&path("grown"), "").header("x-ms-blob-type", "AppendBlob");
    assert_eq!(azure.send(begun).await.unwrap().status, 201);
    assert_eq!(
        azure.send(azure.put(&path("grown"), content(40, 999)).query("comp", "appendblock")).await.unwrap().status,
        201
    );
    held.insert("grown".to_owned(), content(40, 999));
    assert_eq!(azure.send(azure.put(&path("blocks"), "").query("comp", "snapshot")).await.unwrap().status, 201);
    held
}

/// Asks for every name: right bytes, or no success. Gives back how many were refused.
async fn serves_no_wrong_bytes(gateway: &GatewayProcess, held: &BTreeMap<String, Vec<u8>>, what: &str) -> usize {
    let (s3, azure) = (Asker::new(gateway), AzureAsker::new(gateway));
    let mut refused = 0;
    for (key, bytes) in held {
        let path = format!("/{BUCKET}/{key}");
        for told in [s3.get(&path).await, azure.send(azure.request("GET", &path)).await] {
            match told {
                Ok(told) if told.status == 200 => assert!(told.body == *bytes, "{what}: {key} has wrong bytes"),
                // A body that breaks off is no success, either.
                Ok(_) | Err(_) => refused += 1,
            }
        }
    }
    refused
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_finds_flipped_bits_and_what_it_calls_sound_serves_no_wrong_bytes() {
    let (flips, seed) = (number("ECLUSE_FLIPS", 150), seed("ECLUSE_FLIPS_SEED"));
    println!("ECLUSE_FLIPS_SEED={seed} ({flips} flips)");
    let mut noise = Noise::new(seed);
    let mut gateway = GatewayProcess::start(Options::folder().azure());
    let held = fill(&gateway).await;
    gateway.terminate();
    let catalog = gateway.data().join("catalog.db");
    // Without pages that nothing uses.
    rusqlite::Connection::open(&catalog).unwrap().execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
    let sound = fs::read(&catalog).unwrap();
    let before = cells(&catalog).expect("a sound catalog");
    // Each start leaves its epoch at the provider, and a catalog that was put back would be an older one.
    let folder = gateway.folder();
    let chunks: Vec<(PathBuf, Vec<u8>)> =
        files_below(&folder).into_iter().map(|(_, path)| (path.clone(), fs::read(path).unwrap())).collect();
    let put = |bytes: &[u8]| {
        for (_, path) in files_below(&folder) {
            fs::remove_file(path).unwrap();
        }
        for (path, bytes) in &chunks {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        for end in ["-wal", "-shm"] {
            let _not_there = fs::remove_file(format!("{}{end}", catalog.display()));
        }
        fs::write(&catalog, bytes).unwrap();
    };
    let (code, said) = gateway.run(&["check", "--offline"], "C.UTF-8");
    assert_eq!(code, 0, "{said}");

    // Most of a small file is the empty middle of pages, where a bit means nothing: flips go where something is.
    let is_used = |at: &usize| sound[at.saturating_sub(3)..(at + 4).min(sound.len())].iter().any(|byte| *byte != 0);
    let places: Vec<usize> = (0..sound.len()).filter(is_used).collect();
    let (mut found, mut harmless, mut unknown) = (0, 0, BTreeMap::<String, usize>::new());
    for _ in 0..flips {
        let (at, bit) = (places[noise.below(places.len() as u64) as usize], noise.below(8));
        let what = format!("bit {bit} of byte {at}");
        let mut flipped = sound.clone();
        flipped[at] ^= 1 << bit;
        put(&flipped);
        let (code, said) = gateway.run(&["check", "--offline"], "C.UTF-8");
        assert!([0, 69, 70, 78].contains(&code) && !said.contains("panic"), "{what}: {code} {said}");
        assert!(!said.contains("patient-"), "{what}: a name was told: {said}");
        if code != 0 {
            found += 1;
            continue;
        }
        let after = cells(&catalog);
        let changed = after.map_or_else(BTreeSet::new, |after| differences(&before, &after));
        if changed.is_empty() {
            harmless += 1;
            continue;
        }
        for column in &changed {
            let table = format!("{}.*", column.split('.').next().unwrap());
            let excused = UNKNOWN.contains(&column.as_str()) || UNKNOWN.contains(&table.as_str());
            assert!(excused, "{what}: {changed:?} is changed, and check says nothing: {said}");
            *unknown.entry(column.clone()).or_default() += 1;
        }
        // It may start or not; what it serves is right.
        put(&flipped);
        if gateway.restarts() {
            serves_no_wrong_bytes(&gateway, &held, &what).await;
            gateway.kill9();
        }
    }
    println!(
        "{flips} flips in {} bytes that hold something: {found} found, {harmless} harmless, not to be known: {unknown:?}",
        places.len()
    );
    assert!(found > 0, "nothing was found");
    put(&sound);
    gateway.restart();
    assert_eq!(serves_no_wrong_bytes(&gateway, &held, "unchanged").await, 0);
}
