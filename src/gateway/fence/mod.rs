//! The fence around the providers: this catalog's only, in its newest epoch only.
//!
//! A catalog leaves sealed notes at its providers: a marker, laid by an explicit command, and one for each epoch, created by each
//! start. They are looked at before anything is deleted, before writes are taken again after trouble, and every few seconds.
//!
//! # Invariants
//! - What is absent is never taken for new: no start lays a marker.
//! - Nothing is written or deleted for a client, and no job runs, before a look found everything in order, nor after one did not.
//! - Who finds a newer epoch is stale until the process ends.
//! - Reads go on: whatever a wrong provider answers does not open.

mod consent;
mod epoch;
mod fault;
mod init;
mod look;
mod note;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, timeout};

use super::{Error, Gateway};
use crate::model::{EpochEntry, NoteId};
use crate::store::{Store, StoreError};
use look::{Found, Notes};

pub use fault::FenceFault;
pub use init::Laid;
pub use note::Note;

/// Whether the providers belong to the catalog alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fencing {
    /// They carry its notes, which are looked at; an epoch is entered before anything is written.
    Enforced,
    /// They carry its marker. No epoch is entered, and nothing is ever written or deleted.
    ReadOnly,
    /// Nobody else can reach them, because they are in this process's memory. Nothing is looked at.
    Off,
}

/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// When a client should try again whose write was refused.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// How long after an epoch was entered nothing is deleted: whoever was at work before has looked by then, and objected.
const OBJECTIONS: Duration = Duration::from_secs(10);
/// What is known of the providers.
pub(super) struct Fence {
    fencing: Fencing,
    state: RwLock<State>,
    /// Asks whoever looks to look at once.
    wanted: Notify,
    /// One enters at a time: two of one process would take each other for strangers. And one looks for all who want to delete.
    entering: Mutex<()>,
}

struct State {
    verdict: Verdict,
    entered: Option<(EpochEntry, Instant)>,
}

enum Verdict {
    /// In order, when the providers had been given up so many times.
    Clear {
        troubles: u64,
        at: Instant,
    },
    Fault(Arc<FenceFault>),
}

impl Fence {
    pub(super) fn new(fencing: Fencing) -> Self {
        let verdict = Verdict::Fault(Arc::new(FenceFault::NotLooked));
        Self {
            fencing,
            state: RwLock::new(State { verdict, entered: None }),
            wanted: Notify::new(),
            entering: Mutex::new(()),
        }
    }

    /// What keeps clients' writes out at the moment.
    fn obstacle(&self, store: &Store) -> Option<Obstacle> {
        match self.fencing {
            Fencing::Off => return None,
            Fencing::ReadOnly => return Some(Obstacle::ReadOnly),
            Fencing::Enforced => {}
        }
        match &self.read().verdict {
            Verdict::Clear { troubles: then, .. } if troubles(store) == *then => None,
            Verdict::Clear { .. } => {
                // A provider was away. What is there now under its address is looked at first.
                self.wanted.notify_one();
                Some(Obstacle::Fault(Arc::new(FenceFault::NotLooked)))
            }
            Verdict::Fault(fault) => Some(Obstacle::Fault(Arc::clone(fault))),
        }
    }

