//! Turns for the processor: what works long takes a seat for each stride of its work, by client.
//!
//! The runtime goes round its tasks one by one, and the system round its threads, so a client with 64 connections would
//! have 64 parts of the machine. There are as many seats as threads of the runtime: bulk alone uses the whole machine, and
//! what waits for a seat stands neither in the runtime's queue nor in the system's, where a short request would stand behind
//! it. Short work takes no seat. A seat that is free goes to the client that has had least of the processor, then to the
//! oldest of its strides. Source of that order: Goyal, Vin and Cheng, "Start-time fair queueing", 1996.
//!
//! # Invariants
//! - Never more seats are taken than there are, and nobody waits while one is free.
//! - Who has a seat gives it back after one stride, and waits for nothing meanwhile but the processor.
//! - Only tasks ask. A future within a connection would be given a seat that it cannot use before its connection has one too,
//!   and connections enough that hold one so and wait for another would wait for ever.
//! - A client that comes after a pause has no claim to what it did not use.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::fair::Payer;
use crate::model::ClientId;

/// Above so many owners, those are forgotten that wait for nothing.
const REMEMBERED: usize = 1024;

/// On whose account the processor works.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    /// Whoever it is, at that address.
    Stranger(IpAddr),
    /// A client that has proved who it is.
    Client(ClientId),
    /// The gateway itself: its own work.
    Gateway,
}

impl From<&Payer> for Owner {
    fn from(payer: &Payer) -> Self {
        payer.client.clone().map_or(Self::Gateway, Self::Client)
    }
}

/// The seats of this process. Cheap to clone.
#[derive(Clone)]
pub struct Processor(Arc<Mutex<State>>);

struct State {
    free: usize,
    lines: HashMap<Owner, Line>,
    /// The time used by whoever was seated last, when it was: who comes anew begins there.
    now: Duration,
}

/// Those of one owner that wait, and what it has used.
#[derive(Default)]
struct Line {
    used: Duration,
    waiting: VecDeque<Arc<Ticket>>,
}

/// One that waits.
struct Ticket {
    seated: AtomicBool,
    waker: Mutex<Waker>,
}

impl Processor {
    /// The seats of this process: one for each core that it may use, as the runtime has threads.
    pub fn of_process() -> Self {
        static SEATS: LazyLock<Processor> =
            LazyLock::new(|| Processor::with_seats(std::thread::available_parallelism().map_or(1, NonZero::get)));
        SEATS.clone()
    }

