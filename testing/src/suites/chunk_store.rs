//! The contract of `ChunkStore`, for every implementation.

use std::ops::Range;

use bytes::Bytes;
use ecluse::model::{ChunkName, Timestamp};
use ecluse::store::{ChunkStore, Consent, Created, Listed, StoreError};
use futures::TryStreamExt as _;
use futures::future::join_all;

/// The largest chunk: header, 128 segments of 64 KiB and their tags. `docs/format.md`.
pub const LARGEST_CHUNK: usize = 40 + 128 * (65_536 + 16);

/// All of it. The store may hold other chunks already.
pub async fn run(store: &dyn ChunkStore) {
    probe_changes_nothing(store).await;
    what_is_put_is_got(store).await;
    every_range_gives_its_bytes(store).await;
    ranges_at_and_beyond_the_end_never_invent_bytes(store).await;
    putting_twice_is_harmless(store).await;
    what_is_there_is_not_created_again(store).await;
    a_missing_chunk_is_not_found(store).await;
    every_name_is_listed_once(store).await;
    deleting_is_repeatable(store).await;
    the_largest_chunk_passes(store).await;
    many_at_once_keep_apart(store).await;
}

/// A name that no other test uses.
pub fn name(test: u8, index: u8) -> ChunkName {
    let mut bytes = [test; 20];
    bytes[0] = index;
    bytes[19] = index;
    ChunkName(bytes)
}

