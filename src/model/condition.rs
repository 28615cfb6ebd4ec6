//! Conditional requests (RFC 9110 §13).

use super::{ETag, TagExpression, Tags, Timestamp};

/// `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EtagCondition {
    /// `*`: any current version.
    Any,
    /// One of these tags. Tags that could not be ours are left out by the parser; they match nothing.
    OneOf(Vec<ETag>),
}

/// All conditions of a request; the default has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `If-Match`.
    pub if_match: Option<EtagCondition>,
    /// `If-None-Match`.
    pub if_none_match: Option<EtagCondition>,
    /// `If-Modified-Since`, in seconds since the epoch.
    pub if_modified_since: Option<i64>,
    /// `If-Unmodified-Since`, in seconds since the epoch.
    pub if_unmodified_since: Option<i64>,
    /// What the tags must be (Azure `x-ms-if-tags`).
    pub if_tags: Option<TagExpression>,
    /// The lease that the client says it holds (Azure `x-ms-lease-id`). Decided beside the rest: see
    /// [`LeaseFault`](super::LeaseFault).
    pub lease: Option<String>,
    /// What is in the archive must stay as it is. Decided beside the rest, after the lease.
    /// Source: Azure "Access tiers for blob data", "Archive access tier".
    pub not_archived: bool,
    /// How several of them go together.
    pub combination: Combination,
}

/// How conditions on tags and times go together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Combination {
    /// A condition on tags takes the place of the one on times (RFC 9110 §13.2.2).
    #[default]
    TagsFirst,
    /// Both count: `If-Match` and `If-Unmodified-Since`, and one of `If-None-Match` and `If-Modified-Since`.
    /// Source: Azure "Specifying conditional headers for Blob service operations", versions from 2013-08-15 on.
    Both,
}

/// What conditions are held against; `None` in its place means that the object does not exist.
#[derive(Debug, Clone, Copy)]
pub struct CurrentState<'a> {
    /// The tag of its content.
    pub etag: &'a ETag,
    /// The tag of its state, which tags in conditions may be, too: see [`ETag::of_state`].
    pub state_tag: &'a ETag,
    /// When it was committed.
    pub modified: Timestamp,
    /// Its tags; needed only for [`Conditions::if_tags`], which do not hold without them.
    pub tags: Option<&'a Tags>,
}

/// Why a request must not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmet {
    /// 412.
    PreconditionFailed,
    /// Nothing is there that the tags of `If-Match` could be held against: S3 has 404 for a write, Azure 412.
    Absent,
    /// 304 on reads.
    NotModified,
}

impl<'a> CurrentState<'a> {
    /// A state with these tags, committed then.
    pub fn new(etag: &'a ETag, state_tag: &'a ETag, modified: Timestamp, tags: Option<&'a Tags>) -> Self {
        Self { etag, state_tag, modified, tags }
    }
}

impl EtagCondition {
    /// Either tag counts: each front shows one of them, and both mean this state.
    fn matches(&self, current: Option<CurrentState<'_>>) -> bool {
        match (self, current) {
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::OneOf(tags), Some(state)) => tags.contains(state.etag) || tags.contains(state.state_tag),
        }
    }
}

impl Conditions {
    /// For a read (GET, HEAD, the source of a copy): precedence of RFC 9110 §13.2.2. The lease is not looked at.
    pub fn check_read(&self, current: Option<CurrentState<'_>>) -> Result<(), Unmet> {
        if let Some(expression) = &self.if_tags
            && !current.is_some_and(|state| state.tags.is_some_and(|tags| expression.holds(tags)))
        {
            return Err(Unmet::PreconditionFailed);
        }
        if self.combination == Combination::Both {
            return self.check_both(current);
        }
        if let Some(condition) = &self.if_match {
            if !condition.matches(current) {
                return Err(if current.is_none() { Unmet::Absent } else { Unmet::PreconditionFailed });
            }
        } else if let (Some(limit), Some(state)) = (self.if_unmodified_since, current)
            && state.modified.seconds() > limit
        {
            return Err(Unmet::PreconditionFailed);
        }
        if let Some(condition) = &self.if_none_match {
            if condition.matches(current) {
                return Err(Unmet::NotModified);
            }
        } else if let (Some(limit), Some(state)) = (self.if_modified_since, current)
            && state.modified.seconds() <= limit
        {
            return Err(Unmet::NotModified);
        }
        Ok(())
    }

    fn check_both(&self, current: Option<CurrentState<'_>>) -> Result<(), Unmet> {
        let modified = current.map(|state| state.modified.seconds());
        let newer = |limit: i64| modified.is_some_and(|at| at > limit);
        let matches = self.if_match.as_ref().is_none_or(|condition| condition.matches(current));
        if !matches || self.if_unmodified_since.is_some_and(newer) {
            return Err(Unmet::PreconditionFailed);
        }
        let other = self.if_none_match.as_ref().map(|condition| !condition.matches(current));
        // What is not there was not modified, and is no reason to refuse.
        let since = self.if_modified_since.map(|limit| current.is_none() || newer(limit));
        let holds = match (other, since) {
            (Some(other), Some(since)) => other || since,
            (one, another) => one.or(another).unwrap_or(true),
        };
        if holds { Ok(()) } else { Err(Unmet::NotModified) }
    }

    /// For a write (PUT, DELETE, completing an upload): anything unmet is 412, but for `If-Match` where nothing is. The lease is not looked at.
    pub fn check_write(&self, current: Option<CurrentState<'_>>) -> Result<(), Unmet> {
        self.check_read(current).map_err(|unmet| match unmet {
            Unmet::Absent => Unmet::Absent,
            Unmet::PreconditionFailed | Unmet::NotModified => Unmet::PreconditionFailed,
        })
    }

    /// Whether a tag is named: the outcome then tells something of the content.
    pub fn name_tags(&self) -> bool {
        [&self.if_match, &self.if_none_match].into_iter().flatten().any(|tags| *tags != EtagCondition::Any)
    }

    /// Whether there is nothing to check.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
