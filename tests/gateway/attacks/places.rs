//! Chunks and segments in other places: dropped, repeated, reordered, spliced, cut, swapped, foreign.

use bytes::Bytes;
use ecluse::seal::layout::{HEADER_BYTES, SEALED_SEGMENT_BYTES, SEGMENT_BYTES};
use ecluse::seal::segment_nonce;
use ecluse::secret::PartKey;
use ecluse::store::{Call, ChunkStore as _, Consent, Fault, When};
use futures::StreamExt as _;
use proptest::prelude::*;

use super::attacker::*;
use testing::in_process::*;

/// Plaintext of the last of three chunks: three segments, the last one short.
const TAIL: usize = 2 * SEGMENT_BYTES + 16 * KIB;

async fn three_chunks() -> (House, Incidents, Target) {
    let (incidents, house) = (Incidents::watched(), House::new().await);
    let record = Target::of_chum("record", noise(1, 2 * CHUNK + TAIL));
    record.put(&house).await;
    (house, incidents, record)
}

/// Where segment `number` of a chunk lies.
fn segment(number: usize, chunk: &[u8]) -> std::ops::Range<usize> {
    let start = HEADER_BYTES + number * SEALED_SEGMENT_BYTES;
    start..(start + SEALED_SEGMENT_BYTES).min(chunk.len())
}

/// "Broken Ecosystem" (Hofmann and Truong, ePrint 2024/1616): unauthenticated chunking.
#[tokio::test]
async fn chunks_in_any_other_order_dropped_or_repeated_are_refused() {
    let (house, incidents, record) = three_chunks().await;
    let (names, honest) = (record.chunks(&house).await, record.sealed(&house).await);
    assert_eq!(names.len(), 3);
    let mut tried = 0;
    // Every arrangement of the three, some left out (3), some repeated.
    for arrangement in (0..64).map(|n| [n % 4, n / 4 % 4, n / 16]).filter(|order| *order != [0, 1, 2]) {
        for (name, from) in names.iter().zip(arrangement) {
            match honest.get(from) {
                Some(sealed) => house.chunks.replace(name, sealed.clone()),
                None => house.chunks.delete(name, &Consent::given()).await.unwrap(),
            }
        }
        let came = record.assert_refused(&house, &incidents, None, &format!("{arrangement:?}")).await;
        let right = arrangement.iter().enumerate().take_while(|(n, from)| n == *from).count();
        assert_eq!(came, right * CHUNK, "{arrangement:?}");
        tried += 1;
    }
    assert_eq!(tried, 63);
    names.iter().zip(honest).for_each(|(name, sealed)| house.chunks.replace(name, sealed));
    record.assert_right(&house, "put back").await;
}

/// "Broken Ecosystem" (ePrint 2024/1616): truncation that looks like an end.
#[tokio::test]
async fn a_chunk_cut_at_any_segment_boundary_is_refused() {
    let (house, incidents, record) = three_chunks().await;
    let (names, honest) = (record.chunks(&house).await, record.sealed(&house).await);
    for (index, (name, sealed)) in names.iter().zip(&honest).enumerate() {
        let boundaries: Vec<usize> = (HEADER_BYTES..sealed.len()).step_by(SEALED_SEGMENT_BYTES).collect();
        assert_eq!(boundaries.len(), if index < 2 { 128 } else { 3 });
        for (segment, cut) in boundaries.into_iter().enumerate() {
            house.chunks.replace(name, sealed.slice(..cut));
            let start = (index * CHUNK + segment * SEGMENT_BYTES) as u64;
            let what = format!("chunk {index} cut before segment {segment}");
            // The segment that is missing; with the one before it; and, now and then, the whole object.
            let came = record.assert_refused(&house, &incidents, Some(start..start + 1), &what).await;
            assert_eq!(came, 0, "{what}");
            if segment > 0 {
                let came = record.assert_refused(&house, &incidents, Some(start - 1..start + 1), &what).await;
                assert!(came <= 1, "{what}");
            }
            if segment % 32 == 0 || index == 2 {
                let came = record.assert_refused(&house, &incidents, None, &what).await;
                assert_eq!(came as u64, start, "{what}");
            }
        }
        house.chunks.replace(name, sealed.clone());
    }
}

