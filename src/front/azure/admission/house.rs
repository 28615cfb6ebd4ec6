//! What all requests of the front share.

use std::sync::Arc;
use std::time::Duration;

use super::address::Domains;
use super::auth::Bearer;
use crate::front::azure::wire::outbound::Outbound;
use crate::gateway::Gateway;

/// What all requests share.
pub(in crate::front::azure) struct House {
    pub(in crate::front::azure) gateway: Arc<Gateway>,
    pub(in crate::front::azure) domains: Domains,
    pub(in crate::front::azure) outbound: Outbound,
    pub(in crate::front::azure) bearer: Option<Bearer>,
    pub(in crate::front::azure) soft_delete: Option<Duration>,
}
