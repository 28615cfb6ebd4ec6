//! What every catalog promises that retains what was deleted, as functions over `&dyn Catalog`. Each takes a fresh catalog
//! that retains for [`RETENTION`].

use std::time::Duration;

use ecluse::catalog::{
    Catalog, CatalogError, CatalogSettings, Content, Deletion, ListEntry, ListExtras, ListQuery, ListStart, ObjectRef,
    Refusal, Retained, SnapshotRule, TagQuery,
};
use ecluse::model::{BucketRef, ByteRange, Conditions, Sight, SnapshotId, TagExpression, TenantId, Timestamp};

use super::azure::{acquire, deletion, listed, object, snapshot, snapshot_of, tags};
use super::blocks::{block, growing, put_block};
use super::buckets;
use super::suite::{GRACE, bucket, delete, key, new, part, put, queued, sound, tenant, with_bucket};

pub const RETENTION: Duration = Duration::from_secs(10);

pub const SETTINGS: CatalogSettings = CatalogSettings::retaining(Some(RETENTION));

const ALL: ListExtras = ListExtras { snapshots: true, uncommitted: false, deleted: true };
const DELETED: ListExtras = ListExtras { snapshots: false, uncommitted: false, deleted: true };

pub async fn a_deletion_can_be_undone_until_its_time_is_over(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let mut tagged = new("a", Content::Part(part(1, 10)), 10);
    tagged.metadata.tags = tags(&[("x", "y")]);
    let version = catalog.commit(tagged, GRACE).await.unwrap();
    snapshot(catalog, "a", 5).await;
    acquire(catalog, Some("a"), super::azure::A, None, Timestamp::steady()).await;
    let held = super::azure::holding(super::azure::A);
    let with_all = Deletion { conditions: held, ..deletion(object("a"), SnapshotRule::Include) };
    catalog.delete_as(with_all, GRACE).await.unwrap();
    assert!(matches!(
        catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await,
        Err(CatalogError::Refused(Refusal::NoSuchKey))
    ));
    assert!(matches!(catalog.head(&snapshot_of("a", 5)).await, Err(CatalogError::Refused(Refusal::NoSuchKey))));
    assert_eq!(listed(catalog, ListExtras::default()).await, [""; 0]);
    assert_eq!(listed(catalog, DELETED).await, ["a!"]);
    assert_eq!(listed(catalog, ALL).await, ["a@5!", "a!"]);
    assert!(queued(catalog).await.is_empty());
    sound(catalog).await;

    catalog.restore(&bucket(), &key("a"), GRACE).await.unwrap();
    assert_eq!(
        catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap(),
        version,
        "as it was, without its lease"
    );
    assert_eq!(catalog.head(&snapshot_of("a", 5)).await.unwrap().snapshot, Some(SnapshotId(5)));
    catalog.restore(&bucket(), &key("a"), GRACE).await.unwrap();
    sound(catalog).await;

    let before = Timestamp::steady();
    catalog.delete_as(deletion(object("a"), SnapshotRule::Include), GRACE).await.unwrap();
    let after = Timestamp::steady();
    let page = ListQuery {
        bucket: bucket(),
        prefix: String::new(),
        delimiter: None,
        start: ListStart::First,
        limit: 1,
        most_bytes: usize::MAX,
        with_metadata: true,
        with_user_metadata: true,
        extras: DELETED,
    };
    // The time of the deletion is shown; how long it counts is the steady clock's.
    let until = match &catalog.list(&page).await.unwrap().entries[0] {
        ListEntry::Object { retained: Some(Retained { deleted: Timestamp(8_000), until }), metadata, .. } => {
            assert_eq!(metadata.as_ref().unwrap().tags, tags(&[("x", "y")]));
            *until
        }
        other => panic!("{other:?}"),
    };
    assert!(before.plus(RETENTION) <= until && until <= after.plus(RETENTION));
    // The snapshot was ended a moment before, maybe a millisecond.
    assert!(!catalog.purge(before.plus(RETENTION), 9, GRACE).await.unwrap(), "its time is not over yet");
    assert_eq!(listed(catalog, ALL).await.len(), 2);
    let later = Timestamp(until.0 + 1);
    assert!(catalog.purge(later, 1, GRACE).await.unwrap());
    while catalog.purge(later, 1, GRACE).await.unwrap() {}
    assert_eq!(listed(catalog, ALL).await, [""; 0]);
    assert_eq!(queued(catalog).await, [part(1, 1).id; 2]);
    assert!(matches!(
        catalog.restore(&bucket(), &key("a"), GRACE).await,
        Err(CatalogError::Refused(Refusal::NoSuchKey))
    ));
    sound(catalog).await;
}

