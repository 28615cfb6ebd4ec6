//! What a chunk says of itself: its header, its format and suite, its commitment; and what is no chunk at all.

use bytes::Bytes;
use ecluse::model::{Part, PartId};
use ecluse::seal::layout::{COMMITMENT_BYTES, HEADER_BYTES, SEALED_SEGMENT_BYTES, SEGMENT_BYTES};
use serde_json::Value;

use super::attacker::*;
use super::wraps::wrap_chosen;
use testing::in_process::*;

async fn one_chunk(length: usize) -> (House, Incidents, Target, ecluse::model::ChunkName, Bytes) {
    let (incidents, house) = (Incidents::watched(), House::new().await);
    let record = Target::of_chum("record", noise(1, length));
    record.put(&house).await;
    let (name, honest) = (record.chunks(&house).await.remove(0), record.sealed(&house).await.remove(0));
    (house, incidents, record, name, honest)
}

/// MEGA (ePrint 2022/959), at the chunk: a header without integrity.
#[tokio::test]
async fn every_flipped_bit_of_a_header_is_refused() {
    let (house, incidents, record, name, honest) = one_chunk(5_000).await;
    for bit in 0..HEADER_BYTES * 8 {
        house.chunks.replace(&name, flipped(&honest, bit).into());
        assert_eq!(record.assert_refused(&house, &incidents, None, &format!("bit {bit}")).await, 0);
    }
    assert_eq!(HEADER_BYTES * 8, 320);
    house.chunks.replace(&name, honest);
    record.assert_right(&house, "put back").await;
}

/// AWS S3 Crypto SDK (CVE-2020-8911, CVE-2020-8912): the algorithm is what unauthenticated metadata says.
#[tokio::test]
async fn every_other_format_suite_and_reserved_byte_is_refused() {
    let (house, incidents, record, name, honest) = one_chunk(5_000).await;
    let mut tried = 0;
    for at in 4..8 {
        for value in (0..=u8::MAX).filter(|value| *value != honest[at]) {
            let mut changed = honest.to_vec();
            changed[at] = value;
            house.chunks.replace(&name, changed.into());
            let what = format!("byte {at} is {value}");
            assert_eq!(record.assert_refused(&house, &incidents, None, &what).await, 0);
            tried += 1;
        }
    }
    assert_eq!(tried, 4 * 255);
}

/// Azure client-side encryption v2, August 2026: a downgrade is looked for at the start of a download only.
#[tokio::test]
async fn a_chunk_that_changes_between_ranged_reads_of_one_download_gives_right_bytes_or_an_error() {
    const COUNT: usize = 4;
    let (house, incidents, record, name, honest) = one_chunk(COUNT * SEGMENT_BYTES).await;
    let twin = Target::of_chum("twin", record.bytes.clone());
    twin.put(&house).await;
    let twin = twin.sealed(&house).await.remove(0);
    let of = |number: usize| (number * SEGMENT_BYTES) as u64..((number + 1) * SEGMENT_BYTES) as u64;
    let header_of_twin = [&twin[..HEADER_BYTES], &honest[HEADER_BYTES..]].concat();
    for (what, changed, body_is_honest) in [
        ("a format of old", flipped(&honest, 4 * 8), true),
        ("another commitment", flipped(&honest, 8 * 8), true),
        ("the header of a twin", header_of_twin, true),
        ("a twin", twin.to_vec(), false),
    ] {
        house.chunks.replace(&name, honest.clone());
        let (read, error) = record.read(&house, Some(of(0))).await;
        assert!(error.is_none(), "{error:?}");
        assert_same(&read, &record.bytes[..SEGMENT_BYTES], "the first range");
        house.chunks.replace(&name, changed.into());
        for number in 1..COUNT {
            if !body_is_honest {
                assert_eq!(record.assert_refused(&house, &incidents, Some(of(number)), what).await, 0);
                continue;
            }
            // Keys and header follow from the catalog; the stored header is not believed, nor asked for here.
            let (read, error) = record.read(&house, Some(of(number))).await;
            assert!(error.is_none(), "{what}: {error:?}");
            assert_same(&read, &record.bytes[number * SEGMENT_BYTES..(number + 1) * SEGMENT_BYTES], what);
        }
        assert_eq!(record.assert_refused(&house, &incidents, Some(of(0)), what).await, 0);
        assert_eq!(record.assert_refused(&house, &incidents, None, what).await, 0);
    }
}

