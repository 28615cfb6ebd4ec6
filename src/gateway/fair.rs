//! Turns: a fixed number of units, handed out fairly between tenants and their clients. Memory, lists and changes of the
//! catalog are each given out by one.
//!
//! Who wants units gets them at once when they are free and it is nobody's turn. Otherwise it waits in its client's line. What
//! comes back goes to the tenant that holds least, in it to the client that holds least, and of its requests to the oldest.
//! A client stops early: it gets no more while it holds more than [`CLIENT_TIMES_FREE`] times what is free. So the greedy
//! leave something, however many connections they have, and whoever comes with nothing finds it: the last unit is for them
//! alone, however few there are. Source of that rule:
//! Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet switches", 1998.
//!
//! # Invariants
//! - Never more units are out than there are.
//! - Nobody who holds as much overtakes whose turn it is: what is freed is kept until it suffices for them.
//! - Who holds nothing is stopped by no threshold.
//! - A full waiting room turns away the newest request of the client that has most in it, before one of another.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::model::{ClientId, Principal, TenantId};

/// A client gets no more while it holds more than this many times the free units: one alone leaves an eighth.
const CLIENT_TIMES_FREE: u64 = 7;
/// The same for all clients of a tenant together: they leave a sixteenth.
const TENANT_TIMES_FREE: u64 = 15;

/// On whose account units are out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Payer {
    /// The establishment.
    pub tenant: TenantId,
    /// Its client; `None` for work of the gateway's own.
    pub client: Option<ClientId>,
}

impl Payer {
    /// The one who asks.
    pub fn of(principal: &Principal) -> Self {
        Self { tenant: principal.tenant.clone(), client: Some(principal.client.clone()) }
    }

    /// Work of the gateway's own, for a tenant.
    pub fn own_work(tenant: TenantId) -> Self {
        Self { tenant, client: None }
    }
}

/// Too many are waiting already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests wait")]
pub struct Crowded;

/// Units, and who holds them. Cheap to clone.
#[derive(Clone)]
pub(in crate::gateway) struct Turns(Arc<House>);

struct House {
    state: Mutex<State>,
    total: u32,
    /// How many may wait.
    room: usize,
}

/// Units that are out; they come back on drop.
pub(in crate::gateway) struct Turn {
    turns: Turns,
    payer: Payer,
    units: u32,
}

struct State {
    free: u32,
    lines: HashMap<Payer, Line>,
    /// Units held by all clients of a tenant.
    tenants: HashMap<TenantId, u32>,
    waiting: usize,
    /// The number of the next request that waits.
    next: u64,
}

/// A client's requests.
#[derive(Default)]
struct Line {
    held: u32,
    waiting: VecDeque<Waiter>,
}

struct Waiter {
    number: u64,
    units: u32,
    told: oneshot::Sender<Turn>,
}

/// A turn that was given, on its way to whoever waits for it. Sent when the lock is free again: one that nobody waits
/// for any more comes back by its drop, which takes the lock.
type Given = (oneshot::Sender<Turn>, Turn);

impl Turns {
    /// `total` units, and room for `room` requests that wait.
    pub(in crate::gateway) fn new(total: u32, room: usize) -> Self {
        let (lines, tenants) = (HashMap::new(), HashMap::new());
        let state = State { free: total, lines, tenants, waiting: 0, next: 0 };
        Self(Arc::new(House { state: Mutex::new(state), total, room }))
    }

    /// Waits for `units`; for all there are, if it is more than that.
    pub(in crate::gateway) async fn take(&self, payer: &Payer, units: u32) -> Result<Turn, Crowded> {
        let (number, told) = {
            let mut state = self.state();
            let units = units.clamp(1, self.0.total);
            if state.may_take(payer, units) {
                state.lend(payer, units);
                return Ok(self.turn(payer, units));
            }
            self.make_room(&mut state, payer)?;
            let (tell, told) = oneshot::channel();
            let number = state.next;
            state.next += 1;
            state.waiting += 1;
            let line = state.lines.entry(payer.clone()).or_default();
            line.waiting.push_back(Waiter { number, units, told: tell });
            (number, told)
        };
        let _leaves = Leaves { turns: self, payer, number };
        told.await.map_err(|_turned_away| Crowded)
    }

