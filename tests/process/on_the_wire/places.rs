//! Chunks and segments in other places: swapped, spliced, reordered, repeated, dropped, cut, replayed, rolled back, gone.

use bytes::Bytes;

use super::world::*;
use testing::noise::content;
use testing::process::CLIENT_ID;
use testing::provider::hostile::BOTH;

/// A chunk's name, and what lies there.
type Placed<'a> = (&'a String, &'a Bytes);

/// Three segments and a bit.
const VICTIM: usize = 3 * SEGMENT + 5 * KIB;

/// MinIO SSE-C before 53f4c0fd, and "Broken Ecosystem" (Hofmann and Truong, ePrint 2024/1616): objects under one key, in
/// one bucket or one account can be exchanged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swapped_chunks_of_objects_buckets_and_tenants_are_refused() {
    for protocol in BOTH {
        let mut world = World::start(protocol).await;
        let bytes = content(1, VICTIM);
        let record = world.put("record", bytes.clone()).await;
        let others = [
            ("of another object", world.put("other", content(2, VICTIM)).await),
            ("of a twin with the same bytes", world.put("twin", bytes.clone()).await),
            ("of another bucket", world.put_as(CLIENT_ID, "laboratory", "record", bytes.clone()).await),
            ("of another tenant", world.put_of_stranger("record", bytes.clone()).await),
        ];
        for (whose, other) in others {
            let attack = format!("the chunk {whose}");
            let (ours, theirs) = (&record.chunks[0], &other.chunks[0]);
            let both = (world.hostile.chunk(ours), world.hostile.chunk(theirs));
            world.hostile.replace(ours, both.1);
            world.hostile.replace(theirs, both.0);
            for object in [&record, &other] {
                for range in [None, Some((0, 1)), Some((SEGMENT, SEGMENT + 9)), Some((VICTIM - 1, VICTIM))] {
                    assert_eq!(world.assert_refused(&attack, object, range, Kind::Incident).await, 0);
                }
            }
            world.restore(&attack).await;
            world.assert_right(&other, None, &attack).await;
        }
        world.assert_right(&record, None, "at last").await;
    }
}

/// "Broken Ecosystem" (ePrint 2024/1616): the pieces of one file can be exchanged, repeated and left out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swapped_and_repeated_chunks_and_parts_of_one_object_are_refused() {
    for protocol in BOTH {
        let mut world = World::start(protocol).await;
        let large = world.put("large", content(3, CHUNK + VICTIM)).await;
        let parts = multipart(&mut world).await;
        for object in [large, parts] {
            let [first, second] = &object.chunks[..] else { panic!("two chunks of {}", object.key) };
            let (one, two) = (world.hostile.chunk(first), world.hostile.chunk(second));
            let border = object.bytes.len() - VICTIM;
            let begin = one.slice(..two.len());
            let damages: [(&str, &[Placed], usize); 4] = [
                ("exchanged", &[(first, &two), (second, &one)], 0),
                ("the first twice", &[(second, &one)], border),
                ("the second twice", &[(first, &two)], 0),
                ("the second is the first one's begin", &[(second, &begin)], border),
            ];
            for (how, damage, right) in damages {
                let attack = format!("{}: {how}", object.key);
                damage.iter().for_each(|(name, bytes)| world.hostile.replace(name, (*bytes).clone()));
                let came = world.assert_refused(&attack, &object, None, Kind::Incident).await;
                // All before it may have come, or may still have been on its way when the transfer was cut.
                assert!(came <= right, "{attack}: {came}");
                let range = Some((border + 10, border + 20));
                if right > 0 {
                    assert_eq!(world.assert_refused(&attack, &object, range, Kind::Incident).await, 0);
                }
                world.restore(&attack).await;
            }
            world.assert_right(&object, None, "at last").await;
        }
    }
}

/// An object of two parts, 5 MiB and the victim's size.
async fn multipart(world: &mut World) -> Object {
    use object_store::multipart::MultipartStore;
    let store = testing::client::store(&world.gateway, BUCKET);
    let (before, path) = (world.hostile.stored(), "parts".into());
    let bytes = content(4, 5 * MIB + VICTIM);
    let id = store.create_multipart(&path).await.expect("an upload");
    let first = store.put_part(&path, &id, 0, bytes[..5 * MIB].to_vec().into()).await.expect("a part");
    let second = store.put_part(&path, &id, 1, bytes[5 * MIB..].to_vec().into()).await.expect("a part");
    store.complete_multipart(&path, &id, vec![first, second]).await.expect("the object");
    let chunks = world.added(&before);
    world.settle();
    Object { bucket: BUCKET, key: "parts", who: CLIENT_ID, bytes, chunks }
}

