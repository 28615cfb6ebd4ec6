//! Copies share parts: no chunk moves.

use ecluse::gateway::{CopyObject, CopyUploadPart, Digests, Error, EtagMode, MetadataDirective, Settings};
use ecluse::model::{ChecksumAlgorithm, Conditions, ETag, EtagCondition, Metadata, RangeRequest};
use ecluse::store::Call;
use md5::{Digest as _, Md5};

use testing::in_process::*;

#[tokio::test]
async fn a_copy_writes_no_chunk_and_outlives_its_source() {
    let house = House::new().await;
    let bytes = noise(1, CHUNK + 70_000);
    let source = house.put("source", &bytes).await.unwrap();
    let puts = house.plan.calls(Call::Put);
    let copied = house.gateway.copy_object(house.may(house.copy_op("source", "copy"))).await.unwrap();
    assert_eq!(house.plan.calls(Call::Put), puts);
    assert_eq!(copied.etag, source.etag);
    house.delete("source").await.unwrap();
    house.settles_at(2).await;
    assert_same(&house.read("copy").await.unwrap(), &bytes, "the copy");
    house.delete("copy").await.unwrap();
    house.settles_at(0).await;
}

#[tokio::test]
async fn an_object_copied_onto_itself_has_new_metadata_and_the_same_bytes() {
    let house = House::new().await;
    let before = house.put("record", b"bytes").await.unwrap();
    let metadata = Metadata {
        user: [("ward".to_owned(), "B3".to_owned())].into(),
        content_md5: Some([9; 16]),
        ..Metadata::default()
    };
    let directive = MetadataDirective::Replace(Box::new(metadata));
    let op = CopyObject { directive, ..house.copy_op("record", "record") };
    house.gateway.copy_object(house.may(op)).await.unwrap();
    house.settles_at(1).await;
    let after = house.head("record").await.unwrap();
    assert_eq!(after.metadata.user.get("ward").map(String::as_str), Some("B3"));
    assert_eq!(after.metadata.content_md5, before.metadata.content_md5, "digests are of the content");
    assert_eq!(house.read("record").await.unwrap(), b"bytes");
}

#[tokio::test]
async fn a_checksum_that_the_source_lacks_is_computed_from_its_content_and_otherwise_taken_over() {
    let house = House::new().await;
    house.put("source", b"123456789").await.unwrap();
    let op = |from, to| CopyObject { checksum: Some(ChecksumAlgorithm::Crc32), ..house.copy_op(from, to) };
    let copied = house.gateway.copy_object(house.may(op("source", "first"))).await.unwrap();
    assert_eq!(hex::encode(&copied.checksums[0].value), "cbf43926");
    let gets = house.plan.calls(Call::Get);
    let copied = house.gateway.copy_object(house.may(op("first", "second"))).await.unwrap();
    assert_eq!(hex::encode(&copied.checksums[0].value), "cbf43926");
    assert_eq!(house.plan.calls(Call::Get), gets, "what is known is not read again");
    assert_eq!(house.head("second").await.unwrap().metadata.checksums, copied.checksums);
}

#[tokio::test]
async fn conditions_on_the_source_of_a_copy_fail_it() {
    let house = House::new().await;
    let source = house.put("source", b"x").await.unwrap();
    let tag = |etag: &ETag| Some(EtagCondition::OneOf(vec![etag.clone()]));
    for source_conditions in [
        Conditions { if_none_match: tag(&source.etag), ..Conditions::default() },
        Conditions { if_match: tag(&ETag::md5([0; 16])), ..Conditions::default() },
        Conditions { if_modified_since: Some(source.modified.seconds()), ..Conditions::default() },
    ] {
        let op = CopyObject { source_conditions, ..house.copy_op("source", "copy") };
        let refused = house.gateway.copy_object(house.may(op)).await;
        assert!(matches!(refused, Err(Error::PreconditionFailed)), "{refused:?}");
    }
    let missing = house.gateway.copy_object(house.may(house.copy_op("absent", "copy"))).await;
    assert!(matches!(missing, Err(Error::NoSuchKey)), "{missing:?}");
}

