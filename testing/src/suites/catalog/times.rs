//! What every catalog promises of times, as functions over `&dyn Catalog`. Each takes a fresh catalog.

use ecluse::catalog::{
    BlockCommit, BucketRevision, Catalog, Completion, Content, NewAppend, NewVersion, ObjectRef, Revision, Version,
};
use ecluse::model::{BlockSource, Conditions, Timestamp};

use super::azure::{object, user};
use super::blocks::{self, block, growing, put_block};
use super::suite::{GRACE, bucket, completion, delete, key, new, part, put_part, sound, upload, with_bucket};

async fn put_at(catalog: &dyn Catalog, number: u32, modified: i64) -> Version {
    let version = new("a", Content::Part(part(number, 10)), 10);
    catalog.commit(NewVersion { modified: Timestamp(modified), ..version }, GRACE).await.unwrap()
}

pub async fn times_go_forward_within_a_name_whatever_the_clock_does(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    assert_eq!(put_at(catalog, 1, 5_000).await.modified, Timestamp(5_000));
    assert_eq!(put_at(catalog, 2, 4_000).await.modified, Timestamp(5_000), "the clock went back");
    assert_eq!(put_at(catalog, 3, 6_000).await.modified, Timestamp(6_000));
    let nothing = Conditions::default();
    let revised = catalog.revise(&object("a"), Revision::User(user("x")), &nothing, Timestamp(3_000)).await;
    assert_eq!(revised.unwrap().modified, Timestamp(6_000));

    let id = upload(catalog, "a", 1).await;
    put_part(catalog, "a", &id, 1, part(4, 10)).await;
    let done = Completion { modified: Timestamp(2_000), ..completion("a", &id, &[1]) };
    assert_eq!(catalog.complete_upload(done, GRACE).await.unwrap().version.modified, Timestamp(6_000));
    put_block(catalog, "a", block(1, 10), 5).await.unwrap();
    let list = BlockCommit { modified: Timestamp(1_000), ..blocks::commit("a", &[(1, BlockSource::Latest)]) };
    assert_eq!(catalog.commit_blocks(list, GRACE).await.unwrap().modified, Timestamp(6_000));
    assert_eq!(catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap().modified, Timestamp(6_000));

    growing(catalog, "log").await;
    let before = catalog.head(&ObjectRef::current(&bucket(), &key("log"))).await.unwrap().modified;
    let append = NewAppend { modified: Timestamp(1), ..blocks::new_append("log", 6, 10) };
    assert_eq!(catalog.append(append, GRACE).await.unwrap().version.modified, before);

    let before = catalog.bucket(&bucket()).await.unwrap().modified;
    let revision = BucketRevision::User(user("y"));
    let revised = catalog.revise_bucket(&bucket(), revision, &nothing, Timestamp(1)).await.unwrap();
    assert_eq!(revised.modified, before);
    sound(catalog).await;
}

/// Where deletions are retained.
pub async fn times_go_forward_after_what_was_deleted_and_is_retained(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    put_at(catalog, 1, 5_000).await;
    assert!(delete(catalog, "a").await);
    assert_eq!(put_at(catalog, 2, 4_000).await.modified, Timestamp(5_000), "a former object of the name is known");
    assert!(delete(catalog, "a").await);
    assert_eq!(put_at(catalog, 3, 7_000).await.modified, Timestamp(7_000));
    sound(catalog).await;
}
