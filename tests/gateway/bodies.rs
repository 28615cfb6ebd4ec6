//! Bytes in, the same bytes out, at every boundary and in every range.

use bytes::Bytes;
use ecluse::catalog::ListStart;
use ecluse::gateway::{Body, BodyError, Error, GetObject, HeadObject, IfRange, ListEntry, ListObjects, Select};
use ecluse::model::{ByteRange, Conditions, ETag, RangeRequest};
use md5::{Digest as _, Md5};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use testing::in_process::*;

const SEGMENT: usize = 64 * KIB;

#[tokio::test]
async fn objects_of_every_boundary_length_come_back_as_they_went_in() {
    let house = House::new().await;
    let lengths = [0, 1, 1023, 1024, 1025, SEGMENT - 1, SEGMENT, SEGMENT + 1, CHUNK - 1, CHUNK, CHUNK + 1];
    let mut chunks = 0;
    for length in lengths.into_iter().chain([2 * CHUNK + 5]) {
        let bytes = noise(length as u64, length);
        let name = format!("{length}");
        let stored = house.put(&name, &bytes).await.unwrap();
        assert_eq!(stored.length, length as u64);
        assert_eq!(stored.etag, ETag::md5(Md5::digest(&bytes).into()));
        assert_eq!(house.head(&name).await.unwrap(), stored);
        assert_same(&house.read(&name).await.unwrap(), &bytes, &name);
        chunks += length.div_ceil(CHUNK);
    }
    house.settles_at(chunks).await;
    let list = ListObjects {
        bucket: bucket(BUCKET),
        prefix: String::new(),
        delimiter: None,
        start: ListStart::First,
        limit: 1000,
        with_metadata: false,
        with_user_metadata: false,
        extras: ecluse::catalog::ListExtras::default(),
    };
    let (page, _share) = house.gateway.list_objects(house.may(list)).await.unwrap();
    assert_eq!(page.entries.len(), lengths.len() + 1);
    for entry in page.entries {
        let ListEntry::Object { key, length, etag, modified, version, .. } = entry else { panic!("a prefix") };
        let head = house.head(key.as_str()).await.unwrap();
        assert_eq!((head.length, head.etag, head.modified, head.id), (length, etag, modified, version));
        house.delete(key.as_str()).await.unwrap();
    }
    house.settles_at(0).await;
}

#[tokio::test]
async fn a_body_of_unknown_length_in_odd_fragments_comes_back_whole() {
    let house = House::new().await;
    for (length, piece) in [(1, 1), (70_001, 1), (SEGMENT * 3, 65_535), (CHUNK, 1_000_003), (CHUNK + 1, CHUNK + 1)] {
        let bytes = noise(3, length);
        let mut fragments = vec![Ok(Bytes::new())];
        for fragment in pieces(&bytes, piece) {
            fragments.push(fragment);
            if piece > 1 {
                fragments.push(Ok(Bytes::new()));
            }
        }
        house.put_body("odd", body_in_pieces(None, fragments)).await.unwrap();
        assert_same(&house.read("odd").await.unwrap(), &bytes, "odd fragments");
    }
    house.put_body("nothing", body_in_pieces(None, vec![Ok(Bytes::new())])).await.unwrap();
    assert_eq!(house.read("nothing").await.unwrap(), b"");
    house.settles_at(2).await;
}

#[tokio::test]
async fn a_body_that_is_not_what_was_announced_stores_nothing_and_leaves_nothing() {
    let house = House::new().await;
    for length in [1, SEGMENT, CHUNK + SEGMENT] {
        let bytes = noise(1, length);
        let announced = |by: u64| Body { length: Some(by), ..patient(&bytes, SEGMENT) };
        let short = house.put_body("wrong", announced(length as u64 + 1)).await;
        assert!(matches!(short, Err(Error::Body(BodyError::Incomplete))), "{short:?}");
        let long = house.put_body("wrong", announced(length as u64 - 1)).await;
        assert!(matches!(long, Err(Error::Body(BodyError::Malformed))), "{long:?}");
        let mut broken = pieces(&bytes, SEGMENT);
        broken.push(Err(BodyError::Signature));
        let broken = house.put_body("wrong", body_in_pieces(None, broken)).await;
        assert!(matches!(broken, Err(Error::Body(BodyError::Signature))), "{broken:?}");
        assert!(matches!(house.head("wrong").await, Err(Error::NoSuchKey)));
    }
    assert!(!house.chunks.snapshot().is_empty(), "full chunks were on their way before the body went wrong");
    house.settles_at(0).await;
}

#[tokio::test]
async fn what_goes_wrong_with_a_new_body_leaves_the_object_as_it_was() {
    let house = House::new().await;
    house.put("record", b"as it was").await.unwrap();
    house.put_body("record", body_in_pieces(Some(10), pieces(b"too short", 4))).await.unwrap_err();
    assert_eq!(house.read("record").await.unwrap(), b"as it was");
    house.settles_at(1).await;
}

