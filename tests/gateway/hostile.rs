//! A provider that lies or breaks: an error or the right bytes, never wrong bytes in a success.

use bytes::Bytes;
use ecluse::gateway::{Error, Select};
use ecluse::model::{ChunkName, RangeRequest};
use ecluse::store::{Call, ChunkStore as _, Consent, Fault, When};

use testing::in_process::*;

const TAIL: usize = 200_000;

/// A house with an object of two chunks, another of one, and the names of all three.
async fn two_chunks() -> (House, Vec<u8>, [ChunkName; 3]) {
    let house = House::new().await;
    let bytes = noise(1, CHUNK + TAIL);
    house.put("record", &bytes).await.unwrap();
    let mut names: Vec<_> = house.chunks.snapshot().into_iter().collect();
    names.sort_by_key(|(_, sealed)| std::cmp::Reverse(sealed.len()));
    house.put("other", &noise(2, CHUNK)).await.unwrap();
    let other = house.chunks.snapshot().into_keys().find(|name| names.iter().all(|(n, _)| n != name)).unwrap();
    (house, bytes, [names[0].0.clone(), names[1].0.clone(), other])
}

pub fn lies(other: &ChunkName) -> Vec<Fault> {
    vec![
        Fault::Flip { at: 0 },
        Fault::Flip { at: 20 },
        Fault::Flip { at: 41 },
        Fault::Flip { at: 70_000 },
        Fault::Flip { at: usize::MAX },
        Fault::Swap(other.clone()),
        Fault::Truncate { by: 1 },
        Fault::Truncate { by: 16 },
        Fault::Truncate { by: 65_552 },
        Fault::Truncate { by: usize::MAX },
        Fault::Extend(Bytes::from_static(b"x")),
        Fault::Substitute(Bytes::from(vec![0; CHUNK])),
    ]
}

#[tokio::test]
async fn a_lie_about_the_first_chunk_is_an_error_before_the_answer_begins_or_after_right_bytes_only() {
    let (house, bytes, [_, second, other]) = two_chunks().await;
    for fault in lies(&other).into_iter().chain([Fault::Swap(second)]) {
        house.plan.clear();
        house.plan.on(Call::Get, When::Nth(1), fault.clone());
        match house.get("record", Select::All).await {
            Err(error) => assert!(matches!(error, Error::Integrity), "{fault:?}: {error:?}"),
            Ok(got) => {
                // What is too short shows at its end only.
                assert!(matches!(fault, Fault::Truncate { .. }), "{fault:?} was not noticed at once");
                let (read, error) = drain(got).await;
                assert!(matches!(error, Some(Error::Integrity)), "{fault:?}: {error:?}");
                assert!(read.len() < CHUNK && bytes.starts_with(&read), "{fault:?}: wrong bytes");
            }
        }
    }
    house.plan.clear();
    assert_same(&house.read("record").await.unwrap(), &bytes, "an honest provider");
    house.settles_at(3).await;
}

#[tokio::test]
async fn a_lie_about_a_later_chunk_is_an_error_in_the_body_after_right_bytes_only() {
    let (house, bytes, [first, _, other]) = two_chunks().await;
    for fault in lies(&other).into_iter().chain([Fault::Swap(first)]) {
        house.plan.clear();
        house.plan.on(Call::Get, When::Nth(2), fault.clone());
        let got = house.get("record", Select::All).await.unwrap();
        let (read, error) = drain(got).await;
        assert!(matches!(error, Some(Error::Integrity)), "{fault:?}: {error:?}");
        assert!(read.len() >= CHUNK && read.len() < bytes.len(), "{fault:?}: {} bytes", read.len());
        assert!(bytes.starts_with(&read), "{fault:?}: wrong bytes");
    }
    house.settles_at(3).await;
}