pub async fn what_is_replaced_is_a_snapshot_that_was_deleted(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let first = put(catalog, "a", 1, 10).await;
    let second = put(catalog, "a", 2, 20).await;
    // Overwrites happened at 5,000 ms.
    assert_eq!(listed(catalog, ALL).await, ["a@50000000!", "a"]);
    put(catalog, "a", 3, 30).await;
    assert_eq!(listed(catalog, ALL).await, ["a@50000000!", "a@50000001!", "a"]);
    assert_eq!(listed(catalog, DELETED).await, ["a"]);
    assert!(queued(catalog).await.is_empty());
    assert!(matches!(
        catalog.head(&snapshot_of("a", 50_000_000)).await,
        Err(CatalogError::Refused(Refusal::NoSuchKey))
    ));
    sound(catalog).await;
    catalog.restore(&bucket(), &key("a"), GRACE).await.unwrap();
    assert_eq!(catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap().length, 30);
    for (at, version) in [(50_000_000, first), (50_000_001, second)] {
        let restored = catalog.head(&snapshot_of("a", at)).await.unwrap();
        assert_eq!((restored.id, restored.length), (version.id, version.length));
    }
    // Made current again by a copy.
    let id = catalog.head(&snapshot_of("a", 50_000_000)).await.unwrap().id;
    let content = Content::Shared { source: id, range: ByteRange { first: 0, end: 10 } };
    assert_eq!(catalog.commit(new("a", content, 10), GRACE).await.unwrap().length, 10);
    sound(catalog).await;
}

pub async fn a_new_object_under_the_name_of_a_deleted_one_turns_that_into_a_snapshot(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let first = put(catalog, "a", 1, 10).await;
    catalog.delete_as(deletion(object("a"), SnapshotRule::MustBeNone), GRACE).await.unwrap();
    let second = put(catalog, "a", 2, 20).await;
    assert_eq!(second.metadata.created, None, "it is another object");
    assert_eq!(listed(catalog, ALL).await, ["a@80000000!", "a"]);
    catalog.delete_as(deletion(object("a"), SnapshotRule::MustBeNone), GRACE).await.unwrap();
    assert_eq!(listed(catalog, ALL).await, ["a@80000000!", "a!"]);
    catalog.restore(&bucket(), &key("a"), GRACE).await.unwrap();
    assert_eq!(catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap().id, second.id);
    assert_eq!(catalog.head(&snapshot_of("a", 80_000_000)).await.unwrap().id, first.id);
    sound(catalog).await;
}

pub async fn deletions_through_the_other_protocol_are_retained_as_well(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    put(catalog, "a", 1, 10).await;
    let before = Timestamp::now();
    assert!(delete(catalog, "a").await);
    assert!(!delete(catalog, "a").await);
    assert!(queued(catalog).await.is_empty());
    assert!(!catalog.purge(before, 9, GRACE).await.unwrap());
    catalog.restore(&bucket(), &key("a"), GRACE).await.unwrap();
    assert!(catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.is_ok());
    sound(catalog).await;
}

pub async fn what_is_retained_can_be_ended_for_good(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    put(catalog, "a", 1, 10).await;
    put(catalog, "a", 2, 10).await;
    put(catalog, "a", 3, 10).await;
    let for_good = |object| Deletion { for_good: true, ..deletion(object, SnapshotRule::MustBeNone) };
    catalog.delete_as(for_good(snapshot_of("a", 50_000_000)), GRACE).await.unwrap();
    assert_eq!(queued(catalog).await, [part(1, 1).id; 2]);
    let again = catalog.delete_as(for_good(snapshot_of("a", 50_000_000)), GRACE).await;
    assert!(matches!(again, Err(CatalogError::Refused(Refusal::NoSuchKey))));
    assert_eq!(listed(catalog, ALL).await, ["a@50000001!", "a"]);
    delete(catalog, "a").await;
    catalog.delete_as(for_good(object("a")), GRACE).await.unwrap();
    assert_eq!(listed(catalog, ALL).await, [""; 0]);
    assert_eq!(queued(catalog).await.len(), 6);
    sound(catalog).await;
}

pub async fn blocks_wait_on_unless_an_object_that_grows_comes_back(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    put(catalog, "a", 1, 10).await;
    growing(catalog, "log").await;
    let blocks = async |name| super::blocks::lists_of(catalog, &object(name)).await.unwrap().uncommitted.len();
    for (name, number) in [("a", 2), ("log", 3)] {
        assert!(delete(catalog, name).await);
        put_block(catalog, name, block(1, 10), number).await.unwrap();
        assert_eq!(blocks(name).await, 1);
        catalog.restore(&bucket(), &key(name), GRACE).await.unwrap();
        sound(catalog).await;
    }
    assert_eq!((blocks("a").await, blocks("log").await), (1, 0));
    assert_eq!(queued(catalog).await, [part(3, 10).id; 2], "at both of its places");
}

