//! Every operation dropped after its nth poll, for every n until it ends by itself: each point at which a client can leave.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ecluse::gateway::{Select, Settings};
use futures::StreamExt as _;

use super::commits::{Scene, WRITES, Write};
use testing::in_process::*;

/// A future that is polled so many times and then dropped.
struct Polled<F> {
    future: Option<Pin<Box<F>>>,
    left: usize,
}

fn polled<F: Future>(future: F, times: usize) -> Polled<F> {
    Polled { future: Some(Box::pin(future)), left: times }
}

impl<F: Future> Future for Polled<F> {
    /// `None`: dropped before it ended.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = self.future.as_mut() else { return Poll::Ready(None) };
        match future.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => {
                self.left -= 1;
                if self.left > 0 {
                    return Poll::Pending;
                }
                self.future = None;
                Poll::Ready(None)
            }
        }
    }
}

/// Drops `write` after 1, 2, 3, … polls until one run ends by itself; gives how many points there were.
async fn drop_at_every_poll(write: Write, length: usize) -> usize {
    let settings = Settings { parallel_chunks: 2, ..settings() };
    let mut times = 1;
    loop {
        let house = House::sqlite(settings.clone()).await;
        let scene = Scene::set(&house, length).await;
        let ended = polled(scene.perform(&house, write), times).await;
        if let Some(outcome) = &ended {
            outcome.as_ref().unwrap();
        }
        let happened = scene.check(&house, write).await;
        if ended.is_some() {
            let unseen = matches!(write, Write::Begin | Write::Part | Write::PartCopy);
            assert!(happened || unseen, "{write:?}: acknowledged and absent");
            return times - 1;
        }
        times += 1;
        assert!(times < 2_000, "{write:?} does not end");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_is_dropped_at_any_of_its_polls_is_whole_or_absent_and_leaves_nothing() {
    for write in WRITES {
        let points = drop_at_every_poll(write, 3 * MIB).await;
        println!("{write:?}: {points} points");
        assert!(points > 0, "{write:?} was never dropped");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_of_several_chunks_that_is_dropped_at_any_of_its_polls_leaves_nothing() {
    for write in [Write::Put, Write::Part] {
        let points = drop_at_every_poll(write, 2 * CHUNK + 5).await;
        println!("{write:?}: {points} points");
        assert!(points > 4, "{write:?}: {points} points");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_is_dropped_at_any_of_its_polls_gives_its_memory_back() {
    let house = House::sqlite(settings()).await;
    let bytes = noise(1, 2 * CHUNK + 5);
    house.put("record", &bytes).await.unwrap();
    let mut times = 1;
    loop {
        let read = async {
            let mut got = house.get("record", Select::All).await.unwrap();
            let mut read = Vec::new();
            while let Some(piece) = got.body.next().await {
                read.extend_from_slice(&piece.unwrap());
                // Each piece a point of its own.
                tokio::task::yield_now().await;
            }
            read
        };
        let ended = polled(read, times).await;
        assert_eq!(house.gateway.budget().used_bytes(), 0, "after {times} polls");
        if let Some(read) = ended {
            assert_same(&read, &bytes, "read to its end");
            break;
        }
        times += 1;
    }
    assert!(times > 100, "only {times} points");
    house.settles_at(3).await;
}
