//! Who may do what, and whose names are whose.

use ecluse::gateway::{
    CompleteUpload, CreateBucket, DeleteBucket, DeleteObject, Error, GetObject, HeadBucket, ListBuckets, ListObjects,
    PutObject, Select,
};
use ecluse::model::{Action, Conditions, ETag, EtagCondition, Grant, Metadata, Principal};

use testing::in_process::*;

fn grant(buckets: &[&str], prefixes: &[&str], actions: &[Action]) -> Grant {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    Grant::new(&owned(buckets), owned(prefixes), actions.to_vec())
}

fn put_op(name: &str, of: &str) -> PutObject {
    PutObject { bucket: bucket(name), key: key(of), metadata: Metadata::default(), conditions: Conditions::default() }
}

fn get_op(name: &str, of: &str) -> GetObject {
    let (select, conditions) = (Select::All, Conditions::default());
    GetObject { bucket: bucket(name), key: key(of), snapshot: None, select, conditions, if_range: None }
}

fn list_op(name: &str, prefix: &str) -> ListObjects {
    ListObjects {
        bucket: bucket(name),
        prefix: prefix.to_owned(),
        delimiter: None,
        start: ecluse::catalog::ListStart::First,
        limit: 10,
        with_metadata: false,
        with_user_metadata: false,
        extras: ecluse::catalog::ListExtras::default(),
    }
}

#[test]
fn grants_allow_what_they_name_and_nothing_else() {
    let reads = principal("chum", vec![grant(&["imaging*"], &["mri/", "ct/"], &[Action::Read, Action::List])]);
    let cases = [
        (reads.authorize(get_op("imaging", "mri/1")).is_ok(), true),
        (reads.authorize(get_op("imaging-2", "ct/1")).is_ok(), true),
        (reads.authorize(get_op("imaging", "mri")).is_ok(), false),
        (reads.authorize(get_op("imaging", "lab/1")).is_ok(), false),
        (reads.authorize(get_op("my-imaging", "mri/1")).is_ok(), false),
        (reads.authorize(put_op("imaging", "mri/1")).is_ok(), false),
        (reads.authorize(list_op("imaging", "mri/")).is_ok(), true),
        (reads.authorize(list_op("imaging", "mri/2026")).is_ok(), true),
        (reads.authorize(list_op("imaging", "")).is_ok(), false),
        (reads.authorize(HeadBucket { bucket: bucket("imaging") }).is_ok(), true),
        (reads.authorize(HeadBucket { bucket: bucket("billing") }).is_ok(), false),
        (
            reads
                .authorize(CreateBucket { bucket: bucket("imaging"), user: std::collections::BTreeMap::default() })
                .is_ok(),
            false,
        ),
        (reads.authorize(ListBuckets::default()).is_ok(), true),
    ];
    for (n, (allowed, wanted)) in cases.into_iter().enumerate() {
        assert_eq!(allowed, wanted, "case {n}");
    }
    let confined = principal("chum", vec![grant(&["imaging"], &["mri/"], &[Action::Admin, Action::Write])]);
    assert!(confined.authorize(DeleteBucket { bucket: bucket("imaging") }).is_err(), "it touches every key");
    assert!(confined.authorize(put_op("imaging", "mri/1")).is_ok());
    assert!(principal("chum", Vec::new()).authorize(get_op("imaging", "x")).is_err());
}

#[test]
fn whoever_may_not_read_cannot_ask_by_conditions_what_is_there() {
    let named = || EtagCondition::OneOf(vec![ETag::md5([7; 16])]);
    let conditions = |if_match, if_none_match| Conditions { if_match, if_none_match, ..Conditions::default() };
    let writes = principal("chum", vec![grant(&["*"], &[], &[Action::Write, Action::Delete])]);
    let reads = principal("chum", vec![grant(&["*"], &[], &[Action::Write, Action::Delete, Action::Read])]);
    for (conditions, telling) in [
        (Conditions::default(), false),
        (conditions(None, Some(EtagCondition::Any)), false),
        (conditions(Some(EtagCondition::Any), None), false),
        (conditions(Some(named()), None), true),
        (conditions(None, Some(named())), true),
    ] {
        let put = || PutObject { conditions: conditions.clone(), ..put_op("imaging", "x") };
        let delete = || DeleteObject { bucket: bucket("imaging"), key: key("x"), conditions: conditions.clone() };
        let complete = || CompleteUpload {
            bucket: bucket("imaging"),
            key: key("x"),
            upload: "u".into(),
            parts: vec![(1, ETag::md5([0; 16]))],
            claims: Vec::new(),
            conditions: conditions.clone(),
            length: None,
        };
        assert_eq!(writes.authorize(put()).is_err(), telling, "{conditions:?}");
        assert_eq!(writes.authorize(delete()).is_err(), telling, "{conditions:?}");
        assert_eq!(writes.authorize(complete()).is_err(), telling, "{conditions:?}");
        assert!(reads.authorize(put()).is_ok() && reads.authorize(delete()).is_ok(), "{conditions:?}");
        assert!(reads.authorize(complete()).is_ok(), "{conditions:?}");
    }
}

