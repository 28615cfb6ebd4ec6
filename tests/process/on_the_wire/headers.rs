//! What a chunk says of itself, chunks of other makers, and chunks that change while they are read.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use ecluse::model::{PartId, TenantId};
use ecluse::seal::{Padding, Sealer};
use ecluse::secret::PartKey;

use super::world::*;
use testing::noise::content;
use testing::provider::hostile::{Act, BOTH, Then};

/// MEGA (Backendal, Haller, Paterson, ePrint 2022/959), at the chunk: a header without integrity.
/// AWS S3 Crypto SDK (CVE-2020-8911, CVE-2020-8912): format and algorithm are what unauthenticated metadata says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bit_of_a_header_and_every_other_format_suite_and_reserved_byte_is_refused() {
    for protocol in BOTH {
        let mut world = World::start(protocol).await;
        let record = world.put("record", content(1, 5_000)).await;
        let (chunk, honest) = (&record.chunks[0], world.hostile.chunk(&record.chunks[0]));
        let bits = (0..HEADER * 8).map(|bit| (bit / 8, honest[bit / 8] ^ (1 << (bit % 8))));
        let values = (4..8).flat_map(|at| (0..=u8::MAX).map(move |value| (at, value)));
        let mut tried = 0;
        for (at, value) in bits.chain(values).filter(|(at, value)| honest[*at] != *value) {
            let mut changed = honest.to_vec();
            changed[at] = value;
            world.hostile.replace(chunk, changed);
            let attack = format!("byte {at} of the header is {value}");
            // So many that one front must do for each; the next test and the others have both.
            let came = world.assert_refused_through(world.next_front(), &attack, &record, None, Kind::Incident).await;
            assert_eq!(came, 0);
            tried += 1;
        }
        assert_eq!(tried, 320 + 4 * 255);
        world.restore("headers").await;
        world.assert_right(&record, None, "at last").await;
    }
}

/// A chunk that is well-formed in every way, sealed by somebody with a key of their own.
fn sealed_by_another(part: PartId, bytes: &[u8]) -> Bytes {
    let tenant = TenantId::parse("chum").expect("a tenant");
    let key = PartKey::generate().expect("a key");
    let mut sealer = Sealer::new(&key, &tenant, part, Padding::Padme, Some(bytes.len() as u64)).expect("a sealer");
    let mut plain = Bytes::copy_from_slice(bytes);
    let begun = sealer.push(&mut plain).expect("sealing");
    let (rest, _) = sealer.finish().expect("sealing");
    begun.or(rest).expect("one chunk").bytes
}

/// Marker stripping: the provider serves plaintext, or another tool's file, and it is taken for our own.
/// Nextcloud end-to-end encryption (ePrint 2024/546): key material of the server's choice is accepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plaintext_other_tools_files_and_chunks_under_a_chosen_key_are_refused() {
    for protocol in BOTH {
        let mut world = World::start(protocol).await;
        let record = world.put("record", content(2, 2 * SEGMENT)).await;
        let (chunk, honest) = (&record.chunks[0], world.hostile.chunk(&record.chunks[0]));
        // The log names the part of an incident: the attacker may know it.
        world.hostile.replace(chunk, Bytes::new());
        world.assert_refused("empty", &record, None, Kind::Incident).await;
        let line = world.logged().pop().expect("a line");
        let id = line.split_once("part=").and_then(|(_, rest)| rest.split(' ').next()).expect("a part");
        let part = PartId(hex::decode(id).expect("hex").try_into().expect("16 bytes"));

        let under_true_header = [&honest[..HEADER], &record.bytes].concat();
        let heads: [(&str, &[u8]); 10] = [
            ("the plaintext", &record.bytes),
            ("the plaintext behind the true header", &under_true_header),
            ("random bytes", &content(3, 100)),
            ("age", b"age-encryption.org/v1\n-> X25519 "),
            ("rclone crypt", b"RCLONE\0\0"),
            ("AWS Encryption SDK", b"\x02\x05\x78"),
            ("Azure client-side encryption", b"{\"EncryptionMode\":\"FullBlob\",\"WrappedContentKey\":{"),
            ("OpenPGP", b"\x85\x02\x0c\x03"),
            ("openssl", b"Salted__"),
            ("DARE (MinIO)", b"\x20\x00\xff\xff"),
        ];
        let mut lies: Vec<(String, Bytes)> = Vec::new();
        for (what, head) in heads {
            let padded = [head, &content(4, honest.len())].concat();
            lies.push((format!("{what}, as long"), padded[..honest.len()].to_vec().into()));
            lies.push((format!("{what}, bare"), head.to_vec().into()));
        }
        lies.push(("a chunk under a chosen key".into(), sealed_by_another(part, &content(5, 2 * SEGMENT))));
        lies.push(("its own bytes under a chosen key".into(), sealed_by_another(part, &record.bytes)));
        lies.push(("a chunk of another part".into(), sealed_by_another(PartId([7; 16]), &record.bytes)));
        let chosen = sealed_by_another(part, &record.bytes);
        assert_eq!(chosen.len(), honest.len(), "well-formed: as long as the true one");
        lies.push(("the true header over it".into(), [&honest[..HEADER], &chosen[HEADER..]].concat().into()));
        for (what, lie) in lies {
            world.hostile.replace(chunk, lie);
            for range in [None, Some((0, 1)), Some((SEGMENT, SEGMENT + 1))] {
                assert_eq!(world.assert_refused(&what, &record, range, Kind::Incident).await, 0, "{what}");
            }
        }
        world.restore("foreign").await;
        world.assert_right(&record, None, "at last").await;
    }
}

