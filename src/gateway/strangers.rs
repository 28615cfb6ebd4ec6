//! Look-ups in the catalog for who is nobody yet: a browser that asks beforehand, or a refusal that a page may read.
//!
//! # Invariants
//! - [`AT_ONCE`] of them are under way, whoever asks: fewer than the catalog has readers, so that those of clients never wait
//!   for them.
//! - One address has at most [`OF_ADDRESS`] under way and waiting; what is more is turned away at once. Others go in the order in
//!   which they came, so an address waits for so many of another's at most.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::fair::Crowded;

/// How many are under way at once.
const AT_ONCE: usize = 2;
/// How many of one address are under way and waiting. Behind one address there may be a hospital, and a page that asks for many
/// images at once; a look-up takes a tenth of a millisecond.
const OF_ADDRESS: usize = 128;

/// Who asks, and where from.
pub(super) struct Strangers {
    places: Semaphore,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// A look-up's place; it is free again when this is dropped.
pub(super) struct Place<'s> {
    _permit: SemaphorePermit<'s>,
    _counted: Counted<'s>,
}

struct Counted<'s> {
    strangers: &'s Strangers,
    from: IpAddr,
}

impl Default for Strangers {
    fn default() -> Self {
        Self { places: Semaphore::new(AT_ONCE), counts: Mutex::default() }
    }
}

impl Strangers {
    /// Waits for a place.
    pub(super) async fn enter(&self, from: IpAddr) -> Result<Place<'_>, Crowded> {
        {
            let mut counts = self.counts();
            let count = counts.entry(from).or_default();
            if *count >= OF_ADDRESS {
                return Err(Crowded);
            }
            *count += 1;
        }
        let counted = Counted { strangers: self, from };
        let permit = self.places.acquire().await.map_err(|_closed| Crowded)?;
        Ok(Place { _permit: permit, _counted: counted })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let mut counts = self.strangers.counts();
        if let Some(count) = counts.get_mut(&self.from) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures::FutureExt as _;

    use super::*;

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, last).into()
    }

    #[tokio::test]
    async fn an_address_has_so_many_places_and_others_wait_their_turn_behind_them_only() {
        let strangers = Strangers::default();
        let mut here: Vec<_> = (0..AT_ONCE).map(|_| strangers.enter(address(1)).now_or_never().unwrap().ok()).collect();
        let mut waiting: Vec<_> = (AT_ONCE..OF_ADDRESS).map(|_| Box::pin(strangers.enter(address(1)))).collect();
        assert!(waiting.iter_mut().all(|place| place.now_or_never().is_none()), "only so many at once");
        assert!(strangers.enter(address(1)).await.is_err(), "and only so many of one address");
        let mut other = Box::pin(strangers.enter(address(2)));
        assert!(futures::poll!(&mut other).is_pending());
        // What left while it waited counts no more.
        waiting.clear();
        here.clear();
        assert!(other.await.is_ok());
        assert!(strangers.enter(address(1)).await.is_ok());
        assert!(strangers.counts().is_empty());
    }
}
