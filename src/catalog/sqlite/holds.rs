//! Contents that reads still need: their rows stay, though nothing else refers to them any more.
//!
//! # Invariants
//! - Who opens a version is within [`Holds::opening`] from before its read transaction until it holds the content.
//! - The purge looks for what waits to go, then waits for everybody who was opening something at that moment, and then
//!   leaves what is held. A content that waits to go is found by nobody who opens something later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{RwLock, RwLockReadGuard};

use crate::catalog::slices::Rows;

#[derive(Default)]
pub(super) struct Holds {
    opening: RwLock<()>,
    held: Arc<Held>,
}

/// How many hold each content.
#[derive(Debug, Default)]
struct Held(Mutex<BTreeMap<i64, usize>>);

/// Holds one content until it is dropped.
#[derive(Debug)]
struct Hold {
    content: i64,
    held: Arc<Held>,
}

impl Holds {
    /// Somebody opens a version.
    pub(super) async fn opening(&self) -> RwLockReadGuard<'_, ()> {
        self.opening.read().await
    }

    /// Holds a content.
    pub(super) fn hold(&self, content: i64) -> Arc<dyn Rows> {
        *self.held.counts().entry(content).or_insert(0) += 1;
        Arc::new(Hold { content, held: Arc::clone(&self.held) })
    }

    /// What is held, once everybody has it who was opening something.
    pub(super) async fn held(&self) -> BTreeSet<i64> {
        drop(self.opening.write().await);
        self.held.counts().keys().copied().collect()
    }

    /// How many contents are held.
    pub(super) fn count(&self) -> usize {
        self.held.counts().len()
    }
}

impl Held {
    fn counts(&self) -> MutexGuard<'_, BTreeMap<i64, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows for Hold {
    fn content(&self) -> i64 {
        self.content
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut counts = self.held.counts();
        if let Some(count) = counts.get_mut(&self.content) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.content);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_held_is_known_once_nobody_is_opening_and_until_the_last_holder_has_gone() {
        let holds = Arc::new(Holds::default());
        let opening = holds.opening().await;
        let other = Arc::clone(&holds);
        let looks = tokio::spawn(async move { other.held().await });
        tokio::task::yield_now().await;
        assert!(!looks.is_finished());
        let (first, second) = (holds.hold(7), holds.hold(7));
        drop(opening);
        assert_eq!(looks.await.unwrap(), BTreeSet::from([7]));
        drop(first);
        assert_eq!((holds.count(), second.content()), (1, 7));
        drop(second);
        assert_eq!(holds.held().await, BTreeSet::new());
    }
}
