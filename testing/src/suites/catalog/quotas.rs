//! What every catalog promises of quotas, as functions over `&dyn Catalog`. Each takes a fresh catalog.

use std::collections::BTreeMap;

use ecluse::catalog::{
    Catalog, CatalogError, Content, NewBlock, NewUpload, NewVersion, ObjectRef, Refusal, Upload, UploadId, Version,
};
use ecluse::model::{
    BlockSource, BucketName, BucketRef, ByteRange, ClientId, Conditions, Metadata, Quota, Quotas, SnapshotId,
    Timestamp, Usage,
};

use super::azure::snapshot;
use super::blocks::{self, block, new_append, new_block};
use super::suite::{GRACE, bucket, completion, delete, key, new, part, put, put_part, sound, with_bucket};

fn client() -> ClientId {
    ClientId::parse("pacs").unwrap()
}

fn owned() -> Metadata {
    Metadata { owner: Some(client()), ..Metadata::default() }
}

fn of_client(quota: Quota) -> Quotas {
    Quotas { clients: vec![(client(), quota)], ..Quotas::default() }
}

fn of_bucket(quota: Quota) -> Quotas {
    Quotas { buckets: vec![(bucket(), quota)], ..Quotas::default() }
}

/// What the bucket holds, whoever wrote it.
async fn holds(catalog: &dyn Catalog) -> (u64, u64, u64) {
    let held = catalog.usage_of_buckets(vec![bucket()]).await.unwrap();
    let [Usage { bytes, objects, uploads }] = held[..] else { panic!("{held:?}") };
    (bytes, objects, uploads)
}

async fn has(catalog: &dyn Catalog) -> (u64, u64, u64) {
    let all = catalog.usage().await.unwrap();
    assert!(all.iter().all(|(owner, _)| *owner == client()), "what is nobody's is not counted");
    let Usage { bytes, objects, uploads } = all.first().map(|(_, usage)| *usage).unwrap_or_default();
    (bytes, objects, uploads)
}

async fn put_own(catalog: &dyn Catalog, name: &str, number: u32, length: u64) -> Result<Version, CatalogError> {
    let version = new(name, Content::Part(part(number, length)), length);
    catalog.commit(NewVersion { metadata: owned(), ..version }, GRACE).await
}

async fn begin(catalog: &dyn Catalog, name: &str, number: u32) -> Result<UploadId, CatalogError> {
    let id = UploadId(format!("{number:032x}"));
    let upload = Upload { id: id.clone(), key: key(name), created: Timestamp(1), metadata: owned(), checksum: None };
    catalog.create_upload(NewUpload { bucket: bucket(), upload }).await.map(|()| id)
}

async fn put_own_block(catalog: &dyn Catalog, name: &str, number: u32, length: u64) -> Result<(), CatalogError> {
    let waiting = new_block(name, block(u8::try_from(number % 100).unwrap(), length), number);
    catalog.put_block(NewBlock { owner: Some(client()), ..waiting }, GRACE).await
}

fn exceeded<T>(outcome: Result<T, CatalogError>) -> bool {
    matches!(outcome, Err(CatalogError::Refused(Refusal::QuotaExceeded)))
}