    /// `units`, if they are free and it is not the turn of one who holds no more.
    pub(in crate::gateway) fn try_take(&self, payer: &Payer, units: u32) -> Option<Turn> {
        let mut state = self.state();
        let units = units.clamp(1, self.0.total);
        state.may_take(payer, units).then(|| {
            state.lend(payer, units);
            self.turn(payer, units)
        })
    }

    /// How many wait.
    pub(in crate::gateway) fn waiting(&self) -> usize {
        self.state().waiting
    }

    /// Whether somebody waits who holds no more than `payer` does, or `payer` itself.
    pub(in crate::gateway) fn are_wanted_from(&self, payer: &Payer) -> bool {
        let state = self.state();
        if state.waiting == 0 {
            return false;
        }
        let mine = state.holds(payer);
        let mut waiting = state.lines.iter().filter(|(_, line)| !line.waiting.is_empty());
        waiting.any(|(other, _)| other == payer || state.holds(other) <= mine)
    }

    /// Units that are out.
    pub(in crate::gateway) fn used(&self) -> u32 {
        self.0.total.saturating_sub(self.state().free)
    }

    /// Units in all.
    pub(in crate::gateway) fn total(&self) -> u32 {
        self.0.total
    }

    /// How many may wait.
    pub(in crate::gateway) fn room(&self) -> usize {
        self.0.room
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, payer: &Payer, units: u32) -> Turn {
        Turn { turns: self.clone(), payer: payer.clone(), units }
    }

    /// Makes room for one more request of `payer`, or says that there is none.
    fn make_room(&self, state: &mut State, payer: &Payer) -> Result<(), Crowded> {
        if state.waiting < self.0.room {
            return Ok(());
        }
        let mine = state.waits(payer);
        let most = state.lines.keys().map(|other| (state.waits(other), other)).max_by_key(|(waits, _)| *waits);
        let Some(((of_tenant, of_client), other)) = most else { return Err(Crowded) };
        // One less for them must not be less than one more for us.
        let fairer = match other.tenant == payer.tenant {
            true => of_client > mine.1 + 1,
            false => of_tenant > mine.0 + 1,
        };
        let other = other.clone();
        if fairer && state.lines.get_mut(&other).and_then(|line| line.waiting.pop_back()).is_some() {
            state.waiting -= 1;
            return Ok(());
        }
        Err(Crowded)
    }

    /// Gives units back, and what is free to whose turn it is.
    fn give_back(&self, payer: &Payer, units: u32) {
        let given = {
            let mut state = self.state();
            state.free = state.free.saturating_add(units);
            if let Some(line) = state.lines.get_mut(payer) {
                line.held = line.held.saturating_sub(units);
            }
            if let Some(held) = state.tenants.get_mut(&payer.tenant) {
                *held = held.saturating_sub(units);
            }
            state.tidy(payer);
            self.hand_out(&mut state)
        };
        tell(given);
    }

    fn hand_out(&self, state: &mut State) -> Vec<Given> {
        let mut given = Vec::new();
        while let Some((payer, units)) = state.whose_turn()
            && units <= state.free
        {
            let Some(waiter) = state.lines.get_mut(&payer).and_then(|line| line.waiting.pop_front()) else { break };
            state.waiting -= 1;
            state.lend(&payer, units);
            given.push((waiter.told, self.turn(&payer, units)));
        }
        given
    }
}

impl State {
    /// Units that a payer's tenant and the payer hold.
    fn holds(&self, payer: &Payer) -> (u32, u32) {
        let of_tenant = self.tenants.get(&payer.tenant).copied().unwrap_or_default();
        (of_tenant, self.lines.get(payer).map_or(0, |line| line.held))
    }

