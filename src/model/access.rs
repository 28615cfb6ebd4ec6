//! Who may do what: principals, grants, and the proof that a check was made.
//!
//! # Invariants
//! - [`Authorized`] is made by [`Principal::authorize`] only, so a gateway operation that takes one cannot be
//!   reached without the check.

use std::sync::Arc;

use wildmatch::WildMatch;

use super::{BucketName, ClientId, TenantId};

/// What a grant allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Get and head objects.
    Read,
    /// Put, copy to, upload to objects.
    Write,
    /// Delete objects.
    Delete,
    /// List objects and uploads; see buckets.
    List,
    /// Create and delete buckets.
    Admin,
}

/// One grant of a client's `allow` list.
#[derive(Debug, Clone)]
pub struct Grant {
    buckets: Vec<WildMatch>,
    prefixes: Vec<String>,
    actions: Vec<Action>,
}

/// A configured client, known by its credentials. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The client.
    pub client: ClientId,
    /// Whose namespace it works in.
    pub tenant: TenantId,
    grants: Arc<[Grant]>,
}

/// What within a bucket a requirement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// The bucket itself.
    Bucket,
    /// One key.
    Key(&'a str),
    /// Every key that begins so.
    Prefix(&'a str),
}

/// One thing that an operation needs to be allowed.
#[derive(Debug, Clone, Copy)]
pub struct Requirement<'a> {
    /// What is done.
    pub action: Action,
    /// In which bucket.
    pub bucket: &'a BucketName,
    /// To what in it.
    pub scope: Scope<'a>,
}

/// An operation of the gateway: says what it needs.
pub trait Operation {
    /// All that must be allowed before the operation may run.
    fn requirements(&self) -> Vec<Requirement<'_>>;
}

/// The principal may not do that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("access denied")]
pub struct Denied;

/// Proof that `op` was checked against its principal's grants.
#[derive(Debug)]
pub struct Authorized<Op> {
    principal: Principal,
    op: Op,
}

impl Grant {
    /// `buckets`: patterns with `*` and `?`; `prefixes`: empty means every key.
    pub fn new(buckets: &[String], prefixes: Vec<String>, actions: Vec<Action>) -> Self {
        Self { buckets: buckets.iter().map(|p| WildMatch::new(p)).collect(), prefixes, actions }
    }

    fn covers_bucket(&self, bucket: &BucketName) -> bool {
        self.buckets.iter().any(|pattern| pattern.matches(bucket.as_str()))
    }

    fn allows(&self, requirement: &Requirement<'_>) -> bool {
        let within = |text: &str| {
            self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| text.starts_with(prefix.as_str()))
        };
        self.actions.contains(&requirement.action)
            && self.covers_bucket(requirement.bucket)
            && match requirement.scope {
                // Creating or deleting a bucket touches every key in it; seeing that it exists does not.
                Scope::Bucket => self.prefixes.is_empty() || requirement.action != Action::Admin,
                Scope::Key(text) | Scope::Prefix(text) => within(text),
            }
    }
}

impl Principal {
    /// A client with its grants.
    pub fn new(client: ClientId, tenant: TenantId, grants: Vec<Grant>) -> Self {
        Self { client, tenant, grants: grants.into() }
    }

    /// Checks `op` against the grants. Every requirement must be covered by some grant.
    pub fn authorize<Op: Operation>(&self, op: Op) -> Result<Authorized<Op>, Denied> {
        let allowed = op.requirements().iter().all(|r| self.grants.iter().any(|g| g.allows(r)));
        if allowed { Ok(Authorized { principal: self.clone(), op }) } else { Err(Denied) }
    }

    /// Whether any grant names the bucket: such buckets appear in the client's list of buckets.
    pub fn may_see(&self, bucket: &BucketName) -> bool {
        self.grants.iter().any(|grant| grant.covers_bucket(bucket))
    }

    /// Whether the principal may list `bucket` at all: decides between 404 and 403 for a missing object.
    pub fn may_list(&self, bucket: &BucketName, key: &str) -> bool {
        let requirement = Requirement { action: Action::List, bucket, scope: Scope::Prefix(key) };
        self.grants.iter().any(|grant| grant.allows(&requirement))
    }
}

impl<Op> Authorized<Op> {
    /// Who asked.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What was asked.
    pub fn op(&self) -> &Op {
        &self.op
    }

    /// Takes the proof apart, at the place where the operation runs.
    pub fn into_parts(self) -> (Principal, Op) {
        (self.principal, self.op)
    }
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