#[tokio::test]
async fn a_lie_within_a_range_is_an_error_of_the_range() {
    let (house, bytes, [_, _, other]) = two_chunks().await;
    let ranges =
        [(0, 0), (65_535, 65_536), (CHUNK as u64 - 1, CHUNK as u64 - 1), (CHUNK as u64, bytes.len() as u64 - 1)];
    for (first, last) in ranges {
        let select = Select::Range(RangeRequest::Between { first, last });
        for fault in [0, 40, 1_000, usize::MAX].map(|at| Fault::Flip { at }).into_iter().chain([
            Fault::Swap(other.clone()),
            Fault::Truncate { by: 1 },
            Fault::Extend(Bytes::from_static(&[0; 65_552])),
        ]) {
            house.plan.clear();
            house.plan.on(Call::Get, When::Always, fault.clone());
            let (read, error) = match house.get("record", select).await {
                Err(error) => (Vec::new(), Some(error)),
                Ok(got) => drain(got).await,
            };
            assert!(matches!(error, Some(Error::Integrity)), "{first}-{last} {fault:?}: {error:?}");
            assert!(bytes[first as usize..].starts_with(&read), "{first}-{last} {fault:?}: wrong bytes");
        }
    }
}

#[tokio::test]
async fn chunks_changed_where_they_lie_are_never_served() {
    let (house, bytes, [first, second, other]) = two_chunks().await;
    let honest = house.chunks.snapshot();
    let cut = honest[&second].slice(..honest[&second].len() - 1);
    let longer = Bytes::from([honest[&second].as_ref(), b"x"].concat());
    let changes = [
        vec![(&first, honest[&second].clone()), (&second, honest[&first].clone())],
        vec![(&first, honest[&other].clone())],
        vec![(&second, cut)],
        vec![(&first, Bytes::new())],
    ];
    for change in changes {
        change.iter().for_each(|(name, sealed)| house.chunks.replace(name, sealed.clone()));
        let error = house.read("record").await.unwrap_err();
        assert!(matches!(error, Error::Integrity), "{error:?}");
        honest.iter().for_each(|(name, sealed)| house.chunks.replace(name, sealed.clone()));
    }
    // What follows a chunk is never asked for: it changes nothing.
    house.chunks.replace(&second, longer);
    assert_same(&house.read("record").await.unwrap(), &bytes, "a longer chunk");
    for missing in [&first, &second] {
        house.chunks.delete(missing, &Consent::given()).await.unwrap();
        let got = house.get("record", Select::All).await;
        if missing == &first {
            assert!(matches!(got, Err(Error::Integrity)), "missing at once");
            house.chunks.replace(&first, honest[&first].clone());
        } else {
            let (read, error) = drain(got.unwrap_or_else(|error| panic!("{error}"))).await;
            assert!(matches!(error, Some(Error::Integrity)), "{error:?}");
            assert_same(&read, &bytes[..CHUNK], "the first chunk");
        }
    }
}

#[tokio::test]
async fn an_older_chunk_does_not_pass_for_a_newer_one() {
    let house = House::new().await;
    house.plan.record();
    house.put("record", &noise(1, 5_000)).await.unwrap();
    house.put("record", &noise(2, 5_000)).await.unwrap();
    house.plan.on(Call::Get, When::Always, Fault::Replay);
    let error = house.read("record").await.unwrap_err();
    assert!(matches!(error, Error::Integrity), "{error:?}");
}

#[tokio::test]
async fn a_transfer_that_breaks_off_is_taken_up_again() {
    let (house, bytes, _) = two_chunks().await;
    for after in [0, 10, 40, 65_592, 65_593, 5_000_000, usize::MAX] {
        house.plan.clear();
        house.plan.on(Call::Get, When::Nth(1), Fault::CutBody { after });
        let gets = house.plan.calls(Call::Get);
        assert_same(&house.read("record").await.unwrap(), &bytes, "a cut transfer");
        // Broken off after its last byte, there is nothing left to ask for.
        let resumed = if after == usize::MAX { 0 } else { 1 };
        assert_eq!(house.plan.calls(Call::Get) - gets, 2 + resumed, "cut after {after}");
    }
}

