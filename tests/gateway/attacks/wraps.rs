//! Wrapped keys: changed, replayed, made by somebody else, leaked.
//!
//! They lie in the catalog, so whoever changes one writes there. A wrap that does not open is an incident of the catalog,
//! not of a provider, and counted as one; for the client it is the same internal error, and no provider is asked for anything.

use bytes::Bytes;
use ecluse::gateway::Error;
use ecluse::keys::KeyError;
use ecluse::model::{Part, PartId, WrappedKey};
use ecluse::seal::{ChunkKey, ChunkPlace, ChunkRead, Opener, SealError};
use ecluse::secret::PartKey;
use ecluse::store::Call;
use proptest::prelude::*;

use super::attacker::*;
use testing::forge;
use testing::in_process::*;

/// Where a wrap holds the key itself, encrypted: after salt and nonce, before the tag.
const ENCRYPTED: std::ops::Range<usize> = 28..60;

async fn assert_wrap_refused(house: &House, incidents: &Incidents, target: &Target, what: &str) {
    let before = (incidents.in_catalog(), incidents.count());
    let asked = house.plan.calls(Call::Get);
    let (read, error) = target.read(house, None).await;
    assert!(matches!(error, Some(Error::Keys(KeyError::Refused | KeyError::UnknownKey))), "{what}: {error:?}");
    assert_eq!(error.unwrap().to_string(), "sealing failed", "{what}: every error says the same");
    assert!(read.is_empty(), "{what}");
    assert_eq!(house.plan.calls(Call::Get), asked, "{what}: the provider was asked");
    let counted = (incidents.in_catalog(), incidents.count());
    assert_eq!(counted, (before.0 + 1, before.1), "{what}: counted once, and no provider is blamed");
}

fn with_wrap(part: &Part, wrapped_key: WrappedKey) -> Part {
    Part { wrapped_key, ..part.clone() }
}

/// A wrap of a key of our choice, as only whoever has the root key can make it.
pub async fn wrap_chosen(house: &House, owner: &str, part: PartId, chosen: &[u8]) -> WrappedKey {
    forge::wrap_chosen(&*house.catalog, &root_key(house), &tenant(owner), part, chosen).await
}

/// MEGA (Backendal, Haller, Paterson, ePrint 2022/959): encrypted keys without integrity.
#[tokio::test]
async fn every_flipped_bit_of_a_wrapped_key_in_the_catalog_is_refused_before_the_provider_is_asked() {
    let (incidents, house) = (Incidents::watched(), House::new().await);
    let record = Target::of_chum("record", noise(1, 5_000));
    record.put(&house).await;
    let part = record.part(&house).await;
    let WrappedKey { key_version, bytes } = part.wrapped_key.clone();
    assert_eq!(bytes.len(), 76);
    for bit in 0..bytes.len() * 8 {
        let wrapped = WrappedKey { key_version, bytes: flipped(&bytes, bit) };
        record.forge(&house, with_wrap(&part, wrapped)).await;
        assert_wrap_refused(&house, &incidents, &record, &format!("bit {bit}")).await;
    }
    for bit in 0..32 {
        let wrapped = WrappedKey { key_version: key_version ^ (1 << bit), bytes: bytes.clone() };
        record.forge(&house, with_wrap(&part, wrapped)).await;
        assert_wrap_refused(&house, &incidents, &record, &format!("version bit {bit}")).await;
    }
    for length in [0, 16, 28, 60, 75] {
        let wrapped = WrappedKey { key_version, bytes: bytes[..length].to_vec() };
        record.forge(&house, with_wrap(&part, wrapped)).await;
        assert_wrap_refused(&house, &incidents, &record, &format!("cut to {length}")).await;
    }
    record.forge(&house, part).await;
    record.assert_right(&house, "put back").await;
}

/// MEGA (ePrint 2022/959), wraps replayed; AWS Encryption SDK (CVE-2026-6550), a cache of keys shared across tenants.
#[tokio::test]
async fn a_wrap_of_another_part_or_tenant_is_refused_even_right_after_it_was_opened_where_it_belongs() {
    let (incidents, house) = (Incidents::watched(), House::new().await);
    let record = Target::of_chum("record", noise(1, 5_000));
    let other = Target::of_chum("other", noise(2, 5_000));
    let foreign = Target { who: principal_of("chus"), ..record.clone() };
    for target in [&record, &other, &foreign] {
        target.put(&house).await;
        target.assert_right(&house, "as it was put").await;
    }
    let parts = [record.part(&house).await, other.part(&house).await, foreign.part(&house).await];
    for (from, what) in [(1, "of another part"), (2, "of another tenant")] {
        record.forge(&house, with_wrap(&parts[0], parts[from].wrapped_key.clone())).await;
        assert_wrap_refused(&house, &incidents, &record, what).await;
    }
    record.forge(&house, parts[0].clone()).await;
    // Every key at every place: it opens at its own only, in any order, again and again.
    let keyring = keyring(&house).await;
    let owners = [tenant("chum"), tenant("chum"), tenant("chus")];
    for _ in 0..2 {
        for (of, wrapped) in parts.iter().map(|part| &part.wrapped_key).enumerate() {
            for (at, part) in parts.iter().enumerate() {
                for owner in [tenant("chum"), tenant("chus")] {
                    let opened = keyring.open_part_key(&owner, part.id, wrapped).is_ok();
                    assert_eq!(opened, of == at && owner == owners[of], "wrap {of} at {at} for {owner}");
                }
            }
        }
    }
}

