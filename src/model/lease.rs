//! Leases: who alone may write to an object, or delete a bucket, for a while.
//!
//! A state machine without a clock: the time is an argument, of the steady clock. Both catalogs and the gateway use it.
//!
//! Source: Azure "Lease Blob", "Lease Container": the tables of outcomes of lease actions and of uses by lease state.

use super::Timestamp;

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
    /// Renew or change after it was broken.
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
