//! Differences between Écluse and Azurite that are as they should be: each with the operation, the two answers and the
//! circumstances it arises in, and with who says so.
//!
//! [`refusals`]: both refuse, for other reasons. [`outcomes`]: one does what the other refuses. [`shown`], [`listed`]: what
//! answers and lists say.

use wildmatch::WildMatch;

use crate::azure::wire::Answer;
use crate::compared::compare::Difference;
use crate::compared::ops::Step;

mod listed;
pub mod oddities;
mod outcomes;
mod refusals;
mod shown;

/// Who says that ours is right.
#[derive(Debug, Clone, Copy)]
pub enum Witness {
    /// A page of Microsoft's: its title, as under `learn.microsoft.com/rest/api/storageservices`, or whose it is.
    Page(&'static str),
    /// No page of Microsoft's says it; ours is the stricter, or the only one that makes sense. What Azurite does is in this
    /// file of its source.
    Undocumented(&'static str),
}

/// One difference.
pub struct Known {
    /// Operations; empty: any.
    pub on: &'static [&'static str],
    /// `status`, `body`, `header NAME`, `xml PATH`, `xml order`, `tag`, `metadata`; `*` is anything.
    pub what: &'static str,
    pub ours: &'static str,
    pub theirs: &'static str,
    /// When it arises.
    pub when: fn(&Met<'_>) -> bool,
    pub why: &'static str,
    pub witness: Witness,
}

/// Builds one.
pub const fn known(
    on: &'static [&'static str],
    [what, ours, theirs]: [&'static str; 3],
    when: fn(&Met<'_>) -> bool,
    why: &'static str,
    witness: Witness,
) -> Known {
    Known { on, what, ours, theirs, when, why, witness }
}

impl Known {
    pub fn covers(&self, difference: &Difference, met: &Met<'_>) -> bool {
        let fits = |pattern: &str, text: &str| WildMatch::new(pattern).matches(text);
        (self.on.is_empty() || self.on.contains(&difference.on))
            && fits(self.what, &difference.what)
            && fits(self.ours, &difference.ours)
            && fits(self.theirs, &difference.theirs)
            && (self.when)(met)
    }
}

/// All of them.
pub fn all() -> Vec<&'static Known> {
    [refusals::KNOWN, outcomes::KNOWN, shown::KNOWN, listed::KNOWN].into_iter().flatten().collect()
}

/// What was there before a step, as Azurite told it.
#[derive(Debug, Clone, Default)]
pub struct Before {
    /// HEAD of the place.
    pub place: Answer,
    /// HEAD of the source of a copy.
    pub source: Answer,
    /// Uncommitted blocks wait under the name.
    pub waiting: bool,
    /// Somebody wrote to it, or to something in it, since its lease ended.
    pub freed: bool,
    /// It is a copy and was changed since.
    pub changed: bool,
    /// It, or something in it, was a changed copy once: snapshots stay what they were.
    pub changed_once: bool,
    /// It was copied, or is a copy.
    pub shared: bool,
    /// A snapshot of it, or of the source of a copy, was taken with metadata of its own, and so has a tag of its own.
    pub retagged: bool,
    /// What it was when snapshots were taken of it.
    pub snapshots_of: Vec<String>,
}

/// A step and its two answers, with what was there before.
pub struct Met<'m> {
    pub step: &'m Step,
    pub before: &'m Before,
    pub ours: &'m Answer,
    pub theirs: &'m Answer,
}

impl Met<'_> {
    /// Whether that is odd about the step.
    pub fn odd(&self, what: &str) -> bool {
        self.step.odd.split(", ").any(|odd| odd == what)
    }

    pub fn sends(&self, name: &str) -> bool {
        self.step.headers.iter().any(|(other, _)| other == name)
    }

    pub fn asks(&self, name: &str) -> bool {
        self.step.query.iter().any(|(other, _)| *other == name)
    }

    pub fn names_lease(&self) -> bool {
        self.sends("x-ms-lease-id")
    }

    /// Whether the step has conditions.
    pub fn conditional(&self) -> bool {
        let of_step = |name: &str| name.starts_with("if-") || name == "x-ms-if-tags" || name.contains("-source-if-");
        self.step.headers.iter().any(|(name, _)| of_step(name))
    }

    pub fn is_write(&self) -> bool {
        self.step.is_write()
    }

    /// Whether a snapshot was taken of it when it was of that kind.
    pub fn has_snapshot_of(&self, kind: &str) -> bool {
        self.before.snapshots_of.iter().any(|other| other == kind)
    }

    // --- what was there -----------------------------------------------------------------------------------------------

    pub fn was_there(&self) -> bool {
        self.before.place.is_success()
    }

    pub fn was(&self, kind: &str) -> bool {
        self.before.place.header("x-ms-blob-type") == kind
    }

    pub fn was_archived(&self) -> bool {
        self.before.place.header("x-ms-access-tier") == "Archive"
    }

    /// The lease, in Azure's words.
    pub fn lease_state(&self) -> &str {
        self.before.place.header("x-ms-lease-state")
    }

    pub fn was_locked(&self) -> bool {
        matches!(self.lease_state(), "leased" | "breaking")
    }

    pub fn lease_had_ended(&self) -> bool {
        matches!(self.lease_state(), "expired" | "broken")
    }
}

/// For differences that need no circumstances.
pub fn always(_met: &Met<'_>) -> bool {
    true
}