/// Azure client-side encryption v2, August 2026 (net #61713, java #50121, python #48559): regions reordered unseen.
#[tokio::test]
async fn two_segments_that_change_places_are_refused_in_full_and_in_every_range() {
    const COUNT: usize = 5;
    let (incidents, house) = (Incidents::watched(), House::new().await);
    let record = Target::of_chum("record", noise(1, COUNT * SEGMENT_BYTES));
    record.put(&house).await;
    let (name, honest) = (record.chunks(&house).await.remove(0), record.sealed(&house).await.remove(0));
    assert_eq!(honest.len(), HEADER_BYTES + COUNT * SEALED_SEGMENT_BYTES, "not padded");
    let of = |number: usize| (number * SEGMENT_BYTES) as u64..((number + 1) * SEGMENT_BYTES) as u64;
    for (one, other) in (0..COUNT).flat_map(|one| (one + 1..COUNT).map(move |other| (one, other))) {
        let mut changed = honest.to_vec();
        changed[segment(one, &honest)].copy_from_slice(&honest[segment(other, &honest)]);
        changed[segment(other, &honest)].copy_from_slice(&honest[segment(one, &honest)]);
        house.chunks.replace(&name, changed.into());
        let what = format!("segments {one} and {other} swapped");
        let came = record.assert_refused(&house, &incidents, None, &what).await;
        assert!(came <= one * SEGMENT_BYTES, "{what}");
        for number in 0..COUNT {
            if number == one || number == other {
                assert_eq!(record.assert_refused(&house, &incidents, Some(of(number)), &what).await, 0);
            } else {
                // Nothing of it was touched.
                let (read, error) = record.read(&house, Some(of(number))).await;
                assert!(error.is_none(), "{what}: {error:?}");
                assert_same(&read, &record.bytes[number * SEGMENT_BYTES..(number + 1) * SEGMENT_BYTES], &what);
            }
        }
    }
}

/// "Broken Ecosystem" (ePrint 2024/1616): segments dropped, repeated, and taken from elsewhere.
#[tokio::test]
async fn segments_dropped_repeated_or_spliced_from_elsewhere_are_refused() {
    const COUNT: usize = 4;
    let (incidents, house) = (Incidents::watched(), House::new().await);
    let record = Target::of_chum("record", noise(1, COUNT * SEGMENT_BYTES));
    record.put(&house).await;
    let yesterday = record.sealed(&house).await.remove(0);
    record.put(&house).await;
    // The same bytes, at the same place of an object that looks the same.
    let twin = Target::of_chum("twin", record.bytes.clone());
    twin.put(&house).await;
    let (name, honest) = (record.chunks(&house).await.remove(0), record.sealed(&house).await.remove(0));
    let twin = twin.sealed(&house).await.remove(0);
    for number in 0..COUNT {
        let at = segment(number, &honest);
        let (before, piece, after) = (&honest[..at.start], &honest[at.clone()], &honest[at.end..]);
        for (how, changed) in [
            ("dropped", [before, after].concat()),
            ("repeated", [before, piece, piece, after].concat()),
            ("taken from the twin", [before, &twin[at.clone()], after].concat()),
            ("of yesterday", [before, &yesterday[at.clone()], after].concat()),
            ("and all before it of the twin", [&twin[..at.end], after].concat()),
        ] {
            // What follows the end is never asked for.
            if how == "repeated" && number + 1 == COUNT || changed[..honest.len().min(changed.len())] == honest[..] {
                continue;
            }
            house.chunks.replace(&name, changed.into());
            let came = record.assert_refused(&house, &incidents, None, &format!("segment {number} {how}")).await;
            assert!(came <= (number + 1) * SEGMENT_BYTES);
        }
    }
    house.chunks.replace(&name, honest);
    record.assert_right(&house, "put back").await;
}

/// MinIO SSE-C before 53f4c0fd, and "Broken Ecosystem" (ePrint 2024/1616): objects can be exchanged.
#[tokio::test]
async fn objects_that_change_places_across_names_buckets_and_tenants_are_refused() {
    let (incidents, house) = (Incidents::watched(), House::new().await);
    let place = |owner: &str, bucket, name, seed| Target {
        who: principal_of(owner),
        bucket,
        name,
        bytes: noise(seed, 100_000),
    };
    let objects = [
        place("chum", BUCKET, "record", 1),
        place("chum", BUCKET, "other", 2),
        place("chum", "laboratory", "record", 3),
        place("chus", BUCKET, "record", 4),
        // The same content makes no difference.
        place("chus", "laboratory", "record", 1),
    ];
    let mut sealed = Vec::new();
    for object in &objects {
        object.put(&house).await;
        sealed.push((object.chunks(&house).await.remove(0), object.sealed(&house).await.remove(0)));
    }
    for (one, (name, honest)) in sealed.iter().enumerate() {
        for (other, (_, foreign)) in sealed.iter().enumerate().filter(|(other, _)| *other != one) {
            assert_eq!(honest.len(), foreign.len());
            house.chunks.replace(name, foreign.clone());
            let what = format!("{other} in the place of {one}");
            assert_eq!(objects[one].assert_refused(&house, &incidents, None, &what).await, 0);
            assert_eq!(objects[one].assert_refused(&house, &incidents, Some(70_000..70_001), &what).await, 0);
        }
        house.chunks.replace(name, honest.clone());
        objects[one].assert_right(&house, "put back").await;
    }
}