/// Azure client-side encryption v2, August 2026 (net #61713, java #50121, python #48559): regions that are reordered are
/// served; "Broken Ecosystem" (ePrint 2024/1616): spliced, repeated and dropped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reordered_spliced_repeated_and_dropped_segments_are_refused_in_full_and_ranged_reads() {
    const COUNT: usize = 4;
    for protocol in BOTH {
        let mut world = World::start(protocol).await;
        let record = world.put("record", content(5, COUNT * SEGMENT)).await;
        let twin = world.put("twin", record.bytes.clone()).await;
        let (chunk, honest) = (&record.chunks[0], world.hostile.chunk(&record.chunks[0]));
        let twin = world.hostile.chunk(&twin.chunks[0]);
        assert_eq!(honest.len(), HEADER + COUNT * SEALED_SEGMENT, "no padding: whole segments");
        for one in 0..COUNT {
            for other in one + 1..COUNT {
                let mut changed = honest.to_vec();
                changed[segment(one, &honest)].copy_from_slice(&honest[segment(other, &honest)]);
                changed[segment(other, &honest)].copy_from_slice(&honest[segment(one, &honest)]);
                world.hostile.replace(chunk, changed);
                let attack = format!("segments {one} and {other} exchanged");
                assert!(world.assert_refused(&attack, &record, None, Kind::Incident).await <= one * SEGMENT);
                for number in 0..COUNT {
                    let range = Some((number * SEGMENT, (number + 1) * SEGMENT));
                    if number == one || number == other {
                        assert_eq!(world.assert_refused(&attack, &record, range, Kind::Incident).await, 0);
                    } else {
                        world.assert_right(&record, range, &attack).await;
                    }
                }
            }
        }
        for number in 0..COUNT {
            let at = segment(number, &honest);
            let (before, piece, after) = (&honest[..at.start], &honest[at.clone()], &honest[at.end..]);
            for (how, changed) in [
                ("repeated", [before, piece, piece, after].concat()),
                ("dropped", [before, after].concat()),
                ("of the twin", [before, &twin[at.clone()], after].concat()),
                ("and all before it of the twin", [&twin[..at.end], after].concat()),
                ("of zeros", [before, &vec![0; at.len()], after].concat()),
            ] {
                if how == "repeated" && number + 1 == COUNT {
                    continue;
                }
                world.hostile.replace(chunk, changed);
                let attack = format!("segment {number} {how}");
                let came = world.assert_refused(&attack, &record, None, Kind::Incident).await;
                assert!(came <= (number + 1) * SEGMENT, "{attack}: {came}");
            }
        }
        world.restore("segments").await;
        world.assert_right(&record, None, "at last").await;
    }
}

/// "Broken Ecosystem" (ePrint 2024/1616): an end that comes too early looks like an end. What follows the end is never
/// asked for, so bytes that are added there change nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunk_cut_at_or_beside_any_border_is_refused_and_one_that_goes_on_serves_its_own_bytes_only() {
    for protocol in BOTH {
        let mut world = World::start(protocol).await;
        let record = world.put("record", content(6, VICTIM)).await;
        let (chunk, honest) = (&record.chunks[0], world.hostile.chunk(&record.chunks[0]));
        let mut cuts: Vec<usize> =
            borders(honest.len()).into_iter().flat_map(|at| [at.saturating_sub(1), at, at + 1]).collect();
        cuts.retain(|cut| *cut < honest.len());
        cuts.sort_unstable();
        cuts.dedup();
        assert!(cuts.len() > 20, "{cuts:?}");
        for cut in cuts {
            world.hostile.replace(chunk, honest.slice(..cut));
            let attack = format!("cut to {cut} bytes");
            let came = world.assert_refused(&attack, &record, None, Kind::Incident).await;
            assert!(came <= cut, "{attack}: {came}");
            let end = Some((VICTIM - 1, VICTIM));
            assert_eq!(world.assert_refused(&attack, &record, end, Kind::Incident).await, 0);
        }
        for (what, more) in [("one byte", &honest[..1]), ("a segment", &honest[HEADER..HEADER + SEALED_SEGMENT])] {
            world.hostile.replace(chunk, [&honest[..], more].concat());
            for range in [None, Some((VICTIM - 1, VICTIM))] {
                world.assert_right(&record, range, &format!("{what} more than there was")).await;
            }
        }
        world.restore("cuts").await;
    }
}

/// Rollback and omission, which Tahoe-LAFS (`mutable.rst`) and restic (`design.rst`) state that they do not detect.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replayed_version_a_rolled_back_provider_and_a_missing_chunk_are_refused() {
    for protocol in BOTH {
        let mut world = World::start(protocol).await;
        let kept = world.put("kept", content(7, VICTIM)).await;
        let old = world.put("record", content(8, VICTIM)).await;
        let yesterday = world.hostile.stored();
        let record = world.put("record", content(9, VICTIM)).await;
        let new = &record.chunks[0];
        assert_ne!(*new, old.chunks[0], "a new version, a new name");
        world.hostile.replace(new, yesterday[&old.chunks[0]].clone());
        for range in [None, Some((SEGMENT, SEGMENT + 1))] {
            let came = world.assert_refused("the old version under the new name", &record, range, Kind::Incident).await;
            assert_eq!(came, 0);
        }
        world.restore("replay").await;

        world.hostile.roll_back(yesterday);
        assert_eq!(world.assert_refused("yesterday's provider", &record, None, Kind::Incident).await, 0);
        world.assert_right(&kept, None, "what did not change since yesterday").await;
        world.restore("rollback").await;

        world.hostile.remove(new);
        for range in [None, Some((SEGMENT, SEGMENT + 1))] {
            assert_eq!(world.assert_refused("no such chunk", &record, range, Kind::Incident).await, 0);
        }
        world.hostile.replace(new, Bytes::new());
        for range in [None, Some((SEGMENT, SEGMENT + 1))] {
            assert_eq!(world.assert_refused("an empty chunk", &record, range, Kind::Incident).await, 0);
        }
        world.restore("omission").await;
        world.assert_right(&record, None, "at last").await;
    }
}
