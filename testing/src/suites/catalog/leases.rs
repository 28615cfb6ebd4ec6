//! What every catalog promises of each kind of write under a lease or to the archive, and of lists of blocks that it refuses, as functions
//! over `&dyn Catalog`. Each takes a fresh catalog that retains nothing.

use ecluse::catalog::{
    Catalog, CatalogError, Content, Deletion, NewAppend, ObjectRef, Refusal, Revision, Select, SnapshotRule,
};
use ecluse::model::{
    BlockSource, Conditions, EtagCondition, LeaseAction, LeaseFault, ShownMd5, SnapshotId, SystemMetadata, Tier,
    Timestamp,
};

use super::azure::{A, B, acquire, deletion, holding, object, tags, user};
use super::blocks::{block, commit, growing, new_append, new_block, put_block};
use super::suite::{GRACE, bucket, completion, key, new, part, put, put_part, queued, sound, upload, with_bucket};

/// Every kind of write that a lease guards.
const WRITES: [&str; 11] = [
    "commit",
    "delete",
    "delete_as",
    "complete_upload",
    "put_block",
    "commit_blocks",
    "append",
    "user",
    "headers",
    "tags",
    "close",
];

/// Makes an object that this kind of write can be done to, with what the write needs.
async fn prepare(catalog: &dyn Catalog, write: &str, number: u32) {
    if matches!(write, "append" | "close") {
        growing(catalog, write).await;
    } else {
        put(catalog, write, number, 10).await;
    }
    match write {
        "complete_upload" => {
            let id = upload(catalog, write, 1).await;
            put_part(catalog, write, &id, 1, part(number + 1, 10)).await;
        }
        "commit_blocks" => put_block(catalog, write, block(1, 10), number + 1).await.unwrap(),
        _ => {}
    }
}

async fn revise(catalog: &dyn Catalog, name: &str, to: Revision, conditions: Conditions) -> Result<(), CatalogError> {
    catalog.revise(&object(name), to, &conditions, Timestamp(7_000)).await.map(drop)
}

/// Does this kind of write to its object.
async fn act(catalog: &dyn Catalog, write: &str, number: u32, conditions: Conditions) -> Result<(), CatalogError> {
    match write {
        "commit" => {
            let mut version = new(write, Content::Part(part(number + 2, 10)), 10);
            version.conditions = conditions;
            catalog.commit(version, GRACE).await.map(drop)
        }
        "delete" => catalog.delete(&bucket(), &key(write), &conditions, GRACE).await.map(drop),
        "delete_as" => {
            let gone = Deletion { conditions, ..deletion(object(write), SnapshotRule::MustBeNone) };
            catalog.delete_as(gone, GRACE).await
        }
        "complete_upload" => {
            let id = ecluse::catalog::UploadId(format!("{:032x}", 1));
            let mut done = completion(write, &id, &[1]);
            done.conditions = conditions;
            catalog.complete_upload(done, GRACE).await.map(drop)
        }
        "put_block" => {
            let mut waiting = new_block(write, block(1, 10), number + 2);
            waiting.conditions = conditions;
            catalog.put_block(waiting, GRACE).await
        }
        "commit_blocks" => {
            let mut list = commit(write, &[(1, BlockSource::Uncommitted)]);
            list.conditions = conditions;
            catalog.commit_blocks(list, GRACE).await.map(drop)
        }
        "append" => {
            let more = NewAppend { conditions, ..new_append(write, number + 2, 10) };
            catalog.append(more, GRACE).await.map(drop)
        }
        "user" => revise(catalog, write, Revision::User(user("x")), conditions).await,
        "headers" => {
            let system = Box::new(SystemMetadata::default());
            let headers = Revision::Headers { system, shown_md5: ShownMd5::Given(None) };
            revise(catalog, write, headers, conditions).await
        }
        "tags" => revise(catalog, write, Revision::Tags(tags(&[("a", "b")])), conditions).await,
        "close" => revise(catalog, write, Revision::Close { length: None }, conditions).await,
        other => panic!("{other}"),
    }
}

/// The writes, each with a number that no other's parts have.
fn writes() -> impl Iterator<Item = (&'static str, u32)> {
    WRITES.into_iter().zip((0..).step_by(10))
}

pub async fn each_kind_of_write_is_refused_without_the_lease_and_done_with_it(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    for (write, number) in writes() {
        prepare(catalog, write, number).await;
        acquire(catalog, Some(write), A, None, Timestamp::steady()).await;
        let before = catalog.head(&ObjectRef::current(&bucket(), &key(write))).await.unwrap();
        let waiting = queued(catalog).await;
        // The lease is told before a condition that does not hold either.
        let unmet = |conditions| Conditions { if_none_match: Some(EtagCondition::Any), ..conditions };
        for (conditions, fault) in [
            (Conditions::default(), LeaseFault::IdMissing),
            (holding(B), LeaseFault::IdMismatch),
            (unmet(Conditions::default()), LeaseFault::IdMissing),
            (unmet(holding(B)), LeaseFault::IdMismatch),
        ] {
            let refused = act(catalog, write, number, conditions).await;
            assert!(
                matches!(refused, Err(CatalogError::Refused(Refusal::Lease(found))) if found == fault),
                "{write}: {refused:?}"
            );
        }
        assert_eq!(
            catalog.head(&ObjectRef::current(&bucket(), &key(write))).await.unwrap(),
            before,
            "{write} left something"
        );
        assert_eq!(queued(catalog).await, waiting, "{write} let go of something");
        sound(catalog).await;
        // Letters of a lease's id are of either case.
        act(catalog, write, number, holding(&A.to_uppercase())).await.unwrap();
        sound(catalog).await;
    }
}

