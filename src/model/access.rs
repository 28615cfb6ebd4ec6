//! Who may do what: principals, grants, and the proof that a check was made.
//!
//! # Invariants
//! - [`Authorized`] is made by [`Principal::authorize`] only, so a gateway operation that takes one cannot be
//!   reached without the check.
//! - Narrowing a principal never allows more: a layer is one more thing that must allow.
//! - Joining principals allows what one of them alone allows; what a requirement needs is never pieced together.

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
    buckets: Buckets,
    keys: Keys,
    actions: Vec<Action>,
}

#[derive(Debug, Clone)]
enum Buckets {
    Like(Vec<WildMatch>),
    One(BucketName),
}

#[derive(Debug, Clone)]
enum Keys {
    /// Empty: every key.
    Below(Vec<String>),
    One(String),
}

/// A configured client, known by its credentials. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The client.
    pub client: ClientId,
    /// Whose namespace it works in.
    pub tenant: TenantId,
    powers: Arc<[Power]>,
}

/// Layers of grants: each of them must allow.
#[derive(Debug, Clone)]
struct Power(Vec<Arc<[Grant]>>);

impl Power {
    fn allows(&self, requirement: &Requirement<'_>) -> bool {
        self.every_layer(|grant| grant.allows(requirement))
    }

    fn every_layer(&self, fits: impl Fn(&Grant) -> bool) -> bool {
        !self.0.is_empty() && self.0.iter().all(|layer| layer.iter().any(&fits))
    }
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
        let buckets = Buckets::Like(buckets.iter().map(|p| WildMatch::new(p)).collect());
        Self { buckets, keys: Keys::Below(prefixes), actions }
    }

    /// In every bucket, every key.
    pub fn everywhere(actions: Vec<Action>) -> Self {
        Self { buckets: Buckets::Like(vec![WildMatch::new("*")]), keys: Keys::Below(Vec::new()), actions }
    }

    /// In this bucket alone, what `scope` says: the bucket with every key, one key, or the keys that begin so.
    pub fn within(bucket: BucketName, scope: Scope<'_>, actions: Vec<Action>) -> Self {
        let keys = match scope {
            Scope::Bucket => Keys::Below(Vec::new()),
            Scope::Prefix(prefix) => Keys::Below(vec![prefix.to_owned()]),
            Scope::Key(key) => Keys::One(key.to_owned()),
        };
        Self { buckets: Buckets::One(bucket), keys, actions }
    }

    fn covers_bucket(&self, bucket: &BucketName) -> bool {
        match &self.buckets {
            Buckets::Like(patterns) => patterns.iter().any(|pattern| pattern.matches(bucket.as_str())),
            Buckets::One(name) => name == bucket,
        }
    }

    fn covers_every_key(&self) -> bool {
        matches!(&self.keys, Keys::Below(prefixes) if prefixes.is_empty())
    }

    fn allows(&self, requirement: &Requirement<'_>) -> bool {
        let below = |text: &str, prefixes: &[String]| {
            prefixes.is_empty() || prefixes.iter().any(|prefix| text.starts_with(prefix.as_str()))
        };
        self.actions.contains(&requirement.action)
            && self.covers_bucket(requirement.bucket)
            && match (requirement.scope, &self.keys) {
                // Creating or deleting a bucket touches every key in it; seeing that it exists does not.
                (Scope::Bucket, _) => self.covers_every_key() || requirement.action != Action::Admin,
                (Scope::Key(text) | Scope::Prefix(text), Keys::Below(prefixes)) => below(text, prefixes),
                (Scope::Key(text), Keys::One(key)) => text == key,
                // Longer keys begin with it, too.
                (Scope::Prefix(_), Keys::One(_)) => false,
            }
    }
}

impl Principal {
    /// A client with its grants.
    pub fn new(client: ClientId, tenant: TenantId, grants: Vec<Grant>) -> Self {
        Self { client, tenant, powers: [Power(vec![grants.into()])].into() }
    }

    /// The same client, allowed no more than `layer` allows too: what it delegated to who asks.
    #[must_use]
    pub fn narrowed(&self, layer: Vec<Grant>) -> Self {
        let layer: Arc<[Grant]> = layer.into();
        let narrow = |power: &Power| Power(power.0.iter().chain([&layer]).map(Arc::clone).collect());
        Self {
            client: self.client.clone(),
            tenant: self.tenant.clone(),
            powers: self.powers.iter().map(narrow).collect(),
        }
    }

    /// Who asks with two proofs, one for the source and one for the target of a copy: each requirement must be allowed by
    /// one of them. `None` between tenants, whose namespaces never meet.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Option<Self> {
        let powers = || self.powers.iter().chain(other.powers.iter()).cloned().collect();
        (self.tenant == other.tenant).then(|| Self {
            client: self.client.clone(),
            tenant: self.tenant.clone(),
            powers: powers(),
        })
    }

    /// Checks `op` against the grants. Every requirement must be covered by some grant.
    pub fn authorize<Op: Operation>(&self, op: Op) -> Result<Authorized<Op>, Denied> {
        let allowed = op.requirements().iter().all(|requirement| self.allows(requirement));
        if allowed { Ok(Authorized { principal: self.clone(), op }) } else { Err(Denied) }
    }

    /// Whether any grant names the bucket: such buckets appear in the client's list of buckets.
    pub fn may_see(&self, bucket: &BucketName) -> bool {
        self.powers.iter().any(|power| power.every_layer(|grant| grant.covers_bucket(bucket)))
    }

    /// Whether the principal may list `bucket` at all: decides between 404 and 403 for a missing object.
    pub fn may_list(&self, bucket: &BucketName, key: &str) -> bool {
        self.allows(&Requirement { action: Action::List, bucket, scope: Scope::Prefix(key) })
    }

    fn allows(&self, requirement: &Requirement<'_>) -> bool {
        self.powers.iter().any(|power| power.allows(requirement))
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
