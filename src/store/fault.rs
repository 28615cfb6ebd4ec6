//! A decorator that fails on command, for tests.
//!
//! # Invariants
//! - What a fault does is a function of the plan and the order of the calls: no chance, no clock.
//! - A put that fails half-way leaves nothing under the chunk's name.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::sync::watch;

use super::error::{Cause, StoreError};
pub use super::meter::Call;
use super::{Attempts, ChunkStore, ChunkStream, Consent, Created, NamePage, memory};
use crate::model::ChunkName;

/// What goes wrong. The second half is for gets; at another call those faults do nothing.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The call fails; the provider is unavailable.
    Fail,
    /// The call fails; the provider asks to be left alone for this long.
    Throttle(Duration),
    /// The call fails; the provider refuses our credentials.
    Refuse,
    /// The call does not come back until [`FaultPlan::release`].
    Stall,
    /// A put is done in full, but its answer is lost.
    LoseAnswer,
    /// A put is done, but an attempt before it ended in doubt.
    Doubt,
    /// A put sends half of its bytes and fails: nothing is visible.
    HalfPut,
    /// The chunk is not seen: it is not found, and does not exist.
    Hide,
    /// The body breaks off after this many bytes.
    CutBody {
        /// Bytes that still come.
        after: usize,
    },
    /// The body stops after this many bytes until [`FaultPlan::release`].
    StallBody {
        /// Bytes that still come.
        after: usize,
    },
    /// One bit of the byte at this offset of the answer is wrong.
    Flip {
        /// Offset within the answer; beyond its end: the last byte.
        at: usize,
    },
    /// The same range of another chunk.
    Swap(ChunkName),
    /// The answer lacks its last bytes, without an error.
    Truncate {
        /// How many are missing.
        by: usize,
    },
    /// The answer has these bytes more.
    Extend(Bytes),
    /// What was first put under this name since [`FaultPlan::record`], or, if that is what is there, the oldest chunk
    /// recorded.
    Replay,
    /// The range of these bytes.
    Substitute(Bytes),
}

/// Which calls of one kind a fault meets, counted from when it was planned.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// The nth one only; the first is 1.
    Nth(u64),
    /// Every nth one.
    Every(u64),
    /// All.
    Always,
}

impl When {
    fn meets(self, seen: u64) -> bool {
        match self {
            Self::Nth(n) => seen == n,
            Self::Every(n) => n != 0 && seen.is_multiple_of(n),
            Self::Always => true,
        }
    }
}