/// A range as RFC 9110 §14.1.2 has it, on a slice.
fn expected(range: RangeRequest, bytes: &[u8]) -> Option<ByteRange> {
    let length = bytes.len() as u64;
    let within = match range {
        RangeRequest::Between { first, last } if first <= last && first < length => (first, last.min(length - 1) + 1),
        RangeRequest::From { first } if first < length => (first, length),
        RangeRequest::Suffix { length: wanted } if wanted > 0 && length > 0 => (length - wanted.min(length), length),
        _ => return None,
    };
    Some(ByteRange { first: within.0, end: within.1 })
}

fn a_range(length: u64) -> impl Strategy<Value = RangeRequest> {
    let boundaries = [0, SEGMENT as u64, CHUNK as u64, 100_000, 100_001, 165_537, length];
    let at = prop_oneof![
        (0_usize..boundaries.len(), -2_i64..3).prop_map(move |(n, by)| boundaries[n].saturating_add_signed(by)),
        0..length + 10,
        Just(u64::MAX),
    ];
    prop_oneof![
        3 => (at.clone(), at.clone()).prop_map(|(first, last)| RangeRequest::Between { first, last }),
        2 => (at.clone(), 0_u64..70_000)
            .prop_map(|(first, more)| RangeRequest::Between { first, last: first.saturating_add(more) }),
        1 => at.clone().prop_map(|first| RangeRequest::From { first }),
        1 => at.prop_map(|length| RangeRequest::Suffix { length }),
    ]
}

fn every_range_is_served_as_a_slice(runtime: &tokio::runtime::Runtime, house: &House, name: &str, bytes: &[u8]) {
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    let property = |range| {
        let got = runtime.block_on(house.get(name, Select::Range(range)));
        let conditions = Conditions::default();
        let op = HeadObject {
            bucket: bucket(BUCKET),
            key: key(name),
            snapshot: None,
            select: Select::Range(range),
            conditions,
        };
        let head = runtime.block_on(house.gateway.head_object(house.may(op)));
        let Some(wanted) = expected(range, bytes) else {
            let outside = |error: Option<Error>| match error {
                Some(Error::RangeNotSatisfiable { length }) => length == bytes.len() as u64,
                _ => false,
            };
            prop_assert!(outside(got.err()) && outside(head.err()));
            return Ok(());
        };
        let got = got.unwrap();
        prop_assert_eq!(got.range, Some(wanted));
        prop_assert_eq!(head.unwrap().1, Some(wanted));
        let (read, error) = runtime.block_on(drain(got));
        prop_assert!(error.is_none());
        prop_assert!(read == bytes[wanted.first as usize..wanted.end as usize], "other bytes for {:?}", range);
        Ok(())
    };
    TestRunner::new(config).run(&a_range(bytes.len() as u64), property).unwrap();
}

#[test]
fn every_range_of_a_simple_object_is_served_as_a_slice() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let house = runtime.block_on(House::new());
    for length in [0, 1, 165_537, CHUNK + 100_000] {
        let bytes = noise(5, length);
        runtime.block_on(house.put("simple", &bytes)).unwrap();
        every_range_is_served_as_a_slice(&runtime, &house, "simple", &bytes);
    }
}

#[test]
fn every_range_of_an_object_of_many_parts_is_served_as_a_slice() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let house = runtime.block_on(House::new());
    let mut bytes = Vec::new();
    runtime.block_on(async {
        let upload = house.begin_upload("parts", None).await;
        let mut tags = Vec::new();
        for (number, length) in [100_000, SEGMENT, 1000, CHUNK + 1, 1].into_iter().enumerate() {
            let part = noise(number as u64, length);
            tags.push(house.put_part(&upload, number as u32 + 1, &part).await.unwrap().etag);
            bytes.extend(part);
        }
        let parts: Vec<_> = (1..).zip(&tags).collect();
        house.complete(&upload, &parts).await.unwrap();
    });
    every_range_is_served_as_a_slice(&runtime, &house, "parts", &bytes);
}

#[tokio::test]
async fn a_range_counts_only_while_its_validator_holds() {
    let house = House::new().await;
    let stored = house.put("record", b"0123456789").await.unwrap();
    let get = async |validator| {
        let op = GetObject {
            bucket: bucket(BUCKET),
            key: key("record"),
            snapshot: None,
            select: Select::Range(RangeRequest::From { first: 8 }),
            conditions: Conditions::default(),
            if_range: Some(validator),
        };
        let got = house.gateway.get_object(house.may(op)).await.unwrap();
        (got.range.is_some(), drain(got).await.0)
    };
    assert_eq!(get(IfRange::ETag(stored.etag.clone())).await, (true, b"89".to_vec()));
    assert_eq!(get(IfRange::ETag(stored.state_tag())).await, (true, b"89".to_vec()));
    assert_eq!(get(IfRange::ETag(ETag::md5([0; 16]))).await, (false, b"0123456789".to_vec()));
    assert_eq!(get(IfRange::Weak).await, (false, b"0123456789".to_vec()));
}
