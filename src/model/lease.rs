//! Leases: who alone may write to an object, or delete a bucket, for a while.
//!
//! A state machine without a clock: the time is an argument, of the steady clock. Both catalogs and the gateway use it.
//!
//! Source: Azure "Lease Blob", "Lease Container": the tables of outcomes of lease actions and of uses by lease state.

use std::time::Duration;

use super::Timestamp;

/// Longest time that a lease may take to break. Source: Azure "Lease Blob", `x-ms-lease-break-period`.
pub const LONGEST_BREAK_SECONDS: u32 = 60;

/// A lease that was once acquired and not released, whatever became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it: a UUID in lower case, with hyphens.
    pub id: String,
    /// For how many seconds it was acquired; `None`: until it is released or broken.
    pub duration_seconds: Option<u32>,
    /// When it ends by itself; `None`: never.
    pub expires: Option<Timestamp>,
    /// When it was or will be broken; `None`: nobody broke it.
    pub breaks: Option<Timestamp>,
}

/// What a lease is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// There is none.
    Available,
    /// Somebody holds it.
    Leased,
    /// Its time is over.
    Expired,
    /// It is being broken and still holds.
    Breaking,
    /// It was broken.
    Broken,
}

/// What a client does with a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseAction {
    /// Takes it, or takes it anew with the same id.
    Acquire {
        /// The id it will have.
        id: String,
        /// 15 to 60, or `None` for ever.
        duration_seconds: Option<u32>,
    },
    /// Begins its time anew.
    Renew {
        /// Its id.
        id: String,
    },
    /// Gives it another id.
    Change {
        /// Its id.
        id: String,
        /// The id it will have.
        proposed: String,
    },
    /// Gives it back.
    Release {
        /// Its id.
        id: String,
    },
    /// Ends it without knowing its id.
    Break {
        /// After so many seconds (0 to 60), if it does not end sooner; `None`: when its time is over, at once if it has none.
        period_seconds: Option<u32>,
    },
}

/// Why a lease action, or an operation under a lease, was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeaseFault {
    /// There is an active lease, and the operation named none.
    #[error("there is a lease, and no lease id was given")]
    IdMissing,
    /// The operation named another lease than the active one.
    #[error("the lease id given is not that of the active lease")]
    IdMismatch,
    /// The operation named a lease where there is none.
    #[error("a lease id was given, and there is no lease")]
    NotPresent,
    /// The lease that the operation named has ended.
    #[error("the lease has ended")]
    Lost,
    /// Acquire: somebody else holds it.
    #[error("there is a lease already")]
    AlreadyPresent,
    /// A lease action named another lease.
    #[error("the lease id given is not that of the lease")]
    ActionIdMismatch,
    /// A lease action where there is no lease.
    #[error("there is no lease")]
    ActionNotPresent,
    /// Acquire while it is being broken.
    #[error("the lease is being broken and cannot be acquired")]
    BreakingCannotAcquire,
    /// Change while it is being broken.
    #[error("the lease is being broken and cannot be changed")]
    BreakingCannotChange,
    /// Renew after it was broken, or while it is being broken.
    #[error("the lease was broken and cannot be renewed")]
    BrokenCannotRenew,
}

/// A lease after an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseOutcome {
    /// What is to be kept; `None`: it was released.
    pub lease: Option<Lease>,
    /// For a break: seconds until it is broken.
    pub remaining_seconds: u32,
}

impl Lease {
    /// What it is at `now`.
    pub fn state(&self, now: Timestamp) -> LeaseState {
        match (self.breaks, self.expires) {
            (Some(breaks), _) if now < breaks => LeaseState::Breaking,
            (Some(_), _) => LeaseState::Broken,
            (None, Some(expires)) if now >= expires => LeaseState::Expired,
            (None, _) => LeaseState::Leased,
        }
    }

    /// Whether it binds writers at `now`.
    pub fn is_active(&self, now: Timestamp) -> bool {
        matches!(self.state(now), LeaseState::Leased | LeaseState::Breaking)
    }

    /// Ends no later than its length from `now`: a clock that was ahead may have said otherwise.
    pub fn shorten(&mut self, now: Timestamp) {
        let after = |seconds: u32| now.plus(Duration::from_secs(u64::from(seconds)));
        if let (Some(expires), Some(duration)) = (&mut self.expires, self.duration_seconds) {
            *expires = after(duration).min(*expires);
        }
        self.breaks = self.breaks.map(|breaks| after(LONGEST_BREAK_SECONDS).min(breaks));
    }