pub async fn a_lease_guards_while_it_is_being_broken(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let breaking = LeaseAction::Break { period_seconds: Some(60) };
    for (write, number) in writes() {
        prepare(catalog, write, number).await;
        let now = Timestamp::steady();
        acquire(catalog, Some(write), A, None, now).await;
        catalog.lease(&bucket(), Some(&key(write)), &breaking, &Conditions::default(), now).await.unwrap();
        let refused = act(catalog, write, number, Conditions::default()).await;
        assert!(
            matches!(refused, Err(CatalogError::Refused(Refusal::Lease(LeaseFault::IdMissing)))),
            "{write}: {refused:?}"
        );
        act(catalog, write, number, holding(A)).await.unwrap();
    }
    sound(catalog).await;
}

pub async fn a_lease_that_ran_out_guards_nothing_and_cannot_be_named(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    for (write, number) in writes() {
        prepare(catalog, write, number).await;
        let long_ago = Timestamp(Timestamp::steady().0 - 60_000);
        acquire(catalog, Some(write), A, Some(15), long_ago).await;
        let lost = act(catalog, write, number, holding(A)).await;
        assert!(matches!(lost, Err(CatalogError::Refused(Refusal::Lease(LeaseFault::Lost)))), "{write}: {lost:?}");
        act(catalog, write, number, Conditions::default()).await.unwrap();
        if let Ok(version) = catalog.head(&ObjectRef::current(&bucket(), &key(write))).await {
            assert_eq!(version.lease, None, "{write} forgets it");
        }
        sound(catalog).await;
    }
}

pub async fn each_kind_of_write_leaves_the_archive_as_it_is_where_it_is_told_to(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let spared = || Conditions { not_archived: true, ..Conditions::default() };
    let tier = |name: &str| Revision::Tier(Some(Tier { name: name.to_owned(), changed: Timestamp(1) }));
    for (write, number) in writes() {
        prepare(catalog, write, number).await;
        revise(catalog, write, tier(Tier::ARCHIVE), Conditions::default()).await.unwrap();
        let before = catalog.head(&ObjectRef::current(&bucket(), &key(write))).await.unwrap();
        let waiting = queued(catalog).await;
        let refused = act(catalog, write, number, spared()).await;
        assert!(matches!(refused, Err(CatalogError::Refused(Refusal::Archived))), "{write}: {refused:?}");
        let taken = catalog.snapshot(&bucket(), &key(write), None, &spared(), SnapshotId(1)).await;
        assert!(matches!(taken, Err(CatalogError::Refused(Refusal::Archived))), "{write}: {taken:?}");
        assert_eq!(
            catalog.head(&ObjectRef::current(&bucket(), &key(write))).await.unwrap(),
            before,
            "{write} left something"
        );
        assert_eq!(queued(catalog).await, waiting, "{write} let go of something");
        // Under a lease that it does not name, a write is told of the lease.
        acquire(catalog, Some(write), A, None, Timestamp::steady()).await;
        let refused = act(catalog, write, number, spared()).await;
        assert!(
            matches!(refused, Err(CatalogError::Refused(Refusal::Lease(LeaseFault::IdMissing)))),
            "{write}: {refused:?}"
        );
        sound(catalog).await;
        // Another tier, or a write that does not mind, and it is done.
        if number % 20 == 0 {
            revise(catalog, write, tier("Cool"), holding(A)).await.unwrap();
            act(catalog, write, number, Conditions { not_archived: true, ..holding(A) }).await.unwrap();
        } else {
            act(catalog, write, number, holding(A)).await.unwrap();
        }
        sound(catalog).await;
    }
}

pub async fn a_list_that_is_refused_leaves_the_version_and_what_waits(catalog: &dyn Catalog) {
    use BlockSource::{Committed, Latest, Uncommitted};
    with_bucket(catalog).await;
    put_block(catalog, "a", block(1, 10), 1).await.unwrap();
    let version = catalog.commit_blocks(commit("a", &[(1, Latest)]), GRACE).await.unwrap();
    put_block(catalog, "a", block(2, 20), 2).await.unwrap();
    let (stays, waits) = (version.clone(), queued(catalog).await);
    for picks in [
        vec![(1, Committed), (2, Uncommitted), (3, Latest)],
        vec![(1, Uncommitted)],
        vec![(2, Uncommitted), (2, Committed)],
    ] {
        let refused = catalog.commit_blocks(commit("a", &picks), GRACE).await;
        assert!(matches!(refused, Err(CatalogError::Refused(Refusal::InvalidBlock))), "{picks:?}");
        let lists = super::blocks::lists_of(catalog, &object("a")).await.unwrap();
        assert_eq!((lists.version.as_ref(), lists.committed), (Some(&stays), vec![block(1, 10)]));
        assert_eq!(lists.uncommitted, [block(2, 20)]);
        let opened = catalog.open(&ObjectRef::current(&bucket(), &key("a")), Select::All).await.unwrap();
        assert_eq!(opened.slices.iter().map(|slice| slice.part.id).collect::<Vec<_>>(), [part(1, 1).id]);
        assert_eq!(queued(catalog).await, waits);
        sound(catalog).await;
    }
    let both = catalog.commit_blocks(commit("a", &[(2, Uncommitted), (1, Committed)]), GRACE).await.unwrap();
    assert_eq!(both.length, 30);
    sound(catalog).await;
}
