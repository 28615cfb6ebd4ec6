//! The write paths that only Azure has, under the same faults as the others: blocks, appends, snapshots, leases, copies of
//! ranges, and the merging of what grew in small pieces. What many clients do at once: `azure_races`.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use ecluse::catalog::{CommitFault, ObjectRef};
use ecluse::gateway::{Error, LeaseObject, ReviseObject, Revision, Select, Settings, SnapshotRule, jobs};
use ecluse::model::{BucketRef, Conditions, LeaseAction, RangeRequest};
use ecluse::store::{Call, ChunkStore as _, Consent, Fault, When};

use super::cancelled::turns;
use super::commits::{leaves_no_question, release_until_idle};
use super::crashed::{after_a_crash, until_at_provider};
use super::hostile::lies;
use testing::in_process::*;

/// So many small appends make the end of an object worth merging.
const MANY: usize = 40;

/// The writes of Azure, each with what it leaves at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Write {
    PutBlock,
    CommitBlocks,
    Append,
    CopyBlock,
    CopyFrom,
    Snapshot,
    Revise,
    Lease,
    Remove,
    Merge,
}

const WRITES: [Write; 10] = [
    Write::PutBlock,
    Write::CommitBlocks,
    Write::Append,
    Write::CopyBlock,
    Write::CopyFrom,
    Write::Snapshot,
    Write::Revise,
    Write::Lease,
    Write::Remove,
    Write::Merge,
];

/// What stands before each write: an object, one that grows, one that has grown in small pieces, and a block.
struct Scene {
    record: Vec<u8>,
    grown: Vec<u8>,
    many: Vec<u8>,
    block: Vec<u8>,
    new: Vec<u8>,
}

pub fn middle() -> Option<RangeRequest> {
    Some(RangeRequest::Between { first: 1_000, last: 20_999 })
}

pub async fn lease(house: &House, name: &str, id: &str) -> Result<(), Error> {
    let action = LeaseAction::Acquire { id: id.to_owned(), duration_seconds: None };
    let op = LeaseObject { bucket: bucket(BUCKET), key: key(name), action, conditions: Conditions::default() };
    house.gateway.lease_object(house.may(op)).await.map(drop)
}

pub async fn slices_of(house: &House, name: &str) -> usize {
    let bucket = BucketRef { tenant: tenant("chum"), name: bucket(BUCKET) };
    house.catalog.open(&ObjectRef::current(&bucket, &key(name)), Select::All).await.unwrap().slices.len()
}

impl Scene {
    async fn set(house: &House, write: Write) -> Self {
        let pieces = if write == Write::Merge { MANY } else { 1 };
        let (record, grown, block) = (noise(1, 40_000), noise(2, 10_000), noise(3, 30_000));
        house.put("record", &record).await.unwrap();
        house.begin_append("grows").await;
        house.append("grows", body(&grown), None).await.unwrap();
        let mut many = Vec::new();
        house.begin_append("many").await;
        for n in 0..pieces {
            let piece = noise(10 + n as u64, 300 + n);
            house.append("many", body(&piece), Some(many.len() as u64)).await.unwrap();
            many.extend(piece);
        }
        house.put_block("study", 1, body(&block)).await.unwrap();
        Self { record, grown, many, block, new: noise(4, 50_000) }
    }

    async fn perform(&self, house: &House, write: Write) -> Result<(), Error> {
        match write {
            Write::PutBlock => house.put_block("study", 2, patient(&self.new, 20_000)).await.map(drop),
            Write::CommitBlocks => house.commit_blocks("study", &[1], Conditions::default()).await.map(drop),
            Write::Append => house.append("grows", patient(&self.new, 20_000), None).await.map(drop),
            Write::CopyBlock => house.copy_block(source("record", None, middle()), "study", 2).await.map(drop),
            Write::CopyFrom => house.copy_from(house.may(source("record", None, None)), "copy").await.map(drop),
            Write::Snapshot => house.snapshot("record").await.map(drop),
            Write::Revise => {
                let revision = Revision::User(BTreeMap::from([("ward".to_owned(), "4".to_owned())]));
                let (bucket, conditions) = (bucket(BUCKET), Conditions::default());
                let op = ReviseObject { bucket, key: key("record"), snapshot: None, revision, conditions };
                house.gateway.revise_object(house.may(op)).await.map(drop)
            }
            Write::Lease => lease(house, "record", "one").await,
            Write::Remove => house.remove("record", SnapshotRule::MustBeNone).await,
            Write::Merge => house.merge_end("many").await.map(|merged| assert_eq!(merged, MANY)),
        }
    }

