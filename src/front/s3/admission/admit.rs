//! Who is let in: the caller is known, the operation is one, and what is asked for is implemented.

use std::sync::Arc;

use super::ask::Ask;
use super::auth::{Caller, authenticate};
use super::house::House;
use super::{routing, unsupported};
use crate::front::exchange::Exchange;
use crate::front::s3::wire::asked::Asked;
use crate::front::s3::wire::errors;
use crate::front::s3::wire::refusal::Refusal;
use crate::front::server::Standing;
use crate::gateway::Error;
use crate::model::{Principal, Timestamp};

/// Lets a request in.
pub(in crate::front::s3) fn admit<'r>(
    house: &'r House,
    mut asked: Asked<'r>,
    standing: Option<&Standing>,
    exchange: &Arc<Exchange>,
) -> Result<Ask<'r>, Refusal> {
    let now = Timestamp::now().seconds();
    let caller = authenticate(&mut asked, house.gateway.clients(), house.region.as_deref(), now)?;
    let Caller { principal, payload, proof } = caller;
    exchange.note_client(&principal.client);
    if let Some(standing) = standing {
        let stay = standing.known_as(&principal.client).map_err(|_too_many| errors::answer(Error::Busy, exchange))?;
        exchange.stay(stay);
    }
    let operation = routing::route(&asked)?;
    exchange.note_operation(operation.name());
    expected_owner(&asked, &principal)?;
    unsupported::check(operation, &asked)?;
    Ok(Ask { asked, principal, payload, proof, operation, house, exchange: Arc::clone(exchange) })
}

/// There are no account ids here; what clients see as the owner is the tenant.
fn expected_owner(asked: &Asked<'_>, principal: &Principal) -> Result<(), Refusal> {
    for name in ["x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"] {
        if asked.headers.get(name).is_some_and(|owner| owner.as_bytes() != principal.tenant.as_str().as_bytes()) {
            return Err(errors::access_denied());
        }
    }
    Ok(())
}