/// Azure client-side encryption v2, August 2026: a downgrade is looked for at the start of a download only. Here: the
/// chunk changes between ranged reads of one download.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunk_that_changes_between_ranged_reads_gives_right_bytes_or_an_error() {
    const COUNT: usize = 4;
    for protocol in BOTH {
        let mut world = World::start(protocol).await;
        let record = world.put("record", content(6, COUNT * SEGMENT)).await;
        let twin = world.put("twin", record.bytes.clone()).await;
        let (chunk, honest) = (&record.chunks[0], world.hostile.chunk(&record.chunks[0]));
        let twin = world.hostile.chunk(&twin.chunks[0]);
        let of = |number: usize| Some((number * SEGMENT, (number + 1) * SEGMENT));
        let with_header = |header: &[u8]| Bytes::from([header, &honest[HEADER..]].concat());
        let mut format_of_old = honest[..HEADER].to_vec();
        format_of_old[4] = 0;
        for (attack, changed, same_body) in [
            ("a format of old", with_header(&format_of_old), true),
            ("the header of a twin", with_header(&twin[..HEADER]), true),
            ("a twin", twin.clone(), false),
        ] {
            world.assert_right(&record, of(0), attack).await;
            world.hostile.replace(chunk, changed);
            for number in 1..COUNT {
                if same_body {
                    // The keys follow from the catalog; the stored header is neither asked for nor believed.
                    world.assert_right(&record, of(number), attack).await;
                } else {
                    assert_eq!(world.assert_refused(attack, &record, of(number), Kind::Incident).await, 0);
                }
            }
            assert_eq!(world.assert_refused(attack, &record, of(0), Kind::Incident).await, 0);
            world.restore(attack).await;
        }
    }
}

/// The same break, within one download: the line breaks, and what is answered when the transfer is taken up again is
/// of another chunk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunk_that_changes_before_a_transfer_is_taken_up_again_gives_right_bytes_or_an_error() {
    for protocol in BOTH {
        let mut world = World::start(protocol).await;
        let record = world.put("record", content(7, 4 * SEGMENT)).await;
        let twin = world.put("twin", record.bytes.clone()).await;
        let (chunk, honest) = (record.chunks[0].clone(), world.hostile.chunk(&record.chunks[0]));
        let twin = world.hostile.chunk(&twin.chunks[0]);
        let mut other_header = honest.to_vec();
        other_header[..HEADER].copy_from_slice(&twin[..HEADER]);
        let mut last_changed = honest.to_vec();
        *last_changed.last_mut().expect("a byte") ^= 1;
        for (attack, then, refused) in [
            ("the header of a twin", Bytes::from(other_header), false),
            ("a twin", twin, true),
            ("another last byte", last_changed.into(), true),
        ] {
            let calls = AtomicUsize::new(0);
            let victim = chunk.clone();
            world.hostile.rule(move |asked| {
                if asked.method != "GET" || asked.chunk != victim {
                    return Act::Honest;
                }
                if calls.fetch_add(1, Ordering::SeqCst) == 0 {
                    // Two whole segments and a bit come first.
                    return Act::changed(|reply| reply.cut(HEADER + 2 * SEALED_SEGMENT + 99, Then::Break));
                }
                let (then, range) = (then.clone(), asked.range);
                Act::changed(move |reply| {
                    let (first, end) = range.expect("a range");
                    reply.body(then.slice(first..end.min(then.len())))
                })
            });
            if refused {
                let came = world.assert_refused(attack, &record, None, Kind::Incident).await;
                assert!(came < record.bytes.len());
            } else {
                world.assert_right(&record, None, attack).await;
            }
            assert!(world.hostile.lies() >= 2, "{attack}: it was taken up again");
            world.restore(attack).await;
        }
    }
}
