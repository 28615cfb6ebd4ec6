//! Objects that are made of more pieces than a body holds at a time.

use ecluse::gateway::Select;
use ecluse::model::{Conditions, RangeRequest, Timestamp};
use testing::in_process::*;

/// Two blocks, in turn: slices that do not join.
const SLICES: usize = 700;

/// The end of a grace that no test lives to see: 9999-01-01, in milliseconds.
const LATER: Timestamp = Timestamp(253_370_764_800_000);

/// An object of [`SLICES`] slices, and its bytes.
async fn sliced(house: &House, name: &str) -> Vec<u8> {
    let blocks = [noise(1, 64), noise(2, 65)];
    house.put_block(name, 1, body(&blocks[0])).await.unwrap();
    house.put_block(name, 2, body(&blocks[1])).await.unwrap();
    let turns: Vec<u32> = (0..SLICES).map(|at| 1 + u32::try_from(at % 2).unwrap()).collect();
    house.commit_blocks(name, &turns, Conditions::default()).await.unwrap();
    turns.iter().flat_map(|turn| blocks[usize::try_from(turn - 1).unwrap()].clone()).collect()
}

#[tokio::test]
async fn an_object_of_many_pieces_is_read_whole_and_in_ranges() {
    for house in [House::new().await, House::sqlite(settings()).await] {
        let bytes = sliced(&house, "study").await;
        assert_same(&house.read("study").await.unwrap(), &bytes, "the whole");
        for (first, last) in
            [(0, 0), (1, 40_000), (16_511, 16_512), (33_023, 33_030), (40_000, 45_149), (45_149, 45_149)]
        {
            let select = Select::Range(RangeRequest::Between { first, last });
            let (range, failure) = drain(house.get("study", select).await.unwrap()).await;
            assert!(failure.is_none(), "{failure:?}");
            let (first, last) = (usize::try_from(first).unwrap(), usize::try_from(last).unwrap());
            assert_same(&range, &bytes[first..=last], "a range");
        }
        assert_eq!(house.gateway.budget().used_bytes(), 0);
    }
}

#[tokio::test]
async fn a_body_that_has_begun_ends_with_its_own_bytes_whatever_becomes_of_the_object() {
    for house in [House::new().await, House::sqlite(settings()).await] {
        let bytes = sliced(&house, "study").await;
        let begun = house.get("study", Select::All).await.unwrap();
        // A page of keys, and what every body may have: nothing that grows with the object.
        assert!(
            (1..=512 * 1024).contains(&house.gateway.budget().used_bytes()),
            "{}",
            house.gateway.budget().used_bytes()
        );
        house.put("study", b"other").await.unwrap();
        while house.catalog.purge(Timestamp::now(), 1_000, LATER).await.unwrap() {}
        let (read, failure) = drain(begun).await;
        assert!(failure.is_none(), "{failure:?}");
        assert_same(&read, &bytes, "what was there when it began");
        assert_eq!(house.read("study").await.unwrap(), b"other");
        while house.catalog.purge(Timestamp::now(), 1_000, LATER).await.unwrap() {}
        assert_eq!(house.catalog.deletions_waiting().await.unwrap(), 2, "the two blocks");
        assert_eq!(house.catalog.audit().await.unwrap(), Vec::<String>::new());
    }
}