    /// So many seats.
    pub fn with_seats(seats: usize) -> Self {
        let state = State { free: seats.max(1), lines: HashMap::new(), now: Duration::ZERO };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Does `work`, which takes long, on a thread of its own, when it is the owner's turn. It is done even if nobody waits for
    /// its outcome any more.
    pub(in crate::gateway) fn run<T: Send + 'static>(
        &self,
        owner: Owner,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<Result<T, JoinError>> {
        let mut asking = Asking::new(self.clone(), owner);
        tokio::spawn(async move {
            let seat = std::future::poll_fn(|cx| asking.poll(cx)).await;
            let working = spawn_blocking(move || {
                let _seat = seat;
                work()
            });
            working.await
        })
    }

    /// Waits for `work`, which takes a thread of its own for long, in a task that begins with it when it is the owner's turn.
    pub(in crate::gateway) fn wait_for<T: Send + 'static>(
        &self,
        owner: Owner,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let mut asking = Asking::new(self.clone(), owner);
        tokio::spawn(async move {
            let _seat = std::future::poll_fn(|cx| asking.poll(cx)).await;
            work.await
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A ticket in the owner's line, which may be seated at once.
    fn ask(&self, owner: &Owner, waker: &Waker) -> Arc<Ticket> {
        let mut state = self.state();
        let now = state.now;
        if state.lines.len() > REMEMBERED && !state.lines.contains_key(owner) {
            state.lines.retain(|_, line| !line.waiting.is_empty());
        }
        let ticket = Arc::new(Ticket { seated: AtomicBool::new(false), waker: Mutex::new(waker.clone()) });
        let line = state.lines.entry(owner.clone()).or_default();
        line.used = line.used.max(now);
        line.waiting.push_back(Arc::clone(&ticket));
        let next = if state.free > 0 { state.next() } else { None };
        drop(state);
        if let Some(next) = next {
            next.wake();
        }
        ticket
    }

    /// The owner used its seat for so long; the next one has it.
    fn give_back(&self, owner: &Owner, used: Duration) {
        let next = {
            let mut state = self.state();
            if let Some(line) = state.lines.get_mut(owner) {
                line.used = line.used.saturating_add(used);
            }
            state.free += 1;
            state.next()
        };
        if let Some(ticket) = next {
            ticket.wake();
        }
    }

    /// Whoever held the ticket is gone.
    fn leave(&self, owner: &Owner, ticket: &Arc<Ticket>) {
        let seated = {
            let mut state = self.state();
            if let Some(line) = state.lines.get_mut(owner) {
                line.waiting.retain(|other| !Arc::ptr_eq(other, ticket));
            }
            ticket.seated.load(Ordering::Acquire)
        };
        if seated {
            self.give_back(owner, Duration::ZERO);
        }
    }
}

impl State {
    /// Takes a seat for `owner`.
    fn seat(&mut self, owner: &Owner) {
        self.free -= 1;
        if let Some(line) = self.lines.get(owner) {
            self.now = self.now.max(line.used);
        }
    }

    /// Seats the next, if there is one.
    fn next(&mut self) -> Option<Arc<Ticket>> {
        let waiting = self.lines.iter().filter(|(_, line)| !line.waiting.is_empty());
        let owner = waiting.min_by_key(|(_, line)| line.used)?.0.clone();
        let ticket = self.lines.get_mut(&owner)?.waiting.pop_front()?;
        self.seat(&owner);
        ticket.seated.store(true, Ordering::Release);
        Some(ticket)
    }
}

impl Ticket {
    fn wake(&self) {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
    }

    fn is_seated(&self) -> bool {
        self.seated.load(Ordering::Acquire)
    }

    /// Whether it is seated; if not, `waker` is told when it is.
    fn poll(&self, waker: &Waker) -> bool {
        if self.is_seated() {
            return true;
        }
        self.waker.lock().unwrap_or_else(PoisonError::into_inner).clone_from(waker);
        // Seated in between: the waker that was told is the old one.
        self.is_seated()
    }
}

/// Asks for a seat, and is in its owner's line until it has one or is dropped.
pub struct Asking {
    processor: Processor,
    owner: Owner,
    ticket: Option<Arc<Ticket>>,
}

/// A seat, given back on drop. What passed meanwhile counts as used.
pub struct Seat {
    processor: Processor,
    owner: Owner,
    since: Instant,
}

impl Asking {
    /// Nothing is asked before the first poll.
    pub fn new(processor: Processor, owner: Owner) -> Self {
        Self { processor, owner, ticket: None }
    }

    /// The seat, once there is one. Not to be polled again after that.
    ///
    /// The first poll asks and has none yet, even if one is free: whoever is seated goes once through the runtime's queue. What
    /// stands in that queue asks meanwhile and waits in its line, and what is short is served.
    pub fn poll(&mut self, cx: &Context<'_>) -> Poll<Seat> {
        let Some(ticket) = &self.ticket else {
            self.ticket = Some(self.processor.ask(&self.owner, cx.waker()));
            return Poll::Pending;
        };
        if !ticket.poll(cx.waker()) {
            return Poll::Pending;
        }
        self.ticket = None;
        Poll::Ready(Seat { processor: self.processor.clone(), owner: self.owner.clone(), since: Instant::now() })
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.processor.leave(&self.owner, &ticket);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.processor.give_back(&self.owner, self.since.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use futures::task::noop_waker_ref;

    use super::*;

    fn client(name: &str) -> Owner {
        Owner::Client(ClientId::parse(name).unwrap())
    }

    fn asks(processor: &Processor, owner: &Owner) -> Asking {
        Asking::new(processor.clone(), owner.clone())
    }

    fn poll(asking: &mut Asking) -> Poll<Seat> {
        let cx = Context::from_waker(noop_waker_ref());
        if asking.ticket.is_none() {
            assert!(asking.poll(&cx).is_pending(), "not before it went through the queue");
        }
        asking.poll(&cx)
    }

    fn use_for(seat: Seat, used: Duration) {
        let processor = seat.processor.clone();
        let owner = seat.owner.clone();
        // As `Seat::drop` does, with a time that is known.
        std::mem::forget(seat);
        processor.give_back(&owner, used);
    }

    fn seat(polled: Poll<Seat>) -> Option<Seat> {
        match polled {
            Poll::Ready(seat) => Some(seat),
            Poll::Pending => None,
        }
    }

    const STRIDE: Duration = Duration::from_millis(1);

    #[test]
    fn a_free_seat_goes_to_who_had_least_and_then_to_the_oldest() {
        let processor = Processor::with_seats(1);
        let (greedy, polite) = (client("greedy"), client("polite"));
        let first = seat(poll(&mut asks(&processor, &greedy))).unwrap();
        let mut many: Vec<Asking> = (0..8).map(|_| asks(&processor, &greedy)).collect();
        assert!(many.iter_mut().all(|asking| poll(asking).is_pending()));
        let mut one = asks(&processor, &polite);
        assert!(poll(&mut one).is_pending());
        use_for(first, STRIDE);
        assert!(many.iter_mut().all(|asking| poll(asking).is_pending()), "the polite one came last and is next");
        use_for(seat(poll(&mut one)).unwrap(), 2 * STRIDE);
        for asking in &mut many {
            use_for(seat(poll(asking)).unwrap(), STRIDE);
        }
        assert_eq!(processor.state().free, 1);
    }

    #[test]
    fn who_was_away_has_no_claim_to_it_and_the_busy_share_alike() {
        let processor = Processor::with_seats(1);
        let (early, late) = (client("early"), client("late"));
        for _ in 0..100 {
            use_for(seat(poll(&mut asks(&processor, &early))).unwrap(), STRIDE);
        }
        let mut order = Vec::new();
        let mut held = seat(poll(&mut asks(&processor, &early)));
        let mut waiting: Vec<(&str, Asking)> = Vec::new();
        for n in 0..20 {
            let (name, owner) = if n % 2 == 0 { ("late", &late) } else { ("early", &early) };
            let mut asking = asks(&processor, owner);
            assert!(poll(&mut asking).is_pending());
            waiting.push((name, asking));
        }
        while let Some(seated) = held.take() {
            use_for(seated, STRIDE);
            for (name, asking) in &mut waiting {
                if asking.ticket.is_some()
                    && let Some(next) = seat(poll(asking))
                {
                    order.push(*name);
                    held = Some(next);
                    break;
                }
            }
        }
        assert_eq!(order.len(), 20);
        let first = order[..6].iter().filter(|name| **name == "late").count();
        assert!((3..=4).contains(&first), "{order:?}");
    }

    #[test]
    fn who_leaves_takes_no_seat_along() {
        let processor = Processor::with_seats(2);
        let one = client("one");
        let seats: Vec<Seat> = (0..2).filter_map(|_| seat(poll(&mut asks(&processor, &one)))).collect();
        assert_eq!(seats.len(), 2);
        let (mut leaves, mut seated, mut stays) =
            (asks(&processor, &one), asks(&processor, &one), asks(&processor, &one));
        for asking in [&mut leaves, &mut seated, &mut stays] {
            assert!(poll(asking).is_pending());
        }
        drop(leaves);
        drop(seats);
        // Seated already, never polled again.
        drop(seated);
        drop(seat(poll(&mut stays)).unwrap());
        assert_eq!(processor.state().free, 2);
    }

    #[test]
    fn owners_that_wait_for_nothing_are_forgotten() {
        let processor = Processor::with_seats(1);
        for n in 0..10_000_u32 {
            let owner = Owner::Stranger(std::net::Ipv4Addr::from(n).into());
            use_for(seat(poll(&mut asks(&processor, &owner))).unwrap(), STRIDE);
        }
        assert!(processor.state().lines.len() <= REMEMBERED + 1, "{}", processor.state().lines.len());
    }

    #[tokio::test]
    async fn work_waits_for_a_seat_and_gives_it_back_even_in_a_panic() {
        let processor = Processor::with_seats(1);
        let held = seat(poll(&mut asks(&processor, &client("one")))).unwrap();
        let mut work = processor.run(client("two"), || 2);
        tokio::task::yield_now().await;
        assert!((&mut work).now_or_never().is_none());
        drop(held);
        assert_eq!(work.await.unwrap().unwrap(), 2);
        assert!(processor.run(client("two"), || panic!("a piece of work")).await.unwrap().is_err());
        assert_eq!(processor.state().free, 1);
    }
}