#[tokio::test]
async fn parts_of_an_upload_can_be_ranges_of_objects() {
    for etag in [EtagMode::Md5, EtagMode::Opaque] {
        let house = House::with(Settings { etag, ..settings() }).await;
        let bytes = noise(2, CHUNK + 10_000);
        house.put("source", &bytes).await.unwrap();
        let upload = house.begin_upload("assembled", Some("CRC32/FULL_OBJECT")).await;
        let puts = house.plan.calls(Call::Put);
        let op = |number, source_range| CopyUploadPart {
            source_bucket: bucket(BUCKET),
            source_key: key("source"),
            source_range,
            source_conditions: Conditions::default(),
            bucket: bucket(BUCKET),
            key: key("assembled"),
            upload: upload.id.0.clone(),
            number,
        };
        let end = Some(RangeRequest::Between { first: CHUNK as u64 - 5_000, last: CHUNK as u64 + 4_999 });
        let head = Some(RangeRequest::Between { first: 0, last: 99_999 });
        let one = house.gateway.copy_upload_part(house.may(op(1, end))).await.unwrap();
        let two = house.gateway.copy_upload_part(house.may(op(2, head))).await.unwrap();
        let three = house.gateway.copy_upload_part(house.may(op(3, None))).await.unwrap();
        let wanted = [&bytes[CHUNK - 5_000..CHUNK + 5_000], &bytes[..100_000], &bytes].concat();
        if etag == EtagMode::Md5 {
            // Read for the checksum, so its MD5 is known as well.
            assert_eq!(one.etag, ETag::md5(Md5::digest(&wanted[..10_000]).into()));
        } else {
            assert!(three.etag.as_str().ends_with("-o"), "{}", three.etag);
        }
        for number in [0, 10_001] {
            let refused = house.gateway.copy_upload_part(house.may(op(number, None))).await;
            assert!(matches!(refused, Err(Error::Invalid(_))), "{number}: {refused:?}");
        }
        let outside = op(4, Some(RangeRequest::From { first: bytes.len() as u64 }));
        let outside = house.gateway.copy_upload_part(house.may(outside)).await;
        assert!(matches!(outside, Err(Error::RangeNotSatisfiable { .. })), "{outside:?}");
        assert_eq!(house.plan.calls(Call::Put), puts, "no chunk is written");

        let version = house.complete(&upload, &[(1, &one.etag), (2, &two.etag), (3, &three.etag)]).await.unwrap();
        assert!(version.etag.as_str().ends_with("-3"), "{}", version.etag);
        house.delete("source").await.unwrap();
        house.settles_at(2).await;
        assert_same(&house.read("assembled").await.unwrap(), &wanted, "assembled");
        let digests = Digests { checksums: vec![ChecksumAlgorithm::Crc32], ..Digests::default() };
        let whole = house.put_body("whole", claimed(&wanted, digests, Vec::new())).await.unwrap();
        assert_eq!(version.metadata.checksums, whole.metadata.checksums, "of the whole, from those of its parts");
    }
}

#[tokio::test]
async fn a_part_or_block_from_an_object_is_not_read_for_a_digest_that_nobody_asked_for() {
    let house = House::new().await;
    let bytes = noise(3, CHUNK + 10_000);
    let stored = house.put("source", &bytes).await.unwrap();
    let upload = house.begin_upload("assembled", None).await;
    let range = |first, last| Some(RangeRequest::Between { first, last });
    let calls = || (house.plan.calls(Call::Get), house.plan.calls(Call::Put));
    let before = calls();
    let mut parts = Vec::new();
    // Twice the same range, another one, and the whole, whose MD5 is known.
    for (number, source_range) in [(1, range(0, 9)), (2, range(0, 9)), (3, range(1, 10)), (4, None)] {
        let op = CopyUploadPart {
            source_bucket: bucket(BUCKET),
            source_key: key("source"),
            source_range,
            source_conditions: Conditions::default(),
            bucket: bucket(BUCKET),
            key: key("assembled"),
            upload: upload.id.0.clone(),
            number,
        };
        parts.push(house.gateway.copy_upload_part(house.may(op)).await.unwrap().etag);
    }
    assert_eq!(parts[3], stored.etag);
    assert!(parts[0] != parts[1] && parts[1] != parts[2] && parts[0].as_str().ends_with("-o"), "{parts:?}");
    for (block, middle) in [(1, range(5, 104)), (2, range(6, 105))] {
        let received = house.copy_block(source("source", None, middle), "blocks", block).await.unwrap();
        assert_eq!((received.length, received.md5), (100, None));
    }
    assert_eq!(calls(), before, "nothing is read, nothing written");

    let refused = house.complete(&upload, &[(1, &parts[0]), (4, &parts[3])]).await;
    assert!(matches!(refused, Err(Error::PartTooSmall)), "{refused:?}");
    let version = house.complete(&upload, &[(4, &parts[3])]).await.unwrap();
    assert!(version.etag.as_str().ends_with("-1") && version.etag.as_str().len() == 34, "{}", version.etag);
    assert_same(&house.read("assembled").await.unwrap(), &bytes, "assembled");
    let blocks = house.commit_blocks("blocks", &[1, 2], Conditions::default()).await.unwrap();
    assert_eq!(house.read("blocks").await.unwrap(), [&bytes[5..105], &bytes[6..106]].concat(), "{}", blocks.etag);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_an_object_that_is_being_replaced_is_one_of_its_versions() {
    let grace = std::time::Duration::from_secs(60);
    let house = House::with(Settings { grace, ..settings() }).await;
    let versions: Vec<_> = (0..30_u8).map(|n| vec![n; 10_000]).collect();
    house.put("source", &versions[0]).await.unwrap();
    let write = async {
        for version in &versions {
            house.put("source", version).await.unwrap();
        }
    };
    let copy = async {
        for n in 0..30 {
            let checksum = (n % 2 == 0).then_some(ChecksumAlgorithm::Sha256);
            let name = format!("copy {n}");
            let op = CopyObject { checksum, ..house.copy_op("source", &name) };
            match house.gateway.copy_object(house.may(op)).await {
                Ok(copied) => {
                    let bytes = house.read(&name).await.unwrap();
                    assert!(versions.contains(&bytes), "a mixture");
                    assert_eq!(copied.etag, ETag::md5(Md5::digest(&bytes).into()), "its tag is that of its bytes");
                }
                Err(error) => assert!(matches!(error, Error::Conflict), "{error:?}"),
            }
        }
    };
    futures::join!(write, copy);
    assert_eq!(house.catalog.audit().await.unwrap(), Vec::<String>::new());
}
