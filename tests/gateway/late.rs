//! A provider that shows what it stored a moment later: a new chunk that is not seen is late, an old one is lost.

use std::time::Duration;

use ecluse::gateway::{Error, Settings};
use ecluse::store::{Call, Fault, When};

use testing::in_process::*;

fn patient() -> Settings {
    Settings { late: Duration::from_secs(300), ..settings() }
}

#[tokio::test]
async fn a_new_chunk_that_is_seen_late_is_waited_for_and_is_no_incident() {
    let house = House::sqlite(patient()).await;
    let bytes = noise(1, CHUNK + 200_000);
    house.put("record", &bytes).await.unwrap();
    for unseen in [1, 2] {
        house.plan.on(Call::Get, When::Nth(unseen), Fault::Hide);
    }
    assert_same(&house.read("record").await.unwrap(), &bytes, "the first chunk was late");
    house.plan.clear();
    house.plan.on(Call::Get, When::Nth(2), Fault::Hide);
    assert_same(&house.read("record").await.unwrap(), &bytes, "the second chunk was late");

    house.plan.clear();
    house.plan.on(Call::Get, When::Always, Fault::Hide);
    let refused = house.read("record").await;
    assert!(matches!(refused, Err(Error::ProviderUnavailable { .. })), "{refused:?}");
    house.plan.clear();
    assert_same(&house.read("record").await.unwrap(), &bytes, "it was there all the time");
}

#[tokio::test]
async fn a_chunk_that_is_missing_later_is_an_incident() {
    let house = House::sqlite(patient()).await;
    house.put("record", &noise(1, 10)).await.unwrap();
    let catalog = rusqlite::Connection::open(catalog_path(house.folder.path())).unwrap();
    let before = ecluse::model::Timestamp::now().0 - 301_000;
    assert_eq!(catalog.execute("UPDATE part SET stored = ?1", [before]).unwrap(), 1);
    house.plan.on(Call::Get, When::Always, Fault::Hide);
    let refused = house.read("record").await;
    assert!(matches!(refused, Err(Error::Integrity)), "{refused:?}");
    assert_eq!(house.plan.calls(Call::Get), 1, "it is not asked for again");
}
