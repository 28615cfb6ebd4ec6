//! A connection goes by turns: freely as long as its polls are short, after a long one with a
//! [seat](crate::gateway::Processor) for the next; and by strides.
//!
//! # Invariants
//! - A connection that waits for a seat does nothing meanwhile; one that has it gives it back after one poll.
//! - A stride moves at most [`STRIDE_BYTES`] through the socket.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::Executor;
use hyper_util::rt::TokioExecutor;

use super::connection::Activity;
use super::crowd::Standing;
use crate::gateway::{Asking, Processor, Seat};

/// Most bytes that one poll of a connection moves, in either direction: some 300 µs of opening, TLS and copying.
pub(super) const STRIDE_BYTES: usize = 256 * 1024;
/// After a poll that took longer, the next one needs a seat.
const LONG: Duration = Duration::from_micros(150);

/// How one connection, or one request of it under HTTP/2, goes by turns.
pub(super) struct Pace {
    processor: Processor,
    standing: Standing,
    /// The socket, if it is a connection.
    activity: Option<Arc<Activity>>,
    /// The last poll was a long one.
    long: bool,
    asking: Option<Asking>,
}

impl Pace {
    pub(super) fn new(processor: Processor, standing: Standing, activity: Option<Arc<Activity>>) -> Self {
        Self { processor, standing, activity, long: false, asking: None }
    }

    /// Waits for a seat, if one is needed. Then the socket may move a stride.
    fn poll_begin(&mut self, cx: &Context<'_>) -> Poll<Option<Seat>> {
        let mut seat = None;
        if self.long {
            let asking = || Asking::new(self.processor.clone(), self.standing.owner());
            seat = Some(ready!(self.asking.get_or_insert_with(asking).poll(cx)));
            self.asking = None;
        }
        if let Some(activity) = &self.activity {
            activity.begin_stride();
        }
        Poll::Ready(seat)
    }
}

/// A future that goes by turns.
pub(super) struct Paced<F> {
    pub(super) inner: F,
    pace: Pace,
}

impl<F> Paced<F> {
    pub(super) fn new(inner: F, pace: Pace) -> Self {
        Self { inner, pace }
    }
}

impl<F: Future + Unpin> Future for Paced<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _seat = ready!(self.pace.poll_begin(cx));
        let began = Instant::now();
        let polled = Pin::new(&mut self.inner).poll(cx);
        self.pace.long = began.elapsed() >= LONG;
        polled
    }
}

/// Runs the requests of an HTTP/2 connection, each by turns.
#[derive(Clone)]
pub(super) struct PacedExecutor {
    pub(super) processor: Processor,
    pub(super) standing: Standing,
}

impl<F> Executor<F> for PacedExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        let pace = Pace::new(self.processor.clone(), self.standing.clone(), None);
        TokioExecutor::new().execute(Paced::new(Box::pin(future), pace));
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::crowd::Crowd;
    use super::*;

    const BULK: usize = 32;

    /// A short piece of work of one address wakes among 32 connections of another, each of which works long whenever it
    /// is polled and never rests: how many of their polls pass before its own?
    async fn polls_between(paced: bool) -> usize {
        let processor = Processor::with_seats(1);
        let crowd = Crowd::new(100, 100);
        let standing = |last| crowd.enter(IpAddr::from(Ipv4Addr::new(10, 0, 0, last))).unwrap();
        let polls = Arc::new(AtomicUsize::new(0));
        let mut bulk = tokio::task::JoinSet::new();
        for _ in 0..BULK {
            let polls = Arc::clone(&polls);
            let work = Box::pin(std::future::poll_fn(move |cx| {
                polls.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(2 * LONG);
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            }));
            match paced {
                true => bulk.spawn(Paced::new(work, Pace::new(processor.clone(), standing(1), None))),
                false => bulk.spawn(work),
            };
        }
        // All have worked once, and are known for it.
        while polls.load(Ordering::Relaxed) < 2 * BULK {
            tokio::task::yield_now().await;
        }
        let short = tokio::spawn(async move {
            let mut most = 0;
            for _ in 0..20 {
                let before = polls.load(Ordering::Relaxed);
                to_the_end_of_the_queue().await;
                most = most.max(polls.load(Ordering::Relaxed) - before);
            }
            most
        });
        short.await.unwrap()
    }

    /// Unlike tokio's, which waits until the runtime looks for what arrived.
    async fn to_the_end_of_the_queue() {
        let mut polled = false;
        std::future::poll_fn(|cx| {
            if std::mem::replace(&mut polled, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    #[tokio::test]
    async fn short_work_waits_for_one_stride_of_a_crowd_and_not_for_the_crowd() {
        assert!(polls_between(false).await + 2 >= BULK, "the runtime alone goes round all of them");
        let polls = polls_between(true).await;
        assert!(polls <= 2, "{polls} strides went before it");
    }
}
