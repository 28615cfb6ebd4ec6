//! What all requests of the front share.

use std::sync::Arc;

use super::address::Domains;
use crate::gateway::Gateway;

/// What all requests share.
pub(in crate::front::s3) struct House {
    pub(in crate::front::s3) gateway: Arc<Gateway>,
    pub(in crate::front::s3) domains: Domains,
    /// The only region that signatures may name; `None`: any.
    pub(in crate::front::s3) region: Option<String>,
}

impl House {
    /// The region that clients are told.
    pub(in crate::front::s3) fn shown_region(&self) -> &str {
        self.region.as_deref().unwrap_or(DEFAULT_REGION)
    }
}

/// The region where none is configured. S3 leaves it unnamed where it tells the place of a bucket.
pub(in crate::front::s3) const DEFAULT_REGION: &str = "us-east-1";