pub async fn a_bucket_that_holds_only_deletions_keeps_them_and_comes_back(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    put(catalog, "a", 1, 10).await;
    let second = put(catalog, "a", 2, 20).await;
    delete(catalog, "a").await;
    let before = catalog.bucket(&bucket()).await.unwrap();
    catalog.delete_bucket(&bucket()).await.unwrap();
    assert!(matches!(catalog.bucket(&bucket()).await, Err(CatalogError::Refused(Refusal::NoSuchBucket))));
    assert!(buckets::all(catalog).await.is_empty());
    while catalog.purge(Timestamp::steady(), 1, GRACE).await.unwrap() {}
    assert!(queued(catalog).await.is_empty(), "what was promised is kept");
    sound(catalog).await;
    let gone = buckets::gone(catalog, &tenant()).await;
    assert_eq!((gone.len(), &gone[0].bucket), (1, &before));
    assert!(gone[0].retained.until > Timestamp::steady());
    let stranger = TenantId::parse("other").unwrap();
    assert!(buckets::gone(catalog, &stranger).await.is_empty());
    let foreign = BucketRef { tenant: stranger, name: bucket().name };
    assert!(matches!(
        catalog.restore_bucket(&foreign, gone[0].id).await,
        Err(CatalogError::Refused(Refusal::NoSuchBucket))
    ));

    // The name is free, and another bucket under it has nothing of the first.
    with_bucket(catalog).await;
    assert!(matches!(
        catalog.restore(&bucket(), &key("a"), GRACE).await,
        Err(CatalogError::Refused(Refusal::NoSuchKey))
    ));
    assert!(matches!(
        catalog.restore_bucket(&bucket(), gone[0].id).await,
        Err(CatalogError::Refused(Refusal::BucketExists))
    ));
    catalog.delete_bucket(&bucket()).await.unwrap();
    let both = buckets::gone(catalog, &tenant()).await;
    assert_eq!(both.len(), 2);
    assert!(both[0].id < both[1].id && both[0] == gone[0], "by when they went");

    assert_eq!(catalog.restore_bucket(&bucket(), gone[0].id).await.unwrap(), before);
    assert!(matches!(
        catalog.restore_bucket(&bucket(), gone[0].id).await,
        Err(CatalogError::Refused(Refusal::NoSuchBucket))
    ));
    assert_eq!(listed(catalog, ALL).await, ["a@50000000!", "a!"]);
    catalog.restore(&bucket(), &key("a"), GRACE).await.unwrap();
    assert_eq!(catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap().id, second.id);
    sound(catalog).await;
}

pub async fn a_dropped_bucket_comes_back_with_all_that_it_held_until_its_time_is_over(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let mut tagged = new("a", Content::Part(part(1, 10)), 10);
    tagged.metadata.tags = tags(&[("x", "y")]);
    let version = catalog.commit(tagged, GRACE).await.unwrap();
    snapshot(catalog, "a", 5).await;
    put(catalog, "gone", 2, 10).await;
    delete(catalog, "gone").await;
    put_block(catalog, "waits", block(1, 10), 3).await.unwrap();
    let upload = super::suite::upload(catalog, "up", 1).await;
    super::suite::put_part(catalog, "up", &upload, 1, part(4, 10)).await;
    acquire(catalog, None, super::azure::A, None, Timestamp::steady()).await;
    catalog.drop_bucket(&bucket(), &super::azure::holding(super::azure::A)).await.unwrap();
    while catalog.purge(Timestamp::steady(), 1, GRACE).await.unwrap() {}
    assert!(queued(catalog).await.is_empty());
    sound(catalog).await;

    // Nothing in it can be reached meanwhile, nor copied from.
    with_bucket(catalog).await;
    let shared = || Content::Shared { source: version.id, range: ByteRange { first: 0, end: 10 } };
    assert!(matches!(
        catalog.commit(new("b", shared(), 10), GRACE).await,
        Err(CatalogError::Refused(Refusal::SourceChanged))
    ));
    let query = TagQuery {
        tenant: tenant(),
        bucket: None,
        expression: TagExpression::parse_search("x = 'y'").unwrap(),
        sight: Sight::of_everything(),
        after: None,
        limit: 9,
        most_bytes: usize::MAX,
    };
    assert!(catalog.find_by_tags(&query).await.unwrap().found.is_empty());
    catalog.delete_bucket(&bucket()).await.unwrap();

    let gone = buckets::gone(catalog, &tenant()).await;
    let back = catalog.restore_bucket(&bucket(), gone[0].id).await.unwrap();
    assert_eq!(back.lease, None, "without its lease");
    assert_eq!(catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap(), version);
    assert!(catalog.head(&snapshot_of("a", 5)).await.is_ok());
    assert_eq!(catalog.find_by_tags(&query).await.unwrap().found.len(), 1);
    assert_eq!(super::blocks::lists_of(catalog, &object("waits")).await.unwrap().uncommitted.len(), 1);
    assert_eq!(catalog.upload_parts(&bucket(), &key("up"), &upload, 0, 9).await.unwrap().len(), 1);
    assert_eq!(catalog.commit(new("b", shared(), 10), GRACE).await.unwrap().length, 10);
    catalog.restore(&bucket(), &key("gone"), GRACE).await.unwrap();
    sound(catalog).await;

    catalog.drop_bucket(&bucket(), &Conditions::default()).await.unwrap();
    let until = buckets::gone(catalog, &tenant()).await.last().unwrap().retained.until;
    assert!(queued(catalog).await.is_empty());
    while catalog.purge(Timestamp(until.0 + 1), 2, GRACE).await.unwrap() {
        sound(catalog).await;
    }
    assert_eq!(queued(catalog).await.len(), 2 * 4, "its time is over: at both of their places");
    assert!(buckets::gone(catalog, &tenant()).await.is_empty());
    sound(catalog).await;
}