/// Bytes without a pattern, different for each seed.
pub fn bytes(seed: u64, length: usize) -> Bytes {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Reads a range to its end.
pub async fn read(store: &dyn ChunkStore, name: &ChunkName, range: Range<u64>) -> Result<Bytes, StoreError> {
    let pieces: Vec<Bytes> = store.get(name, range).await?.try_collect().await?;
    Ok(pieces.concat().into())
}

pub async fn probe_changes_nothing(store: &dyn ChunkStore) {
    store.probe().await.unwrap();
    assert!(!store.exists(&ChunkName([0; 20])).await.unwrap());
}

pub async fn what_is_put_is_got(store: &dyn ChunkStore) {
    // Names whose first digits are numbers, letters and both: `00/…`, `ff/…`, `9a/…`.
    for (index, first) in [0x00, 0xff, 0x9a].into_iter().enumerate() {
        let (name, sealed) = (name(1, first), bytes(index as u64, 1104));
        assert!(!store.exists(&name).await.unwrap());
        store.put(&name, sealed.clone()).await.unwrap();
        assert!(store.exists(&name).await.unwrap());
        assert_eq!(read(store, &name, 0..1104).await.unwrap(), sealed);
    }
}

pub async fn every_range_gives_its_bytes(store: &dyn ChunkStore) {
    let (name, sealed) = (name(2, 1), bytes(2, 3_000_000));
    store.put(&name, sealed.clone()).await.unwrap();
    let piece = 1 << 20;
    for range in [
        0..1,
        0..65_592,
        1_000_000..1_000_001,
        999_999..2_222_222,
        0..piece,
        piece..2 * piece,
        piece - 1..2 * piece + 1,
        2_999_999..3_000_000,
        1..3_000_000,
        0..3_000_000,
    ] {
        let expected = sealed.slice(range.start as usize..range.end as usize);
        assert!(read(store, &name, range.clone()).await.unwrap() == expected, "{range:?}");
    }
}

pub async fn ranges_at_and_beyond_the_end_never_invent_bytes(store: &dyn ChunkStore) {
    let (name, sealed) = (name(3, 1), bytes(3, 2_000));
    store.put(&name, sealed.clone()).await.unwrap();
    for (range, expected) in [(1_999..2_001, 1_999..2_000), (0..u64::from(u32::MAX), 0..2_000)] {
        let got = read(store, &name, range.clone()).await.unwrap();
        assert!(got == sealed.slice(expected), "{range:?} gave {} bytes", got.len());
    }
    for range in [0..0, 700..700, 2_000..2_000] {
        assert_eq!(read(store, &name, range).await.unwrap(), Bytes::new());
    }
    // A range that begins beyond the end may be an error, but not a missing chunk. (Azurite answers one that begins
    // just at the end with a Content-Range that runs backwards.)
    for range in [2_000..2_001, 5_000..6_000] {
        match read(store, &name, range.clone()).await {
            Ok(got) => assert_eq!(got, Bytes::new(), "{range:?}"),
            Err(error) => assert!(matches!(error, StoreError::Unavailable { .. }), "{range:?}: {error:?}"),
        }
    }
}

pub async fn putting_twice_is_harmless(store: &dyn ChunkStore) {
    let (name, sealed) = (name(4, 1), bytes(4, 5_000));
    for _ in 0..2 {
        store.put(&name, sealed.clone()).await.unwrap();
        assert_eq!(read(store, &name, 0..5_000).await.unwrap(), sealed);
    }
    let together = (0..8).map(|_| store.put(&name, sealed.clone()));
    assert!(join_all(together).await.into_iter().all(|put| put.is_ok()));
    assert_eq!(read(store, &name, 0..5_000).await.unwrap(), sealed);
}

pub async fn a_missing_chunk_is_not_found(store: &dyn ChunkStore) {
    let missing = name(5, 1);
    assert!(!store.exists(&missing).await.unwrap());
    for range in [0..10, 0..0, 100..200] {
        let error = read(store, &missing, range).await.unwrap_err();
        assert!(matches!(error, StoreError::NotFound), "{error:?}");
    }
    // Its folder is there, the chunk is not.
    let mut sibling = missing.clone();
    sibling.0[1] ^= 1;
    store.put(&sibling, bytes(5, 100)).await.unwrap();
    assert!(matches!(read(store, &missing, 0..10).await.unwrap_err(), StoreError::NotFound));
}

/// All names that a store lists, in order.
pub async fn listed(store: &dyn ChunkStore) -> Vec<Listed> {
    let (mut told, mut after) = (Vec::new(), None);
    loop {
        let page = store.names(after.as_deref()).await.unwrap();
        told.extend(page.names);
        after = page.next;
        if after.is_none() {
            told.sort_by(|one, other| one.name.cmp(&other.name));
            return told;
        }
    }
}

pub async fn every_name_is_listed_once(store: &dyn ChunkStore) {
    let names: Vec<ChunkName> = [0x00, 0x01, 0x7f, 0x80, 0xff].into_iter().map(|index| name(90, index)).collect();
    for name in &names {
        store.put(name, bytes(90, 100)).await.unwrap();
    }
    let told: Vec<Option<ChunkName>> = listed(store).await.iter().map(|told| ChunkName::parse(&told.name)).collect();
    for name in &names {
        assert_eq!(told.iter().filter(|told| told.as_ref() == Some(name)).count(), 1, "{name}");
        store.delete(name, &Consent::given()).await.unwrap();
    }
    let told = listed(store).await;
    assert!(
        told.iter().all(|told| ChunkName::parse(&told.name).is_some_and(|told| !names.contains(&told))),
        "{told:?}"
    );
}

/// Of a store that may hold other chunks: a list of more names than a page holds. What it says of times is about now.
pub async fn a_long_list_goes_on_from_page_to_page(store: &dyn ChunkStore) {
    const MANY: u16 = 1_100;
    let before = listed(store).await.len();
    let numbered = |number: u16| {
        let [first, second] = number.wrapping_mul(0x9e37).to_be_bytes();
        let mut bytes = [91; 20];
        (bytes[0], bytes[1]) = (first, second);
        ChunkName(bytes)
    };
    for some in (0..MANY).collect::<Vec<_>>().chunks(50) {
        let names: Vec<ChunkName> = some.iter().map(|number| numbered(*number)).collect();
        let puts = names.iter().map(|name| store.put(name, Bytes::from_static(b"x")));
        assert!(join_all(puts).await.iter().all(Result::is_ok));
    }
    let told = listed(store).await;
    assert_eq!(told.len() - before, usize::from(MANY));
    assert!(told.windows(2).all(|two| two[0].name != two[1].name), "each once");
    let now = Timestamp::now().0;
    let ages = told.iter().map(|told| now - told.modified.0);
    assert!(ages.clone().all(|age| (-60_000..600_000).contains(&age)), "{:?}", ages.collect::<Vec<_>>());
}

pub async fn deleting_is_repeatable(store: &dyn ChunkStore) {
    let (name, other) = (name(6, 1), name(6, 2));
    store.delete(&name, &Consent::given()).await.unwrap();
    store.put(&name, bytes(6, 100)).await.unwrap();
    store.put(&other, bytes(7, 100)).await.unwrap();
    for _ in 0..2 {
        store.delete(&name, &Consent::given()).await.unwrap();
        assert!(!store.exists(&name).await.unwrap());
        assert!(matches!(read(store, &name, 0..100).await.unwrap_err(), StoreError::NotFound));
    }
    assert_eq!(read(store, &other, 0..100).await.unwrap(), bytes(7, 100));
    store.put(&name, bytes(6, 100)).await.unwrap();
    assert_eq!(read(store, &name, 0..100).await.unwrap(), bytes(6, 100));
}

pub async fn the_largest_chunk_passes(store: &dyn ChunkStore) {
    let (name, sealed) = (name(8, 1), bytes(8, LARGEST_CHUNK));
    store.put(&name, sealed.clone()).await.unwrap();
    assert!(read(store, &name, 0..LARGEST_CHUNK as u64).await.unwrap() == sealed);
    let tail = LARGEST_CHUNK as u64 - 65_552;
    assert!(read(store, &name, tail..LARGEST_CHUNK as u64).await.unwrap() == sealed.slice(tail as usize..));
}

pub async fn many_at_once_keep_apart(store: &dyn ChunkStore) {
    let all = (0..100u8).map(|index| async move {
        let (name, sealed) = (name(9, index), bytes(u64::from(index) + 100, 20_000));
        store.put(&name, sealed.clone()).await.unwrap();
        let half = read(store, &name, 10_000..20_000).await.unwrap();
        assert!(half == sealed.slice(10_000..), "{index}");
        assert!(read(store, &name, 0..20_000).await.unwrap() == sealed, "{index}");
        if index % 2 == 0 {
            store.delete(&name, &Consent::given()).await.unwrap();
        }
    });
    join_all(all).await;
    for index in 0..100u8 {
        assert_eq!(store.exists(&name(9, index)).await.unwrap(), index % 2 == 1, "{index}");
    }
}

async fn what_is_there_is_not_created_again(store: &dyn ChunkStore) {
    let (chunk, first, second) = (name(60, 1), bytes(60, 1_080), bytes(61, 1_080));
    assert_eq!(store.create(&chunk, first.clone()).await.unwrap(), Created::Made);
    for _ in 0..2 {
        assert_eq!(store.create(&chunk, second.clone()).await.unwrap(), Created::Exists);
        assert_eq!(read(store, &chunk, 0..2_000).await.unwrap(), first);
    }
    store.delete(&chunk, &Consent::given()).await.unwrap();
    assert_eq!(store.create(&chunk, second.clone()).await.unwrap(), Created::Made);
    assert_eq!(read(store, &chunk, 0..2_000).await.unwrap(), second);
    store.delete(&chunk, &Consent::given()).await.unwrap();
}

/// Not of the S3 server of the tests, which looks and then writes; S3 itself decides in one step.
pub async fn of_several_who_create_one_chunk_one_makes_it(store: &dyn ChunkStore) {
    let content = |seed: u64| bytes(seed, 1_080);
    let created: Vec<Created> =
        join_all((0..8).map(|seed| async move { store.create(&name(61, 1), content(seed)).await.unwrap() })).await;
    assert_eq!(created.iter().filter(|made| **made == Created::Made).count(), 1, "{created:?}");
    let winner = created.iter().position(|made| *made == Created::Made).unwrap() as u64;
    assert_eq!(read(store, &name(61, 1), 0..2_000).await.unwrap(), content(winner));
}
