//! An attacker who writes into the catalog while the gateway is down, with the provider's help or without.

use std::sync::Arc;

use bytes::Bytes;
use ecluse::catalog::{Catalog, ObjectRef, Select, SqliteCatalog};
use ecluse::model::{BucketName, BucketRef, ObjectKey, Part, PartId, TenantId, WrappedKey};
use ecluse::seal::chunk_name;
use serde_json::Value;

use super::world::*;
use testing::forge;
use testing::noise::content;
use testing::provider::hostile::BOTH;

fn place(object: &Object) -> (BucketRef, ObjectKey) {
    let tenant = TenantId::parse("chum").expect("a tenant");
    let name = BucketName::parse(object.bucket).expect("a bucket");
    (BucketRef { tenant, name }, ObjectKey::parse(object.key).expect("a key"))
}

/// Stops the gateway, opens its catalog, and starts it again on what was made of it.
async fn down(world: &mut World, change: impl AsyncFnOnce(&dyn Catalog)) {
    world.gateway.kill9();
    let catalog = Arc::new(SqliteCatalog::open(&world.gateway.home.join("data/catalog.db")).expect("the catalog"));
    change(&*catalog).await;
    catalog.close().await;
    drop(catalog);
    world.gateway.restart();
}

async fn part_of(catalog: &dyn Catalog, object: &Object) -> Part {
    let (bucket, key) = place(object);
    let opened = catalog.open(&ObjectRef::current(&bucket, &key), Select::All).await.expect("the object");
    opened.slices[0].part.clone()
}

/// MEGA (Backendal, Haller, Paterson, ePrint 2022/959): encrypted keys without integrity; here in the real catalog, under
/// the real gateway. The incident is the catalog's: no provider is asked, nor blamed; the client's error is the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrapped_key_that_was_changed_or_moved_is_an_incident_of_the_catalog() {
    for protocol in BOTH {
        let mut world = World::start(protocol).await;
        let record = world.put("record", content(1, 5_000)).await;
        let other = world.put("other", content(2, 5_000)).await;
        for attack in ["a bit of the key", "a bit of the tag", "another part's", "a version that never was"] {
            down(&mut world, async |catalog| {
                let mut part = part_of(catalog, &record).await;
                let WrappedKey { key_version, bytes } = &mut part.wrapped_key;
                match attack {
                    "a bit of the key" => bytes[40] ^= 1,
                    "a bit of the tag" => *bytes.last_mut().expect("a byte") ^= 1,
                    "another part's" => *bytes = part_of(catalog, &other).await.wrapped_key.bytes,
                    _ => *key_version = 9,
                }
                let (bucket, key) = place(&record);
                forge::forge(catalog, bucket, key, part).await;
            })
            .await;
            let counted = || world.gateway.metric("ecluse_catalog_incidents_total");
            let before = counted();
            world.assert_refused_as_incident_elsewhere(attack, &record).await;
            assert_eq!(counted() - before, 2.0, "{attack}: counted, through each front");
            let gets =
                |call: &&testing::provider::hostile::Asked| call.method == "GET" && record.chunks.contains(&call.chunk);
            assert_eq!(world.hostile.calls().iter().filter(gets).count(), 0, "{attack}: the provider was asked");
            let log = world.gateway.log();
            let line =
                log.lines().rfind(|line| line.contains("integrity incident in the catalog")).expect("in the log");
            assert!(line.contains("part=") && !line.contains("record"), "{attack}: {line}");
            world.assert_right(&other, None, attack).await;
        }
    }
}

/// AWS S3 Encryption Clients (CVE-2025-14762, -14763, -14764; "invisible salamanders", ePrint 2019/016): one ciphertext
/// that AES-GCM accepts under two keys. The attacker even has wraps of both keys; the header's commitment decides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segment_that_opens_under_two_keys_is_served_for_the_key_its_header_commits_to_only() {
    let vectors: Value = serde_json::from_str(include_str!("../../vectors/format-1.json")).expect("the vectors");
    let collision = &vectors["collision"];
    let unhex = |value: &Value| hex::decode(value.as_str().expect("hex")).expect("hex");
    let length = collision["plain_length"].as_u64().expect("a length");
    let chunks = ["under_header_of_first", "under_header_of_second"].map(|name| Bytes::from(unhex(&collision[name])));
    assert_eq!(chunks[0][HEADER..], chunks[1][HEADER..], "one ciphertext, two headers");
    for protocol in BOTH {
        let mut world = World::start(protocol).await;
        let mut targets = Vec::new();
        for name in ["first", "second"] {
            targets.push(world.put(name, content(3, length as usize)).await);
        }
        let root_key = world.gateway.home.join("data/root.key");
        let mut found = targets.clone();
        down(&mut world, async |catalog| {
            for target in &mut found {
                let (bucket, key) = place(target);
                let id = PartId(unhex(&collision[target.key]["part"]).try_into().expect("16 bytes"));
                let chosen = unhex(&collision[target.key]["part_key"]);
                let wrapped_key = forge::wrap_chosen(catalog, &root_key, &bucket.tenant, id, &chosen).await;
                let part = Part { id, length, padded_length: length, wrapped_key, ..part_of(catalog, target).await };
                let naming = forge::keyring(catalog, &root_key).await.naming_key(&bucket.tenant).expect("a key");
                target.chunks = vec![chunk_name(&naming, id, 0).to_string()];
                forge::forge(catalog, bucket, key, part).await;
            }
        })
        .await;
        for (of, target) in found.iter_mut().enumerate() {
            world.hostile.replace(&target.chunks[0], chunks[of].clone());
            let read = world.read(target, None).await;
            assert!(read.complete && read.status == 200, "its own header: {}", read.said);
            target.bytes = read.got;
            world.hostile.replace(&target.chunks[0], chunks[1 - of].clone());
            let attack = format!("{} under the other header", target.key);
            assert_eq!(world.assert_refused(&attack, target, None, Kind::Incident).await, 0);
        }
        assert_ne!(found[0].bytes, found[1].bytes, "two keys, two plaintexts");
    }
}