/// Which calls go wrong. Clones share one plan, which may be changed at any time.
#[derive(Debug, Clone, Default)]
pub struct FaultPlan(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    plan: Mutex<Plan>,
    released: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Plan {
    rules: Vec<Rule>,
    calls: HashMap<Call, u64>,
    down: bool,
    recording: bool,
    recorded: Vec<(ChunkName, Bytes)>,
}

#[derive(Debug)]
struct Rule {
    call: Call,
    /// The only chunk that it is about.
    chunk: Option<ChunkName>,
    when: When,
    fault: Fault,
    seen: u64,
}

impl FaultPlan {
    /// From now on `fault` meets those calls. The rule planned first wins.
    pub fn on(&self, call: Call, when: When, fault: Fault) {
        self.plan().rules.push(Rule { call, chunk: None, when, fault, seen: 0 });
    }

    /// From now on `fault` meets every call of one chunk.
    pub fn on_chunk(&self, call: Call, chunk: ChunkName, fault: Fault) {
        self.plan().rules.push(Rule { call, chunk: Some(chunk), when: When::Always, fault, seen: 0 });
    }

    /// Forgets all rules and comes back up. What stalls goes on stalling.
    pub fn clear(&self) {
        let mut plan = self.plan();
        plan.rules.clear();
        plan.down = false;
    }

    /// Down: every call fails at once. Up again: as planned.
    pub fn set_down(&self, down: bool) {
        self.plan().down = down;
    }

    /// Lets everything go on that stalls now.
    pub fn release(&self) {
        self.0.released.send_modify(|turn| *turn += 1);
    }

    /// Keeps what is put from now on, for [`Fault::Replay`].
    pub fn record(&self) {
        self.plan().recording = true;
    }

    /// How many calls of this kind have come.
    pub fn calls(&self, call: Call) -> u64 {
        self.plan().calls.get(&call).copied().unwrap_or_default()
    }

    fn next(&self, call: Call, chunk: Option<&ChunkName>) -> Result<Option<Fault>, StoreError> {
        let mut plan = self.plan();
        *plan.calls.entry(call).or_default() += 1;
        if plan.down {
            return Err(planned());
        }
        let mut met = None;
        let about = |rule: &&mut Rule| rule.call == call && (rule.chunk.is_none() || rule.chunk.as_ref() == chunk);
        for rule in plan.rules.iter_mut().filter(about) {
            rule.seen += 1;
            if met.is_none() && rule.when.meets(rule.seen) {
                met = Some(rule.fault.clone());
            }
        }
        Ok(met)
    }

    async fn stalled(&self) {
        let mut released = self.0.released.subscribe();
        released.mark_unchanged();
        // The sender lives as long as `self`.
        let _closed = released.changed().await;
    }

    fn remember(&self, name: &ChunkName, sealed: &Bytes) {
        let mut plan = self.plan();
        if plan.recording {
            plan.recorded.push((name.clone(), sealed.clone()));
        }
    }

    fn older(&self, name: &ChunkName) -> Option<Bytes> {
        let plan = self.plan();
        let of_name: Vec<&Bytes> = plan.recorded.iter().filter(|(n, _)| n == name).map(|(_, bytes)| bytes).collect();
        match of_name.as_slice() {
            [first, .., last] if first != last => Some(Bytes::clone(first)),
            _ => plan.recorded.first().map(|(_, bytes)| bytes.clone()),
        }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fails as planned.
pub struct Faulty {
    inner: Arc<dyn ChunkStore>,
    plan: FaultPlan,
}

impl Faulty {
    /// Calls `inner`, except as planned.
    pub fn new(inner: Arc<dyn ChunkStore>, plan: FaultPlan) -> Self {
        Self { inner, plan }
    }

    /// The faults that any call may meet; the others are handed back.
    async fn meet(&self, call: Call, chunk: Option<&ChunkName>) -> Result<Option<Fault>, StoreError> {
        match self.plan.next(call, chunk)? {
            Some(Fault::Fail) => Err(planned()),
            Some(Fault::Throttle(wait)) => {
                Err(StoreError::Unavailable { retry_after: Some(wait), cause: Some(Box::new(Cause::new(PLANNED))) })
            }
            Some(Fault::Refuse) => Err(StoreError::Refused(Box::new(Cause::new(PLANNED)))),
            Some(Fault::Stall) => {
                self.plan.stalled().await;
                Ok(None)
            }
            other => Ok(other),
        }
    }

    async fn read(&self, name: &ChunkName, range: Range<u64>) -> Result<Bytes, StoreError> {
        let mut body = self.inner.get(name, range).await?;
        let mut read = BytesMut::new();
        while let Some(piece) = body.try_next().await? {
            read.extend_from_slice(&piece);
        }
        Ok(read.freeze())
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ChunkStore for Faulty {
    async fn put(&self, name: &ChunkName, sealed: Bytes) -> Result<Attempts, StoreError> {
        let fault = self.meet(Call::Put, Some(name)).await?;
        if let Some(Fault::HalfPut) = fault {
            return Err(StoreError::Interrupted(Box::new(Cause::new(PLANNED))));
        }
        let attempts = self.inner.put(name, sealed.clone()).await?;
        self.plan.remember(name, &sealed);
        match fault {
            Some(Fault::LoseAnswer) => Err(StoreError::unavailable(Cause::new(PLANNED).in_doubt(true))),
            Some(Fault::Doubt) => Ok(Attempts::InDoubt),
            _ => Ok(attempts),
        }
    }

    async fn create(&self, name: &ChunkName, sealed: Bytes) -> Result<Created, StoreError> {
        let fault = self.meet(Call::Create, Some(name)).await?;
        if let Some(Fault::HalfPut) = fault {
            return Err(StoreError::Interrupted(Box::new(Cause::new(PLANNED))));
        }
        let created = self.inner.create(name, sealed).await?;
        if let Some(Fault::LoseAnswer) = fault { Err(planned()) } else { Ok(created) }
    }

    async fn get(&self, name: &ChunkName, range: Range<u64>) -> Result<ChunkStream, StoreError> {
        let Some(fault) = self.meet(Call::Get, Some(name)).await? else {
            return self.inner.get(name, range).await;
        };
        let bytes = match fault {
            Fault::CutBody { after } => {
                let head = self.read(name, range).await?;
                let cut = StoreError::Interrupted(Box::new(Cause::new(PLANNED)));
                let body = memory::whole(head.slice(..after.min(head.len())));
                return Ok(body.chain(futures::stream::iter([Err(cut)])).boxed());
            }
            Fault::StallBody { after } => {
                let head = self.read(name, range).await?;
                let (plan, rest) = (self.plan.clone(), head.slice(after.min(head.len())..));
                let tail = futures::stream::once(async move {
                    plan.stalled().await;
                    Ok(rest)
                });
                return Ok(memory::whole(head.slice(..after.min(head.len()))).chain(tail).boxed());
            }
            Fault::Flip { at } => {
                let mut bytes = Vec::from(self.read(name, range).await?);
                let last = bytes.len().saturating_sub(1);
                if let Some(byte) = bytes.get_mut(at.min(last)) {
                    *byte ^= 1;
                }
                bytes.into()
            }
            Fault::Swap(other) => self.read(&other, range).await?,
            Fault::Truncate { by } => {
                let bytes = self.read(name, range).await?;
                bytes.slice(..bytes.len().saturating_sub(by))
            }
            Fault::Extend(more) => [self.read(name, range).await?, more].concat().into(),
            Fault::Replay => memory::within(&self.plan.older(name).ok_or(StoreError::NotFound)?, &range),
            Fault::Substitute(other) => memory::within(&other, &range),
            Fault::Hide => return Err(StoreError::NotFound),
            Fault::Fail
            | Fault::Throttle(_)
            | Fault::Refuse
            | Fault::Stall
            | Fault::LoseAnswer
            | Fault::Doubt
            | Fault::HalfPut => {
                return self.inner.get(name, range).await;
            }
        };
        Ok(memory::whole(bytes))
    }

    async fn delete(&self, name: &ChunkName, consent: &Consent) -> Result<(), StoreError> {
        self.meet(Call::Delete, Some(name)).await?;
        self.inner.delete(name, consent).await
    }

    async fn length(&self, name: &ChunkName) -> Result<Option<u64>, StoreError> {
        match self.meet(Call::Exists, Some(name)).await? {
            Some(Fault::Hide) => Ok(None),
            _ => self.inner.length(name).await,
        }
    }

    async fn exists(&self, name: &ChunkName) -> Result<bool, StoreError> {
        match self.meet(Call::Exists, Some(name)).await? {
            Some(Fault::Hide) => Ok(false),
            _ => self.inner.exists(name).await,
        }
    }

    async fn names(&self, after: Option<&str>) -> Result<NamePage, StoreError> {
        self.meet(Call::Names, None).await?;
        self.inner.names(after).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.meet(Call::Probe, None).await?;
        self.inner.probe().await
    }

    async fn tidy(&self) -> Result<(), StoreError> {
        self.inner.tidy().await
    }

    fn put_bytes_at_once(&self) -> u64 {
        self.inner.put_bytes_at_once()
    }

    fn troubles(&self) -> u64 {
        self.inner.troubles()
    }
}

fn planned() -> StoreError {
    StoreError::unavailable(Cause::new(PLANNED))
}

/// What a planned failure says.
const PLANNED: &str = "a planned fault";
