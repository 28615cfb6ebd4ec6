//! Operations on rules for the pages of other origins.

use crate::model::{Action, CorsRule, CorsTarget, Operation, Requirement, Scope};

/// [`Gateway::read_cors`](crate::gateway::Gateway::read_cors).
#[derive(Debug)]
pub struct ReadCors {
    /// Of what. Those of the account every client of it may read: a preflight tells them anybody.
    pub of: CorsTarget,
}

/// [`Gateway::set_cors`](crate::gateway::Gateway::set_cors).
#[derive(Debug)]
pub struct SetCors {
    /// Of what. For the account, who may administer every bucket of it.
    pub of: CorsTarget,
    /// All of them; none: pages of other origins are not answered.
    pub rules: Vec<CorsRule>,
}

fn of_bucket(of: &CorsTarget, action: Action) -> Vec<Requirement<'_>> {
    match of {
        CorsTarget::Bucket(bucket) => vec![Requirement { action, bucket, scope: Scope::Bucket }],
        CorsTarget::Account => Vec::new(),
    }
}

impl Operation for ReadCors {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        of_bucket(&self.of, Action::List)
    }
}

impl Operation for SetCors {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        of_bucket(&self.of, Action::Admin)
    }

    fn writes(&self) -> bool {
        true
    }

    fn everywhere(&self) -> &'static [Action] {
        match self.of {
            CorsTarget::Bucket(_) => &[],
            CorsTarget::Account => &[Action::Admin],
        }
    }
}