/// More than one write takes along.
const MANY: i64 = 300;

async fn with_many_snapshots(catalog: &dyn Catalog, name: &str, number: u32) {
    put(catalog, name, number, 10).await;
    for taken in 0..MANY {
        snapshot(catalog, name, taken).await;
    }
}

/// Where deletions are not retained.
pub async fn many_snapshots_are_gone_with_their_object_at_once(catalog: &dyn Catalog) {
    const SNAPSHOTS: ListExtras = ListExtras { snapshots: true, uncommitted: false, deleted: false };
    with_bucket(catalog).await;
    with_many_snapshots(catalog, "a", 1).await;
    assert!(matches!(
        catalog.delete(&bucket(), &key("a"), &Conditions::default(), GRACE).await,
        Err(CatalogError::Refused(Refusal::SnapshotsPresent))
    ));
    catalog.delete_as(deletion(object("a"), SnapshotRule::Only), GRACE).await.unwrap();
    assert_eq!(listed(catalog, SNAPSHOTS).await, ["a"]);
    assert!(matches!(catalog.head(&snapshot_of("a", 7)).await, Err(CatalogError::Refused(Refusal::NoSuchKey))));
    sound(catalog).await;
    // One that is taken meanwhile is none of them, whatever its time.
    let late = snapshot(catalog, "a", 3).await.snapshot.unwrap();
    assert!(catalog.head(&snapshot_of("a", late.0)).await.is_ok());
    assert_eq!(listed(catalog, SNAPSHOTS).await, [format!("a@{}", late.0), "a".to_owned()]);
    sound(catalog).await;
    catalog.purge(Timestamp(0), 7, GRACE).await.unwrap();
    assert!(catalog.head(&snapshot_of("a", late.0)).await.is_ok());
    catalog.delete_as(deletion(object("a"), SnapshotRule::Include), GRACE).await.unwrap();
    assert!(listed(catalog, SNAPSHOTS).await.is_empty());
    sound(catalog).await;
    catalog.delete_bucket(&bucket()).await.unwrap();
    while catalog.purge(Timestamp(0), 7, GRACE).await.unwrap() {
        sound(catalog).await;
    }
    assert_eq!(queued(catalog).await, [part(1, 10).id; 2]);
}

/// Where deletions are retained.
pub async fn many_snapshots_that_were_deleted_come_back_with_their_object(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    for steps in [0, 9, 150_u32] {
        with_many_snapshots(catalog, "a", steps + 1).await;
        catalog.delete_as(deletion(object("a"), SnapshotRule::Include), GRACE).await.unwrap();
        for _ in 0..steps {
            catalog.purge(Timestamp(0), 3, GRACE).await.unwrap();
        }
        let all = listed(catalog, ALL).await;
        assert!(all.iter().filter(|name| name.ends_with('!')).count() > usize::try_from(MANY).unwrap(), "{steps}");
        assert!(all.iter().all(|name| name.ends_with('!')), "{steps}");
        sound(catalog).await;
        catalog.restore(&bucket(), &key("a"), GRACE).await.unwrap();
        assert!(catalog.head(&snapshot_of("a", 7)).await.is_ok(), "{steps}");
        assert!(listed(catalog, ALL).await.len() > usize::try_from(MANY).unwrap());
        sound(catalog).await;
    }
}
