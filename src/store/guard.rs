//! Limit, deadline, retry, breaker and metrics around one provider.
//!
//! # Invariants
//! - Each provider has its own guard: places, breaker and metrics are never shared.
//! - A place is held as long as the provider is at work: to the end of a body, not to its headers.
//! - Nobody waits without end: not for a place, an answer, or the next piece of a body.
//! - Only what may succeed is tried again. A missing chunk and a refusal are answers, not failures.
//! - A panic below, such as a provider's answer may cause in a library, is a failed call and ends no task.

use std::future::Future;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::breaker::{Admission, Breaker, BreakerSettings};
use super::error::{Cause, StoreError};
use super::meter::{Call, Meter};
use super::{Attempts, ChunkStore, ChunkStream, Consent, Created, NamePage};
use crate::model::{ChunkName, ProviderName};
use crate::secret::fill_random;

/// Settings of a guard.
#[derive(Debug, Clone)]
pub struct GuardSettings {
    /// Writes, deletions and questions under way at once.
    pub parallel_writes: usize,
    /// Reads under way at once, counted to the end of their bodies.
    pub parallel_reads: usize,
    /// How long a call waits for its place before it is turned away.
    pub queue: Duration,
    /// How long one attempt to put a chunk (at most 8 MiB and a little), or to list a page of names, may take.
    pub put: Duration,
    /// How long one attempt of any other call may take; a get: until its body begins.
    pub answer: Duration,
    /// How long a body may bring nothing while somebody waits for it.
    pub stall: Duration,
    /// How often a call is tried in all.
    pub attempts: u32,
    /// After how long a call is not tried again, however few attempts it had: a provider that never answers would
    /// otherwise keep its client for all of them.
    pub patience: Duration,
    /// Longest wait before the second attempt; it doubles with each further one. The wait is random between nothing
    /// and this ("full jitter").
    pub backoff: Duration,
    /// Longest wait before any attempt, also when the provider names a time. If it names a later one, we give up.
    pub longest_backoff: Duration,
    /// When to stop calling altogether.
    pub breaker: BreakerSettings,
}

impl Default for GuardSettings {
    /// 64 writes and 128 reads at once, 30 s for a place, 30 s to put, 10 s to answer, 15 s without a byte, 5 attempts
    /// begun within 90 s, 100 ms to 5 s between them. 8 MiB in 30 s is 2.3 Mbit/s: below that a provider is of no use.
    fn default() -> Self {
        Self {
            parallel_writes: 64,
            parallel_reads: 128,
            queue: Duration::from_secs(30),
            put: Duration::from_secs(30),
            answer: Duration::from_secs(10),
            stall: Duration::from_secs(15),
            attempts: 5,
            patience: Duration::from_secs(90),
            backoff: Duration::from_millis(100),
            longest_backoff: Duration::from_secs(5),
            breaker: BreakerSettings::default(),
        }
    }
}

/// A guarded provider.
pub struct Guarded {
    inner: Arc<dyn ChunkStore>,
    settings: GuardSettings,
    writes: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    breaker: Arc<Breaker>,
    meter: Meter,
}

impl Guarded {
    /// Guards `inner`, which metrics know as `provider`.
    pub fn new(provider: &ProviderName, inner: Arc<dyn ChunkStore>, settings: GuardSettings) -> Self {
        let places = |wanted: usize| Arc::new(Semaphore::new(wanted.clamp(1, Semaphore::MAX_PERMITS)));
        let guarded = Self {
            inner,
            writes: places(settings.parallel_writes),
            reads: places(settings.parallel_reads),
            breaker: Breaker::new(settings.breaker.clone()),
            meter: Meter::new(provider),
            settings,
        };
        guarded.meter.breaker(false);
        guarded
    }

    /// Whether the breaker turns calls away at the moment.
    pub fn is_open(&self) -> bool {
        self.breaker.is_open()
    }