pub async fn what_a_client_has_is_counted_and_given_back(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    put(catalog, "nobody's", 1, 10).await;
    assert_eq!(has(catalog).await, (0, 0, 0));
    let version = put_own(catalog, "a", 2, 10).await.unwrap();
    put_own(catalog, "a", 3, 20).await.unwrap();
    assert_eq!(has(catalog).await, (20, 1, 0), "what was replaced is given back");
    assert_ne!(version.id, catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap().id);

    // Copies and snapshots count in full, whatever they share.
    let id = catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap().id;
    let shared = new("copy", Content::Shared { source: id, range: ByteRange { first: 0, end: 20 } }, 20);
    catalog.commit(NewVersion { metadata: owned(), ..shared }, GRACE).await.unwrap();
    snapshot(catalog, "copy", 5).await;
    assert_eq!(has(catalog).await, (60, 3, 0));
    sound(catalog).await;

    let id = begin(catalog, "up", 1).await.unwrap();
    put_part(catalog, "up", &id, 1, part(4, 7)).await;
    put_part(catalog, "up", &id, 1, part(5, 9)).await;
    put_part(catalog, "up", &id, 2, part(6, 1)).await;
    assert_eq!(has(catalog).await, (70, 3, 1), "a part that is put again counts once");
    let done = ecluse::catalog::Completion { metadata: owned(), ..completion("up", &id, &[1]) };
    catalog.complete_upload(done, GRACE).await.unwrap();
    assert_eq!(has(catalog).await, (69, 4, 0), "what is not chosen is given back");
    let id = begin(catalog, "up", 2).await.unwrap();
    put_part(catalog, "up", &id, 1, part(7, 5)).await;
    catalog.abort_upload(&bucket(), &key("up"), &id, GRACE).await.unwrap();
    assert_eq!(has(catalog).await, (69, 4, 0));

    put_own_block(catalog, "blocks", 11, 30).await.unwrap();
    put_own_block(catalog, "blocks", 12, 3).await.unwrap();
    assert_eq!(has(catalog).await, (102, 4, 1));
    let mut list = blocks::commit("blocks", &[(11, BlockSource::Latest)]);
    list.metadata = owned();
    catalog.commit_blocks(list, GRACE).await.unwrap();
    assert_eq!(has(catalog).await, (99, 5, 0));
    put_own_block(catalog, "waits", 13, 4).await.unwrap();
    assert_eq!(catalog.drop_stale_blocks(Timestamp(i64::MAX), 9, GRACE).await.unwrap(), 1);
    assert_eq!(has(catalog).await, (99, 5, 0));

    let mut grows = NewVersion { metadata: owned(), ..new("log", Content::Empty, 0) };
    grows.metadata.append = Some(ecluse::model::AppendState::default());
    catalog.commit(grows, GRACE).await.unwrap();
    catalog.append(new_append("log", 20, 6), GRACE).await.unwrap();
    assert_eq!(has(catalog).await, (105, 6, 0));
    sound(catalog).await;

    assert!(delete(catalog, "a").await);
    assert_eq!(has(catalog).await, (85, 5, 0));
    catalog.drop_bucket(&bucket(), &Conditions::default()).await.unwrap();
    while catalog.purge(Timestamp(0), 2, GRACE).await.unwrap() {
        sound(catalog).await;
    }
    assert_eq!(has(catalog).await, (0, 0, 0));
    sound(catalog).await;
}