    /// What `action` makes of `current`, or why it is refused.
    pub fn act(current: Option<&Self>, action: &LeaseAction, now: Timestamp) -> Result<LeaseOutcome, LeaseFault> {
        match action {
            LeaseAction::Acquire { id, duration_seconds } => {
                may_acquire(current, id, now)?;
                Ok(LeaseOutcome::of(Self::acquired(id, *duration_seconds, now)))
            }
            LeaseAction::Renew { id } => {
                let lease = named(current, id)?;
                match lease.state(now) {
                    LeaseState::Breaking | LeaseState::Broken => Err(LeaseFault::BrokenCannotRenew),
                    _ => Ok(LeaseOutcome::of(Self::acquired(&lease.id, lease.duration_seconds, now))),
                }
            }
            LeaseAction::Change { id, proposed } => change(current, id, proposed, now),
            LeaseAction::Release { id } => {
                named(current, id)?;
                Ok(LeaseOutcome { lease: None, remaining_seconds: 0 })
            }
            LeaseAction::Break { period_seconds } => {
                let lease = current.ok_or(LeaseFault::ActionNotPresent)?;
                Ok(lease.broken(*period_seconds, now))
            }
        }
    }

    /// Whether a write may go on that names the lease `given`: an active lease must be named, and what is named must be
    /// the active one. After a write under a lease that has ended there is none any more; the caller sees to that.
    pub fn guard_write(current: Option<&Self>, given: Option<&str>, now: Timestamp) -> Result<(), LeaseFault> {
        let active = current.is_some_and(|lease| lease.is_active(now));
        if given.is_none() && active { Err(LeaseFault::IdMissing) } else { Self::guard_read(current, given, now) }
    }

    /// Whether a read may go on that names the lease `given`: none needs be named, but what is named must be the active one.
    pub fn guard_read(current: Option<&Self>, given: Option<&str>, now: Timestamp) -> Result<(), LeaseFault> {
        match (given, current) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(LeaseFault::NotPresent),
            (Some(_), Some(lease)) if !lease.is_active(now) => Err(LeaseFault::Lost),
            (Some(id), Some(lease)) if lease.is(id) => Ok(()),
            (Some(_), Some(_)) => Err(LeaseFault::IdMismatch),
        }
    }

    fn acquired(id: &str, duration_seconds: Option<u32>, now: Timestamp) -> Self {
        let expires = duration_seconds.map(|seconds| after(now, seconds));
        Self { id: id.to_ascii_lowercase(), duration_seconds, expires, breaks: None }
    }

    /// It, broken after `period` seconds, or when it ends by itself if that is sooner.
    fn broken(&self, period: Option<u32>, now: Timestamp) -> LeaseOutcome {
        let wanted = period.map(|seconds| after(now, seconds));
        let breaks = match self.state(now) {
            LeaseState::Leased => match (wanted, self.expires) {
                (Some(wanted), Some(expires)) => wanted.min(expires),
                (wanted, expires) => wanted.or(expires).unwrap_or(now),
            },
            LeaseState::Breaking => {
                let due = self.breaks.unwrap_or(now);
                wanted.map_or(due, |wanted| wanted.min(due))
            }
            LeaseState::Broken | LeaseState::Expired | LeaseState::Available => self.breaks.unwrap_or(now),
        };
        let remaining = u64::try_from(breaks.0.saturating_sub(now.0)).unwrap_or(0).div_ceil(1000);
        LeaseOutcome {
            lease: Some(Self { breaks: Some(breaks), ..self.clone() }),
            remaining_seconds: u32::try_from(remaining).unwrap_or(u32::MAX),
        }
    }

    fn is(&self, id: &str) -> bool {
        self.id.eq_ignore_ascii_case(id)
    }
}

impl LeaseOutcome {
    fn of(lease: Lease) -> Self {
        Self { lease: Some(lease), remaining_seconds: 0 }
    }
}

fn may_acquire(current: Option<&Lease>, id: &str, now: Timestamp) -> Result<(), LeaseFault> {
    let Some(lease) = current else { return Ok(()) };
    match lease.state(now) {
        LeaseState::Leased if !lease.is(id) => Err(LeaseFault::AlreadyPresent),
        LeaseState::Breaking if lease.is(id) => Err(LeaseFault::BreakingCannotAcquire),
        LeaseState::Breaking => Err(LeaseFault::AlreadyPresent),
        _ => Ok(()),
    }
}

fn change(current: Option<&Lease>, id: &str, proposed: &str, now: Timestamp) -> Result<LeaseOutcome, LeaseFault> {
    let lease = current.ok_or(LeaseFault::ActionNotPresent)?;
    match lease.state(now) {
        // Who proposes the id that it has already asks again.
        LeaseState::Leased if lease.is(id) || lease.is(proposed) => {
            Ok(LeaseOutcome::of(Lease { id: proposed.to_ascii_lowercase(), ..lease.clone() }))
        }
        LeaseState::Breaking if lease.is(id) => Err(LeaseFault::BreakingCannotChange),
        LeaseState::Leased | LeaseState::Breaking => Err(LeaseFault::ActionIdMismatch),
        LeaseState::Available | LeaseState::Expired | LeaseState::Broken => Err(LeaseFault::ActionNotPresent),
    }
}

/// The lease, if it has that id. Azure answers alike where there is none.
fn named<'l>(current: Option<&'l Lease>, id: &str) -> Result<&'l Lease, LeaseFault> {
    current.filter(|lease| lease.is(id)).ok_or(LeaseFault::ActionIdMismatch)
}

fn after(now: Timestamp, seconds: u32) -> Timestamp {
    now.plus(Duration::from_secs(seconds.into()))
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
