//! Rules for the pages of other origins, as browsers ask for them, who are nobody yet: what that costs is bounded.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use ecluse::gateway::{Error, ReadCors, SetCors};
use ecluse::model::{BucketRef, CorsRule, CorsTarget};
use futures::FutureExt as _;
use testing::in_process::*;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

fn rules(origin: &str) -> Vec<CorsRule> {
    vec![CorsRule { origins: vec![origin.into()], methods: vec!["GET".into()], ..CorsRule::default() }]
}

async fn set(house: &House, of: CorsTarget, rules: Vec<CorsRule>) {
    house.gateway.set_cors(house.pacs.authorize(SetCors { of, rules }).unwrap()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn look_ups_for_strangers_are_few_at_once_and_one_address_does_not_keep_another_out() {
    let (house, faults) = House::faulty(settings()).await;
    set(&house, CorsTarget::Bucket(bucket(BUCKET)), rules("https://viewer.example")).await;
    let ask = |from: IpAddr| {
        let gateway = Arc::clone(&house.gateway);
        tokio::spawn(async move { gateway.cors_of_name(&bucket(BUCKET), from).await })
    };
    // The catalog is slow. Whoever asks again and again fills its own places only.
    faults.set_mute(true);
    let flood: Vec<_> = (0..1000).map(|_| ask(HERE)).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let turned_away = flood.iter().filter(|asked| asked.is_finished()).count();
    assert_eq!(turned_away, 1000 - 128, "the others wait, or are under way");
    let other = ask(THERE);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!other.is_finished());
    // Whoever is known does not wait for strangers.
    let own = house.gateway.cors_of_bucket(BucketRef { tenant: tenant("chum"), name: bucket(BUCKET) });
    assert_eq!(own.await.unwrap().len(), 1);
    faults.clear();
    faults.release();
    assert_eq!(other.await.unwrap().unwrap().len(), 1);
    let mut answered = 0;
    for asked in flood {
        match asked.await.unwrap() {
            Ok(found) => answered += found.len(),
            Err(error) => assert!(matches!(error, Error::Busy), "{error:?}"),
        }
    }
    assert_eq!(answered, 128);
    assert_eq!(ask(HERE).await.unwrap().unwrap().len(), 1, "all places are free again");
}

#[tokio::test]
async fn rules_of_accounts_are_read_once_and_again_when_they_change() {
    let house = House::new().await;
    let all = async || house.gateway.cors_of_accounts(HERE).await.unwrap().as_ref().clone();
    let own = async || house.gateway.cors_of_account(&tenant("chum")).await.unwrap().as_ref().clone();
    assert_eq!((all().await, own().await), (vec![], vec![]));
    for origin in ["https://a.example", "https://b.example"] {
        set(&house, CorsTarget::Account, rules(origin)).await;
        assert_eq!((all().await, own().await), (vec![rules(origin)], rules(origin)));
    }
    // Whoever leaves while the rules change leaves no old ones behind.
    let op = house.pacs.authorize(SetCors { of: CorsTarget::Account, rules: rules("https://c.example") }).unwrap();
    drop(Box::pin(house.gateway.set_cors(op)).now_or_never());
    tokio::time::timeout(Duration::from_secs(10), async {
        while own().await != rules("https://c.example") {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(all().await, vec![rules("https://c.example")]);
    // Whatever browsers ask beforehand from now on, the catalog is not read for it.
    house.catalog.close().await;
    assert_eq!((all().await, own().await), (vec![rules("https://c.example")], rules("https://c.example")));
    let op = house.pacs.authorize(ReadCors { of: CorsTarget::Account }).unwrap();
    assert!(house.gateway.read_cors(op).await.is_err(), "the catalog is closed");
}