pub async fn beyond_a_quota_nothing_is_written_and_within_it_all_is(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    put_own(catalog, "a", 1, 60).await.unwrap();
    let quota = Quota { bytes: Some(100), objects: Some(3), uploads: Some(1) };
    catalog.set_quotas(of_client(quota)).await.unwrap();
    put_own(catalog, "b", 2, 40).await.unwrap();
    assert!(exceeded(put_own(catalog, "c", 3, 1).await), "bytes");
    assert!(matches!(
        catalog.head(&ObjectRef::current(&bucket(), &key("c"))).await,
        Err(CatalogError::Refused(Refusal::NoSuchKey))
    ));
    put(catalog, "nobody's", 4, 1_000).await;
    put_own(catalog, "b", 5, 30).await.unwrap();
    put_own(catalog, "c", 6, 10).await.unwrap();
    let empty = NewVersion { metadata: owned(), ..new("d", Content::Empty, 0) };
    assert!(exceeded(catalog.commit(empty, GRACE).await), "objects");
    let taken = catalog.snapshot(&bucket(), &key("a"), None, &Conditions::default(), SnapshotId(5)).await;
    assert!(exceeded(taken), "a snapshot is an object more");
    sound(catalog).await;

    delete(catalog, "a").await;
    let id = begin(catalog, "up", 1).await.unwrap();
    assert!(exceeded(begin(catalog, "up", 2).await), "uploads");
    assert!(exceeded(put_own_block(catalog, "waits", 8, 1).await), "blocks that wait are an upload");
    put_part(catalog, "up", &id, 1, part(9, 60)).await;
    let more = super::suite::upload_part("up", &id, 2, part(10, 1));
    assert!(exceeded(catalog.put_upload_part(more, GRACE).await), "parts are bytes");
    let done = ecluse::catalog::Completion { metadata: owned(), ..completion("up", &id, &[1]) };
    catalog.complete_upload(done, GRACE).await.unwrap();
    assert_eq!(has(catalog).await, (100, 3, 0));
    sound(catalog).await;

    // A narrower one refuses what grows, and nothing that shrinks; without one there is no limit.
    catalog.set_quotas(of_client(Quota { bytes: Some(10), ..Quota::default() })).await.unwrap();
    put_own(catalog, "up", 11, 50).await.unwrap();
    assert!(exceeded(put_own(catalog, "up", 12, 51).await));
    assert!(delete(catalog, "up").await);
    catalog.set_quotas(Quotas::default()).await.unwrap();
    put_own(catalog, "up", 13, 500).await.unwrap();
    assert_eq!(has(catalog).await, (540, 3, 0));
    sound(catalog).await;
}

/// Where deletions are retained.
pub async fn what_is_retained_counts_until_it_is_gone(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    put_own(catalog, "a", 1, 10).await.unwrap();
    put_own(catalog, "a", 2, 20).await.unwrap();
    assert_eq!(has(catalog).await, (30, 2, 0));
    delete(catalog, "a").await;
    catalog.delete_bucket(&bucket()).await.unwrap();
    assert_eq!(has(catalog).await, (30, 2, 0));
    while catalog.purge(Timestamp(i64::MAX), 1, GRACE).await.unwrap() {}
    assert_eq!(has(catalog).await, (0, 0, 0));
    sound(catalog).await;
}