    /// Whether a write happened. It did so wholly or not at all; all that was acknowledged before it is there; the
    /// provider holds what is referenced, and nothing when all is taken away.
    async fn check(&self, house: &House, write: Write) -> bool {
        let before = slices_of(house, "many").await;
        let lists = house.list_blocks("study").await.unwrap();
        let grown = house.read("grows").await.unwrap();
        if let Ok(record) = house.read("record").await {
            assert_same(&record, &self.record, "the object");
        }
        let happened = match write {
            Write::PutBlock | Write::CopyBlock => lists.uncommitted.len() == 2,
            Write::CommitBlocks => lists.version.is_some(),
            Write::Append => grown.len() > self.grown.len(),
            Write::CopyFrom => house.head("copy").await.is_ok(),
            // Where there is no snapshot the object goes.
            Write::Snapshot => {
                let removed = house.remove("record", SnapshotRule::MustBeNone).await;
                matches!(removed, Err(Error::SnapshotsPresent))
            }
            Write::Revise => house.head("record").await.unwrap().metadata.user.contains_key("ward"),
            Write::Lease => house.head("record").await.unwrap().lease.is_some(),
            Write::Remove => matches!(house.head("record").await, Err(Error::NoSuchKey)),
            Write::Merge => before == 1,
        };
        let many = if write == Write::Merge && !happened { MANY } else { 1 };
        let added = usize::from(happened && matches!(write, Write::PutBlock | Write::Append));
        let gone = usize::from(happened && write == Write::Remove || !happened && write == Write::Snapshot);
        house.settles_at(3 + many + added - gone).await;

        assert_same(&house.read("many").await.unwrap(), &self.many, "what had grown");
        let wanted =
            if happened && write == Write::Append { [&*self.grown, &self.new].concat() } else { self.grown.clone() };
        assert_same(&grown, &wanted, "what grows");
        if gone == 0 {
            assert_same(&house.read("record").await.unwrap(), &self.record, "the object");
        }
        if happened && write == Write::CopyFrom {
            assert_same(&house.read("copy").await.unwrap(), &self.record, "the copy");
        }
        if write != Write::CommitBlocks || !happened {
            let blocks: Vec<u32> = (1..=lists.uncommitted.len() as u32).collect();
            house.commit_blocks("study", &blocks, Conditions::default()).await.unwrap();
        }
        let second = match write {
            Write::PutBlock if happened => &*self.new,
            Write::CopyBlock if happened => &self.record[1_000..21_000],
            _ => &[],
        };
        assert_same(&house.read("study").await.unwrap(), &[&*self.block, second].concat(), "the blocks");

        for name in ["record", "grows", "many", "study", "copy"] {
            let conditions = Conditions { lease: None, ..Conditions::default() };
            let op = LeaseObject {
                bucket: bucket(BUCKET),
                key: key(name),
                action: LeaseAction::Break { period_seconds: Some(0) },
                conditions,
            };
            drop(house.gateway.lease_object(house.may(op)).await);
            match house.remove(name, SnapshotRule::Include).await {
                Ok(()) | Err(Error::NoSuchKey) => {}
                Err(error) => panic!("{name}: {error:?}"),
            }
        }
        house.settles_at(0).await;
        happened
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_fails_at_any_write_leaves_all_or_nothing() {
    for fault in [CommitFault::Before, CommitFault::After] {
        for write in WRITES {
            let (mut nth, mut failures) = (1, 0);
            loop {
                let (house, faults) = House::faulty(settings()).await;
                let scene = Scene::set(&house, write).await;
                let before = faults.writes();
                faults.on(nth, fault);
                let outcome = scene.perform(&house, write).await;
                let met = faults.writes() >= before + nth;
                faults.clear();
                let happened = scene.check(&house, write).await;
                match outcome {
                    Ok(()) => assert!(happened, "{write:?}: acknowledged and absent"),
                    Err(error) => {
                        assert!(matches!(error, Error::Catalog(_)), "{write:?} {fault:?}: {error:?}");
                        assert!(!happened || fault == CommitFault::After, "{write:?}: refused and there");
                        failures += 1;
                    }
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
async fn a_client_that_leaves_while_its_commit_stalls_leaves_all_or_nothing() {
    for fault in [CommitFault::Stall, CommitFault::StallAfter] {
        for write in WRITES {
            let (house, faults) = House::faulty(settings()).await;
            let scene = Scene::set(&house, write).await;
            faults.on(1, fault);
            let left = tokio::time::timeout(Duration::from_millis(200), scene.perform(&house, write)).await;
            assert!(left.is_err(), "{write:?} did not wait for its commit");
            release_until_idle(&faults).await;
            let happened = scene.check(&house, write).await;
            let moves_chunks = matches!(write, Write::PutBlock | Write::CommitBlocks | Write::Append | Write::Merge);
            assert!(happened || !moves_chunks, "{write:?} {fault:?}: a commit runs to its end");
        }
    }
}

#[tokio::test]
async fn a_crash_in_a_block_or_an_append_keeps_what_was_acknowledged_and_nothing_else() {
    let one_by_one = Settings { parallel_chunks: 1, ..settings() };
    let (first, lost) = (noise(1, 50_000), noise(2, 2 * CHUNK + 1));
    for appends in [false, true] {
        let house = House::sqlite(one_by_one.clone()).await;
        house.put_block("study", 1, body(&first)).await.unwrap();
        house.begin_append("grows").await;
        house.append("grows", body(&first), None).await.unwrap();
        house.plan.on(Call::Put, When::Nth(2), Fault::Stall);
        let before = house.plan.calls(Call::Put);
        let write = async {
            if appends {
                house.append("grows", body(&lost), None).await.map(drop)
            } else {
                house.put_block("study", 2, body(&lost)).await.map(drop)
            }
        };
        let next = tokio::select! {
            outcome = write => panic!("it did not stall: {outcome:?}"),
            next = async {
                until_at_provider(&house, 3, before + 2).await;
                after_a_crash(&house, one_by_one.clone()).await
            } => next,
        };
        let mut blocks = next.gateway.blocks_left_open().await.unwrap();
        assert_eq!(jobs::sweep(&next.gateway, &mut blocks).await.unwrap(), 1);
        next.settles_at(2).await;
        assert_eq!(next.list_blocks("study").await.unwrap().uncommitted.len(), 1);
        next.commit_blocks("study", &[1], Conditions::default()).await.unwrap();
        for name in ["study", "grows"] {
            assert_same(&next.read(name).await.unwrap(), &first, name);
            next.remove(name, SnapshotRule::MustBeNone).await.unwrap();
        }
        next.settles_at(0).await;
    }
}

/// An object of three blocks, and one of three appends, of the same bytes.
async fn three_pieces(house: &House) -> Vec<u8> {
    let pieces = [noise(1, 100_000), noise(2, 100_000), noise(3, 70_000)];
    house.begin_append("grows").await;
    for (n, piece) in (1..).zip(&pieces) {
        house.put_block("study", n, body(piece)).await.unwrap();
        house.append("grows", body(piece), None).await.unwrap();
    }
    house.commit_blocks("study", &[1, 2, 3], Conditions::default()).await.unwrap();
    pieces.concat()
}

#[tokio::test]
async fn a_lie_about_any_block_or_append_is_an_error_after_right_bytes_only() {
    let house = House::new().await;
    house.put("other", &noise(4, 100_000)).await.unwrap();
    let other = house.chunks.snapshot().into_keys().next().unwrap();
    let bytes = three_pieces(&house).await;
    for name in ["study", "grows"] {
        for nth in 1..=3 {
            for fault in lies(&other) {
                house.plan.clear();
                house.plan.on(Call::Get, When::Nth(nth), fault.clone());
                let (read, error) = match house.get(name, Select::All).await {
                    Err(error) => (Vec::new(), Some(error)),
                    Ok(got) => drain(got).await,
                };
                assert!(matches!(error, Some(Error::Integrity)), "{name} {nth} {fault:?}: {error:?}");
                assert!(bytes.starts_with(&read) && read.len() < bytes.len(), "{name} {nth} {fault:?}: wrong bytes");
            }
        }
        house.plan.clear();
        assert_same(&house.read(name).await.unwrap(), &bytes, "an honest provider");
    }
    house.settles_at(7).await;
}

#[tokio::test]
async fn blocks_and_appends_that_are_exchanged_or_missing_where_they_lie_are_never_served() {
    let house = House::new().await;
    let bytes = three_pieces(&house).await;
    let honest = house.chunks.snapshot();
    let names: Vec<_> = honest.keys().cloned().collect();
    for name in &names {
        let changes = names.iter().map(|other| Some(honest[other].clone())).chain([None, Some(Bytes::new())]);
        for change in changes.filter(|change| change.as_ref() != Some(&honest[name])) {
            match change {
                Some(sealed) => house.chunks.replace(name, sealed),
                None => house.chunks.delete(name, &Consent::given()).await.unwrap(),
            }
            let mut refused = 0;
            for object in ["study", "grows"] {
                let (read, error) = match house.get(object, Select::All).await {
                    Err(error) => (Vec::new(), Some(error)),
                    Ok(got) => drain(got).await,
                };
                assert!(bytes.starts_with(&read), "{object}: wrong bytes");
                match error {
                    None => assert_eq!(read.len(), bytes.len()),
                    Some(error) => {
                        assert!(matches!(error, Error::Integrity), "{error:?}");
                        refused += 1;
                    }
                }
            }
            assert_eq!(refused, 1, "each chunk is of one object");
            house.chunks.replace(name, honest[name].clone());
        }
    }
}

#[tokio::test]
async fn a_lie_while_an_end_is_merged_changes_nothing() {
    let house = House::new().await;
    let scene = Scene::set(&house, Write::Merge).await;
    let before = house.chunks.snapshot();
    for fault in [Fault::Flip { at: 50 }, Fault::Truncate { by: 1 }, Fault::Substitute(Bytes::from(vec![0; 1_000]))] {
        house.plan.clear();
        house.plan.on(Call::Get, When::Nth(7), fault);
        house.merge_end("many").await.unwrap_err();
        assert_eq!(slices_of(&house, "many").await, MANY);
    }
    house.plan.clear();
    house.settles_at(before.len()).await;
    assert_same(&house.read("many").await.unwrap(), &scene.many, "not merged");
}

#[tokio::test]
async fn a_block_or_an_append_that_is_dropped_at_any_point_is_whole_or_absent_and_leaves_nothing() {
    let house = House::new().await;
    let (mut absent, mut whole) = (0, 0);
    for seed in 0..80 {
        let bytes = noise(seed, 30_000 + seed as usize * 1_000);
        house.begin_append("grows").await;
        tokio::select! {
            biased;
            outcome = house.put_block("study", 1, patient(&bytes, 20_000)) => drop(outcome.unwrap()),
            () = turns(seed % 12) => {}
        }
        tokio::select! {
            biased;
            outcome = house.append("grows", patient(&bytes, 20_000), None) => drop(outcome.unwrap()),
            () = turns(seed % 12) => {}
        }
        turns(20).await;
        let mut chunks = 0;
        let grown = house.read("grows").await.unwrap();
        if !grown.is_empty() {
            assert_same(&grown, &bytes, "an append that was dropped");
            chunks += 1;
        }
        if house.list_blocks("study").await.is_ok() {
            house.commit_blocks("study", &[1], Conditions::default()).await.unwrap();
            assert_same(&house.read("study").await.unwrap(), &bytes, "a block that was dropped");
            chunks += 1;
        }
        whole += chunks;
        absent += 2 - chunks;
        house.settles_at(chunks).await;
        house.delete("grows").await.unwrap();
        house.delete("study").await.unwrap();
        house.settles_at(0).await;
    }
    assert!(absent > 10 && whole > 10, "{absent} absent, {whole} whole: the points are not spread");
}
