//! Stops calling a provider that keeps failing, and finds out by itself when it is back.
//!
//! # Invariants
//! - Closed: every call passes. Open: none does. Half open: one does, and its outcome decides.
//! - A half-open call that is cancelled decides nothing; the next call takes its place.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// When a breaker opens and for how long.
#[derive(Debug, Clone)]
pub struct BreakerSettings {
    /// How many failures in a row open it.
    pub failures: u32,
    /// Within which time they must fall, counted from the first.
    pub window: Duration,
    /// How long it stays open before one call may try.
    pub open_for: Duration,
}

impl Default for BreakerSettings {
    /// 8 failures in a row within 30 s; open for 5 s.
    fn default() -> Self {
        Self { failures: 8, window: Duration::from_secs(30), open_for: Duration::from_secs(5) }
    }
}

#[derive(Debug)]
pub(super) struct Breaker {
    settings: BreakerSettings,
    state: Mutex<State>,
    openings: AtomicU64,
}

#[derive(Debug)]
enum State {
    Closed { failures: u32, since: Option<Instant> },
    Open { until: Instant },
    HalfOpen { trying: bool },
}

/// Leave to make one call.
#[derive(Debug)]
pub(super) struct Admission {
    breaker: Arc<Breaker>,
    deciding: bool,
}

impl Breaker {
    pub(super) fn new(settings: BreakerSettings) -> Arc<Self> {
        let state = Mutex::new(State::Closed { failures: 0, since: None });
        Arc::new(Self { settings, state, openings: AtomicU64::new(0) })
    }

    /// How often it has opened.
    pub(super) fn openings(&self) -> u64 {
        self.openings.load(Ordering::Acquire)
    }

    /// Leave to call, or how long to stay away.
    pub(super) fn admit(self: &Arc<Self>) -> Result<Admission, Duration> {
        let mut state = self.state();
        let now = Instant::now();
        let deciding = match &mut *state {
            State::Closed { .. } => false,
            State::Open { until } if now < *until => return Err(*until - now),
            State::Open { .. } => {
                *state = State::HalfOpen { trying: true };
                true
            }
            State::HalfOpen { trying: true } => return Err(HALF_OPEN_WAIT),
            State::HalfOpen { trying } => {
                *trying = true;
                true
            }
        };
        Ok(Admission { breaker: Arc::clone(self), deciding })
    }

    /// Whether calls are being turned away.
    pub(super) fn is_open(&self) -> bool {
        !matches!(*self.state(), State::Closed { .. })
    }

    fn close(&self) {
        *self.state() = State::Closed { failures: 0, since: None };
    }

    fn succeeded(&self) {
        if let State::Closed { failures, since } = &mut *self.state() {
            (*failures, *since) = (0, None);
        }
    }

    fn failed(&self, deciding: bool) {
        let now = Instant::now();
        let mut state = self.state();
        let opens = match &mut *state {
            State::Closed { failures, since } => {
                let first = since.filter(|first| now - *first <= self.settings.window);
                *failures = if first.is_some() { failures.saturating_add(1) } else { 1 };
                *since = first.or(Some(now));
                *failures >= self.settings.failures
            }
            State::HalfOpen { .. } => deciding,
            // A call that began before it opened.
            State::Open { .. } => false,
        };
        if opens {
            *state = State::Open { until: now + self.settings.open_for };
            self.openings.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Admission {
    /// The provider has begun to answer. That is enough to close a half-open breaker; not to forgive earlier failures.
    pub(super) fn answered(&mut self) {
        if std::mem::take(&mut self.deciding) {
            self.breaker.close();
        }
    }

    /// The call has done all it should.
    pub(super) fn succeeded(mut self) {
        self.answered();
        self.breaker.succeeded();
    }

    /// The provider was away, overloaded, too late or broke off.
    pub(super) fn failed(mut self) {
        self.breaker.failed(std::mem::take(&mut self.deciding));
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if self.deciding
            && let State::HalfOpen { trying } = &mut *self.breaker.state()
        {
            *trying = false;
        }
    }
}

/// What a caller is told while another one finds out.
const HALF_OPEN_WAIT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Arc<Breaker> {
        Breaker::new(BreakerSettings { failures: 3, window: Duration::from_secs(10), open_for: Duration::from_secs(5) })
    }

    fn fail(breaker: &Arc<Breaker>, times: u32) {
        for _ in 0..times {
            breaker.admit().unwrap().failed();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_failures_in_a_row_and_one_call_decides() {
        let breaker = breaker();
        fail(&breaker, 2);
        breaker.admit().unwrap().succeeded();
        fail(&breaker, 2);
        assert!(!breaker.is_open(), "a success in between forgives");
        fail(&breaker, 1);
        assert!(breaker.admit().unwrap_err() <= Duration::from_secs(5));

        tokio::time::advance(Duration::from_secs(5)).await;
        let trial = breaker.admit().unwrap();
        assert!(breaker.admit().is_err(), "only one call may try");
        trial.failed();
        assert!(breaker.admit().is_err(), "the trial failed");

        tokio::time::advance(Duration::from_secs(5)).await;
        breaker.admit().unwrap().succeeded();
        assert!(!breaker.is_open());
        fail(&breaker, 2);
        assert!(!breaker.is_open(), "counting begins again");
    }

    #[tokio::test(start_paused = true)]
    async fn failures_far_apart_do_not_open_it() {
        let breaker = breaker();
        for _ in 0..9 {
            fail(&breaker, 1);
            tokio::time::advance(Duration::from_secs(6)).await;
        }
        assert!(!breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_trial_leaves_its_place_to_the_next() {
        let breaker = breaker();
        fail(&breaker, 3);
        tokio::time::advance(Duration::from_secs(5)).await;
        drop(breaker.admit().unwrap());
        breaker.admit().unwrap().succeeded();
        assert!(!breaker.is_open());
    }
}
