//! What a search may show: the names at which a principal may do something.

use std::sync::Arc;

use super::{Action, Grant, Layer, Power, Requirement, Scope};
use crate::model::BucketName;

/// The names that a search may show, and no others. Cheap to clone; says what is allowed when it is asked.
#[derive(Debug, Clone)]
pub struct Sight {
    powers: Arc<[Power]>,
    actions: &'static [Action],
}

impl Sight {
    pub(super) fn new(powers: Arc<[Power]>, actions: &'static [Action]) -> Self {
        Self { powers, actions }
    }

    /// Of everything: for searches on nobody's behalf.
    pub fn of_everything() -> Self {
        let grants = vec![Grant::everywhere(vec![Action::List])];
        Self { powers: [Power(vec![Layer::Delegated(grants.into())])].into(), actions: &[Action::List] }
    }

    /// Whether some name in `bucket` may be in sight: others need not be searched.
    pub fn reaches(&self, bucket: &BucketName) -> bool {
        let some = |action: &Action| {
            let fits = |grant: &Grant| grant.actions.contains(action) && grant.covers_bucket(bucket);
            self.powers.iter().any(|power| power.every_layer(fits))
        };
        self.actions.iter().all(some)
    }

    /// Whether the bucket itself is in sight, as in a list of buckets.
    pub fn sees(&self, bucket: &BucketName) -> bool {
        let allowed = |action: &Action| {
            let requirement = Requirement { action: *action, bucket, scope: Scope::Bucket };
            self.powers.iter().any(|power| power.allows(&requirement))
        };
        self.actions.iter().all(allowed)
    }

    /// Whether that object is in sight.
    pub fn covers(&self, bucket: &BucketName, key: &str) -> bool {
        let allowed = |action: &Action| {
            let requirement = Requirement { action: *action, bucket, scope: Scope::Key(key) };
            self.powers.iter().any(|power| power.allows(&requirement))
        };
        self.actions.iter().all(allowed)
    }
}
