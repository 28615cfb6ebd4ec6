//! The checker of invariants is seen to fail: each kind of violation is planted in a copy.

use std::path::Path;

use rusqlite::Connection;

use super::{BUCKET, Books, CONTAINER, Clients, drains_to, one_step, run_script, started};
use testing::azure::workload::{Act, AzureStep};
use testing::invariants::{Stopped, violations};
use testing::process::{Options, files_below};

/// What is done to the catalog, and the violation that it must be called.
const PLANTED: &[(&str, &str)] = &[
    ("DELETE FROM part WHERE part_id = (SELECT min(part_id) FROM slice)", "a slice has no part"),
    ("UPDATE part SET slices = slices + 1", "a part's reference count is wrong"),
    ("UPDATE part SET slices = slices - 1", "a part's reference count is wrong"),
    ("DELETE FROM slice WHERE content_id = (SELECT max(content_id) FROM slice)", "keeps its wrapped key"),
    (
        "INSERT INTO deletion (part_id, provider, tenant, chunks, due) SELECT part_id, provider, 'chum', 1, 0 FROM placement LIMIT 1",
        "a removed part keeps its wrapped key",
    ),
    ("DELETE FROM placement", "a part is nowhere"),
    ("INSERT INTO placement SELECT zeroblob(16), provider FROM placement LIMIT 1", "a placement has no part"),
    ("UPDATE slice SET length = length + 1", "a slice goes beyond its part"),
    ("UPDATE slice SET position = position + 1", "slices do not join"),
    ("UPDATE slice SET content_id = content_id + 100000", "a content belongs to nothing"),
    ("UPDATE version SET length = 0", "bytes of a content are seen by no version and do not wait to go"),
    ("UPDATE version SET length = length + 1", "an object's length is not its content's"),
    ("UPDATE upload_part SET length = length + 1", "an upload part's length is not its content's"),
    ("UPDATE object SET etag = 'other'", "an object and its version differ"),
    ("UPDATE object SET modified = modified + 1", "an object and its version differ"),
    ("DELETE FROM object", "a version has no object"),
    ("DELETE FROM bucket", "an object has no bucket"),
    ("DELETE FROM bucket", "an upload has no bucket"),
    ("DELETE FROM upload", "a part of an upload dangles"),
    ("DELETE FROM upload", "a foreign key leads nowhere"),
    ("UPDATE version SET upload_id = (SELECT upload_id FROM upload)", "an upload was completed and is still open"),
    ("UPDATE counter SET value = 0", "a content's id is not below the counter"),
    ("UPDATE part SET wrapped_key = zeroblob(length(wrapped_key))", "a wrapped key does not open"),
    ("UPDATE block SET length = length + 1", "a block's length is not its content's"),
    ("UPDATE block SET content_id = content_id + 100000", "a content belongs to nothing"),
    (
        "INSERT INTO block SELECT uncommitted_id, 'other', content_id, length, md5 FROM block LIMIT 1",
        "two blocks share a content",
    ),
    ("UPDATE uncommitted SET blocks = blocks + 1", "a count of uncommitted blocks is wrong"),
    ("DELETE FROM block", "a count of uncommitted blocks is wrong"),
    ("DELETE FROM uncommitted", "a block waits under no name"),
    (
        "UPDATE uncommitted SET key = (SELECT key FROM version WHERE metadata ->> '$.append' IS NOT NULL)",
        "blocks wait where blocks cannot be",
    ),
    ("DELETE FROM past", "a version has no object"),
    ("UPDATE past SET length = length + 1", "a past version and its line differ"),
    (
        "UPDATE past SET version_id = (SELECT max(version_id) FROM object)",
        "a version is past twice, or past and current",
    ),
    ("DELETE FROM object WHERE key IN (SELECT key FROM past)", "a snapshot has no object"),
    ("UPDATE lease SET key = x'00'", "a lease is of nothing"),
    ("DELETE FROM tag", "an object's tags and the index of tags differ"),
    ("UPDATE tag SET value = 'other'", "an object's tags and the index of tags differ"),
    ("UPDATE object SET tags = NULL", "an object and its version differ"),
    // Nothing planted, nothing found.
    ("DELETE FROM part WHERE 0", ""),
    ("INSERT INTO part_block VALUES (zeroblob(12), 'chum', 1, 0)", "a block of part ids is open"),
    (
        "INSERT INTO deletion (part_id, provider, tenant, chunks, due) VALUES (zeroblob(16), 'abroad', 'chum', 1, 0)",
        "a deletion waits",
    ),
    ("UPDATE part SET padded_length = padded_length + 8388608", "a chunk is missing"),
    ("UPDATE part SET padded_length = padded_length + 1", "bytes, not"),
];

