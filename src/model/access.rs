//! Who may do what: principals, grants, and the proof that a check was made.
//!
//! # Invariants
//! - [`Authorized`] is made by [`Principal::authorize`] only, so a gateway operation that takes one cannot be
//!   reached without the check.
//! - Narrowing a principal never allows more: a layer is one more thing that must allow.
//! - Joining principals allows what one of them alone allows; what a requirement needs is never pieced together.
//! - What a client is granted is looked up at each check, so a proof tells whether it still holds ([`Principal::still_may`]):
//!   whoever lost a grant, was removed, or whose standing ended, loses it for what has begun, too.

mod sight;

use std::fmt::Debug;
use std::sync::Arc;

use arc_swap::ArcSwap;
use wildmatch::WildMatch;

pub use sight::Sight;

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
    /// The bucket itself only.
    None,
}

/// A configured client, known by its credentials. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The client.
    pub client: ClientId,
    /// Whose namespace it works in.
    pub tenant: TenantId,
    /// What the client itself is granted.
    granted: Granted,
    powers: Arc<[Power]>,
    /// What it was authorized for last.
    needed: Arc<[Needed]>,
}

/// What a client is granted now; shared by all that it has begun.
type Granted = Arc<ArcSwap<Vec<Grant>>>;

/// Something that may end while a request is under way: a token's mapping to its client, the grants of another client.
pub trait Standing: Debug + Send + Sync {
    /// Whether this is still allowed, as far as this goes.
    fn allows(&self, requirement: &Requirement<'_>) -> bool;
}

/// Layers: each of them must allow.
#[derive(Debug, Clone)]
struct Power(Vec<Layer>);

#[derive(Debug, Clone)]
enum Layer {
    /// What the client is granted.
    Client(Granted),
    /// What it delegated.
    Delegated(Arc<[Grant]>),
    /// What it asks by.
    Standing(Arc<dyn Standing>),
}

impl Power {
    fn allows(&self, requirement: &Requirement<'_>) -> bool {
        !self.0.is_empty() && self.0.iter().all(|layer| layer.allows(requirement))
    }

    /// Whether each layer has a grant that fits. A standing has no grants: it is asked about requirements only.
    fn every_layer(&self, fits: impl Fn(&Grant) -> bool) -> bool {
        let any = |layer: &Layer| match layer {
            Layer::Client(granted) => granted.load().iter().any(&fits),
            Layer::Delegated(grants) => grants.iter().any(&fits),
            Layer::Standing(_) => true,
        };
        !self.0.is_empty() && self.0.iter().all(any)
    }
}

impl Layer {
    fn allows(&self, requirement: &Requirement<'_>) -> bool {
        match self {
            Self::Client(granted) => granted.load().iter().any(|grant| grant.allows(requirement)),
            Self::Delegated(grants) => grants.iter().any(|grant| grant.allows(requirement)),
            Self::Standing(standing) => standing.allows(requirement),
        }
    }
}

/// A requirement that outlives its operation.
#[derive(Debug)]
struct Needed {
    action: Action,
    bucket: BucketName,
    scope: NeededScope,
}

#[derive(Debug)]
enum NeededScope {
    Bucket,
    Key(String),
    Prefix(String),
}

impl Needed {
    fn of(requirement: &Requirement<'_>) -> Self {
        let scope = match requirement.scope {
            Scope::Bucket => NeededScope::Bucket,
            Scope::Key(key) => NeededScope::Key(key.to_owned()),
            Scope::Prefix(prefix) => NeededScope::Prefix(prefix.to_owned()),
        };
        Self { action: requirement.action, bucket: requirement.bucket.clone(), scope }
    }

    fn requirement(&self) -> Requirement<'_> {
        let scope = match &self.scope {
            NeededScope::Bucket => Scope::Bucket,
            NeededScope::Key(key) => Scope::Key(key),
            NeededScope::Prefix(prefix) => Scope::Prefix(prefix),
        };
        Requirement { action: self.action, bucket: &self.bucket, scope }
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

    /// Whether it changes anything: as a rule, whether it needs more than to read and to list.
    fn writes(&self) -> bool {
        self.requirements().iter().any(|needed| !matches!(needed.action, Action::Read | Action::List))
    }

    /// What must be allowed somewhere in the account: of operations that reach over all buckets and tell what the principal
    /// may see, and no more.
    fn somewhere(&self) -> &'static [Action] {
        &[]
    }

