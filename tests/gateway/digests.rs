//! What clients claim about a body is held against what came.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ecluse::gateway::{Body, BodyError, Claim, Digests, Error, EtagMode};
use ecluse::model::{Checksum, ChecksumAlgorithm};
use futures::StreamExt as _;
use md5::{Digest as _, Md5};

use testing::in_process::*;

/// The CRC catalogue's check input, and the values published for it; SHA by coreutils.
const CHECK: &[u8] = b"123456789";
const VALUES: [(ChecksumAlgorithm, &str); 5] = [
    (ChecksumAlgorithm::Crc32, "cbf43926"),
    (ChecksumAlgorithm::Crc32c, "e3069283"),
    (ChecksumAlgorithm::Crc64Nvme, "ae8b14860a799888"),
    (ChecksumAlgorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
    (ChecksumAlgorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
];

fn checksum(algorithm: ChecksumAlgorithm, value: &str) -> Checksum {
    Checksum { algorithm, value: hex::decode(value).unwrap(), parts: None }
}

fn sums(algorithms: &[ChecksumAlgorithm]) -> Digests {
    Digests { checksums: algorithms.to_vec(), ..Digests::default() }
}

#[tokio::test]
async fn right_claims_are_accepted_and_checksums_are_kept() {
    let house = House::new().await;
    for (algorithm, value) in VALUES {
        let claim = Claim::Checksum(checksum(algorithm, value));
        let md5 = Claim::Md5(Md5::digest(CHECK).into());
        house.put_body("fine", claimed(CHECK, sums(&[algorithm]), vec![claim, md5])).await.unwrap();
        let version = house.head("fine").await.unwrap();
        assert_eq!(version.metadata.checksums, vec![checksum(algorithm, value)]);
        assert_eq!(version.metadata.content_md5, Some(Md5::digest(CHECK).into()));
    }
    let payload = Digests { payload_sha256: true, ..Digests::default() };
    let claim = Claim::PayloadSha256(hex::decode(VALUES[4].1).unwrap().try_into().unwrap());
    let stored = house.put_body("fine", claimed(CHECK, payload, vec![claim])).await.unwrap();
    assert_eq!(stored.metadata.checksums, vec![], "a payload hash is checked, not kept");
    house.settles_at(1).await;
}

#[tokio::test]
async fn wrong_claims_are_refused_by_name_and_nothing_is_stored() {
    let house = House::new().await;
    let long = noise(1, CHUNK + 1);
    let mut wrong: Vec<(Digests, Claim, &str)> = ChecksumAlgorithm::ALL
        .into_iter()
        .map(|algorithm| {
            let value = vec![1; algorithm.bytes()];
            let claim = Claim::Checksum(Checksum { algorithm, value, parts: None });
            (sums(&[algorithm]), claim, algorithm.as_str())
        })
        .collect();
    wrong.push((Digests::default(), Claim::Md5([1; 16]), "Content-MD5"));
    let payload = Digests { payload_sha256: true, ..Digests::default() };
    wrong.push((payload, Claim::PayloadSha256([1; 32]), "x-amz-content-sha256"));
    // Not computed: not believed either, even when it is right.
    let right = Claim::Checksum(checksum(VALUES[0].0, VALUES[0].1));
    wrong.push((Digests::default(), right, "CRC32"));
    for (digests, claim, name) in wrong {
        let outcome = house.put_body("wrong", claimed(CHECK, digests.clone(), vec![claim.clone()])).await;
        assert!(matches!(outcome, Err(Error::DigestMismatch { which }) if which == name), "{name}: {outcome:?}");
        if name == "Content-MD5" {
            let outcome = house.put_body("wrong", claimed(&long, digests, vec![claim])).await;
            assert!(matches!(outcome, Err(Error::DigestMismatch { .. })), "{outcome:?}");
        }
        assert!(matches!(house.head("wrong").await, Err(Error::NoSuchKey)));
    }
    house.settles_at(0).await;
}

#[tokio::test]
async fn claims_are_asked_for_once_the_body_has_ended() {
    let house = House::new().await;
    let bytes = noise(1, 200_000);
    let given = Arc::new(AtomicUsize::new(0));
    let (counted, total) = (Arc::clone(&given), bytes.len());
    let stream = futures::stream::iter(pieces(&bytes, 50_000))
        .inspect(move |piece| {
            counted.fetch_add(piece.as_ref().map_or(0, bytes::Bytes::len), Ordering::SeqCst);
        })
        .boxed();
    let md5: [u8; 16] = Md5::digest(&bytes).into();
    let claims = Box::new(move || {
        assert_eq!(given.load(Ordering::SeqCst), total, "claims were asked for before the body ended");
        Ok(vec![Claim::Md5(md5)])
    });
    house.put_body("late", Body { length: None, stream, digests: Digests::default(), claims }).await.unwrap();
    assert_same(&house.read("late").await.unwrap(), &bytes, "late claims");

    let claims = Box::new(|| Err(BodyError::Malformed));
    let outcome = house.put_body("missing trailer", Body { claims, ..body(&bytes) }).await;
    assert!(matches!(outcome, Err(Error::Body(BodyError::Malformed))), "{outcome:?}");
    assert!(matches!(house.head("missing trailer").await, Err(Error::NoSuchKey)));
    house.settles_at(1).await;
}

#[tokio::test]
async fn opaque_tags_are_random_and_say_so() {
    let house = House::with(ecluse::gateway::Settings { etag: EtagMode::Opaque, ..settings() }).await;
    let first = house.put("a", b"same").await.unwrap();
    let second = house.put("b", b"same").await.unwrap();
    assert_ne!(first.etag, second.etag);
    assert!(first.etag.as_str().ends_with("-o"), "{}", first.etag);
    assert_eq!(first.metadata.content_md5, None, "no MD5 is computed unless it is asked for");
    let md5 = Claim::Md5(Md5::digest(b"same").into());
    let digests = Digests { md5: true, ..Digests::default() };
    let third = house.put_body("c", claimed(b"same", digests, vec![md5])).await.unwrap();
    assert!(third.etag.as_str().ends_with("-o"), "{}", third.etag);
}