#[tokio::test]
async fn a_copy_needs_to_read_its_source_and_to_write_its_destination() {
    let house = House::new().await;
    let mri = |actions: &[Action]| grant(&["*"], &["mri/"], actions);
    let lab = |actions: &[Action]| grant(&["*"], &["lab/"], actions);
    let allowed = |grants| principal("chum", grants).authorize(house.copy_op("mri/1", "lab/1")).is_ok();
    assert!(allowed(vec![mri(&[Action::Read]), lab(&[Action::Write])]));
    assert!(!allowed(vec![mri(&[Action::Read]), lab(&[Action::Read])]));
    assert!(!allowed(vec![mri(&[Action::Write]), lab(&[Action::Write])]));
    assert!(!allowed(vec![mri(&[Action::Read, Action::Write])]));
}

#[tokio::test]
async fn buckets_of_the_same_name_in_two_tenants_have_nothing_in_common() {
    let house = House::new().await;
    let chus = principal_of("chus");
    let may = |op| chus.authorize(op).unwrap();
    house.put("record", b"of chum").await.unwrap();
    let read = async |who: &Principal, name| match house
        .gateway
        .get_object(who.authorize(get_op(BUCKET, name)).unwrap())
        .await
    {
        Ok(got) => Ok(drain(got).await.0),
        Err(error) => Err(error),
    };
    assert!(matches!(read(&chus, "record").await, Err(Error::NoSuchBucket)));
    house
        .gateway
        .create_bucket(
            chus.authorize(CreateBucket { bucket: bucket(BUCKET), user: std::collections::BTreeMap::default() })
                .unwrap(),
        )
        .await
        .unwrap();
    assert!(matches!(read(&chus, "record").await, Err(Error::NoSuchKey)));
    let copy = house.gateway.copy_object(chus.authorize(house.copy_op("record", "copy")).unwrap()).await;
    assert!(matches!(copy, Err(Error::NoSuchKey)), "a copy cannot cross: {copy:?}");

    house.gateway.put_object(may(put_op(BUCKET, "record")), body(b"of chus")).await.unwrap();
    assert_eq!(read(&chus, "record").await.unwrap(), b"of chus");
    assert_eq!(read(&house.pacs, "record").await.unwrap(), b"of chum");
    let delete = DeleteObject { bucket: bucket(BUCKET), key: key("record"), conditions: Conditions::default() };
    house.gateway.delete_object(chus.authorize(delete).unwrap()).await.unwrap();
    house.settles_at(1).await;
    assert_eq!(read(&house.pacs, "record").await.unwrap(), b"of chum");
}

#[tokio::test]
async fn a_tenant_without_keys_stores_nothing() {
    let house = House::new().await;
    let stranger = principal_of("stranger");
    let may_create = stranger
        .authorize(CreateBucket { bucket: bucket(BUCKET), user: std::collections::BTreeMap::default() })
        .unwrap();
    house.gateway.create_bucket(may_create).await.unwrap();
    let refused = house.gateway.put_object(stranger.authorize(put_op(BUCKET, "x")).unwrap(), body(b"x")).await;
    assert!(matches!(refused, Err(Error::Keys(_))), "{refused:?}");
    house.settles_at(0).await;
}

#[tokio::test]
async fn clients_see_the_buckets_that_their_grants_name() {
    let house = House::new().await;
    for name in ["billing", "imaging-archive"] {
        house
            .gateway
            .create_bucket(
                house.may(CreateBucket { bucket: bucket(name), user: std::collections::BTreeMap::default() }),
            )
            .await
            .unwrap();
    }
    let again = house
        .gateway
        .create_bucket(
            house.may(CreateBucket { bucket: bucket("billing"), user: std::collections::BTreeMap::default() }),
        )
        .await;
    assert!(matches!(again, Err(Error::BucketExists)), "{again:?}");
    let viewer = principal("chum", vec![grant(&["imaging*"], &["mri/"], &[Action::List])]);
    let all = viewer.authorize(ListBuckets::default()).unwrap();
    let seen = house.gateway.list_buckets(all).await.unwrap().0;
    let names: Vec<_> = seen.entries.iter().map(|entry| entry.bucket().name.as_str()).collect();
    assert_eq!(names, ["imaging", "imaging-archive"]);

    house.put("x", b"x").await.unwrap();
    let full = house.gateway.delete_bucket(house.may(DeleteBucket { bucket: bucket(BUCKET) })).await;
    assert!(matches!(full, Err(Error::BucketNotEmpty)), "{full:?}");
    house.delete("x").await.unwrap();
    house.gateway.delete_bucket(house.may(DeleteBucket { bucket: bucket(BUCKET) })).await.unwrap();
    assert!(matches!(house.put("x", b"x").await, Err(Error::NoSuchBucket)));
    house.settles_at(0).await;
}
