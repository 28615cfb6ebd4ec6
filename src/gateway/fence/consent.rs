//! Consent to deletions: asked before each, and given for a moment.

use std::time::Duration;

use super::{Fencing, OBJECTIONS, Verdict, troubles};
use crate::gateway::Gateway;
use crate::store::Consent;

/// A look that young still counts before a deletion.
const FRESH: Duration = Duration::from_millis(500);

impl Gateway {
    /// Whether jobs may write and delete at the providers: looks at them, unless somebody has a moment ago.
    pub async fn may_delete(&self) -> bool {
        self.consent().await.is_some()
    }

    /// Consent to a deletion at a provider now. Not to be kept: a batch of deletions takes longer than a strange gateway needs to
    /// come.
    pub(in crate::gateway) async fn consent(&self) -> Option<Consent> {
        match self.fence.fencing {
            Fencing::Off => return Some(Consent::given()),
            Fencing::ReadOnly => return None,
            Fencing::Enforced => {}
        }
        if self.is_sealed() || self.settles() {
            return None;
        }
        if !self.looked_a_moment_ago() {
            let _one = self.fence.entering.lock().await;
            // Somebody may have looked while this one waited.
            if !self.looked_a_moment_ago() {
                self.look().await.ok()?;
            }
        }
        Some(Consent::given())
    }

    /// Whether a look a moment ago found everything in order, and nothing has happened since.
    fn looked_a_moment_ago(&self) -> bool {
        match &self.fence.read().verdict {
            Verdict::Clear { troubles: then, at } => at.elapsed() < FRESH && troubles(&self.store) == *then,
            Verdict::Fault(_) => false,
        }
    }

    /// Whether the epoch is so young that its predecessor may not have noticed yet; or none was entered.
    fn settles(&self) -> bool {
        let wait = OBJECTIONS.min(self.settings.grace);
        self.fence.read().entered.is_none_or(|(_, since)| since.elapsed() < wait)
    }
}