/// Nextcloud end-to-end encryption (ePrint 2024/546): key material of the server's choice is accepted.
#[tokio::test]
async fn a_key_that_somebody_else_wrapped_is_refused_though_its_chunk_is_well_formed() {
    let incidents = Incidents::watched();
    let (house, elsewhere) = (House::new().await, House::new().await);
    let record = Target::of_chum("record", noise(1, 5_000));
    record.put(&house).await;
    let (part, name) = (record.part(&house).await, record.chunks(&house).await.remove(0));
    let lie = noise(9, 5_000);
    let (ours, theirs) = (keyring(&house).await, keyring(&elsewhere).await);
    let made = [
        ("another gateway", theirs.new_part_key(&tenant("chum"), part.id).unwrap()),
        ("another tenant", ours.new_part_key(&tenant("chus"), part.id).unwrap()),
        ("the same tenant for another part", ours.new_part_key(&tenant("chum"), PartId([7; 16])).unwrap()),
    ];
    for (who, (key, wrapped)) in made {
        house.chunks.replace(&name, sealed_with(&key, "chum", part.id, &lie).remove(0));
        record.forge(&house, with_wrap(&part, wrapped)).await;
        assert_wrap_refused(&house, &incidents, &record, who).await;
    }
    for bytes in [vec![0; 76], noise(3, 76), vec![0; 32]] {
        record.forge(&house, with_wrap(&part, WrappedKey { key_version: 1, bytes })).await;
        assert_wrap_refused(&house, &incidents, &record, "made up").await;
    }
    // The test's own chunk is sound: with the root key, it would be read.
    let key = PartKey::generate().unwrap();
    house.chunks.replace(&name, sealed_with(&key, "chum", part.id, &lie).remove(0));
    let wrapped = wrap_chosen(&house, "chum", part.id, key.expose()).await;
    record.forge(&house, with_wrap(&part, wrapped)).await;
    assert_same(&record.read(&house, None).await.0, &lie, "wrapped under the tenant's own key");
}

/// Keys wrapped with AES-CTR under a constant IV: the keystream repeats, and one leaked key opens all.
#[tokio::test]
async fn wraps_share_no_keystream_and_a_leaked_part_key_opens_nothing_else() {
    const COUNT: u64 = 24;
    let house = House::new().await;
    let keyring = keyring(&house).await;
    let xor = |a: &[u8], b: &[u8]| -> Vec<u8> { a.iter().zip(b).map(|(a, b)| a ^ b).collect() };
    let mut known = Vec::new();
    for n in 0..COUNT {
        let record = Target::of_chum("record", noise(n, 2_000));
        record.put(&house).await;
        let (part, sealed) = (record.part(&house).await, record.sealed(&house).await.remove(0));
        let key = keyring.open_part_key(&tenant("chum"), part.id, &part.wrapped_key).unwrap();
        known.push((part, key, sealed));
    }
    let owner = tenant("chum");
    let opens = |key: &PartKey, part: PartId, sealed: &Bytes, plain_length: u64| {
        let place = ChunkPlace { tenant: &owner, part, index: 0 };
        let mut opener = Opener::new(key, &place, ChunkRead { plain_length, wanted: 0..plain_length }).unwrap();
        opener.push(sealed.clone()).and_then(|()| opener.finish())
    };
    for (a, (part, key, sealed)) in known.iter().enumerate() {
        assert_eq!(opens(key, part.id, sealed, part.padded_length), Ok(()));
        for (b, (other, other_key, other_sealed)) in known.iter().enumerate().filter(|(b, _)| *b != a) {
            let (wrap, other_wrap) = (&part.wrapped_key.bytes[ENCRYPTED], &other.wrapped_key.bytes[ENCRYPTED]);
            assert_ne!(xor(wrap, other_wrap), xor(key.expose(), other_key.expose()), "{a} and {b}");
            // The keystream of `a`, known once its key leaked, does not uncover `b`.
            let stream = xor(wrap, key.expose());
            assert_ne!(xor(other_wrap, &stream), other_key.expose(), "{a} uncovers {b}");
            for place in [part.id, other.id] {
                assert_eq!(opens(key, place, other_sealed, other.padded_length), Err(SealError::NotAuthentic));
            }
        }
    }
}

/// A place, of few letters: so that the end of a tenant's name looks like the beginning of a part's id.
fn a_place() -> impl Strategy<Value = (String, [u8; 16], u32)> {
    let letter = prop_oneof![Just(b'a'), Just(b'-')];
    let part = proptest::array::uniform16(letter);
    ("[a-]{1,20}", part, prop_oneof![Just(0_u32), Just(0x6161_6161), Just(0x2d61_612d), 0_u32..3])
}

proptest! {
    /// cloud37 SEC-H01 and SEC-H02: additional data whose fields run into one another.
    #[test]
    fn two_places_have_one_key_only_if_they_are_one_place(one in a_place(), other in a_place()) {
        let key = PartKey::from_slice(&[7; 32]).unwrap();
        let header = |(owner, part, index): &(String, [u8; 16], u32)| {
            let owner = tenant(owner);
            let place = ChunkPlace { tenant: &owner, part: PartId(*part), index: *index };
            ChunkKey::derive(&key, &place).unwrap().header()
        };
        prop_assert_eq!(header(&one) == header(&other), one == other);
        // Fields moved across their border are another place.
        let (owner, part, index) = &one;
        let mut text = [owner.as_bytes(), part].concat();
        text.rotate_left(1);
        let moved = String::from_utf8(text[..owner.len()].to_vec()).unwrap();
        let moved = (moved, text[owner.len()..].try_into().unwrap(), *index);
        prop_assert_eq!(header(&one) == header(&moved), one == moved);
        let longer = (format!("{owner}a"), *part, *index);
        prop_assert_ne!(header(&one), header(&longer));
    }
}
