//! Points in time, and the two clocks that tell them.
//!
//! # Invariants
//! - What clients are shown is the system's time. What cannot be undone (the end of what is retained, of blocks that wait, of
//!   leases, of a grace) is decided by the steady clock, which no setting of the system's clock moves: see `docs/adr/0009`.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// When the steady clock was first read, and what the system's clock said then.
static ANCHOR: LazyLock<(Instant, Timestamp)> = LazyLock::new(|| (Instant::now(), Timestamp::now()));

/// By how much the steady clock was set since, in milliseconds: once, when the process starts.
static SHIFT: AtomicI64 = AtomicI64::new(0);

/// How far the system's clock may be ahead of the last time that is known, at a start, and be believed: so long the gateway may
/// have been off without anybody being asked. What was promised for days is shortened by this at most.
pub const CLOCK_TRUST: Duration = Duration::from_secs(86_400);

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
        Self(at.plus(began.elapsed()).0.saturating_add(SHIFT.load(Ordering::Relaxed)))
    }

    /// Where the steady clock goes on when a process starts. `mark`: the last time that is known, if any; `system`: what the
    /// system's clock says. Never before the mark, and never more than [`CLOCK_TRUST`] after it: how long the gateway was
    /// off cannot be known, so a system's clock that is further ahead is not believed, and time goes on from the mark.
    pub fn resumed(mark: Option<Self>, system: Self) -> Self {
        match mark {
            Some(mark) if system < mark || system > mark.plus(CLOCK_TRUST) => mark,
            Some(_) | None => system,
        }
    }

    /// Sets the steady clock, when the process starts and before anything is measured by it.
    pub fn set_steady(at: Self) {
        let behind = at.0.saturating_sub(Self::steady().0);
        SHIFT.fetch_add(behind, Ordering::Relaxed);
    }

    /// Whole seconds that the system's clock is ahead of the steady one; negative: behind.
    pub fn system_ahead_seconds() -> i64 {
        Self::now().0.saturating_sub(Self::steady().0) / 1000
    }

    /// Whether the system's clock, so many seconds ahead of the steady one or behind it, is further off than a start would
    /// believe.
    pub fn is_doubtful(ahead_seconds: i64) -> bool {
        ahead_seconds.unsigned_abs() > CLOCK_TRUST.as_secs()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_goes_on_from_the_last_time_known_and_believes_a_day_at_most() {
        let (hour, day) = (3_600_000, 86_400_000);
        let mark = Timestamp(1_000 * day);
        let at = |system| Timestamp::resumed(Some(mark), Timestamp(system)).0 - mark.0;
        assert_eq!(at(mark.0), 0);
        assert_eq!(at(mark.0 + hour), hour, "the gateway was off for an hour");
        assert_eq!(at(mark.0 + day), day);
        assert_eq!(at(mark.0 + day + 1), 0, "nobody knows");
        assert_eq!(at(mark.0 + 8 * day), 0);
        assert_eq!(at(mark.0 - 1), 0, "never back");
        assert_eq!(at(0), 0);
        assert_eq!(at(i64::MAX), 0);
        assert_eq!(Timestamp::resumed(None, Timestamp(7)), Timestamp(7));
    }
}
