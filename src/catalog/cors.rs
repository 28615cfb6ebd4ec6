//! Rules for the pages of other origins.

use async_trait::async_trait;

use super::CatalogError;
use crate::model::{BucketName, CorsPlace, CorsRule};

/// Most tenants whose bucket of one name is looked at for a browser that names no tenant.
pub const MOST_CORS_TENANTS: usize = 16;
/// Most accounts whose rules are looked at for a browser that is nobody yet.
pub const MOST_CORS_ACCOUNTS: usize = 256;

/// The rules (CORS) of buckets and accounts: a part of [`Catalog`](super::Catalog), whose invariants hold here, too. Those of
/// a bucket go with it, and come back with it.
#[async_trait]
pub trait CrossOrigins: Send + Sync + 'static {
    /// The rules, in their order; none, where none were set. [`NoSuchBucket`](super::Refusal::NoSuchBucket) of a bucket that is not there.
    async fn cors(&self, place: &CorsPlace) -> Result<Vec<CorsRule>, CatalogError>;

    /// The rules of each bucket of that name that has any, whoever's it is, by tenant; of at most [`MOST_CORS_TENANTS`].
    async fn cors_of_name(&self, name: &BucketName) -> Result<Vec<Vec<CorsRule>>, CatalogError>;

    /// The rules of each account that has any, by tenant; of at most [`MOST_CORS_ACCOUNTS`].
    async fn cors_of_accounts(&self) -> Result<Vec<Vec<CorsRule>>, CatalogError>;

    /// Puts these rules in the place of all that were there. [`NoSuchBucket`](super::Refusal::NoSuchBucket) of a bucket that is not there.
    async fn set_cors(&self, place: &CorsPlace, rules: Vec<CorsRule>) -> Result<(), CatalogError>;
}
