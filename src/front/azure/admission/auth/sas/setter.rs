//! Who set a stored access policy, and what that bounds.
//!
//! Several clients may be allowed to administer one container. A policy says what signatures of *all* of them that name it
//! may do, and for how long; so whoever sets one could widen the signatures of others.
//!
//! # Invariants
//! - A signature whose policy another client set allows what both its signer and that client may do, as they are configured
//!   now.

use std::sync::Arc;

use super::super::failure;
use crate::front::azure::wire::refusal::Refusal;
use crate::gateway::{AccessPolicy, Client, Clients};
use crate::model::{Action, BucketName, Principal, Requirement, Scope, Standing};

/// The client that set a policy.
#[derive(Debug)]
struct Setter(Principal);

impl Standing for Setter {
    fn allows(&self, requirement: &Requirement<'_>) -> bool {
        self.0.allows(requirement)
    }
}

/// What a signature of `signer` that names `policy` stands on; `None`: on nothing more.
pub(super) fn of(
    policy: &AccessPolicy,
    bucket: &BucketName,
    signer: &Client,
    clients: &Clients,
) -> Result<Option<Arc<dyn Standing>>, Refusal> {
    let signer = &signer.principal;
    match &policy.set_by {
        Some(client) if *client == signer.client => Ok(None),
        Some(client) => {
            let setter = clients.find(client.as_str()).filter(|setter| setter.principal.tenant == signer.tenant);
            let setter = setter.ok_or_else(|| unknown("is no longer configured"))?;
            Ok(Some(Arc::new(Setter(setter.principal.clone()))))
        }
        // Of a time when nobody noted it: the signer may have set it itself.
        None => {
            let sets = Requirement { action: Action::Admin, bucket, scope: Scope::Bucket };
            if signer.allows(&sets) { Ok(None) } else { Err(unknown("is not known")) }
        }
    }
}

fn unknown(what: &str) -> Refusal {
    failure::detailed(&format!(
        "The client that set the stored access policy of the signature {what}. Remove the policy and set it again."
    ))
}
