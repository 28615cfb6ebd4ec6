//! What every catalog promises of a name with very many versions, where deletions are retained: what is done to all of them is
//! done at once for whoever asks, however long its steps take.

use ecluse::catalog::{Catalog, CatalogError, Deletion, ListExtras, Refusal, SnapshotRule};
use ecluse::model::{Conditions, Timestamp};

use super::azure::{deletion, listed, object, snapshot, snapshot_of};
use super::suite::{GRACE, bucket, delete, key, put, queued, sound, with_bucket};

/// More than one write takes along.
const MANY: usize = 300;
/// When all that is retained is over.
const LATER: Timestamp = Timestamp(i64::MAX >> 1);

const ALL: ListExtras = ListExtras { snapshots: true, uncommitted: false, deleted: true };

/// An object `a` with many snapshots.
async fn with_many_snapshots(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    put(catalog, "a", 1, 10).await;
    for taken in 0..MANY {
        snapshot(catalog, "a", i64::try_from(taken).unwrap()).await;
    }
}

async fn deleted_all(catalog: &dyn Catalog, snapshots: SnapshotRule) {
    catalog.delete_as(deletion(object("a"), snapshots), GRACE).await.unwrap();
}

async fn settled(catalog: &dyn Catalog) {
    while catalog.purge(Timestamp(0), 7, GRACE).await.unwrap() {
        sound(catalog).await;
    }
}

fn for_good() -> Deletion {
    Deletion { for_good: true, ..deletion(object("a"), SnapshotRule::MustBeNone) }
}

/// How many are listed, and how many of them as deleted.
async fn counted(catalog: &dyn Catalog) -> (usize, usize) {
    let all = listed(catalog, ALL).await;
    (all.len(), all.iter().filter(|name| name.ends_with('!')).count())
}

pub async fn many_that_come_back_are_there_at_once_and_whatever_is_done_next_finds_them(catalog: &dyn Catalog) {
    with_many_snapshots(catalog).await;
    let there = listed(catalog, ALL).await;
    deleted_all(catalog, SnapshotRule::Include).await;
    settled(catalog).await;
    assert_eq!(counted(catalog).await, (MANY + 1, MANY + 1));

    catalog.restore(&bucket(), &key("a"), GRACE).await.unwrap();
    for _ in 0..20 {
        assert_eq!(listed(catalog, ALL).await, there);
        assert!(catalog.head(&snapshot_of("a", 7)).await.is_ok());
        assert!(catalog.head(&snapshot_of("a", 299)).await.is_ok());
        let refused = catalog.delete(&bucket(), &key("a"), &Conditions::default(), GRACE).await;
        assert!(matches!(refused, Err(CatalogError::Refused(Refusal::SnapshotsPresent))));
        assert!(matches!(catalog.delete_bucket(&bucket()).await, Err(CatalogError::Refused(Refusal::BucketNotEmpty))));
        sound(catalog).await;
        // Their time would be over.
        catalog.purge(LATER, 5, GRACE).await.unwrap();
    }
    // One that is taken meanwhile, and one that goes: of these the deed says nothing.
    let late = snapshot(catalog, "a", 3).await.snapshot.unwrap();
    catalog.delete_as(deletion(snapshot_of("a", 7), SnapshotRule::MustBeNone), GRACE).await.unwrap();
    assert!(matches!(catalog.head(&snapshot_of("a", 7)).await, Err(CatalogError::Refused(Refusal::NoSuchKey))));
    assert!(catalog.head(&snapshot_of("a", late.0)).await.is_ok());
    assert_eq!(counted(catalog).await, (MANY + 2, 1));
    settled(catalog).await;
    assert_eq!(counted(catalog).await, (MANY + 2, 1));

    // Back and forth, with as many steps in between as there happen to be.
    for steps in [0, 9, 30] {
        deleted_all(catalog, SnapshotRule::Include).await;
        assert_eq!(counted(catalog).await, (MANY + 2, MANY + 2), "{steps}");
        for _ in 0..steps {
            catalog.purge(Timestamp(0), 3, GRACE).await.unwrap();
        }
        catalog.restore(&bucket(), &key("a"), GRACE).await.unwrap();
        assert_eq!(counted(catalog).await, (MANY + 2, 0), "{steps}");
        for _ in 0..steps {
            catalog.purge(Timestamp(0), 3, GRACE).await.unwrap();
        }
        sound(catalog).await;
    }
    deleted_all(catalog, SnapshotRule::Only).await;
    assert_eq!(counted(catalog).await, (MANY + 2, MANY + 1));
    catalog.drop_bucket(&bucket(), &Conditions::default()).await.unwrap();
    while catalog.purge(LATER, 50, GRACE).await.unwrap() {
        sound(catalog).await;
    }
    assert!(queued(catalog).await.len() == 2, "at both of its places");
}

pub async fn many_that_are_ended_for_good_are_gone_at_once(catalog: &dyn Catalog) {
    with_many_snapshots(catalog).await;
    for settled_before in [true, false] {
        deleted_all(catalog, SnapshotRule::Only).await;
        if settled_before {
            settled(catalog).await;
        }
        let kept = snapshot(catalog, "a", 1_000).await.snapshot.unwrap();
        let there = [format!("a@{}", kept.0), "a".to_owned()];
        catalog.delete_as(for_good(), GRACE).await.unwrap();
        assert_eq!(listed(catalog, ALL).await, there);
        assert!(matches!(catalog.delete_as(for_good(), GRACE).await, Err(CatalogError::Refused(Refusal::NoSuchKey))));
        catalog.restore(&bucket(), &key("a"), GRACE).await.unwrap();
        assert_eq!(listed(catalog, ALL).await, there);
        sound(catalog).await;
        for taken in 0..MANY {
            snapshot(catalog, "a", 2_000 + i64::try_from(taken).unwrap()).await;
        }
    }
    // The same of what was replaced, each with bytes of its own.
    deleted_all(catalog, SnapshotRule::Only).await;
    catalog.delete_as(for_good(), GRACE).await.unwrap();
    let queued_before = queued(catalog).await.len();
    for number in 0..MANY {
        put(catalog, "a", 100 + u32::try_from(number).unwrap(), 10).await;
    }
    delete(catalog, "a").await;
    assert_eq!(counted(catalog).await, (MANY + 1, MANY + 1));
    catalog.delete_as(for_good(), GRACE).await.unwrap();
    // What comes under the name while they go is none of them.
    put(catalog, "a", 1_000, 10).await;
    put(catalog, "a", 1_001, 10).await;
    assert_eq!(counted(catalog).await, (2, 1));
    for _ in 0..9 {
        catalog.purge(Timestamp(0), 5, GRACE).await.unwrap();
        assert_eq!(counted(catalog).await, (2, 1));
        sound(catalog).await;
    }
    settled(catalog).await;
    assert_eq!(counted(catalog).await, (2, 1));
    assert_eq!(queued(catalog).await.len(), queued_before + 2 * (MANY + 1), "at both places of each");
    sound(catalog).await;
}
