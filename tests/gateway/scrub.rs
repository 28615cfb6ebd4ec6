//! Every chunk is looked at: what a provider lost or changed is known before anybody asks for it.

use bytes::Bytes;
use ecluse::gateway::{Settings, jobs};
use ecluse::model::{ChunkName, ProviderName};
use ecluse::store::{Call, Fault, When};

use testing::in_process::*;

fn abroad() -> ProviderName {
    ProviderName::parse("abroad").unwrap()
}

/// Parts that were looked at, and how many have a fault.
async fn look(house: &House, sample: u8) -> (u64, u64) {
    jobs::scrub_now(&house.gateway, &abroad(), sample).await.unwrap()
}

/// The chunks of an object that was just written: the longest first.
async fn put(house: &House, name: &str, bytes: &[u8]) -> Vec<(ChunkName, Bytes)> {
    let before = house.chunks.snapshot();
    house.put(name, bytes).await.unwrap();
    let mut new: Vec<_> = house.chunks.snapshot().into_iter().filter(|(name, _)| !before.contains_key(name)).collect();
    new.sort_by_key(|(_, sealed)| std::cmp::Reverse(sealed.len()));
    new
}

#[tokio::test]
async fn a_lost_a_cut_and_a_changed_chunk_are_found_once_and_forgotten_when_they_are_whole_again() {
    for house in [House::new().await, House::sqlite(settings()).await] {
        for number in 0..40 {
            house.put(&format!("{number}"), &noise(number, 3_000)).await.unwrap();
        }
        assert_eq!(look(&house, 100).await, (40, 0), "all is well");
        let lost = put(&house, "lost", &noise(50, CHUNK + 100_000)).await;
        let cut = put(&house, "cut", &noise(51, 5_000)).await;
        let longer = put(&house, "longer", &noise(52, 5_000)).await;
        let changed = put(&house, "changed", &noise(53, 200_000)).await;
        house.plan.on_chunk(Call::Exists, lost[1].0.clone(), Fault::Hide);
        house.chunks.replace(&cut[0].0, cut[0].1.slice(..cut[0].1.len() - 1));
        house.chunks.replace(&longer[0].0, [&longer[0].1[..], b"x"].concat().into());
        let mut other = changed[0].1.to_vec();
        other[150_000] ^= 1;
        house.chunks.replace(&changed[0].0, other.into());
        assert_eq!(look(&house, 0).await, (44, 3), "a length says nothing of bytes");
        assert_eq!(look(&house, 100).await, (44, 4));
        assert_eq!(look(&house, 100).await, (44, 4), "found again, and no incident again");

        house.plan.clear();
        for (name, sealed) in [&cut[0], &longer[0]] {
            house.chunks.replace(name, sealed.clone());
        }
        house.delete("changed").await.unwrap();
        assert_eq!(look(&house, 100).await, (43, 0), "what is whole again and what was deleted has no fault");
    }
}

#[tokio::test]
async fn a_provider_that_is_away_is_no_finding_and_a_restart_goes_on() {
    let house = House::sqlite(settings()).await;
    for number in 0..40 {
        house.put(&format!("{number}"), &noise(number, 3_000)).await.unwrap();
    }
    house.plan.on(Call::Exists, When::Nth(30), Fault::Fail);
    jobs::scrub_now(&house.gateway, &abroad(), 0).await.unwrap_err();
    let round = house.catalog.scrub_round(&abroad()).await.unwrap().unwrap();
    assert_eq!((round.looked, round.parts, round.whole), (16, 40, None), "the batch that failed does not count");
    let rest = house.catalog.parts_at(&abroad(), round.after, 100).await.unwrap();
    assert_eq!(rest.len(), 24, "where it goes on");
    assert_eq!(look(&house, 0).await, (40, 0));
    assert!(house.catalog.scrub_round(&abroad()).await.unwrap().unwrap().whole.is_some());
}

#[tokio::test]
async fn a_new_part_whose_chunks_may_be_seen_late_is_left_for_the_next_round() {
    let house = House::with(Settings { late: std::time::Duration::from_secs(300), ..settings() }).await;
    house.put("new", b"new").await.unwrap();
    house.plan.on(Call::Exists, When::Always, Fault::Hide);
    assert_eq!(look(&house, 100).await, (1, 0));
}