    async fn place(&self, call: Call) -> Result<OwnedSemaphorePermit, StoreError> {
        let places = if call == Call::Get { &self.reads } else { &self.writes };
        if let Ok(Ok(permit)) = timeout(self.settings.queue, Arc::clone(places).acquire_owned()).await {
            return Ok(permit);
        }
        self.meter.turned_away(call);
        Err(StoreError::unavailable(Cause::new("too many calls are waiting for this provider")))
    }

    /// Makes a call until it succeeds, cannot succeed or has been tried often enough. The place is kept between
    /// attempts: giving it up could leave the first chunk of a body waiting behind later ones.
    async fn call<T, F>(&self, call: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<(T, Held), StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send,
        T: Send,
    {
        let permit = self.place(call).await?;
        let (mut tried, began, mut in_doubt) = (0, Instant::now(), false);
        loop {
            let attempted = self.attempt(call, attempt()).await.map_err(|error| doubted(error, in_doubt))?;
            let (error, admission) = match attempted {
                (Ok(value), admission) => return Ok((value, Held { admission, in_doubt, _permit: permit })),
                (Err(error), admission) => (error, admission),
            };
            in_doubt |= error.leaves_doubt();
            if !error.is_transient() {
                admission.succeeded();
                self.meter.breaker(self.breaker.is_open());
                return Err(doubted(error, in_doubt));
            }
            admission.failed();
            self.meter.breaker(self.breaker.is_open());
            tried += 1;
            match self.pause(&error, tried) {
                Some(pause)
                    if tried < self.settings.attempts
                        && began.elapsed().saturating_add(pause) < self.settings.patience =>
                {
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(doubted(error, in_doubt)),
            }
            self.meter.retried(call);
        }
    }

    async fn attempt<T>(
        &self,
        call: Call,
        attempt: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<(Result<T, StoreError>, Admission), StoreError> {
        let admission = self.breaker.admit().map_err(|wait| {
            self.meter.turned_away(call);
            let cause = Cause::new("the breaker is open: this provider has failed too often");
            StoreError::Unavailable { retry_after: Some(wait), cause: Some(Box::new(cause)) }
        })?;
        let deadline = if matches!(call, Call::Put | Call::Create | Call::Names) {
            self.settings.put
        } else {
            self.settings.answer
        };
        let began = Instant::now();
        let result = timeout(deadline, caught(attempt)).await.unwrap_or(Err(StoreError::Deadline));
        self.meter.called(call, &result, began.elapsed());
        Ok((result, admission))
    }

    /// How long to wait before attempt `tried + 1`; `None` when the provider wants to be left alone for longer.
    fn pause(&self, error: &StoreError, tried: u32) -> Option<Duration> {
        let longest = self.settings.longest_backoff;
        let ceiling = self.settings.backoff.saturating_mul(1 << (tried - 1).min(16)).min(longest);
        let mut random = [0; 4];
        // Without randomness the full wait is right, too.
        let share = fill_random(&mut random).map_or(u32::MAX, |()| u32::from_le_bytes(random));
        let jittered = ceiling.mul_f64(f64::from(share) / f64::from(u32::MAX));
        match error {
            StoreError::Unavailable { retry_after: Some(wanted), .. } if *wanted > longest => None,
            StoreError::Unavailable { retry_after: Some(wanted), .. } => Some(jittered.max(*wanted)),
            _ => Some(jittered),
        }
    }
}

/// The last word of a call, of which an earlier attempt may still arrive.
fn doubted(error: StoreError, in_doubt: bool) -> StoreError {
    if in_doubt && !error.leaves_doubt() { StoreError::Interrupted(Box::new(error)) } else { error }
}

/// What a call that is under way holds.
struct Held {
    admission: Admission,
    /// Whether an attempt before it ended in doubt.
    in_doubt: bool,
    _permit: OwnedSemaphorePermit,
}

impl Held {
    fn finish(self, meter: &Meter, breaker: &Breaker) {
        self.admission.succeeded();
        meter.breaker(breaker.is_open());
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ChunkStore for Guarded {
    async fn put(&self, name: &ChunkName, sealed: Bytes) -> Result<Attempts, StoreError> {
        let (attempts, held) = self.call(Call::Put, || self.inner.put(name, sealed.clone())).await?;
        let attempts = if held.in_doubt { Attempts::InDoubt } else { attempts };
        held.finish(&self.meter, &self.breaker);
        self.meter.sent(sealed.len());
        Ok(attempts)
    }

    async fn create(&self, name: &ChunkName, sealed: Bytes) -> Result<Created, StoreError> {
        let (created, held) = self.call(Call::Create, || self.inner.create(name, sealed.clone())).await?;
        held.finish(&self.meter, &self.breaker);
        self.meter.sent(sealed.len());
        Ok(created)
    }

    async fn get(&self, name: &ChunkName, range: Range<u64>) -> Result<ChunkStream, StoreError> {
        let (body, mut held) = self.call(Call::Get, || self.inner.get(name, range.clone())).await?;
        held.admission.answered();
        self.meter.breaker(self.breaker.is_open());
        let (meter, breaker) = (self.meter.clone(), Arc::clone(&self.breaker));
        Ok(watched(Body { body, held, meter, breaker, stall: self.settings.stall }))
    }

    async fn delete(&self, name: &ChunkName, consent: &Consent) -> Result<(), StoreError> {
        let ((), held) = self.call(Call::Delete, || self.inner.delete(name, consent)).await?;
        held.finish(&self.meter, &self.breaker);
        Ok(())
    }

    async fn length(&self, name: &ChunkName) -> Result<Option<u64>, StoreError> {
        let (length, held) = self.call(Call::Exists, || self.inner.length(name)).await?;
        held.finish(&self.meter, &self.breaker);
        Ok(length)
    }

    async fn exists(&self, name: &ChunkName) -> Result<bool, StoreError> {
        let (there, held) = self.call(Call::Exists, || self.inner.exists(name)).await?;
        held.finish(&self.meter, &self.breaker);
        Ok(there)
    }

    async fn names(&self, after: Option<&str>) -> Result<NamePage, StoreError> {
        let (page, held) = self.call(Call::Names, || self.inner.names(after)).await?;
        held.finish(&self.meter, &self.breaker);
        Ok(page)
    }

    /// One attempt, breaker or not: whoever asks wants to know about now.
    async fn probe(&self) -> Result<(), StoreError> {
        let began = Instant::now();
        let result =
            timeout(self.settings.answer, caught(self.inner.probe())).await.unwrap_or(Err(StoreError::Deadline));
        self.meter.called(Call::Probe, &result, began.elapsed());
        result
    }

    async fn tidy(&self) -> Result<(), StoreError> {
        self.inner.tidy().await
    }

    fn put_bytes_at_once(&self) -> u64 {
        self.inner.put_bytes_at_once()
    }

    fn troubles(&self) -> u64 {
        self.breaker.openings()
    }
}

/// The outcome of a call, whose panic is a failure.
async fn caught<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(|_panic| {
        tracing::error!("a call to a provider ended in a panic");
        Err(StoreError::Panicked)
    })
}

struct Body {
    body: ChunkStream,
    held: Held,
    meter: Meter,
    breaker: Arc<Breaker>,
    stall: Duration,
}

/// Passes a body on. Its end, its break or a stall settles the call and frees its place.
fn watched(body: Body) -> ChunkStream {
    let stream = futures::stream::unfold(Some(body), |state| async move {
        let mut body = state?;
        let next = caught(async { body.body.next().await.transpose() });
        let error = match timeout(body.stall, next).await.map(Result::transpose) {
            Ok(Some(Ok(piece))) => {
                body.meter.received(piece.len());
                return Some((Ok(piece), Some(body)));
            }
            Ok(None) => {
                body.held.finish(&body.meter, &body.breaker);
                return None;
            }
            Ok(Some(Err(error @ (StoreError::Interrupted(_) | StoreError::Deadline)))) => error,
            Ok(Some(Err(error))) => StoreError::Interrupted(Box::new(error)),
            Err(_elapsed) => StoreError::Deadline,
        };
        body.meter.broke_off(&error);
        body.held.admission.failed();
        body.meter.breaker(body.breaker.is_open());
        Some((Err(error), None))
    });
    stream.boxed()
}