    /// What must be allowed in every bucket, those to come too: of operations on the account itself.
    fn everywhere(&self) -> &'static [Action] {
        &[]
    }
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

    /// In every bucket, of the bucket itself and of no key.
    pub fn of_buckets(actions: Vec<Action>) -> Self {
        Self { keys: Keys::None, ..Self::everywhere(actions) }
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

    fn covers_every_bucket(&self) -> bool {
        matches!(&self.buckets, Buckets::Like(patterns) if patterns.iter().any(|pattern| pattern.pattern() == "*"))
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
                (Scope::Prefix(_), Keys::One(_)) | (Scope::Key(_) | Scope::Prefix(_), Keys::None) => false,
            }
    }
}

impl Principal {
    /// A client with its grants.
    pub fn new(client: ClientId, tenant: TenantId, grants: Vec<Grant>) -> Self {
        let granted: Granted = Arc::new(ArcSwap::from_pointee(grants));
        let powers = [Power(vec![Layer::Client(Arc::clone(&granted))])].into();
        Self { client, tenant, granted, powers, needed: Arc::default() }
    }

    /// This client, granted from now on what `newer` is granted: what it has begun is held to it, too.
    #[must_use]
    pub fn regranted(&self, newer: &Self) -> Self {
        self.granted.store(newer.granted.load_full());
        self.clone()
    }

    /// Takes all grants away: what this client has begun is no longer allowed.
    pub fn end(&self) {
        self.granted.store(Arc::default());
    }

    /// The same client, allowed no more than `layer` allows too: what it delegated to who asks.
    #[must_use]
    pub fn narrowed(&self, layer: Vec<Grant>) -> Self {
        self.with_layer(Layer::Delegated(layer.into()))
    }

    /// The same client, allowed no more than `standing` allows too, now and when it is asked again.
    #[must_use]
    pub fn standing_on(&self, standing: Arc<dyn Standing>) -> Self {
        self.with_layer(Layer::Standing(standing))
    }

    fn with_layer(&self, layer: Layer) -> Self {
        let narrow = |power: &Power| Power(power.0.iter().chain([&layer]).cloned().collect());
        Self { powers: self.powers.iter().map(narrow).collect(), ..self.clone() }
    }

    /// Who asks with two proofs, one for the source and one for the target of a copy: each requirement must be allowed by
    /// one of them. `None` between tenants, whose namespaces never meet.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Option<Self> {
        let powers = || self.powers.iter().chain(other.powers.iter()).cloned().collect();
        (self.tenant == other.tenant).then(|| Self { powers: powers(), ..self.clone() })
    }

    /// Checks `op` against the grants. Every requirement must be covered by some grant.
    pub fn authorize<Op: Operation>(&self, op: Op) -> Result<Authorized<Op>, Denied> {
        let requirements = op.requirements();
        let allowed = requirements.iter().all(|requirement| self.allows(requirement))
            && op.somewhere().iter().all(|action| self.may_somewhere(*action))
            && op.everywhere().iter().all(|action| self.may_everywhere(*action));
        if !allowed {
            return Err(Denied);
        }
        let needed = requirements.iter().map(Needed::of).collect();
        Ok(Authorized { principal: Self { needed, ..self.clone() }, op })
    }

    /// Whether what this was authorized for is allowed still: asked before something is committed.
    pub fn still_may(&self) -> bool {
        self.needed.iter().all(|needed| self.allows(&needed.requirement()))
    }

    /// Whether the principal may know of the bucket: such buckets appear in its list of buckets.
    pub fn may_see(&self, bucket: &BucketName) -> bool {
        self.allows(&Requirement { action: Action::List, bucket, scope: Scope::Bucket })
    }

    /// Whether the principal may list `bucket` at all: decides between 404 and 403 for a missing object.
    pub fn may_list(&self, bucket: &BucketName, key: &str) -> bool {
        self.allows(&Requirement { action: Action::List, bucket, scope: Scope::Prefix(key) })
    }

    /// Whether the principal may read that object: only then do lists tell more of it than its name, size, tag and times.
    pub fn may_read(&self, bucket: &BucketName, key: &str) -> bool {
        self.allows(&Requirement { action: Action::Read, bucket, scope: Scope::Key(key) })
    }

    /// Whether this may be done now.
    pub fn allows(&self, requirement: &Requirement<'_>) -> bool {
        self.powers.iter().any(|power| power.allows(requirement))
    }

    /// The names at which each of `actions` is allowed, for a search over many.
    pub fn sight(&self, actions: &'static [Action]) -> Sight {
        Sight::new(Arc::clone(&self.powers), actions)
    }

    fn may_everywhere(&self, action: Action) -> bool {
        let fits =
            |grant: &Grant| grant.actions.contains(&action) && grant.covers_every_bucket() && grant.covers_every_key();
        self.powers.iter().any(|power| power.every_layer(fits))
    }

    fn may_somewhere(&self, action: Action) -> bool {
        self.powers.iter().any(|power| power.every_layer(|grant| grant.actions.contains(&action)))
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
