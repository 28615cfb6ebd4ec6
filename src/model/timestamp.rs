//! Points in time.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// When the steady clock was first read, and what the system's clock said then.
static ANCHOR: LazyLock<(Instant, Timestamp)> = LazyLock::new(|| (Instant::now(), Timestamp::now()));

/// Milliseconds since the Unix epoch. Clients see whole seconds, everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Now, by the system clock.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Now, by a clock that goes on evenly for as long as the process lives, however the system's clock is set meanwhile.
    /// For times that are only compared with one another: how long something waits. See `docs/adr/0009`.
    pub fn steady() -> Self {
        let (began, at) = *ANCHOR;
        at.plus(began.elapsed())
    }

    /// Whole seconds since the epoch: what `Last-Modified` and listings show.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// `self` plus `duration`.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}