/// AWS S3 Encryption Clients (CVE-2025-14762, -14763, -14764; "invisible salamanders", ePrint 2019/016) and
/// partitioning oracles (USENIX Security 2021): one ciphertext that AES-GCM accepts under two keys.
#[tokio::test]
async fn a_segment_that_opens_under_two_keys_is_served_for_the_key_its_header_commits_to_only() {
    let (incidents, house) = (Incidents::watched(), House::new().await);
    let vectors: Value = serde_json::from_str(include_str!("../../vectors/format-1.json")).unwrap();
    let collision = &vectors["collision"];
    let unhex = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
    let length = collision["plain_length"].as_u64().unwrap();
    let mut targets = Vec::new();
    for name in ["first", "second"] {
        let target = Target::of_chum(name, noise(1, length as usize));
        target.put(&house).await;
        let id = PartId(unhex(&collision[name]["part"]).try_into().unwrap());
        let wrapped_key = wrap_chosen(&house, "chum", id, &unhex(&collision[name]["part_key"])).await;
        let part = Part { id, length, padded_length: length, wrapped_key, ..target.part(&house).await };
        target.forge(&house, part).await;
        let chunk = target.chunks(&house).await.remove(0);
        targets.push((target, chunk));
    }
    let chunks = ["under_header_of_first", "under_header_of_second"].map(|name| Bytes::from(unhex(&collision[name])));
    assert_eq!(chunks[0][HEADER_BYTES..], chunks[1][HEADER_BYTES..], "one ciphertext, two headers");
    for (of, (target, name)) in targets.iter_mut().enumerate() {
        house.chunks.replace(name, chunks[of].clone());
        let (read, error) = target.read(&house, None).await;
        assert!(error.is_none() && read.len() as u64 == length, "{error:?}");
        target.bytes = read;
        house.chunks.replace(name, chunks[1 - of].clone());
        assert_eq!(target.assert_refused(&house, &incidents, None, "the other header").await, 0);
    }
    assert_ne!(targets[0].0.bytes, targets[1].0.bytes, "two keys, two plaintexts");
}

/// Marker stripping: the provider serves plaintext, or another tool's file, and the client takes it for its own.
#[tokio::test]
async fn plaintext_and_other_tools_files_in_the_place_of_a_chunk_are_refused() {
    let (house, incidents, record, name, honest) = one_chunk(2 * SEGMENT_BYTES).await;
    let nothing_wrapped = [&honest[..HEADER_BYTES], &record.bytes].concat();
    let heads: [(&str, &[u8]); 11] = [
        ("the plaintext", &record.bytes),
        ("the plaintext behind the true header", &nothing_wrapped),
        ("nothing", b""),
        ("age", b"age-encryption.org/v1\n-> X25519 "),
        ("rclone crypt", b"RCLONE\0\0"),
        ("AWS Encryption SDK", b"\x02\x05\x78"),
        ("Azure client-side encryption", b"{\"EncryptionMode\":\"FullBlob\",\"WrappedContentKey\":{"),
        ("OpenPGP", b"\x85\x02\x0c\x03"),
        ("openssl", b"Salted__"),
        ("DARE (MinIO)", b"\x20\x00\xff\xff"),
        ("gocryptfs", b"\0\x02"),
    ];
    for (what, head) in heads {
        let padded = [head, &noise(5, honest.len())].concat();
        for (form, bytes) in [("bare", head.to_vec()), ("as long", padded[..honest.len()].to_vec())] {
            house.chunks.replace(&name, bytes.into());
            let what = format!("{what}, {form}");
            assert_eq!(record.assert_refused(&house, &incidents, None, &what).await, 0);
            let range = SEGMENT_BYTES as u64..SEGMENT_BYTES as u64 + 1;
            assert_eq!(record.assert_refused(&house, &incidents, Some(range), &what).await, 0);
        }
    }
    assert!(honest.len() == HEADER_BYTES + 2 * SEALED_SEGMENT_BYTES && COMMITMENT_BYTES == 32);
}
