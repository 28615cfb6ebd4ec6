//! Commits that fail before or after they are durable, at every write of every operation: what was refused is whole or
//! absent, and what it left at the provider goes while the gateway runs.

use std::time::Duration;

use ecluse::catalog::{CommitFault, CommitFaults};
use ecluse::gateway::{AbortUpload, CopyUploadPart, DeleteObject, Error, PutUploadPart, Settings, jobs};
use ecluse::model::Conditions;

use testing::in_process::*;

/// Every operation that writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    Put,
    Replace,
    Copy,
    Delete,
    Begin,
    Part,
    PartCopy,
    Complete,
    Abort,
}

pub const WRITES: [Write; 9] = [
    Write::Put,
    Write::Replace,
    Write::Copy,
    Write::Delete,
    Write::Begin,
    Write::Part,
    Write::PartCopy,
    Write::Complete,
    Write::Abort,
];

/// What stands before each write: an object, and an upload with a part.
pub struct Scene {
    pub old: Vec<u8>,
    pub new: Vec<u8>,
    pub part: Vec<u8>,
    upload: ecluse::gateway::Upload,
    tag: ecluse::model::ETag,
}

impl Scene {
    /// `length`: of the new object. One chunk of `old`, one of the upload's part are at the provider.
    pub async fn set(house: &House, length: usize) -> Self {
        let (old, new, part) = (noise(1, 40_000), noise(2, length), noise(3, 30_000));
        house.put("record", &old).await.unwrap();
        let upload = house.begin_upload("study", Some("CRC32/FULL_OBJECT")).await;
        let tag = house.put_part(&upload, 1, &part).await.unwrap().etag;
        Self { old, new, part, upload, tag }
    }

    pub async fn perform(&self, house: &House, write: Write) -> Result<(), Error> {
        let upload = self.upload.id.0.clone();
        match write {
            Write::Put => house.put_body("fresh", patient(&self.new, MIB)).await.map(drop),
            Write::Replace => house.put_body("record", patient(&self.new, MIB)).await.map(drop),
            Write::Copy => {
                let op = ecluse::gateway::CopyObject {
                    checksum: Some(ecluse::model::ChecksumAlgorithm::Sha256),
                    ..house.copy_op("record", "copy")
                };
                house.gateway.copy_object(house.may(op)).await.map(drop)
            }
            Write::Delete => {
                let conditions = Conditions::default();
                let op = DeleteObject { bucket: bucket(BUCKET), key: key("record"), conditions };
                house.gateway.delete_object(house.may(op)).await
            }
            Write::Begin => {
                let op = ecluse::gateway::CreateUpload {
                    bucket: bucket(BUCKET),
                    key: key("later"),
                    metadata: ecluse::model::Metadata::default(),
                    checksum: None,
                };
                house.gateway.create_upload(house.may(op)).await.map(drop)
            }
            Write::Part => {
                let op = PutUploadPart { bucket: bucket(BUCKET), key: key("study"), upload, number: 2 };
                house.gateway.put_upload_part(house.may(op), patient(&self.new, MIB)).await.map(drop)
            }
            Write::PartCopy => {
                let op = CopyUploadPart {
                    source_bucket: bucket(BUCKET),
                    source_key: key("record"),
                    source_range: None,
                    source_conditions: Conditions::default(),
                    bucket: bucket(BUCKET),
                    key: key("study"),
                    upload,
                    number: 2,
                };
                house.gateway.copy_upload_part(house.may(op)).await.map(drop)
            }
            Write::Complete => house.complete(&self.upload, &[(1, &self.tag)]).await.map(drop),
            Write::Abort => {
                let op = AbortUpload { bucket: bucket(BUCKET), key: key("study"), upload };
                house.gateway.abort_upload(house.may(op)).await
            }
        }
    }

    /// What a write that may or may not have happened left: whole or absent. Then everything is taken away, and nothing
    /// may remain. Returns whether it had happened.
    pub async fn check(&self, house: &House, write: Write) -> bool {
        let there = |read: Result<Vec<u8>, Error>, bytes: &[u8], what: &str| match read {
            Err(Error::NoSuchKey) => false,
            other => {
                assert_same(&other.unwrap(), bytes, what);
                true
            }
        };
        let record = house.read("record").await;
        let happened = match write {
            Write::Put => there(house.read("fresh").await, &self.new, "fresh"),
            Write::Copy => there(house.read("copy").await, &self.old, "copy"),
            Write::Replace => record.as_ref().unwrap() == &self.new,
            Write::Delete => matches!(record, Err(Error::NoSuchKey)),
            Write::Complete => there(house.read("study").await, &self.part, "study"),
            Write::Begin | Write::Part | Write::PartCopy => false,
            Write::Abort => house.complete(&self.upload, &[(1, &self.tag)]).await.is_err(),
        };
        let expected = if write == Write::Replace && happened { &self.new } else { &self.old };
        if !(write == Write::Delete && happened) {
            assert_same(&record.unwrap(), expected, "the object before");
        }
        for name in ["record", "fresh", "copy", "study"] {
            house.delete(name).await.unwrap();
        }
        let uploads = house.gateway.list_uploads(house.may(ecluse::gateway::ListUploads {
            bucket: bucket(BUCKET),
            prefix: String::new(),
            delimiter: None,
            after: None,
            limit: 100,
        }));
        for upload in uploads.await.unwrap().0.uploads {
            let op = AbortUpload { bucket: bucket(BUCKET), key: upload.key, upload: upload.id.0 };
            house.gateway.abort_upload(house.may(op)).await.unwrap();
        }
        house.settles_at(0).await;
        happened
    }
}