fn copy_of(data: &Path, sealed: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for (name, from) in [("data", data), ("sealed", sealed)] {
        for (path, source) in files_below(from) {
            let to = copy.path().join(name).join(path);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(source, to).unwrap();
        }
    }
    copy
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_violation_is_found_when_it_is_planted() {
    let mut gateway = started(Options::folder().write_setting("grace = \"1s\"")).await;
    let (clients, mut books) = (Clients::of(&gateway), Books::default());
    run_script(&clients, 1, &mut books).await.unwrap();
    for act in [Act::Tags("azure/small".into(), 7), Act::Lease("azure/study".into())] {
        let step = AzureStep { act, retains: false };
        one_step(step, &clients.azure, CONTAINER, &mut books.azure).await.unwrap();
    }
    let asker = clients.s3;
    // A part that two objects share.
    assert_eq!(asker.copy(&format!("/{BUCKET}/small"), &format!("/{BUCKET}/other")).await.unwrap().status, 200);
    let path = format!("/{BUCKET}/open");
    let upload = asker.begin(&path).await.unwrap().unwrap();
    assert_eq!(asker.part(&path, &upload, "1", vec![7; 5_000]).await.unwrap().status, 200);
    let wanted = books.chunks_needed() + 1;
    drains_to(&gateway, &gateway.folder(), wanted, "before").await;
    gateway.terminate();
    let (data, sealed) = (gateway.data().to_owned(), gateway.folder());
    assert_eq!(violations(&data, &sealed, Stopped::Drained), Vec::<String>::new());

    for (sql, what) in PLANTED {
        let copy = copy_of(&data, &sealed);
        let db = Connection::open(copy.path().join("data/catalog.db")).unwrap();
        db.pragma_update(None, "foreign_keys", false).unwrap();
        db.pragma_update(None, "ignore_check_constraints", true).unwrap();
        db.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        drop(db);
        let found = violations(&copy.path().join("data"), &copy.path().join("sealed"), Stopped::Drained);
        if what.is_empty() {
            assert_eq!(found, Vec::<String>::new(), "{sql} changes nothing");
        } else {
            assert!(found.iter().any(|line| line.contains(what)), "{sql}\nwanted: {what}\nfound: {found:?}");
        }
    }

    let files = testing::notes::chunks_below(&data, &sealed);
    let look = |change: &dyn Fn(&Path), stopped| {
        let copy = copy_of(&data, &sealed);
        change(&copy.path().join("sealed"));
        violations(&copy.path().join("data"), &copy.path().join("sealed"), stopped).join("\n")
    };
    let first = files[0].0.clone();
    for stopped in [Stopped::Killed, Stopped::Drained] {
        assert!(look(&|at| std::fs::remove_file(at.join(&first)).unwrap(), stopped).contains("a chunk is missing"));
        assert!(look(&|at| std::fs::write(at.join(&first), b"short").unwrap(), stopped).contains("5 bytes, not"));
        let stray = format!("ab/{}", "0".repeat(38));
        let orphan = look(
            &|at| {
                std::fs::create_dir_all(at.join("ab")).unwrap();
                std::fs::write(at.join(&stray), b"stray").unwrap();
            },
            stopped,
        );
        assert!(orphan.contains("a chunk is orphaned"), "{orphan}");
    }
    assert!(look(&|at| std::fs::write(at.join("staged#1"), b"x").unwrap(), Stopped::Drained).contains("no chunk"));
    assert_eq!(look(&|at| std::fs::write(at.join("staged#1"), b"x").unwrap(), Stopped::Killed), "");
    // A page of the file itself.
    let copy = copy_of(&data, &sealed);
    let file = copy.path().join("data/catalog.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let end = bytes.len();
    bytes[end - 4096..end - 3000].fill(0x5a);
    std::fs::write(&file, bytes).unwrap();
    let seen = std::panic::catch_unwind(|| {
        violations(&copy.path().join("data"), &copy.path().join("sealed"), Stopped::Drained)
    });
    assert!(seen.is_err() || !seen.unwrap().is_empty(), "a damaged page was not seen");
}
