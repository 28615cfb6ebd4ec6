//! Uploads in parts.

use ecluse::gateway::{
    AbortUpload, CompleteUpload, Digests, Error, ListUploadParts, ListUploads, PutUploadPart, Select, Upload,
};
use ecluse::model::{Checksum, ChecksumAlgorithm, ETag};
use md5::{Digest as _, Md5};
use sha2::Sha256;

use testing::in_process::*;

/// A completion, and the error that it must meet.
type Refusal<'a> = (&'a [(u32, &'a ETag)], fn(&Error) -> bool);

fn abort(upload: &Upload) -> AbortUpload {
    AbortUpload { bucket: bucket(BUCKET), key: upload.key.clone(), upload: upload.id.0.clone() }
}

#[tokio::test]
async fn parts_in_any_order_replaced_and_left_out_become_one_object() {
    for house in [House::new().await, House::sqlite(settings()).await] {
        let upload = house.begin_upload("study", None).await;
        let (one, two, last) = (noise(1, 5_000), noise(2, CHUNK + 1), noise(3, 10));
        let last_tag = house.put_part(&upload, 9, &last).await.unwrap().etag;
        house.put_part(&upload, 1, &noise(9, 5_000)).await.unwrap();
        house.put_part(&upload, 5, &noise(8, 7_000)).await.unwrap();
        let two_tag = house.put_part(&upload, 2, &two).await.unwrap().etag;
        let one_tag = house.put_part(&upload, 1, &one).await.unwrap().etag;
        house.settles_at(5).await;
        assert!(matches!(house.head("study").await, Err(Error::NoSuchKey)));
        let parts = [(1, &one_tag), (2, &two_tag), (9, &last_tag)];
        let version = house.complete(&upload, &parts).await.unwrap();
        let tags = [Md5::digest(&one), Md5::digest(&two), Md5::digest(&last)].concat();
        assert_eq!(version.etag, ETag::multipart(Md5::digest(tags).into(), 3));
        assert_eq!(version.part_lengths, vec![5_000, CHUNK as u64 + 1, 10]);
        assert_same(&house.read("study").await.unwrap(), &[one, two.clone(), last].concat(), "study");
        let second = house.get("study", Select::PartNumber(2)).await.unwrap();
        assert_same(&drain(second).await.0, &two, "part 2");
        let beyond = house.get("study", Select::PartNumber(4)).await.err();
        assert!(matches!(beyond, Some(Error::RangeNotSatisfiable { .. })), "{beyond:?}");
        house.settles_at(4).await;
        house.delete("study").await.unwrap();
        house.settles_at(0).await;
    }
}

#[tokio::test]
async fn a_completion_that_does_not_fit_is_refused_and_the_upload_stays() {
    let house = House::new().await;
    let upload = house.begin_upload("study", None).await;
    let small = house.put_part(&upload, 1, &noise(1, 999)).await.unwrap().etag;
    let large = house.put_part(&upload, 2, &noise(2, 1_000)).await.unwrap().etag;
    let tag = ETag::md5([0; 16]);
    let refusals: [Refusal<'_>; 6] = [
        (&[(1, &small), (2, &large)], |e| matches!(e, Error::PartTooSmall)),
        (&[(2, &large), (1, &small)], |e| matches!(e, Error::InvalidPartOrder)),
        (&[(2, &large), (2, &large)], |e| matches!(e, Error::InvalidPartOrder)),
        (&[(2, &tag)], |e| matches!(e, Error::InvalidPart)),
        (&[(2, &large), (3, &large)], |e| matches!(e, Error::InvalidPart)),
        (&[], |e| matches!(e, Error::Invalid(_))),
    ];
    for (parts, fits) in refusals {
        let refused = house.complete(&upload, parts).await.unwrap_err();
        assert!(fits(&refused), "{parts:?}: {refused:?}");
    }
    let op = CompleteUpload { length: Some(1_001), ..house.completion(&upload, &[(2, &large)]) };
    assert!(matches!(house.gateway.complete_upload(house.may(op)).await, Err(Error::Invalid(_))));
    for number in [0, 10_001] {
        assert!(matches!(house.put_part(&upload, number, b"x").await, Err(Error::Invalid(_))));
    }
    house.complete(&upload, &[(2, &large)]).await.unwrap();
    house.settles_at(1).await;
}

#[tokio::test]
async fn a_completion_can_be_repeated_while_its_version_is_current() {
    let house = House::new().await;
    let upload = house.begin_upload("study", None).await;
    let tag = house.put_part(&upload, 1, b"bytes").await.unwrap().etag;
    let first = house.complete(&upload, &[(1, &tag)]).await.unwrap();
    let again = house.complete(&upload, &[(1, &tag)]).await.unwrap();
    assert_eq!(first, again);
    house.put("study", b"something else").await.unwrap();
    assert!(matches!(house.complete(&upload, &[(1, &tag)]).await, Err(Error::NoSuchUpload)));
    house.delete("study").await.unwrap();
    assert!(matches!(house.complete(&upload, &[(1, &tag)]).await, Err(Error::NoSuchUpload)));
    house.settles_at(0).await;
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing_and_takes_nothing() {
    let house = House::new().await;
    let upload = house.begin_upload("study", None).await;
    let tag = house.put_part(&upload, 1, &noise(1, CHUNK + 1)).await.unwrap().etag;
    house.gateway.abort_upload(house.may(abort(&upload))).await.unwrap();
    assert!(matches!(house.put_part(&upload, 2, b"x").await, Err(Error::NoSuchUpload)));
    assert!(matches!(house.complete(&upload, &[(1, &tag)]).await, Err(Error::NoSuchUpload)));
    assert!(matches!(house.gateway.abort_upload(house.may(abort(&upload))).await, Err(Error::NoSuchUpload)));
    house.settles_at(0).await;
}

#[tokio::test]
async fn an_upload_that_is_aborted_while_a_part_comes_in_leaves_nothing() {
    let house = House::new().await;
    let upload = house.begin_upload("study", None).await;
    let (send, receive) = futures::channel::mpsc::unbounded();
    send.unbounded_send(Ok(noise(1, 100_000).into())).unwrap();
    let op = PutUploadPart { bucket: bucket(BUCKET), key: key("study"), upload: upload.id.0.clone(), number: 1 };
    let body = ecluse::gateway::Body { stream: Box::pin(receive), length: None, ..body(b"") };
    let put = house.gateway.put_upload_part(house.may(op), body);
    let abort_it = async {
        tokio::task::yield_now().await;
        house.gateway.abort_upload(house.may(abort(&upload))).await.unwrap();
        drop(send);
    };
    let (outcome, ()) = futures::join!(put, abort_it);
    assert!(matches!(outcome, Err(Error::NoSuchUpload)), "{outcome:?}");
    house.settles_at(0).await;
}

#[tokio::test]
async fn an_upload_of_one_empty_part_is_an_empty_object() {
    let house = House::new().await;
    let upload = house.begin_upload("empty", Some("CRC32/FULL_OBJECT")).await;
    let tag = house.put_part(&upload, 1, b"").await.unwrap().etag;
    let version = house.complete(&upload, &[(1, &tag)]).await.unwrap();
    assert_eq!(version.length, 0);
    assert_eq!(version.metadata.checksums[0].value, [0; 4]);
    assert_eq!(house.read("empty").await.unwrap(), b"");
    house.settles_at(0).await;
}

#[tokio::test]
async fn parts_and_uploads_are_listed_in_pages() {
    let house = House::new().await;
    let upload = house.begin_upload("study", None).await;
    for number in [7, 3, 1, 9, 5] {
        house.put_part(&upload, number, &noise(u64::from(number), 100)).await.unwrap();
    }
    let page = async |after, limit| {
        let (key, upload) = (upload.key.clone(), upload.id.0.clone());
        let op = ListUploadParts { bucket: bucket(BUCKET), key, upload, after, limit };
        let (page, _share) = house.gateway.list_upload_parts(house.may(op)).await.unwrap();
        (page.parts.iter().map(|part| part.number).collect::<Vec<_>>(), page.truncated)
    };
    assert_eq!(page(0, 2).await, (vec![1, 3], true));
    assert_eq!(page(3, 2).await, (vec![5, 7], true));
    assert_eq!(page(7, 2).await, (vec![9], false));
    assert_eq!(page(0, 5).await, (vec![1, 3, 5, 7, 9], false));
    assert_eq!(page(9, 5).await, (vec![], false));

    for name in ["a", "b/1", "b/2"] {
        house.begin_upload(name, None).await;
    }
    let op = ListUploads {
        bucket: bucket(BUCKET),
        prefix: String::new(),
        delimiter: Some("/".to_owned()),
        after: None,
        limit: 10,
    };
    let (page, _share) = house.gateway.list_uploads(house.may(op)).await.unwrap();
    let keys: Vec<_> = page.uploads.iter().map(|upload| upload.key.as_str().to_owned()).collect();
    assert_eq!((keys, page.prefixes), (vec!["a".to_owned(), "study".to_owned()], vec!["b/".to_owned()]));
}

#[tokio::test]
async fn checksums_of_the_whole_follow_from_those_of_the_parts_and_claims_are_held_against_them() {
    let house = House::new().await;
    let (one, two) = (noise(1, 70_000), noise(2, 30_000));
    let whole = [one.clone(), two.clone()].concat();
    let crcs = [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Crc32c, ChecksumAlgorithm::Crc64Nvme];
    let digests = Digests { checksums: crcs.to_vec(), ..Digests::default() };
    let simple = house.put_body("simple", claimed(&whole, digests, Vec::new())).await.unwrap();
    let mut expected: Vec<(String, Checksum)> =
        simple.metadata.checksums.into_iter().map(|c| (format!("{}/FULL_OBJECT", c.algorithm.as_str()), c)).collect();
    let composite = Sha256::digest([Sha256::digest(&one), Sha256::digest(&two)].concat()).to_vec();
    let composite = Checksum { algorithm: ChecksumAlgorithm::Sha256, value: composite, parts: Some(2) };
    expected.push(("SHA256/COMPOSITE".to_owned(), composite));
    assert_eq!(expected.len(), 4);
    for (note, checksum) in expected {
        let upload = house.begin_upload("study", Some(&note)).await;
        let first = house.put_part(&upload, 1, &one).await.unwrap().etag;
        let second = house.put_part(&upload, 2, &two).await.unwrap().etag;
        let parts = [(1, &first), (2, &second)];
        let mut wrong = checksum.clone();
        wrong.value[0] ^= 1;
        let op = CompleteUpload { claims: vec![wrong], ..house.completion(&upload, &parts) };
        let refused = house.gateway.complete_upload(house.may(op)).await;
        assert!(matches!(refused, Err(Error::DigestMismatch { .. })), "{note}: {refused:?}");
        let op = CompleteUpload { claims: vec![checksum.clone()], ..house.completion(&upload, &parts) };
        let version = house.gateway.complete_upload(house.may(op)).await.unwrap();
        assert_eq!(version.metadata.checksums, vec![checksum], "{note}");
    }
}
