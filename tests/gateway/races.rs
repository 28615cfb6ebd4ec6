//! Conditions, decided where they cannot be raced.

use ecluse::gateway::{Body, BodyError, DeleteObject, Error};
use ecluse::model::{Conditions, ETag, EtagCondition};
use futures::StreamExt as _;
use futures::future::join_all;

use testing::in_process::*;

pub fn create_only() -> Conditions {
    Conditions { if_none_match: Some(EtagCondition::Any), ..Conditions::default() }
}

fn only_over(etag: &ETag) -> Conditions {
    Conditions { if_match: Some(EtagCondition::OneOf(vec![etag.clone()])), ..Conditions::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_create_one_wins_and_the_others_leave_nothing() {
    for house in [House::new().await, House::sqlite(settings()).await] {
        let bodies: Vec<_> = (0..24).map(|n| noise(n, 50_000)).collect();
        let outcomes =
            join_all(bodies.iter().map(|bytes| house.put_if("one", patient(bytes, 10_000), create_only()))).await;
        let won: Vec<_> = outcomes.iter().enumerate().filter(|(_, outcome)| outcome.is_ok()).map(|(n, _)| n).collect();
        assert_eq!(won.len(), 1, "{won:?}");
        assert!(outcomes.iter().flat_map(|o| o.as_ref().err()).all(|e| matches!(e, Error::PreconditionFailed)));
        assert_same(&house.read("one").await.unwrap(), &bodies[won[0]], "the winner");
        house.settles_at(1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_replace_the_same_version_one_wins() {
    let house = House::new().await;
    let mut current = house.put("one", b"first").await.unwrap();
    for round in 0..5 {
        let bodies: Vec<_> = (0..8).map(|n| noise(round * 100 + n, 20_000)).collect();
        let over = only_over(&current.etag);
        let outcomes =
            join_all(bodies.iter().map(|bytes| house.put_if("one", patient(bytes, 10_000), over.clone()))).await;
        let won: Vec<_> = outcomes.iter().enumerate().filter(|(_, outcome)| outcome.is_ok()).map(|(n, _)| n).collect();
        assert_eq!(won.len(), 1, "{won:?}");
        current = house.head("one").await.unwrap();
        assert_eq!(outcomes[won[0]].as_ref().unwrap().version, current);
        assert_same(&house.read("one").await.unwrap(), &bodies[won[0]], "the winner");
    }
    house.settles_at(1).await;
}

#[tokio::test]
async fn what_can_be_refused_is_refused_before_the_body_is_read() {
    let house = House::new().await;
    house.put("there", b"x").await.unwrap();
    let untouchable = || {
        let stream = futures::stream::poll_fn(|_| -> std::task::Poll<Option<Result<bytes::Bytes, BodyError>>> {
            panic!("the body was read")
        });
        Body { stream: stream.boxed(), ..body(b"x") }
    };
    let refused = house.put_if("there", untouchable(), create_only()).await;
    assert!(matches!(refused, Err(Error::PreconditionFailed)), "{refused:?}");
    let refused = house.put_if("absent", untouchable(), only_over(&ETag::md5([0; 16]))).await;
    assert!(matches!(refused, Err(Error::NothingToMatch)), "{refused:?}");
    let op = ecluse::gateway::PutObject {
        bucket: bucket("no-such-bucket"),
        key: key("x"),
        metadata: ecluse::model::Metadata::default(),
        conditions: Conditions::default(),
    };
    let refused = house.gateway.put_object(house.may(op), untouchable()).await;
    assert!(matches!(refused, Err(Error::NoSuchBucket)), "{refused:?}");
}

#[tokio::test]
async fn a_conditional_delete_spares_another_version() {
    let house = House::new().await;
    let old = house.put("record", b"old").await.unwrap();
    let new = house.put("record", b"new").await.unwrap();
    let delete = async |etag| {
        let op = DeleteObject { bucket: bucket(BUCKET), key: key("record"), conditions: only_over(etag) };
        house.gateway.delete_object(house.may(op)).await
    };
    assert!(matches!(delete(&old.etag).await, Err(Error::PreconditionFailed)));
    assert_eq!(house.read("record").await.unwrap(), b"new");
    delete(&new.etag).await.unwrap();
    house.delete("record").await.unwrap();
    house.settles_at(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_an_object_that_is_replaced_all_the_time_see_one_version_each() {
    let grace = std::time::Duration::from_secs(60);
    let house = House::with(ecluse::gateway::Settings { grace, ..settings() }).await;
    let versions: Vec<_> = (0..20_u8).map(|n| vec![n; 150_000 + usize::from(n)]).collect();
    house.put("busy", &versions[0]).await.unwrap();
    let write = async {
        for version in &versions {
            house.put_if("busy", patient(version, 10_000), Conditions::default()).await.unwrap();
            house.collect().await;
        }
    };
    let read = async {
        for _ in 0..40 {
            let got = house.get("busy", ecluse::gateway::Select::All).await.unwrap();
            let length = got.version.length as usize;
            tokio::task::yield_now().await;
            let (bytes, error) = drain(got).await;
            assert!(error.is_none(), "{error:?}");
            assert!(bytes == versions[length - 150_000], "bytes of more than one version");
        }
    };
    futures::join!(write, read);
}