pub async fn a_bucket_holds_no_more_than_its_quota_whoever_writes(catalog: &dyn Catalog) {
    let quota = Quota { bytes: Some(100), objects: Some(4), uploads: Some(1) };
    // It is said before the bucket is there, and of this bucket alone.
    catalog.set_quotas(of_bucket(quota)).await.unwrap();
    with_bucket(catalog).await;
    assert_eq!(holds(catalog).await, (0, 0, 0));
    put(catalog, "nobody's", 1, 60).await;
    put_own(catalog, "a", 2, 40).await.unwrap();
    assert_eq!(holds(catalog).await, (100, 2, 0));
    assert!(exceeded(put_own(catalog, "b", 3, 1).await), "bytes");
    let more = new("b", Content::Part(part(4, 1)), 1);
    assert!(exceeded(catalog.commit(more, GRACE).await), "whoever writes");
    assert!(matches!(
        catalog.head(&ObjectRef::current(&bucket(), &key("b"))).await,
        Err(CatalogError::Refused(Refusal::NoSuchKey))
    ));
    let other = BucketRef { name: BucketName::parse("other").unwrap(), ..bucket() };
    catalog.create_bucket(&other, Timestamp(1), &BTreeMap::new()).await.unwrap();
    let elsewhere = NewVersion { bucket: other.clone(), ..new("b", Content::Part(part(5, 500)), 500) };
    catalog.commit(elsewhere, GRACE).await.unwrap();
    // What shrinks is written, and gives its room back.
    put(catalog, "nobody's", 6, 10).await;
    snapshot(catalog, "nobody's", 5).await;
    assert_eq!(holds(catalog).await, (60, 3, 0));
    let empty = |name| NewVersion { metadata: owned(), ..new(name, Content::Empty, 0) };
    catalog.commit(empty("c"), GRACE).await.unwrap();
    assert!(exceeded(catalog.commit(empty("d"), GRACE).await), "objects");
    let taken = catalog.snapshot(&bucket(), &key("a"), None, &Conditions::default(), SnapshotId(5)).await;
    assert!(exceeded(taken), "a snapshot is an object more");
    assert!(delete(catalog, "c").await);
    sound(catalog).await;

    let id = begin(catalog, "up", 1).await.unwrap();
    assert!(exceeded(begin(catalog, "up", 2).await), "uploads");
    assert!(exceeded(put_own_block(catalog, "waits", 8, 1).await), "blocks that wait are an upload");
    put_part(catalog, "up", &id, 1, part(9, 30)).await;
    put_part(catalog, "up", &id, 1, part(10, 40)).await;
    let more = super::suite::upload_part("up", &id, 2, part(11, 1));
    assert!(exceeded(catalog.put_upload_part(more, GRACE).await), "parts are bytes");
    assert_eq!(holds(catalog).await, (100, 3, 1));
    catalog.complete_upload(completion("up", &id, &[1]), GRACE).await.unwrap();
    assert_eq!(holds(catalog).await, (100, 4, 0));
    assert!(delete(catalog, "up").await);
    let id = begin(catalog, "up", 3).await.unwrap();
    put_part(catalog, "up", &id, 1, part(12, 7)).await;
    catalog.abort_upload(&bucket(), &key("up"), &id, GRACE).await.unwrap();
    put_own_block(catalog, "blocks", 13, 40).await.unwrap();
    assert!(exceeded(put_own_block(catalog, "blocks", 14, 1).await), "blocks are bytes");
    assert_eq!(holds(catalog).await, (100, 3, 1));
    sound(catalog).await;

    // A client's quota holds beside it; without one there is no limit.
    let both = Quotas {
        clients: vec![(client(), Quota { bytes: Some(80), ..Quota::default() })],
        buckets: vec![(bucket(), Quota { bytes: Some(500), ..Quota::default() })],
    };
    catalog.set_quotas(both).await.unwrap();
    assert!(exceeded(put_own(catalog, "a", 15, 41).await), "the client's");
    put(catalog, "b", 16, 390).await;
    assert!(exceeded(catalog.commit(new("d", Content::Part(part(17, 11)), 11), GRACE).await), "the bucket's");
    catalog.set_quotas(Quotas::default()).await.unwrap();
    put(catalog, "d", 18, 1_000).await;
    assert_eq!(catalog.usage_of_buckets(vec![other, bucket()]).await.unwrap()[0].bytes, 500);

    // A bucket that comes anew holds nothing of the one before.
    catalog.drop_bucket(&bucket(), &Conditions::default()).await.unwrap();
    with_bucket(catalog).await;
    assert_eq!(holds(catalog).await, (0, 0, 0));
    while catalog.purge(Timestamp(0), 2, GRACE).await.unwrap() {
        sound(catalog).await;
    }
    catalog.set_quotas(of_bucket(quota)).await.unwrap();
    assert!(exceeded(put_own(catalog, "a", 19, 101).await));
    put_own(catalog, "a", 20, 100).await.unwrap();
    sound(catalog).await;
}

/// Where deletions are retained.
pub async fn a_bucket_that_comes_back_is_never_refused(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    put(catalog, "a", 1, 50).await;
    put(catalog, "a", 2, 30).await;
    assert_eq!(holds(catalog).await, (80, 2, 0), "what is retained counts");
    catalog.drop_bucket(&bucket(), &Conditions::default()).await.unwrap();
    catalog.set_quotas(of_bucket(Quota { bytes: Some(10), ..Quota::default() })).await.unwrap();
    let gone = super::buckets::gone(catalog, &bucket().tenant).await;
    catalog.restore_bucket(&bucket(), gone[0].id).await.unwrap();
    assert_eq!(holds(catalog).await, (80, 2, 0));
    assert!(exceeded(put_own(catalog, "b", 3, 1).await));
    assert!(delete(catalog, "a").await, "what does not grow goes on");
    sound(catalog).await;
}