/// "Broken Ecosystem" (ePrint 2024/1616): well-formed files injected by the server.
#[tokio::test]
async fn a_well_formed_chunk_that_another_gateway_sealed_for_the_same_place_is_refused() {
    let (incidents, house) = (Incidents::watched(), House::new().await);
    let record = Target::of_chum("record", noise(1, 100_000));
    record.put(&house).await;
    let name = record.chunks(&house).await.remove(0);
    // Same tenant, bucket, object and content; other keys.
    let elsewhere = House::new().await;
    record.put(&elsewhere).await;
    let foreign = record.sealed(&elsewhere).await.remove(0);
    // Even for the very part, by someone who knows its id.
    let part = record.part(&house).await;
    let chosen = sealed_with(&PartKey::generate().unwrap(), "chum", part.id, &record.bytes).remove(0);
    for (what, sealed) in [("of another gateway", foreign), ("under a chosen key", chosen)] {
        house.chunks.replace(&name, sealed);
        assert_eq!(record.assert_refused(&house, &incidents, None, what).await, 0);
        assert_eq!(record.assert_refused(&house, &incidents, Some(99_999..100_000), what).await, 0);
    }
}

/// Amazon S3 Encryption Client, delayed authentication and ranged mode: corruption noticed after delivery.
#[tokio::test]
async fn of_a_last_segment_that_is_wrong_not_a_byte_is_sent_and_the_body_ends_with_an_error() {
    let (house, incidents, record) = three_chunks().await;
    let (names, honest) = (record.chunks(&house).await, record.sealed(&house).await);
    let last = honest[2].len() - 1;
    for at in [segment(2, &honest[2]).start, last - 16, last] {
        house.chunks.replace(&names[2], flipped(&honest[2], at * 8).into());
        // The third chunk comes in two transfers, so that what is before the segment leaves by itself.
        house.plan.on(Call::Get, When::Nth(3), Fault::CutBody { after: segment(2, &honest[2]).start });
        let mut got = house.get("record", ecluse::gateway::Select::All).await.unwrap();
        let (mut read, mut error) = (Vec::new(), None);
        while error.is_none() {
            match got.body.next().await.expect("a clean end") {
                Ok(piece) => read.extend_from_slice(&piece),
                Err(end) => error = Some(end),
            }
        }
        assert_same(&read, &record.bytes[..2 * CHUNK + 2 * SEGMENT_BYTES], "all before the segment");
        assert!(got.body.next().await.is_none(), "nothing follows the error");
        house.plan.clear();
        let came = record.assert_refused(&house, &incidents, None, "in one transfer").await;
        assert!((2 * CHUNK..=2 * CHUNK + 2 * SEGMENT_BYTES).contains(&came), "{came}");
    }
    house.chunks.replace(&names[2], Bytes::clone(&honest[2]));
    record.assert_right(&house, "put back").await;
}

proptest! {
    /// Azure client-side encryption v2, August 2026: a counter of 32 bits wraps around and nonces repeat. Ours is a
    /// segment's number within its chunk, which has 128 segments at most; it would not wrap before 2³² either.
    #[test]
    fn two_segments_have_one_nonce_only_if_they_are_one_segment(
        one in (any::<u32>(), any::<bool>()),
        other in (any::<u32>(), any::<bool>()),
        bit in 0..32_u32,
    ) {
        let nonce = |(number, last): (u32, bool)| segment_nonce(number, last);
        prop_assert_eq!(nonce(one) == nonce(other), one == other);
        prop_assert_ne!(nonce(one), nonce((one.0 ^ (1 << bit), one.1)));
        prop_assert_ne!(nonce(one), nonce((one.0, !one.1)));
        prop_assert!(CHUNK.div_ceil(SEGMENT_BYTES) == 128);
    }
}
