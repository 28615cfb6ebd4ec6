//! Who is let in: the caller is known, the proof serves for the operation, and what is asked for is implemented.

use std::sync::Arc;

use async_trait::async_trait;

use super::ask::Ask;
use super::auth::{self, Caller, StoredPolicies};
use super::house::House;
use super::unsupported;
use crate::front::azure::wire::asked::Asked;
use crate::front::azure::wire::context::Context;
use crate::front::azure::wire::errors;
use crate::front::azure::wire::operation::Operation;
use crate::front::azure::wire::refusal::Refusal;
use crate::gateway::{AccessPolicy, Gateway};
use crate::model::{BucketName, TenantId, Timestamp};

/// Lets a request in: its caller is known, may do this, and asks for nothing that is not here.
pub(in crate::front::azure) async fn admit<'r>(
    house: &'r House,
    asked: Asked<'r>,
    operation: Operation,
    version: String,
    context: &Arc<Context>,
) -> Result<Ask<'r>, Refusal> {
    let caller = authenticated(house, &asked, operation, context).await?;
    caller.permits(operation)?;
    unsupported::check(operation, &asked)?;
    Ok(Ask { asked, caller, operation, version, house, context: Arc::clone(context) })
}

/// Finds out who asks.
pub(in crate::front::azure) async fn authenticated(
    house: &House,
    asked: &Asked<'_>,
    operation: Operation,
    context: &Context,
) -> Result<Caller, Refusal> {
    let policies = Policies { gateway: &house.gateway, operation, context };
    auth::authenticate(asked, house.gateway.clients(), &policies, house.bearer.as_ref(), Timestamp::now()).await
}

/// The gateway's stored access policies, for who checks a signature that names one.
pub(in crate::front::azure) struct Policies<'p> {
    pub(in crate::front::azure) gateway: &'p Gateway,
    pub(in crate::front::azure) operation: Operation,
    pub(in crate::front::azure) context: &'p Context,
}

#[async_trait]
impl StoredPolicies for Policies<'_> {
    async fn of(&self, tenant: &TenantId, bucket: &BucketName) -> Result<Vec<AccessPolicy>, Refusal> {
        let found = self.gateway.access_policies(tenant, bucket).await;
        found.map_err(|error| errors::answer(error, self.operation, self.context))
    }
}