/// The block of part ids that is in use is settled but for its unused ids: nothing waits for the next start.
pub async fn leaves_no_question(house: &House) {
    house.gateway.close().await;
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(house.folder.path()).unwrap() {
        let from = entry.unwrap().path();
        std::fs::copy(&from, folder.path().join(from.file_name().unwrap())).unwrap();
    }
    let reopened = ecluse::catalog::SqliteCatalog::open(&catalog_path(folder.path())).unwrap();
    let open = ecluse::catalog::Catalog::open_blocks(&reopened).await.unwrap();
    assert_eq!(open, vec![], "blocks left to the next start");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_fails_at_any_write_leaves_all_or_nothing_and_is_cleaned_up_while_running() {
    for fault in [CommitFault::Before, CommitFault::After] {
        for write in WRITES {
            let (mut nth, mut failures) = (1, 0);
            loop {
                let (house, faults) = House::faulty(settings()).await;
                let scene = Scene::set(&house, 50_000).await;
                let before = faults.writes();
                faults.on(nth, fault);
                let outcome = scene.perform(&house, write).await;
                let met = faults.writes() >= before + nth;
                faults.clear();
                let happened = scene.check(&house, write).await;
                if outcome.is_ok() {
                    let seen = matches!(write, Write::Begin | Write::Part | Write::PartCopy);
                    assert!(happened || seen, "{write:?}: acknowledged and absent");
                } else {
                    assert!(
                        !(happened && fault == CommitFault::Before && nth == 1 && write != Write::Abort),
                        "{write:?}"
                    );
                    failures += 1;
                }
                leaves_no_question(&house).await;
                if !met {
                    break;
                }
                nth += 1;
            }
            assert!(failures > 0, "{write:?}: no write of it met {fault:?}");
        }
    }
}

#[tokio::test]
async fn what_a_full_disk_refused_is_cleaned_up_when_there_is_room_again() {
    let (house, faults) = House::faulty(Settings { parallel_chunks: 2, ..settings() }).await;
    let kept = noise(1, 60_000);
    house.put("kept", &kept).await.unwrap();
    faults.set_full(true);
    for n in 0..40_u64 {
        assert!(matches!(house.put(&format!("refused {n}"), &noise(n, 20_000)).await, Err(Error::Catalog(_))));
    }
    // Refused by the client's own word, and its deletion cannot be queued.
    let short = body_in_pieces(Some(CHUNK as u64 + 9), pieces(&noise(7, CHUNK + 5), MIB));
    house.put_body("short", short).await.unwrap_err();
    assert!(house.chunks.snapshot().len() > 40, "there was nothing to clean up");
    house.collect().await;
    assert_eq!(house.catalog.deletions_waiting().await.unwrap(), 0, "the disk is full");
    assert_same(&house.read("kept").await.unwrap(), &kept, "while the disk is full");
    faults.set_full(false);
    house.settles_at(1).await;
    assert_same(&house.read("kept").await.unwrap(), &kept, "afterwards");
    house.delete("kept").await.unwrap();
    house.settles_at(0).await;
    leaves_no_question(&house).await;
}

#[tokio::test]
async fn a_part_whose_commit_is_in_doubt_is_not_deleted_before_the_catalog_says_that_it_is_not_there() {
    let (house, faults) = House::faulty(settings()).await;
    let bytes = noise(1, 50_000);
    // The first write reserves part ids, the second commits: durable, and nobody hears of it.
    faults.on(2, CommitFault::After);
    house.put("record", &bytes).await.unwrap_err();
    faults.set_full(true);
    for _ in 0..3 {
        house.collect().await;
    }
    assert_eq!(house.chunks.snapshot().len(), 1);
    faults.clear();
    for _ in 0..3 {
        house.collect().await;
    }
    assert_same(&house.read("record").await.unwrap(), &bytes, "committed after all");
    house.settles_at(1).await;
    // It left no trace in the next process either.
    let mut blocks = house.gateway.blocks_left_open().await.unwrap();
    assert_eq!(jobs::sweep(&house.gateway, &mut blocks).await.unwrap(), 0);
    house.settles_at(1).await;
}

#[tokio::test]
async fn a_client_that_leaves_while_its_commit_stalls_leaves_all_or_nothing() {
    for (fault, happens) in [(CommitFault::Stall, true), (CommitFault::StallAfter, true)] {
        for write in WRITES {
            let (house, faults) = House::faulty(settings()).await;
            let scene = Scene::set(&house, 50_000).await;
            faults.on(1, fault);
            let left = tokio::time::timeout(Duration::from_millis(200), scene.perform(&house, write)).await;
            assert!(left.is_err(), "{write:?} did not wait for its commit");
            release_until_idle(&faults).await;
            let happened = scene.check(&house, write).await;
            let own_task = matches!(write, Write::Put | Write::Replace | Write::Copy | Write::Complete);
            assert!(!own_task || happened == happens, "{write:?} {fault:?}: a commit runs to its end");
        }
    }
}

pub async fn release_until_idle(faults: &CommitFaults) {
    for _ in 0..20 {
        faults.release();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    faults.clear();
}