    /// Requests of a payer's tenant and of the payer that wait.
    fn waits(&self, payer: &Payer) -> (usize, usize) {
        let lines = self.lines.iter().filter(|(other, _)| other.tenant == payer.tenant);
        let of_tenant = lines.map(|(_, line)| line.waiting.len()).sum();
        (of_tenant, self.lines.get(payer).map_or(0, |line| line.waiting.len()))
    }

    /// Whether a payer holds little enough to get more.
    fn is_below(&self, payer: &Payer) -> bool {
        let (of_tenant, of_client) = self.holds(payer);
        let free = u64::from(self.free);
        let leaves_enough =
            u64::from(of_client) <= CLIENT_TIMES_FREE * free && u64::from(of_tenant) <= TENANT_TIMES_FREE * free;
        of_client == 0 || (self.free > 1 && leaves_enough)
    }

    /// Whether it gets them without waiting: whoever waits and may have more holds more already.
    fn may_take(&self, payer: &Payer, units: u32) -> bool {
        units <= self.free
            && self.is_below(payer)
            && (self.waiting == 0 || self.whose_turn().is_none_or(|(next, _)| self.holds(payer) < self.holds(&next)))
    }

    /// Who is served next, and how much it wants.
    fn whose_turn(&self) -> Option<(Payer, u32)> {
        let fronts = self.lines.iter().filter_map(|(payer, line)| Some((payer, line.waiting.front()?)));
        let next = fronts
            .filter(|(payer, _)| self.is_below(payer))
            .min_by_key(|(payer, front)| (self.holds(payer), front.number));
        next.map(|(payer, front)| (payer.clone(), front.units))
    }

    fn lend(&mut self, payer: &Payer, units: u32) {
        self.free = self.free.saturating_sub(units);
        let line = self.lines.entry(payer.clone()).or_default();
        line.held = line.held.saturating_add(units);
        let tenant = self.tenants.entry(payer.tenant.clone()).or_default();
        *tenant = tenant.saturating_add(units);
    }

    /// Forgets who neither holds nor waits.
    fn tidy(&mut self, payer: &Payer) {
        if self.lines.get(payer).is_some_and(|line| line.held == 0 && line.waiting.is_empty()) {
            self.lines.remove(payer);
        }
        if self.tenants.get(&payer.tenant) == Some(&0) {
            self.tenants.remove(&payer.tenant);
        }
    }
}

fn tell(given: Vec<Given>) {
    for (told, turn) in given {
        // Nobody waits for it any more: it goes to the next one.
        drop(told.send(turn));
    }
}

/// Takes a request out of its line when nobody waits for it any more. After it was served there is nothing to take out.
struct Leaves<'t> {
    turns: &'t Turns,
    payer: &'t Payer,
    number: u64,
}

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        let given = {
            let mut state = self.turns.state();
            let Some(line) = state.lines.get_mut(self.payer) else { return };
            let Some(at) = line.waiting.iter().position(|waiter| waiter.number == self.number) else { return };
            line.waiting.remove(at);
            state.waiting -= 1;
            state.tidy(self.payer);
            self.turns.hand_out(&mut state)
        };
        tell(given);
    }
}

impl Turn {
    /// How many units it is.
    pub(in crate::gateway) fn units(&self) -> u32 {
        self.units
    }

    /// Gives back all but `units`.
    pub(in crate::gateway) fn shrink_to(&mut self, units: u32) {
        let back = self.units.saturating_sub(units);
        if back > 0 {
            self.units -= back;
            self.turns.give_back(&self.payer, back);
        }
    }

    /// Makes one of two turns of the same payer.
    pub(in crate::gateway) fn absorb(&mut self, mut more: Self) {
        self.units = self.units.saturating_add(std::mem::take(&mut more.units));
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.units > 0 {
            self.turns.give_back(&self.payer, self.units);
        }
    }
}

#[cfg(test)]
#[path = "fair_tests.rs"]
mod tests;