#[tokio::test]
async fn a_transfer_that_breaks_off_again_and_again_is_an_error() {
    let (house, bytes, _) = two_chunks().await;
    house.plan.on(Call::Get, When::Always, Fault::CutBody { after: 0 });
    let error = house.get("record", Select::All).await.err();
    assert!(matches!(error, Some(Error::ProviderUnavailable { .. })), "{error:?}");
    house.plan.clear();
    house.plan.on(Call::Get, When::Always, Fault::CutBody { after: 1_000_000 });
    let got = house.get("record", Select::All).await.unwrap();
    let (read, error) = drain(got).await;
    assert!(matches!(error, Some(Error::ProviderUnavailable { .. })), "{error:?}");
    assert!(read.len() > 3_000_000 && bytes.starts_with(&read), "{} bytes", read.len());
    // A chunk that vanishes between two attempts is an incident.
    house.plan.clear();
    house.plan.on(Call::Get, When::Nth(1), Fault::CutBody { after: 100_000 });
    let got = house.get("record", Select::All).await.unwrap();
    for name in house.chunks.snapshot().keys() {
        house.chunks.delete(name, &Consent::given()).await.unwrap();
    }
    let (read, error) = drain(got).await;
    assert!(matches!(error, Some(Error::Integrity)), "{error:?}");
    assert!(bytes.starts_with(&read));
}

#[tokio::test]
async fn a_write_that_the_provider_does_not_take_is_refused_and_leaves_nothing() {
    let house = House::new().await;
    house.put("record", b"before").await.unwrap();
    for (nth, fault) in [(1, Fault::Fail), (2, Fault::HalfPut), (2, Fault::LoseAnswer), (3, Fault::Refuse)] {
        house.plan.clear();
        house.plan.on(Call::Put, When::Nth(nth), fault.clone());
        let refused = house.put("record", &noise(1, 2 * CHUNK + 1)).await;
        assert!(matches!(refused, Err(Error::ProviderUnavailable { .. })), "{fault:?}: {refused:?}");
        house.plan.clear();
        assert_eq!(house.read("record").await.unwrap(), b"before");
        house.settles_at(1).await;
    }
    let wait = std::time::Duration::from_secs(7);
    house.plan.on(Call::Put, When::Nth(1), Fault::Throttle(wait));
    let refused = house.put("record", b"x").await;
    assert!(matches!(refused, Err(Error::ProviderUnavailable { retry_after, .. }) if retry_after == wait));
}

#[tokio::test]
async fn deletions_that_fail_stay_in_the_queue() {
    let house = House::new().await;
    house.put("record", &noise(1, CHUNK + 1)).await.unwrap();
    house.delete("record").await.unwrap();
    house.plan.on(Call::Delete, When::Nth(2), Fault::Fail);
    house.collect().await;
    assert_eq!(house.catalog.deletions_waiting().await.unwrap(), 1);
    house.settles_at(0).await;
}

#[tokio::test]
async fn deletions_that_fail_for_good_keep_none_behind_them_waiting() {
    let house = House::new().await;
    for number in 0..300 {
        house.put(&format!("held {number}"), &noise(number, 10)).await.unwrap();
    }
    for (held, _) in house.chunks.snapshot() {
        house.plan.on_chunk(Call::Delete, held, Fault::Refuse);
    }
    for number in 0..300 {
        house.delete(&format!("held {number}")).await.unwrap();
    }
    house.put("record", &noise(1, CHUNK + 1)).await.unwrap();
    house.delete("record").await.unwrap();
    house.collect().await;
    let queue = house.catalog.deletion_queue().await.unwrap();
    assert_eq!((queue.waiting, queue.failing), (300, 300));
    assert_eq!(house.chunks.snapshot().len(), 300, "what comes after those that fail is deleted");
}

#[tokio::test]
async fn while_a_provider_is_away_few_deletions_are_put_off_in_a_round() {
    let house = House::new().await;
    for number in 0..100 {
        house.put(&format!("{number}"), &noise(number, 10)).await.unwrap();
        house.delete(&format!("{number}")).await.unwrap();
    }
    house.plan.set_down(true);
    house.collect().await;
    assert_eq!(house.catalog.deletion_queue().await.unwrap().failing, 16);
    house.plan.set_down(false);
    house.settles_at(0).await;
}