    fn judge(&self, looked: Result<(), FenceFault>, troubles: u64) -> Result<(), Arc<FenceFault>> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if let Verdict::Fault(fault) = &state.verdict
            && fault.is_final()
        {
            return Err(Arc::clone(fault));
        }
        match looked {
            Ok(()) => {
                state.verdict = Verdict::Clear { troubles, at: Instant::now() };
                Ok(())
            }
            Err(fault) => {
                let fault = Arc::new(fault);
                // A provider that does not answer says nothing against what was found before.
                let stands = fault.is_passing() && matches!(state.verdict, Verdict::Clear { .. });
                if !stands {
                    state.verdict = Verdict::Fault(Arc::clone(&fault));
                }
                Err(fault)
            }
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Obstacle {
    ReadOnly,
    Fault(Arc<FenceFault>),
}

/// How often any provider was given up.
fn troubles(store: &Store) -> u64 {
    store.providers().map(|(_, provider)| provider.troubles()).fold(0, u64::wrapping_add)
}

impl Gateway {
    /// Whether clients may write now.
    pub(super) fn may_write(&self) -> Result<(), Error> {
        match self.fence.obstacle(&self.store) {
            None => Ok(()),
            Some(_) => Err(Error::NoWrites { retry_after: RETRY_AFTER }),
        }
    }

    /// What keeps writes out: nothing, a fault, or that the gateway only reads (`Err`).
    pub(super) fn obstacle(&self) -> Result<Option<Arc<FenceFault>>, ReadOnly> {
        match self.fence.obstacle(&self.store) {
            None => Ok(None),
            Some(Obstacle::ReadOnly) => Err(ReadOnly),
            Some(Obstacle::Fault(fault)) => Ok(Some(fault)),
        }
    }

    /// Enters the next epoch, after looking at every provider; where the gateway only reads, looks at the markers.
    /// [`FenceFault::is_passing`] tells whether it may be tried again.
    pub async fn enter(&self) -> Result<(), Arc<FenceFault>> {
        if self.fence.fencing == Fencing::Off {
            return Ok(());
        }
        let _one = self.fence.entering.lock().await;
        if self.fence.read().entered.is_some() {
            return Ok(());
        }
        let before = troubles(&self.store);
        let entered = async {
            self.check_configured().await?;
            let notes = self.notes().await?;
            if self.fence.fencing == Fencing::ReadOnly {
                notes.everywhere(|at| notes.check_marker(at)).await?;
                return Ok(None);
            }
            let entry = epoch::enter(self.catalog.as_ref(), &notes).await?;
            for (name, provider) in self.store.providers() {
                provider.tidy().await.map_err(|cause| FenceFault::Store { provider: name.clone(), cause })?;
            }
            Ok(Some(entry))
        };
        let entered = timeout(PATIENCE, entered).await.unwrap_or_else(|_late| Err(self.too_late()));
        let entered = entered.map(|entry| {
            if let Some(entry) = entry {
                tracing::info!(epoch = entry.epoch, "an epoch was entered");
                let mut state = self.fence.state.write().unwrap_or_else(PoisonError::into_inner);
                state.entered = Some((entry, Instant::now()));
            }
        });
        self.fence.judge(entered, before)
    }

    /// Looks at every provider: the marker, the own epoch, no later one. What it finds decides whether writes are taken.
    pub async fn look(&self) -> Result<(), Arc<FenceFault>> {
        let Some((own, since)) = self.fence.read().entered else {
            return if self.fence.fencing == Fencing::Off { Ok(()) } else { self.enter().await };
        };
        let before = troubles(&self.store);
        // Later than that an objection comes from who was away all the time, and is stale itself.
        let young = since.elapsed() < OBJECTIONS.saturating_mul(2);
        let looked = async {
            let notes = self.notes().await?;
            let looked = notes
                .everywhere(async |at| {
                    notes.check_marker(at).await?;
                    notes.check_next(at, own.epoch).await?;
                    notes.check_own(at, Some(own)).await?;
                    match if young { notes.read(at, NoteId::Objection(own.epoch)).await? } else { Found::Nothing } {
                        Found::Note(by) => {
                            Err(FenceFault::Contested { provider: at.clone(), epoch: own.epoch, by: Box::new(by) })
                        }
                        Found::Nothing | Found::Strange => Ok(()),
                    }
                })
                .await;
            if let Err(FenceFault::Stale { provider, found, .. }) = &looked {
                // Whoever entered it looks for this, and stops as well: which of the two may live is for an operator to say.
                let objected = notes.create(provider, NoteId::Objection(*found), own.nonce).await;
                tracing::debug!(sent = objected.is_ok(), "objected to the newer epoch");
            }
            looked.map(|_looked| ())
        };
        let looked = timeout(PATIENCE, looked).await.unwrap_or_else(|_late| Err(self.too_late()));
        self.fence.judge(looked, before)
    }

    /// Waits until somebody wants a look at once.
    pub(super) async fn look_wanted(&self) {
        self.fence.wanted.notified().await;
    }

    /// The epoch that was entered; 0 before.
    pub fn epoch(&self) -> u64 {
        self.fence.read().entered.map_or(0, |(entry, _)| entry.epoch)
    }

    /// Refuses a catalog that has parts at a provider which is not configured.
    async fn check_configured(&self) -> Result<(), FenceFault> {
        for name in self.catalog.marked_providers().await? {
            if self.store.provider(&name).is_err() && !self.catalog.sample_at(&name, 1).await?.is_empty() {
                return Err(FenceFault::NotConfigured(name));
            }
        }
        Ok(())
    }

    async fn notes(&self) -> Result<Notes, FenceFault> {
        let identity = match self.catalog.identity().await? {
            Some(identity) => identity,
            None if self.catalog.providers_in_use().await?.is_empty() => return Err(FenceFault::NoIdentity),
            None => return Err(FenceFault::NotAdopted),
        };
        Ok(Notes { identity, secret: self.keyring.catalog_secret()?, store: Arc::clone(&self.store) })
    }

    fn too_late(&self) -> FenceFault {
        match self.store.providers().next() {
            Some((name, _)) => FenceFault::Store { provider: name.clone(), cause: StoreError::Deadline },
            None => FenceFault::NotLooked,
        }
    }
}

/// The gateway only reads.
pub(super) struct ReadOnly;
